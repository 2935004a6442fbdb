/*
 * The ring is of blocks: a block is handed over when it is full, so that locks are taken once per block. Each of the
 * two readers goes through all blocks, one through all bytes, one through the parts that are files; a block is free
 * when both have left it.
 */
#include "daemon/sensor/proof_stream.h"
#include "base/err.h"
#include <pthread.h>
#include <stdlib.h>

enum { BLOCK = 128 << 10, BLOCKS = 8, PARTS = 512, READERS = 2 };

/* A piece of a file. */
struct part {
	uint32_t off, n;
	bool first, last;
	uint8_t *out; /* with `last` */
};
struct block {
	uint8_t *p;
	size_t n;
	struct part *part;
	size_t n_parts;
};
struct reader {
	pthread_t thread;
	struct stream *s;
	void (*use)(struct reader *r, const struct block *b);
	struct sha *sha;
	uint64_t taken; /* blocks */
	int err;
	bool begun;
};
struct stream {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	struct block block[BLOCKS];
	struct reader reader[READERS];
	uint64_t made;
	bool ended;
	/* The maker's own. */
	bool in_file, fresh; /* fresh: the file has no part yet */
};

static void take_all(struct reader *r, const struct block *b)
{
	if (r->err == 0)
		r->err = sha_feed(r->sha, b->p, b->n);
}

static void take_files(struct reader *r, const struct block *b)
{
	for (size_t i = 0; i < b->n_parts && r->err == 0; i++) {
		const struct part *p = &b->part[i];

		if (p->first)
			r->err = sha_begin(r->sha);
		if (r->err == 0 && p->n)
			r->err = sha_feed(r->sha, b->p + p->off, p->n);
		if (r->err == 0 && p->last && p->out)
			r->err = sha_end(r->sha, p->out);
	}
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	struct stream *s = r->s;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		const struct block *b = &s->block[r->taken % BLOCKS];

		if (r->taken == s->made) {
			if (s->ended)
				break;
			pthread_cond_wait(&s->turn, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		r->use(r, b);
		pthread_mutex_lock(&s->lock);
		r->taken++;
		pthread_cond_broadcast(&s->turn);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int reader_start(struct stream *s, struct reader *r)
{
	int c = sha_new(&r->sha);

	r->s = s;
	if (c == 0)
		c = sha_begin(r->sha);
	if (c == 0 && pthread_create(&r->thread, NULL, reader_main, r) != 0)
		c = err_set(-EAGAIN, "no thread");
	r->begun = c == 0;
	return c;
}

int stream_new(struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));
	int c = 0;

	must(s);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->turn, NULL);
	for (int i = 0; i < BLOCKS; i++) {
		s->block[i].p = malloc(BLOCK);
		s->block[i].part = calloc(PARTS, sizeof(*s->block[i].part));
		must(s->block[i].p && s->block[i].part);
	}
	s->reader[0].use = take_all;
	s->reader[1].use = take_files;
	for (int i = 0; i < READERS && c == 0; i++)
		c = reader_start(s, &s->reader[i]);
	if (c < 0) {
		stream_free(s);
		return c;
	}
	*ret = s;
	return 0;
}

static void finish(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_broadcast(&s->turn);
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < READERS; i++) {
		if (s->reader[i].begun)
			pthread_join(s->reader[i].thread, NULL);
		s->reader[i].begun = false;
	}
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	finish(s);
	for (int i = 0; i < READERS; i++)
		sha_free(s->reader[i].sha);
	for (int i = 0; i < BLOCKS; i++) {
		free(s->block[i].p);
		free(s->block[i].part);
	}
	pthread_cond_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct block *now(struct stream *s)
{
	return &s->block[s->made % BLOCKS];
}

static bool is_full(const struct stream *s)
{
	for (int i = 0; i < READERS; i++)
		if (s->made - s->reader[i].taken == BLOCKS)
			return true;
	return false;
}

static void hand_over(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->made++;
	pthread_cond_broadcast(&s->turn);
	while (is_full(s))
		pthread_cond_wait(&s->turn, &s->lock);
	pthread_mutex_unlock(&s->lock);
	now(s)->n = now(s)->n_parts = 0;
}

uint8_t *stream_room(struct stream *s, size_t *ret_n)
{
	*ret_n = BLOCK - now(s)->n;
	return now(s)->p + now(s)->n;
}

/* The part of the file at hand in this block; there is always room for one more. */
static struct part *part(struct stream *s)
{
	struct block *b = now(s);
	struct part *p = b->n_parts ? &b->part[b->n_parts - 1] : NULL;

	if (!p || p->last || s->fresh) {
		p = &b->part[b->n_parts++];
		*p = (struct part){.off = (uint32_t)b->n, .first = s->fresh};
		s->fresh = false;
	}
	return p;
}

void stream_add(struct stream *s, size_t n)
{
	struct block *b = now(s);

	if (s->in_file)
		part(s)->n += (uint32_t)n;
	b->n += n;
	if (b->n == BLOCK)
		hand_over(s);
}

void stream_put(struct stream *s, struct span bytes)
{
	while (bytes.n) {
		size_t n;
		uint8_t *to = stream_room(s, &n);

		n = bytes.n < n ? bytes.n : n;
		memcpy(to, bytes.p, n);
		stream_add(s, n);
		bytes = span_make(bytes.p + n, bytes.n - n);
	}
}

void stream_open_file(struct stream *s)
{
	if (now(s)->n_parts >= PARTS - 2)
		hand_over(s);
	s->in_file = s->fresh = true;
}

void stream_close_file(struct stream *s, uint8_t out[SHA_LEN])
{
	struct part *p = part(s);

	p->last = true;
	p->out = out;
	s->in_file = false;
}

int stream_end(struct stream *s, uint8_t ret[SHA_LEN])
{
	if (now(s)->n || now(s)->n_parts)
		hand_over(s);
	finish(s);
	for (int i = 0; i < READERS; i++)
		if (s->reader[i].err < 0)
			return s->reader[i].err;
	return sha_end(s->reader[0].sha, ret);
}
