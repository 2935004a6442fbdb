/* place.h - a real directory for a store, and the few things all tests of this room do with one. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "store/env.h"

struct place {
	char dir[200];
	struct store *s;
};

/* Fails the test with the sentence, not with a number. */
#define ok(x)                                                                                      \
	do {                                                                                       \
		int ok_ = (x);                                                                     \
		if (ok_)                                                                           \
			fail_msg("%s: %d: %s", #x, ok_, ok_ < 0 ? err_why() : "a condition");      \
	} while (0)
#define fails(x, code) assert_int_equal(x, code)
#define says(words)                                                                                \
	do {                                                                                       \
		if (!strstr(err_why(), words))                                                     \
			fail_msg("\"%s\" does not say \"%s\"", err_why(), words);                  \
	} while (0)

static inline void place_make(struct place *p)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(p->dir, sizeof(p->dir), "%s/boltseal-store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	p->s = NULL;
}

static inline void place_remove(struct place *p)
{
	static const char *const names[] = {"data.mdb", "lock.mdb", "writer.lock"};
	char path[300];

	store_close(take(p->s));
	for (size_t i = 0; i < COUNTOF(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		unlink(path);
	}
	rmdir(p->dir);
}

static inline struct store_options place_options(void)
{
	return (struct store_options){.map_size = 64 << 20, .dir_gid = -1, .no_sync = true};
}

static inline void place_open(struct place *p)
{
	struct store_options opt = place_options();

	ok(store_open(&p->s, p->dir, STORE_WRITE, &opt));
}

static inline void place_reopen(struct place *p)
{
	store_close(take(p->s));
	place_open(p);
}

/* cmocka's set-up and tear-down: a fresh store for every test. */
static UNUSED int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	place_make(p);
	place_open(p);
	*state = p;
	return 0;
}

static UNUSED int place_teardown(void **state)
{
	place_remove(*state);
	free(*state);
	return 0;
}

static inline struct txn *writing(struct place *p)
{
	struct txn *t;

	ok(txn_begin(p->s, true, &t));
	return t;
}

static inline struct txn *reading(struct place *p)
{
	struct txn *t;

	ok(txn_begin(p->s, false, &t));
	return t;
}

static inline struct span S(const char *s) {
	return span_of(s);
}

#define is_text(s, words) assert_true(span_is(s, words))
