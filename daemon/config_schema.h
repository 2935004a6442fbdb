/* config_schema.h - what config.c, config_set.c and config_print.c share about the rows. */
#pragma once

#include "daemon/config.h"
#include "policy/yaml.h"

const struct config_option *option_find(struct span name); /* NULL: none of that name */
/* Is the row directly in `scope`: "" (the file itself, with its sections) or "host[]." ? */
bool option_in_scope(const struct config_option *o, const char *scope);
bool option_is_section(struct span name); /* are there rows "name.…"? */

/* So that reading it gives the same number again: the largest units that divide it. */
void option_print_size(struct buf *out, uint64_t bytes);
void option_print_time(struct buf *out, int64_t ns);

/* config_set.c: what a mapping says goes into `base`; `scope` as above or "watch.". */
struct config_source {
	const char *file;
	struct arena *mem; /* of the configuration: texts live there */
};
int config_set_map(
	const struct config_source *src, const struct node *map, struct span scope, void *base);
/* Every row of the scope gets its default. They are ours: a bad one is a programmer's mistake. */
void config_set_defaults(struct arena *mem, const char *scope, void *base);
/* "file:line:column: <what>" */
int config_refuse(const struct config_source *src, const struct node *at, const char *fmt, ...)
	PRINTF(3, 4);

/* Do two mappings of a row's scope say the same in it? */
bool config_option_same(const struct config_option *o, const void *a, const void *b);

/* config_sinks.c: what must hold within a sink and between them. config_fit.c: that it has no key
 * that its type or profile does not know. */
struct sink_address;
int config_check_sinks(
	const struct config *c, const struct config_source *src, const struct node *root);
int config_check_fit(const struct config_source *src, const struct node *at,
	const struct config_sink *s, const struct sink_address *a);
