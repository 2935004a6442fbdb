/*
 * docker.h - the dialect of the Docker Engine API that `docker ps`, `docker diff` and `docker
 * version` speak; measured against the clients 20.10 and 28.2.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "model/target.h"

#define DOCKER_API "1.44" /* clients of both generations take it without falling back */
#define DOCKER_API_MINOR 44
#define DOCKER_API_MIN "1.24"

/* The 13 fields of one item of /containers/json. `now`: wall ns. */
void docker_container(struct json *j, const struct target *t, int64_t now);
void docker_version(struct json *j, const char *version);
void docker_message(struct json *j, const char *sentence);

/* The list of /containers/NAME/changes: collect, then write. Every directory above a change is
 * there as changed, as docker diff has it; in byte order; nothing at all is `null`. */
struct docker_changes {
	struct arena mem;
	struct docker_change *item;
	size_t n, cap;
};
#define DOCKER_CHANGES CLEANUP(docker_changes_free)
void docker_changes_free(struct docker_changes *l);
void docker_changes_add(struct docker_changes *l, struct span path, char kind); /* A, C or D */
void docker_changes_show(struct json *j, struct docker_changes *l);
