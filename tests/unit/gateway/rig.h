/* rig.h - a gateway in a thread, on a store made for the test, and a small client. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/gateway/gw.h"
#include "daemon/gateway/listen.h"
#include "wire/event.h"

#define ID_WEB "aaaa000000000000000000000000000000000000000000000000000000000001"
#define ID_DB "aaaa000000000000000000000000000000000000000000000000000000000002"
#define N_DRIFT 25

struct rig {
	char dir[64], sock[128], door[128];
	struct store *writer;
	struct config config;
	struct gateway g;
	pthread_t thread, sensor;
	atomic_bool stop;
	bool has_sensor;
	int listen_fd, door_fd, wake[2];
	uint32_t web, db;
	uint8_t last_id[SHA_LEN];
	uint64_t seq;
	atomic_int tick_fd;
	_Atomic(const char *) status; /* what the sensor says of itself; NULL: it is silent */
};

static inline void rig_event(
	struct rig *r, struct txn *t, const struct target *tg, const struct change *c)
{
	BUF struct buf text = {.p = NULL};
	struct event e = {.seq = ++r->seq,
		.time = (int64_t)r->seq * CLOCK_S,
		.type = EVENT_CHANGE,
		.severity = SEV_MEDIUM,
		.host = span_of("h"),
		.target = tg,
		.change = c};
	struct journal_entry j = {.seq = e.seq,
		.time = e.time,
		.type = e.type,
		.severity = e.severity,
		.target = tg->no,
		.path = c->path};

	assert_int_equal(event_format(&e, r->last_id, &text, j.id), 0);
	memcpy(r->last_id, j.id, SHA_LEN);
	j.json = buf_span(&text);
	assert_int_equal(journal_append(t, &j), 0);
}

static inline void rig_drift(struct rig *r, struct txn *t, const struct target *tg)
{
	BUF struct buf rec = {.p = NULL};

	assert_int_equal(
		record_encode(
			&(struct record){
				.type = FILE_REG, .mode = 0644, .size = 3, .has_sha = true},
			&rec),
		0);
	for (int i = 0; i < N_DRIFT; i++) {
		char path[64];
		struct change c = {.kind = i % 3 ? 'A' : 'D',
			.severity = i % 5 ? SEV_LOW : SEV_HIGH,
			.first = 1,
			.last = 2,
			.seq = (uint64_t)i + 1};

		snprintf(path, sizeof(path), "/etc/x%02d", i);
		c.path = i == 7 ? span_make("/etc/\xff\n", 7) : span_of(path);
		if (c.kind == 'A')
			c.now = buf_span(&rec);
		else
			c.old = buf_span(&rec);
		assert_int_equal(drift_put(t, tg->no, &c), 0);
		rig_event(r, t, tg, &c);
	}
}

static inline struct target rig_target(
	const char *id, const char *name, struct buf *lowers, struct buf *labels)
{
	buf_bytes(lowers, span_of("/l/one"));
	buf_bytes(labels, span_of("team"));
	buf_bytes(labels, span_of(name));
	return (struct target){.kind = TARGET_CONTAINER,
		.state = STATE_RUNNING,
		.level = LEVEL_L1,
		.id = span_of(id),
		.name = span_of(name),
		.runtime = span_of("docker"),
		.image = span_of("nginx:1"),
		.upper = span_of("/u"),
		.lowers = buf_span(lowers),
		.labels = buf_span(labels),
		.found = CLOCK_S};
}

static inline void rig_layer(struct txn *t)
{
	uint8_t identity[SHA_LEN] = {9}, root[SHA_LEN] = {0};
	struct record dir = {.type = FILE_DIR, .mode = 0755},
		      file = {.type = FILE_REG, .mode = 0600, .size = 9};
	uint32_t no;

	assert_int_equal(snap_create(t, identity, span_of("/l/one"), span_of("sha256:aa"),
				 span_of("image"), &no),
		0);
	assert_int_equal(snap_put(t, no, 0, span_of(""), &dir, 1), 0);
	assert_int_equal(snap_put(t, no, 1, span_of("etc"), &dir, 2), 0);
	assert_int_equal(snap_put(t, no, 1, span_of("opt"), &dir, 3), 0);
	assert_int_equal(snap_put(t, no, 2, span_of("shadow"), &file, 0), 0);
	assert_int_equal(snap_put(t, no, 3, span_of("hl"), &dir, 4), 0);
	assert_int_equal(snap_put(t, no, 4, span_of("f"), &file, 0), 0);
	assert_int_equal(snap_put(t, no, 4, span_of("sub"), &dir, 5), 0);
	assert_int_equal(snap_put(t, no, 5, span_of("g"), &file, 0), 0);
	assert_int_equal(snap_verify(t, no, root, NULL), 0);
	assert_int_equal(snap_complete(t, no, root, 8, 27), 0);
}

static inline void rig_fill(struct rig *r)
{
	struct buf mem[4] = {{.p = NULL}};
	struct target web = rig_target(ID_WEB, "web", &mem[0], &mem[1]);
	struct target db = rig_target(ID_DB, "db", &mem[2], &mem[3]);
	struct gap gap = {.id = 1, .cause = GAP_OVERFLOW, .from = 1, .opened = 2};
	struct txn *t;

	assert_int_equal(txn_begin(r->writer, true, &t), 0);
	assert_int_equal(targets_put(t, &web), 0);
	assert_int_equal(targets_put(t, &db), 0);
	r->web = web.no;
	r->db = db.no;
	rig_layer(t);
	rig_drift(r, t, &web);
	assert_int_equal(gap_put(t, &gap), 0);
	assert_int_equal(txn_commit(t), 0);
	for (size_t i = 0; i < COUNTOF(mem); i++)
		buf_free(&mem[i]);
}

/* Looks until it is so, for `ms` at most; false: it never was. What the gateway's threads come to is to be
 * seen by asking alone. */
#define rig_until(ms, condition)                                                                   \
	({                                                                                         \
		int64_t until_ = clock_mono() + (ms)*CLOCK_MS;                                     \
		bool so_;                                                                          \
                                                                                                   \
		while (!(so_ = (condition)) && clock_mono() < until_)                              \
			poll(NULL, 0, 10);                                                         \
		so_;                                                                               \
	})

static inline bool rig_has_door(struct rig *r)
{
	return rig_until(2000, atomic_load(&r->tick_fd) > 0);
}

static inline void *rig_run(void *arg)
{
	struct rig *r = arg;

	while (!atomic_load(&r->stop))
		must(gw_step(&r->g, r->wake[0], 200) == 0);
	return NULL;
}

static inline int rig_memfd(const char *text)
{
	int fd = memfd_create("t", MFD_CLOEXEC);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	return fd;
}

static inline void rig_sensor_answer(struct rig *r, int fd, const struct door_msg *m)
{
	const char *status = atomic_load(&r->status);
	struct door_msg a = {.op = DOOR_DONE, .id = m->id};
	int fds[2];

	if (!status || (m->op == DOOR_RESCAN && strstr(status, "full")))
		return; /* as the real one */
	switch ((int)m->op) {
	case DOOR_STATUS:
	case DOOR_DOCTOR:
		a.op = DOOR_TEXT;
		a.text = span_of(status);
		door_send(fd, &a, NULL, 0);
		break;
	case DOOR_PATCH:
		a.op = DOOR_FILES;
		fds[0] = rig_memfd("one\ntwo\n");
		fds[1] = rig_memfd("one\n2\n");
		door_send(fd, &a, fds, 2);
		close(fds[0]);
		close(fds[1]);
		break;
	case DOOR_RESCAN:
		a.op = DOOR_PROGRESS;
		a.value = 1;
		a.value2 = 2;
		door_send(fd, &a, NULL, 0);
		usleep(50000);
		a.op = DOOR_DONE;
		a.value = DOOR_OK;
		door_send(fd, &a, NULL, 0);
		break;
	default:
		a.value = m->op == DOOR_ACCEPT && m->paths.n ? DOOR_OK : DOOR_NOTHING;
		door_send(fd, &a, NULL, 0);
	}
}

static inline void *rig_sensor(void *arg)
{
	struct rig *r = arg;
	BUF struct buf packet = {.p = NULL};
	int fd = -1;

	while (!atomic_load(&r->stop)) {
		struct pollfd p = {.fd = fd < 0 ? r->door_fd : fd, .events = POLLIN};
		struct door_msg m;
		int fds[2];
		size_t n = 0;

		if (poll(&p, 1, 50) <= 0)
			continue;
		if (fd < 0) {
			if (door_accept(r->door_fd, -1, &fd) != 0)
				fd = -1;
			atomic_store(&r->tick_fd, fd);
			continue;
		}
		if (door_recv(fd, &packet, &m, fds, &n) == 0)
			rig_sensor_answer(r, fd, &m);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static inline void rig_start(struct rig *r, bool sensor, const struct gw_limits *limits)
{
	struct store *reader;
	bool made;

	*r = (struct rig){.door_fd = -1,
		.has_sensor = sensor,
		.config = {.group = "", .gateway_user = "nobody", .socket = ""}};
	atomic_store(&r->status, "{\"b\":1,\"a\":2}");
	strcpy(r->dir, "/tmp/gw-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->sock, sizeof(r->sock), "%s/s", r->dir);
	snprintf(r->door, sizeof(r->door), "%s/d", r->dir);
	assert_int_equal(store_open(&r->writer, r->dir, STORE_WRITE,
				 &(struct store_options){.dir_gid = -1, .no_sync = true}),
		0);
	rig_fill(r);
	reader = r->writer; /* one store per process and directory: LMDB's rule */
	assert_int_equal(listen_open(r->sock, NULL, &r->listen_fd, &made), 0);
	assert_int_equal(pipe2(r->wake, O_CLOEXEC), 0);
	if (sensor) {
		assert_int_equal(door_listen(r->door, -1, &r->door_fd), 0);
		pthread_create(&r->sensor, NULL, rig_sensor, r);
	}
	assert_int_equal(gw_init(&r->g, &r->config, reader, r->listen_fd, r->door, limits), 0);
	pthread_create(&r->thread, NULL, rig_run, r);
}

static inline void rig_stop(struct rig *r)
{
	char cmd[128];

	atomic_store(&r->stop, true);
	assert_int_equal(write(r->wake[1], "x", 1), 1);
	pthread_join(r->thread, NULL);
	if (r->has_sensor)
		pthread_join(r->sensor, NULL);
	gw_fini(&r->g);
	store_close(r->writer);
	fd_close(&r->listen_fd);
	fd_close(&r->door_fd);
	close(r->wake[0]);
	close(r->wake[1]);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", r->dir);
	assert_int_equal(system(cmd), 0);
}

static inline int rig_connect(struct rig *r)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, r->sock);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Reads until the peer closes, `until` is there, or `ms` have gone by. */
static inline void rig_read(int fd, struct buf *out, const char *until, int ms)
{
	int64_t end = clock_mono() + ms * CLOCK_MS;

	while (clock_mono() < end && !(until && strstr(buf_text(out), until))) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char b[4096];
		ssize_t n;

		if (poll(&p, 1, 50) <= 0)
			continue;
		n = read(fd, b, sizeof(b));
		if (n <= 0)
			return;
		buf_add(out, b, (size_t)n);
	}
}

/* A whole exchange; `head` has further header lines. Gives the status, the text stays in `out`. */
static inline int rig_ask(
	struct rig *r, struct buf *out, const char *line, const char *head, const char *body)
{
	BUF struct buf req = {.p = NULL};
	int fd = rig_connect(r), status = 0;

	buf_printf(
		&req, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", line, head ? head : "");
	if (body)
		buf_printf(&req, "Content-Length: %zu\r\n", strlen(body));
	buf_printf(&req, "\r\n%s", body ? body : "");
	buf_reset(out);
	(void)!send(fd, req.p, req.n, MSG_NOSIGNAL);
	rig_read(fd, out, NULL, 10000);
	close(fd);
	sscanf(buf_text(out), "HTTP/1.1 %d", &status);
	return status;
}

static inline bool rig_has(const struct buf *b, const char *text)
{
	return strstr(buf_text(b), text) != NULL;
}
