/*
 * One line, one write. Stderr is often a pipe or journald's socket and shared with the other role,
 * so it must not be made non-blocking; instead it is asked first whether it would take a line, and
 * after one refusal it is not waited for again until it does.
 */
#include "daemon/log.h"
#include "base/buf.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_LEN = 2048, PATIENCE_MS = 100 };

static struct {
	pthread_mutex_t lock;
	char who[16];
	enum log_level least;
	bool for_people, is_socket;
	unsigned long long dropped; /* since the last line that got through */
} target = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_LEVEL_NOTE};

void log_init(const char *who, enum log_level least)
{
	struct stat st;

	pthread_mutex_lock(&target.lock);
	snprintf(target.who, sizeof(target.who), "%s", who ? who : "");
	target.least = least;
	target.for_people = isatty(STDERR_FILENO);
	target.is_socket = fstat(STDERR_FILENO, &st) == 0 && S_ISSOCK(st.st_mode);
	pthread_mutex_unlock(&target.lock);
}

static size_t put_head(char line[LINE_LEN], enum log_level level)
{
	static const char *const words[] = {[LOG_LEVEL_ERR] = "error: ",
		[LOG_LEVEL_WARN] = "warning: ",
		[LOG_LEVEL_DEBUG] = "debug: "};
	const char *word = words[level] ? words[level] : "";
	int n;

	if (target.for_people)
		n = snprintf(line, LINE_LEN, "boltseald%s%s: %s", target.who[0] ? " " : "",
			target.who, word);
	else
		n = snprintf(line, LINE_LEN, "<%d>%s%s", (int)level, target.who,
			target.who[0] ? ": " : "");
	return n > 0 ? (size_t)n : 0;
}

/* What comes from outside must not make lines or move a cursor, however it got here. */
static void tame(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			s[i] = '?';
}

static bool write_line(const char *line, size_t n)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t w;

	if (poll(&p, 1, target.dropped ? 0 : PATIENCE_MS) <= 0 || !(p.revents & POLLOUT))
		return false;
	if (target.is_socket)
		w = send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		w = write(STDERR_FILENO, line, n);
	return w >= 0;
}

static void tell_dropped(void)
{
	char line[LINE_LEN];
	size_t n = put_head(line, LOG_LEVEL_WARN);

	n += (size_t)snprintf(line + n, sizeof(line) - n, "%llu lines of this log were dropped\n",
		target.dropped);
	if (write_line(line, n))
		target.dropped = 0;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[LINE_LEN];
	int saved = errno, words;
	size_t head, n;
	va_list ap;

	if (level > target.least)
		return;
	pthread_mutex_lock(&target.lock);
	head = put_head(line, level);
	va_start(ap, fmt);
	words = vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	va_end(ap);
	n = head + (words > 0 ? strnlen(line + head, sizeof(line) - head - 2) : 0);
	tame(line + head, n - head);
	line[n++] = '\n';
	if (target.dropped)
		tell_dropped();
	if (target.dropped || !write_line(line, n))
		target.dropped++;
	pthread_mutex_unlock(&target.lock);
	errno = saved;
}
