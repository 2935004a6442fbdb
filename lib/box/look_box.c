/* A mount table -> a box: its directories as the host names them, its other mounts. */
#include "box/look.h"
#include "base/fd.h"
#include "base/sys.h"
#include "box/host.h"
#include "box/proc.h"
#include "fs/overlay.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define S(s) (int)(s).n, (const char *)(s).p

static bool same_dev(const struct mount *a, const struct mount *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

bool mounts_same_tree(const struct mount *a, const struct mount *b)
{
	return same_dev(a, b) && span_eq(a->root, b->root);
}

/* Private namespaces of services, a rootless engine's pause process: the host's own tree. */
static bool is_host_root(const struct look *l, const struct mount *root)
{
	return (!l->f->contained && mounts_same_tree(root, &l->root)) ||
	       mounts_same_tree(root, &l->init_root);
}

static bool is_ignored(const struct look *l, struct span path)
{
	for (size_t i = 0; i < l->f->ignore.n; i++)
		if (path.n && path_within(path, l->f->ignore.v[i]))
			return true;
	return false;
}

static bool ends(struct span s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static struct span dir_of(struct span path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return span_make(path.p, slash ? (size_t)(slash - path.p) : 0);
}

static bool is_overlay(const struct mount *root)
{
	return span_is(root->root, "/") &&
	       (span_is(root->fs_type, "overlay") || span_is(root->fs_type, "fuse.fuse-overlayfs"));
}

/* Where the host's table has an overlay of this device mounted. */
static struct span merged_of(const struct look *l, const struct mount *root)
{
	if (!is_overlay(root))
		return (struct span){0};
	for (size_t i = 0; i < l->host.n; i++)
		if (same_dev(&l->host.v[i], root) && span_is(l->host.v[i].root, "/") &&
			!ends(l->host.v[i].point, "-init/merged"))
			return l->host.v[i].point;
	return (struct span){0};
}

/* Which words the paths in the options are in: of the namespace that the overlay was mounted in,
 * which is that of whoever started the first process. Its table, or nothing when it is ours. */
static bool table_of_parent(const struct look *l, int pid, struct mounts *ret)
{
	int parent = host_parent(pid);
	uint64_t ns = parent ? proc_mnt_ns(parent) : 0;

	return ns && ns != proc_mnt_ns(getpid()) && mounts_of_pid(parent, l->f->how, ret) == 0;
}

static struct span as_host(struct look *l, const struct mounts *via, struct span path)
{
	struct span seen =
		via->n ? host_path_via(&l->host, via, path, &l->ctx.mem) : (struct span){0};
	struct span real = ctx_real(&l->ctx, seen.n ? seen : path);

	return real.n ? real : path;
}

/* upperdir=ID/diff: relative to the store, where the engine stood when it mounted. */
static struct span absolute_upper(struct look *l, struct span upper, struct span merged)
{
	static const char *const stores[] = {"overlay2", "overlay"};
	const struct paths *roots[] = {&l->f->docker, &l->f->storage};

	if (upper.n && upper.p[0] == '/')
		return upper;
	if (merged.n) {
		struct span base = dir_of(dir_of(merged));

		return ctx_path(&l->ctx, "%.*s/%.*s", S(base), S(upper));
	}
	for (size_t r = 0; r < COUNTOF(roots); r++)
		for (size_t i = 0; i < roots[r]->n; i++) {
			struct span path = ctx_path(
				&l->ctx, "%.*s/%s/%.*s", S(roots[r]->v[i]), stores[r], S(upper));

			if (ctx_real(&l->ctx, path).n)
				return path;
		}
	return (struct span){0};
}

/* In a user namespace that a user made, options are the user's words: they must not lead to what
 * only root may read. */
static bool may_have(struct span path, bool upper)
{
	struct stat st;

	if (stat((const char *)path.p, &st) < 0)
		return true; /* nothing there to be read */
	return st.st_uid != 0 || (!upper && (st.st_mode & 05) == 05);
}

struct sources {
	const struct mounts *via;
	struct span base; /* relative lowers begin here */
	bool rootless;
};

static struct span lowers_of(
	struct look *l, const struct sources *from, const struct span *v, size_t n)
{
	BUF struct buf out = {0};

	for (size_t i = 0; i < n; i++) {
		struct span s = v[i];

		if (s.n && s.p[0] != '/')
			s = ctx_path(&l->ctx, "%.*s/%.*s", S(from->base), S(s));
		s = as_host(l, from->via, arena_dup(&l->ctx.mem, s));
		if (from->rootless && !may_have(arena_dup(&l->ctx.mem, s), false))
			ctx_note(&l->ctx, "layer %.*s: left out, it is root's", S(s));
		else
			buf_bytes(&out, s);
	}
	return arena_dup(&l->list->mem, buf_span(&out));
}

/* Where copied-up hard links keep their names together; the kernel prints the option only where it
 * is not the default. */
static struct span index_of(
	struct look *l, const struct sources *from, const struct overlay_options *o)
{
	struct span param = ctx_text(&l->ctx, span_of("/sys/module/overlay/parameters/index"));
	struct span work = o->work, dir;

	if (o->no_index || !work.n || !(o->index || (param.n && param.p[0] == 'Y')))
		return (struct span){0};
	if (work.p[0] != '/')
		work = ctx_path(&l->ctx, "%.*s/%.*s", S(from->base), S(work));
	work = as_host(l, from->via, arena_dup(&l->ctx.mem, work));
	dir = ctx_real(&l->ctx, ctx_path(&l->ctx, "%.*s/index", S(work)));
	if (from->rootless && dir.n && !may_have(arena_dup(&l->ctx.mem, dir), true))
		return (struct span){0};
	return arena_dup(&l->list->mem, dir);
}

/* false: not to be used; the reason is noted. */
static bool fill_overlay_via(
	struct look *l, struct span options, int pid, const struct mounts *via, struct box *b)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};
	struct sources from = {.via = via, .rootless = pid && host_userns_owner(pid) != 0};
	struct span upper;

	if (overlay_parse(options, &o) < 0) {
		ctx_note(
			&l->ctx, "process %d: the options of its overlay root cannot be read", pid);
		return false;
	}
	upper = absolute_upper(l, o.upper, b->merged);
	if (!upper.n) {
		ctx_note(&l->ctx, "process %d: its overlay root has no upper directory%s", pid,
			o.upper.n ? " that can be found" : "");
		return false;
	}
	from.base = dir_of(dir_of(upper));
	upper = as_host(l, via, arena_dup(&l->ctx.mem, upper));
	b->t.upper = arena_dup(&l->list->mem, upper);
	if (from.rootless && !may_have(b->t.upper, true)) {
		ctx_note(&l->ctx,
			"process %d: upper directory %.*s is root's, the container is not", pid,
			S(upper));
		return false;
	}
	b->t.lowers = lowers_of(l, &from, o.lower, o.n_lower);
	b->t.data_only = lowers_of(l, &from, o.data, o.n_data);
	b->t.user_xattr = o.user_xattr;
	b->t.index = index_of(l, &from, &o);
	return true;
}

static bool fill_overlay(struct look *l, struct span options, int pid, struct box *b)
{
	MOUNTS struct mounts via = {0};

	if (pid)
		table_of_parent(l, pid, &via);
	return fill_overlay_via(l, options, pid, &via, b);
}

/* When nobody tells, the adapter may: storage knows fuse-overlayfs' directories by id. */
static bool fill_fuse(struct look *l, const struct mount *root, int pid, struct box *b)
{
	BUF struct buf options = {0};

	b->t.fuse = true;
	host_fuse_options(root->dev_major, root->dev_minor, l->f->how, &options);
	return !options.n || fill_overlay(l, buf_span(&options), pid, b);
}

static bool fill_plain(struct look *l, const struct mount *root, int pid, struct box *b)
{
	static const char *const passing[] = {"tmpfs", "ramfs", "rootfs", "squashfs", "erofs"};
	struct span path = !host_is_virtual(root->fs_type)
				   ? host_path(&l->host, root->dev_major, root->dev_minor,
					     root->root, &l->ctx.mem)
				   : (struct span){0};

	if (span_is(path, "/"))
		return false;
	b->t.upper = arena_dup(&l->list->mem, path);
	for (size_t i = 0; !path.n && i < COUNTOF(passing); i++)
		if (span_is(root->fs_type, passing[i]))
			return false;			/* a sandbox's throw-away root */
	if (!path.n && !host_is_virtual(root->fs_type)) /* kdevtmpfs lives in a devtmpfs */
		ctx_note(&l->ctx, "process %d: its root (%.*s) is not mounted on the host", pid,
			S(root->fs_type));
	return path.n;
}

static bool fill_root(struct look *l, const struct mount *root, int pid, struct box *b)
{
	if (!is_overlay(root))
		return fill_plain(l, root, pid, b);
	if (span_is(root->fs_type, "overlay"))
		return fill_overlay(l, root->options, pid, b);
	return fill_fuse(l, root, pid, b);
}

static bool is_dir(const struct mount *m, struct span source, int pid)
{
	FD int root = -1, at = -1;
	char path[48];
	struct stat st;

	if (span_is(m->root, "/"))
		return true;
	if (source.n)
		return stat((const char *)source.p, &st) == 0 && S_ISDIR(st.st_mode);
	if (span_is(m->fs_type, "nsfs") || !pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_CLOEXEC);
	if (root >= 0)
		at = sys_openat2(root, (const char *)m->point.p, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0,
			RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return at >= 0 && fstat(at, &st) == 0 && S_ISDIR(st.st_mode);
}

static void fill_mounts(
	struct look *l, const struct mounts *m, const struct mount *root, struct box *b)
{
	struct arena *mem = &l->list->mem;
	/* What the host shows us, in a container of our own, is no volume of it. */
	bool ours = l->f->contained && b->t.mnt_ns == l->f->own_ns;

	b->mount = arena_alloc(mem, m->n * sizeof(*b->mount));
	b->n_mount = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct mount *it = &m->v[i];
		struct box_mount *to = &b->mount[b->n_mount];

		if (it == root || span_is(it->point, "/"))
			continue;
		*to = (struct box_mount){.point = arena_dup(mem, it->point),
			.fs_type = arena_dup(mem, it->fs_type),
			.dev_major = it->dev_major,
			.dev_minor = it->dev_minor,
			.id = it->id,
			.read_only = it->read_only,
			.own = ours};
		if (!ours && !host_is_virtual(it->fs_type))
			to->source =
				host_path(&l->host, it->dev_major, it->dev_minor, it->root, mem);
		to->is_dir = is_dir(it, to->source, (int)b->t.pid);
		b->n_mount++;
	}
}

static struct box *box_by_upper(const struct look *l, struct span upper)
{
	for (size_t i = 0; upper.n && i < l->list->n; i++)
		if (span_eq(l->list->v[i].t.upper, upper))
			return &l->list->v[i];
	return NULL;
}

/* Of several namespaces on one tree (docker cp, a service's private mounts) the oldest is it. */
static bool is_older(const struct box *a, const struct box *b)
{
	uint64_t x = a->t.pid ? proc_start((int)a->t.pid) : 0;
	uint64_t y = b->t.pid ? proc_start((int)b->t.pid) : 0;

	return x && (!y || x < y || (x == y && a->t.pid < b->t.pid));
}

static void fill_head(struct look *l, const struct mount *root, struct box *b)
{
	b->t.kind = TARGET_CONTAINER;
	b->t.state = STATE_RUNNING;
	b->t.fs_type = arena_dup(&l->list->mem, root->fs_type);
	b->t.read_only = root->read_only;
	b->dev_major = root->dev_major;
	b->dev_minor = root->dev_minor;
	b->merged = arena_dup(&l->list->mem, merged_of(l, root));
}

void look_namespace(struct look *l, const struct mnt_ns *ns, const struct mounts *m)
{
	const struct mount *root = mounts_root(m);
	struct box b = {.t.pid = (uint32_t)ns->pid, .t.mnt_ns = ns->inode}, *same;

	if (!root || is_host_root(l, root))
		return;
	if (!ns->pid && l->sees_processes)
		return; /* its container has ended; somebody's descriptor keeps it */
	fill_head(l, root, &b);
	if (is_ignored(l, b.merged) || !fill_root(l, root, ns->pid, &b) || is_ignored(l, b.t.upper))
		return;
	b.t.pid = (uint32_t)host_init_of(ns->pid);
	same = box_by_upper(l, b.t.upper);
	if (same && same->t.mnt_ns && !is_older(&b, same))
		return;
	fill_mounts(l, m, root, &b);
	if (!same)
		same = box_add(l->list);
	*same = b;
}

static bool host_has(const struct look *l, const struct mount *m)
{
	for (size_t i = 0; i < l->host.n; i++)
		if (same_dev(&l->host.v[i], m))
			return true;
	return false;
}

void look_space_mounts(struct look *l, const struct mnt_ns *ns, const struct mounts *m)
{
	const struct mount *root = mounts_root(m);

	if (!ns->pid || !root || !is_host_root(l, root))
		return;
	for (size_t i = 0; i < m->n; i++) {
		const struct mount *it = &m->v[i];
		struct box b = {0};

		if (!span_is(it->fs_type, "overlay") || !span_is(it->root, "/") ||
			!memmem(it->options.p, it->options.n, "upperdir", 8) || host_has(l, it))
			continue;
		fill_head(l, it, &b);
		b.t.read_only = false;
		if (fill_overlay_via(l, it->options, ns->pid, m, &b) && !is_ignored(l, b.t.upper) &&
			!box_by_upper(l, b.t.upper))
			*box_add(l->list) = b;
	}
}

void look_host_mounts(struct look *l)
{
	for (size_t i = 0; i < l->host.n; i++) {
		const struct mount *m = &l->host.v[i];
		struct box b = {0};

		if (!span_is(m->fs_type, "overlay") || !span_is(m->root, "/") ||
			span_is(m->point, "/") || ends(m->point, "-init/merged") ||
			is_ignored(l, m->point))
			continue;
		fill_head(l, m, &b);
		b.t.read_only = false; /* the host's mount says nothing about the container's */
		b.merged = arena_dup(&l->list->mem, m->point);
		if (!memmem(m->options.p, m->options.n, "upperdir", 8) ||
			!fill_overlay(l, m->options, 0, &b))
			continue;
		if (!is_ignored(l, b.t.upper) && !box_by_upper(l, b.t.upper))
			*box_add(l->list) = b;
	}
}
