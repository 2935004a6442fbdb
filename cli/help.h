/* help.h - what the tables say about themselves. Each returns an exit status. */
#pragma once

#include "cli/cli.h"

int help_print(const struct command *cmd); /* NULL: the list of commands */
int version_print(void);
