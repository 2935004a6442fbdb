/* sink_impl.h - what the sinks' files share. Nobody else includes it. */
#pragma once

#include "daemon/config_sinks.h"
#include "daemon/gateway/sink_cursor.h"
#include "daemon/gateway/sinks.h"
#include <pthread.h>

/* What threads hold on to; freed by the last. */
struct sink_hub {
	atomic_uint refs;
	pthread_rwlock_t gate; /* of `store` */
	struct store *store;   /* NULL: none now */
	pthread_mutex_t lock;  /* of what follows, and of every sink's status and flags */
	pthread_cond_t tick;
	uint64_t ticks; /* grows with the journal, and with a new store */
	uint64_t epoch; /* of the store */
	int bell;
	char *dir, *version;
	const struct sink_kind *(*kind_of)(const struct config_sink *c);
	const char *(*refuses)(const struct wall *w, const struct config_sink *c);
	const struct wall *wall;
};
/* The kind's open, where the daemon's own wall leaves it a way. */
int hub_connect(struct sink_hub *h, const struct sink_kind *k, const struct sink_env *env,
	struct sink_link **ret);
void hub_unref(struct sink_hub *h);
void hub_ring(struct sink_hub *h);

struct sink {
	struct sink *next;
	struct sink_hub *hub;
	atomic_uint refs; /* the list's and the thread's */
	struct arena mem;
	struct config_sink conf;
	const struct sink_kind *kind; /* NULL: `status.error` says why */
	atomic_bool stop;
	int stop_fd;
	/* under hub->lock */
	bool ended, poked;
	struct sink_status status;
	uint64_t behind_from, behind_to; /* not told yet */
	bool behind_asked;
	uint64_t behind_told;			     /* up to there; the thread forgets it then */
	struct sink_refusals refused, refused_asked; /* to be told; being told */
	int64_t refused_due;			     /* mono: not before */
};
/* sink_refused.c; all of it with the lock held */
void refusals_add(struct sink_refusals *all, const struct sink_refusals *more);
bool refusals_due(const struct sink *s, int64_t now);
void sink_unref(struct sink *s);
void *sink_main(void *sink); /* the thread's body: sink_run.c */
struct sink_env sink_env_of(
	const struct config_sink *c, const char *version, const atomic_bool *stop, int stop_fd);

/* The pause after the n-th failure (from 1): a random part, by `dice`, of what doubles each time. */
int64_t sink_pause(int64_t least, int64_t most, unsigned failures, uint64_t dice);

/* sinks.c */
const struct config_sink *sinks_config(struct sinks *s, const char *name); /* NULL: not there */
struct sink_hub *sinks_hub(struct sinks *s);
struct sink *sinks_first(struct sinks *s); /* the loop alone walks them */
void sinks_collect(struct sinks *s); /* lets go of what has ended, starts what waits for that */
