/*
 * err.h - failures with a sentence.
 *
 * A function that can fail returns int: 0 is done, negative is -errno and a failure whose sentence
 * was made where the knowledge is, positive is a named condition of that one function (declared in
 * its header) and not a failure. The sentence lives in a fixed buffer per thread and stays until
 * the next err_*() call on that thread; making one allocates nothing.
 */
#pragma once

#include "base/attr.h"
#include <errno.h>

/* Start a failure. `code` is a negative errno. Returns `code`. */
int err_set(int code, const char *fmt, ...) PRINTF(2, 3);
/* Start a failure from errno: the sentence is "<fmt>: <strerror>". Returns -errno. */
int err_sys(const char *fmt, ...) PRINTF(1, 2);
/* Put words in front of the sentence that is there: "<fmt>: <sentence>". Returns `code`. */
int err_wrap(int code, const char *fmt, ...) PRINTF(2, 3);
/* The sentence of the last failure on this thread; never NULL. */
const char *err_why(void);
