/*
 * OTLP over HTTP, as JSON: the protobuf JSON mapping with OpenTelemetry's exceptions. Names are
 * lowerCamelCase, 64-bit integers are strings, enums are numbers.
 */
#include "wire/post_parts.h"
#include <inttypes.h>

static void m_int64(struct json *j, const char *key, int64_t v)
{
	BUF struct buf text = {.p = NULL};

	buf_printf(&text, "%" PRId64, v);
	json_m_str(j, key, buf_span(&text));
}

static void string_value(struct json *j, struct span v)
{
	json_open(j, '{');
	json_m_str(j, "stringValue", v);
	json_close(j, '}');
}

/* A list that was joined for its text is taken apart again: its parts are words of ours. */
static void list_value(struct json *j, struct span v)
{
	json_key(j, "arrayValue");
	json_open(j, '{');
	json_key(j, "values");
	json_open(j, '[');
	while (v.n > 0) {
		const uint8_t *end = memchr(v.p, ' ', v.n);
		size_t n = end ? (size_t)(end - v.p) : v.n;

		string_value(j, span_make(v.p, n));
		v = end ? span_make(end + 1, v.n - n - 1) : span_of("");
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void add_attribute(void *ctx, const struct post_field *f)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_m_text(j, "key", f->name);
	json_key(j, "value");
	json_open(j, '{');
	if (f->type == POST_TEXT)
		json_m_str(j, "stringValue", f->text);
	else if (f->type == POST_NUMBER)
		m_int64(j, "intValue", f->number);
	else if (f->type == POST_TRUTH)
		json_m_bool(j, "boolValue", f->number != 0);
	else
		list_value(j, f->text);
	json_close(j, '}');
	json_close(j, '}');
}

static void add_label(struct json *j, const struct post_label *l)
{
	add_attribute(
		j, &(struct post_field){.name = l->name, .type = POST_TEXT, .text = l->value});
}

static void show_record(struct json *j, const struct post_options *o, const struct post_item *it)
{
	const struct severity_row *s = &severity_rows[it->event->severity];
	BUF struct buf name = {.p = NULL};

	buf_printf(&name, "boltseal.%s", event_kinds[it->event->type].name);
	json_open(j, '{');
	m_int64(j, "timeUnixNano", it->event->time);
	m_int64(j, "observedTimeUnixNano", it->event->time);
	json_m_uint(j, "severityNumber", s->otel);
	json_m_text(j, "severityText", s->otel_text);
	json_m_str(j, "eventName", buf_span(&name));
	json_key(j, "body");
	string_value(j, buf_span(&it->text));
	json_key(j, "attributes");
	json_open(j, '[');
	post_fields(it, NAMES_OTEL, o->how.redact, add_attribute, j);
	json_close(j, ']');
	json_close(j, '}');
}

static void show_resource(struct json *j, const struct post_options *o, struct span host)
{
	const struct post_label ours[] = {{"service.name", span_of("boltseal")},
		{"service.version", span_of(o->how.version)}, {"host.name", host}};

	json_key(j, "resource");
	json_open(j, '{');
	json_key(j, "attributes");
	json_open(j, '[');
	post_labels(o, ours, COUNTOF(ours), add_label, j);
	json_close(j, ']');
	json_close(j, '}');
}

static void show_scope(struct json *j, const struct post_options *o)
{
	json_key(j, "scope");
	json_open(j, '{');
	json_m_text(j, "name", "boltseal");
	json_m_text(j, "version", o->how.version ? o->how.version : "");
	json_close(j, '}');
}

/* As many as come from the host that the first comes from. */
static size_t show_host(
	struct json *j, const struct post_options *o, const struct post_item *v, size_t n)
{
	struct span host = post_item_host(v);
	size_t i = 0;

	json_open(j, '{');
	show_resource(j, o, host);
	json_key(j, "scopeLogs");
	json_open(j, '[');
	json_open(j, '{');
	show_scope(j, o);
	json_key(j, "logRecords");
	json_open(j, '[');
	while (i < n && span_eq(post_item_host(&v[i]), host))
		show_record(j, o, &v[i++]);
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
	return i;
}

void post_body_otlp(
	const struct post_options *o, const struct post_item *v, size_t n, struct buf *out)
{
	struct json j = json_on(out);

	json_open(&j, '{');
	json_key(&j, "resourceLogs");
	json_open(&j, '[');
	for (size_t i = 0; i < n;)
		i += show_host(&j, o, v + i, n - i);
	json_close(&j, ']');
	json_close(&j, '}');
}

/* An int64 is a string there; a number is taken as well. Never more than were sent. */
static size_t rejected(const json_t *partial, size_t n)
{
	const json_t *v = json_object_get(partial, "rejectedLogRecords");
	long long k = json_is_integer(v)  ? json_integer_value(v)
		      : json_is_string(v) ? strtoll(json_string_value(v), NULL, 10)
					  : 0;

	return k <= 0 ? 0 : (unsigned long long)k > n ? n : (size_t)k;
}

void post_taken_otlp(const struct post_answer *a, const struct post_event *v UNUSED, size_t n,
	struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	const json_t *partial = json_object_get(root, "partialSuccess");
	const json_t *message = json_object_get(partial, "errorMessage");
	struct span theirs = json_is_string(message) ? json_span(message) : span_of("");

	if (!root && a->body.n > 0) {
		post_say(ret, POST_WRONG, a->body, "HTTP %u, but not as OTLP answers", a->status);
		return;
	}
	ret->lost = rejected(partial, n);
	if (ret->lost == 0) {
		post_say(ret, POST_TAKEN, theirs, "HTTP %u", a->status);
		return;
	}
	post_say(ret, POST_PARTLY, theirs, "%zu of %zu events were rejected", ret->lost, n);
	ret->done = n;
}

/* A google.rpc.Status. */
void post_failed_otlp(const struct post_answer *a, size_t n UNUSED, struct post_result *ret)
{
	DECREF json_t *root = post_object(a);
	const json_t *message = json_object_get(root, "message");

	if (json_is_string(message))
		post_say(ret, ret->verdict, json_span(message), "HTTP %u", a->status);
}
