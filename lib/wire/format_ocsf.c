/*
 * OCSF: which class an event belongs to, and the members that the class requires.
 *
 * An alert (facts.h) of whatever type is a Detection Finding (2004), created and never updated: its
 * uid is the event's id. Otherwise a change of a file is File System Activity (1001), a session and
 * an exec Process Activity (1007), the daemon and packages Application Lifecycle (6002), and what
 * OCSF has no class for is a base event (0) of activity Other. What has no member is in `unmapped`.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "wire/ocsf.h"
#include "wire/tree.h"
#include "base/clock.h"

#define OCSF_VERSION "1.6.0"
enum {
	FILE_ACTIVITY = 1001,
	PROCESS_ACTIVITY = 1007,
	FINDING = 2004,
	LIFECYCLE = 6002,
	OTHER = 99,
	CREATE = 1,
	UPDATE = 3,
	RENAME = 5,
	SET_ATTRIBUTES = 6,
	SET_SECURITY = 7
};

static const char *const keep[] = {"activity_id", "category_uid", "class_uid", "type_uid",
	"severity_id", "time", "metadata.version", "metadata.product.name",
	"metadata.product.vendor_name", "metadata.uid", "metadata.sequence", "metadata.profiles",
	"metadata.is_truncated", "actor.app_name", "actor.process.pid", "actor.user.uid",
	"device.hostname", "device.type_id", "file.name", "file.path", "file.type_id", "app.name",
	"process.pid", "finding_info.uid", "finding_info.title", "is_alert", "container.uid",
	"unmapped.path", "unmapped.path_b64", "unmapped.type", "unmapped.prev", NULL};

static bool has_aspect(const struct facts *f, enum aspect a)
{
	const struct jnode *list = jnode_at(f->root, "change.aspects");

	for (const struct jnode *v = jnode_is_list(list) ? jnode_first(list) : NULL; v;
		v = v->next) {
		if (jnode_is_text(v) && span_is(jnode_text(v), aspect_kinds[a].name))
			return true;
	}
	return false;
}

/* Which activity an update is, the weightiest aspect first. */
static const struct {
	enum aspect aspect;
	uint8_t activity;
} updates[] = {{ASPECT_CONTENT, UPDATE}, {ASPECT_TYPE, UPDATE}, {ASPECT_LINK, UPDATE},
	{ASPECT_LAYER, UPDATE}, {ASPECT_MODE, SET_SECURITY}, {ASPECT_OWNER, SET_SECURITY},
	{ASPECT_CAPS, SET_SECURITY}, {ASPECT_XATTR, SET_SECURITY}, {ASPECT_FLAGS, SET_ATTRIBUTES},
	{ASPECT_MTIME, SET_ATTRIBUTES}};

static unsigned file_activity(const struct facts *f)
{
	if (facts_text(f, "change.from").n > 0 && f->shape->ocsf_activity == CREATE)
		return RENAME;
	if (f->shape->ocsf_activity != UPDATE)
		return f->shape->ocsf_activity;
	for (size_t i = 0; i < COUNTOF(updates); i++) {
		if (has_aspect(f, updates[i].aspect))
			return updates[i].activity;
	}
	return UPDATE;
}

struct ocsf_class {
	unsigned uid, activity;
};

static bool has_process(const struct facts *f)
{
	return jnode_is_int(jnode_at(f->root, "actor.pid")) ||
	       jnode_is_int(jnode_at(f->root, "session.leader.pid"));
}

static struct ocsf_class class_of(const struct facts *f)
{
	struct ocsf_class c = {f->shape->ocsf_class, f->shape->ocsf_activity};
	bool lacks = (c.uid == PROCESS_ACTIVITY && !has_process(f)) ||
		     (c.uid == FILE_ACTIVITY && facts_text(f, "change.path").n == 0);

	if (f->alert)
		return (struct ocsf_class){FINDING, CREATE};
	if (lacks)
		return (struct ocsf_class){0, OTHER};
	if (c.uid == FILE_ACTIVITY)
		c.activity = file_activity(f);
	return c;
}

static void add_base(const struct facts *f, const struct format_options *o, struct ocsf_class c,
	struct jnode *doc)
{
	tree_int(doc, "activity_id", c.activity);
	if (c.activity == OTHER)
		tree_text(doc, "activity_name", span_of(f->shape->name));
	tree_int(doc, "category_uid", c.uid / 1000);
	tree_int(doc, "class_uid", c.uid);
	tree_int(doc, "type_uid", c.uid * 100 + c.activity);
	tree_int(doc, "severity_id", severity_rows[f->severity].ocsf);
	tree_int(doc, "time", f->time / CLOCK_MS);
	tree_text(doc, "metadata.version", span_of(OCSF_VERSION));
	tree_text(doc, "metadata.product.name", span_of("boltseal"));
	tree_text(doc, "metadata.product.vendor_name", span_of("boltseal"));
	tree_text(doc, "metadata.product.version", span_of(o->version));
	tree_text(doc, "metadata.uid", f->id);
	tree_int(doc, "metadata.sequence", (int64_t)f->seq);
	tree_text(doc, "metadata.event_code", span_of(f->shape->id));
	tree_copy(doc, "metadata.original_time", jnode_at(f->root, "time"));
	tree_text(doc, "device.hostname", f->host);
	tree_int(doc, "device.type_id", 0);
}

static void add_profiles(const struct facts *f, bool control, struct jnode *doc)
{
	struct jnode *list = jnode_list(doc->mem);

	jnode_append(list, jnode_string(doc->mem, span_of("host")));
	if (jnode_at(f->root, "container"))
		jnode_append(list, jnode_string(doc->mem, span_of("container")));
	if (control)
		jnode_append(list, jnode_string(doc->mem, span_of("security_control")));
	tree_set(doc, "metadata.profiles", list);
}

/* An actor must be a process with a pid, a user or at least a name. */
static struct jnode *make_actor(const struct facts *f)
{
	struct jnode *actor = jnode_object(f->root->mem);
	struct jnode *process = ocsf_process(f, jnode_at(f->root, "actor"));
	BUF struct buf scratch = {.p = NULL};
	struct value uid;

	if (!process)
		process = ocsf_process(f, jnode_at(f->root, "session.leader"));
	tree_set(actor, "process", process);
	if (facts_value(f, "actor.uid", HOW_WORD, &scratch, &uid) ||
		facts_value(f, "session.uid", HOW_WORD, &scratch, &uid) ||
		facts_value(f, "uid", HOW_WORD, &scratch, &uid))
		tree_text(actor, "user.uid", uid.text);
	if (jnode_size(actor) == 0)
		tree_text(actor, "app_name", span_of("unknown"));
	return actor;
}

static bool is_acted(const struct facts *f)
{
	return jnode_at(f->root, "actor") || jnode_at(f->root, "session") ||
	       jnode_at(f->root, "uid");
}

/* `file` is how it was, `file_result` how it is; one that was not there before has the name only. */
static void add_files(const struct facts *f, struct jnode *doc)
{
	const char *from = facts_text(f, "change.from").n > 0 ? "change.from" : "change.path";
	const struct jnode *now = jnode_at(f->root, "change.new"),
			   *old = jnode_at(f->root, "change.old");
	struct jnode *was = ocsf_file(f, from, old);

	if (!old && jnode_is_object(now))
		jnode_set(was, "type_id", jnode_int(was->mem, ocsf_file_type(now)));
	tree_set(doc, "file", was);
	if (now)
		tree_set(doc, "file_result", ocsf_file(f, "change.path", now));
}

/* Who did it and where is in the first of them. */
static void add_evidence(
	const struct facts *f, const char *name, struct jnode *file, struct jnode *list)
{
	struct jnode *e = jnode_object(list->mem);

	tree_text(e, "name", span_of(name));
	if (jnode_size(list) == 0) {
		tree_set(e, "actor", make_actor(f));
		tree_set(e, "container", ocsf_container(f));
	}
	tree_set(e, "file", file);
	jnode_append(list, e);
}

static struct jnode *make_evidences(const struct facts *f)
{
	const struct jnode *now = jnode_at(f->root, "change.new"),
			   *old = jnode_at(f->root, "change.old");
	bool any = facts_text(f, "change.path").n > 0;
	struct jnode *list = jnode_list(f->root->mem);

	if (any && (now || !old))
		add_evidence(f, "now", ocsf_file(f, "change.path", now), list);
	if (any && old)
		add_evidence(f, "before", ocsf_file(f, "change.path", old), list);
	if (!any)
		add_evidence(f, f->shape->name, NULL, list);
	return list;
}

static void add_finding(const struct facts *f, struct span said, struct jnode *doc)
{
	struct span rule = facts_text(f, "rule.name"), target = facts_text(f, "target.id");
	struct jnode *resource = jnode_object(doc->mem);

	tree_text(doc, "finding_info.uid", f->id);
	tree_text(doc, "finding_info.title", span_of(f->shape->name));
	tree_text(doc, "finding_info.desc", said);
	tree_int(doc, "finding_info.created_time", f->time / CLOCK_MS);
	tree_words(doc, "finding_info.types", f->shape->id);
	tree_text(doc, "finding_info.analytic.name", rule.n > 0 ? rule : span_of(f->shape->id));
	tree_int(doc, "finding_info.analytic.type_id", 1);
	tree_set(doc, "is_alert", jnode_true(doc->mem));
	tree_int(doc, "status_id", 1);
	tree_set(doc, "evidences", make_evidences(f));
	if (target.n > 0) {
		tree_text(resource, "uid", target);
		tree_copy(resource, "name", jnode_at(f->root, "target.name"));
		tree_copy(resource, "type", jnode_at(f->root, "target.kind"));
		tree_int(resource, "role_id", 3);
		tree_set(doc, "resources[]", resource);
	}
}

static void add_class(
	const struct facts *f, struct ocsf_class c, struct span said, struct jnode *doc)
{
	const struct jnode *manager = jnode_at(f->root, "run.manager");

	if (c.uid == FINDING)
		add_finding(f, said, doc);
	if (c.uid == FILE_ACTIVITY)
		add_files(f, doc);
	else
		tree_copy(doc, "unmapped.path", jnode_at(f->root, "change.path"));
	if (c.uid == PROCESS_ACTIVITY)
		tree_copy(doc, "process", jnode_at(doc, "actor.process"));
	if (c.uid == LIFECYCLE)
		tree_text(doc, "app.name",
			jnode_is_text(manager) ? jnode_text(manager) : span_of("boltseal"));
	if (f->shape->type == EVENT_EXEC_DENIED) {
		tree_int(doc, "action_id", 2);
		tree_int(doc, "disposition_id", 2);
		tree_int(doc, "status_id", 2);
	}
}

/* Places of the event that have no member of their own, as they are. */
static const struct {
	const char *from, *to;
} rest[] = {{"type", "unmapped.type"}, {"prev", "unmapped.prev"},
	{"change.path_b64", "unmapped.path_b64"}, {"change.kind", "unmapped.kind"},
	{"change.aspects", "unmapped.aspects"}, {"change.mount", "unmapped.mount"},
	{"change.host_path", "unmapped.host_path"}, {"change.unsettled", "unmapped.unsettled"},
	{"actor.origin", "unmapped.origin"}, {"actor.reason", "unmapped.origin_reason"},
	{"actor.session", "unmapped.session_id"}, {"actor.drifted", "unmapped.actor_drifted"},
	{"actor.login_uid", "unmapped.login_uid"}, {"actor.ancestry", "unmapped.ancestry"},
	{"rule", "unmapped.rule"}, {"target.pod", "unmapped.pod"}, {"tree", "unmapped.tree"},
	{"gap", "unmapped.gap"}, {"session", "unmapped.session"}, {"run", "unmapped.run"},
	{"flood", "unmapped.flood"}, {"repeats", "unmapped.repeats"}, {"hold", "unmapped.hold"},
	{"heartbeat", "unmapped.heartbeat"}, {"checkpoint", "unmapped.checkpoint"},
	{"generation", "unmapped.generation"}, {"drift_id", "unmapped.drift_id"},
	{"root", "unmapped.baseline_root"}, {"reason", "unmapped.reason"},
	{"uid", "unmapped.asked_by_uid"}, {"detail", "unmapped.detail"},
	{"layer", "unmapped.layer"}, {"layer_b64", "unmapped.layer_b64"},
	{"targets", "unmapped.targets"}};

int format_ocsf(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max, .mark = "metadata.is_truncated", .keep = keep};
	struct jnode *doc = jnode_object(f->root->mem);
	BUF struct buf said = {.p = NULL};
	struct ocsf_class c = class_of(f);

	facts_say(f, &said);
	add_base(f, o, c, doc);
	add_profiles(f, c.uid == FINDING || f->shape->type == EVENT_EXEC_DENIED, doc);
	tree_text(doc, "message", buf_span(&said));
	if (c.uid == FILE_ACTIVITY || c.uid == PROCESS_ACTIVITY || is_acted(f))
		tree_set(doc, "actor", make_actor(f));
	tree_set(doc, "container", ocsf_container(f));
	add_class(f, c, buf_span(&said), doc);
	for (size_t i = 0; i < COUNTOF(rest); i++)
		tree_copy(doc, rest[i].to, jnode_at(f->root, rest[i].from));
	tree_write(doc, &cut, out);
	return 0;
}
