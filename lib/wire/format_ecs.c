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

static void add_file_type(const struct facts *f, json_t *doc)
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
	const struct facts *f, const struct format_options *o, struct span said, json_t *doc)
{
	const struct shape *s = f->shape;

	tree_copy(doc, "@timestamp", facts_at(f->root, "time"));
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

static void add_process(const struct facts *f, json_t *doc)
{
	const json_t *actor = facts_at(f->root, "actor"), *args;
	const json_t *parent = json_array_get(facts_at(actor, "ancestry"), 0);

	if (!actor)
		actor = facts_at(f->root, "session.leader");
	args = facts_at(actor, "cmdline");
	if (json_is_array(args)) {
		tree_copy(doc, "process.args", args);
		tree_int(doc, "process.args_count", (int64_t)json_array_size(args));
	}
	tree_copy(doc, "process.parent.pid", facts_at(parent, "pid"));
	tree_copy(doc, "process.parent.name", facts_at(parent, "comm"));
	tree_copy(doc, "process.parent.executable", facts_at(parent, "exe"));
	tree_copy(doc, "boltseal.actor.origin", facts_at(actor, "origin"));
	tree_copy(doc, "boltseal.actor.ancestry", facts_at(actor, "ancestry"));
}

/* A dot in a label's name would open an object, and "a" and "a.b" cannot both be. */
static void add_labels(const struct facts *f, json_t *doc)
{
	json_t *labels = (json_t *)facts_at(f->root, "container.labels"), *v;
	json_t *plain = json_object();
	const char *key;

	json_object_foreach(labels, key, v) {
		FREE char *name = strdup(key);

		must(name);
		for (char *c = name; *c; c++)
			*c = *c == '.' ? '_' : *c;
		if (!json_object_get(plain, name))
			json_object_set(plain, name, v);
	}
	if (json_object_size(plain) > 0)
		tree_copy(doc, "container.labels", plain);
	json_decref(plain);
}

static void add_pod(const struct facts *f, json_t *doc)
{
	if (!facts_at(f->root, "container.pod"))
		return;
	tree_text(doc, "orchestrator.type", span_of("kubernetes"));
	tree_text(doc, "orchestrator.resource.type", span_of("pod"));
}

static void add_hashes(const struct facts *f, json_t *doc)
{
	static const char *const places[] = {"change.new.sha256", "change.old.sha256"};
	json_t *all = json_array();

	for (size_t i = 0; i < COUNTOF(places); i++) {
		const json_t *v = facts_at(f->root, places[i]);

		if (json_is_string(v) && !json_equal(v, json_array_get(all, 0)))
			json_array_append(all, (json_t *)v);
	}
	if (json_array_size(all) > 0)
		tree_copy(doc, "related.hash", all);
	json_decref(all);
}

static const char *const lists[] = {"session.paths", "run.paths", "hold.paths", "hold.targets",
	"heartbeat.targets", "heartbeat.sinks"};

int format_ecs(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max, .mark = "boltseal.truncated", .keep = keep};
	DECREF json_t *doc = json_object();
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
		tree_copy(doc, buf_text(&place), facts_at(f->root, lists[i]));
	}
	tree_write(doc, &cut, out);
	return 0;
}
