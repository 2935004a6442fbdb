/* What of the host is kept. Links: daemon/sensor/hostset, base/glob. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "daemon/sensor/hostset.h"

static bool kept(const char *upper, const char *path)
{
	return !hostset_leaves_out(span_of(upper), span_of(path));
}

static void test_paths(void **state UNUSED)
{
	static const char *const in[] = {"/", "", "/etc", "/etc/passwd", "/usr", "/usr/bin/ls",
		"/usr/share", "/usr/share/zoneinfo/UTC", "/boot/vmlinuz", "/bin", "/lib64/ld.so",
		"/root", "/root/.ssh", "/root/.ssh/authorized_keys", "/root/.bashrc", "/home",
		"/home/eve", "/home/eve/.ssh", "/home/eve/.ssh/rc", "/var", "/var/lib",
		"/var/lib/dpkg/status", "/var/spool/cron/crontabs/root", "/opt", "/opt/cni/bin/x"};
	static const char *const out[] = {"/etcetera", "/us", "/usrlocal/x", "/usr/src",
		"/usr/src/linux/x.c", "/usr/share/doc", "/usr/share/doc/x/y",
		"/usr/share/man/man1/x", "/root/x", "/root/.sshx", "/root/.cache/x", "/home/eve/x",
		"/home/eve/x/.ssh", "/var/lib/docker", "/var/lib/docker/overlay2/x/diff/etc/passwd",
		"/var/log/syslog", "/proc/1", "/tmp", "/srv", "/opt/other",
		"/var/lib/rpm/rpmdb.sqlite-shm"};

	for (size_t i = 0; i < COUNTOF(in); i++)
		if (!kept("/", in[i]))
			fail_msg("%s is left out", in[i]);
	for (size_t i = 0; i < COUNTOF(out); i++)
		if (kept("/", out[i]))
			fail_msg("%s is kept", out[i]);
}

/* Where another file system is mounted the tree begins there. */
static void test_mounts(void **state UNUSED)
{
	assert_true(kept("/boot", "/vmlinuz"));
	assert_true(kept("/boot/efi", "/EFI"));
	assert_true(kept("/var", "/"));
	assert_true(kept("/var", "/lib/dpkg"));
	assert_false(kept("/var", "/log"));
	assert_false(kept("/usr", "/share/doc"));
	assert_true(hostset_is_mount(span_of("/boot"), span_of("ext4")));
	assert_true(hostset_is_mount(span_of("/boot/efi"), span_of("vfat")));
	assert_true(hostset_is_mount(span_of("/usr/local"), span_of("xfs")));
	assert_true(hostset_is_mount(span_of("/var"), span_of("ext4")));
	assert_true(hostset_is_mount(span_of("/home"), span_of("btrfs")));
	assert_false(hostset_is_mount(span_of("/home"), span_of("nfs4")));
	assert_false(hostset_is_mount(span_of("/usr/share/doc"), span_of("ext4")));
	assert_false(hostset_is_mount(span_of("/"), span_of("ext4")));
	assert_false(hostset_is_mount(span_of("/var/lib/docker"), span_of("xfs")));
	assert_false(hostset_is_mount(span_of("/etc/x"), span_of("tmpfs")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
