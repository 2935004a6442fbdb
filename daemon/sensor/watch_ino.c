/*
 * A watch descriptor names a directory wherever it is moved; the tree of nodes says where that is.
 * Renames inside come as two halves with one cookie and re-link a node. Events arrive later than
 * the tree changes, so a node may be found where the tree does not have it yet: add_watch answers
 * with the descriptor it already has, and the node is put where it was found. What is wrong for a
 * moment is put right by the events still to come.
 */
#include "daemon/sensor/watch_ino.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/sensor/watch.h"
#include "daemon/sensor/watch_walk.h"
#include <inotifytools/inotify.h>
#include <stdio.h>
#include <unistd.h>
#include <uthash.h>

enum {
	ASKED = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MODIFY |
		IN_CLOSE_WRITE | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK,
	DEPTH_MAX = 16384, /* the walk goes no deeper */
	BLOCK = 64 * 1024,
};

struct ino_dir {
	int wd;
	struct ino_dir *up; /* NULL: the top */
	char *name;
	uint8_t *place; /* key of by_place: the address of `up`, then the name; NULL: displaced */
	size_t place_n;
	struct ino_dir *drop; /* list of those that go together */
	UT_hash_handle hh, hh_place;
};

struct ino_tree {
	struct ino_callbacks cb;
	char *path;
	int fd;
	struct ino_dir *by_wd, *by_place, *top;
	int moving; /* wd of a directory whose other half is to come; -1: none */
	uint32_t cookie;
	struct buf scratch;
	uint8_t *block;
};

/* ---- nodes ---- */

static void place_key(struct buf *out, const struct ino_dir *up, struct span name)
{
	buf_add(out, &up, sizeof(up));
	buf_add_span(out, name);
}

static struct ino_dir *child(struct ino_tree *t, const struct ino_dir *up, struct span name)
{
	BUF struct buf key = {};
	struct ino_dir *d;

	place_key(&key, up, name);
	HASH_FIND(hh_place, t->by_place, key.p, key.n, d);
	return d;
}

static void unplace(struct ino_tree *t, struct ino_dir *d)
{
	if (!d || !d->place)
		return;
	HASH_DELETE(hh_place, t->by_place, d);
	free(take(d->place));
}

static void place(struct ino_tree *t, struct ino_dir *d, struct ino_dir *up, struct span name)
{
	struct buf key = {};

	unplace(t, child(t, up, name)); /* moved away; its own event is still to come */
	unplace(t, d);
	free(d->name);
	d->name = strndup((const char *)name.p, name.n);
	must(d->name);
	d->up = up;
	place_key(&key, up, name);
	must(buf_err(&key) == 0);
	d->place_n = key.n;
	d->place = key.p;
	HASH_ADD_KEYPTR(hh_place, t->by_place, d->place, d->place_n, d);
}

static bool is_below(const struct ino_dir *d, const struct ino_dir *above)
{
	int i;

	for (i = 0; d && i < DEPTH_MAX; i++, d = d->up)
		if (d == above)
			return true;
	return false;
}

static void node_free(struct ino_tree *t, struct ino_dir *d)
{
	unplace(t, d);
	HASH_DEL(t->by_wd, d);
	if (t->top == d)
		t->top = NULL;
	free(d->name);
	free(d);
}

/* Found first, freed then: nodes point upwards. */
static void drop_below(struct ino_tree *t, struct ino_dir *top, bool unwatch)
{
	struct ino_dir *d, *next, *list = NULL;

	HASH_ITER(hh, t->by_wd, d, next) {
		if (!is_below(d, top))
			continue;
		if (unwatch)
			inotify_rm_watch(t->fd, d->wd);
		unplace(t, d);
		d->drop = list;
		list = d;
	}
	for (d = list; d; d = list) {
		list = d->drop;
		node_free(t, d);
	}
}

static void path_up(const struct ino_dir *d, struct buf *out, int depth)
{
	if (!d->up || depth > DEPTH_MAX)
		return;
	path_up(d->up, out, depth + 1);
	if (out->n)
		buf_u8(out, '/');
	buf_add_text(out, d->name);
}

static struct span path_of(struct ino_tree *t, const struct ino_dir *d, struct span name)
{
	buf_reset(&t->scratch);
	path_up(d, &t->scratch, 0);
	if (t->scratch.n && name.n)
		buf_u8(&t->scratch, '/');
	buf_add_span(&t->scratch, name);
	return buf_span(&t->scratch);
}

/* ---- setting watches ---- */

static struct ino_dir *node_at(struct ino_tree *t, struct span below)
{
	struct ino_dir *d = t->top;
	size_t i, from = 0;

	for (i = 0; d && below.n && i <= below.n; i++) {
		if (i < below.n && below.p[i] != '/')
			continue;
		d = child(t, d, span_make(below.p + from, i - from));
		from = i + 1;
	}
	return d;
}

static struct ino_dir *node_of(struct ino_tree *t, int wd)
{
	struct ino_dir *d;

	HASH_FIND_INT(t->by_wd, &wd, d);
	return d;
}

static struct ino_dir *node_new(struct ino_tree *t, int wd)
{
	struct ino_dir *d = calloc(1, sizeof(*d));

	must(d);
	d->wd = wd;
	HASH_ADD_INT(t->by_wd, wd, d);
	return d;
}

static int watch_fd_dir(struct ino_tree *t, int fd)
{
	char dir[40];
	int wd;

	/* Through the descriptor: the path may lead elsewhere by now. */
	snprintf(dir, sizeof(dir), "/proc/self/fd/%d/.", fd);
	wd = inotify_add_watch(t->fd, dir, ASKED);
	return wd < 0 ? err_sys("inotify_add_watch") : wd;
}

static struct span dir_part(struct span below, struct span *ret_name)
{
	size_t n = below.n;

	while (n && below.p[n - 1] != '/')
		n--;
	*ret_name = span_make(below.p + n, below.n - n);
	return span_make(below.p, n ? n - 1 : 0);
}

static int visit(void *ctx, struct span below, int fd)
{
	struct ino_tree *t = ctx;
	struct ino_dir *d, *up;
	struct span name, dir;
	int wd;

	if (fd < 0) {
		t->cb.on_lost(t->cb.ctx, below, GAP_TOO_LARGE, "nested too deep to be watched");
		return 0;
	}
	wd = watch_fd_dir(t, fd);
	if (wd < 0)
		return wd;
	d = node_of(t, wd);
	if (!below.n) {
		if (!d)
			t->top = node_new(t, wd);
		return 0;
	}
	dir = dir_part(below, &name);
	up = node_at(t, dir);
	if (!up || (d && is_below(up, d)))
		return 0; /* moved meanwhile: told by events to come */
	if (!d)
		d = node_new(t, wd);
	place(t, d, up, name);
	return 0;
}

static bool skip(void *ctx, struct span below)
{
	struct ino_tree *t = ctx;

	return t->cb.skip && t->cb.skip(t->cb.ctx, below);
}

static void walk(struct ino_tree *t, struct span below)
{
	const struct watch_walker v = {t, visit, skip};

	if (watch_walk(t->path, below, &v) < 0)
		t->cb.on_lost(t->cb.ctx, below, GAP_MARK_REFUSED, err_why());
}

/* ---- events ---- */

static uint32_t ops_of(uint32_t mask)
{
	return (mask & (IN_MODIFY | IN_CLOSE_WRITE) ? WATCH_CONTENT : 0) |
	       (mask & IN_ATTRIB ? WATCH_ATTRIB : 0) | (mask & IN_CREATE ? WATCH_CREATE : 0) |
	       (mask & IN_DELETE ? WATCH_DELETE : 0) |
	       (mask & (IN_MOVED_FROM | IN_MOVED_TO) ? WATCH_MOVE : 0) |
	       (mask & IN_ISDIR ? WATCH_IS_DIR : 0);
}

static void end_move(struct ino_tree *t)
{
	struct ino_dir *d = node_of(t, t->moving);

	t->moving = -1;
	if (d && d != t->top)
		drop_below(t, d, true); /* no second half came: moved out of the tree */
}

/* Ending the move before may take nodes away, even the one that it left: they are looked up after. */
static void dir_left(struct ino_tree *t, int up_wd, struct span name, uint32_t cookie)
{
	struct ino_dir *up, *d;

	if (t->moving >= 0)
		end_move(t);
	up = node_of(t, up_wd);
	d = up ? child(t, up, name) : NULL;
	if (!d)
		return;
	t->moving = d->wd;
	t->cookie = cookie;
}

/* A renamed directory keeps its watches and those below; one that came from outside has none. */
static bool dir_moved_here(struct ino_tree *t, struct span below, uint32_t cookie)
{
	FD int fd = -1;
	int wd;

	if (t->moving < 0 || t->cookie != cookie || watch_walk_open(t->path, below, &fd) != 0)
		return false;
	wd = watch_fd_dir(t, fd);
	if (wd != t->moving)
		return false;
	t->moving = -1;
	return visit(t, below, fd) == 0;
}

static void dir_event(
	struct ino_tree *t, struct ino_dir *d, const struct inotify_event *e, struct span name)
{
	BUF struct buf below = {};
	uint32_t ops = ops_of(e->mask);

	buf_add_span(&below, path_of(t, d, name));
	if (e->mask & IN_MOVED_FROM)
		dir_left(t, e->wd, name, e->cookie);
	if (e->mask & (IN_CREATE | IN_MOVED_TO) && !skip(t, buf_span(&below)) &&
		!(e->mask & IN_MOVED_TO && dir_moved_here(t, buf_span(&below), e->cookie))) {
		walk(t, buf_span(&below));
		ops |= WATCH_SCAN;
	}
	t->cb.on_event(t->cb.ctx, buf_span(&below), ops);
}

static void gone(struct ino_tree *t, struct ino_dir *d)
{
	bool top = d == t->top;

	drop_below(t, d, false);
	if (top)
		t->cb.on_lost(
			t->cb.ctx, span_of(""), GAP_MOUNT_LOST, "the watched directory is gone");
}

static void overflow(struct ino_tree *t)
{
	walk(t, span_of("")); /* new directories may be among what was lost */
	t->cb.on_lost(t->cb.ctx, span_of(""), GAP_OVERFLOW, "inotify's queue was full");
}

static void event(struct ino_tree *t, const struct inotify_event *e)
{
	struct ino_dir *d = node_of(t, e->wd);
	struct span name = e->len ? span_of(e->name) : span_of("");

	if (e->mask & IN_Q_OVERFLOW)
		overflow(t);
	else if (!d)
		return;
	else if (e->mask & IN_IGNORED)
		gone(t, d);
	else if (e->mask & IN_ISDIR && name.n)
		dir_event(t, d, e, name);
	else if (ops_of(e->mask))
		t->cb.on_event(t->cb.ctx, path_of(t, d, name), ops_of(e->mask));
}

static unsigned events(struct ino_tree *t, const uint8_t *p, size_t n)
{
	const struct inotify_event *e;
	unsigned count = 0;

	for (; n >= sizeof(*e); p += sizeof(*e) + e->len, n -= sizeof(*e) + e->len, count++) {
		e = (const struct inotify_event *)p;
		if (e->len > n - sizeof(*e))
			break;
		event(t, e);
	}
	return count;
}

void ino_tree_read(struct ino_tree *t, unsigned *budget)
{
	unsigned count = 1;
	int before = t->moving;
	ssize_t n;

	while (*budget && count) {
		n = read(t->fd, t->block, BLOCK);
		count = n > 0 ? events(t, t->block, (size_t)n) : 0;
		*budget -= count < *budget ? count : *budget;
	}
	if (before >= 0 && t->moving == before)
		end_move(t); /* both halves are written at once: this one had a whole read's time */
}

/* ---- life ---- */

void ino_tree_free(struct ino_tree *t)
{
	struct ino_dir *d, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->by_wd, d, next)
		node_free(t, d);
	fd_close(&t->fd);
	buf_free(&t->scratch);
	free(t->block);
	free(t->path);
	free(t);
}

static void tree_free_p(struct ino_tree **t)
{
	ino_tree_free(*t);
}

int ino_tree_new(struct ino_tree **ret, const char *path, const struct ino_callbacks *cb)
{
	CLEANUP(tree_free_p) struct ino_tree *t = calloc(1, sizeof(*t));

	must(t);
	t->cb = *cb;
	t->moving = -1;
	t->path = strdup(path);
	t->block = malloc(BLOCK);
	must(t->path && t->block);
	t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (t->fd < 0)
		return err_sys("inotify_init1");
	walk(t, span_of(""));
	if (!t->top)
		return err_wrap(-EIO, "%s", path);
	*ret = take(t);
	return 0;
}

int ino_tree_fd(const struct ino_tree *t)
{
	return t->fd;
}

size_t ino_tree_watches(const struct ino_tree *t)
{
	return HASH_COUNT(t->by_wd);
}

bool ino_tree_alive(const struct ino_tree *t)
{
	return t->top != NULL;
}
