/* Recorded and hostile bytes: a length is never believed before it was compared. */
#include "daemon/sensor/fan_parse.h"
#include "base/buf.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/fanotify.h>

enum { DFID_NAME = 2, FID = 1, PIDFD = 4, OLD = 10, NEW = 12 };

static void raw16(struct buf *b, uint16_t v)
{
	buf_add(b, &v, sizeof(v));
}

static void raw32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

static void info(struct buf *b, uint8_t kind, uint32_t handle_len, const char *name)
{
	size_t at = b->n, n = name ? strlen(name) + 1 : 0;
	uint16_t len = (uint16_t)((4 + 8 + 8 + handle_len + n + 3) & ~3u);

	buf_u8(b, kind);
	buf_u8(b, 0);
	raw16(b, len);
	buf_add(b, "fsid-id!", 8);
	raw32(b, handle_len);
	raw32(b, 1);
	for (size_t i = 0; i < handle_len; i++)
		buf_u8(b, 'h');
	buf_add(b, name, n);
	while (b->n < at + len)
		buf_u8(b, 0);
}

static void head(struct buf *b, uint64_t mask, const struct buf *infos)
{
	struct fanotify_event_metadata m = {.event_len = (uint32_t)(sizeof(m) + infos->n),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = sizeof(m),
		.mask = mask,
		.fd = -1,
		.pid = 42};

	buf_add(b, &m, sizeof(m));
	buf_add_span(b, buf_span(infos));
}

static void names_and_handles(void **state UNUSED)
{
	BUF struct buf infos = {}, all = {};
	struct fan_cursor c;
	struct fan_event e;

	info(&infos, DFID_NAME, 8, "a\nb\377");
	info(&infos, PIDFD, 8, NULL); /* not asked for: stepped over */
	info(&infos, FID, 12, NULL);
	head(&all, FAN_CREATE, &infos);
	buf_reset(&infos);
	info(&infos, DFID_NAME, 8, ".");
	head(&all, FAN_ATTRIB | FAN_ONDIR, &infos);
	buf_reset(&infos);
	info(&infos, OLD, 8, "old");
	info(&infos, NEW, 8, "new");
	head(&all, 0x10000000, &infos);
	c = fan_cursor_of(buf_span(&all));

	assert_int_equal(fan_next(&c, &e), 0);
	assert_int_equal(e.pid, 42);
	assert_true(e.dir.there && e.object.there && !e.old_dir.there);
	assert_true(span_is(e.dir.name, "a\nb\377"));
	assert_int_equal(e.dir.key.n, 8 + 8 + 8);
	assert_int_equal(e.object.handle.n, 8 + 12);
	assert_int_equal(fan_next(&c, &e), 0);
	assert_int_equal(e.dir.name.n, 0);
	assert_int_equal(fan_next(&c, &e), 0);
	assert_true(span_is(e.old_dir.name, "old") && span_is(e.new_dir.name, "new"));
	assert_int_equal(fan_next(&c, &e), FAN_END);
}

static void overflow_has_nothing(void **state UNUSED)
{
	BUF struct buf none = {}, all = {};
	struct fan_cursor c;
	struct fan_event e;

	head(&all, FAN_Q_OVERFLOW, &none);
	c = fan_cursor_of(buf_span(&all));
	assert_int_equal(fan_next(&c, &e), 0);
	assert_true(e.mask & FAN_Q_OVERFLOW && !e.dir.there && e.fd == -1);
}

/* Every byte of a good block set to every of a few bad values, and every length cut. */
static void hostile(void **state UNUSED)
{
	static const uint8_t bad[] = {0, 1, 0x7f, 0x80, 0xff};
	BUF struct buf infos = {}, all = {};
	size_t i, k;

	info(&infos, DFID_NAME, 8, "name");
	info(&infos, FID, 8, NULL);
	head(&all, FAN_CREATE, &infos);
	for (i = 0; i <= all.n; i++) {
		for (k = 0; k < sizeof(bad); k++) {
			FREE uint8_t *copy =
				malloc(all.n); /* exact, so that ASan sees a step beyond */
			struct fan_cursor c = {copy, copy + (i < all.n ? all.n : i)};
			struct fan_event e;

			memcpy(copy, all.p, all.n);
			if (i < all.n)
				copy[i] = bad[k];
			while (fan_next(&c, &e) == 0)
				;
			assert_ptr_equal(c.p, c.end);
		}
	}
	for (i = 1; i < all.n; i++) {
		FREE uint8_t *copy = malloc(i);
		struct fan_cursor c = {copy, copy + i};
		struct fan_event e;

		memcpy(copy, all.p, i);
		assert_int_equal(fan_next(&c, &e), -EBADMSG);
	}
}

static void name_without_end(void **state UNUSED)
{
	BUF struct buf infos = {}, all = {};
	struct fan_cursor c;
	struct fan_event e;

	info(&infos, DFID_NAME, 8, "nam"); /* the NUL is the last byte */
	infos.p[infos.n - 1] = 'x';
	head(&all, FAN_CREATE, &infos);
	c = fan_cursor_of(buf_span(&all));
	assert_int_equal(fan_next(&c, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_handles),
		cmocka_unit_test(overflow_has_nothing),
		cmocka_unit_test(hostile),
		cmocka_unit_test(name_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
