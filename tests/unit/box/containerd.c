/* A root of containerd's, made by hand: which archive a snapshot came from, whatever lies beside it; and its databases'
 * format, whole and broken. Links: box/containerd, box/bolt, box/provenance, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/err.h"
#include "base/text.h"
#include "box/bolt.h"
#include "box/containerd.h"
#include "box/provenance.h"

static char root[64];

/* Databases of pages of 1 KiB: a bucket whose root is a branch, and buckets in their values. */
static const char make[] =
	"python3 - <<'PY'\n"
	"import gzip, hashlib, json, os, struct\n"
	"P = 1024\n"
	"def page(id, flags, els, size=None):\n"
	"    n, data, heads = len(els), b'', b''\n"
	"    for i, (k, v, f) in enumerate(els):\n"
	"        at = (n - i) * 16 + len(data)\n"
	"        heads += struct.pack('=IIII', f, at, len(k), len(v)) if flags == 2 else struct.pack('=IIQ', at, len(k), v)\n"
	"        data += k + (v if flags == 2 else b'')\n"
	"    b = struct.pack('=QHHI', id, flags, n, 0) + heads + data\n"
	"    assert not size or len(b) <= size, len(b)\n"
	"    return b.ljust(size or 0, b'\\0')\n"
	"def inline(els): return struct.pack('=QQ', 0, 0) + page(0, 2, sorted(els))\n"
	"def at(id): return struct.pack('=QQ', id, 0)\n"
	"def bucket(k, els): return (k, inline(els), 1)\n"
	"def meta(id, root, high, tx):\n"
	"    m = struct.pack('=IIIIQQQQQ', 0xED0CDAED, 2, P, 0, root, 0, 2, high, tx)\n"
	"    h = 0xcbf29ce484222325\n"
	"    for c in m: h = (h ^ c) * 0x100000001b3 & 0xffffffffffffffff\n"
	"    return (struct.pack('=QHHI', id, 4, 0, 0) + m + struct.pack('=Q', h)).ljust(P, b'\\0')\n"
	"def db(path, pages, tx=(6, 7), roots=(3, 3)):\n"
	"    n = 3 + len(pages)\n"
	"    f = open(path, 'wb')\n"
	"    f.write(meta(0, roots[0], n, tx[0]) + meta(1, roots[1], n, tx[1]) + page(2, 16, [], P))\n"
	"    for i, (flags, els) in enumerate(pages): f.write(page(3 + i, flags, els, P))\n"
	"os.makedirs('sn/snapshots'); os.makedirs('ct')\n"
	"def put(data):\n"
	"    d = hashlib.sha256(data).hexdigest(); open('ct/' + d, 'wb').write(data); return 'sha256:' + d\n"
	"tars = [b'bottom' * 100, b'top' * 100]\n"
	"diffs = ['sha256:' + hashlib.sha256(t).hexdigest() for t in tars]\n"
	"blobs = [put(gzip.compress(t, mtime=0)) for t in tars]\n"
	"chains = [diffs[0], 'sha256:' + hashlib.sha256(' '.join(diffs).encode()).hexdigest()]\n"
	"config = put(json.dumps({'rootfs': {'type': 'layers', 'diff_ids': diffs}}).encode())\n"
	"other = put(json.dumps({'rootfs': {'type': 'layers', 'diff_ids': diffs[1:]}}).encode())\n"
	"put(b'{ \"no JSON\"'); put(b'[]'); put(b''); put(b'{\"rootfs\":7,\"config\":[],\"layers\":{}}')\n"
	"man = put(json.dumps({'config': {'digest': config}, 'layers': [{'digest': b} for b in blobs]}).encode())\n"
	"idx = put(json.dumps({'manifests': [{'digest': other}, {'digest': 'sha256:' + '0' * 64}, {'digest': man}]}).encode())\n"
	"key = [b'test/2/' + chains[0].encode(), b'test/4/' + chains[1].encode()]\n"
	"def snap(k, id, kind, parent=None):\n"
	"    els = [(b'id', bytes(id), 0), (b'kind', bytes([kind]), 0)] + ([(b'parent', parent, 0)] if parent else [])\n"
	"    return bucket(k, els)\n"
	"a = [snap(key[0], [1], 3), snap(b'test/3/odd', [200, 1], 3)]\n"
	"b = [snap(key[1], [2], 3, key[0]), snap(b'test/5/web', [3], 2, key[1])]\n"
	"db('sn/metadata.db', [(2, [(b'v1', at(4), 1)]), (2, [(b'snapshots', at(5), 1)]),\n"
	"    (1, [(a[0][0], 6, 0), (min(x[0] for x in b), 7, 0)]), (2, sorted(a)), (2, sorted(b)), (2, [])], roots=(8, 3))\n"
	"box = bucket(b'web', [(b'image', b'hard:1', 0), (b'snapshotKey', b'web', 0), (b'snapshotter', b'overlayfs', 0)])\n"
	"img = bucket(b'hard:1', [bucket(b'target', [(b'digest', idx.encode(), 0)])])\n"
	"own = bucket(b'overlayfs', [bucket(b'web', [(b'parent', chains[1].encode(), 0)])])\n"
	"sp = bucket(b'test', [bucket(b'containers', [box]), bucket(b'images', [img]), bucket(b'snapshots', [own])])\n"
	"os.makedirs('io.containerd.metadata.v1.bolt'); os.makedirs('io.containerd.content.v1.content/blobs')\n"
	"db('io.containerd.metadata.v1.bolt/meta.db', [(2, [bucket(b'v1', [sp])])])\n"
	"os.rename('sn', 'io.containerd.snapshotter.v1.overlayfs'); os.rename('ct', 'io.containerd.content.v1.content/blobs/sha256')\n"
	"for k, v in dict(config=config, man=man, b0=blobs[0], b1=blobs[1], d0=diffs[0], d1=diffs[1]).items(): open(k, 'w').write(v[7:])\n"
	"PY\n";

static int sh(const char *cmd)
{
	BUF struct buf b = {0};

	buf_printf(&b, "cd %s && { %s\n}", root, cmd);
	return system(buf_text(&b));
}

static int set_up(void **state UNUSED)
{
	snprintf(root, sizeof(root), "/tmp/containerd.XXXXXX");
	assert_non_null(mkdtemp(root));
	return sh(make);
}

static int tear_down(void **state UNUSED)
{
	return sh("rm -rf \"$PWD\"");
}

static const char *note(const char *name)
{
	static char text[4][80];
	static unsigned n;
	char path[128], *to = text[n++ % 4];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(to, 80, f));
	fclose(f);
	return to;
}

#define SN "io.containerd.snapshotter.v1.overlayfs"
#define BLOBS "io.containerd.content.v1.content/blobs/sha256"
static const char *snapshot(unsigned no)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/" SN "/snapshots/%u/fs", root, no);
	return path;
}

static void what_it_was_unpacked_from(void **state UNUSED)
{
	PROVENANCE struct provenance top, bottom;
	struct rd at;

	provenance_of_layer(snapshot(1), "image", false, &bottom);
	provenance_of_layer(snapshot(2), "image", false, &top);
	assert_string_equal(buf_text(&top.why), "");
	assert_int_equal(bottom.how, PROVENANCE_BLOB);
	assert_int_equal(top.how, PROVENANCE_BLOB);
	assert_string_equal(buf_text(&bottom.digest), note("d0"));
	assert_string_equal(buf_text(&top.digest), note("d1"));
	assert_string_equal(buf_text(&top.packed), note("b1"));
	assert_non_null(strstr(buf_text(&top.file), "/" BLOBS "/"));
	assert_int_equal(top.packed.n, 64);
	assert_int_equal(bottom.below.n, 0);
	at = rd_of(buf_span(&top.below));
	assert_true(span_is(rd_bytes(&at), snapshot(1)));
	assert_true(rd_end(&at));
}

static void what_is_not_to_be_told(void **state UNUSED)
{
	static const struct {
		const char *cmd, *why;
		unsigned no;
	} odd[] = {
		{"true", "does not know this snapshot", 9},
		{"true", "did not unpack it from an image", 3},
		{"true", "did not unpack it from an image", 200},
		{"rm " BLOBS "/$(cat b1)", "its archive is not in containerd's content store", 2},
		{"rm " BLOBS "/$(cat man)", "does not keep the image's manifest", 2},
		{"rm " BLOBS "/$(cat config)",
			"no configuration in containerd's content store lists it", 2},
		{"printf ' ' >>" BLOBS "/$(cat config)", "does not have the digest that it goes by",
			2},
		{"rm -r " BLOBS, "no configuration in containerd's content store lists it", 2},
		{"rm " SN "/metadata.db", "cannot be read", 2},
		{"rm " SN "/metadata.db && mkfifo " SN "/metadata.db", "cannot be read", 2},
		{": >" SN "/metadata.db", "neither of its meta pages is valid", 2},
		{"truncate -s 6000 " SN "/metadata.db", "cannot be read", 2},
	};

	for (size_t i = 0; i < COUNTOF(odd); i++) {
		PROVENANCE struct provenance p;

		assert_int_equal(sh("cp -a . $PWD.keep"), 0);
		assert_int_equal(sh(odd[i].cmd), 0);
		provenance_of_layer(snapshot(odd[i].no), "image", false, &p);
		if (p.how != PROVENANCE_NONE || !strstr(buf_text(&p.why), odd[i].why))
			fail_msg("%s: %s", odd[i].cmd, buf_text(&p.why));
		assert_int_equal(sh("rm -r ./* && cp -a $PWD.keep/. . && rm -r $PWD.keep"), 0);
	}
}

static void its_image(void **state UNUSED)
{
	PROVENANCE_IMAGE struct provenance_image i, none;
	char id[80];

	snprintf(id, sizeof(id), "sha256:%s", note("config"));
	assert_int_equal(provenance_of_image(snapshot(1), span_of(id), &i), 0);
	assert_string_equal(buf_text(&i.config), note("config"));
	assert_string_equal(buf_text(&i.manifest), note("man"));
	assert_int_equal(i.n, 2);
	snprintf(id, sizeof(id), "sha256:%064d", 0);
	assert_int_equal(provenance_of_image(snapshot(1), span_of(id), &none), -ENOENT);
}

static void its_container(void **state UNUSED)
{
	CLEANUP(containerd_box_free) struct containerd_box box, none, moved;

	containerd_box_find(span_of(snapshot(3)), span_of("test"), span_of("web"), &box);
	assert_string_equal(buf_text(&box.image), "hard:1");
	assert_string_equal(buf_text(&box.config), note("config"));
	containerd_box_find(span_of(snapshot(3)), span_of("test"), span_of("other"), &none);
	assert_int_equal(none.image.n + none.config.n, 0);
	containerd_box_find(span_of("/var/lib/x/fs"), span_of("test"), span_of("web"), &moved);
	assert_int_equal(moved.image.n, 0);
}

struct all {
	struct bolt *b;
	struct buf keys;
};

static int each(void *arg, struct span key, struct span value UNUSED, const struct bolt_bucket *in)
{
	struct all *a = arg;
	BUF struct buf id = {0};

	assert_non_null(in);
	assert_int_equal(bolt_in(a->b, in, "id", &id), 0);
	assert_int_equal(bolt_in(a->b, in, "nothing", &id), BOLT_ABSENT);
	buf_add(&a->keys, key.p, 7);
	return 0;
}

static void a_database(void **state UNUSED)
{
	static const char *const all[] = {"v1", "snapshots", NULL}, *const no[] = {"v1", "x", NULL},
				 *const id[] = {"v1", "snapshots", "test/3/odd", "id", NULL},
				 *const bucket[] = {"v1", "snapshots", NULL};
	BOLT struct bolt *b = NULL;
	BUF struct buf value = {0};
	struct all a = {.keys = {0}};
	char path[160];

	snprintf(path, sizeof(path), "%s/" SN "/metadata.db", root);
	assert_int_equal(bolt_open(path, &b), 0);
	a.b = b;
	assert_int_equal(bolt_each(b, all, each, &a), 0);
	assert_string_equal(buf_text(&a.keys), "test/2/test/3/test/4/test/5/");
	assert_int_equal(bolt_each(b, no, each, &a), BOLT_ABSENT);
	assert_int_equal(bolt_get(b, id, &value), 0);
	assert_int_equal(value.n, 2);
	assert_int_equal(bolt_get(b, bucket, &value), BOLT_ABSENT);
	assert_true(bolt_held(b));
	buf_free(&a.keys);
}

/* The meta page that is being written is not valid: the other one counts. A transaction later it has moved. */
static void while_it_is_written(void **state UNUSED)
{
	static const char *const all[] = {"v1", "snapshots", NULL};
	BOLT struct bolt *b = NULL, *older = NULL;
	struct all a = {.keys = {0}};
	char path[160];

	snprintf(path, sizeof(path), "%s/" SN "/metadata.db", root);
	assert_int_equal(bolt_open(path, &b), 0);
	assert_int_equal(
		sh("printf x | dd of=" SN "/metadata.db bs=1 seek=1050 conv=notrunc 2>/dev/null"),
		0);
	assert_false(bolt_held(b));
	assert_int_equal(bolt_open(path, &older), 0); /* whose root is empty */
	a.b = older;
	assert_int_equal(bolt_each(older, all, each, &a), BOLT_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_was_unpacked_from),
		cmocka_unit_test(what_is_not_to_be_told),
		cmocka_unit_test(its_image),
		cmocka_unit_test(its_container),
		cmocka_unit_test(a_database),
		cmocka_unit_test(while_it_is_written),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
