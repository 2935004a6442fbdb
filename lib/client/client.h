/* client.h - what the files of this room share: the handle, and building paths. */
#pragma once

#include "base/buf.h"
#include "boltseal.h"

struct boltseal {
	char *socket;
	int fd; /* -1: not connected */
	int patience;
	char why[1024];
};

/* Paths with a query: url_add() turns the first `?`, the rest `&`; NULL values are left out. */
struct url {
	struct buf text;
	bool has_query;
};
#define URL CLEANUP(url_fini)
static inline void url_fini(struct url *u)
{
	buf_free(&u->text);
}
/* `noun` "" or "/drift": "/v1/targets/{target}{noun}". */
void url_target(struct url *u, const char *target, const char *noun);
void url_add(struct url *u, const char *key, const char *value);

/* A POST whose body is a file, from where it stands. */
struct upload {
	int fd;
	unsigned long long size;
	boltseal_sent *fn; /* NULL: nobody asks how far it is */
	void *arg;
};
int client_upload(struct boltseal *h, const char *path, const struct upload *file,
	struct boltseal_reply *reply);

/* Keeps the thread's sentence in the handle. Returns `code`. */
int client_fail(struct boltseal *h, int code);
/* An answer of our own making, where no daemon was asked: JSON, status 200. Takes the text. Returns 0. */
int client_answer(struct buf *text, struct boltseal_reply *reply);
