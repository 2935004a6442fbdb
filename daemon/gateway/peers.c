/*
 * Connections before and around libmicrohttpd: taken and counted here, so that one user cannot have
 * them all, and ended here when a request, or the reading of its answer, takes too long.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/log.h"
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBLEM(status, title, length, type, detail)                                               \
	"HTTP/1.1 " status " " title "\r\nConnection: close\r\nRetry-After: 1\r\n"                 \
	"Content-Type: application/problem+json\r\nContent-Length: " length "\r\n\r\n"             \
	"{\"detail\":\"" detail "\",\"status\":" status ",\"title\":\"" title                      \
	"\",\"type\":\"urn:boltseal:problem:" type "\"}"

static const char too_many[] = PROBLEM("429", "Too many at once", "138", "too-many",
	"this user has too many connections; close some");
static const char too_slow[] = PROBLEM("408", "Request took too long", "149", "too-slow",
	"the request was not complete in time; send it faster");

struct peer *peers_find(struct gateway *g, int fd)
{
	struct peer *p = g->peers;

	while (p && p->fd != fd)
		p = p->next;
	return p;
}

void peers_drop(struct gateway *g, struct peer *p)
{
	struct peer **at = &g->peers;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at) {
		*at = p->next;
		g->n_peers--;
	}
	if (p->call)
		p->call->peer = NULL;
	who_free(&p->who);
	free(p);
}

static uint32_t count_uid(const struct gateway *g, uint32_t uid)
{
	uint32_t n = 0;

	for (const struct peer *p = g->peers; p; p = p->next)
		n += p->who.uid == uid;
	return n;
}

static bool is_target(void *ctx, struct span id)
{
	struct gateway *g = ctx;
	TXN struct txn *t = NULL;
	struct target tg;

	return txn_begin(g->store, false, &t) == 0 && targets_by_id(t, id, &tg) == 0;
}

static void say_and_close(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void welcome(struct gateway *g, int fd)
{
	struct peer *p = calloc(1, sizeof(*p));

	must(p);
	p->g = g;
	p->fd = fd;
	p->first = true;
	p->progress = clock_mono();
	p->deadline = p->progress + g->limits.request;
	if (who_read(fd, is_target, g, &p->who) < 0 ||
		count_uid(g, p->who.uid) >= g->limits.per_uid) {
		log_note("uid %u has too many connections, or is not known", p->who.uid);
		say_and_close(fd, too_many);
		who_free(&p->who);
		free(p);
		return;
	}
	p->next = g->peers;
	g->peers = p;
	g->n_peers++;
	g->asks.retry_at = 0; /* who asks now is not told of a sensor that was down a moment ago */
	if (http_add(g, fd) < 0) {
		log_warn("%s", err_why());
		p = peers_find(g, fd);
		if (p)
			peers_drop(g, p);
	}
}

void peers_accept(struct gateway *g)
{
	while (g->n_peers < g->limits.connections) {
		int fd = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		welcome(g, fd);
	}
}

/* libmicrohttpd owns the descriptor: it sees the end and closes. */
static void end(struct peer *p, const char *why)
{
	log_info("uid %u pid %d: %s", p->who.uid, p->who.pid, why);
	p->deadline = 0;
	p->gone = true;
	shutdown(p->fd, SHUT_RDWR);
	if (p->call)
		call_wake(p->call);
}

static bool hung_up(const struct peer *p)
{
	struct pollfd f = {.fd = p->fd, .events = 0};

	return poll(&f, 1, 0) > 0 && f.revents & (POLLHUP | POLLERR);
}

static void tidy_answer(struct gateway *g, struct peer *p, int64_t now)
{
	struct call *c = p->call;

	if (c->suspended && hung_up(p))
		end(p, "hung up while it was waited for");
	else if (c->suspended && c->follows && now - c->last_sent >= g->limits.heartbeat)
		call_wake(c);
	else if (!c->suspended && c->answered && now - p->progress > g->limits.answer)
		end(p, "does not read its answer");
}

static void tidy(struct gateway *g, struct peer *p, int64_t now)
{
	if (p->deadline == 0 || now < p->deadline) {
		if (p->call)
			tidy_answer(g, p, now);
		return;
	}
	if (p->first || p->call)
		(void)!send(p->fd, too_slow, strlen(too_slow), MSG_DONTWAIT | MSG_NOSIGNAL);
	end(p, p->first || p->call ? "its request was not complete in time" : "idle");
}

void peers_tidy(struct gateway *g, int64_t now)
{
	struct peer *next;

	for (struct peer *p = g->peers; p; p = next) {
		next = p->next;
		tidy(g, p, now);
	}
}
