/* Two sets of the same digest were read from the same files. */
#include "policy/rules.h"

int rules_digest(struct rules *r)
{
	if (buf_err(&r->source) < 0)
		return buf_err(&r->source);
	sha_once(buf_span(&r->source), r->digest);
	buf_free(&r->source);
	return 0;
}
