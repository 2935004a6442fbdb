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

/* What a kind may use of its surroundings. */
struct sink_env {
	const struct config_sink *conf;
	struct format_options format;
	const atomic_bool *stop; /* the sink is to end soon */
	int64_t timeout;	 /* ns for one exchange */
};

/* Of send(), beside 0 (all sent) and negative (failed, the sentence says why; try again later). */
enum {
	SINK_AGAIN = 1,	  /* the receiver asks for a pause: `retry_after`, or our own back-off */
	SINK_REFUSED = 2, /* the receiver will never take event v[done]: to the dead-letter file */
	SINK_TOO_MANY = 3 /* the batch was too large: half of it */
};
struct sink_result {
	size_t done;	     /* events that the receiver has for sure, from the first on */
	int64_t retry_after; /* ns; 0: not said */
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
};
extern const struct sink_kind sink_syslog, sink_journald, sink_file, sink_https;
