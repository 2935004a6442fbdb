/*
 * post.h - events as the body of an HTTP request, and what the answer to it means, for each kind of
 * receiver that speaks HTTP.
 *
 * Pure: texts in, texts and verdicts out; no connection, no header but the content type. An answer
 * is a stranger's: whatever it is, it ends in a verdict and a sentence, and costs no more than its
 * own length (the caller bounds that: POST_ANSWER_MAX).
 *
 * The bodies:
 *   generic       one formatted event a line, each line ended; so with one event it is that event
 *   splunk-hec    objects one after the other: time (seconds, six digits of fraction), host, index,
 *                 source "boltseal", sourcetype "boltseal:drift", the formatted event, and `fields`
 *                 by the names of the CIM's Endpoint.Filesystem
 *   elastic-bulk  a `create` action into `index` (a data stream) with _id = the event's id, then the
 *                 formatted event with @timestamp: sent twice, it answers 409, which is success
 *   loki          streams labelled host, job, severity and type, no more; the rest of what is asked
 *                 for often is structured metadata; the line is the formatted event
 *   otlp          ExportLogsServiceRequest as JSON: a resource a host, 64-bit integers as strings,
 *                 body = the formatted event, attributes by the table in post_fields.c
 */
#pragma once

#include "wire/format.h"

#define POST_PROFILES(X)                                                                           \
	X(GENERIC, "generic", "a web hook: one formatted event a line")                            \
	X(HEC, "splunk-hec", "Splunk HTTP Event Collector")                                        \
	X(BULK, "elastic-bulk", "_bulk of Elasticsearch and OpenSearch")                           \
	X(LOKI, "loki", "Grafana Loki push")                                                       \
	X(OTLP, "otlp", "OpenTelemetry logs, JSON over HTTP")
#define X_POST(id, n, s) POST_##id,
enum post_profile { POST_PROFILES(X_POST) POST_N };
extern const struct kind post_kinds[POST_N];

#define POST_STREAM "logs-boltseal.drift-default"

struct post_event {
	uint64_t seq;
	int64_t time; /* wall ns */
	enum event_type type;
	enum severity severity;
	const uint8_t *id; /* 32 bytes */
	struct span json;  /* the event (wire/event.h); borrowed */
};
struct post_options {
	enum post_profile profile;
	enum format format;
	struct format_options how;
	/* HEC: the index; elastic-bulk: the data stream. NULL or empty: the token's own, POST_STREAM */
	const char *index;
	const char *const *labels; /* "name=value", NULL-terminated: Loki's, attributes of OTLP's
				      resource; they replace ours of the same name. NULL: none */
};

/* Appends the body. *ret_n: how many events, from the first on, are in it; when that is less than
 * `n`, event v[*ret_n] is none of ours and err_why() says what is wrong with it. Negative: no body
 * at all (memory). */
int post_body(const struct post_options *o, const struct post_event *v, size_t n, struct buf *out,
	size_t *ret_n);
/* Of that body with `n` events. */
const char *post_content_type(const struct post_options *o, size_t n);
/* `path` of the configured address with what the profile's own path adds to it: "/services/…" and
 * the like, unless it ends so already. A generic address stays as it is. */
void post_path(const struct post_options *o, struct span path, struct buf *out);
/* What the profile asks for behind the '?'; NULL: nothing. */
const char *post_query(enum post_profile p);

enum post_verdict {
	POST_TAKEN,   /* all of it */
	POST_WAIT,    /* HEC: received, not yet indexed; ask for `ack` */
	POST_AGAIN,   /* the first `done` are taken; the rest after a pause */
	POST_REFUSED, /* the first `done` are taken; the next will never be */
	POST_PARTLY,  /* OTLP: all but `lost` are taken; those never will be, nobody says which, and
			  sending again is forbidden */
	POST_TOO_MANY, /* none is taken; half as many may be */
	POST_DENIED,   /* the token is wrong or missing */
	POST_WRONG     /* this is not what the configuration says it is */
};
struct post_answer {
	unsigned status;	 /* HTTP */
	struct span body;	 /* any bytes */
	struct span retry_after; /* the header's value; empty: none */
};
enum { POST_ANSWER_MAX = 4 << 20, POST_WHY = 240 };
#define POST_RETRY_MAX INT64_C(3600000000000) /* ns; a longer pause is cut to that */
struct post_result {
	enum post_verdict verdict;
	size_t done, lost;
	int64_t retry_after; /* ns; 0: not said */
	uint64_t ack;
	char why[POST_WHY]; /* what came back, one line that is safe to print; never empty */
};
/* What the answer to a body of those `n` (1 or more) events means. `now`: wall ns, for a
 * Retry-After that is a date. 5xx is tried again for every profile: OTLP would have some of them
 * thrown away, which a journal does not do. */
void post_read(enum post_profile p, const struct post_answer *a, const struct post_event *v,
	size_t n, int64_t now, struct post_result *ret);

/* The question for HEC's acknowledgement `ack`, and its answer: POST_TAKEN, POST_WAIT, or as above.
 * A yes is said once and forgotten by the receiver. */
void post_ack_body(uint64_t ack, struct buf *out);
void post_ack_path(
	struct span path, const char *channel, struct buf *out); /* of the events' path */
void post_read_ack(const struct post_answer *a, uint64_t ack, int64_t now, struct post_result *ret);

/* Retry-After: seconds, or an HTTP date; 0 when it is neither or in the past. */
int64_t post_retry_after(struct span value, int64_t now);
