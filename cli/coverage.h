/* coverage.h - what an answer could not see, as one line beside it. */
#pragma once

#include "cli/cli.h"

/* Says nothing when everything could be seen. */
void coverage_remark(struct cli *c, const json_t *coverage);
