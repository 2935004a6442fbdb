/* `boltseal sinks test`: one canary through the real path of the kind, on a connection of its own. */
#include "daemon/gateway/sink_impl.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/event.h"
#include <stdio.h>

#define LAST_WORDS (2 * CLOCK_S)

struct sink_test {
	atomic_uint refs; /* the asker's and the thread's */
	struct sink_hub *hub;
	const struct sink_kind *kind;
	struct arena mem;
	struct config_sink conf;
	struct buf event;
	uint8_t id[SHA_LEN];
	int64_t time;
	atomic_bool stop, done;
	int result;
	char reply[512];
};

static void test_unref(struct sink_test *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	hub_unref(t->hub);
	buf_free(&t->event);
	arena_free(&t->mem);
	free(t);
}

static int exchange(struct sink_test *t, struct sink_result *got)
{
	struct sink_env env = sink_env_of(&t->conf, t->hub->version, &t->stop, -1);
	struct sink_event e = {.time = t->time,
		.type = EVENT_CANARY,
		.severity = SEV_INFO,
		.json = buf_span(&t->event)};
	struct sink_link *link = NULL;
	int r;

	memcpy(e.id, t->id, SHA_LEN);
	r = hub_connect(t->hub, t->kind, &env, &link);
	if (r == 0)
		r = t->kind->send(link, &e, 1, got);
	if (r == 0 && t->kind->finish && t->kind->finish(link, LAST_WORDS) < 0)
		r = -EIO; /* such as a certificate that is refused after we have sent */
	else if (r == 0 && t->kind->settle && !t->kind->finish)
		r = t->kind->settle(link);
	t->kind->close(link);
	return r;
}

static void *work(void *arg)
{
	struct sink_test *t = arg;
	struct sink_result got = {0};
	int r;

	err_set(-EIO, "it failed");
	r = exchange(t, &got);
	t->result = r == 0 ? 0 : -EIO;
	snprintf(t->reply, sizeof(t->reply), "%.500s",
		got.reply[0] && r >= 0 ? got.reply
		: r == 0	       ? "sent"
				       : err_why());
	atomic_store(&t->done, true);
	hub_ring(t->hub);
	test_unref(t);
	return NULL;
}

static int make_event(struct sink_test *t, struct span host)
{
	const uint8_t none[SHA_LEN] = {0};
	struct event e = {.time = t->time,
		.type = EVENT_CANARY,
		.severity = SEV_INFO,
		.host = host,
		.detail = span_of("a test, sent by boltseal sinks test; it is not in the journal")};

	return event_format(&e, none, &t->event, t->id);
}

int sinks_test_start(struct sinks *s, const char *name, struct span host, struct sink_test **ret)
{
	const struct config_sink *c = sinks_config(s, name);
	struct sink_test *t;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!c)
		return err_set(-ENOENT, "there is no sink of that name");
	t = calloc(1, sizeof(*t));
	must(t);
	t->refs = 1;
	t->hub = sinks_hub(s);
	atomic_fetch_add(&t->hub->refs, 1);
	config_sink_copy(&t->mem, c, &t->conf);
	t->time = clock_wall();
	t->kind = t->hub->kind_of(&t->conf);
	r = t->kind ? make_event(t, host) : -ENOTSUP;
	if (r < 0) {
		test_unref(t);
		return r;
	}
	t->refs = 2;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, work, t);
	pthread_attr_destroy(&attr);
	if (r != 0) {
		t->refs = 1;
		test_unref(t);
		return err_set(-EAGAIN, "no thread can be started");
	}
	*ret = t;
	return 0;
}

bool sink_test_done(struct sink_test *t)
{
	return atomic_load(&t->done);
}

int sink_test_result(struct sink_test *t, char reply[512], char id[65])
{
	BUF struct buf hex = {0};

	text_hex(&hex, span_make(t->id, SHA_LEN));
	snprintf(id, 65, "%s", buf_text(&hex));
	memcpy(reply, t->reply, sizeof(t->reply));
	return t->result;
}

const char *sink_test_name(const struct sink_test *t)
{
	return t->conf.name;
}

void sink_test_forget(struct sink_test *t)
{
	if (!t)
		return;
	atomic_store(&t->stop, true);
	test_unref(t);
}
