/* config_sinks.h - a sink's address taken apart, and a sink copied out of its configuration. */
#pragma once

#include "daemon/config.h"

enum sink_scheme {
	SINK_TO_NONE, /* an empty address */
	SINK_TO_PATH, /* file: the path itself */
	SINK_TO_UNIX,
	SINK_TO_UDP,
	SINK_TO_TCP,
	SINK_TO_TLS,
	SINK_TO_URL /* http://, https:// */
};
struct sink_address {
	enum sink_scheme scheme;
	char host[256], port[6]; /* UDP, TCP, TLS; an IPv6 address without its brackets */
	const char *path;	 /* PATH, UNIX; borrowed from the text */
};
/* -EINVAL with a sentence. */
int sink_address_parse(const char *text, struct sink_address *ret);

/* A copy that lives in `mem`, whatever becomes of the configuration. */
void config_sink_copy(struct arena *mem, const struct config_sink *from, struct config_sink *to);
/* Do both say the same? */
bool config_sink_same(const struct config_sink *a, const struct config_sink *b);
/* A line for each file that a sink names and that is not there. It may come before it is needed. */
void config_sinks_absent(const struct config *c, struct buf *out);
