/* u8 version 1 | u8 bits (1 configuration) | u8 digest | bytes manager, name, version, arch, expected,
 * found. Version 2: what is no mismatch of the baseline's; behind the digest comes u8 state. */
#include "model/package.h"
#include "base/err.h"

enum { VERSION = 1, STATED = 2 };

const char *const package_digest_names[PACKAGE_DIGESTS] = {"md5", "sha256", "sha1", "sha256-160"};

#define X_KIND(id, name, sentence) {name, sentence},
const struct kind package_state_kinds[PACKAGE_STATE_N] = {PACKAGE_STATES(X_KIND)};
#undef X_KIND

size_t package_digest_len(enum package_digest d)
{
	static const uint8_t len[PACKAGE_DIGESTS] = {16, PACKAGE_DIGEST_MAX, 20, 20};

	return len[d];
}

void package_encode(const struct package_note *n, struct buf *out)
{
	buf_u8(out, n->state ? STATED : VERSION);
	buf_u8(out, n->config);
	buf_u8(out, (uint8_t)n->digest);
	if (n->state)
		buf_u8(out, (uint8_t)n->state);
	buf_bytes(out, n->manager);
	buf_bytes(out, n->name);
	buf_bytes(out, n->version);
	buf_bytes(out, n->arch);
	buf_bytes(out, n->expected);
	buf_bytes(out, n->found);
}

static bool fits(const struct package_note *n, struct span digest)
{
	return (n->state && !digest.n) || digest.n == package_digest_len(n->digest);
}

int package_decode(struct span bytes, struct package_note *ret)
{
	struct rd r = rd_of(bytes);
	uint8_t version;

	*ret = (struct package_note){.config = false};
	version = rd_u8(&r);
	r.bad |= version != VERSION && version != STATED;
	ret->config = rd_upto(&r, 1);
	ret->digest = (enum package_digest)rd_upto(&r, PACKAGE_DIGESTS - 1);
	if (version == STATED) {
		ret->state = (enum package_state)rd_upto(&r, PACKAGE_STATE_N - 1);
		r.bad |= !ret->state;
	}
	ret->manager = rd_bytes(&r);
	ret->name = rd_bytes(&r);
	ret->version = rd_bytes(&r);
	ret->arch = rd_bytes(&r);
	ret->expected = rd_bytes(&r);
	ret->found = rd_bytes(&r);
	r.bad |= !fits(ret, ret->expected) || !fits(ret, ret->found) ||
		 !ret->name.n != (ret->state == PACKAGE_UNOWNED);
	return rd_finish(&r, "package");
}

bool package_is_mismatch(struct span bytes)
{
	return bytes.n && bytes.p[0] == VERSION;
}
