/*
 * The https sink: a body by wire/post.h, sent by the courier, the answer read by wire/post.h, and
 * what that means for the sink. What is safe for good is what counts: where a receiver acknowledges
 * later (Splunk), that is waited for.
 */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/gateway/courier.h"
#include "daemon/gateway/secret.h"
#include "daemon/gateway/sink.h"
#include "daemon/log.h"
#include "wire/post.h"
#include <poll.h>
#include <stdio.h>
#include <sys/random.h>

enum { ACK_FIRST_MS = 100, ACK_MOST_MS = 10000, SLICE_MS = 500 };
/* An acknowledgement is waited for as long as ten exchanges may take: five minutes by default. */
enum { ACK_EXCHANGES = 10 };

struct sink_link {
	struct courier *courier;
	struct secret token;
	unsigned *told;
	const struct config_sink *conf;
	struct post_options post;
	const atomic_bool *stop;
	int stop_fd;
	int64_t timeout;
	char channel[37], channel_line[80], tenant_line[300];
	const char *headers[4]; /* of every request of this profile */
	struct buf target, ack_target, body, ack_body;
	struct courier_answer answer;
	struct post_event *events;
	size_t cap;
	/* OTLP: up to this seq everything was rejected, and must not be sent again. */
	uint64_t rejected_to;
	char rejected_why[POST_WHY];
};

static void https_close(struct sink_link *l)
{
	if (!l)
		return;
	courier_free(l->courier);
	secret_wipe(&l->token);
	buf_free(&l->target);
	buf_free(&l->ack_target);
	buf_free(&l->body);
	buf_free(&l->ack_body);
	buf_free(&l->answer.body);
	free(l->events);
	free(l);
}
static void link_free(struct sink_link **l)
{
	https_close(*l);
}

/* How the token goes along, and how an event is written, where the configuration leaves it open. */
static const struct {
	enum secret_auth auth;
	enum format format;
} habits[POST_N] = {[POST_GENERIC] = {SECRET_BEARER, FORMAT_JSON},
	[POST_HEC] = {SECRET_SPLUNK, FORMAT_JSON},
	[POST_BULK] = {SECRET_APIKEY, FORMAT_ECS},
	[POST_LOKI] = {SECRET_BEARER, FORMAT_JSON},
	[POST_OTLP] = {SECRET_BEARER, FORMAT_JSON}};
_Static_assert((int)CONFIG_SINK_GENERIC == POST_GENERIC && (int)CONFIG_SINK_SPLUNK == POST_HEC &&
		       (int)CONFIG_SINK_ELASTIC == POST_BULK &&
		       (int)CONFIG_SINK_LOKI == POST_LOKI && (int)CONFIG_SINK_OTLP == POST_OTLP,
	"the configuration's profiles are the wire's");
_Static_assert((int)CONFIG_SINK_AUTH_BEARER == SECRET_BEARER + 1 &&
		       (int)CONFIG_SINK_AUTH_SPLUNK == SECRET_SPLUNK + 1,
	"one more than the secret's, for auto");

static enum secret_auth auth_of(const struct sink_link *l)
{
	return l->conf->auth == CONFIG_SINK_AUTH_AUTO ? habits[l->post.profile].auth
						      : (enum secret_auth)(l->conf->auth - 1);
}

/* Links come and go; what is wrong with the configuration is said once. */
enum { TOLD_WORLD = 1, TOLD_CLEAR = 2 };
static bool is_news(struct sink_link *l, unsigned what)
{
	if (!l->told || *l->told & what)
		return false;
	*l->told |= what;
	return true;
}

static int read_token(struct sink_link *l)
{
	int r;

	if (!*l->conf->token_file)
		return 0;
	r = secret_read(&l->token, l->conf->token_file, auth_of(l));
	if (r == 0 && l->token.world_readable && is_news(l, TOLD_WORLD))
		log_warn("sink %s: the token file %s can be read by everybody", l->conf->name,
			l->conf->token_file);
	return r;
}

/* After a refusal: true when the file has another token by now. */
static bool token_changed(struct sink_link *l)
{
	SECRET struct secret fresh = {.line = NULL};

	if (!l->token.line || secret_read(&fresh, l->conf->token_file, auth_of(l)) < 0 ||
		secret_same(&fresh, &l->token))
		return false;
	secret_wipe(&l->token);
	l->token = fresh;
	fresh = (struct secret){.line = NULL};
	return true;
}

/* A random name for Splunk's channel: version 4, variant 1. */
static int make_channel(struct sink_link *l)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return err_sys("random bytes");
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(l->channel, sizeof(l->channel),
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
	snprintf(l->channel_line, sizeof(l->channel_line), "X-Splunk-Request-Channel: %s",
		l->channel);
	return 0;
}

/* A line's end in a header would begin another one. */
static int check_line(const char *line)
{
	for (; *line; line++)
		if ((uint8_t)*line < 0x20 || *line == 0x7f)
			return err_set(-EINVAL, "a header of the configuration has a control byte");
	return 0;
}

static int make_headers(struct sink_link *l)
{
	const char *tenant = l->conf->tenant;
	size_t n = 0;

	for (size_t i = 0; i < l->conf->headers.n; i++)
		if (check_line(l->conf->headers.v[i]) < 0)
			return -EINVAL;
	if (check_line(tenant) < 0)
		return -EINVAL;

	if (l->post.profile == POST_HEC) {
		int r = make_channel(l);

		if (r < 0)
			return r;
		l->headers[n++] = l->channel_line;
	}
	if (*tenant) {
		snprintf(l->tenant_line, sizeof(l->tenant_line), "X-Scope-OrgID: %s", tenant);
		l->headers[n++] = l->tenant_line;
	}
	return 0;
}

static void make_targets(struct sink_link *l)
{
	struct span query = courier_query(l->courier);
	const char *own = post_query(l->post.profile);

	post_path(&l->post, courier_path(l->courier), &l->target);
	if (l->post.profile == POST_HEC)
		post_ack_path(buf_span(&l->target), l->channel, &l->ack_target);
	if (query.n == 0 && own)
		query = span_of(own);
	if (query.n > 0) {
		buf_u8(&l->target, '?');
		buf_add_span(&l->target, query);
	}
}

static int make_courier(struct sink_link *l, const struct sink_env *env)
{
	const struct config_sink *c = env->conf;
	struct courier_options o = {.address = c->address,
		.proxy = c->proxy,
		.ca = c->tls.ca,
		.crl = c->tls.crl,
		.cert = c->tls.cert,
		.key = c->tls.key,
		.server_name = c->tls.server_name,
		.fingerprint = c->tls.fingerprint,
		.agent = "boltseal/" BOLTSEAL_VERSION,
		.headers = c->headers.v,
		.timeout = env->timeout,
		.answer_max = POST_ANSWER_MAX,
		.stop = env->stop};

	return courier_new(&l->courier, &o);
}

static int https_open(struct sink_link **ret, const struct sink_env *env)
{
	CLEANUP(link_free) struct sink_link *l = calloc(1, sizeof(*l));
	const struct config_sink *c = env->conf;
	int r;

	must(l);
	l->conf = c;
	l->told = env->told;
	l->stop = env->stop;
	l->stop_fd = env->stop_fd;
	l->timeout = env->timeout;
	l->post = (struct post_options){.profile = (enum post_profile)c->profile,
		.format = c->format ? (enum format)(c->format - 1) : habits[c->profile].format,
		.how = env->format,
		.index = c->index,
		.labels = c->labels.v};
	if ((r = make_courier(l, env)) < 0 || (r = make_headers(l)) < 0 || (r = read_token(l)) < 0)
		return r;
	make_targets(l);
	if (strncmp(c->address, "http://", 7) == 0 && is_news(l, TOLD_CLEAR))
		log_warn("sink %s: http:// sends events%s in the clear", c->name,
			l->token.line ? " and the token" : "");
	*ret = take(l);
	return 0;
}

static int exchange(struct sink_link *l, struct span target, struct span body, const char *type)
{
	struct courier_request q = {.target = target,
		.type = type,
		.body = body,
		.gzip = l->conf->gzip,
		.secret = l->token.line,
		.headers = l->headers};
	int r = courier_post(l->courier, &q, &l->answer);

	/* Before anything is cut out of it. */
	secret_hide(&l->token, l->answer.body.p, l->answer.body.n);
	secret_hide(&l->token, l->answer.retry_after, strlen(l->answer.retry_after));
	return r;
}

static struct post_answer answer_of(const struct sink_link *l)
{
	return (struct post_answer){.status = l->answer.status,
		.body = buf_span(&l->answer.body),
		.retry_after = span_of(l->answer.retry_after)};
}

static int ask_ack(struct sink_link *l, struct post_result *ret)
{
	uint64_t ack = ret->ack;
	struct post_answer a;
	int r;

	buf_reset(&l->ack_body);
	post_ack_body(ack, &l->ack_body);
	r = exchange(l, buf_span(&l->ack_target), buf_span(&l->ack_body), "application/json");
	if (r < 0)
		return r;
	a = answer_of(l);
	post_read_ack(&a, ack, clock_wall(), ret);
	ret->ack = ack;
	return 0;
}

/* False: the sink is to stop; a test of one has no descriptor that says so. */
static bool pause_for(const struct sink_link *l, int64_t ms)
{
	struct pollfd p = {.fd = l->stop_fd, .events = POLLIN};

	for (; ms > 0 && !atomic_load(l->stop); ms -= SLICE_MS)
		if (poll(&p, 1, (int)(ms < SLICE_MS ? ms : SLICE_MS)) != 0)
			break;
	return !atomic_load(l->stop);
}

/* The indexers may take a while; asked ever more seldom. Not acknowledged in time is not received:
 * it is sent again, and the event's id tells doubles apart. */
static int wait_ack(struct sink_link *l, struct post_result *ret)
{
	int64_t until = clock_mono() + ACK_EXCHANGES * l->timeout, ms = ACK_FIRST_MS;

	while (ret->verdict == POST_WAIT || ret->verdict == POST_AGAIN) {
		int r;

		if (clock_mono() > until)
			return err_set(-ETIMEDOUT, "%s: ackId %llu is not indexed after %lld s",
				courier_where(l->courier), (unsigned long long)ret->ack,
				(long long)(ACK_EXCHANGES * l->timeout / CLOCK_S));
		if (!pause_for(l, ms))
			return err_set(-ECANCELED, "%s: given up, since the sink is to stop",
				courier_where(l->courier));
		ms = 2 * ms < ACK_MOST_MS ? 2 * ms : ACK_MOST_MS;
		r = ask_ack(l, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

static int deliver(struct sink_link *l, size_t n, struct post_result *ret)
{
	struct post_answer a;
	int r = exchange(
		l, buf_span(&l->target), buf_span(&l->body), post_content_type(&l->post, n));

	if (r < 0)
		return r;
	a = answer_of(l);
	post_read(l->post.profile, &a, l->events, n, clock_wall(), ret);
	if (l->post.profile == POST_HEC && ret->verdict == POST_TAKEN && l->conf->ack)
		return err_set(-EPROTO, "%s: its token does not acknowledge, and ack is on",
			courier_where(l->courier));
	if (ret->verdict != POST_WAIT)
		return 0;
	if (!l->conf->ack) {
		ret->verdict = POST_TAKEN;
		ret->done = n;
		return 0;
	}
	r = wait_ack(l, ret);
	if (r == 0 && ret->verdict == POST_TAKEN)
		ret->done = n;
	return r;
}

static void copy_events(struct sink_link *l, const struct sink_event *v, size_t n)
{
	if (n > l->cap) {
		free(l->events);
		l->events = calloc(n, sizeof(*l->events));
		must(l->events);
		l->cap = n;
	}
	for (size_t i = 0; i < n; i++)
		l->events[i] = (struct post_event){.seq = v[i].seq,
			.time = v[i].time,
			.type = v[i].type,
			.severity = v[i].severity,
			.id = v[i].id,
			.json = v[i].json};
}

static void reply(struct sink_link *l, struct sink_result *ret, const char *why)
{
	snprintf(ret->reply, sizeof(ret->reply), "%s", why);
	secret_hide(&l->token, ret->reply, strlen(ret->reply));
}

/* Of a batch that was rejected as a whole each event is known to be; of a part of one nobody knows
 * which, and they may not be sent again: that is said in the log and counted. */
static int partly(struct sink_link *l, const struct sink_event *v, size_t n,
	const struct post_result *p, struct sink_result *ret)
{
	if (p->lost == n) {
		l->rejected_to = v[n - 1].seq;
		snprintf(l->rejected_why, sizeof(l->rejected_why), "%s", p->why);
		ret->done = 0;
		return SINK_REFUSED;
	}
	ret->done = n;
	ret->lost = p->lost;
	log_warn("sink %s: of the events %llu to %llu some are lost there: %s", l->conf->name,
		(unsigned long long)v[0].seq, (unsigned long long)v[n - 1].seq, ret->reply);
	return 0;
}

static int outcome(struct sink_link *l, const struct sink_event *v, size_t n,
	const struct post_result *p, struct sink_result *ret)
{
	static const int codes[] = {[POST_AGAIN] = SINK_AGAIN,
		[POST_REFUSED] = SINK_REFUSED,
		[POST_TOO_MANY] = SINK_TOO_MANY};

	ret->done = p->done;
	ret->retry_after = p->retry_after;
	reply(l, ret, p->why);
	if (p->verdict == POST_TAKEN)
		return 0;
	if (p->verdict == POST_PARTLY)
		return partly(l, v, n, p, ret);
	if (p->verdict == POST_DENIED || p->verdict == POST_WRONG || p->verdict == POST_WAIT)
		return err_set(-EPROTO, "%s: %s", courier_where(l->courier), ret->reply);
	return codes[p->verdict];
}

/* The event behind the body's last is none of ours and never will be; what stands before it is
 * taken now. */
static int behind(struct sink_link *l, const char *why, struct sink_result *ret)
{
	reply(l, ret, why);
	return SINK_REFUSED;
}

static int https_send(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	struct post_result p;
	char why[POST_WHY] = "";
	size_t good;
	int r;

	*ret = (struct sink_result){.done = 0};
	if (l->rejected_to && v[0].seq <= l->rejected_to)
		return behind(l, l->rejected_why, ret);
	copy_events(l, v, n);
	buf_reset(&l->body);
	r = post_body(&l->post, l->events, n, &l->body, &good);
	if (r < 0)
		return r;
	if (good < n)
		snprintf(why, sizeof(why), "%s", err_why());
	if (good == 0)
		return behind(l, why, ret);
	r = deliver(l, good, &p);
	if (r == 0 && p.verdict == POST_DENIED && token_changed(l))
		r = deliver(l, good, &p);
	if (r < 0)
		return r;
	r = outcome(l, v, good, &p, ret);
	return r == 0 && good < n ? behind(l, why, ret) : r;
}

const struct sink_kind sink_https = {.name = "https",
	.batch = 1000,
	.batch_bytes = 1 << 20,
	.open = https_open,
	.send = https_send,
	.close = https_close};
