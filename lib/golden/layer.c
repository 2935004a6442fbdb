/*
 * Entries are kept in the order of the archive, each as its path and its encoded record; an index sorted by path finds what
 * links are names of and which directories are missing. Of a hard link's names the last header wins, as with engines: they
 * are one file, and each header is applied to it.
 */
#include "golden/layer.h"
#include "base/err.h"

enum { ENTRIES_MAX = 4 << 20 };
#define MEM_MAX (UINT64_C(1) << 30)

struct item {
	struct span path, rec, link; /* link: a hard link's target, a path; `rec` encoded */
	uint32_t order;
	uint32_t
		file; /* of a link that was followed: where the file it is a name of lies, sorted */
};
struct layer_build {
	struct arena mem;
	struct item *v;
	size_t n, cap;
	uint64_t used;
	struct tar *tar;
	struct sha *all, *one; /* of the archive, of the content at hand */
	struct buf work;
	struct tar_entry at;
	bool open;
};

int layer_build_new(struct layer_build **ret)
{
	LAYER_BUILD struct layer_build *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(-ENOMEM, "no memory to read a layer");
	if (tar_new(TAR_WHOLE, &b->tar) < 0 || sha_new(&b->all) < 0 || sha_new(&b->one) < 0 ||
		sha_begin(b->all) < 0)
		return -ENOMEM;
	*ret = take(b);
	return 0;
}

void layer_build_free(struct layer_build *b)
{
	if (!b)
		return;
	arena_free(&b->mem);
	tar_free(b->tar);
	sha_free(b->all);
	sha_free(b->one);
	buf_free(&b->work);
	free(b->v);
	free(b);
}

static struct item *more(struct layer_build *b)
{
	size_t cap = b->cap ? b->cap * 2 : 512;
	struct item *v;

	if (b->n == ENTRIES_MAX || b->used > MEM_MAX) {
		err_set(-EFBIG, "the layer has too many entries");
		return NULL;
	}
	if (b->n == b->cap) {
		v = reallocarray(b->v, cap, sizeof(*v));
		if (!v) {
			err_set(-ENOMEM, "no memory to read a layer");
			return NULL;
		}
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n] = (struct item){.order = (uint32_t)b->n};
	return &b->v[b->n++];
}

static struct span keep(struct layer_build *b, struct span s)
{
	b->used += s.n + 16;
	return arena_dup(&b->mem, s);
}

static int add(struct layer_build *b, struct span path, const struct record *rec, struct span link)
{
	struct item *it;
	int r;

	buf_reset(&b->work);
	r = record_encode(rec, &b->work);
	if (r < 0)
		return r;
	it = more(b);
	if (!it)
		return -EFBIG;
	it->path = keep(b, path);
	it->rec = keep(b, buf_span(&b->work));
	it->link = link.n ? keep(b, link) : (struct span){0};
	return 0;
}

int layer_build_add(struct layer_build *b, const struct tar_entry *e, const uint8_t *sha)
{
	struct record rec = e->rec;

	if (e->mark == TAR_NOTHING)
		return 0;
	if (e->mark == TAR_OPAQUE)
		rec = (struct record){.type = FILE_DIR, .ovl = OVL_OPAQUE};
	if (rec.type == FILE_REG && !e->hard && e->mark == TAR_FILE) {
		must(sha);
		memcpy(rec.sha, sha, SHA_LEN);
		rec.has_sha = true;
	}
	return add(b, e->path, &rec, e->hard ? e->link : (struct span){0});
}

/* An entry's spans live until the next step: what is needed after its content is kept. */
static void open_entry(struct layer_build *b, const struct tar_entry *e)
{
	b->at = *e;
	b->at.path = keep(b, e->path);
	b->at.link = keep(b, e->link);
	b->at.rec.link = e->rec.link.n ? b->at.link : (struct span){0};
	b->at.rec.xattrs = keep(b, e->rec.xattrs);
	b->at.rec.redirect = (struct span){0};
	b->open = true;
}

static int close_entry(struct layer_build *b)
{
	uint8_t sha[SHA_LEN];
	int r = sha_end(b->one, sha);

	b->open = false;
	return r ? r : layer_build_add(b, &b->at, sha);
}

int layer_build_feed(struct layer_build *b, struct span bytes)
{
	struct tar_entry e = {0};
	struct span data = {0};
	int r = sha_feed(b->all, bytes.p, bytes.n);

	while (r == 0) {
		r = tar_step(b->tar, &bytes, &e, &data);
		if (r == TAR_MORE)
			return 0;
		if (r == TAR_ENTRY) {
			open_entry(b, &e);
			r = sha_begin(b->one);
		} else if (r == TAR_DATA) {
			r = sha_feed(b->one, data.p, data.n);
		} else if (r == TAR_DONE) {
			r = close_entry(b);
		}
	}
	return r;
}

static int by_path(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	int c = canon_path_cmp(a->path, b->path);

	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static struct item *find(struct layer_build *b, struct span path)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = canon_path_cmp(b->v[mid].path, path);

		if (c == 0)
			return &b->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int refuse(struct span path, const char *why)
{
	return err_set(-EBADMSG, "the layer cannot be unpacked: \"%.*s\": %s",
		(int)(path.n > 200 ? 200 : path.n), (const char *)path.p, why);
}

static int record_of(const struct item *it, struct record *ret)
{
	return record_decode(it->rec, ret);
}

/* Marks of being opaque join the directory they are of; anything else that comes twice is refused. */
static int join(struct layer_build *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct item *before = to ? &b->v[to - 1] : NULL, *it = &b->v[i];
		struct record one, two;
		bool one_mark, two_mark;

		if (!before || !span_eq(before->path, it->path)) {
			b->v[to++] = *it;
			continue;
		}
		if (record_of(before, &one) < 0 || record_of(it, &two) < 0)
			return -EBADMSG;
		one_mark = one.ovl & OVL_OPAQUE;
		two_mark = two.ovl & OVL_OPAQUE;
		/* The root is said again and again by some; it counts for nothing. */
		if (one_mark == two_mark && it->path.n)
			return refuse(it->path, "it is there twice");
		if (one.type != FILE_DIR || two.type != FILE_DIR)
			return refuse(it->path, "it is a directory and something else");
		if (one_mark || two_mark) {
			struct record *dir = one_mark ? &two : &one;

			dir->ovl |= OVL_OPAQUE;
			buf_reset(&b->work);
			if (record_encode(dir, &b->work) < 0)
				return -EBADMSG;
			before->rec = keep(b, buf_span(&b->work));
			/* Which of the two is said again: the joined one has both. */
			before->link = (struct span){0};
		}
	}
	b->n = to;
	return 0;
}

/* A mark alone is one of a directory that has no header. */
static int implied_marks(struct layer_build *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct record rec;

		if (record_of(&b->v[i], &rec) < 0)
			return -EBADMSG;
		if (rec.type != FILE_DIR || !(rec.ovl & OVL_OPAQUE) || rec.mode || rec.mtime)
			continue;
		rec.mode = 0755;
		rec.ovl |= OVL_IMPLIED;
		buf_reset(&b->work);
		if (record_encode(&rec, &b->work) < 0)
			return -EBADMSG;
		b->v[i].rec = keep(b, buf_span(&b->work));
	}
	return 0;
}

static int parents_of(struct layer_build *b, size_t sorted, struct span path)
{
	static const struct record DIR = {.type = FILE_DIR, .mode = 0755, .ovl = OVL_IMPLIED};
	size_t all = b->n;

	for (size_t n = path.n; n-- > 0;) {
		struct item *it;
		struct record rec;

		if (path.p[n] != '/')
			continue;
		b->n = sorted;
		it = find(b, span_make(path.p, n));
		b->n = all;
		if (!it) {
			if (add(b, span_make(path.p, n), &DIR, (struct span){0}) < 0)
				return -EFBIG;
			all = b->n;
			continue;
		}
		if (record_of(it, &rec) < 0 || rec.type != FILE_DIR || it->link.n)
			return refuse(path, "it lies below what is no directory");
		return 0;
	}
	return 0;
}

/* Those whose directory the entry before them has already are most: nothing is looked up for them. */
static int imply(struct layer_build *b)
{
	size_t sorted = b->n, to;
	struct span before = {0};

	for (size_t i = 0; i < sorted; i++) {
		struct span path = b->v[i].path;
		const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
		struct span dir = span_make(path.p, slash ? (size_t)(slash - path.p) : 0);

		if (span_eq(dir, before))
			continue;
		before = dir;
		if (parents_of(b, sorted, path) < 0)
			return -EBADMSG;
	}
	if (b->n == sorted)
		return 0;
	/* Several may have asked for the same one. */
	qsort(b->v, b->n, sizeof(*b->v), by_path);
	to = 1;
	for (size_t i = 1; i < b->n; i++)
		if (!span_eq(b->v[i].path, b->v[to - 1].path))
			b->v[to++] = b->v[i];
	b->n = to;
	return 0;
}

static int by_order(const void *pa, const void *pb)
{
	const struct item *a = *(struct item *const *)pa, *b = *(struct item *const *)pb;

	return (a->order > b->order) - (a->order < b->order);
}

/* What a link's own header says is said of the file. */
static int apply(struct layer_build *b, struct item *file, const struct item *link)
{
	struct record of, says;

	if (record_of(file, &of) < 0 || record_of(link, &says) < 0)
		return -EBADMSG;
	if (of.type == FILE_DIR || of.ovl & OVL_WHITEOUT)
		return refuse(link->path, "it is a hard link to what cannot have one");
	of.uid = says.uid;
	of.gid = says.gid;
	if (of.type != FILE_LINK) {
		of.mode = says.mode;
		of.mtime = says.mtime;
	}
	if (says.xattrs.n)
		of.xattrs = says.xattrs;
	buf_reset(&b->work);
	if (record_encode(&of, &b->work) < 0)
		return -EBADMSG;
	file->rec = keep(b, buf_span(&b->work));
	return 0;
}

/* In the order of the archive: what a link is a name of stands before it. */
static int follow(struct layer_build *b, struct item **links, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct item *to = find(b, links[i]->link);

		/* Links before this one have been followed to their file. */
		if (to && to->link.n && to->order < links[i]->order)
			to = &b->v[to->file];
		if (!to || to->order >= links[i]->order)
			return refuse(
				links[i]->path, "it is a hard link to what is not there before it");
		if (apply(b, to, links[i]) < 0)
			return -EBADMSG;
		links[i]->file = (uint32_t)(to - b->v);
	}
	for (size_t i = 0; i < n; i++)
		links[i]->rec = b->v[links[i]->file].rec;
	return 0;
}

static int links(struct layer_build *b)
{
	FREE struct item **v = calloc(b->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return err_set(-ENOMEM, "no memory to read a layer");
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].link.n)
			v[n++] = &b->v[i];
	qsort(v, n, sizeof(struct item *), by_order);
	return follow(b, v, n);
}

static int write_out(struct layer_build *b, struct buf *records, struct golden_layer *ret)
{
	CANON struct canon *c = NULL;
	int r = canon_new(&c);

	for (size_t i = 0; r == 0 && i < b->n; i++) {
		struct record rec;

		r = record_of(&b->v[i], &rec);
		if (r == 0)
			r = canon_add(c, b->v[i].path, &rec);
		if (r < 0)
			break;
		buf_bytes(records, b->v[i].path);
		buf_bytes(records, b->v[i].rec);
		ret->n_records++;
		ret->n_bytes += rec.size;
	}
	if (r == 0)
		r = canon_end(c, ret->canon);
	return r ? r : buf_err(records);
}

int layer_build_end(struct layer_build *b, struct buf *records, struct golden_layer *ret)
{
	int r = b->open ? err_set(-EBADMSG, "archive: it is cut off") : tar_end(b->tar);

	*ret = (struct golden_layer){0};
	if (r == 0)
		r = sha_end(b->all, ret->diff_id);
	if (r == 0 && b->n)
		qsort(b->v, b->n, sizeof(*b->v), by_path);
	if (r == 0)
		r = join(b);
	if (r == 0)
		r = implied_marks(b);
	if (r == 0)
		r = imply(b);
	if (r == 0)
		r = links(b);
	return r ? r : write_out(b, records, ret);
}
