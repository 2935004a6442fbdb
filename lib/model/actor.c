/*
 * Version 1: u8 version, u8 origin, varint pid, varint start, u8 has_uid, where that is 1 varints
 * uid gid login_uid, then exe, cmdline, comm, container and reason: length and bytes each.
 */
#include "model/actor.h"
#include "base/err.h"

enum { VERSION = 1, CMDLINE_MAX = 4096 };

void actor_encode(const struct actor *a, struct buf *out)
{
	size_t cut = a->cmdline.n < CMDLINE_MAX ? a->cmdline.n : CMDLINE_MAX;

	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)a->origin);
	buf_varint(out, a->pid);
	buf_varint(out, a->start);
	buf_u8(out, a->has_uid);
	if (a->has_uid) {
		buf_varint(out, a->uid);
		buf_varint(out, a->gid);
		buf_varint(out, a->login_uid);
	}
	buf_bytes(out, a->exe);
	buf_bytes(out, span_make(a->cmdline.p, cut));
	buf_bytes(out, a->comm);
	buf_bytes(out, a->container);
	buf_bytes(out, a->reason);
}

int actor_decode(struct span bytes, struct actor *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct actor){.login_uid = UINT32_MAX};
	r.bad |= rd_u8(&r) != VERSION;
	ret->origin = (enum origin)rd_upto(&r, ORIGIN_N - 1);
	ret->pid = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->start = rd_varint(&r);
	ret->has_uid = rd_upto(&r, 1);
	if (ret->has_uid) {
		ret->uid = (uint32_t)rd_upto(&r, UINT32_MAX);
		ret->gid = (uint32_t)rd_upto(&r, UINT32_MAX);
		ret->login_uid = (uint32_t)rd_upto(&r, UINT32_MAX);
	}
	ret->exe = rd_bytes(&r);
	ret->cmdline = rd_bytes(&r);
	r.bad |= ret->cmdline.n > CMDLINE_MAX;
	ret->comm = rd_bytes(&r);
	ret->container = rd_bytes(&r);
	ret->reason = rd_bytes(&r);
	return rd_finish(&r, "actor");
}
