/* sys.h - system calls and constants that this libc does not wrap. Each returns -1 and errno. */
#pragma once

#include "base/attr.h"
#include <linux/openat2.h>
#include <sys/types.h>

/* The calling thread reads and writes when nobody else does. */
int sys_io_idle(void);

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* listmount(2)/statmount(2), Linux 6.8; mount namespace argument and options 6.11. */
#define SYS_LISTMOUNT_ROOT UINT64_MAX
ssize_t sys_listmount(uint64_t mnt_ns_id, uint64_t parent, uint64_t after, uint64_t *ids, size_t n);
/* `mask`: STATMOUNT_* of <linux/mount.h>, repeated here for old headers. */
#define SYS_STATMOUNT_SB_BASIC 0x1u
#define SYS_STATMOUNT_MNT_BASIC 0x2u
#define SYS_STATMOUNT_PROPAGATE_FROM 0x4u
#define SYS_STATMOUNT_MNT_ROOT 0x8u
#define SYS_STATMOUNT_MNT_POINT 0x10u
#define SYS_STATMOUNT_FS_TYPE 0x20u
#define SYS_STATMOUNT_MNT_OPTS 0x80u
struct sys_statmount {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t mnt_ns_id;
	uint32_t fs_subtype, sb_source, opt_num, opt_array, opt_sec_num, opt_sec_array;
	uint64_t spare[46];
	char str[];
};
int sys_statmount(
	uint64_t mnt_ns_id, uint64_t mnt_id, uint64_t mask, struct sys_statmount *buf, size_t size);
/* The next mount namespace after `ns_fd`'s; fills its id; returns an fd, -1/ENOENT at the end. */
int sys_mntns_next(int ns_fd, uint64_t *ret_id);
/* The 64-bit id of the mount namespace that ns_fd is. */
int sys_mntns_id(int ns_fd, uint64_t *ret_id);
