/* Columns of fixed width: a stream is not known before it ends. */
#include "cli/event.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/form.h"
#include "cli/hold.h"
#include "cli/safe.h"

/* In the column, or over it when it is wider. */
static void add_column(struct cli *c, struct buf *out, struct span raw, size_t width)
{
	BUF struct buf shown = {0}, word = {0};
	size_t n;

	buf_add_span(&word, raw);
	text_quote(&shown, raw.n ? raw : span_of("-"), c->utf8_ok);
	paint(c, out, color_of(buf_text(&word)), buf_span(&shown));
	for (n = safe_width(buf_span(&shown)); n < width; n++)
		buf_u8(out, ' ');
	buf_add_text(out, "  ");
}

static void add_change(struct cli *c, struct buf *out, const json_t *change)
{
	BUF struct buf room = {0}, aspects = {0};
	struct span kind = get_text(change, "kind");

	if (kind.n) {
		text_quote(out, kind, c->utf8_ok);
		buf_u8(out, ' ');
	}
	text_quote(out, get_path(change, "path", &room), c->utf8_ok);
	add_list(c, &aspects, json_object_get(change, "aspects"), ",");
	if (aspects.n)
		buf_printf(out, " (%s)", buf_text(&aspects));
	add_package(c, out, change);
}

static void add_gap(struct cli *c, struct buf *out, const json_t *gap)
{
	BUF struct buf room = {0};
	struct span path = get_path(gap, "path", &room), detail = get_text(gap, "detail");

	text_quote(out, get_text(gap, "cause"), c->utf8_ok);
	if (path.n) {
		buf_u8(out, ' ');
		text_quote(out, path, c->utf8_ok);
	}
	if (detail.n) {
		buf_add_text(out, ": ");
		safe_text(out, detail, c->utf8_ok, false);
	}
}

static void add_heartbeat(struct cli *c, struct buf *out, const json_t *h)
{
	size_t i;
	json_t *sink;

	buf_printf(out, "%lld targets, %lld open gaps", (long long)get_int(h, "n_targets"),
		(long long)get_int(h, "gaps"));
	if (get_int(h, "holds"))
		buf_printf(out, ", %lld open windows", (long long)get_int(h, "holds"));
	json_array_foreach(json_object_get(h, "sinks"), i, sink) {
		buf_add_text(out, ", sink ");
		text_quote(out, get_text(sink, "name"), c->utf8_ok);
		buf_printf(out, " %lld behind", (long long)get_int(sink, "lag"));
	}
}

static void add_checkpoint(struct cli *c, struct buf *out, const json_t *p)
{
	(void)c;
	buf_printf(out, "entries %lld to %lld signed by key ", (long long)get_int(p, "from"),
		(long long)get_int(p, "to"));
	add_id(out, span_make(get_text(p, "key").p,
			    get_text(p, "key").n < 12 ? get_text(p, "key").n : 12));
	if (get_true(p, "sealed"))
		buf_add_text(out, ", and the store as it was left");
}

static void add_session(struct cli *c, struct buf *out, const json_t *session)
{
	const json_t *paths = json_object_get(session, "paths");
	long long n = (long long)get_int(session, "n_paths");

	text_quote(out, get_text(session, "id"), c->utf8_ok);
	buf_add_text(out, ": ");
	add_actor(c, out, json_object_get(session, "leader"));
	buf_add_text(out, ": ");
	add_cmdline(c, out, session);
	if (!json_is_integer(json_object_get(session, "n_paths")))
		return;
	buf_printf(out, "; changed %lld path%s%s", n, n == 1 ? "" : "s", n ? ": " : "");
	add_list(c, out, paths, " ");
	if ((long long)json_array_size(paths) < n)
		buf_add_text(out, " ...");
}

static void add_run(struct cli *c, struct buf *out, const json_t *run)
{
	const json_t *counts = json_object_get(run, "counts");
	const json_t *worst = json_object_get(run, "worst");
	BUF struct buf line = {0}, room = {0};

	add_cmdline(c, &line, run);
	if (line.n)
		buf_add_span(out, buf_span(&line));
	else
		text_quote(out, get_text(run, "manager"), c->utf8_ok);
	buf_printf(out, ": %lld added, %lld changed, %lld deleted", (long long)get_int(counts, "A"),
		(long long)get_int(counts, "C"), (long long)get_int(counts, "D"));
	if (get_text(worst, "path").n) {
		buf_printf(out, "; at worst %.*s: ", (int)get_text(worst, "severity").n,
			(const char *)get_text(worst, "severity").p);
		text_quote(out, get_path(worst, "path", &room), c->utf8_ok);
	}
	if (get_false(run, "ended"))
		buf_add_text(out, ", and it goes on");
}

/* A window's own entry, or what fell into one. */
static void add_hold(struct cli *c, struct buf *out, const json_t *hold)
{
	if (json_object_get(hold, "by")) {
		hold_line(c, out, hold);
		return;
	}
	buf_add_text(out, " [held by ");
	text_quote(out, get_text(hold, "name"), c->utf8_ok);
	buf_add_text(out, ": ");
	text_quote(out, get_text(hold, "severity"), c->utf8_ok);
	buf_u8(out, ']');
}

static void add_flood(struct cli *c, struct buf *out, const json_t *flood)
{
	const json_t *counts = json_object_get(flood, "counts");
	struct span state = get_text(flood, "state"), worst = get_text(flood, "worst");
	BUF struct buf room = {0};

	text_quote(out, state, c->utf8_ok);
	buf_printf(out, ": %lld not told one by one", (long long)get_int(flood, "count"));
	if (get_int(flood, "count"))
		buf_printf(out, " (%lld added, %lld changed, %lld deleted, %lld cleared)",
			(long long)get_int(counts, "A"), (long long)get_int(counts, "C"),
			(long long)get_int(counts, "D"), (long long)get_int(counts, "cleared"));
	if (get_int(flood, "total") != get_int(flood, "count"))
		buf_printf(out, ", %lld since it began", (long long)get_int(flood, "total"));
	if (worst.n) {
		buf_add_text(out, "; at worst ");
		text_quote(out, worst, c->utf8_ok);
		buf_add_text(out, ": ");
		text_quote(out, get_path(flood, "path", &room), c->utf8_ok);
	}
}

static void add_repeats(struct cli *c, struct buf *out, const json_t *repeats)
{
	long long n = (long long)get_int(repeats, "count");

	(void)c;
	buf_printf(out, ", %lld change%s of it before not told", n, n == 1 ? "" : "s");
}

static void add_words(struct cli *c, struct buf *out, const json_t *event)
{
	static const char *const keys[] = {"layer", "reason", "detail"};
	const char *between = "";

	if (get_int(event, "generation")) {
		buf_printf(out, "generation %lld", (long long)get_int(event, "generation"));
		between = ", ";
	}
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		struct span v = get_text(event, keys[i]);

		if (!v.n)
			continue;
		buf_add_text(out, between);
		safe_text(out, v, c->utf8_ok, false);
		between = ", ";
	}
}

/* What happened, in the words of its kind. */
static const struct {
	const char *key;
	void (*add)(struct cli *c, struct buf *out, const json_t *member);
} members[] = {
	{"change", add_change},
	{"repeats", add_repeats},
	{"flood", add_flood},
	{"gap", add_gap},
	{"heartbeat", add_heartbeat},
	{"checkpoint", add_checkpoint},
	{"session", add_session},
	{"run", add_run},
	{"hold", add_hold},
};

void event_line(struct cli *c, struct buf *out, const json_t *e)
{
	const json_t *actor = json_object_get(e, "actor"), *target = json_object_get(e, "target");
	size_t start;

	look_widths();
	add_time(out, get_text(e, "time"));
	buf_add_text(out, "  ");
	add_column(c, out, get_text(e, "severity"), 8);
	add_column(c, out, get_text(e, "type"), 17);
	add_column(c, out, get_text(target, "name"), 16);
	start = out->n;
	for (size_t i = 0; i < COUNTOF(members); i++)
		if (json_object_get(e, members[i].key))
			members[i].add(c, out, json_object_get(e, members[i].key));
	if (out->n > start && !actor)
		buf_add_text(out, "  ");
	if (actor) {
		buf_add_text(out, out->n > start ? "  " : "");
		add_actor(c, out, actor);
		buf_add_text(out, "  ");
	}
	add_words(c, out, e);
	add_rule(c, out, json_object_get(e, "rule"));
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
	buf_u8(out, '\n');
}
