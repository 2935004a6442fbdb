/* proof_pass.h - passphrases: of a file, or asked for at the terminal. */
#pragma once

#include "cli/cli.h"

enum { PASS_ROOM = 1024 };
/* For struct passphrase of trust/key.h: `ctx` is the name of a file, NULL: the terminal. */
int pass_ask(void *ctx, const char *what, char *out, size_t room);
/* For a new key: twice where it is asked for. 0 or EXIT_TROUBLE, said. */
int pass_new(const char *file, const char *what, struct buf *out);
/* Forgets it. */
void pass_free(struct buf *pass);
#define PASS CLEANUP(pass_free)
