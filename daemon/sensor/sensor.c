/* The loop of the privileged role, and its life. It is built and taken down in sensor_build.c. */
#include "daemon/sensor/loop.h"
#include "daemon/sensor/proving.h"
#include "daemon/sensor/registry.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/checks.h"
#include "daemon/sensor/collect.h"
#include "daemon/sensor/expiry.h"
#include "daemon/sensor/keeping.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/pkgset.h"
#include "daemon/sensor/roots.h"
#include "daemon/sensor/rulebook.h"
#include "store/journal.h"
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { WATCH_BUDGET = 8192 };
/* With new processes told the round is a net below a net. */
#define ROUND_EVERY (30 * CLOCK_S)
#define ROUND_BLIND (5 * CLOCK_S)
/* Hints may cost this share of the time, and save up so much for a burst. */
enum { HINT_SHARE = 10 };
#define HINT_SAVED CLOCK_S
#define VERIFY_EVERY (60 * CLOCK_S)
#define COLLECT_EVERY (3600 * CLOCK_S)
/* What new processes hint at is looked at no more often than this. */
#define PROCS_EVERY (20 * CLOCK_MS)
/* However busy a directory above a tree is: the trees are held against their paths at most this often. */
#define ROOTS_SETTLE (20 * CLOCK_MS)

int sensor_watch_fd(struct sensor *s, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event e = {.events = events, .data.u64 = tag};

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? err_sys("epoll_ctl") : 0;
}

/* ---- items to the ledger: in order, never waiting ---- */

void sensor_flush(struct sensor *s)
{
	struct unsent *u;

	while ((u = s->unsent) && queue_offer(s->items, QUEUE_FRONT, u->item) == 0) {
		s->unsent = u->next;
		if (!s->unsent)
			s->unsent_tail = &s->unsent;
		free(u);
	}
}

void sensor_push(struct sensor *s, struct item *i)
{
	struct unsent *u;

	sensor_flush(s);
	if (!s->unsent && queue_offer(s->items, QUEUE_FRONT, i) == 0)
		return;
	u = calloc(1, sizeof(*u));
	must(u);
	u->item = i;
	*s->unsent_tail = u;
	s->unsent_tail = &u->next;
}

void sensor_gap(struct sensor *s, struct kept *k, struct span path, enum gap_cause cause,
	uint64_t count, const char *detail)
{
	struct item_gap *g = calloc(1, sizeof(*g));

	must(g);
	g->item.kind = ITEM_GAP;
	g->kept = k ? kept_ref(k) : NULL;
	buf_add_span(&g->path, path);
	g->cause = cause;
	g->from = g->told = clock_wall();
	g->count = count;
	buf_add_text(&g->detail, detail);
	log_warn("gap: %s: %s", gap_kinds[cause].name, detail);
	sensor_push(s, &g->item);
}

void sensor_note(struct sensor *s, enum event_type type, const char *detail)
{
	struct item_note *n = calloc(1, sizeof(*n));

	must(n);
	n->item.kind = ITEM_NOTE;
	n->type = type;
	buf_add_text(&n->detail, detail);
	sensor_push(s, &n->item);
}

void sensor_want_look(struct sensor *s, int64_t delay)
{
	int64_t at = clock_mono() + delay;

	if (!s->look_due || at < s->look_due)
		s->look_due = at;
}

void sensor_hint(struct sensor *s, int64_t delay)
{
	int64_t now = clock_mono();

	s->hint_credit += (now - s->hint_at) / HINT_SHARE;
	if (s->hint_credit > HINT_SAVED)
		s->hint_credit = HINT_SAVED;
	s->hint_at = now;
	if (s->hint_credit < s->look_cost)
		delay += (s->look_cost - s->hint_credit) * HINT_SHARE;
	if (!s->hint_due || now + delay < s->hint_due)
		s->hint_due = now + delay;
}

/* What a look found out to be worth watching; a path that is watched already stays as it is. */
static void watch_runtime_files(struct sensor *s)
{
	const char *const *path = finder_watch_paths(s->finder);

	for (; s->files_fd >= 0 && path && *path; path++)
		inotify_add_watch(s->files_fd, *path,
			IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE);
}

static void look(struct sensor *s, bool hinted)
{
	int64_t began = clock_thread(), took;

	s->look_due = s->hint_due = 0;
	registry_look(s);
	watch_runtime_files(s);
	took = clock_thread() - began;
	s->n_looks++;
	s->look_cost = s->look_cost ? (3 * s->look_cost + took) / 4 : took;
	if (hinted)
		s->hint_credit -= took;
}

/* ---- rescans and rounds ---- */

static void sweep(struct sensor *s, int64_t now)
{
	struct scan_options opt = {.asker = -1, .layers = layers_wait};

	for (struct reg *r = s->reg.regs; r; r = r->next) {
		if (r->next_sweep > now || r->scan_when_stored)
			continue;
		r->next_sweep = s->cfg->sweep_interval ? now + s->cfg->sweep_interval : INT64_MAX;
		scan_begin(&s->ex, r->kept, &opt);
	}
	sensor_look_at_layers(s);
}

static int64_t round_every(const struct sensor *s)
{
	return tracker_is_live(s->tracker) ? ROUND_EVERY : ROUND_BLIND;
}

/* A walk through much of the host or of an image leaves the process as large as what it walked through. */
#define MUCH 2000
static void give_back(struct sensor *s)
{
	uint64_t worked = atomic_load(&s->ex.stats.looks) + atomic_load(&s->baseline_files);

	if (worked - s->worked < MUCH)
		return;
	s->worked = worked;
	store_rest(s->store);
	malloc_trim(0);
}

/* What no event announced: namespaces made elsewhere, sweeps that are due, marks that went away. */
static void slow_round(struct sensor *s, int64_t now)
{
	s->next_round = now + round_every(s);
	checks_round(s);
	tracker_round(s->tracker);
	look(s, false);
	give_back(s);
	sweep(s, now);
	if (now >= s->next_collect) {
		s->next_collect = now + COLLECT_EVERY;
		collect(s);
	}
	if (now >= s->next_verify) {
		s->next_verify = now + VERIFY_EVERY;
		watch_verify(s->watch);
	}
}

/* ---- new processes: a hint ---- */

/* One message wakes the loop, then none for a while: a storm of them costs what a few cost. */
static void ask_procs(struct sensor *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = TAG_PROCS};

	s->procs_due = 0;
	epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, tracker_fd(s->tracker), &e);
}

/* Sessions of containers that are kept; others are nobody's. */
void sensor_tell_sessions(struct sensor *s)
{
	struct session_note n = {0};

	while (tracker_note(s->tracker, &n)) {
		struct reg *r = registry_by_id(&s->reg, span_of(n.box));
		struct item_session *it = r ? calloc(1, sizeof(*it)) : NULL;

		if (!r)
			continue;
		must(it);
		it->item.kind = ITEM_SESSION;
		it->kept = kept_ref(r->kept);
		it->note = n;
		n.leader = (struct buf){0};
		sensor_push(s, &it->item);
	}
	session_note_free(&n);
}

static void tell_ran(struct sensor *s)
{
	struct ran_note n = {.when = 0};

	while (tracker_ran(s->tracker, &n)) {
		struct reg *r = registry_by_id(&s->reg, span_of(n.box));
		struct item_ran *it = r ? calloc(1, sizeof(*it)) : NULL;

		if (!r)
			continue;
		must(it);
		it->item.kind = ITEM_RAN;
		it->kept = kept_ref(r->kept);
		it->note = n;
		n = (struct ran_note){.when = 0};
		sensor_push(s, &it->item);
	}
	ran_note_free(&n);
}

static void on_procs(struct sensor *s)
{
	int pids[TRACKER_HINTS];
	bool more;
	unsigned n = tracker_hints(s->tracker, pids, &more);

	for (unsigned i = 0; i < n; i++)
		spaces_meet(s, pids[i]);
	if (more) /* one of those not looked at may be it */
		sensor_hint(s, CLOCK_S);
	sensor_tell_sessions(s);
	tell_ran(s);
	s->procs_due = clock_mono() + PROCS_EVERY;
}

static void drain(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* Both the loop and the ledger must go on for the service manager to hear of it. */
static void ask_ledger(struct sensor *s, int64_t now)
{
	struct item *i;

	if (!s->pulse_due || s->pulse_due > now)
		return;
	s->pulse_due = now + s->pulse_every;
	if (atomic_exchange(&s->ledger_stats.asked, true))
		return; /* the last one is not answered yet */
	i = calloc(1, sizeof(*i));
	must(i);
	i->kind = ITEM_PULSE;
	sensor_push(s, i);
}

static void timers(struct sensor *s)
{
	int64_t now = clock_mono();

	if (s->look_due && s->look_due <= now)
		look(s, false);
	if (s->hint_due && s->hint_due <= now)
		look(s, true);
	if (s->roots_due && s->roots_due <= now) {
		drain(s->roots_fd);
		roots_look(s);
	}
	if (s->procs_due && s->procs_due <= now)
		ask_procs(s);
	if (s->next_round <= now)
		slow_round(s, now);
	if (s->heal_due && s->heal_due <= now) {
		s->heal_due = 0;
		s->overflowed = false;
		sensor_rescan_all(s, false);
	}
	ask_ledger(s, now);
	expiry_round(s);
	rulebook_round(s);
	proving_round(s, now);
	sensor_next_baseline(s);
	sensor_flush(s);
	s->layers_wait = s->layers_wait && keeping_arm_layer(s);
}

static int wait_ms(struct sensor *s)
{
	int64_t now = clock_mono();
	int64_t wait = coalesce_flush(s->coalesce, &s->ex, now, watch_read_to(s->watch));
	int64_t until = s->next_round - now;

	if (s->look_due && s->look_due - now < until)
		until = s->look_due - now;
	if (s->next_expiry && s->next_expiry - clock_wall() < until)
		until = s->next_expiry - clock_wall();
	if (s->rules_expire && s->rules_expire - clock_wall() < until)
		until = s->rules_expire - clock_wall();
	if (s->hint_due && s->hint_due - now < until)
		until = s->hint_due - now;
	if (s->heal_due && s->heal_due - now < until)
		until = s->heal_due - now;
	if (s->procs_due && s->procs_due - now < until)
		until = s->procs_due - now;
	if (s->roots_due && s->roots_due - now < until)
		until = s->roots_due - now;
	if (s->pulse_due && s->pulse_due - now < until)
		until = s->pulse_due - now;
	if (proving_due(s) - now < until)
		until = proving_due(s) - now;
	if (s->layers_wait)
		until = 0; /* one a round, so that events are not kept waiting */
	if (s->unsent && until > 100 * CLOCK_MS)
		until = 100 * CLOCK_MS;
	if (wait >= 0 && wait < until)
		until = wait;
	return until <= 0 ? 0 : (int)(until / CLOCK_MS) + 1;
}

/* ---- what wakes the loop ---- */

static void on_signal(struct sensor *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP)
			sensor_reload(s);
		else
			atomic_store(&s->stop, true);
	}
}

static void on_bell(struct sensor *s)
{
	drain(s->bell_fd);
	sensor_stored_trees(s);
	pkgset_next(s);
	proving_bell(s);
	expiry_given(s);
	expiry_plan(s);
	s->layers_wait = true;
	if (s->golden_gone) { /* where this was another commit's bell, the slow round sees to the rest */
		s->golden_gone = false;
		s->next_collect = 0;
		collect(s);
	}
}

static void on_mounts(struct sensor *s)
{
	s->spaces.host_moved = true;
	sensor_want_look(s, 0);
}

static void on_event(struct sensor *s, uint64_t tag)
{
	if (tag == TAG_SIGNAL)
		on_signal(s);
	else if (tag == TAG_BELL)
		on_bell(s);
	else if (tag == TAG_WATCH)
		while (watch_dispatch(s->watch, WATCH_BUDGET) == 1)
			coalesce_flush(s->coalesce, &s->ex, clock_mono(), watch_read_to(s->watch));
	else if (tag & TAG_SPACES)
		spaces_wake(s, tag);
	else if (tag == TAG_MOUNTS)
		on_mounts(s);
	else if (tag == TAG_PROCS)
		on_procs(s);
	else if (tag == TAG_FILES) {
		drain(s->files_fd);
		sensor_hint(s, 50 * CLOCK_MS);
	} else if (tag == TAG_ROOTS)
		s->roots_due = s->roots_due ? s->roots_due : clock_mono() + ROOTS_SETTLE;
	else if (tag == TAG_DOOR)
		wishes_accept(s);
	else if (tag == TAG_OUTBOX)
		wishes_send(s);
	else
		wishes_read(s, (unsigned)(tag - TAG_SEAT));
}

static void loop(struct sensor *s)
{
	struct epoll_event e[32];

	while (!s->stop) {
		int n = epoll_wait(s->epoll_fd, e, COUNTOF(e), wait_ms(s));

		for (int i = 0; i < n && !s->stop; i++)
			on_event(s, e[i].data.u64);
		timers(s);
	}
}

/* The time since the last entry of an earlier life: nobody was watching. */
static void tell_blind(struct sensor *s)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	struct journal_entry last;
	struct item_gap *g;

	if (txn_begin(s->store, false, &t) < 0 || journal_head(t, &head) < 0 || !head.last ||
		journal_get(t, head.last, &last) != 0)
		return;
	g = calloc(1, sizeof(*g));
	must(g);
	g->item.kind = ITEM_GAP;
	g->cause = GAP_DAEMON_DOWN;
	g->from = last.time;
	g->told = clock_wall();
	s->blind_from = last.time;
	buf_add_text(&g->detail, last.type == EVENT_DAEMON_STOPPED
					 ? "the sensor was stopped in order"
					 : "the sensor ended without saying so");
	sensor_push(s, &g->item);
}

/* A worse watch than the best, and not because it was asked for: never silently. */
static void tell_level(const struct sensor *s)
{
	enum level worst = LEVEL_L1;

	for (const struct reg *r = s->reg.regs; r; r = r->next)
		worst = r->level > worst ? r->level : worst;
	if (worst != LEVEL_L1 && s->cfg->level == LEVEL_NONE)
		log_warn(
			"not everything is watched as well as can be: %s (%s); boltseal doctor says "
			"why",
			level_kinds[worst].name, level_kinds[worst].sentence);
}

static void life(struct sensor *s)
{
	s->started = clock_wall();
	s->hint_at = clock_mono();
	s->hint_credit = HINT_SAVED;
	sensor_note(s, EVENT_DAEMON_STARTED, "boltseald " BOLTSEAL_VERSION);
	sensor_note_rules(s, "");
	rulebook_tell(s);
	tell_blind(s);
	registry_start(s);
	rulebook_rejudge(s);
	s->expired_upto = s->blind_from;
	expiry_plan(s);
	sensor_rescan_all(s, true);
	watch_runtime_files(s);
	s->next_round = clock_mono() + round_every(s);
	s->next_verify = clock_mono() + VERIFY_EVERY;
	sensor_next_baseline(s);
	s->layers_wait = true;
	s->pulse_every = notify_alive_every();
	s->pulse_due = s->pulse_every ? clock_mono() + s->pulse_every : 0;
	notify("READY=1");
	log_note("watching %zu containers", s->reg.n_rows);
	tell_level(s);
	loop(s);
	sensor_note(s, EVENT_DAEMON_STOPPED, "stopped in order");
}

/* What may be otherwise at the next try is worth one: a service manager makes it for status 1 only. What a
 * person must repair first is the configuration, and a store of another format. The supervisor makes no
 * other try: when its first start fails somebody is looking on. */
static int status_of(const struct sensor *s, int r)
{
	static const int passing[] = {
		EBUSY, EADDRINUSE, ENOSPC, EDQUOT, EIO, ENOMEM, EAGAIN, EMFILE, ENFILE, EROFS};

	if (getenv("BOLTSEAL_READY_FD") || r == -EPROTO)
		return 2;
	for (size_t i = 0; i < COUNTOF(passing); i++)
		if (r == -passing[i])
			return 1;
	return s->configured ? 1 : 2;
}

int sensor_main(const struct daemon_args *args)
{
	struct sensor *s = calloc(1, sizeof(*s));
	int r;

	must(s);
	s->args = args;
	s->epoll_fd = s->signal_fd = s->bell_fd = s->mounts_fd = s->files_fd = s->roots_fd =
		s->door_fd = -1;
	for (unsigned i = 0; i < DOOR_SEATS; i++)
		s->seat[i] = -1;
	for (int i = 0; i < SNAP_LINES; i++)
		s->baselines[i].tail = &s->baselines[i].wishes;
	s->unsent_tail = &s->unsent;
	log_init("sensor", LOG_LEVEL_INFO);
	r = sensor_build(s);
	if (r < 0) {
		log_err("%s", err_why());
		r = status_of(s, r);
		sensor_teardown(s);
		free(s);
		return r;
	}
	life(s);
	sensor_join(s);
	sensor_teardown(s);
	free(s);
	return 0;
}
