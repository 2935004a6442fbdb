/* Roots in and out, and one file descriptor that speaks for all sources: an epoll of them. */
#include "daemon/sensor/watch_own.h"
#include "base/clock.h"
#include "base/glob.h"
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- giving out ---- */

bool watch_excluded(const struct root *r, struct span below)
{
	BUF struct buf path = {};
	size_t i, k;

	if (r->quiet && (!*r->quiet || path_within(below, span_of(r->quiet))))
		return true;
	if (!r->n_exclude || !below.n)
		return false;
	buf_u8(&path, '/');
	buf_add_span(&path, below);
	/* A glob that names a directory means what is below it as well. */
	for (k = 2; k <= path.n; k++) {
		if (k < path.n && path.p[k] != '/')
			continue;
		for (i = 0; i < r->n_exclude; i++)
			if (glob_match(span_of(r->exclude[i]), span_make(path.p, k)))
				return true;
	}
	return false;
}

bool watch_skips(const struct root *r, struct span below)
{
	return watch_excluded(r, below) ||
	       (below.n && r->cb->excluded && r->cb->excluded(r->cb->ctx, r->id, below));
}

void watch_touch_root(
	struct watch *w, struct root *r, struct span below, struct span name, uint32_t ops, int pid)
{
	struct watch_touch t = {.root = r->id,
		.ops = ops,
		.pid = pid,
		.when = clock_wall(),
		.since = w->since,
		.read_at = w->read_at};

	buf_reset(&w->scratch);
	buf_add_span(&w->scratch, below);
	if (below.n && name.n)
		buf_u8(&w->scratch, '/');
	buf_add_span(&w->scratch, name);
	t.path = buf_span(&w->scratch);
	if (watch_excluded(r, t.path))
		return;
	w->stats.touches++;
	w->cb.on_touch(w->cb.ctx, &t);
}

void watch_lost(struct watch *w, uint32_t root, struct span below, enum gap_cause cause,
	uint64_t count, const char *detail)
{
	w->cb.on_lost(w->cb.ctx, root, below, cause, count, detail);
}

void watch_read_from(struct watch *w, int64_t *queue_empty, int64_t empty)
{
	w->since = *queue_empty;
	w->read_at = clock_mono();
	if (empty)
		*queue_empty = empty;
}

int64_t watch_read_to(const struct watch *w)
{
	return w->fid_fd < 0 ? INT64_MAX : w->fid_empty;
}

/* ---- life ---- */

static void listen_on(struct watch *w, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (fd >= 0)
		epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &ev);
}

static void open_groups(struct watch *w)
{
	if (w->no_fanotify || w->forced == LEVEL_L5 || w->forced == LEVEL_L6)
		return;
	if (w->probe.fid_flags && w->probe.rows[PROBE_by_handle].ok)
		watch_fid_open(w); /* refused: the ladder goes on without */
	watch_fd_open(w);
	listen_on(w, w->fid_fd);
	listen_on(w, w->fd_fd);
}

static void watch_free_p(struct watch **w)
{
	watch_free(*w);
}

int watch_new(struct watch **ret, const struct watch_options *opt, const struct watch_callbacks *cb)
{
	CLEANUP(watch_free_p) struct watch *w = calloc(1, sizeof(*w));

	must(w);
	w->cb = *cb;
	w->forced = opt->level;
	w->marks = opt->marks;
	w->no_fanotify = opt->no_fanotify;
	w->limited_queue = opt->limited_queue;
	w->fid_fd = w->fd_fd = -1;
	w->self = getpid();
	w->block = malloc(WATCH_BLOCK);
	must(w->block);
	if (opt->quiet_dir)
		w->quiet_dir = realpath(opt->quiet_dir, NULL);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	w->ep = epoll_create1(EPOLL_CLOEXEC);
	if (w->ep < 0 || w->timer < 0)
		return err_sys("epoll");
	listen_on(w, w->timer);
	probe_run(&w->probe, opt->scratch, opt->no_fanotify);
	open_groups(w);
	*ret = take(w);
	return 0;
}

static void root_free(struct root *r)
{
	size_t i;

	for (i = 0; i < r->n_exclude; i++)
		free(r->exclude[i]);
	free(r->exclude);
	free(r->quiet);
	free(r->path);
	free(r->merged);
	free(r);
}

void watch_free(struct watch *w)
{
	struct root *r, *next;

	if (!w)
		return;
	/* The groups go first: all their marks with them, and at once. */
	fd_close(&w->fid_fd);
	fd_close(&w->fd_fd);
	w->n_dirs = 0;
	HASH_ITER(hh, w->roots, r, next) {
		r->by_dirs = r->by_sb = r->births = r->overlay = false;
		watch_remove(w, r->id);
	}
	watch_forget(w);
	backings_rest(w);
	fd_close(&w->ep);
	fd_close(&w->timer);
	buf_free(&w->scratch);
	free(w->quiet_dir);
	free(w->mount);
	free(w->block);
	free(w);
}

int watch_fd(struct watch *w)
{
	return w->ep;
}

/* ---- roots ---- */

static struct root *find(struct watch *w, uint32_t id)
{
	struct root *r;

	HASH_FIND(hh, w->roots, &id, sizeof(id), r);
	return r;
}

static char *copy(const char *s)
{
	char *c = s ? strdup(s) : NULL;

	must(!s || c);
	return c;
}

/* Our state directory as a path below the root: "" when the root is inside it. */
static char *quiet_below(const struct watch *w, const char *path)
{
	FREE char *real = realpath(path, NULL);
	struct span root, quiet = span_of(w->quiet_dir);

	if (!real || !w->quiet_dir)
		return NULL;
	root = span_of(real);
	if (path_within(root, quiet))
		return copy("");
	if (!path_within(quiet, root))
		return NULL;
	return copy(w->quiet_dir + root.n + (root.n > 1));
}

static struct root *root_new(const struct watch *w, const struct watch_root *from)
{
	struct root *r = calloc(1, sizeof(*r));
	size_t i, n = from->exclude ? from->exclude->n : 0;

	must(r);
	r->id = from->id;
	r->kind = from->kind;
	r->path = copy(from->path);
	r->merged = copy(from->merged);
	r->quiet = quiet_below(w, from->path);
	r->pid = from->pid;
	r->exclude = calloc(n ? n : 1, sizeof(*r->exclude));
	must(r->exclude);
	r->n_exclude = n;
	r->cb = &w->cb;
	for (i = 0; i < n; i++)
		r->exclude[i] = copy(from->exclude->v[i]);
	return r;
}

int watch_add(struct watch *w, const struct watch_root *root, enum level *ret_level)
{
	struct root *r;

	if (!root->id || find(w, root->id))
		return err_set(-EEXIST, "root %u is watched already", root->id);
	r = root_new(w, root);
	HASH_ADD(hh, w->roots, id, sizeof(r->id), r);
	w->stats.roots++;
	watch_arm(w, r);
	backings_rest(w);
	*ret_level = r->level;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int watch_update(struct watch *w, uint32_t id, const char *merged, int pid, enum level *ret_level)
{
	struct root *r = find(w, id);

	if (!r)
		return err_set(-ENOENT, "root %u is not watched", id);
	if (!same_text(r->merged, merged) || r->pid != pid) {
		free(r->merged);
		r->merged = copy(merged);
		r->pid = pid;
	}
	if (r->level != LEVEL_L1 && r->kind == WATCH_UPPER &&
		!(r->overlay && watch_overlay_marked(w, r))) {
		watch_disarm(w, r);
		watch_arm(w, r);
		backings_rest(w);
	}
	*ret_level = r->level;
	return 0;
}

void watch_remove(struct watch *w, uint32_t id)
{
	struct root *r = find(w, id);

	if (!r)
		return;
	watch_disarm(w, r);
	HASH_DEL(w->roots, r);
	w->stats.roots--;
	root_free(r);
}

static void rearm(struct watch *w, struct root *r)
{
	enum level before = r->level;
	bool said = r->lost;

	watch_disarm(w, r);
	r->lost = true;
	if (!said)
		watch_lost(w, r->id, span_of(""), GAP_MOUNT_LOST, 1,
			"the watch was gone and is set again");
	watch_arm(w, r);
	if (r->level != LEVEL_L6 || before == LEVEL_L6)
		r->lost = false;
}

void watch_verify(struct watch *w)
{
	struct root *r, *next;

	HASH_ITER(hh, w->roots, r, next)
		if (!watch_armed(w, r))
			rearm(w, r);
	backings_rest(w);
}

/* ---- dispatch ---- */

static void read_ino(struct watch *w, int fd, unsigned *budget)
{
	struct root *r, *next;

	HASH_ITER(hh, w->roots, r, next) {
		if (r->ino_tree && ino_tree_fd(r->ino_tree) == fd) {
			ino_tree_read(r->ino_tree, budget);
			return;
		}
	}
}

static void read_one(struct watch *w, int fd, unsigned *budget)
{
	uint64_t ticks;

	if (fd == w->timer && read(fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (fd == w->timer || fd == w->fid_fd)
		watch_fid_read(w, budget);
	else if (fd == w->fd_fd)
		watch_fd_read(w, budget);
	else
		read_ino(w, fd, budget);
}

int watch_dispatch(struct watch *w, unsigned budget)
{
	struct epoll_event ev[64];
	int i, n = epoll_wait(w->ep, ev, COUNTOF(ev), 0);

	/* Open files first: each one keeps somebody's overlay busy. */
	if (w->fd_fd >= 0 && n > 0)
		watch_fd_read(w, &budget);
	for (i = 0; i < n && budget; i++)
		if (ev[i].data.fd != w->fd_fd)
			read_one(w, ev[i].data.fd, &budget);
	backings_rest(w);
	watch_overlay_rest(w);
	return budget == 0;
}

/* ---- telling ---- */

const struct watch_probe *watch_probes(const struct watch *w, size_t *ret_n)
{
	*ret_n = PROBE_N;
	return w->probe.rows;
}

void watch_stats(const struct watch *w, struct watch_stats *ret)
{
	struct root *r;

	*ret = w->stats;
	for (r = w->roots; r; r = r->hh.next)
		ret->marks += r->n_marks + (r->ino_tree ? ino_tree_watches(r->ino_tree) : 0);
}
