/* The file is read straight into the memory that keeps it. */
#include "daemon/gateway/secret.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mapping: the file's line at RAW, the header from its beginning on. */
enum { SECRET_MAX = 4096, FRONT = 64, RAW = FRONT + SECRET_MAX * 4 / 3 + 8 };

static int map(struct secret *s)
{
	s->size = RAW + SECRET_MAX + 1;
	s->line = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->line == MAP_FAILED) {
		s->line = NULL;
		return err_sys("memory for a secret");
	}
	/* Where a limit forbids locking, no core and no child still holds. */
	(void)!mlock(s->line, s->size);
	if (madvise(s->line, s->size, MADV_DONTDUMP) < 0 ||
		madvise(s->line, s->size, MADV_WIPEONFORK) < 0)
		return err_sys("memory for a secret cannot be kept out of dumps");
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys("core dumps cannot be turned off");
	return 0;
}

void secret_wipe(struct secret *s)
{
	if (s->line) {
		explicit_bzero(s->line, s->size);
		munmap(s->line, s->size);
	}
	*s = (struct secret){.line = NULL};
}

static int open_file(const char *path, bool *ret_world)
{
	FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("the token file %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EINVAL, "the token file %s is no regular file", path);
	if (st.st_size > SECRET_MAX)
		return err_set(
			-EFBIG, "the token file %s has more than %d bytes", path, SECRET_MAX);
	*ret_world = st.st_mode & (S_IROTH | S_IWOTH);
	return take_fd(&fd);
}

static int read_file(int fd, char *to, const char *path, size_t *ret_n)
{
	size_t n = 0;
	ssize_t r;

	while (n < SECRET_MAX && (r = read(fd, to + n, SECRET_MAX - n)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys("the token file %s", path);
		n += (size_t)r;
	}
	n = strcspn(to, "\r\n"); /* the memory behind is zero */
	while (n > 0 && (to[n - 1] == ' ' || to[n - 1] == '\t'))
		n--;
	if (n == 0)
		return err_set(-EINVAL, "the token file %s has no first line", path);
	for (size_t i = 0; i < n; i++)
		if (to[i] < 0x20 || to[i] > 0x7e)
			return err_set(-EINVAL,
				"the first line of the token file %s is not plain ASCII", path);
	explicit_bzero(to + n, SECRET_MAX - n);
	*ret_n = n;
	return 0;
}

static int put_value(struct secret *s, enum secret_auth auth, size_t at)
{
	BUF struct buf text = {.p = NULL};
	struct span v = s->raw;

	if (auth == SECRET_BASIC) {
		/* All the room at once: growing would leave pieces behind. */
		if (buf_reserve(&text, SECRET_MAX * 4 / 3 + 8))
			return buf_err(&text);
		text_b64(&text, s->raw);
		v = buf_span(&text);
	}
	memcpy(s->line + at, v.p, v.n);
	s->line[at + v.n] = 0;
	s->value = span_make(s->line + at, v.n);
	if (text.p)
		explicit_bzero(text.p, text.n);
	return 0;
}

static int put_line(struct secret *s, enum secret_auth auth, const char *path)
{
	static const char *const schemes[SECRET_AUTH_N] = {[SECRET_BEARER] = "Bearer",
		[SECRET_BASIC] = "Basic",
		[SECRET_APIKEY] = "ApiKey",
		[SECRET_SPLUNK] = "Splunk"};

	if (auth == SECRET_BASIC && !memchr(s->raw.p, ':', s->raw.n))
		return err_set(-EINVAL, "the token file %s does not say USER:PASSWORD", path);
	return put_value(
		s, auth, (size_t)snprintf(s->line, FRONT, "Authorization: %s ", schemes[auth]));
}

int secret_read(struct secret *s, const char *path, enum secret_auth auth)
{
	SECRET struct secret fresh = {.line = NULL};
	FD int fd = open_file(path, &fresh.world_readable);
	size_t n = 0;
	int r = fd < 0 ? fd : map(&fresh);

	if (r < 0 || (r = read_file(fd, fresh.line + RAW, path, &n)) < 0)
		return r;
	fresh.raw = span_make(fresh.line + RAW, n);
	r = put_line(&fresh, auth, path);
	if (r < 0)
		return r;
	secret_wipe(s);
	*s = fresh;
	fresh = (struct secret){.line = NULL};
	return 0;
}

bool secret_same(const struct secret *a, const struct secret *b)
{
	return a->line && b->line && strcmp(a->line, b->line) == 0;
}

/* Shorter ones would turn ordinary words into asterisks and tell more than they hide. */
enum { HIDE_LEAST = 4 };

static void hide(struct span what, char *text, size_t n)
{
	char *at = text, *end = text + n;

	if (what.n < HIDE_LEAST)
		return;
	while ((at = memmem(at, (size_t)(end - at), what.p, what.n))) {
		memset(at, '*', what.n);
		at += what.n;
	}
}

void secret_hide(const struct secret *s, void *text, size_t n)
{
	const uint8_t *colon;

	if (!s->line || n == 0)
		return;
	hide(s->value, text, n);
	hide(s->raw, text, n);
	colon = memchr(s->raw.p, ':', s->raw.n);
	if (colon)
		hide(span_make(colon + 1, (size_t)(s->raw.p + s->raw.n - colon) - 1), text, n);
}
