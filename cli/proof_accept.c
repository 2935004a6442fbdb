/* accept with signatures: by a key here, and those that others have made before. */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/accept.h"
#include "cli/form.h"
#include "cli/proof.h"
#include "cli/proof_pass.h"
#include "client/keys.h"
#include <fcntl.h>

enum { SIGNATURES_MOST = 8, FILE_MOST = 64 << 10 };

struct signing {
	const struct args *a;
	const char **paths;
	size_t n_paths;
	struct buf room, expires, id, drift; /* drift: 64 hex digits */
	struct buf lines;		     /* signatures, one a line */
	const char *list[SIGNATURES_MOST + 1];
};

static void signing_fini(struct signing *s)
{
	free(s->paths);
	buf_free(&s->room);
	buf_free(&s->expires);
	buf_free(&s->id);
	buf_free(&s->drift);
	buf_free(&s->lines);
}

/* The whole ids of what is accepted: of the target, and of the drift that was looked at. */
static int ask_ids(struct cli *c, struct signing *s)
{
	const char *want = s->a->val[ACCEPT_DRIFT];
	JSON json_t *answer = NULL;
	const json_t *target;
	int r = ask_json(c, boltseal_target(c->h, s->a->pos[0], &c->reply), &answer);

	if (r)
		return r;
	target = json_object_get(answer, "target");
	buf_add_span(&s->id, get_text(target, "id"));
	buf_add_span(&s->drift, get_text(target, "drift_id"));
	if (!s->id.n || s->drift.n != 64)
		return complain("the daemon's answer has no id and drift id");
	if (strncasecmp(buf_text(&s->drift), want, strlen(want)) != 0)
		return complain(
			"the drift of %s moved since %.12s: look again with `boltseal diff %s -l` "
			"and sign what you see then",
			s->a->pos[0], want, s->a->pos[0]);
	return 0;
}

static int sign(struct signing *s)
{
	const char *pass_file = s->a->val[ACCEPT_PASSPHRASE];
	const struct passphrase ask = {pass_ask, (void *)(uintptr_t)pass_file};
	const struct keys_accept what = {.target = buf_text(&s->id),
		.drift_id = buf_text(&s->drift),
		.paths = s->paths,
		.n_paths = s->n_paths,
		.reason = s->a->val[ACCEPT_REASON],
		.expires = s->expires.n ? buf_text(&s->expires) : NULL};

	if (!s->a->val[ACCEPT_SIGN])
		return 0;
	if (keys_sign_accept(&what, s->a->val[ACCEPT_SIGN], &ask, clock_wall(), &s->lines) < 0)
		return complain("%s", err_why());
	buf_u8(&s->lines, '\n');
	return 0;
}

static int read_others(struct signing *s)
{
	const char *file = s->a->val[ACCEPT_WITH];

	if (file && fd_read_file(AT_FDCWD, file, FILE_MOST, &s->lines) < 0)
		return complain("%s", err_why());
	if (s->lines.n && s->lines.p[s->lines.n - 1] != '\n')
		buf_u8(&s->lines, '\n');
	return 0;
}

static int split(struct signing *s)
{
	size_t n = 0;

	for (char *at = (char *)s->lines.p, *end; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		*end = 0;
		if (n == SIGNATURES_MOST)
			return complain("more than %d signatures", SIGNATURES_MOST);
		if (*at)
			s->list[n++] = at;
	}
	return 0;
}

static int send(struct cli *c, struct signing *s)
{
	JSON json_t *answer = NULL;
	int r = split(s);

	if (r)
		return r;
	r = boltseal_accept_signed(c->h, buf_text(&s->id), buf_text(&s->drift), s->paths,
		s->n_paths, s->a->val[ACCEPT_REASON], s->expires.n ? buf_text(&s->expires) : NULL,
		s->list, &c->reply);
	r = ask_json(c, r, &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, accept_draw, NULL});
	return EXIT_CLEAN;
}

static int run(struct cli *c, struct signing *s)
{
	const char *out = s->a->val[ACCEPT_OUTPUT];
	int r = accept_paths(s->a, &s->room, s->paths);

	for (int i = ACCEPT_OUTPUT; !r && i <= ACCEPT_PASSPHRASE; i++)
		if (s->a->val[i] && !s->a->val[ACCEPT_SIGN])
			r = complain("--%s goes with --sign KEY", accept_options[i].name);
	if (!r && s->a->val[ACCEPT_EXPIRES])
		r = time_option("--expires", s->a->val[ACCEPT_EXPIRES], true, &s->expires);
	if (!r)
		r = ask_ids(c, s);
	if (!r)
		r = read_others(s);
	if (!r)
		r = sign(s);
	if (r || !out)
		return r ? r : send(c, s);
	return fd_save_file(out, buf_span(&s->lines), 0644) < 0 ? complain("%s", err_why())
								: EXIT_CLEAN;
}

int proof_accept_run(struct cli *c, const struct args *a)
{
	CLEANUP(signing_fini) struct signing s = {.a = a, .n_paths = a->n - 1};

	s.paths = calloc(a->n, sizeof(*s.paths));
	must(s.paths);
	return run(c, &s);
}
