#include "trust/sign.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/key_own.h"
#include <openssl/err.h>

enum { VERSION = 1, ED25519 = 1 };

#define X_WORDS(id, words) [SIGN_##id] = words,
static const char *const domains[SIGN_DOMAIN_N] = {SIGN_DOMAINS(X_WORDS)};

static void ctx_free(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static void to_be_signed(enum sign_domain domain, const uint8_t digest[SHA_LEN],
	const struct signature *s, struct buf *out)
{
	buf_add(out, domains[domain], strlen(domains[domain]) + 1);
	buf_add(out, digest, SHA_LEN);
	buf_add(out, s->key, SHA_LEN);
	buf_be64(out, (uint64_t)s->time);
	buf_be32(out, (uint32_t)s->comment.n);
	buf_add_span(out, s->comment);
}

bool sign_is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n <= SIGN_COMMENT_MAX && text_is_utf8(s);
}

static int openssl_says(const char *what)
{
	char text[160];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(-EIO, "%s: OpenSSL: %s", what, text);
}

int sign_digest(const struct trust_key *key, enum sign_domain domain, const uint8_t digest[SHA_LEN],
	int64_t time, struct span comment, struct signature *ret)
{
	CLEANUP(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	BUF struct buf text = {.p = NULL};
	size_t n = SIGNATURE_LEN;

	if (!key->is_private)
		return err_set(-EINVAL, "a public key signs nothing: name the private one");
	if (!sign_is_plain(comment))
		return err_set(-EINVAL, "a comment is one line of text, at most %d bytes",
			SIGN_COMMENT_MAX);
	*ret = (struct signature){.time = time, .comment = comment};
	memcpy(ret->key, key->id, SHA_LEN);
	to_be_signed(domain, digest, ret, &text);
	if (buf_err(&text))
		return text.err;
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1 ||
		EVP_DigestSign(ctx, ret->bytes, &n, text.p, text.n) != 1 || n != SIGNATURE_LEN)
		return openssl_says("signing");
	return 0;
}

int sign_check(const struct trust_key *key, enum sign_domain domain, const uint8_t digest[SHA_LEN],
	const struct signature *s)
{
	CLEANUP(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	BUF struct buf text = {.p = NULL};
	int ok;

	to_be_signed(domain, digest, s, &text);
	if (buf_err(&text) || !ctx)
		return err_set(-ENOMEM, "no memory for a signature");
	if (!sha_same(s->key, key->id))
		return err_set(-EKEYREJECTED, "the signature is another key's");
	ok = EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL);
	if (ok == 1)
		ok = EVP_DigestVerify(ctx, s->bytes, SIGNATURE_LEN, text.p, text.n);
	ERR_clear_error();
	return ok == 1 ? 0
		       : err_set(-EKEYREJECTED,
				 "the signature is not of this: it or what it signs was altered");
}

void signature_encode(const struct signature *s, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, ED25519);
	buf_add(out, s->key, SHA_LEN);
	buf_be64(out, (uint64_t)s->time);
	buf_be32(out, (uint32_t)s->comment.n);
	buf_add_span(out, s->comment);
	buf_add(out, s->bytes, SIGNATURE_LEN);
}

int signature_decode(struct rd *at, struct signature *ret)
{
	uint8_t version = rd_u8(at), algorithm = rd_u8(at);
	struct span key = rd_take(at, SHA_LEN), bytes;
	uint32_t n;

	if (!at->bad && (version != VERSION || algorithm != ED25519))
		return err_set(-EBADMSG,
			"a signature of version %u, algorithm %u: this program knows version 1, "
			"algorithm 1 (Ed25519)",
			version, algorithm);
	ret->time = (int64_t)rd_be64(at);
	n = rd_be32(at);
	ret->comment = rd_take(at, n);
	bytes = rd_take(at, SIGNATURE_LEN);
	if (at->bad || ret->time < 0 || !sign_is_plain(ret->comment))
		return err_set(-EBADMSG, "the signature is truncated or malformed");
	memcpy(ret->key, key.p, SHA_LEN);
	memcpy(ret->bytes, bytes.p, SIGNATURE_LEN);
	return 0;
}

int signature_decode_b64(struct span b64, struct buf *room, struct signature *ret)
{
	struct rd at;
	int r;

	buf_reset(room);
	if (b64.n > 2 * SIGN_BLOCK_MAX || text_unb64(b64, room) < 0 || buf_err(room))
		return err_set(-EBADMSG, "the signature is not base64 of one");
	at = rd_of(buf_span(room));
	r = signature_decode(&at, ret);
	if (r == 0 && !rd_end(&at))
		return err_set(-EBADMSG, "something follows the signature");
	return r;
}
