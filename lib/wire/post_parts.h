/* post_parts.h - what the files of the module post share. */
#pragma once

#include "wire/jansson.h"
#include "wire/jnode.h"
#include "wire/post.h"

/* An event on its way into a body. */
struct post_item {
	const struct post_event *event;
	struct arena mem;
	struct jnode *root; /* the event, read; NULL where the profile asks for no facts */
	struct buf text;    /* the event, formatted */
	bool is_json;	    /* `text` is a JSON object */
};
/* The formatted event as a JSON value: the object, or a string. */
void post_item_value(struct json *j, const struct post_item *it);
struct span post_item_host(const struct post_item *it);

/* Calls `fn` with each of the configured labels, then with those of ours that are not among them
 * and not empty. */
struct post_label {
	const char *name;
	struct span value;
};
void post_labels(const struct post_options *o, const struct post_label *ours, size_t n,
	void (*fn)(struct json *j, const struct post_label *l), struct json *j);

typedef void post_body_fn(
	const struct post_options *o, const struct post_item *v, size_t n, struct buf *out);
post_body_fn post_body_generic, post_body_hec, post_body_bulk, post_body_loki, post_body_otlp;

/* Reads an answer whose status says that it was taken. The result is all zero but for `why`. */
typedef void post_taken_fn(
	const struct post_answer *a, const struct post_event *v, size_t n, struct post_result *ret);
post_taken_fn post_taken_generic, post_taken_hec, post_taken_bulk, post_taken_loki, post_taken_otlp;

/* Reads one that was not, after the status had its say; may make it more exact. */
typedef void post_failed_fn(const struct post_answer *a, size_t n, struct post_result *ret);
post_failed_fn post_failed_hec, post_failed_bulk, post_failed_otlp;

/* Sets verdict and sentence. `theirs` is quoted and cut and put behind it when not empty. */
void post_say(struct post_result *ret, enum post_verdict verdict, struct span theirs,
	const char *fmt, ...) PRINTF(4, 5);
/* The body as a JSON object; NULL when it is none. The caller's to decref. */
json_t *post_object(const struct post_answer *a);
/* Bad data: of one event it is a refusal, of more a reason to send fewer. */
void post_bad_data(struct post_result *ret, size_t n, struct span theirs, const char *what);
void post_status(const struct post_answer *a, size_t n, int64_t now, struct post_result *ret);

/* post_fields.c: the facts of an event under the names that receivers know. */
enum post_names { NAMES_OTEL, NAMES_CIM, NAMES_LOKI, NAMES_N };
enum post_type { POST_TEXT, POST_NUMBER, POST_TRUTH, POST_LIST };
struct post_field {
	const char *name;
	enum post_type type;
	struct span text; /* of POST_TEXT, and of the others as text */
	int64_t number;	  /* POST_NUMBER, POST_TRUTH */
};
/* Calls `fn` for each fact that the event has. `redact` leaves command lines out. What is handed
 * over is borrowed for the call. */
void post_fields(const struct post_item *it, enum post_names names, bool redact,
	void (*fn)(void *ctx, const struct post_field *f), void *ctx);
