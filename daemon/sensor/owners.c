#include "daemon/sensor/owners.h"

enum { TEXT_MOST = 255, LICENCE_MOST = 1024, PATH_MOST = 4096 };

void owners_free(struct owners *o)
{
	arena_free(&o->mem);
	free(o->row);
	free(o->package);
	*o = (struct owners){.cut = false};
}

static struct span keep(struct owners *o, struct span s, size_t most)
{
	return arena_dup(&o->mem, span_make(s.p, s.n < most ? s.n : most));
}

static void hear_package(void *ctx, const struct packages_one *p)
{
	struct owners *o = ctx;

	if (o->n_packages == OWNERS_PACKAGES) {
		o->cut = true;
		return;
	}
	if (o->n_packages == o->cap_packages) {
		o->cap_packages = o->cap_packages ? 2 * o->cap_packages : 256;
		o->package = reallocarray(o->package, o->cap_packages, sizeof(*o->package));
		must(o->package);
	}
	o->package[o->n_packages++] = (struct pkg){keep(o, p->manager, TEXT_MOST),
		keep(o, p->name, TEXT_MOST), keep(o, p->version, TEXT_MOST),
		keep(o, p->arch, TEXT_MOST), keep(o, p->source, TEXT_MOST),
		keep(o, p->licence, LICENCE_MOST), keep(o, p->vendor, TEXT_MOST)};
}

static void hear_file(
	void *ctx, struct span path, enum package_digest kind, const uint8_t *digest, bool config)
{
	struct owners *o = ctx;
	struct owner_row *r;

	if (path.n > PATH_MOST || memchr(path.p, 0, path.n) || !o->n_packages)
		return;
	if (o->n == OWNERS_FILES) {
		o->cut = true;
		return;
	}
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 4096;
		o->row = reallocarray(o->row, o->cap, sizeof(*o->row));
		must(o->row);
	}
	r = &o->row[o->n++];
	*r = (struct owner_row){.path = arena_dup(&o->mem, path),
		.package = (uint32_t)(o->n_packages - 1),
		.kind = kind,
		.config = config};
	if (digest)
		r->digest = arena_dup(&o->mem, span_make(digest, package_digest_len(kind))).p;
}

static void hear_lost(void *ctx)
{
	struct owners *o = ctx;

	o->lost = true;
}

const struct packages_hear owners_hear = {hear_package, hear_file, NULL, NULL, hear_lost};

static int by_path(const void *a, const void *b)
{
	const struct owner_row *x = a, *y = b;
	int c = span_cmp(x->path, y->path);

	return c ? c : x->package < y->package ? -1 : x->package > y->package;
}

void owners_seal(struct owners *o)
{
	if (o->n)
		qsort(o->row, o->n, sizeof(*o->row), by_path);
}

struct owner_row *owners_find(const struct owners *o, struct span path, size_t *ret_n)
{
	size_t lo = 0, hi = o->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (span_cmp(o->row[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (*ret_n = 0; lo + *ret_n < o->n && span_eq(o->row[lo + *ret_n].path, path);)
		++*ret_n;
	return *ret_n ? &o->row[lo] : NULL;
}

struct owner_digests owner_digests(const struct sha *sha, const uint8_t *rec_sha)
{
	return (struct owner_digests){{[PACKAGE_MD5] = sha_md5(sha),
		[PACKAGE_SHA1] = sha_sha1(sha),
		[PACKAGE_SHA256] = rec_sha,
		[PACKAGE_SHA256_160] = rec_sha}};
}

void owner_wants(struct sha *sha, const struct owner_row *row, size_t n)
{
	bool md5 = false, sha1 = false;

	for (size_t i = 0; i < n; i++) {
		md5 |= row[i].digest && row[i].kind == PACKAGE_MD5;
		sha1 |= row[i].digest && row[i].kind == PACKAGE_SHA1;
	}
	sha_also_md5(sha, md5);
	sha_also_sha1(sha, sha1);
}

void owner_wants_none(struct sha *sha)
{
	sha_also_md5(sha, false);
	sha_also_sha1(sha, false);
}

bool owner_agrees(const struct owner_row *row, const struct owner_digests *d)
{
	return row->digest && d->of[row->kind] &&
	       memcmp(row->digest, d->of[row->kind], package_digest_len(row->kind)) == 0;
}
