/*
 * Version 1: u8 version, varint line, target, uid, zigzag from, until, boot until, varint of each of the
 * severities, lowest first, varint paths, then name, reason, owner, file, path, boot, list of paths, list
 * of targets: length and bytes each. A listed path: varint target, u8 kind, u8 severity, path.
 */
#include "model/hold.h"
#include "base/err.h"

enum { VERSION = 1 };

void hold_encode(const struct hold *h, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_varint(out, h->line);
	buf_varint(out, h->target);
	buf_varint(out, h->uid);
	buf_zigzag(out, h->from);
	buf_zigzag(out, h->until);
	buf_zigzag(out, h->boot_until);
	for (int i = 0; i < SEV_N; i++)
		buf_varint(out, h->counts[i]);
	buf_varint(out, h->n_paths);
	buf_bytes(out, h->name);
	buf_bytes(out, h->reason);
	buf_bytes(out, h->owner);
	buf_bytes(out, h->file);
	buf_bytes(out, h->path);
	buf_bytes(out, h->boot);
	buf_bytes(out, h->paths);
	buf_bytes(out, h->targets);
}

static bool lists_ok(const struct hold *h)
{
	struct rd at = rd_of(h->paths);
	struct hold_path p;

	while (hold_next_path(&at, &p))
		;
	if (at.bad || at.p != at.end)
		return false;
	at = rd_of(h->targets);
	while (!rd_end(&at))
		rd_upto(&at, UINT32_MAX);
	return !at.bad;
}

int hold_decode(struct span bytes, uint64_t id, struct hold *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct hold){.id = id};
	r.bad |= rd_u8(&r) != VERSION;
	ret->line = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->target = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->uid = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->from = rd_zigzag(&r);
	ret->until = rd_zigzag(&r);
	ret->boot_until = rd_zigzag(&r);
	for (int i = 0; i < SEV_N; i++)
		ret->counts[i] = rd_varint(&r);
	ret->n_paths = rd_varint(&r);
	ret->name = rd_bytes(&r);
	ret->reason = rd_bytes(&r);
	ret->owner = rd_bytes(&r);
	ret->file = rd_bytes(&r);
	ret->path = rd_bytes(&r);
	ret->boot = rd_bytes(&r);
	ret->paths = rd_bytes(&r);
	ret->targets = rd_bytes(&r);
	r.bad |= !ret->name.n || !lists_ok(ret);
	return rd_finish(&r, "hold");
}

bool hold_next_path(struct rd *at, struct hold_path *ret)
{
	if (rd_end(at))
		return false;
	ret->target = (uint32_t)rd_upto(at, UINT32_MAX);
	ret->kind = (char)rd_u8(at);
	ret->severity = (enum severity)rd_upto(at, SEV_N - 1);
	ret->path = rd_bytes(at);
	return !at->bad;
}

static void put_path(struct buf *out, const struct hold_path *p)
{
	buf_varint(out, p->target);
	buf_u8(out, (uint8_t)p->kind);
	buf_u8(out, (uint8_t)p->severity);
	buf_bytes(out, p->path);
}

static bool same_path(const struct hold_path *a, const struct hold_path *b)
{
	return a->target == b->target && span_eq(a->path, b->path);
}

/* Where in the list the change goes: at its own path, at the end while there is room, or in place of the
 * mildest that is milder. -1: nowhere. */
static int place_of(const struct hold *h, const struct hold_path *c, bool *ret_known)
{
	struct rd at = rd_of(h->paths);
	struct hold_path p;
	enum severity mildest = c->severity;
	int n = 0, milder = -1;

	for (*ret_known = false; hold_next_path(&at, &p); n++) {
		if (same_path(&p, c)) {
			*ret_known = true;
			return n;
		}
		if (p.severity < mildest) {
			mildest = p.severity;
			milder = n;
		}
	}
	return n < HOLD_PATHS && h->paths.n + c->path.n < HOLD_PATHS_BYTES ? n : milder;
}

static void add_path(struct hold *h, const struct hold_path *c, struct buf *out)
{
	bool known;
	int place = place_of(h, c, &known), n = 0;
	struct rd at = rd_of(h->paths);
	struct hold_path p, now = *c;

	for (; hold_next_path(&at, &p); n++) {
		if (n == place && known && p.severity > now.severity)
			now.severity = p.severity;
		put_path(out, n == place ? &now : &p);
	}
	if (n == place)
		put_path(out, &now);
	h->n_paths += !known;
}

static void add_target(struct hold *h, uint32_t no, struct buf *out)
{
	struct rd at = rd_of(h->targets);
	size_t n = 0;

	buf_add_span(out, h->targets);
	for (; !rd_end(&at); n++)
		if (rd_upto(&at, UINT32_MAX) == no)
			return;
	if (n < HOLD_TARGETS)
		buf_varint(out, no);
}

void hold_add(struct hold *h, const struct hold_path *c, struct buf *mem)
{
	BUF struct buf lists = {0};
	size_t n = 0;

	h->counts[c->severity]++;
	if (c->path.n)
		add_path(h, c, &lists);
	else
		buf_add_span(&lists, h->paths);
	n = lists.n;
	add_target(h, c->target, &lists);
	must(!lists.err);
	buf_free(mem);
	*mem = buf_take(&lists);
	h->paths = span_make(mem->p, n);
	h->targets = span_make(mem->p + n, mem->n - n);
}

uint64_t hold_n(const struct hold *h)
{
	uint64_t n = 0;

	for (int i = 0; i < SEV_N; i++)
		n += h->counts[i];
	return n;
}

enum severity hold_worst(const struct hold *h)
{
	for (int i = SEV_N; i-- > 0;)
		if (h->counts[i])
			return (enum severity)i;
	return SEV_INFO;
}

int64_t hold_left(const struct hold *h, const struct hold_now *now)
{
	bool same = h->boot.n && span_eq(h->boot, now->boot_id);
	int64_t left = same ? h->boot_until - now->boot : h->until - now->wall;

	return left > 0 ? left : 0;
}
