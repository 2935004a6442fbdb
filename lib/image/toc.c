/* Both kinds of table are one JSON object with `entries` of the same names; zstd:chunked writes "digest" of the whole file,
 * eStargz too. Times are RFC 3339. */
#include "image/toc.h"
#include <jansson.h>
#include <time.h>
#include "base/err.h"
#include "base/text.h"
#include "image/manifest.h"
#include "image/tar.h"
#include "image/tar_pax.h"

static void decref(json_t **v)
{
	json_decref(*v);
}
#define DECREF CLEANUP(decref)

static struct span text_of(const json_t *v)
{
	return span_make(json_string_value(v), json_string_length(v));
}

static int bad(const char *what)
{
	return err_set(-EBADMSG, "table of contents: %s", what);
}

int toc_place_parse(struct span text, struct toc_place *ret)
{
	uint64_t v[4];

	for (unsigned i = 0; i < COUNTOF(v); i++) {
		const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
		size_t n = colon ? (size_t)(colon - text.p) : text.n;

		if ((colon == NULL) != (i == COUNTOF(v) - 1) ||
			text_u64(span_make(text.p, n), 0, INT64_MAX, &v[i]) < 0)
			return bad("its place is not OFFSET:LENGTH:LENGTH:TYPE");
		text = span_make(text.p + n + (colon != NULL), text.n - n - (colon != NULL));
	}
	if (v[3] != 1 || v[2] > TOC_JSON_MAX)
		return bad("of a type that is not known, or too large");
	*ret = (struct toc_place){v[0], v[1], v[2]};
	return 0;
}

/* "2026-01-01T00:00:00.5Z", "...+02:00". */
static bool time_of(struct span s, int64_t *ret)
{
	struct tm tm = {0};
	char z[64];
	const char *p;
	int64_t ns = 0, unit = 100000000, zone = 0;
	int h, m;
	char sign;

	if (s.n == 0 || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	p = strptime(z, "%Y-%m-%dT%H:%M:%S", &tm);
	if (p && *p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			ns += (*p - '0') * unit;
	if (!p || (strcmp(p, "Z") != 0 && sscanf(p, "%c%2d:%2d", &sign, &h, &m) != 3))
		return false;
	if (*p != 'Z')
		zone = (sign == '-' ? -60 : 60) * (int64_t)(h * 60 + m);
	*ret = ((int64_t)timegm(&tm) - zone) * 1000000000 + ns;
	return true;
}

static const struct toc_type {
	const char *name;
	enum file_type type;
	bool hard;
} TYPES[] = {
	{"reg", FILE_REG, false},
	{"dir", FILE_DIR, false},
	{"symlink", FILE_LINK, false},
	{"hardlink", FILE_REG, true},
	{"char", FILE_CHR, false},
	{"block", FILE_BLK, false},
	{"fifo", FILE_FIFO, false},
};

static bool number(const json_t *v, uint64_t max, uint64_t *ret)
{
	json_int_t is = json_integer_value(v);

	*ret = 0;
	if (v && (!json_is_integer(v) || is < 0 || (uint64_t)is > max))
		return false;
	*ret = (uint64_t)is;
	return true;
}

static int numbers(const json_t *v, struct record *rec)
{
	uint64_t mode, uid, gid, size, major, minor;
	const json_t *time = json_object_get(v, "modtime");

	if (!number(json_object_get(v, "mode"), UINT32_MAX, &mode) ||
		!number(json_object_get(v, "uid"), UINT32_MAX, &uid) ||
		!number(json_object_get(v, "gid"), UINT32_MAX, &gid) ||
		!number(json_object_get(v, "size"), INT64_MAX, &size) ||
		!number(json_object_get(v, "devMajor"), UINT32_MAX, &major) ||
		!number(json_object_get(v, "devMinor"), UINT32_MAX, &minor) ||
		(time && !time_of(text_of(time), &rec->mtime)))
		return bad("a number or time that is none");
	rec->mode = (uint32_t)mode & 07777;
	rec->uid = (uint32_t)uid;
	rec->gid = (uint32_t)gid;
	rec->size = rec->type == FILE_REG ? size : 0;
	if (rec->type == FILE_CHR || rec->type == FILE_BLK) {
		rec->rdev_major = (uint32_t)major;
		rec->rdev_minor = (uint32_t)minor;
	}
	return 0;
}

static int xattrs_of(json_t *list, struct buf *out)
{
	const char *key;
	json_t *v;

	if (json_object_size(list) > TAR_XATTRS_MAX)
		return bad("too many attributes");
	json_object_foreach(list, key, v) {
		BUF struct buf raw = {0};

		if (text_unb64(text_of(v), &raw) < 0)
			return bad("an attribute that is no base64");
		if (*key && !tar_xattr_is_hosts(span_of(key)))
			xattr_add(out, span_of(key), buf_span(&raw));
	}
	return buf_err(out);
}

struct mem {
	struct buf path, link, xattrs;
};

static void mem_free(struct mem *m)
{
	buf_free(&m->path);
	buf_free(&m->link);
	buf_free(&m->xattrs);
}

static int link_of(const json_t *v, struct toc_entry *e, struct mem *m)
{
	struct span link = text_of(json_object_get(v, "linkName"));

	buf_reset(&m->link);
	if (!e->hard && e->rec.type != FILE_LINK)
		return 0;
	if (link.n == 0 || link.n > TAR_PATH_MAX)
		return bad("a link to nothing, or too long");
	if (e->hard && tar_path(link, &m->link) < 0)
		return -EBADMSG;
	if (!e->hard)
		buf_add_span(&m->link, link);
	e->link = buf_span(&m->link);
	if (!e->hard)
		e->rec.link = e->link;
	return buf_err(&m->link);
}

static int entry_of(json_t *v, struct toc_entry *e, struct mem *m)
{
	struct span type = text_of(json_object_get(v, "type"));
	struct span digest = text_of(json_object_get(v, "digest"));
	struct image_digest sha;
	const struct toc_type *t = TYPES;

	*e = (struct toc_entry){.name = text_of(json_object_get(v, "name"))};
	e->chunk = span_is(type, "chunk");
	if (e->chunk)
		return 0;
	while (t < TYPES + COUNTOF(TYPES) && !span_is(type, t->name))
		t++;
	if (t == TYPES + COUNTOF(TYPES) || e->name.n == 0)
		return bad("an entry of a kind that is not known, or without a name");
	buf_reset(&m->path);
	buf_reset(&m->xattrs);
	e->hard = t->hard;
	e->rec.type = t->type;
	if (tar_path(e->name, &m->path) < 0 || numbers(v, &e->rec) < 0 ||
		xattrs_of(json_object_get(v, "xattrs"), &m->xattrs) < 0 || link_of(v, e, m) < 0)
		return -EBADMSG;
	if (e->hard)
		e->rec.size = 0;
	if (digest.n && e->rec.type == FILE_REG && !e->hard) {
		if (image_digest_parse(digest, "table of contents", &sha) < 0)
			return -EBADMSG;
		memcpy(e->rec.sha, sha.sha, SHA_LEN);
		e->rec.has_sha = true;
	}
	e->path = buf_span(&m->path);
	e->rec.xattrs = buf_span(&m->xattrs);
	return 0;
}

int toc_parse(struct span json, int (*each)(const struct toc_entry *e, void *arg), void *arg)
{
	CLEANUP(mem_free) struct mem m = {0};
	DECREF json_t *top = NULL;
	json_error_t err;
	json_t *list, *v;
	size_t i;
	int r = 0;

	if (json.n > TOC_JSON_MAX)
		return err_set(-EFBIG, "table of contents: larger than %d MiB", TOC_JSON_MAX >> 20);
	top = json_loadb((const char *)(json.n ? json.p : (const uint8_t *)""), json.n,
		JSON_REJECT_DUPLICATES, &err);
	list = json_object_get(top, "entries");
	if (!top || json_integer_value(json_object_get(top, "version")) != 1 ||
		!json_is_array(list))
		return err_set(
			-EBADMSG, "table of contents: %s", top ? "not of version 1" : err.text);
	json_array_foreach(list, i, v) {
		struct toc_entry e;

		r = entry_of(v, &e, &m);
		if (r == 0 && !e.chunk)
			r = each(&e, arg);
		if (r)
			return r;
	}
	return 0;
}
