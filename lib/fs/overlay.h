/*
 * overlay.h - an overlay mount's options, read as the kernel prints them.
 * Forms: "lowerdir=a:b,upperdir=u,workdir=w", "lowerdir+=a,lowerdir+=b,datadir+=d", "l1::d" (data
 * only after the double colon), escapes \040 \011 \012 \134 \043 \072 and "\:" "\," inside paths, relative lower
 * paths, flags userxattr, redirect_dir, metacopy, index, volatile / fsync=volatile.
 */
#pragma once

#include "base/buf.h"

struct overlay_options {
	struct buf mem; /* owns all */
	struct span upper, work;
	struct span *lower; /* top first */
	size_t n_lower;
	struct span *data;
	size_t n_data;
	bool user_xattr, metacopy, redirect, is_volatile;
	bool index, no_index; /* as told; neither: the kernel's default, which it does not print */
};
int overlay_parse(struct span options, struct overlay_options *ret); /* -EBADMSG */
void overlay_options_free(struct overlay_options *o);
#define OVERLAY_OPTIONS CLEANUP(overlay_options_free)
/* Undoes mountinfo's octal escapes. */
void overlay_unescape(struct span in, struct buf *out);
