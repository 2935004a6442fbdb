/*
 * Landlock by its system calls, for the gateway: what the configuration names, what libraries need, and
 * nothing else of the file system. Directories are named rather than files wherever files are replaced by
 * new ones (configuration, certificates, rotated logs).
 *
 * LMDB's lock file is named itself: the store's other files stay unwritable even where the sensor is
 * the same user. A sensor that made a new one lets the gateway fail to open it; it begins anew then.
 */
#include "base/err.h"
#include "base/fd.h"
#include "daemon/wall.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* Newer headers than ours have them all; the kernel's numbers stay. */
#define EXECUTE (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE (1ULL << 2)
#define READ_DIR (1ULL << 3)
#define REMOVE_FILE (1ULL << 5)
#define MAKE_REG (1ULL << 8)
#define TRUNCATE (1ULL << 14)
#define FS_ABI1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)	  /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | FS_IOCTL_DEV)
#define BIND_TCP 1ULL	    /* ABI 4 */
#define CONNECT_TCP 2ULL    /* ABI 4 */
#define SCOPE_ABSTRACT 1ULL /* ABI 6 */
#define SCOPE_SIGNAL 2ULL   /* ABI 6 */
#define VERSION 1U
#define PATH_BENEATH 1

struct ruleset {
	uint64_t fs, net, scoped;
};
struct beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));
struct making {
	int fd;
	uint64_t handled;
};

#define SEE (READ_FILE | READ_DIR)
static const struct {
	const char *path;
	uint64_t rights;
} always[] = {
	/* name services, authorities, time zones, libraries */
	{"/etc", SEE},
	{"/usr", SEE},
	{"/lib", SEE},
	{"/lib64", SEE},
	{"/nix/store", SEE},
	{"/gnu/store", SEE},
	{"/var/lib/ca-certificates", SEE},
	{"/var/lib/sss", SEE},
	{"/var/lib/extrausers", SEE},
	{"/run/systemd", SEE},
	{"/run/host", SEE},
	{"/run/nscd", SEE},
	{"/run/resolvconf", SEE},
	{"/run/NetworkManager", SEE},
	{"/run/netconfig", SEE},
	{"/run/connman", SEE},
	/* who a client is; of other users' processes only what everybody sees */
	{"/proc", SEE},
	{"/sys/devices/system/cpu", SEE},
	{"/dev/null", READ_FILE | WRITE_FILE},
	{"/dev/zero", READ_FILE},
	{"/dev/random", READ_FILE},
	{"/dev/urandom", READ_FILE},
};

/* What is not there is nothing to allow. */
static int allow(const struct making *m, const char *path, uint64_t rights)
{
	FD int fd = path && *path ? open(path, O_PATH | O_CLOEXEC) : -1;
	struct beneath rule = {.allowed = rights & m->handled, .fd = fd};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	if (!rule.allowed)
		return 0;
	if (syscall(SYS_landlock_add_rule, m->fd, PATH_BENEATH, &rule, 0) < 0)
		return err_sys("landlock: %s", path);
	return 0;
}

/* The directory that a file lies in. */
static int allow_around(const struct making *m, const char *file, uint64_t rights)
{
	FREE char *dir = file && file[0] == '/' ? strdup(file) : NULL;
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash || slash == dir) /* a file in / itself is the one that is there */
		return slash ? allow(m, file, rights) : 0;
	*slash = 0;
	return allow(m, dir, rights);
}

static int allow_sink(const struct making *m, const struct config_sink *s)
{
	const char *const files[] = {s->tls.ca, s->tls.cert, s->tls.key, s->tls.crl, s->token_file};
	int r = 0;

	for (size_t i = 0; i < COUNTOF(files) && r == 0; i++)
		r = allow_around(m, files[i], SEE);
	return r;
}

static int allow_store(const struct making *m, const struct wall_gateway *w)
{
	char lock[4096];
	int r = allow(m, w->state_dir, SEE);

	snprintf(lock, sizeof(lock), "%s/lock.mdb", w->state_dir);
	if (r == 0)
		r = allow(m, lock, READ_FILE | WRITE_FILE | TRUNCATE);
	if (r == 0)
		r = allow(m, w->sinks_dir, SEE | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE);
	return r;
}

static int allow_configured(
	const struct making *m, const struct wall_gateway *w, const struct config_list *files)
{
	int r = allow_around(m, w->config->file, SEE);

	if (r == 0)
		r = allow(m, w->config->rules_dir, SEE);
	for (size_t i = 0; i < w->config->n_sinks && r == 0; i++)
		r = allow_sink(m, &w->config->sinks[i]);
	for (size_t i = 0; i < files->n && r == 0; i++)
		r = allow(m, files->v[i], SEE | WRITE_FILE | TRUNCATE | MAKE_REG);
	return r == 0 ? allow_around(m, w->own_socket, REMOVE_FILE) : r;
}

/* What this kernel can refuse; what it does not know it would not take. */
static struct ruleset handled_by(int abi, bool network)
{
	const char *manager = getenv("NOTIFY_SOCKET");
	struct ruleset s = {.fs = FS_ABI1};

	s.fs |= abi >= 2 ? FS_REFER : 0;
	s.fs |= abi >= 3 ? FS_TRUNCATE : 0;
	s.fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
	s.net = abi >= 4 ? BIND_TCP | (network ? 0 : CONNECT_TCP) : 0;
	if (abi >= 6)
		s.scoped = SCOPE_SIGNAL | (manager && manager[0] == '@' ? 0 : SCOPE_ABSTRACT);
	return s;
}

int wall_landlock(
	const struct wall_gateway *w, const struct config_list *files, bool network, int *ret_abi)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION), r = 0;
	struct ruleset set = handled_by(abi, network);
	FD int fd = -1;
	struct making m;

	if (abi < 1)
		return err_set(-EOPNOTSUPP, "this kernel has no Landlock (%s)", strerror(errno));
	fd = (int)syscall(SYS_landlock_create_ruleset, &set,
		abi >= 6   ? sizeof(set)
		: abi >= 4 ? 2 * sizeof(uint64_t)
			   : sizeof(uint64_t),
		0);
	if (fd < 0)
		return err_sys("landlock");
	m = (struct making){fd, set.fs};
	for (size_t i = 0; i < COUNTOF(always) && r == 0; i++)
		r = allow(&m, always[i].path, always[i].rights);
	if (r == 0)
		r = allow_store(&m, w);
	if (r == 0)
		r = allow_configured(&m, w, files);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_sys("landlock");
	*ret_abi = abi;
	return 0;
}
