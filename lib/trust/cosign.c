/* What the payload says counts only after a key has signed its bytes: until then it is not even parsed. */
#include "trust/cosign.h"
#include "base/err.h"
#include "base/text.h"
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

struct cosign_key {
	char name[128];
	EVP_PKEY *pkey;
	bool ed25519;
};
struct cosign_keys {
	struct cosign_key all[COSIGN_KEYS_MAX];
	size_t n;
};

static void ctx_free(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static void json_unref(json_t **j)
{
	json_decref(*j);
}

#define X_NAME(id, name, sentence) [COSIGN_##id] = name,
static const char *const names[COSIGN_VERDICT_N] = {COSIGN_VERDICTS(X_NAME)};
const char *cosign_verdict_name(enum cosign_verdict v)
{
	return names[v];
}

int cosign_keys_new(struct cosign_keys **ret)
{
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
	return 0;
}

void cosign_keys_free(struct cosign_keys *k)
{
	for (size_t i = 0; k && i < k->n; i++)
		EVP_PKEY_free(k->all[i].pkey);
	free(k);
}

size_t cosign_keys_count(const struct cosign_keys *k)
{
	return k->n;
}

void cosign_keys_join(struct cosign_keys *k, const struct cosign_keys *more)
{
	for (size_t i = 0; i < more->n && k->n < COSIGN_KEYS_MAX; i++) {
		must(EVP_PKEY_up_ref(more->all[i].pkey) == 1);
		k->all[k->n++] = more->all[i];
	}
}

static int nobody(char *out, int room, int writing, void *ctx)
{
	(void)out;
	(void)room;
	(void)writing;
	(void)ctx;
	return -1;
}

static EVP_PKEY *read_pem(struct span pem)
{
	BIO *in = pem.n && pem.n <= COSIGN_PAYLOAD_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey = in ? PEM_read_bio_PUBKEY(in, NULL, nobody, NULL) : NULL;

	BIO_free(in);
	ERR_clear_error();
	return pkey;
}

static bool is_p256(EVP_PKEY *pkey)
{
	char group[64] = "";
	size_t n;

	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

int cosign_keys_add(struct cosign_keys *k, const char *name, struct span pem)
{
	struct cosign_key *one = &k->all[k->n];
	EVP_PKEY *pkey;

	if (k->n == COSIGN_KEYS_MAX)
		return err_set(-E2BIG, "%s: more than %d keys for images", name, COSIGN_KEYS_MAX);
	pkey = read_pem(pem);
	if (!pkey)
		return err_set(
			-EBADMSG, "%s: no public key in PEM: `cosign public-key` writes one", name);
	if (!is_p256(pkey) && !EVP_PKEY_is_a(pkey, "ED25519")) {
		EVP_PKEY_free(pkey);
		return err_set(-EBADMSG, "%s: neither an ECDSA P-256 nor an Ed25519 key", name);
	}
	*one = (struct cosign_key){.pkey = pkey, .ed25519 = EVP_PKEY_is_a(pkey, "ED25519")};
	snprintf(one->name, sizeof(one->name), "%s", name);
	k->n++;
	return 0;
}

/* ---- one signature ---- */

static bool has_signed(const struct cosign_key *k, struct span payload, struct span sig)
{
	CLEANUP(ctx_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	must(ctx);
	ok = EVP_DigestVerifyInit_ex(
		     ctx, NULL, k->ed25519 ? NULL : "SHA256", NULL, NULL, k->pkey, NULL) == 1 &&
	     EVP_DigestVerify(ctx, sig.p, sig.n, payload.p, payload.n) == 1;
	ERR_clear_error();
	return ok;
}

static void says(struct cosign_result *r, enum cosign_verdict v, const char *why)
{
	r->verdict = v;
	snprintf(r->why, sizeof(r->why), "%s", why);
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The signed words: is it an image's signature, and of this image? */
static void judge_payload(struct span digest, struct span payload, struct cosign_result *ret)
{
	CLEANUP(json_unref)
	json_t *root = json_loadb((const char *)payload.p, payload.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *critical = json_object_get(root, "critical");
	const char *type = text_at(critical, "type");
	const char *of = text_at(json_object_get(critical, "image"), "docker-manifest-digest");
	const char *name = text_at(json_object_get(critical, "identity"), "docker-reference");

	if (strcmp(type, "cosign container image signature") != 0 &&
		strcmp(type, "atomic container signature") != 0 &&
		strcmp(type, "https://sigstore.dev/cosign/sign/v1") != 0)
		return says(ret, COSIGN_MISMATCH, "what was signed is no signature of an image");
	if (!span_is(digest, of))
		return says(ret, COSIGN_MISMATCH, "a trusted key signed another image's digest");
	ret->verdict = COSIGN_VERIFIED;
	snprintf(ret->reference, sizeof(ret->reference), "%s", name);
}

void cosign_check(const struct cosign_keys *k, struct span digest, struct span payload,
	struct span signature_b64, struct cosign_result *ret)
{
	BUF struct buf sig = {.p = NULL};

	*ret = (struct cosign_result){.verdict = COSIGN_NONE};
	if (!k->n)
		return says(ret, COSIGN_NO_KEY,
			"no public key for it is known: trust.cosign_dir and trust.policy in boltseal.yaml say where they are");
	signature_b64 = span_trim(signature_b64, " \t\r\n");
	if (!payload.n || payload.n > COSIGN_PAYLOAD_MAX)
		return says(ret, COSIGN_MISMATCH, "the payload is empty or too large");
	if (!signature_b64.n || signature_b64.n > COSIGN_SIGNATURE_MAX ||
		text_unb64(signature_b64, &sig) < 0)
		return says(ret, COSIGN_MISMATCH, "the signature is not base64");
	for (size_t i = 0; i < k->n; i++)
		if (has_signed(&k->all[i], payload, buf_span(&sig))) {
			snprintf(ret->key, sizeof(ret->key), "%s", k->all[i].name);
			return judge_payload(digest, payload, ret);
		}
	says(ret, COSIGN_MISMATCH, "no trusted key made this signature of this payload");
}
