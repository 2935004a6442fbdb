/* Defaults first, then what the file says, then what must hold between options. */
#include "daemon/config.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/config_schema.h"
#include <fcntl.h>
#include <unistd.h>

void config_free(struct config *c)
{
	if (!c)
		return;
	arena_free(&c->mem);
	free(c);
}

static int check_store(
	const struct config *c, const struct config_source *src, const struct node *root)
{
	const struct node *store = node_get(root, "store"), *at = node_get(store, "map_limit");

	if (c->map_size <= c->map_limit)
		return 0;
	return config_refuse(src, at ? at : node_get(store, "map_size"),
		"store.map_limit: smaller than store.map_size");
}

/* A tree is named by its path where it has no name; two of one name could not be told apart. */
static int check_host(struct config *c, const struct config_source *src, const struct node *root)
{
	const struct node *list = node_get(root, "host"), *n = list ? list->child : NULL;

	for (size_t i = 0; i < c->n_host; i++, n = n->next) {
		struct config_host_tree *t = &c->host[i];

		if (!t->name[0])
			t->name = t->path;
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->host[j].name, t->name) == 0)
				return config_refuse(
					src, n, "host[].name: %s is given twice", t->name);
	}
	return 0;
}

static int check_roles(
	const struct config *c, const struct config_source *src, const struct node *root)
{
	const struct node *list = node_get(root, "roles"), *n = list ? list->child : NULL;

	for (size_t i = 0; n && i < c->n_roles; i++, n = n->next)
		if (!c->roles[i].users.n && !c->roles[i].groups.n)
			return config_refuse(
				src, n, "roles[]: neither users nor groups: nobody has it");
	return 0;
}

static int read_into(struct config *c, const char *file, struct span text)
{
	struct config_source src = {file, &c->mem};
	ARENA struct arena tmp = {0};
	struct node *root;
	int r;

	config_set_defaults(&c->mem, "", c);
	r = node_read(&tmp, file, text, &root);
	if (r < 0 || !root || node_is_null(root))
		return r;
	if (root->kind != NODE_MAP)
		return config_refuse(&src, root, "a list or text where a mapping belongs");
	if ((r = config_set_map(&src, root, span_of(""), c)) < 0)
		return r;
	if ((r = check_store(c, &src, root)) < 0 || (r = check_host(c, &src, root)) < 0)
		return r;
	if ((r = check_roles(c, &src, root)) < 0)
		return r;
	return config_check_sinks(c, &src, root);
}

int config_parse(struct config **ret, const char *file, struct span text)
{
	CONFIG struct config *c = calloc(1, sizeof(*c));
	int r;

	*ret = NULL;
	if (!c)
		return err_set(-ENOMEM, "out of memory");
	if ((r = read_into(c, file, text)) < 0)
		return r;
	*ret = take(c);
	return 0;
}

int config_load(struct config **ret, const char *file, bool must_exist)
{
	BUF struct buf text = {0};
	int r;

	*ret = NULL;
	if (!file || (!must_exist && access(file, F_OK) < 0 && errno == ENOENT))
		return config_parse(ret, "defaults", span_make(NULL, 0));
	r = fd_read_file(AT_FDCWD, file, YAML_TEXT_MAX, &text);
	if (r == -EFBIG)
		return err_set(r, "%s:1:1: larger than 1 MiB", file);
	if (r < 0)
		return err_wrap(r, "the configuration cannot be read");
	if ((r = config_parse(ret, file, buf_span(&text))) < 0)
		return r;
	(*ret)->file = (const char *)arena_dup(&(*ret)->mem, span_of(file)).p;
	return 0;
}
