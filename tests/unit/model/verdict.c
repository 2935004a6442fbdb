#include "model/verdict.h"
#include "tests/unit/base/unit.h"

static int recode(struct span in, struct buf *out)
{
	struct verdict v;
	int r = verdict_decode(in, &v);

	buf_reset(out);
	if (r == 0)
		verdict_encode(&v, out);
	return r;
}

static void any_verdict_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0}, odds = {0};
	uint64_t seed = 51;
	uint8_t text[30], why[30];

	for (int i = 0; i < 2000; i++) {
		struct verdict v = {.state = (enum verdict_state)any_below(&seed, VERDICT_N),
			.link = (enum verdict_state)any_below(&seed, VERDICT_N),
			.how = (enum verdict_how)any_below(&seed, VERDICT_HOW_N),
			.when = (int64_t)any(&seed),
			.since = (int64_t)any(&seed),
			.entries = any_size(&seed),
			.files = any_size(&seed),
			.bytes = any_size(&seed),
			.n_odd = any_size(&seed),
			.digest = any_bytes(&seed, text, sizeof(text)),
			.why = any_bytes(&seed, why, sizeof(why))};
		struct verdict back;

		if (any_below(&seed, 2))
			v.by = (struct verdict_signed){
				.state = (enum signed_state)any_below(&seed, SIGNED_N),
				.demanded = any_below(&seed, 2),
				.manifest = v.digest,
				.key = v.why,
				.reference = v.digest,
				.why = v.why,
				.unmet = v.digest};
		buf_reset(&b);
		buf_reset(&odds);
		for (uint64_t n = any_below(&seed, 4); n; n--)
			verdict_odd_add(&odds,
				&(struct verdict_odd){"ACD"[any_below(&seed, 3)],
					(uint32_t)any_below(&seed, 1u << ASPECT_N), v.digest});
		v.odds = buf_span(&odds);
		verdict_encode(&v, &b);
		assert_int_equal(verdict_decode(buf_span(&b), &back), 0);
		assert_true(back.state == v.state && back.link == v.link && back.how == v.how &&
			    back.when == v.when && back.since == v.since &&
			    back.entries == v.entries && back.files == v.files &&
			    back.bytes == v.bytes && back.n_odd == v.n_odd);
		assert_span(back.digest, v.digest);
		assert_span(back.why, v.why);
		assert_span(back.odds, v.odds);
		assert_true(back.by.state == v.by.state && back.by.demanded == v.by.demanded);
		assert_span(back.by.manifest, v.by.manifest);
		assert_span(back.by.key, v.by.key);
		assert_span(back.by.reference, v.by.reference);
		assert_span(back.by.why, v.by.why);
		assert_span(back.by.unmet, v.by.unmet);
		assert_sturdy(recode, buf_span(&b), &seed);
	}
}

static void the_worst_counts(void **state UNUSED)
{
	static const enum verdict_state up[] = {
		VERDICT_NONE, VERDICT_PROVED, VERDICT_CONSISTENT, VERDICT_UNKNOWN, VERDICT_BROKEN};

	for (size_t i = 0; i < COUNTOF(up); i++)
		for (size_t k = 0; k < COUNTOF(up); k++)
			assert_int_equal(verdict_worse(up[i], up[k]), up[i > k ? i : k]);
}

static void news_is_what_is_worse(void **state UNUSED)
{
	assert_true(verdict_is_news(VERDICT_NONE, VERDICT_BROKEN));
	assert_true(verdict_is_news(VERDICT_PROVED, VERDICT_BROKEN));
	assert_true(verdict_is_news(VERDICT_PROVED, VERDICT_UNKNOWN));
	assert_true(verdict_is_news(VERDICT_PROVED, VERDICT_CONSISTENT));
	assert_false(verdict_is_news(VERDICT_BROKEN, VERDICT_BROKEN));
	assert_false(verdict_is_news(VERDICT_BROKEN, VERDICT_PROVED));
	assert_false(verdict_is_news(VERDICT_NONE, VERDICT_CONSISTENT));
	assert_false(verdict_is_news(VERDICT_NONE, VERDICT_PROVED));
}

static void words_name_files(void **state UNUSED)
{
	BUF struct buf odds = {0}, out = {0};
	struct verdict v = {.state = VERDICT_BROKEN, .n_odd = 3, .digest = span_of("sha256:00")};

	verdict_odd_add(&odds, &(struct verdict_odd){'C', 1u << ASPECT_MODE, span_of("bin/a")});
	verdict_odd_add(&odds, &(struct verdict_odd){'A', 0, span_of("x\x1b")});
	v.odds = buf_span(&odds);
	verdict_words(&v, &out);
	assert_string_equal(buf_text(&out),
		"broken, should be sha256:00: C bin/a (mode), A \"x\\033\" and 1 more");
	buf_reset(&out);
	v = (struct verdict){.state = VERDICT_PROVED,
		.digest = span_of("sha256:00"),
		.entries = 5,
		.files = 2,
		.why = span_of("but")};
	verdict_words(&v, &out);
	assert_string_equal(buf_text(&out), "proved to sha256:00: 5 names, 2 files: but");
}

static void signatures_in_words(void **state UNUSED)
{
	static const struct {
		struct verdict_signed by;
		const char *words;
		bool fine;
	} rows[] = {
		{{.state = SIGNED_UNKNOWN}, "", true},
		{{.state = SIGNED_NONE}, "", true},
		{{.state = SIGNED_VERIFIED, .key = {(const uint8_t *)"a.pub", 5}},
			"signed by a.pub", true},
		{{.state = SIGNED_VERIFIED,
			 .key = {(const uint8_t *)"a.pub", 5},
			 .reference = {(const uint8_t *)"r/b\n", 4},
			 .why = {(const uint8_t *)"but", 3}},
			"signed by a.pub as \"r/b\\n\", but", true},
		{{.state = SIGNED_MISMATCH, .why = {(const uint8_t *)"no", 2}},
			"signature mismatch: no", false},
		{{.state = SIGNED_NONE,
			 .why = {(const uint8_t *)"no", 2},
			 .unmet = {(const uint8_t *)"it", 2}},
			"no cosign signature: no; not as policy.json wants: it", false},
		{{.state = SIGNED_UNKNOWN, .unmet = {(const uint8_t *)"it", 2}},
			"not as policy.json wants: it", false},
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf out = {0};

		verdict_signed_words(&rows[i].by, &out);
		assert_string_equal(buf_text(&out), rows[i].words);
		assert_int_equal(verdict_signed_is_fine(&rows[i].by), rows[i].fine);
	}
}

static void signatures_that_are_news(void **state UNUSED)
{
	const struct verdict_signed none = {.state = SIGNED_NONE},
				    no_key = {.state = SIGNED_NO_KEY},
				    good = {.state = SIGNED_VERIFIED, .key = span_of("a")},
				    other = {.state = SIGNED_VERIFIED, .key = span_of("b")},
				    bad = {.state = SIGNED_MISMATCH},
				    want = {.state = SIGNED_NONE, .unmet = span_of("x")},
				    worse = {.state = SIGNED_MISMATCH, .unmet = span_of("x")};
	const struct {
		const struct verdict_signed *old, *fresh;
		int news;
	} rows[] = {{NULL, &none, -1}, {NULL, &good, -1}, {NULL, &no_key, -1},
		{NULL, &bad, SEV_HIGH}, {NULL, &want, SEV_HIGH}, {&none, &bad, SEV_HIGH},
		{&good, &bad, SEV_HIGH}, {&bad, &bad, -1}, {&want, &want, -1},
		{&want, &worse, SEV_HIGH}, {&good, &none, SEV_MEDIUM}, {&good, &no_key, SEV_MEDIUM},
		{&good, &other, SEV_INFO}, {&good, &good, -1}, {&bad, &good, SEV_INFO},
		{&bad, &none, SEV_INFO}, {&none, &good, SEV_INFO}, {&want, &good, SEV_INFO},
		{&none, &no_key, -1}};

	for (size_t i = 0; i < COUNTOF(rows); i++)
		assert_int_equal(verdict_signed_news(rows[i].old, rows[i].fresh), rows[i].news);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_verdict_round_trips),
		cmocka_unit_test(the_worst_counts),
		cmocka_unit_test(news_is_what_is_worse),
		cmocka_unit_test(words_name_files),
		cmocka_unit_test(signatures_in_words),
		cmocka_unit_test(signatures_that_are_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
