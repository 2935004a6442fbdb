#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/coverage.h"
#include "cli/event.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/table.h"
#include "cli/tree.h"

static const char *const members[] = {
	"type",
	"mode",
	"uid",
	"gid",
	"size",
	"mtime",
	"sha256",
	"link",
	"rdev",
	"caps",
	"flags",
	"xattrs",
};

static void add_value(struct cli *c, struct buf *out, const json_t *rec, const char *key)
{
	const json_t *v = json_object_get(rec, key);
	BUF struct buf room = {0};

	if (strcmp(key, "link") == 0 && v)
		text_quote(out, get_path(rec, key, &room), c->utf8_ok);
	else if (v && (json_is_string(v) || json_is_integer(v) || json_array_size(v) ||
			      json_object_size(v)))
		tree_inline(c, out, v);
}

/* Both sides of one member; a star where they differ. */
static void add_row(
	struct cli *c, struct table *t, const json_t *old, const json_t *now, const char *key)
{
	BUF struct buf a = {0}, b = {0};
	bool same;

	add_value(c, &a, old, key);
	add_value(c, &b, now, key);
	if (!a.n && !b.n)
		return;
	same = span_eq(buf_span(&a), buf_span(&b));
	table_add_text(c, t, key);
	table_add_safe(t, a.n ? buf_span(&a) : span_of("-"));
	table_add_safe(t, same ? span_of(" ") : span_of("*"));
	table_add_safe(t, b.n ? buf_span(&b) : span_of("-"));
}

static void print_records(struct cli *c, const json_t *file)
{
	const json_t *old = json_object_get(file, "baseline"), *now = json_object_get(file, "now");
	TABLE struct table t = {0};

	if (!json_is_object(old) && !json_is_object(now)) {
		out_text(get_false(json_object_get(file, "coverage"), "baselined")
				 ? "its baseline is still being taken: nothing is known of it yet\n"
				 : "neither the baseline nor the target has it\n");
		return;
	}
	table_heads(&t, "MEMBER BASELINE * NOW");
	if (!json_is_object(old) || !json_is_object(now)) {
		table_add_text(c, &t, "exists");
		table_add_text(c, &t, json_is_object(old) ? "yes" : "no");
		table_add_text(c, &t, "*");
		table_add_text(c, &t, json_is_object(now) ? "yes" : "no");
	}
	for (size_t i = 0; i < COUNTOF(members); i++)
		add_row(c, &t, old, now, members[i]);
	table_print(c, &t);
}

static void add_up(struct cli *c, struct buf *out, const json_t *ancestry)
{
	size_t i;
	json_t *up;

	json_array_foreach(ancestry, i, up) {
		BUF struct buf room = {0};
		struct span exe = get_path(up, "exe", &room);

		buf_printf(out, "%*s<- ", (int)(2 * i + 2), "");
		text_quote(out, exe.n ? exe : get_text(up, "comm"), c->utf8_ok);
		buf_printf(out, "[%lld]\n", (long long)get_int(up, "pid"));
	}
}

/* What does not go into one line: a line each. */
static void add_who(struct cli *c, struct buf *out, const json_t *actor)
{
	static const struct {
		const char *key, *title;
	} rows[] = {
		{"exe_host", "program on the host"},
		{"sha256", "program's sha256"},
		{"cwd", "directory"},
		{"session", "exec session"},
	};

	add_up(c, out, json_object_get(actor, "ancestry"));
	if (json_object_get(actor, "cmdline")) {
		buf_add_text(out, "command: ");
		add_cmdline(c, out, actor);
		buf_u8(out, '\n');
	}
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf room = {0};
		struct span v = get_path(actor, rows[i].key, &room);

		if (!v.n)
			continue;
		buf_printf(out, "%s: ", rows[i].title);
		text_quote(out, v, c->utf8_ok);
		buf_u8(out, '\n');
	}
	if (get_true(actor, "drifted"))
		buf_add_text(out, "the program itself is not as the baseline has it\n");
}

static void print_drift(struct cli *c, const json_t *change)
{
	BUF struct buf out = {0};

	if (!json_is_object(change))
		return;
	buf_add_text(&out, "\ndrift: ");
	text_quote(&out, get_text(change, "kind"), c->utf8_ok);
	buf_u8(&out, ' ');
	add_list(c, &out, json_object_get(change, "aspects"), ",");
	buf_add_text(&out, "\nseverity: ");
	text_quote(&out, get_text(change, "severity"), c->utf8_ok);
	add_rule(c, &out, json_object_get(change, "rule"));
	if (json_object_get(change, "package")) {
		buf_add_text(&out, "\npackage: ");
		tree_inline(c, &out, json_object_get(change, "package"));
	}
	buf_add_text(&out, "\nsince: ");
	add_time(&out, get_text(change, "first"));
	buf_add_text(&out, "\nactor: ");
	add_actor(c, &out, json_object_get(change, "actor"));
	buf_u8(&out, '\n');
	add_who(c, &out, json_object_get(change, "actor"));
	out_add(buf_span(&out));
}

static void print_note(struct cli *c, const json_t *file)
{
	BUF struct buf out = {0};
	struct span note = get_text(file, "note");

	if (!note.n && get_false(json_object_get(file, "coverage"), "baselined"))
		note = span_of("the baseline is still being taken");
	if (!note.n && !json_is_object(json_object_get(file, "drift")))
		note = span_of("it is not in the drift");
	if (!note.n)
		return;
	buf_add_text(&out, "\nnote: ");
	safe_text(&out, note, c->utf8_ok, false);
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

static void print_from(struct cli *c, const json_t *file)
{
	const json_t *layer = json_object_get(file, "layer"),
		     *package = json_object_get(file, "package");
	BUF struct buf out = {0};

	if (json_is_object(layer)) {
		buf_add_text(&out, "layer: ");
		tree_inline(c, &out, layer);
		buf_u8(&out, '\n');
	}
	if (json_is_object(package)) {
		add_package_words(c, &out, package);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

static void print_events(struct cli *c, const json_t *events)
{
	BUF struct buf out = {0};
	size_t i;
	json_t *e;

	buf_add_text(&out, json_array_size(events) ? "\nevents:\n" : "\nno events\n");
	json_array_foreach(events, i, e) {
		buf_add_text(&out, "  ");
		event_line(c, &out, e);
	}
	out_add(buf_span(&out));
}

static void draw(struct cli *c, const json_t *file, void *arg)
{
	BUF struct buf head = {0}, room = {0};

	(void)arg;
	text_quote(&head, get_path(file, "path", &room), c->utf8_ok);
	buf_add_text(&head, "\n\n");
	out_add(buf_span(&head));
	print_records(c, file);
	print_note(c, file);
	print_drift(c, json_object_get(file, "drift"));
	print_from(c, file);
	print_events(c, json_object_get(file, "events"));
}

static int run_show(struct cli *c, const struct args *a)
{
	JSON json_t *file = NULL;
	BUF struct buf path = {0};
	int r = path_word(a->pos[1], &path);

	if (!r)
		r = ask_json(c, boltseal_file(c->h, a->pos[0], buf_text(&path), &c->reply), &file);
	if (r)
		return r;
	c->form->answer(c, file, &(struct view){NULL, draw, NULL});
	out_flush();
	coverage_remark(c, json_object_get(file, "coverage"));
	if (get_false(json_object_get(file, "coverage"), "baselined") &&
		!json_is_object(json_object_get(file, "baseline")) &&
		!json_is_object(json_object_get(file, "now")))
		return complain("%s: its baseline is still being taken: ask again when `boltseal "
				"status` says that it is there",
			a->pos[0]);
	return EXIT_CLEAN;
}

const struct command cmd_show = {
	.word = "show",
	.args = "TARGET PATH",
	.sentence = "one file: what it should be, what it is, where it came from, what happened",
	.text = "The baseline's record beside the record now, a star where they differ; the layer or "
		"package it\ncame from; the change, who made it and since when; and every event of "
		"the journal on it.\n\n"
		"Example:\n"
		"  boltseal show web /etc/passwd\n",
	.exits = "0 done; 2 an error, or nothing is known of it while the baseline is being taken.",
	.min = 2,
	.max = 2,
	.slots = {SLOT_TARGET, SLOT_PATH},
	.run = run_show,
};
