/* A process's container by cgroup text and by what the kernel says; facts of a process.
 * Links: box/whose, box/proc, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>
#include "base/err.h"
#include "box/proc.h"
#include "box/whose.h"

#define ID "8f2d1c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff0"
#define IN "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"

static void cgroup_forms(void **state)
{
	static const struct {
		const char *text, *id;
	} rows[] = {
		{"0::/\n", ""},
		{"", ""},
		{"nonsense", ""},
		{"0::/docker/" ID "\n", ID},
		{"12:cpu:/docker/" ID "\n0::/\n", ID},
		{"0::/system.slice/docker-" ID ".scope\n", ID},
		{"0::/libpod_parent/libpod-" ID "\n", ID},
		{"0::/machine.slice/libpod-" ID ".scope/container\n", ID},
		{"0::/machine.slice/libpod-conmon-" ID ".scope\n", ""},
		{"0::/user.slice/x.service/libpod-payload-" ID "\n", ID},
		{"0::/kubepods/besteffort/podabc/" ID "\n", ID},
		{"0::/kubepods.slice/kubepods-podabc.slice/cri-containerd-" ID ".scope\n", ID},
		{"0::/kubepods.slice/crio-" ID ".scope/container\n", ID},
		{"0::/kubepods.slice/crio-conmon-" ID ".scope\n", ""},
		{"0::/system.slice/nerdctl-" ID ".scope\n", ID},
		{"0::/lxc.payload.guest/system.slice/x.service\n", "guest"},
		{"0::/lxc.monitor.guest\n", ""},
		{"0::/docker/" ID "/docker/" IN "\n", ID},
		{"0::/docker/" ID "0\n", ""},
		{"0::/k8s.io/c1\n", ""},
		{"1:name=systemd:/a:b/" ID, ID},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct span id = whose_cgroup_id(span_of(rows[i].text));

		if (!span_is(id, rows[i].id))
			fail_msg("%s: got %.*s", rows[i].text, (int)id.n, (const char *)id.p);
	}
}

static void by_namespace_before_all(void **state)
{
	struct whose_row rows[] = {
		{span_of("other"), 1, 0, 0, 0}, {span_of("mine"), proc_mnt_ns(getpid()), 0, 0, 0}};
	size_t at = 9;

	(void)state;
	assert_int_equal(whose_pid(getpid(), rows, 2, &at), 0);
	assert_int_equal(at, 1);
}

static void the_host_and_the_gone(void **state)
{
	struct whose_row row = {span_of("other"), 1, 0, 0, 0};
	size_t at;

	(void)state;
	assert_int_equal(whose_pid(getpid(), &row, 1, &at), WHOSE_HOST);
	assert_int_equal(whose_pid(999999999, &row, 1, &at), WHOSE_GONE);
	assert_int_equal(whose_pid(999999999, NULL, 0, &at), WHOSE_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroup_forms),
		cmocka_unit_test(by_namespace_before_all),
		cmocka_unit_test(the_host_and_the_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
