#include "daemon/sensor/hosts.h"
#include "base/err.h"
#include "box/mounts.h"
#include "box/proc.h"
#include "daemon/log.h"
#include "daemon/sensor/hostset.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/roots.h"
#include "daemon/sensor/volume.h"
#include <sys/stat.h>
#include <unistd.h>

struct keeping {
	struct sensor *s;
	hosts_keeper *keeper;
};

static bool keep(
	const struct keeping *k, const char *name, struct span path, const struct kept_limits *lim)
{
	BUF struct buf id = {0};
	struct target t = {.kind = TARGET_HOST,
		.state = STATE_RUNNING,
		.name = span_of(name),
		.runtime = span_of("host"),
		.upper = path};

	volume_tree_id(&id, "host:", path);
	t.id = buf_span(&id);
	return k->keeper(k->s, &t, lim);
}

static void keep_configured(const struct keeping *k)
{
	struct sensor *s = k->s;

	for (size_t i = 0; i < s->cfg->n_host; i++) {
		const struct config_host_tree *h = &s->cfg->host[i];
		struct kept_limits lim = {.exclude = &h->exclude};
		BUF struct buf why = {0};

		if (keep(k, h->name, span_of(h->path), &lim))
			continue;
		buf_printf(&why, "host tree %s: %s is not there", h->name, h->path);
		roots_absent(s, h->path, buf_text(&why));
	}
	roots_appeared(s);
}

static bool is_configured(const struct sensor *s, struct span path)
{
	for (size_t i = 0; i < s->cfg->n_host; i++)
		if (span_is(path, s->cfg->host[i].path))
			return true;
	return false;
}

/* A glob, from the tree's root, that is the configured tree and nothing else. Empty: it lies elsewhere. */
static void glob_of(struct span root, struct span path, struct buf *out)
{
	size_t skip = root.n > 1 ? root.n : 0;

	if (!path_within(path, root) || span_eq(path, root))
		return;
	for (size_t i = skip; i < path.n; i++) {
		if (strchr("*?[]\\", path.p[i]))
			buf_u8(out, '\\');
		buf_u8(out, path.p[i]);
	}
}

/* Who configured a tree wants it his way. */
static void keep_default(const struct keeping *k, const char *name, struct span path)
{
	const struct sensor *s = k->s;
	ARENA struct arena mem = {0};
	struct config_list not = {.v = arena_alloc(&mem, (s->cfg->n_host + 1) * sizeof(*not .v))};
	struct kept_limits lim = {.exclude = &not, .by_default = true};

	if (is_configured(s, path))
		return;
	for (size_t i = 0; i < s->cfg->n_host; i++) {
		BUF struct buf glob = {0};

		glob_of(path, span_of(s->cfg->host[i].path), &glob);
		if (glob.n)
			not .v[not .n++] = (const char *)arena_dup(&mem, buf_span(&glob)).p;
	}
	keep(k, name, path, &lim);
}

/* Of several mounts at one point the last is what is seen. */
static bool is_on_top(const struct mounts *table, size_t i)
{
	for (size_t j = i + 1; j < table->n; j++)
		if (span_eq(table->v[i].point, table->v[j].point))
			return false;
	return true;
}

/* A unit has a mount namespace of its own, where systemd binds what the unit asks for: that is no part of
 * the host. Where the host's own table is not to be had, ours is what there is. */
static int mounts_of_host(struct mounts *ret)
{
	if (proc_host_mnt_ns() != proc_mnt_ns(getpid()) && mounts_of_pid(1, MOUNTS_PROC, ret) == 0)
		return 0;
	return mounts_of_pid(0, MOUNTS_AUTO, ret);
}

static void keep_mounted(const struct keeping *k)
{
	MOUNTS struct mounts table = {0};

	if (mounts_of_host(&table) < 0) {
		log_warn("the host's mounts: %s", err_why());
		return;
	}
	for (size_t i = 0; i < table.n; i++) {
		const struct mount *m = &table.v[i];
		BUF struct buf name = {0};
		struct stat st;

		if (!hostset_is_mount(m->point, m->fs_type) || !is_on_top(&table, i))
			continue;
		buf_add_text(&name, "host:");
		buf_add_span(&name, m->point);
		if (stat(buf_text(&name) + 5, &st) == 0 && S_ISDIR(st.st_mode))
			keep_default(k, buf_text(&name), m->point);
	}
}

void hosts_keep(struct sensor *s, hosts_keeper *keeper)
{
	const struct keeping k = {s, keeper};

	keep_configured(&k);
	/* In a container of our own "/" is that one's, which is kept as any other. */
	if (!s->cfg->host_defaults || finder_is_contained(s->finder))
		return;
	keep_default(&k, "host", span_of("/"));
	keep_mounted(&k);
}
