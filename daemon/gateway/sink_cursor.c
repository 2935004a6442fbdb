/* Text, so that an administrator can read it, and strict, so that nobody edits it by half. */
#include "daemon/gateway/sink_cursor.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "boltseal-sink/1"
enum { TEXT_LONGEST = 1024, SUM_DIGITS = 16 };

static void add_sum(struct buf *out)
{
	uint8_t sum[SHA_LEN];

	sha_once(buf_span(out), sum);
	buf_add_text(out, " sum=");
	text_hex(out, span_make(sum, SUM_DIGITS / 2));
	buf_u8(out, '\n');
}

void cursor_format(const struct sink_cursor *c, struct buf *out)
{
	BUF struct buf line = {0};

	buf_printf(&line, MAGIC " acked=%" PRIu64 " id=", c->acked);
	text_hex(&line, span_make(c->id, SHA_LEN));
	buf_printf(&line, " behind=%" PRIu64 "-%" PRIu64, c->behind_from, c->behind_to);
	if (c->refused_n)
		buf_printf(&line, " refused=%" PRIu64 "-%" PRIu64 ":%" PRIu64, c->refused_from,
			c->refused_to, c->refused_n);
	add_sum(&line);
	buf_add_span(out, buf_span(&line));
}

int cursor_parse(struct span text, struct sink_cursor *ret)
{
	char room[TEXT_LONGEST], id[2 * SHA_LEN + 1];
	BUF struct buf again = {0};
	struct sink_cursor c = {0};
	int at = 0;

	if (text.n == 0 || text.n >= sizeof(room))
		return err_set(-EBADMSG, "not a position");
	memcpy(room, text.p, text.n);
	room[text.n] = 0;
	if (sscanf(room, MAGIC " acked=%" SCNu64 " id=%64[0-9a-f] behind=%" SCNu64 "-%" SCNu64 "%n",
		    &c.acked, id, &c.behind_from, &c.behind_to, &at) != 4 ||
		text_unhex(span_of(id), c.id, SHA_LEN) < 0)
		return err_set(-EBADMSG, "not a position");
	if (sscanf(room + at, " refused=%" SCNu64 "-%" SCNu64 ":%" SCNu64, &c.refused_from,
		    &c.refused_to, &c.refused_n) != 3)
		c.refused_from = c.refused_to = c.refused_n = 0;
	cursor_format(&c, &again); /* the sum, and that nothing else is in it */
	if (!span_eq(buf_span(&again), text))
		return err_set(-EBADMSG, "the position's sum is wrong");
	*ret = c;
	return 0;
}

static int path_of(struct buf *out, const char *dir, const char *name, const char *what)
{
	buf_printf(out, "%s/%s.%s", dir, name, what);
	return buf_err(out);
}

int cursor_load(const char *dir, const char *name, struct sink_cursor *ret)
{
	BUF struct buf path = {0}, text = {0};
	int r = path_of(&path, dir, name, "cursor");

	if (r == 0)
		r = fd_read_file(AT_FDCWD, buf_text(&path), TEXT_LONGEST, &text);
	if (r == -ENOENT)
		return CURSOR_NONE;
	if (r == -EFBIG)
		r = err_set(-EBADMSG, "not a position");
	if (r == 0)
		r = cursor_parse(buf_span(&text), ret);
	return r < 0 ? err_wrap(r, "%s", buf_text(&path)) : 0;
}

int cursor_save(const char *dir, const char *name, const struct sink_cursor *c)
{
	BUF struct buf path = {0}, text = {0};
	int r = path_of(&path, dir, name, "cursor");

	cursor_format(c, &text);
	return r == 0 ? fd_write_file(buf_text(&path), buf_span(&text), 0600) : r;
}

int cursor_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0 ||
		(errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)))
		return access(dir, W_OK | X_OK) == 0
			       ? 0
			       : err_sys("%s: sinks' positions cannot be kept there", dir);
	return err_sys("%s: sinks' positions cannot be kept there", dir);
}

static int rotate(const char *path, int fd, size_t more, size_t limit)
{
	BUF struct buf old = {0};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys("%s", path);
	if (st.st_size == 0 || (size_t)st.st_size + more <= limit)
		return 0;
	buf_printf(&old, "%s.1", path);
	return rename(path, buf_text(&old)) < 0 ? err_sys("%s", path) : 1;
}

int letter_add(
	const char *dir, const char *name, struct span event, const char *reason, size_t limit)
{
	BUF struct buf path = {0}, line = {0};
	struct json j = json_on(&line);
	int r = path_of(&path, dir, name, "refused");

	json_open(&j, '{');
	json_key(&j, "event");
	json_raw(&j, event);
	json_m_text(&j, "reason", reason);
	json_m_time(&j, "time", clock_wall());
	json_close(&j, '}');
	buf_u8(&line, '\n');
	for (int tries = 0; r >= 0 && tries < 2; tries++) {
		FD int fd = open(buf_text(&path),
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return err_sys("%s", buf_text(&path));
		r = rotate(buf_text(&path), fd, line.n, limit);
		if (r != 0)
			continue;
		r = fd_write_all(fd, line.p, line.n);
		if (r == 0 && fdatasync(fd) < 0)
			r = err_sys("fdatasync");
		return r < 0 ? err_wrap(r, "%s", buf_text(&path)) : 0;
	}
	return r < 0 ? r : err_set(-EIO, "%s cannot be rotated", buf_text(&path));
}
