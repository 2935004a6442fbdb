#include "daemon/reloaded.h"
#include "base/clock.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reloaded_now(struct reloaded *r, const char *why)
{
	free(take(r->why));
	r->tried = clock_wall();
	if (why) {
		r->why = strdup(why);
		must(r->why);
	} else {
		r->done = r->tried;
	}
}

void reloaded_fini(struct reloaded *r)
{
	free(take(r->why));
}

/* "FILE:LINE:COLUMN: WHAT": where it begins to be WHAT; 0: it has no place in front. */
static size_t split_place(const char *why, size_t *ret_file, unsigned *line, unsigned *col)
{
	for (const char *c = strchr(why, ':'); c; c = strchr(c + 1, ':')) {
		int n = 0;

		if (c != why && sscanf(c, ":%9u:%9u: %n", line, col, &n) == 2 && n) {
			*ret_file = (size_t)(c - why);
			return *ret_file + (size_t)n;
		}
	}
	return 0;
}

void reloaded_show(struct json *j, const struct reloaded *r)
{
	unsigned line = 0, col = 0;
	size_t file = 0, at = r->why ? split_place(r->why, &file, &line, &col) : 0;

	json_open(j, '{');
	if (at)
		json_m_uint(j, "column", col);
	if (r->why)
		json_m_str(j, "error", span_of(r->why + at));
	if (at) {
		json_m_str(j, "file", span_make(r->why, file));
		json_m_uint(j, "line", line);
	}
	json_m_bool(j, "ok", !r->why);
	json_m_time(j, "since", r->done);
	json_m_time(j, "tried", r->tried);
	json_close(j, '}');
}
