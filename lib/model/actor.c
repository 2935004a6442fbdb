/*
 * Version 2: u8 version, u8 origin, varint pid, varint start, u8 bits (1 ids known, 2 digest known,
 * 4 drifted); where the ids are, varints uid gid login_uid login_session; where the digest is, its
 * bytes; then exe, cmdline, comm, container, reason, exe_host, cwd, tty, session: length and bytes
 * each; then u8 how many ancestors, of each varint pid, varint start, bytes comm, bytes exe.
 * Version 1 ends after the reason; its bits are "ids known" alone, and it has no login_session.
 */
#include "model/actor.h"
#include "base/err.h"

enum { VERSION_1 = 1, VERSION = 2 };
enum { BIT_IDS = 1, BIT_SHA = 2, BIT_DRIFTED = 4, BIT_ASIDE = 8, BITS_ALL = 15 };

static void encode_up(const struct actor *a, struct buf *out)
{
	size_t n = a->n_up < ACTOR_UP_MAX ? a->n_up : ACTOR_UP_MAX;

	buf_u8(out, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_varint(out, a->up[i].pid);
		buf_varint(out, a->up[i].start);
		buf_bytes(out, a->up[i].comm);
		buf_bytes(out, a->up[i].exe);
	}
}

void actor_encode(const struct actor *a, struct buf *out)
{
	size_t cut = a->cmdline.n < ACTOR_CMDLINE_MAX ? a->cmdline.n : ACTOR_CMDLINE_MAX;

	buf_u8(out, VERSION);
	buf_u8(out, (uint8_t)a->origin);
	buf_varint(out, a->pid);
	buf_varint(out, a->start);
	buf_u8(out, (uint8_t)((a->has_uid ? BIT_IDS : 0) | (a->has_sha ? BIT_SHA : 0) |
			      (a->drifted ? BIT_DRIFTED : 0) | (a->aside ? BIT_ASIDE : 0)));
	if (a->has_uid) {
		buf_varint(out, a->uid);
		buf_varint(out, a->gid);
		buf_varint(out, a->login_uid);
		buf_varint(out, a->login_session);
	}
	if (a->has_sha)
		buf_add(out, a->sha, SHA_LEN);
	buf_bytes(out, a->exe);
	buf_bytes(out, span_make(a->cmdline.p, cut));
	buf_bytes(out, a->comm);
	buf_bytes(out, a->container);
	buf_bytes(out, a->reason);
	buf_bytes(out, a->exe_host);
	buf_bytes(out, a->cwd);
	buf_bytes(out, a->tty);
	buf_bytes(out, a->session);
	encode_up(a, out);
}

static void decode_ids(struct rd *r, struct actor *ret, uint8_t version)
{
	ret->uid = (uint32_t)rd_upto(r, UINT32_MAX);
	ret->gid = (uint32_t)rd_upto(r, UINT32_MAX);
	ret->login_uid = (uint32_t)rd_upto(r, UINT32_MAX);
	if (version == VERSION)
		ret->login_session = (uint32_t)rd_upto(r, UINT32_MAX);
}

static void decode_sha(struct rd *r, struct actor *ret)
{
	struct span sha = rd_take(r, SHA_LEN);

	if (sha.n == SHA_LEN)
		memcpy(ret->sha, sha.p, SHA_LEN);
}

static void decode_rest(struct rd *r, struct actor *ret)
{
	ret->exe_host = rd_bytes(r);
	ret->cwd = rd_bytes(r);
	ret->tty = rd_bytes(r);
	ret->session = rd_bytes(r);
	ret->n_up = rd_upto(r, ACTOR_UP_MAX);
	for (size_t i = 0; i < ret->n_up; i++) {
		ret->up[i].pid = (uint32_t)rd_upto(r, UINT32_MAX);
		ret->up[i].start = rd_varint(r);
		ret->up[i].comm = rd_bytes(r);
		ret->up[i].exe = rd_bytes(r);
	}
}

int actor_decode(struct span bytes, struct actor *ret)
{
	struct rd r = rd_of(bytes);
	uint8_t version = rd_u8(&r);
	uint64_t bits;

	*ret = (struct actor){.login_uid = UINT32_MAX, .login_session = UINT32_MAX};
	r.bad |= version != VERSION_1 && version != VERSION;
	ret->origin = (enum origin)rd_upto(&r, ORIGIN_N - 1);
	ret->pid = (uint32_t)rd_upto(&r, UINT32_MAX);
	ret->start = rd_varint(&r);
	bits = rd_upto(&r, version == VERSION_1 ? BIT_IDS : BITS_ALL);
	ret->has_uid = bits & BIT_IDS;
	ret->has_sha = bits & BIT_SHA;
	ret->drifted = bits & BIT_DRIFTED;
	ret->aside = bits & BIT_ASIDE;
	if (ret->has_uid)
		decode_ids(&r, ret, version);
	if (ret->has_sha)
		decode_sha(&r, ret);
	ret->exe = rd_bytes(&r);
	ret->cmdline = rd_bytes(&r);
	r.bad |= ret->cmdline.n > ACTOR_CMDLINE_MAX;
	ret->comm = rd_bytes(&r);
	ret->container = rd_bytes(&r);
	ret->reason = rd_bytes(&r);
	if (version == VERSION)
		decode_rest(&r, ret);
	return rd_finish(&r, "actor");
}
