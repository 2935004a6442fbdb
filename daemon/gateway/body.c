/*
 * What a request brings. Most bodies are a few words of JSON and stay in the call; a baseline file goes into
 * memory of its own that has a descriptor, which the sensor is given. libmicrohttpd bounds neither.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_MOST (UINT64_C(256) << 20)
#define FILE_TIME (10 * 60 * CLOCK_S)
enum { FILES_AT_ONCE = 1 };

static bool wants_file(const struct call *c)
{
	return c->match.id == ROUTE_ID_baseline_import;
}

static uint64_t most(const struct call *c)
{
	return wants_file(c) ? FILE_MOST : c->g->limits.body;
}

static bool too_large(struct call *c)
{
	problem(c, 413, "the body may have at most %llu bytes", (unsigned long long)most(c));
	return false;
}

static bool open_file(struct call *c)
{
	int fd;

	if (c->g->n_files >= FILES_AT_ONCE) {
		problem(c, 503, "another baseline is being sent; ask again when that is done");
		return false;
	}
	fd = memfd_create("boltseal-import", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		problem(c, 503, "there is no memory for the file: %s", strerror(errno));
		return false;
	}
	c->file_fd = fd;
	c->g->n_files++;
	c->file_end = clock_mono() + FILE_TIME;
	return true;
}

bool body_begin(struct call *c, const char *length)
{
	if (length && strtoull(length, NULL, 10) > most(c))
		return too_large(c);
	return !wants_file(c) || open_file(c);
}

static void add_to_file(struct call *c, const char *data, size_t n)
{
	int64_t now = clock_mono(), deadline = now + c->g->limits.request;

	if (fd_write_all(c->file_fd, data, n) < 0) {
		c->body.err = -ENOSPC;
		return;
	}
	c->file_n += n;
	/* It takes as long as it takes, as long as it goes on. */
	if (c->peer)
		c->peer->deadline = deadline < c->file_end ? deadline : c->file_end;
}

void body_add(struct call *c, const char *data, size_t n)
{
	uint64_t have = c->file_fd > 0 ? c->file_n : c->body.n;

	/* Too late for an answer of its own here: it is given when the body ends, or the deadline ends it.
	 * Nothing more is kept. */
	if (n > most(c) - have)
		c->body.err = -EFBIG;
	if (c->body.err)
		return;
	if (c->file_fd > 0)
		add_to_file(c, data, n);
	else
		buf_add(&c->body, data, n);
}

int body_end(struct call *c)
{
	if (c->body.err == -EFBIG)
		too_large(c);
	else if (c->body.err == -ENOSPC)
		problem(c, 503, "there is no memory for the file");
	else if (c->file_fd > 0 && !c->file_whole &&
		 fcntl(c->file_fd, F_ADD_SEALS,
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		problem(c, 500, "the file cannot be sealed: %s", strerror(errno));
	else {
		c->file_whole = true; /* a call that has to wait comes here again */
		return 0;
	}
	return VIEW_ANSWERED;
}

int body_take_file(struct call *c)
{
	int fd = c->file_fd > 0 && c->file_n ? c->file_fd : -1;

	if (fd >= 0) {
		c->file_fd = 0;
		c->g->n_files--;
	}
	return fd;
}

void body_free(struct call *c)
{
	buf_free(&c->body);
	if (c->file_fd <= 0)
		return;
	close(c->file_fd);
	c->file_fd = 0;
	c->g->n_files--;
}
