/* Sinks with a kind that does as the test says: what arrives, in which order, and what a restart at any
 * moment does to it. */
#include "sinks_rig.h"
#include <poll.h>

/* It has tried in vain, and rests until it tries again. */
static bool waits(struct place *p)
{
	struct sink_status st = {.state = SINK_STARTS};

	return rig_until(5000, sinks_status(p->all, 0, &st) && st.state == SINK_WAITS);
}

static bool reaches(struct place *p, uint64_t acked)
{
	struct sink_status s;

	if (rig_until(10000, sinks_status(p->all, 0, &s) && s.acked >= acked))
		return s.acked == acked;
	print_error("acked %llu of %llu: %s\n", (unsigned long long)s.acked,
		(unsigned long long)acked, s.error);
	return false;
}

/* Whatever came twice: what came first came in order, and from `from` to `to` nothing is missing. */
static void whole(uint64_t from, uint64_t to, uint64_t step)
{
	uint64_t next = from;

	for (unsigned i = 0; i < atomic_load(&fake.n); i++) {
		if (fake.got[i] > next)
			fail_msg("%llu came before %llu", (unsigned long long)fake.got[i],
				(unsigned long long)next);
		next = fake.got[i] == next ? next + step : next;
	}
	assert_int_equal(next, to + step);
}

/* ---- tests ---- */

static void test_order(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);

	append(p, 100);
	run(p, &c);
	assert_true(reaches(p, 100));
	append(p, 50);
	assert_true(reaches(p, 150));
	whole(1, 150, 1);
	assert_int_equal(atomic_load(&fake.n), 150); /* and nothing twice */
	assert_int_equal(atomic_load(&fake.largest), 16);
	end(p);
	run(p, &c);
	append(p, 1);
	assert_true(reaches(p, 151));
	assert_int_equal(atomic_load(&fake.n), 151);
}

static void test_severity(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	uint64_t odd = 0, tens = 0;

	c.min_severity = SEV_MEDIUM;
	append(p, 100);
	run(p, &c);
	assert_true(reaches(p, 100));
	for (unsigned i = 0; i < atomic_load(&fake.n); i++) {
		odd += fake.got[i] % 2;
		tens += fake.got[i] % 10 == 0; /* gaps always */
	}
	assert_int_equal(odd, 50);
	assert_int_equal(tens, 10);
	assert_int_equal(atomic_load(&fake.n), 60);
}

static void test_new_at_the_end(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);

	c.from = CONFIG_SINK_FROM_END;
	append(p, 30);
	run(p, &c);
	assert_true(reaches(p, 30));
	assert_int_equal(atomic_load(&fake.n), 0);
	end(p); /* the place is kept though nothing was sent */
	append(p, 5);
	run(p, &c);
	assert_true(reaches(p, 35));
	whole(31, 35, 1);
}

static void keep_old(struct place *p, bool back)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cp %s/a.cursor%s %s/a.cursor%s 2>/dev/null", p->sinks,
		back ? ".old" : "", p->sinks, back ? "" : ".old");
	(void)!system(cmd);
}

/* Failures of every sort; and again and again the process dies with an older position on the disk. */
static void rough(struct place *p, int type)
{
	struct config_sink c = config_of("a", type);
	uint64_t seed = 3;

	atomic_store(&fake.trouble, 30);
	append(p, 5);
	run(p, &c);
	for (int i = 0; i < 12; i++) {
		append(p, 1 + (unsigned)(seed % 17));
		seed = seed * 6364136223846793005u + 1;
		usleep((useconds_t)(seed >> 50));
		if (i % 3 == 0)
			keep_old(p, false);
		if (i % 3 != 2)
			continue;
		end(p);
		keep_old(p, true);
		run(p, &c);
	}
	atomic_store(&fake.trouble, 0);
	assert_true(reaches(p, p->seq));
	whole(1, p->seq, 1);
}

static void test_rough(void **state)
{
	rough(*state, CONFIG_SINK_FILE);
}

static void test_rough_without_acks(void **state)
{
	rough(*state, CONFIG_SINK_SYSLOG);
}

/* What a connection that breaks may have swallowed goes again. */
static void test_window(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_SYSLOG);
	struct sink_status st;

	atomic_store(&fake.broken, true);
	append(p, 10);
	run(p, &c);
	assert_true(reaches(p, 10));
	assert_true(sinks_status(p->all, 0, &st)); /* that is over, and not forgotten */
	assert_true(st.error_at > 0 && st.failing_since == 0 && st.error[0]);
	assert_int_equal(atomic_load(&fake.n), 20);
	whole(1, 10, 1);
}

static void test_refused(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	BUF struct buf text = {.p = NULL};
	char path[128];
	struct sink_status s;

	atomic_store(&fake.refuse, 7);
	append(p, 20);
	run(p, &c);
	assert_true(reaches(p, 20));
	assert_true(sinks_status(p->all, 0, &s));
	assert_int_equal(s.refused, 1);
	snprintf(path, sizeof(path), "%s/a.refused", p->sinks);
	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 20, &text), 0);
	assert_non_null(strstr(buf_text(&text), "\"seq\":7,"));
	assert_non_null(strstr(buf_text(&text), "\"reason\":\"never\""));
}

/* Waits for the bell, as the loop does. */
static bool tells(struct place *p, struct sink_refusals *ret, struct buf *path)
{
	int64_t until = clock_mono() + 20 * CLOCK_S;
	char name[65];

	for (;;) {
		struct pollfd f = {.fd = sinks_fd(p->all), .events = POLLIN};

		buf_reset(path);
		if (sinks_refused(p->all, name, ret, path)) {
			assert_string_equal(name, "a");
			return true;
		}
		if (clock_mono() > until || poll(&f, 1, 20000) <= 0)
			return false;
		sinks_collect(p->all);
	}
}

/* One word for all of them, and none for a word that was refused itself. */
static void test_refused_told(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	const struct gap word = {.cause = GAP_SINK_REFUSED, .detail = span_of("x")},
			 behind = {.cause = GAP_SINK_BEHIND, .detail = span_of("x")};
	BUF struct buf path = {.p = NULL}, want = {.p = NULL};
	struct sink_refusals some;
	char name[65];

	atomic_store(&fake.refuse, 5);
	atomic_store(&fake.refuse_to, 1000);
	append(p, 40);
	run(p, &c);
	assert_true(reaches(p, 40));
	assert_true(tells(p, &some, &path));
	assert_int_equal(some.from, 5);
	assert_int_equal(some.to, 40);
	assert_int_equal(some.n, 36);
	assert_string_equal(some.why, "never");
	buf_printf(&want, "%s/a.refused", p->sinks);
	assert_string_equal(buf_text(&path), buf_text(&want));
	assert_false(sinks_refused(p->all, name, &some, &path));
	end(p); /* untold: it is not forgotten */
	append_of(p, 1, &behind);
	append_of(p, 3, &word);
	run(p, &c);
	assert_true(reaches(p, 44));
	assert_true(tells(p, &some, &path));
	assert_int_equal(some.from, 5);
	assert_int_equal(some.to, 41);
	assert_int_equal(some.n, 37);
	sinks_refused_told(p->all, "a", false);
	end(p);
	append_of(p, 3, &word);
	run(p, &c);
	assert_true(reaches(p, 47));
	end(p); /* the thread has ended: what it had to tell is in the file */
	run(p, &c);
	assert_true(reaches(p, 47));
	assert_int_equal(sinks_first(p->all)->refused.n, 0);
}

static void test_behind(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	uint64_t from = 0, to = 0;
	char name[65];

	append(p, 10);
	run(p, &c);
	assert_true(reaches(p, 10));
	end(p);
	append(p, 20);
	trim(p, 21);
	run(p, &c);
	assert_true(reaches(p, 30));
	assert_true(sinks_behind(p->all, name, &from, &to));
	assert_string_equal(name, "a");
	assert_int_equal(from, 11);
	assert_int_equal(to, 20);
	assert_false(sinks_behind(p->all, name, &from, &to));
	end(p); /* untold: it is not forgotten */
	run(p, &c);
	assert_true(rig_until(2000, sinks_behind(p->all, name, &from, &to)));
	assert_int_equal(from, 11);
	sinks_told(p->all, "a", to, false);
	append(p, 1);
	assert_true(reaches(p, 31));
	end(p);
	run(p, &c);
	append(p, 1);
	assert_true(reaches(p, 32));
	assert_false(sinks_behind(p->all, name, &from, &to));
}

/* The thread waits for its receiver, and what was told is not told again. */
static void test_behind_once(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	uint64_t from = 0, to = 0;
	char name[65];

	c.retry_min = c.retry_max = 3600 * CLOCK_S;
	atomic_store(&fake.trouble, 100);
	append(p, 30);
	run(p, &c);
	assert_true(waits(p));
	end(p);
	trim(p, 21);
	run(p, &c);
	assert_true(rig_until(3000, sinks_behind(p->all, name, &from, &to)));
	assert_int_equal(from, 1);
	assert_int_equal(to, 20);
	sinks_told(p->all, "a", to, true);
	assert_true(sinks_behind(p->all, name, &from, &to));
	sinks_told(p->all, "a", to, false);
	assert_false(sinks_behind(p->all, name, &from, &to));
}

/* The store is an older one, or another: all of it goes again. */
static void test_put_back(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	char cmd[128];

	append(p, 40);
	run(p, &c);
	assert_true(reaches(p, 40));
	end(p);
	store_close(p->store);
	snprintf(cmd, sizeof(cmd), "rm -f %s/*.mdb", p->dir);
	assert_int_equal(system(cmd), 0);
	make_store(p);
	append(p, 25);
	atomic_store(&fake.n, 0);
	run(p, &c);
	assert_true(reaches(p, 25));
	whole(1, 25, 1);
	append(p, 25); /* as many as there were, and others */
	assert_true(reaches(p, 50));
	whole(1, 50, 1);
}

static void test_damaged(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	char path[128];

	c.from = CONFIG_SINK_FROM_END;
	assert_int_equal(mkdir(p->sinks, 0700), 0);
	snprintf(path, sizeof(path), "%s/a.cursor", p->sinks);
	assert_int_equal(fd_write_file(path, span_of("boltseal-sink/1 acked=9"), 0600), 0);
	append(p, 20);
	run(p, &c);
	assert_true(reaches(p, 20));
	whole(1, 20, 1);
}

/* A change keeps the position; one that is gone stops; a kind that is not there says so. */
static void test_reload(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE), two[2];
	struct sink_status s;

	append(p, 10);
	run(p, &c);
	assert_true(reaches(p, 10));
	c.retry_max = 11 * CLOCK_MS;
	two[0] = c;
	two[1] = config_of("b", CONFIG_SINK_HTTPS);
	sinks_set(p->all, two, 2);
	append(p, 10);
	assert_true(rig_until(3000,
		(sinks_status(p->all, 1, &s) && s.error[0]) || (sinks_collect(p->all), false)));
	sinks_set(p->all, &c, 1);
	assert_true(
		rig_until(3000, !sinks_status(p->all, 1, &s) || (sinks_collect(p->all), false)));
	assert_true(reaches(p, 20));
	assert_int_equal(atomic_load(&fake.n), 20);
	whole(1, 20, 1);
}

/* The store is taken away under it and given back. */
static void test_store_swap(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);

	append(p, 10);
	run(p, &c);
	for (int i = 0; i < 20; i++) {
		append(p, 3);
		sinks_store(p->all, NULL);
		store_close(p->store);
		assert_int_equal(store_open(&p->store, p->dir, STORE_WRITE,
					 &(struct store_options){.dir_gid = -1, .no_sync = true}),
			0);
		sinks_store(p->all, p->store);
	}
	assert_true(reaches(p, 70));
	whole(1, 70, 1);
	assert_int_equal(atomic_load(&fake.n), 70);
}

static void test_stops_soon(void **state)
{
	struct place *p = *state;
	struct config_sink c = config_of("a", CONFIG_SINK_FILE);
	struct sink_status st;
	int64_t from;

	c.retry_min = c.retry_max = 3600 * CLOCK_S;
	atomic_store(&fake.trouble, 100);
	append(p, 10);
	run(p, &c);
	assert_true(waits(p));
	assert_true(sinks_status(p->all, 0, &st));
	assert_true(st.failing_since > 0 && st.error_at >= st.failing_since);
	from = clock_mono();
	end(p);
	assert_true(clock_mono() - from < CLOCK_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(order), TEST(severity), TEST(new_at_the_end),
		TEST(rough), TEST(rough_without_acks), TEST(window), TEST(refused),
		TEST(refused_told), TEST(behind), TEST(behind_once), TEST(put_back), TEST(damaged),
		TEST(reload), TEST(store_swap), TEST(stops_soon)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
