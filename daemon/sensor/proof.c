/* The table of names, and the comparing. */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/sensor/proof_own.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { WHERE_MOST = 80 }; /* bytes of a path in a sentence */

void proof_why(struct proof *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_add_text(&p->why, p->why.n ? "; " : "");
	buf_vprintf(&p->why, fmt, ap);
	va_end(ap);
}

void layer_proof_free(struct proof *p)
{
	if (!p)
		return;
	provenance_free(&p->from);
	arena_free(&p->mem);
	arena_free(&p->looked);
	free(p->v);
	free(p->opaque);
	pthread_mutex_destroy(&p->lock);
	buf_free(&p->odds);
	buf_free(&p->why);
	buf_free(&p->digest);
	buf_free(&p->blame);
	free(p);
}

/* ---- building ---- */

struct proof_want *proof_push(struct proof *p, struct span path)
{
	struct proof_want *w = arena_alloc(&p->mem, sizeof(*w));
	size_t cut = path.n;

	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->v = reallocarray(p->v, p->cap, sizeof(struct proof_want *));
		must(p->v);
	}
	w->path = arena_dup(&p->mem, path);
	while (cut && path.p[cut - 1] != '/')
		cut--;
	w->n_dir = cut ? cut - 1 : 0;
	w->order = p->n;
	p->v[p->n++] = w;
	return w;
}

int proof_add(struct proof *p, const struct tar_entry *e)
{
	struct proof_want *w;

	if (e->mark == TAR_NOTHING)
		return 0;
	if (p->n >= PROOF_ENTRIES)
		return err_set(-E2BIG, "more than %d names in a layer", PROOF_ENTRIES);
	if (e->mark == TAR_OPAQUE) {
		p->opaque = reallocarray(p->opaque, p->n_opaque + 1, sizeof(*p->opaque));
		must(p->opaque);
		p->opaque[p->n_opaque++] = arena_dup(&p->mem, e->path);
		return 0;
	}
	w = proof_push(p, e->path);
	w->rec = e->rec;
	w->rec.link = arena_dup(&p->mem, e->rec.link);
	w->rec.xattrs = arena_dup(&p->mem, e->rec.xattrs);
	w->rec.redirect = (struct span){0};
	w->rec.uid += p->from.uid_base;
	w->rec.gid += p->from.gid_base;
	w->hard = e->hard;
	if (e->hard)
		w->hard_to = arena_dup(&p->mem, e->link);
	return 0;
}

static int by_place(const struct proof_want *a, const struct proof_want *b)
{
	int c = span_cmp(proof_dir(a), proof_dir(b));

	/* The root has no name, and comes first. */
	return c ? c : span_cmp(proof_name(a), proof_name(b));
}

static int by_place_and_order(const void *a, const void *b)
{
	const struct proof_want *x = *(struct proof_want *const *)a;
	const struct proof_want *y = *(struct proof_want *const *)b;
	int c = by_place(x, y);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void sort(struct proof *p)
{
	size_t n = 0;

	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_place_and_order);
	for (size_t i = 0; i < p->n; i++) {
		if (n && by_place(p->v[n - 1], p->v[i]) == 0)
			p->v[n - 1] = p->v[i]; /* said twice: the later counts */
		else
			p->v[n++] = p->v[i];
	}
	p->n = p->sorted = n;
}

static size_t lower_bound(const struct proof *p, struct span dir, struct span name)
{
	size_t lo = 0, hi = p->sorted;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = span_cmp(proof_dir(p->v[mid]), dir);

		if (c == 0)
			c = span_cmp(proof_name(p->v[mid]), name);
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct proof_want *proof_find(const struct proof *p, struct span path)
{
	struct proof_want key = {.path = path};
	size_t cut = path.n, at;

	while (cut && path.p[cut - 1] != '/')
		cut--;
	key.n_dir = cut ? cut - 1 : 0;
	at = lower_bound(p, proof_dir(&key), proof_name(&key));
	return at < p->sorted && span_eq(p->v[at]->path, path) ? p->v[at] : NULL;
}

static void imply(struct proof *p, struct span path)
{
	struct proof_want *w = proof_push(p, path);

	w->rec = (struct record){.type = FILE_DIR,
		.mode = 0755,
		.uid = p->from.uid_base,
		.gid = p->from.gid_base,
		.ovl = OVL_IMPLIED};
	if (p->from.below.n && path.n && proof_below(p, path, &w->rec)) {
		w->rec.ovl = OVL_IMPLIED;
		w->sure = true;
	}
}

static struct span dir_of(struct span path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	path.n -= path.n > 0;
	return path;
}

/* Directories that an archive makes no entry for; and theirs. In one pass: how deep they lie is up to
 * whoever made the archive. */
static void imply_all(struct proof *p)
{
	size_t n = p->n;
	struct span last = {0};

	for (size_t i = 0; i < n; i++) {
		struct span dir = proof_dir(p->v[i]);

		/* What is above the one before has been seen to. */
		for (struct span at = dir; at.n && !path_within(last, at) && !proof_find(p, at);
			at = dir_of(at))
			imply(p, at);
		last = dir.n ? dir : last;
	}
	if (p->n > n)
		sort(p);
}

/* All names of a file have what the last of their headers says. */
static void join_links(struct proof *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct proof_want *w = p->v[i], *to;

		if (!w->hard)
			continue;
		to = proof_find(p, w->hard_to);
		for (int hops = 0; to && to->hard && hops < 16; hops++)
			to = proof_find(p, to->hard_to);
		if (!to || to->hard || to == w) {
			proof_why(p, "a hard link of the archive leads nowhere");
			continue;
		}
		w->of = to;
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct proof_want *w = p->v[i];
		struct proof_want *to = (struct proof_want *)(uintptr_t)w->of;

		if (!to || w->order < to->order || w->order < to->header)
			continue;
		to->header = w->order;
		to->rec.mode = to->rec.type == FILE_LINK ? to->rec.mode : w->rec.mode;
		to->rec.uid = w->rec.uid;
		to->rec.gid = w->rec.gid;
		to->rec.mtime = w->rec.mtime;
		if (w->rec.xattrs.n)
			to->rec.xattrs = w->rec.xattrs;
	}
}

void proof_seal(struct proof *p)
{
	sort(p);
	imply_all(p);
	if (!proof_find(p, (struct span){0})) {
		imply(p, (struct span){0});
		sort(p);
	}
	p->root = proof_find(p, (struct span){0});
	for (size_t i = 0; i < p->n_opaque; i++) {
		struct proof_want *w = proof_find(p, p->opaque[i]);

		if (w && w->rec.type == FILE_DIR)
			w->rec.ovl |= OVL_OPAQUE;
	}
	join_links(p);
}

/* ---- looking up ---- */

bool proof_knows(const struct proof *p)
{
	return p && p->knows;
}

bool proof_is_loose(const struct proof *p)
{
	return p->loose;
}

const struct proof_want *proof_root(const struct proof *p)
{
	return p->root;
}

size_t proof_list(const struct proof *p, struct span dir, const struct proof_want *const **ret)
{
	size_t from = lower_bound(p, dir, (struct span){0}), to = from;

	if (from < p->n && p->v[from] == p->root)
		to = ++from;
	while (to < p->n && span_eq(proof_dir(p->v[to]), dir))
		to++;
	*ret = (const struct proof_want *const *)p->v + from;
	return to - from;
}

static int64_t wall_of(struct statx_timestamp t)
{
	return t.tv_sec * CLOCK_S + t.tv_nsec;
}

bool proof_has(const struct proof_want *w, int dir_fd, struct record *ret)
{
	const struct proof_want *of = w->of ? w->of : w;
	BUF struct buf name = {0};
	struct statx sx;

	if (!of->was_read)
		return false;
	buf_add_span(&name, proof_name(w));
	if (statx(dir_fd, buf_text(&name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) < 0 ||
		sx.stx_ino != of->ino || sx.stx_size != of->disk.size ||
		wall_of(sx.stx_ctime) != of->ctime || wall_of(sx.stx_mtime) != of->disk.mtime)
		return false;
	*ret = of->disk;
	memcpy(ret->sha, of->sha, SHA_LEN);
	ret->has_sha = true;
	return true;
}

/* ---- judging ---- */

void proof_odd(struct proof *p, char kind, uint32_t aspects, struct span path)
{
	pthread_mutex_lock(&p->lock);
	if (p->n_odd++ < VERDICT_ODDS)
		verdict_odd_add(&p->odds, &(struct verdict_odd){kind, aspects, path});
	pthread_mutex_unlock(&p->lock);
}

/* What the image says of it, with the content that was proved to be its. */
static void said(const struct proof_want *w, struct record *ret)
{
	const struct proof_want *of = w->of ? w->of : w;

	*ret = of->rec;
	ret->has_sha = false;
	if (ret->type != FILE_REG || (of->spoiled && !of->is_known) || !of->has_sha)
		return;
	memcpy(ret->sha, of->sha, SHA_LEN);
	ret->has_sha = true;
}

static int64_t second_of(int64_t ns)
{
	return ns < 0 ? 0 : ns / CLOCK_S;
}

static struct span without_label(struct span list, struct buf *mem)
{
	struct rd at = rd_of(list);
	struct xattr x;
	bool found = false;

	while (xattr_next(&at, &x))
		found |= span_is(x.name, "security.selinux");
	if (!found)
		return list;
	at = rd_of(list);
	while (xattr_next(&at, &x))
		if (!span_is(x.name, "security.selinux"))
			xattr_add(mem, x.name, x.value);
	return buf_span(mem);
}

static bool has_empty(struct span list, struct span name)
{
	struct rd at = rd_of(list);
	struct xattr x;

	while (xattr_next(&at, &x))
		if (span_eq(x.name, name))
			return x.value.n == 0;
	return false;
}

/* Attributes without a value that both have count as none: an engine makes them, or does not. Appends to `mem`. */
static struct span without_empty(struct span list, struct span image, struct buf *mem)
{
	struct rd at = rd_of(list);
	struct xattr x;

	while (xattr_next(&at, &x))
		if (!has_empty(list, x.name) || !has_empty(image, x.name))
			xattr_add(mem, x.name, x.value);
	return buf_span(mem);
}

/* Modes that engines give to a directory that the archive makes no entry for, and to the layer's root. */
static bool is_engines_mode(uint32_t mode)
{
	return mode == 0755 || mode == 0555 || mode == 0700 || mode == 0600 || mode == 0711;
}

static uint32_t differs(struct proof *p, const struct proof_want *w, const struct record *rec,
	const struct record *image)
{
	BUF struct buf mem = {0}, disk_mem = {0}, image_mem = {0};
	struct record disk = *rec, want = *image;
	const uint32_t marks = OVL_WHITEOUT | OVL_OPAQUE | OVL_METACOPY | OVL_XWHITEOUTS;
	uint32_t out;

	if (disk.ovl & image->ovl & OVL_WHITEOUT)
		return 0;
	if (p->loose)
		return (disk.type != image->type || disk.size || disk.redirect.n ||
					       (disk.ovl & ~(uint32_t)OVL_OPAQUE)
				       ? 1u << ASPECT_TYPE
				       : 0) |
		       (span_eq(disk.link, image->link) ? 0 : 1u << ASPECT_LINK);
	/* Podman 4.3 leaves the times of what it puts together as they come. */
	if (second_of(disk.mtime) == second_of(image->mtime) || disk.type == FILE_LINK ||
		(p->from.how == PROVENANCE_TOC && !p->golden))
		disk.mtime = image->mtime;
	if (disk.type == FILE_LINK && image->type == FILE_LINK)
		disk.mode = image->mode;
	if (p->from.owners_unknown) {
		disk.uid = image->uid;
		disk.gid = image->gid;
	}
	if ((w == p->root || image->ovl & OVL_IMPLIED) && !w->sure && is_engines_mode(disk.mode))
		disk.mode = image->mode;
	disk.xattrs = without_label(disk.xattrs, &mem);
	if (image->xattrs.n) {
		disk.xattrs = without_empty(disk.xattrs, image->xattrs, &disk_mem);
		want.xattrs = without_empty(image->xattrs, image->xattrs, &image_mem);
	}
	out = record_diff(&disk, &want);
	/* No archive has a redirect: a directory that has one shows another's content in every container. */
	if ((disk.ovl & marks) != (image->ovl & marks) || disk.redirect.n)
		out |= 1u << (disk.type == FILE_DIR ? ASPECT_XATTR : ASPECT_TYPE);
	return out;
}

uint32_t proof_judge(struct proof *p, const struct proof_want *w, struct record *rec)
{
	const struct proof_want *of = w->of ? w->of : w;
	struct record image;
	uint32_t aspects;

	said(w, &image);
	if (p->loose)
		image.has_sha = false;
	aspects = differs(p, w, rec, &image);
	if (of->rec.type == FILE_REG && !p->loose) {
		if (of->spoiled && rec->type == FILE_REG)
			aspects |= 1u << ASPECT_CONTENT;
		atomic_fetch_add(&p->files, 1);
	}
	if (!aspects) {
		rec->ovl |= of->rec.ovl & OVL_IMPLIED;
		return 0;
	}
	proof_odd(p, 'C', aspects, w->path);
	*rec = image;
	return aspects;
}

void proof_missing(struct proof *p, const struct proof_want *w, struct record *ret)
{
	proof_odd(p, 'D', 0, w->path);
	said(w, ret);
}

void proof_planted(struct proof *p, struct span dir, struct span name)
{
	BUF struct buf path = {0};

	buf_add_span(&path, dir);
	buf_add_text(&path, dir.n ? "/" : "");
	buf_add_span(&path, name);
	proof_odd(p, 'A', 0, buf_span(&path));
}

void proof_failed(struct proof *p, const char *why)
{
	pthread_mutex_lock(&p->lock);
	p->failed = true;
	proof_why(p, "%s", why);
	pthread_mutex_unlock(&p->lock);
}

void proof_too_deep(struct proof *p, struct span dir)
{
	pthread_mutex_lock(&p->lock);
	if (!p->deep)
		proof_why(p, "%.*s%s: %s", (int)(dir.n < WHERE_MOST ? dir.n : WHERE_MOST),
			(const char *)dir.p, dir.n < WHERE_MOST ? "" : "...", BENEATH_TOO_DEEP);
	p->failed = p->deep = true;
	pthread_mutex_unlock(&p->lock);
}

/* ---- the end ---- */

static enum verdict_how how_of(const struct proof *p)
{
	static const enum verdict_how of[] = {[PROVENANCE_NONE] = VERDICT_HOW_NONE,
		[PROVENANCE_TAR_SPLIT] = VERDICT_HOW_TAR_SPLIT,
		[PROVENANCE_BLOB] = VERDICT_HOW_CONTENT,
		[PROVENANCE_TOC] = VERDICT_HOW_TOC,
		[PROVENANCE_INIT] = VERDICT_HOW_INIT};

	return of[p->from.how];
}

/* It is as something says that no digest leads to. */
static bool is_untied(const struct proof *p)
{
	return p->from.how == PROVENANCE_INIT || (p->from.how == PROVENANCE_TOC && !p->golden);
}

void proof_verdict(struct proof *p, struct verdict *ret)
{
	proof_covered(p);
	*ret = (struct verdict){.how = how_of(p),
		.when = clock_wall(),
		.entries = p->n,
		.files = atomic_load(&p->files),
		.bytes = p->bytes,
		.n_odd = p->n_odd};
	if (p->blame.n)
		proof_why(p, "%s", buf_text(&p->blame));
	else if (p->unlike && !p->n_odd)
		proof_why(p,
			"its files and headers do not give the digest, and no checksum tells which of them");
	ret->state = p->n_odd || p->unlike ? VERDICT_BROKEN
		     : p->failed	   ? VERDICT_UNKNOWN
		     : !p->knows	   ? VERDICT_CONSISTENT
		     : is_untied(p)	   ? VERDICT_CONSISTENT
					   : VERDICT_PROVED;
	if (p->from.how == PROVENANCE_TOC && !p->golden)
		proof_why(p,
			"pulled in parts: it is as its table of contents says, which the engine keeps in another form than the image's digest stands for");
	if (p->golden)
		ret->how = VERDICT_HOW_GOLDEN;
	if (p->from.how == PROVENANCE_INIT)
		buf_add_text(&p->why, p->why.n ? "" : "made by the engine; no image lists it");
	if (p->from.owners_unknown && ret->state == VERDICT_PROVED)
		proof_why(p, "owners are mapped in a user's store, and were not compared");
	if (p->from.digest.n)
		buf_printf(&p->digest, "sha256:%s", buf_text(&p->from.digest));
	ret->digest = buf_span(&p->digest);
	ret->why = buf_span(&p->why);
	ret->odds = buf_span(&p->odds);
}

static void know_init(struct proof *p)
{
	for (size_t i = 0; i < n_provenance_init; i++) {
		const struct provenance_init *e = &provenance_init[i];
		struct proof_want *w = proof_push(p, span_of(e->path));

		w->rec.type = e->type == 'd' ? FILE_DIR : e->type == 'l' ? FILE_LINK : FILE_REG;
		w->rec.link = span_of(e->link);
	}
	p->loose = p->knows = true;
	proof_seal(p);
}

struct proof *layer_proof_new(const struct lower *l, const struct proof_options *opt)
{
	struct proof *p = calloc(1, sizeof(*p));
	int r;

	must(p);
	pthread_mutex_init(&p->lock, NULL);
	p->lower = l;
	provenance_of_layer(
		l->path, l->kind, l->marks == MARKS_USER || l->marks == MARKS_FUSE, &p->from);
	if (p->from.how == PROVENANCE_INIT) {
		know_init(p);
		return p;
	}
	if (p->from.how == PROVENANCE_NONE) {
		buf_add_span(&p->why, buf_span(&p->from.why));
		p->knows = proof_golden(p, opt);
		return p;
	}
	if (p->from.how == PROVENANCE_TOC && proof_golden(p, opt)) {
		p->knows = true;
		return p;
	}
	r = p->from.how == PROVENANCE_BLOB  ? proof_blob(p, opt)
	    : p->from.how == PROVENANCE_TOC ? proof_toc(p)
					    : proof_read(p, opt);
	if (r < 0) {
		p->knows = false;
		proof_failed(p, err_why());
		return p;
	}
	if (r == PROOF_SPOILED) {
		p->unlike = true;
		p->knows = proof_golden(p, opt);
		return p;
	}
	if (p->unlike)
		proof_golden_content(p, opt);
	p->knows = true;
	return p;
}
