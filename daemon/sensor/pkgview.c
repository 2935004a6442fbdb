#include "daemon/sensor/pkgview.h"
#include "base/err.h"
#include "daemon/sensor/content.h"
#include <unistd.h>

/* Whoever has it written may have made it as long as he likes. */
enum { CLAIMED_LIMIT = 64 << 20 };

int pkgview_open(struct store *store, const struct kept *k, bool verified, struct pkgview *ret)
{
	int r = txn_begin(store, false, &ret->txn);

	ret->verified = verified;
	ret->kept = k;
	if (r == 0)
		r = views_open(k, ret->txn, &ret->views);
	/* The same layers as directories: a snapshot has no bytes. */
	return r == 0 ? views_open(k, NULL, &ret->disk) : r;
}

void pkgview_close(struct pkgview *v)
{
	views_close(&v->disk);
	views_close(&v->views);
	txn_abort(v->txn);
	v->txn = NULL;
}

int pkgview_find(struct pkgview *v, struct span path, struct hit *ret)
{
	int r = view_resolve(v->verified ? &v->views.base : &v->views.now, path, ret);

	if (r > 0)
		ret->found = false;
	return r < 0 ? r : 0;
}

static const struct record *content_of(const struct hit *h)
{
	return h->metacopy ? &h->data.rec : &h->entry.rec;
}

static int open_hit(struct pkgview *v, const struct hit *h, int *ret_fd)
{
	return content_open(v->verified ? &v->disk.base : &v->views.now, h, ret_fd);
}

int pkgview_hash(struct worker *w, struct pkgview *v, const struct hit *h, uint8_t ret[SHA_LEN])
{
	const struct hash_budget budget = {w->ex->max_bytes, w->ex->max_ns, &w->ex->stop, 0, false};
	const struct content_how how = {.probe = false};
	struct hash_result res;
	FD int fd = -1;
	int r;

	if (!v->verified) {
		r = content_hash(w, &v->views.now, h, &how, &res);
	} else {
		r = open_hit(v, h, &fd);
		if (r == 0)
			r = hash_fd(fd, &budget, w->sha, &res);
	}
	if (r)
		return r;
	memcpy(ret, res.sha, SHA_LEN);
	return v->verified && (!content_of(h)->has_sha || !sha_same(ret, content_of(h)->sha))
		       ? HASH_MOVING
		       : 0;
}

/* ---- as packages_read_from() wants it ---- */

static int find(struct pkgview *v, const char *path, struct hit *ret)
{
	BUF struct buf whole = {0};

	buf_printf(&whole, "/%s", path);
	return pkgview_find(v, buf_span(&whole), ret);
}

static int read_text(void *ctx, const char *path, size_t limit, struct buf *out)
{
	struct pkgview *v = ctx;
	HIT struct hit h = {0};
	uint8_t sha[SHA_LEN];
	FD int fd = -1;
	int r = find(v, path, &h);

	if (r < 0 || !h.found)
		return r < 0 ? r : PACKAGES_ABSENT;
	if (h.entry.rec.type != FILE_REG)
		return err_set(-EINVAL, "/%s is no regular file: it is not read", path);
	r = open_hit(v, &h, &fd);
	if (!v->verified && limit > CLAIMED_LIMIT)
		limit = CLAIMED_LIMIT;
	if (r == 0)
		r = fd_read_all(fd, limit, out);
	if (r)
		return r < 0 ? r : PACKAGES_ABSENT;
	if (!v->verified)
		return 0;
	sha_once(buf_span(out), sha);
	if (content_of(&h)->has_sha && sha_same(sha, content_of(&h)->sha))
		return 0;
	buf_reset(out);
	return err_set(
		-EBADMSG, "/%s is not what its layer is known to have: it is not read", path);
}

static bool is_there(void *ctx, const char *path)
{
	HIT struct hit h = {0};

	return find(ctx, path, &h) == 0 && h.found && h.entry.rec.type == FILE_REG;
}

static int read_link(void *ctx, const char *path, struct buf *out)
{
	HIT struct hit h = {0};

	if (find(ctx, path, &h) == 0 && h.found && h.entry.rec.type == FILE_LINK)
		buf_add_span(out, h.entry.rec.link);
	return 0;
}

static int read_names(void *ctx, const char *dir, struct names *out)
{
	struct pkgview *v = ctx;
	const struct view *view = v->verified ? &v->views.base : &v->views.now;
	HIT struct hit h = {0};
	int r = find(v, dir, &h);

	if (r < 0 || !h.found)
		return r < 0 ? r : PACKAGES_ABSENT;
	if (h.entry.rec.type != FILE_DIR)
		return err_set(-ENOTDIR, "/%s is no directory: it is not read", dir);
	for (size_t i = 0; r == 0 && i < h.node.n; i++) {
		const struct layer *l = &view->layer[h.node.ref[i].layer];

		r = l->ops->list(l, h.node.ref[i].dir, out);
	}
	return r;
}

struct packages_from pkgview_from(struct pkgview *v)
{
	return (struct packages_from){read_text, read_names, is_there, read_link, v};
}
