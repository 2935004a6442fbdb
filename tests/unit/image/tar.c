/* Archives made here, whole and piece by piece, and what is wrong in each way. Links: image, model, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/err.h"
#include "image/tar.h"

struct made {
	const char *name, *link;
	char kind;
	unsigned mode, uid;
	size_t size;
	const char *content;
};

static void add_raw(struct buf *out, const void *p, size_t n)
{
	static const uint8_t ZERO[TAR_BLOCK];

	buf_add(out, p, n);
	buf_add(out, ZERO, (size_t)(-n & (TAR_BLOCK - 1)));
}

static void seal(uint8_t block[TAR_BLOCK])
{
	unsigned sum = 0;
	char text[9];

	memset(block + 148, ' ', 8);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(block + 148, text, 7);
}

static void add_header(struct buf *out, const struct made *m)
{
	uint8_t block[TAR_BLOCK] = {0};
	char text[24];

	memcpy(block, m->name, strnlen(m->name, 100));
	snprintf(text, sizeof(text), "%07o", m->mode);
	memcpy(block + 100, text, 8);
	snprintf(text, sizeof(text), "%07o", m->uid);
	memcpy(block + 108, text, 8);
	snprintf(text, sizeof(text), "%07o", 7u);
	memcpy(block + 116, text, 8);
	snprintf(text, sizeof(text), "%011zo", m->size);
	memcpy(block + 124, text, 12);
	snprintf(text, sizeof(text), "%011o", 1767225600u);
	memcpy(block + 136, text, 12);
	block[156] = (uint8_t)m->kind;
	if (m->link)
		memcpy(block + 157, m->link, strnlen(m->link, 100));
	memcpy(block + 257, "ustar\00000", 8);
	memcpy(block + 329, "0000001\0000000003", 16);
	seal(block);
	buf_add(out, block, TAR_BLOCK);
}

static void add(struct buf *out, const struct made *m)
{
	add_header(out, m);
	if (m->content)
		add_raw(out, m->content, m->size);
}

static void add_pax(struct buf *out, const char *records, size_t n)
{
	add(out, &(struct made){"PaxHeaders/x", NULL, 'x', 0644, 0, n, records});
}

static void end(struct buf *out)
{
	static const uint8_t ZERO[2 * TAR_BLOCK];

	buf_add(out, ZERO, sizeof(ZERO));
}

/* Everything that is read, a line each, fed in pieces of `step` bytes. */
static int tell(struct span in, enum tar_kind kind, size_t step, struct buf *out)
{
	TAR struct tar *t = NULL;
	struct tar_entry e = {0};
	struct span data;

	must(tar_new(kind, &t) == 0);
	while (in.n) {
		struct span piece = span_make(in.p, in.n < step ? in.n : step);
		int r;

		in = span_make(in.p + piece.n, in.n - piece.n);
		while ((r = tar_step(t, &piece, &e, &data)) != TAR_MORE) {
			if (r < 0)
				return r;
			if (r == TAR_DATA)
				buf_add_span(out, data);
			if (r == TAR_DONE)
				buf_add_text(out, ";");
			if (r != TAR_ENTRY)
				continue;
			buf_printf(out, "%d%d%s %.*s %o %u %llu.%09llu", e.rec.type - FILE_REG,
				e.mark, e.hard ? "h" : "", (int)e.path.n, (const char *)e.path.p,
				e.rec.mode, e.rec.uid, (unsigned long long)e.rec.mtime / 1000000000,
				(unsigned long long)e.rec.mtime % 1000000000);
			buf_printf(out, " %u:%u >%.*s x%zu|", e.rec.rdev_major, e.rec.rdev_minor,
				(int)e.link.n, (const char *)e.link.p, e.rec.xattrs.n);
		}
	}
	return tar_end(t);
}

static const char *const WANT[] = {
	"10  755 0 1767225600.000000000 0:0 > x0|;",
	"00 bin/a 4755 1 1767225600.000000000 0:0 > x0|hello;",
	"00h bin/b 4755 1 1767225600.000000000 0:0 >bin/a x0|;",
	"20 s 777 0 1767225600.000000000 0:0 >../x/./y x0|;",
	"30 dev/n 600 0 1767225600.000000000 1:3 > x0|;",
};

static void make(struct buf *out)
{
	add(out, &(struct made){"./", NULL, '5', 040755, 0, 0, NULL});
	add(out, &(struct made){"./bin//a", NULL, '0', 0104755, 1, 5, "hello"});
	add(out, &(struct made){"bin/b", "./bin/a", '1', 04755, 1, 5, NULL});
	add(out, &(struct made){"s", "../x/./y", '2', 0777, 0, 0, NULL});
	add(out, &(struct made){"/dev/n", NULL, '3', 0600, 0, 0, NULL});
}

static void test_whole(void **state UNUSED)
{
	static const size_t STEPS[] = {1, 7, 511, 512, 513, 1 << 20};
	BUF struct buf in = {0}, want = {0};

	make(&in);
	end(&in);
	add_raw(&in, "what stands behind is nobody's", 30);
	for (size_t i = 0; i < COUNTOF(WANT); i++)
		buf_add_text(&want, WANT[i]);
	for (size_t i = 0; i < COUNTOF(STEPS); i++) {
		BUF struct buf got = {0};

		assert_int_equal(tell(buf_span(&in), TAR_WHOLE, STEPS[i], &got), 0);
		assert_string_equal(buf_text(&got), buf_text(&want));
	}
}

/* What describes an entry belongs to that one alone. */
static void test_pax(void **state UNUSED)
{
	BUF struct buf in = {0}, got = {0}, records = {0};
	static const char *const KEYS[] = {"path=./lo/ng", "mtime=1767225600.123456789", "uid=9999",
		"LIBARCHIVE.xattr.user.b=Yg==", "SCHILY.xattr.security.selinux=x",
		"SCHILY.xattr.user.a=b"};

	for (size_t i = 0; i < COUNTOF(KEYS); i++)
		buf_printf(&records, "%zu %s\n", strlen(KEYS[i]) + 4, KEYS[i]);
	add_pax(&in, buf_text(&records), records.n);
	add(&in, &(struct made){"short", NULL, '0', 0644, 1, 0, NULL});
	add(&in, &(struct made){"next", NULL, '0', 0644, 1, 0, NULL});
	end(&in);
	assert_int_equal(tell(buf_span(&in), TAR_WHOLE, 100, &got), 0);
	assert_string_equal(buf_text(&got), "00 lo/ng 644 9999 1767225600.123456789 0:0 > x9|;"
					    "00 next 644 1 1767225600.000000000 0:0 > x0|;");
}

static void test_long_names(void **state UNUSED)
{
	BUF struct buf in = {0}, got = {0};
	char name[301] = {0};

	memset(name, 'n', 300);
	add(&in, &(struct made){"././@LongLink", NULL, 'L', 0644, 0, 301, name});
	add(&in, &(struct made){"././@LongLink", NULL, 'K', 0644, 0, 4, "a/b"});
	add(&in, &(struct made){"cut", "cut", '1', 0644, 0, 0, NULL});
	assert_int_equal(tell(buf_span(&in), TAR_WHOLE, 4096, &got), 0);
	assert_non_null(strstr(buf_text(&got), name));
	assert_non_null(strstr(buf_text(&got), ">a/b x0|"));
}

static void test_marks(void **state UNUSED)
{
	BUF struct buf in = {0}, got = {0};

	add(&in, &(struct made){"d/.wh.gone", NULL, '0', 0644, 0, 0, NULL});
	add(&in, &(struct made){"d/.wh..wh..opq", NULL, '0', 0644, 0, 0, NULL});
	add(&in, &(struct made){".wh..wh.plnk", NULL, '5', 0644, 0, 0, NULL});
	add(&in, &(struct made){".wh.top", NULL, '0', 0644, 0, 0, NULL});
	assert_int_equal(tell(buf_span(&in), TAR_WHOLE, 4096, &got), 0);
	assert_string_equal(buf_text(&got), "31 d/gone 0 0 0.000000000 0:0 > x0|;"
					    "02 d 644 0 1767225600.000000000 0:0 > x0|;"
					    "13 .wh..wh.plnk 644 0 1767225600.000000000 0:0 > x0|;"
					    "31 top 0 0 0.000000000 0:0 > x0|;");
}

/* As tar-split's segments have it: no content, but its padding. */
static void test_headers(void **state UNUSED)
{
	BUF struct buf in = {0}, got = {0};
	static const uint8_t ZERO[507];

	add_header(&in, &(struct made){"a", NULL, '0', 0644, 0, 5, NULL});
	buf_add(&in, ZERO, 507);
	add_header(&in, &(struct made){"b", NULL, '0', 0644, 0, 512, NULL});
	add_header(&in, &(struct made){"c", NULL, '0', 0644, 0, 0, NULL});
	end(&in);
	assert_int_equal(tell(buf_span(&in), TAR_HEADERS, 100, &got), 0);
	assert_string_equal(buf_text(&got), "00 a 644 0 1767225600.000000000 0:0 > x0|"
					    "00 b 644 0 1767225600.000000000 0:0 > x0|"
					    "00 c 644 0 1767225600.000000000 0:0 > x0|");
}

static void refused(const struct made *m, const char *why)
{
	BUF struct buf in = {0}, got = {0};

	add(&in, m);
	end(&in);
	assert_true(tell(buf_span(&in), TAR_WHOLE, 4096, &got) < 0);
	if (!strstr(err_why(), why))
		fail_msg("\"%s\" is not in \"%s\"", why, err_why());
}

static void test_refused(void **state UNUSED)
{
	BUF struct buf in = {0}, got = {0};

	refused(&(struct made){"a/../b", NULL, '0', 0644, 0, 0, NULL}, "no path");
	refused(&(struct made){"d/.wh...", NULL, '0', 0644, 0, 0, NULL}, "whiteout of nothing");
	refused(&(struct made){"d/.wh.", NULL, '0', 0644, 0, 0, NULL}, "whiteout of nothing");
	refused(&(struct made){"a", "../b", '1', 0644, 0, 0, NULL}, "no path");
	refused(&(struct made){"a", NULL, '2', 0644, 0, 0, NULL}, "link to nothing");
	refused(&(struct made){"a", NULL, 'S', 0644, 0, 0, NULL}, "holes");
	refused(&(struct made){"a", NULL, '7', 0644, 0, 0, NULL}, "no engine");
	refused(&(struct made){".", NULL, '0', 0644, 0, 0, NULL}, "without a name");
	refused(&(struct made){"x", NULL, 'x', 0644, 0, 5, "99 a\n"}, "PAX");
	refused(&(struct made){"x", NULL, 'x', 0644, 0, 8, "8 path\n\n"}, "PAX");
	refused(&(struct made){"x", NULL, 'x', 0644, 0, 18, "18 path=a\0bcdefgh\n"}, "NUL");
	make(&in);
	in.p[148] ^= 1;
	assert_int_equal(tell(buf_span(&in), TAR_WHOLE, 4096, &got), -EBADMSG);
}

/* Wherever it is cut off but between two entries, that is told. */
static void test_cut(void **state UNUSED)
{
	BUF struct buf in = {0};

	add(&in, &(struct made){"a", NULL, '0', 0644, 0, 5, "hello"});
	add_pax(&in, "10 uid=12\n", 10);
	add(&in, &(struct made){"b", NULL, '0', 0644, 0, 0, NULL});
	for (size_t n = 1; n < in.n; n++) {
		BUF struct buf got = {0};
		int r = tell(span_make(in.p, n), TAR_WHOLE, 4096, &got);

		assert_int_equal(r, n == 1024 ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pax),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
