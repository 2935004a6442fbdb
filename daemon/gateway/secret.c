/* The file is read straight into the memory that keeps it: no buffer of ours sees the token. */
#include "daemon/gateway/secret.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 8192, FRONT = 64 /* "Authorization: <scheme> " */ };
static const char header[] = "Authorization: ";

static int map(struct secret *s)
{
	s->size = SECRET_MAX + FRONT + 2;
	s->line = mmap(
		NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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
		return err_set(-EFBIG, "the token file %s has more than %d bytes", path,
			SECRET_MAX);
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
	while (n > 0 && strchr(" \t\r\n", to[n - 1]))
		n--;
	if (n == 0)
		return err_set(-EINVAL, "the token file %s is empty", path);
	for (size_t i = 0; i < n; i++)
		if (to[i] < 0x20 || to[i] > 0x7e)
			return err_set(-EINVAL,
				"the token file %s is more than one line of plain ASCII", path);
	to[n] = 0;
	*ret_n = n;
	return 0;
}

/* Length of the scheme that the token brings, with its blank. */
static size_t own_scheme(const char *token)
{
	static const char *const schemes[] = {"Bearer ", "Basic ", "ApiKey ", "Splunk "};

	for (size_t i = 0; i < COUNTOF(schemes); i++)
		if (strncasecmp(token, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

/* The token stands at FRONT; the line is built towards it from the left. */
static void put_front(struct secret *s, size_t n, const char *scheme)
{
	char *token = s->line + FRONT;
	size_t own = own_scheme(token), at = strlen(header);

	memcpy(s->line, header, at);
	if (own == 0) {
		memcpy(s->line + at, scheme, strlen(scheme));
		at += strlen(scheme);
		s->line[at++] = ' ';
	}
	memmove(s->line + at, token, n + 1);
	explicit_bzero(s->line + at + n, s->size - at - n);
	s->value = span_make(s->line + at + own, n - own);
}

int secret_read(struct secret *s, const char *path, const char *scheme)
{
	SECRET struct secret fresh = {.line = NULL};
	FD int fd = open_file(path, &fresh.world_readable);
	size_t n;
	int r = fd < 0 ? fd : map(&fresh);

	must(strlen(header) + strlen(scheme) + 1 < FRONT);
	if (r < 0 || (r = read_file(fd, fresh.line + FRONT, path, &n)) < 0)
		return r;
	put_front(&fresh, n, scheme);
	secret_wipe(s);
	*s = fresh;
	fresh = (struct secret){.line = NULL};
	return 0;
}

bool secret_same(const struct secret *a, const struct secret *b)
{
	return a->line && b->line && strcmp(a->line, b->line) == 0;
}

void secret_hide(const struct secret *s, void *text, size_t n)
{
	char *at = text, *end = at + n;

	/* Shorter ones would turn ordinary words into asterisks and tell more than they hide. */
	if (!s->line || s->value.n < 4 || n == 0)
		return;
	while ((at = memmem(at, (size_t)(end - at), s->value.p, s->value.n))) {
		memset(at, '*', s->value.n);
		at += s->value.n;
	}
}
