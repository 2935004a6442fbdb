/*
 * Loki. A label is an index of its own, so there are four, each of few values; what is asked for
 * often and has many values is structured metadata beside the line.
 */
#include "wire/post_parts.h"
#include <inttypes.h>

static void add_metadata(void *ctx, const struct post_field *f)
{
	json_m_str(ctx, f->name, f->text);
}

static void show_entry(struct json *j, const struct post_options *o, const struct post_item *it)
{
	BUF struct buf ns = {.p = NULL};

	buf_printf(&ns, "%" PRId64, it->event->time);
	json_open(j, '[');
	json_str(j, buf_span(&ns));
	json_str(j, buf_span(&it->text));
	json_open(j, '{');
	post_fields(it, NAMES_LOKI, o->how.redact, add_metadata, j);
	json_close(j, '}');
	json_close(j, ']');
}

static bool same_stream(const struct post_item *a, const struct post_item *b)
{
	return a->event->type == b->event->type && a->event->severity == b->event->severity &&
	       span_eq(post_item_host(a), post_item_host(b));
}

static void add_label(struct json *j, const struct post_label *l)
{
	json_m_str(j, l->name, l->value);
}

static void show_labels(struct json *j, const struct post_options *o, const struct post_item *it)
{
	const struct post_label ours[] = {{"host", post_item_host(it)},
		{"job", span_of("boltseal")},
		{"severity", span_of(severity_kinds[it->event->severity].name)},
		{"type", span_of(event_kinds[it->event->type].name)}};

	json_key(j, "stream");
	json_open(j, '{');
	post_labels(o, ours, COUNTOF(ours), add_label, j);
	json_close(j, '}');
}

void post_body_loki(
	const struct post_options *o, const struct post_item *v, size_t n, struct buf *out)
{
	FREE bool *done = calloc(n, sizeof(*done));
	struct json j = json_on(out);

	must(done);
	json_open(&j, '{');
	json_key(&j, "streams");
	json_open(&j, '[');
	for (size_t i = 0; i < n; i++) {
		if (done[i])
			continue;
		json_open(&j, '{');
		show_labels(&j, o, &v[i]);
		json_key(&j, "values");
		json_open(&j, '[');
		for (size_t k = i; k < n; k++) {
			if (done[k] || !same_stream(&v[i], &v[k]))
				continue;
			done[k] = true;
			show_entry(&j, o, &v[k]);
		}
		json_close(&j, ']');
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
}

/* 204 and nothing else; some that speak its language say 200, also without a word. A page of
 * somebody who answers 200 to everything is no receipt. */
void post_taken_loki(const struct post_answer *a, const struct post_event *v UNUSED,
	size_t n UNUSED, struct post_result *ret)
{
	if (a->status == 204 || (a->status == 200 && a->body.n == 0))
		post_say(ret, POST_TAKEN, span_of(""), "HTTP %u", a->status);
	else
		post_say(ret, POST_WRONG, a->body, "HTTP %u, but not as Loki answers", a->status);
}
