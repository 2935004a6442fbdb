/*
 * What the watch costs those who are watched, and those who are not.
 *
 *   events [ROUNDS [FILES]]     as root; in $TMPDIR
 *
 * One job (unpack FILES small files, grep through them, remove them) is run inside an overlay and
 * beside it on the same file system: unwatched, with a file system mark, with directory marks. The
 * order changes from round to round; what is printed are medians of ratios within a round.
 * Best on a tmpfs: it is the dearest case for a watch (nothing else costs time there), and ext4
 * takes ten times as long on a second run, for it will not give out inodes just deleted.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/sensor/watch.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 64 };
enum how { NOBODY, FILESYSTEM, DIRECTORIES, BIRTHS, HOWS };
static const char *const hows[HOWS] = {"no watch", "file system", "directories", "and births"};
static const int marks_of[HOWS] = {
	0, CONFIG_MARKS_FILESYSTEM, CONFIG_MARKS_DIRECTORIES, CONFIG_MARKS_AUTO};
enum where { OVERLAY, HOST, WHERES };
static const char *const wheres[WHERES] = {"overlay", "host"};

struct bench {
	char dir[256];
	double s[WHERES][HOWS][ROUNDS_MAX];
};

static void on_touch(void *ctx, const struct watch_touch *t UNUSED)
{
	++*(uint64_t *)ctx;
}

static void on_lost(void *ctx UNUSED, uint32_t root, struct span below UNUSED, enum gap_cause cause,
	uint64_t n UNUSED, const char *detail)
{
	fprintf(stderr, "lost: root %u cause %d: %s\n", root, (int)cause, detail);
}

static void watch_for_ever(const struct bench *b, enum how how, int ready)
{
	uint64_t touches = 0;
	struct watch_callbacks cb = {&touches, on_touch, on_lost, NULL, NULL};
	char scratch[300], upper[300];
	struct watch_options opt = {.marks = marks_of[how], .scratch = scratch};
	struct watch_root root = {.id = 1, .kind = WATCH_UPPER, .path = upper};
	struct watch *w;
	struct pollfd p = {.events = POLLIN};
	enum level level;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(scratch, sizeof(scratch), "%s/scratch", b->dir);
	snprintf(upper, sizeof(upper), "%s/up", b->dir);
	if (watch_new(&w, &opt, &cb) < 0 || watch_add(w, &root, &level) < 0 || level != LEVEL_L1)
		_exit(1);
	p.fd = watch_fd(w);
	must(write(ready, "", 1) == 1);
	for (;;) {
		poll(&p, 1, -1);
		while (watch_dispatch(w, 4096) > 0)
			;
	}
}

static pid_t start(const struct bench *b, enum how how)
{
	int ready[2];
	char c;
	pid_t pid;

	if (how == NOBODY)
		return 0;
	must(pipe(ready) == 0);
	pid = fork();
	if (pid == 0)
		watch_for_ever(b, how, ready[1]);
	close(ready[1]);
	must(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	return pid;
}

static double job(const struct bench *b, enum where where)
{
	char cmd[1024];
	int64_t from = clock_mono();

	snprintf(cmd, sizeof(cmd),
		"cd %s/%s && tar xf %s/job.tar && grep -rq nothing-like-it job; rm -r job", b->dir,
		where == OVERLAY ? "all" : "beside", b->dir);
	must(system(cmd) == 0);
	return (double)(clock_mono() - from) / (double)CLOCK_S;
}

static void one(struct bench *b, enum how how, int round)
{
	pid_t pid = start(b, how);
	int where;

	for (where = 0; where < WHERES; where++)
		b->s[where][how][round] = job(b, where);
	if (pid) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_size);
	return v[n / 2];
}

static void report(struct bench *b, int rounds)
{
	double ratios[ROUNDS_MAX];
	int where, how, i;

	for (where = 0; where < WHERES; where++) {
		for (how = 0; how < HOWS; how++) {
			for (i = 0; i < rounds; i++)
				ratios[i] = b->s[where][how][i] / b->s[where][NOBODY][i];
			printf("%-8s %-12s ratio %.2f", wheres[where], hows[how],
				median(ratios, rounds));
			printf("  (%.2f .. %.2f)\n", ratios[0], ratios[rounds - 1]);
		}
	}
}

static void prepare(const struct bench *b, int files)
{
	char cmd[1024], opt[1024], all[300];

	snprintf(cmd, sizeof(cmd),
		"cd %s && mkdir low up work all beside && mkdir -p job && "
		"seq %d | while read i; do d=job/$((i / 50)); [ -d $d ] || mkdir $d; "
		"echo $i $i $i $i > $d/$i; done; tar cf job.tar job && rm -r job",
		b->dir, files);
	must(system(cmd) == 0);
	must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(opt, sizeof(opt), "lowerdir=%s/low,upperdir=%s/up,workdir=%s/work", b->dir, b->dir,
		b->dir);
	snprintf(all, sizeof(all), "%s/all", b->dir);
	must(mount("overlay", all, "overlay", 0, opt) == 0);
}

static void clean(const struct bench *b)
{
	char cmd[600];

	snprintf(cmd, sizeof(cmd), "umount %s/all; rm -rf %s", b->dir, b->dir);
	must(system(cmd) == 0);
}

int main(int argc, char **argv)
{
	static struct bench b;
	int rounds = argc > 1 ? atoi(argv[1]) : 11, files = argc > 2 ? atoi(argv[2]) : 9000, i, k;
	const char *tmp = getenv("TMPDIR");

	must(rounds > 0 && rounds <= ROUNDS_MAX);
	snprintf(b.dir, sizeof(b.dir), "%s/boltseal-bench-XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(b.dir) != NULL);
	prepare(&b, files);
	one(&b, NOBODY, 0); /* to warm the caches; run again below */
	for (i = 0; i < rounds; i++)
		for (k = 0; k < HOWS; k++)
			one(&b, (enum how)((i + k) % HOWS), i);
	report(&b, rounds);
	clean(&b);
	return 0;
}
