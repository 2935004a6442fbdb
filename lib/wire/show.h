/*
 * show.h - the nouns as JSON, for answers. Members are sorted at every depth, so that an answer of
 * the same state has the same bytes. What event.h declares is used here too.
 */
#pragma once

#include "base/json.h"
#include "wire/event.h"

/* Members (key and value) from encoded bytes; nothing at all when `encoded` is empty. */
void show_actor_of(struct json *j, struct span encoded); /* "actor" */
void show_record_of(struct json *j, const char *key, struct span encoded);
void show_pod(struct json *j, const struct target *t); /* "pod", where there is one */
/* Values. */
void show_labels(struct json *j, struct span pairs);
void show_drift_item(struct json *j, const struct change *c); /* with first, last, actor, seq */
