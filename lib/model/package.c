/* u8 version 1 | u8 bits (1 configuration) | u8 digest | bytes manager, name, version, arch, expected,
 * found. */
#include "model/package.h"
#include "base/err.h"

enum { VERSION = 1 };

const char *const package_digest_names[PACKAGE_DIGESTS] = {"md5", "sha256"};

size_t package_digest_len(enum package_digest d)
{
	return d == PACKAGE_MD5 ? 16 : PACKAGE_DIGEST_MAX;
}

void package_encode(const struct package_note *n, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u8(out, n->config);
	buf_u8(out, (uint8_t)n->digest);
	buf_bytes(out, n->manager);
	buf_bytes(out, n->name);
	buf_bytes(out, n->version);
	buf_bytes(out, n->arch);
	buf_bytes(out, n->expected);
	buf_bytes(out, n->found);
}

int package_decode(struct span bytes, struct package_note *ret)
{
	struct rd r = rd_of(bytes);

	*ret = (struct package_note){.config = false};
	r.bad |= rd_u8(&r) != VERSION;
	ret->config = rd_upto(&r, 1);
	ret->digest = (enum package_digest)rd_upto(&r, PACKAGE_DIGESTS - 1);
	ret->manager = rd_bytes(&r);
	ret->name = rd_bytes(&r);
	ret->version = rd_bytes(&r);
	ret->arch = rd_bytes(&r);
	ret->expected = rd_bytes(&r);
	ret->found = rd_bytes(&r);
	r.bad |= ret->expected.n != package_digest_len(ret->digest) ||
		 ret->found.n != ret->expected.n || !ret->name.n;
	return rd_finish(&r, "package");
}
