/* One comma flag is enough: whatever opens clears it, whatever ends a value sets it. */
#include "base/json.h"
#include "base/clock.h"
#include "base/text.h"
#include <inttypes.h>

static struct buf *value(struct json *j)
{
	if (j->need_comma)
		buf_u8(j->out, ',');
	j->need_comma = true;
	return j->out;
}

void json_open(struct json *j, char bracket)
{
	buf_u8(value(j), (uint8_t)bracket);
	j->need_comma = false;
}

void json_close(struct json *j, char bracket)
{
	buf_u8(j->out, (uint8_t)bracket);
	j->need_comma = true;
}

void json_escape(struct buf *out, uint8_t c)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", to[at - from]);
	else
		buf_printf(out, "\\u%04x", c);
}

static bool needs_escape(uint8_t c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

/* The bytes that need care are ASCII, so cutting the text at them never splits a sequence. */
static void quoted(struct buf *out, struct span raw)
{
	size_t from = 0;

	buf_u8(out, '"');
	for (size_t i = 0; i < raw.n; i++) {
		if (!needs_escape(raw.p[i]))
			continue;
		text_to_utf8(out, span_make(raw.p + from, i - from));
		json_escape(out, raw.p[i]);
		from = i + 1;
	}
	if (from < raw.n)
		text_to_utf8(out, span_make(raw.p + from, raw.n - from));
	buf_u8(out, '"');
}

void json_key(struct json *j, const char *key)
{
	quoted(value(j), span_of(key));
	buf_u8(j->out, ':');
	j->need_comma = false;
}

void json_str(struct json *j, struct span raw)
{
	quoted(value(j), raw);
}

void json_text(struct json *j, const char *s)
{
	json_str(j, span_of(s));
}

void json_int(struct json *j, int64_t v)
{
	buf_printf(value(j), "%" PRId64, v);
}

void json_uint(struct json *j, uint64_t v)
{
	buf_printf(value(j), "%" PRIu64, v);
}

void json_bool(struct json *j, bool v)
{
	buf_add_text(value(j), v ? "true" : "false");
}

void json_nil(struct json *j)
{
	buf_add_text(value(j), "null");
}

void json_raw(struct json *j, struct span ready)
{
	buf_add_span(value(j), ready);
}

void json_hex(struct json *j, struct span raw)
{
	buf_u8(value(j), '"');
	text_hex(j->out, raw);
	buf_u8(j->out, '"');
}

void json_time(struct json *j, int64_t wall)
{
	buf_u8(value(j), '"');
	clock_format(j->out, wall);
	buf_u8(j->out, '"');
}

void json_m_text(struct json *j, const char *key, const char *v)
{
	json_m_str(j, key, span_of(v));
}

void json_m_str(struct json *j, const char *key, struct span v)
{
	json_key(j, key);
	json_str(j, v);
}

void json_m_int(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void json_m_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

void json_m_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_m_hex(struct json *j, const char *key, struct span raw)
{
	json_key(j, key);
	json_hex(j, raw);
}

void json_m_time(struct json *j, const char *key, int64_t wall)
{
	json_key(j, key);
	json_time(j, wall);
}

void json_m_path(struct json *j, const char *key, struct span raw)
{
	json_m_str(j, key, raw);
	if (text_is_utf8(raw))
		return;
	buf_printf(value(j), "\"%s_b64\":\"", key);
	text_b64(j->out, raw);
	buf_u8(j->out, '"');
}
