/*
 * An archive that is kept whole, packed as it came: its own digest is its name, that of what it unpacks to is the
 * layer's, and each file's is taken on the way. The disk is read by the walk that follows. An image's maker may have
 * put anything in it: what is no file's content is bounded, files are as large as those on the disk may be.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/proof_own.h"
#include "daemon/sensor/proof_stream.h"
#include "fs/beneath.h"
#include "image/unpack.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 64 << 10, HEX = 2 * SHA_LEN, RATIO = 256 };
#define PLAIN_MIN (UINT64_C(4) << 30)
#define PLAIN_MAX (UINT64_C(1) << 40)
#define BETWEEN_MAX (UINT64_C(4) << 30) /* headers, padding, what follows the end */

int proof_pace(struct pace *at, uint64_t bytes)
{
	const struct proof_options *o = at->opt;
	uint64_t n = bytes - at->told;

	if (o->stop && atomic_load(o->stop))
		return err_set(-ECANCELED, "stopped");
	if (n < 1 << 20)
		return 0;
	if (o->step)
		o->step(o->ctx, n);
	at->told = bytes;
	while (o->rate) {
		int64_t due =
			at->began + (int64_t)((double)bytes / (double)o->rate * (double)CLOCK_S);
		int64_t left = due - clock_mono();
		struct timespec ts = {0, left < 50 * CLOCK_MS ? left : 50 * CLOCK_MS};

		if (left <= 0 || (o->stop && atomic_load(o->stop)))
			break;
		nanosleep(&ts, NULL);
	}
	return 0;
}

struct reading {
	struct proof *p;
	struct pace pace;
	struct stream *stream;
	struct tar *tar;
	struct unpack *unpack;
	struct sha *packed;
	struct proof_want *file; /* whose content comes now */
	struct span name;
	struct buf path;
	uint64_t between;
	int fd;
};

static void reading_end(struct reading *r)
{
	stream_free(r->stream);
	tar_free(r->tar);
	unpack_free(r->unpack);
	sha_free(r->packed);
	buf_free(&r->path);
	fd_close(&r->fd);
}

/* ---- what it unpacks to ---- */

static int take_entry(struct reading *r, const struct tar_entry *e)
{
	size_t n = r->p->n;
	uint64_t max = r->pace.opt->max_bytes;
	int c = proof_add(r->p, e);
	struct proof_want *w = c == 0 && r->p->n > n ? r->p->v[r->p->n - 1] : NULL;

	if (c < 0 || !w || w->hard || w->rec.type != FILE_REG)
		return c;
	if (max && e->size > max)
		return err_set(-EFBIG, "a file in it is larger than what is read at most");
	w->has_sha = false;
	r->file = w;
	stream_open_file(r->stream);
	return 0;
}

static void take_done(struct reading *r)
{
	if (!r->file)
		return;
	stream_close_file(r->stream, r->file->sha);
	r->file->has_sha = true;
	r->file = NULL;
}

static int take_plain(struct reading *r, struct span plain)
{
	int c = 0;

	while (c >= 0 && c != TAR_MORE) {
		const uint8_t *from = plain.p;
		struct tar_entry e;
		struct span data;

		c = tar_step(r->tar, &plain, &e, &data);
		/* Also what stands in front of something that is wrong. */
		stream_put(r->stream, span_make(from, (size_t)(plain.p - from)));
		if (c != TAR_DATA)
			r->between += (size_t)(plain.p - from);
		if (r->between > BETWEEN_MAX)
			return err_set(-EFBIG, "its archive holds more headers than files");
		if (c == TAR_ENTRY)
			c = take_entry(r, &e);
		else if (c == TAR_DONE)
			take_done(r);
	}
	return c < 0 ? c : 0;
}

static int take_packed(struct reading *r, struct span bytes)
{
	struct span plain;
	int c;

	while ((c = unpack_step(r->unpack, &bytes, &plain)) == UNPACK_OUT) {
		c = take_plain(r, plain);
		c = c < 0 ? c : proof_pace(&r->pace, r->p->bytes);
		if (c < 0)
			return c;
	}
	return c == UNPACK_MORE ? 0 : c;
}

/* ---- as it lies there ---- */

/* The next piece; 0 at its end. */
static int next(struct reading *r, uint8_t *piece)
{
	ssize_t n;
	int c;

	do
		n = read(r->fd, piece, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("%s", buf_text(&r->path));
	r->p->bytes += (uint64_t)n;
	c = n ? sha_feed(r->packed, piece, (size_t)n) : 0;
	return c < 0 ? c : (int)n;
}

static int take_all(struct reading *r)
{
	FREE uint8_t *piece = malloc(PIECE);
	int c = 0, n;

	must(piece);
	while ((n = next(r, piece)) > 0 && c == 0)
		c = take_packed(r, span_make(piece, (size_t)n));
	if (n < 0 || c < 0)
		return n < 0 ? n : c;
	c = unpack_end(r->unpack);
	return c == 0 ? tar_end(r->tar) : c;
}

/* What could not be read on may be so because somebody was at it: the rest tells. */
static int rest(struct reading *r)
{
	FREE uint8_t *piece = malloc(PIECE);
	int n;

	must(piece);
	while ((n = next(r, piece)) > 0) {
		int c = proof_pace(&r->pace, r->p->bytes);

		if (c < 0)
			return c;
	}
	return n;
}

static bool is_named(struct reading *r)
{
	uint8_t is[SHA_LEN], want[SHA_LEN];

	return sha_end(r->packed, is) == 0 && text_unhex(r->name, want, SHA_LEN) == 0 &&
	       sha_same(is, want);
}

/* It need not have been unpacked here: a few bytes must not keep us for hours. */
static uint64_t most(const struct stat *st)
{
	uint64_t n = PLAIN_MIN + (uint64_t)st->st_size * RATIO;

	return (uint64_t)st->st_size > PLAIN_MAX / RATIO || n > PLAIN_MAX ? PLAIN_MAX : n;
}

static int open_all(struct reading *r)
{
	struct stat st;
	int c = stream_new(&r->stream);

	buf_add_span(&r->path, buf_span(&r->p->from.file));
	buf_add_span(&r->path, r->name);
	r->fd = open(buf_text(&r->path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	if (c == 0 && (r->fd < 0 || fstat(r->fd, &st) < 0))
		c = err_sys("%s", buf_text(&r->path));
	if (c == 0 && !S_ISREG(st.st_mode))
		c = err_set(-EINVAL, "%s: not a regular file", buf_text(&r->path));
	if (c == 0)
		c = sha_new(&r->packed);
	if (c == 0)
		c = sha_begin(r->packed);
	if (c == 0)
		c = tar_new(TAR_WHOLE, &r->tar);
	if (c == 0)
		tar_keep_empty(r->tar);
	return c == 0 ? unpack_new(UNPACK_TELL, most(&st), &r->unpack) : c;
}

static int spoiled(struct reading *r, const char *why)
{
	buf_reset(&r->p->blame);
	buf_printf(&r->p->blame, "%s: %s", buf_text(&r->path), why);
	return PROOF_SPOILED;
}

static int one(struct reading *r)
{
	BUF struct buf why = {0};
	uint8_t is[SHA_LEN], want[SHA_LEN];
	int c = open_all(r), n;

	if (c < 0)
		return c;
	c = take_all(r);
	if (c == -ECANCELED)
		return c;
	buf_add_text(&why, c < 0 ? err_why() : "");
	n = c < 0 ? rest(r) : 0;
	if (n < 0)
		return n;
	if (!is_named(r))
		return spoiled(r, "does not have the digest that it goes by");
	if (c < 0)
		return err_set(c, "its archive: %s", buf_text(&why));
	c = stream_end(r->stream, is);
	if (c == 0)
		c = text_unhex(buf_span(&r->p->from.digest), want, SHA_LEN);
	if (c < 0)
		return c;
	return sha_same(is, want)
		       ? 0
		       : spoiled(r,
				 "unpacks to another digest than the image's configuration lists");
}

/* The first that gives the layer's digest; what another one says does not count. */
int proof_blob(struct proof *p, const struct proof_options *opt)
{
	int c = PROOF_SPOILED;

	for (size_t at = 0; at + HEX <= p->from.packed.n; at += HEX) {
		CLEANUP(reading_end)
		struct reading r = {.p = p,
			.pace = {opt, clock_mono(), p->bytes},
			.name = span_make(p->from.packed.p + at, HEX),
			.fd = -1};

		p->n = p->sorted = p->n_opaque = 0;
		c = one(&r);
		if (c == 0 || c == -ECANCELED)
			break;
	}
	if (c)
		p->n = p->sorted = p->n_opaque = 0;
	else
		buf_reset(&p->blame);
	if (c == 0)
		proof_seal(p);
	return c;
}

/* ---- directories that it has no entry of ---- */

bool proof_below(struct proof *p, struct span path, struct record *ret)
{
	struct rd at = rd_of(buf_span(&p->from.below));
	LOOK struct look l = {.dev = 0};

	while (!rd_end(&at)) {
		struct span root = rd_bytes(&at);
		BUF struct buf text = {0};
		FD int root_fd = -1, fd = -1;

		buf_add_span(&text, root);
		root_fd = open(buf_text(&text), O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root_fd < 0 || beneath_open(root_fd, path, O_PATH | O_NOFOLLOW, &fd) != 0)
			continue;
		if (look_at(fd, (struct span){0}, p->lower->marks, &l) != 0 ||
			l.rec.type != FILE_DIR)
			return false;
		*ret = (struct record){.type = FILE_DIR,
			.mode = l.rec.mode,
			.uid = l.rec.uid,
			.gid = l.rec.gid,
			.xattrs = arena_dup(&p->mem, l.rec.xattrs)};
		return true;
	}
	return false;
}
