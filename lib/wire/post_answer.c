/* What a status means, whoever says it; and sentences made of strangers' words. */
#include "base/clock.h"
#include "base/text.h"
#include "wire/post_parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { THEIRS_MAX = 120 };

/* Their words, cut between letters, with every byte that could move a terminal or a log escaped. */
static void add_theirs(struct post_result *ret, struct span theirs)
{
	BUF struct buf text = {.p = NULL}, shown = {.p = NULL};
	size_t at = strlen(ret->why), n = 0;

	text_to_utf8(&text, span_make(theirs.p, theirs.n > THEIRS_MAX ? THEIRS_MAX : theirs.n));
	text_quote(&shown, buf_span(&text), true);
	if (buf_err(&shown) < 0)
		return;
	while (n < shown.n) {
		size_t len = text_utf8_len(span_make(shown.p + n, shown.n - n));

		if (len == 0 || at + n + len + 3 > sizeof(ret->why))
			break;
		n += len;
	}
	snprintf(ret->why + at, sizeof(ret->why) - at, ": %.*s", (int)n, buf_text(&shown));
}

void post_say(struct post_result *ret, enum post_verdict verdict, struct span theirs,
	const char *fmt, ...)
{
	va_list ap;

	ret->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(ret->why, sizeof(ret->why), fmt, ap);
	va_end(ap);
	if (theirs.n > 0)
		add_theirs(ret, theirs);
}

/* Numbers beyond 64 bits, names given twice, nesting beyond the library's limit: not an object. */
json_t *post_object(const struct post_answer *a)
{
	json_error_t why;
	json_t *v;

	if (a->body.n == 0)
		return NULL;
	v = json_loadb((const char *)a->body.p, a->body.n, JSON_ALLOW_NUL, &why);
	if (!json_is_object(v)) {
		json_decref(v);
		return NULL;
	}
	return v;
}

void post_bad_data(struct post_result *ret, size_t n, struct span theirs, const char *what)
{
	post_say(ret, n > 1 ? POST_TOO_MANY : POST_REFUSED, theirs, "%s", what);
}

/* Ranges, the first that fits. */
static const struct status_row {
	unsigned from, to;
	enum post_verdict verdict; /* POST_REFUSED: bad data, of one or of many */
	const char *means;
} rows[] = {
	{300, 399, POST_WRONG, "it points elsewhere, and redirects are not followed"},
	{401, 401, POST_DENIED, "the token is missing or wrong"},
	{403, 403, POST_DENIED, "the token may not do this"},
	{404, 406, POST_WRONG, "nothing at this address takes events so"},
	{407, 407, POST_WRONG, "the proxy wants to know who asks"},
	{408, 408, POST_AGAIN, "it was too slow for the receiver"},
	{410, 410, POST_WRONG, "nothing at this address takes events any more"},
	{413, 413, POST_REFUSED, "too large for the receiver"},
	{415, 415, POST_WRONG, "the receiver does not take this content type or compression"},
	{425, 425, POST_AGAIN, "too early"},
	{429, 429, POST_AGAIN, "too many requests"},
	{400, 499, POST_REFUSED, "the receiver does not take this"},
	{501, 501, POST_WRONG, "the receiver does not do this"},
	{505, 505, POST_WRONG, "the receiver speaks another HTTP"},
	{500, 599, POST_AGAIN, "the receiver is not well"},
};

void post_status(const struct post_answer *a, size_t n, int64_t now UNUSED, struct post_result *ret)
{
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		enum post_verdict v = rows[i].verdict;

		if (a->status < rows[i].from || a->status > rows[i].to)
			continue;
		if (v == POST_REFUSED && n > 1)
			v = POST_TOO_MANY;
		post_say(ret, v, a->body, "HTTP %u: %s", a->status, rows[i].means);
		return;
	}
	post_say(ret, POST_WRONG, a->body, "HTTP %u is no answer to a request", a->status);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; the two obsolete forms are not worth a pause. */
static int64_t until_date(struct span value, int64_t now)
{
	char text[64];
	struct tm tm = {.tm_sec = 0};
	const char *end;
	time_t at;

	if (value.n >= sizeof(text))
		return 0;
	memcpy(text, value.p, value.n);
	text[value.n] = 0;
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end)
		return 0;
	at = timegm(&tm);
	if (at <= now / CLOCK_S)
		return 0;
	return at - now / CLOCK_S > POST_RETRY_MAX / CLOCK_S ? POST_RETRY_MAX
							     : (at - now / CLOCK_S) * CLOCK_S;
}

int64_t post_retry_after(struct span value, int64_t now)
{
	int64_t s = 0;
	size_t i = 0;

	while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t'))
		value = span_make(value.p + 1, value.n - 1);
	while (value.n > 0 && strchr(" \t\r\n", value.p[value.n - 1]))
		value.n--;
	if (value.n == 0 || value.p[0] < '0' || value.p[0] > '9')
		return value.n ? until_date(value, now) : 0;
	for (; i < value.n && value.p[i] >= '0' && value.p[i] <= '9'; i++) {
		s = s * 10 + value.p[i] - '0';
		if (s > POST_RETRY_MAX / CLOCK_S)
			s = POST_RETRY_MAX / CLOCK_S;
	}
	return i == value.n ? s * CLOCK_S : 0;
}
