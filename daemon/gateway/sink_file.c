/*
 * A file of lines. It is opened anew when its name leads elsewhere, and when the daemon is told to. A
 * line that a crash or a full disk left half is ended, or cut off while we still know where it began;
 * events count as there when they are on the disk.
 */
#include "daemon/gateway/sink.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink_link {
	const struct sink_env *env;
	const char *path;
	int fd;
	enum format format;
	off_t size;
	struct buf out;
	size_t *ends; /* of each line of `out` */
	size_t room;
};

static void close_link(struct sink_link *l)
{
	if (!l)
		return;
	fd_close(&l->fd);
	buf_free(&l->out);
	free(l->ends);
	free(l);
}

/* Decimal 640 is meant as 0640. */
static mode_t mode_of(uint32_t digits)
{
	return (mode_t)(digits / 100 * 64 + digits / 10 % 10 * 8 + digits % 10);
}

static int end_last_line(struct sink_link *l)
{
	char last;

	if (l->size == 0)
		return 0;
	if (pread(l->fd, &last, 1, l->size - 1) != 1)
		return err_sys("%s", l->path);
	if (last == '\n')
		return 0;
	if (write(l->fd, "\n", 1) != 1)
		return err_sys("%s", l->path);
	l->size++;
	return 0;
}

static int open_file(struct sink_link *l)
{
	struct stat st;

	fd_close(&l->fd);
	l->fd = open(l->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		mode_of(l->env->conf->mode));
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_sys("%s", l->path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EINVAL, "%s: not a regular file", l->path);
	l->size = st.st_size;
	return end_last_line(l);
}

static int open_link(struct sink_link **ret, const struct sink_env *env)
{
	struct sink_link *l = calloc(1, sizeof(*l));
	int r;

	must(l);
	l->fd = -1;
	l->env = env;
	l->path = env->conf->address;
	l->format = sink_format(env->conf, FORMAT_JSON);
	r = open_file(l);
	if (r < 0)
		close_link(l);
	else
		*ret = l;
	return r;
}

static int sync_file(struct sink_link *l)
{
	return fdatasync(l->fd) < 0 ? err_sys("%s", l->path) : 0;
}

/* Has it been moved away, removed or cut? */
static int follow(struct sink_link *l)
{
	struct stat here, there;
	int r;

	if (fstat(l->fd, &here) < 0)
		return err_sys("%s", l->path);
	l->size = here.st_size;
	if (stat(l->path, &there) == 0 && here.st_dev == there.st_dev &&
		here.st_ino == there.st_ino)
		return 0;
	r = sync_file(l);
	return r < 0 ? r : open_file(l);
}

/* Lines into `out`; returns how many, fewer than `n` when one cannot be formatted. */
static size_t make(struct sink_link *l, const struct sink_event *v, size_t n)
{
	if (l->room < n) {
		l->ends = realloc(l->ends, n * sizeof(*l->ends));
		must(l->ends);
		l->room = n;
	}
	buf_reset(&l->out);
	for (size_t i = 0; i < n; i++) {
		size_t before = l->out.n;

		if (format_event(l->format, v[i].json, &l->env->format, &l->out) < 0) {
			l->out.n = before;
			return i;
		}
		buf_u8(&l->out, '\n');
		l->ends[i] = l->out.n;
	}
	return n;
}

/* Of what did not fit only whole lines stay. */
static size_t cut(struct sink_link *l, size_t n, size_t written)
{
	size_t whole = 0;

	while (whole < n && l->ends[whole] <= written)
		whole++;
	/* Where that fails too, the half line is ended when the file is next opened. */
	(void)!ftruncate(l->fd, l->size + (off_t)(whole ? l->ends[whole - 1] : 0));
	return whole;
}

static int put(struct sink_link *l, size_t n, size_t *ret_done)
{
	size_t done = 0;

	while (done < l->out.n) {
		ssize_t k = write(l->fd, l->out.p + done, l->out.n - done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			int r = err_sys("%s", l->path);

			*ret_done = cut(l, n, done);
			return r;
		}
		done += (size_t)k;
	}
	*ret_done = n;
	return 0;
}

static int send_events(
	struct sink_link *l, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	int r = follow(l);
	char why[sizeof(ret->reply)];
	size_t made;

	if (r < 0)
		return r;
	made = make(l, v, n);
	snprintf(why, sizeof(why), "%.250s", err_why());
	if ((r = buf_err(&l->out)) < 0)
		return r;
	r = put(l, made, &ret->done);
	if (r < 0)
		return r;
	snprintf(ret->reply, sizeof(ret->reply), "%.250s", why);
	if (made < n)
		return SINK_REFUSED;
	snprintf(ret->reply, sizeof(ret->reply), "written to %.200s", l->path);
	return 0;
}

const struct sink_kind sink_file = {
	.name = "file",
	.batch = 1024,
	.batch_bytes = 1 << 20,
	.open = open_link,
	.send = send_events,
	.close = close_link,
	.settle = sync_file,
};
