/* Baseline files made and read here, without a daemon. */
#include "base/json.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/baseline.h"
#include "cli/form.h"
#include "cli/proof.h"
#include <string.h>

/* Builds that shall be the same bytes say when they were made. */
static int created(long long *ret)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t v = 0;

	*ret = 0;
	if (epoch && *epoch && text_u64(span_of(epoch), 1, INT64_MAX / 1000000000, &v) < 0)
		return complain("SOURCE_DATE_EPOCH is no number of seconds");
	*ret = (long long)v;
	return 0;
}

/* "web.tar.gz" is told by "web.tar.gz.baseline", beside whoever asks. */
static void name_of(const char *path, struct buf *out)
{
	struct span p = span_of(path);
	const uint8_t *slash;

	while (p.n > 1 && p.p[p.n - 1] == '/')
		p.n--;
	slash = memrchr(p.p, '/', p.n);
	if (slash)
		p = span_make(slash + 1, p.n - (size_t)(slash + 1 - p.p));
	buf_add_span(out, p);
	buf_add_text(out, ".baseline");
}

/* Names are bytes, and JSON is text. */
static int add_file(json_t *answer, const char *name)
{
	BUF struct buf text = {0};
	struct json j = json_on(&text);
	JSON json_t *more = NULL;

	json_open(&j, '{');
	json_m_path(&j, "file", span_of(name));
	json_close(&j, '}');
	more = json_loadb((const char *)text.p, text.n, 0, NULL);
	return more && json_object_update(answer, more) == 0 ? 0 : complain("out of memory");
}

int proof_build_run(struct cli *c, const struct args *a)
{
	struct boltseal_build_ask ask = {
		.image = a->val[BASELINE_IMAGE], .out = a->val[BASELINE_OUTPUT]};
	BUF struct buf name = {0};
	JSON json_t *answer = NULL;
	int r;

	if (a->n != 2)
		return complain("baseline build needs one IMAGE.tar, OCI layout or directory");
	ask.path = a->pos[1];
	name_of(ask.path, &name);
	if (!ask.out)
		ask.out = buf_text(&name);
	r = created(&ask.created);
	if (r == 0)
		r = ask_json(c, boltseal_baseline_build(c->h, &ask, &c->reply), &answer);
	/* Standard output has the file. */
	if (r || strcmp(ask.out, "-") == 0)
		return r;
	r = add_file(answer, ask.out);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, baseline_draw_file, NULL});
	return EXIT_CLEAN;
}

int proof_inspect_run(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r;

	if (a->n != 2)
		return complain("baseline inspect needs one FILE");
	r = ask_json(c, boltseal_baseline_inspect(c->h, a->pos[1], &c->reply), &answer);
	if (r)
		return r;
	c->form->answer(c, answer, &(struct view){NULL, baseline_draw_file, NULL});
	return EXIT_CLEAN;
}
