/*
 * A hash is worth something only together with the proof that the file held still: the same stat
 * before and after, and no writer alive that a lease would have met. Holes are hashed as the zeros
 * they read as, but without reading them; a budget bounds them too, for a hole costs no disk.
 */
#include "fs/hash.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, HOLES_PER_DATA = 64 };
#define RACY_NS (20 * CLOCK_MS)

static const uint8_t zeros[BLOCK];

/* One run over one file. */
struct run {
	int fd;
	const struct hash_budget *budget;
	struct sha *sha;
	int64_t until; /* monotonic; 0: no end */
	uint64_t size, data, holes;
	bool sparse;
	uint64_t fed, prefix; /* prefix: where to peek; 0: nowhere (any more) */
	struct hash_result *ret;
};

static int over_budget(const struct run *run)
{
	uint64_t max = run->budget ? run->budget->max_bytes : 0;

	if (run->budget && run->budget->stop && atomic_load(run->budget->stop))
		return HASH_STOPPED;
	if (max && (run->data > max || run->holes / HOLES_PER_DATA > max))
		return HASH_BUDGET;
	if (run->until && clock_mono() > run->until)
		return HASH_BUDGET;
	return 0;
}

/* Stops for a peek where the prefix ends. */
static int feed(struct run *run, const uint8_t *p, size_t n)
{
	size_t first =
		run->prefix && run->prefix - run->fed <= n ? (size_t)(run->prefix - run->fed) : 0;
	int r = 0;

	run->fed += n;
	if (first) {
		run->prefix = 0;
		r = sha_feed(run->sha, p, first);
		if (r == 0)
			r = sha_peek(run->sha, run->ret->prefix);
		run->ret->has_prefix = r == 0;
	}
	return r ? r : sha_feed(run->sha, p + first, n - first);
}

static int feed_hole(struct run *run, uint64_t n)
{
	int r = 0;

	while (n && r == 0) {
		size_t step = n < BLOCK ? (size_t)n : BLOCK;

		run->holes += step;
		r = over_budget(run);
		if (r == 0)
			r = feed(run, zeros, step);
		n -= step;
	}
	return r;
}

static int feed_data(struct run *run, uint64_t from, uint64_t to)
{
	uint8_t block[BLOCK];

	while (from < to) {
		size_t want = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
		ssize_t n = pread(run->fd, block, want, (off_t)from);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("read");
		if (n == 0)
			return HASH_MOVING; /* shorter than it was */
		run->data += (uint64_t)n;
		r = over_budget(run);
		if (r == 0)
			r = feed(run, block, (size_t)n);
		if (r)
			return r;
		from += (uint64_t)n;
	}
	return 0;
}

/* Where the data that follows `at` begins and ends. Without an answer all is data. */
static void next_data(const struct run *run, uint64_t at, uint64_t *ret_from, uint64_t *ret_to)
{
	off_t from, to;

	*ret_from = at;
	*ret_to = run->size;
	if (!run->sparse)
		return;
	from = lseek(run->fd, (off_t)at, SEEK_DATA);
	if (from < 0 && errno == ENXIO)
		*ret_from = run->size;
	if (from < 0)
		return;
	to = lseek(run->fd, from, SEEK_HOLE);
	*ret_from = (uint64_t)from < run->size ? (uint64_t)from : run->size;
	if (to > from && (uint64_t)to < run->size)
		*ret_to = (uint64_t)to;
}

static int feed_all(struct run *run)
{
	uint64_t at = 0, from, to;
	int r = 0;

	while (at < run->size && r == 0) {
		next_data(run, at, &from, &to);
		r = feed_hole(run, from - at);
		if (r == 0)
			r = feed_data(run, from, to);
		at = to;
	}
	return r;
}

/* What is too large by its size alone is not begun. */
static bool hopeless(const struct run *run, const struct stat *st)
{
	uint64_t max = run->budget ? run->budget->max_bytes : 0;
	uint64_t blocks = (uint64_t)st->st_blocks * 512, holes;

	if (!max)
		return false;
	holes = run->size > blocks ? run->size - blocks : 0;
	return holes ? holes / HOLES_PER_DATA > max : run->size > max;
}

int hash_fd(int fd, const struct hash_budget *budget, struct sha *sha, struct hash_result *ret)
{
	struct run run = {.fd = fd, .budget = budget, .sha = sha, .ret = ret};
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys("fstat");
	run.size = (uint64_t)st.st_size;
	run.sparse = (uint64_t)st.st_blocks * 512 < run.size;
	run.prefix = budget ? budget->prefix : 0;
	run.until = budget && budget->max_ns ? clock_mono() + budget->max_ns : 0;
	if (hopeless(&run, &st))
		return HASH_BUDGET;
	r = sha_begin(sha);
	if (r == 0)
		r = feed_all(&run);
	if (r == 0)
		r = sha_end(sha, ret->sha);
	ret->size = run.size;
	ret->read = run.data;
	return r;
}

int hash_writer_alive(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return 0;
	}
	if (errno == EAGAIN)
		return 1;
	return err_sys("lease");
}

static int64_t wall_of(struct timespec t)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)t.tv_sec, CLOCK_S, &ns) ||
		__builtin_add_overflow(ns, (int64_t)t.tv_nsec, &ns))
		return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static bool as_seen(const struct stat *st, const struct look *seen, bool grows)
{
	if (!S_ISREG(st->st_mode) || st->st_dev != seen->dev || st->st_ino != seen->ino)
		return false;
	if (grows && (uint64_t)st->st_size >= seen->rec.size)
		return true;
	return (uint64_t)st->st_size == seen->rec.size && wall_of(st->st_mtim) == seen->rec.mtime &&
	       wall_of(st->st_ctim) == seen->ctime;
}

/* The file, pinned, known to be regular, then opened for reading. */
static int open_seen(int dir_fd, struct span name, const struct look *seen, bool grows, int *ret_fd)
{
	char text[NAME_MAX + 1];
	FD int pin = -1;
	struct stat st;

	if (!name.n || name.n > NAME_MAX || memchr(name.p, 0, name.n) ||
		memchr(name.p, '/', name.n))
		return HASH_ABSENT;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	pin = openat(dir_fd, text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (pin < 0 && (errno == ENOENT || errno == ENOTDIR))
		return HASH_ABSENT;
	if (pin < 0 || fstat(pin, &st) < 0)
		return err_sys("open %s", text);
	if (!S_ISREG(st.st_mode))
		return HASH_ABSENT;
	if (!as_seen(&st, seen, grows))
		return HASH_MOVING;
	*ret_fd = beneath_reopen_read(pin);
	if (*ret_fd < 0 && errno == EAGAIN)
		return HASH_MOVING; /* somebody holds a write lease: it is being written */
	return *ret_fd < 0 ? err_sys("open %s", text) : 0;
}

int hash_file(int dir_fd, struct span name, const struct look *seen, bool probe,
	const struct hash_budget *budget, struct sha *sha, struct hash_result *ret)
{
	FD int fd = -1;
	bool grows = budget && budget->grows;
	struct stat st;
	int64_t age;
	int r;

	*ret = (struct hash_result){0};
	r = open_seen(dir_fd, name, seen, grows, &fd);
	if (r)
		return r;
	if (__builtin_sub_overflow(clock_wall(), seen->ctime, &age))
		age = INT64_MAX;
	ret->racy = age < RACY_NS;
	ret->writer = probe && hash_writer_alive(fd) == 1;
	r = hash_fd(fd, budget, sha, ret);
	if (probe && !ret->writer)
		ret->writer = hash_writer_alive(fd) == 1;
	if (r == 0 && fstat(fd, &st) < 0)
		return err_sys("fstat");
	if (r == 0 && !as_seen(&st, seen, grows))
		r = HASH_MOVING;
	return r;
}
