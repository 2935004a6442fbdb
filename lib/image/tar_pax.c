/* A record is "LENGTH KEY=VALUE\n", the length counting itself. An empty value takes back what was said before. */
#include "image/tar_pax.h"
#include "base/err.h"
#include "base/text.h"
#include "image/tar_limits.h"
#include "model/record.h"

void tar_pax_reset(struct tar_pax *x)
{
	buf_reset(&x->path);
	buf_reset(&x->link);
	buf_reset(&x->xattrs);
	x->has = 0;
	x->n_xattrs = 0;
	x->long_name = x->long_link = false;
}

void tar_pax_free(struct tar_pax *x)
{
	buf_free(&x->path);
	buf_free(&x->link);
	buf_free(&x->xattrs);
}

bool tar_xattr_is_hosts(struct span name)
{
	return span_is(name, "security.selinux") ||
	       span_starts(name, span_of("trusted.overlay.")) ||
	       span_starts(name, span_of("user.overlay.")) ||
	       span_starts(name, span_of("user.fuseoverlayfs."));
}

static int bad(const char *what)
{
	return err_set(-EBADMSG, "archive: PAX header: %s", what);
}

static int whole(struct span s, int64_t *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v;

	if (minus)
		s = span_make(s.p + 1, s.n - 1);
	if (text_u64(s, 0, INT64_MAX, &v) < 0)
		return bad("a number that is none");
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* "-1.5" is half a second after -2. What is finer than a nanosecond is cut off. */
static int pax_time(struct span s, int64_t *ret)
{
	const uint8_t *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
	struct span sec = span_make(s.p, dot ? (size_t)(dot - s.p) : s.n), rest = {0};
	bool minus = s.n && s.p[0] == '-';
	int64_t v, ns = 0;

	if (dot)
		rest = span_make(dot + 1, s.n - sec.n - 1);
	if (whole(sec, &v) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return bad("a time that is none");
	for (size_t i = 0; i < 9; i++)
		ns = ns * 10 + (i < rest.n ? rest.p[i] - '0' : 0);
	if (v > INT64_MAX / 1000000000 - 1 || v < INT64_MIN / 1000000000 + 1)
		return bad("a time out of range");
	*ret = v * 1000000000 + (minus ? -ns : ns);
	return 0;
}

static int set_text(
	struct tar_pax *x, uint32_t bit, bool by_long, struct buf *out, struct span value)
{
	/* GNU's own beats PAX, in whichever order they come. */
	if (by_long)
		return 0;
	buf_reset(out);
	x->has &= ~bit;
	if (value.n == 0)
		return 0;
	if (memchr(value.p, 0, value.n) || value.n > TAR_PATH_MAX)
		return bad("a name with a NUL in it, or too long");
	buf_add_span(out, value);
	x->has |= bit;
	return buf_err(out);
}

static int set_number(struct tar_pax *x, uint32_t bit, int64_t *out, struct span value,
	int (*parse)(struct span, int64_t *))
{
	x->has &= ~bit;
	if (value.n == 0)
		return 0;
	x->has |= bit;
	return parse(value, out);
}

static int take_xattr(struct tar_pax *x, struct span name, struct span value)
{
	/* An empty value is no attribute to most who unpack. */
	if (tar_xattr_is_hosts(name) || (!value.n && !x->keep_empty))
		return 0;
	if (name.n == 0 || name.n > 255 || memchr(name.p, 0, name.n))
		return bad("an attribute whose name is none");
	if (++x->n_xattrs > TAR_XATTRS_MAX || value.n > 65536)
		return bad("too many attributes, or one that is too large");
	xattr_add(&x->xattrs, name, value);
	return buf_err(&x->xattrs);
}

static int take_record(struct tar_pax *x, struct span key, struct span value)
{
	static const char XATTR[] = "SCHILY.xattr.";

	if (span_starts(key, span_of(XATTR)))
		return take_xattr(
			x, span_make(key.p + strlen(XATTR), key.n - strlen(XATTR)), value);
	if (span_starts(key, span_of("GNU.sparse.")))
		x->has |= PAX_SPARSE;
	if (span_is(key, "path"))
		return set_text(x, PAX_PATH, x->long_name, &x->path, value);
	if (span_is(key, "linkpath"))
		return set_text(x, PAX_LINK, x->long_link, &x->link, value);
	if (span_is(key, "uid"))
		return set_number(x, PAX_UID, &x->uid, value, whole);
	if (span_is(key, "gid"))
		return set_number(x, PAX_GID, &x->gid, value, whole);
	if (span_is(key, "size"))
		return set_number(x, PAX_SIZE, &x->size, value, whole);
	if (span_is(key, "mtime"))
		return set_number(x, PAX_MTIME, &x->mtime, value, pax_time);
	return 0;
}

/* Cuts one record off the front. */
static int next_record(struct span *rest, struct span *key, struct span *value)
{
	const uint8_t *blank = memchr(rest->p, ' ', rest->n), *equals;
	struct span line;
	uint64_t n;

	if (!blank || text_u64(span_make(rest->p, (size_t)(blank - rest->p)), 5, rest->n, &n) < 0)
		return bad("a record without a length");
	line = span_make(blank + 1, (size_t)n - 1 - (size_t)(blank - rest->p));
	if (n < (uint64_t)(blank - rest->p) + 3 || line.p[line.n - 1] != '\n')
		return bad("a record without an end");
	line.n--;
	equals = memchr(line.p, '=', line.n);
	if (!equals || equals == line.p)
		return bad("a record without a key");
	*key = span_make(line.p, (size_t)(equals - line.p));
	*value = span_make(equals + 1, line.n - key->n - 1);
	*rest = span_make(rest->p + n, rest->n - (size_t)n);
	return 0;
}

static int take_long(struct tar_pax *x, char kind, struct span content)
{
	struct span name =
		span_make(content.p, content.n ? strnlen((const char *)content.p, content.n) : 0);
	bool is_name = kind == 'L';
	int r = set_text(
		x, is_name ? PAX_PATH : PAX_LINK, false, is_name ? &x->path : &x->link, name);

	*(is_name ? &x->long_name : &x->long_link) = name.n > 0;
	return r;
}

int tar_pax_take(struct tar_pax *x, char kind, struct span content)
{
	struct span key = {0}, value = {0};
	struct tar_pax nothing = {0};
	int r = 0;

	if (kind == 'L' || kind == 'K')
		return take_long(x, kind, content);
	while (r == 0 && content.n) {
		r = next_record(&content, &key, &value);
		if (r == 0)
			r = take_record(kind == 'g' ? &nothing : x, key, value);
	}
	tar_pax_free(&nothing);
	return r;
}
