/* What the daemon says is material from outside here, as any file's name is. */
#include "cli/ask.h"
#include "base/err.h"
#include "base/paths.h"
#include "base/text.h"
#include "cli/form.h"
#include "cli/safe.h"
#include <stdarg.h>

static void say(const char *fmt, va_list ap)
{
	BUF struct buf raw = {0}, line = {0};

	buf_vprintf(&raw, fmt, ap);
	buf_add_text(&line, "boltseal: ");
	safe_text(&line, buf_span(&raw), false, false);
	buf_u8(&line, '\n');
	out_flush();
	fwrite(line.p, 1, line.n, stderr);
}

int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return EXIT_TROUBLE;
}

void remark(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

struct span get_text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return span_make(json_string_value(v), json_is_string(v) ? json_string_length(v) : 0);
}

struct span get_path(const json_t *o, const char *key, struct buf *room)
{
	BUF struct buf b64_key = {0};
	struct span b64;

	buf_printf(&b64_key, "%s_b64", key);
	b64 = get_text(o, buf_text(&b64_key));
	buf_reset(room);
	if (b64.n && text_unb64(b64, room) == 0)
		return buf_span(room);
	return get_text(o, key);
}

int64_t get_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

bool get_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

bool get_false(const json_t *o, const char *key)
{
	return json_is_false(json_object_get(o, key));
}

void add_time(struct buf *out, struct span t)
{
	if (t.n >= 20 && t.p[10] == 'T' && t.p[t.n - 1] == 'Z') {
		safe_text(out, span_make(t.p, 19), false, false);
		buf_u8(out, 'Z');
	} else if (t.n) {
		text_quote(out, t, false);
	} else {
		buf_u8(out, '-');
	}
}

/* An argument as a shell would take it, when it is harmless: in quotes where it has blanks or is empty. */
static void add_word(struct cli *c, struct buf *out, struct span word)
{
	BUF struct buf safe = {0};
	bool bare = word.n > 0;

	text_quote(&safe, word, c->utf8_ok);
	for (size_t i = 0; i < word.n && bare; i++)
		bare = !strchr(" '\"\\$`&;|<>()*?[]#~!{}", word.p[i]);
	if (!bare && safe.n == word.n && !memchr(word.p ? (const void *)word.p : "", '\'', word.n))
		buf_printf(out, "'%s'", buf_text(&safe));
	else
		buf_add_span(out, buf_span(&safe));
}

enum { ACTOR_UP_SHOWN = 3 };

static struct span base_of(struct span path)
{
	size_t cut = path.n;

	while (cut && path.p[cut - 1] != '/')
		cut--;
	return span_make(path.p + cut, path.n - cut);
}

/* The kernel's name for it; what ran /proc/self/exe to become another applet is named by its command. */
static struct span name_of(const json_t *actor)
{
	const json_t *first = json_array_get(json_object_get(actor, "cmdline"), 0);
	struct span comm = get_text(actor, "comm");

	if (span_is(comm, "exe") && json_string_length(first))
		return base_of(span_make(json_string_value(first), json_string_length(first)));
	return comm;
}

/* "/bin/busybox[123] as sh": the program, and the name it goes by where that is another. */
static void add_program(struct cli *c, struct buf *out, const json_t *actor)
{
	BUF struct buf room = {0};
	struct span exe = get_path(actor, "exe", &room), comm = name_of(actor);

	if (exe.n || comm.n) {
		buf_u8(out, ' ');
		text_quote(out, exe.n ? exe : comm, c->utf8_ok);
	}
	if (get_int(actor, "pid"))
		buf_printf(out, "%s[%lld]", exe.n || comm.n ? "" : " ",
			(long long)get_int(actor, "pid"));
	/* The kernel cuts the name at 15 bytes. */
	if (exe.n && comm.n && !span_starts(base_of(exe), comm)) {
		buf_add_text(out, " as ");
		text_quote(out, comm, c->utf8_ok);
	}
	if (get_true(actor, "drifted"))
		buf_add_text(out, " (itself drift)");
}

static void add_ancestry(struct cli *c, struct buf *out, const json_t *actor)
{
	size_t i;
	json_t *up;

	json_array_foreach(json_object_get(actor, "ancestry"), i, up) {
		BUF struct buf room = {0};
		struct span name = get_text(up, "comm");

		if (!name.n)
			name = base_of(get_path(up, "exe", &room));
		if (i == ACTOR_UP_SHOWN)
			buf_add_text(out, " <- ...");
		if (i >= ACTOR_UP_SHOWN)
			break;
		buf_add_text(out, " <- ");
		text_quote(out, name.n ? name : span_of("?"), c->utf8_ok);
	}
}

void add_actor(struct cli *c, struct buf *out, const json_t *actor)
{
	struct span origin = get_text(actor, "origin"), tty = get_text(actor, "tty");
	struct span reason = get_text(actor, "reason");

	if (!json_is_object(actor)) {
		buf_add_text(out, "-");
		return;
	}
	text_quote(out, origin.n ? origin : span_of("unknown"), c->utf8_ok);
	if (json_is_integer(json_object_get(actor, "uid")))
		buf_printf(out, " uid %lld", (long long)get_int(actor, "uid"));
	add_program(c, out, actor);
	if (tty.n) {
		buf_add_text(out, " tty ");
		text_quote(out, tty, c->utf8_ok);
	}
	add_ancestry(c, out, actor);
	if (!reason.n)
		return;
	buf_add_text(out, " (");
	safe_text(out, reason, c->utf8_ok, false);
	buf_u8(out, ')');
}

void add_cmdline(struct cli *c, struct buf *out, const json_t *of)
{
	const json_t *line = json_object_get(of, "cmdline");
	size_t i;
	json_t *v;

	if (json_is_string(line)) /* as older entries of the journal have it */
		safe_text(out, get_text(of, "cmdline"), c->utf8_ok, false);
	json_array_foreach(line, i, v) {
		if (i)
			buf_u8(out, ' ');
		add_word(c, out, span_make(json_string_value(v), json_string_length(v)));
	}
}

static void add_name(struct cli *c, struct buf *out, const json_t *package)
{
	struct span version = get_text(package, "version");

	text_quote(out, get_text(package, "name"), c->utf8_ok);
	if (!version.n)
		return;
	buf_u8(out, ' ');
	text_quote(out, version, c->utf8_ok);
}

static const char *state_words(struct span state)
{
	static const struct {
		const char *state, *words;
	} rows[] = {{"modified", "modified"}, {"edited", "configuration file, modified"},
		{"installed", "as installed"}, {"deleted", "deleted"},
		{"added", "not in the image"}, {"mismatch", "not as the package has it"}};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		if (span_is(state, rows[i].state))
			return rows[i].words;
	return NULL;
}

void add_package_words(struct cli *c, struct buf *out, const json_t *package)
{
	const char *words = state_words(get_text(package, "state"));

	if (!get_text(package, "name").n) {
		buf_add_text(out, "not owned by any package");
		return;
	}
	buf_add_text(out, "package ");
	add_name(c, out, package);
	if (words)
		buf_printf(out, " (%s)", words);
}

static bool is_new_program(const json_t *change)
{
	struct span mode = get_text(json_object_get(change, "new"), "mode");
	unsigned bits = 0;

	for (size_t i = 0; i < mode.n; i++)
		bits = bits * 8 + (unsigned)(mode.p[i] - '0');
	return span_is(get_text(change, "kind"), "A") && bits & 0111;
}

void add_package(struct cli *c, struct buf *out, const json_t *change)
{
	const json_t *package = json_object_get(change, "package");
	struct span state = get_text(package, "state");
	const char *words = state_words(state);

	if (!json_is_object(package))
		return;
	if (!get_text(package, "name").n) {
		buf_add_text(out, is_new_program(change) ? " (not owned by any package)" : "");
	} else if (!state.n || span_is(state, "mismatch")) {
		buf_add_text(out, span_eq(get_text(package, "expected"), get_text(package, "found"))
					  ? " (again what package "
					  : " (not what package ");
		add_name(c, out, package);
		buf_add_text(out, " has)");
	} else {
		buf_add_text(out, " (package ");
		add_name(c, out, package);
		buf_printf(out, "%s%s)", words ? ", " : "", words ? words : "");
	}
}

void add_rule(struct cli *c, struct buf *out, const json_t *rule)
{
	struct span name = get_text(rule, "name"), why = get_text(rule, "reason");
	bool expected = get_true(rule, "expected");

	if (!name.n)
		return;
	buf_add_text(out, expected ? " (expected by the rule " : " (rule ");
	text_quote(out, name, c->utf8_ok);
	if (expected && why.n) {
		buf_add_text(out, ": ");
		safe_text(out, why, c->utf8_ok, false);
	}
	buf_u8(out, ')');
}

void add_id(struct buf *out, struct span id)
{
	text_quote(out, id, false);
}

void add_list(struct cli *c, struct buf *out, const json_t *array, const char *between)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v) {
		if (i)
			buf_add_text(out, between);
		text_quote(out, span_make(json_string_value(v), json_string_length(v)), c->utf8_ok);
	}
}

static const struct {
	int status;
	const char *hint;
} hints[] = {
	{401, "your user has no role; ask an admin to join you to the group boltseal"},
	{403, "ask an admin for the role that this needs (`roles:` in " BOLTSEAL_CONF_DIR
	      "/boltseal.yaml)"},
	{404, "`boltseal ps -a` lists the targets"},
	{414, "the request is too long: name fewer PATHs at once"},
	{431, "the request is too long: name fewer PATHs at once"},
	{429, "wait a moment and try again"},
	{500, "see `journalctl -u boltseald`"},
	{501, "this daemon cannot do it"},
	{503, "see `boltseal doctor`"},
	{504, "see `boltseal doctor`"},
};

static const char *hint_of(int status)
{
	for (size_t i = 0; i < COUNTOF(hints); i++)
		if (hints[i].status == status)
			return hints[i].hint;
	return NULL;
}

/* A candidate is a name, or an object that has one. */
static void add_candidates(struct buf *out, const json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		struct span name =
			json_is_string(v) ? span_of(json_string_value(v)) : get_text(v, "name");
		struct span id = get_text(v, "id");

		buf_add_text(out, i ? ", " : ": it may be ");
		text_quote(out, name.n ? name : id, true);
		if (name.n && id.n)
			buf_printf(out, " (%.12s)", (const char *)id.p);
	}
}

/* The daemon speaks of addresses; whoever sits here has commands. */
static void add_detail(struct buf *out, struct span detail)
{
	static const struct {
		const char *address, *command;
	} known[] = {
		{"GET /v1/targets?all=1", "`boltseal ps -a`"},
		{"GET /v1/baselines", "`boltseal baseline list`"},
		{"GET /v1/events", "`boltseal log`"},
		{"GET /v1/holds", "`boltseal hold list`"},
	};

	for (size_t i = 0; i < COUNTOF(known) && detail.n; i++) {
		size_t n = strlen(known[i].address);
		const uint8_t *at = memmem(detail.p, detail.n, known[i].address, n);

		if (!at)
			continue;
		buf_add(out, detail.p, (size_t)(at - detail.p));
		buf_add_text(out, known[i].command);
		detail = span_make(at + n, detail.n - n - (size_t)(at - detail.p));
	}
	buf_add_span(out, detail);
}

static void add_problem(struct buf *out, const json_t *p, int status)
{
	struct span detail = get_text(p, "detail"), hint = get_text(p, "hint");
	bool told = detail.n; /* a detail says what to do next itself */

	if (!detail.n)
		detail = get_text(p, "message");
	if (!detail.n)
		detail = get_text(p, "title");
	add_detail(out, detail);
	if (!detail.n)
		buf_printf(out, "boltseald answered with status %d", status);
	if (json_array_size(json_object_get(p, "candidates")))
		add_candidates(out, json_object_get(p, "candidates"));
	else if (!told && !hint.n && hint_of(status))
		hint = span_of(hint_of(status));
	if (hint.n) {
		buf_add_text(out, ": ");
		buf_add_span(out, hint);
	}
}

int ask_problem(struct cli *c, const char *what)
{
	JSON json_t *p = json_loadb(c->reply.body, c->reply.body_len, JSON_ALLOW_NUL, NULL);
	BUF struct buf words = {0};

	add_problem(&words, p, c->reply.status);
	if (what)
		return complain("%s: %s", what, buf_text(&words));
	return complain("%s", buf_text(&words));
}

int ask_check(struct cli *c, int r)
{
	if (r < 0)
		return complain("%s", boltseal_why(c->h));
	return c->reply.status >= 200 && c->reply.status < 300 ? 0 : ask_problem(c, NULL);
}

int ask_json(struct cli *c, int r, json_t **ret)
{
	json_error_t e;

	*ret = NULL;
	r = ask_check(c, r);
	if (r)
		return r;
	*ret = json_loadb(c->reply.body, c->reply.body_len, JSON_ALLOW_NUL, &e);
	if (*ret)
		return 0;
	return complain("what answers at the socket does not speak boltseal's JSON: %s: does "
			"`boltseal version` match boltseald's?",
		e.text);
}

int time_option(const char *what, const char *value, bool ahead, struct buf *out)
{
	int64_t t, ns, now = clock_wall();

	if (ahead && clock_parse_duration(span_of(value), &ns) == 0) {
		clock_format(out, now + ns);
		return 0;
	}
	if (clock_parse(span_of(value), now, &t))
		return complain("%s: %s", what, err_why());
	clock_format(out, t);
	return 0;
}

int path_word(const char *word, struct buf *out)
{
	size_t from = out->n;

	if (word[0] != '/')
		return complain("%s is not a path in the target: begin it with /", word);
	for (const char *p = word; *p;) {
		size_t n = strcspn(p + 1, "/");

		if (n && !(n == 1 && p[1] == '.'))
			buf_add(out, p, n + 1);
		p += n + 1;
	}
	if (out->n == from)
		buf_u8(out, '/');
	return 0;
}
