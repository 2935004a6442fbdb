/*
 * The gateway's end of the door. Asks are kept in a list until they are answered; one whose call is
 * gone is only waited out. When the sensor goes away every ask fails at once and the door is tried
 * again, a little later each time.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "daemon/log.h"
#include <poll.h>
#include <unistd.h>

#define RETRY_FIRST (100 * CLOCK_MS)
#define RETRY_LAST (5 * CLOCK_S)
static const char down[] =
	"the sensor is down: nothing is watched: `systemctl start boltseald` (by hand: start boltseald "
	"again) and ask once more";

static void ask_free(struct ask *k)
{
	buf_free(&k->packet);
	buf_free(&k->text);
	if (k->out_fd > 0)
		close(k->out_fd);
	for (size_t i = 0; i < k->n_fds; i++)
		close(k->fds[i]);
	free(k);
}

static void finish(struct gateway *g, struct ask *k, enum door_result result, const char *why)
{
	k->done = true;
	k->result = result;
	if (why) {
		buf_reset(&k->text);
		buf_add_text(&k->text, why);
	}
	if (k->call)
		call_wake(k->call);
	if (k->own)
		pulse_answer(g, k);
	if (k->sink[0])
		sinks_answer(g, k);
}

/* Those that nobody waits for any more. */
static void sweep(struct asks *a)
{
	struct ask **at = &a->first;

	while (*at) {
		struct ask *k = *at;

		if (k->call || !k->done) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		ask_free(k);
	}
}

static void lost(struct gateway *g, const char *why)
{
	struct asks *a = &g->asks;

	if (a->fd >= 0)
		log_warn("the sensor's door closed: %s", why);
	fd_close(&a->fd);
	for (struct ask *k = a->first; k; k = k->next) {
		if (!k->done && k->sent)
			finish(g, k, DOOR_FAILED,
				"the sensor went away: `systemctl status boltseald` tells whether it runs");
	}
	a->retry_wait = RETRY_FIRST;
	a->retry_at = clock_mono() + a->retry_wait;
	a->grace_until = clock_mono() + g->limits.grace;
	sweep(a);
}

static void wake_streams(struct gateway *g)
{
	for (struct call *c = g->streams; c; c = c->next)
		call_wake(c);
}

static void connect_door(struct gateway *g)
{
	struct asks *a = &g->asks;

	if (door_connect(a->path, &a->fd) < 0) {
		a->fd = -1;
		a->retry_wait = 2 * a->retry_wait < RETRY_LAST ? 2 * a->retry_wait : RETRY_LAST;
		if (a->retry_wait < RETRY_FIRST || clock_mono() < a->grace_until)
			a->retry_wait = RETRY_FIRST;
		a->retry_at = clock_mono() + a->retry_wait;
		return;
	}
	log_info("the sensor's door is open");
	g->reopen = true;
	wake_streams(g);
	sinks_tick(g->sinks);
}

static struct ask *queue(struct asks *a, struct door_msg *m)
{
	struct ask *k = calloc(1, sizeof(*k));

	must(k);
	k->id = m->id = ++a->next_id;
	door_encode(m, &k->packet);
	if (k->packet.n > DOOR_MAX) {
		ask_free(k);
		return NULL;
	}
	k->changes = m->op == DOOR_RESCAN || m->op == DOOR_ACCEPT || m->op == DOOR_HOLD_OPEN ||
		     m->op == DOOR_HOLD_CLOSE || m->op == DOOR_IMPORT || m->op == DOOR_FORGET;
	k->next = a->first;
	a->first = k;
	return k;
}

void asks_send_own(struct gateway *g, struct door_msg *m)
{
	struct ask *k = queue(&g->asks, m);

	must(k);
	k->own = true;
}

void asks_send_sink(struct gateway *g, struct door_msg *m)
{
	struct ask *k = queue(&g->asks, m);

	must(k && m->target.n < sizeof(k->sink));
	if (m->target.n)
		memcpy(k->sink, m->target.p, m->target.n);
	k->sink_to = m->value2;
	k->sink_refused = m->op == DOOR_SINK_REFUSED;
}

bool asks_change(const struct asks *a)
{
	const struct ask *k = a->first;

	while (k && !(k->changes && !k->done))
		k = k->next;
	return k != NULL;
}

int asks_send(struct call *c, struct door_msg *m, int64_t patience)
{
	struct asks *a = &c->g->asks;
	struct ask *k;

	if (a->fd < 0 && clock_mono() >= a->grace_until) {
		problem(c, 503, "%s", down);
		return VIEW_ANSWERED;
	}
	k = queue(a, m);
	if (!k) {
		problem(c, 413, "more paths than fit in one wish; name fewer at a time");
		return VIEW_ANSWERED;
	}
	k->call = c;
	k->deadline = patience ? clock_mono() + patience : 0;
	c->ask = k;
	return 0;
}

int asks_send_file(struct call *c, struct door_msg *m, int fd, int64_t patience)
{
	int r = asks_send(c, m, patience);

	if (r == 0)
		c->ask->out_fd = fd;
	else
		close(fd);
	return r;
}

void asks_forget(struct call *c)
{
	if (c->ask)
		c->ask->call = NULL;
	c->ask = NULL;
}

void asks_free(struct asks *a)
{
	while (a->first) {
		struct ask *k = a->first;

		a->first = k->next;
		if (k->call)
			k->call->ask = NULL;
		ask_free(k);
	}
	fd_close(&a->fd);
	buf_free(&a->packet);
	free((char *)a->path);
}

static struct ask *find(struct asks *a, uint32_t id)
{
	struct ask *k = a->first;

	while (k && k->id != id)
		k = k->next;
	return k;
}

static void on_text(struct gateway *g, struct ask *k, const struct door_msg *m)
{
	buf_add_span(&k->text, m->text);
	if (!(m->flags & DOOR_MORE))
		finish(g, k, DOOR_OK, NULL);
}

static void on_done(struct gateway *g, struct ask *k, const struct door_msg *m)
{
	buf_reset(&k->text);
	buf_add_span(&k->text, m->text);
	finish(g, k, (enum door_result)m->value, NULL);
}

static void on_progress(struct ask *k, const struct door_msg *m)
{
	k->progress = m->value;
	k->total = m->value2;
	if (k->call && k->call->fill)
		call_wake(k->call);
}

static void on_files(
	struct gateway *g, struct ask *k, const struct door_msg *m, int fds[2], size_t *n)
{
	k->flags = m->flags;
	memcpy(k->fds, fds, sizeof(k->fds));
	k->n_fds = *n;
	*n = 0;
	finish(g, k, DOOR_OK, NULL);
}

static void on_message(struct gateway *g, const struct door_msg *m, int fds[2], size_t *n_fds)
{
	struct ask *k;

	if (m->op == DOOR_TICK) {
		sinks_tick(g->sinks);
		wake_streams(g);
		return;
	}
	k = find(&g->asks, m->id);
	if (!k || k->done)
		return;
	if (m->op == DOOR_PROGRESS)
		on_progress(k, m);
	else if (m->op == DOOR_TEXT)
		on_text(g, k, m);
	else if (m->op == DOOR_DONE)
		on_done(g, k, m);
	else if (m->op == DOOR_FILES)
		on_files(g, k, m, fds, n_fds);
}

static void read_door(struct gateway *g)
{
	struct asks *a = &g->asks;

	while (a->fd >= 0) {
		struct door_msg m;
		int fds[2] = {-1, -1};
		size_t n = 0;
		int r = door_recv(a->fd, &a->packet, &m, fds, &n);

		if (r == DOOR_AGAIN)
			return;
		if (r != 0) {
			lost(g, r < 0 ? err_why() : "it hung up");
			return;
		}
		on_message(g, &m, fds, &n);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
}

static void write_door(struct gateway *g)
{
	struct asks *a = &g->asks;

	for (struct ask *k = a->first; k && a->fd >= 0; k = k->next) {
		struct door_msg m;
		int r;

		if (k->sent || k->done)
			continue;
		must(door_decode(buf_span(&k->packet), &m) == 0);
		r = door_send(a->fd, &m, &k->out_fd, k->out_fd > 0);
		if (r == DOOR_AGAIN)
			return;
		if (r != 0) {
			lost(g, r < 0 ? err_why() : "it hung up");
			return;
		}
		k->sent = true;
		buf_reset(&k->packet);
		if (k->out_fd > 0)
			close(k->out_fd);
		k->out_fd = 0;
	}
}

static void expire(struct gateway *g, int64_t now)
{
	struct asks *a = &g->asks;

	for (struct ask *k = a->first; k; k = k->next) {
		if (!k->done && k->deadline && now > k->deadline)
			finish(g, k, DOOR_BUSY,
				"the sensor did not answer in time; ask again later");
		else if (!k->done && a->fd < 0 && now > a->grace_until)
			finish(g, k, DOOR_BUSY, down);
	}
}

void asks_give_up(struct gateway *g, unsigned status, const char *why)
{
	for (struct ask *k = g->asks.first; k; k = k->next) {
		if (!k->changes || k->done)
			continue;
		k->status = status;
		finish(g, k, DOOR_FAILED, why);
	}
}

void asks_turn(struct gateway *g, short revents)
{
	struct asks *a = &g->asks;
	int64_t now = clock_mono();

	if (a->fd < 0 && now >= a->retry_at)
		connect_door(g);
	if (revents)
		read_door(g);
	write_door(g);
	expire(g, now);
	sweep(a);
}

short asks_events(const struct asks *a)
{
	for (const struct ask *k = a->first; k; k = k->next) {
		if (!k->sent && !k->done)
			return POLLIN | POLLOUT;
	}
	return POLLIN;
}

int asks_wait_ms(const struct asks *a, int64_t now)
{
	if (a->fd >= 0)
		return a->first ? 1000 : -1;
	return a->retry_at > now ? (int)((a->retry_at - now) / CLOCK_MS) + 1 : 0;
}

static const struct {
	unsigned status;
	const char *fallback;
} refusals[] = {
	[DOOR_OK] = {200, ""},
	[DOOR_NO_TARGET] = {404, "the sensor does not keep that target any more"},
	[DOOR_NO_PATH] = {404, "there is no such path"},
	[DOOR_MOVED] = {412, "the drift has moved since; look at it again, then accept"},
	[DOOR_BUSY] = {503, "the sensor is busy; ask again later"},
	[DOOR_FAILED] = {500, "the sensor could not do it"},
	[DOOR_WITHHELD] = {403, "a rule says that its content is never shown (withhold:)"},
	[DOOR_BINARY] = {415, "the file is not text; boltseal show has both digests"},
	[DOOR_TOO_LARGE] = {413, "the file is too large to be shown as a diff"},
	[DOOR_NOTHING] = {404, "no drift is under those paths"},
	[DOOR_TAKEN] = {409, "that name is taken"},
	[DOOR_REFUSED] = {422, "it was refused"},
};

const char *asks_why(const struct ask *k, unsigned *ret_status)
{
	const char *text = buf_text(&k->text);
	bool known = (unsigned)k->result < COUNTOF(refusals);

	*ret_status = k->status ? k->status : known ? refusals[k->result].status : 500;
	if (!known)
		return "the sensor gave an answer that this gateway does not know";
	return *text ? text : refusals[k->result].fallback;
}

int asks_refused(struct call *c)
{
	unsigned status;
	const char *why = asks_why(c->ask, &status);

	if (c->ask->result == DOOR_OK)
		return 0;
	if (c->ask->result == DOOR_MOVED && c->ask->text.n)
		problem(c, 412,
			"the drift has moved since: it is %s now; look at it again, then accept",
			why);
	else
		problem(c, status, "%s", why);
	return VIEW_ANSWERED;
}
