#include "pkg/apk.h"
#include "base/text.h"

enum { WIDE_DIGEST = 20, LONG_DIGEST = 32 };

/* One line off the front, without its end. False: nothing is left. */
static bool line(struct span *rest, struct span *ret)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n, skip = end ? n + 1 : n;

	if (!rest->n)
		return false;
	*ret = span_make(rest->p, n);
	*rest = span_make(rest->p + skip, rest->n - skip);
	return true;
}

static bool is_field(struct span l, char name, struct span *ret)
{
	if (l.n < 2 || l.p[0] != (uint8_t)name || l.p[1] != ':')
		return false;
	*ret = span_trim(span_make(l.p + 2, l.n - 2), " \t\r");
	return true;
}

static void read_field(struct span l, struct apk_package *ret)
{
	struct span v;

	if (is_field(l, 'P', &ret->name) || is_field(l, 'V', &ret->version) ||
		is_field(l, 'A', &ret->arch) || is_field(l, 'o', &ret->source) ||
		is_field(l, 'L', &ret->licence))
		return;
	if (is_field(l, 'f', &v))
		ret->wide = v.n && memchr(v.p, 'S', v.n);
}

bool apk_package(struct span *rest, struct apk_package *ret)
{
	struct span l, v, before = *rest;
	bool in_files = false;

	*ret = (struct apk_package){.wide = false};
	while (line(rest, &l)) {
		if (!l.n) {
			if (ret->name.n)
				return true;
			*ret = (struct apk_package){.wide = false};
			in_files = false;
		} else if (in_files) {
			ret->files.n = (size_t)(rest->p - ret->files.p);
		}
		if (l.n && !in_files && is_field(l, 'F', &v)) {
			in_files = true;
			ret->files = span_make(before.p, (size_t)(rest->p - before.p));
		}
		read_field(l, ret); /* its flags may come behind its files */
		before = *rest;
	}
	return ret->name.n;
}

/* "Q1" and 20 bytes, or "Q2" and 32, in base64. */
static void read_digest(struct span v, bool wide, struct apk_file *ret)
{
	BUF struct buf raw = {0};
	bool is_long = v.n > 2 && v.p[1] == '2';

	if (v.n < 3 || v.n > 64 || v.p[0] != 'Q' || (v.p[1] != '1' && !is_long) ||
		text_unb64(span_make(v.p + 2, v.n - 2), &raw) < 0 ||
		raw.n != (is_long ? LONG_DIGEST : WIDE_DIGEST))
		return;
	ret->kind = is_long ? PACKAGE_SHA256 : wide ? PACKAGE_SHA256_160 : PACKAGE_SHA1;
	memcpy(ret->digest, raw.p, raw.n);
	ret->has_digest = true;
}

static struct span without_slashes(struct span s)
{
	return span_trim(s, "/");
}

static bool is_config(struct span dir)
{
	return path_within(dir, span_of("etc"));
}

bool apk_file(struct apk_package *p, struct apk_file *ret)
{
	struct span l, v, ahead = p->files;
	bool found = false;

	*ret = (struct apk_file){.has_digest = false};
	while (line(&ahead, &l)) {
		bool dir = is_field(l, 'F', &v);

		if (found && (dir || is_field(l, 'R', &v)))
			return true;
		p->files = ahead;
		if (dir) {
			p->dir = without_slashes(v);
		} else if (is_field(l, 'R', &v) && v.n && !memchr(v.p, '/', v.n)) {
			*ret = (struct apk_file){
				.dir = p->dir, .base = v, .config = is_config(p->dir)};
			found = true;
		} else if (found && is_field(l, 'Z', &v)) {
			read_digest(v, p->wide, ret);
		}
	}
	return found;
}
