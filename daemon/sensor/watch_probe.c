/* One function a row; each writes what it found as a sentence and says whether it works. */
#include "daemon/sensor/watch_probe.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "daemon/sensor/fan_parse.h"
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#define DFID_NAME (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME)
#define INIT (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK)

/* Closing a group that had marks waits until no processor looks at them any more, some 15 ms each time:
 * a start would consist of that. So it is done on the side, and so is the end of the trial's child. */
struct leftovers {
	int fd[8];
	size_t n;
	pid_t child; /* 0: none */
};

struct ctx {
	struct probe *out;
	const char *scratch;
	bool no_fanotify;
	struct leftovers left;
};

static bool say(struct watch_probe *row, bool ok, const char *fmt, ...) PRINTF(3, 4);
static bool say(struct watch_probe *row, bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(row->result, sizeof(row->result), fmt, ap);
	va_end(ap);
	return ok;
}

static bool say_errno(struct watch_probe *row, const char *what)
{
	return say(row, false, "%s: %s", what, strerror(errno));
}

/* ---- the process ---- */

static bool probe_caps(struct ctx *c UNUSED, struct watch_probe *row)
{
	static const struct {
		int bit;
		const char *name;
	} wanted[] = {{21, "SYS_ADMIN"}, {2, "DAC_READ_SEARCH"}, {19, "SYS_PTRACE"}, {28, "LEASE"}};
	BUF struct buf status = {}, missing = {};
	unsigned long long have = 0;
	const char *line;
	size_t i;

	if (fd_read_file(AT_FDCWD, "/proc/self/status", 1u << 20, &status) < 0)
		return say(row, false, "%s", err_why());
	line = strstr(buf_text(&status), "CapEff:");
	if (line)
		sscanf(line, "CapEff: %llx", &have);
	for (i = 0; i < COUNTOF(wanted); i++)
		if (!(have >> wanted[i].bit & 1))
			buf_printf(&missing, " CAP_%s", wanted[i].name);
	return missing.n ? say(row, false, "missing:%s", buf_text(&missing))
			 : say(row, true, "all there");
}

static bool probe_files(struct ctx *c UNUSED, struct watch_probe *row)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return say_errno(row, "getrlimit");
	return say(row, lim.rlim_max >= 65536, "%llu now, up to %llu",
		(unsigned long long)lim.rlim_cur, (unsigned long long)lim.rlim_max);
}

static bool limit_row(struct watch_probe *row, const char *path, uint64_t enough)
{
	BUF struct buf text = {};
	unsigned long long v = 0;

	if (fd_read_file(AT_FDCWD, path, 4096, &text) < 0)
		return say(row, false, "%s", err_why());
	sscanf(buf_text(&text), "%llu", &v);
	return say(row, v >= enough, "%llu", v);
}

static bool probe_marks(struct ctx *c UNUSED, struct watch_probe *row)
{
	return limit_row(row, "/proc/sys/fs/fanotify/max_user_marks", 65536);
}

static bool probe_watches(struct ctx *c UNUSED, struct watch_probe *row)
{
	return limit_row(row, "/proc/sys/fs/inotify/max_user_watches", 65536);
}

/* ---- fanotify and inotify ---- */

static int group(const struct ctx *c, unsigned flags)
{
	if (c->no_fanotify) {
		errno = EPERM;
		return -1;
	}
	return fanotify_init(INIT | flags, O_RDONLY | O_CLOEXEC);
}

static void leave(struct ctx *c, int fd)
{
	must(c->left.n < COUNTOF(c->left.fd));
	c->left.fd[c->left.n++] = fd;
}

/* As group(), to be closed when all is over. */
static int group_left(struct ctx *c, unsigned flags)
{
	int fd = group(c, flags);

	if (fd >= 0)
		leave(c, fd);
	return fd;
}

static bool probe_fid(struct ctx *c, struct watch_probe *row)
{
	FD int fd = group(c, DFID_NAME);

	if (fd < 0)
		return say_errno(row, "fanotify_init");
	c->out->fid_flags = DFID_NAME;
	return say(row, true, "directory handles and names");
}

static bool probe_target(struct ctx *c, struct watch_probe *row)
{
	FD int fd = group(c, DFID_NAME | FAN_REPORT_TARGET_FID);

	if (fd < 0)
		return say_errno(row, "fanotify_init");
	c->out->fid_flags = DFID_NAME | FAN_REPORT_TARGET_FID;
	return say(row, true, "events name the object too");
}

static bool probe_rename(struct ctx *c, struct watch_probe *row)
{
	int fd = group_left(c, c->out->fid_flags);

	if (fd < 0 || !c->out->fid_flags)
		return say(row, false, "fanotify cannot be had");
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_RENAME | FAN_ONDIR, AT_FDCWD, c->scratch) < 0)
		return say_errno(row, "mark");
	c->out->rename = true;
	return say(row, true, "old and new name in one event");
}

static bool probe_sb_mark(struct ctx *c, struct watch_probe *row)
{
	int fd = group_left(c, c->out->fid_flags);

	if (fd < 0 || !c->out->fid_flags)
		return say(row, false, "fanotify cannot be had");
	if (fanotify_mark(
		    fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CREATE, AT_FDCWD, c->scratch) < 0)
		return say_errno(row, "mark on the state's file system");
	return say(row, true, "accepted on the state's file system");
}

static bool probe_by_handle(struct ctx *c, struct watch_probe *row)
{
	_Alignas(struct file_handle) uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *h = (struct file_handle *)room;
	FD int dir = open(c->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FD int fd = -1;
	int mnt;

	h->handle_bytes = MAX_HANDLE_SZ;
	if (dir < 0 || name_to_handle_at(dir, "", h, &mnt, AT_EMPTY_PATH) < 0)
		return say_errno(row, "name_to_handle_at");
	fd = open_by_handle_at(dir, h, O_PATH | O_CLOEXEC);
	return fd < 0 ? say_errno(row, "open_by_handle_at") : say(row, true, "works");
}

static bool probe_inotify(struct ctx *c, struct watch_probe *row)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return say_errno(row, "inotify_init1");
	leave(c, fd);
	if (inotify_add_watch(fd, c->scratch, IN_CREATE | IN_ONLYDIR) < 0)
		return say_errno(row, "inotify_add_watch");
	return say(row, true, "works");
}

/* ---- a real overlay, in a child ---- */

enum finding { CHILD_STARTED, NO_NAMESPACE, NO_OVERLAY, NO_MARK, UNSEEN, SEEN };
struct findings {
	enum finding below, on_overlay;
	int errno_;
};

static int make_file(const char *path, int flags)
{
	FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 ? 0 : -1;
}

/* Everything by relative paths below the scratch directory, which is a tmpfs of the child's. The
 * file is copied up before anything is marked: it is the later writes that get lost. */
static enum finding build_overlay(const char *scratch)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=1m") < 0)
		return NO_NAMESPACE;
	if (chdir(scratch) < 0 || mkdir("low", 0700) < 0 || mkdir("up", 0700) < 0 ||
		mkdir("work", 0700) < 0 || mkdir("all", 0700) < 0 || make_file("low/f", 0) < 0)
		return NO_NAMESPACE;
	if (mount("overlay", "all", "overlay", 0, "lowerdir=low,upperdir=up,workdir=work") < 0)
		return NO_OVERLAY;
	return make_file("all/f", O_APPEND) < 0 ? NO_OVERLAY : CHILD_STARTED;
}

static enum finding saw(int group_fd)
{
	struct pollfd p = {.fd = group_fd, .events = POLLIN};

	return poll(&p, 1, 200) > 0 ? SEEN : UNSEEN;
}

/* What it opens is closed by its end. */
static void child(const struct ctx *c, struct findings *f)
{
	int below, over;

	alarm(5); /* a probe that hangs must not hang the sensor */
	f->below = f->on_overlay = build_overlay(c->scratch);
	f->errno_ = errno;
	if (f->below != CHILD_STARTED)
		return;
	below = group(c, c->out->fid_flags);
	over = group(c, 0);
	f->below = f->on_overlay = NO_MARK;
	if (below >= 0 &&
		fanotify_mark(below, FAN_MARK_ADD,
			FAN_MODIFY | FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD, AT_FDCWD, "up") == 0)
		f->below = UNSEEN;
	if (over >= 0 && fanotify_mark(over, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
				 FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, "all") == 0)
		f->on_overlay = UNSEEN;
	f->errno_ = errno;
	if (make_file("all/f", O_APPEND) < 0)
		return;
	if (f->below == UNSEEN)
		f->below = saw(below);
	if (f->on_overlay == UNSEEN)
		f->on_overlay = saw(over);
}

static struct findings try_overlay(struct ctx *c)
{
	struct findings f = {.below = CHILD_STARTED, .on_overlay = CHILD_STARTED}, got;
	FD int say = -1, hear = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return f;
	hear = ends[0];
	say = ends[1];
	pid = fork();
	if (pid == 0) {
		child(c, &f);
		_exit(write(say, &f, sizeof(f)) == sizeof(f) ? 0 : 1);
	}
	fd_close(&say); /* only the child can write, so its end is an end */
	if (pid > 0 && read(hear, &got, sizeof(got)) == sizeof(got))
		f = got;
	if (pid > 0)
		c->left.child = pid;
	return f;
}

/* What root found before the start, in a file that only root can have made: a sandbox that lets nobody
 * mount is no reason to watch worse. */
static bool tried_before(struct findings *f)
{
	const char *path = getenv(PROBE_TRIAL);
	FD int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	unsigned below, on_overlay;
	char text[32] = "";
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
		(st.st_mode & (S_IWGRP | S_IWOTH)) || read(fd, text, sizeof(text) - 1) <= 0 ||
		sscanf(text, "%u %u", &below, &on_overlay) != 2 || below > SEEN ||
		on_overlay > SEEN)
		return false;
	*f = (struct findings){(enum finding)below, (enum finding)on_overlay, EPERM};
	return true;
}

int probe_trial(const char *path)
{
	char scratch[PATH_MAX] = "/run/boltseal-trial.XXXXXX", text[32];
	struct probe p;
	FD int fd = -1;
	int n;

	if (!mkdtemp(scratch)) { /* a container's root is read-only */
		snprintf(scratch, sizeof(scratch), "%s.XXXXXX", path);
		if (!mkdtemp(scratch))
			return err_sys("%s", scratch);
	}
	probe_run(&p, scratch, false);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) /* nothing of it is left behind */
		;
	rmdir(scratch);
	n = snprintf(text, sizeof(text), "%u %u\n", p.below, p.on_overlay);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, text, (size_t)n) != n)
		return err_sys("%s", path);
	return 0;
}

static bool say_finding(struct watch_probe *row, enum finding what, int err)
{
	switch (what) {
	case CHILD_STARTED:
		return say(row, false, "the trial did not end");
	case NO_NAMESPACE:
		return say(
			row, false, "no private mount namespace with a tmpfs: %s", strerror(err));
	case NO_OVERLAY:
		return say(row, false, "no overlay could be mounted: %s", strerror(err));
	case NO_MARK:
		return say(row, false, "the mark was refused: %s", strerror(err));
	case UNSEEN:
		return say(row, false, "a write was made and no event came");
	case SEEN:
		return say(row, true, "a write was made and its event came");
	}
	return false;
}

static bool probe_overlay_visible(struct ctx *c, struct watch_probe *row)
{
	struct findings f = try_overlay(c);

	if (f.below <= NO_OVERLAY)
		tried_before(&f);
	c->out->below = f.below;
	c->out->on_overlay = f.on_overlay;
	c->out->rows[PROBE_overlay_mark].ok =
		say_finding(&c->out->rows[PROBE_overlay_mark], f.on_overlay, f.errno_);
	c->out->overlay_visible = say_finding(row, f.below, f.errno_);
	return c->out->overlay_visible;
}

/* Found by the row before. */
static bool probe_overlay_mark(struct ctx *c UNUSED, struct watch_probe *row)
{
	return row->ok;
}

/* ---- looking at files ---- */

static int scratch_file(const struct ctx *c)
{
	return open(c->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool probe_lease(struct ctx *c, struct watch_probe *row)
{
	FD int writer = scratch_file(c);
	FD int reader = -1;
	char path[32];

	if (writer < 0)
		return say_errno(row, "scratch file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writer);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return say_errno(row, "scratch file");
	if (fcntl(reader, F_SETLEASE, F_RDLCK) == 0)
		return say(row, false, "granted although somebody could write");
	if (errno != EAGAIN)
		return say_errno(row, "refused");
	fd_close(&writer);
	if (fcntl(reader, F_SETLEASE, F_RDLCK) < 0)
		return say_errno(row, "refused without a writer");
	return say(row, true, "a live writer is noticed");
}

static bool probe_statmount(struct ctx *c UNUSED, struct watch_probe *row)
{
	uint64_t id[1];

	if (sys_listmount(0, SYS_LISTMOUNT_ROOT, 0, id, 1) < 0)
		return say_errno(row, "listmount");
	return say(row, true, "works");
}

static bool probe_openat2(struct ctx *c, struct watch_probe *row)
{
	FD int fd = sys_openat2(AT_FDCWD, c->scratch, O_PATH | O_CLOEXEC, 0, 0);

	return fd < 0 ? say_errno(row, "openat2") : say(row, true, "works");
}

static bool probe_fine_ctime(struct ctx *c, struct watch_probe *row)
{
	FD int fd = scratch_file(c);
	struct stat a, b;
	int i, same = 0;

	if (fd < 0)
		return say_errno(row, "scratch file");
	for (i = 0; i < 200; i++) {
		if (pwrite(fd, "a", 1, 0) != 1 || fstat(fd, &a) < 0 || pwrite(fd, "b", 1, 0) != 1 ||
			fstat(fd, &b) < 0)
			return say_errno(row, "scratch file");
		same += a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
			a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
	}
	return say(row, same == 0, "%d of 200 writes left the change time as it was", same);
}

#define X_ROW(id, label, lost) [PROBE_##id] = {probe_##id, label, lost},
static const struct {
	bool (*fn)(struct ctx *, struct watch_probe *);
	const char *name, *without;
} probes[PROBE_N] = {PROBES(X_ROW)};

static void *clear_away(void *leftovers)
{
	struct leftovers *l = leftovers;

	for (size_t i = 0; i < l->n; i++)
		close(l->fd[i]);
	while (l->child > 0 && waitpid(l->child, NULL, 0) < 0 && errno == EINTR)
		;
	free(l);
	return NULL;
}

static void clear_on_the_side(const struct leftovers *left)
{
	struct leftovers *l = malloc(sizeof(*l));
	pthread_t thread;

	must(l);
	*l = *left;
	if (pthread_create(&thread, NULL, clear_away, l) == 0)
		pthread_detach(thread);
	else
		clear_away(l);
}

void probe_run(struct probe *ret, const char *scratch, bool no_fanotify)
{
	struct ctx c = {.out = ret,
		.scratch = scratch && *scratch ? scratch : "/tmp",
		.no_fanotify = no_fanotify};
	size_t i;

	*ret = (struct probe){};
	mkdir(c.scratch, 0700);
	for (i = 0; i < PROBE_N; i++) {
		struct watch_probe *row = &ret->rows[i];

		row->name = probes[i].name;
		row->without = probes[i].without;
		row->ok = probes[i].fn(&c, row);
	}
	clear_on_the_side(&c.left);
}
