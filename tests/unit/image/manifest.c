/* Documents of images, as they are written and as they should not be. Links: image, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/err.h"
#include "image/manifest.h"
#include "image/toc.h"

#define D "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DESC "{\"mediaType\":\"m\",\"size\":3,\"digest\":\"sha256:" D "\"}"

static void test_digests(void **state UNUSED)
{
	struct image_digest d;
	BUF struct buf text = {0};
	uint8_t chain[SHA_LEN];

	assert_int_equal(image_digest_parse(span_of("sha256:" D), "x", &d), 0);
	image_digest_format(d.sha, &text);
	assert_string_equal(buf_text(&text), "sha256:" D);
	assert_int_equal(image_digest_parse(span_of("sha256:" D "0"), "x", &d), -EBADMSG);
	assert_int_equal(image_digest_parse(span_of(D), "x", &d), -EBADMSG);
	assert_int_equal(image_digest_parse(span_of(""), "x", &d), -EBADMSG);
	assert_int_equal(image_digest_parse(span_of("sha512:" D D), "x", &d), -ENOTSUP);
	assert_non_null(strstr(err_why(), "only sha256"));
	sha_once(span_of("abc"), d.sha);
	assert_int_equal(image_digest_check(span_of("abc"), &d, "x"), 0);
	assert_int_equal(image_digest_check(span_of("abd"), &d, "x"), -EBADMSG);
	image_chain_id(NULL, d.sha, chain);
	assert_memory_equal(chain, d.sha, SHA_LEN);
	image_chain_id(d.sha, d.sha, chain);
	buf_reset(&text);
	text.n = 0;
	image_digest_format(d.sha, &text);
	buf_add_text(&text, " ");
	image_digest_format(d.sha, &text);
	sha_once(buf_span(&text), d.sha);
	assert_memory_equal(chain, d.sha, SHA_LEN);
}

static void test_manifest(void **state UNUSED)
{
	ARENA struct arena mem = {0};
	struct image_manifest m;

	assert_int_equal(image_manifest_parse(span_of("{\"schemaVersion\":2,\"config\":" DESC
						      ",\"layers\":[" DESC "," DESC "]}"),
				 &mem, &m),
		0);
	assert_true(!m.is_index && m.n_items == 2 && m.items[1].size == 3);
	assert_int_equal(
		image_manifest_parse(
			span_of("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"m\",\"size\":3,\"digest\":\"sha256:" D
				"\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"},\"annotations\":{"
				"\"org.opencontainers.image.ref.name\":\"v1\",\"vnd.docker.reference.type\":\"x\"}}]}"),
			&mem, &m),
		0);
	assert_true(m.is_index && m.n_items == 1 && m.items[0].attestation);
	assert_true(span_is(m.items[0].ref, "v1") && span_is(m.items[0].arch, "arm64"));
}

static void test_no_manifest(void **state UNUSED)
{
	static const char *const BAD[] = {"", "{", "[]", "{\"schemaVersion\":1,\"fsLayers\":[]}",
		"{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"layers\":[]}",
		"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[7]}",
		"{\"schemaVersion\":2,\"schemaVersion\":2,\"manifests\":[]}",
		"{\"schemaVersion\":2,\"manifests\":[{\"size\":-1,\"digest\":\"sha256:" D "\"}]}"};
	ARENA struct arena mem = {0};
	struct image_manifest m;

	for (size_t i = 0; i < COUNTOF(BAD); i++)
		assert_true(image_manifest_parse(span_of(BAD[i]), &mem, &m) < 0);
}

static void test_config_and_saved(void **state UNUSED)
{
	ARENA struct arena mem = {0};
	struct image_config c;
	struct image_saved *v;
	size_t n;

	assert_int_equal(
		image_config_parse(
			span_of("{\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" D
				"\"]}}"),
			&mem, &c),
		0);
	assert_true(c.n_diff_ids == 1 && span_is(c.os, "linux"));
	assert_int_equal(
		image_config_parse(
			span_of("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}"), &mem, &c),
		0);
	assert_int_equal(c.n_diff_ids, 0);
	assert_true(image_config_parse(span_of("{\"rootfs\":{\"type\":\"other\"}}"), &mem, &c) < 0);
	assert_true(image_config_parse(span_of("{}"), &mem, &c) < 0);
	assert_int_equal(
		image_saved_parse(
			span_of("[{\"Config\":\"c\",\"RepoTags\":null,\"Layers\":[\"a\",\"b\"]}]"),
			&mem, &v, &n),
		0);
	assert_true(
		n == 1 && v[0].n_layers == 2 && v[0].n_tags == 0 && span_is(v[0].layers[1], "b"));
	assert_true(image_saved_parse(span_of("[]"), &mem, &v, &n) < 0);
	assert_true(image_saved_parse(span_of("[{}]"), &mem, &v, &n) < 0);
	assert_true(image_saved_parse(
			    span_of("[{\"Config\":\"c\",\"Layers\":[1]}]"), &mem, &v, &n) < 0);
}

static void test_bigdata(void **state UNUSED)
{
	BUF struct buf out = {0};

	image_bigdata_name(span_of("manifest"), &out);
	assert_string_equal(buf_text(&out), "manifest");
	buf_reset(&out);
	image_bigdata_name(span_of("sha256:ab"), &out);
	assert_string_equal(buf_text(&out), "=c2hhMjU2OmFi");
}

static int hear(const struct toc_entry *e, void *arg)
{
	buf_printf(arg, "%.*s %o %lld %d>%.*s;", (int)e->path.n, (const char *)e->path.p,
		e->rec.mode, (long long)e->rec.mtime, e->rec.has_sha, (int)e->link.n,
		(const char *)e->link.p);
	return 0;
}

static void test_toc(void **state UNUSED)
{
	BUF struct buf got = {0};
	struct toc_place at;

	assert_int_equal(
		toc_parse(
			span_of("{\"version\":1,\"entries\":["
				"{\"type\":\"reg\",\"name\":\"./a\",\"mode\":33188,\"size\":3,\"digest\":\"sha256:" D
				"\",\"modtime\":\"2026-01-01T01:00:00.5+01:00\",\"xattrs\":{\"user.a\":\"Yg==\"}},"
				"{\"type\":\"chunk\",\"name\":\"./a\"},"
				"{\"type\":\"hardlink\",\"name\":\"b\",\"linkName\":\"./a\"},"
				"{\"type\":\"symlink\",\"name\":\"c/\",\"linkName\":\"../x\",\"mode\":511}]}"),
			hear, &got),
		0);
	assert_string_equal(
		buf_text(&got), "a 644 1767225600500000000 1>;b 0 0 0>a;c 777 0 0>../x;");
	assert_int_equal(toc_place_parse(span_of("12:34:56:1"), &at), 0);
	assert_true(at.offset == 12 && at.packed == 34 && at.unpacked == 56);
	assert_true(toc_place_parse(span_of("12:34:56:2"), &at) < 0);
	assert_true(toc_place_parse(span_of("12:34:56"), &at) < 0);
	assert_true(toc_place_parse(span_of("12:34:56:1:1"), &at) < 0);
	assert_true(
		toc_parse(
			span_of("{\"version\":1,\"entries\":[{\"type\":\"reg\",\"name\":\"../a\"}]}"),
			hear, &got) < 0);
	assert_true(toc_parse(span_of("{\"version\":2,\"entries\":[]}"), hear, &got) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_no_manifest),
		cmocka_unit_test(test_config_and_saved),
		cmocka_unit_test(test_bigdata),
		cmocka_unit_test(test_toc),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
