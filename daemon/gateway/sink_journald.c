/*
 * journald's native protocol, as documented: "KEY=value\n", or for values with a line end the key, a
 * 64-bit little-endian length and the bytes. What does not fit into a datagram goes as a sealed memfd.
 * Its socket is the kernel's: what send() took, journald gets.
 */
#include "daemon/gateway/sink_journald.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sha.h"
#include "base/text.h"
#include "daemon/config_sinks.h"
#include "daemon/gateway/sink.h"
#include "wire/jansson.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET "/run/systemd/journal/socket"

struct sink_link {
	const struct sink_env *env;
	const char *path;
	int fd;
	enum format format;
	struct buf out;
};

void journald_message_id(enum event_type t, char ret[33])
{
	BUF struct buf name = {0}, hex = {0};
	uint8_t sum[SHA_LEN];

	buf_printf(&name, "boltseal.event/1 %s", event_kinds[t].name);
	sha_once(buf_span(&name), sum);
	text_hex(&hex, span_make(sum, 16));
	memcpy(ret, buf_text(&hex), 33);
}

void journald_field(struct buf *out, const char *key, struct span value)
{
	buf_add_text(out, key);
	if (value.n && memchr(value.p, '\n', value.n)) {
		buf_u8(out, '\n');
		for (unsigned i = 0; i < 8; i++)
			buf_u8(out, (uint8_t)((uint64_t)value.n >> (8 * i)));
	} else {
		buf_u8(out, '=');
	}
	buf_add_span(out, value);
	buf_u8(out, '\n');
}

static void field(struct buf *out, const char *key, const char *text)
{
	journald_field(out, key, span_of(text));
}

/* Where a field's value lies in the event. */
static const struct {
	const char *key, *path; /* "a.b" */
} fields[] = {
	{"BOLTSEAL_ID", "id"},
	{"BOLTSEAL_SEQ", "seq"},
	{"BOLTSEAL_TYPE", "type"},
	{"BOLTSEAL_SEVERITY", "severity"},
	{"BOLTSEAL_TIME", "time"},
	{"BOLTSEAL_PATH", "change.path"},
	{"BOLTSEAL_KIND", "change.kind"},
	{"BOLTSEAL_SHA256", "change.new.sha256"},
	{"BOLTSEAL_OLD_SHA256", "change.old.sha256"},
	{"BOLTSEAL_RULE", "rule.name"},
	{"BOLTSEAL_CAUSE", "gap.cause"},
	{"BOLTSEAL_ACTOR_ORIGIN", "actor.origin"},
	{"BOLTSEAL_ACTOR_EXE", "actor.exe"},
	{"BOLTSEAL_ACTOR_CMDLINE", "actor.cmdline"},
	{"BOLTSEAL_ACTOR_PID", "actor.pid"},
	{"BOLTSEAL_ACTOR_UID", "actor.uid"},
	{"BOLTSEAL_ACTOR_LOGIN_UID", "actor.login_uid"},
	{"CONTAINER_NAME", "target.name"},
	{"CONTAINER_ID_FULL", "target.id"},
	{"IMAGE_NAME", "target.image"},
	{"BOLTSEAL_IMAGE_DIGEST", "target.image_digest"},
	{"BOLTSEAL_RUNTIME", "target.runtime"},
	{"BOLTSEAL_POD", "target.pod.name"},
	{"BOLTSEAL_NAMESPACE", "target.pod.namespace"},
};

static const json_t *at(const json_t *v, const char *path)
{
	while (v && *path) {
		char key[32];
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		v = json_object_get(v, key);
		path += n + (path[n] == '.');
	}
	return v;
}

static void add_value(struct buf *out, const char *key, const json_t *v)
{
	char number[24];
	size_t i;
	json_t *one;

	if (json_is_string(v))
		journald_field(out, key, json_span(v));
	if (json_is_integer(v)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		field(out, key, number);
	}
	if (json_is_array(v)) {
		BUF struct buf words = {0};

		json_array_foreach(v, i, one) {
			buf_add_text(&words, i ? " " : "");
			buf_add_span(&words, json_span(one));
		}
		journald_field(out, key, buf_span(&words));
	}
}

static const char *word(const json_t *e, const char *path)
{
	const char *s = json_string_value(at(e, path));

	return s ? s : "";
}

/* One line for people; quoted, since file names may hold anything. */
static void message(struct buf *out, const json_t *e, const struct sink_event *v)
{
	BUF struct buf line = {0};
	const json_t *path = at(e, "change.path"), *name = at(e, "target.name");

	buf_add_text(&line, event_kinds[v->type].name);
	if (path) {
		buf_printf(&line, " %s ", word(e, "change.kind"));
		text_quote(&line, json_span(path), true);
	}
	if (*word(e, "gap.cause"))
		buf_printf(&line, " %s", word(e, "gap.cause"));
	if (name) {
		buf_add_text(&line, " in ");
		text_quote(&line, json_span(name), true);
	}
	if (!path && *word(e, "detail")) {
		buf_add_text(&line, ": ");
		text_quote(&line, span_of(word(e, "detail")), true);
	}
	journald_field(out, "MESSAGE", buf_span(&line));
}

static int make(struct sink_link *l, const struct sink_event *v)
{
	DECREF json_t *e = json_loadb((const char *)v->json.p, v->json.n, 0, NULL);
	BUF struct buf text = {0};
	const json_t *id;
	char number[24], message_id[33];
	int r;

	buf_reset(&l->out);
	if (!e)
		return err_set(-EBADMSG, "the event is not JSON");
	r = format_event(l->format, v->json, &l->env->format, &text);
	if (r < 0)
		return r;
	message(&l->out, e, v);
	journald_message_id(v->type, message_id);
	field(&l->out, "MESSAGE_ID", message_id);
	snprintf(number, sizeof(number), "%u", severity_rows[v->severity].syslog);
	field(&l->out, "PRIORITY", number);
	snprintf(number, sizeof(number), "%u", l->env->format.facility);
	field(&l->out, "SYSLOG_FACILITY", number);
	field(&l->out, "SYSLOG_IDENTIFIER", "boltseal");
	for (size_t i = 0; i < COUNTOF(fields); i++)
		if (!l->env->format.redact || !strstr(fields[i].path, "cmdline"))
			add_value(&l->out, fields[i].key, at(e, fields[i].path));
	id = at(e, "target.id");
	if (json_is_string(id))
		journald_field(&l->out, "CONTAINER_ID",
			span_make(json_span(id).p, json_span(id).n < 12 ? json_span(id).n : 12));
	journald_field(&l->out, "BOLTSEAL_EVENT", buf_span(&text));
	return buf_err(&l->out);
}

static int send_memfd(struct sink_link *l)
{
	FD int fd = memfd_create("boltseal-event", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr h = {.msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);

	if (fd < 0 || fd_write_all(fd, l->out.p, l->out.n) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
			0)
		return err_sys("%s: memfd", l->path);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(l->fd, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_one(struct sink_link *l)
{
	int r = send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL) < 0 ? -errno : 0;

	return r == -EMSGSIZE || r == -ENOBUFS ? send_memfd(l) : r;
}

static int send_patiently(struct sink_link *l)
{
	for (;;) {
		struct pollfd p[2] = {{.fd = l->fd, .events = POLLOUT},
			{.fd = l->env->stop_fd, .events = POLLIN}};
		int r = send_one(l), n;

		if (r == 0)
			return 0;
		if (r != -EAGAIN) {
			errno = -r;
			return err_sys("%s", l->path);
		}
		n = poll(p, 2, (int)(l->env->timeout / CLOCK_MS));
		if (n > 0 && p[1].revents)
			return err_set(-ECANCELED, "stopped");
		if (n == 0)
			return err_set(-ETIMEDOUT, "%s: journald takes nothing", l->path);
	}
}

static int send_events(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	for (size_t i = 0; i < n; i++) {
		int r = make(l, &v[i]);

		ret->done = i;
		if (r == -EBADMSG) {
			snprintf(ret->reply, sizeof(ret->reply), "%.250s", err_why());
			return SINK_REFUSED;
		}
		if (r < 0 || (r = send_patiently(l)) < 0)
			return r;
	}
	ret->done = n;
	snprintf(ret->reply, sizeof(ret->reply), "journald took it at %.200s", l->path);
	return 0;
}

static void close_link(struct sink_link *l)
{
	if (!l)
		return;
	fd_close(&l->fd);
	buf_free(&l->out);
	free(l);
}

static int connect_link(struct sink_link *l)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(l->path) >= sizeof(a.sun_path))
		return err_set(-ENAMETOOLONG, "%s: the path is too long", l->path);
	strcpy(a.sun_path, l->path);
	l->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys("%s", l->path);
	return 0;
}

static int open_link(struct sink_link **ret, const struct sink_env *env)
{
	struct sink_link *l = calloc(1, sizeof(*l));
	struct sink_address to;
	int r = sink_address_parse(env->conf->address, &to);

	must(l);
	l->fd = -1;
	l->env = env;
	l->path = r == 0 && to.scheme == SINK_TO_UNIX ? to.path : SOCKET;
	l->format = sink_format(env->conf, FORMAT_JSON);
	if (r == 0)
		r = connect_link(l);
	if (r < 0)
		close_link(l);
	else
		*ret = l;
	return r;
}

const struct sink_kind sink_journald = {
	.name = "journald",
	.batch = 256,
	.batch_bytes = 512 << 10,
	.open = open_link,
	.send = send_events,
	.close = close_link,
};
