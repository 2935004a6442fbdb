/* JSON that goes to a terminal is made safe; JSON that goes to a program is what the daemon said. */
#include "cli/form.h"
#include "cli/safe.h"
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <unistd.h>

/* Said once: stdout stays in error from the first failure on. */
static int failed(bool already)
{
	if (already)
		return EXIT_TROUBLE;
	return complain("cannot write the answer: %s", strerror(errno));
}

void out_add(struct span s)
{
	bool already = ferror(stdout);

	if (s.n && fwrite(s.p, 1, s.n, stdout) != s.n)
		failed(already);
}

void out_text(const char *s)
{
	out_add(span_of(s));
}

void out_flush(void)
{
	bool already = ferror(stdout);

	if (fflush(stdout))
		failed(already);
}

int out_close(void)
{
	bool already = ferror(stdout);

	return fclose(stdout) || already ? failed(already) : 0;
}

static bool is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

void look_init(struct cli *c)
{
	const char *term = getenv("TERM");

	c->out_tty = isatty(STDOUT_FILENO);
	if (c->out_tty)
		setlocale(LC_CTYPE, "");
	c->err_tty = isatty(STDERR_FILENO);
	c->utf8_ok = !c->out_tty || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	c->color = c->out_tty && !c->no_color && !is_set("NO_COLOR") && term &&
		   strcmp(term, "dumb") != 0;
}

void look_widths(void)
{
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

void paint(struct cli *c, struct buf *out, const char *sgr, struct span s)
{
	bool on = c->color && sgr;

	if (on)
		buf_printf(out, "\033[%sm", sgr);
	buf_add_span(out, s);
	if (on)
		buf_add_text(out, "\033[0m");
}

const char *color_of(const char *word)
{
	static const struct {
		const char *word, *sgr;
	} colors[] = {
		{"A", "32"},
		{"C", "33"},
		{"D", "31"},
		{"low", "36"},
		{"medium", "33"},
		{"high", "31"},
		{"critical", "1;31"},
	};

	for (size_t i = 0; i < COUNTOF(colors); i++)
		if (strcmp(colors[i].word, word) == 0)
			return colors[i].sgr;
	return NULL;
}

static void put_json(struct cli *c, struct span text)
{
	BUF struct buf safe = {0};

	if (c->out_tty)
		safe_json(&safe, text);
	out_add(c->out_tty ? buf_span(&safe) : text);
	out_text("\n");
}

static void dump(struct cli *c, const json_t *v, size_t flags)
{
	FREE char *text = json_dumps(v, flags | JSON_ENCODE_ANY);

	must(text);
	put_json(c, span_of(text));
}

static void table_answer(struct cli *c, const json_t *answer, const struct view *v)
{
	v->draw(c, answer, v->arg);
}

static void json_answer(struct cli *c, const json_t *answer, const struct view *v)
{
	(void)v;
	dump(c, answer, JSON_INDENT(2));
}

static void jsonl_answer(struct cli *c, const json_t *answer, const struct view *v)
{
	const json_t *list = v->list ? json_object_get(answer, v->list) : NULL;
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		list = json_is_array(answer) ? answer : NULL;
	if (!list)
		dump(c, answer, JSON_COMPACT);
	json_array_foreach(list, i, item)
		dump(c, item, JSON_COMPACT);
}

static void nothing(struct cli *c)
{
	(void)c;
}

static void nothing_more(struct cli *c, size_t n)
{
	(void)c;
	(void)n;
}

static void table_item(struct cli *c, size_t n, struct span raw, const struct view *v)
{
	json_t *item = json_loadb((const char *)raw.p, raw.n, JSON_ALLOW_NUL, NULL);

	(void)n;
	if (item)
		v->draw(c, item, v->arg);
	json_decref(item);
}

static void json_begin(struct cli *c)
{
	(void)c;
	out_text("[");
}

static void json_item(struct cli *c, size_t n, struct span raw, const struct view *v)
{
	(void)v;
	out_text(n ? ",\n" : "\n");
	if (c->out_tty) {
		BUF struct buf safe = {0};

		safe_json(&safe, raw);
		out_add(buf_span(&safe));
	} else {
		out_add(raw);
	}
}

static void json_end(struct cli *c, size_t n)
{
	(void)c;
	out_text(n ? "\n]\n" : "]\n");
}

static void jsonl_item(struct cli *c, size_t n, struct span raw, const struct view *v)
{
	(void)n;
	(void)v;
	put_json(c, raw);
}

static const struct form forms[] = {
	{"table", false, table_answer, nothing, table_item, nothing_more},
	{"json", true, json_answer, json_begin, json_item, json_end},
	{"jsonl", true, jsonl_answer, nothing, jsonl_item, nothing_more},
};

const struct form *form_find(const char *name)
{
	for (size_t i = 0; i < COUNTOF(forms); i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

const struct form *form_default(void)
{
	return &forms[0];
}
