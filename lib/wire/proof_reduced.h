/* proof_reduced.h - what of an event stands in the formats that do not carry it whole; a part of proof.c. */
#pragma once

#include "wire/event.h"
#include "wire/format.h"
#include "wire/jansson.h"

struct reduced {
	enum format format;
	struct event_link link; /* seq 0: a test's */
	bool has_prev;
	char host[256]; /* what link.host is, or nothing */
};
/* False: it is none. Of a line the first is read; *ret_more: another one is behind it. */
bool reduced_object(const json_t *root, struct reduced *ret);
bool reduced_line(struct span line, struct reduced *ret, bool *ret_more);
