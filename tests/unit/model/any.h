/* any.h - records and actors as they may be, from numbers. */
#pragma once

#include "model/actor.h"
#include "model/record.h"
#include "tests/unit/base/unit.h"

struct any_room {
	struct buf xattrs;
	uint8_t link[40], redirect[20], exe[40], cmdline[60], comm[16], container[64], reason[30];
	uint8_t host[40], cwd[40], tty[10], session[20], up[ACTOR_UP_MAX][2][20];
};
static inline void any_room_free(struct any_room *room)
{
	buf_free(&room->xattrs);
}

static inline void any_xattrs(uint64_t *seed, struct buf *list)
{
	static uint8_t value[400];
	size_t n = any_below(seed, 4);

	buf_reset(list);
	for (size_t i = 0; i < n; i++) {
		char name[20] = "user.a";

		name[5] = (char)('a' + any_below(seed, 26));
		xattr_add(list, any_below(seed, 4) ? span_of(name) : LIT("security.capability"),
			any_bytes(seed, value, any_below(seed, 8) ? 20 : sizeof(value)));
	}
}

static inline struct record any_record(uint64_t *seed, struct any_room *room)
{
	struct record rec = {.type = (enum file_type)any_below(seed, FILE_N)};

	if (any_below(seed, 8))
		rec.mode = (uint32_t)any_below(seed, 010000);
	if (any_below(seed, 2)) {
		rec.uid = (uint32_t)any_size(seed);
		rec.gid = (uint32_t)any_size(seed);
	}
	if (any_below(seed, 8))
		rec.mtime = (int64_t)any(seed) >> any_below(seed, 64);
	if (rec.type == FILE_REG && any_below(seed, 4)) {
		rec.size = any_size(seed);
		rec.has_sha = any_below(seed, 4);
		for (size_t i = 0; rec.has_sha && i < SHA_LEN; i++)
			rec.sha[i] = (uint8_t)any(seed);
	}
	if (rec.type == FILE_CHR || rec.type == FILE_BLK) {
		rec.rdev_major = (uint32_t)any_size(seed);
		rec.rdev_minor = (uint32_t)any_size(seed);
	}
	if (rec.type == FILE_LINK)
		rec.link = any_bytes(seed, room->link, sizeof(room->link));
	if (!any_below(seed, 4))
		rec.flags = (uint32_t)any_below(seed, 16);
	if (!any_below(seed, 4))
		rec.ovl = (uint32_t)any_below(seed, 16);
	if (!any_below(seed, 4))
		rec.redirect = any_bytes(seed, room->redirect, sizeof(room->redirect));
	any_xattrs(seed, &room->xattrs);
	if (any_below(seed, 2))
		rec.xattrs = buf_span(&room->xattrs);
	return rec;
}

static inline struct actor any_actor(uint64_t *seed, struct any_room *room)
{
	struct actor a = {
		.pid = (uint32_t)any_size(seed),
		.start = any_size(seed),
		.has_uid = any_below(seed, 2),
		.login_uid = UINT32_MAX,
		.login_session = UINT32_MAX,
		.origin = (enum origin)any_below(seed, ORIGIN_N),
		.exe = any_bytes(seed, room->exe, sizeof(room->exe)),
		.cmdline = any_bytes(seed, room->cmdline, sizeof(room->cmdline)),
		.comm = any_bytes(seed, room->comm, sizeof(room->comm)),
		.container = any_bytes(seed, room->container, sizeof(room->container)),
		.reason = any_bytes(seed, room->reason, sizeof(room->reason)),
		.exe_host = any_bytes(seed, room->host, sizeof(room->host)),
		.cwd = any_bytes(seed, room->cwd, sizeof(room->cwd)),
		.tty = any_bytes(seed, room->tty, sizeof(room->tty)),
		.session = any_bytes(seed, room->session, sizeof(room->session)),
		.drifted = any_below(seed, 2),
		.aside = any_below(seed, 2),
		.has_sha = any_below(seed, 2),
		.n_up = any_below(seed, ACTOR_UP_MAX + 1),
	};

	for (size_t i = 0; i < SHA_LEN && a.has_sha; i++)
		a.sha[i] = (uint8_t)any_below(seed, 256);
	for (size_t i = 0; i < a.n_up; i++)
		a.up[i] = (struct ancestor){(uint32_t)any_size(seed), any_size(seed),
			any_bytes(seed, room->up[i][0], sizeof(room->up[i][0])),
			any_bytes(seed, room->up[i][1], sizeof(room->up[i][1]))};

	if (a.has_uid) {
		a.uid = (uint32_t)any_size(seed);
		a.gid = (uint32_t)any_size(seed);
		a.login_uid = (uint32_t)any_size(seed);
		a.login_session = (uint32_t)any_size(seed);
	}
	return a;
}
