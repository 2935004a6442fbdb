/* Numbers and layouts are the kernel's ABI: they never change, so old headers do not matter. */
#include "base/sys.h"
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_OPENAT2 437
#define NR_STATMOUNT 457
#define NR_LISTMOUNT 458

struct mnt_request {
	uint32_t size, spare;
	uint64_t mnt_id, param, mnt_ns_id;
};
enum { MNT_REQUEST_V0 = 24, MNT_REQUEST_V1 = 32 };

struct mntns_info {
	uint32_t size, n_mounts;
	uint64_t id;
};
#define IOC_MNTNS_ID _IOR(0xb7, 5, uint64_t)
#define IOC_MNTNS_NEXT _IOR(0xb7, 11, struct mntns_info)

_Static_assert(sizeof(struct mnt_request) == MNT_REQUEST_V1, "kernel ABI");
_Static_assert(offsetof(struct sys_statmount, str) == 512, "kernel ABI");

#define IO_IDLE (3 << 13)
enum { IO_WHO_PROCESS = 1 };
int sys_io_idle(void)
{
	return (int)syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_IDLE);
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return (int)syscall(NR_OPENAT2, dirfd, path, &how, sizeof(how));
}

/* The older, shorter request where it says enough: Linux 6.8 to 6.10 refuse the longer one. */
static struct mnt_request request(uint64_t mnt_ns_id, uint64_t mnt_id, uint64_t param)
{
	return (struct mnt_request){
		.size = mnt_ns_id ? MNT_REQUEST_V1 : MNT_REQUEST_V0,
		.mnt_id = mnt_id,
		.param = param,
		.mnt_ns_id = mnt_ns_id,
	};
}

ssize_t sys_listmount(uint64_t mnt_ns_id, uint64_t parent, uint64_t after, uint64_t *ids, size_t n)
{
	struct mnt_request req = request(mnt_ns_id, parent, after);

	return syscall(NR_LISTMOUNT, &req, ids, n, 0);
}

int sys_statmount(
	uint64_t mnt_ns_id, uint64_t mnt_id, uint64_t mask, struct sys_statmount *buf, size_t size)
{
	struct mnt_request req = request(mnt_ns_id, mnt_id, mask);

	return (int)syscall(NR_STATMOUNT, &req, buf, size, 0);
}

int sys_mntns_next(int ns_fd, uint64_t *ret_id)
{
	struct mntns_info info = {.size = sizeof(info)};
	int fd = ioctl(ns_fd, IOC_MNTNS_NEXT, &info);

	if (fd >= 0)
		*ret_id = info.id;
	return fd;
}

int sys_mntns_id(int ns_fd, uint64_t *ret_id)
{
	return ioctl(ns_fd, IOC_MNTNS_ID, ret_id) < 0 ? -1 : 0;
}
