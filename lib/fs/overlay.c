/*
 * Two escapings lie on one another. The user wrote `\:` and `\,` for the mount call; the kernel
 * keeps that text and prints it with octal escapes (`\134:`). Newer kernels print the paths
 * themselves with octal escapes for separators (`\072`). So a literal separator separates, an octal
 * one never does, and a backslash of either spelling takes the next byte as it is.
 */
#include "fs/overlay.h"
#include "base/err.h"

enum { LAYERS_MAX = 4096 };

/* One byte as it was before the kernel printed it. */
struct byte {
	uint8_t c;
	bool octal; /* it was printed as \ooo */
};

static bool is_octal(uint8_t c)
{
	return c >= '0' && c <= '7';
}

static struct byte next_byte(struct rd *r)
{
	const uint8_t *p = r->p;
	unsigned v;

	if (r->end - p >= 4 && p[0] == '\\' && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3])) {
		v = (unsigned)(p[1] - '0') << 6 | (unsigned)(p[2] - '0') << 3 |
		    (unsigned)(p[3] - '0');
		if (v > 0 && v < 256) {
			r->p += 4;
			return (struct byte){(uint8_t)v, true};
		}
	}
	r->p++;
	return (struct byte){*p, false};
}

void overlay_unescape(struct span in, struct buf *out)
{
	struct rd r = rd_of(in);

	while (r.p < r.end)
		buf_u8(out, next_byte(&r).c);
}

void overlay_options_free(struct overlay_options *o)
{
	buf_free(&o->mem);
	free(o->lower);
	free(o->data);
	*o = (struct overlay_options){0};
}

/* The text up to the next literal comma; `\,` is no separator. */
static struct span next_option(struct rd *r)
{
	const uint8_t *begin = r->p;

	while (r->p < r->end && *r->p != ',')
		r->p += *r->p == '\\' && r->end - r->p > 1 ? 2 : 1;
	return span_make(begin, (size_t)(r->p - begin));
}

/* Adds one path up to a literal ':' (when `list`) or the end. mem has room: it does not move. */
static struct span next_path(struct rd *r, bool list, bool backslash, struct buf *mem)
{
	size_t from = mem->n;

	while (r->p < r->end) {
		struct byte b;

		if (list && *r->p == ':')
			break;
		b = next_byte(r);
		if (b.c == '\\' && backslash && r->p < r->end)
			b = next_byte(r);
		buf_u8(mem, b.c);
	}
	return span_make(mem->p + from, mem->n - from);
}

static int add_layer(struct span **list, size_t *n, struct span path)
{
	struct span *more;

	if (!path.n)
		return err_set(-EBADMSG, "overlay options: an empty path");
	if (*n >= LAYERS_MAX)
		return err_set(-EBADMSG, "overlay options: more than %d layers", LAYERS_MAX);
	more = reallocarray(*list, *n + 1, sizeof(*more));
	if (!more)
		return err_set(-ENOMEM, "out of memory");
	more[(*n)++] = path;
	*list = more;
	return 0;
}

/* "a:b::d": what follows a double colon is for data only. */
static int parse_lower(struct span value, struct overlay_options *o)
{
	struct rd r = rd_of(value);
	bool data = false;
	int e;

	for (;;) {
		struct span path = next_path(&r, true, true, &o->mem);

		e = data ? add_layer(&o->data, &o->n_data, path)
			 : add_layer(&o->lower, &o->n_lower, path);
		if (e || r.p == r.end)
			return e;
		r.p++;
		if (r.p < r.end && *r.p == ':') {
			data = true;
			r.p++;
		} else if (data) {
			return err_set(-EBADMSG, "overlay options: a lower layer below data");
		}
	}
}

static struct span whole(struct span value, bool backslash, struct overlay_options *o)
{
	struct rd r = rd_of(value);

	return next_path(&r, false, backslash, &o->mem);
}

static int take_upper(struct span v, struct overlay_options *o)
{
	o->upper = whole(v, true, o);
	return 0;
}

static int take_work(struct span v, struct overlay_options *o)
{
	o->work = whole(v, true, o);
	return 0;
}

static int take_lower(struct span v, struct overlay_options *o)
{
	return add_layer(&o->lower, &o->n_lower, whole(v, false, o));
}

static int take_data(struct span v, struct overlay_options *o)
{
	return add_layer(&o->data, &o->n_data, whole(v, false, o));
}

/* Options that name paths. */
static const struct {
	const char *key;
	int (*parse)(struct span value, struct overlay_options *o);
} path_options[] = {
	{"upperdir=", take_upper},
	{"workdir=", take_work},
	{"lowerdir=", parse_lower},
	{"lowerdir+=", take_lower},
	{"datadir+=", take_data},
};

/* Options that are there or not. */
static const struct {
	const char *text;
	size_t flag;
} flag_options[] = {
	{"userxattr", offsetof(struct overlay_options, user_xattr)},
	{"metacopy=on", offsetof(struct overlay_options, metacopy)},
	{"redirect_dir=on", offsetof(struct overlay_options, redirect)},
	{"index=on", offsetof(struct overlay_options, index)},
	{"nfs_export=on", offsetof(struct overlay_options, index)},
	{"index=off", offsetof(struct overlay_options, no_index)},
	{"volatile", offsetof(struct overlay_options, is_volatile)},
	{"fsync=volatile", offsetof(struct overlay_options, is_volatile)},
};

static int take_option(struct span option, struct overlay_options *o)
{
	size_t i;

	for (i = 0; i < COUNTOF(path_options); i++) {
		struct span key = span_of(path_options[i].key);

		if (span_starts(option, key))
			return path_options[i].parse(
				span_make(option.p + key.n, option.n - key.n), o);
	}
	for (i = 0; i < COUNTOF(flag_options); i++)
		if (span_is(option, flag_options[i].text))
			*(bool *)((char *)o + flag_options[i].flag) = true;
	return 0;
}

int overlay_parse(struct span options, struct overlay_options *ret)
{
	struct rd r = rd_of(options);
	int e;

	*ret = (struct overlay_options){0};
	/* Decoding never adds bytes: with this room `mem` stays in place and spans can point in. */
	e = buf_reserve(&ret->mem, options.n);
	while (!e && r.p < r.end) {
		e = take_option(next_option(&r), ret);
		if (r.p < r.end)
			r.p++;
	}
	if (!e && !ret->n_lower && !ret->n_data)
		e = err_set(-EBADMSG, "overlay options: no lower layer");
	if (e)
		overlay_options_free(ret);
	return e;
}
