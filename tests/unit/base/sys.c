/* The kernel that runs the tests may be older than a call: then ENOSYS (or what a sandbox says) is
 * right, and everything else is a mistake in a number or a layout. */
#include "base/fd.h"
#include "base/sys.h"
#include "tests/unit/base/unit.h"
#include <fcntl.h>
#include <unistd.h>

static bool is_missing(void)
{
	return errno == ENOSYS || errno == EPERM || errno == ENOTTY || errno == EOPNOTSUPP;
}

static void openat2_keeps_to_its_rules(void **state UNUSED)
{
	FD int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	FD int fd = sys_openat2(dir, "stat", O_RDONLY | O_CLOEXEC, 0, RESOLVE_BENEATH);

	if (fd < 0 && is_missing())
		skip();
	assert_true(fd >= 0);
	assert_int_equal(sys_openat2(dir, "../version", O_RDONLY, 0, RESOLVE_BENEATH), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(sys_openat2(dir, "exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), -1);
	assert_int_equal(errno, ELOOP);
}

static void mounts_can_be_listed(void **state UNUSED)
{
	_Alignas(struct sys_statmount) char room[8192];
	struct sys_statmount *m = (struct sys_statmount *)(void *)room;
	uint64_t ids[4], after;
	ssize_t n = sys_listmount(0, SYS_LISTMOUNT_ROOT, 0, ids, COUNTOF(ids));

	if (n < 0 && is_missing())
		skip();
	assert_in_range(n, 1, 4);
	assert_int_equal(sys_statmount(0, ids[0], SYS_STATMOUNT_MNT_BASIC | SYS_STATMOUNT_FS_TYPE,
				 m, sizeof(room)),
		0);
	assert_true(m->mnt_id == ids[0]);
	assert_true(strlen(m->str + m->fs_type) > 0);
	after = ids[n - 1];
	n = sys_listmount(0, SYS_LISTMOUNT_ROOT, after, ids, COUNTOF(ids));
	assert_true(n >= 0);
	for (ssize_t i = 0; i < n; i++)
		assert_true(ids[i] != after);
}

static void namespaces_have_ids(void **state UNUSED)
{
	FD int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	uint64_t id = 0, next_id = 0;
	uint64_t ids[1];

	assert_true(ns >= 0);
	if (sys_mntns_id(ns, &id) < 0 && is_missing())
		skip();
	assert_true(id != 0);
	assert_int_equal(sys_listmount(id, SYS_LISTMOUNT_ROOT, 0, ids, 1), 1);
	FD int next = sys_mntns_next(ns, &next_id);

	if (next >= 0)
		assert_true(next_id != 0 && next_id != id);
	else
		assert_true(errno == ENOENT || is_missing());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openat2_keeps_to_its_rules),
		cmocka_unit_test(mounts_can_be_listed),
		cmocka_unit_test(namespaces_have_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
