/* The door: what goes through, what does not, and whose descriptors are closed. */
#include "unit.h"
#include "daemon/door.h"
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct door_msg accept_msg(struct buf *paths)
{
	buf_bytes(paths, span_of("/etc/passwd"));
	buf_bytes(paths, span_of("/a\xff"));
	return (struct door_msg){.op = DOOR_ACCEPT,
		.id = 7,
		.uid = 1000,
		.expires = INT64_MAX,
		.target = span_of("web"),
		.drift_id = span_of(ID64),
		.text = span_of("why not"),
		.paths = buf_span(paths)};
}

static void there_and_back(void **state)
{
	BUF struct buf paths = {0}, packet = {0};
	struct door_msg m = accept_msg(&paths), got;

	(void)state;
	door_encode(&m, &packet);
	ok(door_decode(buf_span(&packet), &got));
	assert_int_equal(got.op, DOOR_ACCEPT);
	assert_int_equal(got.id, 7);
	assert_int_equal(got.uid, 1000);
	assert_int_equal(got.expires, INT64_MAX);
	assert_true(span_is(got.target, "web") && span_is(got.text, "why not"));
	assert_true(span_eq(got.paths, m.paths));
}

/* No cut and no byte more of a good packet is good. */
static void exact(void **state)
{
	BUF struct buf paths = {0}, packet = {0};
	struct door_msg m = accept_msg(&paths), got;

	(void)state;
	door_encode(&m, &packet);
	for (size_t n = 0; n < packet.n; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		memcpy(cut, packet.p, n);
		assert_int_equal(door_decode(span_make(cut, n), &got), -EBADMSG);
		free(cut);
	}
	buf_u8(&packet, 0);
	assert_int_equal(door_decode(buf_span(&packet), &got), -EBADMSG);
}

static void refused(const struct door_msg *m)
{
	BUF struct buf packet = {0};
	struct door_msg got;

	door_encode(m, &packet);
	assert_int_equal(door_decode(buf_span(&packet), &got), -EBADMSG);
	assert_int_equal(door_send(-1, m, NULL, 0), -EINVAL);
}

static void hostile_sinks_and_windows(void **state)
{
	const struct door_msg rows[] = {
		{.op = DOOR_SINK_BEHIND, .value = 1, .value2 = 2},
		{.op = DOOR_SINKS, .target = span_of("t"), .text = span_of("\1a\1\1")},
		{.op = DOOR_SINKS, .text = span_of("\1a\1")},
		{.op = DOOR_SINKS, .text = span_of("\1/\1\1")},
		{.op = DOOR_SINKS, .text = span_of("\7a\1\1")},
		{.op = DOOR_SINKS, .text = span_of("\1a\1\1x")},
		{.op = DOOR_SINK_BEHIND, .target = span_of("a/b"), .value = 1, .value2 = 2},
		{.op = DOOR_SINK_BEHIND, .target = span_of("a"), .value = 0, .value2 = 2},
		{.op = DOOR_SINK_BEHIND, .target = span_of("a"), .value = 3, .value2 = 2},
		{.op = DOOR_SINK_REFUSED, .target = span_of("a"), .value = 1, .value2 = 2},
		{.op = DOOR_SINK_REFUSED, .target = span_of("a"), .text = span_of("\1\1w")},
		{.op = DOOR_SINK_REFUSED,
			.target = span_of("a"),
			.value = 1,
			.value2 = 2,
			.text = span_of("\3\1w")},
		{.op = DOOR_SINK_REFUSED,
			.target = span_of("a"),
			.value = 1,
			.value2 = 2,
			.text = span_of("\1\1ww")},
		{.op = DOOR_SINK_REFUSED,
			.target = span_of("a"),
			.value = 1,
			.value2 = 2,
			.path = span_of("x"),
			.text = span_of("\1\1w")},
		{.op = DOOR_HOLD_OPEN, .value = 1},
		{.op = DOOR_HOLD_OPEN, .text = span_make("\1n\1r\0", 5)},
		{.op = DOOR_HOLD_OPEN,
			.value = DOOR_HOLD_LASTS + 1,
			.text = span_make("\1n\1r\0", 5)},
		{.op = DOOR_HOLD_OPEN, .value = 1, .text = span_make("\0\1r\0", 4)},
		{.op = DOOR_HOLD_OPEN, .value = 1, .text = span_make("\1n\0\0", 4)},
		{.op = DOOR_HOLD_OPEN, .value = 1, .text = span_make("\1\0\1r\0", 5)},
		{.op = DOOR_HOLD_OPEN, .value = 1, .text = span_make("\1n\1r\0x", 6)},
		{.op = DOOR_HOLD_OPEN, .value = 1, .text = span_make("\1n\1r", 4)},
		{.op = DOOR_HOLD_CLOSE},
		{.op = DOOR_HOLD_CLOSE, .value = 1, .target = span_of("t")},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		refused(&rows[i]);
}

static void hostile(void **state)
{
	static char long_path[5000];
	struct span nul = span_make("/a\0b", 4);
	const struct door_msg rows[] = {
		{.op = 0},
		{.op = 200},
		{.op = DOOR_RESCAN},
		{.op = DOOR_RESCAN, .target = span_of("t"), .path = span_of("etc")},
		{.op = DOOR_RESCAN, .target = span_of("t"), .path = nul},
		{.op = DOOR_RESCAN, .target = nul},
		{.op = DOOR_RESCAN, .target = span_of("t"), .path = span_of(long_path)},
		{.op = DOOR_RESCAN, .target = span_of("t"), .flags = 1},
		{.op = DOOR_PING, .text = span_of("t")},
		{.op = DOOR_PATCH, .target = span_of("t")},
		{.op = DOOR_TEXT, .flags = 2},
		{.op = DOOR_ACCEPT, .target = span_of("t"), .drift_id = span_of("abc")},
		{.op = DOOR_ACCEPT,
			.target = span_of("t"),
			.drift_id = span_of(ID64),
			.expires = -1},
		{.op = DOOR_ACCEPT,
			.target = span_of("t"),
			.drift_id = span_of(ID64),
			.paths = span_of("\x7f/x")},
		{.op = DOOR_ACCEPT,
			.target = span_of("t"),
			.drift_id = span_of(ID64),
			.paths = span_of("\x01x")},
	};

	(void)state;
	memset(long_path, '/', sizeof(long_path) - 1);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct door_msg m = rows[i];

		if (m.path.p == (uint8_t *)long_path)
			m.path.n = sizeof(long_path) - 1;
		refused(&m);
	}
}

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void pair(int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s), 0);
}

static void descriptors(void **state)
{
	struct door_msg files = {.op = DOOR_FILES, .id = 1}, got;
	BUF struct buf packet = {0};
	int s[2], two[2], in[2] = {memfd_create("a", 0), memfd_create("b", 0)};
	size_t n, before;

	(void)state;
	pair(s);
	before = open_fds();
	ok(door_send(s[0], &files, in, 2));
	ok(door_recv(s[1], &packet, &got, two, &n));
	assert_int_equal(n, 2);
	assert_true(fcntl(two[0], F_GETFD) & FD_CLOEXEC);
	close(two[0]);
	close(two[1]);
	ok(door_send(s[0], &files, in, 1)); /* one is missing */
	assert_int_equal(door_recv(s[1], &packet, &got, two, &n), -EBADMSG);
	files.flags = DOOR_OLD_ABSENT;
	ok(door_send(s[0], &files, in, 1));
	ok(door_recv(s[1], &packet, &got, two, &n));
	assert_int_equal(n, 1);
	close(two[0]);
	ok(door_send(s[0], &files, in, 2)); /* nobody asked */
	assert_int_equal(door_recv(s[1], &packet, &got, NULL, NULL), -EBADMSG);
	files = (struct door_msg){.op = DOOR_PING};
	ok(door_send(s[0], &files, in, 1));
	assert_int_equal(door_recv(s[1], &packet, &got, two, &n), -EBADMSG);
	files = (struct door_msg){.op = DOOR_IMPORT, .value = 1};
	ok(door_send(s[0], &files, in, 1));
	ok(door_recv(s[1], &packet, &got, two, &n));
	assert_true(n == 1 && got.op == DOOR_IMPORT && got.value == 1);
	close(two[0]);
	for (size_t k = 0; k <= 2; k += 2) { /* it brings one, not none and not two */
		ok(door_send(s[0], &files, in, k));
		assert_int_equal(door_recv(s[1], &packet, &got, two, &n), -EBADMSG);
	}
	files.value = 2;
	assert_int_equal(door_send(s[0], &files, in, 1), -EINVAL);
	files = (struct door_msg){.op = DOOR_FORGET};
	assert_int_equal(door_send(s[0], &files, NULL, 0), -EINVAL);
	files.drift_id = span_of(ID64);
	ok(door_send(s[0], &files, NULL, 0));
	ok(door_recv(s[1], &packet, &got, two, &n));
	assert_true(span_is(got.drift_id, ID64));
	assert_int_equal(open_fds(), before);
	for (int i = 0; i < 2; i++) {
		close(s[i]);
		close(in[i]);
	}
}

/* Three descriptors do not fit into the room for two. */
static void too_many(void **state)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} u = {0};
	struct door_msg m = {.op = DOOR_FILES}, got;
	BUF struct buf packet = {0}, in = {0};
	struct iovec io;
	struct msghdr h = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = u.room,
		.msg_controllen = sizeof(u.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int s[2], two[2], fds[3] = {0, 1, 2};
	size_t n, before;

	(void)state;
	pair(s);
	before = open_fds();
	door_encode(&m, &packet);
	io = (struct iovec){packet.p, packet.n};
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	assert_true(sendmsg(s[0], &h, 0) > 0);
	assert_int_equal(door_recv(s[1], &in, &got, two, &n), -EBADMSG);
	assert_int_equal(open_fds(), before);
	close(s[0]);
	close(s[1]);
}

static void sizes_and_ends(void **state)
{
	static char big[DOOR_MAX + 1];
	struct door_msg m = {.op = DOOR_TEXT, .text = span_make(big, DOOR_MAX)}, got;
	BUF struct buf packet = {0};
	int s[2], r;

	(void)state;
	pair(s);
	assert_int_equal(door_recv(s[1], &packet, &got, NULL, NULL), DOOR_AGAIN);
	assert_int_equal(door_send(s[0], &m, NULL, 0), -EMSGSIZE);
	m.text.n = DOOR_MAX - 100;
	ok(door_send(s[0], &m, NULL, 0));
	ok(door_recv(s[1], &packet, &got, NULL, NULL));
	assert_int_equal(got.text.n, DOOR_MAX - 100);
	assert_true(send(s[0], big, sizeof(big), 0) > 0);
	assert_int_equal(door_recv(s[1], &packet, &got, NULL, NULL), -EBADMSG);
	while ((r = door_send(s[0], &m, NULL, 0)) == 0)
		;
	assert_int_equal(r, DOOR_AGAIN);
	close(s[1]);
	assert_int_equal(door_send(s[0], &m, NULL, 0), DOOR_CLOSED);
	close(s[0]);
	pair(s);
	close(s[0]);
	assert_int_equal(door_recv(s[1], &packet, &got, NULL, NULL), DOOR_CLOSED);
	close(s[1]);
}

static void listening(void **state)
{
	char dir[] = "/tmp/boltseal-door-XXXXXX", path[64], why[200];
	int l, l2, c, a;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/door.sock", dir);
	assert_int_equal(door_connect(path, &c), -ENOENT);
	ok(door_listen(path, -1, &l));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(door_accept(l, -1, &a), DOOR_AGAIN);
	ok(door_connect(path, &c));
	ok(door_accept(l, -1, &a));
	snprintf(why, sizeof(why), "socket %s is in use by a live daemon (pid %d)", path,
		(int)getpid());
	assert_int_equal(door_listen(path, -1, &l2), -EADDRINUSE);
	assert_memory_equal(err_why(), why, strlen(why));
	assert_non_null(strstr(err_why(), "in another directory"));
	close(l);
	ok(door_listen(path, -1, &l)); /* the dead one is taken over */
	close(l);
	close(a);
	close(c);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(door_listen(path, -1, &l), -EEXIST);
	unlink(path);
	rmdir(dir);
}

/* Another user is refused, unless it is the gateway's. Needs root to become one. */
static void strangers(void **state)
{
	char dir[] = "/tmp/boltseal-door-XXXXXX", path[64];
	int l, a, status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/door.sock", dir);
	ok(door_listen(path, 0, &l));
	assert_int_equal(chmod(dir, 0755) | chmod(path, 0666), 0);
	for (int uid = 65533; uid <= 65534; uid++) {
		struct pollfd p = {.fd = l, .events = POLLIN};

		pid = fork();
		if (pid == 0) {
			int c;

			_exit(setuid(65534) < 0 || door_connect(path, &c) < 0);
		}
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_int_equal(door_accept(l, uid, &a), uid == 65534 ? 0 : -EPERM);
		if (uid == 65534)
			close(a);
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	}
	close(l);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(exact),
		cmocka_unit_test(hostile),
		cmocka_unit_test(hostile_sinks_and_windows),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(too_many),
		cmocka_unit_test(sizes_and_ends),
		cmocka_unit_test(listening),
		cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
