/*
 * A target's baseline as one file, made of the store alone: its image's layers as they are stored, and what was
 * accepted on top. A thread of its own does it, and one transaction, so that all of it is of one moment.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/host_name.h"
#include "base/text.h"
#include "daemon/gateway/gw.h"
#include "golden/list.h"
#include "golden/stored.h"
#include "image/manifest.h"
#include "store/verdict.h"

#define EXPORT_MOST (UINT64_C(192) << 20) /* bytes of records: the gateway is a small process */

struct export
{
	struct txn *t;
	struct target target;
	struct golden file;
	struct buf lists[GOLDEN_LAYERS_MAX], accepts;
	struct golden_layer layers[GOLDEN_LAYERS_MAX];
	struct golden_generation *generations;
	uint64_t bytes;
};

static void export_free(struct export **at)
{
	struct export *e = *at;

	txn_abort(e->t);
	for (size_t i = 0; i < GOLDEN_LAYERS_MAX; i++)
		buf_free(&e->lists[i]);
	buf_free(&e->accepts);
	free(e->generations);
	free(e);
}

static int cannot(const char *fmt, struct span what)
{
	BUF struct buf text = {.p = NULL};

	text_quote(&text, what, true);
	return err_set(-ENODATA, fmt, buf_text(&text));
}

/* What was seen of a layer while a runtime unpacked it, as a tree of its own, is none: see store/below.c. */
static int find_snap(struct txn *t, struct span path, struct snap_info *ret)
{
	uint32_t no = 0;
	int r;

	while ((r = snap_next(t, &no, ret)) == 0)
		if (ret->state == SNAP_COMPLETE && span_eq(ret->path, path) &&
			!span_is(ret->kind, "tree"))
			return 0;
	return r;
}

static int diff_id_of(struct export *e, const struct snap_info *info, uint8_t ret[SHA_LEN])
{
	struct image_digest d;
	struct verdict v;
	int r = verdict_get(e->t, VERDICT_OF_LAYER, info->no, &v);

	if (r < 0)
		return r;
	if (r == 0 && v.state == VERDICT_BROKEN)
		return cannot("layer %s is not what its image says: nobody should be judged by it; "
			      "`boltseal verify` names what differs",
			info->path);
	if (r || !v.digest.n || image_digest_parse(v.digest, "diff_id", &d) < 0)
		return cannot(
			"it is not known which layer of its image %s is: the engine does not say so",
			info->path);
	memcpy(ret, d.sha, SHA_LEN);
	return 0;
}

/* Docker's own layer below a container is not the image's. */
static int add_layer(struct export *e, struct span path)
{
	GOLDEN_LIST struct golden_list list = {.n = 0};
	struct golden_layer *l = &e->layers[e->file.n_layers];
	struct snap_info info;
	int r = find_snap(e->t, path, &info);

	if (r > 0)
		return cannot(
			"layer %s is not stored yet: its baseline is still being taken", path);
	if (r < 0 || span_is(info.kind, "runtime"))
		return r;
	if (e->file.n_layers == GOLDEN_LAYERS_MAX)
		return cannot("%s: more layers than a baseline file has", path);
	r = diff_id_of(e, &info, l->diff_id);
	if (r == 0)
		r = stored_each(e->t, info.no, golden_list_record, &list);
	if (r == 0)
		r = golden_list_end(&list, &e->lists[e->file.n_layers]);
	e->bytes += list.mem.n;
	if (r == 0 && e->bytes > EXPORT_MOST)
		return cannot("%s: more records than are exported here", path);
	l->records = buf_span(&e->lists[e->file.n_layers]);
	e->file.n_layers++;
	return r;
}

static int add_layers(struct export *e)
{
	struct rd at = rd_of(e->target.lowers);
	struct span path[GOLDEN_LAYERS_MAX];
	size_t n = 0;
	int r = 0;

	while (n < COUNTOF(path) && target_next_path(&at, &path[n]))
		n++;
	while (r == 0 && n > 0) /* they are told from the top */
		r = add_layer(e, path[--n]);
	if (r == 0 && !e->file.n_layers)
		return cannot("%s has no layers of an image", e->target.name);
	return r;
}

struct accepting {
	struct golden_list list;
	int64_t now;
};

static int on_accepted(void *ctx, const struct accepted *a)
{
	struct accepting *to = ctx;
	struct golden_accept out = {.path = a->path,
		.generation = a->generation,
		.expires = a->expires,
		.absent = a->rec.n == 0};

	if (a->mount.n || (a->expires && a->expires <= to->now))
		return 0; /* what covers a path is of this container alone */
	while (out.path.n && out.path.p[0] == '/')
		out.path = span_make(out.path.p + 1, out.path.n - 1);
	if (!out.absent) {
		int r = record_decode(a->rec, &out.rec);

		if (r < 0)
			return r;
	}
	return golden_list_accept(&to->list, &out);
}

static int add_generation(struct export *e, uint32_t no)
{
	struct golden_generation *to = &e->generations[e->file.n_generations];
	struct generation g;
	int r = generation_get(e->t, e->target.no, no, &g);

	if (r)
		return r < 0 ? r : 0;
	*to = (struct golden_generation){
		.no = no, .uid = g.uid, .time = g.time, .reason = g.reason};
	e->file.n_generations++;
	return 0;
}

static int add_accepts(struct export *e, uint32_t generation)
{
	struct accepting to = {.now = clock_wall()};
	int r = accepted_each(e->t, e->target.no, generation, on_accepted, &to);

	if (r == 0)
		r = golden_list_end(&to.list, &e->accepts);
	golden_list_fini(&to.list);
	e->file.accepts = buf_span(&e->accepts);
	e->generations = calloc(generation + 1u, sizeof(*e->generations));
	must(e->generations);
	e->file.generations = e->generations;
	for (uint32_t no = 2; r == 0 && no <= generation; no++)
		r = add_generation(e, no);
	return r;
}

static int set_head(struct export *e)
{
	struct image_digest d;

	if (!e->target.image_digest.n ||
		image_digest_parse(e->target.image_digest, "image", &d) < 0)
		return cannot("the digest of the image of %s is not known", e->target.name);
	memcpy(e->file.image, d.sha, SHA_LEN);
	e->file.has_image = true;
	e->file.name = e->target.image;
	e->file.target_id = e->target.id;
	e->file.target_name = e->target.name;
	e->file.created = clock_wall();
	e->file.layers = e->layers;
	return 0;
}

static int make(struct job *job)
{
	CLEANUP(export_free) struct export *e = calloc(1, sizeof(*e));
	char host[HOST_NAME_ROOM];
	int r;

	must(e);
	host_name(host);
	r = txn_begin(job->store, false, &e->t);
	if (r == 0)
		r = targets_get(e->t, job->target, &e->target);
	if (r)
		return r < 0 ? r : err_set(-ENODATA, "it is not kept any more");
	r = set_head(e);
	e->file.host = span_of(host);
	e->file.generation = job->flags; /* 1 is the image alone */
	if (r == 0)
		r = add_layers(e);
	if (r == 0)
		r = add_accepts(e, job->flags);
	return r < 0 ? r : golden_write(&e->file, true, &job->out);
}

static void run(struct job *job)
{
	job->code = make(job);
}

static int wait_export(struct call *c)
{
	struct job *job = c->job;

	if (job->write_fd >= 0)
		return CALL_WAIT;
	if (job->code < 0)
		return problem(c, job->code == -ENODATA ? 422 : 500, "%s", job->why);
	c->status = 200;
	c->type = "application/octet-stream";
	buf_free(&c->out);
	c->out = buf_take(&job->out);
	return 0;
}

/* Which generation: the one that is named, else that in force. */
static int want(struct call *c, struct txn *t, const struct target *tg, struct job *job)
{
	const struct span *word = query_get(&c->query, "generation");
	struct target_state_rec s = {.generation = 0};
	uint64_t no = 0;
	int r = targets_state_get(t, tg->no, &s);

	if (r < 0)
		return r;
	if (!s.baselined) {
		problem(c, 422, "its baseline is still being taken; ask again when that is done");
		return VIEW_ANSWERED;
	}
	if (word && (r = text_u64(*word, 1, UINT32_MAX - 1, &no)) < 0)
		return err_wrap(r, "generation");
	if (no > s.generation) {
		problem(c, 404, "it has generations up to %u", s.generation);
		return VIEW_ANSWERED;
	}
	job->target = tg->no;
	job->flags = no ? (uint32_t)no : s.generation;
	return 0;
}

int route_baseline_export(struct call *c)
{
	FREE struct job *job = calloc(1, sizeof(*job));
	TXN struct txn *t = NULL;
	struct target tg;
	int r = view_begin(c, &t);

	must(job);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_OPERATOR, &tg);
	if (r == 0)
		r = want(c, t, &tg, job);
	if (r != 0)
		return r < 0 ? r : 0;
	job->run = run;
	if (jobs_start(c, take(job)) != 0)
		return 0;
	c->again = wait_export;
	return CALL_WAIT;
}
