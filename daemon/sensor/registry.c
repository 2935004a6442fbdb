#include "daemon/sensor/registry.h"
#include "daemon/sensor/volume.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/arming.h"
#include "daemon/sensor/covers.h"
#include "daemon/sensor/hosts.h"
#include "daemon/sensor/keeping.h"
#include "daemon/sensor/layer_mounts.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/mounted.h"
#include "daemon/sensor/proving.h"
#include "daemon/sensor/refuse.h"
#include "daemon/sensor/roots.h"
#include "daemon/sensor/rulebook.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reg *registry_by_id(struct registry *g, struct span id)
{
	for (struct reg *r = g->regs; r; r = r->next)
		if (span_is(id, r->kept->id))
			return r;
	return NULL;
}

struct reg *registry_by_root(struct registry *g, uint32_t root_id)
{
	for (struct reg *r = g->regs; r; r = r->next)
		if (r->root_id == root_id)
			return r;
	return NULL;
}

struct reg *registry_by_index(struct registry *g, uint32_t root_id)
{
	for (struct reg *r = g->regs; r; r = r->next)
		if (r->index_id == root_id)
			return r;
	return NULL;
}

struct layer_row *registry_layer_by_root(struct registry *g, uint32_t root_id)
{
	for (struct layer_row *l = g->layers; l; l = l->next)
		if (l->root_id == root_id)
			return l;
	return NULL;
}

/* A container is told with its name, image and labels, or after this time with what is known. */
#define HELD_MAX CLOCK_S
#define HELD_LOOKS (100 * CLOCK_MS)

static void tell_target(struct sensor *s, struct reg *r)
{
	struct item_target *it = calloc(1, sizeof(*it));

	must(it);
	it->item.kind = ITEM_TARGET;
	it->kept = kept_ref(r->kept);
	buf_add_span(&it->desc, buf_span(&r->desc));
	sensor_push(s, &it->item);
}

static void known_number(struct sensor *s, struct kept *k)
{
	TXN struct txn *t = NULL;
	struct target old;

	if (txn_begin(s->store, false, &t) == 0 && targets_by_id(t, span_of(k->id), &old) == 0)
		atomic_store(&k->no, old.no);
}

static void baselines_of(struct sensor *s, struct reg *r)
{
	for (size_t i = 0; i < r->kept->n_lower; i++)
		sensor_baseline(s, r->kept->lower[i], r->kept->overlay ? NULL : r->kept);
	r->scan_when_stored = !r->kept->overlay && !kept_is_baselined(r->kept);
}

static void describe(struct reg *r, const struct target *t, bool late)
{
	struct target full = *t;

	full.no = 0;
	full.level = r->level;
	full.late = late;
	r->state = t->state;
	buf_reset(&r->desc);
	target_encode(&full, &r->desc);
}

/* From here on the ledger knows it: what was held back for that comes now. */
static void tell_first(struct sensor *s, struct reg *r)
{
	struct scan_options opt = {.asker = -1, .trust_seen = true};

	r->hold_until = 0;
	r->kept->held = false;
	tell_target(s, r);
	arming_tell(s, r);
	roots_first(s, r);
	opt.layers = proving_layers;
	r->chain_due = r->kept->overlay;
	if (!r->scan_when_stored)
		scan_begin(&s->ex, r->kept, &opt);
	sensor_look_at_layers(s);
}

/* Is it a new one, whose name, image or labels its runtime is still writing down? */
static bool is_to_be_held(struct sensor *s, const struct reg *r, const struct kept_limits *lim)
{
	return lim && lim->partial && !s->reg.first_look && !atomic_load(&r->kept->no);
}

/* Watch first, look after: what happens between is seen by both. */
static struct reg *add(struct sensor *s, const struct target *t, const struct kept_limits *lim)
{
	struct kept *k = NULL;
	struct reg *r;

	if (keeping_make(s, t, &k) < 0) {
		log_debug("not kept yet: %s", err_why());
		return NULL;
	}
	if (lim) {
		kept_exclude(k, lim->exclude);
		k->by_default = lim->by_default;
		k->max_bytes = lim->max_bytes;
		k->max_files = lim->max_files;
	}
	r = calloc(1, sizeof(*r));
	must(r);
	r->kept = k;
	r->root_id = ++s->reg.next_id;
	r->pid = t->pid;
	atomic_store(&k->pid, t->pid);
	r->next_sweep = s->cfg->sweep_interval ? clock_mono() + s->cfg->sweep_interval : INT64_MAX;
	r->next = s->reg.regs;
	s->reg.regs = r;
	known_number(s, k);
	if (lim && lim->merged.n)
		r->merged = span_dup(lim->merged);
	rulebook_share(s, r, t);
	arming_set(s, r);
	describe(r, t,
		s->reg.first_look && t->kind == TARGET_CONTAINER && t->state == STATE_RUNNING);
	baselines_of(s, r);
	if (is_to_be_held(s, r, lim)) {
		r->hold_until = clock_mono() + HELD_MAX;
		k->held = true;
	} else {
		tell_first(s, r);
	}
	log_info("keeping %s %s (%.12s), %s", target_kinds[k->kind].name, k->name, k->id,
		level_kinds[r->level].name);
	return r;
}

static void drop(struct sensor *s, struct reg *r, bool removed)
{
	struct reg **at = &s->reg.regs;
	struct item_gone *g = calloc(1, sizeof(*g));

	must(g);
	if (r->hold_until)
		tell_first(s, r);
	tracker_gone(s->tracker, span_of(r->kept->id));
	sensor_tell_sessions(s); /* while there is somebody to tell them of */
	g->item.kind = ITEM_GONE;
	g->kept = kept_ref(r->kept);
	g->removed = removed;
	watch_remove(s->watch, r->root_id);
	watch_remove(s->watch, r->index_id);
	coalesce_drop(s->coalesce, r->kept);
	sensor_push(s, &g->item);
	atomic_store(&r->kept->gone, true);
	log_info("%s %s is %s", target_kinds[r->kept->kind].name, r->kept->name,
		removed ? "removed" : "no longer kept");
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	covers_free(r);
	keeping_release(s, r->kept);
	buf_free(&r->desc);
	free(r->refused);
	free(r->merged);
	free(r);
}

/* ---- following ---- */

static bool desc_differs(const struct reg *r, const struct target *t)
{
	BUF struct buf b = {0};
	struct target old, full = *t;

	if (target_decode(buf_span(&r->desc), &old) < 0)
		return true;
	full.no = 0;
	full.level = r->level;
	full.late = old.late;
	target_encode(&full, &b);
	return !span_eq(buf_span(&b), buf_span(&r->desc));
}

static bool was_late(const struct reg *r)
{
	struct target old;

	return target_decode(buf_span(&r->desc), &old) == 0 && old.late;
}

static void update(struct sensor *s, struct reg *r, const struct target *t, struct span merged)
{
	bool moved = r->pid != t->pid || !span_is(merged, r->merged ? r->merged : "");

	if (moved) {
		free(r->merged);
		r->merged = merged.n ? span_dup(merged) : NULL;
		r->pid = t->pid;
		atomic_store(&r->kept->pid, t->pid);
		mounted_look(&s->ex, r->kept);
		if (watch_update(s->watch, r->root_id, r->merged, (int)r->pid, &r->level) < 0)
			log_warn("%s: %s", r->kept->name, err_why());
	}
	if (!desc_differs(r, t))
		return;
	describe(r, t, was_late(r));
	if (!r->hold_until)
		tell_target(s, r);
	rulebook_follow(s, r, t);
}

/* Until all is known, or the time is over. */
static void hold(struct sensor *s, struct reg *r, bool partial)
{
	if (!r->hold_until)
		return;
	if (partial && clock_mono() < r->hold_until)
		sensor_want_look(s, HELD_LOOKS);
	else
		tell_first(s, r);
}

/* ---- volumes and host trees ---- */

/* False: nothing is there, and nothing is known of it. */
static bool keep_tree(struct sensor *s, struct target *t, const struct kept_limits *lim)
{
	struct reg *r = registry_by_id(&s->reg, t->id);

	if (r && !r->seen && roots_is_anew(r)) {
		drop(s, r, true);
		r = NULL;
	}
	if (r)
		roots_follow(s, r);
	else
		r = add(s, t, lim);
	if (!r)
		return false;
	if (atomic_load(&r->kept->absent))
		t->state = STATE_STOPPED;
	if (!r->seen)
		update(s, r, t, (struct span){0});
	r->seen = true;
	return true;
}

static void keep_volume(struct sensor *s, const struct box_list *l, const struct box_mount *m)
{
	struct kept_limits lim = {
		.max_bytes = s->cfg->volumes_max_bytes, .max_files = s->cfg->volumes_max_files};
	BUF struct buf id = {0}, users = {0};
	bool running = false;
	struct target t = {.kind = TARGET_VOLUME,
		.name = volume_name(m->source),
		.runtime = span_of("volume"),
		.fs_type = m->fs_type,
		.upper = m->source};

	volume_tree_id(&id, "volume:", m->source);
	volume_users(l, m->source, &users, &running);
	t.id = buf_span(&id);
	t.volumes = buf_span(&users);
	t.state = running ? STATE_RUNNING : STATE_STOPPED;
	keep_tree(s, &t, &lim);
}

/* ---- a look ---- */

/* The same name on another tree is another thing; so is one whose mount, which knows, says that its
 * markers are others than its files at rest had let us think. */
static bool is_another(const struct reg *r, const struct box *b)
{
	return !span_is(b->t.upper, r->kept->upper) ||
	       (!b->from_files_only && keeping_marks(&b->t) != r->kept->marks);
}

/* It runs, and we cannot look at it: from within a container that was not shown where its files lie. */
static void out_of_sight(struct sensor *s, const struct box *b)
{
	BUF struct buf upper = {0}, why = {0};
	struct stat st;

	buf_add_span(&upper, b->t.upper);
	if (!b->t.mnt_ns || !finder_is_contained(s->finder) || lstat(buf_text(&upper), &st) == 0)
		return;
	buf_printf(&why,
		"container %.*s: its files, %s, are not to be seen from here: mount its engine's "
		"data root into the daemon's container, at the same path",
		(int)b->t.name.n, (const char *)b->t.name.p, buf_text(&upper));
	roots_absent(s, buf_text(&upper), buf_text(&why));
}

static void keep_box(struct sensor *s, const struct box *b)
{
	struct kept_limits lim = {.merged = b->merged, .partial = b->partial};
	struct reg *r = registry_by_id(&s->reg, b->t.id);

	if (r && is_another(r, b)) {
		drop(s, r, true);
		r = NULL;
	}
	if (!r)
		r = add(s, &b->t, &lim);
	else
		update(s, r, &b->t, b->merged);
	if (!r) {
		out_of_sight(s, b);
		return;
	}
	hold(s, r, b->partial);
	r->seen = true;
	r->mnt_ns = b->t.mnt_ns;
	r->dev_major = b->dev_major;
	r->dev_minor = b->dev_minor;
	if (b->t.state == STATE_RUNNING)
		covers_follow(s, r, b);
	if (b->t.state == STATE_RUNNING && !b->from_files_only)
		mounted_follow(s, r->kept, b->t.lowers);
}

/* Not met by the look: its tree tells whether it has only stopped. */
static void not_seen(struct sensor *s, struct reg *r)
{
	struct stat at_path, held;
	struct target t;
	bool there;

	if (target_decode(buf_span(&r->desc), &t) == 0 && refuse_kept(s, &t)) {
		drop(s, r, false);
		return;
	}
	if (r->kept->kind == TARGET_VOLUME && !roots_is_anew(r))
		roots_follow(s, r);
	there = stat(r->kept->upper, &at_path) == 0 && fstat(r->kept->upper_fd, &held) == 0 &&
		at_path.st_ino == held.st_ino && at_path.st_dev == held.st_dev;

	if (!there) {
		drop(s, r, true);
		return;
	}
	if (r->state != STATE_RUNNING || target_decode(buf_span(&r->desc), &t) < 0)
		return;
	if (r->hold_until)
		tell_first(s, r);
	t.state = STATE_STOPPED;
	t.pid = 0;
	t.mnt_ns = 0;
	{
		BUF struct buf mem = {0};
		struct target copy;

		target_encode(&t, &mem);
		if (target_decode(buf_span(&mem), &copy) == 0)
			update(s, r, &copy, (struct span){0});
	}
	r->mnt_ns = 0;
}

/* A plain tree's root has the host's own device: it tells nobody apart. */
static void rebuild_rows(struct sensor *s)
{
	struct registry *g = &s->reg;
	size_t n = 0;

	for (struct reg *r = g->regs; r; r = r->next)
		n++;
	free(g->rows);
	g->rows = calloc(n + 1, sizeof(*g->rows));
	must(g->rows);
	g->n_rows = 0;
	for (struct reg *r = g->regs; r; r = r->next)
		if (r->kept->kind == TARGET_CONTAINER && r->state == STATE_RUNNING)
			g->rows[g->n_rows++] = (struct whose_row){span_of(r->kept->id), r->mnt_ns,
				r->kept->overlay ? r->dev_major : 0,
				r->kept->overlay ? r->dev_minor : 0, r->pid};
	tracker_rows(s->tracker, g->rows, g->n_rows);
}

static void look_at_volumes(struct sensor *s, const struct box_list *l)
{
	for (size_t i = 0; s->cfg->volumes_watch && i < l->n; i++)
		for (size_t j = 0; j < l->v[i].n_mount; j++)
			if (volume_is_one(s->cfg, &l->v[i].mount[j]) &&
				!refuse_mount(s, &l->v[i], &l->v[i].mount[j]))
				keep_volume(s, l, &l->v[i].mount[j]);
}

void registry_look(struct sensor *s)
{
	BOX_LIST struct box_list l = {0};
	BUF struct buf notes = {0};
	const struct mnt_ns *spaces;
	struct reg *r, *next;
	size_t n_spaces;

	if (finder_look(s->finder, &l, &notes) < 0) {
		log_warn("looking for containers: %s", err_why());
		return;
	}
	if (notes.n)
		log_debug("%s", buf_text(&notes));
	for (r = s->reg.regs; r; r = r->next)
		r->seen = false;
	for (size_t i = 0; i < l.n; i++)
		keep_box(s, &l.v[i]);
	refuse_begin(s);
	look_at_volumes(s, &l);
	hosts_keep(s, keep_tree);
	for (r = s->reg.regs; r; r = next) {
		next = r->next;
		if (!r->seen && r->kept->kind == TARGET_HOST)
			drop(s, r, r->kept->by_default && s->cfg->host_defaults);
		else if (!r->seen)
			not_seen(s, r);
	}
	covers_follow_trees(s);
	layer_mounts_follow(s);
	mounted_round(s);
	rebuild_rows(s);
	spaces = finder_spaces(s->finder, &n_spaces);
	spaces_follow(s, spaces, n_spaces);
	s->reg.first_look = false;
}

/* ---- the start: what the store knows and the look did not meet ---- */

static void stored_target(struct sensor *s, const struct target *t)
{
	struct kept_limits lim = {
		.max_bytes = s->cfg->volumes_max_bytes, .max_files = s->cfg->volumes_max_files};
	struct item_gone *g;
	struct target stopped = *t;
	bool refused = refuse_kept(s, t);

	if (t->state == STATE_REMOVED || registry_by_id(&s->reg, t->id))
		return;
	stopped.state = STATE_STOPPED;
	stopped.pid = 0;
	if (t->kind != TARGET_HOST && !refused &&
		add(s, &stopped, t->kind == TARGET_VOLUME ? &lim : NULL))
		return;
	g = calloc(1, sizeof(*g));
	must(g);
	g->item.kind = ITEM_GONE;
	g->removed = t->kind != TARGET_HOST && !refused;
	g->kept = calloc(1, sizeof(*g->kept));
	must(g->kept);
	atomic_init(&g->kept->refs, 1);
	atomic_init(&g->kept->no, t->no);
	g->kept->upper_fd = g->kept->index_fd = -1;
	sensor_push(s, &g->item);
}

static void read_stored(struct sensor *s, struct buf *list)
{
	TXN struct txn *t = NULL;
	struct target target;
	uint32_t no = 0;

	if (txn_begin(s->store, false, &t) < 0)
		return;
	while (targets_next(t, &no, &target) == 0) {
		BUF struct buf one = {0};

		target_encode(&target, &one);
		buf_be32(list, target.no);
		buf_bytes(list, buf_span(&one));
	}
}

void registry_start(struct sensor *s)
{
	BUF struct buf list = {0};
	struct rd at;

	s->reg.first_look = true;
	read_stored(s, &list);
	roots_start(s);
	registry_look(s);
	at = rd_of(buf_span(&list));
	while (!rd_end(&at)) {
		uint32_t no = rd_be32(&at);
		struct target t;

		if (target_decode(rd_bytes(&at), &t) == 0) {
			t.no = no;
			stored_target(s, &t);
		}
	}
	rebuild_rows(s);
}

void registry_free(struct sensor *s)
{
	struct registry *g = &s->reg;

	while (g->regs) {
		struct reg *r = g->regs;

		g->regs = r->next;
		covers_free(r);
		kept_unref(r->kept);
		free(r->refused);
		buf_free(&r->desc);
		free(r->merged);
		free(r);
	}
	while (g->layers) {
		struct layer_row *row = g->layers;

		g->layers = row->next;
		layers_let_go(row->lower);
		layer_mounts_free(row);
		lower_unref(row->lower);
		free(row);
	}
	roots_free(g);
	buf_free(&g->strongholds);
	buf_free(&g->refused);
	buf_free(&g->refused_now);
	free(g->rows);
}
