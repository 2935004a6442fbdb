/* key new, list, show, rotate, revoke. */
#include "base/err.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/form.h"
#include "cli/key.h"
#include "cli/proof.h"
#include "cli/proof_pass.h"
#include "cli/safe.h"
#include "cli/table.h"
#include "client/keys.h"
#include <stdio.h>
#include <unistd.h>

static const char *dir_of(const struct args *a)
{
	return a->val[KEY_DIR] ? a->val[KEY_DIR] : BOLTSEAL_CONF_DIR "/keys";
}

/* ---- showing ---- */

static void add_key(struct cli *c, struct table *t, const json_t *k)
{
	BUF struct buf roles = {0}, until = {0};
	struct span id = get_text(k, "id"), state = get_text(k, "state");
	size_t i;
	json_t *v;

	table_add(c, t, get_text(k, "name"), NULL);
	table_add(c, t, span_make(id.p, id.n < 12 ? id.n : 12), NULL);
	table_add(c, t, state, span_is(state, "good") ? "32" : "31");
	add_time(&until, get_text(k, "expires"));
	table_add_safe(t, buf_span(&until));
	json_array_foreach(json_object_get(k, "roles"), i, v)
		buf_printf(&roles, "%s%s", i ? "," : "", json_string_value(v));
	table_add_safe(t, buf_span(&roles));
	table_add(c, t, get_text(k, "file"), NULL);
}

static void draw_list(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {0};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "NAME ID STATE EXPIRES ROLES FILE");
	json_array_foreach(json_object_get(answer, "items"), i, v)
		add_key(c, &t, v);
	table_print(c, &t);
	json_array_foreach(json_object_get(answer, "odd"), i, v)
		complain("left out: %s", json_string_value(v));
}

static int show_text(struct cli *c, const struct buf *text)
{
	JSON json_t *answer = json_loadb((const char *)text->p, text->n, JSON_ALLOW_NUL, NULL);

	if (!answer)
		return complain("out of memory");
	c->form->answer(c, answer, &(struct view){"items", draw_list, NULL});
	return EXIT_CLEAN;
}

static int run_list(struct cli *c, const struct args *a)
{
	BUF struct buf text = {0};

	if (a->val[KEY_DIR] && access(a->val[KEY_DIR], F_OK) < 0)
		return complain("%s: %s: name the directory in which the keys NAME.pub lie",
			a->val[KEY_DIR], strerror(errno));
	return keys_show(dir_of(a), NULL, clock_wall(), &text) < 0 ? complain("%s", err_why())
								   : show_text(c, &text);
}

/* The host's own, as the daemon gives it away. */
static int show_host(struct cli *c)
{
	JSON json_t *answer = NULL;
	int r = ask_json(
		c, boltseal_request(c->h, "GET", "/v1/keys", NULL, NULL, &c->reply), &answer);

	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw_list, NULL});
	return EXIT_CLEAN;
}

static int run_show(struct cli *c, const struct args *a)
{
	BUF struct buf text = {0};
	int r;

	if (strcmp(a->pos[1], "host") == 0 && !a->val[KEY_DIR])
		return show_host(c);
	r = strchr(a->pos[1], '/') || access(a->pos[1], F_OK) == 0
		    ? keys_show_file(a->pos[1], clock_wall(), &text)
		    : keys_show(dir_of(a), a->pos[1], clock_wall(), &text);
	return r < 0 ? complain("%s", err_why()) : show_text(c, &text);
}

/* ---- making ---- */

static int read_expires(const struct args *a, int64_t *ret)
{
	BUF struct buf text = {0};
	int r = 0;

	*ret = 0;
	if (a->val[KEY_EXPIRES])
		r = time_option("--expires", a->val[KEY_EXPIRES], true, &text);
	if (!r && text.n && clock_parse(buf_span(&text), clock_wall(), ret) < 0)
		r = complain("--expires: %s", err_why());
	if (!r && *ret && *ret <= clock_wall())
		r = complain("--expires %s is in the past: the key could sign nothing",
			a->val[KEY_EXPIRES]);
	return r;
}

static void rotated_fini(struct keys_rotated *r)
{
	buf_free(&r->public_file);
	buf_free(&r->retired_file);
}

static void public_name(const char *private_file, struct buf *out)
{
	size_t n = strlen(private_file);

	buf_add(out, private_file, n > 4 && strcmp(private_file + n - 4, ".key") == 0 ? n - 4 : n);
	buf_add_text(out, ".pub");
}

/* Where the private half goes, and what locks it. */
static int private_half(const struct args *a, const char *name, struct buf *file, struct buf *pass)
{
	const char *out = a->val[KEY_OUT];

	buf_printf(file, "%s%s", out ? out : name, out ? "" : ".key");
	if (a->val[KEY_NO_PASSPHRASE] && a->val[KEY_PASSPHRASE])
		return complain("--no-passphrase and --passphrase-file: choose one");
	if (access(buf_text(file), F_OK) == 0)
		return complain("%s is there already: a key is not written over; name another file "
				"with --out, or move it away",
			buf_text(file));
	return a->val[KEY_NO_PASSPHRASE] ? 0
					 : pass_new(a->val[KEY_PASSPHRASE], buf_text(file), pass);
}

static void draw_made(struct cli *c, const json_t *answer, void *arg)
{
	static const struct {
		const char *member, *before, *behind;
	} rows[] = {
		{"id", "key ", "\n"},
		{"private", "private: ", " (mode 0600; keep it elsewhere)\n"},
		{"public", "public:  ", "\n"},
		{"retired",
			"the old one expired now, and what it signed before stays good: ", "\n"},
		{"install", "A host trusts it from then on: ", "\n"},
	};
	BUF struct buf out = {0};

	(void)arg;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf room = {0};

		if (!json_object_get(answer, rows[i].member))
			continue;
		buf_add_text(&out, rows[i].before);
		safe_text(&out, get_path(answer, rows[i].member, &room), c->utf8_ok, false);
		buf_add_text(&out, rows[i].behind);
	}
	out_add(buf_span(&out));
}

/* `more`: of whichever member. */
static int made(struct cli *c, const char *name, const uint8_t id[SHA_LEN],
	const char *private_file, const char *public_file, const char *member,
	const struct buf *more)
{
	BUF struct buf text = {0};
	struct json j = json_on(&text);
	JSON json_t *answer = NULL;

	json_open(&j, '{');
	json_m_hex(&j, "id", span_make(id, SHA_LEN));
	json_m_text(&j, "name", name);
	json_m_path(&j, "private", span_of(private_file));
	json_m_path(&j, "public", span_of(public_file));
	json_m_path(&j, member, buf_span(more));
	json_close(&j, '}');
	answer = json_loadb((const char *)text.p, text.n, 0, NULL);
	must(answer);
	c->form->answer(c, answer, &(struct view){NULL, draw_made, NULL});
	return EXIT_CLEAN;
}

static int run_new(struct cli *c, const struct args *a)
{
	BUF struct buf private_file = {0}, pub = {0}, install = {0};
	PASS struct buf pass = {0};
	struct keys_new n = {.name = a->pos[1], .roles = a->val[KEY_ROLES]};
	uint8_t id[SHA_LEN];
	int r = read_expires(a, &n.expires);

	if (!r && keys_name_ok(n.name) < 0)
		r = complain("%s", err_why());
	if (!r)
		r = private_half(a, n.name, &private_file, &pass);
	if (r)
		return r;
	public_name(buf_text(&private_file), &pub);
	n.private_file = buf_text(&private_file);
	n.public_file = buf_text(&pub);
	n.pass = buf_span(&pass);
	if (keys_make(&n, id) < 0)
		return complain("%s", err_why());
	buf_printf(&install, "install -D -m 644 %s %s/%s.pub", n.public_file, dir_of(a), n.name);
	return made(c, n.name, id, n.private_file, n.public_file, "install", &install);
}

static int rotate_host(void)
{
	return complain(
		"host is this machine's own key, which the sensor made once and which is not rotated: "
		"boltseal(1), key, says how to have another and still prove what this one signed");
}

static int run_rotate(struct cli *c, const struct args *a)
{
	BUF struct buf name = {0}, private_file = {0};
	PASS struct buf pass = {0};
	struct keys_rotate how = {.dir = dir_of(a), .word = a->pos[1]};
	CLEANUP(rotated_fini) struct keys_rotated done = {.public_file = {0}};
	int r = read_expires(a, &how.expires);

	if (!r && keys_rotatable(how.dir, how.word, &name) < 0)
		r = strcmp(how.word, "host") == 0 ? rotate_host() : complain("%s", err_why());
	if (!r)
		r = private_half(a, buf_text(&name), &private_file, &pass);
	if (r)
		return r;
	how.private_file = buf_text(&private_file);
	how.pass = buf_span(&pass);
	if (keys_rotate(&how, clock_wall(), &done) < 0)
		return complain("%s", err_why());
	return made(c, buf_text(&name), done.id, how.private_file, buf_text(&done.public_file),
		"retired", &done.retired_file);
}

static void draw_revoked(struct cli *c, const json_t *answer, void *arg)
{
	(void)c;
	(void)answer;
	(void)arg;
	out_text(
		"revoked: nothing that it signed counts here any more; copy its .pub to every host that trusts it\n");
}

static int run_revoke(struct cli *c, const struct args *a)
{
	BUF struct buf text = {0};
	JSON json_t *answer = NULL;

	if (!a->val[KEY_REASON] || !*a->val[KEY_REASON])
		return complain(
			"key revoke needs --reason TEXT: whoever reads it later wants to know why");
	if (keys_revoke(dir_of(a), a->pos[1], clock_wall(), a->val[KEY_REASON]) < 0 ||
		keys_show(dir_of(a), a->pos[1], clock_wall(), &text) < 0)
		return complain("%s", err_why());
	answer = json_loadb((const char *)text.p, text.n, JSON_ALLOW_NUL, NULL);
	must(answer);
	c->form->answer(c, answer, &(struct view){"items", draw_revoked, NULL});
	return EXIT_CLEAN;
}

static const struct {
	const char *word;
	size_t n;
	int (*run)(struct cli *c, const struct args *a);
} verbs[] = {
	{"list", 1, run_list},
	{"new", 2, run_new},
	{"show", 2, run_show},
	{"rotate", 2, run_rotate},
	{"revoke", 2, run_revoke},
};

int proof_key_run(struct cli *c, const struct args *a)
{
	for (size_t i = 0; i < COUNTOF(verbs); i++) {
		if (strcmp(verbs[i].word, a->pos[0]) != 0)
			continue;
		if (a->n != verbs[i].n)
			return complain("key %s takes %s", a->pos[0],
				verbs[i].n > 1 ? "the NAME of one key"
					       : "no name: `boltseal key show NAME` does");
		return verbs[i].run(c, a);
	}
	return complain("key knows no %s: it is list, new, show, rotate or revoke", a->pos[0]);
}
