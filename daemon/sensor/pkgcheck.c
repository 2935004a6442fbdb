#include "daemon/sensor/pkgcheck.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/packages.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ODDS_MOST = 10000, NAMED_MOST = 10 };

struct pkgcheck {
	const struct kept *tree;
	const atomic_bool *stop;
	int root_fd;	    /* of the system that the databases speak of */
	struct span prefix; /* in front of the tree's paths, there */
	struct digests *digests;
	struct buf sign;    /* of the databases as they were read */
	struct buf trouble; /* what could not be read */
	struct buf odds, path;
	size_t n_odds, n_lost;
	uint64_t equal, altered, config;
	/* The second reading. */
	uint64_t missing;
	struct buf named;
};

/* ---- reading ---- */

static void hear_package(void *ctx, const struct packages_one *p)
{
	digests_package(ctx, p->manager, p->name, p->version, p->arch);
}

static void hear_file(
	void *ctx, struct span path, enum package_digest kind, const uint8_t *digest, bool config)
{
	if (digest)
		digests_add(ctx, path, kind, digest, config);
}

static unsigned read_all(struct pkgcheck *p, struct digests **ret, struct buf *trouble)
{
	struct packages_hear hear = {hear_package, hear_file, NULL, p->stop, NULL};
	unsigned n;

	digests_new(ret);
	hear.ctx = *ret;
	n = packages_read(p->root_fd, &hear, trouble);
	digests_seal(*ret);
	return n;
}

struct pkgcheck *pkgcheck_new(
	const struct kept *tree, const struct lower *l, const atomic_bool *stop)
{
	struct pkgcheck *p = calloc(1, sizeof(*p));
	bool own = packages_are_in(l->root_fd);

	must(p);
	p->tree = tree;
	p->stop = stop;
	p->prefix = own || strlen(l->path) == 1 ? span_of("") : span_of(l->path);
	p->root_fd = own ? fcntl(l->root_fd, F_DUPFD_CLOEXEC, 3)
			 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	packages_sign(p->root_fd, &p->sign);
	if (p->root_fd >= 0 && (read_all(p, &p->digests, &p->trouble) || p->trouble.n))
		return p;
	pkgcheck_free(p);
	return NULL;
}

void pkgcheck_free(struct pkgcheck *p)
{
	if (!p)
		return;
	fd_close(&p->root_fd);
	digests_free(p->digests);
	buf_free(&p->sign);
	buf_free(&p->trouble);
	buf_free(&p->odds);
	buf_free(&p->path);
	buf_free(&p->named);
	free(p);
}

/* ---- a file ---- */

static struct span path_there(struct pkgcheck *p, struct span path)
{
	buf_reset(&p->path);
	buf_add_span(&p->path, p->prefix);
	buf_add_span(&p->path, path);
	return buf_span(&p->path);
}

bool pkgcheck_begin(struct pkgcheck *p, struct span path, struct sha *sha, struct digests_hit *ret)
{
	if (!p || !digests_find(p->digests, path_there(p, path), ret))
		return false;
	return sha_also_md5(sha, digests_wants(ret, PACKAGE_MD5)) == 0 &&
	       sha_also_sha1(sha, digests_wants(ret, PACKAGE_SHA1)) == 0;
}

static void keep_odd(struct pkgcheck *p, const struct pkgcheck_odd *o)
{
	if (p->n_odds == ODDS_MOST) {
		p->n_lost++;
		return;
	}
	p->n_odds++;
	buf_be32(&p->odds, o->dir);
	buf_bytes(&p->odds, o->name);
	buf_bytes(&p->odds, o->path);
	buf_bytes(&p->odds, o->rec);
	buf_bytes(&p->odds, o->note);
}

bool pkgcheck_odd(struct rd *at, struct pkgcheck_odd *ret)
{
	if (rd_end(at) || at->bad)
		return false;
	ret->dir = rd_be32(at);
	ret->name = rd_bytes(at);
	ret->path = rd_bytes(at);
	ret->rec = rd_bytes(at);
	ret->note = rd_bytes(at);
	return !at->bad;
}

void pkgcheck_end(struct pkgcheck *p, const struct digests_hit *h, struct span path, uint32_t dir,
	struct span name, const struct record *rec, struct sha *sha)
{
	const uint8_t *const digest[PACKAGE_DIGESTS] = {[PACKAGE_MD5] = sha_md5(sha),
		[PACKAGE_SHA256] = rec->sha,
		[PACKAGE_SHA1] = sha_sha1(sha),
		[PACKAGE_SHA256_160] = rec->sha};
	BUF struct buf encoded = {0}, note = {0};
	struct package_note n;

	if (digests_agrees(h, digest)) {
		p->equal++;
		return;
	}
	digests_note(p->digests, h, digest, &n);
	package_encode(&n, &note);
	if (record_encode(rec, &encoded) == 0)
		keep_odd(p, &(struct pkgcheck_odd){
				    dir, name, path, buf_span(&encoded), buf_span(&note)});
}

/* ---- the end ---- */

/* An upgrade may have come in the middle: what differs is held against the databases as they are now. */
static void look_again(struct pkgcheck *p)
{
	DIGESTS struct digests *fresh = NULL;
	BUF struct buf old = {0}, sign = {0}, trouble = {0};
	struct pkgcheck_odd o;
	struct rd at;

	packages_sign(p->root_fd, &sign);
	if (!p->n_odds || span_eq(buf_span(&sign), buf_span(&p->sign)))
		return;
	read_all(p, &fresh, &trouble);
	buf_add_span(&old, buf_span(&p->odds));
	buf_reset(&p->odds);
	p->n_odds = 0;
	at = rd_of(buf_span(&old));
	while (pkgcheck_odd(&at, &o)) {
		const uint8_t *digest[PACKAGE_DIGESTS] = {NULL};
		struct package_note n;
		struct digests_hit h;

		if (package_decode(o.note, &n) < 0)
			continue;
		digest[n.digest] = n.found.p;
		if (digests_find(fresh, path_there(p, o.path), &h) && !digests_agrees(&h, digest))
			keep_odd(p, &o);
	}
}

static void count_odds(struct pkgcheck *p)
{
	struct rd at = rd_of(buf_span(&p->odds));
	struct pkgcheck_odd o;
	struct package_note n;

	while (pkgcheck_odd(&at, &o)) {
		if (package_decode(o.note, &n) < 0)
			continue;
		if (n.config)
			p->config++;
		else
			p->altered++;
	}
	p->altered += p->n_lost;
}

static void no_package(void *ctx, const struct packages_one *p)
{
	(void)ctx, (void)p;
}

/* Of the tree, in the database, not met, and really not there: met under another name it may be. */
static void miss_file(
	void *ctx, struct span path, enum package_digest kind, const uint8_t *digest, bool config)
{
	struct pkgcheck *p = ctx;
	struct span below = path;
	BUF struct buf text = {0};
	struct stat st;

	(void)kind;
	if (config || !digest || !path_within(path, p->prefix.n ? p->prefix : span_of("/")))
		return;
	below = span_make(path.p + p->prefix.n, path.n - p->prefix.n);
	if (!below.n || digests_met(p->digests, path) ||
		kept_is_excluded((struct kept *)p->tree, below))
		return;
	buf_add(&text, path.p + 1, path.n - 1);
	if (fstatat(p->root_fd, buf_text(&text), &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return;
	if (p->missing++ < NAMED_MOST) {
		buf_add_text(&p->named, p->missing > 1 ? ", " : "");
		buf_add_span(&p->named, path);
	}
}

static void find_missing(struct pkgcheck *p)
{
	struct packages_hear hear = {no_package, miss_file, p, p->stop, NULL};
	BUF struct buf trouble = {0};

	packages_read(p->root_fd, &hear, &trouble);
	if (p->missing)
		log_note("%s: %llu files of packages are not there: %s%s", p->tree->name,
			(unsigned long long)p->missing, buf_text(&p->named),
			p->missing > NAMED_MOST ? ", ..." : "");
}

void pkgcheck_sum(struct pkgcheck *p, struct buf *odds, struct buf *words)
{
	if (!p)
		return;
	look_again(p);
	count_odds(p);
	find_missing(p);
	if (digests_files(p->digests))
		buf_printf(words,
			"held against the digests of %zu packages: files as they have them %llu, others "
			"%llu, changed configuration files %llu, missing %llu",
			digests_packages(p->digests), (unsigned long long)p->equal,
			(unsigned long long)p->altered, (unsigned long long)p->config,
			(unsigned long long)p->missing);
	if (p->trouble.n) {
		buf_add_text(words, words->n ? "; " : "");
		buf_add_span(words, buf_span(&p->trouble));
		log_warn("%s: %s", p->tree->name, buf_text(&p->trouble));
	}
	buf_add_span(odds, buf_span(&p->odds));
}
