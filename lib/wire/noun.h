/* noun.h - the nouns of the model as JSON values: what events and answers are made of. */
#pragma once

#include "base/json.h"
#include "model/change.h"
#include "model/flood.h"
#include "model/gap.h"
#include "model/session.h"
#include "model/target.h"

/* Each writes one JSON value; members sorted. */
void show_record(struct json *j, const struct record *rec); /* sha256, mode "0644", xattrs … */
void show_actor(struct json *j, const struct actor *a);
void show_session(struct json *j, const struct session *s);
void show_change(struct json *j, const struct change *c, struct span host_path);
void show_gap(struct json *j, const struct gap *g);
/* `global`: of every target, so each sample names its own. */
void show_flood(struct json *j, const struct flood *f, bool global);
void show_target_ref(struct json *j, const struct target *t); /* as events carry it */

void show_drift_item(struct json *j, const struct change *c); /* with first, last, actor, seq */

/* Members: from encoded bytes (nothing at all when those are empty), and left out when empty or 0. */
void show_actor_of(struct json *j, struct span encoded); /* "actor" */
void show_record_of(struct json *j, const char *key, struct span encoded);
/* Member "package"; nothing where the bytes say nothing. */
void show_package_of(struct json *j, struct span encoded);
void show_package_note(struct json *j, const struct package_note *n);
void show_rule_of(struct json *j, struct span ruling);	 /* "rule" */
void show_repeats(struct json *j, const struct fold *f); /* "repeats" */
void show_pod(struct json *j, const struct target *t);	 /* "pod", where there is one */
void show_str(struct json *j, const char *key, struct span v);
void show_path(struct json *j, const char *key, struct span v);
void show_time(struct json *j, const char *key, int64_t wall);
void show_paths(struct json *j, const char *key, struct span list); /* target.h's list of paths */
/* The member "aspects". */
void show_aspects(struct json *j, uint32_t aspects);
void show_labels(struct json *j, struct span pairs);
