/*
 * sinks.h - all sinks of the gateway: a thread each, beside the loop.
 *
 * The loop makes, changes and ends them, tells them that the journal has grown, and asks how they
 * are. What both sides touch is behind one lock; the store behind another, which a sink holds for
 * the time of a read transaction only: nobody waits for a network.
 */
#pragma once

#include "daemon/gateway/sink.h"
#include "store/env.h"

struct sinks;
struct gateway;
struct call;
struct sink_test;
struct json;
struct door_msg;
struct ask;

struct wall;
struct sinks_options {
	const char *dir; /* of positions; NULL: there is no place for them */
	const char *version;
	/* The kind of a sink; NULL with a sentence: there is none. NULL: the built-in ones. */
	const struct sink_kind *(*kind_of)(const struct config_sink *c);
	/* Why a sink cannot work before a restart, or NULL; asked before each connection, from any
	 * thread. NULL: nobody refuses. */
	const char *(*refuses)(const struct wall *w, const struct config_sink *c);
	const struct wall *wall;
};
int sinks_new(struct sinks **ret, struct store *store, const struct sinks_options *o);
/* Every thread is told to stop and waited for, two seconds at most: one that hangs in the resolver
 * is left behind with what it uses, and never touches the store again. */
void sinks_free(struct sinks *s); /* takes NULL */
/* From now on there are these. A sink keeps its position by its name; one that is the same as before
 * is only poked: it tries again at once and opens its file anew. */
void sinks_set(struct sinks *s, const struct config_sink *v, size_t n);
void sinks_tick(struct sinks *s); /* the journal has grown */
/* Takes the store away (NULL; waits for transactions) or gives another one. */
void sinks_store(struct sinks *s, struct store *store);
int sinks_fd(const struct sinks *s); /* readable: sinks_turn() has something to do */

enum sink_state { SINK_STARTS, SINK_IDLE, SINK_SENDS, SINK_WAITS, SINK_ENDS, SINK_STATE_N };
extern const char *const sink_states[SINK_STATE_N];
struct sink_status {
	char name[65], type[16], address[256], format[16], error[256];
	enum sink_state state;
	uint64_t acked, sent_seq;		   /* seq */
	uint64_t sent, retried, refused, left_out; /* events; exchanges; events; events */
	int64_t error_at, well_at, retry_at;	   /* wall; 0: never */
	int64_t failing_since; /* wall; 0: it is well, whatever its last error was */
};
/* The i-th of them; false: there is none. */
bool sinks_status(struct sinks *s, size_t i, struct sink_status *ret);

/* What a sink never got: the oldest that the sensor is to be told, once. */
bool sinks_behind(struct sinks *s, char name[65], uint64_t *ret_from, uint64_t *ret_to);
void sinks_told(struct sinks *s, const char *name, uint64_t to, bool again);

/* What receivers refused for good, summed up for each sink: once soon, then seldom. Of what was asked
 * for nothing more is given before sinks_refused_told(). Entries of this kind that are refused
 * themselves are not among them, or they would never end. */
struct sink_refusals {
	uint64_t from, to, n; /* n of these seqs; n 0: none */
	bool kept;	      /* in DIR/NAME.refused; else nobody says which they are */
	char why[200];	      /* the first one's reason */
};
bool sinks_refused(struct sinks *s, char name[65], struct sink_refusals *ret, struct buf *ret_path);
void sinks_refused_told(struct sinks *s, const char *name, bool again);

/* A canary on a connection of its own; done: `bell` is rung. */
int sinks_test_start(struct sinks *s, const char *name, struct span host, struct sink_test **ret);
bool sink_test_done(struct sink_test *t);
/* Of one that is done: 0 or negative, and what was said. */
int sink_test_result(struct sink_test *t, char reply[512], char id[65]);
const char *sink_test_name(const struct sink_test *t);
void sink_test_forget(struct sink_test *t); /* takes NULL */

/* In the loop: sinks.c's bell, answers, and what the sensor is to be told. */
void sinks_turn(struct gateway *g);
void sinks_answer(struct gateway *g, const struct ask *k);
void sinks_show(struct gateway *g, struct json *j); /* an array */
