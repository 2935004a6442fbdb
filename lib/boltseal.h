/*
 * boltseal.h - asking boltseald: a small client for its HTTP interface on a local socket.
 *
 * boltseal_open() makes a handle and cannot fail but for memory; the socket is reached by the first
 * call. A handle keeps its connection for the next call and makes a new one where the daemon closed
 * it. One handle belongs to one thread; handles share nothing.
 *
 * Every call returns 0 when an answer came, whatever its status says, and a negative errno when none
 * did: boltseal_why() is then one sentence that says what to do next. It may quote bytes of names
 * that were passed in: make it safe before it meets a terminal. Each call that fills a reply frees
 * what was in it, so one zeroed reply serves many calls; boltseal_reply_free() ends it.
 *
 * Names and paths are bytes of any encoding that end with a NUL; they are escaped here. Times are
 * RFC 3339. Answers are JSON as conf/openapi.yaml describes them; this library does not parse them.
 * NULL and 0 mean "not said" for every optional argument and member.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef BOLTSEAL_SOCKET
#define BOLTSEAL_SOCKET "/run/boltseal/boltseal.sock"
#endif

struct boltseal;

struct boltseal_reply {
	int status;	    /* 200, 404 … */
	char *etag;	    /* without its quotes; never NULL after a call that returned 0 */
	char *content_type; /* without parameters; the same */
	char *body;	    /* followed by a NUL that is not counted; the same */
	size_t body_len;    /* at most 1 GiB */
};

/* `socket`: NULL is BOLTSEAL_SOCKET; copied. *ret is NULL when there was no memory. */
int boltseal_open(struct boltseal **ret, const char *socket);
void boltseal_close(struct boltseal *h); /* takes NULL */
/* Why the last call on `h` failed; never NULL; lives until the next call. */
const char *boltseal_why(const struct boltseal *h);
/* How long one silent wait for an answer may last; 60 s at first, negative: for ever. A stream and a
 * POST wait for ever. */
void boltseal_patience(struct boltseal *h, int milliseconds);
void boltseal_reply_free(struct boltseal_reply *reply);

/* Any request. `path` is an encoded path and query. `headers`: NULL-terminated array of
 * "Name: value" (-EINVAL when one holds a line break); may be NULL. `body` may be NULL. */
int boltseal_request(struct boltseal *h, const char *method, const char *path,
	const char *const headers[], const char *body, struct boltseal_reply *reply);

/* A line of a stream: `n` bytes without their line break, living for the call only. Anything but 0
 * ends the stream. */
typedef int boltseal_line(void *arg, const char *line, size_t n);
/* A request whose answer is taken line by line while it comes in. With a status of 200..299 each
 * line that is not empty goes to `fn` and reply->body is empty; any other answer is in `reply` as
 * usual. Returns 0 at the stream's end, what `fn` returned when it ended it, negative errno when
 * the stream broke off. */
int boltseal_stream(struct boltseal *h, const char *method, const char *path, const char *accept,
	const char *body, boltseal_line *fn, void *arg, struct boltseal_reply *reply);

/* The nouns, one call each. `target` is a name, an id, or the unique beginning of one. */
int boltseal_status(struct boltseal *h, struct boltseal_reply *reply);
/* Status 200 while the sensor answers and records, else 503 with a reason. */
int boltseal_health(struct boltseal *h, struct boltseal_reply *reply);
int boltseal_doctor(struct boltseal *h, struct boltseal_reply *reply);
/* Where nobody answers: what can be seen without an answer, as boltseal_doctor()'s `findings`. */
int boltseal_examine(struct boltseal *h, struct boltseal_reply *reply);
int boltseal_layers(struct boltseal *h, struct boltseal_reply *reply);
int boltseal_targets(struct boltseal *h, int all, struct boltseal_reply *reply);
int boltseal_target(struct boltseal *h, const char *target, struct boltseal_reply *reply);
int boltseal_baselines(struct boltseal *h, const char *target, struct boltseal_reply *reply);
int boltseal_baseline(struct boltseal *h, const char *target, const char *generation,
	struct boltseal_reply *reply);
/* The target's baseline as one file, in reply->body. `generation` NULL: the one in force; "1": its image
 * alone. 422: it cannot be made, and why. */
int boltseal_baseline_export(struct boltseal *h, const char *target, const char *generation,
	struct boltseal_reply *reply);
/* Brings a baseline file: the golden baseline of its image from then on. 422: refused, and why; 409: the image
 * has another one, and `replace` was not said. `fn` (may be NULL) hears how much was sent. */
typedef void boltseal_sent(void *arg, unsigned long long done, unsigned long long total);
int boltseal_baseline_import(struct boltseal *h, const char *path, int replace, boltseal_sent *fn,
	void *arg, struct boltseal_reply *reply);
int boltseal_golden(struct boltseal *h, struct boltseal_reply *reply); /* all of them */
/* By its image's digest. 404: there is none. */
int boltseal_golden_remove(struct boltseal *h, const char *image, struct boltseal_reply *reply);
int boltseal_file(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply);
/* Answers text/x-diff; 415: not text, 403: withheld by a rule. */
int boltseal_patch(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply);
/* `format`: "cyclonedx" or "spdx"; `image`: without what the container changed. JSON of that format. */
int boltseal_sbom(struct boltseal *h, const char *target, const char *format, int image,
	struct boltseal_reply *reply);
/* The list that docker diff prints, parents included. */
int boltseal_changes(struct boltseal *h, const char *target, struct boltseal_reply *reply);

struct boltseal_drift_ask {
	const char *const *paths; /* these and what is below them; none: all */
	size_t n_paths;
	const char *kind;	   /* "A", "C" or "D" */
	const char *severity;	   /* at least */
	const char *against;	   /* "image", "baseline", "gen:N" or another target */
	const char *at;		   /* the drift as it was then */
	const char *cursor;	   /* where the page before ended */
	const char *if_none_match; /* a drift id: 304 when the drift is still that one */
	unsigned limit;		   /* of one page */
};
/* reply->etag is the drift id. */
int boltseal_drift(struct boltseal *h, const char *target, const struct boltseal_drift_ask *ask,
	struct boltseal_reply *reply);

/* Makes the drift `drift_id` (all of it, or what lies at or below `paths`) part of the baseline.
 * `expires`: RFC 3339. 412: the drift is another one by now. */
int boltseal_accept(struct boltseal *h, const char *target, const char *drift_id,
	const char *const *paths, size_t n_paths, const char *reason, const char *expires,
	struct boltseal_reply *reply);
/* The same with signatures of it, base64 of blocks, ending with NULL; what is signed: trust/accept.h. 403: the host
 * wants more of them, or one is not good. */
int boltseal_accept_signed(struct boltseal *h, const char *target, const char *drift_id,
	const char *const *paths, size_t n_paths, const char *reason, const char *expires,
	const char *const *signatures, struct boltseal_reply *reply);
/* A full look now; each line of progress goes to `fn`. `path` NULL: the whole target. */
int boltseal_rescan(struct boltseal *h, const char *target, const char *path, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply);
/* Reads layers from disk again and holds them against their images: a target's; with NULL all; with a path (and no target)
 * the layer there. Each line of progress goes to `fn`, the last has the checks. */
int boltseal_prove(struct boltseal *h, const char *target, const char *path, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply);
/* One target's layers and the journal. */
int boltseal_verify(struct boltseal *h, const char *target, struct boltseal_reply *reply);
/* `what`: "layers" (every layer and baseline), "journal" or "all". */
int boltseal_verify_all(struct boltseal *h, const char *what, struct boltseal_reply *reply);

/* The maintenance windows that are open. */
int boltseal_holds(struct boltseal *h, struct boltseal_reply *reply);
struct boltseal_hold_ask {
	const char *target; /* NULL: every one */
	const char *name;   /* NULL: the target's, or "all" */
	const char *path;   /* NULL: all; else a path, for what is at or below it, or a glob */
	const char *lasts;  /* "90m", "2h"; NULL: 1h */
	const char *reason;
};
/* Alerts are held until it closes, by itself or by name. 409: the name is taken. */
int boltseal_hold_open(
	struct boltseal *h, const struct boltseal_hold_ask *ask, struct boltseal_reply *reply);
/* By its name, or the target it was opened for. `reason` may be NULL. */
int boltseal_hold_close(
	struct boltseal *h, const char *hold, const char *reason, struct boltseal_reply *reply);

/* Where events are sent. */
int boltseal_sinks(struct boltseal *h, struct boltseal_reply *reply);
/* Sends a marked test event to one of them. */
int boltseal_sink_test(struct boltseal *h, const char *sink, struct boltseal_reply *reply);

struct boltseal_event_ask {
	const char *target, *type, *severity, *path; /* path: a glob */
	const char *since;			     /* a sequence number or a time */
	const char *until;
	int follow; /* go on with what happens from now on; ends only when `fn` says so */
};
int boltseal_events(struct boltseal *h, const struct boltseal_event_ask *ask, boltseal_line *fn,
	void *arg, struct boltseal_reply *reply);

/*
 * What a receiver stored of a journal, proven whole and unchanged from its text alone: no daemon is
 * asked. Feed it the bytes as they come, then end it, once. Text: JSON lines, also behind a syslog
 * header, as Splunk's `event`, or as the original that ECS and OCSF carry.
 */
struct boltseal_proof;
/* Who is believed, and what is known from elsewhere. */
struct boltseal_trust {
	const char *key;	/* file of a public key, or directory of such; NULL: nobody */
	const char *checkpoint; /* "SEQ:ID" of an entry that must be there; NULL: none */
	const char *
		golden; /* a copied store: a baseline file of the image that its layers are held against; NULL */
	int allow_tail; /* entries after the last checkpoint, which nobody has signed yet, are no mismatch */
};
struct boltseal_proof_ask {
	const char *host;		 /* only of this host; copied */
	unsigned long long since, until; /* seqs that must all be there, both included */
	int allow_holes;   /* missing seqs are told and are no mismatch: a sink with min_severity */
	int only_complete; /* nor is content that its format does not prove: any but json */
	const struct boltseal_trust *trust; /* NULL: checkpoints are not looked at */
};
/* `ask` may be NULL. *ret is NULL when there was no memory. */
int boltseal_proof_open(struct boltseal_proof **ret, const struct boltseal_proof_ask *ask);
/* -E2BIG: more hosts or holes than it may remember. */
int boltseal_proof_feed(struct boltseal_proof *p, const char *bytes, size_t n);
/* The checks, as boltseal_verify() answers them, in reply->body; *clean: all are right. -ENODATA:
 * there was no event of what was asked for. */
int boltseal_proof_end(struct boltseal_proof *p, int *clean, struct boltseal_reply *reply);
/* As boltseal_why(). */
const char *boltseal_proof_why(const struct boltseal_proof *p);
void boltseal_proof_close(struct boltseal_proof *p); /* takes NULL */

/* A copy of a store, proven on any machine: no daemon is asked, nothing is written. `dir` holds data.mdb as
 * `mdb_copy` makes it, or as a daemon that was stopped left it. *clean: all checks are right; reply->body has
 * them as boltseal_verify_all() does. A file that was damaged below what LMDB checks may end the process. */
int boltseal_verify_store(struct boltseal *h, const char *dir, const struct boltseal_trust *trust,
	int *clean,
	struct boltseal_reply *reply); /* without a key: by what the store names as the host's */

/* One entry's proof, as boltseal_entry_prove() gives it in reply->body: the entry, the checkpoint that covers it and
 * the way from one to the other, without any other entry. -ENODATA: no checkpoint covers `seq` yet. */
int boltseal_entry_prove(struct boltseal *h, unsigned long long seq, struct boltseal_reply *reply);
/* That proof, held against the keys alone; nobody is asked. Answers as boltseal_proof_end(). -EBADMSG: it is no such
 * proof at all. */
int boltseal_entry_check(struct boltseal *h, const char *json, size_t n,
	const struct boltseal_trust *trust, int *clean, struct boltseal_reply *reply);

/* A baseline file from what an image is shipped as, without a daemon and without root: see boltseal(1), baseline build.
 * `out` is written whole or not at all; "-" is standard output. The answer is what boltseal_baseline_inspect() says of it. */
struct boltseal_build_ask {
	const char *path;  /* archive, OCI layout, or a tree of files */
	const char *image; /* which, where there are several */
	const char *out;
	long long created; /* seconds since 1970 for its header; 0: now */
};
int boltseal_baseline_build(
	struct boltseal *h, const struct boltseal_build_ask *ask, struct boltseal_reply *reply);
/* Reads a baseline file whole, holds it against its own digests, and says what is in it. "-" is standard input. */
int boltseal_baseline_inspect(struct boltseal *h, const char *path, struct boltseal_reply *reply);

/* Which rules have a word in what happens to a path, and which of them decides. */
int boltseal_rules_explain(
	struct boltseal *h, const char *target, const char *path, struct boltseal_reply *reply);

/* The rules of files and directories, looked at here: no daemon is asked. What is wrong (`error`) and
 * what is surely not meant goes to `fn`, with texts that live for the call. `now`: seconds since 1970,
 * for what has expired. Returns 0 when they can be used, 1 when not; *ret_rules is how many there are. */
struct boltseal_finding {
	const char *file; /* bytes of its name */
	unsigned line, column;
	int error;
	const char *text;
};
typedef void boltseal_hear(void *arg, const struct boltseal_finding *f);
int boltseal_rules_check(const char *const *paths, size_t n, long long now, boltseal_hear *fn,
	void *arg, size_t *ret_rules);

#ifdef __cplusplus
}
#endif
