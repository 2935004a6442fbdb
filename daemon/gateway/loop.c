/* One thread, one poll(): connections, libmicrohttpd's machine, the door, jobs that come back. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <unistd.h>

const struct gw_limits gw_limits_default = {
	.connections = 256,
	.per_uid = 64,
	.streams = 64,
	.body = 1 << 20,
	.request = 10 * CLOCK_S,
	.idle = 60 * CLOCK_S,
	.answer = 60 * CLOCK_S,
	.heartbeat = 15 * CLOCK_S,
	.grace = 3 * CLOCK_S,
};
#define TIDY_EVERY (500 * CLOCK_MS)

/* Where sinks keep their positions: what the configuration says, what the service manager gives, or
 * a directory of the store's that the sensor has made for us. */
void gw_sinks_dir(const struct config *c, struct buf *out)
{
	const char *given = getenv("STATE_DIRECTORY");
	size_t n = given ? strcspn(given, ":") : 0;

	if (c->gateway_state_dir && c->gateway_state_dir[0])
		buf_add_text(out, c->gateway_state_dir);
	else if (n && !span_is(span_make(given, n), c->state_dir))
		buf_add(out, given, n);
	else
		buf_printf(out, "%s/sinks", c->state_dir);
}

static int start_sinks(struct gateway *g, const struct config *c)
{
	BUF struct buf dir = {0};
	struct sinks_options o = {.version = BOLTSEAL_VERSION};

	if (g->limits.wall) {
		o.refuses = wall_refuses;
		o.wall = g->limits.wall;
	}
	if (c->state_dir) {
		gw_sinks_dir(c, &dir);
		o.dir = buf_text(&dir);
	}
	return sinks_new(&g->sinks, g->store, &o);
}

int gw_set_config(struct gateway *g, struct config *config)
{
	struct roles *roles;
	int r = roles_new(&roles, config);

	if (r < 0)
		return r;
	roles_free(g->roles);
	g->roles = roles;
	g->config = config;
	sinks_set(g->sinks, config->sinks, config->n_sinks);
	return 0;
}

void gw_set_rules(struct gateway *g, struct rules *rules)
{
	rules_unref(g->rules);
	g->rules = rules;
}

int gw_init(struct gateway *g, struct config *config, struct store *store, int listen_fd,
	const char *door_path, const struct gw_limits *limits)
{
	int r;

	*g = (struct gateway){.store = store,
		.listen_fd = listen_fd,
		.mhd_fd = -1,
		.job_pipe = {-1, -1},
		.limits = limits ? *limits : gw_limits_default,
		.started = clock_wall()};
	reloaded_now(&g->reloaded, NULL);
	g->asks.fd = -1;
	g->asks.grace_until = clock_mono() + g->limits.grace;
	g->asks.path = strdup(door_path);
	must(g->asks.path);
	if (pipe2(g->job_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys("cannot make a pipe");
	r = start_sinks(g, config);
	if (r == 0)
		r = gw_set_config(g, config);
	return r < 0 ? r : http_start(g);
}

/* Jobs use the store: they are waited for. */
static void wait_for_jobs(struct gateway *g)
{
	struct pollfd p = {.fd = g->job_pipe[0], .events = POLLIN};

	while (g->n_jobs > 0) {
		(void)!poll(&p, 1, -1);
		jobs_turn(g);
	}
}

void gw_fini(struct gateway *g)
{
	http_stop(g);
	sinks_free(take(g->sinks));
	buf_free(&g->sinks_said);
	wait_for_jobs(g);
	while (g->peers)
		peers_drop(g, g->peers);
	asks_free(&g->asks);
	roles_free(g->roles);
	fd_close(&g->job_pipe[0]);
	fd_close(&g->job_pipe[1]);
	gw_set_rules(g, NULL);
	reloaded_fini(&g->reloaded);
}

static int lesser(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* How long poll() may sleep. A tick is there only while somebody is connected. */
static int wait_time(struct gateway *g, int wait_ms)
{
	int64_t now = clock_mono();
	MHD_UNSIGNED_LONG_LONG mhd;
	int wait = lesser(wait_ms, asks_wait_ms(&g->asks, now));

	if (g->n_peers > 0)
		wait = lesser(wait, (int)(TIDY_EVERY / CLOCK_MS));
	if (MHD_get_timeout(g->mhd, &mhd) == MHD_YES)
		wait = lesser(wait, mhd > 60000 ? 60000 : (int)mhd);
	return wait;
}

/* The sensor starts anew with a fresh lock file when a reader held the old one: what is open here
 * would then guard nothing. No transaction is open between turns, and jobs are waited for. */
static int reopen_store(struct gateway *g)
{
	int r;

	if (!g->reopen || g->n_jobs > 0)
		return 0;
	g->reopen = false;
	if (!g->store_dir)
		return 0;
	sinks_store(g->sinks, NULL);
	store_close(g->store);
	g->store = NULL;
	r = store_open(&g->store, g->store_dir, STORE_READ, NULL);
	sinks_store(g->sinks, g->store);
	return r < 0 ? err_wrap(r, "the store could not be opened again") : 0;
}

enum { SLOT_LISTEN, SLOT_MHD, SLOT_JOBS, SLOT_DOOR, SLOT_SINKS, SLOT_EXTRA, SLOT_N };

int gw_step(struct gateway *g, int extra_fd, int wait_ms)
{
	bool room = g->n_peers < g->limits.connections;
	struct pollfd p[SLOT_N] = {
		[SLOT_LISTEN] = {.fd = room ? g->listen_fd : -1, .events = POLLIN},
		[SLOT_MHD] = {.fd = g->mhd_fd, .events = POLLIN},
		[SLOT_JOBS] = {.fd = g->job_pipe[0], .events = POLLIN},
		[SLOT_DOOR] = {.fd = g->asks.fd, .events = asks_events(&g->asks)},
		[SLOT_SINKS] = {.fd = sinks_fd(g->sinks), .events = POLLIN},
		[SLOT_EXTRA] = {.fd = extra_fd, .events = POLLIN},
	};
	int64_t now;
	int r;

	if (poll(p, SLOT_N, wait_time(g, wait_ms)) < 0 && errno != EINTR)
		return err_sys("poll");
	if (p[SLOT_LISTEN].revents)
		peers_accept(g);
	jobs_turn(g);
	asks_turn(g, p[SLOT_DOOR].revents);
	pulse_turn(g);
	sinks_turn(g);
	r = reopen_store(g);
	if (r < 0)
		return r;
	now = clock_mono();
	if (now >= g->tidy_at) {
		peers_tidy(g, now);
		g->tidy_at = now + TIDY_EVERY;
	}
	if (MHD_run(g->mhd) != MHD_YES)
		return err_set(-EIO, "libmicrohttpd stopped working");
	return 0;
}
