/* Layers made here, their canonical digests, and baseline files with every kind of damage. Links: golden, image, model, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/err.h"
#include "golden/layer.h"

static void canon_of(
	const char *const *paths, const struct record *recs, size_t n, uint8_t ret[SHA_LEN])
{
	CANON struct canon *c = NULL;

	assert_int_equal(canon_new(&c), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(canon_add(c, span_of(paths[i]), &recs[i]), 0);
	assert_int_equal(canon_end(c, ret), 0);
}

static struct record file(const char *content, uint32_t mode)
{
	struct record r = {.type = FILE_REG,
		.mode = mode,
		.size = strlen(content),
		.has_sha = true,
		.mtime = 1767225600000000000};

	sha_once(span_of(content), r.sha);
	return r;
}

static const struct record DIR = {.type = FILE_DIR, .mode = 0755};

/* One change of one record: does it count? */
static void counts(bool want, struct record changed)
{
	static const char *const PATHS[] = {"a", "a/b"};
	struct record recs[] = {DIR, file("x", 0644)};
	uint8_t one[SHA_LEN], two[SHA_LEN];

	canon_of(PATHS, recs, 2, one);
	recs[changed.type == FILE_DIR ? 0 : 1] = changed;
	canon_of(PATHS, recs, 2, two);
	assert_int_equal(memcmp(one, two, SHA_LEN) != 0, want);
}

static void test_counts(void **state UNUSED)
{
	static const struct {
		const char *name;
		bool counts;
	} XATTRS[] = {{"user.a", true}, {"security.capability", true}, {"security.selinux", false},
		{"trusted.overlay.origin", false}};
	struct record f = file("x", 0644), d = DIR;

	counts(false, f);
	f.mtime += 999999999;
	counts(false, f);
	f.mtime++;
	counts(true, f);
	counts(true, file("y", 0644));
	counts(true, file("x", 04644));
	f = file("x", 0644);
	f.uid = 1;
	counts(true, f);
	f = file("x", 0644);
	f.flags = FLAG_IMMUTABLE;
	counts(false, f);
	d.mtime = 5;
	counts(false, d);
	d.ovl = OVL_OPAQUE;
	counts(true, d);
	d = (struct record){.type = FILE_DIR, .mode = 0600, .uid = 7, .ovl = OVL_IMPLIED};
	counts(false, d);
	d.ovl = 0;
	counts(true, d);
	for (size_t i = 0; i < COUNTOF(XATTRS); i++) {
		BUF struct buf list = {0};

		xattr_add(&list, span_of(XATTRS[i].name), span_of("v"));
		f = file("x", 0644);
		f.xattrs = buf_span(&list);
		counts(XATTRS[i].counts, f);
	}
}

static void test_order(void **state UNUSED)
{
	static const char *const ONE[] = {"a", "a/b", "a-b"}, *const TWO[] = {"a-b", "a/b", "a"};
	struct record d[] = {DIR, file("x", 0644), file("y", 0644)};
	struct record e[] = {d[2], d[1], d[0]};
	uint8_t one[SHA_LEN], two[SHA_LEN];
	CANON struct canon *c = NULL;

	canon_of(ONE, d, 3, one);
	canon_of(TWO, e, 3, two);
	assert_memory_equal(one, two, SHA_LEN);
	assert_true(canon_path_cmp(span_of("a/b"), span_of("a-b")) < 0);
	assert_true(canon_path_cmp(span_of("a"), span_of("a/")) < 0);
	assert_int_equal(canon_new(&c), 0);
	assert_int_equal(canon_add(c, span_of("a"), &DIR), 0);
	assert_int_equal(canon_add(c, span_of("a"), &DIR), 0);
	assert_int_equal(canon_end(c, one), -EEXIST);
}

/* Entries as a layer has them, without an archive around them. */
struct said {
	const char *path, *link;
	enum file_type type;
	enum tar_mark mark;
	unsigned mode, uid;
};

static int build(const struct said *v, size_t n, struct buf *records, struct golden_layer *ret)
{
	LAYER_BUILD struct layer_build *b = NULL;
	static const uint8_t SHA[SHA_LEN] = {1};
	int r = layer_build_new(&b);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct tar_entry e = {.path = span_of(v[i].path),
			.mark = v[i].mark,
			.hard = v[i].link && v[i].type == FILE_REG,
			.link = span_of(v[i].link)};

		e.rec = (struct record){
			.type = v[i].type, .mode = v[i].mode, .uid = v[i].uid, .mtime = 1};
		if (v[i].type == FILE_LINK)
			e.rec.link = e.link;
		if (v[i].mark == TAR_WHITEOUT)
			e.rec = (struct record){.type = FILE_CHR, .ovl = OVL_WHITEOUT};
		r = layer_build_add(b, &e, SHA);
	}
	r = r ? r : layer_build_end(b, records, ret);
	ret->records = buf_span(records);
	return r;
}

static void tell(const struct golden_layer *l, struct buf *out)
{
	struct rd at = rd_of(l->records);
	struct span path;
	struct record r;

	while (golden_next(&at, &path, &r))
		buf_printf(out, "%.*s %o %u%s%s%s;", (int)path.n, (const char *)path.p, r.mode,
			r.uid, r.ovl & OVL_IMPLIED ? " implied" : "",
			r.ovl & OVL_OPAQUE ? " opaque" : "", r.ovl & OVL_WHITEOUT ? " gone" : "");
	assert_false(at.bad);
}

static void test_layer(void **state UNUSED)
{
	static const struct said V[] = {
		{"b/c/f", NULL, FILE_REG, TAR_FILE, 0644, 1},
		{"", NULL, FILE_DIR, TAR_FILE, 0555, 0},
		{"b/two", "b/c/f", FILE_REG, TAR_FILE, 0600, 2},
		{"a/three", "b/two", FILE_REG, TAR_FILE, 0640, 3},
		{"b", NULL, FILE_DIR, TAR_OPAQUE, 0, 0},
		{"o", NULL, FILE_DIR, TAR_OPAQUE, 0, 0},
		{"o", NULL, FILE_DIR, TAR_FILE, 0700, 0},
		{"w/gone", NULL, FILE_CHR, TAR_WHITEOUT, 0, 0},
		{"pax", NULL, FILE_REG, TAR_NOTHING, 0, 0},
	};
	BUF struct buf records = {0}, got = {0};
	struct golden_layer l;

	if (build(V, COUNTOF(V), &records, &l))
		fail_msg("%s", err_why());
	tell(&l, &got);
	assert_string_equal(buf_text(&got),
		" 555 0;a 755 0 implied;a/three 640 3;b 755 0 implied opaque;b/c 755 0 implied;b/c/f 640 3;"
		"b/two 640 3;o 700 0 opaque;w 755 0 implied;w/gone 0 0 gone;");
	assert_int_equal(l.n_records, 10);
}

static void test_no_layer(void **state UNUSED)
{
	static const struct said BAD[][2] = {
		{{"a", NULL, FILE_REG, TAR_FILE, 0644, 0},
			{"a", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", NULL, FILE_REG, TAR_FILE, 0644, 0},
			{"a/b", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", "u", FILE_LINK, TAR_FILE, 0777, 0},
			{"a/b", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", "b", FILE_REG, TAR_FILE, 0644, 0}, {"b", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", NULL, FILE_DIR, TAR_FILE, 0755, 0}, {"b", "a", FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", "a", FILE_REG, TAR_FILE, 0644, 0}, {"c", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", NULL, FILE_CHR, TAR_WHITEOUT, 0, 0},
			{"a", NULL, FILE_REG, TAR_FILE, 0644, 0}},
		{{"a", NULL, FILE_REG, TAR_FILE, 0644, 0}, {"a", NULL, FILE_DIR, TAR_OPAQUE, 0, 0}},
	};

	for (size_t i = 0; i < COUNTOF(BAD); i++) {
		BUF struct buf records = {0};
		struct golden_layer l;

		assert_int_equal(build(BAD[i], 2, &records, &l), -EBADMSG);
		assert_non_null(strstr(err_why(), "cannot be unpacked"));
	}
}

/* A file with two layers, one of them empty, something accepted, and a generation. */
struct made {
	struct buf records, accepts, file;
	struct golden_layer layers[2];
	struct golden_generation gen;
	struct golden g;
};

static void made_fini(struct made *m)
{
	buf_free(&m->records);
	buf_free(&m->accepts);
	buf_free(&m->file);
}

static void make(struct made *m, bool pack)
{
	static const struct said V[] = {{"a", NULL, FILE_DIR, TAR_FILE, 0755, 0},
		{"a/b", NULL, FILE_REG, TAR_FILE, 0644, 1},
		{"a/c", NULL, FILE_REG, TAR_FILE, 0644, 1}};
	struct golden_accept gone = {.path = span_of("/a/b"), .generation = 2, .absent = true};

	*m = (struct made){.gen = {2, 1000, 5, span_of("because \xc3\xa9")}};
	assert_int_equal(build(V, COUNTOF(V), &m->records, &m->layers[0]), 0);
	m->layers[1].diff_id[0] = 7;
	assert_int_equal(golden_accept_add(&m->accepts, &gone), 0);
	m->g = (struct golden){.name = span_of("web:1"),
		.has_image = true,
		.layers = m->layers,
		.n_layers = 2,
		.generations = &m->gen,
		.n_generations = 1,
		.created = 17,
		.generation = 2,
		.target_id = span_of("id"),
		.accepts = buf_span(&m->accepts)};
	assert_int_equal(golden_write(&m->g, pack, &m->file), 0);
}

static int read_all(struct span file, struct golden *g, struct golden_mem *mem)
{
	int r = golden_read(file, mem, g);

	if (r < 0)
		assert_true(strncmp(err_why(), "baseline file: ", 15) == 0 ||
			    strncmp(err_why(), "zstd: ", 6) == 0);
	return r;
}

static void test_file(void **state UNUSED)
{
	for (int pack = 0; pack < 2; pack++) {
		CLEANUP(made_fini) struct made m;
		GOLDEN_MEM struct golden_mem mem = {0};
		BUF struct buf again = {0};
		struct golden g;

		make(&m, pack);
		if (read_all(buf_span(&m.file), &g, &mem))
			fail_msg("%s", err_why());
		assert_true(span_is(g.name, "web:1") && g.n_layers == 2 && g.n_accepts == 1);
		assert_true(span_eq(g.layers[0].records, buf_span(&m.records)));
		assert_memory_equal(g.root, m.g.root, SHA_LEN);
		assert_memory_equal(g.digest, m.g.digest, SHA_LEN);
		assert_true(span_eq(g.generations[0].reason, m.gen.reason));
		assert_int_equal(golden_write(&g, pack, &again), 0);
		assert_true(span_eq(buf_span(&again), buf_span(&m.file)));
	}
}

/* Every bit, every cut, and what is put behind: no. 10,000 mutations more that change several things at once. */
static void test_damage(void **state UNUSED)
{
	CLEANUP(made_fini) struct made m;
	GOLDEN_MEM struct golden_mem mem = {0};
	struct golden g;
	unsigned seed = 1;

	make(&m, true);
	for (size_t i = 0; i < m.file.n * 8; i++) {
		m.file.p[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_true(read_all(buf_span(&m.file), &g, &mem) < 0);
		m.file.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t n = 0; n < m.file.n; n++)
		assert_true(read_all(span_make(m.file.p, n), &g, &mem) < 0);
	for (int i = 0; i < 10000; i++) {
		BUF struct buf bad = {0};
		size_t a = (size_t)rand_r(&seed) % m.file.n, b = (size_t)rand_r(&seed) % m.file.n;
		size_t n = 1 + (size_t)rand_r(&seed) % 16;

		n = a + n > m.file.n || b + n > m.file.n ? 1 : n;
		buf_add_span(&bad, buf_span(&m.file));
		memmove(bad.p + a, m.file.p + b, n);
		assert_true(span_eq(buf_span(&bad), buf_span(&m.file)) ||
			    read_all(buf_span(&bad), &g, &mem) < 0);
	}
	buf_u8(&m.file, 0);
	assert_true(read_all(buf_span(&m.file), &g, &mem) < 0);
}

static void test_signatures(void **state UNUSED)
{
	CLEANUP(made_fini) struct made m;
	GOLDEN_MEM struct golden_mem mem = {0};
	struct golden g;
	struct span block;
	struct rd at;

	make(&m, true);
	assert_int_equal(golden_sign(&m.g, span_of("one"), &m.file), 0);
	assert_int_equal(golden_sign(&m.g, span_of("two"), &m.file), 0);
	assert_int_equal(read_all(buf_span(&m.file), &g, &mem), 0);
	assert_int_equal(g.n_signatures, 2);
	at = rd_of(g.signatures);
	assert_true(golden_signature(&at, &block) && span_is(block, "one"));
	assert_true(golden_signature(&at, &block) && span_is(block, "two"));
	assert_false(golden_signature(&at, &block));
	m.file.n--;
	assert_int_equal(read_all(buf_span(&m.file), &g, &mem), -EBADMSG);
	m.file.n++;
	for (int i = 0; i < GOLDEN_SIGNATURES_MAX - 1; i++)
		assert_int_equal(golden_sign(&g, span_of("x"), &m.file), 0);
	assert_int_equal(read_all(buf_span(&m.file), &g, &mem), -EBADMSG);
	g.n_signatures = GOLDEN_SIGNATURES_MAX;
	assert_int_equal(golden_sign(&g, span_of("x"), &m.file), -E2BIG);
}

static void test_out_of_order(void **state UNUSED)
{
	BUF struct buf list = {0}, out = {0};
	struct golden_layer l = {0};
	struct golden g = {.layers = &l, .n_layers = 1};

	assert_int_equal(golden_add(&list, span_of("b"), &DIR), 0);
	assert_int_equal(golden_add(&list, span_of("a"), &DIR), 0);
	l.records = buf_span(&list);
	assert_int_equal(golden_write(&g, false, &out), -EINVAL);
	buf_reset(&list);
	assert_int_equal(golden_add(&list, span_of("/a"), &DIR), 0);
	l.records = buf_span(&list);
	assert_int_equal(golden_write(&g, false, &out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_layer),
		cmocka_unit_test(test_no_layer),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_out_of_order),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
