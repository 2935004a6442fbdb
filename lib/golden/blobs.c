#include "golden/blobs.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fd.h"
#include "image/manifest.h"
#include "image/unpack.h"

enum { PIECE = 256 << 10, BLOBS_MAX = 65536, LINKS_MAX = 8 };
#define ARCHIVE_MAX (UINT64_C(1) << 42)
#define LAYER_MAX (UINT64_C(1) << 40)

static void blob_free(struct blob *b)
{
	if (!b)
		return;
	buf_free(&b->json);
	buf_free(&b->why);
	buf_free(&b->records);
	free(b);
}

void blobs_fini(struct blobs *b)
{
	for (size_t i = 0; i < b->n; i++)
		blob_free(b->v[i]);
	free(b->v);
	arena_free(&b->mem);
	fd_close(&b->dir_fd);
}

static struct blob *more(struct blobs *b, struct span name)
{
	struct blob *it;

	if (b->n % 64 == 0) {
		struct blob **v = reallocarray(b->v, b->n + 64, sizeof(struct blob *));

		if (!v || b->n >= BLOBS_MAX) {
			b->v = v ? v : b->v;
			err_set(-EFBIG, "the archive has too many files");
			return NULL;
		}
		b->v = v;
	}
	it = calloc(1, sizeof(*it));
	must(it);
	it->name = arena_dup(&b->mem, name);
	return b->v[b->n++] = it;
}

/* Takes one blob's bytes as they come. */
struct taker {
	struct blob *blob;
	struct sha *sha;
	struct unpack *unpack;
	struct layer_build *layer;
	uint8_t head[TAR_BLOCK];
	size_t n_head;
	bool told;
};

static void taker_fini(struct taker *t)
{
	sha_free(t->sha);
	unpack_free(t->unpack);
	layer_build_free(t->layer);
}

static int taker_init(struct taker *t, struct blob *blob)
{
	t->blob = blob;
	if (sha_new(&t->sha) < 0 || sha_begin(t->sha) < 0 ||
		unpack_new(UNPACK_TELL, LAYER_MAX, &t->unpack) < 0)
		return -ENOMEM;
	return layer_build_new(&t->layer);
}

/* What is no layer is none only when somebody wants it to be one. */
static void no_layer(struct blob *b)
{
	if (b->why.n == 0)
		buf_add_text(&b->why, err_why());
}

static void feed_layer(struct taker *t, struct span bytes)
{
	struct span piece;
	int r = 0;

	while (t->blob->why.n == 0 && (r = unpack_step(t->unpack, &bytes, &piece)) == UNPACK_OUT)
		if (layer_build_feed(t->layer, piece) < 0)
			no_layer(t->blob);
	if (r < 0)
		no_layer(t->blob);
}

static void feed_json(struct blob *b, struct span bytes)
{
	if (b->json.n + bytes.n > IMAGE_JSON_MAX) {
		err_set(-EFBIG, "a document of more than %d MiB", IMAGE_JSON_MAX >> 20);
		no_layer(b);
		return;
	}
	buf_add_span(&b->json, bytes);
}

static void feed(struct taker *t, struct span bytes)
{
	if (t->blob->is_json)
		feed_json(t->blob, bytes);
	else
		feed_layer(t, bytes);
}

/* A document begins like one, and is no archive whose first name does. */
static void tell(struct taker *t)
{
	bool tar = t->n_head == TAR_BLOCK && memcmp(t->head + 257, "ustar", 5) == 0;

	t->told = true;
	t->blob->is_json = t->n_head && (t->head[0] == '{' || t->head[0] == '[') && !tar;
	feed(t, span_make(t->head, t->n_head));
}

static int take_bytes(struct taker *t, struct span bytes)
{
	size_t n = t->told ? 0 : TAR_BLOCK - t->n_head;
	int r = sha_feed(t->sha, bytes.p, bytes.n);

	n = n < bytes.n ? n : bytes.n;
	if (n) {
		memcpy(t->head + t->n_head, bytes.p, n);
		t->n_head += n;
		bytes = span_make(bytes.p + n, bytes.n - n);
	}
	if (!t->told && t->n_head == TAR_BLOCK)
		tell(t);
	if (bytes.n)
		feed(t, bytes);
	return r;
}

static int take_end(struct taker *t)
{
	struct blob *b = t->blob;

	if (!t->told)
		tell(t);
	if (!b->is_json && b->why.n == 0 &&
		(unpack_end(t->unpack) < 0 ||
			layer_build_end(t->layer, &b->records, &b->layer) < 0))
		no_layer(b);
	b->layer.records = buf_span(&b->records);
	return sha_end(t->sha, b->sha);
}

/* The names in an archive that are another's. */
static int add_link(struct blobs *b, const struct tar_entry *e)
{
	BUF struct buf joined = {0}, path = {0};
	const uint8_t *slash = e->path.n ? memrchr(e->path.p, '/', e->path.n) : NULL;
	struct span link = e->link,
		    dir = span_make(e->path.p, slash ? (size_t)(slash - e->path.p) : 0);
	struct blob *it;

	/* "../ID/layer.tar" of "ID/layer.tar": as deep as docker and podman write it. */
	while (!e->hard && dir.n && span_starts(link, span_of("../"))) {
		const uint8_t *up = memrchr(dir.p, '/', dir.n);

		dir.n = up ? (size_t)(up - dir.p) : 0;
		link = span_make(link.p + 3, link.n - 3);
	}
	if (!e->hard && dir.n) {
		buf_add_span(&joined, dir);
		buf_u8(&joined, '/');
	}
	buf_add_span(&joined, link);
	if (tar_path(buf_span(&joined), &path) < 0)
		return 0; /* a link to elsewhere: of no image's pieces */
	it = more(b, e->path);
	if (!it)
		return -EFBIG;
	it->link = arena_dup(&b->mem, buf_span(&path));
	return 0;
}

struct reading {
	struct blobs *to;
	struct tar *tar;
	struct taker taker;
	bool taking;
};

static void reading_fini(struct reading *r)
{
	tar_free(r->tar);
	taker_fini(&r->taker);
}

static int begin(struct reading *r, const struct tar_entry *e)
{
	struct blob *it;

	if (e->mark != TAR_FILE)
		return 0;
	if (e->hard || e->rec.type == FILE_LINK)
		return add_link(r->to, e);
	if (e->rec.type != FILE_REG)
		return 0;
	it = more(r->to, e->path);
	if (!it)
		return -EFBIG;
	r->taking = true;
	return taker_init(&r->taker, it);
}

static int end(struct reading *r)
{
	int rc = r->taking ? take_end(&r->taker) : 0;

	taker_fini(&r->taker);
	r->taker = (struct taker){0};
	r->taking = false;
	return rc;
}

static int feed_archive(struct reading *r, struct span bytes)
{
	struct tar_entry e;
	struct span data = {0};
	int rc = 0;

	while (rc == 0) {
		rc = tar_step(r->tar, &bytes, &e, &data);
		if (rc == TAR_MORE)
			return 0;
		if (rc == TAR_ENTRY)
			rc = begin(r, &e);
		else if (rc == TAR_DATA)
			rc = r->taking ? take_bytes(&r->taker, data) : 0;
		else if (rc == TAR_DONE)
			rc = end(r);
	}
	return rc;
}

static ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys("read") : got;
}

int blobs_read_archive(struct blobs *b, int fd)
{
	CLEANUP(reading_fini) struct reading r = {.to = b};
	UNPACK struct unpack *u = NULL;
	FREE uint8_t *piece = malloc(PIECE);
	ssize_t n = 0;
	int rc = tar_new(TAR_WHOLE, &r.tar);

	b->dir_fd = -1;
	if (rc == 0)
		rc = piece ? unpack_new(UNPACK_TELL, ARCHIVE_MAX, &u)
			   : err_set(-ENOMEM, "no memory");
	while (rc == 0 && (n = read_some(fd, piece, PIECE)) > 0) {
		struct span in = span_make(piece, (size_t)n), out;
		int s;

		while (rc == 0 && (s = unpack_step(u, &in, &out)) == UNPACK_OUT)
			rc = feed_archive(&r, out);
		if (rc == 0 && s < 0)
			rc = s;
	}
	if (rc == 0 && n < 0)
		rc = (int)n;
	if (rc == 0)
		rc = unpack_end(u);
	return rc ? rc : tar_end(r.tar);
}

/* Of a layout in a directory. A link in it leads nowhere: whoever made it may not be who reads it. */
static struct blob *read_file(struct blobs *b, struct span name)
{
	CLEANUP(taker_fini) struct taker t = {0};
	FREE char *path = span_dup(name);
	FREE uint8_t *piece = malloc(PIECE);
	FD int fd =
		openat(b->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	struct blob *it;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys("%s", path);
		/* cppcheck-suppress memleak ; its cleanup attribute frees it */
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(-EBADMSG, "%s: no regular file", path);
		/* cppcheck-suppress memleak ; its cleanup attribute frees it */
		return NULL;
	}
	it = more(b, name);
	if (!it || !piece || taker_init(&t, it) < 0)
		return NULL;
	while ((n = read_some(fd, piece, PIECE)) > 0)
		if (take_bytes(&t, span_make(piece, (size_t)n)) < 0)
			return NULL;
	return n < 0 || take_end(&t) < 0 ? NULL : it;
}

static struct blob *find(struct blobs *b, struct span name)
{
	for (size_t i = 0; i < b->n; i++)
		if (span_eq(b->v[i]->name, name))
			return b->v[i];
	return b->dir_fd >= 0 ? read_file(b, name) : NULL;
}

struct blob *blobs_find(struct blobs *b, struct span name)
{
	BUF struct buf path = {0};
	struct blob *it = tar_path(name, &path) < 0 ? NULL : find(b, buf_span(&path));

	for (int i = 0; it && it->link.n && i < LINKS_MAX; i++)
		it = find(b, it->link);
	if (!it || it->link.n) {
		err_set(-ENOENT, "\"%.*s\" is not in it", (int)(name.n > 200 ? 200 : name.n),
			(const char *)name.p);
		return NULL;
	}
	return it;
}

int blob_json(const struct blob *b, struct span *ret)
{
	if (!b->is_json || b->why.n)
		return err_set(-EBADMSG, "\"%.*s\": %s", (int)b->name.n, (const char *)b->name.p,
			b->is_json ? buf_text(&b->why) : "no JSON");
	*ret = buf_span(&b->json);
	return 0;
}

int blob_layer(const struct blob *b, const struct golden_layer **ret)
{
	if (b->is_json || b->why.n)
		return err_set(-EBADMSG, "\"%.*s\": %s", (int)b->name.n, (const char *)b->name.p,
			b->is_json ? "no layer" : buf_text(&b->why));
	*ret = &b->layer;
	return 0;
}
