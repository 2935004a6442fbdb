/*
 * Putting a layer's archive together again: headers from tar-split, contents from the disk, in the archive's order.
 * Nothing of the archive is kept but its digest and what its headers say. What is wrong with a file does not stop
 * it: the digest is lost then, and a second reading tells by checksums which files are not what they were.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/proof_own.h"
#include "daemon/sensor/proof_stream.h"
#include "fs/beneath.h"
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
	struct stream *stream;
	struct tar *tar;
	struct tarsplit *split;
	struct unpack *unpack;
	struct look look;
	struct span dir; /* that dir_fd stands for; borrowed from a name */
	int dir_fd;
	struct pace pace;
	bool lost; /* a file is not as long as it was: there is no digest any more */
};

static void reading_end(struct reading *r)
{
	stream_free(r->stream);
	tar_free(r->tar);
	tarsplit_free(r->split);
	unpack_free(r->unpack);
	look_free(&r->look);
	fd_close(&r->dir_fd);
}

static int pace(struct reading *r)
{
	return proof_pace(&r->pace, r->p->bytes);
}

/* ---- a file ---- */

static int enter(struct reading *r, struct span dir)
{
	if (r->dir_fd >= 0 && span_eq(r->dir, dir))
		return 0;
	fd_close(&r->dir_fd);
	r->dir = dir;
	return beneath_open(r->p->lower->root_fd, dir, O_PATH | O_DIRECTORY, &r->dir_fd);
}

/* 0: it is a file. LOOK_ABSENT: no file is there. Negative: that could not be seen. */
static int is_file(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISREG(st.st_mode) ? 0 : LOOK_ABSENT;
	return errno == ENOENT || errno == ENAMETOOLONG ? LOOK_ABSENT : err_sys("look");
}

/* What cannot be opened is not said to be another: only what is not there is. */
static int open_file(struct reading *r, const struct proof_want *w, int *ret)
{
	BUF struct buf name = {0};
	int c = enter(r, proof_dir(w));

	/* What is no file any more must not be opened: a FIFO waits, a device acts. */
	buf_add_span(&name, proof_name(w));
	if (c == 0)
		c = is_file(r->dir_fd, buf_text(&name));
	if (c == 0)
		c = look_open(r->dir_fd, proof_name(w), r->p->lower->marks, &r->look, ret);
	if (c >= 0)
		return c ? LOOK_ABSENT : 0;
	buf_reset(&name);
	text_quote(&name, w->path, true);
	return err_wrap(c, "%.256s", buf_text(&name));
}

/* The content, into the stream; its digest to `out`. True: it was `size` bytes. */
static int read_file(
	struct reading *r, int fd, uint64_t size, uint8_t out[SHA_LEN], bool *ret_whole)
{
	uint64_t left = size;
	int c = 0;

	stream_open_file(r->stream);
	while (c == 0 && left) {
		size_t room;
		uint8_t *to = stream_room(r->stream, &room);
		ssize_t n;

		room = room < PIECE ? room : PIECE;
		n = read(fd, to, left < room ? (size_t)left : room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			c = err_sys("read");
		if (n <= 0)
			break;
		stream_add(r->stream, (size_t)n);
		left -= (uint64_t)n;
		r->p->bytes += (uint64_t)n;
		c = pace(r);
	}
	stream_close_file(r->stream, out);
	*ret_whole = left == 0;
	return c;
}

static bool held_still(const struct reading *r, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_size == r->look.rec.size &&
	       st.st_ctim.tv_sec * CLOCK_S + st.st_ctim.tv_nsec == r->look.ctime;
}

static void keep_look(struct proof *p, struct proof_want *w, const struct look *l)
{
	w->disk = l->rec;
	w->disk.link = arena_dup(&p->mem, l->rec.link);
	w->disk.xattrs = arena_dup(&p->mem, l->rec.xattrs);
	w->disk.redirect = arena_dup(&p->mem, l->rec.redirect);
	w->ino = l->ino;
	w->ctime = l->ctime;
}

static int take_file(struct reading *r, struct proof_want *w, uint64_t size)
{
	bool whole = false;
	FD int fd = -1;
	int c = open_file(r, w, &fd);

	if (r->opt->max_bytes && size > r->opt->max_bytes)
		return err_set(-EFBIG, "a file in it is larger than what is read at most");
	if (c == 0)
		c = read_file(r, fd, size, w->sha, &whole);
	if (c < 0)
		return c;
	if (!whole || r->look.rec.size != size) {
		w->spoiled = r->lost = true;
		return 0;
	}
	keep_look(r->p, w, &r->look);
	w->has_sha = true;
	w->was_read = held_still(r, fd);
	return 0;
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
	w->crc = i->crc;
	w->has_crc = i->has_crc;
	return take_file(r, w, i->size);
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

	stream_put(r->stream, bytes);
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

static int take_lines(struct reading *r, struct span lines)
{
	struct tarsplit_item i;
	int c;

	while ((c = tarsplit_step(r->split, &lines, &i)) == TARSPLIT_ITEM) {
		c = i.file ? take_content(r, &i) : take_bytes(r, i.bytes);
		if (c < 0)
			return c;
	}
	return c < 0 ? c : pace(r);
}

static int take_packed(struct reading *r, struct span packed)
{
	struct span out;
	int c;

	while ((c = unpack_step(r->unpack, &packed, &out)) == UNPACK_OUT) {
		c = take_lines(r, out);
		if (c < 0)
			return c;
	}
	return c < 0 ? c : 0;
}

static int take_all(struct reading *r, int fd)
{
	FREE uint8_t *piece = malloc(PIECE);
	ssize_t n;
	int c = 0;

	must(piece);
	while (c == 0 && (n = read(fd, piece, PIECE)) != 0) {
		if (n < 0)
			return errno == EINTR ? 0 : err_sys("read");
		c = take_packed(r, span_make(piece, (size_t)n));
	}
	if (c == 0)
		c = unpack_end(r->unpack);
	if (c == 0)
		c = tarsplit_end(r->split);
	return c == 0 ? tar_end(r->tar) : c;
}

/* ---- which files are not what they were ---- */

static int crc_of(struct reading *r, struct proof_want *w, uint8_t *piece)
{
	uint64_t crc = 0, left = w->rec.size;
	FD int fd = -1;
	int c = open_file(r, w, &fd);

	if (c)
		return c < 0 ? c : 0; /* what is not there, the walk tells */
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
		c = pace(r);
		if (c < 0)
			return c;
	}
	w->spoiled |= left || crc != w->crc;
	return 0;
}

static int name_them(struct reading *r)
{
	FREE uint8_t *piece = malloc(PIECE);
	int c = 0;

	must(piece);
	for (size_t i = 0; c == 0 && i < r->p->n; i++)
		if (r->p->v[i]->has_crc && !r->p->v[i]->spoiled)
			c = crc_of(r, r->p->v[i], piece);
	return c;
}

/* Whatever lies in its place must not hold us up. */
static int open_kept(const char *path, int *ret_fd)
{
	FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EBADMSG, "%s: is no regular file", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int open_all(struct reading *r, int *ret_fd)
{
	int c = stream_new(&r->stream);

	if (c == 0)
		c = open_kept(buf_text(&r->p->from.file), ret_fd);
	if (c == 0)
		c = tar_new(TAR_HEADERS, &r->tar);
	if (c == 0)
		c = tarsplit_new(&r->split);
	return c == 0 ? unpack_new(UNPACK_TELL, SPLIT_MAX, &r->unpack) : c;
}

int proof_read(struct proof *p, const struct proof_options *opt)
{
	CLEANUP(reading_end)
	struct reading r = {.p = p, .opt = opt, .dir_fd = -1, .pace = {opt, clock_mono(), 0}};
	uint8_t is[SHA_LEN], want[SHA_LEN];
	FD int fd = -1;
	int c = open_all(&r, &fd);

	if (c == 0)
		c = take_all(&r, fd);
	if (c == 0)
		c = stream_end(r.stream, is);
	if (c == 0)
		c = text_unhex(buf_span(&p->from.digest), want, SHA_LEN);
	if (c < 0)
		return c;
	p->unlike = r.lost || !sha_same(is, want);
	if (p->unlike)
		c = name_them(&r);
	proof_seal(p);
	return c;
}
