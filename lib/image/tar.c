/*
 * The reader is a loop over states; each takes what it can and says whether there is something to hand out. Headers that
 * only describe the next entry (long names, PAX) are gathered in `ext` and kept in `next` until that entry is there.
 */
#include "image/tar.h"
#include "base/err.h"
#include "image/tar_pax.h"

enum state { AT_HEADER, IN_EXT, IN_EXT_PAD, IN_CONTENT, IN_DONE, IN_PAD, AT_END, BROKEN };

struct tar {
	enum tar_kind kind;
	enum state state;
	uint8_t block[TAR_BLOCK];
	size_t have;   /* bytes of `block` */
	bool zeros;    /* the last block was all zeros */
	uint64_t left; /* bytes of content or of `ext` */
	size_t pad;    /* bytes of padding after them */
	char ext_kind;
	bool global; /* a global header's content was passed over */
	struct buf ext;
	struct tar_pax next;
	struct buf name, path, link; /* of the entry that is out */
};

int tar_new(enum tar_kind kind, struct tar **ret)
{
	struct tar *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(-ENOMEM, "no memory to read an archive");
	t->kind = kind;
	*ret = t;
	return 0;
}

void tar_keep_empty(struct tar *t)
{
	t->next.keep_empty = true;
}

void tar_free(struct tar *t)
{
	if (!t)
		return;
	buf_free(&t->ext);
	tar_pax_free(&t->next);
	buf_free(&t->name);
	buf_free(&t->path);
	buf_free(&t->link);
	free(t);
}

/* Where the fields of a header lie. */
struct field {
	uint16_t at, n;
};
static const struct field F_NAME = {0, 100}, F_MODE = {100, 8}, F_UID = {108, 8}, F_GID = {116, 8},
			  F_SIZE = {124, 12}, F_MTIME = {136, 12}, F_SUM = {148, 8},
			  F_LINK = {157, 100}, F_MAJOR = {329, 8}, F_MINOR = {337, 8},
			  F_PREFIX = {345, 155}, F_STAR_PREFIX = {345, 131};
enum { AT_KIND = 156, AT_MAGIC = 257, AT_STAR = 508 };

static struct span field(const struct tar *t, struct field f)
{
	return span_make(t->block + f.at, f.n);
}

static struct span text(const struct tar *t, struct field f)
{
	return span_make(t->block + f.at, strnlen((const char *)t->block + f.at, f.n));
}

/* Octal in blanks or NULs, or big-endian two's complement behind a set bit. */
static int number(struct span s, int64_t *ret)
{
	uint64_t v = 0;

	*ret = 0;
	if (s.p[0] & 0x80) {
		bool minus = s.p[0] & 0x40;

		for (size_t i = 0; i < s.n; i++) {
			uint8_t c = minus ? (uint8_t)~s.p[i] : s.p[i];

			c &= i ? 0xff : 0x7f;
			if (v >> 55)
				return -EBADMSG;
			v = v << 8 | c;
		}
		*ret = minus ? -(int64_t)v - 1 : (int64_t)v;
		return 0;
	}
	s = span_trim(span_make(s.p, s.n), " ");
	while (s.n && (s.p[s.n - 1] == 0 || s.p[s.n - 1] == ' '))
		s.n--;
	while (s.n && (s.p[0] == 0 || s.p[0] == ' '))
		s = span_make(s.p + 1, s.n - 1);
	for (size_t i = 0; i < s.n && s.p[i]; i++) {
		if (s.p[i] < '0' || s.p[i] > '7' || v >> 59)
			return -EBADMSG;
		v = v << 3 | (uint64_t)(s.p[i] - '0');
	}
	*ret = (int64_t)v;
	return 0;
}

static bool sum_is_right(const struct tar *t)
{
	int64_t want;
	int is = 0, was_signed = 0;

	if (number(field(t, F_SUM), &want) < 0)
		return false;
	for (unsigned i = 0; i < TAR_BLOCK; i++) {
		is += t->block[i];
		was_signed += (int8_t)t->block[i];
	}
	/* The field itself counts as blanks. */
	for (unsigned i = F_SUM.at; i < F_SUM.at + F_SUM.n; i++) {
		is += ' ' - t->block[i];
		was_signed += ' ' - (int8_t)t->block[i];
	}
	return want == is || want == was_signed;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static int broken(struct tar *t, int code, const char *what)
{
	t->state = BROKEN;
	buf_free(&t->path);
	if (t->next.path.n)
		return err_set(code, "archive: %s, at \"%.100s\"", what, buf_text(&t->next.path));
	return err_set(code, "archive: %s, at \"%.*s\"", what, (int)text(t, F_NAME).n,
		(const char *)t->block);
}

int tar_path(struct span name, struct buf *out)
{
	size_t from = out->n;
	struct span rest = name;

	if (memchr(name.p ? name.p : (const uint8_t *)"", 0, name.n))
		return err_set(-EBADMSG, "archive: a name with a NUL in it");
	while (rest.n) {
		const uint8_t *slash = memchr(rest.p, '/', rest.n);
		struct span part = span_make(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);

		rest = span_make(rest.p + part.n, rest.n - part.n);
		if (rest.n)
			rest = span_make(rest.p + 1, rest.n - 1);
		if (part.n == 0 || span_is(part, "."))
			continue;
		if (span_is(part, ".."))
			return err_set(-EBADMSG, "archive: a name with \"..\" in it: \"%.*s\"",
				(int)(name.n > 200 ? 200 : name.n), (const char *)name.p);
		if (out->n > from)
			buf_u8(out, '/');
		buf_add_span(out, part);
	}
	if (out->n - from > TAR_PATH_MAX)
		return err_set(-EBADMSG, "archive: a name of more than %d bytes", TAR_PATH_MAX);
	return buf_err(out);
}

/* What is in the header or, where they say so, in the headers before it. */
static void name_of(const struct tar *t, struct buf *out)
{
	bool ustar = memcmp(t->block + AT_MAGIC, "ustar\0", 6) == 0;
	bool star = ustar && memcmp(t->block + AT_STAR, "tar\0", 4) == 0;
	struct span prefix = text(t, star ? F_STAR_PREFIX : F_PREFIX);

	buf_reset(out);
	if (t->next.has & PAX_PATH) {
		buf_add_span(out, buf_span(&t->next.path));
		return;
	}
	if (ustar && prefix.n) {
		buf_add_span(out, prefix);
		buf_u8(out, '/');
	}
	buf_add_span(out, text(t, F_NAME));
}

/* Numbers of the header, then what PAX says instead. */
static int numbers(struct tar *t, struct tar_entry *e)
{
	int64_t mode, uid, gid, mtime, size, major = 0, minor = 0;
	const struct tar_pax *x = &t->next;
	bool has_dev = memcmp(t->block + AT_MAGIC, "ustar", 5) == 0;

	if (number(field(t, F_MODE), &mode) < 0 || number(field(t, F_UID), &uid) < 0 ||
		number(field(t, F_GID), &gid) < 0 || number(field(t, F_MTIME), &mtime) < 0 ||
		number(field(t, F_SIZE), &size) < 0)
		return broken(t, -EBADMSG, "a number that is none");
	if (has_dev &&
		(number(field(t, F_MAJOR), &major) < 0 || number(field(t, F_MINOR), &minor) < 0))
		return broken(t, -EBADMSG, "a device number that is none");
	uid = x->has & PAX_UID ? x->uid : uid;
	gid = x->has & PAX_GID ? x->gid : gid;
	size = x->has & PAX_SIZE ? x->size : size;
	if (uid < 0 || gid < 0 || uid > UINT32_MAX || gid > UINT32_MAX || size < 0 || major < 0 ||
		minor < 0 || major > UINT32_MAX || minor > UINT32_MAX ||
		mtime > INT64_MAX / 1000000000 || mtime < INT64_MIN / 1000000000)
		return broken(t, -EBADMSG, "a number out of range");
	e->rec.mode = (uint32_t)mode & 07777;
	e->rec.uid = (uint32_t)uid;
	e->rec.gid = (uint32_t)gid;
	e->rec.mtime = x->has & PAX_MTIME ? x->mtime : mtime * 1000000000;
	e->rec.rdev_major = (uint32_t)major;
	e->rec.rdev_minor = (uint32_t)minor;
	e->size = (uint64_t)size;
	return 0;
}

/* What each kind of entry is. */
static const struct entry_kind {
	char c;
	enum file_type type;
	bool content, link, hard, device;
} KINDS[] = {
	{'0', FILE_REG, .content = true},
	{0, FILE_REG, .content = true},
	{'1', FILE_REG, .link = true, .hard = true},
	{'2', FILE_LINK, .link = true},
	{'3', FILE_CHR, .device = true},
	{'4', FILE_BLK, .device = true},
	{'5', FILE_DIR, .content = false},
	{'6', FILE_FIFO, .content = false},
	{'g', FILE_REG, .content = false},
};

static const struct entry_kind *kind_of(char c)
{
	for (size_t i = 0; i < COUNTOF(KINDS); i++)
		if (KINDS[i].c == c)
			return &KINDS[i];
	return NULL;
}

static int link_of(struct tar *t, const struct entry_kind *k, struct tar_entry *e)
{
	struct span as_is = t->next.has & PAX_LINK ? buf_span(&t->next.link) : text(t, F_LINK);

	buf_reset(&t->link);
	if (!k->link)
		return 0;
	if (as_is.n == 0 || as_is.n > TAR_PATH_MAX)
		return broken(t, -EBADMSG, "a link to nothing, or to a name that is too long");
	if (k->hard) {
		if (tar_path(as_is, &t->link) < 0)
			return broken(t, -EBADMSG, "a hard link whose target is no path");
	} else {
		buf_add_span(&t->link, as_is);
		e->rec.link = buf_span(&t->link);
	}
	e->link = buf_span(&t->link);
	return buf_err(&t->link);
}

int tar_mark(struct buf *path, struct tar_entry *e)
{
	size_t base = path->n;

	while (base && path->p[base - 1] != '/')
		base--;
	if (!span_starts(span_make(path->p + base, path->n - base), span_of(".wh.")))
		return 0;
	if (span_is(span_make(path->p + base, path->n - base), ".wh..wh..opq")) {
		e->mark = TAR_OPAQUE;
		path->n = base ? base - 1 : 0;
		return 0;
	}
	if (span_starts(span_make(path->p + base, path->n - base), span_of(".wh..wh."))) {
		e->mark = TAR_NOTHING;
		return 0;
	}
	memmove(path->p + base, path->p + base + 4, path->n - base - 4);
	path->n -= 4;
	if (path->n == base || span_is(span_make(path->p + base, path->n - base), ".") ||
		span_is(span_make(path->p + base, path->n - base), ".."))
		return err_set(-EBADMSG, "archive: a whiteout of nothing");
	e->mark = TAR_WHITEOUT;
	e->rec = (struct record){.type = FILE_CHR, .ovl = OVL_WHITEOUT};
	return 0;
}

/* The entry that this header and those before it make. */
static int entry_of(struct tar *t, struct tar_entry *e)
{
	char c = t->global ? 'g' : (char)t->block[AT_KIND];
	const struct entry_kind *k = kind_of(c);
	int r;

	*e = (struct tar_entry){0};
	if (c == 'S' || t->next.has & PAX_SPARSE)
		return broken(t, -ENOTSUP,
			"holes are left out of a file; write the archive without that (tar without --sparse)");
	if (!k)
		return broken(t, -ENOTSUP, "an entry of a kind that no engine unpacks");
	name_of(t, &t->name);
	/* What old tars write for a directory. */
	if (c == 0 && t->name.n && t->name.p[t->name.n - 1] == '/')
		k = kind_of('5');
	buf_reset(&t->path);
	if (tar_path(buf_span(&t->name), &t->path) < 0)
		return broken(t, -EBADMSG, "a name that is no path");
	r = numbers(t, e);
	if (r == 0)
		r = link_of(t, k, e);
	if (r < 0)
		return r;
	e->hard = k->hard;
	e->rec.type = k->type;
	e->size = k->content ? e->size : 0;
	e->rec.size = e->size;
	e->rec.xattrs = buf_span(&t->next.xattrs);
	if (!k->device)
		e->rec.rdev_major = e->rec.rdev_minor = 0;
	if (t->global)
		e->mark = TAR_NOTHING;
	else if (tar_mark(&t->path, e) < 0)
		return broken(t, -EBADMSG, "a whiteout of nothing");
	e->name = buf_span(&t->name);
	e->path = buf_span(&t->path);
	if (t->path.n == 0 && e->mark == TAR_FILE && k->type != FILE_DIR)
		return broken(t, -EBADMSG, "a file without a name");
	return t->name.err || t->path.err ? err_set(-ENOMEM, "no memory") : 0;
}

static size_t take_some(struct span *in, uint64_t most)
{
	size_t n = most < in->n ? (size_t)most : in->n;

	*in = span_make(in->p + n, in->n - n);
	return n;
}

static size_t padding(uint64_t n)
{
	return (size_t)(-n & (TAR_BLOCK - 1));
}

static int start_ext(struct tar *t, char c)
{
	int64_t size;

	if (number(field(t, F_SIZE), &size) < 0 || size < 0 || size > TAR_PAX_MAX)
		return broken(t, -EBADMSG, "a header of headers that is too large");
	t->ext_kind = c;
	t->left = (uint64_t)size;
	t->pad = padding(t->left);
	buf_reset(&t->ext);
	t->state = IN_EXT;
	return 0;
}

/* Is a whole header there; is it one that describes another? */
static int at_header(struct tar *t, struct span *in, struct tar_entry *e, struct span *data UNUSED)
{
	size_t had = t->have, n;
	char c;
	int r;

	if (in->n == 0)
		return TAR_MORE;
	n = take_some(in, TAR_BLOCK - had);
	memcpy(t->block + had, in->p - n, n);
	t->have += n;
	if (t->have < TAR_BLOCK)
		return TAR_MORE;
	t->have = 0;
	if (is_zero(t->block, TAR_BLOCK)) {
		t->state = t->zeros ? AT_END : AT_HEADER;
		t->zeros = true;
		return 0;
	}
	if (t->zeros || !sum_is_right(t))
		return broken(t, -EBADMSG,
			t->zeros ? "a block of zeros in its middle" : "no header of tar");
	c = (char)t->block[AT_KIND];
	if (c == 'x' || c == 'g' || c == 'L' || c == 'K')
		return start_ext(t, c);
	t->global = false;
	r = entry_of(t, e);
	if (r < 0) {
		t->state = BROKEN;
		return r;
	}
	t->left = e->size;
	t->pad = padding(t->left);
	t->state = t->kind == TAR_HEADERS ? IN_PAD : IN_CONTENT;
	return TAR_ENTRY;
}

static int end_ext(struct tar *t, struct tar_entry *e)
{
	int r = tar_pax_take(&t->next, t->ext_kind, buf_span(&t->ext));

	if (r < 0) {
		t->state = BROKEN;
		return r;
	}
	t->state = IN_EXT_PAD;
	if (t->ext_kind != 'g')
		return 0;
	t->global = true;
	r = entry_of(t, e);
	if (r < 0)
		return r;
	e->size = e->rec.size = 0;
	return TAR_ENTRY;
}

static int in_ext(struct tar *t, struct span *in, struct tar_entry *e, struct span *data UNUSED)
{
	const uint8_t *from = in->p;
	size_t n = take_some(in, t->left);

	buf_add(&t->ext, from, n);
	if (t->ext.err) {
		t->state = BROKEN;
		return buf_err(&t->ext);
	}
	t->left -= n;
	return t->left ? TAR_MORE : end_ext(t, e);
}

static int pad(struct tar *t, struct span *in, enum state then)
{
	t->pad -= take_some(in, t->pad);
	if (t->pad)
		return TAR_MORE;
	t->state = then;
	return 0;
}

static int in_ext_pad(
	struct tar *t, struct span *in, struct tar_entry *e UNUSED, struct span *data UNUSED)
{
	/* A global header is an entry of its own to whoever counts entries. */
	return pad(t, in, t->ext_kind == 'g' && t->kind == TAR_WHOLE ? IN_DONE : AT_HEADER);
}

static int in_content(struct tar *t, struct span *in, struct tar_entry *e UNUSED, struct span *data)
{
	const uint8_t *from = in->p;
	size_t n;

	if (t->left == 0) {
		t->state = IN_DONE;
		return 0;
	}
	n = take_some(in, t->left);
	if (n == 0)
		return TAR_MORE;
	t->left -= n;
	*data = span_make(from, n);
	return TAR_DATA;
}

static int in_done(
	struct tar *t, struct span *in UNUSED, struct tar_entry *e UNUSED, struct span *data UNUSED)
{
	t->state = IN_PAD;
	return TAR_DONE;
}

static int in_pad(
	struct tar *t, struct span *in, struct tar_entry *e UNUSED, struct span *data UNUSED)
{
	int r = pad(t, in, AT_HEADER);

	/* What described this entry says nothing about the next. */
	if (r == 0 && !t->global)
		tar_pax_reset(&t->next);
	t->global = false;
	return r;
}

static int at_end(
	struct tar *t UNUSED, struct span *in, struct tar_entry *e UNUSED, struct span *data UNUSED)
{
	take_some(in, in->n);
	return TAR_MORE;
}

static int is_broken(struct tar *t UNUSED, struct span *in UNUSED, struct tar_entry *e UNUSED,
	struct span *data UNUSED)
{
	return err_set(-EBADMSG, "archive: broken");
}

int tar_step(struct tar *t, struct span *in, struct tar_entry *entry, struct span *data)
{
	static int (*const steps[])(
		struct tar *, struct span *, struct tar_entry *, struct span *) = {
		[AT_HEADER] = at_header,
		[IN_EXT] = in_ext,
		[IN_EXT_PAD] = in_ext_pad,
		[IN_CONTENT] = in_content,
		[IN_DONE] = in_done,
		[IN_PAD] = in_pad,
		[AT_END] = at_end,
		[BROKEN] = is_broken,
	};
	int r = 0;

	while (r == 0)
		r = steps[t->state](t, in, entry, data);
	return r;
}

int tar_end(struct tar *t)
{
	bool described = t->next.has || t->next.xattrs.n;

	if (t->state == AT_END)
		return 0;
	/* Padding that is none yet belongs to nothing. */
	if (t->state == IN_PAD && t->pad == 0) {
		t->state = AT_HEADER;
		described = false;
	}
	if (t->state != AT_HEADER || t->have || described)
		return err_set(-EBADMSG, "archive: it is cut off");
	return 0;
}
