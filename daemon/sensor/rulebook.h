/*
 * rulebook.h - the rules in force, and each target's share of them. The loop's own; threads see a
 * target's share through kept_rules().
 */
#pragma once

#include "daemon/daemon.h"
#include "daemon/sensor/reg.h"

struct sensor;
/* At the start, before anything is kept. -errno with "file:line:column: what". */
int rulebook_open(struct sensor *s);
void rulebook_close(struct sensor *s);
/* The share of a target, from what it is now. True: it excludes otherwise than before. */
bool rulebook_share(struct sensor *s, struct reg *r, const struct target *t);
/* The same for a target that is kept already: watched and judged anew where that follows. */
void rulebook_follow(struct sensor *s, struct reg *r, const struct target *t);
/* Another set from here on; takes the reference. */
void rulebook_replace(struct sensor *s, struct rules *fresh);
/* Hands the rules to the ledger, which opens and closes their windows. */
void rulebook_tell(struct sensor *s);
/* Judges all drift anew. */
void rulebook_rejudge(struct sensor *s);
/* When an `expires` has passed: what it expected is told again. */
void rulebook_round(struct sensor *s);
/* "12 rules of 3 files, sha256:…" */
void rulebook_words(const struct rules *r, struct buf *out);
