/* Building the privileged role, and taking it down. */
#include "daemon/sensor/loop.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/sys.h"
#include "daemon/log.h"
#include "daemon/sensor/collect.h"
#include "daemon/sensor/examine.h"
#include "daemon/sensor/hostkey.h"
#include "daemon/sensor/links.h"
#include "daemon/sensor/mounted.h"
#include "daemon/sensor/pkgran.h"
#include "daemon/sensor/registry.h"
#include "daemon/sensor/rulebook.h"
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITEMS_LIMIT = 8192 };
#define AGAIN_SOON (200 * CLOCK_MS)

static int open_signals(struct sensor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? err_sys("signalfd") : 0;
}

static int open_loop(struct sensor *s)
{
	int r;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	s->files_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	s->roots_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->epoll_fd < 0 || s->bell_fd < 0 || s->mounts_fd < 0)
		return err_sys("loop");
	r = open_signals(s);
	if (r == 0)
		r = sensor_watch_fd(s, s->signal_fd, EPOLLIN, TAG_SIGNAL);
	if (r == 0)
		r = sensor_watch_fd(s, s->bell_fd, EPOLLIN, TAG_BELL);
	if (r == 0)
		r = sensor_watch_fd(s, s->mounts_fd, EPOLLPRI | EPOLLERR | EPOLLET, TAG_MOUNTS);
	if (r == 0 && s->files_fd >= 0)
		r = sensor_watch_fd(s, s->files_fd, EPOLLIN, TAG_FILES);
	if (r == 0 && s->roots_fd >= 0)
		r = sensor_watch_fd(s, s->roots_fd, EPOLLIN | EPOLLET, TAG_ROOTS);
	return r;
}

static void who_may_knock(struct sensor *s)
{
	uid_t uid;
	gid_t gid;
	int r = daemon_gateway_ids(s->cfg, &uid, &gid);

	if (geteuid() != 0 && daemon_gateway_service(s->cfg, &uid, &gid))
		s->gateway_is_service = true;
	s->gateway_uid = r >= 0 ? (int)uid : -1;
	s->group_gid = r >= 0 && (geteuid() == 0 || s->gateway_is_service) ? (int)gid : -1;
	s->gateway_is_nobody = geteuid() == 0 && r == DAEMON_NOBODY;
}

/* The gateway's own place, where it can make none: sinks keep their positions there. */
static void make_sinks_dir(const struct sensor *s)
{
	BUF struct buf dir = {0};

	if (s->gateway_is_service) /* it has its own */
		return;
	buf_printf(&dir, "%s/sinks", s->cfg->state_dir);
	if (mkdir(buf_text(&dir), 0700) < 0 && errno != EEXIST)
		log_warn("%s: %s", buf_text(&dir), strerror(errno));
	else if (geteuid() == 0 && s->gateway_uid >= 0 &&
		 lchown(buf_text(&dir), (uid_t)s->gateway_uid, (gid_t)s->group_gid) < 0)
		log_warn("%s: %s", buf_text(&dir), strerror(errno));
}

static int open_store(struct sensor *s)
{
	bool renewed = false;
	struct store_options opt = {.map_size = s->cfg->map_size,
		.map_limit = s->cfg->map_limit,
		.dir_gid = s->group_gid,
		.renewed = &renewed};
	int r = store_open(&s->store, s->cfg->state_dir, STORE_WRITE, &opt);

	if (renewed)
		log_warn("somebody who may read the store held its lock: it has a new lock file");
	if (r == 0)
		make_sinks_dir(s);
	if (r == 0)
		r = queue_new(&s->items, ITEMS_LIMIT);
	if (r == 0)
		r = jobs_new(&s->jobs);
	if (r == 0)
		r = outbox_new(&s->outbox);
	if (r == 0)
		r = sensor_watch_fd(s, outbox_fd(s->outbox), EPOLLIN, TAG_OUTBOX);
	return r;
}

/* Reading the kernel's events must keep up; looking at files and writing down give way to the host's
 * own work, and then see once what was changed many times. */
static void give_way(void)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), 5);
}

static void *ledger_thread(void *ledger)
{
	give_way();
	return ledger_main(ledger);
}

/* Nobody waits for the host's own baseline: whatever else wants the processor or the disk has nearly all of
 * it; but where that never ends, the baseline still does. */
static void *host_thread(void *examiner)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	sys_io_idle();
	return worker_main_host(examiner);
}

static void *worker_thread(void *examiner)
{
	give_way();
	return worker_main(examiner);
}

/* Not so often that it would be what keeps the disk busy. */
static int64_t heartbeat_of(const struct config *cfg)
{
	return cfg->heartbeat && cfg->heartbeat < CLOCK_S ? CLOCK_S : cfg->heartbeat;
}

struct flood_limits sensor_limits(const struct config *cfg)
{
	return (struct flood_limits){
		cfg->flood.per_path, cfg->flood.per_target, cfg->flood.total, cfg->flood.window};
}

/* The ledger's wish, from its thread. */
static void look_again(void *ctx, struct kept *k, struct span path, struct span actor)
{
	struct examiner *ex = ctx;
	size_t cut = path.n;
	struct again a = {
		.kept = k, .actor = actor, .when = clock_wall(), .delay = AGAIN_SOON, .attempt = 1};

	while (cut > 1 && path.p[cut - 1] != '/')
		cut--;
	a.dir = cut > 1 ? span_make(path.p, cut - 1) : span_of("/");
	a.name = span_make(path.p + cut, path.n - cut);
	ex->again(ex, &a);
}

static void alive(void)
{
	notify("WATCHDOG=1");
}

static int start_threads(struct sensor *s)
{
	struct ledger_options opt = {.store = s->store,
		.items = s->items,
		.outbox = s->outbox,
		.order = &s->ex.order,
		.bell = s->bell_fd,
		.stats = &s->ledger_stats,
		.keep_removed = s->cfg->keep_removed,
		.keep_journal = s->cfg->keep_journal,
		.heartbeat = heartbeat_of(s->cfg),
		.flood = sensor_limits(s->cfg),
		.host_key = s->host_key,
		.keys_dir = s->cfg->keys_dir,
		.accept_signatures = s->cfg->accept_signatures,
		.checkpoint_every = s->cfg->checkpoint_every,
		.checkpoint_interval = s->cfg->checkpoint_interval,
		.stop = &s->stop,
		.alive = alive,
		.again = look_again,
		.again_ctx = &s->ex,
		.explain = pkgran_explain,
		.explain_ctx = &s->ex};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r = ledger_new(&s->ledger, &opt);

	if (r < 0)
		return r;
	s->ex.store = s->store;
	s->ex.items = s->items;
	s->ex.jobs = s->jobs;
	s->ex.outbox = s->outbox;
	s->ex.below = scan_below;
	s->ex.again = ask_again;
	s->ex.scan_done = scan_unref;
	s->ex.links = links_want;
	s->ex.scan_links = links_scan;
	s->ex.scan_mounted = mounted_scan;
	s->ex.max_bytes = s->cfg->hash_max_bytes;
	s->ex.max_ns = s->cfg->hash_max_time;
	s->n_workers = s->cfg->workers ? s->cfg->workers : cpus < 2 ? 2 : (unsigned)cpus;
	if (s->n_workers > HOST_WORKER)
		s->n_workers = HOST_WORKER;
	tracker_start(s->tracker);
	must(pthread_create(&s->ledger_thread, NULL, ledger_thread, s->ledger) == 0);
	for (unsigned i = 0; i < s->n_workers; i++)
		must(pthread_create(&s->workers[i], NULL, worker_thread, &s->ex) == 0);
	must(pthread_create(&s->workers[HOST_WORKER], NULL, host_thread, &s->ex) == 0);
	return 0;
}

/* Without one everything else is as it was: the doctor says so. */
static void open_host_key(struct sensor *s)
{
	if (hostkey_open(&s->host_key, s->cfg->state_dir) == 0)
		return;
	snprintf(s->host_key_why, sizeof(s->host_key_why), "%s", err_why());
	log_err("no checkpoint will be signed: %s", s->host_key_why);
}

static int open_watch(struct sensor *s)
{
	BUF struct buf scratch = {0};
	struct watch_options opt = {.level = s->cfg->level,
		.marks = (int)s->cfg->marks,
		.quiet_dir = s->cfg->state_dir};
	struct watch_callbacks cb = {
		s, sensor_on_touch, sensor_on_lost, sensor_on_exec, sensor_excluded};
	int r;

	buf_printf(&scratch, "%s/probe", s->cfg->state_dir);
	opt.scratch = buf_text(&scratch);
	r = watch_new(&s->watch, &opt, &cb);
	return r < 0 ? r : sensor_watch_fd(s, watch_fd(s->watch), EPOLLIN, TAG_WATCH);
}

static int open_finder(struct sensor *s)
{
	struct finder_options opt = {.how = (enum mounts_how)s->cfg->find_how,
		.docker_roots = s->cfg->docker_roots.v,
		.storage_roots = s->cfg->storage_roots.v,
		.run_roots = s->cfg->run_roots.v,
		.lxc_path = s->cfg->lxc_path,
		.ignore = s->cfg->ignore.v};

	return finder_new(&s->finder, &opt);
}

static int open_actors(struct sensor *s)
{
	struct tracker_options opt = {
		.off = !s->cfg->processes, .grace = s->cfg->debounce + CLOCK_S};

	tracker_new(&s->tracker, &opt);
	return actors_new(&s->actors, s->tracker);
}

static int open_hints(struct sensor *s)
{
	spaces_init(&s->spaces);
	if (!tracker_is_live(s->tracker))
		log_note("new processes are not told: %s", tracker_result(s->tracker));
	return sensor_watch_fd(s, tracker_fd(s->tracker), EPOLLIN | EPOLLONESHOT, TAG_PROCS);
}

static void raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	setpriority(PRIO_PROCESS, 0, -5);
}

int sensor_build(struct sensor *s)
{
	int r = daemon_config(s->args, &s->cfg);

	if (r < 0)
		return r;
	log_init("sensor", (enum log_level)s->cfg->log_level);
	raise_limits();
	who_may_knock(s);
	if (geteuid() != 0 && !s->gateway_is_service)
		log_warn("not root: only what capabilities allow is watched; see boltseal doctor");
	r = rulebook_open(s);
	s->configured = r == 0;
	if (r == 0)
		r = open_loop(s);
	if (r == 0)
		r = open_store(s);
	if (r == 0)
		open_host_key(s);
	if (r == 0)
		r = coalesce_new(&s->coalesce, s->cfg->debounce, s->cfg->queue_size);
	if (r == 0)
		r = open_actors(s);
	if (r == 0)
		r = open_watch(s);
	if (r == 0)
		r = open_finder(s);
	if (r == 0)
		r = open_hints(s);
	if (r == 0)
		r = wishes_open(s);
	if (r == 0)
		r = sensor_watch_fd(s, s->door_fd, EPOLLIN, TAG_DOOR);
	if (r < 0)
		return r;
	wall_sensor(&s->wall);
	return start_threads(s);
}

static void free_unsent(struct sensor *s)
{
	sensor_flush(s);
	while (s->unsent) {
		struct unsent *u = s->unsent;

		s->unsent = u->next;
		item_free(u->item);
		free(u);
	}
}

void sensor_join(struct sensor *s)
{
	atomic_store(&s->ex.stop, true);
	jobs_stop(s->jobs);
	for (unsigned i = 0; i < s->n_workers; i++)
		pthread_join(s->workers[i], NULL);
	pthread_join(s->workers[HOST_WORKER], NULL);
	sensor_flush(s);
	queue_close(s->items);
	pthread_join(s->ledger_thread, NULL);
}

void sensor_teardown(struct sensor *s)
{
	void *i;

	registry_free(s);
	collect_free(s);
	spaces_free(&s->spaces);
	for (int line = 0; line < SNAP_LINES; line++)
		while (s->baselines[line].wishes)
			sensor_wish_free(&s->baselines[line]);
	jobs_free(s->jobs);
	while (s->items && queue_pop(s->items, 0, &i) == 0)
		item_free(i);
	free_unsent(s);
	coalesce_free(s->coalesce);
	actors_free(s->actors);
	tracker_free(s->tracker);
	watch_free(s->watch);
	finder_free(s->finder);
	ledger_free(s->ledger);
	outbox_free(s->outbox);
	queue_free(s->items);
	wishes_close(s);
	store_close(s->store);
	trust_key_free(s->host_key);
	fd_close(&s->files_fd);
	fd_close(&s->roots_fd);
	fd_close(&s->mounts_fd);
	fd_close(&s->signal_fd);
	fd_close(&s->bell_fd);
	fd_close(&s->epoll_fd);
	rulebook_close(s);
	config_free(s->cfg);
	config_free(s->cfg_at_start);
}
