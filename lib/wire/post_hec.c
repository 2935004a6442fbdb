/*
 * Splunk's HTTP Event Collector. An answer with an ackId is a promise, not a receipt: the event is
 * safe once the indexers say so. The collector's own codes are more exact than the statuses that
 * carry them.
 */
#include "base/clock.h"
#include "wire/post_parts.h"
#include <inttypes.h>

static void add_field(void *ctx, const struct post_field *f)
{
	json_m_str(ctx, f->name, f->text);
}

static void show_fields(struct json *j, const struct post_options *o, const struct post_item *it)
{
	struct span host = post_item_host(it);

	json_key(j, "fields");
	json_open(j, '{');
	json_m_text(j, "vendor_product", "boltseal");
	json_m_text(j, "severity", severity_kinds[it->event->severity].name);
	if (host.n > 0)
		json_m_str(j, "dest", host);
	post_fields(it, NAMES_CIM, o->how.redact, add_field, j);
	json_close(j, '}');
}

static void show_time(struct json *j, int64_t ns)
{
	BUF struct buf text = {.p = NULL};

	buf_printf(&text, "%" PRId64 ".%06" PRId64, ns / CLOCK_S, ns % CLOCK_S / 1000);
	json_key(j, "time");
	json_raw(j, buf_span(&text));
}

void post_body_hec(
	const struct post_options *o, const struct post_item *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		struct json j = json_on(out);
		struct span host = post_item_host(&v[i]);

		json_open(&j, '{');
		show_time(&j, v[i].event->time);
		if (host.n > 0)
			json_m_str(&j, "host", host);
		if (o->index && *o->index)
			json_m_text(&j, "index", o->index);
		json_m_text(&j, "source", "boltseal");
		json_m_text(&j, "sourcetype", "boltseal:drift");
		json_key(&j, "event");
		post_item_value(&j, &v[i]);
		show_fields(&j, o, &v[i]);
		json_close(&j, '}');
		buf_u8(out, '\n');
	}
}

static int64_t code_of(const json_t *v)
{
	const json_t *code = json_object_get(v, "code");

	return json_is_integer(code) ? json_integer_value(code) : -1;
}

static struct span text_of(const json_t *v, struct span otherwise)
{
	const json_t *text = json_object_get(v, "text");

	return json_is_string(text) ? json_span(text) : otherwise;
}

void post_taken_hec(const struct post_answer *a, const struct post_event *v UNUSED, size_t n UNUSED,
	struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	const json_t *ack = json_object_get(root, "ackId");

	if (code_of(root) != 0) {
		post_say(ret, POST_WRONG, text_of(root, a->body),
			"HTTP %u, but not as an event collector says it", a->status);
		return;
	}
	if (!ack) {
		post_say(ret, POST_TAKEN, text_of(root, span_of("")), "HTTP %u", a->status);
		return;
	}
	if (!json_is_integer(ack) || json_integer_value(ack) < 0) {
		post_say(
			ret, POST_WRONG, a->body, "HTTP %u, but its ackId is no number", a->status);
		return;
	}
	ret->ack = (uint64_t)json_integer_value(ack);
	post_say(ret, POST_WAIT, span_of(""), "received as ackId %" PRIu64 ", not yet indexed",
		ret->ack);
}

/* What the collector's code says beyond its status. REFUSED: bad data. */
static const struct {
	int code;
	enum post_verdict verdict;
	const char *means;
} codes[] = {
	{1, POST_DENIED, "the token is disabled"},
	{2, POST_DENIED, "a token is required"},
	{3, POST_DENIED, "the authorization is not valid"},
	{4, POST_DENIED, "the token is not valid"},
	{5, POST_REFUSED, "no data"},
	{6, POST_REFUSED, "not a valid event"},
	{7, POST_WRONG, "the token may not write to this index"},
	{8, POST_AGAIN, "the collector is not well"},
	{9, POST_AGAIN, "the collector is busy"},
	{10, POST_WRONG, "it misses the channel"},
	{11, POST_WRONG, "it does not like the channel"},
	{12, POST_REFUSED, "no event"},
	{13, POST_REFUSED, "an empty event"},
	{14, POST_WRONG, "the token does not acknowledge"},
	{15, POST_REFUSED, "it does not take the indexed fields"},
	{23, POST_AGAIN, "the collector shuts down"},
};

void post_failed_hec(const struct post_answer *a, size_t n, struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	int64_t code = code_of(root);

	for (size_t i = 0; i < COUNTOF(codes); i++) {
		enum post_verdict v = codes[i].verdict;

		if (codes[i].code != code)
			continue;
		if (v == POST_REFUSED && n > 1)
			v = POST_TOO_MANY;
		post_say(ret, v, text_of(root, span_of("")), "HTTP %u, code %d: %s", a->status,
			codes[i].code, codes[i].means);
		return;
	}
}

void post_ack_body(uint64_t ack, struct buf *out)
{
	buf_printf(out, "{\"acks\":[%" PRIu64 "]}", ack);
}

void post_ack_path(struct span path, const char *channel, struct buf *out)
{
	struct span tail = span_of("/event");

	if (path.n >= tail.n && memcmp(path.p + path.n - tail.n, tail.p, tail.n) == 0)
		path.n -= tail.n;
	buf_add_span(out, path);
	buf_printf(out, "/ack?channel=%s", channel);
}

static void read_acks(const struct post_answer *a, uint64_t ack, struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	const json_t *acks = json_object_get(root, "acks"), *mine;
	char name[24];

	snprintf(name, sizeof(name), "%" PRIu64, ack);
	mine = json_object_get(acks, name);
	if (!json_is_boolean(mine))
		post_say(ret, POST_WRONG, a->body, "HTTP %u, but it says nothing about ackId %s",
			a->status, name);
	else if (json_is_true(mine))
		post_say(ret, POST_TAKEN, span_of(""), "ackId %s is indexed", name);
	else
		post_say(ret, POST_WAIT, span_of(""), "ackId %s is not yet indexed", name);
}

void post_read_ack(const struct post_answer *a, uint64_t ack, int64_t now, struct post_result *ret)
{
	*ret = (struct post_result){.verdict = POST_WRONG};
	if (a->status >= 200 && a->status < 300) {
		read_acks(a, ack, ret);
	} else {
		post_status(a, 1, now, ret);
		post_failed_hec(a, 1, ret);
		if (ret->verdict == POST_REFUSED) /* the question, not the event */
			ret->verdict = POST_WRONG;
	}
	if (ret->verdict == POST_AGAIN)
		ret->retry_after = post_retry_after(a->retry_after, now);
}
