/*
 * importing.h - a golden baseline from outside: a file that the gateway hands in, believed in nothing.
 *
 * The file is copied first, so that what is judged is what is written. Then it is read whole (golden/file.h:
 * digests, root, order), its signatures are held against the keys that are trusted here, and its records
 * go to the ledger in slices. Runs on a worker; one at a time.
 */
#pragma once

#include "daemon/sensor/worker.h"

#define IMPORT_MAX (UINT64_C(256) << 20) /* bytes of a file */

struct import_wish {
	int fd; /* taken */
	bool replace, require_signed;
	unsigned accept_signatures; /* how many keys must have signed what it accepts */
	uint32_t uid;
	const char *keys_dir;
	int asker;
	uint32_t ask_id;
	atomic_bool *busy; /* set here; false again when it is over */
};
/* False: another one is under way; nothing is taken. */
bool importing_begin(struct examiner *ex, struct import_wish *wish);

/* For tests: the two halves. A layer's list of records (golden/file.h) as rows in the order in which snapshots are
 * written, in slices that `put` takes. -EBADMSG with a sentence: no tree. */
struct item_golden_rows;
typedef void golden_rows_put(void *ctx, struct item_golden_rows *rows);
int importing_rows(
	struct span records, const uint8_t identity[SHA_LEN], golden_rows_put *put, void *ctx);
