/*
 * secret.h - a token read from a file, in memory of its own: it goes into no core dump, no swap and
 * no child, and is zeroed before it is given back.
 *
 * What libcurl copies of it while a request is on its way cannot be kept that way; so a process
 * that holds a secret dumps no core at all (PR_SET_DUMPABLE), which also keeps other processes of
 * its user from reading its memory.
 */
#pragma once

#include "base/span.h"

enum secret_auth { SECRET_BEARER, SECRET_BASIC, SECRET_APIKEY, SECRET_SPLUNK, SECRET_AUTH_N };
struct secret {
	char *line;	     /* "Authorization: <scheme> <value>"; NULL: none */
	struct span value;   /* as it goes along; points behind `line` */
	struct span raw;     /* as the file has it; the same memory */
	bool world_readable; /* the file is, so it is hardly one */
	size_t size;	     /* of the mapping */
};
#define SECRET CLEANUP(secret_wipe)

/* Reads the first line of `path`: printable ASCII, at most 4 KiB; USER:PASSWORD for SECRET_BASIC.
 * `s` must be all zero or hold an earlier one, which is wiped then and kept on failure. The
 * sentence of a failure names the file and nothing of what is in it. */
int secret_read(struct secret *s, const char *path, enum secret_auth auth);
void secret_wipe(struct secret *s);
bool secret_same(const struct secret *a, const struct secret *b);
/* Overwrites with asterisks whatever of it stands in `text`: a receiver may echo it. */
void secret_hide(const struct secret *s, void *text, size_t n);
