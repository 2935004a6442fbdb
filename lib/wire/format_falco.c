/*
 * The alert JSON that Falco sends and falcosidekick fans out. Falco's own field names where it has
 * one for the fact, `boltseal.*` for the rest; output_fields is flat, its names have dots in them.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "wire/tree.h"
#include "base/clock.h"

static const char *const keep[] = {"time", "rule", "priority", "source", "hostname", "output",
	"message", "tags", "output_fields.evt.time", "output_fields.boltseal.id",
	"output_fields.boltseal.seq", "output_fields.boltseal.type", "output_fields.boltseal.prev",
	"output_fields.fd.name", "output_fields.boltseal.fd_name_b64",
	"output_fields.boltseal.truncated", NULL};
enum { SHORT_ID = 12, SAY_MAX = 1024, TIME_FROM = 11, TIME_TO = 29 };

/* Falco's container.id is the short one. */
static void add_more_fields(const struct facts *f, struct jnode *fields_doc)
{
	struct span id = facts_text(f, "container.id");
	struct arena *mem = fields_doc->mem;
	const struct jnode *parent = jnode_first(jnode_at(f->root, "actor.ancestry"));

	jnode_set(fields_doc, "evt.time", jnode_int(mem, f->time));
	if (id.n > 0) {
		id = facts_cut(id, SHORT_ID);
		jnode_set(fields_doc, "container.id", jnode_string(mem, id));
	}
	if (jnode_is_text(jnode_at(parent, "comm")))
		jnode_set(fields_doc, "proc.pname", jnode_copy(mem, jnode_at(parent, "comm")));
	if (jnode_is_int(jnode_at(parent, "pid")))
		jnode_set(fields_doc, "proc.ppid", jnode_copy(mem, jnode_at(parent, "pid")));
}

/* "22:14:05.123456789: Error sentence", as Falco's own lines begin. */
static void add_output(const struct facts *f, struct span said, struct jnode *doc)
{
	BUF struct buf time = {.p = NULL}, line = {.p = NULL};

	clock_format(&time, f->time);
	buf_printf(&line, "%.*s: %s ", TIME_TO - TIME_FROM, buf_text(&time) + TIME_FROM,
		severity_rows[f->severity].falco);
	buf_add_span(&line, said);
	tree_text(doc, "output", buf_span(&line));
	tree_text(doc, "message", said);
	tree_text(doc, "time", buf_span(&time));
}

int format_falco(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max,
		.mark = "boltseal.truncated",
		.inside = "output_fields",
		.keep = keep};
	struct arena *mem = f->root->mem;
	struct jnode *doc = jnode_object(mem), *flat = jnode_object(mem);
	BUF struct buf said = {.p = NULL};
	struct span sentence;

	facts_say(f, &said);
	sentence = facts_cut(buf_span(&said), SAY_MAX);
	add_output(f, sentence, doc);
	tree_text(doc, "rule", span_of(f->shape->name));
	tree_text(doc, "priority", span_of(severity_rows[f->severity].falco));
	tree_text(doc, "source", span_of("boltseal"));
	tree_text(doc, "hostname", f->host);
	tree_words(doc, "tags", "boltseal");
	jnode_append(jnode_at(doc, "tags"), jnode_string(mem, span_of(f->shape->id)));
	tree_set(doc, "output_fields", flat);
	facts_fill(f, FLAT_FALCO, true, flat);
	add_more_fields(f, flat);
	tree_write(doc, &cut, out);
	return 0;
}
