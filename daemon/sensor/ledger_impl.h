/* ledger_impl.h - what the ledger's files share. Nobody else includes it. */
#pragma once

#include "base/host_name.h"
#include "daemon/sensor/ledger.h"
#include "daemon/sensor/runs.h"
#include "store/journal.h"
#include "store/snapshot.h"
#include "store/targets.h"
#include "trust/merkle.h"
#include "wire/beat.h"
#include "wire/event.h"

enum { LEDGER_BATCH = 2048, GROW_WAIT_MS = 20 };

/* A snapshot that is being written. `next` and the counts roll back with the transaction. */
struct snap_build {
	uint32_t no;
	uint32_t tree; /* number of the target whose own tree it is; 0: a layer */
	uint64_t serial, next;
	uint64_t records, bytes, unreadable;
	bool known; /* another baseline of the same layer was quicker: nothing is written */
};
/* Done after the commit. */
struct after {
	struct lower *lower;
	uint32_t snap;
	bool judged, broken;
};
/* The heartbeat. `said` counts; `fresh` is what the batch at hand would say. */
struct beat_tag {
	uint32_t no;
	uint64_t tag;
};
struct ledger_beat {
	int64_t next, full_at; /* monotonic ns; full_at 0: no full one yet */
	struct beat_tag *said, *fresh;
	size_t n_said, n_fresh;
	bool written, full; /* in the batch at hand */
	struct sink_told sinks[BEAT_SINKS];
	size_t n_sinks;
};
/* Checkpoints: ledger_checkpoint.c */
struct checkpoint_tree {
	struct merkle ids;    /* from `first` on */
	uint64_t first, last; /* `last`: seq of the checkpoint before; 0: none */
	uint8_t last_id[SHA_LEN];
	bool due; /* something else than heartbeats came since */
};
struct ledger_checkpoint {
	struct checkpoint_tree tree, saved; /* `saved`: as committed */
	int64_t next;			    /* monotonic ns, where one is due by time */
	bool loaded;
	bool seal; /* the batch at hand is the last of all */
};
/* Maintenance windows: ledger_hold.c */
struct hold_open;
struct ledger_holds {
	struct hold_open *first;
	size_t n;
	bool loaded;
	struct rules *rules; /* NULL: not told yet */
	int64_t wake;	     /* monotonic ns: when to look at the clock */
	char boot[40];	     /* id; empty: not known */
};
struct held {
	struct held *next;
	struct item *item;
};
struct ledger {
	struct ledger_options opt;
	struct txn *txn;
	struct journal_head head;
	int64_t now, born; /* wall ns; born: when this life began */
	char host[HOST_NAME_ROOM];
	char *keys_dir; /* opt.keys_dir; NULL: none */
	struct item *batch[LEDGER_BATCH];
	struct held *held, **held_tail; /* taken off the queue before their time, oldest first */
	size_t n_batch, bad;		/* bad: which item the last attempt failed on */
	struct kept **kept;
	size_t n_kept;
	struct taken *taken;
	struct snap_build build[SNAP_LINES], build_saved[SNAP_LINES];
	struct item_snap_batch *waiting[SNAP_LINES]; /* by serial and index */
	struct after after[LEDGER_BATCH];
	size_t n_after;
	struct session_kept *sessions; /* ledger_session.c */
	struct who_cache *who;	       /* ledger_who.c */
	struct ran_table *ran;	       /* ledger_ran.c */
	struct outbox_answer *answers; /* newest first; put into the outbox after the commit */
	bool ring;
	bool rejudge; /* what golden baselines say is another now: every target's image is looked at again */
	int64_t full_since; /* wall ns; 0: not full */
	int64_t next_tidy;  /* monotonic ns */
	int64_t refused_at; /* monotonic ns: when a sink's refusals were last noted; 0: never */
	struct ledger_beat beat;
	struct ledger_checkpoint checkpoint;
	struct runs *runs;
	uint32_t pkg_building;	   /* the set that is being written; 0: none */
	struct pkg_told *pkg_told; /* ledger_pkg.c */
	struct ledger_holds holds;
	struct floods *floods;
	bool left_told;				     /* what an earlier life had counted */
	struct floods_stats flooded, flooded_before; /* as stored; by earlier lives */
	int64_t committed, commit_took; /* the last one: monotonic ns when it ended, ns */
};

typedef int (*item_handler)(struct ledger *l, struct item *i);
#define X_ITEM(id, fn) int ledger_##fn(struct ledger *l, struct item *i);
ITEM_KINDS(X_ITEM)
#undef X_ITEM

/* Fills host, seq and time, and appends to the journal in the open transaction. */
int ledger_journal(struct ledger *l, struct event *e, uint64_t *ret_seq);
/* The golden baseline of its image may have accepted changes: they become generations of the target (ledger_given.c).
 * Nothing to do where it has them, or is not baselined. */
int ledger_given(struct ledger *l, struct kept *k);
/* At the end of each transaction: the loop looks at what was given, or nothing was. */
void ledger_given_over(struct ledger *l, bool committed);
/* The stored descriptor of a target for an event; borrowed until the next write. */
int ledger_target_of(struct ledger *l, uint32_t no, struct target *ret);
void ledger_answer(
	struct ledger *l, int asker, uint32_t id, enum door_result result, const char *text);

/* An event about a change of `k`; `reason` may be "". Where the budgets are spent nothing is told now, and
 * *ret_seq stays. */
int ledger_tell(struct ledger *l, const struct kept *k, enum event_type type,
	const struct change *c, const char *reason, uint64_t *ret_seq);
/* The same in two steps, for who has asked the budgets already: the event, and what fills in its target
 * and writes it. `k` NULL: it is not known where the target lies. */
struct event ledger_event(enum event_type type, const struct change *c, const char *reason);
int ledger_tell_now(
	struct ledger *l, const struct kept *k, uint32_t no, struct event *e, uint64_t *ret_seq);
/* Tells that it is cleared, by whom, and takes it out of the drift. */
int ledger_clear(struct ledger *l, const struct kept *k, const struct change *c, struct span actor,
	const char *reason);

/* ledger_rules.c: how a file that may only grow has. */
enum growth {
	GROWTH_NONE,	/* not its case */
	GROWTH_GROWN,	/* its old part is as it was */
	GROWTH_ALTERED, /* it is not */
	GROWTH_FOREIGN, /* it is, and what came behind it is by somebody whom the rule does not name */
	GROWTH_BEGUN, /* a new file: what it may do from now on, its coming is not */
};
struct ruled_in {
	const struct rules_for *rules;
	const struct rules_of_path *said;
	const struct record *base, *now; /* NULL: nothing */
	struct span actor;		 /* encoded */
	enum growth growth;
	uint64_t run; /* of a package manager, 0: none: what is not high by itself is info then */
	int64_t when;
};
/* What rules make of a change that was judged: its severity, ruling (whose bytes are in `mem`) and
 * what the drift id does not look at. */
void ledger_rule(const struct ruled_in *in, struct change *c, struct buf *mem);

/* Gaps. Opening one that is open already (same target, path, cause) does nothing. */
int ledger_gap_open(struct ledger *l, const struct gap *g);
/* Which gaps a full look at `scope` of target `no`, begun at `since`, ends. */
int ledger_gap_heal(struct ledger *l, uint32_t no, struct span scope, int64_t since);
/* Every gap of a target that is removed: there is nothing left to see. */
int ledger_gap_end_all(struct ledger *l, uint32_t no);
/* Ends the gaps that say the content of exactly this path is not known. */
int ledger_gap_settle(struct ledger *l, uint32_t no, struct span path);

/* Completes an encoded actor with what the records of its container know of its program; what cannot be
 * found is left as it is. Appends to `out`. */
int ledger_who(struct ledger *l, struct span actor, struct buf *out);
void ledger_who_forget(struct ledger *l); /* before a batch, and when drift was written */
void ledger_who_free(struct ledger *l);
/* The path of a program as /proc names it; *ret_gone: its file is not there any more. */
struct span ledger_who_path(struct span exe, bool *ret_gone);
bool ledger_who_known(struct span actor); /* is its origin? */
/* ledger_ran.c: a change was written down, or the path was found to be as it should be: was it run
 * meanwhile? `since`: wall. */
int ledger_ran_changed(
	struct ledger *l, const struct kept *k, const struct change *c, int64_t since);
int ledger_ran_same(struct ledger *l, const struct kept *k, struct span path);
void ledger_ran_over(struct ledger *l, bool committed);
void ledger_ran_free(struct ledger *l);
/* The change of `path` in target `no` is of the session that the actor names, if any. */
void ledger_session_path(struct ledger *l, uint32_t no, struct span actor, struct span path);
void ledger_sessions_free(struct ledger *l);

/* Tells baseline.created if it is due, with what its packages said of it. */
int ledger_baselined(struct ledger *l, struct kept *k, struct span words);
/* ledger_package.c: before the snapshot is complete; when the target is baselined. */
int ledger_package_records(struct ledger *l, uint32_t snap, struct span odds);
int ledger_package_odds(struct ledger *l, struct kept *k, struct span odds);
/* Later: has it been put right? Then what differs in content is nothing, and only that is left which no
 * package says. `mem`: what the change says of its package from now on; empty: as before. */
void ledger_package_again(const struct sighting *s, const struct change *was,
	const struct record *now, struct record *base, struct buf *mem);
/* The number of a layer's snapshot, if it is complete: for all to see, or in this transaction. */
uint32_t ledger_snap_of(const struct ledger *l, const struct lower *w);
/* ledger_pkg.c: has another target of the same stack read its packages? Then they are the target's too. */
int ledger_packages_known(struct ledger *l, struct kept *k);
/* What the image's packages say of a change: a package_note into `mem`; nothing where nothing is known. Of
 * `c` kind and aspects count. */
struct judge_in;
int ledger_package_of(struct ledger *l, const struct kept *k, const struct judge_in *in,
	const struct change *c, struct buf *mem);
/* A change of a package database is told, once and not for each of its files. `c` was told itself. */
int ledger_package_database(
	struct ledger *l, const struct kept *k, const struct change *c, uint64_t run);
void ledger_packages_over(struct ledger *l, bool committed);
void ledger_packages_free(struct ledger *l);
/* The digest of a target's whole baseline: its layers' roots, then what was accepted. */
int ledger_baseline_root(struct ledger *l, const struct kept *k, uint8_t ret[SHA_LEN]);
/* The number of a layer's snapshot, if it is complete: for all to see, or in this transaction. */
uint32_t ledger_snap_of(const struct ledger *l, const struct lower *w);
/* ledger_verdict.c: of the layer that snapshot `snap` is of, encoded. */
int ledger_verdict(struct ledger *l, struct lower *w, uint32_t snap, struct span verdict);
/* The layer at `layer` was changed on the host at `path`: from now on it is broken. `also`: aspects
 * that are none of the change. */
int ledger_verdict_tampered(
	struct ledger *l, struct span layer, const struct change *c, uint32_t also);
int ledger_tidy(struct ledger *l);
/* A slice of what an earlier life's import of a golden baseline left half written. */
int ledger_golden_tidy(struct ledger *l, bool *more);
/* Writes a heartbeat into the batch; when that is committed, it counts. */
int ledger_beat(struct ledger *l);
void ledger_beaten(struct ledger *l);
void ledger_beat_fini(struct ledger *l);
/* Is the change of a package manager's run? Its id, or 0. See ruled_in.run for what that means.
 * `stands`: its severity before rules. */
int ledger_run(struct ledger *l, const struct kept *k, const struct change *c, enum severity stands,
	uint64_t *ret_id);
uint64_t ledger_run_of(struct span ruling); /* the run that a change's ruling names; 0: none */
/* Tells the runs that are over; `all`: every one, for the sensor stops. */
int ledger_runs(struct ledger *l, bool all);
/* Is it held? Then it is counted, and told as info with the member `hold`, whose bytes are in `mem`. The
 * change's own severity stays. */
int ledger_hold(struct ledger *l, const struct kept *k, struct event *e, struct buf *mem);
/* The same for a package manager's run in a target. */
int ledger_hold_run(struct ledger *l, const struct target *t, struct event *e, struct buf *mem);
/* At the beginning of a batch: opens and closes the windows whose time has come. */
int ledger_holds(struct ledger *l);
/* A target is removed: ends the windows that were opened for it. */
int ledger_holds_gone(struct ledger *l, uint32_t no);
void ledger_holds_init(struct ledger *l);
void ledger_holds_forget(struct ledger *l); /* the batch is given up */
void ledger_holds_free(struct ledger *l);
/* ledger_flood.c: before a change is told, with the severity that its event has. 1: it is not, but
 * counted; 0: it is, and *ret is what was folded before it. */
int ledger_flood(struct ledger *l, uint32_t no, const struct event *e, struct fold *ret);
/* At a batch's end: tells what is due, and stores what is not. */
int ledger_floods(struct ledger *l);
/* Tells everything that was counted of a target, 0: of all. */
int ledger_floods_end(struct ledger *l, uint32_t no);
int ledger_floods_left(struct ledger *l); /* what an earlier life had counted */
void ledger_flooded(struct ledger *l);	  /* it is committed */
/* ledger_checkpoint.c: at a batch's beginning and end; an entry that was written; committed, or given up;
 * when one is due by time. */
int ledger_checkpoints_begin(struct ledger *l);
int ledger_checkpoints(struct ledger *l);
void ledger_checkpoint_entry(struct ledger *l, enum event_type type, const uint8_t id[SHA_LEN]);
void ledger_checkpoints_over(struct ledger *l, bool committed);
int64_t ledger_checkpoint_next(const struct ledger *l);
static inline bool ledger_beat_due(const struct ledger *l, int64_t now)
{
	return l->opt.heartbeat && now >= l->beat.next;
}
