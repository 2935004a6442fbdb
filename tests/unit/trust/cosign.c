/* Signatures made as cosign makes them, by the openssl program: judged by key, payload and digest. */
#include "../base/unit.h"
#include "base/fd.h"
#include "base/text.h"
#include "trust/cosign_find.h"
#include "trust/cosign_judge.h"
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
	"name=$(printf 'signature-" HEX "' | base64 -w0)\n"
	"blob() { printf '\\0sigstore-json\\n{\"mimeType\":\"m\",\"payload\":\"%s\",\"annotations\":"
	"{\"dev.cosignproject.cosign/signature\":\"%s\"}}' \"$(base64 -w0 good.payload)\" \"$(cat $1.sig)\"; }\n"
	"{ printf 'an OpenPGP signature'; blob by-old; blob good; } >\"big/=$name\"\n"
	"mkdir signatures link fifo keyless loose; chmod go-w .; cp \"big/=$name\" signatures/signatures\n"
	"ln -s \"$1/big/=$name\" link/signatures; ln -s big biglink; mkfifo fifo/signatures\n"
	"blob by-old | sed 's/}}$/,\"dev.sigstore.cosign\\/certificate\":\"x\"}}/' >keyless/signatures\n"
	"cp ci.pub loose; chmod 666 loose/ci.pub\n";

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
	cosign_find(k, span_of("sha256:" HEX), in_dir("sig"), NULL, NULL, &r);
	assert_int_equal(r.verdict, COSIGN_VERIFIED);
	cosign_find(k, span_of("sha256:" HEX), NULL, in_dir("big"), NULL, &r);
	assert_int_equal(r.verdict, COSIGN_VERIFIED);
	cosign_find(k, span_of("sha256:" OTHER), in_dir("sig"), in_dir("big"), NULL, &r);
	assert_int_equal(r.verdict, COSIGN_NONE);
	cosign_find(k, span_of("../../etc/passwd"), in_dir("sig"), NULL, NULL, &r);
	assert_int_equal(r.verdict, COSIGN_NONE);
	KEYS struct cosign_keys *old = with("ed.pub");

	cosign_find(old, span_of("sha256:" HEX), in_dir("sig"), in_dir("big"), NULL, &r);
	assert_int_equal(r.verdict, COSIGN_MISMATCH);
}

/* A big-data directory may be anybody's. */
static void test_hostile_storage(void **state)
{
	static const struct {
		const char *dir;
		enum cosign_verdict want;
	} rows[] = {{"signatures", COSIGN_VERIFIED}, {"link", COSIGN_MISMATCH},
		{"biglink", COSIGN_NONE}, {"fifo", COSIGN_MISMATCH}, {"keyless", COSIGN_NONE},
		{"none", COSIGN_NONE}, {"ci.pub", COSIGN_NONE}};
	struct cosign_result r;

	(void)state;
	if (!has_openssl)
		skip();
	KEYS struct cosign_keys *k = with("ci.pub");

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		cosign_find(k, span_of("sha256:" HEX), NULL, in_dir(rows[i].dir), NULL, &r);
		if (r.verdict != rows[i].want)
			fail_msg("%s: %s", rows[i].dir, cosign_verdict_name(r.verdict));
	}
}

static void test_keys_of_others(void **state)
{
	(void)state;
	BUF struct buf odd = {0};

	if (!has_openssl)
		skip();
	KEYS struct cosign_keys *k = with(NULL);

	assert_int_equal(cosign_keys_dir(k, in_dir("loose"), &odd), 0);
	assert_int_equal(cosign_keys_count(k), 0);
	assert_non_null(strstr(buf_text(&odd), "chmod go-w"));
	assert_int_equal(chmod(in_dir("loose"), 0777), 0);
	assert_int_equal(cosign_keys_dir(k, in_dir("loose"), &odd), -EPERM);
}

/* ---- policy.json and the name ---- */

static void said(const char *policy, const char *name, const char *key_dir, bool demanded,
	enum cosign_verdict want, const char *unmet)
{
	struct cosign_where w = {.dir = key_dir ? in_dir(key_dir) : NULL};
	struct cosign_image i = {
		.digest = {span_of("sha256:" OTHER), span_of("sha256:" HEX)}, .n = 2};
	BUF struct buf json = {0}, path = {0}, big = {0};
	struct cosign_said is;

	buf_printf(&path, "%s/policy.json", dir);
	buf_printf(&big, "%s/big", dir);
	w.policy = buf_text(&path);
	i.big_data = buf_text(&big);
	i.name = span_of(name);
	for (const char *at = policy; *at; at++) /* '@': the directory; quotes are apostrophes */
		if (*at == '@')
			buf_add_text(&json, dir);
		else
			buf_u8(&json, *at == '\'' ? '"' : (uint8_t)*at);
	assert_int_equal(fd_write_file(w.policy, buf_span(&json), 0600), 0);
	cosign_judge(&w, &i, &is);
	if (is.demanded != demanded || is.result.verdict != want ||
		!(unmet ? strstr(is.unmet, unmet) != NULL : !is.unmet[0]))
		fail_msg("%s, %s: %s (%s), demanded %d, unmet: %s", policy, name,
			cosign_verdict_name(is.result.verdict), is.result.why, is.demanded,
			is.unmet);
	if (want == COSIGN_VERIFIED)
		assert_true(span_is(is.digest, "sha256:" HEX));
}

#define ANY "'default':[{'type':'insecureAcceptAnything'}]"
#define BY(key, more) "[{'type':'sigstoreSigned','keyPath':'@/" key "'" more "}]"
#define DOCKER(scopes) "{" ANY ",'transports':{'docker':{" scopes "}}}"
#define LIKE(identity) ",'signedIdentity':{" identity "}"

static const struct {
	const char *policy, *name, *dir;
	bool demanded;
	enum cosign_verdict want;
	const char *unmet;
} demands[] = {
	/* Keys of a directory count for all; those of a scope for its images alone. */
	{"{" ANY "}", "r.example/app", "keys", false, COSIGN_VERIFIED, NULL},
	{"{" ANY "}", "r.example/app", "none", false, COSIGN_NO_KEY, NULL},
	{DOCKER("'r.example':" BY("ci.pub", "")), "r.example/app", "none", true, COSIGN_VERIFIED,
		NULL},
	{DOCKER("'r.example':" BY("ci.pub", "")), "r.other/app", "none", false, COSIGN_NO_KEY,
		NULL},
	{DOCKER("'r.example/ap':" BY("ci.pub", "")), "r.example/app", "none", false, COSIGN_NO_KEY,
		NULL},
	/* The narrowest alone. */
	{DOCKER("'r.example':" BY("ci.pub", "") ",'r.example/app':" BY("ed.pub", "")),
		"r.example/app", "none", true, COSIGN_MISMATCH,
		"r.example/app: no signature by the key that is wanted"},
	{DOCKER("'r.example':[{'type':'reject'}],'r.example/app:latest':" BY("ci.pub", "")),
		"r.example/app", "none", true, COSIGN_VERIFIED, NULL},
	{DOCKER("'*.example':" BY("ed.pub", "")), "r.example/app", "keys", true, COSIGN_VERIFIED,
		"*.example"},
	{DOCKER("'*.r.example':" BY("ed.pub", "")), "r.example/app", "keys", false, COSIGN_VERIFIED,
		NULL},
	{DOCKER("'':" BY("ed.pub", "")), "r.example/app", "keys", true, COSIGN_VERIFIED,
		"every registry"},
	{DOCKER("'docker.io/library/web':[{'type':'reject'}]"), "web", "keys", true,
		COSIGN_VERIFIED, "no image of this name may be used"},
	{"{'default':[{'type':'reject'}]}", "sha256:" HEX, "keys", true, COSIGN_VERIFIED,
		"default"},
	{"{'default':[{'type':'signedBy'}]}", "x", "keys", true, COSIGN_VERIFIED, NULL},
	{"{'default':[{'type':'poem'}]}", "x", "keys", true, COSIGN_VERIFIED, NULL},
	{"{'default':[{'type':'sigstoreSigned','fulcio':{}}]}", "x", "keys", true, COSIGN_VERIFIED,
		NULL},
	{"{'default':[{'type':'sigstoreSigned','keyPath':'/none.pub'}]}", "x", "keys", true,
		COSIGN_VERIFIED, "cannot be used"},
	/* A policy that cannot be read demands nothing that could be met. */
	{"{", "x", "keys", true, COSIGN_VERIFIED, "policy.json"},
	{"{}", "x", "keys", true, COSIGN_VERIFIED, "default"},
	{"", "x", "keys", true, COSIGN_VERIFIED, "empty"},
	/* Names. cosign signs r.example/app, without a tag. */
	{DOCKER("'r.example':" BY("ci.pub", "")), "r.example/app:2", "none", true, COSIGN_VERIFIED,
		"signed as r.example/app"},
	{DOCKER("'r.example':" BY("ci.pub", "")), "r.example/app@sha256:" HEX, "none", true,
		COSIGN_VERIFIED, NULL},
	{DOCKER("'r.example':" BY("ci.pub", LIKE("'type':'matchRepository'"))), "r.example/app:2",
		"none", true, COSIGN_VERIFIED, NULL},
	{DOCKER("'r.example':" BY("ci.pub", LIKE("'type':'matchExact'"))), "r.example/app:2",
		"none", true, COSIGN_VERIFIED, "signed as"},
	{DOCKER("'r.example':" BY("ci.pub", LIKE("'type':'matchRepository'"))), "r.example/other:2",
		"none", true, COSIGN_VERIFIED, "signed as"},
	{DOCKER("'m.example':" BY(
		 "ci.pub", LIKE("'type':'exactRepository','dockerRepository':'r.example/app'"))),
		"m.example/x:1", "none", true, COSIGN_VERIFIED, NULL},
	{DOCKER("'m.example':" BY(
		 "ci.pub", LIKE("'type':'exactReference','dockerReference':'r.example/app:2'"))),
		"m.example/x:1", "none", true, COSIGN_VERIFIED, "signed as"},
	{DOCKER("'m.example':" BY("ci.pub",
		 LIKE("'type':'remapIdentity','prefix':'m.example/r','signedPrefix':'r.example'"))),
		"m.example/r/app@sha256:" HEX, "none", true, COSIGN_VERIFIED, NULL},
	{DOCKER("'m.example':" BY("ci.pub",
		 LIKE("'type':'remapIdentity','prefix':'m.example/r','signedPrefix':'r.example'"))),
		"m.example/rr/app@sha256:" HEX, "none", true, COSIGN_VERIFIED, "signed as"},
	{DOCKER("'r.example':" BY("ci.pub", LIKE("'type':'matchPoem'"))), "r.example/app", "none",
		true, COSIGN_NO_KEY, "signedIdentity"},
};

static void test_demands(void **state)
{

	(void)state;
	if (!has_openssl)
		skip();
	for (size_t i = 0; i < COUNTOF(demands); i++)
		said(demands[i].policy, demands[i].name, demands[i].dir, demands[i].demanded,
			demands[i].want, demands[i].unmet);
}

static void test_no_policy(void **state)
{
	struct cosign_where w = {.dir = in_dir("keys"), .policy = "/none/policy.json"};
	struct cosign_image i = {.digest = {span_of("sha256:" HEX)}, .n = 1};
	BUF struct buf big = {0}, odd = {0};
	struct cosign_said is;

	(void)state;
	if (!has_openssl)
		skip();
	buf_printf(&big, "%s/big", dir);
	i.big_data = buf_text(&big);
	i.name = span_of("m.example/copy");
	cosign_judge(&w, &i, &is);
	assert_true(is.result.verdict == COSIGN_VERIFIED && !is.demanded && !is.unmet[0]);
	assert_non_null(strstr(is.result.why, "not the name that it runs by"));
	w.dir = in_dir("keys");
	assert_int_equal(cosign_look(&w, &odd), 1);
	assert_int_equal(odd.n, 0);
	w.policy_must_be = true;
	w.dir = in_dir("keys");
	cosign_judge(&w, &i, &is);
	assert_true(is.demanded && is.unmet[0]);
	w.dir = in_dir("keys");
	assert_int_equal(cosign_look(&w, &odd), 1);
	assert_non_null(strstr(buf_text(&odd), "/none/policy.json"));
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
	assert_int_equal(cosign_policy_keys(buf_span(&json), k, &odd), 0);
	assert_int_equal(cosign_keys_count(k), 3);
	assert_non_null(strstr(buf_text(&odd), "p384.pub: neither"));
	assert_non_null(strstr(buf_text(&odd), "no absolute path"));
	assert_non_null(strstr(buf_text(&odd), "not base64"));
	assert_int_equal(cosign_policy_keys(span_of("[]"), k, &odd), -EBADMSG);
	assert_int_equal(cosign_policy_keys(span_of("{"), k, &odd), -EBADMSG);
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
		cmocka_unit_test(test_hostile_storage),
		cmocka_unit_test(test_keys_of_others),
		cmocka_unit_test(test_demands),
		cmocka_unit_test(test_no_policy),
	};

	return cmocka_run_group_tests_name("trust/cosign", tests, make_all, remove_all);
}
