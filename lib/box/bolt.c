/*
 * Pages of `size` bytes: u64 its number | u16 flags | u16 count | u32 pages that follow it; in a branch elements of
 * u32 place, u32 length of key, u64 page; in a leaf u32 flags (1: a bucket), u32 place, u32 length of key, u32 of the
 * value behind it. Places count from the element. A bucket's value: u64 page of its root | u64 sequence; with page 0
 * a page of its own follows. All numbers are in the machine's order.
 */
#include "box/bolt.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 16, ELEMENT = 16, META = 64, VERSION = 2 };
enum { IS_BRANCH = 1, IS_LEAF = 2, IS_META = 4, IS_BUCKET = 1 };
enum { DEPTH_MAX = 32, PAGES_MAX = 1 << 20, NODE_MAX = BOLT_VALUE_MAX + (1 << 20) };

struct meta {
	uint32_t size;
	uint64_t root, high, txid;
};
struct bolt {
	int fd;
	struct meta meta;
	size_t pages; /* read so far: no file makes it read for ever */
};
/* What a bucket's value says; `page` is of the value's own bytes. */
struct bolt_bucket {
	uint64_t root;
	struct span page;
};
struct node {
	struct buf mem;
	struct span page;
	unsigned flags, count;
};

static void node_free(struct node *n)
{
	buf_free(&n->mem);
}
#define NODE CLEANUP(node_free)

static int broken(const char *what)
{
	return err_set(-EBADMSG, "bolt: %s", what);
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool read_at(int fd, uint64_t at, uint8_t *to, size_t n)
{
	while (n) {
		ssize_t is = pread(fd, to, n, (off_t)at);

		if (is < 0 && errno == EINTR)
			continue;
		if (is <= 0)
			return false;
		to += is;
		at += (uint64_t)is;
		n -= (size_t)is;
	}
	return true;
}

/* ---- meta pages ---- */

static uint64_t fnv(const uint8_t *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (n--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

/* u32 magic | u32 version | u32 page size | u32 flags | u64 root | u64 sequence | u64 freelist | u64 pages |
 * u64 transaction | u64 checksum */
static bool meta_at(int fd, uint64_t at, struct meta *ret)
{
	uint8_t b[HEAD + META], *m = b + HEAD;

	if (!read_at(fd, at, b, sizeof(b)) || !(get16(b + 8) & IS_META) ||
		get32(m) != UINT32_C(0xED0CDAED) || get32(m + 4) != VERSION ||
		get64(m + 56) != fnv(m, 56))
		return false;
	*ret = (struct meta){.size = get32(m + 8),
		.root = get64(m + 16),
		.high = get64(m + 40),
		.txid = get64(m + 48)};
	return ret->size >= 1024 && ret->size <= 65536 && (ret->size & (ret->size - 1)) == 0;
}

/* The first says where the second is; where it is being written, pages have some usual size. */
static int meta_find(int fd, struct meta *ret)
{
	static const uint32_t sizes[] = {4096, 16384, 65536, 8192, 1024, 2048, 32768};
	struct meta m;
	bool found = meta_at(fd, 0, ret);

	for (size_t i = 0; i < COUNTOF(sizes); i++) {
		if (found && sizes[i] != ret->size)
			continue;
		if (!meta_at(fd, sizes[i], &m) || m.size != sizes[i])
			continue;
		if (!found || m.txid > ret->txid)
			*ret = m;
		return 0;
	}
	return found ? 0 : broken("neither of its meta pages is valid");
}

int bolt_open(const char *path, struct bolt **ret)
{
	BOLT struct bolt *b = calloc(1, sizeof(*b));
	struct stat st;
	int r;

	must(b);
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EINVAL, "%s: not a regular file", path);
	r = meta_find(b->fd, &b->meta);
	if (r == 0)
		*ret = take(b);
	return r;
}

void bolt_free(struct bolt *b)
{
	if (!b)
		return;
	fd_close(&b->fd);
	free(b);
}

bool bolt_held(const struct bolt *b)
{
	struct meta now;

	return meta_find(b->fd, &now) == 0 && now.txid == b->meta.txid;
}

/* ---- pages ---- */

/* Elements are in the page with what they point to: looked at one by one, in el(). */
static int node_of(struct span page, struct node *n)
{
	if (page.n < HEAD)
		return broken("a page without a head");
	n->page = page;
	n->flags = get16(page.p + 8);
	n->count = get16(page.p + 10);
	if (n->flags != IS_BRANCH && n->flags != IS_LEAF)
		return broken("a page of another kind where a bucket's is");
	if (n->count > (page.n - HEAD) / ELEMENT)
		return broken("a page that says it holds more than it does");
	return 0;
}

static int load(struct bolt *b, uint64_t id, struct node *n)
{
	uint8_t head[HEAD];
	uint64_t at, size;
	int r;

	buf_reset(&n->mem);
	if (b->pages++ >= PAGES_MAX)
		return broken("it has no end");
	if (id < 2 || id >= b->meta.high || id > (uint64_t)INT64_MAX / b->meta.size - 1)
		return broken("a page beyond its end");
	at = id * b->meta.size;
	if (!read_at(b->fd, at, head, HEAD) || get64(head) != id)
		return broken("a page that is not there");
	size = ((uint64_t)get32(head + 12) + 1) * b->meta.size;
	if (size > NODE_MAX)
		return broken("a page that is too large");
	r = buf_reserve(&n->mem, size);
	if (r < 0)
		return r;
	if (!read_at(b->fd, at, n->mem.p, size))
		return broken("a page that is cut off");
	n->mem.n = size;
	return node_of(buf_span(&n->mem), n);
}

struct el {
	struct span key, value;
	uint64_t page;
	bool bucket;
};

static int el_at(const struct node *n, unsigned i, struct el *ret)
{
	size_t at = HEAD + (size_t)i * ELEMENT;
	const uint8_t *e = n->page.p + at;
	bool leaf = n->flags == IS_LEAF;
	uint64_t from = at + get32(e + (leaf ? 4 : 0)), n_key = get32(e + (leaf ? 8 : 4));
	uint64_t n_value = leaf ? get32(e + 12) : 0;

	if (from + n_key + n_value > n->page.n)
		return broken("a key beyond its page");
	*ret = (struct el){.key = span_make(n->page.p + from, n_key),
		.value = span_make(n->page.p + from + n_key, n_value),
		.page = leaf ? 0 : get64(e + 8),
		.bucket = leaf && get32(e) & IS_BUCKET};
	return 0;
}

static int bucket_of(const struct el *e, struct bolt_bucket *ret)
{
	if (e->value.n < HEAD)
		return broken("a bucket without a head");
	ret->root = get64(e->value.p);
	ret->page = span_make(e->value.p + HEAD, e->value.n - HEAD);
	return 0;
}

static int enter(struct bolt *b, const struct bolt_bucket *in, struct node *n)
{
	return in->root ? load(b, in->root, n) : node_of(in->page, n);
}

/* The last element whose key is not behind `key`; of a branch the first covers what is before it. */
static int seek(const struct node *n, struct span key, struct el *ret)
{
	unsigned lo = 0, hi = n->count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int r = el_at(n, mid, ret);

		if (r < 0)
			return r;
		if (span_cmp(ret->key, key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 && (n->flags == IS_LEAF || !n->count))
		return BOLT_ABSENT;
	return el_at(n, lo ? lo - 1 : 0, ret);
}

/* `ret` borrows from `n`, or from what the bucket borrows from. */
static int find(struct bolt *b, const struct bolt_bucket *in, struct span key, struct node *n,
	struct el *ret)
{
	int r = enter(b, in, n);

	for (int depth = 0; r == 0; depth++) {
		if (depth == DEPTH_MAX)
			return broken("it is too deep");
		r = seek(n, key, ret);
		if (r || n->flags == IS_LEAF)
			break;
		r = load(b, ret->page, n);
	}
	return r ? r : span_eq(ret->key, key) ? 0 : BOLT_ABSENT;
}

static int value_of(const struct el *e, struct buf *ret)
{
	buf_reset(ret);
	if (e->bucket)
		return BOLT_ABSENT;
	buf_add_span(ret, e->value);
	return buf_err(ret);
}

/* Into the bucket at the end of the path's buckets; `keep` is whose bytes it borrows. */
static int descend(struct bolt *b, const char *const *path, size_t n_path, struct buf *keep,
	struct bolt_bucket *ret)
{
	*ret = (struct bolt_bucket){.root = b->meta.root};
	for (size_t i = 0; i < n_path; i++) {
		NODE struct node n = {.count = 0};
		BUF struct buf own = {0};
		struct el e;
		int r = find(b, ret, span_of(path[i]), &n, &e);

		if (r)
			return r;
		if (!e.bucket)
			return BOLT_ABSENT;
		buf_add_span(&own, e.value);
		r = buf_err(&own);
		if (r < 0)
			return r;
		buf_free(keep);
		*keep = buf_take(&own);
		e.value = buf_span(keep);
		r = bucket_of(&e, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t length(const char *const *path)
{
	size_t n = 0;

	while (path[n])
		n++;
	return n;
}

int bolt_in(struct bolt *b, const struct bolt_bucket *in, const char *key, struct buf *ret)
{
	NODE struct node n = {.count = 0};
	struct el e;
	int r = find(b, in, span_of(key), &n, &e);

	return r ? r : value_of(&e, ret);
}

int bolt_get(struct bolt *b, const char *const *path, struct buf *ret)
{
	BUF struct buf keep = {0};
	struct bolt_bucket in;
	size_t n = length(path);
	int r;

	if (!n)
		return BOLT_ABSENT;
	r = descend(b, path, n - 1, &keep, &in);
	return r ? r : bolt_in(b, &in, path[n - 1], ret);
}

/* ---- all of a bucket ---- */

struct walk {
	struct bolt *b;
	int (*each)(void *arg, struct span key, struct span value, const struct bolt_bucket *in);
	void *arg;
};

static int tell(const struct walk *w, const struct el *e)
{
	struct bolt_bucket in = {0};
	int r = e->bucket ? bucket_of(e, &in) : 0;

	if (r < 0)
		return r;
	return e->bucket ? w->each(w->arg, e->key, (struct span){0}, &in)
			 : w->each(w->arg, e->key, e->value, NULL);
}

static int walk_page(const struct walk *w, const struct node *n, int depth)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n->count; i++) {
		NODE struct node below = {.count = 0};
		struct el e;

		r = el_at(n, i, &e);
		if (r == 0 && n->flags == IS_LEAF) {
			r = tell(w, &e);
		} else if (r == 0) {
			r = depth == DEPTH_MAX ? broken("it is too deep")
					       : load(w->b, e.page, &below);
			r = r ? r : walk_page(w, &below, depth + 1);
		}
	}
	return r;
}

int bolt_each(struct bolt *b, const char *const *path,
	int (*each)(void *arg, struct span key, struct span value, const struct bolt_bucket *in),
	void *arg)
{
	const struct walk w = {b, each, arg};
	NODE struct node n = {.count = 0};
	BUF struct buf keep = {0};
	struct bolt_bucket in;
	int r = descend(b, path, length(path), &keep, &in);

	r = r ? r : enter(b, &in, &n);
	return r ? r : walk_page(&w, &n, 0);
}
