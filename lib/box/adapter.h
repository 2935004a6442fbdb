/*
 * adapter.h - one runtime's files on disk -> facts about a box. One row per runtime in adapters[].
 * Adapters parse files that a container cannot write; still every parser is bounded and fuzzed.
 */
#pragma once

#include "box/box.h"

struct adapter_ctx; /* the finder's cache of parsed files */
enum { ADAPTER_NOT_MINE, ADAPTER_MINE, ADAPTER_SKIP };
struct adapter {
	const char *name; /* CONTRACT's runtime word */
	/* Does this box look like yours (by upper directory, cgroup, bundle)? Fill what you know:
	 * id, name, image, image_digest, labels, pod, read_only, own mounts. ADAPTER_SKIP: mine, and
	 * not to be shown (a pod's pause container). */
	int (*describe)(struct adapter_ctx *ctx, struct box_list *list, struct box *b);
	/* Adds containers that are known from files and not in the list yet. May be NULL. */
	int (*enumerate)(struct adapter_ctx *ctx, struct box_list *list);
};
extern const struct adapter *const adapters[]; /* asked in this order */
extern const size_t n_adapters;
