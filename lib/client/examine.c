/* Why nobody answers: what anybody can see from outside when the daemon does not speak. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/paths.h"
#include "client/client.h"
#include "wire/finding.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIG_FILE BOLTSEAL_CONF_DIR "/boltseal.yaml"
#define STATE_DIR BOLTSEAL_STATE_DIR
#define COMM "boltseald"
#define MIB UINT64_C(1048576)
enum { SPACE_NEEDED_MIB = 64 };

static int try_socket(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	return fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* May this user come at it, and who may? */
static void access_to(struct json *j, const char *path, int r)
{
	const struct passwd *me = getpwuid(geteuid());
	const struct group *gr = NULL;
	struct stat st;
	struct finding f = {.check = CHECK_ACCESS, .bad = r == -EACCES};

	if (f.bad && me)
		f.subject = span_of(me->pw_name);
	if (stat(path, &st) == 0)
		gr = getgrgid(st.st_gid);
	if (f.bad)
		finding_put(j, &f, "uid %u may not use %s: it is for root and the group %s",
			geteuid(), path, gr ? gr->gr_name : "boltseal");
	else if (r == 0)
		finding_put(j, &f, "uid %u may use %s", geteuid(), path);
}

static void socket_of(struct json *j, const char *path)
{
	int r = try_socket(path);

	FINDING(j, SOCKET, r != 0, "%s: %s", path,
		r == 0 ? "it takes connections"
		: r == -ENOENT
			? "there is no such socket: the daemon does not run, or listens elsewhere"
		: r == -ECONNREFUSED ? "nobody listens: whoever made it has ended"
		: r == -EACCES	     ? "it cannot be reached by this user"
				     : strerror(-r));
	access_to(j, path, r);
}

/* ---- processes and units ---- */

static bool is_daemon(const char *pid)
{
	BUF struct buf path = {.p = NULL}, comm = {.p = NULL};

	if (pid[0] < '0' || pid[0] > '9')
		return false;
	buf_printf(&path, "/proc/%s/comm", pid);
	return fd_read_file(AT_FDCWD, buf_text(&path), 64, &comm) == 0 &&
	       span_starts(buf_span(&comm), span_of(COMM "\n"));
}

static void processes(struct json *j)
{
	FINDING_NAMES struct finding_names pids = {.n = 0};
	DIR *d = opendir("/proc");

	for (struct dirent *e; d && (e = readdir(d));)
		if (is_daemon(e->d_name))
			finding_name(&pids, span_of(e->d_name));
	if (d)
		closedir(d);
	FINDING(j, SENSOR, !pids.n,
		pids.n ? "boltseald runs, as process %s" : "no process is called boltseald%s",
		finding_names_text(&pids));
}

static void unit(struct json *j)
{
	static const char *const dirs[] = {
		"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};
	BUF struct buf path = {.p = NULL};
	bool found = false;

	if (access("/run/systemd/system", F_OK) < 0) {
		FINDING(j, UNIT, true,
			"no systemd runs here: boltseald is started by hand or by another "
			"manager");
		return;
	}
	for (size_t i = 0; i < COUNTOF(dirs) && !found; i++) {
		buf_reset(&path);
		buf_printf(&path, "%s/boltseald.service", dirs[i]);
		found = access(buf_text(&path), F_OK) == 0;
	}
	FINDING(j, UNIT, !found,
		found ? "the unit is %s; systemctl status boltseald says how it is"
		      : "no unit boltseald.service is installed%s",
		found ? buf_text(&path) : "");
}

/* ---- files ---- */

static void configuration(struct json *j)
{
	FD int fd = open(CONFIG_FILE, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		FINDING(j, CONFIGURATION, false,
			CONFIG_FILE " is there; boltseald --check-config says whether it is right");
	else
		FINDING(j, CONFIGURATION, true, CONFIG_FILE ": %s",
			errno == ENOENT ? "not there: every default is in force" : strerror(errno));
}

static void store(struct json *j)
{
	BUF struct buf ago = {.p = NULL};
	struct statvfs v;
	struct stat st;
	int64_t written;

	if (stat(STATE_DIR "/data.mdb", &st) < 0) {
		FINDING(j, STORE, errno != EACCES && errno != ENOENT, STATE_DIR "/data.mdb: %s",
			errno == ENOENT ? "there is none: the daemon has not run here yet"
					: strerror(errno));
		return;
	}
	written = st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec;
	clock_format_duration(&ago, clock_wall() - written);
	FINDING(j, STORE, false, STATE_DIR "/data.mdb: %llu MiB on disk, last written %s ago",
		(unsigned long long)st.st_blocks * 512 / MIB, buf_text(&ago));
	if (statvfs(STATE_DIR, &v) == 0)
		finding_put(j,
			&(struct finding){.check = CHECK_STORE_SPACE,
				.bad = (uint64_t)v.f_bavail * v.f_frsize < SPACE_NEEDED_MIB * MIB,
				.severity = FIND_PROBLEM,
				.subject = span_of(STATE_DIR)},
			"%llu MiB are free on the file system of " STATE_DIR,
			(unsigned long long)((uint64_t)v.f_bavail * v.f_frsize / MIB));
}

int boltseal_examine(struct boltseal *h, struct boltseal_reply *reply)
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);

	boltseal_reply_free(reply);
	json_open(&j, '{');
	json_key(&j, "findings");
	json_open(&j, '[');
	socket_of(&j, h->socket);
	processes(&j);
	unit(&j);
	if (strcmp(h->socket, BOLTSEAL_SOCKET) == 0) { /* else its files are elsewhere too */
		configuration(&j);
		store(&j);
	}
	json_close(&j, ']');
	json_m_bool(&j, "offline", true);
	json_close(&j, '}');
	if (buf_err(&text) < 0)
		return client_fail(h, -ENOMEM);
	return client_answer(&text, reply);
}
