/* One object for each kind of root: a tree without layers is an overlay with no upper layer whose
 * only lower is a snapshot of itself, so that looking and judging have one path. */
#include "daemon/sensor/kept.h"
#include "base/err.h"
#include "base/glob.h"
#include "daemon/sensor/hostset.h"
#include "store/snapshot.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct lower *lower_ref(struct lower *l)
{
	atomic_fetch_add(&l->refs, 1);
	return l;
}

void lower_unref(struct lower *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	fd_close(&l->root_fd);
	free(l->path);
	free(l);
}

struct kept *kept_ref(struct kept *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void kept_unref(struct kept *k)
{
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	for (size_t i = 0; i < k->n_lower; i++) {
		if (i < KEPT_BITS && atomic_load(&k->elsewhere[i / 64]) >> i % 64 & 1)
			atomic_fetch_sub(&k->lower[i]->elsewhere, 1);
		lower_unref(k->lower[i]);
	}
	fd_close(&k->upper_fd);
	fd_close(&k->index_fd);
	for (size_t i = 0; i < k->exclude.n; i++)
		free((char *)k->exclude.v[i]);
	free(k->exclude.v);
	rules_for_unref(k->rules);
	free(k->lower);
	free(k->index);
	free(k->id);
	free(k->name);
	free(k->upper);
	free(k->link);
	free(k);
}

int lower_identity(const char *path, int fd, enum look_marks marks, uint8_t ret[SHA_LEN])
{
	BUF struct buf b = {0};
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
		return err_sys("%s", path);
	buf_bytes(&b, span_of(path));
	buf_be64(&b, st.stx_ino);
	buf_be64(&b, (uint64_t)st.stx_btime.tv_sec);
	buf_be32(&b, st.stx_btime.tv_nsec);
	/* Other marks, other records: what hides files to one mount is a plain xattr to another. */
	if (marks != MARKS_NONE)
		buf_u8(&b, (uint8_t)marks);
	if (buf_err(&b))
		return buf_err(&b);
	sha_once(buf_span(&b), ret);
	return 0;
}

int lower_open(
	const char *path, const char *kind, enum look_marks marks, uint32_t id, struct lower **ret)
{
	struct lower *l = calloc(1, sizeof(*l));
	int r;

	must(l);
	atomic_init(&l->refs, 1);
	l->id = id;
	l->kind = kind;
	l->marks = marks;
	l->path = strdup(path);
	must(l->path);
	l->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = l->root_fd < 0 ? err_sys("layer %s", path)
			   : lower_identity(path, l->root_fd, marks, l->identity);
	if (r < 0) {
		lower_unref(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct lower *lower_absent(const char *path, uint32_t id)
{
	struct lower *l = calloc(1, sizeof(*l));

	must(l);
	atomic_init(&l->refs, 1);
	l->id = id;
	l->kind = "tree";
	l->root_fd = -1;
	l->path = strdup(path);
	must(l->path);
	return l;
}

bool kept_is_going(const struct kept *k)
{
	struct stat st;

	/* Nobody takes away a tree of the host as a runtime does its own. */
	if (k->kind == TARGET_HOST)
		return false;
	if (fstat(k->upper_fd, &st) == 0 && st.st_nlink == 0)
		return true;
	return k->link && lstat(k->link, &st) < 0 && errno == ENOENT;
}

void kept_exclude(struct kept *k, const struct config_list *globs)
{
	size_t n = globs ? globs->n : 0;

	k->exclude.v = calloc(n + 1, sizeof(*k->exclude.v));
	must(k->exclude.v);
	for (; k->exclude.n < n; k->exclude.n++) {
		k->exclude.v[k->exclude.n] = strdup(globs->v[k->exclude.n]);
		must(k->exclude.v[k->exclude.n]);
	}
}

static bool matches_one(const struct config_list *globs, struct span path)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_match(span_of(globs->v[i]), path))
			return true;
	return false;
}

struct rules_for *kept_rules(struct kept *k)
{
	struct rules_for *f;

	pthread_mutex_lock(&k->rules_lock);
	f = k->rules ? rules_for_ref(k->rules) : NULL;
	pthread_mutex_unlock(&k->rules_lock);
	return f;
}

struct rules_for *kept_set_rules(struct kept *k, struct rules_for *fresh)
{
	struct rules_for *old;

	pthread_mutex_lock(&k->rules_lock);
	old = k->rules;
	k->rules = fresh;
	pthread_mutex_unlock(&k->rules_lock);
	return old;
}

static bool rules_exclude(struct kept *k, struct span path)
{
	RULES_FOR struct rules_for *f = kept_rules(k);

	return rules_excluder(f, path);
}

bool kept_excludes(struct kept *k)
{
	RULES_FOR struct rules_for *f = kept_rules(k);

	return k->by_default || k->exclude.n || (f && rules_for_excludes(f));
}

/* What is below an excluded directory is with it. */
bool kept_is_excluded(struct kept *k, struct span path)
{
	if (k->by_default && hostset_leaves_out(span_of(k->upper), path))
		return true;
	for (size_t n = 1; k->exclude.n && n <= path.n; n++)
		if ((n == path.n || path.p[n] == '/') &&
			matches_one(&k->exclude, span_make(path.p, n)))
			return true;
	return rules_exclude(k, path);
}

bool kept_is_baselined(const struct kept *k)
{
	for (size_t i = 0; i < k->n_lower; i++)
		if (!atomic_load(&k->lower[i]->snap))
			return false;
	return true;
}

bool kept_is_unsure(const struct kept *k)
{
	for (size_t i = 0; k->overlay && i < k->n_lower; i++)
		if (k->lower[i]->unsure)
			return true;
	return false;
}

/* ---- snapshot layers ---- */

struct snap_ctx {
	struct txn *txn;
	uint32_t no;
};

static int snap_layer_lookup(
	const struct layer *l, struct layer_dir dir, struct span name, struct layer_entry *ret)
{
	const struct snap_ctx *c = l->ctx;
	uint32_t in = name.n ? (dir.no ? dir.no : SNAP_ROOT_DIR) : 0;
	int r = snap_lookup(c->txn, c->no, in, name, &ret->rec, &ret->sub_dir);

	return r == STORE_ABSENT ? LOOK_ABSENT : r;
}

static int snap_layer_list(const struct layer *l, struct layer_dir dir, struct names *out)
{
	const struct snap_ctx *c = l->ctx;
	struct snap_cursor *cur = NULL;
	struct record rec;
	struct span name;
	uint32_t sub;
	int r = snap_list_open(c->txn, c->no, dir.no ? dir.no : SNAP_ROOT_DIR, &cur);

	while (r == 0 && (r = snap_list_next(cur, &name, &rec, &sub)) == 0)
		r = names_add(out, name, 0);
	snap_list_close(cur);
	return r == STORE_ABSENT ? 0 : r;
}

static const struct layer_ops snap_layer_ops = {snap_layer_lookup, snap_layer_list};

int layer_dir_of(const struct layer *l, struct span below, struct layer_dir *ret)
{
	struct layer_entry e = {0};
	int r = 0;

	*ret = (struct layer_dir){.rel = below, .no = SNAP_ROOT_DIR};
	if (l->ops != &snap_layer_ops)
		return 0;
	for (size_t i = 0, from = 0; r == 0 && below.n && i <= below.n; i++) {
		if (i < below.n && below.p[i] != '/')
			continue;
		r = l->ops->lookup(l, *ret, span_make(below.p + from, i - from), &e);
		if (r == 0 && e.rec.type != FILE_DIR)
			r = LOOK_ABSENT;
		ret->no = e.sub_dir;
		from = i + 1;
	}
	return r;
}

static void layer_on_disk(struct layer *l, const struct lower *w, bool data_only)
{
	*l = (struct layer){.ops = &layer_disk_ops,
		.root_fd = w->root_fd,
		.marks = w->marks,
		.data_only = data_only,
		.id = w->id};
}

static void layer_of_base(struct layer *l, const struct lower *w, bool data_only, struct txn *txn,
	struct snap_ctx *ctx)
{
	uint32_t snap = txn ? atomic_load(&w->snap) : 0;

	layer_on_disk(l, w, data_only);
	if (!snap)
		return;
	*ctx = (struct snap_ctx){txn, snap};
	l->ops = &snap_layer_ops;
	l->ctx = ctx;
	l->root_fd = -1;
}

static int views_at(struct views *v, size_t n)
{
	v->at = calloc(n, sizeof(*v->at));
	if (!v->at)
		return -ENOMEM;
	for (v->n_at = 0; v->n_at < n; v->n_at++)
		v->at[v->n_at].fd = -1;
	return 0;
}

int views_open(const struct kept *k, struct txn *txn, struct views *ret)
{
	size_t n = k->n_lower;
	struct layer *now, *base;

	ret->mem = calloc(2 * n + 2, sizeof(struct layer));
	ret->snaps = calloc(n + 1, sizeof(struct snap_ctx));
	if (!ret->mem || !ret->snaps || views_at(ret, 2 * n + 1) < 0)
		return err_set(-ENOMEM, "out of memory");
	now = ret->mem;
	base = ret->mem + n + 2;
	now[0] = (struct layer){.ops = &layer_disk_ops,
		.root_fd = k->upper_fd,
		.marks = k->marks,
		.upper = k->overlay,
		.at = &ret->at[0]};
	for (size_t i = 0; i < n; i++) {
		bool data = i >= n - k->n_data;

		layer_of_base(&base[i], k->lower[i], data, txn, &ret->snaps[i]);
		base[i].at = &ret->at[1 + i];
		if (k->overlay)
			layer_on_disk(&now[i + 1], k->lower[i], data);
		if (k->overlay)
			now[i + 1].at = &ret->at[1 + n + i];
	}
	ret->now = (struct view){.layer = now, .n = k->overlay ? n + 1 : !atomic_load(&k->absent)};
	ret->base = (struct view){.layer = base, .n = n};
	if (k->overlay && k->index_fd >= 0) {
		now[n + 1] = (struct layer){.ops = &layer_disk_ops,
			.root_fd = k->index_fd,
			.marks = k->marks,
			.upper = true};
		ret->now.index = &ret->index;
	}
	return 0;
}

int views_open_layer(const struct lower *w, struct txn *txn, struct views *ret)
{
	ret->mem = calloc(2, sizeof(struct layer));
	ret->snaps = calloc(1, sizeof(struct snap_ctx));
	if (!ret->mem || !ret->snaps || views_at(ret, 1) < 0)
		return err_set(-ENOMEM, "out of memory");
	layer_on_disk(&ret->mem[0], w, false);
	ret->mem[0].at = &ret->at[0];
	layer_of_base(&ret->mem[1], w, false, txn, ret->snaps);
	ret->now = (struct view){.layer = &ret->mem[0], .n = 1};
	ret->base = (struct view){.layer = &ret->mem[1], .n = 1};
	return 0;
}

void views_close(struct views *v)
{
	for (size_t i = 0; i < v->n_at; i++)
		layer_at_free(&v->at[i]);
	free(v->at);
	free(v->mem);
	free(v->snaps);
	view_index_free(&v->index);
	*v = (struct views){0};
}
