#include "model/judge.h"
#include "tests/unit/model/any.h"

#define BIT(x) (1u << ASPECT_##x)
#define CAPS "\x13security.capability\1a"

/* The records that the rows below are made of. */
// clang-format off
static const struct record file = {.type = FILE_REG, .mode = 0644, .has_sha = true},
	edited = {.type = FILE_REG, .mode = 0644, .has_sha = true, .sha = {1}},
	touched = {.type = FILE_REG, .mode = 0644, .has_sha = true, .mtime = 1},
	given = {.type = FILE_REG, .mode = 0644, .has_sha = true, .uid = 1},
	open_to_all = {.type = FILE_REG, .mode = 0666, .has_sha = true},
	closed = {.type = FILE_REG, .mode = 0600, .has_sha = true},
	labelled = {.type = FILE_REG, .mode = 0644, .has_sha = true, .xattrs = ROW("\1a\1b")},
	capable = {.type = FILE_REG, .mode = 0644, .has_sha = true, .xattrs = ROW(CAPS)},
	flagged = {.type = FILE_REG, .mode = 0644, .has_sha = true, .flags = FLAG_IMMUTABLE},
	program = {.type = FILE_REG, .mode = 0755, .has_sha = true},
	program_edited = {.type = FILE_REG, .mode = 0755, .has_sha = true, .sha = {1}},
	group_program = {.type = FILE_REG, .mode = 0610, .has_sha = true},
	setuid = {.type = FILE_REG, .mode = 04755, .has_sha = true},
	setuid_touched = {.type = FILE_REG, .mode = 04755, .has_sha = true, .mtime = 1},
	setuid_edited = {.type = FILE_REG, .mode = 04755, .has_sha = true, .sha = {1}},
	setuid_given = {.type = FILE_REG, .mode = 04755, .has_sha = true, .uid = 1},
	setgid = {.type = FILE_REG, .mode = 02755, .has_sha = true},
	dir = {.type = FILE_DIR, .mode = 0755}, shared_dir = {.type = FILE_DIR, .mode = 02775},
	open_dir = {.type = FILE_DIR, .mode = 0777},
	dir_later = {.type = FILE_DIR, .mode = 0755, .mtime = 9, .ovl = OVL_OPAQUE},
	sym = {.type = FILE_LINK, .mode = 0777, .link = ROW("a")},
	sym_moved = {.type = FILE_LINK, .mode = 0777, .link = ROW("b")};
// clang-format on

enum { GONE = 1, LAYER = 2, MOUNT = 4 };
static const struct {
	const struct record *base, *now;
	int in;
	char kind; /* 0: JUDGE_SAME */
	uint32_t aspects;
	enum severity severity;
} rows[] = {
	{NULL, NULL, 0, 0, 0, 0},
	{NULL, NULL, GONE, 0, 0, 0},
	{NULL, NULL, MOUNT, 0, 0, 0},
	{&file, &file, 0, 0, 0, 0},
	{&dir, &dir_later, 0, 0, 0, 0},
	{&file, NULL, GONE, 0, 0, 0},
	{&file, NULL, GONE | MOUNT, 0, 0, 0},

	{NULL, &file, 0, 'A', 0, SEV_LOW},
	{NULL, &dir, 0, 'A', 0, SEV_LOW},
	{NULL, &shared_dir, 0, 'A', 0, SEV_LOW},
	{NULL, &sym, 0, 'A', 0, SEV_LOW},
	{NULL, &program, 0, 'A', 0, SEV_MEDIUM},
	{NULL, &group_program, 0, 'A', 0, SEV_MEDIUM},
	{NULL, &setuid, 0, 'A', 0, SEV_HIGH},
	{NULL, &setgid, 0, 'A', 0, SEV_HIGH},
	{NULL, &capable, 0, 'A', 0, SEV_HIGH},
	{NULL, &file, LAYER, 'A', BIT(LAYER), SEV_CRITICAL},
	{&file, NULL, LAYER, 'D', BIT(LAYER), SEV_CRITICAL},

	{&file, NULL, 0, 'D', 0, SEV_LOW},
	{&setuid, NULL, 0, 'D', 0, SEV_LOW},
	{&program, NULL, 0, 'D', 0, SEV_LOW},

	{&file, &edited, 0, 'C', BIT(CONTENT), SEV_LOW},
	{&file, &touched, 0, 'C', BIT(MTIME), SEV_INFO},
	{&file, &given, 0, 'C', BIT(OWNER), SEV_LOW},
	{&file, &closed, 0, 'C', BIT(MODE), SEV_LOW},
	{&file, &open_to_all, 0, 'C', BIT(MODE), SEV_MEDIUM},
	{&open_to_all, &file, 0, 'C', BIT(MODE), SEV_LOW},
	{&dir, &open_dir, 0, 'C', BIT(MODE), SEV_LOW},
	{&dir, &shared_dir, 0, 'C', BIT(MODE), SEV_LOW},
	{&file, &labelled, 0, 'C', BIT(XATTR), SEV_LOW},
	{&file, &flagged, 0, 'C', BIT(FLAGS), SEV_LOW},
	{&file, &capable, 0, 'C', BIT(CAPS), SEV_HIGH},
	{&capable, &file, 0, 'C', BIT(CAPS), SEV_HIGH},
	{&sym, &sym_moved, 0, 'C', BIT(LINK), SEV_LOW},
	{&file, &program, 0, 'C', BIT(MODE), SEV_LOW},
	{&program, &program_edited, 0, 'C', BIT(CONTENT), SEV_MEDIUM},
	{&program, &setuid, 0, 'C', BIT(MODE), SEV_HIGH},
	{&setgid, &setuid, 0, 'C', BIT(MODE), SEV_HIGH},
	{&setuid, &program, 0, 'C', BIT(MODE), SEV_LOW},
	{&setuid, &setuid_edited, 0, 'C', BIT(CONTENT), SEV_HIGH},
	{&setuid, &setuid_given, 0, 'C', BIT(OWNER), SEV_HIGH},
	{&setuid, &setuid_touched, 0, 'C', BIT(MTIME), SEV_INFO},
	{&file, &sym, 0, 'C', BIT(TYPE), SEV_MEDIUM},
	{&sym, &program, 0, 'C', BIT(TYPE), SEV_MEDIUM},
	{&sym, &setuid, 0, 'C', BIT(TYPE), SEV_HIGH},
	{&file, &file, LAYER, 'C', BIT(LAYER), SEV_CRITICAL},
	{&file, &edited, LAYER, 'C', BIT(LAYER) | BIT(CONTENT), SEV_CRITICAL},
	{&file, &file, MOUNT, 'C', BIT(MOUNT), SEV_HIGH},
	{&file, &touched, MOUNT, 'C', BIT(MOUNT) | BIT(MTIME), SEV_HIGH},
	{&file, NULL, MOUNT, 'C', BIT(MOUNT), SEV_HIGH},
	{&file, &file, MOUNT | LAYER, 'C', BIT(MOUNT) | BIT(LAYER), SEV_CRITICAL},
};

static void verdicts(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct judge_in in = {
			.path = LIT("/p"),
			.base = rows[i].base,
			.now = rows[i].now,
			.parent_gone = rows[i].in & GONE,
			.layer_changed = rows[i].in & LAYER,
			.mount = rows[i].in & MOUNT ? LIT("tmpfs") : LIT(""),
		};
		struct change c = {.seq = 77};
		int r = judge(&in, &c);

		if (r != (rows[i].kind ? JUDGE_DRIFT : JUDGE_SAME) || c.kind != rows[i].kind ||
			c.aspects != rows[i].aspects || c.severity != rows[i].severity)
			fail_msg("row %zu: %d %c %x %d", i, r, c.kind, c.aspects, (int)c.severity);
		assert_int_equal(c.seq, 77);
	}
}

static void verdicts_hold_together(void **state UNUSED)
{
	CLEANUP(any_room_free) struct any_room ra = {0}, rb = {0};
	uint64_t seed = 70;

	for (int i = 0; i < 20000; i++) {
		struct record a = any_record(&seed, &ra), b = any_record(&seed, &rb);
		struct judge_in in = {
			.base = any_below(&seed, 4) ? &a : NULL,
			.now = any_below(&seed, 4) ? any_below(&seed, 4) ? &b : &a : NULL,
			.parent_gone = any_below(&seed, 8) == 0,
			.layer_changed = any_below(&seed, 8) == 0,
		};
		struct change c = {0};
		int r = judge(&in, &c);

		if (r == JUDGE_SAME) {
			assert_true(!in.now || (in.base && !in.layer_changed));
			assert_int_equal(c.kind, 0);
			continue;
		}
		assert_int_equal(r, JUDGE_DRIFT);
		if (c.kind == 'C')
			assert_int_not_equal(c.aspects, 0);
		else
			assert_int_equal(c.aspects, in.layer_changed ? BIT(LAYER) : 0);
		assert_int_equal(c.kind == 'A', in.base == NULL);
		assert_int_equal(c.kind == 'D', in.now == NULL);
		assert_int_equal(c.severity, judge_severity(&in, c.kind, c.aspects));
	}
}

static void rules_have_the_last_word(void **state UNUSED)
{
	static const struct {
		struct judge_rules r;
		enum severity stands, want;
	} words[] = {
		{{.expected = false}, SEV_LOW, SEV_LOW},
		{{.has_severity = true, .severity = SEV_HIGH}, SEV_LOW, SEV_HIGH},
		{{.has_severity = true, .severity = SEV_INFO}, SEV_HIGH, SEV_INFO},
		{{.raise = 1}, SEV_LOW, SEV_MEDIUM},
		{{.raise = 4}, SEV_HIGH, SEV_CRITICAL},
		{{.raise = -4}, SEV_HIGH, SEV_INFO},
		{{.has_severity = true, .severity = SEV_MEDIUM, .raise = 1}, SEV_LOW, SEV_HIGH},
		{{.expected = true, .raise = 2}, SEV_HIGH, SEV_INFO},
	};
	struct change c = {.kind = 'C', .aspects = BIT(CONTENT)};

	for (size_t i = 0; i < COUNTOF(words); i++)
		assert_int_equal(judge_ruled(&words[i].r, &c, words[i].stands), words[i].want);
	/* But for a layer that was changed below everybody. */
	c.aspects |= BIT(LAYER);
	assert_int_equal(judge_ruled(&words[7].r, &c, SEV_CRITICAL), SEV_CRITICAL);
	assert_int_equal(judge_ruled(&words[2].r, &c, SEV_CRITICAL), SEV_CRITICAL);
}

static void what_nobody_watches_is_no_drift(void **state UNUSED)
{
	struct judge_in in = {.path = LIT("/p"), .base = &file, .now = &edited};
	struct change c = {0};

	in.blind = BIT(CONTENT);
	assert_int_equal(judge(&in, &c), JUDGE_SAME);
	in.blind = BIT(MODE);
	assert_int_equal(judge(&in, &c), JUDGE_DRIFT);
	assert_int_equal(c.aspects, BIT(CONTENT));
	in.blind = ~0u;
	in.now = NULL;
	assert_int_equal(judge(&in, &c), JUDGE_DRIFT);
	in.base = NULL;
	in.now = &file;
	assert_int_equal(judge(&in, &c), JUDGE_DRIFT);
}

/* A library has no bit that says that it is run: of a package's file any other content is worth a look. */
static void what_no_package_has_is_worth_a_look(void **state UNUSED)
{
	struct judge_in in = {.path = LIT("/p"), .base = &file, .now = &edited};

	assert_int_equal(judge_severity(&in, 'C', BIT(CONTENT)), SEV_LOW);
	in.packaged = true;
	assert_int_equal(judge_severity(&in, 'C', BIT(CONTENT)), SEV_MEDIUM);
	assert_int_equal(judge_severity(&in, 'C', BIT(MTIME)), SEV_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(verdicts_hold_together),
		cmocka_unit_test(rules_have_the_last_word),
		cmocka_unit_test(what_nobody_watches_is_no_drift),
		cmocka_unit_test(what_no_package_has_is_worth_a_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
