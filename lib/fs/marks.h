/* marks.h - how the layers of a stack say what is deleted, hidden or moved. */
#pragma once

/* Which xattrs are the overlay's own markers: told apart and hidden from the record. */
enum look_marks {
	MARKS_NONE,    /* a plain tree: markers are ordinary xattrs */
	MARKS_TRUSTED, /* trusted.overlay.* */
	MARKS_USER,    /* user.overlay.* (mount option userxattr) */
	MARKS_FUSE,    /* fuse-overlayfs: user.fuseoverlayfs.*, .wh. names, both whiteout forms */
};
