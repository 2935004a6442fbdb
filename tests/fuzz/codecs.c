/* The smaller nouns: the first byte picks one, the rest is its encoding. */
#include "model/actor.h"
#include "model/drift.h"
#include "model/flood.h"
#include "model/gap.h"
#include "model/hold.h"
#include "model/target.h"

/* Decodes `in` as a `noun`, encodes what came out, and goes on where it was refused. */
#define RECODE(noun, type)                                                                         \
	static void noun(struct span in, struct buf *out)                                          \
	{                                                                                          \
		struct type it;                                                                    \
                                                                                                   \
		if (noun##_decode(in, &it) == 0)                                                   \
			noun##_encode(&it, out);                                                   \
		else                                                                               \
			buf_add_span(out, in);                                                     \
	}
/* What version 1 said is written as version 2, and then stays. */
static void actor(struct span in, struct buf *out)
{
	struct actor it;
	BUF struct buf once = {0};

	if (actor_decode(in, &it) < 0 || in.p[0] == 2) {
		if (actor_decode(in, &it) == 0)
			actor_encode(&it, out);
		else
			buf_add_span(out, in);
		return;
	}
	actor_encode(&it, &once);
	must(actor_decode(buf_span(&once), &it) == 0);
	buf_add_span(out, in);
}
/* What is listed and counted can be added to, whatever it was. */
static void hold(struct span in, struct buf *out)
{
	struct hold_path p = {
		.target = 1, .kind = 'C', .severity = SEV_HIGH, .path = span_of("/x")};
	BUF struct buf lists = {0}, again = {0};
	struct hold it, back;

	if (hold_decode(in, 1, &it) < 0) {
		buf_add_span(out, in);
		return;
	}
	hold_encode(&it, out);
	hold_add(&it, &p, &lists);
	hold_encode(&it, &again);
	must(hold_decode(buf_span(&again), 1, &back) == 0);
}
RECODE(gap, gap)
RECODE(target, target)
RECODE(target_state, target_state_rec)
RECODE(drift_hash, drift_hash)
RECODE(flood, flood)
RECODE(fold, fold)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static void (*const recode[])(struct span, struct buf *) = {
		actor, gap, target, target_state, drift_hash, hold, flood, fold};
	struct span in = n ? span_make(p + 1, n - 1) : (struct span){0};
	BUF struct buf again = {0};

	if (n == 0 || p[0] >= COUNTOF(recode))
		return 0;
	recode[p[0]](in, &again);
	must(span_eq(buf_span(&again), in));
	return 0;
}
