#include "pkg/rpm.h"
#include "base/err.h"

enum { ENTRY = 16, INDEX_MOST = 65536, STEPS_MOST = 1 << 22 };
enum { INT16 = 3, INT32 = 4, TEXT = 6, TEXTS = 8, TEXT_I18N = 9 };
enum tag {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_VENDOR = 1011,
	TAG_LICENCE = 1014,
	TAG_ARCH = 1022,
	TAG_MODES = 1030,
	TAG_DIGESTS = 1035,
	TAG_FLAGS = 1037,
	TAG_SOURCE = 1044,
	TAG_DIR_INDEXES = 1116,
	TAG_BASENAMES = 1117,
	TAG_DIRNAMES = 1118,
	TAG_ALGORITHM = 5011
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- arrays ---- */

static bool next_int(struct rpm_array *a, unsigned size, uint32_t *ret)
{
	if (!a->at || (size_t)(a->end - a->at) < size)
		return false;
	*ret = size == 2 ? (uint32_t)a->at[0] << 8 | a->at[1] : be32(a->at);
	a->at += size;
	return true;
}

static bool next_text(struct rpm_array *a, struct span *ret)
{
	const uint8_t *nul = a->at ? memchr(a->at, 0, (size_t)(a->end - a->at)) : NULL;

	if (!nul)
		return false;
	*ret = span_make(a->at, (size_t)(nul - a->at));
	a->at = nul + 1;
	return true;
}

/* The directory of that number. Files of one lie side by side, so it is the last one mostly; a header that
 * was made to be slow gets no further than its share. */
static bool dir_at(struct rpm_header *h, uint32_t i, struct span *ret)
{
	if (i >= h->dirs.n)
		return false;
	if (!h->dir_known || i < h->dir_no) {
		h->dir_rest = h->dirs;
		h->dir_no = 0;
		if (!next_text(&h->dir_rest, &h->dir))
			return false;
		h->dir_known = true;
	}
	while (h->dir_no < i) {
		if (++h->steps > STEPS_MOST || !next_text(&h->dir_rest, &h->dir))
			return false;
		h->dir_no++;
	}
	*ret = h->dir;
	return true;
}

/* ---- the header ---- */

struct entry {
	uint32_t tag, type, count;
	struct rpm_array at;
};

static void take_text(const struct entry *e, struct span *ret)
{
	struct rpm_array a = e->at;

	if (e->type == TEXT || e->type == TEXT_I18N)
		next_text(&a, ret);
}

static bool take_int(const struct entry *e, uint32_t *ret)
{
	struct rpm_array a = e->at;

	return e->type == INT32 && next_int(&a, 4, ret);
}

static void take_array(const struct entry *e, uint32_t type, struct rpm_array *ret)
{
	if (e->type == type)
		*ret = e->at;
}

static void take_entry(struct rpm_header *h, const struct entry *e)
{
	struct span *const texts[] = {&h->name, &h->version, &h->release};

	if (e->tag >= TAG_NAME && e->tag <= TAG_RELEASE)
		take_text(e, texts[e->tag - TAG_NAME]);
	else if (e->tag == TAG_ARCH)
		take_text(e, &h->arch);
	else if (e->tag == TAG_VENDOR)
		take_text(e, &h->vendor);
	else if (e->tag == TAG_LICENCE)
		take_text(e, &h->licence);
	else if (e->tag == TAG_SOURCE)
		take_text(e, &h->source);
	else if (e->tag == TAG_EPOCH)
		h->has_epoch = take_int(e, &h->epoch);
	else if (e->tag == TAG_ALGORITHM)
		take_int(e, &h->algorithm);
	else if (e->tag == TAG_BASENAMES)
		take_array(e, TEXTS, &h->base);
	else if (e->tag == TAG_DIRNAMES)
		take_array(e, TEXTS, &h->dirs);
	else if (e->tag == TAG_DIGESTS)
		take_array(e, TEXTS, &h->digest);
	else if (e->tag == TAG_DIR_INDEXES)
		take_array(e, INT32, &h->index);
	else if (e->tag == TAG_FLAGS)
		take_array(e, INT32, &h->flags);
	else if (e->tag == TAG_MODES)
		take_array(e, INT16, &h->mode);
}

int rpm_header(struct span blob, struct rpm_header *ret)
{
	uint64_t il, dl;

	*ret = (struct rpm_header){.algorithm = RPM_MD5};
	if (blob.n < 8)
		return err_set(-EBADMSG, "an rpm header of %zu bytes", blob.n);
	il = be32(blob.p);
	dl = be32(blob.p + 4);
	if (il > INDEX_MOST || 8 + il * ENTRY + dl > blob.n)
		return err_set(-EBADMSG, "an rpm header that is longer than its blob");
	ret->data = span_make(blob.p + 8 + il * ENTRY, dl);
	for (uint64_t i = 0; i < il; i++) {
		const uint8_t *p = blob.p + 8 + i * ENTRY;
		uint32_t off = be32(p + 8);
		struct entry e = {be32(p), be32(p + 4), be32(p + 12), {NULL, NULL, 0}};

		if (off >= dl)
			continue; /* a region's trailer, or nonsense */
		e.at = (struct rpm_array){ret->data.p + off, ret->data.p + dl, e.count};
		take_entry(ret, &e);
	}
	ret->n_files = ret->base.n;
	return ret->name.n ? 0 : err_set(-EBADMSG, "an rpm header without a name");
}

bool rpm_file(struct rpm_header *h, struct rpm_file *ret)
{
	uint32_t dir, mode = 0;

	*ret = (struct rpm_file){.flags = 0};
	if (h->next >= h->n_files || h->next >= h->index.n || h->next >= h->digest.n ||
		h->next >= h->mode.n)
		return false;
	if (!next_text(&h->base, &ret->base) || !next_int(&h->index, 4, &dir) ||
		!next_text(&h->digest, &ret->digest) || !next_int(&h->mode, 2, &mode))
		return false;
	if (h->next < h->flags.n)
		next_int(&h->flags, 4, &ret->flags);
	ret->mode = (uint16_t)mode;
	h->next++;
	return dir_at(h, dir, &ret->dir);
}
