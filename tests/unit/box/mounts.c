/* Mount tables: parsed from text, hostile text, and both ways of having them on this machine.
 * Links: box/mounts*, box/namespaces, box/proc, fs/overlay, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>
#include "base/err.h"
#include "box/mounts.h"
#include "box/proc.h"

static void is(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.n, (const char *)got.p, want);
}

static void parses_every_field(void **state)
{
	static const char text[] =
		"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=x\n"
		"37 36 0:83 / /a\\040b\\134c ro - overlay over\\011lay "
		"ro,lowerdir=/l\\0401:/l2,upperdir=/u\n"
		"38 36 0:9 / /empty rw - tmpfs  rw\n"
		"39 36 0:10 / /last ro,nosuid - proc proc rw";
	MOUNTS struct mounts m = {0};
	unsigned bad = 9;

	(void)state;
	assert_int_equal(mounts_parse(span_of(text), &m, &bad), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(m.n, 4);
	assert_int_equal(m.v[0].id, 36);
	assert_int_equal(m.v[0].parent, 35);
	assert_int_equal(m.v[0].dev_major, 98);
	is(m.v[0].root, "/mnt1");
	is(m.v[0].point, "/mnt2");
	is(m.v[0].fs_type, "ext3");
	is(m.v[0].source, "/dev/root");
	is(m.v[0].options, "errors=x");
	assert_false(m.v[0].read_only);
	is(m.v[1].point, "/a b\\c");
	is(m.v[1].source, "over\tlay");
	is(m.v[1].options, "lowerdir=/l\\0401:/l2,upperdir=/u");
	assert_true(m.v[1].read_only);
	is(m.v[2].source, "");
	is(m.v[2].options, "");
	assert_true(m.v[3].read_only);
}

static void skips_and_counts_what_is_broken(void **state)
{
	static const char *const lines[] = {"", "\n", " ", "36", "36 35 98:0 / /",
		"36 35 98:0 / / rw", "36 35 98:0 / / rw shared:1", "36 35 98:0 / / rw -",
		"36 35 98:0 / / rw - ext4", "36 35 98:0 / / rw - ext4 dev",
		"x 35 98:0 / / rw - a b c", "36 -1 98:0 / / rw - a b c", "36 35 98 / / rw - a b c",
		"36 35 :0 / / rw - a b c", "36 35 98: / / rw - a b c",
		"36 35 4294967296:0 / / rw - a b c", "36 35 98:0  / rw - a b c",
		"36 35 98:0 / relative rw - a b c", "36 35 98:0 / / rw -  b c",
		"99999999999999999999 35 98:0 / / rw - a b c"};

	(void)state;
	for (size_t i = 0; i < COUNTOF(lines); i++) {
		MOUNTS struct mounts m = {0};
		unsigned bad = 0;

		assert_int_equal(mounts_parse(span_of(lines[i]), &m, &bad), 0);
		if (m.n || (*lines[i] && !bad))
			fail_msg("line %zu was taken: %s", i, lines[i]);
	}
}

static void a_broken_line_does_not_hide_the_next(void **state)
{
	static const char text[] = "garbage\n36 35 0:1 / / rw - tmpfs t rw\n\n37 x\n";
	MOUNTS struct mounts m = {0};
	unsigned bad = 0;

	(void)state;
	assert_int_equal(mounts_parse(span_of(text), &m, &bad), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(bad, 3);
}

static bool statmount_here(void)
{
	NAMESPACES struct namespaces n = {0};

	return namespaces_read(MOUNTS_AUTO, &n) == 0 && n.how == MOUNTS_STATMOUNT;
}

static const struct mount *by_id(const struct mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

static void same(const struct mount *a, const struct mount *b)
{
	assert_true(span_eq(a->root, b->root));
	assert_true(span_eq(a->point, b->point));
	assert_true(span_eq(a->fs_type, b->fs_type));
	assert_int_equal(a->dev_major, b->dev_major);
	assert_int_equal(a->dev_minor, b->dev_minor);
	assert_int_equal(a->parent, b->parent);
	assert_int_equal(a->read_only, b->read_only);
	if (span_is(a->fs_type, "overlay"))
		assert_true(span_eq(a->options, b->options));
}

/* Other tests may mount meanwhile: only what both have is compared, and most must be in both. */
static void both_ways_tell_the_same(void **state)
{
	MOUNTS struct mounts a = {0}, b = {0};
	size_t both = 0;

	(void)state;
	if (!statmount_here())
		skip();
	assert_int_equal(mounts_of_pid(0, MOUNTS_STATMOUNT, &a), 0);
	assert_int_equal(mounts_of_pid(0, MOUNTS_PROC, &b), 0);
	assert_true(a.n > 0 && b.n > 0);
	for (size_t i = 0; i < b.n; i++) {
		const struct mount *it = by_id(&a, b.v[i].id);

		if (!it)
			continue;
		same(it, &b.v[i]);
		both++;
	}
	assert_true(both * 10 >= b.n * 9);
}

static const struct mnt_ns *own_ns(const struct namespaces *n)
{
	uint64_t inode = proc_mnt_ns(getpid());

	for (size_t i = 0; i < n->n; i++)
		if (n->v[i].inode == inode)
			return &n->v[i];
	return NULL;
}

static void our_own_namespace_is_among_all(void **state)
{
	static const enum mounts_how hows[] = {MOUNTS_STATMOUNT, MOUNTS_PROC};

	(void)state;
	for (size_t h = 0; h < COUNTOF(hows); h++) {
		NAMESPACES struct namespaces n = {0};

		if (hows[h] == MOUNTS_STATMOUNT && !statmount_here())
			continue;
		assert_int_equal(namespaces_read(hows[h], &n), 0);
		assert_non_null(own_ns(&n));
		assert_true(own_ns(&n)->pid > 0);
		for (size_t i = 1; i < n.n; i++)
			assert_true(n.v[i - 1].inode < n.v[i].inode);
	}
}

static void a_process_that_is_gone(void **state)
{
	MOUNTS struct mounts m = {0};

	(void)state;
	assert_int_equal(mounts_of_pid(999999999, MOUNTS_PROC, &m), -ESRCH);
	if (statmount_here())
		assert_int_equal(mounts_of_pid(999999999, MOUNTS_STATMOUNT, &m), -ESRCH);
}

static uint64_t signature(const char *text, bool all)
{
	MOUNTS struct mounts m = {0};

	assert_int_equal(mounts_parse(span_of(text), &m, NULL), 0);
	return all ? mounts_signature_all(&m) : mounts_signature(&m);
}

static void a_signature_is_of_the_root_and_the_overlays(void **state)
{
	static const char host[] =
		"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /proc rw - proc p rw\n";
	static const char copy[] =
		"8 7 0:5 / /proc rw - proc p rw\n7 6 8:1 / / rw - ext4 /dev/a rw\n";
	static const char more[] = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /p rw - proc p rw\n";
	static const char over[] =
		"1 0 8:1 / / rw - ext4 /dev/a rw\n3 1 0:9 / /m rw - overlay o rw\n";
	static const char moved[] =
		"1 0 8:1 / / rw - ext4 /dev/a rw\n3 1 0:9 / /n rw - overlay o rw\n";
	static const char root[] =
		"1 0 8:2 / / rw - ext4 /dev/b rw\n2 1 0:5 / /proc rw - proc p rw\n";

	(void)state;
	assert_int_equal(signature(host, false), signature(copy, false));
	assert_int_equal(signature(host, true), signature(copy, true));
	assert_int_equal(signature(host, false), signature(more, false));
	assert_int_not_equal(signature(host, true), signature(more, true));
	assert_int_not_equal(signature(host, false), signature(over, false));
	assert_int_not_equal(signature(over, false), signature(moved, false));
	assert_int_not_equal(signature(host, false), signature(root, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_field),
		cmocka_unit_test(skips_and_counts_what_is_broken),
		cmocka_unit_test(a_broken_line_does_not_hide_the_next),
		cmocka_unit_test(both_ways_tell_the_same),
		cmocka_unit_test(our_own_namespace_is_among_all),
		cmocka_unit_test(a_process_that_is_gone),
		cmocka_unit_test(a_signature_is_of_the_root_and_the_overlays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
