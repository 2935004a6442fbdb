/*
 * The rules are those of the kernel's fs/overlayfs lookup, in its order, because order decides: a
 * whiteout ends the search, an opaque directory ends it after itself, a redirect renames what is
 * sought from here down, an absolute one restarts at the roots of the layers below, and a metacopy
 * file goes on until somebody has the data. Listings are not merged here: a name is there when its
 * lookup says so.
 */
#include "fs/view.h"
#include "base/err.h"

void node_free(struct node *nd)
{
	free(nd->ref);
	buf_free(&nd->mem);
	*nd = (struct node){0};
}

/* The rels lie in `mem` one after the other; after it has grown they are found again so. */
static void node_settle(struct node *nd)
{
	size_t i, at = 0;

	for (i = 0; i < nd->n && nd->mem.p; i++) {
		nd->ref[i].dir.rel.p = nd->mem.p + at;
		at += nd->ref[i].dir.rel.n;
	}
}

static int node_add(struct node *nd, uint32_t layer, struct span rel, uint32_t no)
{
	struct node_ref *ref = reallocarray(nd->ref, nd->n + 1, sizeof(*ref));

	if (!ref)
		return err_set(-ENOMEM, "out of memory");
	nd->ref = ref;
	buf_add_span(&nd->mem, rel);
	if (buf_err(&nd->mem))
		return buf_err(&nd->mem);
	ref[nd->n++] = (struct node_ref){layer, {{NULL, rel.n}, no}};
	node_settle(nd);
	return 0;
}

int node_copy(const struct node *from, struct node *to)
{
	size_t i;
	int r = 0;

	to->n = 0;
	buf_reset(&to->mem);
	for (i = 0; i < from->n && r == 0; i++)
		r = node_add(to, from->ref[i].layer, from->ref[i].dir.rel, from->ref[i].dir.no);
	return r;
}

void hit_free(struct hit *h)
{
	look_free(&h->entry.look);
	look_free(&h->data.look);
	node_free(&h->node);
	buf_free(&h->mem);
	*h = (struct hit){0};
}

/* Forgets all but the memory. */
static void hit_reset(struct hit *h)
{
	struct hit old = *h;

	*h = (struct hit){.mem = old.mem, .node = {.ref = old.node.ref, .mem = old.node.mem}};
	h->entry.look.mem = old.entry.look.mem;
	h->data.look.mem = old.data.look.mem;
	buf_reset(&h->mem);
	buf_reset(&h->node.mem);
}

/* A place in a layer under construction: it may grow. */
struct spot {
	uint32_t layer, no;
	struct buf rel, name;
};

static void spot_free(struct spot *s)
{
	buf_free(&s->rel);
	buf_free(&s->name);
}

/* A lookup under way. */
struct seek {
	const struct view *v;
	struct hit *hit;
	struct buf name;	/* what is sought from here down: a name, or "/a/path" */
	struct layer_entry got; /* of the layer at hand */
	struct spot at;		/* where it was got */
	uint32_t n_merged;	/* layers without the data-only ones */
	bool is_dir, metacopy, stop, last, to_roots;
	bool absolute;	  /* so was the redirect of the last object that was asked for one */
	unsigned n_lower; /* found so far below the upper */
};

static void seek_free(struct seek *s)
{
	buf_free(&s->name);
	look_free(&s->got.look);
	spot_free(&s->at);
}
#define SEEK CLEANUP(seek_free)

static uint32_t merged_layers(const struct view *v)
{
	uint32_t n = 0;

	while (n < v->n && !v->layer[n].data_only)
		n++;
	return n;
}

static int raw_lookup(
	const struct layer *l, struct layer_dir dir, struct span name, struct layer_entry *ret)
{
	struct buf mem = ret->look.mem;

	*ret = (struct layer_entry){.look = {.mem = mem}};
	return l->ops->lookup(l, dir, name, ret);
}

static void descend(struct spot *at, uint32_t no)
{
	if (at->rel.n && at->name.n)
		buf_u8(&at->rel, '/');
	buf_add_span(&at->rel, buf_span(&at->name));
	buf_reset(&at->name);
	at->no = no;
}

static void spot_begin(struct spot *at, uint32_t layer, struct layer_dir dir)
{
	buf_reset(&at->rel);
	buf_reset(&at->name);
	buf_add_span(&at->rel, dir.rel);
	at->layer = layer;
	at->no = dir.no;
}

static struct layer_dir spot_dir(const struct spot *at)
{
	return (struct layer_dir){buf_span(&at->rel), at->no};
}

/* "name", or "/one/or/more" without empty, "." and ".." parts: the kernel refuses others too. */
static bool redirect_ok(struct span r)
{
	bool absolute = r.n && r.p[0] == '/';
	size_t from = absolute, i;

	for (i = from; i <= r.n; i++) {
		struct span part = {r.p + from, i - from};

		if (i < r.n && r.p[i] != '/')
			continue;
		if (!part.n || span_is(part, ".") || span_is(part, ".."))
			return false;
		if (i < r.n && !absolute)
			return false;
		from = i + 1;
	}
	return true;
}

/* From here down another name is sought: `n_pre` bytes before and `n_post` after the part that the
 * redirect stands for stay as they are. */
static int take_redirect(struct seek *s, size_t n_pre, size_t n_post)
{
	struct span redirect = s->got.rec.redirect;
	BUF struct buf name = {0};
	struct buf old = s->name;

	s->absolute = redirect.n && redirect.p[0] == '/';
	if (!redirect.n)
		return 0;
	if (!redirect_ok(redirect))
		return err_set(-EBADMSG, "an overlay redirect that leads nowhere");
	if (s->absolute) {
		s->stop = false; /* an opaque ancestor does not count on a path of its own */
		s->to_roots = true;
	} else {
		buf_add(&name, old.p, n_pre);
	}
	buf_add_span(&name, redirect);
	buf_add(&name, old.p + old.n - n_post, n_post);
	s->name = name;
	name = old;
	return buf_err(&s->name);
}

/* Non-directories. 1: found. */
static int judge_file(struct seek *s, size_t n_pre, size_t n_post)
{
	int r;

	if (s->is_dir || n_post) {
		s->stop = true;
		return 0;
	}
	s->metacopy = s->got.rec.type == FILE_REG && s->got.rec.ovl & OVL_METACOPY;
	s->stop = !s->metacopy;
	if (!s->metacopy || s->last)
		return 1;
	r = take_redirect(s, n_pre, n_post);
	return r < 0 ? r : 1;
}

static int judge_dir(struct seek *s, size_t n_pre, size_t n_post)
{
	int r;

	if (!n_post)
		s->is_dir = true;
	if (s->last)
		return 1;
	if (s->got.rec.ovl & OVL_OPAQUE) {
		s->stop = true;
		return 1;
	}
	r = take_redirect(s, n_pre, n_post);
	return r < 0 ? r : 1;
}

/* One element, s->at.name, of what is sought. 1: found, in s->got. */
static int seek_single(struct seek *s, size_t n_pre, size_t n_post)
{
	int r = raw_lookup(
		&s->v->layer[s->at.layer], spot_dir(&s->at), buf_span(&s->at.name), &s->got);

	if (r)
		return r < 0 ? r : 0;
	if (s->got.rec.ovl & OVL_WHITEOUT ||
		(!n_post && s->metacopy && s->got.rec.type != FILE_REG)) {
		s->stop = true;
		return 0;
	}
	return s->got.rec.type == FILE_DIR ? judge_dir(s, n_pre, n_post)
					   : judge_file(s, n_pre, n_post);
}

static int begin_at_root(struct seek *s, uint32_t layer)
{
	int r = raw_lookup(&s->v->layer[layer], (struct layer_dir){0}, (struct span){0}, &s->got);

	spot_begin(&s->at, layer, (struct layer_dir){.no = s->got.sub_dir});
	return r;
}

/* A path from the layer's root. What remains is counted from the end, for a redirect on the way may
 * exchange what was before. 1: found. */
static int seek_path(struct seek *s, uint32_t layer)
{
	size_t rest = s->name.n - 1;
	int r = begin_at_root(s, layer);

	if (r)
		return r < 0 ? r : 0;
	for (;;) {
		size_t n_pre = s->name.n - rest, n;
		const uint8_t *p = s->name.p + n_pre, *slash = memchr(p, '/', rest);

		n = slash ? (size_t)(slash - p) : rest;
		buf_reset(&s->at.name);
		buf_add(&s->at.name, p, n);
		r = seek_single(s, n_pre, rest - n);
		if (r <= 0 || !slash)
			return r;
		descend(&s->at, s->got.sub_dir);
		rest -= n + 1;
	}
}

static void swap_entries(struct layer_entry *a, struct layer_entry *b)
{
	struct layer_entry c = *a;

	*a = *b;
	*b = c;
}

/* hit->mem holds dir.rel, name, data_dir.rel, data_name in this order. */
static void hit_settle(struct hit *h)
{
	const uint8_t *p = h->mem.p;

	if (!p)
		return;
	h->dir.rel.p = p;
	h->name.p = p + h->dir.rel.n;
	h->data_dir.rel.p = h->name.p + h->name.n;
	h->data_name.p = h->data_dir.rel.p + h->data_dir.rel.n;
}

static void put_place(struct seek *s, struct layer_dir *ret_dir, struct span *ret_name)
{
	struct buf *mem = &s->hit->mem;

	buf_add_span(mem, buf_span(&s->at.rel));
	buf_add_span(mem, buf_span(&s->at.name));
	*ret_dir = (struct layer_dir){{NULL, s->at.rel.n}, s->at.no};
	*ret_name = (struct span){NULL, s->at.name.n};
}

/* What was found goes into the hit: the first decides, directories merge, the last has the data. */
static int keep(struct seek *s)
{
	struct hit *h = s->hit;
	bool first = !h->found;
	uint32_t no = s->got.sub_dir;
	enum file_type type = s->got.rec.type;

	s->n_lower += !s->v->layer[s->at.layer].upper;
	if (first) {
		h->found = true;
		h->layer = s->at.layer;
		put_place(s, &h->dir, &h->name);
	}
	if (type == FILE_REG && !s->metacopy) {
		h->data_layer = s->at.layer;
		put_place(s, &h->data_dir, &h->data_name);
	}
	if (first)
		swap_entries(&h->entry, &s->got);
	else if (type == FILE_REG && !s->metacopy)
		swap_entries(&h->data, &s->got);
	if (s->at.rel.err | s->at.name.err | h->mem.err)
		return err_set(-ENOMEM, "out of memory");
	if (type != FILE_DIR)
		return 0;
	descend(&s->at, no);
	return node_add(&h->node, s->at.layer, buf_span(&s->at.rel), no);
}

/* What is sought, in one layer: below `dir`, or from the root. */
static int seek_layer(struct seek *s, uint32_t layer, const struct layer_dir *dir)
{
	int r;

	s->last = !s->v->layer[layer].upper && layer + 1 == s->n_merged &&
		  (s->is_dir || s->n_merged == s->v->n);
	if (dir) {
		spot_begin(&s->at, layer, *dir);
		buf_add_span(&s->at.name, buf_span(&s->name));
		r = seek_single(s, 0, 0);
	} else {
		r = seek_path(s, layer);
	}
	return r > 0 ? keep(s) : r;
}

static int seek_merged(struct seek *s, const struct node *nd)
{
	uint32_t layer = 0;
	size_t i;
	int r = 0;

	for (i = 0; i < nd->n && !s->stop && !s->to_roots && r == 0; i++) {
		layer = nd->ref[i].layer;
		r = seek_layer(s, layer, &nd->ref[i].dir);
	}
	while (s->to_roots && !s->stop && r == 0 && ++layer < s->n_merged)
		r = seek_layer(s, layer, NULL);
	return r;
}

/* Data-only layers have no rules: the path is there as a regular file, or not. 1: found. */
static int seek_plain(struct seek *s, uint32_t layer)
{
	struct span rest = span_make(s->name.p + 1, s->name.n - 1);
	int r = begin_at_root(s, layer);

	while (r == 0) {
		const uint8_t *slash = memchr(rest.p, '/', rest.n);
		size_t n = slash ? (size_t)(slash - rest.p) : rest.n;

		buf_reset(&s->at.name);
		buf_add(&s->at.name, rest.p, n);
		r = raw_lookup(
			&s->v->layer[layer], spot_dir(&s->at), buf_span(&s->at.name), &s->got);
		if (r == 0 && !slash)
			return s->got.rec.type == FILE_REG;
		if (r == 0 && s->got.rec.type != FILE_DIR)
			return 0;
		descend(&s->at, s->got.sub_dir);
		rest = slash ? span_make(slash + 1, rest.n - n - 1) : rest;
	}
	return r < 0 ? r : 0;
}

static int seek_data(struct seek *s)
{
	uint32_t layer;
	int r = 0;

	for (layer = s->n_merged; layer < s->v->n && r == 0; layer++)
		r = seek_plain(s, layer);
	if (r <= 0)
		return r;
	s->metacopy = false;
	return keep(s);
}

int view_lookup(const struct view *v, const struct node *nd, struct span name, struct hit *ret)
{
	SEEK struct seek s = {.v = v, .hit = ret, .n_merged = merged_layers(v)};
	int r;

	hit_reset(ret);
	if (!name.n || name.p[0] == '/')
		return 0;
	buf_add_span(&s.name, name);
	r = seek_merged(&s, nd);
	ret->metacopy = ret->found && ret->entry.rec.ovl & OVL_METACOPY;
	if (r == 0 && ret->found && s.metacopy && s.absolute && s.n_lower)
		r = seek_data(&s);
	if (r == 0)
		r = buf_err(&s.name);
	hit_settle(ret);
	if (r == 0 && v->index && ret->found)
		r = view_through_index(v, ret);
	return r;
}

int view_root(const struct view *v, struct hit *ret)
{
	SEEK struct seek s = {.v = v, .hit = ret, .n_merged = merged_layers(v)};
	uint32_t i;
	int r;

	hit_reset(ret);
	for (i = 0; i < s.n_merged; i++) {
		r = begin_at_root(&s, i);
		if (r == 0)
			r = keep(&s);
		if (r < 0)
			return r;
	}
	hit_settle(ret);
	return 0;
}

int view_resolve(const struct view *v, struct span path, struct hit *ret)
{
	NODE struct node dir = {0};
	struct rd rd = rd_of(path);
	int r = view_root(v, ret);

	while (r == 0) {
		const uint8_t *from;

		while (rd.p < rd.end && *rd.p == '/')
			rd.p++;
		if (rd.p == rd.end)
			break;
		if (!ret->found || ret->entry.rec.type != FILE_DIR) {
			hit_reset(ret);
			return VIEW_NO_PARENT;
		}
		for (from = rd.p; rd.p < rd.end && *rd.p != '/'; rd.p++)
			;
		r = node_copy(&ret->node, &dir);
		if (r == 0)
			r = view_lookup(v, &dir, span_make(from, (size_t)(rd.p - from)), ret);
	}
	return r;
}
