/*
 * No one waits but for a predecessor, and a block is taken by who plans it: the first one under way can always go on,
 * so that all can.
 */
#include "daemon/sensor/proof_hands.h"
#include "base/err.h"
#include "base/text.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = BLOCK / 2, HANDS = 3, WHY = 512 };

struct large {
	struct large *next;
	int fd; /* -1: it is not there */
	struct look look;
	struct sha *sha;
	uint64_t planned, pieces, fed; /* bytes; pieces; pieces */
	bool spoiled;
};
struct hands {
	struct proof *p;
	plan_fn *plan;
	void *ctx;
	struct sha *sha;
	struct hand hand[HANDS];
	pthread_mutex_t planning; /* what follows, and all that the plan has */
	uint64_t planned;
	bool ended;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t turn;
	unsigned waiting;
	uint64_t fed; /* blocks */
	struct large *large;
	bool lost;
	atomic_int failed;
	char why[WHY];
};

/* ---- a file ---- */

static int enter(struct hand *h, const struct proof *p, struct span dir)
{
	if (h->dir_fd >= 0 && span_eq(h->dir, dir))
		return 0;
	fd_close(&h->dir_fd);
	h->dir = dir;
	return beneath_open(p->lower->root_fd, dir, O_PATH | O_DIRECTORY, &h->dir_fd);
}

/* 0: it is a file. LOOK_ABSENT: no file is there. Negative: that could not be seen. */
static int is_file(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISREG(st.st_mode) ? 0 : LOOK_ABSENT;
	return errno == ENOENT || errno == ENAMETOOLONG ? LOOK_ABSENT : err_sys("look");
}

static int in_words(const struct proof_want *w, int code)
{
	BUF struct buf path = {0};

	text_quote(&path, w->path, true);
	return err_wrap(code, "%.256s", buf_text(&path));
}

/* What cannot be opened is not said to be another: only what is not there is. */
int hand_open(struct hand *h, const struct proof *p, const struct proof_want *w, int *ret_fd)
{
	BUF struct buf name = {0};
	int c = enter(h, p, proof_dir(w));

	/* What is no file any more must not be opened: a FIFO waits, a device acts. */
	buf_add_span(&name, proof_name(w));
	if (c == 0)
		c = is_file(h->dir_fd, buf_text(&name));
	if (c == 0)
		c = look_open(h->dir_fd, proof_name(w), p->lower->marks, &h->look, ret_fd);
	return c < 0 ? in_words(w, c) : c ? LOOK_ABSENT : 0;
}

void hand_free(struct hand *h)
{
	fd_close(&h->dir_fd);
	look_free(&h->look);
	sha_free(h->sha);
	free(h->block.p);
}

/* Whether it held still meanwhile, the walk's own stat tells: proof_has(). */
static void keep_look(struct hands *s, struct proof_want *w, const struct look *l)
{
	w->disk = l->rec;
	if (l->rec.link.n || l->rec.xattrs.n || l->rec.redirect.n) {
		pthread_mutex_lock(&s->lock);
		w->disk.link = arena_dup(&s->p->looked, l->rec.link);
		w->disk.xattrs = arena_dup(&s->p->looked, l->rec.xattrs);
		w->disk.redirect = arena_dup(&s->p->looked, l->rec.redirect);
		pthread_mutex_unlock(&s->lock);
	}
	w->ino = l->ino;
	w->ctime = l->ctime;
	w->has_sha = w->was_read = true;
}

static void lose(struct hands *s, struct proof_want *w)
{
	w->spoiled = true;
	pthread_mutex_lock(&s->lock);
	s->lost = true;
	pthread_mutex_unlock(&s->lock);
}

/* 1: there were so many. 0: not so many. */
static int fetch(const struct piece *i, int fd, uint8_t *to)
{
	uint64_t from = i->from;
	size_t n = i->n;

	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)from);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return in_words(i->w, err_sys("read"));
		if (got == 0)
			return 0;
		to += got;
		from += (uint64_t)got;
		n -= (size_t)got;
	}
	return 1;
}

static int take_small(struct hand *h, const struct piece *i)
{
	struct hands *s = h->of;
	uint8_t *to = h->block.p + i->at;
	FD int fd = -1;
	int c = hand_open(h, s->p, i->w, &fd);
	int whole = c == 0 ? fetch(i, fd, to) : 0;

	if (c < 0 || whole < 0)
		return c < 0 ? c : whole;
	if (!whole || h->look.rec.size != i->n) {
		lose(s, i->w);
		return 0;
	}
	c = sha_begin(h->sha);
	if (c == 0)
		c = sha_feed(h->sha, to, i->n);
	if (c == 0)
		c = sha_end(h->sha, i->w->sha);
	if (c == 0)
		keep_look(s, i->w, &h->look);
	return c;
}

static void large_free(struct large *l)
{
	fd_close(&l->fd);
	look_free(&l->look);
	sha_free(l->sha);
	free(l);
}

/* Its first piece is planned: opened by whoever plans, so that it is one file for all of them. */
static int large_new(struct hand *h, struct proof_want *w, struct large **ret)
{
	struct large *l = calloc(1, sizeof(*l));
	int c;

	must(l);
	l->fd = -1;
	pthread_mutex_lock(&h->of->lock);
	l->next = h->of->large;
	h->of->large = l;
	pthread_mutex_unlock(&h->of->lock);
	c = sha_new(&l->sha);
	if (c == 0)
		c = sha_begin(l->sha);
	if (c == 0)
		c = hand_open(h, h->of->p, w, &l->fd);
	if (c >= 0 && l->fd >= 0) {
		l->look = h->look;
		h->look = (struct look){0};
	}
	*ret = l;
	return c < 0 ? c : 0;
}

static void large_end(struct hands *s, struct large *l)
{
	struct large **at = &s->large;

	pthread_mutex_lock(&s->lock);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	pthread_mutex_unlock(&s->lock);
	large_free(l);
}

/* ---- turns ---- */

/* With the lock held, until *now is `no`. False: there is no more to be done. */
static bool wait_for(struct hands *s, const uint64_t *now, uint64_t no)
{
	while (*now != no && !atomic_load(&s->failed)) {
		s->waiting++;
		pthread_cond_wait(&s->turn, &s->lock);
		s->waiting--;
	}
	return !atomic_load(&s->failed);
}

static void pass_on(struct hands *s, uint64_t *now)
{
	++*now;
	if (s->waiting)
		pthread_cond_broadcast(&s->turn);
}

static int feed_large(struct hand *h, const struct piece *i, bool there)
{
	struct hands *s = h->of;
	struct large *l = i->large;
	bool mine;
	int c = 0;

	pthread_mutex_lock(&s->lock);
	mine = wait_for(s, &l->fed, i->no);
	pthread_mutex_unlock(&s->lock);
	if (!mine)
		return 0;
	l->spoiled |= !there;
	if (!l->spoiled)
		c = sha_feed(l->sha, h->block.p + i->at, i->n);
	if (c == 0 && i->last && (l->spoiled || l->look.rec.size != i->w->rec.size))
		lose(s, i->w);
	else if (c == 0 && i->last && (c = sha_end(l->sha, i->w->sha)) == 0)
		keep_look(s, i->w, &l->look);
	if (c == 0 && i->last) {
		large_end(s, l);
		return 0;
	}
	pthread_mutex_lock(&s->lock);
	pass_on(s, &l->fed);
	pthread_mutex_unlock(&s->lock);
	return c;
}

static int take_large(struct hand *h, const struct piece *i)
{
	struct large *l = i->large;

	int there = l->fd >= 0 ? fetch(i, l->fd, h->block.p + i->at) : 0;

	return there < 0 ? there : feed_large(h, i, there);
}

static int feed_archive(struct hand *h)
{
	struct hands *s = h->of;
	bool mine;
	int c = 0;

	pthread_mutex_lock(&s->lock);
	mine = wait_for(s, &s->fed, h->block.no);
	pthread_mutex_unlock(&s->lock);
	if (mine)
		c = sha_feed(s->sha, h->block.p, h->block.n);
	pthread_mutex_lock(&s->lock);
	if (mine)
		pass_on(s, &s->fed);
	pthread_mutex_unlock(&s->lock);
	return c;
}

/* ---- one of them ---- */

static void fail(struct hands *s, int code)
{
	pthread_mutex_lock(&s->lock);
	if (!atomic_load(&s->failed)) {
		atomic_store(&s->failed, code);
		snprintf(s->why, sizeof(s->why), "%s", err_why());
	}
	pthread_cond_broadcast(&s->turn);
	pthread_mutex_unlock(&s->lock);
}

/* > 0: there is a block. */
static int plan(struct hand *h)
{
	struct hands *s = h->of;
	int c;

	pthread_mutex_lock(&s->planning);
	h->block.n = h->block.n_pieces = 0;
	c = s->ended || atomic_load(&s->failed) ? 0 : s->plan(s->ctx, h, &h->block);
	h->block.no = s->planned;
	s->ended |= c <= 0;
	s->planned += c > 0;
	pthread_mutex_unlock(&s->planning);
	return c;
}

static int take_block(struct hand *h)
{
	int c = 0;

	for (size_t i = 0; i < h->block.n_pieces && c == 0; i++) {
		const struct piece *at = &h->block.piece[i];

		c = at->large ? take_large(h, at) : take_small(h, at);
	}
	return c == 0 ? feed_archive(h) : c;
}

static void *hand_main(void *arg)
{
	struct hand *h = arg;
	int c;

	while ((c = plan(h)) > 0 && (c = take_block(h)) == 0)
		;
	if (c < 0)
		fail(h->of, c);
	return NULL;
}

static int hand_new(struct hands *s, struct hand *h)
{
	h->of = s;
	h->dir_fd = -1;
	h->block.p = malloc(BLOCK);
	must(h->block.p);
	return sha_new(&h->sha);
}

unsigned hands_enough(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* A third one helps as long as two of them read and take files' digests and one the archive's. */
	return cpus > 2 ? HANDS : 2;
}

static int run(struct hands *s, unsigned n)
{
	unsigned i = 1;

	/* Who cannot be had is not waited for: one is enough. */
	for (; i < n && i < HANDS && hand_new(s, &s->hand[i]) == 0; i++)
		s->hand[i].begun =
			pthread_create(&s->hand[i].thread, NULL, hand_main, &s->hand[i]) == 0;
	hand_main(&s->hand[0]);
	for (i = 1; i < HANDS; i++)
		if (s->hand[i].begun)
			pthread_join(s->hand[i].thread, NULL);
	return s->failed ? err_set(atomic_load(&s->failed), "%s", s->why) : 0;
}

int hands_run(struct proof *p, unsigned n, plan_fn *plan_it, void *ctx, uint8_t ret[SHA_LEN],
	bool *ret_lost)
{
	FREE struct hands *s = calloc(1, sizeof(*s));
	int c;

	must(s);
	s->p = p;
	s->plan = plan_it;
	s->ctx = ctx;
	for (unsigned i = 0; i < HANDS; i++)
		s->hand[i].dir_fd = -1;
	pthread_mutex_init(&s->planning, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->turn, NULL);
	c = sha_new(&s->sha);
	if (c == 0)
		c = sha_begin(s->sha);
	if (c == 0)
		c = hand_new(s, &s->hand[0]);
	if (c == 0)
		c = run(s, n);
	if (c == 0)
		c = sha_end(s->sha, ret);
	*ret_lost = s->lost;
	while (s->large)
		large_end(s, s->large);
	for (unsigned i = 0; i < HANDS; i++)
		hand_free(&s->hand[i]);
	sha_free(s->sha);
	pthread_cond_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->planning);
	return c;
}

/* ---- for the plan ---- */

static struct piece *piece(struct block *b, struct proof_want *w, size_t n)
{
	struct piece *i = &b->piece[b->n_pieces++];

	*i = (struct piece){.w = w, .at = (uint32_t)b->n, .n = (uint32_t)n};
	b->n += n;
	return i;
}

bool hands_has_room(const struct block *b, uint64_t size)
{
	return b->n_pieces < PIECES && b->n < BLOCK && (size > SMALL || size <= BLOCK - b->n);
}

int hands_put(struct hand *h, struct block *b, struct proof_want *w, struct large **at)
{
	struct large *l = *at;
	uint64_t left;
	struct piece *i;
	int c = 0;

	if (w->rec.size <= SMALL) {
		piece(b, w, (size_t)w->rec.size);
		return 0;
	}
	if (!l && (c = large_new(h, w, &l)) < 0)
		return c;
	left = w->rec.size - l->planned;
	i = piece(b, w, left < BLOCK - b->n ? (size_t)left : BLOCK - b->n);
	i->large = l;
	i->from = l->planned;
	i->no = l->pieces++;
	i->last = i->n == left;
	l->planned += i->n;
	*at = i->last ? NULL : l;
	return 0;
}
