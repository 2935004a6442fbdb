/* ruling.h - what a rule made of a change, as the change keeps it: a view, like record.h. */
#pragma once

#include "base/buf.h"

struct ruling {
	struct span name, file, reason, owner; /* of the rule that decided its severity */
	uint32_t line;
	bool expected; /* allowed drift: kept and counted, and no alert */
	bool grown;    /* by `growing`: its old part is as it was */
	uint64_t run;  /* of a package manager, that the change is part of; 0: none */
	bool altered;  /* by `growing`: its old part was changed, so nothing is expected of it */
};
/* Nothing at all where no rule has a word in it. */
void ruling_encode(const struct ruling *r, struct buf *out);
int ruling_decode(struct span bytes, struct ruling *ret); /* empty: all zero */
