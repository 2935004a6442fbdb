/*
 * json.h - a JSON writer. The caller writes members in the order it wants; where the text is hashed
 * (events) that order is the sorted one and the text is canonical as in RFC 8785: no white space,
 * integers only, shortest escapes (\b \t \n \f \r \" \\ and \u00xx in lower case for the rest of
 * the controls; '/' and DEL plain), UTF-8 unescaped.
 */
#pragma once

#include "base/buf.h"

struct json {
	struct buf *out;
	bool need_comma;
};
static inline struct json json_on(struct buf *out)
{
	return (struct json){out, false};
}
void json_open(struct json *j, char bracket);  /* '{' or '[' as a value */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key);
void json_str(struct json *j, struct span raw); /* invalid UTF-8 becomes U+FFFD */
void json_text(struct json *j, const char *s);
void json_int(struct json *j, int64_t v);
void json_uint(struct json *j, uint64_t v);
void json_bool(struct json *j, bool v);
void json_nil(struct json *j);
void json_raw(struct json *j, struct span ready); /* ready-made JSON as a value */
void json_hex(struct json *j, struct span raw);	  /* hex string */
void json_time(struct json *j, int64_t wall);	  /* RFC 3339 string */
/* Member shorthands. json_m_path writes `key`, and `key`_b64 too where the bytes are not UTF-8. */
void json_m_text(struct json *j, const char *key, const char *v);
void json_m_str(struct json *j, const char *key, struct span v);
void json_m_int(struct json *j, const char *key, int64_t v);
void json_m_uint(struct json *j, const char *key, uint64_t v);
void json_m_bool(struct json *j, const char *key, bool v);
void json_m_hex(struct json *j, const char *key, struct span raw);
void json_m_time(struct json *j, const char *key, int64_t wall);
void json_m_path(struct json *j, const char *key, struct span raw);

/* One byte as an escape: the short form where JSON has one, else \u00XX in lower case. */
void json_escape(struct buf *out, uint8_t c);
