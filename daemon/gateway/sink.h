/*
 * sink.h - one place that events are sent to: what every kind of it gives.
 *
 * A sink has a thread of its own, which reads the journal by cursor in short read transactions,
 * formats, and sends through its kind. The journal is the spool: what is acknowledged is a seq,
 * kept durably; a restart of either side goes on from there. A dead receiver delays only its own
 * sink. Kinds block, with a time limit, and look at `stop`.
 */
#pragma once

#include "daemon/config.h"
#include "wire/format.h"
#include <stdatomic.h>

struct config_sink;

struct sink_event {
	uint64_t seq;
	int64_t time; /* wall ns */
	enum event_type type;
	enum severity severity;
	uint8_t id[32];
	struct span json; /* the event; borrowed */
};

/* What a kind may use of its surroundings. All of it lives as long as the link. */
struct sink_env {
	const struct config_sink *conf;
	struct format_options format;
	const atomic_bool *stop; /* the sink is to end soon */
	int stop_fd;		 /* readable from then on, for poll(); -1: none */
	int64_t timeout;	 /* ns for one exchange */
	unsigned *told; /* what the kind has warned of, bits of its own; NULL: nobody reads it */
};

/* Of send(), beside 0 (all sent) and negative (failed, the sentence says why; try again later). */
enum {
	SINK_AGAIN = 1,	  /* the receiver asks for a pause: `retry_after`, or our own back-off */
	SINK_REFUSED = 2, /* the receiver will never take event v[done]: to the dead-letter file */
	SINK_TOO_MANY = 3 /* the batch was too large: half of it; of one event: refused */
};
struct sink_result {
	size_t done;	     /* events that the receiver has, from the first on; see `settle` */
	int64_t retry_after; /* ns; 0: not said */
	bool sure;	     /* with a `settle`: it is not needed for these */
	size_t lost;	     /* of `done`: rejected there for good, nobody says which */
	char reply[256];     /* what came back, for `sinks test` and for a refusal's reason */
};

struct sink_link; /* a kind's own connection; made lazily, made anew after a failure */
struct sink_kind {
	const char *name;
	size_t batch;	    /* events at once, at most */
	size_t batch_bytes; /* of their JSON, at most; one event always goes */
	int (*open)(struct sink_link **ret, const struct sink_env *env);
	int (*send)(
		struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret);
	void (*close)(struct sink_link *l); /* takes NULL */

	/* The rest may be NULL and 0: what send() counts as done is then acknowledged at once.
	 * Where a receiver acknowledges nothing, events are acknowledged when they were sent
	 * `window` ago and settle() says 0: all that was sent is there, as far as can be known.
	 * SINK_AGAIN: not yet. Negative: the connection is broken, and what is not acknowledged is
	 * sent again. Must not wait long. */
	int64_t window;
	int (*settle)(struct sink_link *l);
	/* Ends in order. 0: the receiver has read all that was sent. Waits at most `patience` ns. */
	int (*finish)(struct sink_link *l, int64_t patience);
};
extern const struct sink_kind sink_syslog, sink_journald, sink_file, sink_https;

/* The format that a sink's configuration asks for, or `suits` when it leaves the choice. */
static inline enum format sink_format(const struct config_sink *c, enum format suits)
{
	return c->format ? (enum format)(c->format - 1) : suits;
}
