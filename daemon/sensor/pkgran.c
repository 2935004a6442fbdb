#include "daemon/sensor/pkgran.h"
#include "base/err.h"
#include "daemon/sensor/owners.h"
#include "daemon/sensor/pkgview.h"

enum { SLICE_FILES = 200, SLICE_BYTES = 32 << 20, ODDS_MOST = 1000 };

struct pkgran {
	struct job job;
	struct examiner *ex;
	struct kept *kept;
	uint64_t run;
	struct buf mem;
	struct span *path; /* each once, in order */
	size_t n, at;
	struct owners owners;
	struct item_explained *said;
	size_t n_odds;
	bool read;
};

static void drop(struct job *j)
{
	struct pkgran *p = container_of(j, struct pkgran, job);

	owners_free(&p->owners);
	buf_free(&p->mem);
	free(p->path);
	kept_unref(p->kept);
	if (p->said)
		item_free(&p->said->item);
	free(p);
}

static int by_path(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void take_paths(struct pkgran *p)
{
	struct rd at = rd_of(buf_span(&p->mem)), count = at;
	size_t n = 0, kept = 0;

	for (; !rd_end(&count); n++)
		rd_bytes(&count);
	p->path = calloc(n + 1, sizeof(*p->path));
	must(p->path);
	for (size_t i = 0; i < n; i++)
		p->path[i] = rd_bytes(&at);
	qsort(p->path, n, sizeof(*p->path), by_path);
	for (size_t i = 0; i < n; i++)
		if (!i || !span_eq(p->path[i], p->path[i - 1]))
			p->path[kept++] = p->path[i];
	p->n = kept;
}

static void read_all(struct pkgran *p)
{
	PKGVIEW struct pkgview v = {.verified = false};
	struct packages_hear hear = owners_hear;
	struct packages_from from;

	p->read = true;
	if (pkgview_open(p->ex->store, p->kept, false, &v) < 0)
		return;
	from = pkgview_from(&v);
	hear.ctx = &p->owners;
	hear.stop = &p->ex->stop;
	p->said->known = packages_read_from(&from, &hear, &p->said->words) && !p->owners.cut;
	owners_seal(&p->owners);
	if (!p->said->known)
		p->at = p->n; /* nothing can be held against anything */
}

static void add_odd(struct pkgran *p, struct span path, const struct package_note *n)
{
	BUF struct buf note = {0};

	if (p->n_odds++ >= ODDS_MOST)
		return;
	package_encode(n, &note);
	buf_bytes(&p->said->odds, path);
	buf_bytes(&p->said->odds, buf_span(&note));
}

/* dpkg keeps scripts of packages beside its database: none of their own lists has them. */
static bool is_script(struct span path)
{
	static const char *const names[] = {
		".preinst", ".postinst", ".prerm", ".postrm", ".config"};

	if (!span_starts(path, span_of("/var/lib/dpkg/info/")))
		return false;
	for (size_t i = 0; i < COUNTOF(names); i++) {
		size_t n = strlen(names[i]);

		if (path.n > n && span_is(span_make(path.p + path.n - n, n), names[i]))
			return true;
	}
	return false;
}

static bool is_program(const struct record *rec)
{
	return rec->mode & 0111 || rec->mode & 06000;
}

static void judge_unowned(struct pkgran *p, struct span path, const struct record *rec)
{
	struct package_note n = {.state = PACKAGE_UNOWNED};

	if (is_program(rec) && !is_script(path))
		add_odd(p, path, &n);
	else
		p->said->other++;
}

static void note_of(const struct pkgran *p, const struct owner_row *row,
	const struct owner_digests *d, struct package_note *ret)
{
	const struct pkg *g = &p->owners.package[row->package];
	size_t len = package_digest_len(row->kind);

	*ret = (struct package_note){.manager = g->manager,
		.name = g->name,
		.version = g->version,
		.arch = g->arch,
		.digest = row->kind,
		.expected = span_make(row->digest, len),
		.found = d->of[row->kind] ? span_make(d->of[row->kind], len) : span_of(""),
		.state = PACKAGE_MODIFIED};
}

static uint64_t judge_owned(struct pkgran *p, struct worker *w, struct pkgview *v,
	const struct hit *h, const struct owner_row *row, size_t n)
{
	const struct owner_row *last = NULL;
	struct package_note note;
	struct owner_digests d;
	uint8_t sha[SHA_LEN];
	bool config = false;

	owner_wants(w->sha, row, n);
	if (pkgview_hash(w, v, h, sha) != 0) {
		p->said->other++; /* it is changing, or too large: its own entries tell */
		return h->entry.rec.size;
	}
	d = owner_digests(w->sha, sha);
	for (size_t i = 0; i < n; i++) {
		config |= row[i].config;
		last = row[i].digest ? &row[i] : last;
		if (owner_agrees(&row[i], &d)) {
			p->said->same++;
			return h->entry.rec.size;
		}
	}
	if (config) {
		p->said->edited++;
	} else if (!last || !p->owners.package[last->package].name.n) {
		p->said->other++;
	} else {
		note_of(p, last, &d, &note);
		add_odd(p, row->path, &note);
	}
	return h->entry.rec.size;
}

/* Returns how many bytes were read. */
static uint64_t judge_path(struct pkgran *p, struct worker *w, struct pkgview *v, struct span path)
{
	HIT struct hit h = {0};
	const struct owner_row *row;
	uint64_t read = 0;
	size_t n;

	if (pkgview_find(v, path, &h) < 0 || !h.found || h.entry.rec.type != FILE_REG)
		return 0;
	row = owners_find(&p->owners, path, &n);
	if (!row)
		judge_unowned(p, path, &h.entry.rec);
	else
		read = judge_owned(p, w, v, &h, row, n);
	owner_wants_none(w->sha);
	return read;
}

static void judge_slice(struct pkgran *p, struct worker *w)
{
	PKGVIEW struct pkgview v = {.verified = false};
	uint64_t read = 0;

	if (pkgview_open(p->ex->store, p->kept, false, &v) < 0) {
		p->said->known = false;
		p->at = p->n;
		return;
	}
	for (size_t i = 0; i < SLICE_FILES && read < SLICE_BYTES && p->at < p->n; i++)
		read += judge_path(p, w, &v, p->path[p->at++]);
}

static void run(struct job *j, struct worker *w)
{
	struct pkgran *p = container_of(j, struct pkgran, job);

	if (!p->read)
		read_all(p);
	else
		judge_slice(p, w);
	if (p->at < p->n && !atomic_load(&p->ex->stop)) {
		jobs_add(p->ex->jobs, JOB_SCAN, j);
		return;
	}
	examiner_push(p->ex, &take(p->said)->item);
	drop(j);
}

void pkgran_explain(void *ctx, struct kept *k, uint64_t run_id, struct span paths)
{
	struct examiner *ex = ctx;
	struct pkgran *p = calloc(1, sizeof(*p));

	must(p);
	p->said = calloc(1, sizeof(*p->said));
	must(p->said);
	p->said->item.kind = ITEM_EXPLAINED;
	p->said->kept = kept_ref(k);
	p->said->run = run_id;
	p->ex = ex;
	p->kept = kept_ref(k);
	p->run = run_id;
	buf_add_span(&p->mem, paths);
	take_paths(p);
	p->job.run = run;
	p->job.drop = drop;
	jobs_add(ex->jobs, JOB_SCAN, &p->job);
}
