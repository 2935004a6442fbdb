// glob.h - path globs on bytes: `?` and `*` stop at '/', `**` does not, [a-z] [!a-z], `\` escapes.
// "a/**" matches everything below a; "**/x" matches x at any depth, also at the top.
// Backtracks over the last star only, so hostile patterns and names stay cheap.
#pragma once

#include "base/span.h"

bool glob_match(struct span pattern, struct span path);
// Can a pattern be used? -EINVAL with a sentence (unclosed bracket, trailing backslash).
int glob_check(struct span pattern);
