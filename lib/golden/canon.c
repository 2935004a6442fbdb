/*
 * An entry's fields are hashed on their own, so that what is kept of it until the end is small and of one size, and sorting
 * moves 48 bytes. The digest is over (path, its entry's hash) in order: nothing can be moved from one entry to another.
 */
#include "golden/canon.h"
#include "base/arena.h"
#include "base/err.h"

struct item {
	struct span path;
	uint8_t sha[SHA_LEN];
};
struct canon {
	struct arena mem;
	struct item *v;
	size_t n, cap;
	struct buf work, xattrs;
	struct sha *sha;
};

int canon_new(struct canon **ret)
{
	CANON struct canon *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(-ENOMEM, "no memory for a layer's digest");
	if (sha_new(&c->sha) < 0)
		return -ENOMEM;
	*ret = take(c);
	return 0;
}

void canon_free(struct canon *c)
{
	if (!c)
		return;
	arena_free(&c->mem);
	buf_free(&c->work);
	buf_free(&c->xattrs);
	sha_free(c->sha);
	free(c->v);
	free(c);
}

static bool is_hosts(struct span name)
{
	static const char *const OVERLAY[] = {
		"trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."};

	for (size_t i = 0; i < COUNTOF(OVERLAY); i++)
		if (span_starts(name, span_of(OVERLAY[i])))
			return true;
	return span_is(name, "security.selinux");
}

static void add_xattrs(struct buf *out, struct buf *list, struct span xattrs)
{
	struct rd at = rd_of(xattrs);
	struct xattr x;

	buf_reset(list);
	while (xattr_next(&at, &x))
		if (!is_hosts(x.name) && x.value.n) {
			buf_bytes(list, x.name);
			buf_bytes(list, x.value);
		}
	buf_bytes(out, buf_span(list));
	out->err |= list->err;
}

static int64_t seconds(int64_t ns)
{
	return ns < 0 ? 0 : ns / 1000000000;
}

static bool is_implied(const struct record *rec)
{
	return rec->type == FILE_DIR && rec->ovl & OVL_IMPLIED;
}

/* What is left out is zero. */
static void fields(struct canon *c, struct span path, const struct record *rec)
{
	static const struct record PLAIN = {.type = FILE_DIR, .mode = 0755},
				   OPAQUE = {.type = FILE_DIR, .mode = 0755, .ovl = OVL_OPAQUE};
	struct buf *out = &c->work;
	bool link, dir;

	buf_reset(out);
	if (rec->ovl & OVL_WHITEOUT) {
		buf_add_text(out, "whiteout");
		return;
	}
	if (path.n == 0) {
		buf_add_text(out, "opaque");
		return;
	}
	/* Whatever an engine made of it, it is what nearly all make. */
	if (is_implied(rec))
		rec = rec->ovl & OVL_OPAQUE ? &OPAQUE : &PLAIN;
	link = rec->type == FILE_LINK;
	dir = rec->type == FILE_DIR;
	buf_u8(out, 1);
	buf_u8(out, (uint8_t)rec->type);
	buf_varint(out, link ? 0 : rec->mode);
	buf_varint(out, rec->uid);
	buf_varint(out, rec->gid);
	buf_varint(out, rec->size);
	buf_zigzag(out, dir ? 0 : seconds(rec->mtime));
	buf_bytes(out, rec->link);
	buf_varint(out, rec->rdev_major);
	buf_varint(out, rec->rdev_minor);
	buf_u8(out, dir && rec->ovl & OVL_OPAQUE ? 1 : 0);
	add_xattrs(out, &c->xattrs, rec->xattrs);
	buf_u8(out, rec->has_sha);
	if (rec->has_sha)
		buf_add(out, rec->sha, SHA_LEN);
}

static int room(struct canon *c)
{
	size_t cap = c->cap ? c->cap * 2 : 256;
	struct item *v;

	if (c->n < c->cap)
		return 0;
	v = reallocarray(c->v, cap, sizeof(*v));
	if (!v)
		return err_set(-ENOMEM, "no memory for a layer's digest");
	c->v = v;
	c->cap = cap;
	return 0;
}

int canon_add(struct canon *c, struct span path, const struct record *rec)
{
	struct item *it;
	int r;

	if (path.n == 0 && !(rec->ovl & OVL_OPAQUE))
		return 0;
	if ((unsigned)rec->type >= FILE_N)
		return err_set(-EINVAL, "canon: no such file type");
	r = room(c);
	if (r < 0)
		return r;
	fields(c, path, rec);
	if (c->work.err)
		return buf_err(&c->work);
	it = &c->v[c->n++];
	it->path = arena_dup(&c->mem, path);
	if (sha_begin(c->sha) < 0 || sha_feed(c->sha, c->work.p, c->work.n) < 0 ||
		sha_end(c->sha, it->sha) < 0)
		return -EIO;
	return 0;
}

/* '/' is lowest: a directory, then what is in it, then "directory-2". */
int canon_path_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return a.p[i] == '/' ? -1 : b.p[i] == '/' ? 1 : a.p[i] - b.p[i];
	return (a.n > b.n) - (a.n < b.n);
}

static int by_path(const void *a, const void *b)
{
	return canon_path_cmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

int canon_end(struct canon *c, uint8_t ret[SHA_LEN])
{
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_path);
	if (sha_begin(c->sha) < 0)
		return -EIO;
	for (size_t i = 0; i < c->n; i++) {
		const struct item *it = &c->v[i];

		if (i && span_eq(it->path, c->v[i - 1].path))
			return err_set(-EEXIST, "the layer has \"%.*s\" twice", (int)it->path.n,
				(const char *)it->path.p);
		buf_reset(&c->work);
		buf_bytes(&c->work, it->path);
		buf_add(&c->work, it->sha, SHA_LEN);
		if (c->work.err)
			return buf_err(&c->work);
		if (sha_feed(c->sha, c->work.p, c->work.n) < 0)
			return -EIO;
	}
	return sha_end(c->sha, ret);
}

void canon_root(
	const struct canon_layer *layers, size_t n, const uint8_t *accepts, uint8_t ret[SHA_LEN])
{
	BUF struct buf all = {0};

	buf_add_text(&all, "boltseal.baseline/1\n");
	buf_varint(&all, n);
	for (size_t i = 0; i < n; i++) {
		buf_add(&all, layers[i].diff_id, SHA_LEN);
		buf_add(&all, layers[i].canon, SHA_LEN);
	}
	if (accepts)
		buf_add(&all, accepts, SHA_LEN);
	must(!all.err);
	sha_once(buf_span(&all), ret);
}
