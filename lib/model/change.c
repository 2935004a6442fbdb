/*
 * Version 1: u8 version, u8 kind, u8 severity, u8 unsettled, varint aspects, zigzag first, zigzag
 * last, varint seq, then from, mount, old, now and actor: length and bytes each. Version 2, where a
 * rule has a word in it, goes on: varint blind, and ruling: length and bytes. Version 3, where a package
 * has, goes on with that: length and bytes.
 */
#include "model/change.h"
#include "base/err.h"

enum { PLAIN = 1, RULED = 2, PACKAGED = 3, ASPECTS_ALL = (1 << ASPECT_N) - 1 };

/* What cannot be, in words; NULL: nothing. The encodings inside are looked at when decoding. */
static const char *flaw(const struct change *c)
{
	if (c->kind != 'A' && c->kind != 'C' && c->kind != 'D')
		return "no such kind";
	if (c->aspects > ASPECTS_ALL || (c->kind != 'C' && c->aspects & ~(1u << ASPECT_LAYER)))
		return "aspects that cannot be";
	if ((unsigned)c->severity >= SEV_N)
		return "no such severity";
	if (c->blind > ASPECTS_ALL)
		return "no such aspects";
	if ((c->kind == 'A' && c->old.n) || (c->kind == 'D' && c->now.n))
		return "a record of what is not there";
	return NULL;
}

int change_encode(const struct change *c, struct buf *out)
{
	const char *wrong = flaw(c);
	bool ruled = c->blind || c->ruling.n;

	if (wrong)
		return err_set(-EINVAL, "change: %s", wrong);
	buf_u8(out, c->package.n ? PACKAGED : ruled ? RULED : PLAIN);
	buf_u8(out, (uint8_t)c->kind);
	buf_u8(out, (uint8_t)c->severity);
	buf_u8(out, c->unsettled);
	buf_varint(out, c->aspects);
	buf_zigzag(out, c->first);
	buf_zigzag(out, c->last);
	buf_varint(out, c->seq);
	buf_bytes(out, c->from);
	buf_bytes(out, c->mount);
	buf_bytes(out, c->old);
	buf_bytes(out, c->now);
	buf_bytes(out, c->actor);
	if (ruled || c->package.n) {
		buf_varint(out, c->blind);
		buf_bytes(out, c->ruling);
	}
	if (c->package.n)
		buf_bytes(out, c->package);
	return buf_err(out);
}

static int check_inside(const struct change *c)
{
	struct record rec;
	struct actor who;
	struct ruling rule;
	struct package_note package;
	int r = 0;

	if (c->old.n)
		r = record_decode(c->old, &rec);
	if (r == 0 && c->now.n)
		r = record_decode(c->now, &rec);
	if (r == 0 && c->actor.n)
		r = actor_decode(c->actor, &who);
	if (r == 0)
		r = ruling_decode(c->ruling, &rule);
	if (r == 0 && c->package.n)
		r = package_decode(c->package, &package);
	return r ? err_wrap(r, "change") : 0;
}

int change_decode(struct span path, struct span bytes, struct change *ret)
{
	struct rd r = rd_of(bytes);
	const char *wrong;
	uint8_t version = rd_u8(&r);

	*ret = (struct change){.path = path};
	r.bad |= version < PLAIN || version > PACKAGED;
	ret->kind = (char)rd_u8(&r);
	ret->severity = (enum severity)rd_upto(&r, SEV_N - 1);
	ret->unsettled = rd_upto(&r, 1);
	ret->aspects = (uint32_t)rd_upto(&r, ASPECTS_ALL);
	ret->first = rd_zigzag(&r);
	ret->last = rd_zigzag(&r);
	ret->seq = rd_varint(&r);
	ret->from = rd_bytes(&r);
	ret->mount = rd_bytes(&r);
	ret->old = rd_bytes(&r);
	ret->now = rd_bytes(&r);
	ret->actor = rd_bytes(&r);
	if (version >= RULED) {
		ret->blind = (uint32_t)rd_upto(&r, ASPECTS_ALL);
		ret->ruling = rd_bytes(&r);
		r.bad |= version == RULED && !ret->blind && !ret->ruling.n;
	}
	if (version == PACKAGED) {
		ret->package = rd_bytes(&r);
		r.bad |= !ret->package.n;
	}
	if (rd_finish(&r, "change"))
		return -EBADMSG;
	if ((wrong = flaw(ret)))
		return err_set(-EBADMSG, "change: %s", wrong);
	return check_inside(ret);
}

static bool sees(uint32_t blind, enum aspect a)
{
	return !(blind & 1u << a);
}

/* Takes out of a record what nobody wants to see of it. */
static void make_blind(struct record *rec, uint32_t blind, struct buf *xattrs)
{
	struct rd at = rd_of(rec->xattrs);
	struct xattr x;

	if (!blind)
		return;
	if (!sees(blind, ASPECT_CONTENT)) {
		rec->size = 0;
		rec->has_sha = false;
	}
	if (!sees(blind, ASPECT_MODE))
		rec->mode = 0;
	if (!sees(blind, ASPECT_OWNER))
		rec->uid = rec->gid = 0;
	if (!sees(blind, ASPECT_LINK))
		rec->link = (struct span){0};
	if (!sees(blind, ASPECT_MTIME))
		rec->mtime = 0;
	if (!sees(blind, ASPECT_FLAGS))
		rec->flags = 0;
	while (xattr_next(&at, &x))
		if (sees(blind,
			    span_is(x.name, "security.capability") ? ASPECT_CAPS : ASPECT_XATTR))
			xattr_add(xattrs, x.name, x.value);
	rec->xattrs = buf_span(xattrs);
}

/* A record without what record_diff() does not look at: writing in a directory moves its time, and
 * how overlayfs keeps a thing is not what it is. */
static void add_state(struct buf *out, struct span bytes, uint32_t blind)
{
	BUF struct buf plain = {0}, xattrs = {0};
	struct record rec;

	if (!bytes.n || record_decode(bytes, &rec)) {
		buf_bytes(out, bytes);
		return;
	}
	if (rec.type == FILE_DIR)
		rec.mtime = 0;
	if (rec.type == FILE_LINK)
		rec.mode = 0;
	rec.ovl = 0;
	rec.redirect = (struct span){0};
	make_blind(&rec, blind, &xattrs);
	record_encode(&rec, &plain);
	buf_bytes(out, buf_span(&plain));
	out->err |= plain.err;
}

void change_identity(const struct change *c, struct buf *out)
{
	buf_bytes(out, c->path);
	buf_u8(out, (uint8_t)c->kind);
	buf_varint(out, c->aspects);
	buf_bytes(out, c->mount);
	add_state(out, c->old, c->blind);
	add_state(out, c->now, c->blind);
}
