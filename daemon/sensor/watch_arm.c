/*
 * Which design a root gets. The ladder is climbed down until something holds:
 *
 *   upper   L1  FID marks, where a probe saw that writes through an overlay reach them
 *           L2  FID marks for names, the overlay's own mark for content
 *           L4  the overlay's own mark, inotify for names
 *           L5  inotify
 *   lower   FID marks or nothing: nobody writes there, so they cost memory and no time
 *   tree    FID marks (L1), inotify (L5)
 *
 * FID marks come in two forms, one on the file system or one on each directory; a file system that
 * refuses the first (btrfs subvolumes, FUSE) may take the second.
 */
#include "daemon/sensor/watch_own.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

static bool allowed(const struct watch *w, enum level least)
{
	return w->forced == LEVEL_NONE || w->forced == least;
}

/* Measured (tests/bench/events.c, small files unpacked, searched and removed on a tmpfs, the dearest
 * case): a file system mark costs the container 1.4 to 1.6 and everybody else on the file system 1.5
 * to 1.7; directory marks cost the container 1.2 and others nothing, but what a new directory - or one
 * that was just copied up - holds before it has its mark is found by looking, and nobody knows who did
 * it. So `auto` asks the file system for births besides, which are few among all events: 1.3 and 1.1. */
static bool by_filesystem(const struct watch *w)
{
	return w->marks == CONFIG_MARKS_FILESYSTEM;
}

/* A layer has no writers of its own, and a forced L2 none that the backing file system hears of. */
static bool with_births(const struct watch *w, const struct root *r)
{
	return w->marks == CONFIG_MARKS_AUTO && r->kind != WATCH_LOWER && w->forced != LEVEL_L2;
}

static int arm_fid(struct watch *w, struct root *r, int dirfd)
{
	int e = watch_seen_add(w, r, dirfd);

	/* A forced L2 blinds the file system's mark, and a tree has no overlay to ask instead. */
	if (e == 0 && by_filesystem(w) && (w->forced != LEVEL_L2 || r->kind != WATCH_TREE)) {
		r->by_sb = backing_mark(w, r->on) == 0;
		if (r->by_sb)
			return 0;
	}
	if (e == 0) {
		r->by_dirs = true;
		r->births = with_births(w, r) && backing_births(w, r->on) == 0;
		w->n_dirs += !r->births;
		e = watch_dirs_mark(w, r, span_of(""));
	}
	return e;
}

static void disarm_fid(struct watch *w, struct root *r)
{
	if (r->by_sb)
		backing_unmark(w, r->on);
	if (r->by_dirs) {
		watch_dirs_unmark(w, r);
		w->n_dirs -= !r->births;
	}
	if (r->births)
		backing_births_end(w, r->on);
	r->by_sb = r->by_dirs = r->births = false;
	if (r->on)
		watch_seen_remove(w, r);
	backing_put(w, take(r->on));
}

static bool try_fid(struct watch *w, struct root *r, int dirfd)
{
	if (w->fid_fd < 0)
		return false;
	r->on = backing_of(w, dirfd, r->path);
	if (r->on && arm_fid(w, r, dirfd) == 0)
		return true;
	disarm_fid(w, r);
	return false;
}

/* ---- inotify ---- */

struct ino_ctx {
	struct watch *w;
	struct root *r;
};

static bool ino_skip(void *ctx, struct span below)
{
	struct ino_ctx *c = ctx;

	return watch_skips(c->r, below);
}

static void ino_event(void *ctx, struct span below, uint32_t ops)
{
	struct ino_ctx *c = ctx;

	c->w->stats.events++;
	watch_touch_root(c->w, c->r, below, span_of(""), ops, 0);
}

static void ino_lost(void *ctx, struct span below, enum gap_cause cause, const char *detail)
{
	struct ino_ctx *c = ctx;

	c->w->stats.overflows += cause == GAP_OVERFLOW;
	watch_lost(c->w, c->r->id, below, cause, 1, detail);
}

static int ino_try(struct watch *w, struct root *r)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct ino_callbacks cb = {NULL, ino_skip, ino_event, ino_lost};
	int e;

	r->ino_ctx = calloc(1, sizeof(*r->ino_ctx));
	must(r->ino_ctx);
	*r->ino_ctx = (struct ino_ctx){w, r};
	cb.ctx = r->ino_ctx;
	e = ino_tree_new(&r->ino_tree, r->path, &cb);
	if (e < 0)
		return e;
	ev.data.fd = ino_tree_fd(r->ino_tree);
	epoll_ctl(w->ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
	return 0;
}

static void ino_stop(struct root *r)
{
	ino_tree_free(take(r->ino_tree));
	free(take(r->ino_ctx));
}

/* ---- the ladder ---- */

static enum level arm_upper(struct watch *w, struct root *r, int dirfd)
{
	bool full = w->probe.overlay_visible;
	bool over;

	if (((allowed(w, LEVEL_L1) && full) || allowed(w, LEVEL_L2)) && try_fid(w, r, dirfd)) {
		if (full && w->forced != LEVEL_L2)
			return LEVEL_L1;
		if (watch_overlay_mark(w, r) == 0)
			return LEVEL_L2;
		disarm_fid(w, r);
	}
	if (!allowed(w, LEVEL_L4) && !allowed(w, LEVEL_L5))
		return LEVEL_L6;
	over = allowed(w, LEVEL_L4) && w->fd_fd >= 0 && watch_overlay_mark(w, r) == 0;
	if (ino_try(w, r) == 0)
		return over ? LEVEL_L4 : LEVEL_L5;
	watch_overlay_unmark(w, r);
	return LEVEL_L6;
}

static enum level arm_tree(struct watch *w, struct root *r, int dirfd)
{
	bool fid = w->forced <= LEVEL_L2;

	if (fid && try_fid(w, r, dirfd))
		return LEVEL_L1;
	if (r->kind == WATCH_LOWER)
		return LEVEL_L6;
	return ino_try(w, r) == 0 ? LEVEL_L5 : LEVEL_L6;
}

void watch_arm(struct watch *w, struct root *r)
{
	FD int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	r->level = LEVEL_L6;
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys("%s", r->path);
		watch_lost(w, r->id, span_of(""), GAP_MARK_REFUSED, 1, err_why());
		return;
	}
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	if (w->forced == LEVEL_L6)
		return;
	err_set(-EPERM, "the level asked for cannot be had here");
	r->level = r->kind == WATCH_UPPER ? arm_upper(w, r, fd) : arm_tree(w, r, fd);
	if (r->level == LEVEL_L6 && r->kind != WATCH_LOWER)
		watch_lost(w, r->id, span_of(""), GAP_MARK_REFUSED, 1, err_why());
}

void watch_disarm(struct watch *w, struct root *r)
{
	watch_overlay_unmark(w, r);
	ino_stop(r);
	disarm_fid(w, r);
	r->level = LEVEL_NONE;
}

bool watch_armed(struct watch *w, struct root *r)
{
	struct stat st;

	if (stat(r->path, &st) < 0 || st.st_dev != r->dev || st.st_ino != r->ino)
		return false;
	if ((r->by_sb || r->births) && !backing_marked(w, r->on))
		return false;
	if (r->by_dirs && !watch_dirs_marked(w, r))
		return false;
	if (r->overlay && !watch_overlay_marked(w, r))
		return false;
	return !r->ino_tree || ino_tree_alive(r->ino_tree);
}
