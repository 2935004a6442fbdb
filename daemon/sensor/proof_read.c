/*
 * Putting a layer's archive together again: headers from tar-split, contents from the disk, in the archive's order.
 * Nothing of the archive is kept but its digest and what its headers say. What is wrong with a file does not stop
 * it: the digest is lost then, and a second reading tells by checksums which files are not what they were.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/proof_hands.h"
#include "image/tarsplit.h"
#include "image/unpack.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };
#define SPLIT_MAX (UINT64_C(4) << 30)

struct reading {
	struct proof *p;
	const struct proof_options *opt;
	struct tar *tar;
	struct tarsplit *split;
	struct unpack *unpack;
	/* What is read already: of the file at `fd`, of that unpacked, of a line of that. */
	int fd;
	uint8_t *piece;
	struct span packed, lines, bytes;
	struct proof_want *file; /* that stands next; NULL: none */
	struct large *large;
	struct pace pace;
	bool lost; /* a file is not as long as it was: there is no digest any more */
};

static void reading_end(struct reading *r)
{
	tar_free(r->tar);
	tarsplit_free(r->split);
	unpack_free(r->unpack);
	free(r->piece);
	fd_close(&r->fd);
}

static int pace(struct reading *r)
{
	return proof_pace(&r->pace, r->p->bytes);
}

/* ---- items ---- */

static struct proof_want *last(const struct proof *p)
{
	return p->n ? p->v[p->n - 1] : NULL;
}

static int take_content(struct reading *r, const struct tarsplit_item *i)
{
	struct proof_want *w = last(r->p);
	BUF struct buf path = {0};
	int c;

	if (!i->size)
		return 0;
	c = tar_path(i->name, &path);
	if (c < 0)
		return c;
	if (!w || !span_eq(w->path, buf_span(&path)) || w->rec.size != i->size)
		return err_set(
			-EBADMSG, "what the engine kept of its archive does not agree with itself");
	if (r->opt->max_bytes && i->size > r->opt->max_bytes)
		return err_set(-EFBIG, "a file in it is larger than what is read at most");
	w->crc = i->crc;
	w->has_crc = i->has_crc;
	r->file = w;
	return 0;
}

/* An empty file has no content to be read with: its digest is known. */
static void know_empty(struct proof_want *w)
{
	if (w->rec.type != FILE_REG || w->rec.size || w->hard)
		return;
	sha_once((struct span){0}, w->sha);
	w->has_sha = true;
}

static int take_bytes(struct reading *r, struct span bytes)
{
	struct tar_entry e;
	struct span none;
	int c;

	r->bytes = bytes;
	while ((c = tar_step(r->tar, &bytes, &e, &none)) == TAR_ENTRY) {
		size_t n = r->p->n;

		c = proof_add(r->p, &e);
		if (c < 0)
			return c;
		if (r->p->n > n)
			know_empty(last(r->p));
	}
	return c == TAR_MORE ? 0 : c;
}

/* > 0: there is an item, a line, or a piece more. */
static int next_item(struct reading *r)
{
	struct tarsplit_item i;
	int c = tarsplit_step(r->split, &r->lines, &i);

	if (c != TARSPLIT_ITEM)
		return c < 0 ? c : 0;
	c = i.file ? take_content(r, &i) : take_bytes(r, i.bytes);
	return c < 0 ? c : 1;
}

static int next_lines(struct reading *r)
{
	int c = unpack_step(r->unpack, &r->packed, &r->lines);

	return c < 0 ? c : c == UNPACK_OUT;
}

static int next_packed(struct reading *r)
{
	ssize_t n;

	do
		n = read(r->fd, r->piece, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("read");
	r->packed = span_make(r->piece, (size_t)n);
	return n > 0;
}

static int at_end(struct reading *r)
{
	int c = unpack_end(r->unpack);

	if (c == 0)
		c = tarsplit_end(r->split);
	return c == 0 ? tar_end(r->tar) : c;
}

/* Until there are bytes or a file to put somewhere. 0: that was all. */
static int find_next(struct reading *r)
{
	int c = 1;

	while (c > 0 && !r->bytes.n && !r->file) {
		c = next_item(r);
		if (c == 0)
			c = next_lines(r);
		if (c == 0)
			c = next_packed(r);
	}
	return c == 0 ? at_end(r) : c;
}

static void put_bytes(struct reading *r, struct block *b)
{
	size_t n = r->bytes.n < BLOCK - b->n ? r->bytes.n : BLOCK - b->n;

	memcpy(b->p + b->n, r->bytes.p, n);
	b->n += n;
	r->bytes = span_make(r->bytes.p + n, r->bytes.n - n);
}

static int put_file(struct reading *r, struct hand *h, struct block *b)
{
	size_t before = b->n;
	int c = hands_put(h, b, r->file, &r->large);

	r->p->bytes += b->n - before;
	if (!r->large)
		r->file = NULL;
	return c;
}

static int plan_block(void *ctx, struct hand *h, struct block *b)
{
	struct reading *r = ctx;
	int c = 1;

	while (b->n < BLOCK && (c = find_next(r)) > 0) {
		if (r->bytes.n)
			put_bytes(r, b);
		else if (!hands_has_room(b, r->file->rec.size))
			break;
		else if ((c = put_file(r, h, b)) < 0)
			return c;
	}
	if (c >= 0 && pace(r) < 0)
		return -ECANCELED;
	return c < 0 ? c : b->n > 0;
}

/* ---- which files are not what they were ---- */

/* Of what the name shows; *ret_same: it is the file that `w` had. `sha`, if not NULL, is fed. */
static int sum_of(struct reading *r, struct hand *h, const struct proof_want *name,
	const struct proof_want *w, struct sha *sha, bool *ret_same)
{
	uint64_t crc = 0, left = w->rec.size;
	uint8_t *piece = r->piece;
	FD int fd = -1;
	int c = hand_open(h, r->p, name, &fd);

	if (c)
		return c;
	while (left) {
		ssize_t n = read(fd, piece, left < PIECE ? (size_t)left : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("read");
		if (n == 0)
			break;
		crc = tarsplit_crc(crc, piece, (size_t)n);
		left -= (uint64_t)n;
		r->p->bytes += (uint64_t)n;
		c = sha ? sha_feed(sha, piece, (size_t)n) : 0;
		if (c == 0)
			c = pace(r);
		if (c < 0)
			return c;
	}
	*ret_same = !left && crc == w->crc;
	return 0;
}

static int crc_of(struct reading *r, struct hand *h, struct proof_want *w)
{
	bool same = true;
	int c = sum_of(r, h, w, w, NULL, &same);

	w->spoiled |= !same;
	return c < 0 ? c : 0; /* what is not there, the walk tells */
}

/* Another name of a file that is gone, or another, under the one that the archive has its content with: it may be as
 * it was. The walk holds each name against its digest then. */
static int by_other_name(struct reading *r, struct hand *h, const struct proof_want *name)
{
	struct proof_want *w = (struct proof_want *)(uintptr_t)name->of;
	uint8_t sha[SHA_LEN];
	bool same = false;
	int c = h->sha ? 0 : sha_new(&h->sha);

	if (c == 0)
		c = sha_begin(h->sha);
	if (c == 0)
		c = sum_of(r, h, name, w, h->sha, &same);
	if (c == 0)
		c = sha_end(h->sha, sha);
	if (c || !same || h->look.rec.size != w->rec.size)
		return c < 0 ? c : 0;
	memcpy(w->sha, sha, SHA_LEN);
	w->has_sha = true;
	w->was_read = w->spoiled = false;
	return 0;
}

static int name_them(struct reading *r)
{
	CLEANUP(hand_free) struct hand h = {.dir_fd = -1};
	int c = 0;

	for (size_t i = 0; c == 0 && i < r->p->n; i++)
		if (r->p->v[i]->has_crc && !r->p->v[i]->spoiled)
			c = crc_of(r, &h, r->p->v[i]);
	for (size_t i = 0; c == 0 && i < r->p->n; i++) {
		const struct proof_want *of = r->p->v[i]->of;

		if (of && of->has_crc && of->spoiled)
			c = by_other_name(r, &h, r->p->v[i]);
	}
	return c;
}

static int open_all(struct reading *r)
{
	const char *path = buf_text(&r->p->from.file);
	struct stat st;
	int c;

	r->piece = malloc(PIECE);
	must(r->piece);
	c = fd_open_regular(AT_FDCWD, path, O_NOFOLLOW, path, &st, &r->fd);
	if (c == 0)
		c = tar_new(TAR_HEADERS, &r->tar);
	if (c == 0)
		c = tarsplit_new(&r->split);
	return c == 0 ? unpack_new(UNPACK_TELL, SPLIT_MAX, &r->unpack) : c;
}

int proof_read(struct proof *p, const struct proof_options *opt)
{
	CLEANUP(reading_end)
	struct reading r = {.p = p, .opt = opt, .fd = -1, .pace = {opt, clock_mono(), 0}};
	uint8_t is[SHA_LEN], want[SHA_LEN];
	int c = open_all(&r);

	/* Who is held back is one that works beside others as well. */
	if (c == 0)
		c = hands_run(p, opt->rate ? 1 : hands_enough(), plan_block, &r, is, &r.lost);
	if (c == 0)
		c = text_unhex(buf_span(&p->from.digest), want, SHA_LEN);
	if (c < 0)
		return c;
	p->unlike = r.lost || !sha_same(is, want);
	proof_seal(p);
	return p->unlike ? name_them(&r) : 0;
}
