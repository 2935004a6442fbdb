#include "cli/proof_pass.h"
#include "base/err.h"
#include "base/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

void pass_free(struct buf *pass)
{
	if (pass->p)
		explicit_bzero(pass->p, pass->cap);
	buf_free(pass);
}

/* The first line of a pipe comes in pieces. */
static ssize_t read_line(int fd, char *out, size_t room)
{
	size_t n = 0;
	ssize_t got = 1;

	while (n < room && (got = read(fd, out + n, 1)) == 1 && out[n] != '\n')
		n++;
	return got < 0 ? -errno : (ssize_t)n;
}

static int of_fd(int fd, const char *name, char *out, size_t room)
{
	ssize_t n = read_line(fd, out, room);

	if (n < 0)
		return err_set((int)n, "%s: %s", name, strerror((int)-n));
	if ((size_t)n == room)
		return err_set(-EFBIG,
			"%s: its first line is longer than %zu bytes: no passphrase is so long",
			name, room - 1);
	return n > 0 ? (int)n
		     : err_set(-EINVAL, "%s: its first line is empty: no passphrase is in it",
			       name);
}

static int of_file(const char *name, char *out, size_t room)
{
	FD int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO)
					   : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("%s", name);
	if (S_ISREG(st.st_mode) && st.st_mode & 077)
		return err_set(-EPERM,
			"%s: others may read this passphrase (mode %04o): chmod 600 it", name,
			st.st_mode & 07777);
	return of_fd(fd, name, out, room);
}

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	signalled = sig;
}

/* Whoever gives up at the question gets a terminal back that shows what is typed; then the signal does what it does. */
static ssize_t read_quietly(int fd, char *out, size_t room)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	struct sigaction mine = {.sa_handler = on_signal}, was[COUNTOF(signals)];
	struct termios shown, quiet;
	ssize_t n;

	tcgetattr(fd, &shown);
	quiet = shown;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL | ICANON;
	for (size_t i = 0; i < COUNTOF(signals); i++)
		sigaction(signals[i], &mine, &was[i]);
	tcsetattr(fd, TCSAFLUSH, &quiet);
	n = read_line(fd, out, room);
	tcsetattr(fd, TCSAFLUSH, &shown);
	for (size_t i = 0; i < COUNTOF(signals); i++)
		sigaction(signals[i], &was[i], NULL);
	if (signalled)
		raise(signalled);
	signalled = 0;
	return n;
}

static int of_terminal(const char *prompt, const char *what, char *out, size_t room)
{
	FD int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return err_set(-ENOTTY,
			"%s: a passphrase is needed, and there is no terminal to ask at: give "
			"--passphrase-file FILE",
			what);
	dprintf(fd, "%s %s: ", prompt, what);
	n = read_quietly(fd, out, room);
	if (n == (ssize_t)room)
		return err_set(-EFBIG, "%s: a passphrase has at most %zu bytes", what, room - 1);
	return n > 0 ? (int)n : err_set(-EINVAL, "%s: no passphrase was given", what);
}

int pass_ask(void *ctx, const char *what, char *out, size_t room)
{
	return ctx ? of_file(ctx, out, room) : of_terminal("Passphrase of", what, out, room);
}

int pass_new(const char *file, const char *what, struct buf *out)
{
	char one[PASS_ROOM], two[PASS_ROOM] = {0};
	int n, m;

	n = m = file ? of_file(file, one, sizeof(one))
		     : of_terminal("A passphrase for", what, one, sizeof(one));
	if (n > 0 && !file)
		m = of_terminal("Again, for", what, two, sizeof(two));
	if (n > 0 && m > 0 && !file && (n != m || memcmp(one, two, (size_t)n) != 0))
		m = err_set(-EINVAL, "the two are not the same: no key was made");
	if (n > 0 && m > 0 && buf_reserve(out, (size_t)n + 1) == 0)
		buf_add(out, one, (size_t)n);
	explicit_bzero(one, sizeof(one));
	explicit_bzero(two, sizeof(two));
	return n > 0 && m > 0 ? 0 : complain("%s", err_why());
}
