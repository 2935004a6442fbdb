/*
 * gw.h - the gateway's own nouns: the gateway, a connection's peer, a request's call, an ask.
 *
 * One thread does everything that touches these: it accepts, runs libmicrohttpd's machine, reads
 * LMDB in short transactions, talks to the sensor's door. Nothing in it sleeps but poll(). What
 * takes long (verify) is a job on a thread of its own that shares nothing: the job moves there and
 * comes back through a pipe.
 */
#pragma once

#include "base/json.h"
#include "daemon/config.h"
#include "daemon/door.h"
#include "daemon/gateway/roles.h"
#include "daemon/gateway/sinks.h"
#include "daemon/reloaded.h"
#include "daemon/wall.h"
#include "policy/rules.h"
#include "store/below.h"
#include "store/hold.h"
#include "store/journal.h"
#include "store/snapshot.h"
#include "store/targets.h"
#include "wire/route.h"
#include "wire/show.h"

struct MHD_Daemon;
struct MHD_Connection;
struct call;
struct peer;
struct job;

struct asks {
	int fd;		  /* the door; -1: the sensor is down */
	const char *path; /* owned */
	uint32_t next_id;
	struct ask *first;
	int64_t retry_at, retry_wait; /* mono ns */
	int64_t grace_until;	      /* mono ns */
	struct buf packet;
};

/* pulse.c: how the sensor is, from what it last said. */
enum pulse_health { PULSE_OK, PULSE_FULL, PULSE_FAILED, PULSE_N };
struct pulse {
	enum pulse_health health;
	bool waits;	      /* asked, not answered */
	int64_t asked, heard; /* mono */
	bool reload_failed;   /* the sensor's last reading of configuration and rules */
	int64_t reload_done;  /* wall s: its last one that was taken; 0: not heard yet */
	int64_t since, well;  /* wall: when its health last changed, and when it was last well */
};

/* Limits; tests set smaller ones. */
struct gw_limits {
	uint32_t connections, per_uid, streams;
	size_t body;
	int64_t request, idle,
		answer;		 /* ns: until a request is whole, between two, until it is read */
	int64_t heartbeat;	 /* ns */
	const struct wall *wall; /* what the process has given away; NULL: nothing */
	int64_t grace; /* ns that a sensor which is down is waited for: it may be restarting */
};
extern const struct gw_limits gw_limits_default;

struct gateway {
	struct config *config;
	struct roles *roles;
	struct rules *rules; /* NULL: none */
	struct store *store;
	struct asks asks;
	struct pulse pulse;
	struct reloaded reloaded;
	struct sinks *sinks;
	struct buf sinks_said; /* to the sensor, for its heartbeat */
	int64_t sinks_say_at;
	struct gw_limits limits;
	struct MHD_Daemon *mhd;
	int listen_fd, mhd_fd, job_pipe[2];
	struct peer *peers;
	uint32_t n_peers, n_streams, n_jobs, n_files; /* files: bodies that are kept in one */
	struct call *streams;			      /* those that follow */
	uint64_t n_requests, n_refused, n_answers[6]; /* by hundred of the status */
	int64_t started, tidy_at;
	const char *store_dir; /* NULL: the store is never opened again */
	bool reopen;	       /* a new sensor may have given the store a new lock file */
};

/* gateway.c */
int gw_init(struct gateway *g, struct config *config, struct store *store, int listen_fd,
	const char *door_path, const struct gw_limits *limits);
void gw_fini(struct gateway *g); /* not the config nor the store */
/* One turn: waits at most `wait_ms` for something to happen and does it. `extra_fd` (-1: none)
 * wakes it too. */
int gw_step(struct gateway *g, int extra_fd, int wait_ms);
/* Where sinks keep their positions. */
void gw_sinks_dir(const struct config *c, struct buf *out);
int gw_set_config(struct gateway *g, struct config *config); /* the old one is the caller's again */
void gw_set_rules(struct gateway *g, struct rules *rules);   /* takes the reference */

/* One request and its answer. */
enum { CALL_WAIT = 1 }; /* a handler's return: not yet; call_wake() will ask `again` */
enum fill { FILL_MORE, FILL_WAIT, FILL_END };
enum { CALL_HEADERS = 8 };
struct call {
	struct gateway *g;
	struct peer *peer;
	struct MHD_Connection *conn;
	struct arena mem;
	const char *method;
	struct span path, raw_query; /* as they came */
	struct route_match match;
	struct query query;
	struct buf body;
	int file_fd; /* of a body that is kept in a file: in memory, and sealed at its end; 0: none */
	uint64_t file_n;
	bool file_whole;  /* sealed */
	int64_t file_end; /* mono: it must be whole by then */
	bool begun, answered, suspended, awaits_pulse;
	/* the answer */
	unsigned status;
	const char *type;
	struct buf out;
	struct {
		const char *name, *value;
	} header[CALL_HEADERS];
	unsigned n_headers;
	/* a handler that waits */
	int (*again)(struct call *c);
	struct ask *ask;
	struct job *job;
	struct sink_test *test;
	/* a stream: fills `out` as it is read */
	enum fill (*fill)(struct call *c);
	int (*ended)(struct call *c, struct json *j); /* follow.c */
	size_t sent;
	void *stream; /* lives in `mem` */
	struct call *next;
	bool follows;	   /* wants a sign of life every now and then */
	int64_t last_sent; /* mono */
};

/* body.c: what a request brings. False, with the problem said: too much. */
bool body_begin(struct call *c, const char *length);
void body_add(struct call *c, const char *data, size_t n);
int body_end(struct call *c); /* 0, or answered */
void body_free(struct call *c);
/* The file, which is the caller's then; -1: none came. */
int body_take_file(struct call *c);

/* http.c */
int http_start(struct gateway *g);
void http_stop(struct gateway *g);
int http_add(struct gateway *g, int fd);
void call_wake(struct call *c);
/* call.c: what handlers say. All but call_header return 0. */
void call_free(struct call *c);
struct json call_json(struct call *c); /* writes to out; 200, application/json */
void call_header(struct call *c, const char *name, const char *value); /* value in mem or static */
const char *call_request_header(struct call *c, const char *name);     /* NULL: not given */
int problem(struct call *c, unsigned status, const char *fmt, ...) PRINTF(3, 4);
int problem_with(struct call *c, unsigned status, struct span lines, const char *fmt, ...)
	PRINTF(4, 5); /* `lines`: candidates */
/* A library's failure, as what it means to the one who asked. */
int call_failed(struct call *c, int code);
/* What the line and its peer say. Not 0: answered. */
int call_check(struct call *c);
void call_dispatch(struct call *c); /* afterwards: answered by status, or waits */

/* The handlers' table. */
typedef int route_fn(struct call *c);
#define ROUTE(method, path, handler, role, kind, query, sentence) route_fn route_##handler;
#include "wire/routes.def"
#undef ROUTE

/* view.c: what handlers look at. */
enum { VIEW_ANSWERED = 16 }; /* positive: a problem has been answered */
int view_begin(struct call *c, struct txn **ret);
/* The target that the path names, when the peer may see it; else 404, or 403 where `need` is more
 * than it may. VIEW_ANSWERED or negative when not. */
int view_target(
	struct call *c, struct txn *t, struct span word, enum role need, struct target *ret);
bool view_sees(const struct call *c, const struct target *t);
bool view_sees_all(const struct call *c);
/* {"baselined":…} of a target. */
int view_coverage(struct call *c, struct txn *t, const struct target *tg,
	const struct target_state_rec *s, struct json *j);
/* What rules leave out of a target; lives as long as the rules in force. */
enum { EXCLUDED_SHOWN = 200 };
struct view_excluded {
	struct span globs[EXCLUDED_SHOWN];
	struct show_excluded show;
};
void view_excluded(const struct call *c, const struct target *t, struct view_excluded *ret);
bool view_sensor_down(const struct call *c);
/* A path given by the peer: absolute, no NUL, at most 4096. Trailing slashes are cut. */
int view_path(struct span *path);
/* Does the snapshot belong to the target's stack? */
bool view_stacks(const struct target *t, struct span layer_path);

/* above.c: does the change stand for `path` below it, since what was there is gone or hidden? */
bool above_stands_for(const struct change *c, struct span path);
/* The nearest change that does; STORE_ABSENT: none. */
int above_find(struct txn *t, uint32_t no, struct span path, struct change *ret);
/* Was it accepted that a directory above the path is gone, or none any more? */
int above_accepted_gone(struct txn *t, uint32_t no, struct span path, bool *ret);
/* Neither the baseline nor the drift has the path. Never while that cannot be known. */
int above_is_nowhere(struct txn *t, const struct target *tg, const struct target_state_rec *s,
	struct span path, bool *ret);

/* against.c: drift against something else than the baseline. */
struct against_want {
	enum { AGAINST_BASELINE, AGAINST_IMAGE, AGAINST_GENERATION, AGAINST_TARGET } what;
	uint32_t generation;
	struct target other;
};
int against_each(struct txn *t, const struct target *tg, const struct against_want *want,
	int (*fn)(void *ctx, const struct change *c), void *ctx);
/* The targets stack the same image layers. */
bool against_same_layers(const struct target *a, const struct target *b);

/* asks.c: wishes to the sensor. */
struct ask {
	struct ask *next;
	struct call *call; /* NULL: nobody waits any more */
	struct buf packet; /* until sent */
	uint32_t id;
	bool sent, done;
	bool own;      /* the gateway's: see pulse.c */
	bool changes;  /* the store: a full one never answers it */
	char sink[65]; /* not empty: word of what that sink has missed; see sinks.h */
	uint64_t sink_to;
	bool sink_refused; /* of what its receiver refused */
	unsigned status;   /* not 0: given up here, and that is the answer's status */
	int64_t deadline;  /* mono; 0: none */
	uint64_t progress, total, told;
	enum door_result result;
	int out_fd; /* goes along; 0: none */
	uint32_t flags;
	struct buf text;
	int fds[2];
	size_t n_fds;
};
/* Sends `m` (its id is set here). DOOR is closed: answers 503 and returns VIEW_ANSWERED. */
int asks_send(struct call *c, struct door_msg *m, int64_t patience);
/* The same with a descriptor, which is taken in any case. */
int asks_send_file(struct call *c, struct door_msg *m, int fd, int64_t patience);
void asks_forget(struct call *c);
void asks_free(struct asks *a);
void asks_turn(struct gateway *g, short revents); /* reads, writes, reconnects */
short asks_events(const struct asks *a);
int asks_wait_ms(const struct asks *a, int64_t now);
/* The sentence of an answer, and the status that says the same; not for one that is DOOR_OK. */
const char *asks_why(const struct ask *k, unsigned *ret_status);
/* Turns a refusal into its problem; 0 when the result is DOOR_OK. */
int asks_refused(struct call *c);
/* follow.c: after asks_send(): answers when it is done, or by lines while it is under way. `ended` writes the
 * object that is the answer, or the last line. */
int call_follow(struct call *c, int (*ended)(struct call *c, struct json *j));
/* The same without lines. */
int call_at_end(struct call *c, int (*ended)(struct call *c, struct json *j));

/* One of the gateway's own: pulse_answer() is told. */
void asks_send_own(struct gateway *g, struct door_msg *m);
/* DOOR_SINK_BEHIND, DOOR_SINK_REFUSED: sinks_answer() is told. DOOR_SINKS: nobody is. */
void asks_send_sink(struct gateway *g, struct door_msg *m);
/* Does somebody wait for a change to the store? All of them are answered so. */
bool asks_change(const struct asks *a);
void asks_give_up(struct gateway *g, unsigned status, const char *why);

/* True: the call is to wait for what the sensor says of itself; it is woken. */
bool pulse_wait(struct call *c);
void pulse_turn(struct gateway *g);
void pulse_answer(struct gateway *g, const struct ask *k);
enum pulse_health pulse_health(const struct gateway *g);
bool pulse_is_silent(const struct gateway *g);
const char *pulse_why(const struct gateway *g); /* why it is not well; NULL: it is */
/* The gap that the sensor cannot write down, since its store is full. */
bool pulse_gap(const struct gateway *g, struct gap *ret);
/* Nothing can be changed now: answers 507 or 503 and returns VIEW_ANSWERED. */
int pulse_refuses(struct call *c);

/* route_acts.c: the body as an object whose names are all in `names` (space between); none is an empty
 * object. Its reason, which must be there. -EINVAL with a sentence. */
struct json_t;
int body_read(struct call *c, const char *names, struct json_t **ret);
int body_reason(const struct json_t *body, struct span *ret);

/* holds.c: the open maintenance windows, in the call's memory. */
struct view_hold {
	struct hold hold;
	const struct rule *rule; /* of a rule's, where the gateway knows it */
};
struct view_holds {
	struct view_hold *v;
	size_t n;
};
int holds_read(struct call *c, struct txn *t, struct view_holds *ret);
/* May something that changes in the target be held? */
bool holds_cover(const struct view_hold *h, const struct target *tg);
/* May the peer know of it? Of one for a single target, who may see that. */
bool holds_sees(const struct call *c, struct txn *t, const struct hold *h);
/* The value; what was held only to those who may see every target it may be of. */
int holds_show(const struct call *c, struct txn *t, const struct hold *h, struct json *j);
/* Member "holds" with those that the peer may know of; `paths`: with what is held. */
int holds_show_all(struct call *c, struct txn *t, struct json *j, const char *key);

/* route_sinks.c */
struct sink_lag {
	uint64_t last, events;
	int64_t seconds; /* since the first event that it lacks was written */
};
int sinks_lag(struct gateway *g, const struct sink_status *s, struct sink_lag *ret);
void sinks_forget(struct call *c);

/* jobs.c */
struct job {
	struct store *store;
	struct call *call; /* NULL: nobody waits any more; the gateway's thread alone looks at it */
	void (*run)(struct job *job); /* on its own thread */
	int write_fd;
	uint32_t target;
	bool layers, journal;
	uint32_t flags; /* the job's own */
	struct buf out; /* JSON of the checks */
	bool clean;
	int code; /* negative: it failed; `why` says so */
	char why[256];
};
int jobs_start(
	struct call *c, struct job *job); /* takes the job; VIEW_ANSWERED when there are too many */
void jobs_turn(struct gateway *g);
void jobs_forget(struct call *c);

/* peers.c */
struct peer {
	struct peer *next;
	struct gateway *g;
	int fd;
	struct who who;
	struct call *call; /* being asked or answered */
	bool first;	   /* nothing has been answered yet */
	bool gone;	   /* ended by us or hung up: no more for it */
	int64_t deadline;  /* mono; 0: none */
	int64_t progress;  /* mono: when an answer last moved */
};
void peers_accept(struct gateway *g);
struct peer *peers_find(struct gateway *g, int fd);
void peers_drop(struct gateway *g, struct peer *p);
void peers_tidy(struct gateway *g, int64_t now); /* deadlines, hung-up followers, heartbeats */
