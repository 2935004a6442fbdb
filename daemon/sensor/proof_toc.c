/*
 * A layer that was pulled in parts: no headers of its archive are kept, but the table of contents by which it was put
 * together, with each file's digest. The manifest's checksum is that of the packed table, and unpacked it is kept: so
 * what is as the table says is no more than consistent.
 */
#include "base/err.h"
#include "daemon/sensor/proof_own.h"
#include "base/fd.h"
#include "image/toc.h"
#include <fcntl.h>

enum { JSON_MAX = 48 << 20 };

static int take_entry(const struct toc_entry *toc, void *arg)
{
	struct proof *p = arg;
	BUF struct buf path = {0};
	struct tar_entry e = {.hard = toc->hard, .rec = toc->rec, .link = toc->link};
	size_t n = p->n;
	struct proof_want *w;
	int r;

	buf_add_span(&path, toc->path);
	r = tar_mark(&path, &e);
	e.path = buf_span(&path);
	r = r < 0 ? r : proof_add(p, &e);
	w = r == 0 && p->n > n ? p->v[n] : NULL;
	if (!w || w->hard || w->rec.type != FILE_REG)
		return r;
	if (!toc->rec.has_sha && w->rec.size)
		return err_set(-EBADMSG, "its table of contents has no digest of a file");
	w->has_sha = true;
	memcpy(w->sha, toc->rec.sha, SHA_LEN);
	if (!toc->rec.has_sha)
		sha_once((struct span){0}, w->sha);
	w->rec.has_sha = false;
	return 0;
}

int proof_toc(struct proof *p)
{
	BUF struct buf json = {0};
	int r = fd_read_file(AT_FDCWD, buf_text(&p->from.file), JSON_MAX, &json);

	if (r == 0)
		r = toc_parse(buf_span(&json), take_entry, p);
	if (r == 0)
		proof_seal(p);
	return r;
}
