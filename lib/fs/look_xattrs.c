/*
 * Most objects have no xattr: one call on a small buffer says so. The rest is bounded by the
 * kernel's own limits and by a total, for a hostile tree may hold six thousand values of 64 KiB.
 */
#include "fs/look_xattrs.h"
#include "base/err.h"
#include <sys/xattr.h>

enum { TRIES = 3, SMALL = 1024 };

/* Markers of fuse-overlayfs are whatever any of its versions wrote or honours. */
static const char *const prefixes[][5] = {
	[MARKS_NONE] = {NULL},
	[MARKS_TRUSTED] = {"trusted.overlay.", NULL},
	[MARKS_USER] = {"user.overlay.", NULL},
	[MARKS_FUSE] = {"user.fuseoverlayfs.", "trusted.fuseoverlayfs.", "trusted.overlay.",
		"user.overlay.", NULL},
};

static ssize_t list_once(const struct xattrs_at *at, void *p, size_t n)
{
	return at->fd >= 0 ? flistxattr(at->fd, p, n) : listxattr(at->path, p, n);
}

static ssize_t get_once(const struct xattrs_at *at, const char *name, void *p, size_t n)
{
	return at->fd >= 0 ? fgetxattr(at->fd, name, p, n) : getxattr(at->path, name, p, n);
}

/* Adds the names, each with its NUL. False: not to be had. */
static bool list_names(const struct xattrs_at *at, struct buf *out)
{
	char small[SMALL];
	ssize_t n = list_once(at, small, sizeof(small));
	int tries;

	if (n >= 0) {
		if (n > 0)
			buf_add(out, small, (size_t)n);
		return true;
	}
	for (tries = 1; errno == ERANGE && tries < TRIES; tries++) {
		if (buf_reserve(out, XATTRS_LIST_MAX))
			return false;
		n = list_once(at, out->p + out->n, XATTRS_LIST_MAX);
		if (n < 0)
			continue;
		out->n += (size_t)n;
		return true;
	}
	return errno == ENOTSUP || errno == ENOSYS;
}

/* Sets `out` to the value. 0, or the errno. */
static int get_value(const struct xattrs_at *at, const char *name, struct buf *out)
{
	size_t room = SMALL;
	int tries;
	ssize_t n;

	buf_reset(out);
	for (tries = 0; tries < TRIES; tries++) {
		if (buf_reserve(out, room))
			return ENOMEM;
		n = get_once(at, name, out->p, room);
		if (n >= 0) {
			out->n = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return errno;
		room = XATTRS_VALUE_MAX;
	}
	return ERANGE;
}

/* The marker's own name when `name` is one, else NULL. */
static const char *marker_of(enum look_marks marks, const char *name)
{
	const char *const *prefix;

	for (prefix = prefixes[marks]; *prefix; prefix++)
		if (strncmp(name, *prefix, strlen(*prefix)) == 0)
			return name + strlen(*prefix);
	return NULL;
}

/* A container's own trusted.overlay.x is stored as trusted.overlay.overlay.x: what it sees is x. */
static bool escaped(enum look_marks marks, const char *marker)
{
	return marks != MARKS_FUSE && strncmp(marker, "overlay.", 8) == 0;
}

static struct part keep(struct buf *mem, struct span value)
{
	struct part part = {mem->n, value.n};

	buf_add_span(mem, value);
	return part;
}

/* chattr on a merged file does not touch the upper one: overlayfs notes it here, a letter a flag. */
static uint32_t protected_flags(struct span value)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < value.n && (value.p[i] == 'i' || value.p[i] == 'a'); i++)
		flags |= value.p[i] == 'i' ? FLAG_IMMUTABLE : FLAG_APPEND;
	return flags;
}

static void take_marker(
	const char *marker, struct span value, struct buf *mem, struct xattrs_found *ret)
{
	if (strcmp(marker, "opaque") == 0 && span_is(value, "y"))
		ret->ovl |= OVL_OPAQUE;
	else if (strcmp(marker, "opaque") == 0 && span_is(value, "x"))
		ret->ovl |= OVL_XWHITEOUTS;
	else if (strcmp(marker, "whiteout") == 0)
		ret->ovl |= OVL_WHITEOUT;
	else if (strcmp(marker, "metacopy") == 0)
		ret->ovl |= OVL_METACOPY;
	else if (strcmp(marker, "origin") == 0)
		ret->origin = keep(mem, value);
	else if (strcmp(marker, "protattr") == 0)
		ret->flags |= protected_flags(value);
	else if (strcmp(marker, "redirect") == 0)
		ret->redirect =
			keep(mem, span_make(value.p, strnlen((const char *)value.p, value.n)));
}

/* One run over an object's names. */
struct reading {
	const struct xattrs_at *at;
	enum look_marks marks;
	struct buf value;
	size_t n, total; /* so far: a hostile object is left when either is too much */
};

static bool value_of(struct reading *rd, const char *name, struct xattrs_found *ret)
{
	bool enough = rd->n++ >= XATTRS_COUNT_MAX || rd->total >= XATTRS_TOTAL_MAX;
	int e = enough ? E2BIG : get_value(rd->at, name, &rd->value);

	if (e == 0)
		rd->total += rd->value.n;
	else if (e != ENODATA) /* gone since it was listed: as if it had not been */
		ret->failed = true;
	return e == 0;
}

static void add_ordinary(struct buf *list, const char *name, const char *marker, struct span value)
{
	BUF struct buf plain = {0};

	buf_add(&plain, name, marker ? (size_t)(marker - name) : strlen(name));
	if (marker)
		buf_add_text(&plain, marker + 8);
	xattr_add(list, buf_span(&plain), value);
	list->err |= plain.err;
}

static void read_all(struct reading *rd, const struct buf *names, struct buf *mem, struct buf *list,
	struct xattrs_found *ret)
{
	const char *name = (const char *)names->p, *end = name + names->n;

	for (; name < end; name += strlen(name) + 1) {
		const char *marker = marker_of(rd->marks, name);

		if (!value_of(rd, name, ret))
			continue;
		if (marker && !escaped(rd->marks, marker))
			take_marker(marker, buf_span(&rd->value), mem, ret);
		else
			add_ordinary(list, name, marker, buf_span(&rd->value));
	}
}

int xattrs_read(const struct xattrs_at *at, enum look_marks marks, struct buf *mem,
	struct xattrs_found *ret)
{
	BUF struct buf names = {0}, list = {0};
	struct reading rd = {.at = at, .marks = marks};

	*ret = (struct xattrs_found){0};
	ret->failed = !list_names(at, &names);
	if (!names.n || names.err)
		return buf_err(&names);
	read_all(&rd, &names, mem, &list, ret);
	buf_free(&rd.value);
	ret->list = keep(mem, buf_span(&list));
	return buf_err(&list) ? buf_err(&list) : buf_err(mem);
}
