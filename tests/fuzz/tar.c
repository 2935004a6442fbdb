/* Any bytes are an archive or an error, and the same in pieces. What is given out is a record and a path. */
#include "base/err.h"
#include "golden/layer.h"

static void check(const struct tar_entry *e)
{
	BUF struct buf rec = {0};

	must(record_encode(&e->rec, &rec) == 0);
	must(e->path.n <= TAR_PATH_MAX &&
		(e->path.n == 0 || (e->path.p[0] != '/' && !memchr(e->path.p, 0, e->path.n))));
	must(!e->hard || e->rec.type == FILE_REG);
}

static int tell(struct span in, enum tar_kind kind, size_t step, struct sha *sha)
{
	TAR struct tar *t = NULL;
	struct tar_entry e;
	struct span data;

	must(tar_new(kind, &t) == 0);
	while (in.n) {
		struct span piece = span_make(in.p, in.n < step ? in.n : step);
		int r;

		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = tar_step(t, &piece, &e, &data)) != TAR_MORE) {
			if (r < 0)
				return r;
			if (r == TAR_ENTRY) {
				check(&e);
				sha_feed(sha, e.path.p, e.path.n);
			}
			if (r == TAR_DATA)
				sha_feed(sha, data.p, data.n);
		}
	}
	return tar_end(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	LAYER_BUILD struct layer_build *b = NULL;
	BUF struct buf records = {0};
	struct golden_layer l;
	struct sha *sha = NULL;
	uint8_t one[SHA_LEN], two[SHA_LEN];

	must(sha_new(&sha) == 0);
	for (enum tar_kind kind = TAR_WHOLE; kind <= TAR_HEADERS; kind++) {
		int r;

		sha_begin(sha);
		r = tell(span_make(p, n), kind, n, sha);
		sha_end(sha, one);
		sha_begin(sha);
		must(tell(span_make(p, n), kind, 100, sha) == r);
		sha_end(sha, two);
		must(memcmp(one, two, SHA_LEN) == 0);
	}
	sha_free(sha);
	must(layer_build_new(&b) == 0);
	if (layer_build_feed(b, span_make(p, n)) == 0 && layer_build_end(b, &records, &l) == 0) {
		struct golden g = {.layers = &l, .n_layers = 1};
		BUF struct buf file = {0};

		memcpy(one, l.canon, SHA_LEN);
		l.records = buf_span(&records);
		must(golden_write(&g, false, &file) == 0);
		must(memcmp(one, l.canon, SHA_LEN) == 0);
	}
	return 0;
}
