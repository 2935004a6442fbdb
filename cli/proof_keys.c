#include "cli/proof_keys.h"
#include "cli/cli.h"
#include "client/keys.h"

void told_odd_keys(const char *name)
{
	BUF struct buf odd = {0};

	if (name)
		keys_odd(name, &odd);
	for (char *at = (char *)odd.p, *end; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		remark("left out: %.*s", (int)(end - at), at);
	}
}
