#include "tests/unit/model/any.h"

static int recode(struct span in, struct buf *out)
{
	struct record rec;
	int r = record_decode(in, &rec);

	buf_reset(out);
	return r ? r : record_encode(&rec, out);
}

static void assert_same_record(const struct record *a, const struct record *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_true(a->size == b->size);
	assert_true(a->mtime == b->mtime);
	assert_int_equal(a->rdev_major, b->rdev_major);
	assert_int_equal(a->rdev_minor, b->rdev_minor);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->has_sha, b->has_sha);
	assert_memory_equal(a->sha, b->sha, SHA_LEN);
	assert_span(a->link, b->link);
	assert_span(a->xattrs, b->xattrs);
	assert_int_equal(a->ovl, b->ovl);
	assert_span(a->redirect, b->redirect);
}

static void any_record_round_trips(void **state UNUSED)
{
	CLEANUP(any_room_free) struct any_room room = {0};
	BUF struct buf b = {0};
	uint64_t seed = 10;

	for (int i = 0; i < 3000; i++) {
		struct record rec = any_record(&seed, &room), back;

		buf_reset(&b);
		assert_int_equal(record_encode(&rec, &b), 0);
		assert_int_equal(record_decode(buf_span(&b), &back), 0);
		assert_same_record(&rec, &back);
		assert_int_equal(record_diff(&rec, &back), 0);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

static void any_bytes_are_taken_or_refused(void **state UNUSED)
{
	uint64_t seed = 11;
	uint8_t room[80];

	for (int i = 0; i < 100000; i++) {
		struct span s = any_bytes(&seed, room, sizeof(room));

		room[0] = i % 16 ? 1 : room[0];
		room[1] = (uint8_t)(room[1] % FILE_N);
		room[2] &= i % 3 ? 0x0f : 0xff;
		assert_recodes(recode, s);
	}
}

static const struct record typical = {
	.type = FILE_REG,
	.mode = 0644,
	.uid = 1000,
	.gid = 1000,
	.size = 12345,
	.mtime = INT64_C(1795472045123456789),
	.has_sha = true,
	.sha = {1, 2, 3},
};

static void typical_records_are_small(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct record dir = {.type = FILE_DIR, .mode = 0755, .mtime = typical.mtime};

	assert_int_equal(record_encode(&typical, &b), 0);
	assert_in_range(b.n, 48, 55);
	buf_reset(&b);
	assert_int_equal(record_encode(&dir, &b), 0);
	assert_in_range(b.n, 5, 15);
	buf_reset(&b);
	assert_int_equal(record_encode(&(struct record){.type = FILE_CHR}, &b), 0);
	assert_span(buf_span(&b), LIT("\1\4\0"));
}

static const struct {
	const char *why;
	struct span bytes;
} broken[] = {
	{"empty", ROW("")},
	{"version 0", ROW("\0\1\0")},
	{"version 2", ROW("\2\1\0")},
	{"no such type", ROW("\1\x08\0")},
	{"unknown field", ROW("\1\1\x80\x10")},
	{"field mask longer than need be", ROW("\1\1\x80\0")},
	{"mode there and zero", ROW("\1\1\1\0")},
	{"mode beyond 07777", ROW("\1\1\1\x80\x20")},
	{"owner there and zero", ROW("\1\1\2\0\0")},
	{"uid beyond 32 bits", ROW("\1\1\2\x80\x80\x80\x80\x10\0")},
	{"size there and zero", ROW("\1\1\4\0")},
	{"size of a directory", ROW("\1\2\4\5")},
	{"mtime there and zero", ROW("\1\1\x08\0")},
	{"hash cut short", ROW("\1\1\x10 abcdefghijklmnopqrstuvwxyzabcd")},
	{"hash of a directory", ROW("\1\2\x10 abcdefghijklmnopqrstuvwxyzabcde")},
	{"link target of a file", ROW("\1\1\x20\1x")},
	{"link target there and empty", ROW("\1\3\x20\0")},
	{"link target longer than there is", ROW("\1\3\x20\2x")},
	{"xattr list there and empty", ROW("\1\1\x40\0")},
	{"xattr without a value", ROW("\1\1\x40\2\1a")},
	{"xattr without a name", ROW("\1\1\x40\2\0\0")},
	{"xattr twice", ROW("\1\1\x40\6\1a\0\1a\0")},
	{"xattrs out of order", ROW("\1\1\x40\6\1b\0\1a\0")},
	{"device number of a file", ROW("\1\1\x80\1\1\1")},
	{"device number there and zero", ROW("\1\4\x80\1\0\0")},
	{"flags beyond what counts", ROW("\1\1\x80\2\x10")},
	{"overlay marks beyond what is", ROW("\1\1\x80\4\x20")},
	{"redirect there and empty", ROW("\1\2\x80\x08\0")},
	{"something behind", ROW("\1\1\0x")},
};

static void broken_records_are_refused(void **state UNUSED)
{
	struct record rec;

	for (size_t i = 0; i < COUNTOF(broken); i++) {
		struct span s = exact_copy(broken[i].bytes);

		err_set(-EIO, "nothing was said");
		if (record_decode(s, &rec) != -EBADMSG)
			fail_msg("%s: was taken", broken[i].why);
		assert_int_equal(strncmp(err_why(), "record: ", 8), 0);
		exact_free(s);
	}
	assert_int_equal(record_decode(LIT("\1\1\x40\6\1a\0\1b\0"), &rec), 0);
}

static void long_xattr_values_are_refused(void **state UNUSED)
{
	BUF struct buf list = {0}, b = {0};
	struct record rec = {.type = FILE_REG};
	uint8_t value[XATTR_KEEP + 1] = {0};

	buf_bytes(&list, LIT("a"));
	buf_bytes(&list, span_make(value, sizeof(value)));
	rec.xattrs = buf_span(&list);
	assert_int_equal(record_encode(&rec, &b), -EINVAL);
	assert_int_equal(b.n, 0);
}

static void what_cannot_be_is_not_encoded(void **state UNUSED)
{
	static const struct record table[] = {
		{.type = FILE_N},
		{.type = FILE_REG, .mode = 010000},
		{.type = FILE_REG, .flags = 16},
		{.type = FILE_REG, .ovl = 32},
		{.type = FILE_DIR, .size = 1},
		{.type = FILE_DIR, .has_sha = true},
		{.type = FILE_DIR, .link = ROW("x")},
		{.type = FILE_DIR, .rdev_minor = 1},
		{.type = FILE_DIR, .xattrs = ROW("x")},
	};
	BUF struct buf b = {0};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		assert_int_equal(record_encode(&table[i], &b), -EINVAL);
		assert_int_equal(b.n, 0);
	}
}

#define BIT(x) (1u << ASPECT_##x)
#define CAPS_A "\x13security.capability\1a"
#define CAPS_B "\x13security.capability\1b"
static const struct {
	struct record a, b;
	uint32_t aspects;
} diffs[] = {
	{{.type = FILE_REG}, {.type = FILE_REG}, 0},
	{{.type = FILE_REG, .size = 1}, {.type = FILE_REG, .size = 2}, BIT(CONTENT)},
	{{.type = FILE_REG, .has_sha = 1}, {.type = FILE_REG, .has_sha = 1}, 0},
	{{.type = FILE_REG, .has_sha = 1, .sha = {1}}, {.type = FILE_REG, .has_sha = 1},
		BIT(CONTENT)},
	{{.type = FILE_REG, .has_sha = 1}, {.type = FILE_REG}, BIT(CONTENT)},
	{{.type = FILE_REG, .sha = {1}}, {.type = FILE_REG}, 0},
	{{.type = FILE_REG, .mode = 0644}, {.type = FILE_REG, .mode = 04644}, BIT(MODE)},
	{{.type = FILE_LINK, .mode = 0777}, {.type = FILE_LINK}, 0},
	{{.type = FILE_DIR, .uid = 1}, {.type = FILE_DIR}, BIT(OWNER)},
	{{.type = FILE_DIR, .gid = 1}, {.type = FILE_DIR}, BIT(OWNER)},
	{{.type = FILE_DIR, .mtime = 1}, {.type = FILE_DIR}, 0},
	{{.type = FILE_DIR, .size = 1}, {.type = FILE_DIR}, 0},
	{{.type = FILE_REG, .mtime = 1}, {.type = FILE_REG}, BIT(MTIME)},
	{{.type = FILE_LINK, .mtime = 1}, {.type = FILE_LINK}, BIT(MTIME)},
	{{.type = FILE_LINK, .link = ROW("a")}, {.type = FILE_LINK, .link = ROW("b")}, BIT(LINK)},
	{{.type = FILE_LINK, .link = ROW("a"), .mtime = 1}, {.type = FILE_REG, .mode = 0644},
		BIT(TYPE)},
	{{.type = FILE_DIR, .mode = 0755}, {.type = FILE_REG, .mode = 0644}, BIT(TYPE) | BIT(MODE)},
	{{.type = FILE_CHR, .rdev_major = 1}, {.type = FILE_CHR}, BIT(TYPE)},
	{{.type = FILE_BLK, .rdev_minor = 1}, {.type = FILE_BLK}, BIT(TYPE)},
	{{.type = FILE_REG, .flags = FLAG_IMMUTABLE}, {.type = FILE_REG}, BIT(FLAGS)},
	{{.type = FILE_DIR, .ovl = OVL_OPAQUE, .redirect = ROW("x")}, {.type = FILE_DIR}, 0},
	{{.xattrs = ROW(CAPS_A)}, {.xattrs = ROW(CAPS_B)}, BIT(CAPS)},
	{{.xattrs = ROW(CAPS_A)}, {.xattrs = ROW(CAPS_A)}, 0},
	{{.xattrs = ROW(CAPS_A)}, {.type = FILE_NONE}, BIT(CAPS)},
	{{.xattrs = ROW("\1a\1x")}, {.xattrs = ROW("\1a\1y")}, BIT(XATTR)},
	{{.xattrs = ROW("\1a\1x" CAPS_A "\1z\1x")}, {.xattrs = ROW(CAPS_A)}, BIT(XATTR)},
	{{.xattrs = ROW("\1a\1x" CAPS_A)}, {.xattrs = ROW("\1a\1x\1b\1x")}, BIT(XATTR) | BIT(CAPS)},
};

static void differences(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(diffs); i++) {
		uint32_t there = record_diff(&diffs[i].a, &diffs[i].b);

		if (there != diffs[i].aspects || there != record_diff(&diffs[i].b, &diffs[i].a))
			fail_msg("row %zu: %x", i, there);
		assert_int_equal(record_diff(&diffs[i].a, &diffs[i].a), 0);
	}
}

static void differing_goes_both_ways(void **state UNUSED)
{
	CLEANUP(any_room_free) struct any_room ra = {0}, rb = {0};
	uint64_t seed = 12;

	for (int i = 0; i < 5000; i++) {
		struct record a = any_record(&seed, &ra), b = any_record(&seed, &rb);

		assert_int_equal(record_diff(&a, &b), record_diff(&b, &a));
		assert_int_equal(record_diff(&a, &a), 0);
	}
}

static void xattr_lists_stay_sorted(void **state UNUSED)
{
	BUF struct buf list = {0};
	struct xattr x;
	struct rd at;

	xattr_add(&list, LIT("m"), LIT("1"));
	xattr_add(&list, LIT("z"), LIT("2"));
	xattr_add(&list, LIT("a"), LIT("3"));
	xattr_add(&list, LIT("mm"), LIT(""));
	xattr_add(&list, LIT("m"), LIT("four"));
	xattr_add(&list, LIT("z"), LIT("five"));
	assert_span(buf_span(&list), LIT("\1a\1"
					 "3\1m\4four\2mm\0\1z\4five"));
	at = rd_of(buf_span(&list));
	for (int i = 0; i < 4; i++)
		assert_true(xattr_next(&at, &x));
	assert_span(x.name, LIT("z"));
	assert_span(x.value, LIT("five"));
	assert_false(xattr_next(&at, &x));
	assert_false(at.bad);
}

static void long_xattr_values_are_kept_as_hashes(void **state UNUSED)
{
	BUF struct buf list = {0};
	uint8_t value[XATTR_KEEP + 1];
	struct xattr x;
	struct rd at;

	memset(value, 'x', sizeof(value));
	xattr_add(&list, LIT("a"), span_make(value, XATTR_KEEP));
	xattr_add(&list, LIT("b"), span_make(value, XATTR_KEEP + 1));
	at = rd_of(buf_span(&list));
	assert_true(xattr_next(&at, &x));
	assert_int_equal(x.value.n, XATTR_KEEP);
	assert_true(xattr_next(&at, &x));
	assert_span(x.value,
		LIT("sha256:15eb95a462ee20bd91a415ae2d4aed341288186ddaa2b37908f7d592f0c3f85f"));
}

static void any_order_gives_one_list(void **state UNUSED)
{
	uint64_t seed = 13;

	for (int i = 0; i < 2000; i++) {
		BUF struct buf one = {0}, two = {0};
		char name[8][2];

		for (size_t k = 0; k < 8; k++)
			name[k][0] = name[k][1] = (char)('a' + k);
		for (size_t k = 0; k < 8; k++)
			xattr_add(&one, span_make(name[k], 2), span_make(name[k], 1));
		for (size_t k = 8; k; k--) {
			size_t pick = any_below(&seed, k);

			xattr_add(&two, span_make(name[pick], 2), span_make(name[pick], 1));
			memmove(name[pick], name[k - 1], 2);
		}
		assert_span(buf_span(&two), buf_span(&one));
	}
}

static void a_part_of_a_second_is_the_older_ones(void **state UNUSED)
{
	static const struct {
		int64_t was, is, then;
	} t[] = {{5000000000, 5250000000, 5000000000}, {5250000000, 5000000000, 5250000000},
		{5000000000, 6000000000, 6000000000}, {-1, 0, 0}, {-1, -999999999, -1},
		{-1000000000, -1, -1000000000}};
	struct record old = {.type = FILE_REG}, fresh = old;

	for (size_t i = 0; i < COUNTOF(t); i++) {
		old.mtime = t[i].was;
		fresh.mtime = t[i].is;
		record_same_second(&fresh, &old);
		assert_int_equal(fresh.mtime, t[i].then);
	}
	old.type = FILE_LINK;
	fresh.mtime = old.mtime + 1;
	record_same_second(&fresh, &old);
	assert_int_not_equal(fresh.mtime, old.mtime);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_record_round_trips),
		cmocka_unit_test(any_bytes_are_taken_or_refused),
		cmocka_unit_test(typical_records_are_small),
		cmocka_unit_test(broken_records_are_refused),
		cmocka_unit_test(long_xattr_values_are_refused),
		cmocka_unit_test(what_cannot_be_is_not_encoded),
		cmocka_unit_test(differences),
		cmocka_unit_test(differing_goes_both_ways),
		cmocka_unit_test(xattr_lists_stay_sorted),
		cmocka_unit_test(long_xattr_values_are_kept_as_hashes),
		cmocka_unit_test(any_order_gives_one_list),
		cmocka_unit_test(a_part_of_a_second_is_the_older_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
