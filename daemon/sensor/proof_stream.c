/* The ring is of blocks: a block is handed over when it is full, so that locks are taken once per block. */
#include "daemon/sensor/proof_stream.h"
#include "base/err.h"
#include <pthread.h>
#include <stdlib.h>

enum { BLOCK = 128 << 10, BLOCKS = 8 };

struct stream {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	struct sha *sha;
	uint8_t *block[BLOCKS];
	size_t n[BLOCKS];
	uint64_t made, taken; /* blocks */
	size_t fill;	      /* of the block at hand: the maker's own */
	bool ended, joined;
	int err;
};

static void *digest(void *arg)
{
	struct stream *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		size_t at = s->taken % BLOCKS;

		if (s->taken == s->made) {
			if (s->ended)
				break;
			pthread_cond_wait(&s->turn, &s->lock);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		if (s->err == 0)
			s->err = sha_feed(s->sha, s->block[at], s->n[at]);
		pthread_mutex_lock(&s->lock);
		s->taken++;
		pthread_cond_signal(&s->turn);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int stream_new(struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r;

	must(s);
	s->joined = true;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->turn, NULL);
	r = sha_new(&s->sha);
	if (r == 0)
		r = sha_begin(s->sha);
	for (int i = 0; i < BLOCKS; i++) {
		s->block[i] = malloc(BLOCK);
		must(s->block[i]);
	}
	if (r == 0 && pthread_create(&s->thread, NULL, digest, s) != 0)
		r = err_set(-EAGAIN, "no thread");
	if (r < 0) {
		stream_free(s);
		return r;
	}
	s->joined = false;
	*ret = s;
	return 0;
}

static void finish(struct stream *s)
{
	if (s->joined)
		return;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_signal(&s->turn);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->joined = true;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	finish(s);
	for (int i = 0; i < BLOCKS; i++)
		free(s->block[i]);
	sha_free(s->sha);
	pthread_cond_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void hand_over(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->n[s->made % BLOCKS] = s->fill;
	s->made++;
	s->fill = 0;
	pthread_cond_signal(&s->turn);
	while (s->made - s->taken == BLOCKS)
		pthread_cond_wait(&s->turn, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

uint8_t *stream_room(struct stream *s, size_t *ret_n)
{
	*ret_n = BLOCK - s->fill;
	return s->block[s->made % BLOCKS] + s->fill;
}

void stream_add(struct stream *s, size_t n)
{
	s->fill += n;
	if (s->fill == BLOCK)
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

int stream_end(struct stream *s, uint8_t ret[SHA_LEN])
{
	if (s->fill)
		hand_over(s);
	finish(s);
	return s->err < 0 ? s->err : sha_end(s->sha, ret);
}
