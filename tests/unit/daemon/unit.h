/* unit.h - what these tests share. They run from the top of the tree. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>

/* The sentence, when something failed that should not have. */
#define ok(x)                                                                                      \
	do {                                                                                       \
		int ok_ = (x);                                                                     \
		if (ok_ < 0)                                                                       \
			fail_msg("%s: %s", #x, err_why());                                         \
		assert_int_equal(ok_, 0);                                                          \
	} while (0)

static inline void slurp(const char *path, struct buf *out)
{
	ok(fd_read_file(AT_FDCWD, path, 1 << 21, out));
}
