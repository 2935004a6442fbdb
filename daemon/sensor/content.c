#include "daemon/sensor/content.h"
#include "base/err.h"
#include "fs/beneath.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct data_place {
	const struct layer *layer;
	struct span dir, name;
	const struct look *look;
};

/* A snapshot has no bytes: its layer's directory does, at the same index of the same stack. */
static int data_of(const struct view *v, const struct hit *h, struct data_place *ret)
{
	uint32_t at = h->metacopy ? h->data_layer : h->layer;

	ret->layer = &v->layer[at];
	if (ret->layer->root_fd < 0)
		return err_set(-ENODATA, "the snapshot has no content for it");
	ret->dir = h->metacopy ? h->data_dir.rel : h->dir.rel;
	ret->name = h->data_name;
	ret->look = h->metacopy ? &h->data.look : &h->entry.look;
	return 0;
}

int content_hash(struct worker *w, const struct view *v, const struct hit *h,
	const struct content_how *how, struct hash_result *ret)
{
	struct hash_budget budget = {
		w->ex->max_bytes, w->ex->max_ns, &w->ex->stop, how->prefix, how->grows};
	struct data_place d;
	FD int dir = -1;
	int r = data_of(v, h, &d);

	if (r == 0)
		r = beneath_open(d.layer->root_fd, d.dir, O_PATH | O_DIRECTORY, &dir);
	if (r > 0)
		return HASH_ABSENT;
	if (r == 0)
		r = hash_file(dir, d.name, d.look, how->probe, &budget, w->sha, ret);
	if (r == 0) {
		atomic_fetch_add(&w->ex->stats.hashed_files, 1);
		atomic_fetch_add(&w->ex->stats.hashed_bytes, ret->read);
	}
	return r;
}

int content_open(const struct view *v, const struct hit *h, int *ret_fd)
{
	BUF struct buf path = {0};
	struct data_place d;
	struct stat st;
	FD int fd = -1;
	int r = data_of(v, h, &d);

	if (r < 0)
		return r;
	buf_add_span(&path, d.dir);
	if (d.dir.n)
		buf_add_text(&path, "/");
	buf_add_span(&path, d.name);
	r = beneath_open(d.layer->root_fd, buf_span(&path),
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, &fd);
	if (r)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return BENEATH_ABSENT;
	*ret_fd = take_fd(&fd);
	return 0;
}

void content_origin(const struct views *v, struct span origin, struct buf *out)
{
	for (size_t i = 1; i < v->now.n; i++)
		if (!v->now.layer[i].data_only &&
			view_origin_path(&v->now.layer[i], origin, out) == 0)
			return;
}

/* ---- old and new content for a patch ---- */

enum { PATCH_LIMIT = 1 << 20 };

/* A sealed copy: the gateway gets these bytes and no way to the file. */
static int sealed_copy(int fd, int *ret_fd)
{
	BUF struct buf data = {0};
	FD int mem = -1;
	int r = fd_read_all(fd, PATCH_LIMIT, &data);

	if (r < 0)
		return r;
	if (data.n && memchr(data.p, 0, data.n))
		return DOOR_BINARY;
	mem = memfd_create("boltseal-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem < 0)
		return err_sys("memfd_create");
	r = fd_write_all(mem, data.p, data.n);
	if (r < 0)
		return r;
	if (fcntl(mem, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return err_sys("seal");
	*ret_fd = take_fd(&mem);
	return 0;
}

/* 0 with a descriptor; DOOR_NO_PATH when that side has no regular file; other results as they are. */
static int side(const struct view *v, struct span path, int *ret_fd)
{
	HIT struct hit h = {0};
	FD int fd = -1;
	int r = view_resolve(v, path, &h);

	if (r < 0)
		return r;
	if (r > 0 || !h.found || h.entry.rec.type != FILE_REG)
		return DOOR_NO_PATH;
	r = content_open(v, &h, &fd);
	if (r)
		return r < 0 ? r : DOOR_NO_PATH;
	r = sealed_copy(fd, ret_fd);
	return r == -EFBIG ? DOOR_TOO_LARGE : r;
}

static const char *patch_words(int result)
{
	static const char *const words[] = {[DOOR_NO_PATH] = "no regular file there, before or now",
		[DOOR_BINARY] = "not text: it holds NUL bytes",
		[DOOR_TOO_LARGE] = "larger than 1 MiB",
		[DOOR_NOTHING] = "no old content is kept for a tree without layers"};

	return result > 0 && (size_t)result < COUNTOF(words) && words[result] ? words[result]
									      : err_why();
}

static int both_sides(struct kept *k, struct span path, int fds[2], uint32_t *ret_flags)
{
	VIEWS struct views v = {0};
	int r = k->overlay ? views_open(k, NULL, &v) : DOOR_NOTHING, now;

	if (r)
		return r;
	r = side(&v.base, path, &fds[0]);
	if (r && r != DOOR_NO_PATH)
		return r;
	now = side(&v.now, path, &fds[1]);
	if (now && now != DOOR_NO_PATH)
		return now;
	*ret_flags = (r ? DOOR_OLD_ABSENT : 0u) | (now ? DOOR_NEW_ABSENT : 0u);
	return r && now ? DOOR_NO_PATH : 0;
}

void content_patch(
	struct examiner *ex, struct kept *k, struct span path, int asker, uint32_t ask_id)
{
	struct door_msg m = {.op = DOOR_FILES, .id = ask_id};
	int fds[2] = {-1, -1};
	int r = both_sides(k, path, fds, &m.flags);

	/* Two descriptors always, so that the order tells which is which. */
	for (int i = 0; r == 0 && i < 2; i++)
		if (fds[i] < 0)
			fds[i] = memfd_create("boltseal-absent", MFD_CLOEXEC);
	if (r == 0) {
		outbox_put(ex->outbox, asker, &m, fds, 2);
		return;
	}
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	outbox_done(ex->outbox, asker, ask_id, r > 0 ? (enum door_result)r : DOOR_FAILED,
		patch_words(r));
}
