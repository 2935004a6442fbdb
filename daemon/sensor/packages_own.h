/* packages_own.h - what packages.c and packages_rpm.c share; nobody else includes it. */
#pragma once

#include "base/arena.h"
#include "daemon/sensor/packages.h"

struct packages_link {
	const char *from;
	struct span to;
};
enum { PACKAGES_LINKS = 7 };
struct packages {
	int root_fd; /* -1: not on disk, but `from` */
	const struct packages_from *from;
	const struct packages_hear *hear;
	struct buf *words;
	bool lost; /* there may be more than was heard of */
	struct arena mem;
	struct packages_link link[PACKAGES_LINKS];
	size_t n_links;
	struct buf path; /* scratch */
};
/* Below the root as if it were the root: over mounts (/var may be one), and no link leads out. */
int packages_open(int root_fd, const char *path, int flags, int *ret_fd);
/* The same of either kind of place: the whole file; is it there? */
int packages_text(const struct packages *p, const char *path, size_t limit, struct buf *out);
bool packages_has(const struct packages *p, const char *path);
/* A sentence more on what could not be read. */
void packages_say(struct packages *p, const char *fmt, ...) PRINTF(2, 3);
/* A whole database that could not be read, for err_why(). */
void packages_lose(struct packages *p, const char *manager);
/* Tells of a file; `dir` and `rel` make up its path, whose slash at the front does not matter. */
void packages_file(struct packages *p, struct span dir, struct span rel, enum package_digest kind,
	const uint8_t *digest, bool config);
static inline bool packages_stopped(const struct packages *p)
{
	return p->hear->stop && atomic_load(p->hear->stop);
}

extern const char *const packages_rpm_paths[];
/* True: it was read. */
bool packages_read_rpm(struct packages *p);
bool packages_read_apk(struct packages *p);
extern const char *const packages_apk_paths[];
