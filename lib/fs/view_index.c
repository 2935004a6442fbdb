/*
 * With index=on a lower hard link that is copied up keeps its names together: the copy lies in
 * WORKDIR/index under its origin's handle in hex, the names that were written through are links to
 * it, and every other name is still found in the lower layer and exchanged for the copy by that
 * handle. The handle's fs UUID is left out of the comparison: nothing tells it to us everywhere, and
 * the handle with its generation is enough within the layers of one mount.
 */
#include "base/err.h"
#include "base/text.h"
#include "fs/beneath.h"
#include "fs/view.h"
#include <fcntl.h>
#include <unistd.h>

enum { INDEX_MAX = 1 << 20 };

void view_index_free(struct view_index *x)
{
	names_free(&x->names);
	*x = (struct view_index){0};
}

int view_index_origin(struct span name, struct buf *out)
{
	size_t n = name.n / 2, at = out->n;
	int r;

	if (!name.n || name.n % 2)
		return -EINVAL;
	r = buf_reserve(out, n);
	if (r == 0)
		r = text_unhex(name, out->p + at, n);
	if (r == 0)
		out->n += n;
	return r;
}

struct handle {
	uint8_t type;
	struct span fid;
	_Alignas(struct file_handle) uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* Of the lower object that was found. LOOK_ABSENT: it is gone, or its file system has no handles. */
static int handle_of(const struct layer *l, const struct hit *h, struct handle *ret)
{
	struct file_handle *fh = (struct file_handle *)ret->room;
	BUF struct buf path = {0};
	FD int fd = -1;
	int mnt, r;

	buf_add_span(&path, h->dir.rel);
	if (h->dir.rel.n)
		buf_u8(&path, '/');
	buf_add_span(&path, h->name);
	if (buf_err(&path))
		return buf_err(&path);
	r = beneath_open(l->root_fd, buf_span(&path), O_PATH | O_NOFOLLOW, &fd);
	if (r)
		return r < 0 ? r : LOOK_ABSENT;
	fh->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", fh, &mnt, AT_EMPTY_PATH) < 0)
		return LOOK_ABSENT;
	ret->type = (uint8_t)fh->handle_type;
	ret->fid = span_make(fh->f_handle, fh->handle_bytes);
	return 0;
}

static bool is_named(struct span name, const struct handle *want)
{
	BUF struct buf origin = {0};
	struct span fid;
	uint8_t type;

	return view_index_origin(name, &origin) == 0 &&
	       view_origin_handle(buf_span(&origin), &type, &fid) && type == want->type &&
	       span_eq(fid, want->fid);
}

static int read_names(const struct view *v)
{
	FD int fd = -1;
	int r;

	if (v->index->read)
		return 0;
	fd = beneath_open_dir(v->layer[v->n].root_fd);
	if (fd < 0)
		return err_sys("open the overlay's index");
	r = names_read(fd, INDEX_MAX, &v->index->names);
	v->index->read = r == 0;
	return r;
}

/* The order that a hit's memory has: its place, then its data's. */
static int put_place(struct hit *h, struct span name)
{
	struct buf mem = {0};

	buf_add_span(&mem, name);
	buf_add_span(&mem, h->data_dir.rel);
	buf_add_span(&mem, h->data_name);
	if (buf_err(&mem)) {
		buf_free(&mem);
		return err_set(-ENOMEM, "out of memory");
	}
	buf_free(&h->mem);
	h->mem = mem;
	h->dir = (struct layer_dir){{mem.p, 0}, 0};
	h->name = span_make(mem.p, name.n);
	h->data_dir.rel.p = mem.p + name.n;
	h->data_name.p = h->data_dir.rel.p + h->data_dir.rel.n;
	return 0;
}

/* A copy of the metadata alone keeps its data where the lower object has it. */
static int exchange(const struct view *v, struct hit *h, struct span name, struct layer_entry *got)
{
	bool metacopy = got->rec.type == FILE_REG && got->rec.ovl & OVL_METACOPY;
	struct layer_entry old = h->entry;

	h->entry = *got;
	*got = old;
	if (metacopy && !h->metacopy) {
		old = h->data;
		h->data = *got;
		*got = old;
	} else if (!metacopy) {
		h->data_dir = (struct layer_dir){0};
		h->data_name = name;
	}
	h->metacopy = metacopy;
	if (!metacopy)
		h->data_layer = (uint32_t)v->n;
	h->layer = (uint32_t)v->n;
	return put_place(h, name);
}

static int take_copy(const struct view *v, struct hit *h, struct span name)
{
	const struct layer *index = &v->layer[v->n];
	struct layer_entry got = {0};
	int r = index->ops->lookup(index, (struct layer_dir){0}, name, &got);

	if (r == 0 && !(got.rec.ovl & OVL_WHITEOUT) && got.rec.type == h->entry.rec.type)
		r = exchange(v, h, name, &got);
	look_free(&got.look);
	return r < 0 ? r : 0;
}

int view_through_index(const struct view *v, struct hit *h)
{
	const struct layer *l = &v->layer[h->layer];
	struct handle want;
	int r;

	if (l->upper || l->root_fd < 0 || h->entry.rec.type == FILE_DIR || h->entry.look.nlink < 2)
		return 0;
	r = read_names(v);
	if (r == 0 && v->index->names.n)
		r = handle_of(l, h, &want);
	if (r || !v->index->names.n)
		return r < 0 ? r : 0;
	for (size_t i = 0; i < v->index->names.n; i++)
		if (is_named(names_at(&v->index->names, i), &want))
			return take_copy(v, h, names_at(&v->index->names, i));
	return 0;
}
