/*
 * Target, version 2: u8 version, u8 kind, u8 state, u8 level, u8 IS_* bits, varint no, zigzag
 * found, stopped, removed, varint pid, varint mnt_ns, then the spans of span_fields[] in that
 * order, each length and bytes. A list is its items one behind the other, each length and bytes.
 * Version 1 ended before the index.
 * State, version 1: u8 version, u8 worst, u8 baselined, varints generation, n_added, n_changed,
 * n_deleted, zigzag last_sweep, drift_id, baseline_root: 32 bytes each.
 */
#include "model/target.h"
#include "base/err.h"

enum { VERSION = 2, STATE_VERSION = 1 };
enum { IS_READ_ONLY = 1, IS_LATE = 2, IS_USER_XATTR = 4, IS_FUSE = 8, IS_ALL = 15 };

/* A new field is a new row at the end, and a new version. */
static const size_t span_fields[] = {
	offsetof(struct target, id),
	offsetof(struct target, name),
	offsetof(struct target, runtime),
	offsetof(struct target, image),
	offsetof(struct target, image_digest),
	offsetof(struct target, pod_name),
	offsetof(struct target, pod_namespace),
	offsetof(struct target, pod_uid),
	offsetof(struct target, fs_type),
	offsetof(struct target, upper),
	offsetof(struct target, lowers),
	offsetof(struct target, data_only),
	offsetof(struct target, labels),
	offsetof(struct target, volumes),
	offsetof(struct target, index),
};

static unsigned bits_of(const struct target *t)
{
	return (t->read_only ? IS_READ_ONLY : 0) | (t->late ? IS_LATE : 0) |
	       (t->user_xattr ? IS_USER_XATTR : 0) | (t->fuse ? IS_FUSE : 0);
}

void target_encode(const struct target *t, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)t->kind);
	buf_u8(out, (uint8_t)t->state);
	buf_u8(out, (uint8_t)t->level);
	buf_u8(out, (uint8_t)bits_of(t));
	buf_varint(out, t->no);
	buf_zigzag(out, t->found);
	buf_zigzag(out, t->stopped);
	buf_zigzag(out, t->removed);
	buf_varint(out, t->pid);
	buf_varint(out, t->mnt_ns);
	for (size_t i = 0; i < COUNTOF(span_fields); i++)
		buf_bytes(out, *(const struct span *)((const char *)t + span_fields[i]));
}

static bool paths_sound(struct span list)
{
	struct rd at = rd_of(list);
	struct span path;

	while (target_next_path(&at, &path))
		;
	return !at.bad;
}

static bool pairs_sound(struct span list)
{
	struct rd at = rd_of(list);
	struct pair pair;

	while (target_next_pair(&at, &pair))
		;
	return !at.bad;
}

static void decode_bits(struct rd *r, struct target *t)
{
	unsigned is = (unsigned)rd_upto(r, IS_ALL);

	t->read_only = is & IS_READ_ONLY;
	t->late = is & IS_LATE;
	t->user_xattr = is & IS_USER_XATTR;
	t->fuse = is & IS_FUSE;
}

int target_decode(struct span bytes, struct target *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct target){0};
	r.bad |= rd_u8(&r) != VERSION;
	ret->kind = (enum target_kind)rd_upto(&r, TARGET_KIND_N - 1);
	ret->state = (enum target_state)rd_upto(&r, STATE_N - 1);
	ret->level = (enum level)rd_upto(&r, LEVEL_N - 1);
	decode_bits(&r, ret);
	ret->no = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->found = rd_zigzag(&r);
	ret->stopped = rd_zigzag(&r);
	ret->removed = rd_zigzag(&r);
	ret->pid = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->mnt_ns = rd_varint(&r);
	for (size_t i = 0; i < COUNTOF(span_fields); i++)
		*(struct span *)((char *)ret + span_fields[i]) = rd_bytes(&r);
	r.bad |= !paths_sound(ret->lowers) || !paths_sound(ret->data_only) ||
		 !pairs_sound(ret->labels) || !pairs_sound(ret->volumes);
	return rd_finish(&r, "target");
}

int target_upgrade(struct span old, struct buf *out)
{
	struct target t;

	if (old.n && old.p[0] == 1) {
		buf_u8(out, VERSION);
		buf_add(out, old.p + 1, old.n - 1);
		buf_u8(out, 0); /* no index */
	} else {
		buf_add_span(out, old);
	}
	return buf_err(out) ? buf_err(out) : target_decode(buf_span(out), &t);
}

bool target_next_path(struct rd *at, struct span *ret)
{
	if (rd_end(at))
		return false;
	*ret = rd_bytes(at);
	return !at->bad;
}

bool target_next_pair(struct rd *at, struct pair *ret)
{
	if (rd_end(at))
		return false;
	ret->key = rd_bytes(at);
	ret->value = rd_bytes(at);
	return !at->bad;
}

void target_state_encode(const struct target_state_rec *s, struct buf *out)
{
	buf_u8(out, STATE_VERSION);
	buf_u8(out, (uint8_t)s->worst);
	buf_u8(out, s->baselined);
	buf_varint(out, s->generation);
	buf_varint(out, s->n_added);
	buf_varint(out, s->n_changed);
	buf_varint(out, s->n_deleted);
	buf_zigzag(out, s->last_sweep);
	buf_add(out, s->drift_id, SHA_LEN);
	buf_add(out, s->baseline_root, SHA_LEN);
}

static void decode_sha(struct rd *r, uint8_t ret[SHA_LEN])
{
	struct span s = rd_take(r, SHA_LEN);

	if (s.n == SHA_LEN)
		memcpy(ret, s.p, SHA_LEN);
}

int target_state_decode(struct span bytes, struct target_state_rec *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct target_state_rec){0};
	r.bad |= rd_u8(&r) != STATE_VERSION;
	ret->worst = (enum severity)rd_upto(&r, SEV_N - 1);
	ret->baselined = rd_upto(&r, 1);
	ret->generation = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->n_added = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->n_changed = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->n_deleted = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->last_sweep = rd_zigzag(&r);
	decode_sha(&r, ret->drift_id);
	decode_sha(&r, ret->baseline_root);
	return rd_finish(&r, "target state");
}
