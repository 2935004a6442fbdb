/* tar_limits.h - what an entry of an archive may be at most. */
#pragma once

enum { TAR_PATH_MAX = 4096, TAR_PAX_MAX = 1 << 20, TAR_XATTRS_MAX = 1024 };
