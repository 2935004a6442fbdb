/*
 * judge.h - the one idea, as a pure function: what is seen, against what should be.
 */
#pragma once

#include "model/change.h"

struct judge_in {
	struct span path;
	const struct record *base; /* NULL: the baseline has nothing there */
	const struct record *now;  /* NULL: nothing is there */
	bool parent_gone;	   /* an ancestor is no directory now: its own change says it all */
	bool layer_changed; /* `now` comes from a lower layer that differs from its snapshot */
	struct span mount;  /* what covers the path; empty: nothing */
	bool packaged;	    /* it is a package's file, and other than that has it */
	uint32_t blind;	    /* aspects in which a difference is no drift: a rule says so */
};
enum { JUDGE_SAME = 0, JUDGE_DRIFT = 1 };
/* Fills kind, aspects and severity of `ret` (path, mount and the records are the caller's).
 * JUDGE_SAME: no drift. Never fails. */
int judge(const struct judge_in *in, struct change *ret);
/* The severity that stands while no rule says otherwise. */
enum severity judge_severity(const struct judge_in *in, char kind, uint32_t aspects);

/* What rules say of a change, as the judge takes it. */
struct judge_rules {
	bool has_severity, expected;
	enum severity severity;
	int raise;
};
/* The severity with their word. A layer that was changed below the container is never made less
 * than it is by them. */
enum severity judge_ruled(
	const struct judge_rules *rules, const struct change *c, enum severity stands);
