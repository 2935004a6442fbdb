/*
 * The FID group's marks on each directory of a root: nothing outside the root pays for the watch.
 * The price is a mark and a pinned inode per directory, and a moment between a directory's birth
 * and its mark, which WATCH_SCAN covers. Marks are not evictable: under memory pressure those
 * would go in silence.
 */
#include "daemon/sensor/watch_own.h"
#include "daemon/sensor/watch_walk.h"
#include <fcntl.h>
#include <sys/fanotify.h>

struct job {
	struct watch *w;
	struct root *r;
	unsigned how;
};

static int mark_one(struct watch *w, unsigned how, uint64_t mask, int fd)
{
	if (fanotify_mark(w->fid_fd, how | FAN_MARK_ONLYDIR, mask, fd, ".") < 0)
		return err_sys("directory mark");
	return 0;
}

static bool skip(void *ctx, struct span below)
{
	struct job *j = ctx;

	return watch_skips(j->r, below);
}

static int visit(void *ctx, struct span below, int fd)
{
	struct job *j = ctx;
	uint64_t mask = j->w->fid_names | j->w->fid_rename | FAN_EVENT_ON_CHILD;

	/* Only overlays are made blind by a forced L2; other trees have no second source. */
	if (j->w->forced != LEVEL_L2 || j->r->kind != WATCH_UPPER)
		mask |= j->w->fid_content;
	if (fd < 0) {
		watch_lost(
			j->w, j->r->id, below, GAP_TOO_LARGE, 1, "nested too deep to be watched");
		return 0;
	}
	j->r->n_marks++;
	return mark_one(j->w, j->how, mask, fd);
}

int watch_dirs_mark(struct watch *w, struct root *r, struct span below)
{
	struct job j = {w, r, FAN_MARK_ADD};
	const struct watch_walker v = {&j, visit, skip};

	return watch_walk(r->path, below, &v);
}

static int unvisit(void *ctx, struct span below UNUSED, int fd)
{
	struct job *j = ctx;

	if (fd >= 0)
		mark_one(j->w, FAN_MARK_REMOVE,
			watch_fid_mask(j->w) | j->w->fid_content | FAN_EVENT_ON_CHILD, fd);
	return 0; /* one that has none is none the worse */
}

/* Does the root hold that directory, and watch it? */
static bool leads_to(const struct root *r, struct span at)
{
	size_t n = r->seen_n > 1 ? r->seen_n + 1 : 1;

	return path_within(at, span_make(r->seen, r->seen_n)) &&
	       (at.n <= n || !watch_skips(r, span_make(at.p + n, at.n - n)));
}

/* Two roots may have directories in common: what the other one needs is set again. */
static void restore(struct watch *w, const struct root *gone)
{
	struct span at = span_make(gone->seen, gone->seen_n);
	struct root *r, *next;

	HASH_ITER(hh, w->roots, r, next) {
		struct span other = span_make(r->seen, r->seen_n);

		if (r == gone || !r->by_dirs || r->on != gone->on)
			continue;
		if (!path_within(other, at) && !leads_to(r, at))
			continue;
		r->n_marks = 0;
		if (watch_dirs_mark(w, r, span_of("")) < 0)
			watch_lost(w, r->id, span_of(""), GAP_MARK_REFUSED, 1, err_why());
	}
}

void watch_dirs_unmark(struct watch *w, struct root *r)
{
	struct job j = {w, r, FAN_MARK_REMOVE};
	const struct watch_walker v = {&j, unvisit, skip};

	watch_walk(r->path, span_of(""), &v);
	r->n_marks = 0;
	if (r->seen)
		restore(w, r);
}

bool watch_dirs_marked(struct watch *w, struct root *r)
{
	FD int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && mark_one(w, FAN_MARK_REMOVE, FAN_OPEN, fd) == 0;
}
