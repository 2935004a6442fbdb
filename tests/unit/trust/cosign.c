/* Signatures made as cosign makes them, by the openssl program: judged by key, payload and digest. */
#include "../base/unit.h"
#include "base/fd.h"
#include "base/text.h"
#include "trust/cosign_find.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define HEX "9f2b1d0c5e6f7a8b9c0d1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000001"
static char dir[] = "/tmp/boltseal-unit-cosign.XXXXXX";
static bool has_openssl;

/* $1 is the directory: keys, payloads and signatures as they are on a host. */
static const char script[] =
	"set -e; cd \"$1\"; mkdir sig big keys; exec 2>/dev/null\n"
	"payload() { printf '{\"critical\":{\"identity\":{\"docker-reference\":\"r.example/app\"},"
	"\"image\":{\"docker-manifest-digest\":\"sha256:%s\"},\"type\":\"cosign container image signature\"},"
	"\"optional\":null}' $1; }\n"
	"for k in ci old; do openssl ecparam -name prime256v1 -genkey -noout -out $k.key\n"
	"openssl ec -in $k.key -pubout -out $k.pub; done\n"
	"openssl genpkey -algorithm ed25519 -out ed.key; openssl pkey -in ed.key -pubout -out ed.pub\n"
	"openssl ecparam -name secp384r1 -genkey -noout | openssl ec -pubout -out p384.pub\n"
	"payload " HEX " >good.payload; payload " OTHER " >other.payload\n"
	"printf '{\"critical\":{\"type\":\"a poem\"}}' >poem.payload\n"
	"sign() { openssl dgst -sha256 -sign $2.key $1.payload | base64 -w0 >$3.sig; }\n"
	"sign good ci good; sign good old by-old; sign other ci other; sign poem ci poem\n"
	"openssl pkeyutl -sign -inkey ed.key -rawin -in good.payload | base64 -w0 >by-ed.sig\n"
	"cp ci.pub keys; printf '%s' \"$(cat good.payload)\" >sig/" HEX ".payload\n"
	"cp by-old.sig sig/" HEX ".sig; cp good.payload sig/" HEX ".1.payload; cp good.sig sig/" HEX
	".1.sig\n"
	"name=$(printf 'signature-sha256:" HEX "' | base64 -w0)\n"
	"blob() { printf '\\0sigstore-json\\n{\"mimeType\":\"m\",\"payload\":\"%s\",\"annotations\":"
	"{\"dev.cosignproject.cosign/signature\":\"%s\"}}' \"$(base64 -w0 good.payload)\" \"$(cat $1.sig)\"; }\n"
	"{ printf 'an OpenPGP signature'; blob by-old; blob good; } >\"big/=$name\"\n";

static const char *in_dir(const char *name)
{
	static char path[2][200];
	static unsigned at;

	at ^= 1;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static void keys_free(struct cosign_keys **k)
{
	cosign_keys_free(*k);
}
#define KEYS CLEANUP(keys_free)

static struct cosign_keys *with(const char *file)
{
	struct cosign_keys *k;
	BUF struct buf pem = {0};

	assert_int_equal(cosign_keys_new(&k), 0);
	if (file) {
		assert_int_equal(fd_read_file(AT_FDCWD, in_dir(file), 4096, &pem), 0);
		assert_int_equal(cosign_keys_add(k, file, buf_span(&pem)), 0);
	}
	return k;
}

static void judged(const char *key, const char *payload, const char *sig, enum cosign_verdict want)
{
	KEYS struct cosign_keys *k = with(key);
	BUF struct buf p = {0}, s = {0};
	struct cosign_result r;

	assert_int_equal(fd_read_file(AT_FDCWD, in_dir(payload), 4096, &p), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, in_dir(sig), 4096, &s), 0);
	buf_add_text(&s, "\n");
	cosign_check(k, span_of("sha256:" HEX), buf_span(&p), buf_span(&s), &r);
	if (r.verdict != want)
		fail_msg("%s by %s: %s (%s)", payload, key ? key : "nobody",
			cosign_verdict_name(r.verdict), r.why);
	if (want == COSIGN_VERIFIED) {
		assert_string_equal(r.key, key);
		assert_string_equal(r.reference, "r.example/app");
	} else {
		assert_true(r.why[0]);
	}
}

static void test_one_signature(void **state)
{
	(void)state;
	if (!has_openssl)
		skip();
	judged("ci.pub", "good.payload", "good.sig", COSIGN_VERIFIED);
	judged("ed.pub", "good.payload", "by-ed.sig", COSIGN_VERIFIED);
	judged(NULL, "good.payload", "good.sig", COSIGN_NO_KEY);
	judged("ci.pub", "good.payload", "by-old.sig", COSIGN_MISMATCH);
	judged("ci.pub", "other.payload", "good.sig", COSIGN_MISMATCH);
	judged("ci.pub", "other.payload", "other.sig", COSIGN_MISMATCH);
	judged("ci.pub", "poem.payload", "poem.sig", COSIGN_MISMATCH);
	judged("ed.pub", "good.payload", "good.sig", COSIGN_MISMATCH);
}

static void test_every_bit(void **state)
{
	(void)state;
	BUF struct buf p = {0}, s = {0};
	struct cosign_result r;

	if (!has_openssl)
		skip();
	KEYS struct cosign_keys *k = with("ci.pub");

	assert_int_equal(fd_read_file(AT_FDCWD, in_dir("good.payload"), 4096, &p), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, in_dir("good.sig"), 4096, &s), 0);
	for (size_t bit = 0; bit < p.n * 8; bit++) {
		p.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cosign_check(k, span_of("sha256:" HEX), buf_span(&p), buf_span(&s), &r);
		assert_int_equal(r.verdict, COSIGN_MISMATCH);
		p.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cosign_check(k, span_of("sha256:" HEX), buf_span(&p), buf_span(&s), &r);
	assert_int_equal(r.verdict, COSIGN_VERIFIED);
}

static void test_places(void **state)
{
	(void)state;
	struct cosign_result r;
	BUF struct buf odd = {0};

	if (!has_openssl)
		skip();
	KEYS struct cosign_keys *k = with(NULL);

	assert_int_equal(cosign_keys_dir(k, in_dir("keys"), &odd), 0);
	assert_int_equal(cosign_keys_count(k), 1);
	assert_int_equal(cosign_keys_dir(k, in_dir("none"), &odd), 0);
	assert_int_equal(odd.n, 0);
	/* The first is another key's, the second is right: one that is right is enough. */
	cosign_find(k, span_of("sha256:" HEX), in_dir("sig"), NULL, &r);
	assert_int_equal(r.verdict, COSIGN_VERIFIED);
	cosign_find(k, span_of("sha256:" HEX), NULL, in_dir("big"), &r);
	assert_int_equal(r.verdict, COSIGN_VERIFIED);
	cosign_find(k, span_of("sha256:" OTHER), in_dir("sig"), in_dir("big"), &r);
	assert_int_equal(r.verdict, COSIGN_NONE);
	cosign_find(k, span_of("../../etc/passwd"), in_dir("sig"), NULL, &r);
	assert_int_equal(r.verdict, COSIGN_NONE);
	KEYS struct cosign_keys *old = with("ed.pub");

	cosign_find(old, span_of("sha256:" HEX), in_dir("sig"), in_dir("big"), &r);
	assert_int_equal(r.verdict, COSIGN_MISMATCH);
}

static void test_policy(void **state)
{
	(void)state;
	BUF struct buf odd = {0}, json = {0}, pem = {0};

	if (!has_openssl)
		skip();
	KEYS struct cosign_keys *k = with(NULL);

	assert_int_equal(fd_read_file(AT_FDCWD, in_dir("ed.pub"), 4096, &pem), 0);
	buf_printf(&json,
		"{\"default\":[{\"type\":\"insecureAcceptAnything\"}],\"transports\":{\"docker\":{"
		"\"r.example/app\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s/ci.pub\"}],"
		"\"r.example/b\":[{\"type\":\"sigstoreSigned\",\"keyPaths\":[\"%s/old.pub\",\"%s/p384.pub\","
		"\"x.pub\"],\"keyData\":\"",
		dir, dir, dir);
	text_b64(&json, buf_span(&pem));
	buf_add_text(&json,
		"\",\"keyDatas\":[\"!\"]},{\"type\":\"signedBy\",\"keyPath\":\"/none\"}]}}}");
	assert_int_equal(cosign_keys_policy(k, buf_span(&json), &odd), 0);
	assert_int_equal(cosign_keys_count(k), 3);
	assert_non_null(strstr(buf_text(&odd), "p384.pub: neither"));
	assert_non_null(strstr(buf_text(&odd), "no absolute path"));
	assert_non_null(strstr(buf_text(&odd), "not base64"));
	assert_int_equal(cosign_keys_policy(k, span_of("[]"), &odd), -EBADMSG);
	assert_int_equal(cosign_keys_policy(k, span_of("{"), &odd), -EBADMSG);
}

static int make_all(void **state)
{
	BUF struct buf line = {0};

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	assert_int_equal(fd_write_file(in_dir("make.sh"), span_of(script), 0600), 0);
	buf_printf(&line, "sh %s/make.sh %s", dir, dir);
	has_openssl = system(buf_text(&line)) == 0;
	if (!has_openssl)
		puts("# the program openssl (3.0) is missing: no signature can be made");
	return 0;
}

static int remove_all(void **state)
{
	char line[100];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf '%s'", dir);
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_signature),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests_name("trust/cosign", tests, make_all, remove_all);
}
