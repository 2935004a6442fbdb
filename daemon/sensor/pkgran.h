/*
 * pkgran.h - after a package manager's run: is what it changed what the packages brought that it installed?
 * The databases are read as the container shows them then, and so say what the run claims, not what is
 * true: what no claim covers, or another one, is what is worth telling.
 */
#pragma once

#include "daemon/sensor/worker.h"

/* struct ledger_options' hook: `ctx` is the examiner. ITEM_EXPLAINED is the answer. Any thread. */
void pkgran_explain(void *ctx, struct kept *k, uint64_t run, struct span paths);
