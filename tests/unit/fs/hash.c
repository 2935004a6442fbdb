/* The digest is that of the content, in bounded time, and never of a file that moved. */
#include "tests/unit/fs/room.h"
#include "fs/hash.h"
#include "base/clock.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

struct fixture {
	struct room room;
	struct sha *sha;
	struct look look;
};

static void fixture_open(struct fixture *f)
{
	*f = (struct fixture){.room = room_open()};
	signal(SIGIO, SIG_IGN);
	assert_int_equal(sha_new(&f->sha), 0);
}

static void fixture_close(struct fixture *f)
{
	look_free(&f->look);
	sha_free(f->sha);
	room_close(&f->room);
}
#define FIXTURE CLEANUP(fixture_close)

static int hash(struct fixture *f, const char *name, const struct hash_budget *budget,
	struct hash_result *ret)
{
	assert_int_equal(look_at(f->room.fd, span_of(name), MARKS_NONE, &f->look), 0);
	return hash_file(f->room.fd, span_of(name), &f->look, true, budget, f->sha, ret);
}

static void known_digests(void **state UNUSED)
{
	static uint8_t content[300001];
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300001};
	FIXTURE struct fixture f;
	struct hash_result got;
	uint8_t want[SHA_LEN];
	size_t i;

	fixture_open(&f);
	for (i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / 251);
	for (i = 0; i < COUNTOF(sizes); i++) {
		room_file(&f.room, "f", content, sizes[i]);
		assert_int_equal(hash(&f, "f", NULL, &got), 0);
		sha_once(span_make(content, sizes[i]), want);
		assert_memory_equal(got.sha, want, SHA_LEN);
		assert_int_equal(got.size, sizes[i]);
		assert_int_equal(got.read, sizes[i]);
		assert_false(got.writer);
		assert_true(got.racy); /* written this very moment */
	}
}

/* The first bytes too, wherever they end: in a block, between two, at the file's end, beyond it. */
static void a_prefix_has_its_digest(void **state UNUSED)
{
	static uint8_t content[300001];
	static const uint64_t ends[] = {1, 65535, 65536, 65537, 300000, 300001, 300002};
	FIXTURE struct fixture f;
	struct hash_result got;
	uint8_t want[SHA_LEN], whole[SHA_LEN];

	fixture_open(&f);
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / 251);
	room_file(&f.room, "f", content, sizeof(content));
	sha_once(span_make(content, sizeof(content)), whole);
	for (size_t i = 0; i < COUNTOF(ends); i++) {
		struct hash_budget how = {.prefix = ends[i], .grows = true};

		assert_int_equal(hash(&f, "f", &how, &got), 0);
		assert_memory_equal(got.sha, whole, SHA_LEN);
		assert_int_equal(got.has_prefix, ends[i] <= sizeof(content));
		if (!got.has_prefix)
			continue;
		sha_once(span_make(content, ends[i]), want);
		assert_memory_equal(got.prefix, want, SHA_LEN);
	}
}

static void holes_are_zeros(void **state UNUSED)
{
	static uint8_t content[3 << 20];
	FIXTURE struct fixture f;
	struct hash_result got;
	uint8_t want[SHA_LEN];
	FD int fd = -1;

	fixture_open(&f);
	memset(content + (1 << 20), 'x', 5000);
	fd = openat(f.room.fd, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, content + (1 << 20), 5000, 1 << 20), 5000);
	assert_int_equal(ftruncate(fd, sizeof(content)), 0);
	fd_close(&fd);
	assert_int_equal(hash(&f, "f", NULL, &got), 0);
	sha_once(span_make(content, sizeof(content)), want);
	assert_memory_equal(got.sha, want, SHA_LEN);
	assert_int_equal(got.size, sizeof(content));
	assert_true(got.read <= sizeof(content));
}

static void a_terabyte_of_hole_ends(void **state UNUSED)
{
	FIXTURE struct fixture f;
	struct hash_budget budget = {.max_bytes = 1 << 20}, time = {.max_ns = 50 * CLOCK_MS};
	struct hash_result got;
	FD int fd = -1;
	int64_t begin = clock_mono();

	fixture_open(&f);
	fd = openat(f.room.fd, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (ftruncate(fd, INT64_C(1) << 40))
		skip();
	fd_close(&fd);
	assert_int_equal(hash(&f, "f", &budget, &got), HASH_BUDGET);
	assert_int_equal(hash(&f, "f", &time, &got), HASH_BUDGET);
	assert_true(clock_mono() - begin < 3 * CLOCK_S);
}

static void budgets_hold(void **state UNUSED)
{
	static char content[200000];
	FIXTURE struct fixture f;
	atomic_bool stop = true;
	struct hash_budget bytes = {.max_bytes = 199999}, fits = {.max_bytes = 200000},
			   stopped = {.stop = &stop};
	struct hash_result got;

	fixture_open(&f);
	memset(content, 'x', sizeof(content));
	room_file(&f.room, "f", content, sizeof(content));
	assert_int_equal(hash(&f, "f", &bytes, &got), HASH_BUDGET);
	assert_int_equal(hash(&f, "f", &fits, &got), 0);
	assert_int_equal(hash(&f, "f", &stopped, &got), HASH_STOPPED);
}

static void what_is_no_file_any_more(void **state UNUSED)
{
	FIXTURE struct fixture f;
	struct hash_result got;
	struct look *l = &f.look;

	fixture_open(&f);
	alarm(5);
	room_text(&f.room, "f", "x");
	room_text(&f.room, "other", "x");
	assert_int_equal(look_at(f.room.fd, span_of("f"), MARKS_NONE, l), 0);
	assert_int_equal(renameat(f.room.fd, "other", f.room.fd, "f"), 0);
	assert_int_equal(
		hash_file(f.room.fd, span_of("f"), l, true, NULL, f.sha, &got), HASH_MOVING);
	unlinkat(f.room.fd, "f", 0);
	assert_int_equal(
		hash_file(f.room.fd, span_of("f"), l, true, NULL, f.sha, &got), HASH_ABSENT);
	assert_int_equal(mkfifoat(f.room.fd, "f", 0600), 0); /* opening it would wait for ever */
	assert_int_equal(
		hash_file(f.room.fd, span_of("f"), l, true, NULL, f.sha, &got), HASH_ABSENT);
	unlinkat(f.room.fd, "f", 0);
	assert_int_equal(symlinkat("/etc/passwd", f.room.fd, "f"), 0);
	assert_int_equal(
		hash_file(f.room.fd, span_of("f"), l, true, NULL, f.sha, &got), HASH_ABSENT);
	assert_int_equal(
		hash_file(f.room.fd, span_of("../f"), l, true, NULL, f.sha, &got), HASH_ABSENT);
	alarm(0);
}

struct meddler {
	int fd;
	off_t size;
	bool stop;
	void (*act)(struct meddler *m);
};

static void *meddle(void *arg)
{
	struct meddler *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED))
		m->act(m);
	return NULL;
}

static void grow(struct meddler *m)
{
	static const char more[4096];

	if (m->size < 1 << 28)
		m->size += write(m->fd, more, sizeof(more));
}

static void cut(struct meddler *m)
{
	if (ftruncate(m->fd, 10) || ftruncate(m->fd, 4 << 20))
		abort();
}

/* Every result while somebody meddles is "moving"; at rest it is a digest again. */
static void meddled(void (*act)(struct meddler *m))
{
	FIXTURE struct fixture f;
	FD int fd = -1;
	struct meddler m = {.act = act};
	struct hash_result got;
	pthread_t t;
	int i, r, moved = 0;

	fixture_open(&f);
	fd = openat(f.room.fd, "f", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 4 << 20), 0);
	m.fd = fd;
	assert_int_equal(pthread_create(&t, NULL, meddle, &m), 0);
	/* On a busy machine the meddler may not be let in for a while. */
	for (i = 0; i < 30 || (moved == 0 && i < 10000); i++) {
		r = hash(&f, "f", NULL, &got);
		assert_true(r == 0 || r == HASH_MOVING);
		moved += r == HASH_MOVING;
		assert_true(r != 0 || got.writer);
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	assert_true(moved > 0);
	fd_close(&fd);
	assert_int_equal(hash(&f, "f", NULL, &got), 0);
	assert_false(got.writer);
}

static void growing_under_the_reader(void **state UNUSED)
{
	meddled(grow);
}

static void cut_under_the_reader(void **state UNUSED)
{
	meddled(cut);
}

static void a_mapped_writer_is_seen(void **state UNUSED)
{
	FIXTURE struct fixture f;
	struct hash_result got;
	FD int fd = -1;
	void *map;

	fixture_open(&f);
	room_text(&f.room, "f", "content");
	fd = openat(f.room.fd, "f", O_RDWR | O_CLOEXEC);
	assert_int_equal(hash_writer_alive(fd), 1); /* ourselves */
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	fd_close(&fd); /* no fd is left, the mapping is */
	assert_int_equal(hash(&f, "f", NULL, &got), 0);
	assert_true(got.writer);
	munmap(map, 4096);
	assert_int_equal(hash(&f, "f", NULL, &got), 0);
	assert_false(got.writer);
	fd = openat(f.room.fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(hash_writer_alive(fd), 0);
}

static void an_old_file_is_not_racy(void **state UNUSED)
{
	FIXTURE struct fixture f;
	struct hash_result got;

	fixture_open(&f);
	room_text(&f.room, "f", "content");
	nanosleep(&(struct timespec){0, 60000000}, NULL);
	assert_int_equal(hash(&f, "f", NULL, &got), 0);
	assert_false(got.racy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_digests),
		cmocka_unit_test(a_prefix_has_its_digest),
		cmocka_unit_test(holes_are_zeros),
		cmocka_unit_test(a_terabyte_of_hole_ends),
		cmocka_unit_test(budgets_hold),
		cmocka_unit_test(what_is_no_file_any_more),
		cmocka_unit_test(growing_under_the_reader),
		cmocka_unit_test(cut_under_the_reader),
		cmocka_unit_test(a_mapped_writer_is_seen),
		cmocka_unit_test(an_old_file_is_not_racy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
