#include "cli/host.h"
#include "base/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

enum { KINDS_MAX = 64, FILE_MAX = 65536, MOUNTS_MAX = 64 << 20 };

/* Small files that say the same to everybody who may log in. */
static const char *const files[] = {"/etc/os-release", "/proc/sys/kernel/osrelease",
	"/sys/kernel/security/lsm", "/proc/sys/kernel/yama/ptrace_scope",
	"/proc/sys/fs/fanotify/max_user_marks", "/proc/sys/fs/fanotify/max_user_groups",
	"/proc/sys/fs/fanotify/max_queued_events", "/proc/sys/fs/inotify/max_user_watches",
	"/proc/sys/fs/inotify/max_user_instances", "/proc/sys/fs/file-nr", "/proc/pressure/memory",
	"/proc/pressure/io", "/proc/pressure/cpu", "/proc/uptime", "/proc/loadavg"};
/* Lines of the status of our own processes. */
static const char *const lines[] = {"Name:", "State:", "Pid:", "PPid:", "Uid:", "Gid:", "VmPeak:",
	"VmRSS:", "VmSwap:", "Threads:", "CapEff:", "CapAmb:", "NoNewPrivs:", "Seccomp:", "NSpid:"};

static void add_file(struct buf *out, const char *path)
{
	BUF struct buf text = {0};

	buf_printf(out, "--- %s\n", path);
	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text) < 0)
		buf_printf(out, "(%s)\n", strerror(errno));
	else
		buf_add_span(out, buf_span(&text));
	if (out->n && out->p[out->n - 1] != '\n')
		buf_u8(out, '\n');
}

/* How many mounts there are of each kind; their places are nobody's business. */
static void add_mounts(struct buf *out)
{
	struct {
		struct span kind;
		unsigned n;
	} kinds[KINDS_MAX] = {{{0}, 0}};
	BUF struct buf text = {0};
	const char *line;

	buf_add_text(out, "--- mounts by file system\n");
	if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text) < 0)
		return;
	for (line = buf_text(&text); (line = strstr(line, " - "));) {
		struct span kind = span_make(line + 3, strcspn(line + 3, " \n"));
		size_t i = 0;

		while (i < KINDS_MAX - 1 && kinds[i].n && !span_eq(kinds[i].kind, kind))
			i++;
		kinds[i].kind = kind;
		kinds[i].n++;
		line += 3 + strcspn(line + 3, "\n");
	}
	for (size_t i = 0; i < KINDS_MAX && kinds[i].n; i++)
		buf_printf(out, "%u %.*s\n", kinds[i].n, (int)kinds[i].kind.n,
			(const char *)kinds[i].kind.p);
}

static void add_status(struct buf *out, const char *pid)
{
	BUF struct buf path = {0}, text = {0}, limits = {0};
	const char *line;

	buf_printf(&path, "/proc/%s/status", pid);
	if (fd_read_file(AT_FDCWD, buf_text(&path), FILE_MAX, &text) < 0 ||
		!span_starts(buf_span(&text), span_of("Name:\tboltseald\n")))
		return;
	buf_printf(out, "--- process %s\n", pid);
	for (line = buf_text(&text); *line; line += strcspn(line, "\n"), line += *line == '\n')
		for (size_t i = 0; i < COUNTOF(lines); i++)
			if (strncmp(line, lines[i], strlen(lines[i])) == 0)
				buf_add(out, line, strcspn(line, "\n") + 1);
	buf_reset(&path);
	buf_printf(&path, "/proc/%s/limits", pid);
	if (fd_read_file(AT_FDCWD, buf_text(&path), FILE_MAX, &limits) == 0)
		buf_add_span(out, buf_span(&limits));
}

static void add_processes(struct buf *out)
{
	DIR *d = opendir("/proc");

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			add_status(out, e->d_name);
	if (d)
		closedir(d);
}

void host_describe(struct buf *out)
{
	struct utsname u;

	if (uname(&u) == 0)
		buf_printf(out, "%s %s %s %s\n", u.sysname, u.release, u.version, u.machine);
	for (size_t i = 0; i < COUNTOF(files); i++)
		add_file(out, files[i]);
	add_mounts(out);
	add_processes(out);
}
