/* tar.h - a .tar.gz, member by member, as every tar reads it (ustar). */
#pragma once

#include "base/buf.h"

struct tar;
/* `fd` is the writer's from here on. */
int tar_open(struct tar **ret, int fd);
/* `name`: below the archive's one directory, at most 99 bytes with it. Regular, 0600. */
int tar_add(struct tar *t, const char *name, struct span content);
/* Ends the archive; the first failure of all, with a sentence. */
int tar_close(struct tar *t);
/* The header alone, 512 bytes; for tests. */
void tar_header(uint8_t ret[512], const char *name, uint64_t size, int64_t seconds);
