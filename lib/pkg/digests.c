#include "pkg/digests.h"
#include "base/arena.h"

struct digest_row {
	uint64_t key;
	uint32_t package;
	uint8_t kind;
	bool config, met;
	uint8_t digest[PACKAGE_DIGEST_MAX];
};
struct package_row {
	struct span manager, name, version, arch;
};
struct digests {
	struct arena mem;
	struct digest_row *row;
	size_t n, cap;
	struct package_row *package;
	size_t n_packages, cap_packages;
};

void digests_new(struct digests **ret)
{
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
}

void digests_free(struct digests *d)
{
	if (!d)
		return;
	arena_free(&d->mem);
	free(d->row);
	free(d->package);
	free(d);
}

void digests_package(struct digests *d, struct span manager, struct span name, struct span version,
	struct span arch)
{
	if (d->n_packages == d->cap_packages) {
		d->cap_packages = d->cap_packages ? 2 * d->cap_packages : 256;
		d->package = reallocarray(d->package, d->cap_packages, sizeof(*d->package));
		must(d->package);
	}
	d->package[d->n_packages++] = (struct package_row){arena_dup(&d->mem, manager),
		arena_dup(&d->mem, name), arena_dup(&d->mem, version), arena_dup(&d->mem, arch)};
}

/* FNV-1a, its bits mixed once more: an accident among a million paths is one in 37 million. */
static uint64_t key_of(struct span path)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ path.p[i]) * 1099511628211u;
	h ^= h >> 32;
	return h * 0x9e3779b97f4a7c15u;
}

void digests_add(struct digests *d, struct span path, enum package_digest kind,
	const uint8_t *digest, bool config)
{
	struct digest_row *r;

	must(d->n_packages);
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 4096;
		d->row = reallocarray(d->row, d->cap, sizeof(*d->row));
		must(d->row);
	}
	r = &d->row[d->n++];
	*r = (struct digest_row){.key = key_of(path),
		.package = (uint32_t)(d->n_packages - 1),
		.kind = (uint8_t)kind,
		.config = config};
	memcpy(r->digest, digest, package_digest_len(kind));
}

static int by_key(const void *a, const void *b)
{
	const struct digest_row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->package < y->package ? -1 : x->package > y->package;
}

void digests_seal(struct digests *d)
{
	if (d->n)
		qsort(d->row, d->n, sizeof(*d->row), by_key);
}

static bool lookup(const struct digests *d, struct span path, struct digests_hit *ret)
{
	uint64_t key = key_of(path);
	size_t lo = 0, hi = d->n;

	*ret = (struct digests_hit){NULL, 0};
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->row[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	ret->first = lo < d->n ? &d->row[lo] : NULL;
	while (lo + ret->n < d->n && d->row[lo + ret->n].key == key)
		ret->n++;
	return ret->n > 0;
}

bool digests_find(struct digests *d, struct span path, struct digests_hit *ret)
{
	if (!lookup(d, path, ret))
		return false;
	for (size_t i = 0; i < ret->n; i++)
		ret->first[i].met = true;
	return true;
}

bool digests_met(struct digests *d, struct span path)
{
	struct digests_hit h;

	return lookup(d, path, &h) && h.first->met;
}

bool digests_wants(const struct digests_hit *h, enum package_digest kind)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->first[i].kind == kind)
			return true;
	return false;
}

static bool row_agrees(const struct digest_row *r, const uint8_t *const digest[PACKAGE_DIGESTS])
{
	const uint8_t *found = digest[r->kind];

	return found &&
	       memcmp(found, r->digest, package_digest_len((enum package_digest)r->kind)) == 0;
}

bool digests_agrees(const struct digests_hit *h, const uint8_t *const digest[PACKAGE_DIGESTS])
{
	for (size_t i = 0; i < h->n; i++)
		if (row_agrees(&h->first[i], digest))
			return true;
	return false;
}

void digests_note(const struct digests *d, const struct digests_hit *h,
	const uint8_t *const digest[PACKAGE_DIGESTS], struct package_note *ret)
{
	const struct digest_row *r = &h->first[h->n - 1];
	const struct package_row *p;
	size_t len;

	for (size_t i = 0; i < h->n && !digest[r->kind]; i++)
		r = &h->first[i];
	p = &d->package[r->package];
	len = package_digest_len((enum package_digest)r->kind);
	*ret = (struct package_note){p->manager, p->name, p->version, p->arch, false,
		(enum package_digest)r->kind, span_make(r->digest, len),
		span_make(digest[r->kind], len), PACKAGE_MISMATCH};
	for (size_t i = 0; i < h->n; i++)
		ret->config |= h->first[i].config;
}

size_t digests_files(const struct digests *d)
{
	return d->n;
}

size_t digests_packages(const struct digests *d)
{
	return d->n_packages;
}
