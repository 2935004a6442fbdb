/* An archive that is kept whole, and a table of contents: what they say, and what is not believed of them.
 * Links: daemon/sensor/proof*, box/provenance, image, fs, model, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/err.h"
#include "base/text.h"
#include "daemon/sensor/proof_own.h"

static char root[64];

static int sh(const char *cmd)
{
	BUF struct buf b = {0};

	buf_printf(&b, "cd %s && { %s\n}", root, cmd);
	return system(buf_text(&b));
}

static const char make[] =
	"mkdir -p blobs below/opt && chmod 2750 below/opt && python3 - <<'PY'\n"
	"import gzip, hashlib, io, tarfile\n"
	"raw = io.BytesIO()\n"
	"t = tarfile.open(fileobj=raw, mode='w', format=tarfile.PAX_FORMAT)\n"
	"def add(name, type=tarfile.REGTYPE, data=b'', link=''):\n"
	"    i = tarfile.TarInfo(name); i.type, i.linkname, i.size = type, link, len(data)\n"
	"    t.addfile(i, io.BytesIO(data))\n"
	"add('opt/a', data=b'a' * 3000); add('opt/empty'); add('h', tarfile.LNKTYPE, link='opt/a')\n"
	"add('opt/.wh.gone'); add('opt/d/.wh..wh..opq'); add('big', data=bytes(300000))\n"
	"t.close()\n"
	"raw = raw.getvalue()\n"
	"def put(note, data):\n"
	"    d = hashlib.sha256(data).hexdigest(); open('blobs/' + d, 'wb').write(data); open(note, 'w').write(d)\n"
	"put('gz', gzip.compress(raw, mtime=0)); put('other', gzip.compress(raw + bytes(512), mtime=0)); put('junk', b'junk' * 999)\n"
	"cut = gzip.compress(raw, mtime=0); put('cut', cut[:len(cut) // 2])\n"
	"put('plain', raw); open('diff', 'w').write(hashlib.sha256(raw).hexdigest())\n"
	"flip = bytearray(gzip.compress(raw, mtime=0)); flip[len(flip) // 2] ^= 1\n"
	"open('flip', 'w').write('f' * 64); open('blobs/' + 'f' * 64, 'wb').write(flip)\n"
	"PY\n"
	"mkfifo blobs/$(printf '%064d' 7); printf '%064d' 7 >fifo; printf '%064d' 8 >none";

static int set_up(void **state UNUSED)
{
	snprintf(root, sizeof(root), "/tmp/proof-blob.XXXXXX");
	assert_non_null(mkdtemp(root));
	return sh(make);
}

static int tear_down(void **state UNUSED)
{
	return sh("rm -rf \"$PWD\"");
}

static void add_note(struct buf *to, const char *name)
{
	char path[128], text[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	buf_add_text(to, text);
	fclose(f);
}

/* By the names of up to two archives. */
static struct proof *proof_with(const char *first, const char *second, struct lower *l)
{
	struct proof *p = calloc(1, sizeof(*p));
	BUF struct buf dir = {0};

	must(p);
	pthread_mutex_init(&p->lock, NULL);
	p->lower = l;
	p->from.how = PROVENANCE_BLOB;
	buf_printf(&p->from.file, "%s/blobs/", root);
	buf_printf(&dir, "%s/below", root);
	buf_bytes(&p->from.below, buf_span(&dir));
	add_note(&p->from.digest, "diff");
	add_note(&p->from.packed, first);
	if (second)
		add_note(&p->from.packed, second);
	return p;
}

static void what_it_says(void **state UNUSED)
{
	static const char *const forms[][2] = {
		{"gz", NULL}, {"plain", NULL}, {"flip", "gz"}, {"junk", "gz"}, {"other", "plain"}};
	struct proof_options opt = {.max_bytes = 1 << 20};
	struct lower l = {.marks = MARKS_TRUSTED};

	for (size_t i = 0; i < COUNTOF(forms); i++) {
		PROOF struct proof *p = proof_with(forms[i][0], forms[i][1], &l);
		BUF struct buf big = {0};
		struct proof_want *w;
		uint8_t sha[SHA_LEN];

		assert_int_equal(proof_blob(p, &opt), 0);
		assert_int_equal(p->blame.n, 0);
		w = proof_find(p, span_of("big"));
		assert_non_null(w);
		for (int n = 0; n < 300000; n++)
			buf_u8(&big, 0);
		sha_once(buf_span(&big), sha);
		assert_true(w->has_sha && sha_same(w->sha, sha));
		assert_ptr_equal(proof_find(p, span_of("h"))->of, proof_find(p, span_of("opt/a")));
		assert_true(proof_find(p, span_of("opt/empty"))->has_sha);
		assert_true(proof_find(p, span_of("opt/gone"))->rec.ovl & OVL_WHITEOUT);
		/* A directory without a header is as it is below; one that is nowhere is plain. */
		w = proof_find(p, span_of("opt"));
		assert_true(w->sure);
		assert_int_equal(w->rec.mode, 02750);
		assert_false(proof_find(p, span_of(""))->sure);
	}
}

static void what_is_not_believed(void **state UNUSED)
{
	static const struct {
		const char *name;
		int code;
		const char *why;
	} odd[] = {
		{"flip", PROOF_SPOILED, "does not have the digest that it goes by"},
		{"other", PROOF_SPOILED, "unpacks to another digest"},
		{"junk", -EBADMSG, "its archive: "},
		{"cut", -EBADMSG, "its archive: "},
		{"fifo", -EINVAL, "not a regular file"},
		{"none", -ENOENT, "No such file"},
	};
	struct proof_options opt = {.max_bytes = 1 << 20};
	struct lower l = {.marks = MARKS_TRUSTED};

	for (size_t i = 0; i < COUNTOF(odd); i++) {
		PROOF struct proof *p = proof_with(odd[i].name, NULL, &l);
		int r = proof_blob(p, &opt);
		const char *why = r < 0 ? err_why() : buf_text(&p->blame);

		if (r != odd[i].code || !strstr(why, odd[i].why) || p->n)
			fail_msg("%s: %d, %s", odd[i].name, r, why);
	}
}

static void bounds(void **state UNUSED)
{
	atomic_bool stop = true;
	struct proof_options small = {.max_bytes = 200000}, stopped = {.stop = &stop};
	struct lower l = {.marks = MARKS_TRUSTED};
	PROOF struct proof *p = proof_with("gz", NULL, &l);
	PROOF struct proof *q = proof_with("gz", "plain", &l);

	assert_int_equal(proof_blob(p, &small), -EFBIG);
	assert_int_equal(proof_blob(q, &stopped), -ECANCELED);
}

static void a_table(void **state UNUSED)
{
	static const struct {
		const char *entries;
		int code;
	} tables[] = {
		{"{\"type\":\"reg\",\"name\":\"a\",\"size\":1,\"digest\":\"sha256:"
		 "0000000000000000000000000000000000000000000000000000000000000001\"},"
		 "{\"type\":\"reg\",\"name\":\"d/.wh.b\"},{\"type\":\"reg\",\"name\":\"d/.wh..wh..opq\"},"
		 "{\"type\":\"reg\",\"name\":\"empty\"},{\"type\":\"dir\",\"name\":\"d\",\"mode\":448}",
			0},
		{"{\"type\":\"reg\",\"name\":\"a\",\"size\":1}", -EBADMSG},
		{"{\"type\":\"reg\",\"name\":\"d/.wh.\"}", -EBADMSG},
		{"{\"type\":\"reg\",\"name\":\"d/.wh...\"}", -EBADMSG},
		{"{\"type\":\"odd\",\"name\":\"a\"}", -EBADMSG},
		{"{\"type\":\"reg\",\"name\":\"../a\"}", -EBADMSG},
	};
	struct lower l = {.marks = MARKS_TRUSTED};

	for (size_t i = 0; i < COUNTOF(tables); i++) {
		PROOF struct proof *p = proof_with("gz", NULL, &l);
		BUF struct buf cmd = {0};

		buf_free(&p->from.below);
		buf_printf(&cmd, "printf '%%s' '{\"version\":1,\"entries\":[%s]}' >toc",
			tables[i].entries);
		assert_int_equal(sh(buf_text(&cmd)), 0);
		p->from.how = PROVENANCE_TOC;
		buf_reset(&p->from.file);
		buf_printf(&p->from.file, "%s/toc", root);
		assert_int_equal(proof_toc(p), tables[i].code);
		if (tables[i].code)
			continue;
		assert_int_equal(proof_find(p, span_of("a"))->sha[31], 1);
		assert_true(proof_find(p, span_of("empty"))->has_sha);
		assert_true(proof_find(p, span_of("d/b"))->rec.ovl & OVL_WHITEOUT);
		assert_true(proof_find(p, span_of("d"))->rec.ovl & OVL_OPAQUE);
		assert_int_equal(proof_find(p, span_of("d"))->rec.mode, 0700);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(what_is_not_believed),
		cmocka_unit_test(bounds),
		cmocka_unit_test(a_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
