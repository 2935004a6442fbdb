/* Two libraries behind one step. What came out is counted before it is handed on. */
#include "image/unpack.h"
#include <zlib.h>
#include <zstd.h>
#include "base/err.h"

enum { OUT = 128 << 10, WINDOW_LOG = 27, HEAD = 4 };

struct unpack {
	enum unpack_form form;
	uint64_t left;
	uint8_t head[HEAD]; /* bytes by which it is being told */
	size_t n_head, head_used;
	z_stream gz;
	ZSTD_DStream *zstd;
	bool gz_on, between; /* between: no member or frame is begun */
	bool started, full; /* full: the last piece filled `out`, there may be more without input */
	uint8_t out[OUT];
};

static int start_gzip(struct unpack *u)
{
	if (inflateInit2(&u->gz, 15 + 16) != Z_OK)
		return err_set(-ENOMEM, "no memory for gzip");
	u->gz_on = true;
	return 0;
}

static int start_zstd(struct unpack *u)
{
	u->zstd = ZSTD_createDStream();
	if (!u->zstd ||
		ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)))
		return err_set(-ENOMEM, "no memory for zstd");
	return 0;
}

static int start(struct unpack *u)
{
	u->between = true;
	if (u->form == UNPACK_GZIP)
		return start_gzip(u);
	return u->form == UNPACK_ZSTD ? start_zstd(u) : 0;
}

int unpack_new(enum unpack_form form, uint64_t limit, struct unpack **ret)
{
	UNPACK struct unpack *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_set(-ENOMEM, "no memory to unpack");
	u->form = form;
	u->left = limit;
	r = start(u);
	if (r == 0)
		*ret = take(u);
	return r;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->gz_on)
		inflateEnd(&u->gz);
	ZSTD_freeDStream(u->zstd);
	free(u);
}

enum unpack_form unpack_form(const struct unpack *u)
{
	return u->form;
}

/* Plain as soon as no form begins like this; UNPACK_TELL: not yet known. */
static enum unpack_form told(const uint8_t *p, size_t n)
{
	static const uint8_t gz[] = {0x1f, 0x8b, 8}, zs[] = {0x28, 0xb5, 0x2f, 0xfd};
	uint8_t skip[] = {0x50, 0x2a, 0x4d, 0x18};
	const struct {
		const uint8_t *p;
		size_t n;
		enum unpack_form form;
	} forms[] = {
		{gz, sizeof(gz), UNPACK_GZIP},
		{zs, sizeof(zs), UNPACK_ZSTD},
		{skip, sizeof(skip), UNPACK_ZSTD},
	};

	if (n && (p[0] & 0xf0) == 0x50)
		skip[0] = p[0];
	for (size_t i = 0; i < COUNTOF(forms); i++) {
		size_t m = n < forms[i].n ? n : forms[i].n;

		if (memcmp(p, forms[i].p, m) == 0)
			return m == forms[i].n ? forms[i].form : UNPACK_TELL;
	}
	return UNPACK_PLAIN;
}

static int tell(struct unpack *u, struct span *in)
{
	while (u->form == UNPACK_TELL && in->n) {
		u->head[u->n_head++] = in->p[0];
		*in = span_make(in->p + 1, in->n - 1);
		u->form = told(u->head, u->n_head);
	}
	return u->form == UNPACK_TELL ? UNPACK_MORE : start(u);
}

static int gunzip(struct unpack *u, struct span *in, size_t *got)
{
	size_t n = in->n < (1u << 30) ? in->n : 1u << 30;
	int r;

	if (u->between && n && inflateReset(&u->gz) != Z_OK)
		return err_set(-EBADMSG, "gzip: cannot go on");
	u->between &= n == 0;
	u->gz.next_in = (Bytef *)(uintptr_t)in->p;
	u->gz.avail_in = (uInt)n;
	u->gz.next_out = u->out;
	u->gz.avail_out = OUT;
	r = inflate(&u->gz, Z_NO_FLUSH);
	*in = span_make(in->p + (n - u->gz.avail_in), in->n - (n - u->gz.avail_in));
	*got = OUT - u->gz.avail_out;
	u->between |= r == Z_STREAM_END;
	if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
		return 0;
	return err_set(-EBADMSG, "gzip: %s", u->gz.msg ? u->gz.msg : "broken");
}

static int unzstd(struct unpack *u, struct span *in, size_t *got)
{
	ZSTD_inBuffer from = {in->p, in->n, 0};
	ZSTD_outBuffer to = {u->out, OUT, 0};
	size_t r = ZSTD_decompressStream(u->zstd, &to, &from);

	if (ZSTD_isError(r))
		return err_set(-EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
	*in = span_make(in->p + from.pos, in->n - from.pos);
	*got = to.pos;
	u->between = r == 0;
	return 0;
}

static int count(struct unpack *u, size_t n)
{
	if (n > u->left)
		return err_set(-EFBIG, "what is packed is larger than it may be");
	u->left -= n;
	return 0;
}

/* One call of the library. Does it need more input before it can give more? */
static int decode(struct unpack *u, struct span *in, struct span *out)
{
	size_t got = 0;
	int r;

	/* Between two of them the library waits for a beginning: without a byte there is none. */
	if (in->n == 0 && (u->between || !u->full))
		return UNPACK_MORE;
	r = u->form == UNPACK_GZIP ? gunzip(u, in, &got) : unzstd(u, in, &got);
	if (r == 0)
		r = count(u, got);
	if (r < 0)
		return r;
	u->full = got == OUT;
	if (got) {
		*out = span_make(u->out, got);
		return UNPACK_OUT;
	}
	return in->n ? 0 : UNPACK_MORE;
}

static int plain(struct unpack *u, struct span *in, struct span *out)
{
	struct span all = *in;

	if (all.n == 0)
		return UNPACK_MORE;
	*in = span_make(all.p + all.n, 0);
	*out = all;
	return count(u, all.n) < 0 ? -EFBIG : UNPACK_OUT;
}

/* What was taken to tell comes first. */
static int step(struct unpack *u, struct span *in, struct span *out)
{
	struct span head = span_make(u->head + u->head_used, u->n_head - u->head_used);
	struct span *from = head.n ? &head : in;
	int r = u->form == UNPACK_PLAIN ? plain(u, from, out) : decode(u, from, out);

	if (from == &head)
		u->head_used = u->n_head - head.n;
	/* The head's being used up is not the input's. */
	return from == &head && r == UNPACK_MORE ? 0 : r;
}

int unpack_step(struct unpack *u, struct span *in, struct span *out)
{
	int r = u->form == UNPACK_TELL ? tell(u, in) : 0;

	while (r == 0)
		r = step(u, in, out);
	return r;
}

int unpack_end(const struct unpack *u)
{
	if (u->form == UNPACK_PLAIN || (u->form == UNPACK_TELL && u->n_head == 0))
		return 0;
	return u->between && u->form != UNPACK_TELL ? 0 : err_set(-EBADMSG, "it is cut off");
}

int unpack_all(struct span packed, uint64_t limit, struct buf *out)
{
	UNPACK struct unpack *u = NULL;
	struct span piece;
	int r = unpack_new(UNPACK_TELL, limit, &u);

	if (r < 0)
		return r;
	while ((r = unpack_step(u, &packed, &piece)) == UNPACK_OUT)
		buf_add_span(out, piece);
	if (r < 0)
		return r;
	r = unpack_end(u);
	return r ? r : buf_err(out);
}
