/* Files and directories, their order, and what is told of their mistakes. */
#include "policy/rules_own.h"
#include "base/fd.h"
#include "base/text.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOLD_MOST = 100, BYTES_MOST = 16 << 20 };

const struct kind rule_prop_kinds[RULE_PROP_N] = {
#define X_RULE_PROP(id, n, s) {n, s},
	RULE_PROPS(X_RULE_PROP)
#undef X_RULE_PROP
};

struct rules *rules_ref(struct rules *r)
{
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void rules_unref(struct rules *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	arena_free(&r->mem);
	buf_free(&r->source);
	free(r);
}

/* ---- telling ---- */

static void tell(const struct rules_hear *hear, const struct rules_finding *f)
{
	if (hear && hear->fn)
		hear->fn(hear->ctx, f);
}

void making_refuse_at(struct making *m, unsigned line, unsigned col, const char *text)
{
	const char *file = m->file.n ? (const char *)m->file.p : "";
	struct rules_finding f = {file, line, col, true, text};

	if (!m->errors++)
		buf_printf(&m->first, "%s:%u:%u: %s", file, line, col, text);
	if (++m->told == TOLD_MOST)
		f.text = "and more; the rest of the file's mistakes is not told";
	if (m->told <= TOLD_MOST)
		tell(m->hear, &f);
}

struct rule *making_add(struct making *m)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->rule = reallocarray(m->rule, m->cap, sizeof(*m->rule));
		must(m->rule);
	}
	m->rule[m->n] = (struct rule){.no = (unsigned)m->n, .setuid = -1, .executable = -1};
	return &m->rule[m->n++];
}

void making_refuse(struct making *m, const struct node *at, const char *fmt, ...)
{
	BUF struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	making_refuse_at(m, at->line, at->col, buf_text(&text));
}

void rules_warn(const struct rules_hear *hear, const struct rule *r, const char *fmt, ...)
{
	BUF struct buf text = {0};
	struct rules_finding f = {(const char *)r->file.p, r->line, r->col, false, NULL};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	f.text = buf_text(&text);
	tell(hear, &f);
}

/* ---- a set ---- */

struct gather {
	struct making m;
	size_t bytes;
};

static void gather_fini(struct gather *g)
{
	buf_free(&g->m.first);
	free(g->m.rule);
	rules_unref(g->m.set);
}
#define GATHER CLEANUP(gather_fini)

static void gather_begin(struct gather *g, const struct rules_hear *hear)
{
	g->m.set = calloc(1, sizeof(*g->m.set));
	must(g->m.set);
	atomic_init(&g->m.set->refs, 1);
	g->m.hear = hear;
}

/* The sentence has its place in front; a reader of findings wants it apart. */
static void refuse_sentence(struct making *m, const char *why)
{
	unsigned line = 1, col = 1;
	int at = 0;

	if (strncmp(why, (const char *)m->file.p, m->file.n) == 0 && why[m->file.n] == ':' &&
		sscanf(why + m->file.n + 1, "%u:%u: %n", &line, &col, &at) == 2 && at)
		why += m->file.n + 1 + (size_t)at;
	making_refuse_at(m, line, col, why);
}

static void begin_file(struct gather *g, struct span path)
{
	g->m.file = arena_dup(&g->m.set->mem, path);
	g->m.told = 0;
}

static void add_text(struct gather *g, struct span path, struct span text)
{
	ARENA struct arena nodes = {0};
	struct node *root = NULL;

	begin_file(g, path);
	buf_bytes(&g->m.set->source, path);
	buf_bytes(&g->m.set->source, text);
	g->m.set->n_files++;
	if (node_read(&nodes, (const char *)g->m.file.p, text, &root) < 0)
		refuse_sentence(&g->m, err_why());
	else
		rules_read(&g->m, root);
}

static void add_file(struct gather *g, const char *path)
{
	BUF struct buf text = {0};
	int r;

	if (g->m.set->n_files == RULES_FILES_MAX || g->bytes > BYTES_MOST) {
		begin_file(g, span_of(path));
		making_refuse_at(&g->m, 1, 1,
			g->bytes > BYTES_MOST ? "more than 16 MiB of rules"
					      : "more than 1024 files of rules");
		return;
	}
	r = fd_read_file(AT_FDCWD, path, YAML_TEXT_MAX, &text);
	if (r < 0) {
		const char *why = r == -EFBIG ? "larger than 1 MiB" : err_why();
		size_t n = strlen(path);

		begin_file(g, span_of(path));
		if (strncmp(why, path, n) == 0 && why[n] == ':' && why[n + 1] == ' ')
			why += n + 2;
		making_refuse_at(&g->m, 1, 1, why);
		return;
	}
	g->bytes += text.n;
	add_text(g, span_of(path), buf_span(&text));
}

static int is_rules(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_dir(struct gather *g, const char *path)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, is_rules, by_bytes);

	if (n < 0) {
		begin_file(g, span_of(path));
		err_sys("the directory cannot be read");
		making_refuse_at(&g->m, 1, 1, err_why());
	}
	for (int i = 0; i < n; i++) {
		BUF struct buf file = {0};

		buf_printf(&file, "%s/%s", path, list[i]->d_name);
		if (i <= RULES_FILES_MAX)
			add_file(g, buf_text(&file));
		free(list[i]);
	}
	free(list);
}

static const struct rule *holding(const struct rule *rule, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (rule[i].hold && span_eq(rule[i].name, name))
			return &rule[i];
	return NULL;
}

/* A window is opened, told and closed by its name. */
static void check_windows(struct making *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n && n <= RULES_HOLDS_MAX; i++) {
		const struct rule *r = &m->rule[i], *first;
		BUF struct buf text = {0};

		if (!r->hold)
			continue;
		m->file = r->file;
		first = holding(m->rule, i, r->name);
		if (first)
			buf_printf(&text, "hold: the name %s is taken by the window of %s:%u",
				(const char *)r->name.p, (const char *)first->file.p, first->line);
		if (++n > RULES_HOLDS_MAX)
			buf_printf(&text, "hold: more than %d windows", RULES_HOLDS_MAX);
		if (text.n)
			making_refuse_at(m, r->line, r->col, buf_text(&text));
	}
}

const struct rule *rules_holding(const struct rules *r, struct span name)
{
	return holding(r->rule, r->n, name);
}

static int finish(struct gather *g, struct rules **ret)
{
	struct rules *set = g->m.set;
	struct rule *rule;

	check_windows(&g->m);
	if (g->m.errors && (!g->m.hear || !g->m.hear->lint_at))
		return err_set(-EINVAL, "%s", buf_text(&g->m.first));
	rule = arena_alloc(&set->mem, (g->m.n + 1) * sizeof(*rule));
	if (g->m.n)
		memcpy(rule, g->m.rule, g->m.n * sizeof(*rule));
	set->rule = rule;
	set->n = g->m.n;
	if (g->m.errors) {
		rules_lint_names(set, g->m.hear->lint_at, g->m.hear);
		return err_set(-EINVAL, "%s", buf_text(&g->m.first));
	}
	*ret = take(g->m.set);
	return 0;
}

int rules_load(
	struct rules **ret, const char *const *paths, size_t n, const struct rules_hear *hear)
{
	GATHER struct gather g = {0};
	struct stat st;

	*ret = NULL;
	gather_begin(&g, hear);
	for (size_t i = 0; i < n; i++) {
		if (stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			add_dir(&g, paths[i]);
		else
			add_file(&g, paths[i]);
	}
	return finish(&g, ret);
}

int rules_parse(
	struct rules **ret, const char *file, struct span text, const struct rules_hear *hear)
{
	GATHER struct gather g = {0};

	*ret = NULL;
	gather_begin(&g, hear);
	add_text(&g, span_of(file), text);
	return finish(&g, ret);
}

int64_t rules_next_expiry(const struct rules *r, int64_t now)
{
	int64_t next = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->rule[i].expires > now && (!next || r->rule[i].expires < next))
			next = r->rule[i].expires;
	return next;
}
