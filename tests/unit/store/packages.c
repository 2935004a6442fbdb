/* Sets of packages: written, found, whose, swept; and how much room they take. Links: store, model, base. */
#include "place.h"
#include "store/packages.h"
#include "store/targets.h"

static const uint8_t md5[16] = {1, 2, 3}, sha[32] = {4, 5, 6};

static uint32_t make(struct txn *t, uint8_t stack, bool complete)
{
	struct pkg_set s = {.complete = complete,
		.time = 5,
		.n_packages = 1,
		.n_files = 2,
		.n_differ = 1,
		.os_id = span_of("debian"),
		.os_version = span_of("12"),
		.os_name = span_of("Debian 12"),
		.words = span_of("why")};
	struct pkg p = {span_of("dpkg"), span_of("openssl"), span_of("3-1"), span_of("amd64"),
		span_of("src"), span_of("lic"), span_of("ven")};
	struct pkg_file f = {.config = true, .has_digest = true, .digest = span_make(md5, 16)},
			g = {.package = 300,
				.image = PKG_DIFFERS,
				.has_digest = true,
				.kind = PACKAGE_SHA256,
				.digest = span_make(sha, 32)},
			none = {.image = PKG_MISSING};
	uint32_t no;

	memset(s.stack, stack, SHA_LEN);
	s.lost = stack == 1;
	ok(pkg_set_create(t, s.stack, &no));
	s.no = no;
	ok(pkg_put(t, no, 0, &p));
	ok(pkg_file_put(t, no, span_of("/etc/a"), &f));
	ok(pkg_file_put(t, no, span_of("/etc/b"), &none));
	ok(pkg_file_put(t, no, span_of("/usr/bin/x"), &g));
	ok(pkg_set_put(t, &s));
	return no;
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	uint32_t no = make(t, 1, true), of;
	struct pkg_set s;
	struct pkg_file f;
	struct pkg g;
	uint8_t other[SHA_LEN] = {9};

	make(t, 2, false);
	ok(pkg_of_put(t, 7, no));
	ok(txn_commit(t));
	t = reading(p);
	fails(pkg_set_find(t, other, &s), STORE_ABSENT);
	memset(other, 2, SHA_LEN);
	fails(pkg_set_find(t, other, &s), STORE_ABSENT); /* it is being written */
	memset(other, 1, SHA_LEN);
	ok(pkg_set_find(t, other, &s));
	assert_int_equal(s.no, no);
	assert_true(s.lost);
	assert_int_equal(s.n_files, 2);
	assert_int_equal(s.n_differ, 1);
	is_text(s.os_id, "debian");
	is_text(s.words, "why");
	ok(pkg_get(t, no, 0, &g));
	is_text(g.name, "openssl");
	is_text(g.vendor, "ven");
	fails(pkg_get(t, no, 1, &g), STORE_ABSENT);
	ok(pkg_file_get(t, no, span_of("/etc/a"), &f));
	assert_true(f.config && f.has_digest && f.kind == PACKAGE_MD5 && f.image == PKG_UNCHECKED);
	assert_memory_equal(f.digest.p, md5, 16);
	ok(pkg_file_get(t, no, span_of("/etc/b"), &f));
	assert_true(!f.has_digest && f.image == PKG_MISSING);
	ok(pkg_file_get(t, no, span_of("/usr/bin/x"), &f));
	assert_int_equal(f.package, 300);
	assert_memory_equal(f.digest.p, sha, 32);
	fails(pkg_file_get(t, no, span_of("/usr/bin"), &f), STORE_ABSENT);
	fails(pkg_file_get(t, no + 5, span_of("/etc/a"), &f), STORE_ABSENT);
	ok(pkg_of_get(t, 7, &of));
	assert_int_equal(of, no);
	fails(pkg_of_get(t, 8, &of), STORE_ABSENT);
	txn_abort(t);
}

static int hear(void *ctx, struct span path, const struct pkg_file *f)
{
	struct buf *out = ctx;

	(void)f;
	buf_add_span(out, path);
	buf_u8(out, ' ');
	return out->n > 100 ? 5 : 0;
}

static void test_walk(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	uint32_t no = make(t, 1, true), next = make(t, 2, true);
	BUF struct buf out = {0};

	ok(pkg_file_each(t, no, span_of(""), hear, &out));
	assert_string_equal(buf_text(&out), "/etc/a /etc/b /usr/bin/x ");
	buf_reset(&out);
	ok(pkg_file_each(t, next, span_of("/etc/a"), hear, &out));
	assert_string_equal(buf_text(&out), "/etc/b /usr/bin/x ");
	buf_reset(&out);
	ok(pkg_file_each(t, next + 1, span_of(""), hear, &out));
	assert_int_equal(out.n, 0);
	txn_abort(t);
}

/* A path that a key does not hold. */
static void test_long_path(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	struct pkg_file f = {.package = 3}, got;
	uint8_t stack[SHA_LEN] = {1};
	BUF struct buf path = {0}, out = {0};
	uint32_t no;

	ok(pkg_set_create(t, stack, &no));
	for (int i = 0; i < 100; i++)
		buf_add_text(&path, "/directory");
	ok(pkg_file_put(t, no, buf_span(&path), &f));
	ok(pkg_file_get(t, no, buf_span(&path), &got));
	assert_int_equal(got.package, 3);
	fails(pkg_file_each(t, no, span_of(""), hear, &out), 5);
	assert_int_equal(out.n, path.n + 1);
	txn_abort(t);
}

static void test_sweep(void **state)
{
	struct place *p = *state;
	struct txn *t = writing(p);
	uint32_t kept = make(t, 1, true), idle = make(t, 2, true), building = make(t, 3, false),
		 left = make(t, 4, false);
	struct pkg_set s;
	struct pkg_file f;
	bool more = true;

	ok(pkg_of_put(t, 1, kept));
	for (int i = 0; more && i < 20; i++)
		ok(pkg_sweep(t, building, 2, &more));
	assert_false(more);
	ok(pkg_set_get(t, kept, &s));
	ok(pkg_set_get(t, building, &s));
	fails(pkg_set_get(t, idle, &s), STORE_ABSENT);
	fails(pkg_set_get(t, left, &s), STORE_ABSENT);
	fails(pkg_file_get(t, idle, span_of("/etc/a"), &f), STORE_ABSENT);
	ok(pkg_file_get(t, kept, span_of("/etc/a"), &f));
	ok(pkg_of_delete(t, 1));
	ok(pkg_sweep(t, 0, 1000, &more));
	assert_false(more);
	fails(pkg_set_get(t, kept, &s), STORE_ABSENT);
	fails(pkg_set_get(t, building, &s), STORE_ABSENT);
	txn_abort(t);
}

static void test_target_takes_it_along(void **state)
{
	struct place *p = *state;
	struct target x = {.id = S("aaaa"), .name = S("web"), .state = STATE_REMOVED};
	struct txn *t = writing(p);
	bool more;
	uint32_t no;

	ok(targets_put(t, &x));
	ok(pkg_of_put(t, x.no, make(t, 1, true)));
	ok(targets_delete(t, x.no, 1000, &more));
	fails(pkg_of_get(t, x.no, &no), STORE_ABSENT);
	txn_abort(t);
}

/* An image of 80 packages and 7,000 files is well below a MiB. */
static void test_room(void **state)
{
	enum { PACKAGES = 80, FILES = 7000 };
	struct place *p = *state;
	struct store_stats before, after;
	struct txn *t;
	uint8_t stack[SHA_LEN] = {1};
	struct pkg g = {span_of("dpkg"), span_of("libsomething-perl"),
		span_of("1:5.36.0-7+deb12u1"), span_of("amd64"), span_of("something"), span_of(""),
		span_of("")};
	struct pkg_file f = {
		.image = PKG_AS_SHIPPED, .has_digest = true, .digest = span_make(md5, 16)};
	uint32_t no;

	ok(store_stats(p->s, &before));
	t = writing(p);
	ok(pkg_set_create(t, stack, &no));
	for (uint32_t i = 0; i < PACKAGES; i++)
		ok(pkg_put(t, no, i, &g));
	for (uint32_t i = 0; i < FILES; i++) {
		char path[64];

		f.package = i / 90;
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/posix/America/%08u", i);
		ok(pkg_file_put(t, no, span_of(path), &f));
	}
	ok(txn_commit(t));
	ok(store_stats(p->s, &after));
	print_message("# %llu KiB\n", (unsigned long long)(after.used - before.used) >> 10);
	assert_true(after.used - before.used < 900 << 10);
}

#define WITH_STORE(fn) cmocka_unit_test_setup_teardown(fn, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(test_round_trip),
		WITH_STORE(test_walk),
		WITH_STORE(test_long_path),
		WITH_STORE(test_sweep),
		WITH_STORE(test_target_takes_it_along),
		WITH_STORE(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
