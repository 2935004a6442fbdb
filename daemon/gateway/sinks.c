/* The set of sinks as the loop sees it. A sink whose configuration changed ends first; its successor
 * starts when it has, so that two never write one position. */
#include "daemon/gateway/sink_impl.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/log.h"
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LEAVE_AFTER (1800 * CLOCK_MS)

struct sinks {
	struct sink_hub *hub;
	struct sink *first; /* running or ending, in the order of the configuration */
	struct arena mem;   /* of `want` */
	struct config_sink *want;
	size_t n_want;
};

const char *const sink_states[SINK_STATE_N] = {
	[SINK_STARTS] = "starting",
	[SINK_IDLE] = "idle",
	[SINK_SENDS] = "sending",
	[SINK_WAITS] = "waiting",
	[SINK_ENDS] = "ending",
};

static const struct sink_kind *built_in(const struct config_sink *c)
{
	static const struct sink_kind *const kinds[] = {
		[CONFIG_SINK_SYSLOG] = &sink_syslog,
		[CONFIG_SINK_JOURNALD] = &sink_journald,
		[CONFIG_SINK_FILE] = &sink_file,
		[CONFIG_SINK_HTTPS] = &sink_https,
	};

	return kinds[c->type];
}

void hub_ring(struct sink_hub *h)
{
	uint64_t one = 1;

	(void)!write(h->bell, &one, sizeof(one));
}

int hub_connect(struct sink_hub *h, const struct sink_kind *k, const struct sink_env *env,
	struct sink_link **ret)
{
	const char *why = h->refuses ? h->refuses(h->wall, env->conf) : NULL;

	return why ? err_set(-EPERM, "%s", why) : k->open(ret, env);
}

void hub_unref(struct sink_hub *h)
{
	if (atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	pthread_rwlock_destroy(&h->gate);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->tick);
	fd_close(&h->bell);
	free(h->dir);
	free(h->version);
	free(h);
}

/* Those who read must not keep the one who closes the store waiting for ever. */
static void init_locks(struct sink_hub *h)
{
	pthread_rwlockattr_t gate;
	pthread_condattr_t clock;

	pthread_rwlockattr_init(&gate);
	pthread_rwlockattr_setkind_np(&gate, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&h->gate, &gate);
	pthread_rwlockattr_destroy(&gate);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&h->tick, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&h->lock, NULL);
}

int sinks_new(struct sinks **ret, struct store *store, const struct sinks_options *o)
{
	struct sinks *s = calloc(1, sizeof(*s));
	struct sink_hub *h = calloc(1, sizeof(*h));

	must(s && h);
	init_locks(h);
	h->refs = 1;
	h->store = store;
	h->kind_of = o->kind_of ? o->kind_of : built_in;
	h->refuses = o->refuses;
	h->wall = o->wall;
	h->dir = o->dir ? strdup(o->dir) : NULL;
	h->version = strdup(o->version);
	h->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->hub = h;
	*ret = s;
	return h->bell < 0 ? err_sys("eventfd") : 0;
}

int sinks_fd(const struct sinks *s)
{
	return s ? s->hub->bell : -1;
}

void sink_unref(struct sink *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	fd_close(&s->stop_fd);
	arena_free(&s->mem);
	hub_unref(s->hub);
	free(s);
}

struct sink_env sink_env_of(
	const struct config_sink *c, const char *version, const atomic_bool *stop, int stop_fd)
{
	return (struct sink_env){.conf = c,
		.format = {.version = version,
			.enterprise = c->enterprise,
			.facility = (uint8_t)c->facility,
			.pid = (uint32_t)getpid(),
			.max = (size_t)c->max_message,
			.redact = c->redact},
		.stop = stop,
		.stop_fd = stop_fd,
		.timeout = c->timeout};
}

static void describe(struct sink *s)
{
	static const char *const types[] = {"syslog", "journald", "file", "https"};
	struct sink_status *st = &s->status;

	snprintf(st->name, sizeof(st->name), "%s", s->conf.name);
	snprintf(st->type, sizeof(st->type), "%s", types[s->conf.type]);
	/* What follows the path of a URL is often a secret. */
	snprintf(st->address, sizeof(st->address), "%.*s", (int)strcspn(s->conf.address, "?#"),
		s->conf.address);
	snprintf(st->format, sizeof(st->format), "%s",
		s->conf.format ? format_kinds[s->conf.format - 1].name : "auto");
}

static struct sink *start(struct sinks *all, const struct config_sink *c)
{
	struct sink *s = calloc(1, sizeof(*s));
	pthread_attr_t attr;
	pthread_t thread;

	must(s);
	atomic_fetch_add(&all->hub->refs, 1);
	s->hub = all->hub;
	s->refs = 2;
	config_sink_copy(&s->mem, c, &s->conf);
	describe(s);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->kind = all->hub->kind_of(&s->conf);
	if (!s->kind) {
		snprintf(s->status.error, sizeof(s->status.error), "%.250s", err_why());
		s->status.error_at = s->status.failing_since = clock_wall();
		log_err("sink %s: %s", c->name, s->status.error);
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	must(pthread_create(&thread, &attr, sink_main, s) == 0);
	pthread_attr_destroy(&attr);
	return s;
}

/* With the lock held. */
static void tell_stop(struct sink *s)
{
	uint64_t one = 1;

	if (atomic_exchange(&s->stop, true))
		return;
	s->status.state = SINK_ENDS;
	(void)!write(s->stop_fd, &one, sizeof(one));
	pthread_cond_broadcast(&s->hub->tick);
}

static bool is_wanted(const struct sinks *all, const struct sink *s)
{
	for (size_t i = 0; i < all->n_want; i++)
		if (config_sink_same(&all->want[i], &s->conf))
			return true;
	return false;
}

/* Those that have ended are let go of. */
static void sweep(struct sinks *all)
{
	struct sink **at = &all->first;

	while (*at) {
		struct sink *s = *at;
		bool ended;

		pthread_mutex_lock(&all->hub->lock);
		ended = s->ended;
		pthread_mutex_unlock(&all->hub->lock);
		if (!ended) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		sink_unref(s);
	}
}

static struct sink *named(struct sinks *all, const char *name)
{
	struct sink *s = all->first;

	while (s && strcmp(s->conf.name, name) != 0)
		s = s->next;
	return s;
}

/* Starts what is wanted and not there; one whose predecessor still ends comes later. */
static void start_wanted(struct sinks *all)
{
	struct sink **end = &all->first;

	for (size_t i = 0; i < all->n_want; i++)
		if (!named(all, all->want[i].name)) {
			while (*end)
				end = &(*end)->next;
			*end = start(all, &all->want[i]);
		}
}

void sinks_set(struct sinks *all, const struct config_sink *v, size_t n)
{
	if (!all)
		return;
	arena_free(&all->mem);
	all->mem = (struct arena){0};
	all->want = arena_alloc(&all->mem, (n + 1) * sizeof(*all->want));
	all->n_want = n;
	for (size_t i = 0; i < n; i++)
		config_sink_copy(&all->mem, &v[i], &all->want[i]);
	pthread_mutex_lock(&all->hub->lock);
	for (struct sink *s = all->first; s; s = s->next) {
		if (is_wanted(all, s))
			s->poked = true;
		else
			tell_stop(s);
	}
	pthread_cond_broadcast(&all->hub->tick);
	pthread_mutex_unlock(&all->hub->lock);
	sweep(all);
	start_wanted(all);
}

void sinks_tick(struct sinks *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->hub->lock);
	s->hub->ticks++;
	pthread_cond_broadcast(&s->hub->tick);
	pthread_mutex_unlock(&s->hub->lock);
}

void sinks_store(struct sinks *s, struct store *store)
{
	if (!s)
		return;
	pthread_rwlock_wrlock(&s->hub->gate);
	s->hub->store = store;
	pthread_rwlock_unlock(&s->hub->gate);
	pthread_mutex_lock(&s->hub->lock);
	s->hub->epoch += store != NULL;
	pthread_mutex_unlock(&s->hub->lock);
	sinks_tick(s);
}

void sinks_collect(struct sinks *s)
{
	uint64_t n;

	(void)!read(s->hub->bell, &n, sizeof(n));
	sweep(s);
	start_wanted(s);
}

void sinks_free(struct sinks *s)
{
	int64_t until = clock_mono() + LEAVE_AFTER;

	if (!s)
		return;
	s->n_want = 0;
	pthread_mutex_lock(&s->hub->lock);
	for (struct sink *k = s->first; k; k = k->next)
		tell_stop(k);
	pthread_mutex_unlock(&s->hub->lock);
	for (sweep(s); s->first && clock_mono() < until; sweep(s)) {
		struct timespec t = {until / CLOCK_S, until % CLOCK_S};

		pthread_mutex_lock(&s->hub->lock);
		while (!s->first->ended &&
			pthread_cond_timedwait(&s->hub->tick, &s->hub->lock, &t) == 0)
			continue;
		pthread_mutex_unlock(&s->hub->lock);
	}
	sinks_store(s, NULL);
	while (s->first) {
		struct sink *k = s->first;

		s->first = k->next;
		log_warn("sink %s does not end; it is left behind", k->conf.name);
		sink_unref(k);
	}
	arena_free(&s->mem);
	hub_unref(s->hub);
	free(s);
}

bool sinks_status(struct sinks *s, size_t i, struct sink_status *ret)
{
	struct sink *k = s ? s->first : NULL;

	while (k && i-- > 0)
		k = k->next;
	if (!k)
		return false;
	pthread_mutex_lock(&s->hub->lock);
	*ret = k->status;
	pthread_mutex_unlock(&s->hub->lock);
	return true;
}

bool sinks_behind(struct sinks *s, char name[65], uint64_t *ret_from, uint64_t *ret_to)
{
	bool found = false;

	pthread_mutex_lock(&s->hub->lock);
	for (struct sink *k = s->first; k && !found; k = k->next) {
		if (k->behind_told >= k->behind_to || k->behind_asked)
			continue;
		found = k->behind_asked = true;
		snprintf(name, 65, "%s", k->conf.name);
		*ret_from = k->behind_from;
		*ret_to = k->behind_to;
	}
	pthread_mutex_unlock(&s->hub->lock);
	return found;
}

void sinks_told(struct sinks *s, const char *name, uint64_t to, bool again)
{
	struct sink *k = s ? named(s, name) : NULL;

	if (!k)
		return;
	pthread_mutex_lock(&s->hub->lock);
	k->behind_asked = false;
	if (!again)
		k->behind_told = to;
	s->hub->ticks++;
	pthread_cond_broadcast(&s->hub->tick);
	pthread_mutex_unlock(&s->hub->lock);
}

const struct config_sink *sinks_config(struct sinks *s, const char *name)
{
	for (size_t i = 0; s && i < s->n_want; i++)
		if (strcmp(s->want[i].name, name) == 0)
			return &s->want[i];
	return NULL;
}

struct sink_hub *sinks_hub(struct sinks *s)
{
	return s->hub;
}

struct sink *sinks_first(struct sinks *s)
{
	return s->first;
}
