#include "cli/tar.h"
#include "base/clock.h"
#include "base/err.h"
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 512, NAME_ROOM = 100 };

struct tar {
	gzFile gz;
	int err;
};

void tar_header(uint8_t ret[512], const char *name, uint64_t size, int64_t seconds)
{
	struct header {
		char name[NAME_ROOM], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
		char link[NAME_ROOM], magic[6], version[2], user[32], group[32], major[8], minor[8];
		char prefix[155], fill[12];
	} h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	const uint8_t *p = (const uint8_t *)&h;
	unsigned sum = 0;

	_Static_assert(sizeof(h) == BLOCK, "a header is one block");
	snprintf(h.name, sizeof(h.name), "%s", name);
	snprintf(h.mode, sizeof(h.mode), "%07o", 0600);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0);
	snprintf(h.size, sizeof(h.size), "%011llo", (unsigned long long)size);
	snprintf(h.mtime, sizeof(h.mtime), "%011llo", (unsigned long long)seconds);
	snprintf(h.user, sizeof(h.user), "root");
	snprintf(h.group, sizeof(h.group), "root");
	memset(h.sum, ' ', sizeof(h.sum)); /* it counts as blanks in its own sum */
	for (size_t i = 0; i < sizeof(h); i++)
		sum += p[i];
	snprintf(h.sum, sizeof(h.sum), "%06o", sum);
	memcpy(ret, &h, BLOCK);
}

int tar_open(struct tar **ret, int fd)
{
	struct tar *t = calloc(1, sizeof(*t));

	*ret = t;
	must(t);
	t->gz = gzdopen(fd, "wb");
	if (!t->gz) {
		close(fd);
		t->err = err_set(-ENOMEM, "out of memory");
	}
	return t->err;
}

static void put(struct tar *t, const void *p, size_t n)
{
	if (!t->err && n && gzwrite(t->gz, p, (unsigned)n) != (int)n)
		t->err = err_set(-EIO, "cannot write: %s", errno ? strerror(errno) : "no room");
}

int tar_add(struct tar *t, const char *name, struct span content)
{
	static const uint8_t zeros[BLOCK];
	uint8_t head[BLOCK];

	tar_header(head, name, content.n, clock_wall() / CLOCK_S);
	put(t, head, BLOCK);
	put(t, content.p, content.n);
	put(t, zeros, (BLOCK - content.n % BLOCK) % BLOCK);
	return t->err;
}

int tar_close(struct tar *t)
{
	static const uint8_t zeros[2 * BLOCK];
	int r;

	if (!t)
		return 0;
	put(t, zeros, sizeof(zeros));
	errno = 0;
	if (t->gz && gzclose(t->gz) != Z_OK && !t->err)
		t->err = err_set(-EIO, "cannot write: %s", errno ? strerror(errno) : "no room");
	r = t->err;
	free(t);
	return r;
}
