/* A header of rpm's, made here, whole and in every way broken. Links: pkg/rpm, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/buf.h"
#include "pkg/rpm.h"

struct made {
	struct buf index, data, blob;
	uint32_t n;
};

static void entry(struct made *m, uint32_t tag, uint32_t type, uint32_t count)
{
	buf_be32(&m->index, tag);
	buf_be32(&m->index, type);
	buf_be32(&m->index, (uint32_t)m->data.n);
	buf_be32(&m->index, count);
	m->n++;
}

static void text(struct made *m, const char *s)
{
	buf_add(&m->data, s, strlen(s) + 1);
}

static void make(struct made *m)
{
	*m = (struct made){.n = 0};
	entry(m, 1000, 6, 1), text(m, "bash");
	entry(m, 1001, 6, 1), text(m, "5.2");
	entry(m, 1002, 6, 1), text(m, "1.el9");
	entry(m, 1022, 6, 1), text(m, "x86_64");
	entry(m, 1003, 4, 1), buf_be32(&m->data, 2);
	entry(m, 5011, 4, 1), buf_be32(&m->data, RPM_SHA256);
	entry(m, 1030, 3, 2), buf_add(&m->data, "\x81\xed\x41\xed", 4);
	entry(m, 1035, 8, 2), text(m, "ab"), text(m, "");
	entry(m, 1037, 4, 2), buf_be32(&m->data, 0), buf_be32(&m->data, RPM_GHOST);
	entry(m, 1116, 4, 2), buf_be32(&m->data, 1), buf_be32(&m->data, 0);
	entry(m, 1117, 8, 2), text(m, "bash"), text(m, "dir");
	entry(m, 1118, 8, 2), text(m, "/etc/"), text(m, "/usr/bin/");
	buf_be32(&m->blob, m->n);
	buf_be32(&m->blob, (uint32_t)m->data.n);
	buf_add_span(&m->blob, buf_span(&m->index));
	buf_add_span(&m->blob, buf_span(&m->data));
}

static void made_free(struct made *m)
{
	buf_free(&m->index);
	buf_free(&m->data);
	buf_free(&m->blob);
}

static void test_whole(void **state UNUSED)
{
	CLEANUP(made_free) struct made m;
	struct rpm_header h;
	struct rpm_file f;

	make(&m);
	assert_int_equal(rpm_header(buf_span(&m.blob), &h), 0);
	assert_true(span_is(h.name, "bash") && span_is(h.version, "5.2"));
	assert_true(span_is(h.release, "1.el9") && span_is(h.arch, "x86_64"));
	assert_true(h.has_epoch && h.epoch == 2 && h.algorithm == RPM_SHA256);
	assert_true(rpm_file(&h, &f));
	assert_true(span_is(f.dir, "/usr/bin/") && span_is(f.base, "bash"));
	assert_true(span_is(f.digest, "ab") && f.mode == 0100755 && f.flags == 0);
	assert_true(rpm_file(&h, &f));
	assert_true(span_is(f.dir, "/etc/") && f.digest.n == 0 && f.flags == RPM_GHOST);
	assert_false(rpm_file(&h, &f));
}

/* Each length, and each byte another: no read beyond it, which the sanitizers see. */
static void test_broken(void **state UNUSED)
{
	CLEANUP(made_free) struct made m;
	struct rpm_header h;
	struct rpm_file f;

	make(&m);
	for (size_t n = 0; n < m.blob.n; n++) {
		FREE uint8_t *copy = malloc(n + 1);

		memcpy(copy, m.blob.p, n);
		assert_true(rpm_header(span_make(copy, n), &h) < 0);
	}
	for (size_t i = 0; i < m.blob.n; i++)
		for (unsigned bit = 0; bit < 8; bit += 7) {
			m.blob.p[i] ^= (uint8_t)(1u << bit);
			if (rpm_header(buf_span(&m.blob), &h) == 0)
				while (rpm_file(&h, &f))
					assert_true(f.base.n < m.blob.n);
			m.blob.p[i] ^= (uint8_t)(1u << bit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
