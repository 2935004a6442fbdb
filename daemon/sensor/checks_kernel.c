/* What the kernel allows, and how near its and the service's limits we are. */
#include "daemon/sensor/checks.h"
#include "base/fd.h"
#include "daemon/self.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/watch_probe.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

enum { PERCENT_FULL = 80, PERCENT_MEMORY = 90, PRESSED = 10, FILES_WANTED = 65536 };

/* Which row a probe's is. CHECK_N: another check looks at the same, and at more. */
static const enum check check_of[PROBE_N] = {
	[PROBE_caps] = CHECK_CAPABILITIES,
	[PROBE_fid] = CHECK_FAN_NAMES,
	[PROBE_target] = CHECK_FAN_TARGET,
	[PROBE_rename] = CHECK_FAN_RENAME,
	[PROBE_sb_mark] = CHECK_FS_MARKS,
	[PROBE_by_handle] = CHECK_BY_HANDLE,
	[PROBE_overlay_visible] = CHECK_OVERLAY_BELOW,
	[PROBE_overlay_mark] = CHECK_OVERLAY_MARKS,
	[PROBE_inotify] = CHECK_INOTIFY,
	[PROBE_marks] = CHECK_N,
	[PROBE_watches] = CHECK_N,
	[PROBE_lease] = CHECK_LEASES,
	[PROBE_files] = CHECK_N,
	[PROBE_statmount] = CHECK_STATMOUNT,
	[PROBE_openat2] = CHECK_OPENAT2,
	[PROBE_fine_ctime] = CHECK_FINE_TIMES,
};

static void probes(struct sensor *s, struct json *j)
{
	size_t n;
	const struct watch_probe *p = watch_probes(s->watch, &n);

	for (size_t i = 0; i < n && i < PROBE_N; i++)
		if (check_of[i] != CHECK_N)
			finding_put(j, &(struct finding){.check = check_of[i], .bad = !p[i].ok},
				"%s: %s", p[i].name, p[i].result);
	FINDING(j, CONNECTOR, !tracker_is_live(s->tracker), "process events: %s",
		tracker_result(s->tracker));
}

/* The number a small file holds, or one of its lines behind `key`. False: there is none, as in "max". */
static bool number_in(const char *path, const char *key, uint64_t *ret)
{
	BUF struct buf text = {.p = NULL};
	const char *at;
	char *end;

	if (fd_read_file(AT_FDCWD, path, 65536, &text) < 0)
		return false;
	at = key ? strstr(buf_text(&text), key) : buf_text(&text);
	if (!at)
		return false;
	at += key ? strlen(key) : 0;
	*ret = strtoull(at, &end, 10);
	return end != at;
}

static void kernel_limits(struct sensor *s, struct json *j)
{
	uint64_t marks = 0, watches = 0;
	struct watch_stats w;

	watch_stats(s->watch, &w);
	if (number_in("/proc/sys/fs/fanotify/max_user_marks", NULL, &marks))
		FINDING(j, MARKS_LIMIT, false,
			"%llu marks are set; fs.fanotify.max_user_marks (%llu) does not bind them, as "
			"they are asked for without a limit",
			(unsigned long long)w.marks, (unsigned long long)marks);
	if (number_in("/proc/sys/fs/inotify/max_user_watches", NULL, &watches))
		FINDING(j, WATCHES_LIMIT, watches < 65536,
			"fs.inotify.max_user_watches is %llu; 65536 or more is enough for most hosts",
			(unsigned long long)watches);
	FINDING(j, EVENT_QUEUE, w.overflows || s->lost,
		"%llu overflows of a queue, %llu events lost", (unsigned long long)w.overflows,
		(unsigned long long)s->lost);
}

static void open_files(struct json *j)
{
	struct finding f = {.check = CHECK_OPEN_FILES};
	struct rlimit lim;
	int n = self_open_files();
	bool near;

	if (n < 0 || getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	near = (rlim_t)n * 100 > lim.rlim_cur * PERCENT_FULL;
	f.bad = near || lim.rlim_max < FILES_WANTED;
	f.severity = near ? FIND_WARNING : FIND_NOTE;
	finding_put(j, &f, "%d files are open, up to %llu may be%s", n,
		(unsigned long long)lim.rlim_cur,
		f.bad ? "; 65536 are enough for some thousands of targets" : "");
}

/* The nearest limit above us: a slice's counts for its services. */
static void memory(struct json *j)
{
	BUF struct buf group = {.p = NULL}, path = {.p = NULL};
	uint64_t max = 0, now = 0, killed = 0, pressed = 0;

	if (!self_cgroup(&group))
		return;
	for (;;) {
		buf_reset(&path);
		buf_printf(&path, "/sys/fs/cgroup%s/memory.max", buf_text(&group));
		if (number_in(buf_text(&path), NULL, &max) || group.n <= 1)
			break;
		while (group.n && group.p[--group.n] != '/')
			;
		group.p[group.n] = 0;
	}
	buf_reset(&path);
	buf_printf(&path, "/sys/fs/cgroup%s/memory.current", buf_text(&group));
	number_in(buf_text(&path), NULL, &now);
	buf_reset(&path);
	buf_printf(&path, "/sys/fs/cgroup%s/memory.events", buf_text(&group));
	if (max)
		number_in(buf_text(&path), "oom_kill ", &killed);
	if (!max)
		FINDING(j, MEMORY, false, "%llu KiB are resident; no limit is set",
			(unsigned long long)self_memory() >> 10);
	else
		FINDING(j, MEMORY, killed || now > max / 100 * PERCENT_MEMORY,
			"%llu of %llu MiB are in use, page cache too, in the control group; the kernel "
			"ended %llu processes there",
			(unsigned long long)now >> 20, (unsigned long long)max >> 20,
			(unsigned long long)killed);
	if (number_in("/proc/pressure/memory", "avg60=", &pressed)) /* the first line: some */
		FINDING(j, PRESSURE, pressed >= PRESSED,
			"in the last minute something on this host waited for memory %llu %% of the "
			"time",
			(unsigned long long)pressed);
}

void checks_kernel(struct sensor *s, struct json *j)
{
	probes(s, j);
	kernel_limits(s, j);
	open_files(j);
	memory(j);
}
