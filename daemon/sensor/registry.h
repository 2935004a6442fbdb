/*
 * registry.h - what is kept, and how it follows what is there: containers as the finder sees them,
 * their volumes, host trees from the configuration. Runs on the loop.
 */
#pragma once

#include "box/find.h"
#include "box/whose.h"
#include "daemon/sensor/kept.h"
#include "daemon/sensor/watch.h"

struct sensor;

struct cover {
	struct cover *next;
	uint64_t mount_id;
	char *point;
	bool seen;
};
struct reg {
	struct reg *next;
	struct kept *kept;
	uint32_t root_id;    /* the watch's name for its upper directory or tree */
	enum level level;
	enum target_state state;
	struct buf desc;     /* as last told to the ledger: encoded, no == 0 */
	uint64_t mnt_ns;
	uint32_t dev_major, dev_minor;
	uint32_t pid;
	char *merged;
	int mounts_fd;	     /* its process's mountinfo, polled for changes; -1 */
	struct cover *covers;
	bool seen;	     /* in the look under way */
	bool scan_when_stored; /* a tree whose own snapshot is being taken */
	int64_t next_sweep;  /* monotonic */
};
struct layer_row {
	struct layer_row *next;
	struct lower *lower;
	uint32_t root_id;
	unsigned users;
};
struct registry {
	struct reg *regs;
	struct layer_row *layers;
	uint32_t next_id;
	struct whose_row *rows; /* for actors: rebuilt after each look */
	size_t n_rows;
	bool first_look;	/* what runs already at the first look is late */
};

/* Looks at everything and follows: new, changed, stopped, removed. */
void registry_look(struct sensor *s);
/* Host trees, and what the store knows and is not there any more: at the start. */
void registry_start(struct sensor *s);
struct reg *registry_by_id(struct registry *r, struct span id);
struct reg *registry_by_root(struct registry *r, uint32_t root_id);
struct layer_row *registry_layer_by_root(struct registry *r, uint32_t root_id);
void registry_free(struct sensor *s);
