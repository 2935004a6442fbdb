/*
 * The FID group: events that name a directory by its handle and an entry by its name.
 *
 * The cost of watching is paid by whoever writes, and most of it is the wake-up of this reader on
 * another processor. So reading is held back while events come in a stream: the first after a
 * quiet moment is read at once (its process may be about to end), later ones once in HOLD, merged
 * by the kernel where they are about the same object.
 */
#include "daemon/sensor/watch_own.h"
#include "base/clock.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#define MOVED_AWAY (FAN_MOVED_FROM)
#define MOVED_HERE (FAN_MOVED_TO)
static const int64_t HOLD = 10 * CLOCK_MS;

/* ---- marks ---- */

int watch_fid_open(struct watch *w)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS |
			 (w->limited_queue ? 0 : FAN_UNLIMITED_QUEUE);

	w->fid_names = FAN_CREATE | FAN_DELETE | FAN_ATTRIB | FAN_ONDIR;
	w->fid_content = FAN_MODIFY | FAN_CLOSE_WRITE;
	w->fid_rename = w->probe.rename ? FAN_RENAME : FAN_MOVED_FROM | FAN_MOVED_TO;
	w->fid_fd = fanotify_init(flags | w->probe.fid_flags, O_RDONLY | O_CLOEXEC);
	return w->fid_fd < 0 ? err_sys("fanotify_init") : 0;
}

/* Where L2 is forced the group is made as blind as it is on kernels before 6.5. */
uint64_t watch_fid_mask(const struct watch *w)
{
	return w->fid_names | w->fid_rename | (w->forced == LEVEL_L2 ? 0 : w->fid_content);
}

static int change(struct watch *w, struct backing *b, unsigned how, uint64_t mask)
{
	FD int fd = open(b->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys("open %s", b->mount);
	if (fanotify_mark(w->fid_fd, how | FAN_MARK_FILESYSTEM, mask, fd, ".") < 0)
		return err_sys("file system mark on %s", b->mount);
	return 0;
}

int backing_mark(struct watch *w, struct backing *b)
{
	int r = 0;

	if (!b->marked)
		r = change(w, b, FAN_MARK_ADD, watch_fid_mask(w));
	if (r < 0)
		return r;
	w->stats.marks += !b->marked;
	b->marked = true;
	b->sb_users++;
	return 0;
}

void backing_unmark(struct watch *w, struct backing *b)
{
	if (--b->sb_users || !b->marked)
		return;
	change(w, b, FAN_MARK_REMOVE, watch_fid_mask(w));
	b->marked = false;
	w->stats.marks--;
}

static uint64_t births_mask(const struct watch *w)
{
	return FAN_CREATE | FAN_ONDIR | w->fid_rename;
}

int backing_births(struct watch *w, struct backing *b)
{
	int r = b->birth_users ? 0 : change(w, b, FAN_MARK_ADD, births_mask(w));

	if (r < 0)
		return r;
	w->stats.marks += !b->birth_users++;
	return 0;
}

void backing_births_end(struct watch *w, struct backing *b)
{
	if (--b->birth_users)
		return;
	change(w, b, FAN_MARK_REMOVE, births_mask(w));
	w->stats.marks--;
}

/* Taking a bit away that is not set changes nothing, but ENOENT says that there is no mark. */
bool backing_marked(struct watch *w, struct backing *b)
{
	return change(w, b, FAN_MARK_REMOVE, FAN_OPEN) == 0;
}

/* ---- events ---- */

static uint32_t ops_of(uint64_t mask)
{
	return (mask & (FAN_MODIFY | FAN_CLOSE_WRITE) ? WATCH_CONTENT : 0) |
	       (mask & FAN_ATTRIB ? WATCH_ATTRIB : 0) | (mask & FAN_CREATE ? WATCH_CREATE : 0) |
	       (mask & FAN_DELETE ? WATCH_DELETE : 0) |
	       (mask & (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_RENAME) ? WATCH_MOVE : 0) |
	       (mask & FAN_ONDIR ? WATCH_IS_DIR : 0);
}

/* A new directory gets its marks, where it needs some, before anybody is told to look at it, so that what appears after
 * the look is told by an event. */
static uint32_t mark_new(
	struct watch *w, struct root *r, struct span below, struct span name, uint32_t ops)
{
	BUF struct buf path = {};

	if (!(ops & WATCH_IS_DIR) || !(ops & (WATCH_CREATE | WATCH_MOVE)) || !name.n)
		return ops;
	if (r->by_sb || r->births)
		ops |= WATCH_NAMED;
	if (!r->by_dirs)
		return ops;
	buf_add_span(&path, below);
	if (below.n)
		buf_u8(&path, '/');
	buf_add_span(&path, name);
	if (!watch_skips(r, buf_span(&path)) && watch_dirs_mark(w, r, buf_span(&path)) < 0)
		watch_lost(w, r->id, buf_span(&path), GAP_MARK_REFUSED, 1, err_why());
	return ops | WATCH_SCAN;
}

static void tell(struct watch *w, const struct where *at, struct span name, uint32_t ops, int pid)
{
	size_t i;

	if (at->deep) {
		name.n = 0; /* somewhere below the last directory that can be named */
		ops = WATCH_IS_DIR | WATCH_SCAN;
		if (at->levels > BENEATH_DEEPEST)
			return; /* told where it begins */
	}
	for (i = 0; i < at->n_hits; i++) {
		struct root *r = at->hits[i].root;
		size_t from = at->hits[i].below;
		struct span below = span_make(at->path.p + from, at->path.n - from);

		if (at->deep && beneath_depth(below) + at->levels > BENEATH_DEEPEST)
			continue; /* so is this */
		watch_touch_root(w, r, below, name, mark_new(w, r, below, name, ops), pid);
	}
}

static void moves_below(const struct where *at)
{
	size_t i;

	for (i = 0; i < at->n_hits; i++)
		at->hits[i].root->moves++;
}

/* A directory was renamed away from here: what the cache holds below it is void, and so is the
 * path of every root below it. `at` is not valid after. */
static void moved_away(struct watch *w, const struct where *at, struct span name)
{
	BUF struct buf old = {};

	buf_add_span(&old, at->path);
	if (old.n != 1)
		buf_u8(&old, '/');
	buf_add_span(&old, name);
	moves_below(at);
	watch_moved(w, buf_span(&old));
}

static void moved_here(struct watch *w, const struct where *at)
{
	if (at->n_hits)
		w->entered++;
}

static void place(
	struct watch *w, const struct fan_event *e, const struct fan_ref *ref, uint64_t mask)
{
	const struct where *at = watch_where(w, ref);
	bool dir = e->mask & FAN_ONDIR;

	if (!at) {
		watch_lost(w, 0, span_of(""), GAP_OVERFLOW, 1, "out of memory");
		return;
	}
	if (at->n_hits)
		tell(w, at, ref->name, ops_of(mask), e->pid);
	else
		w->stats.foreign++;
	if (dir && mask & FAN_MOVED_TO)
		moved_here(w, at);
	if (dir && mask & FAN_MOVED_FROM)
		moved_away(w, at, ref->name);
}

static void one(struct watch *w, const struct fan_event *e)
{
	uint64_t rest = e->mask & ~(uint64_t)FAN_RENAME;

	if (e->old_dir.there)
		place(w, e, &e->old_dir, FAN_MOVED_FROM | (e->mask & FAN_ONDIR));
	if (e->new_dir.there)
		place(w, e, &e->new_dir, FAN_MOVED_TO | (e->mask & FAN_ONDIR));
	if (e->old_dir.there || e->new_dir.there)
		return;
	if (e->dir.there)
		place(w, e, &e->dir, rest);
	else if (e->object.there && e->mask & FAN_ONDIR)
		place(w, e, &e->object, rest);
	else
		w->stats.foreign++; /* a file without a name in any directory */
}

static void block(struct watch *w, size_t n, unsigned *budget)
{
	struct fan_cursor c = fan_cursor_of(span_make(w->block, n));
	struct fan_event e;
	int r;

	while ((r = fan_next(&c, &e)) == 0) {
		w->stats.events++;
		*budget -= *budget > 0;
		if (e.mask & FAN_Q_OVERFLOW) {
			w->stats.overflows++;
			watch_lost(w, 0, span_of(""), GAP_OVERFLOW, 1,
				"the kernel's event queue was full");
		} else if (e.pid != w->self) {
			one(w, &e);
		}
	}
	if (r < 0)
		watch_lost(w, 0, span_of(""), GAP_OVERFLOW, 1, err_why());
}

static void listen_again(struct watch *w, bool on)
{
	struct epoll_event ev = {.events = on ? EPOLLIN : 0, .data.fd = w->fid_fd};
	struct itimerspec at = {};

	w->holding = !on;
	epoll_ctl(w->ep, EPOLL_CTL_MOD, w->fid_fd, &ev);
	if (!on) {
		at.it_value.tv_sec = w->hold_until / CLOCK_S;
		at.it_value.tv_nsec = w->hold_until % CLOCK_S;
	}
	timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static bool hold(struct watch *w)
{
	int64_t now = clock_mono();

	w->hold_until = w->last_read + HOLD;
	if (now < w->hold_until) {
		listen_again(w, false);
		return true;
	}
	w->last_read = now;
	if (w->holding)
		listen_again(w, true);
	return false;
}

void watch_fid_read(struct watch *w, unsigned *budget)
{
	ssize_t n = 1;

	if (hold(w))
		return;
	while (*budget && n > 0) {
		int64_t empty = clock_mono();

		n = read(w->fid_fd, w->block, WATCH_BLOCK);
		watch_read_from(w, &w->fid_empty, n > 0 ? 0 : empty);
		if (n > 0)
			block(w, (size_t)n, budget);
	}
	if (*budget == 0)
		w->last_read = 0; /* there is more, and the caller comes back for it at once */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		watch_lost(
			w, 0, span_of(""), GAP_OVERFLOW, 1, "reading the kernel's events failed");
}
