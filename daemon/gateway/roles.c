/*
 * A grant gives a role to users and groups, on targets with certain labels. Root is admin whatever
 * is configured, and where no roles are configured the socket's group may look. A peer inside a
 * container is a viewer at most, for root there is root here, unless a grant says otherwise.
 */
#include "daemon/gateway/roles.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/text.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct grant {
	enum role role;
	uint32_t *uids, *gids;
	size_t n_uids, n_gids;
	struct config_list labels; /* borrowed from the configuration */
	bool in_container;
};
struct roles {
	struct grant *grant;
	size_t n;
};

static bool user_id(const char *name, uint32_t *ret)
{
	const struct passwd *pw;
	uint64_t v;

	if (text_u64(span_of(name), 0, UINT32_MAX, &v) == 0) {
		*ret = (uint32_t)v;
		return true;
	}
	pw = getpwnam(name);
	if (pw)
		*ret = pw->pw_uid;
	return pw != NULL;
}

static bool group_id(const char *name, uint32_t *ret)
{
	const struct group *gr;
	uint64_t v;

	if (text_u64(span_of(name), 0, UINT32_MAX, &v) == 0) {
		*ret = (uint32_t)v;
		return true;
	}
	gr = getgrnam(name);
	if (gr)
		*ret = gr->gr_gid;
	return gr != NULL;
}

/* Names that nobody has give nothing: an unknown name must not keep the gateway from starting. */
static uint32_t *resolve(
	const struct config_list *names, bool (*one)(const char *, uint32_t *), size_t *ret_n)
{
	uint32_t *ids = calloc(names->n + 1, sizeof(*ids));

	must(ids);
	*ret_n = 0;
	for (size_t i = 0; i < names->n; i++)
		*ret_n += one(names->v[i], &ids[*ret_n]);
	return ids;
}

static void add_grant(struct roles *r, const struct config_role *row)
{
	struct grant *g = &r->grant[r->n++];

	*g = (struct grant){
		.role = row->role, .labels = row->labels, .in_container = row->in_container};
	g->uids = resolve(&row->users, user_id, &g->n_uids);
	g->gids = resolve(&row->groups, group_id, &g->n_gids);
}

/* Whoever made the socket started the daemon: root, or a user who runs it for himself. Never the user
 * that the gateway has become, for others may be that user too. */
static uid_t starter(const struct config *c)
{
	struct stat st;

	return c->socket && lstat(c->socket, &st) == 0 ? st.st_uid : 0;
}

int roles_new(struct roles **ret, const struct config *c)
{
	const char *root[] = {"0", NULL, NULL}, *group[] = {c->group, NULL};
	struct config_role admin = {.role = ROLE_ADMIN, .users = {root, 2}};
	struct config_role viewer = {.role = ROLE_VIEWER, .groups = {group, 1}};
	struct roles *r = calloc(1, sizeof(*r));
	char owner[16];

	must(r);
	r->grant = calloc(c->n_roles + 2, sizeof(*r->grant));
	must(r->grant);
	snprintf(owner, sizeof(owner), "%u", (unsigned)starter(c));
	root[1] = owner;
	add_grant(r, &admin);
	if (c->n_roles == 0 && c->group)
		add_grant(r, &viewer);
	for (size_t i = 0; i < c->n_roles; i++)
		add_grant(r, &c->roles[i]);
	*ret = r;
	return 0;
}

void roles_free(struct roles *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->grant[i].uids);
		free(r->grant[i].gids);
	}
	free(r->grant);
	free(r);
}

static bool has(const uint32_t *ids, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

static bool is_granted(const struct grant *g, const struct who *w)
{
	if (has(g->uids, g->n_uids, w->uid) || has(g->gids, g->n_gids, w->gid))
		return true;
	for (size_t i = 0; i < w->n_gids; i++) {
		if (has(g->gids, g->n_gids, w->gids[i]))
			return true;
	}
	return false;
}

/* "key=glob"; a label's value may have slashes, so its star does not stop at them. */
static bool label_fits(const char *want, const struct target *t)
{
	const char *eq = strchr(want, '=');
	size_t n = eq ? (size_t)(eq - want) : strlen(want);
	struct rd at = rd_of(t->labels);
	struct pair p;

	while (target_next_pair(&at, &p)) {
		if (span_eq(p.key, span_make(want, n)))
			return !eq || glob_match(span_of(eq + 1), p.value);
	}
	return false;
}

static bool labels_fit(const struct grant *g, const struct target *t)
{
	for (size_t i = 0; i < g->labels.n; i++) {
		if (!label_fits(g->labels.v[i], t))
			return false;
	}
	return true;
}

static enum role given(const struct grant *g, const struct who *w)
{
	if (!is_granted(g, w))
		return ROLE_NONE;
	return w->in_container && !g->in_container && g->role > ROLE_VIEWER ? ROLE_VIEWER : g->role;
}

static enum role higher(enum role a, enum role b)
{
	return a > b ? a : b;
}

const char *role_name(enum role r)
{
	static const char *const names[] = {
		[ROLE_NONE] = "none",
		[ROLE_VIEWER] = "viewer",
		[ROLE_OPERATOR] = "operator",
		[ROLE_ADMIN] = "admin",
	};

	return names[r];
}

enum role roles_on(const struct roles *r, const struct who *w, const struct target *t)
{
	enum role best = ROLE_NONE;

	for (size_t i = 0; i < r->n; i++) {
		if (labels_fit(&r->grant[i], t))
			best = higher(best, given(&r->grant[i], w));
	}
	return best;
}

enum role roles_any(const struct roles *r, const struct who *w)
{
	enum role best = ROLE_NONE;

	for (size_t i = 0; i < r->n; i++)
		best = higher(best, given(&r->grant[i], w));
	return best;
}

enum role roles_everywhere(const struct roles *r, const struct who *w)
{
	enum role best = ROLE_NONE;

	for (size_t i = 0; i < r->n; i++) {
		if (r->grant[i].labels.n == 0)
			best = higher(best, given(&r->grant[i], w));
	}
	return best;
}
