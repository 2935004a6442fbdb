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

struct secret {
	char *line;	     /* "Authorization: <scheme> <token>"; NULL: none */
	struct span value;   /* the part that must not be seen; points into `line` */
	bool world_readable; /* the file is, so it is hardly one */
	size_t size;	     /* of the mapping */
};
#define SECRET CLEANUP(secret_wipe)

/* Reads `path`: one line of printable ASCII, at most 8 KiB. `scheme` goes in front, unless the file
 * begins with a scheme of its own ("Bearer ", "Basic ", "ApiKey ", "Splunk "). `s` must be wiped or
 * all zero. The sentence of a failure names the file and nothing of what is in it. */
int secret_read(struct secret *s, const char *path, const char *scheme);
void secret_wipe(struct secret *s);
bool secret_same(const struct secret *a, const struct secret *b);
/* Overwrites every occurrence of the value in `text` with asterisks: a receiver may echo it. */
void secret_hide(const struct secret *s, void *text, size_t n);
