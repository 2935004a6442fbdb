/*
 * Elastic Common Schema: what has a field there is in it, the rest is below `boltseal`. There is no
 * field for how a file was before: boltseal.previous.* is shaped as file.* is.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "wire/tree.h"

#define ECS_VERSION "8.17.0"

static const char *const keep[] = {"@timestamp", "ecs.version", "event.id", "event.sequence",
	"event.kind", "event.category", "event.type", "event.action", "event.dataset",
	"event.severity", "host.name", "file.path", "boltseal.file_path_b64", "boltseal.type",
	"boltseal.severity", "boltseal.prev", "boltseal.truncated", NULL};

/* ECS knows three types of files; a device is none of them. */
static const char *const file_types[FILE_N] = {
	[FILE_REG] = "file", [FILE_DIR] = "dir", [FILE_LINK] = "symlink"};

static void add_file_type(const struct facts *f, struct jnode *doc)
{
	struct span type = facts_text(f, "change.new.type");
	int i;

	if (type.n == 0)
		type = facts_text(f, "change.old.type");
	i = kind_find(file_kinds, FILE_N, type);
	if (i >= 0 && file_types[i])
		tree_text(doc, "file.type", span_of(file_types[i]));
}

static void add_event(
	const struct facts *f, const struct format_options *o, struct span said, struct jnode *doc)
{
	const struct shape *s = f->shape;

	tree_copy(doc, "@timestamp", jnode_at(f->root, "time"));
	tree_text(doc, "ecs.version", span_of(ECS_VERSION));
	tree_text(doc, "message", said);
	tree_text(doc, "event.kind", span_of(f->alert ? "alert" : s->ecs_kind));
	tree_words(doc, "event.category", s->ecs_category);
	tree_words(doc, "event.type", s->ecs_type);
	tree_text(doc, "event.action", span_of(s->id));
	tree_text(doc, "event.code", span_of(s->id));
	tree_text(doc, "event.module", span_of("boltseal"));
	tree_text(doc, "event.dataset", span_of("boltseal.drift"));
	tree_text(doc, "event.provider", span_of("boltseald"));
	tree_int(doc, "event.severity", severity_rows[f->severity].ecs);
	tree_text(doc, "host.name", f->host);
	tree_text(doc, "agent.type", span_of("boltseal"));
	tree_text(doc, "agent.version", span_of(o->version));
}

static void add_process(const struct facts *f, struct jnode *doc)
{
	const struct jnode *actor = jnode_at(f->root, "actor"), *args;
	const struct jnode *parent = jnode_first(jnode_at(actor, "ancestry"));

	if (!actor)
		actor = jnode_at(f->root, "session.leader");
	args = jnode_at(actor, "cmdline");
	if (jnode_is_list(args)) {
		tree_copy(doc, "process.args", args);
		tree_int(doc, "process.args_count", (int64_t)jnode_size(args));
	}
	tree_copy(doc, "process.parent.pid", jnode_at(parent, "pid"));
	tree_copy(doc, "process.parent.name", jnode_at(parent, "comm"));
	tree_copy(doc, "process.parent.executable", jnode_at(parent, "exe"));
	tree_copy(doc, "boltseal.actor.origin", jnode_at(actor, "origin"));
	tree_copy(doc, "boltseal.actor.ancestry", jnode_at(actor, "ancestry"));
}

/* A dot in a label's name would open an object, and "a" and "a.b" cannot both be. */
static void add_labels(const struct facts *f, struct jnode *doc)
{
	const struct jnode *labels = jnode_at(f->root, "container.labels");
	struct jnode *plain = jnode_object(doc->mem);

	if (!jnode_is_object(labels))
		return;
	for (const struct jnode *v = jnode_first(labels); v; v = v->next) {
		FREE char *name = span_dup(v->key);

		for (char *c = name; *c; c++)
			*c = *c == '.' ? '_' : *c;
		if (!jnode_get(plain, span_of(name)))
			jnode_set(plain, name, jnode_copy(doc->mem, v));
	}
	if (jnode_size(plain) > 0)
		tree_set(doc, "container.labels", plain);
}

static void add_pod(const struct facts *f, struct jnode *doc)
{
	if (!jnode_at(f->root, "container.pod"))
		return;
	tree_text(doc, "orchestrator.type", span_of("kubernetes"));
	tree_text(doc, "orchestrator.resource.type", span_of("pod"));
}

static void add_hashes(const struct facts *f, struct jnode *doc)
{
	static const char *const places[] = {"change.new.sha256", "change.old.sha256"};
	struct jnode *all = jnode_list(doc->mem);

	for (size_t i = 0; i < COUNTOF(places); i++) {
		const struct jnode *v = jnode_at(f->root, places[i]);

		if (jnode_is_text(v) && !jnode_eq(v, jnode_first(all)))
			jnode_append(all, jnode_copy(doc->mem, v));
	}
	if (jnode_size(all) > 0)
		tree_set(doc, "related.hash", all);
}

static const char *const lists[] = {"session.paths", "run.paths", "hold.paths", "hold.targets",
	"heartbeat.targets", "heartbeat.sinks"};

int format_ecs(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max, .mark = "boltseal.truncated", .keep = keep};
	struct jnode *doc = jnode_object(f->root->mem);
	BUF struct buf said = {.p = NULL};

	facts_say(f, &said);
	add_event(f, o, buf_span(&said), doc);
	facts_fill(f, FLAT_ECS, false, doc);
	add_file_type(f, doc);
	add_process(f, doc);
	add_labels(f, doc);
	add_pod(f, doc);
	add_hashes(f, doc);
	for (size_t i = 0; i < COUNTOF(lists); i++) {
		BUF struct buf place = {.p = NULL};

		buf_printf(&place, "boltseal.%s", lists[i]);
		tree_copy(doc, buf_text(&place), jnode_at(f->root, lists[i]));
	}
	tree_write(doc, &cut, out);
	return 0;
}
