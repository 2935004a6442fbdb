/*
 * expiry.h - what was accepted until a moment. When that comes, every path of the generation is looked
 * at again, for no event would say that it is drift from now on. Runs on the loop.
 */
#pragma once

struct sensor;

/* Finds the next moment: at the start, and whenever the ledger may have taken an acceptance. */
void expiry_plan(struct sensor *s);
/* Does what is due. */
void expiry_round(struct sensor *s);
/* And of a generation that came with a golden baseline: what is there now may be drift, or none any more. */
void expiry_given(struct sensor *s);
