/*
 * Any bytes as a receiver's answer: whatever they are, there is one verdict, no event is counted
 * twice, and the sentence is one line that may be printed. First byte: profile and how many events;
 * second: status; the rest: Retry-After up to a line's end, then the body.
 */
#include "base/text.h"
#include "wire/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned statuses[] = {200, 200, 200, 201, 204, 299, 301, 400, 401, 403, 404, 408, 409,
	413, 422, 429, 500, 503, 0, 700};

static void check(const struct post_result *r, size_t n)
{
	must(r->done <= n && r->lost <= n);
	must(r->retry_after >= 0 && r->retry_after <= POST_RETRY_MAX);
	must((unsigned)r->verdict <= POST_WRONG && r->why[0]);
	must(r->verdict != POST_TAKEN || r->done == n);
	must(r->verdict != POST_REFUSED || r->done < n);
	must(r->verdict != POST_TOO_MANY || n > 1);
	must(strlen(r->why) < POST_WHY && text_is_utf8(span_of(r->why)));
	for (const char *c = r->why; *c; c++)
		must((uint8_t)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t ids[4][32];
	struct post_event v[4];
	struct post_answer a;
	struct post_result r;
	const uint8_t *line;
	size_t n;

	if (size < 3)
		return 0;
	n = 1 + data[0] / POST_N % 4;
	for (size_t i = 0; i < 4; i++) {
		memset(ids[i], (int)i, 32);
		v[i] = (struct post_event){.seq = i + 1, .id = ids[i]};
	}
	a.status = statuses[data[1] % COUNTOF(statuses)];
	line = memchr(data + 2, '\n', size - 2);
	a.retry_after = span_make(data + 2, line ? (size_t)(line - data) - 2 : 0);
	a.body = line ? span_make(line + 1, size - (size_t)(line - data) - 1)
		      : span_make(data + 2, size - 2);
	post_read(
		(enum post_profile)(data[0] % POST_N), &a, v, n, INT64_C(1700000000000000000), &r);
	check(&r, n);
	post_read_ack(&a, data[0], INT64_C(1700000000000000000), &r);
	check(&r, r.verdict == POST_TAKEN ? 0 : 1);
	return 0;
}
