/* RFC 6962's tree, held against one that is written down as the RFC says it. */
#include "../base/unit.h"
#include "trust/merkle.h"

enum { LEAVES = 130 };
static uint8_t leaves[LEAVES][SHA_LEN];

static void fill(void)
{
	for (int i = 0; i < LEAVES; i++)
		sha_once(span_make(&i, sizeof(i)), leaves[i]);
}

/* MTH(D[n]) */
static void slow_root(size_t from, size_t n, uint8_t ret[SHA_LEN])
{
	uint8_t text[1 + 2 * SHA_LEN] = {n != 1};
	size_t k = 1;

	if (n == 1) {
		memcpy(text + 1, leaves[from], SHA_LEN);
		sha_once(span_make(text, 1 + SHA_LEN), ret);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	slow_root(from, k, text + 1);
	slow_root(from + k, n - k, text + 1 + SHA_LEN);
	sha_once(span_make(text, sizeof(text)), ret);
}

static void test_empty(void **state)
{
	(void)state;
	struct merkle m = {.n = 0};
	uint8_t got[SHA_LEN], want[SHA_LEN];

	merkle_root(&m, got);
	sha_once((struct span){0}, want);
	assert_memory_equal(got, want, SHA_LEN);
}

static void one_size(size_t n)
{
	struct merkle m = {.n = 0};
	uint8_t root[SHA_LEN], slow[SHA_LEN];

	for (size_t i = 0; i < n; i++)
		merkle_add(&m, leaves[i]);
	merkle_root(&m, root);
	slow_root(0, n, slow);
	assert_memory_equal(root, slow, SHA_LEN);
	for (size_t i = 0; i < n; i++) {
		BUF struct buf path = {0};

		assert_int_equal(merkle_path(leaves[0], n, i, &path), 0);
		assert_true(merkle_leads(leaves[i], i, n, buf_span(&path), root));
		assert_false(merkle_leads(leaves[i], i + 1, n, buf_span(&path), root));
		assert_false(merkle_leads(leaves[(i + 1) % LEAVES], i, n, buf_span(&path), root));
		assert_false(
			merkle_leads(leaves[i], i, n, span_make(path.p, path.n - !!path.n), root) &&
			path.n);
		for (size_t b = 0; b < path.n; b += 7) {
			path.p[b] ^= 4;
			assert_false(merkle_leads(leaves[i], i, n, buf_span(&path), root));
			path.p[b] ^= 4;
		}
	}
}

static void test_every_size(void **state)
{
	(void)state;
	BUF struct buf path = {0};

	fill();
	for (size_t n = 1; n <= LEAVES; n++)
		one_size(n);
	assert_int_equal(merkle_path(leaves[0], 4, 4, &path), -EINVAL);
	assert_false(merkle_leads(leaves[0], 0, 0, (struct span){0}, leaves[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_every_size),
	};

	return cmocka_run_group_tests_name("trust/merkle", tests, NULL, NULL);
}
