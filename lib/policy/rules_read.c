/*
 * From nodes to rules, by tables of keys. Whatever is wrong is told and reading goes on, so that one
 * run shows all of it; a set with a mistake is never used.
 */
#include "policy/rules_reading.h"
#include "base/clock.h"
#include "base/glob.h"
#include "base/text.h"

enum {
	TEXT_MOST = 1024,
	LIST_MOST = 4096,
	LABELS_MOST = 64,
	RAISE_MOST = SEV_N - 1,
	HOLD_NAME = 256
};
enum { GLOB_ANY, GLOB_PATH };

/* ---- values ---- */

static bool is_text(struct reading *r, const struct node *n, const char *key)
{
	if (n->kind != NODE_TEXT || node_is_null(n))
		making_refuse(r->m, n, "%s: a text belongs here", key);
	else if (memchr(n->text.p, 0, n->text.n))
		making_refuse(r->m, n, "%s: a NUL byte", key);
	else if (n->text.n > TEXT_MOST)
		making_refuse(r->m, n, "%s: longer than %d bytes", key, TEXT_MOST);
	else
		return true;
	return false;
}

void reading_text(struct reading *r, const struct node *n, const struct key *k)
{
	struct span *to = reading_member(r, k);

	if (!is_text(r, n, k->name))
		return;
	if (!n->text.n)
		making_refuse(r->m, n, "%s: empty", k->name);
	*to = arena_dup(&r->m->set->mem, n->text);
}

static bool read_bool(struct reading *r, const struct node *n, const char *key)
{
	bool yes = n->kind == NODE_TEXT && n->plain && span_is(n->text, "true");

	if (!yes && !(n->kind == NODE_TEXT && n->plain && span_is(n->text, "false")))
		making_refuse(r->m, n, "%s: true or false belongs here", key);
	return yes;
}

static void refuse_of(
	struct reading *r, const struct node *n, const struct key *k, const char *first)
{
	BUF struct buf all = {0}, word = {0};

	buf_add_text(&all, first);
	for (int i = 0; i < k->n_words; i++)
		buf_printf(&all, "%s%s", i || *first ? ", " : "", k->words[i].name);
	text_quote(&word, span_make(n->text.p, n->text.n < 80 ? n->text.n : 80), false);
	making_refuse(
		r->m, n, "%s: %s is not one of: %s", k->name, buf_text(&word), buf_text(&all));
}

void reading_refuse_word(struct reading *r, const struct node *n, const struct key *k)
{
	refuse_of(r, n, k, "");
}

/* One text or a list of them: `fn` for each. */
void reading_each(struct reading *r, const struct node *n, const struct key *k,
	void (*fn)(struct reading *r, const struct node *n, const struct key *k, void *to),
	void *to)
{
	if (n->kind == NODE_MAP) {
		making_refuse(r->m, n, "%s: a text or a list of texts belongs here", k->name);
	} else if (n->kind == NODE_TEXT) {
		if (is_text(r, n, k->name))
			fn(r, n, k, to);
	} else if (!n->n) {
		making_refuse(r->m, n, "%s: an empty list matches nothing", k->name);
	} else if (n->n > LIST_MOST) {
		making_refuse(r->m, n, "%s: more than %d entries", k->name, LIST_MOST);
	} else {
		for (const struct node *c = n->child; c; c = c->next)
			if (is_text(r, c, k->name))
				fn(r, c, k, to);
	}
}

static const char *path_flaw(struct span glob)
{
	if (!glob.n)
		return "empty";
	if (glob.p[0] != '/' && !span_starts(glob, span_of("**")))
		return "a path begins with / or with **";
	if (glob.n > 1 && glob.p[glob.n - 1] == '/')
		return "ends with a slash: no path does";
	return NULL;
}

static void check_glob(struct reading *r, const struct node *n, const char *key, bool path)
{
	const char *flaw = path ? path_flaw(n->text) : n->text.n ? NULL : "empty";

	if (flaw)
		making_refuse(r->m, n, "%s: %s", key, flaw);
	else if (glob_check(n->text) < 0)
		making_refuse(r->m, n, "%s: %s", key, err_why());
}

struct globs_to {
	struct span *v;
	size_t n;
};

static void add_glob(struct reading *r, const struct node *n, const struct key *k, void *to)
{
	struct globs_to *g = to;

	check_glob(r, n, k->name, k->how == GLOB_PATH);
	g->v[g->n++] = arena_dup(&r->m->set->mem, n->text);
}

static void read_globs(struct reading *r, const struct node *n, const struct key *k)
{
	struct rule_globs *to = reading_member(r, k);
	size_t most = n->kind == NODE_LIST && n->n <= LIST_MOST ? n->n : 1;
	struct globs_to g = {arena_alloc(&r->m->set->mem, (most + 1) * sizeof(*g.v)), 0};

	reading_each(r, n, k, add_glob, &g);
	*to = (struct rule_globs){g.v, g.n};
}

static void add_word(struct reading *r, const struct node *n, const struct key *k, void *to)
{
	int i = kind_find(k->words, k->n_words, n->text);

	if (i < 0)
		reading_refuse_word(r, n, k);
	else
		*(uint32_t *)to |= 1u << i;
}

static void read_words(struct reading *r, const struct node *n, const struct key *k)
{
	reading_each(r, n, k, add_word, reading_member(r, k));
	r->by_change = true;
}

/* Whose growth is meant; that is no selector of changes. */
static void read_origins(struct reading *r, const struct node *n, const struct key *k)
{
	reading_each(r, n, k, add_word, reading_member(r, k));
}

static void read_exe(struct reading *r, const struct node *n, const struct key *k)
{
	read_globs(r, n, k);
	r->by_change = true;
}

static void read_fact(struct reading *r, const struct node *n, const struct key *k)
{
	*(int8_t *)reading_member(r, k) = read_bool(r, n, k->name);
	r->by_change = true;
}

static void read_labels(struct reading *r, const struct node *n, const struct key *k)
{
	struct rule_label *v;
	size_t i = 0;

	if (n->kind != NODE_MAP || !n->n || n->n > LABELS_MOST) {
		making_refuse(r->m, n, "%s: a mapping of 1 to %d labels to globs belongs here",
			k->name, LABELS_MOST);
		return;
	}
	v = arena_alloc(&r->m->set->mem, n->n * sizeof(*v));
	for (const struct node *c = n->child; c; c = c->next) {
		if (!is_text(r, c, k->name))
			continue;
		check_glob(r, c, k->name, false);
		v[i++] = (struct rule_label){arena_dup(&r->m->set->mem, c->key->text),
			arena_dup(&r->m->set->mem, c->text)};
	}
	r->rule->labels = v;
	r->rule->n_labels = i;
}

/* ---- what a rule gives ---- */

void reading_gives(struct reading *r, enum rule_prop prop)
{
	r->rule->gives |= 1u << prop;
}

static void read_severity(struct reading *r, const struct node *n, const struct key *k)
{
	int i = n->kind == NODE_TEXT ? kind_find(k->words, k->n_words, n->text) : -1;

	if (i < 0)
		reading_refuse_word(r, n, k);
	r->rule->severity = i < 0 ? SEV_INFO : (enum severity)i;
	reading_gives(r, RULE_SEVERITY);
}

static void read_raise(struct reading *r, const struct node *n, const struct key *k)
{
	struct span digits = n->text;
	bool minus = digits.n && digits.p[0] == '-';
	uint64_t v = 0;

	if (minus || (digits.n && digits.p[0] == '+'))
		digits = span_make(digits.p + 1, digits.n - 1);
	if (n->kind != NODE_TEXT || text_u64(digits, 0, RAISE_MOST, &v) < 0)
		making_refuse(r->m, n, "%s: a number from -%d to %d belongs here", k->name,
			RAISE_MOST, RAISE_MOST);
	r->rule->raise = (int8_t)(minus ? -(int)v : (int)v);
	reading_gives(r, RULE_RAISE);
}

static void read_flag(struct reading *r, const struct node *n, const struct key *k)
{
	*(bool *)reading_member(r, k) = read_bool(r, n, k->name);
	reading_gives(r, (enum rule_prop)k->how);
}

static const struct key grow_keys[] = {
	{"origin", read_origins, offsetof(struct rule, grown_by), 0, origin_kinds, ORIGIN_N},
};

/* true, or by whom. */
static void read_growing(struct reading *r, const struct node *n, const struct key *k)
{
	struct rule *rule = r->rule;

	reading_gives(r, RULE_GROWING);
	rule->growing = true;
	if (n->kind == NODE_MAP)
		reading_map(r, n, "growing", grow_keys, COUNTOF(grow_keys));
	else
		rule->growing = read_bool(r, n, k->name);
	if (!rule->grown_by)
		rule->grown_by = GROWN_BY_DEFAULT;
}

/* Groups of aspects by what people mean. */
static const struct {
	const char *name;
	uint32_t aspects;
} groups[] = {
	{"all", (1u << ASPECT_N) - 1},
	{"data", 1u << ASPECT_CONTENT | 1u << ASPECT_TYPE | 1u << ASPECT_LINK},
	{"rights", 1u << ASPECT_MODE | 1u << ASPECT_OWNER | 1u << ASPECT_CAPS | 1u << ASPECT_XATTR},
	{"meta", 1u << ASPECT_MODE | 1u << ASPECT_OWNER | 1u << ASPECT_CAPS | 1u << ASPECT_XATTR |
			 1u << ASPECT_FLAGS | 1u << ASPECT_MTIME},
};

static void refuse_word_or_group(struct reading *r, const struct node *n, const struct key *k)
{
	BUF struct buf names = {0};

	for (size_t i = 0; i < COUNTOF(groups); i++)
		buf_printf(&names, "%s%s", i ? ", " : "", groups[i].name);
	refuse_of(r, n, k, buf_text(&names));
}

static void add_watch(struct reading *r, const struct node *n, const struct key *k, void *to)
{
	for (size_t i = 0; i < COUNTOF(groups); i++)
		if (span_is(n->text, groups[i].name)) {
			*(uint32_t *)to |= groups[i].aspects;
			return;
		}
	if (kind_find(k->words, k->n_words, n->text) < 0)
		refuse_word_or_group(r, n, k);
	else
		add_word(r, n, k, to);
}

static void read_watch(struct reading *r, const struct node *n, const struct key *k)
{
	reading_each(r, n, k, add_watch, &r->rule->watch);
	reading_gives(r, RULE_WATCH);
}

static void read_expires(struct reading *r, const struct node *n, const struct key *k)
{
	/* A day, or a moment: a file is read again and again, so nothing that counts from now. */
	if (n->kind != NODE_TEXT || n->text.n < 10 || n->text.p[4] != '-' ||
		clock_parse(n->text, 0, &r->rule->expires) < 0)
		making_refuse(r->m, n, "%s: a day (2027-01-31) or a time (RFC 3339) belongs here",
			k->name);
}

/* ---- the tables ---- */

static const struct kind change_kinds[] = {{"A", "added"}, {"C", "changed"}, {"D", "deleted"}};

static const struct key expect_keys[] = {
	{"reason", reading_text, AT(reason), 0, NULL, 0},
	{"owner", reading_text, AT(owner), 0, NULL, 0},
	{"expires", read_expires, 0, 0, NULL, 0},
};

static void read_expect(struct reading *r, const struct node *n, const struct key *k)
{
	reading_gives(r, RULE_EXPECT);
	r->rule->expect = n->kind == NODE_MAP;
	if (n->kind != NODE_MAP) {
		if (n->kind != NODE_TEXT || !n->plain || !span_is(n->text, "false"))
			making_refuse(r->m, n,
				"%s: {reason: …, owner: …, expires: …}, or false, belongs here",
				k->name);
		return;
	}
	reading_map(r, n, "expect", expect_keys, COUNTOF(expect_keys));
}

static const struct key match_keys[] = {
	{"target", read_globs, AT(target), GLOB_ANY, NULL, 0},
	{"image", read_globs, AT(image), GLOB_ANY, NULL, 0},
	{"runtime", read_globs, AT(runtime), GLOB_ANY, NULL, 0},
	{"namespace", read_globs, AT(pod_namespace), GLOB_ANY, NULL, 0},
	{"labels", read_labels, 0, 0, NULL, 0},
	{"origin", read_words, AT(origins), 0, origin_kinds, ORIGIN_N},
	{"exe", read_exe, AT(exe), GLOB_PATH, NULL, 0},
	{"kinds", read_words, AT(kinds), 0, WORDS(change_kinds)},
	{"aspects", read_words, AT(aspects), 0, aspect_kinds, ASPECT_N},
	{"setuid", read_fact, AT(setuid), 0, NULL, 0},
	{"executable", read_fact, AT(executable), 0, NULL, 0},
	{"package", read_words, AT(packages), 0, package_state_kinds, PACKAGE_STATE_N},
};

static void read_match(struct reading *r, const struct node *n, const struct key *k)
{
	r->match = n;
	if (n->kind == NODE_MAP && !n->n)
		making_refuse(r->m, n, "%s: empty; leave it out when everything is meant", k->name);
	reading_map(r, n, "match", match_keys, COUNTOF(match_keys));
}

static const struct key rule_keys[] = {
	{"name", reading_text, AT(name), 0, NULL, 0},
	{"match", read_match, 0, 0, NULL, 0},
	{"paths", read_globs, AT(paths), GLOB_PATH, NULL, 0},
	{"reason", reading_text, AT(reason), 0, NULL, 0},
	{"owner", reading_text, AT(owner), 0, NULL, 0},
	{"severity", read_severity, 0, 0, severity_kinds, SEV_N},
	{"raise", read_raise, 0, 0, NULL, 0},
	{"expect", read_expect, 0, 0, NULL, 0},
	{"hold", reading_hold, 0, 0, NULL, 0},
	{"watch", read_watch, 0, 0, aspect_kinds, ASPECT_N},
	{"exclude", read_flag, AT(exclude), RULE_EXCLUDE, NULL, 0},
	{"growing", read_growing, 0, 0, NULL, 0},
	{"withhold", read_flag, AT(withhold), RULE_WITHHOLD, NULL, 0},
};

static void refuse_key(struct reading *r, const struct node *n, const char *what,
	const struct key *keys, size_t n_keys)
{
	BUF struct buf all = {0}, word = {0};

	for (size_t i = 0; i < n_keys; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", keys[i].name);
	text_quote(
		&word, span_make(n->key->text.p, n->key->text.n < 80 ? n->key->text.n : 80), false);
	making_refuse(
		r->m, n->key, "unknown key %s, %s has: %s", buf_text(&word), what, buf_text(&all));
}

void reading_map(struct reading *r, const struct node *map, const char *what,
	const struct key *keys, size_t n_keys)
{
	uint32_t seen = 0;

	if (map->kind != NODE_MAP) {
		making_refuse(r->m, map, "%s: a mapping belongs here", what);
		return;
	}
	for (const struct node *n = map->child; n; n = n->next) {
		size_t i = 0;

		while (i < n_keys && !span_is(n->key->text, keys[i].name))
			i++;
		if (i == n_keys)
			refuse_key(r, n, what, keys, n_keys);
		else if (seen & 1u << i)
			making_refuse(r->m, n->key, "%s: is there twice", keys[i].name);
		else
			keys[i].read(r, n, &keys[i]);
		seen |= i < n_keys ? 1u << i : 0;
	}
}

/* ---- one rule ---- */

static void check_rule(struct reading *r, const struct node *n)
{
	const struct rule *rule = r->rule;

	if (!rule->name.n)
		making_refuse(r->m, n, "the rule has no name");
	if (!rule->gives)
		making_refuse(r->m, n,
			"the rule says nothing: severity, raise, expect, hold, watch, exclude, "
			"growing or withhold");
	if (rule->expect && !rule->reason.n)
		making_refuse(r->m, n,
			"expect: without a reason nobody knows later whether it still holds");
	if (rule->hold && !rule->reason.n)
		making_refuse(
			r->m, n, "hold: without a reason nobody knows what the window is for");
	if (rule->hold && rule->name.n > HOLD_NAME)
		making_refuse(r->m, n, "hold: a window's name has %d bytes at most", HOLD_NAME);
	if (!rule->paths.n && !r->match)
		making_refuse(r->m, n,
			"the rule matches everything: say so with paths: \"/**\", or say what");
	if (r->by_change && rule->gives & ((1u << RULE_PATH_PROPS) - 1))
		making_refuse(r->m, r->match ? r->match : n,
			"watch, exclude, growing and withhold hold before there is a change: they go by "
			"target and paths alone, so origin, exe, kinds, aspects, setuid, executable and "
			"package need a rule of their own");
}

static void read_rule(struct making *m, const struct node *n)
{
	struct reading r = {.m = m};

	if (n->kind != NODE_MAP) {
		making_refuse(m, n, "a rule is a mapping: name, paths, and what it gives");
		return;
	}
	r.rule = making_add(m);
	r.rule->file = m->file;
	r.rule->line = n->line;
	r.rule->col = n->col;
	reading_map(&r, n, "a rule", rule_keys, COUNTOF(rule_keys));
	check_rule(&r, n);
}

void rules_read(struct making *m, const struct node *root)
{
	const struct node *list = root ? node_get(root, "rules") : NULL;

	if (!root || node_is_null(root))
		return;
	if (root->kind != NODE_MAP) {
		making_refuse(m, root, "a file of rules is a mapping with the key rules");
		return;
	}
	for (const struct node *n = root->child; n; n = n->next)
		if (n != list)
			making_refuse(m, n->key, "%s, a file of rules has: rules",
				span_is(n->key->text, "rules") ? "rules: is there twice"
							       : "unknown key");
	if (!list || node_is_null(list))
		return;
	if (list->kind != NODE_LIST) {
		making_refuse(m, list, "rules: a list belongs here");
		return;
	}
	for (const struct node *n = list->child; n; n = n->next) {
		if (m->n == RULES_MAX) {
			making_refuse(m, n, "more than %d rules", RULES_MAX);
			return;
		}
		read_rule(m, n);
	}
}
