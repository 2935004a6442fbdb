/* Drift: exact order with paths of any length, and counts that fit a plain model at every step. */
#include "place.h"
#include "model/drift.h"
#include "store/targets.h"

#define NO 7u

static struct span record_of(struct buf *b, uint64_t size)
{
	struct record r = {.type = FILE_REG, .mode = 0644, .size = size};

	buf_reset(b);
	ok(record_encode(&r, b));
	return buf_span(b);
}

static struct change a_change(char kind, struct span path, enum severity sev, struct span rec)
{
	struct change c = {.kind = kind, .path = path, .severity = sev, .first = 1, .last = 2};

	if (kind != 'A')
		c.old = rec;
	if (kind != 'D')
		c.now = rec;
	if (kind == 'C')
		c.aspects = 1u << ASPECT_CONTENT;
	return c;
}

static void put(struct txn *t, char kind, struct span path, enum severity sev, uint64_t size)
{
	BUF struct buf b = {0};
	struct change c = a_change(kind, path, sev, record_of(&b, size));

	ok(drift_put(t, NO, &c));
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct change got;
	struct txn *t = writing(p);
	BUF struct buf b = {0};
	struct change c = a_change('C', S("/etc/passwd"), SEV_HIGH, record_of(&b, 9));

	c.seq = 77;
	ok(drift_put(t, NO, &c));
	ok(txn_commit(t));
	t = reading(p);
	ok(drift_get(t, NO, S("/etc/passwd"), &got));
	assert_int_equal(got.kind, 'C');
	assert_int_equal(got.seq, 77);
	is_text(got.path, "/etc/passwd");
	assert_true(span_eq(got.old, c.old));
	fails(drift_get(t, NO, S("/etc/passwd2"), &got), STORE_ABSENT);
	fails(drift_get(t, NO + 1, S("/etc/passwd"), &got), STORE_ABSENT);
	fails(drift_get(t, NO, S(""), &got), STORE_ABSENT);
	txn_abort(t);
	t = writing(p);
	fails(drift_delete(t, NO, S("/other")), STORE_ABSENT);
	ok(drift_delete(t, NO, S("/etc/passwd")));
	fails(drift_get(t, NO, S("/etc/passwd"), &got), STORE_ABSENT);
	ok(txn_commit(t));
}

static struct target_state_rec state_of(struct txn *t)
{
	struct target_state_rec s;

	ok(targets_state_get(t, NO, &s));
	return s;
}

static void test_id(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	struct target_state_rec none = state_of(t), one, s;
	struct drift_hash nothing = {0};
	uint8_t id[SHA_LEN];

	drift_hash_id(&nothing, id);
	assert_memory_equal(none.drift_id, id, SHA_LEN);
	put(t, 'A', S("/a"), SEV_LOW, 1);
	one = state_of(t);
	assert_memory_not_equal(one.drift_id, none.drift_id, SHA_LEN);
	put(t, 'A', S("/a"), SEV_LOW, 1);
	s = state_of(t);
	assert_memory_equal(s.drift_id, one.drift_id, SHA_LEN); /* nothing moved */
	put(t, 'A', S("/a"), SEV_CRITICAL, 1);
	s = state_of(t);
	assert_memory_equal(s.drift_id, one.drift_id, SHA_LEN); /* severity is no part of it */
	assert_int_equal(s.worst, SEV_CRITICAL);
	assert_int_equal(s.n_added, 1);
	put(t, 'A', S("/a"), SEV_LOW, 2);
	s = state_of(t);
	assert_memory_not_equal(s.drift_id, one.drift_id, SHA_LEN);
	assert_int_equal(s.worst, SEV_LOW);
	put(t, 'D', S("/b"), SEV_LOW, 2);
	put(t, 'A', S("/a"), SEV_LOW, 1);
	ok(drift_delete(t, NO, S("/b")));
	s = state_of(t);
	assert_memory_equal(s.drift_id, one.drift_id, SHA_LEN); /* the way there does not show */
	ok(drift_delete(t, NO, S("/a")));
	s = state_of(t);
	assert_memory_equal(s.drift_id, none.drift_id, SHA_LEN);
	txn_abort(t);
}

/* 60 paths and thousands of random steps, against an array. */
static void test_counts(void **state)
{
	struct place *p = *state;
	struct {
		char kind;
		int sev;
	} model[60] = {0};
	struct txn *t = writing(p);
	unsigned rnd = 12345;

	for (int step = 0; step < 3000; step++) {
		struct target_state_rec s;
		unsigned n[3] = {0}, i;
		int worst = SEV_INFO;
		char path[32];

		rnd = rnd * 1103515245u + 12345u;
		i = (rnd >> 8) % 60;
		snprintf(path, sizeof(path), "/dir/%u", i);
		if (rnd >> 30) {
			model[i].kind = "ACD"[(rnd >> 16) % 3];
			model[i].sev = (rnd >> 20) % SEV_N;
			put(t, model[i].kind, S(path), (enum severity)model[i].sev, rnd % 7 + 1);
		} else {
			fails(drift_delete(t, NO, S(path)), model[i].kind ? 0 : STORE_ABSENT);
			model[i].kind = 0;
		}
		for (i = 0; i < 60; i++) {
			if (!model[i].kind)
				continue;
			n[model[i].kind == 'A' ? 0 : model[i].kind - 'B']++;
			worst = model[i].sev > worst ? model[i].sev : worst;
		}
		s = state_of(t);
		assert_int_equal(s.n_added, n[0]);
		assert_int_equal(s.n_changed, n[1]);
		assert_int_equal(s.n_deleted, n[2]);
		assert_int_equal(s.worst, worst);
	}
	ok(txn_commit(t));
}

/* Listing: a model of sorted paths, some longer than any key. */
struct paths {
	struct span p[4000];
	char *mem[4000];
	size_t n, at;
	struct span scope;
};

static int by_bytes(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static int expect(void *ctx, const struct change *c)
{
	struct paths *l = ctx;

	while (l->at < l->n && l->scope.n && !path_within(l->p[l->at], l->scope))
		l->at++;
	assert_true(l->at < l->n);
	if (!span_eq(l->p[l->at], c->path))
		fail_msg("want %.*s, got %.*s", (int)l->p[l->at].n, l->p[l->at].p, (int)c->path.n,
			c->path.p);
	l->at++;
	return 0;
}

static void lists(struct txn *t, struct paths *l, struct span scope)
{
	l->at = 0;
	l->scope = scope;
	while (l->scope.n && l->scope.p[l->scope.n - 1] == '/')
		l->scope.n--;
	ok(drift_each(t, NO, scope, expect, l));
	for (; l->at < l->n; l->at++)
		assert_true(l->scope.n && !path_within(l->p[l->at], l->scope));
}

static void add_path(struct paths *l, const char *text, size_t n)
{
	l->mem[l->n] = malloc(n);
	memcpy(l->mem[l->n], text, n);
	l->p[l->n] = span_make(l->mem[l->n], n);
	l->n++;
}

/* Components of few letters, around every length at which the layout of the key changes. */
static void make_paths(struct paths *l, unsigned n)
{
	static const char letters[] = "ab-/\x01\xff.";
	char text[4096];
	unsigned rnd = 99;

	for (unsigned i = 0; i < n; i++) {
		size_t len, base;

		rnd = rnd * 1103515245u + 12345u;
		base = "\0\1\2\3"[(rnd >> 10) & 3];
		len = base == 0	  ? 3 + (rnd >> 16) % 20
		      : base == 1 ? 460 + (rnd >> 16) % 60
				  : 490 + (rnd >> 16) % 30;
		if (base == 3)
			len = 4000;
		memset(text, 'd', len);
		for (size_t k = 0; k < len; k += 47)
			text[k] = '/';
		for (size_t k = len > 8 ? len - 8 : 1; k < len; k++) {
			rnd = rnd * 1103515245u + 12345u;
			text[k] = letters[(rnd >> 16) % 7];
		}
		if (text[len - 1] == '/')
			text[len - 1] = 'z';
		if (base == 1 && (rnd & 0x100000)) /* another prefix of the same length */
			text[100] = 'e';
		add_path(l, text, len);
	}
}

static void drop_doubles(struct paths *l)
{
	size_t k = 0;

	qsort(l->p, l->n, sizeof(l->p[0]), by_bytes);
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || !span_eq(l->p[i], l->p[k - 1]))
			l->p[k++] = l->p[i];
	l->n = k;
}

static void test_order(void **state)
{
	struct place *p = *state;
	struct paths *l = calloc(1, sizeof(*l));
	struct txn *t = writing(p);
	size_t made;

	assert_non_null(l);
	make_paths(l, 1500);
	made = l->n;
	for (size_t i = 0; i < made; i++)
		put(t, 'A', l->p[i], SEV_LOW, 1);
	put(t, 'A', S("/"), SEV_LOW, 1);
	add_path(l, "/", 1);
	made++;
	drop_doubles(l);
	ok(txn_commit(t));
	t = writing(p);
	{ /* another target's must not show */
		BUF struct buf b = {0};
		struct change c = a_change('A', S("/zz"), SEV_LOW, record_of(&b, 1));

		ok(drift_put(t, NO + 1, &c));
		ok(drift_put(t, NO - 1, &c));
	}
	ok(txn_commit(t));
	t = reading(p);
	assert_int_equal(state_of(t).n_added, l->n);
	lists(t, l, S(""));
	lists(t, l, S("/"));
	lists(t, l, S("/nowhere"));
	for (size_t i = 0; i < l->n; i += 7) {
		lists(t, l, l->p[i]); /* each as a scope; with slashes at its end too */
		for (size_t n = l->p[i].n; n > 1; n--)
			if (l->p[i].p[n - 1] == '/' && n % 5 == 0)
				lists(t, l, span_make(l->p[i].p, n));
	}
	txn_abort(t);
	t = writing(p);
	for (size_t i = 0; i < l->n; i++)
		ok(drift_delete(t, NO, l->p[i]));
	assert_int_equal(state_of(t).n_added, 0);
	ok(txn_commit(t));
	for (size_t i = 0; i < made; i++)
		free(l->mem[i]);
	free(l);
}

static int stop_at_second(void *ctx, const struct change *c)
{
	(void)c;
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void test_stops(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	int n = 0;

	put(t, 'A', S("/a"), SEV_LOW, 1);
	put(t, 'A', S("/a/b"), SEV_LOW, 1);
	put(t, 'A', S("/a/c"), SEV_LOW, 1);
	fails(drift_each(t, NO, S("/a"), stop_at_second, &n), 42);
	n = 0;
	fails(drift_each(t, NO, S(""), stop_at_second, &n), 42);
	assert_int_equal(n, 2);
	n = 1;
	fails(drift_each(t, NO, S("/a"), stop_at_second, &n), 42);
	txn_abort(t);
}

static void test_refuses(void **state)
{
	struct place *p = *state;
	struct change none = {.kind = 'A'}, kind = {.kind = 0, .path = S("/a")};
	struct change sev = {.kind = 'A', .path = S("/a"), .severity = (enum severity)99};
	struct change *bad[] = {&none, &kind, &sev};

	for (size_t i = 0; i < COUNTOF(bad); i++) {
		struct txn *t = writing(p);

		fails(drift_put(t, NO, bad[i]), -EINVAL);
		txn_abort(t);
	}
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_id),
		WITH_STORE(test_counts),
		WITH_STORE(test_order),
		WITH_STORE(test_stops),
		WITH_STORE(test_refuses),
	};

	return cmocka_run_group_tests_name("store/drift", tests, NULL, NULL);
}
