/* Layers on disk: deep, odd, swapped under the reader, and those of fuse-overlayfs. */
#include "tests/unit/fs/room.h"
#include "fs/view.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static struct layer disk(const struct room *r, enum look_marks marks)
{
	return (struct layer){.ops = &layer_disk_ops, .root_fd = r->fd, .marks = marks};
}

static void at_any_depth_with_any_bytes(void **state UNUSED)
{
	ROOM struct room r = room_open();
	struct layer l = disk(&r, MARKS_TRUSTED);
	struct view v = {.layer = &l, .n = 1};
	HIT struct hit h = {0};
	BUF struct buf path = {0};
	NAMES struct names ns = {0};
	FD int at = openat(r.fd, ".", O_PATH | O_DIRECTORY);
	char part[256];
	struct layer_at was = {.fd = -1};
	HIT struct hit again = {0};
	int i;

	memset(part, 0xfe, 255);
	memcpy(part, "\n\033[2K", 5);
	part[255] = 0;
	for (i = 0; i < 40; i++) {
		int next;

		assert_int_equal(mkdirat(at, part, 0755), 0);
		next = openat(at, part, O_PATH | O_DIRECTORY);
		fd_close(&at);
		at = next;
		buf_printf(&path, "/%s", part);
	}
	assert_int_equal(mkfifoat(at, "fifo", 0600), 0);
	assert_int_equal(view_resolve(&v, buf_span(&path), &h), 0);
	assert_true(h.found && h.entry.rec.type == FILE_DIR);
	assert_int_equal(l.ops->list(&l, h.node.ref[0].dir, &ns), 0);
	assert_true(ns.n == 1 && span_is(names_at(&ns, 0), "fifo"));
	buf_add_text(&path, "/fifo");
	assert_int_equal(view_resolve(&v, buf_span(&path), &h), 0);
	assert_true(h.found && h.entry.rec.type == FILE_FIFO);
	/* The same from where it was last, and from somewhere else in between. */
	l.at = &was;
	for (i = 0; i < 3; i++) {
		assert_int_equal(view_resolve(&v, buf_span(&path), &again), 0);
		assert_true(again.found && again.entry.look.ino == h.entry.look.ino);
		assert_int_equal(was.rel.n, h.dir.rel.n);
		assert_int_equal(
			view_resolve(&v, span_make(path.p, 256 * (size_t)(i + 2)), &again), 0);
		assert_true(again.found && again.entry.rec.type == FILE_DIR);
	}
	assert_int_equal(view_resolve(&v, span_of("/nothing/there"), &again), VIEW_NO_PARENT);
	layer_at_free(&was);
}

static void links_are_never_followed(void **state UNUSED)
{
	ROOM struct room r = room_open();
	struct layer l = disk(&r, MARKS_TRUSTED);
	struct view v = {.layer = &l, .n = 1};
	struct layer_entry e = {0};
	NAMES struct names ns = {0};
	HIT struct hit h = {0};

	assert_int_equal(symlinkat("/etc", r.fd, "d"), 0);
	assert_int_equal(view_resolve(&v, span_of("/d/passwd"), &h), VIEW_NO_PARENT);
	/* As after a race: it was a directory when it was listed. */
	assert_int_equal(
		l.ops->lookup(&l, (struct layer_dir){span_of("d"), 0}, span_of("passwd"), &e),
		LOOK_ABSENT);
	assert_int_equal(l.ops->list(&l, (struct layer_dir){span_of("d"), 0}, &ns), 0);
	assert_int_equal(ns.n, 0);
	look_free(&e.look);
}

static int covered_in_child(const struct room *r)
{
	struct room here = *r;
	struct layer l;
	HIT struct hit h = {0};
	NAMES struct names ns = {0};
	struct view v = {.layer = &l, .n = 1};

	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("t", room_path(r, "m"), "tmpfs", 0, NULL))
		return 77;
	here.fd = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	l = disk(&here, MARKS_NONE);
	if (view_resolve(&v, span_of("/m"), &h) || !h.found || !h.entry.look.mount_root)
		return 1;
	if (l.ops->list(&l, h.node.ref[0].dir, &ns) != -EXDEV)
		return 2;
	if (view_resolve(&v, span_of("/m/x"), &h) != -EXDEV)
		return 3;
	return 0;
}

static void a_mount_is_told_and_not_entered(void **state UNUSED)
{
	ROOM struct room r = room_open();
	int status;
	pid_t pid;

	need_root();
	room_dir(&r, "m");
	pid = fork();
	if (pid == 0)
		_exit(covered_in_child(&r));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

static bool there(const struct view *v, const char *path)
{
	HIT struct hit h = {0};

	assert_true(view_resolve(v, span_of(path), &h) >= 0);
	return h.found;
}

/* Upper and lower of fuse-overlayfs with everything that it leaves behind. */
static void fuse_whiteouts(void **state UNUSED)
{
	ROOM struct room up = room_open(), low = room_open();
	struct layer l[2] = {disk(&up, MARKS_FUSE), disk(&low, MARKS_FUSE)};
	struct view v = {.layer = l, .n = 2};
	NAMES struct names ns = {0};

	room_text(&low, "gone", "");
	room_text(&low, "kept", "");
	room_dir(&low, "d");
	room_text(&low, "d/hidden", "");
	room_dir(&low, "e");
	room_text(&low, "e/.opq", "");
	room_text(&low, "e/kept", "");
	room_text(&up, ".wh.gone", "");
	room_dir(&up, "d");
	room_text(&up, "d/.wh..wh..opq", "");
	room_text(&up, "d/new", "");
	room_dir(&up, "e");
	room_text(&up, "e/.wh..opq", "");
	assert_false(there(&v, "/gone"));
	assert_true(there(&v, "/kept"));
	assert_false(there(&v, "/d/hidden"));
	assert_true(there(&v, "/d/new"));
	assert_false(there(&v, "/e/.opq"));
	assert_true(there(&v, "/e/kept"));
	assert_false(there(&v, "/.wh.gone"));
	assert_int_equal(l[0].ops->list(&l[0], (struct layer_dir){0}, &ns), 0);
	names_sort(&ns);
	assert_int_equal(ns.n, 3);
	assert_true(span_is(names_at(&ns, 2), "gone"));
	names_free(&ns);
	assert_int_equal(l[0].ops->list(&l[0], (struct layer_dir){span_of("d"), 0}, &ns), 0);
	assert_true(ns.n == 1 && span_is(names_at(&ns, 0), "new"));
}

static void fuse_opaque_device_and_xattr(void **state UNUSED)
{
	ROOM struct room up = room_open();
	struct layer l = disk(&up, MARKS_FUSE);
	struct layer_entry e = {0};
	NAMES struct names ns = {0};

	need_root();
	room_dir(&up, "d");
	if (mknodat(up.fd, "d/.wh..opq", S_IFCHR, makedev(0, 0)))
		skip();
	assert_int_equal(l.ops->lookup(&l, (struct layer_dir){0}, span_of("d"), &e), 0);
	assert_true(e.rec.ovl & OVL_OPAQUE);
	assert_int_equal(l.ops->list(&l, (struct layer_dir){span_of("d"), 0}, &ns), 0);
	assert_int_equal(ns.n, 0);
	room_dir(&up, "x");
	room_xattr(&up, "x", "user.fuseoverlayfs.opaque", "y", 1);
	assert_int_equal(l.ops->lookup(&l, (struct layer_dir){0}, span_of("x"), &e), 0);
	assert_true(e.rec.ovl & OVL_OPAQUE);
	assert_int_equal(e.rec.xattrs.n, 0);
	look_free(&e.look);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_any_depth_with_any_bytes),
		cmocka_unit_test(links_are_never_followed),
		cmocka_unit_test(a_mount_is_told_and_not_entered),
		cmocka_unit_test(fuse_whiteouts),
		cmocka_unit_test(fuse_opaque_device_and_xattr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
