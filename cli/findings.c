#include "cli/findings.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/form.h"
#include "cli/safe.h"

static const struct {
	const char *severity, *head, *one, *many, *sgr;
} groups[] = {
	{"problem", "PROBLEM", "problem", "problems", "31"},
	{"warning", "WARNING", "warning", "warnings", "33"},
	{"note", "NOTE", "note", "notes", "36"},
	{"ok", "OK", "check is ok", "checks are ok", "32"},
};
enum { GROUP_PROBLEM = 0, GROUP_NOTE = 2, GROUP_OK = COUNTOF(groups) - 1 };

/* A severity of a newer daemon is a note here. */
static size_t group_of(const json_t *f)
{
	for (size_t g = 0; g < COUNTOF(groups); g++)
		if (span_is(get_text(f, "severity"), groups[g].severity))
			return g;
	return GROUP_NOTE;
}

static size_t count(const json_t *findings, size_t group)
{
	size_t i, n = 0;
	json_t *v;

	json_array_foreach(findings, i, v)
		n += group_of(v) == group;
	return n;
}

static void add_safe(struct cli *c, struct buf *out, const json_t *f, const char *key)
{
	safe_text(out, get_text(f, key), c->utf8_ok, false);
}

static void add_more(
	struct cli *c, struct buf *out, const json_t *f, const char *head, const char *key)
{
	if (!get_text(f, key).n)
		return;
	buf_printf(out, "\n    %s ", head);
	add_safe(c, out, f, key);
}

static void draw_one(struct cli *c, const json_t *f, size_t group)
{
	BUF struct buf out = {0}, room = {0};
	struct span path = get_path(f, "path", &room), since = get_text(f, "since");

	paint(c, &out, groups[group].sgr, span_of(groups[group].head));
	buf_u8(&out, ' ');
	add_safe(c, &out, f, "scope");
	buf_add_text(&out, ": ");
	add_safe(c, &out, f, "what");
	if (path.n) {
		buf_add_text(&out, ", ");
		text_quote(&out, path, c->utf8_ok);
	}
	if (get_text(f, "quote").n) {
		buf_add_text(&out, ": ");
		add_safe(c, &out, f, "quote");
	}
	if (since.n) {
		buf_add_text(&out, ", since ");
		add_time(&out, since);
	}
	buf_add_text(&out, " [");
	add_safe(c, &out, f, "id");
	buf_u8(&out, ']');
	add_more(c, &out, f, "costs:", "costs");
	add_more(c, &out, f, "do:   ", "do");
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

static void draw_count(const json_t *findings)
{
	BUF struct buf out = {0};

	for (size_t g = 0; g < COUNTOF(groups); g++) {
		size_t n = count(findings, g);

		if (!n)
			continue;
		buf_printf(&out, "%s%zu %s", out.n ? ", " : "", n,
			n == 1 ? groups[g].one : groups[g].many);
	}
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

void findings_draw(struct cli *c, const json_t *findings, bool all)
{
	size_t i;
	json_t *v;

	draw_count(findings);
	for (size_t g = 0; g < GROUP_OK + (all ? 1u : 0u); g++) {
		if (count(findings, g))
			out_text("\n");
		json_array_foreach(findings, i, v)
			if (group_of(v) == g)
				draw_one(c, v, g);
	}
}

bool findings_have_problem(const json_t *findings)
{
	return count(findings, GROUP_PROBLEM) > 0;
}
