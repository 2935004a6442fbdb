/*
 * The fd group: file system marks on overlays, for content where the kernel keeps writes through
 * an overlay from the backing file system's marks.
 *
 * Each event carries an open file, and an open file keeps a container's overlay from being
 * unmounted: everything is read as soon as it is there and closed at once.
 *
 * The path is that of the mount through which the file was opened. The container's own root and
 * the host's mount of the same overlay are known; through any other mount (a bind of a part of it)
 * the mount's own root must be put in front, which its line in mountinfo tells.
 */
#include "daemon/sensor/watch_own.h"
#include "base/clock.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { OVERLAY_MAGIC = 0x794c7630 };
#define ASKED (FAN_MODIFY | FAN_CLOSE_WRITE)
#ifndef FAN_OPEN_EXEC
#define FAN_OPEN_EXEC 0x1000
#endif

int watch_fd_open(struct watch *w)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS |
			 (w->limited_queue ? 0 : FAN_UNLIMITED_QUEUE);

	w->fd_asked = ASKED | FAN_OPEN_EXEC; /* Linux 5.0 */
	w->fd_fd =
		fanotify_init(flags, O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
	return w->fd_fd < 0 ? err_sys("fanotify_init") : 0;
}

/* ---- marks ---- */

static bool is_overlay(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (uint64_t)fs.f_type == OVERLAY_MAGIC;
}

static int open_overlay(const struct root *r)
{
	char proc[32];
	int fd;

	fd = r->merged ? open(r->merged, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0 && is_overlay(fd))
		return fd;
	fd_close(&fd);
	if (r->pid <= 0)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/%d/root/.", r->pid);
	fd = open(proc, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !is_overlay(fd))
		fd_close(&fd);
	return fd;
}

static int change(
	struct watch *w, const struct root *r, unsigned how, uint64_t mask, dev_t *ret_dev)
{
	FD int fd = open_overlay(r);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(-ENOENT, "%s: no way to its overlay", r->path);
	if (fanotify_mark(w->fd_fd, how | FAN_MARK_FILESYSTEM, mask, fd, ".") < 0)
		return err_sys("overlay mark");
	*ret_dev = st.st_dev;
	return 0;
}

int watch_overlay_mark(struct watch *w, struct root *r)
{
	int e = change(w, r, FAN_MARK_ADD, w->fd_asked, &r->overlay_dev);

	if (e == -EINVAL && w->fd_asked != ASKED) {
		w->fd_asked = ASKED;
		e = change(w, r, FAN_MARK_ADD, w->fd_asked, &r->overlay_dev);
	}
	r->overlay = e == 0;
	w->stats.marks += r->overlay;
	return e;
}

/* Nothing to do where the overlay is gone: its mark went with it. */
void watch_overlay_unmark(struct watch *w, struct root *r)
{
	dev_t dev;

	if (!r->overlay)
		return;
	change(w, r, FAN_MARK_REMOVE, w->fd_asked, &dev);
	r->overlay = false;
	w->stats.marks--;
}

bool watch_overlay_marked(struct watch *w, struct root *r)
{
	dev_t dev;

	return change(w, r, FAN_MARK_REMOVE, FAN_OPEN, &dev) == 0 && dev == r->overlay_dev;
}

/* ---- whose file ---- */

struct mount_line {
	uint64_t id;
	dev_t dev;
	char root[PATH_MAX], point[PATH_MAX];
};

static void unescape(char *s)
{
	char *to = s;

	for (; *s; to++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to = *s++;
		}
	}
	*to = 0;
}

static bool read_line(const char *line, uint64_t id, struct mount_line *ret)
{
	unsigned ma, mi;
	unsigned long long got;

	if (sscanf(line, "%llu %*d %u:%u %4095s %4095s", &got, &ma, &mi, ret->root, ret->point) !=
			5 ||
		got != id)
		return false;
	ret->id = id;
	ret->dev = makedev(ma, mi);
	unescape(ret->root);
	unescape(ret->point);
	return true;
}

static bool find_mount(int pid, uint64_t id, struct mount_line *ret)
{
	BUF struct buf table = {};
	char path[48], *line, *save = NULL;

	snprintf(path, sizeof(path), pid ? "/proc/%d/mountinfo" : "/proc/self/mountinfo", pid);
	if (fd_read_file(AT_FDCWD, path, 64u << 20, &table) < 0 || !table.n)
		return false;
	for (line = strtok_r((char *)table.p, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		if (read_line(line, id, ret))
			return true;
	return false;
}

static struct root *root_of_dev(struct watch *w, dev_t dev)
{
	struct root *r, *next;

	HASH_ITER(hh, w->roots, r, next)
		if (r->overlay && r->overlay_dev == dev)
			return r;
	return NULL;
}

/* Who sees the mount? We ourselves, the writer if it lives, the container's own process. */
static bool ask_mount(struct watch *w, uint64_t mnt_id, int pid, struct mount_line *m)
{
	struct root *r, *next;

	if (find_mount(0, mnt_id, m) || (pid > 0 && find_mount(pid, mnt_id, m)))
		return true;
	HASH_ITER(hh, w->roots, r, next)
		if (r->overlay && r->pid > 0 && find_mount(r->pid, mnt_id, m))
			return true;
	return false;
}

/* Asked once a dispatch for a run of events through the same mount: numbers are given again. */
static struct root *find_root(struct watch *w, uint64_t mnt_id, int pid)
{
	if (!w->mount)
		w->mount = calloc(1, sizeof(*w->mount));
	if (!w->mount)
		return NULL;
	if (w->mount->id != mnt_id && !ask_mount(w, mnt_id, pid, w->mount)) {
		w->mount->id = 0;
		return NULL;
	}
	return root_of_dev(w, w->mount->dev);
}

void watch_overlay_rest(struct watch *w)
{
	if (w->mount)
		w->mount->id = 0;
}

static struct span cut(struct span path, const char *prefix)
{
	struct span p = span_of(prefix);

	if (p.n == 1)
		p.n = 0; /* "/": keep the slash */
	return span_starts(path, p) ? span_make(path.p + p.n, path.n - p.n) : path;
}

/* A mount in another namespace shows its path from that namespace's top, one in ours from ours:
 * either way the mount point as its own mountinfo gives it is what stands in front. */
static void inside(struct buf *out, struct span path, const struct mount_line *m)
{
	struct span rest = cut(path, m->point);

	buf_reset(out);
	if (strcmp(m->root, "/") != 0)
		buf_add_text(out, m->root + 1);
	if (!out->n && rest.n && rest.p[0] == '/')
		rest = span_make(rest.p + 1, rest.n - 1);
	buf_add_span(out, rest);
}

/* ---- events ---- */

static bool mnt_id_of(int fd, uint64_t *ret)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_NLINK | STATX_MNT_ID, &sx) < 0)
		return false;
	*ret = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : 0;
	return sx.stx_nlink > 0;
}

static void lost(struct watch *w, struct root *r, const char *why)
{
	watch_lost(w, r ? r->id : 0, span_of(""), GAP_UNREADABLE, 1, why);
}

static void one(struct watch *w, const struct fan_event *e)
{
	BUF struct buf path = {};
	struct root *r;
	char link[32], seen[PATH_MAX];
	uint64_t mnt_id;
	ssize_t n;

	if (!mnt_id_of(e->fd, &mnt_id))
		return; /* deleted: its directory's event tells */
	r = find_root(w, mnt_id, e->pid);
	if (!r) {
		lost(w, NULL, "an overlay's file was written through a mount that is gone");
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", e->fd);
	n = readlink(link, seen, sizeof(seen));
	if (n < 0) {
		lost(w, r, "a file was written whose path is longer than the kernel tells");
		return;
	}
	inside(&path, span_make(seen, (size_t)n), w->mount);
	if (e->mask & FAN_OPEN_EXEC && w->cb.on_exec)
		w->cb.on_exec(w->cb.ctx, r->id, buf_span(&path), e->pid);
	if (e->mask & ASKED)
		watch_touch_root(w, r, buf_span(&path), span_of(""), WATCH_CONTENT, e->pid);
}

static void handle(struct watch *w, struct fan_event *e)
{
	FD int fd = e->fd;

	w->stats.events++;
	if (e->mask & FAN_Q_OVERFLOW) {
		w->stats.overflows++;
		watch_lost(w, 0, span_of(""), GAP_OVERFLOW, 1, "the kernel's event queue was full");
	} else if (fd >= 0 && e->pid != w->self) {
		one(w, e);
	}
}

void watch_fd_read(struct watch *w, unsigned *budget)
{
	struct fan_cursor c;
	struct fan_event e;
	ssize_t n = 1;

	while (*budget && n > 0) {
		int64_t empty = clock_mono();

		/* A short block: each event in it is an open file of ours. */
		n = read(w->fd_fd, w->block, 128 * sizeof(struct fanotify_event_metadata));
		c = fan_cursor_of(span_make(w->block, n > 0 ? (size_t)n : 0));
		watch_read_from(w, &w->fd_empty, n > 0 ? 0 : empty);
		while (fan_next(&c, &e) == 0) {
			handle(w, &e);
			*budget -= *budget > 0;
		}
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		watch_lost(w, 0, span_of(""), GAP_OVERFLOW, 1, "an event could not be opened");
}
