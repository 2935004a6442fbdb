/*
 * facts.h - what an event says, asked for by name: the half that all formats share.
 *
 * facts_read() takes the canonical text apart once. A fact is named by its dotted place in the
 * event ("change.new.sha256"); `container` stands for `target` where that is a container, `tree`
 * where it is a volume or a tree of the host. The texts of an event are valid UTF-8 (jnode_read() sees
 * to that), but hostile: every format escapes them by its own rules.
 */
#pragma once

#include "model/kinds.h"
#include "wire/jnode.h"

/* What kind of thing happened: one row per event type, and per kind of a change. The ECS words are
 * lists with commas. */
struct shape {
	enum event_type type;
	char kind;	    /* of the change; 0: any */
	const char *id;	    /* MSGID, Signature ID, EventID: never renamed */
	const char *name;   /* in words, a constant */
	const char *action; /* one word */
	const char *ecs_kind, *ecs_category, *ecs_type;
	uint16_t ocsf_class;
	uint8_t ocsf_activity; /* 99: other */
	const char *sentence;  /* template of facts_say() */
};

const struct shape *shape_find(enum event_type type, struct span change_kind);

struct facts {
	struct arena mem; /* of `root`, and of documents made of it */
	struct jnode *root;
	struct span text; /* borrowed, by `root` too */
	const struct shape *shape;
	enum severity severity;
	int64_t time;
	uint64_t seq;
	struct span id, host; /* in root */
	bool alert;	      /* worth somebody's attention: see facts_read() */
	bool has_bytes;	      /* some path is not UTF-8 and has a sister "…_b64" */
};
#define FACTS CLEANUP(facts_free)
void facts_free(struct facts *f);
/* -EBADMSG with a sentence when it is no event: JSON, schema, seq, id, time, host, type, severity.
 * What else is missing or of another type is not there. `redact`: command lines are not there.
 * It is an alert when its severity is high or worse and no rule expects it. */
int facts_read(struct span event, bool redact, struct facts *ret);

/* A text of the event; empty when there is none or it is no text. */
struct span facts_text(const struct facts *f, const char *place);

/* A fact as text formats have it. Lives as long as `f` and the scratch it was made in. */
struct value {
	bool is_number;
	int64_t number;
	struct span text; /* any bytes: a path's own ones, where it is not UTF-8 */
};
/* What is made of the value at a place. */
enum how {
	HOW_PLAIN,  /* as it is; lists with commas, command lines with spaces between */
	HOW_WORD,   /* a number as text */
	HOW_NAME,   /* a path's last part */
	HOW_DIR,    /* what is before it */
	HOW_EXT,    /* what follows the name's last point */
	HOW_REPO,   /* an image's name without tag and digest */
	HOW_TAG,    /* its tag */
	HOW_MS,	    /* a time as milliseconds since the epoch */
	HOW_COMMS,  /* the names of a list of processes */
	HOW_POD,    /* namespace/name of a pod */
	HOW_ACTION, /* the shape's action, where there is anything at the place */
};
/* False: there is none. facts_value_of(): where the value at the place is at hand already. */
bool facts_value(const struct facts *f, const char *place, enum how how, struct buf *scratch,
	struct value *ret);
bool facts_value_of(const struct facts *f, const char *place, const struct jnode *v, enum how how,
	struct buf *scratch, struct value *ret);

/* One row per fact: its place, and its name in the formats that have flat names. NULL: it has none
 * there. "csN:label" in CEF is a custom string with its label; "name[]" is a list of one. Rows are in order of weight: where
 * room is short the last are left out first. */
enum {
	FIELDS_MAX = 160,
	FIELDS_FLOOR = 5
}; /* the first rows, id, seq and path, are never left out */
enum flat { FLAT_RFC5424, FLAT_CEF, FLAT_LEEF, FLAT_ECS, FLAT_FALCO, FLAT_N };
struct field {
	const char *place;
	enum how how;
	const char *names[FLAT_N];
};
extern const struct field fields[];
extern const size_t n_fields;
/* Steps through the rows that this event has in a format, each name once. All-zero to begin. */
struct field_step {
	size_t next;
	const struct field *field;
	const char *name;
	struct value value; /* until the next step */
	struct place_cache {
		const char *place; /* of an object, without what follows its dot */
		size_t n;
		const struct jnode *v;
	} near[4];     /* rows that follow one another ask for the same objects */
	uint64_t seen; /* which names can have been, so that most need not be looked for */
	const char *before[FIELDS_MAX];
	size_t n_before;
};
bool field_next(struct field_step *s, const struct facts *f, enum flat column, struct buf *scratch);

/* The rows as members of a document: at dotted places, or with names that have dots in them where
 * `flat`. The bytes of a path that is not UTF-8 stand beside it as boltseal.<name>_b64. */
void facts_fill(const struct facts *f, enum flat column, bool flat, struct jnode *root);

/* Visible text of any bytes: controls, what is not UTF-8 and what turns text around become \xNN;
 * a backslash that could be taken for the beginning of such an escape becomes \x5c. So the bytes
 * can be had back. */
void facts_visible(struct buf *out, struct span raw);
/* At most `max` bytes of valid UTF-8, cut where a letter ends. */
struct span facts_cut(struct span text, size_t max);
/* The sentence for people, visible text, one line. */
void facts_say(const struct facts *f, struct buf *out);
