/* Stored journals in formats that are not the event itself: what they prove, and what not. */
#include "proof_rig.h"
#include "base/text.h"
#include "wire/format.h"

static void add_formatted(
	struct buf *out, const struct journal *j, enum format f, uint64_t from, uint64_t to)
{
	const struct format_options o = {.version = "1", .enterprise = 32473};

	for (uint64_t i = from; i <= to; i++) {
		assert_int_equal(format_event(f, buf_span(&j->line[i]), &o, out), 0);
		buf_u8(out, '\n');
	}
}

/* Formats that are not the event itself: that none is missing is proven, what they say is not; and
 * that is enough only for those who say so. */
static void test_reduced(void **state UNUSED)
{
	const struct proof_options enough = {.only_complete = true};
	struct journal j;

	write_all(&j, "h");
	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf text = {.p = NULL}, less = {.p = NULL};
		DECREF json_t *plain = NULL, *root = NULL, *hole = NULL;
		const json_t *check;

		if (f == FORMAT_JSON)
			continue;
		add_formatted(&text, &j, (enum format)f, 1, N);
		plain = said(&text);
		assert_false(is_clean(plain));
		check = check_named(plain, "content", format_kinds[f].name);
		assert_true(json_is_false(json_object_get(check, "ok")));
		root = said_with(&text, &enough);
		if (!is_clean(root))
			fail_msg("%s: %s", format_kinds[f].name, buf_text(&text));
		assert_int_equal(number(root, "content", "events"), N);
		assert_int_equal(number(root, "content", "no_prev"), f == FORMAT_CEF ? N : 0);
		assert_int_equal(number(root, "complete", "entries"), N);
		assert_int_equal(number(root, "entries", "other_lines"), 0);
		add_formatted(&less, &j, (enum format)f, 1, 2);
		add_formatted(&less, &j, (enum format)f, 4, N);
		hole = said_with(&less, &enough);
		assert_false(is_clean(hole));
		assert_int_equal(number(hole, "complete", "missing"), 1);
	}
	drop_all(&j);
}

/* One of them whose prev is another: the link says so. CEF has none to say. */
static void test_reduced_link(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf text = {.p = NULL}, hex = {.p = NULL};
		DECREF json_t *root = NULL;
		uint8_t *at;

		if (f == FORMAT_JSON)
			continue;
		add_formatted(&text, &j, (enum format)f, 1, N);
		text_hex(&hex, span_make(j.id[2], SHA_LEN));
		at = memmem(text.p, text.n, hex.p, hex.n);
		assert_non_null(at);
		at[0] = at[0] == 'a' ? 'b' : 'a';
		root = said_with(&text, &(struct proof_options){.only_complete = true});
		assert_int_equal(is_clean(root), f == FORMAT_CEF);
	}
	drop_all(&j);
}

/* As a syslog sink sends it by TCP: "LEN <PRI>1 … MSG", and nothing between two. */
static void add_frame(struct buf *out, struct span event, enum format f, const char *tail)
{
	const struct format_options o = {.version = "1", .enterprise = 32473};
	BUF struct buf message = {.p = NULL};

	if (f != FORMAT_RFC5424)
		buf_add_text(&message, "<134>1 2026-11-23T22:14:05.000Z h boltseal 7 change - ");
	assert_int_equal(format_event(f, event, &o, &message), 0);
	buf_add_text(&message, tail);
	buf_printf(out, "%zu ", message.n);
	buf_add_span(out, buf_span(&message));
}

static void add_frames(struct buf *out, const struct journal *j, enum format f, uint64_t from,
	uint64_t to, const char *tail)
{
	for (uint64_t i = from; i <= to; i++)
		add_frame(out, buf_span(&j->line[i]), f, tail);
}

static bool is_proven(const struct buf *text, json_int_t entries)
{
	const struct proof_options enough = {.only_complete = true};
	DECREF json_t *root = said_with(text, &enough), *bytes = NULL;
	int r;

	bytes = answer(buf_span(text), &enough, 1, &r);
	assert_true(json_equal(root, bytes));
	if (check_named(root, "complete", NULL))
		assert_int_equal(number(root, "complete", "entries"), entries);
	else
		assert_int_equal(entries, 0);
	return is_clean(root);
}

/* Every frame is read, whatever the format and whatever a relay put behind the message or the frame. */
static void test_frames(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf text = {.p = NULL}, lines = {.p = NULL}, hole = {.p = NULL};

		add_frames(&text, &j, (enum format)f, 1, 5, "");
		add_frames(&text, &j, (enum format)f, 6, N, "\nmore\n77 <1>");
		if (!is_proven(&text, N))
			fail_msg("%s", format_kinds[f].name);
		for (uint64_t i = 1; i <= N; i++) {
			add_frames(&lines, &j, (enum format)f, i, i, "");
			buf_add_text(&lines, i % 2 ? "\r\n" : "\n");
		}
		assert_true(is_proven(&lines, N));
		add_frames(&hole, &j, (enum format)f, 1, 7, "");
		add_frames(&hole, &j, (enum format)f, 9, N, "");
		assert_false(is_proven(&hole, N - 1));
	}
	drop_all(&j);
}

/* A capture that ends within a frame, begins within one, or has other bytes between two; and a length
 * that swallows what comes next. None of it is silently left out. */
static void test_frames_broken(void **state UNUSED)
{
	struct journal j;

	write_all(&j, "h");
	for (int f = 0; f < FORMAT_N; f++) {
		BUF struct buf last = {.p = NULL}, two = {.p = NULL}, junk = {.p = NULL},
			       late = {.p = NULL}, swallowed = {.p = NULL};
		DECREF json_t *root = NULL;
		bool is_fields = f == FORMAT_RFC5424 || f == FORMAT_CEF || f == FORMAT_LEEF;

		add_frames(&last, &j, (enum format)f, 1, 1, "");
		add_frames(&two, &j, (enum format)f, 1, 2, "");
		for (size_t n = last.n + 1; n < two.n; n++) {
			BUF struct buf torn = {.p = NULL};

			buf_add(&torn, two.p, n);
			if (is_proven(&torn, 1))
				fail_msg("%s: torn at %zu of %zu", format_kinds[f].name, n, two.n);
		}
		add_frames(&junk, &j, (enum format)f, 1, 3, "");
		buf_add_text(&junk, "x\n");
		add_frames(&junk, &j, (enum format)f, 4, N, "");
		assert_false(is_proven(&junk, N));
		/* Objects have an end of their own, fields have not. */
		buf_add_span(&late, span_make(two.p + 4, two.n - 4));
		assert_int_equal(is_proven(&late, is_fields ? 1 : 2), !is_fields);
		buf_printf(&swallowed, "%zu ", two.n * 9);
		buf_add_span(&swallowed, span_make(memchr(two.p, '<', two.n), 200));
		add_frames(&swallowed, &j, (enum format)f, 2, 4, "");
		root = said_with(&swallowed, &(struct proof_options){.only_complete = true});
		assert_false(is_clean(root));
	}
	drop_all(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reduced),
		cmocka_unit_test(test_reduced_link), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_frames_broken)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
