/* The records are walked by the lengths that they carry, and a length is believed only after it
 * was compared with what is left. Unknown record kinds are stepped over: newer kernels add some. */
#include "daemon/sensor/fan_parse.h"
#include "base/err.h"
#include <sys/fanotify.h>

/* Kinds that headers of an older libc lack; numbers are the kernel's ABI. */
enum {
	INFO_FID = 1,
	INFO_DFID_NAME = 2,
	INFO_DFID = 3,
	INFO_OLD_DFID_NAME = 10,
	INFO_NEW_DFID_NAME = 12
};
enum { INFO_HEAD = 4, HANDLE_HEAD = 8 };

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v)); /* the kernel's own byte order */
	return v;
}

static struct fan_ref *slot(struct fan_event *e, uint8_t kind)
{
	switch (kind) {
	case INFO_FID:
		return &e->object;
	case INFO_DFID_NAME:
	case INFO_DFID:
		return &e->dir;
	case INFO_OLD_DFID_NAME:
		return &e->old_dir;
	case INFO_NEW_DFID_NAME:
		return &e->new_dir;
	default:
		return NULL;
	}
}

/* The name behind a handle ends at its NUL; "." is the kernel's word for the directory itself. */
static bool parse_name(struct span rest, struct span *ret)
{
	const uint8_t *nul = rest.n ? memchr(rest.p, 0, rest.n) : NULL;

	if (!nul)
		return false;
	*ret = span_make(rest.p, (size_t)(nul - rest.p));
	if (span_is(*ret, "."))
		ret->n = 0;
	return true;
}

static bool parse_ref(struct span body, bool named, struct fan_ref *ret)
{
	uint32_t len;

	if (body.n < FAN_FSID_LEN + HANDLE_HEAD)
		return false;
	len = get32(body.p + FAN_FSID_LEN);
	if (len > body.n - FAN_FSID_LEN - HANDLE_HEAD)
		return false;
	*ret = (struct fan_ref){
		.there = true,
		.key = span_make(body.p, FAN_FSID_LEN + HANDLE_HEAD + len),
		.handle = span_make(body.p + FAN_FSID_LEN, HANDLE_HEAD + len),
	};
	return !named ||
	       parse_name(span_make(body.p + ret->key.n, body.n - ret->key.n), &ret->name);
}

static bool parse_info(struct span info, struct fan_event *e)
{
	uint8_t kind = info.p[0];
	struct fan_ref *ref = slot(e, kind);

	if (!ref)
		return true;
	return parse_ref(span_make(info.p + INFO_HEAD, info.n - INFO_HEAD),
		kind != INFO_FID && kind != INFO_DFID, ref);
}

static bool parse_infos(struct span rest, struct fan_event *e)
{
	while (rest.n) {
		uint16_t len;

		if (rest.n < INFO_HEAD)
			return false;
		memcpy(&len, rest.p + 2, sizeof(len));
		if (len < INFO_HEAD || len > rest.n || !parse_info(span_make(rest.p, len), e))
			return false;
		rest = span_make(rest.p + len, rest.n - len);
	}
	return true;
}

static bool parse_event(struct fan_cursor *c, struct fan_event *ret)
{
	struct fanotify_event_metadata meta;
	size_t left = (size_t)(c->end - c->p);

	if (left < sizeof(meta))
		return false;
	memcpy(&meta, c->p, sizeof(meta));
	if (meta.vers != FANOTIFY_METADATA_VERSION || meta.metadata_len < sizeof(meta) ||
		meta.event_len < meta.metadata_len || meta.event_len > left)
		return false;
	*ret = (struct fan_event){.mask = meta.mask, .fd = meta.fd, .pid = meta.pid};
	if (!parse_infos(
		    span_make(c->p + meta.metadata_len, meta.event_len - meta.metadata_len), ret))
		return false;
	c->p += meta.event_len;
	return true;
}

int fan_next(struct fan_cursor *c, struct fan_event *ret)
{
	if (c->p == c->end)
		return FAN_END;
	if (parse_event(c, ret))
		return 0;
	c->p = c->end;
	return err_set(-EBADMSG, "fanotify: the kernel's record does not have the known form");
}
