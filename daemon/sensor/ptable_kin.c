/* Images and kin. Both are shared and never changed once they are, but for a kin whose program was
 * not read yet when its children were forked. */
#include "daemon/sensor/ptable_own.h"
#include <stdio.h>

/* How far up a line is kept; when it is longer, as deep as an answer shows. A chain of processes that
 * fork and end must not grow for ever. */
enum { DEPTH_MAX = 32 };

struct image *image_ref(struct image *i)
{
	if (i)
		i->refs++;
	return i;
}

void image_unref(struct image *i)
{
	if (i && --i->refs == 0)
		free(i);
}

static struct image *make(struct span exe, struct span cwd, struct span cmdline, const char *comm)
{
	struct image *i = calloc(1, sizeof(*i) + exe.n + cwd.n + cmdline.n);

	must(i);
	i->refs = 1;
	i->n_exe = (uint32_t)exe.n;
	i->n_cwd = (uint32_t)cwd.n;
	i->n_cmdline = (uint32_t)cmdline.n;
	memcpy(i->text, exe.p ? exe.p : (const uint8_t *)"", exe.n);
	memcpy(i->text + exe.n, cwd.p ? cwd.p : (const uint8_t *)"", cwd.n);
	memcpy(i->text + exe.n + cwd.n, cmdline.p ? cmdline.p : (const uint8_t *)"", cmdline.n);
	snprintf(i->comm, sizeof(i->comm), "%s", comm ? comm : "");
	return i;
}

struct image *image_new(const struct proc_facts *f, const char *comm)
{
	struct image *i = make(span_make(f->exe, f->n_exe), span_make(f->cwd, f->n_cwd),
		span_make(f->cmdline, f->n_cmdline), f->stat.comm[0] ? f->stat.comm : comm);

	i->whole = f->got & PROC_IMAGE;
	i->mnt_ns = f->mnt_ns;
	return i;
}

struct image *image_of_path(struct span exe)
{
	size_t cut = exe.n;
	struct span none = {0};
	struct image *i;

	while (cut && exe.p[cut - 1] != '/')
		cut--;
	i = make(exe, none, none, NULL);
	/* As the kernel names a process: the last part, cut. */
	snprintf(i->comm, 16, "%.*s", (int)(exe.n - cut), (const char *)exe.p + cut);
	return i;
}

struct image *image_at(const struct image *from, const char *cwd, size_t n)
{
	struct image *i = make(image_exe(from), span_make(cwd, n), image_cmdline(from), from->comm);

	i->whole = from->whole;
	i->mnt_ns = from->mnt_ns;
	return i;
}

struct kin *kin_ref(struct kin *k)
{
	if (k)
		k->refs++;
	return k;
}

void kin_unref(struct kin *k)
{
	while (k && --k->refs == 0) {
		struct kin *up = k->up;

		image_unref(k->img);
		free(k);
		k = up;
	}
}

static struct kin *copy_up(const struct kin *k, unsigned left)
{
	struct kin *c;

	if (!k || !left)
		return NULL;
	c = calloc(1, sizeof(*c));
	must(c);
	c->refs = 1;
	c->pid = k->pid;
	c->start = k->start;
	c->img = image_ref(k->img);
	c->up = copy_up(k->up, left - 1);
	c->depth = c->up ? c->up->depth + 1 : 1;
	return c;
}

struct kin *kin_new(int pid, struct image *img, struct kin *up)
{
	struct kin *k = calloc(1, sizeof(*k));

	must(k);
	k->refs = 1;
	k->pid = pid;
	k->img = img;
	k->up = up && up->depth >= DEPTH_MAX ? copy_up(up, ACTOR_UP_MAX) : kin_ref(up);
	k->depth = k->up ? k->up->depth + 1 : 1;
	return k;
}

/* Programs that make containers and put processes into them. */
static const char *const runtimes[] = {
	"dockerd",
	"containerd",
	"runc",
	"crun",
	"youki",
	"conmon",
	"conmonrs",
	"podman",
	"buildah",
	"crio",
	"nerdctl",
	"ctr",
	"lxc-start",
	"lxc-attach",
	"lxc-execute",
	"lxd",
	"incusd",
	"systemd-nspawn",
	"systemd-machined",
};
/* The same, by how the name begins: shims have versions, runc runs from a copy of itself. */
static const char *const runtime_heads[] = {"containerd-shim", "runc:[", "memfd:runc_cloned"};

static bool is_runtime(struct span name)
{
	for (size_t i = 0; i < COUNTOF(runtimes); i++)
		if (span_is(name, runtimes[i]))
			return true;
	for (size_t i = 0; i < COUNTOF(runtime_heads); i++)
		if (span_starts(name, span_of(runtime_heads[i])))
			return true;
	return false;
}

static struct span base_of(struct span exe)
{
	static const char gone[] = " (deleted)";
	size_t n = sizeof(gone) - 1, cut;

	if (exe.n > n && memcmp(exe.p + exe.n - n, gone, n) == 0)
		exe.n -= n;
	for (cut = exe.n; cut && exe.p[cut - 1] != '/'; cut--)
		;
	return span_make(exe.p + cut, exe.n - cut);
}

/* By its program file; by the name that it has given itself only where that is not known, for
 * anybody can have any name. */
bool kin_is_runtime(const struct kin *k)
{
	const struct image *i = k ? k->img : NULL;

	if (!i)
		return false;
	if (span_starts(image_exe(i), span_of("/memfd:runc_cloned")))
		return true;
	return is_runtime(i->n_exe ? base_of(image_exe(i)) : span_of(i->comm));
}
