/* Two targets of one image: what one shows against what the other shows, by directories. The image
 * has /opt/hl with f and sub/g. */
#include "rig.h"

static struct rig rig;

static int setup(void **state UNUSED)
{
	rig_start(&rig, false, NULL);
	return 0;
}

static int teardown(void **state UNUSED)
{
	rig_stop(&rig);
	return 0;
}

static void put(struct buf *out, const struct record *rec)
{
	assert_int_equal(record_encode(rec, out), 0);
}

static const struct record dir = {.type = FILE_DIR, .mode = 0755},
			   file = {.type = FILE_REG, .mode = 0644, .size = 3, .has_sha = true},
			   image_file = {.type = FILE_REG, .mode = 0600, .size = 9};

static void drift(uint32_t no, char kind, const char *path, const struct record *old,
	const struct record *now)
{
	BUF struct buf a = {.p = NULL}, b = {.p = NULL};
	struct change c = {.kind = kind, .path = span_of(path), .first = 1, .last = 1, .seq = 1};
	struct txn *t;

	if (old)
		put(&a, old);
	if (now)
		put(&b, now);
	c.old = buf_span(&a);
	c.now = buf_span(&b);
	assert_int_equal(txn_begin(rig.writer, true, &t), 0);
	assert_int_equal(drift_put(t, no, &c), 0);
	assert_int_equal(txn_commit(t), 0);
}

static void undrift(uint32_t no, const char *path)
{
	struct txn *t;

	assert_int_equal(txn_begin(rig.writer, true, &t), 0);
	assert_int_equal(drift_delete(t, no, span_of(path)), 0);
	assert_int_equal(txn_commit(t), 0);
}

/* "A /opt/hl\n…" below /opt. */
static void is_said(const char *line, const char *want)
{
	BUF struct buf out = {.p = NULL}, said = {.p = NULL};
	const char *at;

	assert_int_equal(rig_ask(&rig, &out, line, NULL, NULL), 200);
	for (at = buf_text(&out); (at = strstr(at, "\"kind\":\"")); at++) {
		const char *path = strstr(at, "\"path\":\"");

		if (at[8] == 'c') /* the target's: "container" */
			continue;
		assert_non_null(path);
		path += 8;
		buf_printf(&said, "%c %.*s\n", at[8], (int)strcspn(path, "\""), path);
	}
	assert_string_equal(buf_text(&said), want);
}

#define WEB "GET /v1/targets/web/drift?path=/opt&against=db"
#define DB "GET /v1/targets/db/drift?path=/opt&against=web"

static void test_deleted(void **state UNUSED)
{
	drift(rig.db, 'D', "/opt/hl", &dir, NULL);
	is_said(WEB, "A /opt/hl\nA /opt/hl/f\nA /opt/hl/sub\nA /opt/hl/sub/g\n");
	is_said(DB, "D /opt/hl\n");
	/* what the one that has it changed there, added and deleted */
	drift(rig.web, 'C', "/opt/hl/f", &image_file, &file);
	drift(rig.web, 'A', "/opt/hl/new", NULL, &file);
	drift(rig.web, 'D', "/opt/hl/sub", &dir, NULL);
	is_said(WEB, "A /opt/hl\nA /opt/hl/f\nA /opt/hl/new\n");
	is_said(DB, "D /opt/hl\n");
	is_said(WEB "&limit=1", "A /opt/hl\n");
	/* both lack it */
	drift(rig.db, 'D', "/opt", &dir, NULL);
	undrift(rig.db, "/opt/hl");
	is_said(DB, "D /opt\n");
	is_said(WEB, "A /opt\nA /opt/hl\nA /opt/hl/f\nA /opt/hl/new\n");
	undrift(rig.db, "/opt");
	undrift(rig.web, "/opt/hl/f");
	undrift(rig.web, "/opt/hl/new");
	undrift(rig.web, "/opt/hl/sub");
	is_said(WEB, "");
}

static void test_retyped(void **state UNUSED)
{
	drift(rig.db, 'C', "/opt/hl", &dir, &file);
	is_said(WEB, "C /opt/hl\nA /opt/hl/f\nA /opt/hl/sub\nA /opt/hl/sub/g\n");
	is_said(DB, "C /opt/hl\n");
	drift(rig.web, 'D', "/opt/hl", &dir, NULL);
	is_said(WEB, "D /opt/hl\n");
	is_said(DB, "A /opt/hl\n");
	undrift(rig.web, "/opt/hl");
	undrift(rig.db, "/opt/hl");
}

static void test_both_gone(void **state UNUSED)
{
	drift(rig.db, 'D', "/opt/hl", &dir, NULL);
	drift(rig.web, 'D', "/opt/hl", &dir, NULL);
	is_said(WEB, "");
	drift(rig.web, 'D', "/opt", &dir, NULL);
	is_said(WEB, "D /opt\n");
	is_said(DB, "A /opt\n");
	undrift(rig.web, "/opt");
	undrift(rig.web, "/opt/hl");
	undrift(rig.db, "/opt/hl");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_retyped), cmocka_unit_test(test_both_gone)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
