#include "daemon/gateway/golden.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/log.h"
#include <stdio.h>

struct gold_view *gold_view_new(const struct config *config)
{
	struct gold_view *v = calloc(1, sizeof(*v));

	must(v);
	v->config = config;
	return v;
}

void gold_view_free(struct gold_view *v)
{
	if (!v)
		return;
	if (v->has_keys)
		keyring_fini(&v->keys);
	free(v);
}

static const struct keyring *keys(struct gold_view *v)
{
	if (!v->has_keys && keyring_read(&v->keys, v->config->keys_dir) < 0)
		log_warn("%s: no key of it counts", err_why());
	v->has_keys = true;
	return &v->keys;
}

/* Keys are revoked, expire and come: what counts is what they are now. */
void gold_view_judge(struct gold_view *v)
{
	for (size_t i = 0; i < v->gold.n_signatures; i++) {
		struct gold_signature *s = &v->gold.signature[i];
		struct rd in = rd_of(s->block);
		const struct public_key *key = NULL;
		struct signature sig;
		int r = signature_decode(&in, &sig);

		if (r == 0)
			r = keyring_check(keys(v), SIGN_BASELINE, v->gold.file, &sig, &key);
		s->state = r == 0 ? GOLD_GOOD : r == KEYRING_UNKNOWN ? GOLD_UNKNOWN : GOLD_REFUSED;
		if (key)
			s->name = span_of(key->name);
	}
}

int gold_view_find(struct gold_view *v, struct txn *t, struct span digest)
{
	static const char sha256[] = "sha256:";
	uint8_t sha[SHA_LEN];
	int r;

	if (span_starts(digest, span_of(sha256)))
		digest = span_make(digest.p + strlen(sha256), digest.n - strlen(sha256));
	if (text_unhex(digest, sha, SHA_LEN) < 0)
		return STORE_ABSENT;
	r = gold_find(t, sha, &v->gold);
	if (r == 0)
		gold_view_judge(v);
	return r;
}

static void list_signers(struct gold_view *v)
{
	for (size_t i = 0; i < v->gold.n_signatures; i++) {
		const struct gold_signature *s = &v->gold.signature[i];
		BUF struct buf hex = {.p = NULL};

		if (s->state != GOLD_GOOD)
			continue;
		text_hex(&hex, span_make(s->key, 8));
		snprintf(v->ids[i], sizeof(v->ids[i]), "%s", buf_text(&hex));
		v->signers[v->judged.n_signers++] = s->name.n ? s->name : span_of(v->ids[i]);
	}
}

int gold_view_target(struct gold_view *v, struct txn *t, const struct target *tg)
{
	int r = tg->image_digest.n ? gold_view_find(v, t, tg->image_digest) : STORE_ABSENT;

	v->judged = (struct show_judged){.signers = v->signers};
	if (r == 0) {
		v->judged.root = v->gold.root;
		list_signers(v);
	}
	v->judged.lacks = v->config->require_signed && tg->kind == TARGET_CONTAINER &&
			  tg->state != STATE_REMOVED && v->judged.n_signers == 0;
	return r < 0 ? r : 0;
}

void gold_view_show(const struct gold_view *v, struct json *j)
{
	const struct gold *g = &v->gold;
	struct show_golden_layer layers[GOLD_LAYERS_MAX];
	struct show_golden_signature signatures[GOLD_SIGNATURES_MAX];
	struct show_golden show = {.image = g->image,
		.manifest = g->has_manifest ? g->manifest : NULL,
		.root = g->root,
		.file = g->file,
		.name = g->name,
		.host = g->host,
		.created = g->created,
		.imported = g->imported,
		.uid = g->uid,
		.accepts = g->accepts,
		.is_signed = gold_is_signed(g),
		.layers = layers,
		.n_layers = g->n_layers,
		.signatures = signatures,
		.n_signatures = g->n_signatures};

	for (size_t i = 0; i < g->n_layers; i++)
		layers[i] = (struct show_golden_layer){g->layer[i].diff_id, g->layer[i].canon};
	for (size_t i = 0; i < g->n_signatures; i++)
		signatures[i] =
			(struct show_golden_signature){g->signature[i].key, g->signature[i].name,
				gold_state_name(g->signature[i].state), g->signature[i].time};
	show_golden(j, &show);
}
