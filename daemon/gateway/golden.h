/* golden.h - golden baselines as handlers look at them: their signatures held against today's keys. */
#pragma once

#include "daemon/gateway/gw.h"
#include "store/gold.h"
#include "trust/keyring.h"
#include "wire/show.h"

struct gold_view {
	const struct config *config;
	struct keyring keys; /* read when the first signature is met */
	bool has_keys;
	struct gold gold; /* the one at hand */
	struct span signers[GOLD_SIGNATURES_MAX];
	char ids[GOLD_SIGNATURES_MAX][20];
	struct show_judged judged;
};
struct gold_view *gold_view_new(const struct config *config);
void gold_view_free(struct gold_view *v);
static inline void gold_view_free_p(struct gold_view **v)
{
	gold_view_free(*v);
}
#define GOLD_VIEW CLEANUP(gold_view_free_p)
/* That of the target's image, in v->judged, which lives until the next call. Negative, or 0. */
int gold_view_target(struct gold_view *v, struct txn *t, const struct target *tg);
/* By an image's digest or its manifest's, hex or "sha256:…". STORE_ABSENT. */
int gold_view_find(struct gold_view *v, struct txn *t, struct span digest);
/* After whoever has put an entry into v->gold. */
void gold_view_judge(struct gold_view *v);
void gold_view_show(const struct gold_view *v, struct json *j);
