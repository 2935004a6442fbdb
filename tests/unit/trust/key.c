/* Keys and what they sign: each failure is another sentence, and no altered byte passes. */
#include "../base/unit.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "trust/keyring.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/boltseal-unit-key.XXXXXX";
static const uint8_t digest[SHA_LEN] = "a digest of thirty-two bytes..!";

static const char *in_dir(const char *name)
{
	static char path[4][200];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static int says(void *ctx, const char *what, char *out, size_t room)
{
	size_t n = strlen(ctx);

	assert_true(what && *what && n <= room);
	memcpy(out, ctx, n);
	return (int)n;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	unlink(path);
	assert_int_equal(fd_write_file(path, span_of(text), mode), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* The call failed with this code, and its sentence has these words. */
static void fails(int got, int code, const char *words)
{
	assert_int_equal(got, code);
	if (!strstr(err_why(), words))
		fail_msg("\"%s\" does not say \"%s\"", err_why(), words);
	assert_null(strchr(err_why(), '\n'));
}

static struct trust_key *fresh(void)
{
	struct trust_key *k = NULL;

	assert_int_equal(trust_key_make(&k), 0);
	return k;
}

static void test_written_and_read(void **state)
{
	(void)state;
	struct passphrase right = {says, "correct horse"}, wrong = {says, "correct house"};
	TRUST_KEY struct trust_key *k = fresh(), *plain = NULL, *locked = NULL;

	assert_int_equal(trust_key_write(k, in_dir("plain"), (struct span){0}), 0);
	assert_int_equal(trust_key_write(k, in_dir("locked"), span_of("correct horse")), 0);
	assert_int_equal(trust_key_read(in_dir("plain"), NULL, &plain), 0);
	assert_int_equal(trust_key_read(in_dir("locked"), &right, &locked), 0);
	assert_true(trust_key_is_private(locked));
	assert_memory_equal(trust_key_id(plain), trust_key_id(k), SHA_LEN);
	assert_memory_equal(trust_key_id(locked), trust_key_id(k), SHA_LEN);
	fails(trust_key_write(k, in_dir("plain"), (struct span){0}), -EEXIST, "not written over");
	struct trust_key *none = NULL;

	fails(trust_key_read(in_dir("locked"), &wrong, &none), -EKEYREJECTED, "wrong passphrase");
	fails(trust_key_read(in_dir("locked"), NULL, &none), -EKEYREJECTED, "--passphrase-file");
	assert_null(none);
}

static void test_refused_files(void **state)
{
	(void)state;
	BUF struct buf pem = {0}, pub = {0};
	TRUST_KEY struct trust_key *k = fresh();
	struct trust_key *none = NULL;

	assert_int_equal(trust_key_write(k, in_dir("mine"), (struct span){0}), 0);
	assert_int_equal(chmod(in_dir("mine"), 0640), 0);
	fails(trust_key_read(in_dir("mine"), NULL, &none), -EPERM, "chmod 600");
	assert_int_equal(chmod(in_dir("mine"), 0600), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, in_dir("mine"), 4096, &pem), 0);
	assert_int_equal(trust_key_public_pem(k, &pub), 0);
	for (size_t n = 0; n < pem.n - 1; n++) {
		int r = trust_key_of_pem(span_make(pem.p, n), "cut", NULL, &none);

		if (r == 0) /* the dashes of END may miss one */
			fail_msg("read from %zu of %zu bytes", n, pem.n);
		assert_int_equal(r, -EBADMSG);
	}
	fails(trust_key_of_pem(span_make(pem.p, 60), "cut", NULL, &none), -EBADMSG, "truncated");
	fails(trust_key_of_pem(buf_span(&pub), "pub", NULL, &none), -EBADMSG, "is a public key");
	fails(trust_key_public(buf_span(&pem), "key", &none), -EBADMSG, "PRIVATE");
	fails(trust_key_of_pem(span_of("hello"), "x", NULL, &none), -EBADMSG, "no PEM");
	fails(trust_key_read(in_dir("absent"), NULL, &none), -ENOENT, "absent");
	fails(trust_key_read(dir, NULL, &none), -EINVAL, "regular");
	fails(trust_key_read("nothing:like=this", NULL, &none), -ENOENT, "provider");
	fails(trust_key_public(
		      span_of("-----BEGIN PUBLIC KEY-----\n"
			      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzoKtT16gTmSvDOIBCgMMVSRK6CZX\n"
			      "8Wuu0kbQXlRGZMgTcBkZhqHO9wW6FEAnMGHi2zGRvpyzlKO4qiwFxzXhwQ==\n"
			      "-----END PUBLIC KEY-----\n"),
		      "ec", &none),
		-EBADMSG, "");
	assert_null(none);
}

static void test_signature(void **state)
{
	(void)state;
	TRUST_KEY struct trust_key *k = fresh(), *other = fresh();
	struct signature s, back;
	BUF struct buf block = {0}, b64 = {0}, room = {0};
	uint8_t wrong[SHA_LEN];
	struct rd at;

	assert_int_equal(sign_digest(k, SIGN_BASELINE, digest, 4711, span_of("release 7"), &s), 0);
	assert_int_equal(sign_check(k, SIGN_BASELINE, digest, &s), 0);
	assert_int_equal(sign_check(k, SIGN_ACCEPT, digest, &s), -EKEYREJECTED);
	assert_int_equal(sign_check(other, SIGN_BASELINE, digest, &s), -EKEYREJECTED);
	memcpy(wrong, digest, SHA_LEN);
	wrong[31] ^= 1;
	assert_int_equal(sign_check(k, SIGN_BASELINE, wrong, &s), -EKEYREJECTED);
	signature_encode(&s, &block);
	assert_true(block.n <= SIGN_BLOCK_MAX);
	text_b64(&b64, buf_span(&block));
	assert_int_equal(signature_decode_b64(buf_span(&b64), &room, &back), 0);
	assert_int_equal(sign_check(k, SIGN_BASELINE, digest, &back), 0);
	for (size_t bit = 0; bit < block.n * 8; bit++) {
		block.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		at = rd_of(buf_span(&block));
		if (signature_decode(&at, &back) == 0 && rd_end(&at))
			assert_true(sign_check(k, SIGN_BASELINE, digest, &back) < 0);
		block.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < block.n; n++) {
		at = rd_of(span_make(block.p, n));
		assert_int_equal(signature_decode(&at, &back), -EBADMSG);
	}
	fails(sign_digest(k, SIGN_BASELINE, digest, 1, span_of("two\nlines"), &s), -EINVAL,
		"one line");
}

/* ---- the ring ---- */

static void add_text(
	struct keyring *r, const struct trust_key *k, const char *head, int want, const char *words)
{
	BUF struct buf text = {0};

	buf_add_text(&text, head);
	assert_int_equal(trust_key_public_pem(k, &text), 0);
	int got = keyring_add_bytes(r, buf_span(&text), "/keys/alice.pub");

	if (want)
		fails(got, want, words);
	else
		assert_int_equal(got, 0);
}

static void checks(const char *head, int64_t when, int want, const char *words)
{
	KEYRING struct keyring r = {.n = 0};
	TRUST_KEY struct trust_key *k = fresh();
	const struct public_key *who = NULL;
	struct signature s;

	add_text(&r, k, head, 0, NULL);
	assert_int_equal(sign_digest(k, SIGN_BASELINE, digest, when, (struct span){0}, &s), 0);
	if (want) {
		fails(keyring_check(&r, SIGN_BASELINE, digest, &s, &who), want, words);
		return;
	}
	assert_int_equal(keyring_check(&r, SIGN_BASELINE, digest, &s, &who), 0);
	assert_ptr_equal(who, &r.keys[0]);
}

static void test_ring_judges(void **state)
{
	(void)state;
	const int64_t in_2026 = INT64_C(1780000000) * CLOCK_S;

	checks("", in_2026, 0, NULL);
	checks("name: bob\nroles: accept baseline\n", in_2026, 0, NULL);
	checks("expires: 2027-01-01T00:00:00Z\n", in_2026, 0, NULL);
	checks("expires: 2026-01-01T00:00:00Z\n", in_2026, -EKEYREJECTED, "expired");
	checks("revoked: 2026-12-01T00:00:00Z\nreason: laptop lost\n", in_2026, -EKEYREJECTED,
		"laptop lost");
	checks("revoked: 2026-12-01T00:00:00Z\n", in_2026, -EKEYREJECTED, "revoked");
	checks("roles: checkpoint\n", in_2026, -EKEYREJECTED, "may not sign a baseline");
}

static void test_ring_refuses(void **state)
{
	(void)state;
	KEYRING struct keyring r = {.n = 0};
	TRUST_KEY struct trust_key *k = fresh(), *k2 = fresh(), *k3 = fresh();
	struct signature s;

	add_text(&r, k, "reovked: 2026-12-01T00:00:00Z\n", -EBADMSG, "no line of a key file");
	add_text(&r, k, "name: ../x\n", -EBADMSG, "a name has");
	add_text(&r, k, "name: a\nname: b\n", -EBADMSG, "twice");
	add_text(&r, k, "roles: root\n", -EBADMSG, "no role");
	add_text(&r, k, "expires: soon\n", -EINVAL, "");
	add_text(&r, k, "reason: why\n", -EBADMSG, "revoked: TIME");
	assert_int_equal(r.n, 0);
	add_text(&r, k, "", 0, NULL);
	add_text(&r, k2, "", -EBADMSG, "another key of the name");
	add_text(&r, k, "revoked: 2026-12-01T00:00:00Z\n", -EBADMSG, "says otherwise");
	assert_int_equal(r.n, 1);
	assert_int_equal(sign_digest(k3, SIGN_BASELINE, digest, 1, (struct span){0}, &s), 0);
	assert_int_equal(keyring_check(&r, SIGN_BASELINE, digest, &s, NULL), KEYRING_UNKNOWN);
	assert_ptr_equal(keyring_named(&r, span_of("alice")), &r.keys[0]);
	assert_null(keyring_named(&r, span_of("bob")));
}

/* Which of two files of one key counts does not hang on which is read first. */
static void test_one_key_twice(void **state)
{
	(void)state;
	static const struct {
		const char *head[2];
		int code;
		const char *words, *counts; /* the member's name */
	} rows[] = {
		{{"name: a\n", "name: b\nrevoked: 2026-12-01T00:00:00Z\n"}, -EBADMSG,
			"says otherwise whether it is revoked", "b"},
		{{"name: a\nexpires: 2027-01-01T00:00:00Z\n",
			 "name: b\nexpires: 2026-01-01T00:00:00Z\n"},
			-EEXIST, "lasts longer", "a"},
		{{"name: a\nexpires: 2027-01-01T00:00:00Z\n", "name: b\n"}, -EEXIST, "lasts longer",
			"b"},
		{{"name: a\n", "name: a\n"}, 0, NULL, "a"},
	};

	for (size_t i = 0; i < 2 * COUNTOF(rows); i++) {
		KEYRING struct keyring r = {.n = 0};
		TRUST_KEY struct trust_key *k = fresh();

		add_text(&r, k, rows[i / 2].head[i % 2], 0, NULL);
		add_text(&r, k, rows[i / 2].head[1 - i % 2], rows[i / 2].code, rows[i / 2].words);
		assert_int_equal(r.n, 1);
		assert_string_equal(r.keys[0].name, rows[i / 2].counts);
	}
}

/* Those of several hosts in one directory. */
static void test_hosts(void **state)
{
	(void)state;
	KEYRING struct keyring r = {.n = 0};
	const char *const files[] = {"/keys/web1.pub", "/keys/web2.pub", "/keys/host.pub"};

	for (size_t i = 0; i < COUNTOF(files); i++) {
		TRUST_KEY struct trust_key *k = fresh();
		BUF struct buf text = {0};

		buf_add_text(&text, "name: host\n");
		assert_int_equal(trust_key_public_pem(k, &text), 0);
		assert_int_equal(keyring_add_bytes(&r, buf_span(&text), files[i]), 0);
	}
	assert_int_equal(r.n, 3);
	assert_string_equal(r.keys[0].name, "web1");
	assert_string_equal(r.keys[2].name, "host");
}

static void test_ring_of_files(void **state)
{
	(void)state;
	KEYRING struct keyring r = {.n = 0}, empty = {.n = 0};
	TRUST_KEY struct trust_key *k = fresh();
	BUF struct buf text = {0};
	struct public_key p = {.key = k,
		.name = "carol",
		.created = CLOCK_S,
		.revoked = 2 * CLOCK_S,
		.reason = "she left",
		.roles = 1u << SIGN_ACCEPT};

	assert_int_equal(mkdir(in_dir("keys"), 0755), 0);
	assert_int_equal(public_key_format(&p, &text), 0);
	write_text(in_dir("keys/carol.pub"), buf_text(&text), 0644);
	write_text(in_dir("keys/open.pub"), buf_text(&text), 0666);
	write_text(in_dir("keys/cut.pub"), "-----BEGIN PUBLIC KEY-----\nMCow", 0644);
	write_text(in_dir("keys/README"), "nothing", 0644);
	assert_int_equal(keyring_read(&r, in_dir("keys")), 0);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.keys[0].name, "carol");
	assert_string_equal(r.keys[0].reason, "she left");
	assert_int_equal(r.keys[0].revoked, 2 * CLOCK_S);
	assert_int_equal(r.keys[0].roles, 1u << SIGN_ACCEPT);
	assert_non_null(strstr(buf_text(&r.odd), "open.pub: others may write it"));
	assert_non_null(strstr(buf_text(&r.odd), "cut.pub: a key begins here"));
	assert_int_equal(keyring_read(&empty, in_dir("no such")), 0);
	assert_int_equal(empty.n, 0);
	assert_int_equal(chmod(in_dir("keys"), 0777), 0);
	fails(keyring_read(&empty, in_dir("keys")), -EPERM, "chmod go-w");
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char line[100];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf '%s'", dir);
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_and_read),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_ring_judges),
		cmocka_unit_test(test_ring_refuses),
		cmocka_unit_test(test_one_key_twice),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_ring_of_files),
	};

	return cmocka_run_group_tests_name("trust/key", tests, make_dir, remove_dir);
}
