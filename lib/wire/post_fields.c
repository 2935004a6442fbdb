/*
 * One table: where a fact stands in the event, and what OpenTelemetry's conventions, Splunk's CIM
 * (Endpoint.Filesystem) and our Loki metadata call it. A receiver that has no name for a fact does
 * not get it here; the formatted event has it anyway.
 */
#include "base/text.h"
#include "wire/post_parts.h"

enum from {
	VALUE,	   /* as it stands there */
	BASE,	   /* last part of a path */
	ACTION,	   /* of change.kind in words; of events without one, their type */
	IMAGE,	   /* name of an image reference, without its tag */
	TAG,	   /* its tag */
	CONTAINER, /* as it stands there, when the target is a container */
	CMDLINE	   /* a list is joined by blanks; left out when command lines are */
};
static const struct row {
	const char *at; /* members apart by '.' */
	enum from from;
	enum post_type type;
	const char *name[NAMES_N]; /* otel, cim, loki; NULL: none */
} rows[] = {
	{"id", VALUE, POST_TEXT, {"log.record.uid", "event_id", "id"}},
	{"seq", VALUE, POST_NUMBER, {"boltseal.seq", "event_seq", "seq"}},
	{"prev", VALUE, POST_TEXT, {"boltseal.prev", NULL, NULL}},
	{"type", VALUE, POST_TEXT, {"boltseal.type", NULL, NULL}},
	{"change.kind", ACTION, POST_TEXT, {"boltseal.action", "action", "action"}},
	{"change.aspects", VALUE, POST_LIST, {"boltseal.aspects", "change_aspects", NULL}},
	{"change.path", VALUE, POST_TEXT, {"file.path", "file_path", "path"}},
	{"change.path", BASE, POST_TEXT, {"file.name", "file_name", NULL}},
	{"change.host_path", VALUE, POST_TEXT, {"boltseal.host_path", NULL, NULL}},
	{"change.from", VALUE, POST_TEXT, {"boltseal.previous.path", "file_previous_path", NULL}},
	{"change.new.sha256", VALUE, POST_TEXT, {"file.hash.sha256", "file_hash", "sha256"}},
	{"change.new.mode", VALUE, POST_TEXT, {"file.mode", "file_acl", NULL}},
	{"change.new.size", VALUE, POST_NUMBER, {"file.size", "file_size", NULL}},
	{"change.new.uid", VALUE, POST_TEXT, {"file.owner.id", NULL, NULL}},
	{"change.new.gid", VALUE, POST_TEXT, {"file.group.id", NULL, NULL}},
	{"change.new.mtime", VALUE, POST_TEXT, {"file.modified", "file_modify_time", NULL}},
	{"change.new.type", VALUE, POST_TEXT, {"boltseal.file.type", NULL, NULL}},
	{"change.old.sha256", VALUE, POST_TEXT,
		{"boltseal.previous.sha256", "file_previous_hash", NULL}},
	{"change.old.mode", VALUE, POST_TEXT, {"boltseal.previous.mode", NULL, NULL}},
	{"change.old.size", VALUE, POST_NUMBER, {"boltseal.previous.size", NULL, NULL}},
	{"change.old.uid", VALUE, POST_TEXT, {"boltseal.previous.owner.id", NULL, NULL}},
	{"change.old.gid", VALUE, POST_TEXT, {"boltseal.previous.group.id", NULL, NULL}},
	{"actor.pid", VALUE, POST_NUMBER, {"process.pid", "process_id", "pid"}},
	{"actor.exe", VALUE, POST_TEXT, {"process.executable.path", "process_path", "exe"}},
	{"actor.exe", BASE, POST_TEXT, {"process.executable.name", "process_name", NULL}},
	{"actor.cmdline", CMDLINE, POST_TEXT, {"process.command_line", "process", NULL}},
	{"actor.cwd", VALUE, POST_TEXT, {"process.working_directory", NULL, NULL}},
	{"actor.sha256", VALUE, POST_TEXT, {"boltseal.process.sha256", "process_hash", NULL}},
	{"actor.drifted", VALUE, POST_TRUTH, {"boltseal.process.drifted", NULL, NULL}},
	{"actor.uid", VALUE, POST_TEXT, {"user.id", "user", "uid"}},
	{"actor.login_uid", VALUE, POST_TEXT, {"boltseal.login.uid", "src_user", NULL}},
	{"actor.tty", VALUE, POST_TEXT, {"boltseal.tty", NULL, NULL}},
	{"actor.origin", VALUE, POST_TEXT, {"boltseal.entry", "entry", "origin"}},
	{"actor.session", VALUE, POST_TEXT, {"boltseal.session", NULL, "session"}},
	{"rule.name", VALUE, POST_TEXT, {"boltseal.rule.name", "rule", "rule"}},
	{"rule.reason", VALUE, POST_TEXT, {"boltseal.rule.reason", NULL, NULL}},
	{"rule.expected", VALUE, POST_TRUTH, {"boltseal.rule.expected", NULL, NULL}},
	{"gap.cause", VALUE, POST_TEXT, {"boltseal.gap.cause", "gap_cause", NULL}},
	{"target.name", VALUE, POST_TEXT, {"boltseal.target.name", "target_name", "target"}},
	{"target.kind", VALUE, POST_TEXT, {"boltseal.target.kind", NULL, NULL}},
	{"target.id", CONTAINER, POST_TEXT, {"container.id", "container_id", "container_id"}},
	{"target.name", CONTAINER, POST_TEXT, {"container.name", "container_name", NULL}},
	{"target.runtime", CONTAINER, POST_TEXT, {"container.runtime", NULL, NULL}},
	{"target.image", IMAGE, POST_TEXT, {"container.image.name", NULL, NULL}},
	{"target.image", TAG, POST_LIST, {"container.image.tags", NULL, NULL}},
	{"target.image", CONTAINER, POST_TEXT, {NULL, "container_image", "image"}},
	{"target.image_digest", CONTAINER, POST_TEXT, {"container.image.id", NULL, NULL}},
	{"target.pod.name", VALUE, POST_TEXT, {"k8s.pod.name", "pod", "pod"}},
	{"target.pod.namespace", VALUE, POST_TEXT,
		{"k8s.namespace.name", "pod_namespace", "namespace"}},
	{"target.pod.uid", VALUE, POST_TEXT, {"k8s.pod.uid", NULL, NULL}},
};

/* Scalars as text; lists of them with a blank between. */
static void as_text(const struct jnode *v, struct buf *out)
{
	if (jnode_is_text(v))
		buf_add_span(out, jnode_text(v));
	else if (jnode_is_int(v))
		buf_int(out, v->number);
	else if (jnode_is_bool(v))
		buf_add_text(out, jnode_is_true(v) ? "true" : "false");
	for (const struct jnode *e = jnode_is_list(v) ? jnode_first(v) : NULL; e; e = e->next) {
		if (e != jnode_first(v))
			buf_u8(out, ' ');
		if (!jnode_is_list(e))
			as_text(e, out);
	}
}

static size_t after_last(struct span s, uint8_t c)
{
	while (s.n > 0 && s.p[s.n - 1] != c)
		s.n--;
	return s.n;
}

/* "registry:5000/nginx:1.25" ends its name at the colon behind the last slash. */
static struct span image_part(struct span image, bool tag)
{
	size_t slash = after_last(image, '/'), colon = after_last(image, ':');

	if (memchr(image.p, '@', image.n) || colon <= slash)
		return tag ? span_of("") : image;
	return tag ? span_make(image.p + colon, image.n - colon) : span_make(image.p, colon - 1);
}

static struct span part_of(const struct row *row, struct span text)
{
	if (row->from == BASE)
		return span_make(text.p + after_last(text, '/'), text.n - after_last(text, '/'));
	if ((row->from == IMAGE || row->from == TAG) && text.n > 0)
		return image_part(text, row->from == TAG);
	return text;
}

static const char *action_of(const struct jnode *kind)
{
	static const struct {
		const char *kind, *action;
	} words[] = {{"A", "created"}, {"C", "modified"}, {"D", "deleted"}};

	for (size_t i = 0; i < COUNTOF(words); i++)
		if (span_is(jnode_text(kind), words[i].kind))
			return words[i].action;
	return NULL;
}

static bool is_container(const struct jnode *root)
{
	return span_is(
		jnode_text(jnode_at(root, "target.kind")), target_kinds[TARGET_CONTAINER].name);
}

static bool is_wanted(const struct row *row, const struct jnode *root, bool redact)
{
	if (row->from == CMDLINE)
		return !redact;
	if (row->from == CONTAINER || row->from == IMAGE || row->from == TAG)
		return is_container(root);
	return true;
}

static bool is_of_type(const struct row *row, const struct jnode *v)
{
	if (row->type == POST_NUMBER)
		return jnode_is_int(v);
	if (row->type == POST_TRUTH)
		return jnode_is_bool(v);
	return v && !jnode_is_object(v) && v->kind != JNODE_NULL;
}

void post_fields(const struct post_item *it, enum post_names names, bool redact,
	void (*fn)(void *ctx, const struct post_field *f), void *ctx)
{
	BUF struct buf text = {.p = NULL};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		const struct row *row = &rows[i];
		struct post_field f = {.name = row->name[names], .type = row->type};
		const struct jnode *v = f.name ? jnode_at(it->root, row->at) : NULL;

		if (!f.name || !is_wanted(row, it->root, redact))
			continue;
		if (row->from == ACTION)
			v = action_of(v) ? v : jnode_at(it->root, "type");
		if (!is_of_type(row, v))
			continue;
		buf_reset(&text);
		as_text(v, &text);
		f.text = part_of(row, buf_span(&text));
		if (row->from == ACTION && action_of(v))
			f.text = span_of(action_of(v));
		f.number = jnode_is_int(v) ? jnode_number(v) : jnode_is_true(v);
		if (f.text.n > 0)
			fn(ctx, &f);
	}
}
