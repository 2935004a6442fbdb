/*
 * event.h - an entry of the journal as the JSON that users, sinks and the chain see.
 *
 * Canonical text (RFC 8785): members sorted at every depth, no white space. `id` is the lower-case
 * hex SHA-256 of the same text without the member "id"; `prev` is the id before. So whoever stored
 * the events, in any member order, can prove that none is missing, changed or moved.
 */
#pragma once

#include "model/change.h"
#include "model/flood.h"
#include "model/gap.h"
#include "model/session.h"
#include "model/target.h"

struct event {
	uint64_t seq;
	int64_t time;
	enum event_type type;
	enum severity severity;
	struct span host;
	const struct target *target;   /* NULL: none */
	const struct change *change;   /* change, change.cleared, mount.covered, layer.tampered */
	struct span host_path;	       /* of the change, where there is one */
	const struct gap *gap;	       /* gap.* */
	const struct session *session; /* exec.session */
	const struct actor *actor;     /* who, where no change tells: exec.drifted */
	const uint8_t *drift_id;       /* SHA_LEN; NULL: none */
	uint32_t generation;	       /* baseline.*; 0: none */
	const uint8_t *root;	       /* SHA_LEN, of the baseline from then on; NULL: none */
	struct span reason;	       /* accepted: why; cleared: why; stopped … */
	bool has_uid;
	uint32_t uid;		  /* who asked: accept */
	struct span detail;	  /* one sentence of text; empty: none */
	struct span layer;	  /* layer path; empty: none */
	const struct span *names; /* layer.tampered: targets that inherit it */
	size_t n_names;
	struct span run;	/* package.run: ready-made object, daemon/sensor/runs.h */
	uint64_t run_id;	/* of the run that a change is part of; 0: none */
	struct span heartbeat;	/* ready-made object: wire/beat.h; empty: none */
	struct span hold;	/* the same: wire/held.h */
	struct span checkpoint; /* the same: wire/checkpoint.h */
	struct span flood;	/* flood: ready-made object, show_flood() */
	/* Changes of the same path that have no entry of their own; NULL or `from` 0: none. */
	const struct fold *fold;
};
/* Appends the text to `out` and gives the id. `prev`: SHA_LEN bytes. */
int event_format(
	const struct event *e, const uint8_t *prev, struct buf *out, uint8_t ret_id[SHA_LEN]);
/* Recomputes the id from an event's text (any member order and spacing) and gives its seq and prev.
 * -EBADMSG with a sentence when it is no event or its own id does not match. */
int event_check(
	struct span text, uint64_t *ret_seq, uint8_t ret_id[SHA_LEN], uint8_t ret_prev[SHA_LEN]);

/* What ties an entry to the one before it. `host` is borrowed from the object. */
struct event_link {
	uint64_t seq;
	uint8_t id[SHA_LEN], prev[SHA_LEN];
	struct span host;
};
struct json_t;
/* The same of an entry as it is stored: its text must be the canonical one, byte for byte. `text` is what
 * `root` was read from. */
int event_check_stored(struct json_t *root, struct span text, struct event_link *ret);
/* Does the object claim to be an event of this schema? */
bool event_claims(const struct json_t *root);
/* event_check() of an object of jansson's, which loses its "id". Where the id does not match, `seq`
 * and `host` are what the object claims; 0 and empty where not even that could be read. */
int event_check_object(struct json_t *root, struct event_link *ret);
