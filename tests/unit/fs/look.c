/* One look tells all, opens nothing that blocks, and tells the overlay's markers from xattrs. */
#include "tests/unit/fs/room.h"
#include "fs/look.h"
#include <linux/fs.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static void see(const struct room *r, const char *name, enum look_marks marks, struct look *ret)
{
	assert_int_equal(look_at(r->fd, span_of(name), marks, ret), 0);
}

static bool has_xattr(const struct look *l, const char *name, const char *value)
{
	struct rd at = rd_of(l->rec.xattrs);
	struct xattr x;

	while (xattr_next(&at, &x))
		if (span_is(x.name, name))
			return span_is(x.value, value);
	return false;
}

static size_t count_xattrs(const struct look *l)
{
	struct rd at = rd_of(l->rec.xattrs);
	struct xattr x;
	size_t n = 0;

	while (xattr_next(&at, &x))
		if (!span_is(x.name, "security.selinux"))
			n++;
	return n;
}

/* As the service, which reads others' files and has no CAP_FOWNER: the access time is what it cannot keep. */
static void opens_without_fowner(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	FD int fd = -1;
	int rc;

	if (geteuid() != 0)
		skip();
	room_text(&r, "f", "hello");
	assert_int_equal(fchmodat(r.fd, ".", 0755, 0), 0);
	assert_int_equal(fchmodat(r.fd, "f", 0644, 0), 0);
	setfsuid(12345); /* its capabilities go with it */
	assert_int_equal(openat(r.fd, "f", O_RDONLY | O_NOATIME), -1);
	assert_int_equal(errno, EPERM);
	rc = look_open(r.fd, span_of("f"), MARKS_NONE, &l, &fd);
	setfsuid(0);
	assert_int_equal(rc, 0);
	assert_int_equal(l.rec.size, 5);
	assert_int_equal(fchmodat(r.fd, "f", 0600, 0), 0);
	setfsuid(12345);
	rc = look_open(r.fd, span_of("f"), MARKS_NONE, &l, &fd);
	setfsuid(0);
	assert_true(rc < 0); /* not absent: it could not be read */
	assert_int_equal(look_open(r.fd, span_of("none"), MARKS_NONE, &l, &fd), LOOK_ABSENT);
}

static void tells_type_mode_size_times(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	struct timespec old[2] = {{0, 0}, {-2, 500}};

	room_text(&r, "f", "hello");
	assert_int_equal(fchmodat(r.fd, "f", 04711, 0), 0);
	utimensat(r.fd, "f", old, 0);
	see(&r, "f", MARKS_NONE, &l);
	assert_int_equal(l.rec.type, FILE_REG);
	assert_int_equal(l.rec.mode, 04711);
	assert_int_equal(l.rec.size, 5);
	assert_int_equal(l.rec.mtime, -2 * INT64_C(1000000000) + 500);
	assert_int_equal(l.nlink, 1);
	assert_false(l.rec.has_sha || l.mount_root || l.xattr_failed);
	room_dir(&r, "d");
	see(&r, "d", MARKS_NONE, &l);
	assert_int_equal(l.rec.type, FILE_DIR);
	assert_int_equal(l.rec.size, 0);
	assert_int_equal(look_at(r.fd, span_of(""), MARKS_NONE, &l), 0);
	assert_int_equal(l.rec.type, FILE_DIR);
}

static void what_is_absent(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	static char name[300];

	memset(name, 'x', 299);
	room_text(&r, "f", "");
	assert_int_equal(look_at(r.fd, span_of("none"), MARKS_NONE, &l), LOOK_ABSENT);
	assert_int_equal(look_at(r.fd, span_of(name), MARKS_NONE, &l), LOOK_ABSENT);
	assert_int_equal(look_at(r.fd, span_of(".."), MARKS_NONE, &l), LOOK_ABSENT);
	assert_int_equal(look_at(r.fd, span_of("."), MARKS_NONE, &l), LOOK_ABSENT);
	assert_int_equal(look_at(r.fd, span_of("f/."), MARKS_NONE, &l), LOOK_ABSENT);
	assert_int_equal(look_at(r.fd, span_make("f\0g", 3), MARKS_NONE, &l), LOOK_ABSENT);
}

static void links_of_any_length_and_bytes(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	static char target[4096];

	memset(target, 0xfe, 4095);
	assert_int_equal(symlinkat(target, r.fd, "long"), 0);
	see(&r, "long", MARKS_NONE, &l);
	assert_int_equal(l.rec.type, FILE_LINK);
	assert_int_equal(l.rec.size, 0);
	assert_true(span_is(l.rec.link, target));
	assert_int_equal(symlinkat("/nowhere\n\033", r.fd, "\n\033[2K\xff"), 0);
	see(&r, "\n\033[2K\xff", MARKS_NONE, &l);
	assert_true(span_is(l.rec.link, "/nowhere\n\033"));
}

/* A FIFO without a writer blocks whoever opens it; a device's open may do anything. */
static void never_opens_what_blocks(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	alarm(5);
	assert_int_equal(mkfifoat(r.fd, "fifo", 0600), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%.63s/sock", r.path);
	assert_int_equal(bind(sock, (struct sockaddr *)&at, sizeof(at)), 0);
	see(&r, "fifo", MARKS_NONE, &l);
	assert_int_equal(l.rec.type, FILE_FIFO);
	see(&r, "sock", MARKS_NONE, &l);
	assert_int_equal(l.rec.type, FILE_SOCK);
	if (mknodat(r.fd, "dev", S_IFCHR | 0600, makedev(10, 130)) == 0) { /* the watchdog */
		see(&r, "dev", MARKS_TRUSTED, &l);
		assert_int_equal(l.rec.type, FILE_CHR);
		assert_int_equal(l.rec.rdev_major, 10);
		assert_int_equal(l.rec.rdev_minor, 130);
		assert_int_equal(l.rec.ovl, 0);
	}
	alarm(0);
}

static void reads_xattrs_of_everything(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	static const char *const names[] = {"file", "dir", "link", "fifo"};
	size_t i;

	need_root();
	room_text(&r, "file", "");
	room_dir(&r, "dir");
	assert_int_equal(symlinkat("/etc/passwd", r.fd, "link"), 0);
	assert_int_equal(mkfifoat(r.fd, "fifo", 0600), 0);
	for (i = 0; i < COUNTOF(names); i++) {
		room_xattr(&r, names[i], "trusted.b", names[i], strlen(names[i]));
		room_xattr(&r, names[i], "trusted.a", "", 0);
		see(&r, names[i], MARKS_TRUSTED, &l);
		assert_int_equal(count_xattrs(&l), 2);
		assert_true(has_xattr(&l, "trusted.b", names[i]));
		assert_true(has_xattr(&l, "trusted.a", ""));
	}
}

static void markers_are_told_apart(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};

	need_root();
	room_dir(&r, "d");
	room_xattr(&r, "d", "trusted.overlay.opaque", "y", 1);
	room_xattr(&r, "d", "trusted.overlay.redirect", "/a/b", 4);
	room_xattr(&r, "d", "trusted.overlay.origin", "\0\xfb", 2);
	room_xattr(&r, "d", "trusted.overlay.impure", "y", 1);
	room_xattr(&r, "d", "trusted.overlay.overlay.opaque", "y", 1);
	room_xattr(&r, "d", "user.overlay.opaque", "x", 1);
	room_xattr(&r, "d", "trusted.other", "1", 1);
	see(&r, "d", MARKS_TRUSTED, &l);
	assert_int_equal(l.rec.ovl, OVL_OPAQUE);
	assert_true(span_is(l.rec.redirect, "/a/b"));
	assert_true(span_eq(l.origin, span_make("\0\xfb", 2)));
	assert_int_equal(count_xattrs(&l), 3);
	assert_true(has_xattr(&l, "trusted.overlay.opaque", "y")); /* what the container set */
	assert_true(has_xattr(&l, "user.overlay.opaque", "x"));
	see(&r, "d", MARKS_USER, &l);
	assert_int_equal(l.rec.ovl, OVL_XWHITEOUTS);
	assert_int_equal(l.rec.redirect.n + l.origin.n, 0);
	assert_int_equal(count_xattrs(&l), 6);
	see(&r, "d", MARKS_NONE, &l);
	assert_int_equal(l.rec.ovl, 0);
	assert_int_equal(count_xattrs(&l), 7);
	see(&r, "d", MARKS_FUSE, &l);
	assert_int_equal(count_xattrs(&l), 1);
}

static void marks_fit_the_type(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};

	need_root();
	if (mknodat(r.fd, "gone", S_IFCHR, makedev(0, 0)))
		skip();
	see(&r, "gone", MARKS_TRUSTED, &l);
	assert_int_equal(l.rec.ovl, OVL_WHITEOUT);
	see(&r, "gone", MARKS_NONE, &l);
	assert_int_equal(l.rec.ovl, 0);
	room_text(&r, "empty", "");
	room_text(&r, "full", "x");
	room_xattr(&r, "empty", "trusted.overlay.whiteout", "", 0);
	room_xattr(&r, "full", "trusted.overlay.whiteout", "", 0);
	room_xattr(&r, "full", "trusted.overlay.metacopy", "", 0);
	room_xattr(&r, "full", "trusted.overlay.opaque", "y", 1);
	see(&r, "empty", MARKS_TRUSTED, &l);
	assert_int_equal(l.rec.type, FILE_REG);
	assert_int_equal(l.rec.ovl, OVL_WHITEOUT);
	see(&r, "full", MARKS_TRUSTED, &l);
	assert_int_equal(l.rec.ovl, OVL_METACOPY);
}

static void large_and_many_xattrs(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	static char value[65536];
	char key[32];
	size_t i, n;

	need_root();
	memset(value, 'v', sizeof(value));
	room_text(&r, "f", "");
	room_xattr(&r, "f", "trusted.big", value, 2000);
	see(&r, "f", MARKS_TRUSTED, &l);
	assert_int_equal(count_xattrs(&l), 1);
	assert_true(l.rec.xattrs.n < 200); /* kept as a hash */
	for (n = 0; n < 60; n++) {
		snprintf(key, sizeof(key), "trusted.%02zu", n);
		if (lsetxattr(room_path(&r, "f"), key, value, 20, 0))
			break;
	}
	see(&r, "f", MARKS_TRUSTED, &l);
	assert_int_equal(count_xattrs(&l), n + 1);
	for (i = 0; i + 1 < n; i++) {
		struct rd at = rd_of(l.rec.xattrs);
		struct xattr x;
		struct span last = {0};

		while (xattr_next(&at, &x)) {
			assert_true(span_cmp(last, x.name) < 0);
			last = x.name;
		}
	}
}

/* tmpfs takes as many as memory allows: more than the list can hold, and 64 KiB each. */
static void xattr_bombs_end(void **state UNUSED)
{
	LOOK struct look l = {0};
	static char value[65536];
	char dir[] = "/dev/shm/fs-XXXXXX", key[256], file[64];
	FD int fd = -1;
	int i, r;

	need_root();
	if (!mkdtemp(dir))
		skip();
	snprintf(file, sizeof(file), "%s/f", dir);
	fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	for (i = 0, r = 0; i < 200 && r == 0; i++) {
		snprintf(key, sizeof(key), "trusted.%d", i);
		r = fsetxattr(fd, key, value, sizeof(value), 0);
	}
	fd_close(&fd);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(look_at(fd, span_of("f"), MARKS_TRUSTED, &l), 0);
	assert_true(r || l.xattr_failed); /* over the total */
	for (i = 0; i < 700 && r == 0; i++) {
		snprintf(key, sizeof(key), "trusted.%0200d", i);
		r = lsetxattr(file, key, "", 0, 0);
	}
	assert_int_equal(look_at(fd, span_of("f"), MARKS_TRUSTED, &l), 0);
	assert_true(r || l.xattr_failed); /* over the list */
	unlink(file);
	rmdir(dir);
}

static void flags_are_read(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look l = {0};
	FD int fd = -1;
	int flags = 0;

	need_root();
	room_text(&r, "f", "");
	fd = open(room_path(&r, "f"), O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		skip();
	flags |= FS_IMMUTABLE_FL | FS_NOATIME_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		skip();
	see(&r, "f", MARKS_NONE, &l);
	flags &= ~(FS_IMMUTABLE_FL | FS_NOATIME_FL);
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	assert_int_equal(l.rec.flags, FLAG_IMMUTABLE | FLAG_NOATIME);
}

static void times_beyond_reach_do_not_wrap(void **state UNUSED)
{
	ROOM struct room r = room_open();
	LOOK struct look a = {0}, b = {0};
	struct timespec far[2] = {{INT64_MAX, 0}, {INT64_MAX, 0}};

	room_text(&r, "f", "");
	utimensat(r.fd, "f", far, 0);
	see(&r, "f", MARKS_NONE, &a);
	assert_true(a.rec.mtime > 0);
	see(&r, "f", MARKS_NONE, &b);
	assert_true(look_same_stat(&a, &b));
	room_text(&r, "f", "x");
	see(&r, "f", MARKS_NONE, &b);
	assert_false(look_same_stat(&a, &b));
}

static void names_of_all_bytes(void **state UNUSED)
{
	ROOM struct room r = room_open();
	NAMES struct names ns = {0};
	static const char *const want[] = {"\n", "\033[2K", "a", "b", "\xff\xfe"};
	char name[256];
	size_t i;

	for (i = 0; i < COUNTOF(want); i++)
		room_text(&r, want[i], "");
	memset(name, 0xff, 255);
	name[255] = 0;
	room_dir(&r, name);
	assert_int_equal(names_read(r.fd, 6, &ns), 0);
	names_sort(&ns);
	assert_int_equal(ns.n, 6);
	for (i = 0; i < COUNTOF(want); i++) {
		assert_true(span_is(names_at(&ns, i), want[i]));
		assert_int_equal(ns.v[i].type, DT_REG);
	}
	assert_true(span_is(names_at(&ns, 5), name));
	assert_int_equal(ns.v[5].type, DT_DIR);
	assert_int_equal(names_read(r.fd, 11, &ns), -EFBIG);
	names_sort(&ns);
	assert_int_equal(ns.n, 6);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_without_fowner),
		cmocka_unit_test(tells_type_mode_size_times),
		cmocka_unit_test(what_is_absent),
		cmocka_unit_test(links_of_any_length_and_bytes),
		cmocka_unit_test(never_opens_what_blocks),
		cmocka_unit_test(reads_xattrs_of_everything),
		cmocka_unit_test(markers_are_told_apart),
		cmocka_unit_test(marks_fit_the_type),
		cmocka_unit_test(large_and_many_xattrs),
		cmocka_unit_test(xattr_bombs_end),
		cmocka_unit_test(flags_are_read),
		cmocka_unit_test(times_beyond_reach_do_not_wrap),
		cmocka_unit_test(names_of_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
