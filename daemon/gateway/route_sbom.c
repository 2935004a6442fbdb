/*
 * GET /v1/targets/{t}/sbom: the bill of materials of a target's image, or of the container as it is: the same,
 * and a file for each path that drifts. It may be long, so it is written by a job, in short transactions.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "pkg/sbom.h"
#include "store/packages.h"
#include <sys/random.h>

enum { SLICE = 1000 };

struct owned {
	uint32_t package;
	uint32_t len;
	size_t at; /* of its path */
};
struct making {
	struct job *job;
	struct txn *t;
	struct target target;
	struct pkg_set set;
	struct sbom sbom;
	struct buf target_mem, paths, os;
	struct owned *file;
	size_t n, cap;
	bool known, image; /* is a set known; the image alone */
};

static void making_free(struct making *m)
{
	txn_abort(m->t);
	buf_free(&m->target_mem);
	buf_free(&m->paths);
	buf_free(&m->os);
	buf_free(&m->sbom.later);
	buf_free(&m->sbom.more);
	free(m->file);
}

/* ---- which file is whose: stored by path, wanted by package ---- */

static int on_file(void *ctx, struct span path, const struct pkg_file *f)
{
	struct making *m = ctx;

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 4096;
		m->file = reallocarray(m->file, m->cap, sizeof(*m->file));
		must(m->file);
	}
	m->file[m->n++] = (struct owned){f->package, (uint32_t)path.n, m->paths.n};
	buf_add_span(&m->paths, path);
	return buf_err(&m->paths);
}

/* Paths came in order, and stay so within a package. */
static int by_package(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static struct span path_of(const struct making *m, size_t i)
{
	return span_make(m->paths.p + m->file[i].at, m->file[i].len);
}

/* ---- a short transaction after another ---- */

static int again(struct making *m)
{
	struct target t;
	int r;

	txn_abort(m->t);
	m->t = NULL;
	r = txn_begin(m->job->store, false, &m->t);
	if (r == 0)
		r = targets_get(m->t, m->job->target, &t);
	if (r == 0) {
		buf_reset(&m->target_mem);
		target_encode(&t, &m->target_mem);
		r = target_decode(buf_span(&m->target_mem), &m->target);
		m->target.no = t.no;
	}
	return r > 0 ? err_set(-ENOENT, "the target is not there any more") : r;
}

static int begin(struct making *m)
{
	uint32_t set = 0;
	int r = again(m);

	if (r == 0)
		r = pkg_of_get(m->t, m->target.no, &set);
	m->known = r == 0;
	if (r == 0)
		r = pkg_set_get(m->t, set, &m->set);
	m->known = m->known && r == 0;
	if (r == 0 && m->set.n_files)
		r = pkg_file_each(m->t, m->set.no, (struct span){0}, on_file, m);
	if (m->n)
		qsort(m->file, m->n, sizeof(*m->file), by_package);
	return r < 0 ? r : 0;
}

static int subject(struct making *m)
{
	struct sbom_subject s = {
		.live = !m->image, .time = clock_wall(), .tool_version = BOLTSEAL_VERSION};
	struct span texts[] = {m->target.name, m->target.image, m->target.image_digest,
		m->set.os_id, m->set.os_version, m->set.os_name,
		m->known ? m->set.words : span_of("the packages of its image are not known (yet)")};
	struct span *const into[] = {
		&s.name, &s.image, &s.digest, &s.os_id, &s.os_version, &s.os_name, &s.note};
	struct rd at;

	if (getrandom(s.uuid, sizeof(s.uuid), 0) != (ssize_t)sizeof(s.uuid))
		return err_sys("getrandom");
	for (size_t i = 0; i < COUNTOF(texts); i++)
		buf_bytes(&m->os, texts[i]); /* they outlive the transaction there */
	at = rd_of(buf_span(&m->os));
	for (size_t i = 0; i < COUNTOF(into); i++)
		*into[i] = rd_bytes(&at);
	if (m->image && s.image.n)
		s.name = s.image;
	sbom_begin(&m->sbom, m->job->flags ? SBOM_SPDX : SBOM_CYCLONEDX, &s, &m->job->out);
	return buf_err(&m->os);
}

/* ---- packages ---- */

static int one_file(struct making *m, size_t i)
{
	static const enum sbom_state states[PKG_IMAGE_N] = {
		SBOM_UNCHECKED, SBOM_AS_SHIPPED, SBOM_MODIFIED, SBOM_DELETED};
	struct sbom_file f = {.path = path_of(m, i)};
	struct pkg_file stored;
	struct below below;
	int r = pkg_file_get(m->t, m->set.no, f.path, &stored);

	if (r)
		return r < 0 ? r : 0;
	f.state = states[stored.image];
	f.config = stored.config;
	r = below_find(m->t, &m->target, f.path, &below);
	if (r == 0 && below.rec.has_sha)
		f.sha = below.rec.sha;
	if (r >= 0)
		sbom_file_of(&m->sbom, &f);
	return r < 0 ? r : 0;
}

static int packages(struct making *m)
{
	size_t at = 0, done = 0;
	int r = 0;

	for (uint32_t no = 0; r == 0 && no < m->set.n_packages; no++) {
		struct pkg p;

		r = pkg_get(m->t, m->set.no, no, &p);
		if (r > 0)
			return err_set(-ENOENT, "its packages are being read anew: ask again");
		if (r == 0)
			sbom_package(&m->sbom, &(struct sbom_package){p.manager, p.name, p.version,
						       p.arch, p.source, p.licence, p.vendor});
		for (; r == 0 && at < m->n && m->file[at].package == no; at++) {
			r = one_file(m, at);
			if (r == 0 && ++done % SLICE == 0)
				r = again(m);
		}
	}
	return r;
}

/* ---- drift ---- */

static int on_change(void *ctx, const struct change *c)
{
	struct making *m = ctx;
	struct sbom_file f = {.path = c->path};
	BUF struct buf owner = {0};
	struct package_note n;
	const struct span side = c->kind == 'D' ? c->old : c->now;
	struct record rec;

	if (side.n && record_decode(side, &rec) == 0 && rec.has_sha)
		f.sha = rec.sha;
	if (c->package.n && package_decode(c->package, &n) == 0 && n.name.n) {
		buf_add_span(&owner, n.name);
		buf_u8(&owner, ' ');
		buf_add_span(&owner, n.version);
	}
	f.package = buf_span(&owner);
	f.state = c->kind == 'A' ? SBOM_ADDED : c->kind == 'D' ? SBOM_DELETED : SBOM_MODIFIED;
	sbom_drift(&m->sbom, &f);
	return buf_err(m->sbom.j.out);
}

static void run(struct job *job)
{
	CLEANUP(making_free) struct making m = {.job = job, .image = job->layers};
	int r = begin(&m);

	if (r == 0)
		r = subject(&m);
	if (r == 0 && m.known)
		r = packages(&m);
	if (r == 0 && !m.image)
		r = again(&m);
	if (r == 0 && !m.image)
		r = drift_each(m.t, m.target.no, (struct span){0}, on_change, &m);
	job->code = r < 0 ? r : sbom_end(&m.sbom);
}

static int wait_made(struct call *c)
{
	struct job *job = c->job;

	if (job->write_fd >= 0)
		return CALL_WAIT;
	if (job->code < 0)
		return problem(c, job->code == -ENOENT ? 404 : 500, "%s", job->why);
	c->status = 200;
	c->type = job->flags ? "application/spdx+json"
			     : "application/vnd.cyclonedx+json; version=1.6";
	buf_free(&c->out);
	c->out = buf_take(&job->out);
	return 0;
}

static int read_query(struct call *c, uint32_t *ret_format, bool *ret_image)
{
	const struct span *format = query_get(&c->query, "format"),
			  *image = query_get(&c->query, "image");

	*ret_format = SBOM_CYCLONEDX;
	for (uint32_t i = 0; format && i < SBOM_FORMATS; i++)
		if (span_is(*format, sbom_format_names[i])) {
			*ret_format = i;
			format = NULL;
		}
	if (format)
		return err_set(-EINVAL, "format is cyclonedx or spdx");
	*ret_image = image && span_is(*image, "1");
	if (image && !*ret_image && !span_is(*image, "0"))
		return err_set(-EINVAL, "image is 0 or 1");
	return 0;
}

int route_sbom(struct call *c)
{
	TXN struct txn *t = NULL;
	struct target tg;
	struct job *job;
	uint32_t format;
	bool image;
	int r = read_query(c, &format, &image);

	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	if (tg.kind != TARGET_CONTAINER)
		return problem(c, 422,
			"%s is no container: a bill of materials is made of a container's image",
			(const char *)arena_dup(&c->mem, tg.name).p);
	job = calloc(1, sizeof(*job));
	must(job);
	job->run = run;
	job->target = tg.no;
	job->layers = image;
	job->flags = format;
	if (jobs_start(c, job) != 0)
		return 0;
	c->again = wait_made;
	return CALL_WAIT;
}
