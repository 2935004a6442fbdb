#include "pkg/dpkg.h"
#include "base/text.h"

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

#define BLANKS " \t\r"
static bool is_blank(uint8_t c)
{
	return c && strchr(BLANKS, c);
}

static struct span trim(struct span s)
{
	return span_trim(s, BLANKS);
}

/* One word off the front. */
static struct span word(struct span *s)
{
	struct span w;

	*s = trim(*s);
	w = span_make(s->p, 0);
	while (w.n < s->n && !is_blank(s->p[w.n]))
		w.n++;
	*s = span_make(s->p + w.n, s->n - w.n);
	return w;
}

static struct span without_slash(struct span path)
{
	while (path.n && path.p[0] == '/')
		path = span_make(path.p + 1, path.n - 1);
	return path;
}

/* ---- status ---- */

static bool field(struct span l, const char *name, struct span *ret)
{
	size_t n = strlen(name);

	if (l.n <= n || l.p[n] != ':' || memcmp(l.p, name, n) != 0)
		return false;
	*ret = trim(span_make(l.p + n + 1, l.n - n - 1));
	return true;
}

/* "install ok installed": the last word tells how far it is. */
static bool is_there(struct span status)
{
	static const char *const states[] = {
		"installed", "triggers-pending", "triggers-awaited", "half-configured", "unpacked"};
	struct span last = {0};

	while (trim(status).n)
		last = word(&status);
	for (size_t i = 0; i < COUNTOF(states); i++)
		if (span_is(last, states[i]))
			return true;
	return false;
}

/* The lines that go on with a field, as one text. */
static struct span continued(struct span *rest)
{
	struct span all = span_make(rest->p, 0), l, ahead = *rest;

	while (line(&ahead, &l) && l.n && is_blank(l.p[0])) {
		all.n = (size_t)(ahead.p - all.p);
		*rest = ahead;
	}
	return all;
}

static void read_field(struct span l, struct span *rest, struct dpkg_package *ret)
{
	struct span v;

	if (field(l, "Package", &ret->name) || field(l, "Version", &ret->version) ||
		field(l, "Architecture", &ret->arch))
		return;
	if (field(l, "Source", &v)) {
		ret->source = word(&v); /* its version, if that is another, is in brackets */
	} else if (field(l, "Status", &v)) {
		ret->stated = true;
		ret->installed = is_there(v);
	}
	if (field(l, "Conffiles", &v))
		ret->conffiles = continued(rest);
}

bool dpkg_package(struct span *rest, struct dpkg_package *ret)
{
	struct span l;
	bool any = false;

	*ret = (struct dpkg_package){.installed = false};
	while (line(rest, &l)) {
		if (!trim(l).n) {
			if (ret->name.n)
				return true;
			*ret = (struct dpkg_package){.installed = false};
			any = false;
			continue;
		}
		any = true;
		read_field(l, rest, ret);
	}
	return any && ret->name.n;
}

/* ---- digests ---- */

bool dpkg_conffile(struct span *rest, struct dpkg_file *ret)
{
	struct span l;

	while (line(rest, &l)) {
		struct span digest;

		ret->path = without_slash(word(&l));
		digest = word(&l);
		if (ret->path.n && text_unhex(digest, ret->md5, MD5_LEN) == 0 && !trim(l).n)
			return true;
	}
	return false;
}

bool dpkg_md5sum(struct span *rest, struct dpkg_file *ret)
{
	enum { HEX = 2 * MD5_LEN };
	struct span l;

	while (line(rest, &l)) {
		/* Two characters between, the second of which says how it was read; then any bytes. */
		if (l.n <= HEX + 2 || l.p[HEX] != ' ' ||
			text_unhex(span_make(l.p, HEX), ret->md5, MD5_LEN) < 0)
			continue;
		ret->path = without_slash(span_make(l.p + HEX + 2, l.n - HEX - 2));
		if (ret->path.n > 1 && ret->path.p[0] == '.' && ret->path.p[1] == '/')
			ret->path = without_slash(span_make(ret->path.p + 1, ret->path.n - 1));
		if (ret->path.n)
			return true;
	}
	return false;
}

bool dpkg_listed(struct span *rest, struct span *ret_path)
{
	struct span l;

	while (line(rest, &l)) {
		*ret_path = without_slash(l);
		if (ret_path->n && !span_is(*ret_path, "."))
			return true;
	}
	return false;
}

bool dpkg_diversion(struct span *rest, struct dpkg_diversion *ret)
{
	if (!line(rest, &ret->from) || !line(rest, &ret->to) || !line(rest, &ret->package))
		return false;
	ret->from = without_slash(ret->from);
	ret->to = without_slash(ret->to);
	ret->package = trim(ret->package);
	return true;
}
