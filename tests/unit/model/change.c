#include "model/change.h"
#include "tests/unit/model/any.h"

static int recode(struct span in, struct buf *out)
{
	struct change c;
	int r = change_decode(LIT("/p"), in, &c);

	buf_reset(out);
	return r ? r : change_encode(&c, out);
}

struct parts {
	struct any_room room;
	struct buf old, now, actor, ruling, package;
};
static void parts_free(struct parts *p)
{
	any_room_free(&p->room);
	buf_free(&p->old);
	buf_free(&p->now);
	buf_free(&p->actor);
	buf_free(&p->ruling);
	buf_free(&p->package);
}

static struct span encoded(const struct record *rec, struct buf *out)
{
	buf_reset(out);
	assert_int_equal(record_encode(rec, out), 0);
	return buf_span(out);
}

static struct change any_change(uint64_t *seed, struct parts *p)
{
	static const char kinds[] = "ACD";
	struct change c = {
		.kind = kinds[any_below(seed, 3)],
		.path = LIT("/p"),
		.severity = (enum severity)any_below(seed, SEV_N),
		.first = (int64_t)any(seed),
		.last = (int64_t)any_size(seed),
		.seq = any_size(seed),
		.unsettled = any_below(seed, 2),
	};
	struct record rec = any_record(seed, &p->room);
	struct actor who = any_actor(seed, &p->room);

	if (c.kind == 'C')
		c.aspects = (uint32_t)any_below(seed, 1u << ASPECT_N);
	if (c.kind != 'A')
		c.old = encoded(&rec, &p->old);
	rec = any_record(seed, &p->room);
	if (c.kind != 'D')
		c.now = encoded(&rec, &p->now);
	buf_reset(&p->actor);
	if (any_below(seed, 2))
		actor_encode(&who, &p->actor);
	c.actor = buf_span(&p->actor);
	buf_reset(&p->package);
	if (!any_below(seed, 3))
		package_encode(&(struct package_note){LIT("dpkg"), LIT("x"), LIT("1"), LIT("all"),
				       any_below(seed, 2), PACKAGE_MD5, LIT("0123456789abcdef"),
				       LIT("fedcba9876543210"), PACKAGE_MISMATCH},
			&p->package);
	c.package = buf_span(&p->package);
	if (any_below(seed, 2))
		c.mount = LIT("tmpfs on /p");
	if (any_below(seed, 2))
		c.from = LIT("/q");
	if (any_below(seed, 2))
		c.blind = (uint32_t)any_below(seed, 1u << ASPECT_N);
	buf_reset(&p->ruling);
	if (any_below(seed, 2))
		ruling_encode(&(struct ruling){.name = LIT("n"),
				      .file = LIT("/f"),
				      .reason = LIT("why"),
				      .owner = LIT("o"),
				      .line = (uint32_t)any_size(seed),
				      .expected = any_below(seed, 2),
				      .grown = any_below(seed, 2),
				      .altered = any_below(seed, 2)},
			&p->ruling);
	c.ruling = buf_span(&p->ruling);
	return c;
}

static void assert_same_change(const struct change *a, const struct change *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_span(a->path, b->path);
	assert_int_equal(a->aspects, b->aspects);
	assert_int_equal(a->severity, b->severity);
	assert_true(a->first == b->first && a->last == b->last && a->seq == b->seq);
	assert_int_equal(a->unsettled, b->unsettled);
	assert_span(a->from, b->from);
	assert_span(a->mount, b->mount);
	assert_span(a->old, b->old);
	assert_span(a->now, b->now);
	assert_span(a->actor, b->actor);
	assert_int_equal(a->blind, b->blind);
	assert_span(a->ruling, b->ruling);
	assert_span(a->package, b->package);
}

static void any_change_round_trips(void **state UNUSED)
{
	CLEANUP(parts_free) struct parts p = {0};
	BUF struct buf b = {0};
	uint64_t seed = 30;

	for (int i = 0; i < 2000; i++) {
		struct change c = any_change(&seed, &p), back;

		buf_reset(&b);
		assert_int_equal(change_encode(&c, &b), 0);
		assert_int_equal(change_decode(LIT("/p"), buf_span(&b), &back), 0);
		assert_same_change(&c, &back);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

static void what_cannot_be_is_not_encoded(void **state UNUSED)
{
	static const struct change table[] = {
		{.kind = 0},
		{.kind = 'M'},
		{.kind = 'A', .aspects = 1},
		{.kind = 'D', .aspects = 1},
		{.kind = 'C', .aspects = 1u << ASPECT_N},
		{.kind = 'C', .severity = SEV_N},
		{.kind = 'C', .blind = 1u << ASPECT_N},
		{.kind = 'A', .old = ROW("x")},
		{.kind = 'D', .now = ROW("x")},
	};
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		assert_int_equal(change_encode(&table[i], &b), -EINVAL);
		assert_int_equal(b.n, 0);
	}
}

/* What nobody wants to see of a state is not in the drift id; everything else still is. */
static void blind_aspects_have_no_identity(void **state UNUSED)
{
	static const struct record base = {
		.type = FILE_REG, .mode = 0644, .size = 1, .has_sha = true};
	static const struct {
		enum aspect a;
		struct record now;
	} rows[] = {
		{ASPECT_CONTENT,
			{.type = FILE_REG, .mode = 0644, .size = 2, .has_sha = true, .sha = {1}}},
		{ASPECT_MODE, {.type = FILE_REG, .mode = 0600, .size = 1, .has_sha = true}},
		{ASPECT_OWNER,
			{.type = FILE_REG, .mode = 0644, .uid = 7, .size = 1, .has_sha = true}},
		{ASPECT_MTIME,
			{.type = FILE_REG, .mode = 0644, .mtime = 7, .size = 1, .has_sha = true}},
		{ASPECT_FLAGS,
			{.type = FILE_REG, .mode = 0644, .flags = 1, .size = 1, .has_sha = true}},
		{ASPECT_XATTR, {.type = FILE_REG,
				       .mode = 0644,
				       .xattrs = ROW("\1a\1b"),
				       .size = 1,
				       .has_sha = true}},
	};
	BUF struct buf one = {0}, two = {0}, a = {0}, b = {0};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		for (unsigned blind = 0; blind < ASPECT_N; blind++) {
			struct change c = {.kind = 'C', .path = LIT("/p"), .blind = 1u << blind};

			c.now = encoded(&base, &one);
			buf_reset(&a);
			change_identity(&c, &a);
			c.now = encoded(&rows[i].now, &two);
			buf_reset(&b);
			change_identity(&c, &b);
			assert_int_equal(
				span_eq(buf_span(&a), buf_span(&b)), blind == (unsigned)rows[i].a);
		}
}

static void broken_records_inside_are_found(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct change c = {.kind = 'A', .now = ROW("\1\1\0x")}, back;

	assert_int_equal(change_encode(&c, &b), 0);
	assert_int_equal(change_decode(LIT("/p"), buf_span(&b), &back), -EBADMSG);
	assert_string_equal(err_why(), "change: record: malformed");
	buf_reset(&b);
	c = (struct change){.kind = 'C', .actor = ROW("\1")};
	assert_int_equal(change_encode(&c, &b), 0);
	assert_int_equal(change_decode(LIT("/p"), buf_span(&b), &back), -EBADMSG);
}

static bool same_identity(const struct change *a, const struct change *b)
{
	BUF struct buf x = {0}, y = {0};

	change_identity(a, &x);
	change_identity(b, &y);
	return span_eq(buf_span(&x), buf_span(&y));
}

static void identity_is_the_state_alone(void **state UNUSED)
{
	CLEANUP(parts_free) struct parts p = {0};
	BUF struct buf moved = {0};
	struct record dir = {.type = FILE_DIR, .mode = 0755, .mtime = 1}, later = dir, other = dir;
	struct change a = {.kind = 'A', .path = ROW("/d")}, b;

	later.mtime = 2;
	later.ovl = OVL_OPAQUE;
	later.redirect = LIT("x");
	other.mode = 0700;
	a.now = encoded(&dir, &p.now);
	b = a;
	b.first = b.last = 5;
	b.seq = 6;
	b.severity = SEV_HIGH;
	b.unsettled = true;
	b.from = LIT("/e");
	b.actor = LIT("somebody");
	b.now = encoded(&later, &moved);
	assert_true(same_identity(&a, &b));
	b.now = encoded(&other, &moved);
	assert_false(same_identity(&a, &b));
	b = a;
	b.path = LIT("/e");
	assert_false(same_identity(&a, &b));
	b = a;
	b.kind = 'C';
	assert_false(same_identity(&a, &b));
	a.kind = 'C';
	assert_true(same_identity(&a, &b));
	b.aspects = 1;
	assert_false(same_identity(&a, &b));
	b = a;
	b.mount = LIT("m");
	assert_false(same_identity(&a, &b));
	b = a;
	b.old = encoded(&other, &moved);
	assert_false(same_identity(&a, &b));
}

static void a_files_time_is_part_of_it(void **state UNUSED)
{
	BUF struct buf one = {0}, two = {0};
	struct record rec = {.type = FILE_REG, .mtime = 1};
	struct change a = {.kind = 'A', .path = ROW("/f")}, b = a;

	a.now = encoded(&rec, &one);
	rec.mtime = 2;
	b.now = encoded(&rec, &two);
	assert_false(same_identity(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_change_round_trips),
		cmocka_unit_test(what_cannot_be_is_not_encoded),
		cmocka_unit_test(blind_aspects_have_no_identity),
		cmocka_unit_test(broken_records_inside_are_found),
		cmocka_unit_test(identity_is_the_state_alone),
		cmocka_unit_test(a_files_time_is_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
