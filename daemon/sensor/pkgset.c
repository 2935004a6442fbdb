#include "daemon/sensor/pkgset.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/owners.h"
#include "daemon/sensor/pkgview.h"
#include "fs/hash.h"
#include <unistd.h>

enum { SLICE_FILES = 200, SLICE_BYTES = 32 << 20, PART_FILES = 4000 };
enum { OS_RELEASE_LIMIT = 64 << 10 };

struct pkgset {
	struct job job;
	struct examiner *ex;
	struct kept *kept;
	int bell;
	atomic_bool *busy;
	uint8_t stack[SHA_LEN];
	struct owners owners;
	struct buf words, texts;
	struct pkg_set set;
	bool read;
	size_t at; /* the next row to be held against its file */
};

static void drop(struct job *j)
{
	struct pkgset *p = container_of(j, struct pkgset, job);
	uint64_t one = 1;

	owners_free(&p->owners);
	buf_free(&p->words);
	buf_free(&p->texts);
	kept_unref(p->kept);
	if (p->busy)
		atomic_store(p->busy, false);
	if (write(p->bell, &one, sizeof(one)) < 0)
		must(errno == EAGAIN);
	free(p);
}

/* ---- reading ---- */

/* NAME=value, perhaps in quotes. */
static void os_field(struct span text, const char *name, struct span *ret)
{
	size_t n = strlen(name);

	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t len = end ? (size_t)(end - text.p) : text.n;

		if (len > n && text.p[n] == '=' && memcmp(text.p, name, n) == 0) {
			*ret = span_trim(span_make(text.p + n + 1, len - n - 1), " \t\r\"'");
			ret->n = ret->n < 255 ? ret->n : 255;
		}
		len += end != NULL;
		text = span_make(text.p + len, text.n - len);
	}
}

static void read_os(struct pkgset *p, const struct packages_from *from)
{
	static const char *const paths[] = {"usr/lib/os-release", "etc/os-release"};
	int r = PACKAGES_ABSENT;

	for (size_t i = 0; i < COUNTOF(paths) && r; i++)
		r = from->text(from->ctx, paths[i], OS_RELEASE_LIMIT, &p->texts);
	if (r)
		return;
	os_field(buf_span(&p->texts), "ID", &p->set.os_id);
	os_field(buf_span(&p->texts), "VERSION_ID", &p->set.os_version);
	os_field(buf_span(&p->texts), "PRETTY_NAME", &p->set.os_name);
}

static int read_all(struct pkgset *p)
{
	PKGVIEW struct pkgview v = {.verified = true};
	struct packages_hear hear = owners_hear;
	struct packages_from from;
	int r = pkgview_open(p->ex->store, p->kept, true, &v);

	if (r < 0)
		return r;
	from = pkgview_from(&v);
	hear.ctx = &p->owners;
	hear.stop = &p->ex->stop;
	read_os(p, &from);
	packages_read_from(&from, &hear, &p->words);
	owners_seal(&p->owners);
	if (p->owners.cut)
		buf_printf(&p->words,
			"%sit has more packages or files of packages than are read: which file is whose is "
			"not known",
			p->words.n ? "; " : "");
	p->read = true;
	return 0;
}

/* ---- is each file of the image what its package says? ---- */

static void check_link(struct worker *w, const struct hit *h, struct owner_row *row, size_t n)
{
	uint8_t sha[SHA_LEN];
	struct owner_digests d;

	owner_wants(w->sha, row, n);
	if (sha_begin(w->sha) < 0 ||
		sha_feed(w->sha, h->entry.rec.link.p, h->entry.rec.link.n) < 0 ||
		sha_end(w->sha, sha) < 0)
		return;
	d = owner_digests(w->sha, sha);
	for (size_t i = 0; i < n; i++)
		row[i].image = owner_agrees(&row[i], &d) ? PKG_AS_SHIPPED : PKG_DIFFERS;
}

static bool needs_reading(const struct owner_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (row[i].digest && (row[i].kind == PACKAGE_MD5 || row[i].kind == PACKAGE_SHA1))
			return true;
	return false;
}

/* Returns how many bytes were read. */
static uint64_t check_file(struct pkgset *p, struct worker *w, struct pkgview *v,
	const struct hit *h, struct owner_row *row, size_t n)
{
	const struct record *rec = h->metacopy ? &h->data.rec : &h->entry.rec;
	bool reading = needs_reading(row, n);
	struct owner_digests d;
	uint8_t sha[SHA_LEN];

	(void)p;
	if (!rec->has_sha)
		return 0;
	memcpy(sha, rec->sha, SHA_LEN);
	owner_wants(w->sha, row, n);
	if (reading && pkgview_hash(w, v, h, sha) != 0)
		return rec->size;
	d = owner_digests(w->sha, sha);
	for (size_t i = 0; i < n; i++)
		if (row[i].digest)
			row[i].image = owner_agrees(&row[i], &d) ? PKG_AS_SHIPPED : PKG_DIFFERS;
	return reading ? rec->size : 0;
}

static uint64_t check_path(
	struct pkgset *p, struct worker *w, struct pkgview *v, struct owner_row *row, size_t n)
{
	HIT struct hit h = {0};
	uint64_t read = 0;

	if (pkgview_find(v, row->path, &h) < 0)
		return 0;
	if (!h.found)
		for (size_t i = 0; i < n; i++)
			row[i].image = PKG_MISSING;
	else if (h.entry.rec.type == FILE_LINK &&
		 span_is(p->owners.package[row->package].manager, "apk"))
		check_link(w, &h, row, n);
	else if (h.entry.rec.type == FILE_REG)
		read = check_file(p, w, v, &h, row, n);
	else
		for (size_t i = 0; i < n; i++)
			row[i].other = true;
	owner_wants_none(w->sha);
	return read;
}

static void check_slice(struct pkgset *p, struct worker *w)
{
	PKGVIEW struct pkgview v = {.verified = true};
	uint64_t read = 0;

	if (pkgview_open(p->ex->store, p->kept, true, &v) < 0) {
		p->at = p->owners.n; /* they stay as not looked at */
		return;
	}
	for (size_t i = 0; i < SLICE_FILES && read < SLICE_BYTES && p->at < p->owners.n; i++) {
		struct owner_row *row = &p->owners.row[p->at];
		size_t n = 1;

		while (p->at + n < p->owners.n && span_eq(row[n].path, row->path))
			n++;
		read += check_path(p, w, &v, row, n);
		p->at += n;
	}
}

/* ---- telling the ledger ---- */

static struct item_packages *part(struct pkgset *p)
{
	struct item_packages *i = calloc(1, sizeof(*i));

	must(i);
	i->item.kind = ITEM_PACKAGES;
	i->kept = kept_ref(p->kept);
	memcpy(i->stack, p->stack, SHA_LEN);
	return i;
}

static void add_packages(struct pkgset *p, struct item_packages *i)
{
	for (size_t k = 0; k < p->owners.n_packages; k++) {
		const struct pkg *g = &p->owners.package[k];
		const struct span v[] = {
			g->manager, g->name, g->version, g->arch, g->source, g->licence, g->vendor};

		for (size_t m = 0; m < COUNTOF(v); m++)
			buf_bytes(&i->packages, v[m]);
	}
}

/* Of several packages the one whose word the image keeps, or else the last, if it can with a digest. */
static const struct owner_row *who_counts(const struct owner_row *row, size_t n)
{
	const struct owner_row *last = &row[n - 1];

	for (size_t i = 0; i < n; i++)
		if (row[i].image == PKG_AS_SHIPPED)
			return &row[i];
		else if (row[i].digest || !last->digest)
			last = &row[i];
	return last;
}

static void add_file(
	struct pkgset *p, struct item_packages *i, const struct owner_row *row, size_t n)
{
	const struct owner_row *one = who_counts(row, n);
	struct pkg_file f = {one->package, false, one->image, one->digest, one->kind, {NULL, 0}};
	BUF struct buf encoded = {0};

	for (size_t k = 0; k < n; k++)
		f.config |= row[k].config;
	if (one->digest)
		f.digest = span_make(one->digest, package_digest_len(one->kind));
	pkg_file_encode(&f, &encoded);
	buf_bytes(&i->files, row->path);
	buf_bytes(&i->files, buf_span(&encoded));
	p->set.n_files++;
	p->set.n_differ += !f.config && f.image == PKG_DIFFERS;
}

static void tell(struct pkgset *p)
{
	struct item_packages *i = part(p);
	bool none = p->owners.cut;
	size_t in_part = 0;

	i->first = true;
	if (!none)
		add_packages(p, i);
	for (size_t k = 0, n; !none && k < p->owners.n; k += n) {
		const struct owner_row *row = &p->owners.row[k];

		for (n = 1; k + n < p->owners.n && span_eq(row[n].path, row->path);)
			n++;
		if (row->other)
			continue;
		if (in_part++ == PART_FILES) {
			examiner_push(p->ex, &i->item);
			i = part(p);
			in_part = 1;
		}
		add_file(p, i, row, n);
	}
	i->last = true;
	i->set = p->set;
	i->set.lost = p->owners.lost;
	i->set.n_packages = none ? 0 : (uint32_t)p->owners.n_packages;
	buf_bytes(&i->texts, p->set.os_id);
	buf_bytes(&i->texts, p->set.os_version);
	buf_bytes(&i->texts, p->set.os_name);
	buf_bytes(&i->texts, buf_span(&p->words));
	i->busy = p->busy;
	p->busy = NULL;
	if (p->words.n)
		log_warn("%s: packages of its image: %s", p->kept->name, buf_text(&p->words));
	examiner_push(p->ex, &i->item);
}

static void run(struct job *j, struct worker *w)
{
	struct pkgset *p = container_of(j, struct pkgset, job);

	if (atomic_load(&p->ex->stop) || atomic_load(&p->kept->gone)) {
		drop(j);
		return;
	}
	if (!p->read) {
		if (read_all(p) < 0) {
			log_warn("%s: packages of its image: %s", p->kept->name, err_why());
			drop(j);
			return;
		}
	} else if (p->at < p->owners.n) {
		check_slice(p, w);
	}
	if (p->at < p->owners.n && !p->owners.cut) {
		jobs_add(p->ex->jobs, JOB_BASELINE, j);
		return;
	}
	tell(p);
	drop(j);
}

static void begin(struct sensor *s, struct kept *k)
{
	struct pkgset *p = calloc(1, sizeof(*p));
	uint32_t *snaps = calloc(k->n_lower + 1, sizeof(*snaps));

	must(p && snaps);
	for (size_t i = 0; i < k->n_lower; i++)
		snaps[i] = atomic_load(&k->lower[i]->snap);
	pkg_stack(snaps, k->n_lower, p->stack);
	free(snaps);
	p->ex = &s->ex;
	p->kept = kept_ref(k);
	p->bell = s->bell_fd;
	p->busy = &s->packages_busy;
	p->job.run = run;
	p->job.drop = drop;
	jobs_add(s->jobs, JOB_BASELINE, &p->job);
}

void pkgset_next(struct sensor *s)
{
	for (struct reg *r = s->reg.regs; r; r = r->next) {
		struct kept *k = r->kept;

		if (k->kind != TARGET_CONTAINER || k->packages_asked || !atomic_load(&k->no) ||
			!kept_is_baselined(k))
			continue;
		if (atomic_load(&k->packages)) {
			k->packages_asked = true;
			continue;
		}
		if (atomic_exchange(&s->packages_busy, true))
			return;
		k->packages_asked = true;
		begin(s, k);
		return;
	}
}
