/* watch_box.h - a temporary overlay in a private mount namespace and a watch that remembers. */
#pragma once

#include "base/clock.h"
#include "base/fd.h"
#include "daemon/sensor/watch.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { WAIT_MS = 5000, ROOT_UPPER = 1, ROOT_LOWER = 2, ROOT_TREE = 3 };

struct touched {
	struct touched *next;
	uint32_t root, ops;
	int pid;
	size_t n;
	uint8_t path[];
};
struct box {
	char dir[200], low[256], up[256], all[256], tree[256];
	struct watch *w;
	struct touched *list;
	unsigned n_lost;
	enum gap_cause lost_cause;
	uint32_t lost_root;
};

static inline void box_sh(const struct box *b, const char *script)
{
	char cmd[4096];

	snprintf(cmd, sizeof(cmd), "cd %s && %s", b->dir, script);
	assert_int_equal(system(cmd), 0);
}

static inline void box_touch(void *ctx, const struct watch_touch *t)
{
	struct box *b = ctx;
	struct touched *new = malloc(sizeof(*new) + t->path.n);

	must(new);
	*new = (struct touched){b->list, t->root, t->ops, t->pid, t->path.n};
	if (t->path.n)
		memcpy(new->path, t->path.p, t->path.n);
	b->list = new;
}

static inline void box_lost(void *ctx, uint32_t root, struct span below UNUSED,
	enum gap_cause cause, uint64_t n UNUSED, const char *detail UNUSED)
{
	struct box *b = ctx;

	b->n_lost++;
	b->lost_cause = cause;
	b->lost_root = root;
}

static inline void box_forget(struct box *b)
{
	while (b->list) {
		struct touched *t = b->list;

		b->list = t->next;
		free(t);
	}
}

/* Once, before anything: mounts of the tests are nobody else's. */
static inline bool box_private(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline void box_make(struct box *b)
{
	const char *tmp = getenv("TMPDIR");

	*b = (struct box){};
	snprintf(b->dir, sizeof(b->dir), "%s/boltseal-watch-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(b->dir) != NULL);
	snprintf(b->low, sizeof(b->low), "%s/low", b->dir);
	snprintf(b->up, sizeof(b->up), "%s/up", b->dir);
	snprintf(b->all, sizeof(b->all), "%s/all", b->dir);
	snprintf(b->tree, sizeof(b->tree), "%s/tree", b->dir);
	box_sh(b, "mkdir low up work all tree scratch outside");
}

static inline int box_mount(struct box *b)
{
	char opt[1024];

	snprintf(opt, sizeof(opt), "lowerdir=%s/low,upperdir=%s/up,workdir=%s/work", b->dir, b->dir,
		b->dir);
	return mount("overlay", b->all, "overlay", 0, opt);
}

static inline void box_watch(struct box *b, struct watch_options opt)
{
	struct watch_callbacks cb = {b, box_touch, box_lost, NULL, NULL};
	char scratch[256];

	snprintf(scratch, sizeof(scratch), "%s/scratch", b->dir);
	opt.scratch = scratch;
	assert_int_equal(watch_new(&b->w, &opt, &cb), 0);
}

static inline enum level box_add(
	struct box *b, uint32_t id, enum watch_root_kind kind, const char *path)
{
	struct watch_root r = {.id = id,
		.kind = kind,
		.path = path,
		.merged = kind == WATCH_UPPER ? b->all : NULL};
	enum level level = LEVEL_NONE;

	assert_int_equal(watch_add(b->w, &r, &level), 0);
	return level;
}

static inline void box_end(struct box *b)
{
	watch_free(b->w);
	umount(b->all);
	umount(b->tree);
	box_forget(b);
	box_sh(b, "rm -rf low up work all tree scratch outside");
	must(rmdir(b->dir) == 0);
}

static inline const struct touched *box_find(
	const struct box *b, uint32_t root, struct span path, uint32_t any)
{
	const struct touched *t;

	for (t = b->list; t; t = t->next)
		if (t->root == root && (t->ops & any) && span_eq(span_make(t->path, t->n), path))
			return t;
	return NULL;
}

static inline void box_step(struct box *b, int ms)
{
	struct pollfd p = {.fd = watch_fd(b->w), .events = POLLIN};

	poll(&p, 1, ms);
	while (watch_dispatch(b->w, 1024) > 0)
		;
}

static inline const struct touched *box_wait(
	struct box *b, uint32_t root, struct span path, uint32_t any)
{
	int64_t until = clock_mono() + WAIT_MS * CLOCK_MS;
	const struct touched *t;

	while (!(t = box_find(b, root, path, any)) && clock_mono() < until)
		box_step(b, 50);
	return t;
}

/* In a child, because our own events are dropped. `stay`: the child lives on with what it opened;
 * its pid is returned then, for box_kill. */
static inline pid_t box_do(const char *dir, int (*fn)(void), bool stay)
{
	int done[2], r = 1;
	char c = 1;
	pid_t pid;

	must(pipe2(done, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		c = chdir(dir) == 0 && fn() == 0 ? 0 : 1;
		must(write(done[1], &c, 1) == 1);
		if (stay)
			pause();
		_exit(c);
	}
	close(done[1]);
	if (read(done[0], &c, 1) == 1)
		r = c;
	close(done[0]);
	assert_int_equal(r, 0);
	if (stay)
		return pid;
	waitpid(pid, NULL, 0);
	return pid;
}

static inline void box_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
