/* Any bytes as a database of containerd's: what is read of it is within it, and reading ends. The meta pages' checksums are
 * made right, so that what they lead to is reached. */
#include "box/bolt.h"
#include "base/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PAGE = 1024, SUM = 16 + 56 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void seal(uint8_t *page)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 16; i < SUM; i++)
		h = (h ^ page[i]) * UINT64_C(0x100000001b3);
	memcpy(page + SUM, &h, sizeof(h));
}

struct arg {
	size_t sum;
	struct bolt *b;
};

static int each(void *arg, struct span key, struct span value, const struct bolt_bucket *in)
{
	BUF struct buf of = {0};
	struct arg *a = arg;

	for (size_t i = 0; i < key.n; i++)
		a->sum += key.p[i];
	for (size_t i = 0; i < value.n; i++)
		a->sum += value.p[i];
	if (in && bolt_in(a->b, in, "id", &of) == 0)
		a->sum += of.n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const top[] = {NULL}, *const all[] = {"v1", "snapshots", NULL},
				 *const one[] = {"v1", "snapshots", "test/2/b", "parent", NULL};
	static char path[64];
	BOLT struct bolt *b = NULL;
	BUF struct buf value = {0}, copy = {0};
	struct arg arg = {0, NULL};
	FD int fd = -1;

	if (!*path)
		snprintf(path, sizeof(path), "/dev/shm/boltseal-fuzz-bolt.%d", (int)getpid());
	buf_add(&copy, p, n);
	if (n >= PAGE)
		seal(copy.p);
	if (n >= 2 * PAGE)
		seal(copy.p + PAGE);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && fd_write_all(fd, copy.p ? copy.p : p, n) == 0);
	if (bolt_open(path, &b) == 0) {
		arg.b = b;
		must(bolt_held(b));
		(void)bolt_each(b, top, each, &arg);
		(void)bolt_each(b, all, each, &arg);
		(void)bolt_get(b, one, &value);
	}
	unlink(path);
	return 0;
}
