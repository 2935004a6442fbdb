/*
 * rules.h - what the admin says about drift: how much it matters, what of it is expected, what is
 * not looked at. Read from YAML files, which boltseal.rules(5) describes.
 *
 *   rules_load(), rules_parse()   files -> one immutable, counted set, every mistake with its place
 *   rules_lint()                  what is allowed and surely not meant: shadowed, expired, named twice
 *   rules_for()                   the rules that may apply to one target, indexed by path
 *   rules_path(), rules_change()  what they say of one path, of one change; pure
 *   rules_explain()               the same, with everyone who lost
 *
 * Rules have an order: files by name, and within a file from top to bottom. Of those that fit, the
 * last one that gives a property decides it. What the sensor must know before there is a change
 * (watch, exclude, growing, withhold) goes by target and path alone.
 */
#pragma once

#include "base/arena.h"
#include "model/judge.h"
#include "model/target.h"
#include "policy/window.h"
#include <stdatomic.h>

/* What a rule can give. The first four are of a path, the others of a change. */
#define RULE_PROPS(X)                                                                              \
	X(WATCH, "watch", "the aspects in which a difference is drift")                            \
	X(EXCLUDE, "exclude", "not kept, not watched, not looked at")                              \
	X(GROWING, "growing", "may grow at its end: expected while its old part stays")            \
	X(WITHHOLD, "withhold", "its content is never shown")                                      \
	X(SEVERITY, "severity", "how much a change matters")                                       \
	X(RAISE, "raise", "steps by which the severity is raised")                                 \
	X(EXPECT, "expect", "allowed: kept and counted, and no alert")                             \
	X(HOLD, "hold", "while its window is open alerts are held, and summed up at its end")
#define X_RULE_PROP(id, n, s) RULE_##id,
enum rule_prop { RULE_PROPS(X_RULE_PROP) RULE_PROP_N };
#undef X_RULE_PROP
enum { RULE_PATH_PROPS = RULE_SEVERITY };
extern const struct kind rule_prop_kinds[RULE_PROP_N];

struct rule_globs {
	const struct span *v;
	size_t n; /* 0: everything */
};
struct rule_label {
	struct span key, glob;
};
struct rule {
	unsigned no; /* its place in the order */
	struct span name, file, reason, owner;
	unsigned line, col;
	/* Which targets. */
	struct rule_globs target, image, runtime, pod_namespace;
	const struct rule_label *labels;
	size_t n_labels;
	/* Which paths, which changes. Bits; 0: any. */
	struct rule_globs paths, exe;
	uint32_t origins, kinds, aspects; /* kinds: 1 A, 2 C, 4 D */
	uint32_t packages;		  /* bits of package_state */
	int8_t setuid, executable;	  /* 1 must, 0 must not, -1 either */
	/* What it gives: bits (1u << RULE_x). */
	uint32_t gives;
	uint32_t watch; /* aspects */
	bool exclude, growing, withhold, expect, hold;
	uint32_t grown_by; /* growing: bits of origins whose growth is expected */
	struct window
		window; /* with `hold`; false: never held, not by a window opened by command either */
	enum severity severity;
	int8_t raise;
	int64_t expires; /* wall ns; 0: never */
};
struct rules {
	atomic_uint refs;
	struct arena mem;
	const struct rule *rule; /* in order */
	size_t n, n_files;
	uint8_t digest[SHA_LEN]; /* by rules_digest() */
	struct buf source;	 /* until then */
};

/* A mistake (`error`) or what is surely not meant. Lives for the call. */
struct rules_finding {
	const char *file;
	unsigned line, col;
	bool error;
	const char *text;
};
struct rules_hear {
	void (*fn)(void *ctx, const struct rules_finding *f); /* NULL: nobody hears */
	void *ctx;
	int64_t lint_at; /* wall: where there are mistakes, tell what is expired and named twice too; 0: no */
};
enum { RULES_FILES_MAX = 1024, RULES_MAX = 20000, RULES_HOLDS_MAX = 256 };
/* Each of `paths` is a file, or a directory whose *.yaml and *.yml are read in order of name.
 * Everything that is wrong is told; the first is the sentence, "file:line:column: what". `*ret` only when
 * nothing is wrong. */
int rules_load(
	struct rules **ret, const char *const *paths, size_t n, const struct rules_hear *hear);
/* One file's text, as a set of its own. */
int rules_parse(
	struct rules **ret, const char *file, struct span text, const struct rules_hear *hear);
/* Fills `digest`, of the files' names and bytes, in order. Apart from loading, since only a daemon needs
 * it, and it needs OpenSSL. Once, before the set is shared. */
int rules_digest(struct rules *r);
/* Tells what is shadowed by a later rule, expired at `now`, named twice, or excludes whole targets. Returns
 * how many. */
size_t rules_lint(const struct rules *r, int64_t now, const struct rules_hear *hear);
/* The soonest `expires` after `now`; 0: none. */
int64_t rules_next_expiry(const struct rules *r, int64_t now);

/* The rule of that name that gives a window; NULL: none. There is one at most. */
const struct rule *rules_holding(const struct rules *r, struct span name);
/* Does it select the target? */
bool rule_applies(const struct rule *r, const struct target *t);

struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);
static inline void rules_unref_p(struct rules **r)
{
	rules_unref(*r);
}
#define RULES CLEANUP(rules_unref_p)

/* The rules of a set that may apply to one target; counted, holds the set. Paths are the target's
 * own; those of a tree of the host are meant from the host's root. */
struct rules_for;
struct rules_for *rules_for(struct rules *r, const struct target *t);
struct rules_for *rules_for_ref(struct rules_for *f);
void rules_for_unref(struct rules_for *f);
static inline void rules_for_unref_p(struct rules_for **f)
{
	rules_for_unref(*f);
}
#define RULES_FOR CLEANUP(rules_for_unref_p)
size_t rules_for_n(const struct rules_for *f);
bool rules_for_excludes(const struct rules_for *f); /* does any of them exclude something */
/* The same rules of the same set? */
bool rules_for_same(const struct rules_for *a, const struct rules_for *b);
/* Do both exclude the same? Then what was armed for one is right for the other. NULL: nothing. */
bool rules_for_same_excludes(const struct rules_for *a, const struct rules_for *b);

/* What is said of a path; NULL where nobody says it. */
struct rules_of_path {
	const struct rule *by[RULE_PATH_PROPS];
};
/* `f` NULL says nothing of anything. */
/* The globs of those that exclude, at most `max`; borrowed from `f`. Returns how many. */
size_t rules_excluded(const struct rules_for *f, struct span *ret, size_t max);
/* Is nothing of the target watched? False where a later rule takes a part of it back. */
bool rules_excludes_all(const struct rules_for *f);
void rules_path(const struct rules_for *f, struct span path, struct rules_of_path *ret);
/* Who excludes the path or a directory above it; NULL: nobody. */
const struct rule *rules_excluder(const struct rules_for *f, struct span path);
static inline bool rules_of_path_says(const struct rules_of_path *p, enum rule_prop prop)
{
	const struct rule *r = p->by[prop];

	return r && (prop == RULE_EXCLUDE	    ? r->exclude
			    : prop == RULE_GROWING  ? r->growing
			    : prop == RULE_WITHHOLD ? r->withhold
						    : true);
}
/* What `growing: true` expects: not what somebody writes at a log's end who has no business there. */
enum { GROWN_BY_DEFAULT = 1 << ORIGIN_WORKLOAD | 1 << ORIGIN_UNKNOWN };
/* The aspects that are no drift there: what type it is, mounts and layers always are. */
uint32_t rules_blind(const struct rules_of_path *p);

struct rule_facts {
	struct span path;
	char kind; /* 0: no change at hand */
	uint32_t aspects;
	const struct record *old, *now; /* NULL: not there */
	enum origin origin;
	uint32_t package; /* bit of package_state; 0: not known, and no rule with `package` fits */
	struct span exe;
	int64_t when; /* wall: what has expired by then says nothing */
};
struct rules_of_change {
	const struct rule *severity, *raise, *expect; /* NULL: nobody */
	const struct rule *hold; /* whose window is open then, or that says false */
};
void rules_change(
	const struct rules_for *f, const struct rule_facts *facts, struct rules_of_change *ret);

/* Calls `fn` for each property and each rule that gives it there, in the order of the properties, the
 * last rule first. `state`: decides; loses; or, with no change at hand (facts->kind 0) or where the
 * change is another, does not fit, and `when` says what it would have to be; closed: its window is not
 * open. */
enum rule_state { RULE_DECIDES, RULE_LOSES, RULE_UNFIT, RULE_EXPIRED, RULE_CLOSED };
typedef void rules_explain_fn(
	void *ctx, enum rule_prop prop, const struct rule *r, enum rule_state state);
void rules_explain(
	const struct rules_for *f, const struct rule_facts *facts, rules_explain_fn *fn, void *ctx);
/* "kind A or C, origin exec": what a change must be for the rule; empty: any. */
void rule_when(const struct rule *r, struct buf *out);
/* "high", "content, mode", "+1", "true" */
void rule_value(const struct rule *r, enum rule_prop prop, struct buf *out);
