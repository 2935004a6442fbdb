/*
 * JSON for a Wazuh <localfile> of log_format json. A change of a file is an object `syscheck` with
 * the members that Wazuh's own file integrity alerts have, texts where those are texts, so that
 * rules and dashboards written for them read ours; everything else is below `boltseal`.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "wire/tree.h"

static const char *const keep[] = {"timestamp", "boltseal.id", "boltseal.seq", "boltseal.prev",
	"boltseal.type", "boltseal.schema", "boltseal.event", "boltseal.severity", "boltseal.level",
	"boltseal.host", "boltseal.path", "boltseal.path_b64", "boltseal.truncated",
	"syscheck.path", "syscheck.event", "syscheck.mode", NULL};

/* What an aspect is called among Wazuh's changed_attributes; NULL: it has no name for it. */
static const char *const attributes[ASPECT_N] = {[ASPECT_MODE] = "permission",
	[ASPECT_MTIME] = "mtime",
	[ASPECT_CONTENT] = "sha256",
	[ASPECT_FLAGS] = "attributes",
	[ASPECT_LINK] = "symbolic_path"};

static bool differs(const struct facts *f, const char *member)
{
	BUF struct buf old = {.p = NULL}, now = {.p = NULL};
	const struct jnode *a, *b;

	buf_printf(&old, "change.old.%s", member);
	buf_printf(&now, "change.new.%s", member);
	a = jnode_at(f->root, buf_text(&old));
	b = jnode_at(f->root, buf_text(&now));
	return a && b && !jnode_eq(a, b);
}

static void add_changed(const struct facts *f, struct jnode *doc)
{
	static const char *const plain[] = {"size", "uid", "gid"};
	const struct jnode *aspects = jnode_at(f->root, "change.aspects");
	struct jnode *list = jnode_list(doc->mem);

	for (size_t i = 0; i < COUNTOF(plain); i++) {
		if (differs(f, plain[i]))
			jnode_append(list, jnode_string(doc->mem, span_of(plain[i])));
	}
	for (const struct jnode *v = jnode_is_list(aspects) ? jnode_first(aspects) : NULL; v;
		v = v->next) {
		int a = jnode_is_text(v) ? kind_find(aspect_kinds, ASPECT_N, jnode_text(v)) : -1;

		if (a >= 0 && attributes[a])
			jnode_append(list, jnode_string(doc->mem, span_of(attributes[a])));
	}
	if (jnode_size(list) > 0)
		tree_set(doc, "syscheck.changed_attributes", list);
}

/* "0644" -> "rw-r--r--", the special bits as ls has them. */
static bool mode_words(struct span mode, char words[10])
{
	unsigned m = 0;

	if (mode.n != 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (mode.p[i] < '0' || mode.p[i] > '7')
			return false;
		m = m << 3 | (unsigned)(mode.p[i] - '0');
	}
	for (unsigned i = 0; i < 9; i++)
		words[i] = m & 0400u >> i ? "rwx"[i % 3] : '-';
	words[9] = 0;
	for (unsigned i = 0; i < 3; i++) {
		char *x = &words[3 * i + 2];

		if (m & 04000u >> i)
			*x = *x == '-' ? (i == 2 ? 'T' : 'S') : (i == 2 ? 't' : 's');
	}
	return true;
}

/* Places in a record, and what Wazuh calls them before _before and _after. */
static const struct {
	const char *member, *name;
	enum how how;
} parts[] = {{"size", "size", HOW_WORD}, {"uid", "uid", HOW_WORD}, {"gid", "gid", HOW_WORD},
	{"sha256", "sha256", HOW_PLAIN}, {"mtime", "mtime", HOW_PLAIN},
	{"link", "symbolic_path", HOW_PLAIN}};

static void add_record(
	const struct facts *f, const char *which, const char *suffix, struct jnode *doc)
{
	BUF struct buf scratch = {.p = NULL}, place = {.p = NULL}, name = {.p = NULL};
	struct value v;
	char words[10];

	for (size_t i = 0; i < COUNTOF(parts); i++) {
		buf_reset(&place);
		buf_reset(&name);
		buf_printf(&place, "change.%s.%s", which, parts[i].member);
		buf_printf(&name, "syscheck.%s_%s", parts[i].name, suffix);
		if (!facts_value(f, buf_text(&place), parts[i].how, &scratch, &v))
			continue;
		/* Wazuh's times have neither fraction nor zone. */
		if (strcmp(parts[i].member, "mtime") == 0)
			v.text = facts_cut(v.text, 19);
		tree_text(doc, buf_text(&name), v.text);
	}
	buf_reset(&place);
	buf_printf(&place, "change.%s.mode", which);
	buf_reset(&name);
	buf_printf(&name, "syscheck.perm_%s", suffix);
	if (mode_words(facts_text(f, buf_text(&place)), words))
		tree_text(doc, buf_text(&name), span_of(words));
}

static void audit_word(const struct facts *f, const char *from, const char *to, struct jnode *doc)
{
	BUF struct buf scratch = {.p = NULL};
	struct value v;

	if (facts_value(f, from, HOW_WORD, &scratch, &v))
		tree_text(doc, to, v.text);
}

static void add_audit(const struct facts *f, struct jnode *doc)
{
	const struct jnode *parent = jnode_first(jnode_at(f->root, "actor.ancestry"));
	const struct jnode *ppid = jnode_at(parent, "pid");
	BUF struct buf word = {.p = NULL};

	audit_word(f, "actor.uid", "syscheck.audit.user.id", doc);
	audit_word(f, "actor.uid", "syscheck.audit.effective_user.id", doc);
	audit_word(f, "actor.gid", "syscheck.audit.group.id", doc);
	audit_word(f, "actor.login_uid", "syscheck.audit.login_user.id", doc);
	audit_word(f, "actor.pid", "syscheck.audit.process.id", doc);
	tree_copy(doc, "syscheck.audit.process.name", jnode_at(f->root, "actor.exe"));
	tree_copy(doc, "syscheck.audit.process.cwd", jnode_at(f->root, "actor.cwd"));
	tree_copy(doc, "syscheck.audit.process.parent_name", jnode_at(parent, "exe"));
	if (jnode_is_int(ppid)) {
		buf_printf(&word, "%lld", (long long)jnode_number(ppid));
		tree_text(doc, "syscheck.audit.process.ppid", buf_span(&word));
	}
}

/* What happened to the file; when drift is cleared the kind says what it was before. */
static const char *event_of(const struct facts *f)
{
	struct span kind = facts_text(f, "change.kind");
	bool cleared = f->shape->type == EVENT_CHANGE_CLEARED;

	if (span_is(kind, "A"))
		return cleared ? "deleted" : "added";
	if (span_is(kind, "D"))
		return cleared ? "added" : "deleted";
	return "modified";
}

static void add_syscheck(const struct facts *f, struct jnode *doc)
{
	const struct jnode *path = jnode_at(f->root, "change.path");

	if (!jnode_is_text(path))
		return;
	tree_copy(doc, "syscheck.path", path);
	tree_text(doc, "syscheck.event", span_of(event_of(f)));
	tree_text(doc, "syscheck.mode",
		span_of(jnode_at(f->root, "actor.pid") ? "whodata" : "realtime"));
	add_changed(f, doc);
	add_record(f, "old", "before", doc);
	add_record(f, "new", "after", doc);
	add_audit(f, doc);
}

/* As they are, below `boltseal`. */
static const char *const rest[] = {"id", "seq", "prev", "schema", "type", "severity", "host",
	"actor", "rule", "gap", "session", "run", "flood", "repeats", "hold", "heartbeat",
	"checkpoint", "generation", "drift_id", "root", "reason", "uid", "detail", "layer",
	"layer_b64", "targets"};
static const char *const target_rest[] = {
	"id", "name", "kind", "runtime", "image", "image_digest", "pod"};
static const char *const change_rest[] = {"path_b64", "aspects", "from", "from_b64", "mount",
	"host_path", "host_path_b64", "unsettled"};

static void copy_all(const struct jnode *from, const char *prefix, const char *const *names,
	size_t n, struct jnode *doc)
{
	for (size_t i = 0; i < n; i++) {
		BUF struct buf place = {.p = NULL};

		buf_printf(&place, "%s%s", prefix, names[i]);
		tree_copy(doc, buf_text(&place), jnode_at(from, names[i]));
	}
}

int format_wazuh(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max, .mark = "boltseal.truncated", .keep = keep};
	struct jnode *doc = jnode_object(f->root->mem);
	BUF struct buf said = {.p = NULL};

	facts_say(f, &said);
	tree_copy(doc, "timestamp", jnode_at(f->root, "time"));
	tree_text(doc, "boltseal.event", span_of(f->shape->id));
	tree_text(doc, "boltseal.message", buf_span(&said));
	tree_text(doc, "boltseal.version", span_of(o->version));
	copy_all(f->root, "boltseal.", rest, COUNTOF(rest), doc);
	copy_all(jnode_at(f->root, "target"), "boltseal.target.", target_rest, COUNTOF(target_rest),
		doc);
	copy_all(jnode_at(f->root, "change"), "boltseal.", change_rest, COUNTOF(change_rest), doc);
	add_syscheck(f, doc);
	tree_write(doc, &cut, out);
	return 0;
}
