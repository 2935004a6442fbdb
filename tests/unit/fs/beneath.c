/* Nothing below a hostile root leads out of it, by openat2 and by the walk that stands in for it. */
#include "tests/unit/fs/room.h"
#include "fs/beneath.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

typedef int (*opener)(int root_fd, struct span rel, int flags, int *ret_fd);
static const opener openers[] = {beneath_open, beneath_walk};

static int try(opener open_it, int root_fd, const char *rel, int flags)
{
	FD int fd = -1;
	int r = open_it(root_fd, span_of(rel), flags, &fd);

	assert_int_equal(r == 0, fd >= 0);
	return r;
}

static void finds_what_is_there(void **state UNUSED)
{
	ROOM struct room r = room_open();
	size_t i;

	room_dir(&r, "d");
	room_dir(&r, "d/e");
	room_text(&r, "d/e/f", "x");
	for (i = 0; i < COUNTOF(openers); i++) {
		assert_int_equal(try(openers[i], r.fd, "", O_PATH), 0);
		assert_int_equal(try(openers[i], r.fd, "d/e/f", O_RDONLY), 0);
		assert_int_equal(try(openers[i], r.fd, "d/e", O_PATH | O_DIRECTORY), 0);
		assert_int_equal(try(openers[i], r.fd, "d/x", O_PATH), BENEATH_ABSENT);
		assert_int_equal(try(openers[i], r.fd, "x/y", O_PATH), BENEATH_ABSENT);
		assert_int_equal(try(openers[i], r.fd, "d/e/f/g", O_PATH), BENEATH_ABSENT);
		assert_int_equal(
			try(openers[i], r.fd, "d/e/f", O_PATH | O_DIRECTORY), BENEATH_ABSENT);
	}
}

static void too_deep_is_bounded(void **state UNUSED)
{
	BUF struct buf path = {0};

	assert_false(beneath_too_deep(span_of("")));
	assert_false(beneath_too_deep(span_of("/")));
	assert_int_equal(beneath_depth(span_of("/")), 0);
	assert_int_equal(beneath_depth(span_of("a")), 1);
	assert_int_equal(beneath_depth(span_of("/a/b")), beneath_depth(span_of("a/b")));
	for (int i = 0; i < BENEATH_DEEPEST; i++)
		buf_add_text(&path, i ? "/d" : "d");
	assert_false(beneath_too_deep(buf_span(&path)));
	buf_add_text(&path, "/d");
	assert_true(beneath_too_deep(buf_span(&path)));
	buf_reset(&path);
	for (int i = 0; i <= BENEATH_LONGEST; i++)
		buf_u8(&path, 'n');
	assert_true(beneath_too_deep(buf_span(&path)));
}

static void never_leaves(void **state UNUSED)
{
	ROOM struct room r = room_open();
	static const char *const out[] = {"..", "d/../..", "d/..", "abs/passwd", "up/x", "inside/f",
		"abs", "up", "inside", "/etc", "./d", "d/."};
	size_t i, k;

	room_dir(&r, "d");
	room_text(&r, "d/f", "x");
	assert_int_equal(symlinkat("/etc", r.fd, "abs"), 0);
	assert_int_equal(symlinkat("../..", r.fd, "up"), 0);
	assert_int_equal(symlinkat("d", r.fd, "inside"), 0);
	for (i = 0; i < COUNTOF(openers); i++) {
		for (k = 0; k < COUNTOF(out); k++)
			assert_int_equal(try(openers[i], r.fd, out[k], O_RDONLY), BENEATH_REFUSED);
		assert_int_equal(try(openers[i], r.fd, "abs", O_PATH | O_NOFOLLOW), 0);
		assert_int_equal(try(openers[i], r.fd, "abs", O_PATH), BENEATH_REFUSED);
	}
}

static void refuses_magic_links(void **state UNUSED)
{
	FD int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	for (i = 0; i < COUNTOF(openers); i++) {
		assert_int_equal(try(openers[i], proc, "root/etc", O_PATH), BENEATH_REFUSED);
		assert_int_equal(try(openers[i], proc, "exe", O_RDONLY), BENEATH_REFUSED);
	}
}

static int mounts_in_child(const struct room *r)
{
	FD int root = -1; /* the fd of the room names the mount of the old namespace */
	size_t i;

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("t", room_path(r, "m"), "tmpfs", 0, NULL))
		return 77;
	root = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < COUNTOF(openers); i++)
		if (try(openers[i], root, "m", O_PATH) != BENEATH_REFUSED ||
			try(openers[i], root, "m/x", O_PATH) != BENEATH_REFUSED)
			return 1;
	return 0;
}

static void never_crosses_a_mount(void **state UNUSED)
{
	ROOM struct room r = room_open();
	int status;
	pid_t pid;

	need_root();
	room_dir(&r, "m");
	pid = fork();
	if (pid == 0)
		_exit(mounts_in_child(&r));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* 60 directories of 255 bytes: 15 KiB of path, not valid UTF-8 and with a newline and an ESC. */
static void takes_any_length_and_any_bytes(void **state UNUSED)
{
	ROOM struct room r = room_open();
	BUF struct buf path = {0};
	FD int at = openat(r.fd, ".", O_PATH | O_DIRECTORY);
	struct span name;
	char part[256];
	size_t i;

	memset(part, 0xff, 255);
	memcpy(part, "a\n\033[2K", 6);
	part[255] = 0;
	for (i = 0; i < 60; i++) {
		int next;

		assert_int_equal(mkdirat(at, part, 0755), 0);
		next = openat(at, part, O_PATH | O_DIRECTORY);
		fd_close(&at);
		at = next;
		buf_printf(&path, "%s%s", i ? "/" : "", part);
	}
	for (i = 0; i < COUNTOF(openers); i++) {
		FD int fd = -1;
		struct stat a, b;

		assert_int_equal(openers[i](r.fd, buf_span(&path), O_RDONLY, &fd), 0);
		assert_int_equal(fstat(fd, &a) | fstat(at, &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
	}
	fd_close(&at);
	assert_int_equal(beneath_parent(r.fd, buf_span(&path), &at, &name), 0);
	assert_true(span_is(name, part));
	assert_int_equal(beneath_open(r.fd, span_make(path.p, 5000), O_PATH, &at), BENEATH_ABSENT);
}

static void a_name_too_long_is_absent(void **state UNUSED)
{
	ROOM struct room r = room_open();
	static char name[10001];
	size_t i;

	memset(name, 'n', 10000);
	for (i = 0; i < COUNTOF(openers); i++)
		assert_int_equal(try(openers[i], r.fd, name, O_PATH), BENEATH_ABSENT);
	name[300] = 0;
	for (i = 0; i < COUNTOF(openers); i++)
		assert_int_equal(try(openers[i], r.fd, name, O_PATH), BENEATH_ABSENT);
}

struct race {
	int fd;
	bool stop;
};

/* Swaps a directory and a link that leads out, as fast as it can. */
static void *swapper(void *arg)
{
	struct race *race = arg;

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED))
		renameat2(race->fd, "d", race->fd, "link", RENAME_EXCHANGE);
	return NULL;
}

static void a_race_never_leads_out(void **state UNUSED)
{
	ROOM struct room r = room_open();
	struct race race = {.fd = r.fd};
	struct stat out, st;
	pthread_t t;
	int i, inside = 0;

	room_dir(&r, "d");
	room_text(&r, "d/passwd", "mine");
	assert_int_equal(symlinkat("/etc", r.fd, "link"), 0);
	assert_int_equal(stat("/etc/passwd", &out), 0);
	assert_int_equal(pthread_create(&t, NULL, swapper, &race), 0);
	for (i = 0; i < 4000; i++) {
		FD int fd = -1;

		if (openers[i % 2](r.fd, span_of("d/passwd"), O_RDONLY, &fd) != 0)
			continue;
		fstat(fd, &st);
		assert_false(st.st_ino == out.st_ino && st.st_dev == out.st_dev);
		inside++;
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	assert_true(inside > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(too_deep_is_bounded),
		cmocka_unit_test(never_leaves),
		cmocka_unit_test(refuses_magic_links),
		cmocka_unit_test(never_crosses_a_mount),
		cmocka_unit_test(takes_any_length_and_any_bytes),
		cmocka_unit_test(a_name_too_long_is_absent),
		cmocka_unit_test(a_race_never_leads_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
