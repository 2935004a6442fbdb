/*
 * format.h - an event of the journal in the words of the systems that receive it.
 *
 * Pure: canonical JSON text in (wire/event.h), one message out, without framing: no line end, no
 * octet count, no transport's envelope. The event's `id` is the dedupe key in every format. Each
 * format escapes untrusted bytes by its own rules: no file name can begin a new line, field or
 * header. What goes where are the tables of facts_tables.c, in words boltseal.formats(7).
 */
#pragma once

#include "base/buf.h"
#include "model/kinds.h"

#define FORMATS(X)                                                                                 \
	X(RFC5424, "rfc5424", "syslog message with structured data (RFC 5424)")                    \
	X(JSON, "json", "the event as the journal has it")                                         \
	X(ECS, "ecs", "Elastic Common Schema document")                                            \
	X(OCSF, "ocsf", "OCSF File System Activity, Detection Finding for alerts")                 \
	X(CEF, "cef", "ArcSight Common Event Format")                                              \
	X(LEEF, "leef", "QRadar Log Event Extended Format 2.0")                                    \
	X(FALCO, "falco", "alert JSON as Falco sends it")                                          \
	X(WAZUH, "wazuh", "syscheck JSON as Wazuh reads it")
#define X_FORMAT(id, n, s) FORMAT_##id,
enum format { FORMATS(X_FORMAT) FORMAT_N };
extern const struct kind format_kinds[FORMAT_N];

struct format_options {
	const char *version; /* of this program */
	uint32_t enterprise; /* RFC 5424 private enterprise number of the SD-ID */
	uint8_t facility;    /* syslog facility */
	uint32_t pid;	     /* PROCID; 0: none */
	/* Bytes of one message; 0: no limit. Whole fields are cut and it says truncated; never below
	 * id, seq and path, even where these alone are longer. */
	size_t max;
	bool redact; /* leave command lines out */
};
/* Appends the message. -EBADMSG: `event` is not one of ours (a sentence says why). */
int format_event(enum format f, struct span event, const struct format_options *o, struct buf *out);
/* The number or word that a format has for a severity: syslog's 0-7, CEF's 0-10 and so on are
 * columns of one table. */
struct severity_row {
	uint8_t syslog, cef, leef, ocsf, otel, ecs;
	const char *otel_text, *falco;
};
extern const struct severity_row severity_rows[SEV_N];
