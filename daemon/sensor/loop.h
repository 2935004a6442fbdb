/*
 * loop.h - the privileged role as one struct, and what the files of its loop share.
 *
 * Threads: the loop (this struct is its own; events, registry, timers, door), N workers (examine),
 * one that hashes the host (jobs.h), one ledger, one that follows processes. Between them: jobs, the items queue, the outbox, counters;
 * and the process table (tracker.h). Nothing else.
 */
#pragma once

#include "box/find.h"
#include "daemon/daemon.h"
#include "daemon/reloaded.h"
#include "daemon/sensor/actors.h"
#include "daemon/sensor/baseline.h"
#include "daemon/sensor/coalesce.h"
#include "daemon/sensor/ledger.h"
#include "daemon/sensor/reg.h"
#include "daemon/sensor/scan.h"
#include "daemon/sensor/spaces.h"
#include "daemon/sensor/tracker.h"
#include "daemon/sensor/watch.h"
#include "daemon/wall.h"
#include <pthread.h>

enum { DOOR_SEATS = 8 };

struct baseline_wish {
	struct baseline_wish *next;
	struct lower *lower;
	struct kept *tree;
};
struct unsent { /* items the ledger's queue had no room for: kept in order */
	struct unsent *next;
	struct item *item;
};
struct sensor {
	struct config *cfg;
	const struct daemon_args *args;
	struct store *store;
	struct trust_key *host_key; /* NULL: there is none, and no checkpoint */
	char host_key_why[300];	    /* why not */
	struct queue *items;
	struct jobs *jobs;
	struct outbox *outbox;
	struct examiner ex;
	struct ledger *ledger;
	struct ledger_stats ledger_stats;
	pthread_t workers[WORKERS_MAX], ledger_thread; /* workers[HOST_WORKER]: the host's */
	unsigned n_workers;
	struct watch *watch;
	struct finder *finder;
	struct registry reg;
	struct spaces spaces;
	struct tracker *tracker;
	struct coalesce *coalesce;
	struct actors *actors;

	int epoll_fd, signal_fd, bell_fd, mounts_fd;
	int files_fd; /* inotify on runtimes' files */
	int roots_fd; /* the same on the directories above volumes and host trees */
	int door_fd, seat[DOOR_SEATS];
	char *door_path;
	int gateway_uid, group_gid;
	bool gateway_is_nobody;	 /* its group is not its own */
	bool configured;	 /* what failed then is no fault of configuration or rules */
	bool gateway_is_service; /* a user of its own, whom we did not start */

	struct baseline_line { /* by enum snap_line: one at a time */
		struct baseline_wish *wishes, **tail;
		atomic_bool busy;
	} baselines[SNAP_LINES];
	uint64_t baseline_serial;
	atomic_ullong baseline_files;
	atomic_bool packages_busy; /* pkgset.h */
	struct unsent *unsent, **unsent_tail;

	struct dropped *dropped; /* collect.h */
	int64_t next_collect;
	int64_t next_expiry, expired_upto; /* wall; expiry.h */
	struct rules *rules;		   /* rulebook.h */
	struct reloaded reloaded;
	struct config *cfg_at_start; /* NULL: it is still that one */
	uint64_t round_batches;	     /* the ledger's at the last round; checks.h */
	int64_t ledger_moved;	     /* monotonic: it had committed since, or had nothing to */
	int64_t rules_expire;	     /* wall: the soonest of them; 0: none does */
	bool layers_wait;	     /* a stored layer may be without its watch */
	int64_t look_due;	     /* monotonic; 0: none wanted */
	int64_t hint_due;	     /* the same, for a hint: what it costs is counted */
	int64_t look_cost;	     /* of late, ns */
	int64_t hint_credit;	     /* ns of looking that hints may still cause, as of hint_at */
	int64_t hint_at;
	int64_t roots_due;  /* monotonic; 0: nothing moved above a volume or host tree */
	int64_t procs_due;  /* new processes are asked for again then; 0: whenever there are any */
	uint64_t n_looks;   /* for containers */
	uint64_t worked;    /* files that had been looked at when memory was last given back */
	int64_t next_round; /* the slow round: namespaces without mount events, sweeps, marks */
	int64_t next_verify;
	int64_t next_proof;		/* monotonic: proving.h */
	atomic_bool proof_busy;		/* one of the schedule's is under way */
	int64_t heal_due;		/* everything is to be rescanned then; 0: no */
	int64_t pulse_every, pulse_due; /* the service manager's watchdog; 0: none */
	bool overflowed;		/* coalesce had no room: told once until it has */
	int64_t started;		/* wall */
	int64_t blind_from;		/* wall: the earlier life's last entry; 0: there was none */
	uint64_t lost;
	struct wall wall;
	atomic_bool importing; /* a golden baseline; importing.h */
	bool golden_gone;      /* one is being removed: its layers may be nobody's then */
	atomic_bool stop;      /* the ledger looks at it too */
};

/* epoll tags: small numbers are ours, from TAG_SEAT the door's seats; with the high bits a mount
 * namespace by its inode number: its table changed, or the process it was opened by has ended. */
enum {
	TAG_SIGNAL = 1,
	TAG_BELL,
	TAG_WATCH,
	TAG_MOUNTS,
	TAG_FILES,
	TAG_DOOR,
	TAG_OUTBOX,
	TAG_PROCS,
	TAG_ROOTS,
	TAG_SEAT = 16
};
#define TAG_SPACES (1ULL << 62)
#define TAG_SPACE_ENDS (3ULL << 62)
#define TAG_SPACE (TAG_SPACES - 1)

/* Gives an item to the ledger without ever waiting. */
void sensor_push(struct sensor *s, struct item *i);
void sensor_gap(struct sensor *s, struct kept *k, struct span path, enum gap_cause cause,
	uint64_t count, const char *detail);
/* An event that is about no target. */
void sensor_note(struct sensor *s, enum event_type type, const char *detail);
struct flood_limits sensor_limits(const struct config *cfg);
/* Wants a registry_look() soon. */
void sensor_want_look(struct sensor *s, int64_t delay);
/* The same, for what anybody on the host can bring about: bounded to a share of one processor. */
void sensor_hint(struct sensor *s, int64_t delay);
/* sensor_line.c. Queues the hashing of a layer (or tree) unless it is stored. */
void sensor_baseline(struct sensor *s, struct lower *l, struct kept *tree);
/* Begins what waits, where nothing is under way. */
void sensor_next_baseline(struct sensor *s);
/* Trees that have their snapshot now: what changed while it was taken is looked for. */
void sensor_stored_trees(struct sensor *s);
void sensor_touch(struct sensor *s, const struct touch *t);
/* Starts on the layers what scans that were begun with layers_wait() wait for. */
void sensor_look_at_layers(struct sensor *s);
/* Everything again, as after an overflow: one gap's healing. The layers too, by change time. */
void sensor_rescan_all(struct sensor *s, bool trust_seen);
/* What the process table has to tell of exec sessions of containers that are kept. */
void sensor_tell_sessions(struct sensor *s);
int sensor_watch_fd(struct sensor *s, int fd, uint32_t events, uint64_t tag);

/* door.c's other half: wishes from the gateway. */
int wishes_open(struct sensor *s);
void wishes_close(struct sensor *s);
void wishes_accept(struct sensor *s);
void wishes_read(struct sensor *s, unsigned seat);
void wishes_send(struct sensor *s);
/* doctor.c */
void doctor_text(struct sensor *s, struct buf *out);
void status_text(struct sensor *s, struct buf *out);

/* reload.c */
void sensor_reload(struct sensor *s);
/* What differs between two configurations and takes effect at a start only, as buf_bytes(). */
void sensor_restart_names(const struct config *old, const struct config *fresh, struct buf *out);
void sensor_note_rules(struct sensor *s, const char *before); /* rules.loaded, and the log */

/* events.c: what the watch gives */
void sensor_on_touch(void *ctx, const struct watch_touch *t);
void sensor_on_lost(void *ctx, uint32_t root, struct span below, enum gap_cause cause,
	uint64_t count, const char *detail);
void sensor_on_exec(void *ctx, uint32_t root, struct span path, int pid);
bool sensor_excluded(void *ctx, uint32_t root, struct span below);

/* sensor_build.c: everything open and every thread running, or a sentence; and the way back. */
int sensor_build(struct sensor *s);
void sensor_join(struct sensor *s); /* the threads end, in river order, and the ledger last */
void sensor_teardown(struct sensor *s);
void sensor_flush(struct sensor *s); /* items that found no room, if there is now */
void sensor_wish_free(struct baseline_line *at);
