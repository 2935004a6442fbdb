/* A layer as Docker keeps it, made by hand: untouched it is proved, and whatever is done to one of its names is told.
 * Its files need many blocks of proof_hands.c, whose pthread_create() makes this a test for ThreadSanitizer as well.
 * Links: daemon/sensor/proof*, box/provenance, image, fs, model, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/proof.h"
#include "daemon/sensor/worker.h"

static char root[64];
static struct examiner ex;
static struct worker worker = {.ex = &ex};

static int sh(const char *cmd)
{
	BUF struct buf b = {0};

	buf_printf(&b, "cd %s && { %s\n}", root, cmd);
	return system(buf_text(&b));
}

/* The archive's bytes between contents are what tar-split keeps. */
static const char make[] =
	"mkdir -p overlay2/c1/diff image/overlay2/layerdb/sha256 && python3 - <<'PY'\n"
	"import base64, gzip, hashlib, io, json, os, tarfile\n"
	"raw = io.BytesIO()\n"
	"t = tarfile.open(fileobj=raw, mode='w', format=tarfile.PAX_FORMAT)\n"
	"files = []\n"
	"def add(name, type=tarfile.REGTYPE, data=b'', mode=0o644, link=''):\n"
	"    i = tarfile.TarInfo(name)\n"
	"    i.type, i.mode, i.linkname, i.mtime, i.size = type, mode, link, 1767225600, len(data)\n"
	"    i.uid, i.gid = os.getuid(), os.getgid()\n"
	"    t.addfile(i, io.BytesIO(data))\n"
	"    files.append((name, len(data), t.offset - (len(data) + 511) // 512 * 512, data))\n"
	"add('bin/', tarfile.DIRTYPE, mode=0o755)\n"
	"for n in range(8): add('bin/f%d' % n, data=bytes([n]) * (n * 700 + 1), mode=0o755)\n"
	"add('bin/l', tarfile.SYMTYPE, link='f1')\n"
	"add('bin/h', tarfile.LNKTYPE, link='bin/f2', mode=0o755)\n"
	"add('deep/er/file', data=b'x')\n"
	"for n in range(40): add('many/%d' % n, data=b'm%d' % n * (n * 200))\n"
	"add('large', data=bytes(range(251)) * 1500, mode=0o755)\n"
	"add('larger', data=b'0123456789abcdef' * 40000)\n"
	"for n in range(20): add('more/%d' % n, data=b'n%d' % n * (n * 500))\n"
	"add('empty')\n"
	"t.close()\n"
	"raw = raw.getvalue()\n"
	"out, at = [], 0\n"
	"def entry(**k): k['position'] = len(out); out.append(json.dumps(k, separators=(',', ':')))\n"
	"def of(c):\n"
	"    for _ in range(8): c = c >> 1 ^ (0xD800000000000000 if c & 1 else 0)\n"
	"    return c\n"
	"table = [of(n) for n in range(256)]\n"
	"def crc(d):\n"
	"    c = 0xffffffffffffffff\n"
	"    for b in d: c = c >> 8 ^ table[(c ^ b) & 255]\n"
	"    return (c ^ 0xffffffffffffffff).to_bytes(8, 'big')\n"
	"for name, n, start, data in files:\n"
	"    entry(type=2, payload=base64.b64encode(raw[at:start]).decode())\n"
	"    k = {'type': 1, 'name': name}\n"
	"    if n: k.update(size=n, payload=base64.b64encode(crc(data)).decode())\n"
	"    else: k.update(payload=None)\n"
	"    entry(**k)\n"
	"    at = start + n\n"
	"entry(type=2, payload=base64.b64encode(raw[at:]).decode())\n"
	"diff = hashlib.sha256(raw).hexdigest()\n"
	"d = 'image/overlay2/layerdb/sha256/' + diff\n"
	"os.makedirs(d)\n"
	"open(d + '/cache-id', 'w').write('c1')\n"
	"open(d + '/diff', 'w').write('sha256:' + diff)\n"
	"gzip.open(d + '/tar-split.json.gz', 'wb').write('\\n'.join(out).encode() + b'\\n')\n"
	"open('l.tar', 'wb').write(raw)\n"
	"PY\n"
	"tar -C overlay2/c1/diff -xpf l.tar";

static int set_up(void **state UNUSED)
{
	snprintf(root, sizeof(root), "/tmp/proof.XXXXXX");
	assert_non_null(mkdtemp(root));
	umask(022);
	return sh(make) || sha_new(&worker.sha);
}

static int tear_down(void **state UNUSED)
{
	sha_free(worker.sha);
	return sh("rm -rf \"$PWD\"");
}

/* What the proof says of the layer as it is; its words go to `out`. */
static enum verdict_state proves_with(const struct proof_options *opt, struct buf *out)
{
	PROOF struct proof *p = NULL;
	struct lower *l = NULL;
	char path[128];
	struct verdict v;

	snprintf(path, sizeof(path), "%s/overlay2/c1/diff", root);
	assert_int_equal(lower_open(path, "image", MARKS_TRUSTED, 1, &l), 0);
	p = layer_proof_new(l, opt);
	proof_walk(p, l, opt, &worker);
	proof_verdict(p, &v);
	buf_reset(out);
	verdict_words(&v, out);
	lower_unref(l);
	return v.state;
}

static enum verdict_state proves(struct buf *out)
{
	struct proof_options opt = {.max_bytes = 1 << 20};

	return proves_with(&opt, out);
}

static void untouched_it_is_proved(void **state UNUSED)
{
	BUF struct buf words = {0};
	enum verdict_state v = proves(&words);

	if (v != VERDICT_PROVED)
		fail_msg("%s", buf_text(&words));
	assert_non_null(strstr(buf_text(&words), "proved to sha256:"));
}

struct deed {
	const char *cmd, *told;
};
/* In the layer's directory. */
static const struct deed deeds[] = {
	{"printf y >deep/er/file", "C deep/er/file (content"},
	{"touch -r bin/f3 s; printf Z | dd of=bin/f3 bs=1 seek=9 conv=notrunc 2>/dev/null; touch -r s "
	 "bin/f3; rm s",
		"C bin/f3 (content)"},
	{"touch -r bin/f4 s; printf x >>bin/f4; touch -r s bin/f4; rm s", "C bin/f4 (content)"},
	{"touch -r bin/f5 s; : >bin/f5; touch -r s bin/f5; rm s", "C bin/f5 (content)"},
	{"chmod 4755 bin/f0", "C bin/f0 (mode)"},
	{"touch -d 2001-01-01 bin/f0", "C bin/f0 (mtime)"},
	{"rm bin/f6", "D bin/f6"},
	{"rm bin/f6; mkdir bin/f6", "C bin/f6 (type)"},
	{"rm bin/f6; mkfifo bin/f6", "C bin/f6 (mode,type"},
	{"rm bin/f6; ln -s f1 bin/f6", "C bin/f6 (type"},
	{"ln -sfn f2 bin/l", "C bin/l (link)"},
	{"rm bin/h; cp -p bin/f3 bin/h", "C bin/h (content)"},
	{"echo x >planted", "A planted"},
	{"mkdir -p planted/deep; echo x >planted/deep/f", "A planted"},
	{"echo x >bin/.wh.f1", "A bin/.wh.f1"},
	{"rm -r bin; echo x >bin", "C bin (mode,type)"},
	{"rm -r bin", "D bin"},
	{"chmod 777 deep/er", "C deep/er (mode)"},
	{"chmod 1755 bin", "C bin (mode)"},
	{"rm empty; echo x >empty; touch -d @1767225600 empty", "C empty (content)"},
	{"chmod 777 .", "C / (mode)"},
	{"touch -r large s; printf Z | dd of=large bs=1 seek=300000 conv=notrunc 2>/dev/null; touch -r s large; "
	 "rm s",
		"C large (content)"},
	{"touch -r large s; printf Z >>large; touch -r s large; rm s", "C large (content)"},
	{"touch -r larger s; truncate -s 300000 larger; touch -r s larger; rm s",
		"C larger (content)"},
	{"touch -r larger s; : >larger; touch -r s larger; rm s", "C larger (content)"},
	{"rm large", "D large"},
	{"rm larger; mkfifo larger", "C larger (type"},
	{"rm -r many", "D many"},
	{"touch -r more/19 s; printf Z >>more/19; touch -r s more/19; rm s", "C more/19 (content)"},
};

/* `silent`: a name that nothing is said of; NULL: none. */
static void it_is_told(const struct deed *d, const char *silent)
{
	BUF struct buf words = {0}, cmd = {0};

	buf_printf(&cmd, "cp -a overlay2/c1/diff keep && cd overlay2/c1/diff && { %s\n}", d->cmd);
	assert_int_equal(sh(buf_text(&cmd)), 0);
	if (proves(&words) != VERDICT_BROKEN || !strstr(buf_text(&words), d->told) ||
		(silent && strstr(buf_text(&words), silent)))
		fail_msg("%s: %s", d->cmd, buf_text(&words));
	assert_int_equal(sh("rm -rf overlay2/c1/diff && mv keep overlay2/c1/diff"), 0);
}

static void every_deed_is_told(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(deeds); i++)
		it_is_told(&deeds[i], NULL);
	untouched_it_is_proved(NULL);
}

/* bin/h is a hard link to bin/f2, with which its content is in the archive. */
static void a_link_answers_for_itself(void **state UNUSED)
{
	static const struct deed gone[] = {
		{"rm bin/f2", "D bin/f2"},
		{"rm bin/f2; mkfifo bin/f2", "C bin/f2 (mode,type"},
		{"rm bin/f2; echo x >bin/f2", "C bin/f2 (content"},
		{"rm bin/f2; cp -p bin/h bin/f2; touch -r bin/h s; printf Z | dd of=bin/f2 bs=1 seek=9 "
		 "conv=notrunc 2>/dev/null; touch -r s bin/f2; rm s",
			"C bin/f2 (content)"},
	};
	static const struct deed both = {
		"rm bin/f2; touch -r bin/h s; printf Z | dd of=bin/h bs=1 seek=9 "
		"conv=notrunc 2>/dev/null; touch -r s bin/h; rm s",
		"C bin/h (content)"};

	for (size_t i = 0; i < COUNTOF(gone); i++)
		it_is_told(&gone[i], "bin/h");
	it_is_told(&both, NULL);
}

/* The same of the engine's own files: nothing is proved then. */
static void what_the_engine_kept_is_held_to_account(void **state UNUSED)
{
	static const struct deed kept[] = {
		{"printf sha256:%064d 1 >$d/diff", "broken"},
		{"printf x >$d/diff", "the engine keeps no digest of it"},
		{"rm $d/tar-split.json.gz", "the engine keeps no headers of its archive"},
		{"truncate -s -9 $d/tar-split.json.gz", "unknown"},
		{"echo x >>$d/tar-split.json.gz", "unknown"},
		{"rm $d/tar-split.json.gz; mkfifo $d/tar-split.json.gz", "not a regular file"},
		{"gzip -dc <$d/tar-split.json.gz | sed 1d | gzip >n; mv n $d/tar-split.json.gz",
			"broken"},
		{"gzip -dc <$d/tar-split.json.gz | sed '$d' | gzip >n; mv n $d/tar-split.json.gz",
			"broken"},
		{"printf c2 >$d/cache-id", "the engine does not know this layer"},
		{"rm -r image", "it lies in no engine's store"},
	};
	BUF struct buf words = {0}, cmd = {0};

	for (size_t i = 0; i < COUNTOF(kept); i++) {
		buf_reset(&cmd);
		buf_printf(&cmd,
			"cp -a image keep && d=$(echo image/overlay2/layerdb/sha256/*) && { %s\n}",
			kept[i].cmd);
		assert_int_equal(sh(buf_text(&cmd)), 0);
		if (proves(&words) == VERDICT_PROVED || !strstr(buf_text(&words), kept[i].told))
			fail_msg("%s: %s", kept[i].cmd, buf_text(&words));
		assert_int_equal(sh("rm -rf image && mv keep image"), 0);
	}
	untouched_it_is_proved(NULL);
}

static uint64_t seed = 7;
static unsigned any_below(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(seed >> 33) % n;
}

/* One bit of one file, with its times put back. */
static void no_bit_goes_unseen(void **state UNUSED)
{
	BUF struct buf words = {0};
	char path[128];

	for (int i = 0; i < 120; i++) {
		unsigned n = any_below(8), at = any_below(n * 700 + 1);
		struct timespec times[2];
		struct stat st;
		uint8_t byte;
		FD int fd = -1;

		snprintf(path, sizeof(path), "%s/overlay2/c1/diff/bin/f%u", root, n);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0 && fstat(fd, &st) == 0);
		times[0] = st.st_atim;
		times[1] = st.st_mtim;
		for (int back = 0; back < 2; back++) {
			assert_int_equal(pread(fd, &byte, 1, at), 1);
			byte ^= (uint8_t)(1u << (i & 7));
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			futimens(fd, times);
			assert_int_equal(proves(&words), back ? VERDICT_PROVED : VERDICT_BROKEN);
			assert_true(back || strstr(buf_text(&words), "(content)"));
		}
	}
}

static void it_is_stopped(void **state UNUSED)
{
	atomic_bool stop = true;
	struct proof_options opt = {.stop = &stop};
	BUF struct buf words = {0};

	assert_int_equal(proves_with(&opt, &words), VERDICT_UNKNOWN);
	assert_non_null(strstr(buf_text(&words), "stopped"));
}

static void what_is_too_large_is_unknown(void **state UNUSED)
{
	struct proof_options opt = {.max_bytes = 500 * 1000};
	BUF struct buf words = {0};

	assert_int_equal(proves_with(&opt, &words), VERDICT_UNKNOWN);
	assert_non_null(strstr(buf_text(&words), "larger than what is read at most"));
}

static void count(void *ctx, uint64_t bytes)
{
	*(uint64_t *)ctx += bytes;
}

/* As many bytes a second as it may, and it is told how far it is. */
static void no_faster_than_it_may(void **state UNUSED)
{
	enum { RATE = 8 << 20 };
	uint64_t told = 0;
	struct proof_options opt = {.rate = RATE, .step = count, .ctx = &told};
	BUF struct buf words = {0};
	int64_t began = clock_mono(), took;

	assert_int_equal(proves_with(&opt, &words), VERDICT_PROVED);
	took = clock_mono() - began;
	assert_in_range(told, 1 << 20, 4 << 20);
	assert_true(took >= (int64_t)told * CLOCK_S / RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_it_is_proved),
		cmocka_unit_test(every_deed_is_told),
		cmocka_unit_test(a_link_answers_for_itself),
		cmocka_unit_test(what_the_engine_kept_is_held_to_account),
		cmocka_unit_test(no_bit_goes_unseen),
		cmocka_unit_test(it_is_stopped),
		cmocka_unit_test(what_is_too_large_is_unknown),
		cmocka_unit_test(no_faster_than_it_may),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
