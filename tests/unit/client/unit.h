/* unit.h - what the tests of this room share. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A literal with its length: it may hold NUL. */
#define ROW(s)                                                                                     \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
