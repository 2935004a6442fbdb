/*
 * Only `verify --from` hashes, and libcrypto in the list of libraries costs every other command more
 * time than the rest of its work. So here are the two functions of base/sha.h that the command line
 * needs: the linker takes them and leaves the archive's, with what that needs, aside.
 */
#include "cli/digest.h"
#include "base/sha.h"
#include "cli/cli.h"
#include <dlfcn.h>

#define LIBRARY "libcrypto.so.3"
typedef unsigned char *sha256_function(const unsigned char *p, size_t n, unsigned char *ret);

static sha256_function *sha256;

int digest_load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);
	void *found = library ? dlsym(library, "SHA256") : NULL;

	if (!found)
		return complain("digests need OpenSSL's " LIBRARY ": install libssl3");
	memcpy(&sha256, &found, sizeof(sha256)); /* C has no cast between the two */
	return 0;
}

void sha_once(struct span data, uint8_t ret[SHA_LEN])
{
	must(sha256 && sha256(data.p, data.n, ret));
}

bool sha_same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SHA_LEN) == 0; /* nothing here is a secret */
}
