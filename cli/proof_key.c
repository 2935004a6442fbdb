/* key new, list, show, rotate, revoke. */
#include "base/err.h"
#include "base/paths.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/form.h"
#include "cli/key.h"
#include "cli/proof.h"
#include "cli/proof_pass.h"
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

static void public_name(const char *private_file, struct buf *out)
{
	size_t n = strlen(private_file);

	buf_add(out, private_file, n > 4 && strcmp(private_file + n - 4, ".key") == 0 ? n - 4 : n);
	buf_add_text(out, ".pub");
}

static int make(struct cli *c, const struct args *a, const char *public_file)
{
	BUF struct buf private_file = {0}, pub = {0}, id = {0};
	PASS struct buf pass = {0};
	struct keys_new n = {.name = a->pos[1], .roles = a->val[KEY_ROLES]};
	uint8_t raw[SHA_LEN];
	int r = read_expires(a, &n.expires);

	(void)c;
	buf_printf(&private_file, "%s%s", a->val[KEY_OUT] ? a->val[KEY_OUT] : a->pos[1],
		a->val[KEY_OUT] ? "" : ".key");
	public_name(buf_text(&private_file), &pub);
	n.private_file = buf_text(&private_file);
	n.public_file = public_file ? public_file : buf_text(&pub);
	if (!r && a->val[KEY_NO_PASSPHRASE] && a->val[KEY_PASSPHRASE])
		r = complain("--no-passphrase and --passphrase-file: choose one");
	if (!r && !a->val[KEY_NO_PASSPHRASE])
		r = pass_new(a->val[KEY_PASSPHRASE], n.private_file, &pass);
	n.pass = buf_span(&pass);
	if (!r && keys_make(&n, raw) < 0)
		r = complain("%s", err_why());
	if (r)
		return r;
	text_hex(&id, span_make(raw, SHA_LEN));
	buf_printf(&id, "\nprivate: %s (mode 0600; keep it elsewhere)\npublic:  %s\n",
		n.private_file, n.public_file);
	out_text("key ");
	out_add(buf_span(&id));
	return EXIT_CLEAN;
}

static int run_new(struct cli *c, const struct args *a)
{
	BUF struct buf words = {0};
	int r = make(c, a, NULL);

	if (r)
		return r;
	buf_printf(&words, "A host trusts it from then on: install -D -m 644 FILE.pub %s/%s.pub\n",
		dir_of(a), a->pos[1]);
	if (!c->form->machine)
		out_add(buf_span(&words));
	return EXIT_CLEAN;
}

/* The old one goes only when the new one is there. */
static int run_rotate(struct cli *c, const struct args *a)
{
	BUF struct buf was = {0}, now = {0}, next = {0};
	int r;

	buf_printf(&now, "%s/%s.pub", dir_of(a), a->pos[1]);
	buf_printf(&next, "%s/.%s.next", dir_of(a), a->pos[1]);
	if (access(buf_text(&now), F_OK) < 0)
		return complain("%s: no such key is there: `boltseal key list` has those that are",
			buf_text(&now));
	r = make(c, a, buf_text(&next));
	if (r)
		return r;
	if (keys_retire(dir_of(a), a->pos[1], clock_wall(), &was) < 0)
		r = complain("%s", err_why());
	else if (rename(buf_text(&next), buf_text(&now)) < 0)
		r = complain("%s: %s", buf_text(&now), strerror(errno));
	if (r)
		return r;
	out_text("the old one expired now, and what it signed before stays good: ");
	out_add(buf_span(&was));
	out_text("\n");
	return EXIT_CLEAN;
}

static int run_revoke(struct cli *c, const struct args *a)
{
	(void)c;
	if (!a->val[KEY_REASON] || !*a->val[KEY_REASON])
		return complain(
			"key revoke needs --reason TEXT: whoever reads it later wants to know why");
	if (keys_revoke(dir_of(a), a->pos[1], clock_wall(), a->val[KEY_REASON]) < 0)
		return complain("%s", err_why());
	out_text(
		"revoked: nothing that it signed counts here any more; copy its .pub to every host that trusts it\n");
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
