#include "daemon/sensor/keeping.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/collect.h"
#include "daemon/sensor/layer_mounts.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/owned.h"
#include "daemon/sensor/proving.h"
#include "daemon/sensor/volume.h"
#include "store/snapshot.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- layers: opened once, shared, watched ---- */

static const char *layer_kind(struct span path)
{
	static const char tail[] = "-init/diff";
	size_t n = sizeof(tail) - 1;

	return path.n > n && memcmp(path.p + path.n - n, tail, n) == 0 ? "runtime" : "image";
}

static struct lower *layer_get(struct sensor *s, struct span path, enum look_marks marks)
{
	struct layer_row *row;
	struct lower *l = NULL;

	for (row = s->reg.layers; row; row = row->next)
		if (span_is(path, row->lower->path) && row->lower->marks == marks) {
			row->users++;
			return lower_ref(row->lower);
		}
	if (lower_open((const char *)path.p, layer_kind(path), marks, ++s->reg.next_id, &l) < 0)
		return NULL;
	collect_find(s, l);
	proving_known(s, l);
	l->unsure = atomic_load(&l->snap);
	l->good = (l->unsure ? s->blind_from : clock_wall()) - CLOCK_S;
	row = calloc(1, sizeof(*row));
	must(row);
	row->lower = lower_ref(l);
	row->root_id = l->id;
	row->users = 1;
	row->next = s->reg.layers;
	s->reg.layers = row;
	return l;
}

bool keeping_arm_layer(struct sensor *s)
{
	struct watch_root root = {.kind = WATCH_LOWER};
	struct layer_row *row = s->reg.layers;
	enum level level;

	while (row && (row->armed || !atomic_load(&row->lower->snap)))
		row = row->next;
	if (!row)
		return false;
	row->armed = true;
	root.id = row->root_id;
	root.path = row->lower->path;
	if (watch_add(s->watch, &root, &level) < 0 || level == LEVEL_L6)
		log_info("layer %s is not watched, only verified: %s", root.path, err_why());
	layers_since(&s->ex, row->lower); /* what happens from here on is told */
	return true;
}

static void layer_put(struct sensor *s, struct lower *l)
{
	struct layer_row **at = &s->reg.layers, *row;

	while (*at && (*at)->lower != l)
		at = &(*at)->next;
	row = *at;
	if (!row || --row->users)
		return;
	*at = row->next;
	if (row->armed)
		watch_remove(s->watch, row->root_id);
	layers_let_go(row->lower);
	layer_mounts_free(row);
	lower_unref(row->lower);
	free(row);
}

/* ---- making what is kept ---- */

enum look_marks keeping_marks(const struct target *t)
{
	if (!target_is_overlay(t))
		return MARKS_NONE;
	return t->fuse ? MARKS_FUSE : t->user_xattr ? MARKS_USER : MARKS_TRUSTED;
}

static int add_lowers(struct sensor *s, struct kept *k, struct span list, bool data)
{
	struct rd at = rd_of(list);
	struct span path;

	while (target_next_path(&at, &path)) {
		BUF struct buf text = {0};
		struct lower *l;

		buf_add_span(&text, path);
		l = layer_get(s, buf_span(&text), k->marks);
		if (!l)
			return err_wrap(-ENOENT, "%s", k->name);
		k->lower = reallocarray(k->lower, k->n_lower + 1, sizeof(*k->lower));
		must(k->lower);
		k->lower[k->n_lower++] = l;
		k->n_data += data;
	}
	return 0;
}

/* Is what its path showed in an earlier life its baseline still, whoever put another directory there?
 * A container's root and an engine's own volume are made anew under the same path by right. */
static bool stays_baselined(struct sensor *s, const struct kept *k)
{
	TXN struct txn *t = NULL;
	struct target old;

	if (k->kind == TARGET_HOST)
		return true;
	return k->kind == TARGET_VOLUME && !volume_is_engines(span_of(k->upper)) &&
	       txn_begin(s->store, false, &t) == 0 && targets_by_id(t, span_of(k->id), &old) == 0 &&
	       old.state != STATE_REMOVED;
}

/* A tree's baseline is a snapshot of itself: the one "layer" it stacks. */
static int add_own_tree(struct sensor *s, struct kept *k)
{
	struct lower *l = NULL;
	int r = 0;

	if (atomic_load(&k->absent))
		l = lower_absent(k->upper, ++s->reg.next_id);
	else
		r = lower_open(k->upper, "tree", MARKS_NONE, ++s->reg.next_id, &l);
	if (r < 0)
		return r;
	collect_find_tree(s, l, stays_baselined(s, k));
	if (atomic_load(&k->absent) && !atomic_load(&l->snap)) {
		lower_unref(l);
		return err_set(-ENOENT, "%s: %s is not there", k->name, k->upper);
	}
	k->lower = calloc(1, sizeof(*k->lower));
	must(k->lower);
	k->lower[k->n_lower++] = l;
	return 0;
}

void keeping_release(struct sensor *s, struct kept *k)
{
	for (size_t i = 0; k && k->overlay && i < k->n_lower; i++)
		layer_put(s, k->lower[i]);
	kept_unref(k);
}

/* Docker's and containers/storage's layout: ID/diff beside ID/link, which holds NAME of l/NAME. Both
 * remove that first. */
static char *link_of(const char *upper)
{
	BUF struct buf file = {0}, name = {0}, path = {0};
	struct stat st;

	buf_printf(&file, "%s/../link", upper);
	if (fd_read_file(AT_FDCWD, buf_text(&file), 64, &name) < 0 || !name.n ||
		memchr(name.p, '/', name.n) || memchr(name.p, 0, name.n))
		return NULL;
	buf_printf(&path, "%s/../../l/%s", upper, buf_text(&name));
	return lstat(buf_text(&path), &st) == 0 ? strdup(buf_text(&path)) : NULL;
}

/* A host tree that is not there is kept all the same when there is a baseline to miss it by. */
static int open_upper(struct kept *k)
{
	k->upper_fd = open(k->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->upper_fd < 0 && k->kind == TARGET_HOST) {
		k->upper_fd = open("/dev/null", O_PATH | O_CLOEXEC);
		atomic_store(&k->absent, true);
	}
	return k->upper_fd < 0 ? err_sys("%s: %s", k->name, k->upper) : 0;
}

int keeping_make(struct sensor *s, const struct target *t, struct kept **ret)
{
	struct kept *k = calloc(1, sizeof(*k));
	int r;

	must(k);
	atomic_init(&k->refs, 1);
	k->id = span_dup(t->id);
	k->name = span_dup(t->name);
	k->upper = span_dup(t->upper);
	k->kind = t->kind;
	k->overlay = target_is_overlay(t);
	k->marks = keeping_marks(t);
	k->runtime_makes = owned_by_runtime(t->runtime);
	k->index_fd = -1;
	r = open_upper(k);
	if (t->index.n) {
		k->index = span_dup(t->index);
		k->index_fd = open(k->index, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	k->link = r == 0 && k->overlay ? link_of(k->upper) : NULL;
	if (r == 0 && k->overlay)
		r = add_lowers(s, k, t->lowers, false);
	if (r == 0 && k->overlay)
		r = add_lowers(s, k, t->data_only, true);
	if (r == 0 && !k->overlay)
		r = add_own_tree(s, k);
	if (r < 0) {
		keeping_release(s, k);
		return r;
	}
	*ret = k;
	return 0;
}
