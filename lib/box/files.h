/*
 * files.h - runtime files read once and again only when they changed (stat). For this room only.
 *
 * What is borrowed lives until files_sweep(). A file that cannot be read or parsed is told in
 * `notes` once per change, without its content: a rootless user writes some of these files.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include <jansson.h>

struct files;
int files_new(struct files **ret);
void files_free(struct files *f);
/* `keep`: NULL, or the members to remember as "a.b.c", ended by NULL: state files are large. */
const json_t *files_json(
	struct files *f, const char *path, const char *const *keep, struct buf *notes);
/* A short text file without its last line ends; empty when there is none. */
struct span files_text(struct files *f, const char *path, struct buf *notes);
/* Forgets what was not asked for since the last sweep. */
void files_sweep(struct files *f);

/* JSON by dotted path; empty when it is not there or not a string. */
struct span json_text_at(const json_t *root, const char *dotted);
const json_t *json_at(const json_t *root, const char *dotted);
