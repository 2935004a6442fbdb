#include "trust/merkle.h"
#include "base/err.h"

static void hash_leaf(const uint8_t leaf[SHA_LEN], uint8_t ret[SHA_LEN])
{
	uint8_t text[1 + SHA_LEN] = {0};

	memcpy(text + 1, leaf, SHA_LEN);
	sha_once(span_make(text, sizeof(text)), ret);
}

static void hash_node(const uint8_t *left, const uint8_t *right, uint8_t ret[SHA_LEN])
{
	uint8_t text[1 + 2 * SHA_LEN] = {1};

	memcpy(text + 1, left, SHA_LEN);
	memcpy(text + 1 + SHA_LEN, right, SHA_LEN);
	sha_once(span_make(text, sizeof(text)), ret);
}

/* As counting in binary: two whole trees of one size become one. */
void merkle_add(struct merkle *m, const uint8_t leaf[SHA_LEN])
{
	uint64_t n = m->n++;

	hash_leaf(leaf, m->stack[m->depth++]);
	for (; n & 1; n >>= 1) {
		m->depth--;
		hash_node(m->stack[m->depth - 1], m->stack[m->depth], m->stack[m->depth - 1]);
	}
}

void merkle_root(const struct merkle *m, uint8_t ret[SHA_LEN])
{
	if (!m->depth) {
		sha_once((struct span){0}, ret);
		return;
	}
	memcpy(ret, m->stack[m->depth - 1], SHA_LEN);
	for (unsigned i = m->depth - 1; i > 0; i--)
		hash_node(m->stack[i - 1], ret, ret);
}

/* Largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static void root_of(const uint8_t *leaves, uint64_t n, uint8_t ret[SHA_LEN])
{
	struct merkle m = {.n = 0};

	for (uint64_t i = 0; i < n; i++)
		merkle_add(&m, leaves + i * SHA_LEN);
	merkle_root(&m, ret);
}

int merkle_path(const uint8_t *leaves, uint64_t n, uint64_t at, struct buf *out)
{
	uint8_t found[MERKLE_PATH_MAX][SHA_LEN];
	unsigned depth = 0;

	if (at >= n)
		return err_set(-EINVAL, "leaf %llu of %llu", (unsigned long long)at,
			(unsigned long long)n);
	while (n > 1) {
		uint64_t k = split(n);

		if (at < k) {
			root_of(leaves + k * SHA_LEN, n - k, found[depth++]);
			n = k;
		} else {
			root_of(leaves, k, found[depth++]);
			leaves += k * SHA_LEN;
			at -= k;
			n -= k;
		}
	}
	while (depth-- > 0)
		buf_add(out, found[depth], SHA_LEN);
	return buf_err(out);
}

bool merkle_leads(const uint8_t leaf[SHA_LEN], uint64_t at, uint64_t n, struct span path,
	const uint8_t root[SHA_LEN])
{
	uint8_t now[SHA_LEN];
	uint64_t last = n - 1;

	if (at >= n || path.n % SHA_LEN || path.n / SHA_LEN > MERKLE_PATH_MAX)
		return false;
	hash_leaf(leaf, now);
	for (; last; at >>= 1, last >>= 1) {
		if (!(at & 1) && at == last)
			continue; /* the right edge: no neighbour at this height */
		if (!path.n)
			return false;
		if (at & 1)
			hash_node(path.p, now, now);
		else
			hash_node(now, path.p, now);
		path = span_make(path.p + SHA_LEN, path.n - SHA_LEN);
	}
	return !path.n && sha_same(now, root);
}
