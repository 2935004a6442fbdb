/* A full disk, on a tmpfs of 2 MiB: a clear error, nothing torn, and it heals. */
#include "place.h"
#include <fcntl.h>
#include <sys/mount.h>
#include "store/journal.h"

static int append(struct place *p, unsigned n)
{
	static const char text[2000];
	struct journal_head h;
	struct txn *t = writing(p);

	ok(journal_head(t, &h));
	for (unsigned i = 0; i < n; i++) {
		struct journal_entry e = {
			.seq = ++h.last, .target = 1, .json = span_make(text, 2000)};

		journal_append(t, &e);
	}
	return txn_commit(t);
}

static uint64_t check(struct place *p)
{
	struct journal_head h;
	struct journal_entry e;
	struct txn *t = reading(p);

	ok(journal_head(t, &h));
	for (uint64_t seq = h.first; seq <= h.last; seq++)
		ok(journal_get(t, seq, &e));
	txn_abort(t);
	return h.last;
}

static void make_ballast(const char *path, size_t size)
{
	static const char zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (; size; size -= sizeof(zeros))
		assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
}

static void fill_disk(struct place *p, struct place *state_dir, const char *ballast)
{
	struct store_options opt = {.map_size = 64 << 20, .dir_gid = -1};
	uint64_t last;
	int r;

	make_ballast(ballast, 1 << 20);
	ok(store_open(&p->s, state_dir->dir, STORE_WRITE, &opt));
	while ((r = append(p, 7)) == 0)
		;
	fails(r, -ENOSPC);
	says("disk is full");
	last = check(p);
	assert_true(last > 50);
	fails(append(p, 7), -ENOSPC); /* and again, with nothing torn */
	assert_int_equal(check(p), last);
	store_close(take(p->s));
	ok(store_open(&p->s, state_dir->dir, STORE_WRITE,
		&opt)); /* a full disk is no reason not to start */
	assert_int_equal(check(p), last);
	fails(append(p, 50), -ENOSPC);
	assert_int_equal(unlink(ballast), 0);
	for (int i = 0; i < 10; i++)
		ok(append(p, 7));
	assert_int_equal(check(p), last + 70);
	store_close(take(p->s));
	ok(store_open(&p->s, state_dir->dir, STORE_WRITE, &opt));
	assert_int_equal(check(p), last + 70);
}

static void test_full_disk(void **state)
{
	struct place disk, p;
	char ballast[260];

	(void)state;
	place_make(&disk);
	if (mount("none", disk.dir, "tmpfs", 0, "size=2m,mode=700")) {
		print_message("SKIP: no tmpfs may be mounted here\n");
		place_remove(&disk);
		skip();
	}
	p = disk;
	strcat(p.dir, "/state");
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk.dir);
	fill_disk(&p, &p, ballast);
	place_remove(&p);
	assert_int_equal(umount(disk.dir), 0);
	place_remove(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_full_disk)};

	return cmocka_run_group_tests_name("store/full", tests, NULL, NULL);
}
