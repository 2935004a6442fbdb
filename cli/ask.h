/* ask.h - an answer of the daemon as JSON, or one line on stderr that says why there is none. */
#pragma once

#include "base/clock.h"
#include "cli/cli.h"

static inline void json_unref(json_t **j)
{
	json_decref(*j);
}
#define JSON CLEANUP(json_unref)

/* What a call of boltseal.h returned, looked at: 0 when it brought a status of 200..299, else
 * EXIT_TROUBLE, said. */
int ask_check(struct cli *c, int r);
/* The same, and the answer parsed; the caller frees it. */
int ask_json(struct cli *c, int r, json_t **ret);
/* Says what the error answer in c->reply says. Returns EXIT_TROUBLE. `what` may be NULL. */
int ask_problem(struct cli *c, const char *what);

/* Members, tolerant of what is missing or of another type. */
struct span get_text(const json_t *o, const char *key);			  /* empty */
struct span get_path(const json_t *o, const char *key, struct buf *room); /* raw bytes, b64 first */
int64_t get_int(const json_t *o, const char *key);			  /* 0 */
bool get_true(const json_t *o, const char *key);  /* true only when it says so */
bool get_false(const json_t *o, const char *key); /* false only when it says so */
/* "2026-11-23T22:14:05Z"; "-" when there is none. */
void add_time(struct buf *out, struct span rfc3339);
/* "exe[pid] uid 0 exec", quoted; "unknown (why)" */
void add_actor(struct cli *c, struct buf *out, const json_t *actor);
/* The member `cmdline` of an actor or session, its arguments apart by blanks. */
void add_cmdline(struct cli *c, struct buf *out, const json_t *of);
/* " (rule NAME)", " (expected by the rule NAME: why)"; nothing where there is none. */
/* " (not what package NAME VERSION has)", " (package NAME VERSION, modified)"; nothing where it is none. Of
 * what no package has only a new program is worth the words. */
void add_package(struct cli *c, struct buf *out, const json_t *change);
/* "package NAME VERSION (modified)", "not owned by any package" */
void add_package_words(struct cli *c, struct buf *out, const json_t *package);
void add_rule(struct cli *c, struct buf *out, const json_t *rule);
void add_id(struct buf *out, struct span id); /* hex, or quoted */
/* The strings of an array, quoted, apart by `between`. */
void add_list(struct cli *c, struct buf *out, const json_t *array, const char *between);
/* A time as people write it -> RFC 3339 in `out`. 0 or EXIT_TROUBLE, said. `what`: the option. */
int time_option(const char *what, const char *value, bool ahead, struct buf *out);
/* A path of a target: absolute, without a slash at its end, in `out`. 0 or EXIT_TROUBLE, said. */
int path_word(const char *word, struct buf *out);
