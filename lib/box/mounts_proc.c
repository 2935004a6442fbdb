/* Mount tables and namespaces as every kernel tells them: /proc/PID/mountinfo, /proc/PID/ns/mnt. */
#include "box/mounts_how.h"
#include "base/err.h"
#include "base/fd.h"
#include "box/proc.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

enum { MOUNTINFO_MAX = 64 << 20 };

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int mounts_proc_pid(int pid, struct mounts *ret)
{
	BUF struct buf text = {0};
	char path[48] = "/proc/self/mountinfo";
	int r;

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	r = fd_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &text);
	if (r == -ENOENT || r == -EINVAL) /* EINVAL: it ended, its namespace is gone */
		return err_set(-ESRCH, "process %d is gone", pid);
	if (r < 0)
		return r;
	/* A process that has ended but is not reaped has an empty table. */
	if (!text.n)
		return err_set(-ESRCH, "process %d has ended", pid);
	return mounts_parse(buf_span(&text), ret, NULL);
}

static int pid_of(const char *name)
{
	int pid = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9' || pid > 100000000)
			return 0;
		pid = pid * 10 + (*name - '0');
	}
	return pid;
}

int namespaces_proc(struct namespaces *ret)
{
	CLEANUP(closedir_p) DIR *proc = opendir("/proc");
	const struct dirent *e;

	if (!proc)
		return err_sys("/proc");
	while ((e = readdir(proc))) {
		int pid = pid_of(e->d_name);
		uint64_t inode = pid ? proc_mnt_ns(pid) : 0;

		if (inode)
			namespaces_add(ret, inode)->pid = pid;
	}
	return 0;
}
