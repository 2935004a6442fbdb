/*
 * show.h - the nouns as JSON, for answers. Members are sorted at every depth, so that an answer of
 * the same state has the same bytes. Made of noun.h's parts.
 */
#pragma once

#include "base/json.h"
#include "model/verdict.h"
#include "wire/noun.h"

/* What rules leave out of a target. */
struct show_excluded {
	const struct span *globs;
	size_t n;
	bool all; /* nothing of it is watched */
};
/* Names of the open maintenance windows that may hold what changes in a target; NULL: none. */
struct show_names {
	const struct span *v;
	size_t n;
};
/* The golden baseline of a target's image. */
struct show_judged {
	const uint8_t *root; /* SHA_LEN; NULL: there is none */
	const struct span *signers;
	size_t n_signers;
	bool lacks; /* a signed one is required, and there is none */
};
void show_target(struct json *j, const struct target *t, const struct target_state_rec *s,
	const struct show_excluded *x, const struct show_names *holds, const struct verdict *v,
	const struct show_judged *by);
/* An object: is it what its image says? */
void show_verdict(struct json *j, const struct verdict *v);
/* The member "verdict"; nothing with NULL. */
void show_verdict_of(struct json *j, const struct verdict *v);
/* Its two members, for whoever opens the object; nothing where nothing is excluded. */
void show_excluded(struct json *j, const struct show_excluded *x);

/* What an answer could not see. */
struct show_coverage {
	bool baselined, late;
	enum target_state state;
	const char *sensor; /* "down" or "silent"; NULL: it answers */
	enum level level;
	int64_t last_sweep;
	const struct gap *gaps;
	size_t n_gaps;
	struct show_excluded excluded;
	enum verdict_state verdict;  /* VERDICT_NONE: not told */
	enum signed_state signature; /* SIGNED_UNKNOWN: not told */
};
void show_coverage(struct json *j, const struct show_coverage *c);

struct show_layer {
	const uint8_t *identity, *root; /* SHA_LEN; root NULL: not complete */
	struct span path, digest, kind;
	uint64_t records, bytes;
	int64_t created;
	const struct span *targets; /* names */
	size_t n_targets;
	const struct verdict *verdict; /* NULL: none yet */
};
void show_layer(struct json *j, const struct show_layer *l);

struct show_golden_layer {
	const uint8_t *diff_id, *canon;
};
struct show_golden_signature {
	const uint8_t *key;
	struct span name;
	const char *state;
	int64_t time;
};
struct show_golden {
	const uint8_t *image, *manifest, *root, *file; /* SHA_LEN; manifest NULL: not known */
	struct span name, host;
	int64_t created, imported;
	uint32_t uid;
	uint64_t accepts;
	bool is_signed;
	const struct show_golden_layer *layers;
	size_t n_layers;
	const struct show_golden_signature *signatures;
	size_t n_signatures;
};
void show_golden(struct json *j, const struct show_golden *g);

struct show_generation {
	uint32_t no, uid, n_paths;
	int64_t time, expires;
	struct span reason;
	const uint8_t *drift_id, *root; /* NULL: none */
	const uint8_t *golden; /* root of the golden baseline that it came with; NULL: none */
};
/* Members, not a value: callers add their own around them. `items`, ready-made, or NULL. */
void show_generation(struct json *j, const struct show_generation *g, const struct buf *items);

/* Counts by kind, as "counts". */
struct show_counts {
	uint64_t added, changed, deleted;
};
void show_counts(struct json *j, const struct show_counts *c);
