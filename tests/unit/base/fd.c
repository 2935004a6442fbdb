#include "base/fd.h"
#include "tests/unit/base/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_dir(void **state)
{
	static char dir[64];
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/unit.XXXXXX", tmp ? tmp : "/tmp");
	*state = mkdtemp(dir);
	return *state ? chdir(dir) : -1;
}

static int drop_dir(void **state)
{
	unlink("f");
	unlink("pipe");
	return rmdir(*state);
}

static void written_whole_and_read_back(void **state UNUSED)
{
	BUF struct buf b = {0};
	struct stat st;

	assert_int_equal(fd_write_file("f", LIT("one\0two"), 0600), 0);
	assert_int_equal(fd_write_file("f", LIT("three\0"), 0600), 0);
	assert_int_equal(access("f.tmp", F_OK), -1);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fd_read_file(AT_FDCWD, "f", 6, &b), 0);
	assert_span(buf_span(&b), LIT("three\0"));
	assert_int_equal(b.p[b.n], 0);
	buf_reset(&b);
	assert_int_equal(fd_read_file(AT_FDCWD, "f", 5, &b), -EFBIG);
	assert_string_equal(err_why(), "f: more than 5 bytes");
}

static void only_regular_files(void **state UNUSED)
{
	BUF struct buf b = {0};

	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, "pipe", 100, &b), -EINVAL);
	assert_int_equal(fd_read_file(AT_FDCWD, ".", 100, &b), -EINVAL);
	assert_int_equal(fd_read_file(AT_FDCWD, "none", 100, &b), -ENOENT);
	assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/stat", 65536, &b), 0);
	assert_true(b.n > 0);
}

static void more_than_one_read(void **state UNUSED)
{
	BUF struct buf in = {0}, out = {0};

	for (uint32_t i = 0; i < 30000; i++)
		buf_be32(&in, i);
	assert_int_equal(fd_write_file("f", buf_span(&in), 0600), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, "f", 1 << 20, &out), 0);
	assert_span(buf_span(&out), buf_span(&in));
}

static void failures_leave_the_old_file(void **state UNUSED)
{
	assert_int_equal(fd_write_file("no/where", LIT("x"), 0600), -ENOENT);
	assert_int_equal(fd_write_file(".", LIT("x"), 0600), -EBUSY);
	assert_int_equal(access("..tmp", F_OK), -1);
}

static void what_a_person_names_is_saved_where_it_leads(void **state UNUSED)
{
	BUF struct buf out = {0};
	struct stat st;

	assert_int_equal(fd_write_file("real", LIT("old"), 0640), 0);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(fd_save_file("link", LIT("new"), 0600), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("real", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(fd_read_file(AT_FDCWD, "real", 100, &out), 0);
	assert_span(buf_span(&out), LIT("new"));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(fd_save_file("fifo", LIT("x"), 0600), -EINVAL);
	assert_int_equal(fd_save_file("/dev/null", LIT("x"), 0600), -EINVAL);
	assert_int_equal(fd_save_file("no/where", LIT("x"), 0600), -ENOENT);
	assert_int_equal(unlink("fifo") | unlink("link") | unlink("real"), 0);
}

static void closing_keeps_errno(void **state UNUSED)
{
	int fd = dup(0), kept;

	errno = ENOTTY;
	kept = fd;
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	errno = 7;
	fd_close(&fd);
	assert_int_equal(errno, 7);
	fd = 5;
	assert_int_equal(take_fd(&fd), 5);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_whole_and_read_back),
		cmocka_unit_test(only_regular_files),
		cmocka_unit_test(more_than_one_read),
		cmocka_unit_test(failures_leave_the_old_file),
		cmocka_unit_test(what_a_person_names_is_saved_where_it_leads),
		cmocka_unit_test(closing_keeps_errno),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
