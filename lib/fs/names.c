/* A directory is read with the kernel's own records: no allocation per name, no libc stream. */
#include "fs/look.h"
#include "base/err.h"
#include "fs/beneath.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

void names_free(struct names *ns)
{
	buf_free(&ns->mem);
	free(ns->v);
	*ns = (struct names){0};
}

int names_add(struct names *ns, struct span name, uint8_t type)
{
	struct name *v = ns->v;
	size_t cap = ns->cap;

	if (name.n > UINT16_MAX || ns->mem.n + name.n > UINT32_MAX)
		return err_set(-EFBIG, "too many names");
	if (ns->n == cap) {
		cap = cap ? cap * 2 : 32;
		v = reallocarray(v, cap, sizeof(*v));
		if (!v)
			return err_set(-ENOMEM, "out of memory");
		ns->v = v;
		ns->cap = cap;
	}
	v[ns->n] = (struct name){.off = (uint32_t)ns->mem.n, .len = (uint16_t)name.n, .type = type};
	buf_add_span(&ns->mem, name);
	if (buf_err(&ns->mem))
		return buf_err(&ns->mem);
	ns->n++;
	return 0;
}

static int by_bytes(const void *a, const void *b, void *mem)
{
	const struct name *x = a, *y = b;
	const uint8_t *p = mem;

	return span_cmp(span_make(p + x->off, x->len), span_make(p + y->off, y->len));
}

void names_sort(struct names *ns)
{
	size_t i, kept = 0;

	if (ns->n < 2)
		return;
	qsort_r(ns->v, ns->n, sizeof(*ns->v), by_bytes, ns->mem.p);
	for (i = 1; i < ns->n; i++)
		if (by_bytes(&ns->v[kept], &ns->v[i], ns->mem.p) != 0)
			ns->v[++kept] = ns->v[i];
	ns->n = kept + 1;
}

/* Some file systems do not say in the listing what a name is. */
static uint8_t type_by_stat(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_UNKNOWN
								   : IFTODT(st.st_mode);
}

static int add_page(int dir_fd, const char *page, size_t n, size_t limit, struct names *ret)
{
	const struct dirent64 *de;
	size_t at;
	int r;

	for (at = 0; at < n; at += de->d_reclen) {
		uint8_t type;

		de = (const void *)(page + at);
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (ret->n >= limit)
			return err_set(-EFBIG, "more than %zu names in a directory", limit);
		type = de->d_type == DT_UNKNOWN ? type_by_stat(dir_fd, de->d_name) : de->d_type;
		r = names_add(ret, span_of(de->d_name), type);
		if (r)
			return r;
		ret->v[ret->n - 1].ino = de->d_ino;
	}
	return 0;
}

int names_read(int dir_fd, size_t limit, struct names *ret)
{
	FD int fd = beneath_open_dir(dir_fd);
	char page[32768] __attribute__((aligned(8)));
	int r;

	if (fd < 0)
		return err_sys("open a directory");
	for (;;) {
		ssize_t n = getdents64(fd, page, sizeof(page));

		if (n < 0 && errno == ENOENT)
			return 0; /* removed meanwhile: nothing is in it */
		if (n < 0)
			return err_sys("read a directory");
		if (n == 0)
			return 0;
		r = add_page(fd, page, (size_t)n, limit, ret);
		if (r)
			return r;
	}
}
