/* Any bytes are a key file, a signature or a proof, or are refused with a sentence. The first byte says what
 * they are taken for. */
#include "audit/entry.h"
#include "base/err.h"
#include "trust/cosign_policy.h"
#include "trust/keyring.h"
#include "wire/checkpoint.h"
#include "wire/jansson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_private(struct span s)
{
	TRUST_KEY struct trust_key *k = NULL;

	if (trust_key_of_pem(s, "f", NULL, &k) < 0)
		must(!k && err_why()[0]);
	else
		must(trust_key_is_private(k));
}

static void as_public(struct span s)
{
	KEYRING struct keyring r = {.n = 0}, again = {.n = 0};
	BUF struct buf text = {.p = NULL};

	if (keyring_add_bytes(&r, s, "f.pub") < 0) {
		must(!r.n && err_why()[0]);
		return;
	}
	must(public_key_format(&r.keys[0], &text) == 0);
	must(keyring_add_bytes(&again, buf_span(&text), "f.pub") == 0);
	must(again.keys[0].revoked == r.keys[0].revoked &&
		again.keys[0].expires == r.keys[0].expires &&
		again.keys[0].roles == r.keys[0].roles);
}

static void as_signature(struct span s)
{
	BUF struct buf room = {.p = NULL}, back = {.p = NULL};
	struct rd at = rd_of(s);
	struct signature sig;

	if (signature_decode(&at, &sig) == 0) {
		signature_encode(&sig, &back);
		must(span_starts(s, buf_span(&back)));
	}
	signature_decode_b64(s, &room, &sig);
}

/* The first line is a name, where there is more than one. */
static void as_demand(struct span s)
{
	const uint8_t *cut = s.n ? memchr(s.p, '\n', s.n) : NULL;
	size_t n = cut ? (size_t)(cut - s.p) : 0;
	struct span name = span_make(s.p, n), rest = span_make(s.p + n, s.n - n);
	COSIGN_DEMAND struct cosign_demand d = {.n = 0};
	BUF struct buf odd = {.p = NULL};

	if (cosign_demand_of(rest, name, &d, &odd) < 0) {
		must(err_why()[0]);
		return;
	}
	for (size_t i = 0; i < d.n; i++) {
		must(d.all[i].keys || d.all[i].why);
		cosign_identity_fits(&d.all[i], name, span_of("r.example/app:1"));
	}
	must(d.scope.n || !d.n);
	must(!cosign_same_repository(name, span_of("sha256:")));
}

static void as_policy(struct span s)
{
	struct cosign_keys *k;
	BUF struct buf odd = {.p = NULL};

	cosign_keys_new(&k);
	cosign_policy_keys(s, k, &odd);
	cosign_keys_add(k, "f", s);
	cosign_keys_free(k);
	as_demand(s);
}

static void as_payload(struct span s)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
				  "-----END PUBLIC KEY-----\n";
	const uint8_t *cut = s.n ? memchr(s.p, '\n', s.n) : NULL;
	size_t n = cut ? (size_t)(cut - s.p) : 0;
	struct cosign_keys *k;
	struct cosign_result r;

	cosign_keys_new(&k);
	cosign_keys_add(k, "f", span_of(pem));
	cosign_check(k, span_of("sha256:00"), span_make(s.p + n, s.n - n), span_make(s.p, n), &r);
	must(r.verdict != COSIGN_VERIFIED);
	cosign_keys_free(k);
}

static void as_checkpoint(struct span s)
{
	DECREF json_t *root = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES, NULL);
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	struct checkpoint c;
	uint8_t digest[SHA_LEN];

	if (checkpoint_read(root, &c) < 0)
		return;
	show_checkpoint(&j, &c);
	checkpoint_digest(&c, digest);
	DECREF json_t *again = json_loadb((const char *)text.p, text.n, 0, NULL);

	must(json_equal(root, again));
}

static void as_entry(struct span s)
{
	KEYRING struct keyring ring = {.n = 0};
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);

	must(entry_check(s, &ring, &j) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const as[])(struct span s) = {as_private, as_public, as_signature, as_policy,
		as_payload, as_checkpoint, as_entry};

	if (size)
		as[data[0] % COUNTOF(as)](span_make(data + 1, size - 1));
	return 0;
}
