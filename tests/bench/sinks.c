/*
 * sinks N - how fast sinks drain a journal of N events that is there: to a file, as syslog (RFC
 * 5424) to a reader by TCP, which counts, and as NDJSON to one that takes it by HTTP. Prints "file
 * EVENTS/S", "tcp EVENTS/S" and "http EVENTS/S"; fails when an event was missing or out of order. In
 * the current directory, which may be lost afterwards.
 */
#include "base/clock.h"
#include "base/err.h"
#include "daemon/gateway/sinks.h"
#include "daemon/log.h"
#include "store/journal.h"
#include "wire/event.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t wanted;

static void die(const char *what)
{
	fprintf(stderr, "sinks: %s: %s\n", what, err_why());
	exit(1);
}

/* ---- the journal ---- */

static void append(struct store *s, uint64_t from, uint64_t to)
{
	static uint8_t last[SHA_LEN];
	BUF struct buf rec = {0};
	struct record r = {.type = FILE_REG, .mode = 0644, .size = 3, .has_sha = true};
	struct target t = {.no = 1,
		.id = span_of("aaaa000000000000000000000000000000000000000000000000000000000001"),
		.name = span_of("web-1"),
		.runtime = span_of("docker"),
		.image = span_of("registry.example/team/web:1.2.3")};
	struct txn *txn;

	if (record_encode(&r, &rec) < 0 || txn_begin(s, true, &txn) < 0)
		die("journal");
	for (uint64_t seq = from; seq <= to; seq++) {
		BUF struct buf text = {0};
		char path[64];
		struct change c = {
			.kind = 'C', .aspects = 1, .now = buf_span(&rec), .old = buf_span(&rec)};
		struct event e = {.seq = seq,
			.time = clock_wall(),
			.type = EVENT_CHANGE,
			.severity = SEV_MEDIUM,
			.host = span_of("host.example"),
			.target = &t,
			.change = &c};
		struct journal_entry j = {
			.seq = seq, .time = e.time, .type = e.type, .severity = e.severity};

		snprintf(path, sizeof(path), "/usr/share/doc/package-%" PRIu64 "/copyright", seq);
		c.path = span_of(path);
		if (event_format(&e, last, &text, j.id) < 0)
			die("event");
		memcpy(last, j.id, SHA_LEN);
		j.path = c.path;
		j.json = buf_span(&text);
		if (journal_append(txn, &j) < 0)
			die("append");
	}
	if (txn_commit(txn) < 0)
		die("commit");
}

/* ---- the reader ---- */

struct reader {
	int fd;
	_Atomic uint64_t next;
	_Atomic int64_t done; /* mono */
	bool bad;
};

/* `seq="N"` in a message. */
static uint64_t seq_of(const char *message, size_t n)
{
	const char *at = memmem(message, n, " seq=\"", 6);

	return at ? strtoull(at + 6, NULL, 10) : 0;
}

static void *read_all(void *arg)
{
	struct reader *r = arg;
	size_t room = 1 << 20, have = 0;
	char *p = malloc(room);
	int fd = accept(r->fd, NULL, NULL);

	while (r->next <= wanted && !r->bad) {
		ssize_t k = read(fd, p + have, room - have);
		size_t at = 0;

		if (k <= 0)
			break;
		have += (size_t)k;
		while (have - at > 8) {
			char *end;
			size_t n = strtoul(p + at, &end, 10), head = (size_t)(end + 1 - (p + at));

			if (have - at < head + n)
				break;
			r->bad |= seq_of(p + at + head, n) != r->next;
			r->next++;
			at += head + n;
		}
		memmove(p, p + at, have - at);
		have -= at;
	}
	r->done = clock_mono();
	free(p);
	close(fd);
	return NULL;
}

/* The body of one request, and how long it is; NULL: there is no more. */
static char *read_request(int fd, char *p, size_t room, size_t *ret_n)
{
	size_t have = 0;
	char *body = NULL;

	while (!body || have - (size_t)(body - p) < *ret_n) {
		ssize_t k = have < room ? read(fd, p + have, room - have) : 0;
		char *length;

		if (k <= 0)
			return NULL;
		have += (size_t)k;
		p[have] = 0;
		if (body || !(body = strstr(p, "\r\n\r\n")))
			continue;
		body += 4;
		length = strcasestr(p, "\r\nContent-Length: ");
		*ret_n = length ? strtoul(length + 18, NULL, 10) : 0;
	}
	return body;
}

static void *take_all(void *arg)
{
	static const char thanks[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct reader *r = arg;
	size_t room = 8 << 20, n;
	char *p = malloc(room + 1), *body;
	int fd = accept(r->fd, NULL, NULL);

	while (r->next <= wanted && !r->bad && (body = read_request(fd, p, room, &n))) {
		for (char *at = body, *end; at < body + n; at = end + 1) {
			char *seq = strstr(at, "\"seq\":");

			end = memchr(at, '\n', (size_t)(body + n - at));
			if (!end || !seq || seq > end) {
				r->bad = true;
				break;
			}
			r->bad |= strtoull(seq + 6, NULL, 10) != r->next;
			r->next++;
		}
		r->done = clock_mono();
		if (write(fd, thanks, sizeof(thanks) - 1) < 0)
			break;
	}
	free(p);
	close(fd);
	return NULL;
}

/* ---- one of them ---- */

static struct sinks *start(struct store *s, const char *name, const char *address, int type)
{
	struct config_sink c = {.name = name,
		.type = type,
		.address = address,
		.from = CONFIG_SINK_FROM_BEGINNING,
		.timeout = 10 * CLOCK_S,
		.retry_min = CLOCK_S,
		.retry_max = CLOCK_S,
		.mode = 640,
		.enterprise = 32473};
	struct sinks_options o = {.dir = "positions", .version = "0"};
	struct sinks *all;

	c.tls.ca = c.tls.cert = c.tls.key = c.tls.crl = c.tls.server_name = c.tls.fingerprint = "";
	c.token_file = c.index = c.tenant = c.proxy = "";
	if (sinks_new(&all, s, &o) < 0)
		die("sinks");
	sinks_set(all, &c, 1);
	return all;
}

static void say(const char *name, int64_t ns)
{
	printf("%s %.0f\n", name, (double)wanted / ((double)ns / CLOCK_S));
}

static void drain_to_file(struct store *s)
{
	char path[4096 + 8];
	int64_t from = clock_mono();
	struct sink_status st = {.acked = 0};
	struct sinks *all;

	if (!getcwd(path, 4096))
		exit(1);
	strcat(path, "/out");
	all = start(s, "file", path, CONFIG_SINK_FILE);
	while (!sinks_status(all, 0, &st) || st.acked < wanted) {
		if (clock_mono() - from > 120 * CLOCK_S)
			exit(1);
		usleep(1000);
	}
	say("file", clock_mono() - from);
	sinks_free(all);
}

static void drain_to_reader(
	struct store *s, const char *name, int type, const char *where, void *(*read)(void *))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct reader r = {.fd = socket(AF_INET, SOCK_STREAM, 0), .next = 1};
	socklen_t n = sizeof(a);
	char address[64];
	pthread_t thread;
	int64_t from;
	struct sinks *all;

	if (bind(r.fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(r.fd, 1) < 0 ||
		getsockname(r.fd, (struct sockaddr *)&a, &n) < 0)
		exit(1);
	snprintf(address, sizeof(address), "%s:%u", where, ntohs(a.sin_port));
	pthread_create(&thread, NULL, read, &r);
	from = clock_mono();
	all = start(s, name, address, type);
	pthread_join(thread, NULL);
	if (r.bad || r.next != wanted + 1) {
		fprintf(stderr, "sinks: %s: event %" PRIu64 " was missing\n", name, r.next);
		exit(1);
	}
	say(name, r.done - from);
	sinks_free(all);
}

int main(int argc, char **argv)
{
	struct store *s;

	wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	log_init("", LOG_LEVEL_ERR);
	if (store_open(&s, "store", STORE_WRITE,
		    &(struct store_options){
			    .map_size = (size_t)2 << 30, .dir_gid = -1, .no_sync = true}) < 0)
		die("store");
	for (uint64_t at = 1; at <= wanted; at += 5000)
		append(s, at, at + 4999 < wanted ? at + 4999 : wanted);
	drain_to_file(s);
	drain_to_reader(s, "tcp", CONFIG_SINK_SYSLOG, "tcp://127.0.0.1", read_all);
	drain_to_reader(s, "http", CONFIG_SINK_HTTPS, "http://127.0.0.1", take_all);
	store_close(s);
	return 0;
}
