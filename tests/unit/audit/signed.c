/*
 * What was signed and is then changed, anywhere, is found: a journal as a receiver has it, one entry's proof, a
 * signed baseline file. A bit is turned, a member is another, two entries change places, one is missing.
 * Every byte that is touched has a meaning: the texts are canonical, with no blank between.
 */
#include "../base/unit.h"
#include "audit/entry.h"
#include "audit/text.h"
#include "base/clock.h"
#include "base/text.h"
#include "golden/file.h"
#include "wire/checkpoint.h"
#include "wire/event.h"
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TEXTS = 600, PROOFS = 600, FILES = 600 };
#else
enum { TEXTS = 4000, PROOFS = 4000, FILES = 4000 };
#endif
enum { ENTRIES = 14, EVERY = 5 };
#define NOW INT64_C(1790000000123456789)

static struct journal {
	struct trust_key *key;
	struct keyring ring;
	struct buf line[ENTRIES];
	uint8_t id[ENTRIES][SHA_LEN];
} * j;

static void add_checkpoint(unsigned n, unsigned from, unsigned last, struct buf *out)
{
	struct checkpoint c = {.host = span_of("h1"), .from = from, .to = n - 1, .last = last};
	BUF struct buf block = {0}, b64 = {0};
	struct merkle m = {.n = 0};
	struct signature s;
	uint8_t digest[SHA_LEN];
	struct json js = json_on(out);

	for (unsigned i = from; i < n; i++)
		merkle_add(&m, j->id[i - 1]);
	merkle_root(&m, c.root);
	memcpy(c.head, j->id[n - 2], SHA_LEN);
	if (last)
		memcpy(c.last_id, j->id[last - 1], SHA_LEN);
	memcpy(c.key, trust_key_id(j->key), SHA_LEN);
	checkpoint_digest(&c, digest);
	assert_int_equal(
		sign_digest(j->key, SIGN_CHECKPOINT, digest, NOW, (struct span){0}, &s), 0);
	signature_encode(&s, &block);
	text_b64(&b64, buf_span(&block));
	c.signature = buf_span(&b64);
	show_checkpoint(&js, &c);
}

static int make_journal(void **state)
{
	BUF struct buf pem = {0};
	unsigned last = 0;

	(void)state;
	j = calloc(1, sizeof(*j));
	assert_int_equal(trust_key_make(&j->key), 0);
	assert_int_equal(trust_key_public_pem(j->key, &pem), 0);
	assert_int_equal(keyring_add_bytes(&j->ring, buf_span(&pem), "host"), 0);
	for (unsigned seq = 1; seq <= ENTRIES; seq++) {
		static const uint8_t zeros[SHA_LEN];
		bool signs = seq % EVERY == 0 || seq == ENTRIES;
		BUF struct buf object = {0};
		struct event e = {.seq = seq,
			.time = NOW + seq,
			.type = signs ? EVENT_CHECKPOINT : EVENT_CANARY,
			.severity = SEV_LOW,
			.host = span_of("h1"),
			.detail = span_of(signs ? "" : "what happened")};

		if (signs)
			add_checkpoint(seq, last ? last : 1, last, &object);
		e.checkpoint = buf_span(&object);
		assert_int_equal(event_format(&e, seq > 1 ? j->id[seq - 2] : zeros,
					 &j->line[seq - 1], j->id[seq - 1]),
			0);
		last = signs ? seq : last;
	}
	return 0;
}

static int free_journal(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++)
		buf_free(&j->line[i]);
	keyring_fini(&j->ring);
	trust_key_free(j->key);
	free(j);
	return 0;
}

/* Is it proven whole and signed? What is said of it is added to `said`. */
static bool is_proven_saying(struct span text, struct buf *said)
{
	struct audit_text_options o = {.ring = &j->ring};
	struct proof_options po = {.since = 1};
	struct audit_text *t;
	struct proof *p;
	bool clean = false;
	int r;

	assert_int_equal(audit_text_new(&t, &o), 0);
	audit_text_join(t, &po);
	assert_int_equal(proof_new(&p, &po), 0);
	r = proof_feed(p, text);
	if (r == 0)
		r = proof_end(p, said, &clean);
	proof_free(p);
	audit_text_free(t);
	return r == 0 && clean;
}

static bool is_proven(struct span text)
{
	BUF struct buf said = {0};

	return is_proven_saying(text, &said);
}

static void flip(uint64_t *seed, struct buf *b)
{
	size_t bit = any_below(seed, b->n * 8);

	b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* A digit is another one. */
static void change(uint64_t *seed, struct buf *b)
{
	for (;;) {
		uint8_t *at = b->p + any_below(seed, b->n);

		if (*at >= '0' && *at <= '9') {
			*at = (uint8_t)('0' + (*at - '0' + 1 + any_below(seed, 8)) % 10);
			return;
		}
	}
}

/* The seqs of two entries. */
static void trade(uint64_t *seed, struct buf *lines)
{
	unsigned a = (unsigned)any_below(seed, ENTRIES),
		 b = (a + 1 + (unsigned)any_below(seed, ENTRIES - 1)) % ENTRIES;
	char was[32], now[32];

	for (unsigned i = 0; i < 2; i++) {
		BUF struct buf line = buf_take(&lines[i ? b : a]);
		char *at;

		snprintf(was, sizeof(was), "\"seq\":%u,", (i ? b : a) + 1);
		snprintf(now, sizeof(now), "\"seq\":%u,", (i ? a : b) + 1);
		at = strstr((char *)line.p, was);
		assert_non_null(at);
		buf_add(&lines[i ? b : a], line.p, (size_t)(at - (char *)line.p));
		buf_add_text(&lines[i ? b : a], now);
		buf_add_text(&lines[i ? b : a], at + strlen(was));
	}
}

static void mutate_text(uint64_t *seed, unsigned how)
{
	struct buf lines[ENTRIES] = {{0}};
	BUF struct buf all = {0};
	unsigned one = (unsigned)any_below(seed, ENTRIES);

	for (unsigned i = 0; i < ENTRIES; i++)
		buf_add_span(&lines[i], buf_span(&j->line[i]));
	if (how == 0)
		flip(seed, &lines[one]);
	else if (how == 1)
		change(seed, &lines[one]);
	else if (how == 2)
		trade(seed, lines);
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (how != 3 || i != one) {
			buf_add_span(&all, buf_span(&lines[i]));
			buf_u8(&all, '\n');
		}
		buf_free(&lines[i]);
	}
	if (is_proven(buf_span(&all)))
		fail_msg("kind %u, entry %u: not found:\n%s", how, one + 1, buf_text(&all));
}

static uint64_t seed_now(void)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	print_message("# seed %llu\n", (unsigned long long)seed);
	return seed;
}

static void test_journal_text(void **state)
{
	uint64_t seed = seed_now();
	BUF struct buf all = {0};

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		buf_add_span(&all, buf_span(&j->line[i]));
		buf_u8(&all, '\n');
	}
	assert_true(is_proven(buf_span(&all)));
	for (unsigned i = 0; i < TEXTS; i++)
		mutate_text(&seed, i % 4);
}

static void says(unsigned without, unsigned from, const char *words)
{
	BUF struct buf all = {0}, said = {0};

	for (unsigned i = from; i <= ENTRIES; i++) {
		if (i == without)
			continue;
		buf_add_span(&all, buf_span(&j->line[i - 1]));
		buf_u8(&all, '\n');
	}
	assert_false(is_proven_saying(buf_span(&all), &said));
	if (!strstr(buf_text(&said), words))
		fail_msg("%s", buf_text(&said));
}

static void test_words(void **state)
{
	(void)state;
	says(EVERY + 1, 1, "\"entry 7: entries are missing before it");
	says(0, 3, "; the beginning of what 1 covers is not there: retention may have");
}

static bool entry_proven(struct span proof)
{
	BUF struct buf out = {0};
	struct json js = json_on(&out);

	json_open(&js, '[');
	return entry_check(proof, &j->ring, &js) == 0;
}

static void test_one_entry(void **state)
{
	uint64_t seed = seed_now();

	(void)state;
	for (unsigned seq = EVERY; seq < 2 * EVERY; seq++) {
		BUF struct buf proof = {0}, was = {0};

		assert_int_equal(
			entry_write(buf_span(&j->line[2 * EVERY - 1]), buf_span(&j->line[seq - 1]),
				j->id[EVERY - 1], EVERY, seq - EVERY, &was),
			0);
		assert_true(entry_proven(buf_span(&was)));
		for (unsigned i = 0; i < PROOFS / EVERY; i++) {
			buf_reset(&proof);
			buf_add_span(&proof, buf_span(&was));
			if (i % 2)
				flip(&seed, &proof);
			else
				change(&seed, &proof);
			if (entry_proven(buf_span(&proof)))
				fail_msg("not found: %s", buf_text(&proof));
		}
	}
}

/* ---- a signed baseline ---- */

static void make_baseline(struct buf *file)
{
	struct golden_layer layer = {.n_records = 0};
	struct golden g = {.name = span_of("app:1"),
		.os = span_of("linux"),
		.arch = span_of("amd64"),
		.has_image = true,
		.created = NOW,
		.layers = &layer,
		.n_layers = 1};
	BUF struct buf list = {0}, block = {0};
	struct signature s;

	for (unsigned i = 0; i < 20; i++) {
		struct record r = {.type = FILE_REG, .mode = 0644, .size = i, .has_sha = true};
		char path[20];

		snprintf(path, sizeof(path), "etc/f%02u", i);
		assert_int_equal(golden_add(&list, span_of(path), &r), 0);
	}
	layer.records = buf_span(&list);
	assert_int_equal(golden_write(&g, false, file), 0);
	assert_int_equal(
		sign_digest(j->key, SIGN_BASELINE, g.digest, NOW, span_of("release 7"), &s), 0);
	signature_encode(&s, &block);
	assert_int_equal(golden_sign(&g, buf_span(&block), file), 0);
}

static bool baseline_proven(struct span file)
{
	struct golden_mem mem = {.records = {0}};
	struct golden g;
	struct signature s;
	struct span block;
	bool right = false;

	if (golden_read(file, &mem, &g) == 0 && g.n_signatures == 1) {
		struct rd at = rd_of(g.signatures), in;

		right = golden_signature(&at, &block);
		in = rd_of(block);
		right = right && signature_decode(&in, &s) == 0 && rd_end(&in) &&
			keyring_check(&j->ring, SIGN_BASELINE, g.digest, &s, NULL) == 0;
	}
	golden_mem_free(&mem);
	return right;
}

static void test_baseline_file(void **state)
{
	uint64_t seed = seed_now();
	BUF struct buf was = {0}, file = {0};

	(void)state;
	make_baseline(&was);
	assert_true(baseline_proven(buf_span(&was)));
	for (unsigned i = 0; i < FILES; i++) {
		size_t n = was.n;

		buf_reset(&file);
		buf_add_span(&file, buf_span(&was));
		if (i % 4 == 3)
			n = any_below(&seed, was.n);
		else
			flip(&seed, &file);
		if (baseline_proven(span_make(file.p, n)))
			fail_msg("mutation %u is not found", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_text),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_one_entry),
		cmocka_unit_test(test_baseline_file),
	};

	return cmocka_run_group_tests_name("audit/signed", tests, make_journal, free_journal);
}
