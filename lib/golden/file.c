/* Writing is the plan, reading holds every byte against it: what is read would be written the same. */
#include "golden/file.h"
#include "base/err.h"
#include "base/json.h"
#include "golden/head.h"
#include "image/pack.h"
#include "image/unpack.h"

static const char MAGIC[] = GOLDEN_SCHEMA "\n";
enum { MAGIC_LEN = sizeof(MAGIC) - 1, VERSION_AT = MAGIC_LEN - 2 };

static int bad(const char *what)
{
	return err_set(-EBADMSG, "baseline file: %s", what);
}

/* A path that a layer can have; the root's own is empty. */
static bool path_ok(struct span p)
{
	return p.n <= 4096 &&
	       (p.n == 0 || (p.p[0] != '/' && p.p[p.n - 1] != '/' && !memchr(p.p, 0, p.n)));
}

/* Computes what a layer's list says of itself. */
static int layer_digest(struct golden_layer *l)
{
	CANON struct canon *c = NULL;
	struct rd at = rd_of(l->records);
	struct span path, before = {0};
	struct record rec;
	int r = canon_new(&c);

	l->n_records = l->n_bytes = 0;
	while (r == 0 && golden_next(&at, &path, &rec)) {
		if (!path_ok(path) || (l->n_records && canon_path_cmp(before, path) >= 0))
			return err_set(-EINVAL,
				"baseline file: records out of order, or a path that is none");
		before = path;
		l->n_records++;
		l->n_bytes += rec.size;
		r = canon_add(c, path, &rec);
	}
	if (r < 0)
		return r;
	return at.bad ? bad("a record is broken") : canon_end(c, l->canon);
}

static int accepts_count(struct golden *g)
{
	struct rd at = rd_of(g->accepts);
	struct golden_accept a;
	struct span before = {0};

	g->n_accepts = 0;
	while (golden_accept_next(&at, &a)) {
		if (g->n_accepts && canon_path_cmp(before, a.path) >= 0)
			return err_set(-EINVAL, "baseline file: what was accepted is out of order");
		before = a.path;
		g->n_accepts++;
	}
	return at.bad ? bad("a record of what was accepted is broken") : 0;
}

/* Everything that follows from the lists. */
static int work_out(struct golden *g)
{
	FREE struct canon_layer *canons = calloc(g->n_layers + 1, sizeof(*canons));
	uint8_t accepts[SHA_LEN];
	int r = canons ? accepts_count(g) : err_set(-ENOMEM, "no memory for a baseline file");

	for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
		r = layer_digest(&g->layers[i]);
		if (r < 0)
			break;
		memcpy(canons[i].diff_id, g->layers[i].diff_id, SHA_LEN);
		memcpy(canons[i].canon, g->layers[i].canon, SHA_LEN);
	}
	if (r < 0)
		return r;
	sha_once(g->accepts, accepts);
	canon_root(canons, g->n_layers, g->accepts.n ? accepts : NULL, g->root);
	return 0;
}

static int records_of(const struct golden *g, bool pack, struct buf *out)
{
	BUF struct buf all = {0}, packed = {0};
	int r = 0;

	for (size_t i = 0; i < g->n_layers; i++)
		buf_bytes(&all, g->layers[i].records);
	buf_bytes(&all, g->accepts);
	if (all.err)
		return buf_err(&all);
	if (all.n > GOLDEN_RECORDS_MAX)
		return err_set(-EFBIG, "baseline file: too many records");
	if (pack)
		r = pack_zstd(buf_span(&all), &packed);
	if (r < 0)
		return r;
	buf_u8(out, pack);
	buf_be64(out, pack ? packed.n : all.n);
	buf_add_span(out, buf_span(pack ? &packed : &all));
	return buf_err(out);
}

int golden_write(struct golden *g, bool pack, struct buf *out)
{
	BUF struct buf head = {0};
	size_t from = out->n;
	int r = work_out(g);

	if (r < 0)
		return r;
	golden_head_format(g, &head);
	if (head.err)
		return buf_err(&head);
	if (head.n > GOLDEN_HEAD_MAX || g->n_layers > GOLDEN_LAYERS_MAX)
		return err_set(-EFBIG, "baseline file: too many layers or generations");
	buf_add_text(out, MAGIC);
	buf_be32(out, (uint32_t)head.n);
	buf_add_span(out, buf_span(&head));
	r = records_of(g, pack, out);
	if (r < 0)
		return r;
	sha_once(span_make(out->p + from, out->n - from), g->digest);
	buf_add(out, g->digest, SHA_LEN);
	g->signatures = (struct span){0};
	g->n_signatures = 0;
	return buf_err(out);
}

void golden_mem_free(struct golden_mem *m)
{
	arena_free(&m->texts);
	buf_free(&m->records);
}

static int lists_of(struct span all, struct golden *g)
{
	struct rd at = rd_of(all);

	for (size_t i = 0; i < g->n_layers; i++)
		g->layers[i].records = rd_bytes(&at);
	g->accepts = rd_bytes(&at);
	return at.bad || at.p != at.end
		       ? bad("its records are cut off, or more than they should be")
		       : 0;
}

/* What the header says, and what the records are. */
static int same(const struct golden *g, const struct golden *said)
{
	if (!sha_same(g->root, said->root) || g->n_accepts != said->n_accepts)
		return bad("its root is not that of its records");
	for (size_t i = 0; i < g->n_layers; i++)
		if (!sha_same(g->layers[i].canon, said->layers[i].canon) ||
			g->layers[i].n_records != said->layers[i].n_records ||
			g->layers[i].n_bytes != said->layers[i].n_bytes)
			return bad("a layer's digest is not that of its records");
	return 0;
}

static int check(struct golden *g, struct golden_mem *mem)
{
	struct golden said = *g;

	said.layers = arena_alloc(&mem->texts, (g->n_layers + 1) * sizeof(*said.layers));
	if (g->n_layers)
		memcpy(said.layers, g->layers, g->n_layers * sizeof(*said.layers));
	/* Order is what a writer does wrong; in a file it is damage. */
	if (work_out(g) < 0)
		return err_set(-EBADMSG, "%s", err_why());
	return same(g, &said);
}

static int signatures_count(struct golden *g)
{
	struct rd at = rd_of(g->signatures);
	struct span block;

	while (golden_signature(&at, &block))
		if (++g->n_signatures > GOLDEN_SIGNATURES_MAX)
			return bad("too many signatures");
	return at.bad ? bad("a signature is cut off, or something else stands behind its end") : 0;
}

/* All but the signatures, as it lies there. */
struct parts {
	struct span head, records, digest;
	bool packed;
};

bool golden_is_one(struct span file)
{
	return file.n >= MAGIC_LEN && memcmp(file.p, MAGIC, VERSION_AT) == 0;
}

static int cut(struct span file, struct parts *p, struct golden *g)
{
	struct rd at = rd_of(file);
	struct span magic = rd_take(&at, MAGIC_LEN);
	uint64_t n;
	uint8_t is[SHA_LEN], packed;
	const uint8_t *end;

	if (at.bad || memcmp(magic.p, MAGIC, VERSION_AT) != 0)
		return bad("it is none");
	if (memcmp(magic.p, MAGIC, MAGIC_LEN) != 0)
		return err_set(-EPROTO,
			"baseline file: of a version that is not known here; a newer "
			"boltseal reads it");
	p->head = rd_take(&at, rd_be32(&at));
	packed = rd_u8(&at);
	n = rd_be64(&at);
	p->records = rd_take(&at, n > GOLDEN_FILE_MAX ? SIZE_MAX : (size_t)n);
	end = at.p;
	p->digest = rd_take(&at, SHA_LEN);
	if (at.bad)
		return bad("it is cut off");
	p->packed = packed == 1;
	sha_once(span_make(file.p, (size_t)(end - file.p)), is);
	if (!sha_same(is, p->digest.p))
		return bad("it was altered: its digest is not that of its bytes");
	if (packed > 1 || p->head.n > GOLDEN_HEAD_MAX)
		return bad(
			"its header is too large, or its records are packed in a way that is not known");
	memcpy(g->digest, is, SHA_LEN);
	g->signatures = span_make(at.p, (size_t)(at.end - at.p));
	return signatures_count(g);
}

int golden_read(struct span file, struct golden_mem *mem, struct golden *ret)
{
	struct parts p = {0};
	BUF struct buf again = {0};
	int r;

	*ret = (struct golden){0};
	if (file.n > GOLDEN_FILE_MAX)
		return err_set(-EFBIG, "baseline file: larger than %llu MiB",
			(unsigned long long)(GOLDEN_FILE_MAX >> 20));
	r = cut(file, &p, ret);
	if (r == 0)
		r = golden_head_parse(p.head, &mem->texts, ret);
	if (r == 0 && p.packed) {
		buf_reset(&mem->records);
		r = unpack_all(p.records, GOLDEN_RECORDS_MAX, &mem->records);
		p.records = buf_span(&mem->records);
	}
	if (r == 0)
		r = lists_of(p.records, ret);
	if (r == 0)
		r = check(ret, mem);
	if (r < 0)
		return r;
	golden_head_format(ret, &again);
	return span_eq(buf_span(&again), p.head) ? 0
						 : bad("its header is not written as it should be");
}

bool golden_signature(struct rd *at, struct span *block)
{
	if (rd_end(at))
		return false;
	*block = rd_take(at, rd_be32(at));
	return !at->bad;
}

int golden_sign(const struct golden *g, struct span block, struct buf *file)
{
	if (g->n_signatures >= GOLDEN_SIGNATURES_MAX)
		return err_set(-E2BIG, "baseline file: it has %d signatures, and takes no more",
			GOLDEN_SIGNATURES_MAX);
	buf_be32(file, (uint32_t)block.n);
	buf_add_span(file, block);
	return buf_err(file);
}
