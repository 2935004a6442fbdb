/*
 * From a directory handle to "root N, path below".
 *
 * The kernel says where a handle is: open_by_handle_at() and the link in /proc/self/fd, 6 us. A
 * cache in front of it answers in well under one, and most of what it holds is *outside*: on a
 * busy host nearly all events are. Roots are found by the same kind of path, got the same way
 * through the same mount, so the two can be compared whatever bind mounts lie about.
 *
 * What makes an entry void: a directory renamed below its roots (the roots' counts of moves no
 * longer add up to the stamp), a directory moved into a root (for entries outside), any root added
 * or removed (all). Nothing else moves a directory. Nothing is held open between dispatches, or
 * umount would fail because of us.
 */
#include "daemon/sensor/watch_own.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { DEEP_STEPS = 100000 };

static const char *fd_link(char buf[static 32], int fd)
{
	snprintf(buf, 32, "/proc/self/fd/%d", fd);
	return buf;
}

/* ---- backings ---- */

static int fsid_at(int fd, uint8_t ret[static FAN_FSID_LEN])
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return err_sys("statfs");
	memcpy(ret, &fs.f_fsid, FAN_FSID_LEN);
	return 0;
}

/* A mount whose own root is the file system's: every directory is below it, none is outside. Lines:
 * "id parent major:minor root mount-point …", white space in octal. */
static bool mount_line(char *line, dev_t dev, struct buf *ret)
{
	unsigned ma, mi;
	char root[8], point[PATH_MAX];

	if (sscanf(line, "%*d %*d %u:%u %7s %4095s", &ma, &mi, root, point) != 4)
		return false;
	if (makedev(ma, mi) != dev || strcmp(root, "/") != 0 || strchr(point, '\\'))
		return false;
	buf_reset(ret);
	buf_add_text(ret, point);
	return true;
}

static bool same_dev(const char *path, dev_t dev)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == dev;
}

static char *find_mount(dev_t dev, const char *fallback)
{
	BUF struct buf table = {}, point = {};
	char *line, *save = NULL;

	if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 64u << 20, &table) < 0)
		return strdup(fallback);
	for (line = strtok_r((char *)table.p, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		if (mount_line(line, dev, &point) && same_dev(buf_text(&point), dev))
			return strdup(buf_text(&point));
	return strdup(fallback);
}

static struct backing *find_backing(struct watch *w, const uint8_t *fsid)
{
	struct backing *b = w->backings;

	while (b && memcmp(b->fsid, fsid, FAN_FSID_LEN) != 0)
		b = b->next;
	return b;
}

struct backing *backing_of(struct watch *w, int dirfd, const char *path)
{
	uint8_t fsid[FAN_FSID_LEN];
	struct backing *b;
	struct stat st;

	if (fsid_at(dirfd, fsid) < 0 || fstat(dirfd, &st) < 0)
		return NULL;
	b = find_backing(w, fsid);
	if (!b) {
		b = calloc(1, sizeof(*b));
		must(b);
		memcpy(b->fsid, fsid, FAN_FSID_LEN);
		b->dev = st.st_dev;
		b->mount = find_mount(st.st_dev, path);
		must(b->mount);
		b->fd = -1;
		b->next = w->backings;
		w->backings = b;
	}
	b->users++;
	return b;
}

void backing_put(struct watch *w, struct backing *b)
{
	struct backing **at = &w->backings;

	if (!b || --b->users)
		return;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	fd_close(&b->fd);
	free(b->mount);
	free(b);
}

void backings_rest(struct watch *w)
{
	struct backing *b;

	for (b = w->backings; b; b = b->next)
		fd_close(&b->fd);
}

/* Another file system may lie at the path by now; a handle means nothing on it. */
static int backing_fd(struct backing *b)
{
	FD int fd = -1;
	uint8_t fsid[FAN_FSID_LEN];

	if (b->fd >= 0)
		return b->fd;
	fd = open(b->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fsid_at(fd, fsid) < 0 || memcmp(fsid, b->fsid, FAN_FSID_LEN) != 0)
		return -1;
	b->fd = take_fd(&fd);
	return b->fd;
}

/* ---- a handle's path ---- */

static int open_handle(struct backing *b, struct span handle)
{
	_Alignas(struct file_handle) uint8_t aligned[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	int mount = backing_fd(b);

	if (mount < 0 || handle.n > sizeof(aligned))
		return -1;
	memcpy(aligned, handle.p, handle.n);
	return open_by_handle_at(mount, (struct file_handle *)aligned, O_PATH | O_CLOEXEC);
}

static int key_of_fd(const uint8_t *fsid, int fd, struct buf *ret)
{
	_Alignas(struct file_handle) uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *h = (struct file_handle *)room;
	int mnt;

	h->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", h, &mnt, AT_EMPTY_PATH) < 0)
		return err_sys("name_to_handle_at");
	buf_reset(ret);
	buf_add(ret, fsid, FAN_FSID_LEN);
	buf_add(ret, h, sizeof(*h) + h->handle_bytes);
	return buf_err(ret);
}

enum { PATH_GONE = 1, PATH_DEEP = 2 };
static int path_of_fd(int fd, struct buf *ret)
{
	char link[32];
	struct stat st;
	ssize_t n;

	buf_reset(ret);
	if (fstat(fd, &st) < 0 || st.st_nlink == 0 || buf_reserve(ret, PATH_MAX) < 0)
		return PATH_GONE;
	n = readlink(fd_link(link, fd), (char *)ret->p, PATH_MAX);
	if (n < 0)
		return errno == ENAMETOOLONG ? PATH_DEEP : PATH_GONE;
	ret->n = (size_t)n;
	ret->p[n] = 0;
	return 0;
}

static bool deep_known(
	struct watch *w, const uint8_t *fsid, int fd, struct buf *path, size_t *levels)
{
	BUF struct buf key = {};
	struct where *e;

	if (key_of_fd(fsid, fd, &key) < 0)
		return false;
	HASH_FIND(hh, w->cache, key.p, key.n, e);
	if (!e || !e->path.n)
		return false;
	buf_reset(path);
	buf_add_span(path, e->path);
	*levels += e->levels;
	return true;
}

/* No name of 4096 bytes or more comes out of the kernel: climb until there is one. Directories
 * above that were met before end the climb, so a long chain made step by step stays cheap. */
static int climb(
	struct watch *w, const uint8_t *fsid, int *fd, struct buf *path, size_t *ret_levels)
{
	int r = PATH_DEEP, i, up;

	for (i = 0; r == PATH_DEEP && i < DEEP_STEPS; i++) {
		up = openat(*fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return PATH_GONE;
		fd_close(fd);
		*fd = up;
		*ret_levels = (size_t)i + 1;
		if (deep_known(w, fsid, up, path, ret_levels))
			return 0;
		r = path_of_fd(up, path);
	}
	return r;
}

/* ---- the cache ---- */

static void drop(struct watch *w, struct where *e)
{
	if (w->last == e)
		w->last = NULL;
	HASH_DEL(w->cache, e);
	free(e);
}

void watch_forget(struct watch *w)
{
	struct where *e, *next;

	HASH_ITER(hh, w->cache, e, next)
		drop(w, e);
}

static uint64_t stamp_of(const struct watch *w, const struct where *e)
{
	uint64_t sum = 0;
	size_t i;

	if (!e->n_hits)
		return w->entered;
	for (i = 0; i < e->n_hits; i++)
		sum += e->hits[i].root->moves;
	return sum;
}

static struct root *seen_at(struct watch *w, struct span path)
{
	struct root *r;

	HASH_FIND(hh_seen, w->seen, path.p, path.n, r);
	return r;
}

/* All roots at or above `path`: one look-up a component, however many roots there are. */
static size_t find_hits(
	struct watch *w, const struct backing *b, struct span path, struct hit *ret, size_t max)
{
	size_t i, below, n = 0;
	struct root *r;

	/* Whoever nests directories does not make every one of them dear. */
	for (i = 1; i <= path.n && i <= w->seen_longest; i++) {
		if (i < path.n && path.p[i] != '/' && i > 1)
			continue;
		below = i < path.n && path.p[i] == '/' ? i + 1 : i;
		for (r = seen_at(w, span_make(path.p, i)); r; r = r->next_seen)
			if (r->on == b && n < max &&
				!watch_skips(r, span_make(path.p + below, path.n - below)))
				ret[n++] = (struct hit){r, below};
	}
	return n;
}

enum { HITS_MAX = 256 };
static struct where *remember(
	struct watch *w, const struct backing *b, struct span key, struct span path, size_t levels)
{
	struct hit hits[HITS_MAX];
	size_t n = !path.n ? 0 : find_hits(w, b, path, hits, HITS_MAX);
	struct where *e = calloc(1, sizeof(*e) + n * sizeof(*hits) + key.n + path.n);
	uint8_t *tail;

	if (!e)
		return NULL;
	e->hits = (struct hit *)(e + 1);
	e->n_hits = n;
	memcpy(e->hits, hits, n * sizeof(*hits));
	tail = (uint8_t *)(e->hits + n);
	memcpy(tail, key.p, key.n);
	e->key = span_make(tail, key.n);
	if (path.n)
		memcpy(tail + key.n, path.p, path.n);
	e->path = span_make(tail + key.n, path.n);
	e->deep = levels > 0;
	e->levels = levels;
	e->stamp = stamp_of(w, e);
	if (HASH_COUNT(w->cache) >= WATCH_CACHE_MAX)
		drop(w, w->cache); /* the oldest */
	HASH_ADD_KEYPTR(hh, w->cache, e->key.p, e->key.n, e);
	return e;
}

static struct where *resolve(struct watch *w, const struct fan_ref *dir)
{
	struct backing *b = find_backing(w, dir->key.p);
	BUF struct buf path = {};
	FD int fd = -1;
	size_t levels = 0;
	int r = PATH_GONE;

	w->stats.cache_misses++;
	if (b)
		fd = open_handle(b, dir->handle);
	if (fd >= 0)
		r = path_of_fd(fd, &path);
	if (r == PATH_DEEP) {
		r = climb(w, b->fsid, &fd, &path, &levels);
	}
	if (r == PATH_DEEP)
		watch_lost(w, 0, span_of(""), GAP_UNREADABLE, 1,
			"a directory lies too deep to be found");
	if (r)
		buf_reset(&path); /* gone: its parent's event says so; outside for us */
	return remember(w, b, dir->key, buf_span(&path), levels);
}

/* Only directories of roots are marked then, so an event from outside is one from a root that was
 * moved with everything above it: nobody told us, for nothing above is marked. */
static struct where *resolve_marked(struct watch *w, const struct fan_ref *dir)
{
	struct where *e = resolve(w, dir);

	if (!e || e->n_hits || !w->n_dirs || !e->path.n)
		return e;
	watch_moved(w, span_of("/"));
	HASH_FIND(hh, w->cache, dir->key.p, dir->key.n, e);
	return e ? e : resolve(w, dir);
}

const struct where *watch_where(struct watch *w, const struct fan_ref *dir)
{
	struct where *e = w->last;

	if (!e || !span_eq(e->key, dir->key))
		HASH_FIND(hh, w->cache, dir->key.p, dir->key.n, e);
	if (e && e->stamp != stamp_of(w, e)) {
		drop(w, e);
		e = NULL;
	}
	if (e)
		w->stats.cache_hits++;
	else
		e = resolve_marked(w, dir);
	w->last = e;
	return e;
}

/* ---- roots by path ---- */

static void seen_insert(struct watch *w, struct root *r)
{
	struct root *first = seen_at(w, span_make(r->seen, r->seen_n));

	r->next_seen = NULL;
	w->seen_longest = r->seen_n > w->seen_longest ? r->seen_n : w->seen_longest;
	if (first) {
		r->next_seen = first->next_seen;
		first->next_seen = r;
		return;
	}
	HASH_ADD_KEYPTR(hh_seen, w->seen, r->seen, r->seen_n, r);
}

static void seen_delete(struct watch *w, struct root *r)
{
	struct root *first = seen_at(w, span_make(r->seen, r->seen_n)), *p = first;

	if (first == r) {
		HASH_DELETE(hh_seen, w->seen, r);
		if (r->next_seen)
			HASH_ADD_KEYPTR(hh_seen, w->seen, r->next_seen->seen, r->next_seen->seen_n,
				r->next_seen);
		return;
	}
	while (p && p->next_seen != r)
		p = p->next_seen;
	if (p)
		p->next_seen = r->next_seen;
}

static int seen_set(struct watch *w, struct root *r, struct span path)
{
	char *copy = strndup((const char *)path.p, path.n);

	if (!copy)
		return err_set(-ENOMEM, "out of memory");
	r->seen = copy;
	r->seen_n = path.n;
	seen_insert(w, r);
	return 0;
}

static int root_path(struct root *r, struct buf *path)
{
	struct span key = buf_span(&r->handle);
	FD int fd = open_handle(r->on, span_make(key.p + FAN_FSID_LEN, key.n - FAN_FSID_LEN));

	return fd < 0 ? PATH_GONE : path_of_fd(fd, path);
}

int watch_seen_add(struct watch *w, struct root *r, int dirfd)
{
	BUF struct buf path = {};
	int e = key_of_fd(r->on->fsid, dirfd, &r->handle);

	if (e < 0)
		return e;
	if (root_path(r, &path) != 0)
		return err_set(-ESTALE, "%s: cannot be opened by its handle", r->path);
	watch_forget(w);
	w->entered++;
	return seen_set(w, r, buf_span(&path));
}

void watch_seen_remove(struct watch *w, struct root *r)
{
	watch_forget(w);
	w->entered++;
	if (r->seen)
		seen_delete(w, r);
	free(take(r->seen));
	buf_free(&r->handle);
}

static void follow(struct watch *w, struct root *r)
{
	BUF struct buf path = {};

	if (root_path(r, &path) != 0 || span_eq(buf_span(&path), span_make(r->seen, r->seen_n)))
		return;
	seen_delete(w, r);
	free(take(r->seen));
	watch_forget(w);
	if (seen_set(w, r, buf_span(&path)) < 0)
		watch_lost(w, r->id, span_of(""), GAP_UNREADABLE, 1, err_why());
	/* What happened between the rename and now was taken for foreign. */
	watch_touch_root(w, r, span_of(""), span_of(""), WATCH_MOVE | WATCH_IS_DIR | WATCH_SCAN, 0);
}

void watch_moved(struct watch *w, struct span old)
{
	struct root *r, *next;

	HASH_ITER(hh, w->roots, r, next)
		if (r->seen && path_within(span_make(r->seen, r->seen_n), old))
			follow(w, r);
}
