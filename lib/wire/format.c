/* Reads the event once, then lets the format's own file write it. */
#include "wire/format.h"
#include "wire/dress.h"

#define X_ROW(id, n, s) {n, s},
const struct kind format_kinds[FORMAT_N] = {FORMATS(X_ROW)};

// clang-format off
const struct severity_row severity_rows[SEV_N] = {
	/*               syslog cef leef ocsf otel  ecs  otel_text  falco */
	[SEV_INFO]     = { 6,    2,   2,   1,   9,  20, "INFO",    "Informational"},
	[SEV_LOW]      = { 5,    4,   4,   2,  10,  40, "INFO2",   "Notice"},
	[SEV_MEDIUM]   = { 4,    6,   6,   3,  13,  60, "WARN",    "Warning"},
	[SEV_HIGH]     = { 3,    8,   8,   4,  17,  80, "ERROR",   "Error"},
	[SEV_CRITICAL] = { 2,   10,  10,   5,  21, 100, "FATAL",   "Critical"},
};

typedef int writer_fn(const struct facts *f, const struct format_options *o, struct buf *out);
static writer_fn *const writers[FORMAT_N] = {
	[FORMAT_RFC5424] = format_rfc5424,
	[FORMAT_JSON]    = format_json,
	[FORMAT_ECS]     = format_ecs,
	[FORMAT_OCSF]    = format_ocsf,
	[FORMAT_CEF]     = format_cef,
	[FORMAT_LEEF]    = format_leef,
	[FORMAT_FALCO]   = format_falco,
	[FORMAT_WAZUH]   = format_wazuh,
};
// clang-format on

int format_event(enum format f, struct span event, const struct format_options *o, struct buf *out)
{
	FACTS struct facts facts = {.root = NULL};
	int r = facts_read(event, o->redact, &facts);

	if (r < 0)
		return r;
	r = writers[f](&facts, o, out);
	return r < 0 ? r : buf_err(out);
}
