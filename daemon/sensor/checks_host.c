/* Rights and files: who we are, who else may touch what is ours, the engines' directories, the disk. */
#include "daemon/sensor/checks.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/self.h"
#include "daemon/sensor/loop.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define MIB UINT64_C(1048576)
#define SPACE_WANTED (512 * MIB)
#define SPACE_NEEDED (64 * MIB)
#define STALLS (30 * CLOCK_S)

static void who_we_are(struct json *j)
{
	BUF struct buf unit = {.p = NULL}, exe = {.p = NULL};
	bool replaced = self_is_replaced(&exe);

	self_unit(&unit);
	FINDING(j, SENSOR_USER, geteuid() == 0, "the sensor runs as uid %u", geteuid());
	if (unit.n)
		FINDING(j, UNIT, false, "the sensor runs as %s", buf_text(&unit));
	else
		FINDING(j, UNIT, true, "the sensor was started by hand, by no unit of boltseal's");
	finding_put(j,
		&(struct finding){
			.check = CHECK_BINARY, .bad = replaced, .subject = buf_span(&exe)},
		replaced ? "the sensor's program was replaced since it was started"
			 : "the sensor's program is the one that is installed");
}

/* A unit's sandbox may refuse to have the clock asked about; the command line asks again then. */
static void clock_is_kept(struct json *j)
{
	struct finding f = {.check = CHECK_CLOCK};
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);
	bool by_file = access("/run/systemd/timesync/synchronized", F_OK) == 0;

	if (by_file) {
		finding_put(j, &f, "a time service keeps the clock");
	} else if (state < 0) {
		f.bad = true;
		f.severity = FIND_NOTE;
		finding_put(
			j, &f, "whether the clock is kept cannot be asked in the sensor's sandbox");
	} else {
		f.bad = state == TIME_ERROR || (t.status & STA_UNSYNC);
		finding_put(j, &f, "the kernel says that the clock is %s by a time service",
			f.bad ? "not kept" : "kept");
	}
}

/* ---- files that are ours ---- */

/* `allowed`: the bits that may be there. */
static void add_open(
	struct finding_names *open, const char *dir, const char *name, mode_t allowed, uid_t owner)
{
	BUF struct buf path = {.p = NULL}, words = {.p = NULL};
	struct stat st;

	buf_printf(&path, "%s%s%s", dir, *name ? "/" : "", name);
	if (stat(buf_text(&path), &st) < 0)
		return;
	if (!((st.st_mode & 07777) & ~allowed) && (st.st_uid == owner || st.st_uid == 0))
		return;
	buf_printf(
		&words, "%s (mode %04o, uid %u)", buf_text(&path), st.st_mode & 07777u, st.st_uid);
	finding_name(open, buf_span(&words));
}

static void state_dir(struct sensor *s, struct json *j)
{
	FINDING_NAMES struct finding_names open = {.n = 0};
	const char *dir = s->cfg->state_dir;

	add_open(&open, dir, "", 02750, geteuid());
	add_open(&open, dir, "data.mdb", 0640, geteuid());
	add_open(&open, dir, "lock.mdb", 0660, geteuid());
	finding_put(j,
		&(struct finding){
			.check = CHECK_STATE_MODE, .bad = open.n, .subject = span_of(dir)},
		open.n ? "too many may come at %s" : "only the daemon may come at %s",
		open.n ? finding_names_text(&open) : dir);
}

/* Writable by anybody but root, or but us. */
static void add_writable(struct finding_names *open, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if ((st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != 0) ||
		(st.st_uid != 0 && st.st_uid != geteuid()))
		finding_name(open, span_of(path));
}

static void rule_files(struct finding_names *open, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);

	add_writable(open, dir);
	for (int i = 0; i < n; i++) {
		BUF struct buf path = {.p = NULL};
		size_t len = strlen(list[i]->d_name);

		buf_printf(&path, "%s/%s", dir, list[i]->d_name);
		if (len > 5 && strcmp(list[i]->d_name + len - 5, ".yaml") == 0)
			add_writable(open, buf_text(&path));
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static void config_files(struct sensor *s, struct json *j)
{
	FINDING_NAMES struct finding_names open = {.n = 0};
	const char *file = s->cfg->file;
	const char *first;

	FINDING(j, CONFIGURATION, !file,
		file ? "%s is in force" : "there is no %s: every default is in force",
		file ? file : DAEMON_CONFIG_FILE);
	if (file)
		add_writable(&open, file);
	rule_files(&open, s->cfg->rules_dir);
	first = finding_names_text(&open);
	finding_put(j,
		&(struct finding){.check = CHECK_CONFIG_MODE,
			.bad = open.n,
			.subject = open.n == 1 ? span_of(first) : (struct span){0}},
		open.n ? "others may write %s" : "only root may write configuration and rules%s",
		open.n ? first : "");
	finding_put(j,
		&(struct finding){.check = CHECK_RELOAD,
			.bad = s->reloaded.why,
			.quote = span_of(s->reloaded.why)},
		"the sensor's last reading of configuration and rules %s",
		s->reloaded.why ? "failed" : "was taken");
}

static void waits_for_restart(struct sensor *s, struct json *j)
{
	FINDING_NAMES struct finding_names names = {.n = 0};
	BUF struct buf list = {.p = NULL};
	struct rd at;

	if (s->cfg_at_start)
		sensor_restart_names(s->cfg_at_start, s->cfg, &list);
	at = rd_of(buf_span(&list));
	while (!rd_end(&at))
		finding_name(&names, rd_bytes(&at));
	FINDING(j, RESTART, names.n,
		names.n ? "changed since the start: %s"
			: "all that the configuration says is in force%s",
		finding_names_text(&names));
}

/* ---- engines ---- */

static const struct {
	const char *engine, *path;
} usual[] = {
	{"Docker", "/var/lib/docker"},
	{"Podman or CRI-O", "/var/lib/containers/storage"},
	{"containerd", "/run/containerd"},
	{"LXC", "/var/lib/lxc"},
	{"nspawn", "/var/lib/machines"},
};

/* With whatever capabilities we have, which access(2) does not count. */
static int try_dir(const char *path)
{
	FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

static void add_root(struct finding_names *found, struct finding_names *shut, const char *engine,
	const char *path)
{
	BUF struct buf words = {.p = NULL};
	int r = try_dir(path);

	if (r == -ENOENT)
		return;
	buf_printf(&words, "%s%s%s", engine, *engine ? " in " : "", path);
	finding_name(r == 0 ? found : shut, r == 0 ? buf_span(&words) : span_of(path));
}

static bool is_usual(struct span path)
{
	for (size_t i = 0; i < COUNTOF(usual); i++)
		if (span_is(path, usual[i].path))
			return true;
	return false;
}

static void engines(struct sensor *s, struct json *j)
{
	FINDING_NAMES struct finding_names found = {.n = 0}, shut = {.n = 0};
	BUF struct buf roots = {.p = NULL};
	struct rd at;

	for (size_t i = 0; i < COUNTOF(usual); i++)
		add_root(&found, &shut, usual[i].engine, usual[i].path);
	finder_data_roots(s->finder, &roots);
	at = rd_of(buf_span(&roots));
	while (!rd_end(&at)) {
		struct span one = rd_bytes(&at);
		FREE char *path = span_dup(one);

		if (!is_usual(one))
			add_root(&found, &shut, "", path);
	}
	FINDING(j, ENGINES, !found.n && !shut.n,
		found.n ? "found: %s" : "no engine's directory is found%s",
		finding_names_text(&found));
	finding_put(j,
		&(struct finding){.check = CHECK_ENGINE_FILES,
			.bad = shut.n,
			.subject = shut.n == 1 ? buf_span(&shut.text) : (struct span){0}},
		shut.n ? "cannot be read: %s" : "all that was found can be read%s",
		finding_names_text(&shut));
}

/* ---- the disk, and the ledger ---- */

static void disk(struct sensor *s, struct json *j)
{
	struct statvfs v;
	uint64_t free_bytes;

	if (statvfs(s->cfg->state_dir, &v) < 0)
		return;
	free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	finding_put(j,
		&(struct finding){.check = CHECK_STORE_SPACE,
			.bad = free_bytes < SPACE_WANTED,
			.severity = free_bytes < SPACE_NEEDED ? FIND_PROBLEM : FIND_WARNING,
			.subject = span_of(s->cfg->state_dir)},
		"%llu MiB are free on the file system of %s",
		(unsigned long long)(free_bytes / MIB), s->cfg->state_dir);
}

void checks_round(struct sensor *s)
{
	uint64_t batches = atomic_load(&s->ledger_stats.batches);

	if (batches != s->round_batches || !queue_len(s->items))
		s->ledger_moved = clock_mono();
	s->round_batches = batches;
}

static void ledger(struct sensor *s, struct json *j)
{
	static const char *const words[] = {"takes entries", "is full: changes are held back",
		"cannot be written: changes are held back"};
	int health = atomic_load(&s->ledger_stats.health);
	int64_t last = atomic_load(&s->ledger_stats.last_commit), now = clock_mono();
	BUF struct buf ago = {.p = NULL};
	bool stalls;

	if (atomic_load(&s->ledger_stats.batches) != s->round_batches)
		s->ledger_moved = now;
	stalls = queue_len(s->items) && s->ledger_moved && now - s->ledger_moved > STALLS;
	clock_format_duration(&ago, last ? now - last : 0);
	FINDING(j, STORE, health != LEDGER_OK, "the store %s", words[health]);
	FINDING(j, LEDGER, stalls, "%zu items wait to be written down; the last commit was %s%s",
		queue_len(s->items), last ? buf_text(&ago) : "never", last ? " ago" : "");
}

void checks_host(struct sensor *s, struct json *j)
{
	who_we_are(j);
	clock_is_kept(j);
	state_dir(s, j);
	config_files(s, j);
	waits_for_restart(s, j);
	engines(s, j);
	disk(s, j);
	ledger(s, j);
}
