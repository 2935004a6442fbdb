/* proof_rig.h - a journal of N entries as text, and what a proof says of a text. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/err.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include "wire/proof.h"

enum { N = 20 };

/* Entries 1 to N of a host, each its own text. */
struct journal {
	struct buf line[N + 1];
	uint8_t id[N + 1][SHA_LEN];
};

static inline void write_entry(
	struct journal *j, uint64_t seq, const char *host, const char *detail, const uint8_t *prev)
{
	struct event e = {.seq = seq,
		.time = 1,
		.type = EVENT_CANARY,
		.host = span_of(host),
		.detail = span_of(detail)};

	buf_reset(&j->line[seq]);
	assert_int_equal(event_format(&e, prev, &j->line[seq], j->id[seq]), 0);
}

static inline void write_all(struct journal *j, const char *host)
{
	*j = (struct journal){.line[0] = {.p = NULL}};
	for (uint64_t i = 1; i <= N; i++)
		write_entry(j, i, host, "as it {\"was\":\"}", j->id[i - 1]);
}

static inline void drop_all(struct journal *j)
{
	for (size_t i = 1; i <= N; i++)
		buf_free(&j->line[i]);
}

static inline void add_line(struct buf *out, const struct journal *j, uint64_t seq)
{
	buf_add_span(out, buf_span(&j->line[seq]));
	buf_u8(out, '\n');
}

static inline void add_lines(struct buf *out, const struct journal *j, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++)
		add_line(out, j, i);
}

/* In pieces of `step` bytes. */
static inline json_t *answer(
	struct span text, const struct proof_options *o, size_t step, int *ret_r)
{
	BUF struct buf out = {.p = NULL};
	struct proof *p;
	json_t *root = NULL;
	bool clean = false;
	int r = proof_new(&p, o);

	for (size_t at = 0; r == 0 && at < text.n; at += step)
		r = proof_feed(p, span_make(text.p + at, text.n - at < step ? text.n - at : step));
	if (r == 0)
		r = proof_end(p, &out, &clean);
	if (r == 0) {
		root = json_loadb(buf_text(&out), out.n, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(root);
		assert_int_equal(clean, json_is_true(json_object_get(root, "clean")));
	}
	proof_free(p);
	*ret_r = r;
	return root;
}

static inline const json_t *check_named(const json_t *root, const char *check, const char *subject)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(root, "checks"), i, v)
		if (strcmp(json_string_value(json_object_get(v, "check")), check) == 0 &&
			(!subject || strcmp(json_string_value(json_object_get(v, "subject")),
					     subject) == 0))
			return v;
	return NULL;
}

static inline json_int_t number(const json_t *root, const char *check, const char *member)
{
	const json_t *v = json_object_get(check_named(root, check, NULL), member);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static inline json_t *said_with(const struct buf *text, const struct proof_options *o)
{
	int r;
	json_t *root = answer(buf_span(text), o, SIZE_MAX / 2, &r);

	assert_int_equal(r, 0);
	return root;
}

static inline json_t *said(const struct buf *text)
{
	return said_with(text, &(struct proof_options){.host = NULL});
}

static inline bool is_clean(const json_t *root)
{
	return json_is_true(json_object_get(root, "clean"));
}
