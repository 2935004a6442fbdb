/* Windows as they are stored, what is counted in them, and when those that were opened by command end. */
#include "model/hold.h"
#include "base/clock.h"
#include "tests/unit/base/unit.h"
#include <stdio.h>

static int recode(struct span in, struct buf *out)
{
	struct hold h;
	int r = hold_decode(in, 1, &h);

	buf_reset(out);
	if (r == 0)
		hold_encode(&h, out);
	return r;
}

static void add(struct hold *h, struct buf *mem, uint32_t target, char kind, enum severity severity,
	const char *path)
{
	struct hold_path p = {target, kind, severity, span_of(path)};

	hold_add(h, &p, mem);
}

static struct hold_path path_at(const struct hold *h, size_t i)
{
	struct rd at = rd_of(h->paths);
	struct hold_path p = {.target = 0};

	do
		assert_true(hold_next_path(&at, &p));
	while (i--);
	return p;
}

static size_t n_listed(const struct hold *h)
{
	struct rd at = rd_of(h->paths);
	struct hold_path p;
	size_t n = 0;

	while (hold_next_path(&at, &p))
		n++;
	assert_false(at.bad);
	return n;
}

static void any_hold_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 51;
	uint8_t bytes[6][30];

	for (int i = 0; i < 1000; i++) {
		BUF struct buf lists = {0};
		struct hold h = {.line = (uint32_t)any_size(&seed),
			.target = (uint32_t)any_size(&seed),
			.uid = (uint32_t)any_size(&seed),
			.from = (int64_t)any(&seed),
			.until = (int64_t)any_size(&seed),
			.boot_until = (int64_t)any_size(&seed),
			.name = span_of("n"),
			.reason = any_bytes(&seed, bytes[0], 30),
			.owner = any_bytes(&seed, bytes[1], 30),
			.file = any_bytes(&seed, bytes[2], 30),
			.path = any_bytes(&seed, bytes[3], 30),
			.boot = any_bytes(&seed, bytes[4], 30)};
		struct hold back;

		for (uint64_t n = any_below(&seed, 6); n--;)
			add(&h, &lists, (uint32_t)any_below(&seed, 3), 'C',
				(enum severity)any_below(&seed, SEV_N), n & 1 ? "/a" : "/b");
		buf_reset(&b);
		hold_encode(&h, &b);
		assert_int_equal(hold_decode(buf_span(&b), 7, &back), 0);
		assert_true(back.id == 7 && back.line == h.line && back.target == h.target);
		assert_true(back.from == h.from && back.until == h.until);
		assert_true(back.boot_until == h.boot_until && back.n_paths == h.n_paths);
		assert_memory_equal(back.counts, h.counts, sizeof(h.counts));
		assert_span(back.reason, h.reason);
		assert_span(back.path, h.path);
		assert_span(back.paths, h.paths);
		assert_span(back.targets, h.targets);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

static void a_path_is_listed_once(void **state UNUSED)
{
	BUF struct buf mem = {0};
	struct hold h = {.name = span_of("n")};

	add(&h, &mem, 1, 'A', SEV_HIGH, "/a");
	add(&h, &mem, 1, 'C', SEV_LOW, "/a");
	add(&h, &mem, 2, 'C', SEV_INFO, "/a");
	assert_int_equal(hold_n(&h), 3);
	assert_int_equal(h.n_paths, 2);
	assert_int_equal(n_listed(&h), 2);
	assert_int_equal(path_at(&h, 0).severity, SEV_HIGH); /* the worst it was */
	assert_int_equal(path_at(&h, 0).kind, 'C');	     /* as it is */
	assert_int_equal(hold_worst(&h), SEV_HIGH);
	assert_int_equal(h.counts[SEV_INFO], 1);
	assert_int_equal(h.targets.n, 2);
}

/* What is worse drives out what is milder; the counts say all. */
static void the_worst_are_listed(void **state UNUSED)
{
	BUF struct buf mem = {0};
	struct hold h = {.name = span_of("n")};
	char path[32];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		add(&h, &mem, 1, 'A', i >= 250 ? SEV_CRITICAL : SEV_LOW, path);
	}
	assert_int_equal(n_listed(&h), HOLD_PATHS);
	assert_int_equal(h.n_paths, 300);
	assert_int_equal(h.counts[SEV_CRITICAL], 50);
	for (size_t i = 0, n = 0; i < HOLD_PATHS; i++) {
		n += path_at(&h, i).severity == SEV_CRITICAL;
		assert_true(i < HOLD_PATHS - 1 || n == 50);
	}
}

static void long_paths_are_bounded(void **state UNUSED)
{
	static char path[4096];
	BUF struct buf mem = {0};
	struct hold h = {.name = span_of("n")};

	for (int i = 0; i < 50; i++) {
		memset(path, 'a' + i % 26, sizeof(path) - 1);
		path[1] = (char)('0' + i / 26);
		add(&h, &mem, 1, 'A', SEV_LOW, path);
	}
	assert_int_equal(h.n_paths, 50);
	assert_in_range(h.paths.n, 1, HOLD_PATHS_BYTES + 4096);
}

static void targets_are_bounded(void **state UNUSED)
{
	BUF struct buf mem = {0};
	struct hold h = {.name = span_of("n")};
	struct rd at;
	size_t n = 0;

	for (uint32_t no = 1; no <= 600; no++)
		add(&h, &mem, no, 'A', SEV_LOW, "/a");
	for (at = rd_of(h.targets); !rd_end(&at); n++)
		rd_varint(&at);
	assert_int_equal(n, HOLD_TARGETS);
	assert_int_equal(hold_n(&h), 600);
}

/* Opened for an hour, at wall 1000 s and 50 s after the boot "b". */
static void what_is_left(void **state UNUSED)
{
	static const struct {
		const char *what;
		int64_t wall, boot; /* s */
		const char *id;
		int64_t left; /* s */
	} rows[] = {
		{"at once", 1000, 50, "b", 3600},
		{"later", 1600, 650, "b", 3000},
		{"the end", 4600, 3650, "b", 0},
		{"the wall clock is set forward", 999999, 60, "b", 3590},
		{"the wall clock is set back", 0, 60, "b", 3590},
		{"and the hour passes all the same", 10, 3650, "b", 0},
		{"the host slept: that counts", 9000, 9000, "b", 0},
		{"another boot: by the wall clock", 1600, 5, "c", 3000},
		{"another boot, over meanwhile", 4600, 5, "c", 0},
		{"no id is known", 1600, 650, "", 3000},
	};
	struct hold h = {.name = span_of("n"),
		.from = 1000 * CLOCK_S,
		.until = 4600 * CLOCK_S,
		.boot = span_of("b"),
		.boot_until = 3650 * CLOCK_S};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct hold_now now = {
			rows[i].wall * CLOCK_S, rows[i].boot * CLOCK_S, span_of(rows[i].id)};

		if (hold_left(&h, &now) != rows[i].left * CLOCK_S)
			fail_msg("%s", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_hold_round_trips),
		cmocka_unit_test(a_path_is_listed_once),
		cmocka_unit_test(the_worst_are_listed),
		cmocka_unit_test(long_paths_are_bounded),
		cmocka_unit_test(targets_are_bounded),
		cmocka_unit_test(what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
