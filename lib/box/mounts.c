/*
 * Mount tables from mountinfo text, and the choice between the two ways of having one. Both ways
 * give the same table: paths unescaped, super block options as the kernel prints them (overlay's
 * own escapes and octal ones stay for overlay_parse()) without the leading "rw" or "ro", which
 * statmount(2) does not print.
 */
#include "box/mounts_how.h"
#include "base/err.h"
#include "base/text.h"
#include "fs/overlay.h"

enum { MOUNTS_MAX = 1 << 20 }; /* the kernel's own limit is 100000 by default */

void mounts_free(struct mounts *m)
{
	arena_free(&m->mem);
	free(m->v);
	*m = (struct mounts){0};
}

struct mount *mounts_add(struct mounts *m)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct mount *v = reallocarray(m->v, cap, sizeof(*v));

		must(v);
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n] = (struct mount){0};
	return &m->v[m->n++];
}

static bool is_parent_of_root(const struct mounts *m, const struct mount *it)
{
	for (size_t i = 0; i < m->n; i++)
		if (&m->v[i] != it && m->v[i].parent == it->id && span_is(m->v[i].point, "/"))
			return true;
	return false;
}

const struct mount *mounts_root(const struct mounts *m)
{
	const struct mount *last = NULL;

	for (size_t i = 0; i < m->n; i++) {
		if (!span_is(m->v[i].point, "/"))
			continue;
		last = &m->v[i];
		if (!is_parent_of_root(m, last))
			return last;
	}
	return last;
}

/* Fields are parted by one blank each; an empty source gives an empty field. */
static bool next_field(struct span *rest, struct span *ret)
{
	const uint8_t *blank;

	if (!rest->p)
		return false;
	blank = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
	if (!blank) {
		*ret = *rest;
		*rest = (struct span){0};
		return true;
	}
	*ret = span_make(rest->p, (size_t)(blank - rest->p));
	*rest = span_make(blank + 1, rest->n - ret->n - 1);
	return true;
}

static bool number(struct span s, uint64_t max, uint64_t *ret)
{
	return text_u64(s, 0, max, ret) == 0;
}

static bool parse_device(struct span s, struct mount *m)
{
	const uint8_t *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
	uint64_t major, minor;
	size_t n;

	if (!colon)
		return false;
	n = (size_t)(colon - s.p);
	if (!number(span_make(s.p, n), UINT32_MAX, &major) ||
		!number(span_make(colon + 1, s.n - n - 1), UINT32_MAX, &minor))
		return false;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	return true;
}

static struct span unescaped(struct arena *mem, struct span s)
{
	BUF struct buf tmp = {0};

	if (!s.n || !memchr(s.p, '\\', s.n))
		return arena_dup(mem, s);
	overlay_unescape(s, &tmp);
	return arena_dup(mem, buf_span(&tmp));
}

static bool starts_read_only(struct span options)
{
	return span_starts(options, span_of("ro")) && (options.n == 2 || options.p[2] == ',');
}

static struct span without_rw(struct span options)
{
	if (options.n < 2 || (memcmp(options.p, "rw", 2) != 0 && memcmp(options.p, "ro", 2) != 0))
		return options;
	if (options.n == 2)
		return span_make(options.p + 2, 0);
	return options.p[2] == ',' ? span_make(options.p + 3, options.n - 3) : options;
}

/* "- overlay overlay rw,lowerdir=…", after any number of "shared:7" and the like. */
static bool parse_tail(struct span rest, struct mounts *ret, struct mount *m)
{
	struct span field, source, options;

	do {
		if (!next_field(&rest, &field))
			return false;
	} while (!span_is(field, "-"));
	if (!next_field(&rest, &field) || !field.n || !next_field(&rest, &source) ||
		!next_field(&rest, &options))
		return false;
	m->fs_type = unescaped(&ret->mem, field);
	m->source = unescaped(&ret->mem, source);
	m->read_only = m->read_only || starts_read_only(options);
	m->options = arena_dup(&ret->mem, without_rw(options));
	return true;
}

static bool parse_line(struct span line, struct mounts *ret, struct mount *m)
{
	struct span id, parent, dev, root, point, flags;

	if (!next_field(&line, &id) || !next_field(&line, &parent) || !next_field(&line, &dev) ||
		!next_field(&line, &root) || !next_field(&line, &point) ||
		!next_field(&line, &flags))
		return false;
	if (!number(id, UINT64_MAX, &m->id) || !number(parent, UINT64_MAX, &m->parent) ||
		!parse_device(dev, m) || !root.n || !point.n || point.p[0] != '/')
		return false;
	m->root = unescaped(&ret->mem, root);
	m->point = unescaped(&ret->mem, point);
	m->read_only = starts_read_only(flags);
	return parse_tail(line, ret, m);
}

int mounts_parse(struct span text, struct mounts *ret, unsigned *ret_bad)
{
	unsigned bad = 0;

	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		struct span line = span_make(text.p, end ? (size_t)(end - text.p) : text.n);
		struct mount m = {0};

		text.n -= line.n + (end ? 1 : 0);
		text.p += line.n + (end ? 1 : 0);
		if (memchr(line.p, 0, line.n) || !parse_line(line, ret, &m))
			bad++;
		else if (ret->n >= MOUNTS_MAX)
			return err_set(-E2BIG, "more than %d mounts", MOUNTS_MAX);
		else
			*mounts_add(ret) = m;
	}
	if (ret_bad)
		*ret_bad = bad;
	return 0;
}

int mounts_of_pid(int pid, enum mounts_how how, struct mounts *ret)
{
	if (how == MOUNTS_AUTO)
		how = mounts_statmount_works() ? MOUNTS_STATMOUNT : MOUNTS_PROC;
	return how == MOUNTS_STATMOUNT ? mounts_statmount_pid(pid, ret) : mounts_proc_pid(pid, ret);
}

int mounts_of_ns(const struct mnt_ns *ns, enum mounts_how how, struct mounts *ret)
{
	if (how != MOUNTS_PROC && ns->id)
		return mounts_statmount_ns(ns->id, ret);
	if (!ns->pid)
		return err_set(-ESRCH, "no process lives in mount namespace %llu",
			(unsigned long long)ns->inode);
	return mounts_of_pid(ns->pid, how, ret);
}

const char *mounts_how_name(enum mounts_how how)
{
	switch (how) {
	case MOUNTS_STATMOUNT:
		return "statmount";
	case MOUNTS_PROC:
		return "mountinfo";
	case MOUNTS_AUTO:
		break;
	}
	return mounts_statmount_works() ? "statmount" : "mountinfo (statmount needs Linux 6.12)";
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3; /* FNV-1a */
	return h;
}

static uint64_t sign(const struct mount *m)
{
	uint64_t h = 0xcbf29ce484222325;

	h = mix(h, &m->dev_major, sizeof(m->dev_major));
	h = mix(h, &m->dev_minor, sizeof(m->dev_minor));
	h = mix(h, m->root.p, m->root.n);
	h = mix(h, "", 1);
	return mix(h, m->point.p, m->point.n);
}

static bool is_stacked(const struct mount *m)
{
	return span_is(m->fs_type, "overlay") || span_is(m->fs_type, "fuse.fuse-overlayfs");
}

/* A sum, so that the order does not count. */
uint64_t mounts_signature(const struct mounts *m)
{
	const struct mount *root = mounts_root(m);
	uint64_t sum = root ? sign(root) : 0;

	for (size_t i = 0; i < m->n; i++)
		if (is_stacked(&m->v[i]))
			sum += sign(&m->v[i]);
	return sum;
}

uint64_t mounts_signature_all(const struct mounts *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		sum += sign(&m->v[i]);
	return sum;
}
