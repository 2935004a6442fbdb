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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reduced), cmocka_unit_test(test_reduced_link)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
