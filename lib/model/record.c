/*
 * There are millions of records, so what is zero takes no byte. Version 1 is:
 *   u8 version, u8 type, varint HAVE_* bits, then the fields that are there, in the order of the
 *   bits. mode, uid+gid, size, rdev major+minor, flags, ovl: varints. mtime: zigzag varint.
 *   sha: 32 bytes. link, xattrs, redirect: length and bytes.
 * The bits of what is rare come last: the common record spends one byte on them. One encoding per
 * record: a field that is there is never zero, varints are the shortest, xattrs are sorted.
 */
#include "model/record.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

enum { VERSION = 1 };
enum {
	HAVE_MODE = 1 << 0,
	HAVE_OWNER = 1 << 1,
	HAVE_SIZE = 1 << 2,
	HAVE_MTIME = 1 << 3,
	HAVE_SHA = 1 << 4,
	HAVE_LINK = 1 << 5,
	HAVE_XATTRS = 1 << 6,
	HAVE_RDEV = 1 << 7,
	HAVE_FLAGS = 1 << 8,
	HAVE_OVL = 1 << 9,
	HAVE_REDIRECT = 1 << 10,
	HAVE_ALL = (1 << 11) - 1,
};
enum {
	MODE_MAX = 07777,
	FLAGS_MAX = FLAG_IMMUTABLE | FLAG_APPEND | FLAG_NOATIME | FLAG_SYNC,
	OVL_MAX = OVL_WHITEOUT | OVL_OPAQUE | OVL_XWHITEOUTS | OVL_METACOPY | OVL_IMPLIED,
};

static unsigned have_of(const struct record *rec)
{
	return (rec->mode ? HAVE_MODE : 0) | (rec->uid || rec->gid ? HAVE_OWNER : 0) |
	       (rec->size ? HAVE_SIZE : 0) | (rec->mtime ? HAVE_MTIME : 0) |
	       (rec->has_sha ? HAVE_SHA : 0) | (rec->link.n ? HAVE_LINK : 0) |
	       (rec->xattrs.n ? HAVE_XATTRS : 0) |
	       (rec->rdev_major || rec->rdev_minor ? HAVE_RDEV : 0) |
	       (rec->flags ? HAVE_FLAGS : 0) | (rec->ovl ? HAVE_OVL : 0) |
	       (rec->redirect.n ? HAVE_REDIRECT : 0);
}

static bool is_device(const struct record *rec)
{
	return rec->type == FILE_CHR || rec->type == FILE_BLK;
}

static bool xattrs_sound(struct span list)
{
	struct rd at = rd_of(list);
	struct xattr x, before = {0};

	while (xattr_next(&at, &x)) {
		if (x.value.n > XATTR_KEEP || (before.name.n && span_cmp(before.name, x.name) >= 0))
			return false;
		before = x;
	}
	return !at.bad;
}

/* What is wrong with a record, in words; NULL: nothing. Both directions ask this. */
static const char *flaw(const struct record *rec, unsigned have)
{
	if ((unsigned)rec->type >= FILE_N)
		return "no such file type";
	if (rec->mode > MODE_MAX || rec->flags > FLAGS_MAX || rec->ovl > OVL_MAX)
		return "mode or flags out of range";
	if (rec->type != FILE_REG && (have & (HAVE_SIZE | HAVE_SHA)))
		return "size or hash of what is no regular file";
	if (rec->type != FILE_LINK && (have & HAVE_LINK))
		return "link target of what is no link";
	if (!is_device(rec) && (have & HAVE_RDEV))
		return "device number of what is no device";
	return xattrs_sound(rec->xattrs) ? NULL : "broken list of extended attributes";
}

static void encode_rare(const struct record *rec, unsigned have, struct buf *out)
{
	if (have & HAVE_RDEV) {
		buf_varint(out, rec->rdev_major);
		buf_varint(out, rec->rdev_minor);
	}
	if (have & HAVE_FLAGS)
		buf_varint(out, rec->flags);
	if (have & HAVE_OVL)
		buf_varint(out, rec->ovl);
	if (have & HAVE_REDIRECT)
		buf_bytes(out, rec->redirect);
}

int record_encode(const struct record *rec, struct buf *out)
{
	unsigned have = have_of(rec);
	const char *wrong = flaw(rec, have);

	if (wrong)
		return err_set(-EINVAL, "record: %s", wrong);
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)rec->type);
	buf_varint(out, have);
	if (have & HAVE_MODE)
		buf_varint(out, rec->mode);
	if (have & HAVE_OWNER) {
		buf_varint(out, rec->uid);
		buf_varint(out, rec->gid);
	}
	if (have & HAVE_SIZE)
		buf_varint(out, rec->size);
	if (have & HAVE_MTIME)
		buf_zigzag(out, rec->mtime);
	if (have & HAVE_SHA)
		buf_add(out, rec->sha, SHA_LEN);
	if (have & HAVE_LINK)
		buf_bytes(out, rec->link);
	if (have & HAVE_XATTRS)
		buf_bytes(out, rec->xattrs);
	encode_rare(rec, have, out);
	return buf_err(out);
}

static void decode_sha(struct rd *r, struct record *rec)
{
	struct span sha = rd_take(r, SHA_LEN);

	if (sha.n == SHA_LEN)
		memcpy(rec->sha, sha.p, SHA_LEN);
	rec->has_sha = true;
}

static void decode_rare(struct rd *r, unsigned have, struct record *rec)
{
	if (have & HAVE_RDEV) {
		rec->rdev_major = (uint32_t)rd_upto(r, UINT32_MAX);
		rec->rdev_minor = (uint32_t)rd_upto(r, UINT32_MAX);
	}
	if (have & HAVE_FLAGS)
		rec->flags = (uint32_t)rd_upto(r, FLAGS_MAX);
	if (have & HAVE_OVL)
		rec->ovl = (uint32_t)rd_upto(r, OVL_MAX);
	if (have & HAVE_REDIRECT)
		rec->redirect = rd_bytes(r);
}

static void decode_common(struct rd *r, unsigned have, struct record *rec)
{
	if (have & HAVE_MODE)
		rec->mode = (uint32_t)rd_upto(r, MODE_MAX);
	if (have & HAVE_OWNER) {
		rec->uid = (uint32_t)rd_upto(r, UINT32_MAX);
		rec->gid = (uint32_t)rd_upto(r, UINT32_MAX);
	}
	if (have & HAVE_SIZE)
		rec->size = rd_varint(r);
	if (have & HAVE_MTIME)
		rec->mtime = rd_zigzag(r);
	if (have & HAVE_SHA)
		decode_sha(r, rec);
	if (have & HAVE_LINK)
		rec->link = rd_bytes(r);
	if (have & HAVE_XATTRS)
		rec->xattrs = rd_bytes(r);
}

int record_decode(struct span bytes, struct record *rec)
{
	struct rd r = rd_of(bytes);
	const char *wrong;
	unsigned have;

	*rec = (struct record){0};
	if (rd_u8(&r) != VERSION)
		return err_set(-EBADMSG, "record: not of a version that is known");
	rec->type = rd_u8(&r);
	have = (unsigned)rd_upto(&r, HAVE_ALL);
	decode_common(&r, have, rec);
	decode_rare(&r, have, rec);
	if (!r.bad && have_of(rec) != have)
		return err_set(-EBADMSG, "record: a field that is zero");
	wrong = r.bad ? NULL : flaw(rec, have);
	if (wrong)
		return err_set(-EBADMSG, "record: %s", wrong);
	return rd_finish(&r, "record");
}

static bool is_caps(const struct xattr *x)
{
	return span_is(x->name, "security.capability");
}

static bool xattr_same(const struct xattr *a, const struct xattr *b)
{
	return span_eq(a->name, b->name) && span_eq(a->value, b->value);
}

static uint32_t xattr_aspect(const struct xattr *x)
{
	return is_caps(x) ? 1u << ASPECT_CAPS : 1u << ASPECT_XATTR;
}

/* Both lists are sorted: one walk, as in a merge. */
static uint32_t diff_xattrs(struct span a, struct span b)
{
	struct rd ra = rd_of(a), rb = rd_of(b);
	struct xattr xa, xb;
	bool more_a = xattr_next(&ra, &xa), more_b = xattr_next(&rb, &xb);
	uint32_t out = 0;

	while (more_a || more_b) {
		int c = !more_a ? 1 : !more_b ? -1 : span_cmp(xa.name, xb.name);

		if (c || !xattr_same(&xa, &xb))
			out |= xattr_aspect(c <= 0 ? &xa : &xb);
		if (c <= 0)
			more_a = xattr_next(&ra, &xa);
		if (c >= 0)
			more_b = xattr_next(&rb, &xb);
	}
	return out;
}

static bool content_differs(const struct record *a, const struct record *b)
{
	if (a->type != FILE_REG || b->type != FILE_REG)
		return false;
	if (a->size != b->size || a->has_sha != b->has_sha)
		return true;
	return a->has_sha && !sha_same(a->sha, b->sha);
}

static bool type_differs(const struct record *a, const struct record *b)
{
	return a->type != b->type ||
	       (is_device(a) && (a->rdev_major != b->rdev_major || a->rdev_minor != b->rdev_minor));
}

/* The mode of a symbolic link is a constant that says nothing. */
static bool mode_differs(const struct record *a, const struct record *b)
{
	return a->type != FILE_LINK && b->type != FILE_LINK && a->mode != b->mode;
}

/* Another type has another time of its own accord. */
static bool mtime_differs(const struct record *a, const struct record *b)
{
	return a->type == b->type && a->type != FILE_DIR && a->mtime != b->mtime;
}

uint32_t record_diff(const struct record *a, const struct record *b)
{
	uint32_t out = diff_xattrs(a->xattrs, b->xattrs);

	out |= (uint32_t)content_differs(a, b) << ASPECT_CONTENT;
	out |= (uint32_t)mode_differs(a, b) << ASPECT_MODE;
	out |= (uint32_t)(a->uid != b->uid || a->gid != b->gid) << ASPECT_OWNER;
	out |= (uint32_t)type_differs(a, b) << ASPECT_TYPE;
	out |= (uint32_t)(a->type == b->type && !span_eq(a->link, b->link)) << ASPECT_LINK;
	out |= (uint32_t)mtime_differs(a, b) << ASPECT_MTIME;
	out |= (uint32_t)(a->flags != b->flags) << ASPECT_FLAGS;
	return out;
}

static int64_t second_of(int64_t ns)
{
	return ns / CLOCK_S - (ns % CLOCK_S < 0);
}

void record_same_second(struct record *fresh, const struct record *old)
{
	if (fresh->type == old->type && second_of(fresh->mtime) == second_of(old->mtime))
		fresh->mtime = old->mtime;
}

bool xattr_next(struct rd *at, struct xattr *ret)
{
	if (rd_end(at))
		return false;
	ret->name = rd_bytes(at);
	ret->value = rd_bytes(at);
	at->bad |= ret->name.n == 0;
	return !at->bad;
}

static void put_value(struct buf *list, struct span value)
{
	BUF struct buf text = {0};
	uint8_t sha[SHA_LEN];

	if (value.n <= XATTR_KEEP) {
		buf_bytes(list, value);
		return;
	}
	sha_once(value, sha);
	buf_add_text(&text, "sha256:");
	text_hex(&text, span_make(sha, SHA_LEN));
	buf_bytes(list, buf_span(&text));
	list->err |= text.err;
}

void xattr_add(struct buf *list, struct span name, struct span value)
{
	BUF struct buf tail = {0};
	struct rd at = rd_of(buf_span(list));
	const uint8_t *cut = at.p, *rest = at.end;
	struct xattr x;

	while (xattr_next(&at, &x)) {
		int c = span_cmp(x.name, name);

		rest = c > 0 ? cut : at.p;
		if (c >= 0)
			break;
		cut = at.p;
	}
	/* What is behind the place steps aside, without the old value where the name was there. */
	buf_add(&tail, rest, (size_t)(at.end - rest));
	list->n = (size_t)(cut - list->p);
	buf_bytes(list, name);
	put_value(list, value);
	buf_add_span(list, buf_span(&tail));
	list->err |= tail.err;
}
