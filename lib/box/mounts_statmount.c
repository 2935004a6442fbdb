/*
 * Mount tables and namespaces from statmount(2), listmount(2) and the nsfs ioctls: a namespace's
 * table needs no process in it, and nothing has to be unescaped. Ids are the old ones, as
 * mountinfo prints them.
 */
#include "box/mounts_how.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDS = 512, ANSWER_FIRST = 16 << 10, ANSWER_MAX = 8 << 20, NAMESPACES_MAX = 1 << 17 };
enum { FS_SUBTYPE = 0x100, SB_SOURCE = 0x200, SB_IS_RDONLY = 1, MOUNT_IS_RDONLY = 1 };

/* <linux/nsfs.h> of Linux 6.12: the namespace before the descriptor's. */
struct ns_info {
	uint32_t size, n_mounts;
	uint64_t id;
};
#define IOC_MNTNS_PREV _IOR(0xb7, 12, struct ns_info)

static const uint64_t WANTED = SYS_STATMOUNT_SB_BASIC | SYS_STATMOUNT_MNT_BASIC |
			       SYS_STATMOUNT_MNT_ROOT | SYS_STATMOUNT_MNT_POINT |
			       SYS_STATMOUNT_FS_TYPE | SYS_STATMOUNT_MNT_OPTS | FS_SUBTYPE |
			       SB_SOURCE;

struct answer {
	struct sys_statmount *s;
	size_t cap;
};
static void answer_free(struct answer *a)
{
	free(a->s);
}

/* One mount; the buffer grows until its options fit. */
static int ask(uint64_t ns_id, uint64_t id, struct answer *a)
{
	for (;;) {
		size_t cap = a->cap ? a->cap * 2 : ANSWER_FIRST;
		struct sys_statmount *s;

		if (a->s && sys_statmount(ns_id, id, WANTED, a->s, a->cap) == 0)
			return 0;
		if (a->s && (errno != EOVERFLOW || a->cap >= ANSWER_MAX))
			return -errno;
		s = realloc(a->s, cap);
		must(s);
		a->s = s;
		a->cap = cap;
	}
}

static struct span text_at(const struct answer *a, uint64_t bit, uint32_t at)
{
	size_t room = a->cap - sizeof(*a->s);

	if (!(a->s->mask & bit) || at >= room)
		return (struct span){0};
	return span_make(a->s->str + at, strnlen(a->s->str + at, room - at));
}

static void add(const struct answer *a, struct mounts *ret)
{
	const struct sys_statmount *s = a->s;
	struct span point = text_at(a, SYS_STATMOUNT_MNT_POINT, s->mnt_point);
	struct span type = text_at(a, SYS_STATMOUNT_FS_TYPE, s->fs_type);
	struct span sub = text_at(a, FS_SUBTYPE, s->fs_subtype);
	struct mount *m;

	if (!point.n) /* not to be reached from the namespace's root; mountinfo leaves it out too */
		return;
	m = mounts_add(ret);
	m->id = s->mnt_id_old;
	m->parent = s->mnt_parent_id_old;
	m->dev_major = s->sb_dev_major;
	m->dev_minor = s->sb_dev_minor;
	m->read_only = (s->mnt_attr & MOUNT_IS_RDONLY) || (s->sb_flags & SB_IS_RDONLY);
	m->root = arena_dup(&ret->mem, text_at(a, SYS_STATMOUNT_MNT_ROOT, s->mnt_root));
	m->point = arena_dup(&ret->mem, point);
	m->source = arena_dup(&ret->mem, text_at(a, SB_SOURCE, s->sb_source));
	m->options = arena_dup(&ret->mem, text_at(a, SYS_STATMOUNT_MNT_OPTS, s->mnt_opts));
	m->fs_type = sub.n ? arena_printf(&ret->mem, "%.*s.%.*s", (int)type.n, (const char *)type.p,
				     (int)sub.n, (const char *)sub.p)
			   : arena_dup(&ret->mem, type);
}

int mounts_statmount_ns(uint64_t ns_id, struct mounts *ret)
{
	CLEANUP(answer_free) struct answer a = {0};
	uint64_t ids[IDS], last = 0;

	for (;;) {
		ssize_t n = sys_listmount(ns_id, SYS_LISTMOUNT_ROOT, last, ids, IDS);

		if (n < 0 && (errno == ENOENT || errno == ESRCH))
			return err_set(-ESRCH, "the mount namespace is gone");
		if (n < 0)
			return err_sys("listmount");
		for (ssize_t i = 0; i < n; i++) {
			int r = ask(ns_id, ids[i], &a);

			if (r == 0)
				add(&a, ret);
			else if (r != -ENOENT) /* unmounted meanwhile */
				return err_set(r, "statmount: %s", strerror(-r));
		}
		if (n < IDS)
			return 0;
		last = ids[n - 1];
	}
}

static int open_ns(int pid)
{
	char path[48] = "/proc/self/ns/mnt";

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int mounts_statmount_pid(int pid, struct mounts *ret)
{
	FD int fd = open_ns(pid);
	uint64_t id;

	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return err_set(-ESRCH, "process %d is gone", pid);
	if (fd < 0)
		return err_sys("mount namespace of process %d", pid);
	if (sys_mntns_id(fd, &id) < 0)
		return err_sys("id of the mount namespace of process %d", pid);
	return mounts_statmount_ns(id, ret);
}

static int prev_ns(int fd, uint64_t *ret_id)
{
	struct ns_info info = {.size = sizeof(info)};
	int prev = ioctl(fd, IOC_MNTNS_PREV, &info);

	*ret_id = info.id;
	return prev;
}

static int add_ns(struct namespaces *ret, int fd, uint64_t id)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys("fstat of a mount namespace");
	namespaces_add(ret, st.st_ino)->id = id;
	return 0;
}

static int walk(struct namespaces *ret, int (*step)(int fd, uint64_t *ret_id))
{
	FD int at = open_ns(0);
	uint64_t id;

	if (at < 0 || sys_mntns_id(at, &id) < 0)
		return err_sys("our own mount namespace");
	for (;;) {
		int next, r = add_ns(ret, at, id);

		if (r < 0)
			return r;
		next = step(at, &id);
		if (next < 0)
			return errno == ENOENT ? 0 : err_sys("the list of mount namespaces");
		fd_close(&at);
		at = next;
		if (ret->n > NAMESPACES_MAX)
			return err_set(-E2BIG, "more than %d mount namespaces", NAMESPACES_MAX);
	}
}

/* The list is in order of age: ours is somewhere in it. */
int namespaces_statmount(struct namespaces *ret)
{
	int r = walk(ret, sys_mntns_next);

	return r < 0 ? r : walk(ret, prev_ns);
}

bool mounts_statmount_works(void)
{
	CLEANUP(answer_free) struct answer a = {0};
	FD int fd = open_ns(0), next = -1;
	uint64_t id, first;

	if (fd < 0 || sys_mntns_id(fd, &id) < 0)
		return false;
	if (sys_listmount(id, SYS_LISTMOUNT_ROOT, 0, &first, 1) != 1 || ask(id, first, &a) < 0)
		return false;
	next = sys_mntns_next(fd, &id);
	return next >= 0 || errno == ENOENT;
}
