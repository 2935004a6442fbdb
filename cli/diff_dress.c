/* The drift as lines, as a long table, as sums, and as patches. */
#include "cli/diff.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/table.h"

static struct span kind_of(const json_t *item, char room[2])
{
	struct span kind = get_text(item, "kind");

	room[0] = kind.n && strchr("ACD", kind.p[0]) ? (char)kind.p[0] : '?';
	room[1] = 0;
	return span_of(room);
}

static void draw_plain(struct cli *c, const json_t *drift, const char *target)
{
	BUF struct buf out = {0};
	size_t i;
	json_t *item;

	(void)target;
	json_array_foreach(json_object_get(drift, "items"), i, item) {
		BUF struct buf room = {0};
		char letter[2];
		struct span kind = kind_of(item, letter);

		paint(c, &out, color_of(letter), kind);
		buf_u8(&out, ' ');
		text_quote(&out, get_path(item, "path", &room), c->utf8_ok);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

const struct diff_dress diff_plain = {draw_plain};

/* The path, and what else there is to say of it: renamed from, covered by, a writer still alive. */
static void add_long_path(struct cli *c, struct buf *out, const json_t *item)
{
	BUF struct buf room = {0};
	struct span mount = get_text(item, "mount"), from;

	text_quote(out, get_path(item, "path", &room), c->utf8_ok);
	from = get_path(item, "from", &room);
	if (from.n) {
		buf_add_text(out, " (from ");
		text_quote(out, from, c->utf8_ok);
		buf_u8(out, ')');
	}
	if (mount.n) {
		buf_add_text(out, " (covered by ");
		safe_text(out, mount, c->utf8_ok, false);
		buf_u8(out, ')');
	}
	if (get_true(item, "unsettled"))
		buf_add_text(out, " (unsettled: a writer may be alive)");
	add_package(c, out, item);
	add_rule(c, out, json_object_get(item, "rule"));
}

static void add_long(struct cli *c, struct table *t, const json_t *item)
{
	BUF struct buf text = {0};
	struct span severity = get_text(item, "severity");
	char letter[2];
	struct span kind = kind_of(item, letter);

	table_add(c, t, kind, color_of(letter));
	buf_add_span(&text, severity);
	table_add(c, t, severity, color_of(buf_text(&text)));
	buf_reset(&text);
	add_list(c, &text, json_object_get(item, "aspects"), ",");
	table_add_safe(t, text.n ? buf_span(&text) : span_of("-"));
	buf_reset(&text);
	add_time(&text, get_text(item, "first"));
	table_add_safe(t, buf_span(&text));
	buf_reset(&text);
	add_actor(c, &text, json_object_get(item, "actor"));
	table_add_safe(t, buf_span(&text));
	buf_reset(&text);
	add_long_path(c, &text, item);
	table_add_safe(t, buf_span(&text));
}

/* Only the drift against the baseline can be accepted: another comparison has no id to print. */
static void print_id(const json_t *drift)
{
	struct span id = get_text(drift, "drift_id"), against = get_text(drift, "against");
	BUF struct buf out = {0};

	if (!id.n || (against.n && !span_is(against, "baseline")))
		return;
	buf_add_text(&out, "drift ");
	add_id(&out, id);
	buf_printf(&out, ", generation %lld\n", (long long)get_int(drift, "generation"));
	out_add(buf_span(&out));
}

static void draw_long(struct cli *c, const json_t *drift, const char *target)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *item;

	(void)target;
	table_heads(&t, "K SEVERITY ASPECTS SINCE ACTOR PATH");
	json_array_foreach(json_object_get(drift, "items"), i, item)
		add_long(c, &t, item);
	if (i)
		table_print(c, &t);
	print_id(drift);
}

const struct diff_dress diff_long = {draw_long};

static void add_sum(struct cli *c, struct buf *out, const json_t *sums)
{
	const char *key;
	json_t *n;
	bool any = false;

	json_object_foreach((json_t *)sums, key, n) {
		buf_printf(out, "%s%lld ", any ? ", " : "", (long long)json_integer_value(n));
		text_quote(out, span_of(key), c->utf8_ok);
		any = true;
	}
	buf_u8(out, '\n');
}

static void count(json_t *sums, struct span name)
{
	BUF struct buf key = {0};

	buf_add_span(&key, name);
	if (name.n)
		json_object_set_new(
			sums, buf_text(&key), json_integer(get_int(sums, buf_text(&key)) + 1));
}

static void count_list(json_t *sums, const json_t *names)
{
	size_t i;
	json_t *v;

	json_array_foreach(names, i, v)
		count(sums, span_of(json_string_value(v)));
}

static void draw_stat(struct cli *c, const json_t *drift, const char *target)
{
	const json_t *counts = json_object_get(drift, "counts"), *items;
	JSON json_t *severities = json_object();
	JSON json_t *aspects = json_object();
	BUF struct buf out = {0};
	size_t i;
	json_t *item;

	(void)target;
	items = json_object_get(drift, "items");
	json_array_foreach(items, i, item) {
		count(severities, get_text(item, "severity"));
		count_list(aspects, json_object_get(item, "aspects"));
	}
	buf_printf(&out, "%zu path%s: %lld added, %lld changed, %lld deleted\n", i,
		i == 1 ? "" : "s", (long long)get_int(counts, "A"), (long long)get_int(counts, "C"),
		(long long)get_int(counts, "D"));
	if (json_object_size(severities)) {
		buf_add_text(&out, "severity: ");
		add_sum(c, &out, severities);
	}
	if (json_object_size(aspects)) {
		buf_add_text(&out, "aspects: ");
		add_sum(c, &out, aspects);
	}
	out_add(buf_span(&out));
	print_id(drift);
}

const struct diff_dress diff_stat = {draw_stat};

/* Has it content that a patch could show? Records may be missing: then the daemon decides. */
static bool may_have_text(const json_t *item)
{
	struct span old = get_text(json_object_get(item, "old"), "type");
	struct span now = get_text(json_object_get(item, "new"), "type");
	const json_t *aspects = json_object_get(item, "aspects");
	size_t i;
	json_t *v;

	if ((old.n || now.n) && !span_is(old, "file") && !span_is(now, "file"))
		return false;
	if (!span_is(get_text(item, "kind"), "C") || json_array_size(aspects) == 0)
		return true;
	json_array_foreach(aspects, i, v)
		if (json_is_string(v) && (strcmp(json_string_value(v), "content") == 0 ||
						 strcmp(json_string_value(v), "type") == 0))
			return true;
	return false;
}

/* A line that patch(1) skips, as "Only in ..." is. */
static void note(struct cli *c, const char *what, struct span path, struct span why)
{
	BUF struct buf out = {0};

	buf_printf(&out, "%s: ", what);
	text_quote(&out, path, c->utf8_ok);
	if (why.n) {
		buf_add_text(&out, ": ");
		safe_text(&out, why, c->utf8_ok, false);
	}
	buf_u8(&out, '\n');
	out_add(buf_span(&out));
}

/* On a terminal the content of files is as hostile as their names; in a pipe it is a patch and must
 * stay as it is. */
static void print_patch(struct cli *c, struct span patch)
{
	BUF struct buf safe = {0};

	if (c->out_tty)
		safe_lines(&safe, patch, c->utf8_ok);
	out_add(c->out_tty ? buf_span(&safe) : patch);
	if (patch.n && patch.p[patch.n - 1] != '\n')
		out_text("\n");
}

static const struct {
	int status;
	const char *what;
} refusals[] = {
	{403, "Withheld"},
	{413, "Too large to show"},
	{415, "Binary"},
};

static void refused(struct cli *c, struct span path)
{
	JSON json_t *p = json_loadb(c->reply.body, c->reply.body_len, JSON_ALLOW_NUL, NULL);
	const char *what = "Not shown";

	for (size_t i = 0; i < COUNTOF(refusals); i++)
		if (refusals[i].status == c->reply.status)
			what = refusals[i].what;
	note(c, what, path, get_text(p, "detail"));
}

static void add_attributes(struct cli *c, const json_t *item, struct span path)
{
	static const struct {
		const char *kind, *what;
	} rows[] = {{"A", "Added"}, {"D", "Deleted"}};
	BUF struct buf why = {0};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (span_is(get_text(item, "kind"), rows[i].kind)) {
			const json_t *rec = json_object_get(item, i ? "old" : "new");

			note(c, rows[i].what, path, get_text(rec, "type"));
			return;
		}
	}
	add_list(c, &why, json_object_get(item, "aspects"), ", ");
	note(c, "Only attributes", path, buf_span(&why));
}

static void draw_patch(struct cli *c, const json_t *drift, const char *target)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(drift, "items"), i, item) {
		BUF struct buf room = {0}, path = {0};

		buf_add_span(&path, get_path(item, "path", &room));
		if (!may_have_text(item)) {
			add_attributes(c, item, buf_span(&path));
			continue;
		}
		if (boltseal_patch(c->h, target, buf_text(&path), &c->reply) < 0) {
			note(c, "Not shown", buf_span(&path), span_of(boltseal_why(c->h)));
			continue;
		}
		if (c->reply.status == 200)
			print_patch(c, span_make(c->reply.body, c->reply.body_len));
		else
			refused(c, buf_span(&path));
	}
}

const struct diff_dress diff_patch = {draw_patch};
