/* Golden baselines, with a daemon: exported, imported, listed, taken away. */
#include "base/err.h"
#include "base/fd.h"
#include "cli/ask.h"
#include "cli/baseline.h"
#include "cli/form.h"
#include "cli/safe.h"
#include "cli/table.h"
#include <unistd.h>

enum { SHORT = 12, BAR = 30 };

/* ---- out ---- */

static int write_out(struct cli *c, const char *out)
{
	struct span file = span_make(c->reply.body, c->reply.body_len);

	if (strcmp(out, "-") == 0 ? fd_write_all(STDOUT_FILENO, file.p, file.n) < 0
				  : fd_save_file(out, file, 0644) < 0)
		return complain("%s", err_why());
	return EXIT_CLEAN;
}

/* "web.baseline"; what a name could lead elsewhere by is left out. */
static void name_of(const char *target, struct buf *out)
{
	for (const char *p = target; *p; p++)
		buf_u8(out, *p == '/' ? '_' : (uint8_t)*p);
	buf_add_text(out, ".baseline");
}

int golden_export_run(struct cli *c, const struct args *a)
{
	const char *out = a->val[BASELINE_OUTPUT];
	BUF struct buf name = {0};
	int r;

	if (a->n != 2)
		return complain("baseline export needs one TARGET: `boltseal ps` lists them");
	name_of(a->pos[1], &name);
	if (!out)
		out = buf_text(&name);
	if (strcmp(out, "-") == 0 && c->out_tty)
		return complain("a baseline file is nothing for a terminal: use --output FILE");
	r = ask_check(c,
		boltseal_baseline_export(c->h, a->pos[1], a->val[BASELINE_GENERATION], &c->reply));
	if (r)
		return r;
	r = write_out(c, out);
	if (r == EXIT_CLEAN && strcmp(out, "-") != 0)
		remark("%s: %zu bytes; `boltseal baseline inspect` says what is in it", out,
			c->reply.body_len);
	return r;
}

/* ---- in ---- */

struct bar {
	bool on, drawn;
	int64_t when;
};

static void draw_bar(void *arg, unsigned long long done, unsigned long long total)
{
	struct bar *b = arg;
	int64_t now = clock_mono();
	int full;

	if (!b->on || (b->drawn && now - b->when < 50 * CLOCK_MS && done < total))
		return;
	b->when = now;
	b->drawn = true;
	full = (int)((double)done / (double)total * BAR);
	fprintf(stderr, "\r[%.*s%.*s] %3d%%  %llu of %llu KiB%s\033[K", full,
		"==============================", BAR - full, "                              ",
		(int)((double)done / (double)total * 100), done >> 10, total >> 10,
		done == total ? ", being checked" : "");
}

static struct span digest_of(const json_t *golden, const char *key)
{
	struct span s = get_text(json_object_get(golden, "image"), key);

	return s.n ? s : get_text(golden, key);
}

static void add_signers(struct cli *c, struct buf *out, const json_t *golden)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(golden, "signatures"), i, v) {
		struct span name = get_text(v, "name"), key = get_text(v, "key");
		struct span state = get_text(v, "state");

		buf_add_text(out, out->n ? ", " : "");
		if (key.n > SHORT)
			key.n = SHORT;
		safe_text(out, name.n ? name : key, c->utf8_ok, false);
		if (span_is(state, "good"))
			continue;
		buf_add_text(out, " (");
		safe_text(out, state, c->utf8_ok, false);
		buf_u8(out, ')');
	}
}

static void draw_imported(struct cli *c, const json_t *answer, void *arg)
{
	BUF struct buf out = {0}, who = {0};

	(void)arg;
	add_signers(c, &who, answer);
	buf_add_text(&out, "image sha256:");
	safe_text(&out, digest_of(answer, "digest"), c->utf8_ok, false);
	buf_add_text(&out, "\nroot ");
	safe_text(&out, get_text(answer, "root"), c->utf8_ok, false);
	buf_printf(&out, "\n%s%s\n",
		get_true(answer, "signed") ? "signed by "
		: who.n			   ? "not signed by a key that is trusted here: "
					   : "not signed",
		buf_text(&who));
	out_add(buf_span(&out));
}

int golden_import_run(struct cli *c, const struct args *a)
{
	struct bar bar = {.on = c->err_tty};
	JSON json_t *answer = NULL;
	int r;

	if (a->n != 2)
		return complain("baseline import needs one FILE: `boltseal baseline export` or "
				"`build` makes it");
	r = boltseal_baseline_import(
		c->h, a->pos[1], a->val[BASELINE_REPLACE] != NULL, draw_bar, &bar, &c->reply);
	if (bar.drawn)
		fputs("\r\033[K", stderr);
	r = ask_json(c, r, &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, draw_imported, NULL});
	return EXIT_CLEAN;
}

/* The image that the word is the beginning of, or the name: one, or it is said why not. */
static int which(struct cli *c, const char *word, struct buf *ret)
{
	struct span want = span_of(word);
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_golden(c->h, &c->reply), &answer);
	size_t i, n = 0;
	json_t *v;

	if (r)
		return r;
	if (span_starts(want, span_of("sha256:")))
		want = span_make(want.p + 7, want.n - 7);
	json_array_foreach(json_object_get(answer, "items"), i, v) {
		struct span image = digest_of(v, "digest");

		if (!want.n || (!span_starts(image, want) && !span_eq(digest_of(v, "name"), want)))
			continue;
		n++;
		buf_reset(ret);
		buf_add_span(ret, image);
	}
	if (n == 1)
		return 0;
	return n ? complain(
			   "more than one golden baseline is of %s: give more of the image's digest",
			   word)
		 : complain(
			   "there is no golden baseline of %s: `boltseal baseline list --golden` has them",
			   word);
}

int golden_remove_run(struct cli *c, const struct args *a)
{
	BUF struct buf image = {0};
	int r;

	if (a->n != 2)
		return complain(
			"baseline remove needs an IMAGE, by its digest's beginning or its name: "
			"`boltseal baseline list --golden` has both");
	r = which(c, a->pos[1], &image);
	if (!r)
		r = ask_check(c, boltseal_golden_remove(c->h, buf_text(&image), &c->reply));
	return r ? r : EXIT_CLEAN;
}

/* ---- list ---- */

static void add_golden(struct cli *c, struct table *t, const json_t *v)
{
	struct span image = digest_of(v, "digest"), root = get_text(v, "root");
	struct span name = digest_of(v, "name");
	BUF struct buf time = {0}, who = {0};

	if (image.n > SHORT)
		image.n = SHORT;
	if (root.n > SHORT)
		root.n = SHORT;
	table_add(c, t, image, NULL);
	table_add(c, t, name.n ? name : span_of("-"), "1");
	table_add(c, t, root, NULL);
	add_signers(c, &who, v);
	table_add_safe(t, who.n ? buf_span(&who) : span_of("-"));
	add_time(&time, get_text(v, "imported"));
	table_add_safe(t, buf_span(&time));
	table_add_int(c, t, json_object_get(v, "uid"));
	table_add_int(c, t, json_object_get(v, "accepts"));
}

static void draw_list(struct cli *c, const json_t *answer, void *arg)
{
	TABLE struct table t = {.right = 3u << 5};
	size_t i;
	json_t *v;

	(void)arg;
	table_heads(&t, "IMAGE NAME ROOT SIGNED-BY IMPORTED UID ACCEPTS");
	json_array_foreach(json_object_get(answer, "items"), i, v)
		add_golden(c, &t, v);
	table_print(c, &t);
}

int golden_list_run(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r = ask_json(c, boltseal_golden(c->h, &c->reply), &answer);

	(void)a;
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){"items", draw_list, NULL});
	return EXIT_CLEAN;
}
