/*
 * dpkg.h - dpkg's database as text: its status file, a package's md5sums and list, the diversions. dpkg(1),
 * deb-md5sums(5), dpkg-divert(1). Each call takes one thing off the front of `rest`; what is malformed is
 * passed over. Spans borrow from the text. No file, no memory; any bytes do.
 */
#pragma once

#include "base/span.h"

enum { MD5_LEN = 16 };

struct dpkg_package {
	struct span name, arch, version, source;
	bool stated;	/* it has a Status: what lies in status.d has none, and is installed */
	bool installed; /* its files are there; it may be half configured */
	struct span conffiles; /* for dpkg_conffile() */
};
/* False: no more. */
bool dpkg_package(struct span *rest, struct dpkg_package *ret);

struct dpkg_file {
	struct span path; /* without a leading slash */
	uint8_t md5[MD5_LEN];
};
/* Those that are obsolete or never were installed are passed over. */
bool dpkg_conffile(struct span *rest, struct dpkg_file *ret);
bool dpkg_md5sum(struct span *rest, struct dpkg_file *ret);
/* Of a package's list: files, and directories and links too. Without a leading slash. */
bool dpkg_listed(struct span *rest, struct span *ret_path);

struct dpkg_diversion {
	struct span from, to; /* without a leading slash */
	struct span package;  /* whose own file stays where it is; ":" nobody's */
};
bool dpkg_diversion(struct span *rest, struct dpkg_diversion *ret);
