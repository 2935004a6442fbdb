#include "trust/accept.h"
#include "base/err.h"

static int by_bytes(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* Whoever carries them may put them in another order. */
static void sort_paths(struct span list, struct buf *out)
{
	FREE struct span *all = calloc(list.n + 1, sizeof(*all));
	struct rd at = rd_of(list);
	size_t n = 0;

	must(all);
	while (!rd_end(&at))
		all[n++] = rd_bytes(&at);
	qsort(all, n, sizeof(*all), by_bytes);
	for (size_t i = 0; i < n; i++)
		buf_bytes(out, all[i]);
}

void accept_digest(const struct accept_words *w, uint8_t ret[SHA_LEN])
{
	BUF struct buf text = {.p = NULL}, paths = {.p = NULL};

	sort_paths(w->paths, &paths);
	buf_bytes(&text, w->target);
	buf_add(&text, w->drift_id, SHA_LEN);
	buf_zigzag(&text, w->expires);
	buf_bytes(&text, w->reason);
	buf_bytes(&text, buf_span(&paths));
	must(!buf_err(&text));
	sha_once(buf_span(&text), ret);
}

struct signers {
	const struct public_key *who[ACCEPT_SIGNATURES_MAX];
	unsigned n;
};

static int add_one(
	const struct keyring *ring, const uint8_t *digest, struct span b64, struct signers *to)
{
	BUF struct buf room = {.p = NULL};
	const struct public_key *who = NULL;
	struct signature s;
	int r = signature_decode_b64(b64, &room, &s);

	if (r == 0)
		r = keyring_check(ring, SIGN_ACCEPT, digest, &s, &who);
	if (r == KEYRING_UNKNOWN)
		return err_set(-EKEYREJECTED,
			"a signature is by a key that this host does not trust: put its .pub into "
			"trust.keys_dir");
	if (r < 0)
		return r;
	for (unsigned i = 0; i < to->n; i++)
		if (to->who[i] == who)
			return 0;
	if (to->n == ACCEPT_SIGNATURES_MAX)
		return err_set(-EKEYREJECTED, "more than %d signatures", ACCEPT_SIGNATURES_MAX);
	to->who[to->n++] = who;
	return 0;
}

int accept_signers(const struct keyring *ring, const struct accept_words *w, struct span blocks,
	struct buf *names, unsigned *ret)
{
	struct signers all = {.n = 0};
	uint8_t digest[SHA_LEN];
	int r = 0;

	accept_digest(w, digest);
	for (blocks = span_trim(blocks, " "); r == 0 && blocks.n; blocks = span_trim(blocks, " ")) {
		const uint8_t *end = memchr(blocks.p, ' ', blocks.n);
		size_t n = end ? (size_t)(end - blocks.p) : blocks.n;

		r = add_one(ring, digest, span_make(blocks.p, n), &all);
		blocks = span_make(blocks.p + n, blocks.n - n);
	}
	for (unsigned i = 0; r == 0 && i < all.n; i++)
		buf_printf(names, "%s%s", i ? ", " : "", all.who[i]->name);
	*ret = all.n;
	return r;
}
