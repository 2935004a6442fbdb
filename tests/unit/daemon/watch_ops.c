/* Every operation that can change a tree gives a touch on the right root and path, in each design:
 * rows below, designs at the end. */
#include "tests/unit/daemon/watch_box.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

static int put(const char *path, int flags)
{
	FD int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);

	return fd >= 0 && write(fd, "text", 4) == 4 ? 0 : -1;
}

static int just_open(const char *path, int flags)
{
	FD int fd = open(path, O_CLOEXEC | flags, 0644);

	return fd >= 0 ? 0 : -1;
}

/* What is there before: low/NAME for operations on lower files, all/NAME copied up before. */
static const char prepare[] =
	"for f in lwrite lopen lunlink lchmod lover llink lren; do echo $f > low/$f; done;"
	"mkdir -p low/ldir/sub; echo x > low/ldir/f; mkdir low/lrm;"
	"for d in 1 2 3 4; do mkdir low/lfirst$d; echo x > low/lfirst$d/f; done";
static const char prepare_up[] =
	"cd all; for f in write app trunc openrw held map tpath tfd chmod chown times xattr link "
	"two sym "
	"ren cross over ex1 ex2 unlink again alloc host rmx mover; do echo $f > $f; done; ln two two2;"
	"mkdir dir dirx chdir rdir rdir/sub rm; echo x > rdir/sub/f; setfattr -n user.a -v 1 rmx "
	"2>/dev/null || true";

#define OP(name, ...)                                                                              \
	static int op_##name(void)                                                                 \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
OP(create, return just_open("new", O_WRONLY | O_CREAT | O_EXCL);)
OP(create_write, return put("neww", O_CREAT | O_EXCL);)
OP(mkdir, return mkdir("newdir", 0755);)
OP(mkdir_file, return mkdir("fast", 0755) == 0 ? put("fast/f", O_CREAT) : -1;)
OP(deep, if (mkdir("d1", 0755) < 0 || mkdir("d1/d2", 0755) < 0) return -1;
	return mkdir("d1/d2/d3", 0755) == 0 ? put("d1/d2/d3/f", O_CREAT) : -1;)
OP(first_link, return symlink("x", "lfirst1/link");)
OP(first_move, return rename("mover", "lfirst2/moved");)
OP(first_unlink, return unlink("lfirst3/f");)
OP(first_chmod, return chmod("lfirst4/f", 0600);)
OP(lwrite, return put("lwrite", O_APPEND);)
OP(lopen, return just_open("lopen", O_RDWR);)
OP(write, return put("write", 0);)
OP(append, return put("app", O_APPEND);)
OP(trunc, return put("trunc", O_TRUNC);)
OP(openrw, return just_open("openrw", O_RDWR);)
OP(held, int fd = open("held", O_WRONLY); return fd >= 0 && write(fd, "y", 1) == 1 ? 0 : -1;)
OP(map, FD int fd = open("map", O_RDWR); char *p = mmap(NULL, 3, PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) return -1; fd_close(&fd); p[0] = 'Z'; return munmap(p, 3);)
OP(tpath, return truncate("tpath", 1);)
OP(tfd, FD int fd = open("tfd", O_WRONLY); return ftruncate(fd, 1);)
OP(chmod, return chmod("chmod", 0600);)
OP(chmod_dir, return chmod("chdir", 0700);)
OP(lchmod, return chmod("lchmod", 0600);)
OP(chown, return chown("chown", 1, 1);)
OP(times, return utimensat(AT_FDCWD, "times", NULL, 0);)
OP(xattr, return setxattr("xattr", "trusted.b", "1", 1, 0);)
OP(link, return link("link", "linked");)
OP(llink, return link("llink", "llinked");)
OP(sym, return symlink("/etc/shadow", "symlink");)
OP(fifo, return mkfifo("fifo", 0600);)
OP(chr, return mknod("chr", S_IFCHR | 0600, makedev(1, 3));)
OP(sock, struct sockaddr_un a = {AF_UNIX, "sock"}; FD int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&a, sizeof(a));)
OP(ren, return rename("ren", "ren2");)
OP(cross, return rename("cross", "dir/cross");)
OP(lren, return rename("lren", "dir/lren");)
OP(over, return rename("over", "lover");)
OP(ex, return renameat2(AT_FDCWD, "ex1", AT_FDCWD, "ex2", RENAME_EXCHANGE);)
OP(rdir, return rename("rdir", "dirx/rdir2");)
OP(in_rdir, return put("dirx/rdir2/sub/f", 0);)
OP(unlink, return unlink("unlink");)
OP(lunlink, return unlink("lunlink");)
OP(rmdir, return rmdir("rm");)
OP(lrmdir, return rmdir("lrm");)
OP(opaque, return mkdir("lrm", 0755);) /* where a lower one was removed */
OP(again, return unlink("again") == 0 ? put("again", O_CREAT) : -1;)
OP(tmpfile, FD int fd = open("dir", O_TMPFILE | O_WRONLY, 0600); char p[32];
	snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return fd < 0 || write(fd, "x", 1) != 1
		       ? -1
		       : linkat(AT_FDCWD, p, AT_FDCWD, "dir/tmpfile", AT_SYMLINK_FOLLOW);)
OP(alloc, FD int fd = open("alloc", O_WRONLY); return fallocate(fd, 0, 0, 65536);)
OP(newline, return put("a\nb\377", O_CREAT);)
OP(host, return put("../up/host", 0);)
OP(lower_dir, return put("ldir/f", O_APPEND);)

enum { NOT_L2 = 1, STAY = 2 }; /* NOT_L2: neither mark of a level made blind sees it */
#define ROW(name, path, ops, flags)                                                                \
	{                                                                                          \
#name, op_##name, path, ops, flags                                                 \
	}
static const struct row {
	const char *name;
	int (*fn)(void);
	const char *path;
	uint32_t any;
	int flags;
} rows[] = {
	ROW(create, "new", WATCH_CREATE, 0),
	ROW(create_write, "neww", WATCH_CONTENT, 0),
	ROW(mkdir, "newdir", WATCH_CREATE, 0),
	ROW(mkdir_file, "fast/f", WATCH_CREATE | WATCH_CONTENT, 0),
	ROW(deep, "d1/d2/d3/f", WATCH_CREATE | WATCH_CONTENT, 0),
	ROW(first_link, "lfirst1/link", WATCH_CREATE, 0),
	ROW(first_move, "lfirst2/moved", WATCH_MOVE, 0),
	ROW(first_unlink, "lfirst3/f", WATCH_MOVE | WATCH_CREATE, 0),
	ROW(first_chmod, "lfirst4/f", WATCH_MOVE | WATCH_CREATE | WATCH_ATTRIB, 0),
	ROW(lwrite, "lwrite", WATCH_CONTENT, 0),
	ROW(lopen, "lopen", WATCH_CONTENT, 0),
	ROW(write, "write", WATCH_CONTENT, 0),
	ROW(append, "app", WATCH_CONTENT, 0),
	ROW(trunc, "trunc", WATCH_CONTENT, 0),
	ROW(openrw, "openrw", WATCH_CONTENT, 0),
	ROW(held, "held", WATCH_CONTENT, STAY),
	ROW(map, "map", WATCH_CONTENT, 0),
	ROW(tpath, "tpath", WATCH_CONTENT, NOT_L2),
	ROW(tfd, "tfd", WATCH_CONTENT, 0),
	ROW(chmod, "chmod", WATCH_ATTRIB, 0),
	ROW(chmod_dir, "chdir", WATCH_ATTRIB, 0),
	ROW(lchmod, "lchmod", WATCH_ATTRIB | WATCH_MOVE | WATCH_CREATE, 0),
	ROW(chown, "chown", WATCH_ATTRIB, 0),
	ROW(times, "times", WATCH_ATTRIB, 0),
	ROW(xattr, "xattr", WATCH_ATTRIB, 0),
	ROW(link, "linked", WATCH_CREATE, 0),
	ROW(llink, "llinked", WATCH_CREATE, 0),
	ROW(sym, "symlink", WATCH_CREATE, 0),
	ROW(fifo, "fifo", WATCH_CREATE, 0),
	ROW(chr, "chr", WATCH_CREATE, 0),
	ROW(sock, "sock", WATCH_CREATE, 0),
	ROW(ren, "ren2", WATCH_MOVE, 0),
	ROW(cross, "dir/cross", WATCH_MOVE, 0),
	ROW(lren, "dir/lren", WATCH_MOVE, 0),
	ROW(over, "lover", WATCH_MOVE, 0),
	ROW(ex, "ex1", WATCH_MOVE, 0),
	ROW(rdir, "dirx/rdir2", WATCH_MOVE, 0),
	ROW(in_rdir, "dirx/rdir2/sub/f", WATCH_CONTENT, 0),
	ROW(unlink, "unlink", WATCH_DELETE, 0),
	ROW(lunlink, "lunlink", WATCH_MOVE | WATCH_CREATE, 0),
	ROW(rmdir, "rm", WATCH_DELETE, 0),
	ROW(lrmdir, "lrm", WATCH_MOVE | WATCH_CREATE, 0),
	ROW(opaque, "lrm", WATCH_MOVE, 0),
	ROW(again, "again", WATCH_CREATE, 0),
	ROW(tmpfile, "dir/tmpfile", WATCH_CREATE, 0),
	ROW(alloc, "alloc", WATCH_CONTENT, 0),
	ROW(newline, "a\nb\377", WATCH_CREATE, 0),
	ROW(host, "host", WATCH_CONTENT, NOT_L2),
	ROW(lower_dir, "ldir/f", WATCH_CONTENT | WATCH_CREATE | WATCH_MOVE, 0),
};

/* A directory given out to be scanned holds what the kernel could not tell in time. */
static bool scanned_above(const struct box *b, const char *path)
{
	const struct touched *t;

	for (t = b->list; t; t = t->next)
		if (t->ops & WATCH_SCAN && path_within(span_of(path), span_make(t->path, t->n)))
			return true;
	return false;
}

static bool told(struct box *b, const struct row *r, bool may_scan)
{
	int64_t until = clock_mono() + WAIT_MS * CLOCK_MS;

	while (clock_mono() < until) {
		if (box_find(b, ROOT_UPPER, span_of(r->path), r->any) ||
			(may_scan && scanned_above(b, r->path)))
			return true;
		box_step(b, 50);
	}
	return false;
}

static unsigned run_row(struct box *b, const struct row *r, bool pid_known, bool may_scan)
{
	pid_t pid = box_do(b->all, r->fn, r->flags & STAY);
	bool ok = told(b, r, may_scan);
	const struct touched *t = box_find(b, ROOT_UPPER, span_of(r->path), r->any);

	if (t && pid_known && t->pid != pid)
		ok = false;
	if (r->flags & STAY)
		box_kill(pid);
	if (!ok)
		print_error(
			"missed: %s (%s), pid %d of %d\n", r->name, r->path, t ? t->pid : 0, pid);
	return !ok;
}

static void run_design(struct watch_options opt, enum level expect)
{
	struct box b;
	unsigned missed = 0;
	size_t i;

	box_make(&b);
	box_sh(&b, prepare);
	if (box_mount(&b) < 0) {
		box_end(&b);
		print_message("SKIP: no overlay can be mounted here\n");
		skip();
	}
	box_sh(&b, prepare_up);
	box_watch(&b, opt);
	assert_int_equal(box_add(&b, ROOT_UPPER, WATCH_UPPER, b.up), expect);
	for (i = 0; i < COUNTOF(rows); i++) {
		if (!(expect == LEVEL_L2 && rows[i].flags & NOT_L2))
			missed += run_row(&b, &rows[i], expect == LEVEL_L1,
				opt.marks != CONFIG_MARKS_AUTO || expect != LEVEL_L1);
		box_forget(&b);
	}
	assert_int_equal(b.n_lost, 0);
	box_end(&b);
	assert_int_equal(missed, 0);
}

static void skip_unless_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("SKIP: needs root\n");
	skip();
}

#define DESIGN(name, level_, marks_, expect)                                                       \
	static void name(void **state UNUSED)                                                      \
	{                                                                                          \
		skip_unless_root();                                                                \
		run_design((struct watch_options){.level = level_, .marks = marks_}, expect);      \
	}
DESIGN(file_system_mark, LEVEL_L1, CONFIG_MARKS_FILESYSTEM, LEVEL_L1)
/* What comes into a new directory has an event of its own here, whenever the marks come. */
DESIGN(directory_marks_and_births, LEVEL_L1, CONFIG_MARKS_AUTO, LEVEL_L1)
DESIGN(directory_marks, LEVEL_L1, CONFIG_MARKS_DIRECTORIES, LEVEL_L1)
DESIGN(names_and_overlay, LEVEL_L2, CONFIG_MARKS_FILESYSTEM, LEVEL_L2)
DESIGN(names_and_overlay_dirs, LEVEL_L2, CONFIG_MARKS_DIRECTORIES, LEVEL_L2)
DESIGN(overlay_and_inotify, LEVEL_L4, CONFIG_MARKS_AUTO, LEVEL_L4)
DESIGN(inotify_alone, LEVEL_L5, CONFIG_MARKS_AUTO, LEVEL_L5)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_system_mark),
		cmocka_unit_test(directory_marks_and_births),
		cmocka_unit_test(directory_marks),
		cmocka_unit_test(names_and_overlay),
		cmocka_unit_test(names_and_overlay_dirs),
		cmocka_unit_test(overlay_and_inotify),
		cmocka_unit_test(inotify_alone),
	};

	if (geteuid() == 0 && !box_private())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
