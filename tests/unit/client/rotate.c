/* key rotate: killed at whichever system call, or failing at it, it leaves the old key or the new one, and the next
 * try goes well. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "client/keys.h"
#include "unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In memory where there is such a place: each step is synced. */
static char dir[60] = "/dev/shm/boltseal-unit-rotate.XXXXXX";
static const int64_t now = INT64_C(1780000000) * CLOCK_S;
static uint8_t old_id[SHA_LEN];

/* Which of the two that are used in turn: several stand in one expression. */
static const char *in_dir(const char *name)
{
	static char path[2][200];
	static unsigned at;

	at = !at;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static void begin(void)
{
	char line[200];
	struct keys_new n = {.name = "alice", .roles = "accept"};
	char private_file[200], public_file[200];

	snprintf(line, sizeof(line), "rm -rf '%s' && mkdir -p -m 755 '%s/keys'", dir, dir);
	assert_int_equal(system(line), 0);
	n.private_file = strcpy(private_file, in_dir("one.key"));
	n.public_file = strcpy(public_file, in_dir("keys/alice.pub"));
	assert_int_equal(keys_make(&n, old_id), 0);
}

static int rotate(const char *out)
{
	char keys[200];
	struct keys_rotate how = {
		.dir = strcpy(keys, in_dir("keys")), .word = "alice", .private_file = in_dir(out)};
	struct keys_rotated done = {.public_file = {.p = NULL}};
	int r = keys_rotate(&how, now, &done);

	buf_free(&done.public_file);
	buf_free(&done.retired_file);
	return r;
}

/* The old state, or the new one: never a mix. Returns whether it is the new one. */
static bool is_whole(void)
{
	KEYRING struct keyring r = {.n = 0};
	const struct public_key *alice, *was;
	bool turned;

	assert_int_equal(keyring_read(&r, in_dir("keys")), 0);
	alice = keyring_named(&r, span_of("alice"));
	was = keyring_find(&r, old_id);
	assert_non_null(alice);
	assert_non_null(was);
	assert_int_equal(alice->expires, 0);
	assert_int_equal(alice->roles, 1u << SIGN_ACCEPT);
	turned = alice != was;
	assert_int_equal(r.n, turned ? 2 : 1);
	assert_int_equal(was->expires, turned ? now : 0);
	if (turned)
		assert_int_equal(access(in_dir("two.key"), F_OK), 0);
	return turned;
}

/* What was left in the way by one that ended early is no matter. */
static void then_goes_well(void)
{
	assert_int_equal(rotate("three.key"), 0);
}

static size_t n_files(const char *name)
{
	DIR *d = opendir(in_dir(name));
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_turns(void **state)
{
	(void)state;
	BUF struct buf name = {.p = NULL};
	struct keys_rotate how = {.dir = dir, .word = "bob", .private_file = "/nonexistent"};
	struct keys_rotated done = {.public_file = {.p = NULL}};

	begin();
	assert_int_equal(keys_rotatable(in_dir("keys"), "alice", &name), 0);
	assert_string_equal(buf_text(&name), "alice");
	assert_int_equal(rotate("two.key"), 0);
	assert_true(is_whole());
	assert_int_equal(n_files("keys"), 2);
	assert_int_equal(rotate("two.key"), -EEXIST);
	assert_true(is_whole());
	assert_int_equal(keys_rotate(&how, now, &done), -ENOENT);
	assert_int_equal(keys_revoke(in_dir("keys"), "alice", now, "lost"), 0);
	assert_int_equal(rotate("three.key"), -EALREADY);
}

/* ---- killed ---- */

/* Kills the child when it is about to make its n-th call after it stopped itself. True: it ended before. */
static bool killed_at(int n, bool *forbidden)
{
	pid_t child = fork();
	int how;

	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(rotate("two.key") != 0);
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	*forbidden = WIFEXITED(how) && WEXITSTATUS(how) == 77;
	/* Each call stops it twice. */
	for (int stops = 0; WIFSTOPPED(how) && stops <= n; stops++) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) < 0)
			break;
		assert_int_equal(waitpid(child, &how, 0), child);
	}
	if (!WIFSTOPPED(how)) {
		assert_true(*forbidden || (WIFEXITED(how) && WEXITSTATUS(how) == 0));
		return true;
	}
	kill(child, SIGKILL);
	while (waitpid(child, &how, 0) == child && !WIFSIGNALED(how))
		;
	return false;
}

static void test_killed(void **state)
{
	(void)state;
	bool ended = false, forbidden = false, is = false;
	int n = 0, turned = 0;

	for (; !ended; n++) {
		begin();
		ended = killed_at(n, &forbidden);
		if (forbidden)
			skip(); /* nobody may be traced here */
		is = is_whole();
		turned += is;
		then_goes_well();
		assert_true(n < 4000);
	}
	assert_true(is);
	print_message("# killed at %d places, %d after it counted\n", n - 1, turned - 1);
}

/* ---- failing ---- */

/* From now on the call fails as on a full disk. */
static void fails_always(long nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {COUNTOF(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(77);
}

static void test_fails(void **state)
{
	(void)state;
	static const long calls[] = {
		SYS_write,
		SYS_fsync,
		SYS_renameat2,
		SYS_flock,
		SYS_fchmodat,
#ifdef SYS_rename
		SYS_rename,
#endif
#ifdef SYS_chmod
		SYS_chmod,
#endif
#ifdef SYS_renameat
		SYS_renameat,
#endif
	};

	for (size_t i = 0; i < COUNTOF(calls); i++) {
		pid_t child;
		int how;

		begin();
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			fails_always(calls[i]);
			_exit(rotate("two.key") != 0);
		}
		assert_int_equal(waitpid(child, &how, 0), child);
		assert_true(WIFEXITED(how));
		if (WEXITSTATUS(how) == 77)
			skip(); /* no filter may be set here */
		assert_int_equal(is_whole(), WEXITSTATUS(how) == 0);
		if (WEXITSTATUS(how)) { /* and nothing of the try stays */
			assert_int_equal(n_files("keys"), 1);
			assert_int_equal(n_files("."), 2);
		}
		then_goes_well();
	}
}

static int make_dir(void **state)
{
	(void)state;
	if (access("/dev/shm", W_OK) < 0)
		snprintf(dir, sizeof(dir), "/tmp/boltseal-unit-rotate.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char line[100];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf '%s'", dir);
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_fails),
	};

	return cmocka_run_group_tests_name("client/rotate", tests, make_dir, remove_dir);
}
