/*
 * _bulk: an answer of 200 may hold failures, one by one. Of these only the first that is not
 * success matters: what stands behind it is sent again, and answers 409 where it was taken.
 */
#include "base/text.h"
#include "wire/post_parts.h"

/* A data stream wants @timestamp; ECS has it, the other shapes get it in front. */
static void show_document(struct buf *out, const struct post_item *it)
{
	struct span text = buf_span(&it->text);
	struct json j = json_on(out);

	if (it->is_json && span_starts(text, span_of("{\"@timestamp\":"))) {
		buf_add_span(out, text);
		return;
	}
	json_open(&j, '{');
	json_m_time(&j, "@timestamp", it->event->time);
	if (!it->is_json) {
		json_m_str(&j, "message", text);
		json_close(&j, '}');
		return;
	}
	if (text.n > 2)
		buf_u8(out, ',');
	buf_add_span(out, span_make(text.p + 1, text.n - 1));
}

void post_body_bulk(
	const struct post_options *o UNUSED, const struct post_item *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_text(out, "{\"create\":{\"_id\":\"");
		text_hex(out, span_make(v[i].event->id, 32));
		buf_add_text(out, "\"}}\n");
		show_document(out, &v[i]);
		buf_u8(out, '\n');
	}
}

/* {"type":"…","reason":"…"} or, of old, a text. */
static struct span reason_of(const json_t *error)
{
	const json_t *reason = json_object_get(error, "reason");

	if (!json_is_string(reason))
		reason = json_object_get(error, "type");
	if (!json_is_string(reason))
		reason = error;
	return json_is_string(reason) ? json_span(reason) : span_of("");
}

static enum post_verdict verdict_of(int64_t status)
{
	if ((status >= 200 && status < 300) || status == 409)
		return POST_TAKEN;
	if (status == 429 || status == 408 || (status >= 500 && status < 600))
		return POST_AGAIN;
	/* No index, no right: of the whole place, not of this event. */
	if (status == 401 || status == 403 || status == 404)
		return POST_AGAIN;
	return status >= 400 && status < 500 ? POST_REFUSED : POST_WRONG;
}

static bool is_of(const json_t *result, const struct post_event *e)
{
	const json_t *id = json_object_get(result, "_id");
	uint8_t raw[32];

	return !id || (json_is_string(id) && text_unhex(json_span(id), raw, 32) == 0 &&
			      memcmp(raw, e->id, 32) == 0);
}

/* False: not taken, and the result is made. */
static bool item_is_taken(const json_t *item, const struct post_event *e, struct post_result *ret)
{
	const json_t *result = json_object_get(item, "create");
	const json_t *status = json_object_get(result, "status");
	int64_t code = json_is_integer(status) ? json_integer_value(status) : 0;
	enum post_verdict v = verdict_of(code);

	if (!is_of(result, e)) {
		post_say(ret, POST_WRONG, span_of(""),
			"its answer is about other events than those sent");
		return false;
	}
	if (v == POST_TAKEN)
		return true;
	post_say(ret, v, reason_of(json_object_get(result, "error")), "status %lld of one event",
		(long long)code);
	return false;
}

void post_taken_bulk(
	const struct post_answer *a, const struct post_event *v, size_t n, struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	const json_t *errors = json_object_get(root, "errors");
	const json_t *items = json_object_get(root, "items");

	if (!json_is_boolean(errors) || !json_is_array(items)) {
		post_say(ret, POST_WRONG, a->body, "HTTP %u, but not as _bulk answers", a->status);
		return;
	}
	for (size_t i = 0; i < n && i < json_array_size(items); i++) {
		if (!item_is_taken(json_array_get(items, i), &v[i], ret))
			return;
		ret->done = i + 1;
	}
	if (ret->done < n)
		post_say(ret, POST_AGAIN, span_of(""), "it answers for %zu events of %zu",
			ret->done, n);
	else
		post_say(ret, POST_TAKEN, span_of(""), "HTTP %u", a->status);
}

/* A refusal of the whole request is about the request, unless it was too large or an event alone. */
void post_failed_bulk(const struct post_answer *a, size_t n UNUSED, struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	struct span reason = reason_of(json_object_get(root, "error"));

	if (reason.n > 0)
		post_say(ret, ret->verdict, reason, "HTTP %u", a->status);
}
