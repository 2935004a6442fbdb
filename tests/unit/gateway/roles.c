/* Who may do what: a row per case. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <grp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon/gateway/roles.h"

static const char *const bob[] = {"1001", NULL}, *const ops[] = {"2000", NULL},
			 *const ci[] = {"1002", NULL}, *const web[] = {"team=w*", NULL};
#define LIST(a)                                                                                    \
	{                                                                                          \
		(const char **)a, 1                                                                \
	}
static struct config_role table[] = {
	{.role = ROLE_VIEWER, .groups = LIST(ops)},
	{.role = ROLE_ADMIN, .users = LIST(bob), .labels = LIST(web)},
	{.role = ROLE_OPERATOR, .users = LIST(ci), .in_container = true},
};

static const struct {
	uint32_t uid, gid, extra;
	bool inside;
	enum role on_web, on_db, any, everywhere;
} cases[] = {
	{0, 0, 0, false, ROLE_ADMIN, ROLE_ADMIN, ROLE_ADMIN, ROLE_ADMIN},
	{0, 0, 0, true, ROLE_VIEWER, ROLE_VIEWER, ROLE_VIEWER, ROLE_VIEWER},
	{1001, 1, 1, false, ROLE_ADMIN, ROLE_NONE, ROLE_ADMIN, ROLE_NONE},
	{1001, 1, 1, true, ROLE_VIEWER, ROLE_NONE, ROLE_VIEWER, ROLE_NONE},
	{1001, 1, 2000, false, ROLE_ADMIN, ROLE_VIEWER, ROLE_ADMIN, ROLE_VIEWER},
	{1002, 1, 1, true, ROLE_OPERATOR, ROLE_OPERATOR, ROLE_OPERATOR, ROLE_OPERATOR},
	{1003, 2000, 1, false, ROLE_VIEWER, ROLE_VIEWER, ROLE_VIEWER, ROLE_VIEWER},
	{1003, 1, 1, false, ROLE_NONE, ROLE_NONE, ROLE_NONE, ROLE_NONE},
};

static void label(struct buf *out, struct target *t, const char *value)
{
	buf_bytes(out, span_of("team"));
	buf_bytes(out, span_of(value));
	t->labels = buf_span(out);
}

static void test_table(void **state UNUSED)
{
	BUF struct buf a = {.p = NULL}, b = {.p = NULL};
	struct config c = {.group = "", .roles = table, .n_roles = COUNTOF(table)};
	struct target on_web = {.no = 1}, on_db = {.no = 2};
	struct roles *r;

	label(&a, &on_web, "web");
	label(&b, &on_db, "db");
	assert_int_equal(roles_new(&r, &c), 0);
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		uint32_t gids[] = {cases[i].extra};
		struct who w = {.uid = cases[i].uid,
			.gid = cases[i].gid,
			.gids = gids,
			.n_gids = 1,
			.in_container = cases[i].inside};

		assert_int_equal(roles_on(r, &w, &on_web), cases[i].on_web);
		assert_int_equal(roles_on(r, &w, &on_db), cases[i].on_db);
		assert_int_equal(roles_any(r, &w), cases[i].any);
		assert_int_equal(roles_everywhere(r, &w), cases[i].everywhere);
	}
	roles_free(r);
}

static void test_no_roles_configured(void **state UNUSED)
{
	struct config c = {.group = "3000"};
	struct who member = {.uid = 5, .gid = 3000}, other = {.uid = 5, .gid = 5};
	struct roles *r;

	assert_int_equal(roles_new(&r, &c), 0);
	assert_int_equal(roles_any(r, &member), ROLE_VIEWER);
	assert_int_equal(roles_any(r, &other), ROLE_NONE);
	roles_free(r);
}

static void test_nspid(void **state UNUSED)
{
	assert_int_equal(who_nspid_depth(span_of("Name:\tx\nNSpid:\t77\nNSpgid:\t1\t2\n")), 1);
	assert_int_equal(who_nspid_depth(span_of("Name:\tx\nNSpid:\t77\t1\n")), 2);
	assert_int_equal(who_nspid_depth(span_of("Name:\tx\nNSpid:\t77\t12\t1")), 3);
	assert_int_equal(who_nspid_depth(span_of("Name:\tx\n")), -1);
	assert_int_equal(who_nspid_depth(span_of("")), -1);
}

static void test_ourselves(void **state UNUSED)
{
	struct who w;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(who_read(fd[0], NULL, NULL, &w), 0);
	assert_int_equal(w.uid, getuid());
	assert_int_equal(w.pid, getpid());
	assert_false(w.in_container);
	who_free(&w);
	close(fd[0]);
	close(fd[1]);
}

/* A child in a mount namespace of its own, and one in ours below another root. */
static pid_t child_in(int (*enter)(void), int *ret_fd)
{
	pid_t pid;
	char c;
	int up[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, up), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(up[0]);
		c = enter() == 0 ? 'y' : 'n';
		(void)!write(up[1], &c, 1);
		(void)!read(up[1], &c, 1);
		_exit(0);
	}
	close(up[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	*ret_fd = c == 'y' ? up[0] : -1;
	if (c != 'y')
		close(up[0]);
	return pid;
}

static int enter_nothing(void)
{
	return 0;
}

static int enter_mounts(void)
{
	return unshare(CLONE_NEWNS);
}

static int enter_root(void)
{
	return chroot("/proc");
}

static void test_mounts(void **state UNUSED)
{
	static const struct {
		int (*enter)(void);
		bool shares;
	} rows[] = {{enter_nothing, true}, {enter_mounts, false}, {enter_root, true}};

	if (geteuid() != 0) {
		print_message("SKIP: another mount namespace takes root\n");
		skip();
	}
	assert_true(who_shares_mounts(getpid()));
	assert_true(who_shares_mounts(1));
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		int fd;
		pid_t pid = child_in(rows[i].enter, &fd);

		assert_true(fd >= 0);
		assert_int_equal(who_shares_mounts(pid), rows[i].shares);
		close(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_false(who_shares_mounts(pid));
	}
}

/* What an unprivileged gateway can tell is the same. */
static void test_mounts_without_rights(void **state UNUSED)
{
	int fd, status;
	pid_t pid, asker;

	if (geteuid() != 0) {
		print_message("SKIP: another mount namespace takes root\n");
		skip();
	}
	pid = child_in(enter_mounts, &fd);
	assert_true(fd >= 0);
	asker = fork();
	if (asker == 0) {
		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(3);
		_exit(!who_shares_mounts(getppid()) ? 1 : who_shares_mounts(pid) ? 2 : 0);
	}
	assert_int_equal(waitpid(asker, &status, 0), asker);
	close(fd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
		cmocka_unit_test(test_no_roles_configured), cmocka_unit_test(test_nspid),
		cmocka_unit_test(test_ourselves), cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_mounts_without_rights)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
