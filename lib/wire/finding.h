/*
 * finding.h - one thing that `boltseal doctor` has looked at, and how to write it down.
 *
 * Whoever measures names a row of checks.def and says in a sentence what was found; the row gives what
 * that costs and what to do. A sentence never holds a path inside a target nor anything a target's
 * files hold: such goes into `path`, and what a wrong configuration said into `quote`, which the support
 * bundle leaves out.
 */
#pragma once

#include "base/json.h"

#define FINDING_SCOPES(X)                                                                          \
	X(DAEMON, "daemon")                                                                        \
	X(SENSOR, "sensor")                                                                        \
	X(GATEWAY, "gateway")                                                                      \
	X(KERNEL, "kernel")                                                                        \
	X(LIMITS, "limits")                                                                        \
	X(PERMISSIONS, "permissions")                                                              \
	X(STORE, "store")                                                                          \
	X(TARGET, "target")                                                                        \
	X(SINK, "sink")
#define FINDING_SEVERITIES(X)                                                                      \
	X(OK, "ok", "as it should be")                                                             \
	X(NOTE, "note", "for the record: nothing is wrong, something is less than it could be")    \
	X(WARNING, "warning", "something is lost, or will be")                                     \
	X(PROBLEM, "problem", "it does not do what it is for")

#define X_SCOPE(id, name) SCOPE_##id,
enum finding_scope { FINDING_SCOPES(X_SCOPE) SCOPE_N };
#define X_FSEV(id, name, s) FIND_##id,
enum finding_severity { FINDING_SEVERITIES(X_FSEV) FIND_N };
#define CHECK(id, word, scope, severity, looks, costs, todo) CHECK_##id,
enum check {
#include "wire/checks.def"
	CHECK_N
};
#undef CHECK

struct check_row {
	const char *word;
	enum finding_scope scope;
	enum finding_severity severity;
	const char *looks, *costs, *todo;
};
extern const struct check_row check_rows[CHECK_N];
extern const char *const finding_scopes[SCOPE_N], *const finding_severities[FIND_N],
							  *const finding_words[FIND_N];

struct finding {
	enum check check;
	bool bad;			/* else it is ok */
	enum finding_severity severity; /* of a bad one, where it is not the row's; 0: it is */
	struct span subject;		/* what it is about, {} in what to do; may be empty */
	struct span path;		/* may be empty */
	struct span quote; /* words from outside, a file's or a receiver's; may be empty */
	int64_t since;	   /* wall; 0: not known */
};
/* A value in an array: {"costs":…,"do":…,"id":…,"path":…,"quote":…,"scope":…,"severity":…,"since":…,"subject":…,
 * "what":…}; costs and do only where it is not ok. */
void finding_put(struct json *j, const struct finding *f, const char *what, ...) PRINTF(3, 4);
/* Without a subject. */
#define FINDING(j, id, is_bad, ...)                                                                \
	finding_put(j, &(struct finding){.check = CHECK_##id, .bad = (is_bad)}, __VA_ARGS__)

/* Up to a few names and how many more there are, as "a, b, c and 9 more". */
struct finding_names {
	struct buf text;
	size_t n;
};
static inline void finding_names_free(struct finding_names *n)
{
	buf_free(&n->text);
}
#define FINDING_NAMES CLEANUP(finding_names_free)
void finding_name(struct finding_names *to, struct span name);
/* Ends the text. */
const char *finding_names_text(struct finding_names *n);
