/* The gateway's life: configuration, socket, store, then the loop until a signal ends it. */
#include "daemon/daemon.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/gateway/gw.h"
#include "daemon/gateway/listen.h"
#include "daemon/gateway/waiting.h"
#include "daemon/log.h"
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_RETRY_MS = 250 };
#define STORE_PATIENCE (2 * CLOCK_S)
#define STORE_UNIT_PATIENCE (250 * CLOCK_MS)

struct life {
	const struct daemon_args *args;
	struct config *config;
	struct store *store;
	struct gateway g;
	struct wall wall;
	int signal_fd, listen_fd;
	char *socket, *state_dir; /* as it was started with, whatever is reloaded */
	bool made, running, stop;
	int64_t alive_every, alive_due; /* the service manager's watchdog; 0: none */
};

static void life_end(struct life *l)
{
	if (l->running)
		gw_fini(&l->g);
	store_close(l->running ? l->g.store : l->store);
	if (l->made)
		unlink(l->socket);
	wall_fini(&l->wall);
	free(l->socket);
	free(l->state_dir);
	fd_close(&l->listen_fd);
	fd_close(&l->signal_fd);
	config_free(l->config);
}

static int take_signals(struct life *l)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signal_fd < 0 ? err_sys("signalfd") : 0;
}

static void reload(struct life *l)
{
	struct config *fresh = NULL;
	RULES struct rules *rules = NULL;
	bool taken = false;

	notify("RELOADING=1");
	if (daemon_config(l->args, &fresh) < 0) {
		log_err("the old configuration stays: %s", err_why());
	} else if (daemon_rules(fresh, &rules) < 0) {
		log_err("the old configuration and the old rules stay: %s", err_why());
		config_free(fresh);
	} else if (l->running && gw_set_config(&l->g, fresh) < 0) {
		log_err("the old configuration stays: %s", err_why());
		config_free(fresh);
	} else {
		config_free(l->config);
		l->config = fresh;
		taken = true;
		if (l->running)
			gw_set_rules(&l->g, take(rules));
		log_note("the configuration was read again");
	}
	if (l->running)
		reloaded_now(&l->g.reloaded, taken ? NULL : err_why());
	notify("READY=1");
}

static void on_signals(struct life *l)
{
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP)
			reload(l);
		else
			l->stop = true;
	}
}

/* Started by a service manager that holds the socket: nobody else answers while the sensor cannot make the
 * store or cannot open it, and a client would hang. */
static void answer_without(struct life *l, const char *why, bool first)
{
	BUF struct buf text = {.p = NULL};

	if (l->made)
		return;
	buf_printf(&text,
		"nothing can be answered until the sensor has its store: %s; journalctl -u boltseald",
		why);
	if (first) {
		notify("READY=1");
		l->alive_every = notify_alive_every();
		l->alive_due = 0;
	}
	if (l->alive_every && clock_mono() >= l->alive_due) {
		l->alive_due = clock_mono() + l->alive_every;
		notify("WATCHDOG=1");
	}
	waiting_answer(l->listen_fd, buf_text(&text));
}

/* The sensor makes the store, lets the gateway read it and brings it up to date, or refuses it and
 * says why. Until it had time for that, whatever is wrong is not worth a word; a unit comes after it. */
static int wait_for_store(struct life *l)
{
	struct pollfd p[] = {{.fd = l->signal_fd, .events = POLLIN},
		{.fd = l->made ? -1 : l->listen_fd, .events = POLLIN}};
	int64_t patience = clock_mono() + (l->made ? STORE_PATIENCE : STORE_UNIT_PATIENCE);
	bool told = false;

	while (!l->stop) {
		int r = store_open(&l->store, l->config->state_dir, STORE_READ, NULL);
		bool late = clock_mono() > patience;

		if (r == 0 || (late && l->made && r != -ENOENT && r != -EAGAIN && r != -EACCES))
			return r;
		if (late && !told)
			log_note("waiting for the sensor to make the store: %s", err_why());
		if (late)
			answer_without(l, err_why(), !told);
		told |= late;
		(void)!poll(p, late ? COUNTOF(p) : 1, STORE_RETRY_MS);
		on_signals(l);
	}
	return 0;
}

/* Everything that is not needed any more is given away. The sinks' place is made before. */
static void build_wall(struct life *l)
{
	BUF struct buf dir = {.p = NULL};
	struct wall_gateway w = {.config = l->config,
		.state_dir = l->state_dir,
		.own_socket = l->made ? l->socket : NULL};

	gw_sinks_dir(l->config, &dir);
	w.sinks_dir = buf_text(&dir);
	(void)mkdir(w.sinks_dir, 0700); /* who needs it says what is wrong with it */
	wall_gateway(&l->wall, &w);
}

static int start(struct life *l)
{
	BUF struct buf door = {.p = NULL};
	int r = daemon_door_path(l->config, &door);
	struct gw_limits limits = gw_limits_default;
	struct rules *rules = NULL;

	if (r == 0)
		r = daemon_rules(l->config, &rules);
	if (l->config->max_connections)
		limits.connections = l->config->max_connections;
	if (r < 0)
		return r;
	build_wall(l);
	limits.wall = &l->wall;
	l->running = true;
	r = gw_init(&l->g, l->config, l->store, l->listen_fd, buf_text(&door), &limits);
	l->g.store_dir = l->state_dir;
	gw_set_rules(&l->g, rules);
	return r;
}

/* One turn of the loop: that it turns is what the service manager hears. */
static int turn(struct life *l)
{
	int64_t left = l->alive_due - clock_mono();
	int wait = !l->alive_every ? -1 : left > 0 ? (int)(left / CLOCK_MS) + 1 : 0;
	int r = gw_step(&l->g, l->signal_fd, wait);

	if (l->alive_every && clock_mono() >= l->alive_due) {
		l->alive_due = clock_mono() + l->alive_every;
		notify("WATCHDOG=1");
	}
	return r;
}

static int live(struct life *l)
{
	int r = take_signals(l);

	l->socket = strdup(l->config->socket);
	l->state_dir = strdup(l->config->state_dir);
	must(l->socket && l->state_dir);
	if (r == 0)
		r = listen_open(l->socket, l->config->group, &l->listen_fd, &l->made);
	if (r == 0)
		r = wait_for_store(l);
	if (r < 0 || l->stop)
		return r;
	r = start(l);
	if (r < 0)
		return r;
	notify("READY=1");
	log_info("answering on %s", l->socket);
	l->alive_every = notify_alive_every();
	l->alive_due = clock_mono() + l->alive_every;
	while (r == 0 && !l->stop) {
		r = turn(l);
		on_signals(l);
	}
	notify("STOPPING=1");
	return r;
}

/* Tokens and keys lie in its memory: none of it goes into a core dump, nobody attaches to it. A
 * sanitizer could not look for leaks then. */
static void hide_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int gateway_main(const struct daemon_args *args)
{
	CLEANUP(life_end) struct life l = {.args = args, .signal_fd = -1, .listen_fd = -1};
	int r;

	hide_memory();
	r = daemon_config(args, &l.config);

	if (r < 0) {
		log_err("%s", err_why());
		return 2;
	}
	log_init("gateway", (enum log_level)l.config->log_level);
	r = live(&l);
	if (r < 0)
		log_err("%s", err_why());
	return r < 0 ? 1 : 0;
}
