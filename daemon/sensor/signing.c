/* Bytes of trust/ into the words of a verdict. */
#include "daemon/sensor/signing.h"
#include "trust/cosign_judge.h"

void signing_of(const struct config *cfg, struct span image_name, struct signing *ret)
{
	*ret = (struct signing){
		.policy_must_be = strcmp(cfg->cosign_policy, CONFIG_CONTAINERS_POLICY) != 0};
	buf_add_text(&ret->dir, cfg->cosign_dir);
	buf_add_text(&ret->policy, cfg->cosign_policy);
	buf_add_span(&ret->name, image_name);
}

void signing_free(struct signing *s)
{
	buf_free(&s->dir);
	buf_free(&s->policy);
	buf_free(&s->name);
}

static const enum signed_state state_of[COSIGN_VERDICT_N] = {[COSIGN_NONE] = SIGNED_NONE,
	[COSIGN_NO_KEY] = SIGNED_NO_KEY,
	[COSIGN_VERIFIED] = SIGNED_VERIFIED,
	[COSIGN_MISMATCH] = SIGNED_MISMATCH};

/* Keys of the directory go by their file's name; those of policy.json may lie anywhere. */
static struct span key_name(struct span key, struct span dir)
{
	return path_within(key, dir) && key.n > dir.n + 1
		       ? span_make(key.p + dir.n + 1, key.n - dir.n - 1)
		       : key;
}

/* Five texts, one behind the other: what is added may move what was there. */
static void keep(struct buf *mem, const struct span *from, struct span *const *to, size_t n)
{
	size_t at = mem->n;

	for (size_t i = 0; i < n; i++)
		buf_add_span(mem, from[i]);
	for (size_t i = 0; mem->p && i < n; i++) {
		*to[i] = span_make(mem->p + at, from[i].n);
		at += from[i].n;
	}
}

void signing_judge(const struct signing *s, const struct provenance_image *image, struct buf *mem,
	struct verdict_signed *ret)
{
	struct cosign_where where = {.dir = s->dir.p ? buf_text(&s->dir) : NULL,
		.policy = buf_text(&s->policy),
		.policy_must_be = s->policy_must_be};
	struct cosign_image of = {.name = buf_span(&s->name),
		.big_data = image->big_data.n ? buf_text(&image->big_data) : NULL};
	struct rd at = rd_of(buf_span(&image->manifests));
	BUF struct buf why = {.p = NULL};
	struct cosign_said said;

	while (!rd_end(&at) && of.n < COSIGN_DIGESTS_MAX)
		of.digest[of.n++] = rd_bytes(&at);
	cosign_judge(&where, &of, &said);
	*ret = (struct verdict_signed){
		.state = of.n ? state_of[said.result.verdict] : SIGNED_UNKNOWN,
		.demanded = said.demanded};
	buf_add_text(&why, said.result.why);
	if (of.n && image->by_word && said.result.verdict != COSIGN_NONE)
		buf_printf(&why, "%sthat the digest is this image's is its engine's word",
			why.n ? "; " : "");
	keep(mem,
		(struct span[]){of.n ? said.digest : (struct span){0},
			key_name(span_of(said.result.key), buf_span(&s->dir)),
			span_of(said.result.reference), of.n ? buf_span(&why) : (struct span){0},
			span_of(said.unmet)},
		(struct span *const[]){
			&ret->manifest, &ret->key, &ret->reference, &ret->why, &ret->unmet},
		5);
}

bool signing_look(const struct config *cfg, size_t *ret_keys, struct buf *odd)
{
	struct cosign_where where = {.dir = cfg->cosign_dir,
		.policy = cfg->cosign_policy,
		.policy_must_be = strcmp(cfg->cosign_policy, CONFIG_CONTAINERS_POLICY) != 0};

	*ret_keys = cosign_look(&where, odd);
	return *ret_keys || odd->n;
}
