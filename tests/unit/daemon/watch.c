/* The watch on real directories: races, overflow, renames, removal, depth, what stays out. */
#include "tests/unit/daemon/watch_box.h"
#include <errno.h>

static void skip_unless_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("SKIP: needs root\n");
	skip();
}

static int put(const char *path, int flags)
{
	FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	return fd >= 0 && write(fd, "text", 4) == 4 ? 0 : -1;
}

struct design {
	enum level level;
	int marks;
	bool no_fanotify;
	enum level expect;
};
static const struct design designs[] = {
	{LEVEL_NONE, CONFIG_MARKS_FILESYSTEM, false, LEVEL_L1},
	{LEVEL_NONE, CONFIG_MARKS_DIRECTORIES, false, LEVEL_L1},
	{LEVEL_NONE, CONFIG_MARKS_AUTO, true, LEVEL_L5},
};

static void tree_watch(struct box *b, const struct design *d)
{
	box_watch(b, (struct watch_options){
			     .level = d->level, .marks = d->marks, .no_fanotify = d->no_fanotify});
	assert_int_equal(box_add(b, ROOT_TREE, WATCH_TREE, b->tree), d->expect);
}

/* ---- the race between a directory's birth and its mark ---- */

enum { RACES = 200 };
static int make_deep_trees(void)
{
	char path[128];
	const char *p;
	int i;

	for (i = 0; i < RACES; i++) {
		snprintf(path, sizeof(path), "t%d", i);
		for (p = "/a/b/c/d/e/f"; p; p = *p ? p + 2 : NULL) {
			if (mkdir(path, 0755) < 0)
				return -1;
			if (*p)
				strncat(path, (char[]){p[0], p[1], 0}, 3);
		}
		strcat(path, "/file");
		if (put(path, O_EXCL) < 0)
			return -1;
	}
	return 0;
}

/* Told by an event, or there when a directory given out to be scanned is scanned. */
static bool file_known(const struct box *b, struct span file)
{
	const struct touched *t;

	for (t = b->list; t; t = t->next) {
		struct span p = span_make(t->path, t->n);

		if (span_eq(p, file) || (t->ops & WATCH_SCAN && path_within(file, p)))
			return true;
	}
	return false;
}

static int deep_missing(const struct box *b)
{
	char path[128];
	int i, missing = 0;

	for (i = 0; i < RACES; i++) {
		snprintf(path, sizeof(path), "t%d/a/b/c/d/e/f/file", i);
		missing += !file_known(b, span_of(path));
	}
	return missing;
}

static void new_directories_race(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;
		int64_t until;

		box_make(&b);
		tree_watch(&b, &designs[i]);
		box_do(b.tree, make_deep_trees, false);
		until = clock_mono() + WAIT_MS * CLOCK_MS;
		while (deep_missing(&b) && clock_mono() < until)
			box_step(&b, 50);
		assert_int_equal(deep_missing(&b), 0);
		/* and from now on every directory is live */
		assert_null(box_find(&b, ROOT_TREE, span_of("t7/a/b/c/d/e/f/file"), WATCH_DELETE));
		box_sh(&b, "rm tree/t7/a/b/c/d/e/f/file");
		assert_non_null(
			box_wait(&b, ROOT_TREE, span_of("t7/a/b/c/d/e/f/file"), WATCH_DELETE));
		assert_int_equal(b.n_lost, 0);
		box_end(&b);
	}
}

/* ---- renames ---- */

static void renames_move_paths(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;

		box_make(&b);
		box_sh(&b, "mkdir -p tree/a/b/c outside/in/deep");
		tree_watch(&b, &designs[i]);
		box_sh(&b, "echo > tree/a/b/c/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("a/b/c/f"), WATCH_CONTENT));
		box_sh(&b, "mv tree/a tree/z && echo > tree/z/b/c/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("z/b/c/f"), WATCH_CONTENT));
		assert_non_null(box_find(&b, ROOT_TREE, span_of("a"), WATCH_MOVE));
		assert_true(box_find(&b, ROOT_TREE, span_of("z"), WATCH_MOVE)->ops & WATCH_IS_DIR);
		/* in from outside, after it was met there */
		box_sh(&b, "echo > outside/in/deep/f; echo > tree/mark0");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("mark0"), WATCH_CONTENT));
		box_sh(&b, "mv outside/in tree/in");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("in"), WATCH_MOVE));
		box_sh(&b, "echo > tree/in/deep/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("in/deep/f"), WATCH_CONTENT));
		/* out again: silence */
		box_forget(&b);
		box_sh(&b, "mv tree/in outside/in");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("in"), WATCH_MOVE));
		box_sh(&b, "echo > tree/mark1");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("mark1"), WATCH_CONTENT));
		box_forget(&b);
		box_sh(&b, "echo > outside/in/deep/f; echo > tree/mark2");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("mark2"), WATCH_CONTENT));
		assert_null(box_find(&b, ROOT_TREE, span_of("in/deep/f"), ~0u));
		assert_int_equal(b.n_lost, 0);
		box_end(&b);
	}
}

/* What lies above the root moves: the root is found again, and looked at as a whole. */
static void root_moves(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < 2; i++) {
		struct box b;
		char path[300];

		box_make(&b);
		box_sh(&b, "mkdir -p outside/x/root/sub");
		box_watch(&b, (struct watch_options){.marks = designs[i].marks});
		snprintf(path, sizeof(path), "%s/outside/x/root", b.dir);
		assert_int_equal(box_add(&b, ROOT_TREE, WATCH_TREE, path), LEVEL_L1);
		box_sh(&b, "mv outside/x outside/y && echo > outside/y/root/sub/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of(""), WATCH_SCAN));
		box_sh(&b, "echo > outside/y/root/sub/g");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("sub/g"), WATCH_CONTENT));
		box_end(&b);
	}
}

/* ---- what stays out ---- */

static void outside_is_silent(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;
		const char *globs[] = {"/skip", "/**/*.log", NULL};
		struct config_list exclude = {globs, 2};
		struct watch_root r = {
			.id = ROOT_TREE, .kind = WATCH_TREE, .path = b.tree, .exclude = &exclude};
		char quiet[256];
		const struct touched *t;
		enum level level;

		box_make(&b);
		snprintf(quiet, sizeof(quiet), "%s/tree/quiet", b.dir);
		box_sh(&b, "mkdir -p tree/skip/x tree/sub tree/quiet tree-not");
		box_watch(&b, (struct watch_options){.marks = designs[i].marks,
				      .no_fanotify = designs[i].no_fanotify,
				      .quiet_dir = quiet});
		assert_int_equal(watch_add(b.w, &r, &level), 0);
		box_sh(&b, "echo > outside/f; echo > tree-not/f; echo > tree/skip/f; echo > "
			   "tree/skip/x/f;"
			   "echo > tree/sub/a.log; echo > tree/quiet/f; rm -r tree-not; echo > "
			   "tree/sub/end");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("sub/end"), WATCH_CONTENT));
		for (t = b.list; t; t = t->next)
			assert_true(span_eq(span_make(t->path, t->n), span_of("sub/end")));
		box_end(&b);
	}
}

static void removed_roots_are_silent(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;
		struct watch_stats s;
		char in[300];

		box_make(&b);
		box_sh(&b, "mkdir -p tree/in/x");
		tree_watch(&b, &designs[i]);
		snprintf(in, sizeof(in), "%s/in", b.tree);
		box_add(&b, 9, WATCH_TREE, in);
		box_sh(&b, "echo > tree/in/x/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("in/x/f"), WATCH_CONTENT));
		assert_non_null(box_wait(&b, 9, span_of("x/f"), WATCH_CONTENT));
		watch_remove(b.w, 9);
		box_forget(&b);
		box_sh(&b, "echo > tree/in/x/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("in/x/f"), WATCH_CONTENT));
		assert_null(box_find(&b, 9, span_of("x/f"), ~0u));
		watch_remove(b.w, ROOT_TREE);
		watch_stats(b.w, &s);
		assert_int_equal(s.roots, 0);
		assert_int_equal(s.marks, 0);
		box_end(&b);
	}
}

/* ---- loss ---- */

static int flood(void)
{
	char name[32];
	int i;

	for (i = 0; i < 40000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (mknod(name, S_IFREG | 0600, 0) < 0 || unlink(name) < 0)
			return -1;
	}
	return 0;
}

static void overflow_is_told(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;
		struct watch_stats s;
		int64_t until;

		box_make(&b);
		box_watch(&b, (struct watch_options){.marks = designs[i].marks,
				      .no_fanotify = designs[i].no_fanotify,
				      .limited_queue = true});
		box_add(&b, ROOT_TREE, WATCH_TREE, b.tree);
		box_do(b.tree, flood, false);
		until = clock_mono() +
			WAIT_MS * CLOCK_MS * 4; /* from when it is there to be read */
		while (!b.n_lost && clock_mono() < until)
			box_step(&b, 50);
		assert_true(b.n_lost > 0);
		assert_int_equal(b.lost_cause, GAP_OVERFLOW);
		assert_int_equal(b.lost_root, designs[i].no_fanotify ? ROOT_TREE : 0);
		watch_stats(b.w, &s);
		assert_true(s.overflows > 0);
		box_end(&b);
	}
}

enum { DEEP = 40 };
static int make_too_deep(void)
{
	char name[201] = {0};
	int i;

	memset(name, 'd', 200);
	for (i = 0; i < DEEP; i++)
		if (mkdir(name, 0755) < 0 || chdir(name) < 0)
			return -1;
	return put("bottom", 0);
}

static void too_deep_is_scanned(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;
		struct buf path = {};
		int64_t until = clock_mono() + WAIT_MS * CLOCK_MS;
		int k;

		for (k = 0; k < DEEP * 201; k++)
			buf_u8(&path, k % 201 == 200 ? '/' : 'd');
		buf_add_text(&path, "bottom");
		box_make(&b);
		tree_watch(&b, &designs[i]);
		box_do(b.tree, make_too_deep, false);
		while (!file_known(&b, buf_span(&path)) && clock_mono() < until)
			box_step(&b, 50);
		assert_true(file_known(&b, buf_span(&path)));
		assert_int_equal(b.n_lost, 0);
		buf_free(&path);
		box_end(&b);
	}
}

/* ---- other ways to the same file, where only the overlay tells ---- */

static int put_in_bind(void)
{
	return put("tree/f", O_APPEND);
}

static int put_in_namespace(void)
{
	return unshare(CLONE_NEWNS) == 0 ? put("all/sub/g", O_APPEND) : -1;
}

static int put_in_namespace_bind(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("all/sub", "outside", NULL, MS_BIND, NULL) == 0
		       ? put("outside/h", O_APPEND)
		       : -1;
}

static void other_mounts_same_path(void **state UNUSED)
{
	struct box b;
	pid_t pid[2];

	skip_unless_root();
	box_make(&b);
	if (box_mount(&b) < 0) {
		box_end(&b);
		print_message("SKIP: no overlay can be mounted here\n");
		skip();
	}
	box_sh(&b, "mkdir all/sub; echo > all/sub/f; echo > all/sub/g; echo > all/sub/h");
	box_watch(&b, (struct watch_options){.level = LEVEL_L2});
	assert_int_equal(box_add(&b, ROOT_UPPER, WATCH_UPPER, b.up), LEVEL_L2);
	box_sh(&b, "mount --bind all/sub tree");
	box_do(b.dir, put_in_bind, false);
	assert_non_null(box_wait(&b, ROOT_UPPER, span_of("sub/f"), WATCH_CONTENT));
	pid[0] = box_do(b.dir, put_in_namespace, true);
	assert_non_null(box_wait(&b, ROOT_UPPER, span_of("sub/g"), WATCH_CONTENT));
	pid[1] = box_do(b.dir, put_in_namespace_bind, true);
	assert_non_null(box_wait(&b, ROOT_UPPER, span_of("sub/h"), WATCH_CONTENT));
	box_kill(pid[0]);
	box_kill(pid[1]);
	assert_int_equal(b.n_lost, 0);
	box_end(&b);
}

/* ---- file systems that come and go ---- */

static void remount_is_noticed(void **state UNUSED)
{
	size_t i;

	skip_unless_root();
	for (i = 0; i < COUNTOF(designs); i++) {
		struct box b;

		box_make(&b);
		if (mount("tmpfs", b.tree, "tmpfs", 0, "size=1m") < 0) {
			box_end(&b);
			print_message("SKIP: no tmpfs can be mounted here\n");
			skip();
		}
		tree_watch(&b, &designs[i]);
		watch_verify(b.w);
		assert_int_equal(b.n_lost, 0);
		/* nothing of ours keeps it busy */
		assert_int_equal(umount(b.tree), 0);
		assert_int_equal(mount("tmpfs", b.tree, "tmpfs", 0, "size=1m"), 0);
		box_step(&b, 0);
		watch_verify(b.w);
		assert_true(b.n_lost > 0);
		assert_int_equal(b.lost_cause, GAP_MOUNT_LOST);
		box_sh(&b, "echo > tree/f");
		assert_non_null(box_wait(&b, ROOT_TREE, span_of("f"), WATCH_CONTENT));
		box_end(&b);
	}
}

static void layers_are_seen(void **state UNUSED)
{
	struct box b;

	skip_unless_root();
	box_make(&b);
	box_sh(&b, "mkdir low/bin; echo x > low/bin/sh");
	box_watch(&b, (struct watch_options){.marks = CONFIG_MARKS_FILESYSTEM});
	assert_int_equal(box_add(&b, ROOT_LOWER, WATCH_LOWER, b.low), LEVEL_L1);
	box_sh(&b, "echo evil >> low/bin/sh");
	assert_non_null(box_wait(&b, ROOT_LOWER, span_of("bin/sh"), WATCH_CONTENT));
	box_end(&b);
}

static void nothing_at_all(void **state UNUSED)
{
	struct box b;

	box_make(&b);
	box_watch(&b, (struct watch_options){.level = LEVEL_L6, .no_fanotify = true});
	assert_int_equal(box_add(&b, ROOT_TREE, WATCH_TREE, b.tree), LEVEL_L6);
	assert_int_equal(watch_dispatch(b.w, 10), 0);
	box_end(&b);
}

static void doctor_has_rows(void **state UNUSED)
{
	struct box b;
	const struct watch_probe *rows;
	size_t n, i;

	box_make(&b);
	box_watch(&b, (struct watch_options){});
	rows = watch_probes(b.w, &n);
	assert_true(n > 10);
	for (i = 0; i < n; i++) {
		assert_true(rows[i].name && rows[i].without && *rows[i].result);
		print_message(
			"  %-4s %s: %s\n", rows[i].ok ? "ok" : "no", rows[i].name, rows[i].result);
	}
	box_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doctor_has_rows),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(new_directories_race),
		cmocka_unit_test(renames_move_paths),
		cmocka_unit_test(root_moves),
		cmocka_unit_test(outside_is_silent),
		cmocka_unit_test(removed_roots_are_silent),
		cmocka_unit_test(overflow_is_told),
		cmocka_unit_test(too_deep_is_scanned),
		cmocka_unit_test(other_mounts_same_path),
		cmocka_unit_test(remount_is_noticed),
		cmocka_unit_test(layers_are_seen),
	};

	if (geteuid() == 0 && !box_private())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
