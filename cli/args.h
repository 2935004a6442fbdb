/* args.h - the words of the command line, read by the tables of options. */
#pragma once

#include "cli/cli.h"

/* What argv says. `args.pos` is `words`, which the caller frees. */
struct request {
	const struct command *cmd; /* NULL: none was named */
	struct args args;
	const char **words;
	bool help, version;
};
void request_fini(struct request *r);

/* Fills `c` (socket, form, no_color) and `r`. EXIT_TROUBLE, said, when argv makes no sense. */
int args_parse(struct cli *c, int argc, char **argv, struct request *r);
/* The nearest of `n` words to `word`, NULL when none is near. `word_at(i)` may give NULL. */
const char *args_near(
	const char *word, const char *(*word_at)(const void *table, size_t i), const void *table);
