/* The two formats that sinks cannot do without; the room of formats brings the others. */
#include "wire/format.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/jansson.h"

const struct kind format_kinds[FORMAT_N] = {
#define X_ROW(id, n, s) [FORMAT_##id] = {n, s},
	FORMATS(X_ROW)
#undef X_ROW
};

const struct severity_row severity_rows[SEV_N] = {
	[SEV_INFO] = {6, 2, 2, 1, 9, 20, "INFO", "Informational"},
	[SEV_LOW] = {5, 4, 4, 2, 10, 40, "INFO2", "Notice"},
	[SEV_MEDIUM] = {4, 6, 6, 3, 13, 60, "WARN", "Warning"},
	[SEV_HIGH] = {3, 8, 8, 4, 17, 80, "ERROR", "Error"},
	[SEV_CRITICAL] = {2, 10, 10, 5, 21, 100, "FATAL", "Critical"},
};

static void param(struct buf *out, const char *name, const json_t *v)
{
	struct span s = json_is_string(v) ? json_span(v) : span_of("");

	if (json_is_integer(v)) {
		buf_printf(out, " %s=\"%lld\"", name, (long long)json_integer_value(v));
		return;
	}
	if (!s.n)
		return;
	buf_printf(out, " %s=\"", name);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] == 0x7f) {
			buf_printf(out, "\\\\x%02x", s.p[i]);
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == ']')
			buf_u8(out, '\\');
		buf_u8(out, s.p[i]);
	}
	buf_u8(out, '"');
}

static const char *word(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s && *s ? s : "-";
}

static void rfc5424(const json_t *e, const struct format_options *o, struct buf *out)
{
	const json_t *change = json_object_get(e, "change"), *target = json_object_get(e, "target");
	int sev = kind_find(severity_kinds, SEV_N, span_of(word(e, "severity")));
	const char *time = word(e, "time");

	buf_printf(out, "<%u>1 %.*sZ %s boltseal %u %s ",
		o->facility * 8u + severity_rows[sev < 0 ? 0 : sev].syslog,
		(int)(strlen(time) > 26 ? 26 : 0), time, word(e, "host"), o->pid, word(e, "type"));
	buf_printf(out, "[boltseal@%u", o->enterprise);
	param(out, "id", json_object_get(e, "id"));
	param(out, "seq", json_object_get(e, "seq"));
	param(out, "severity", json_object_get(e, "severity"));
	param(out, "path", json_object_get(change, "path"));
	param(out, "action", json_object_get(change, "kind"));
	param(out, "container", json_object_get(target, "name"));
	buf_printf(out, "] %s", word(e, "type"));
}

int format_event(enum format f, struct span event, const struct format_options *o, struct buf *out)
{
	DECREF json_t *e = json_loadb((const char *)event.p, event.n, 0, NULL);

	if (!json_is_object(e))
		return err_set(-EBADMSG, "not an event");
	if (f == FORMAT_RFC5424)
		rfc5424(e, o, out);
	else if (f == FORMAT_JSON)
		buf_add_span(out, event);
	else
		return err_set(-EBADMSG, "format %s is not built in", format_kinds[f].name);
	return buf_err(out);
}
