/*
 * containerd keeps ROOT/io.containerd.snapshotter.v1.NAME/{metadata.db,snapshots/N/fs}: the database says under which key
 * N goes, "SPACE/M/CHAIN-ID" of what an image was unpacked to; ROOT/io.containerd.content.v1.content/blobs/sha256/HEX:
 * manifests, configurations and the layers' archives; ROOT/io.containerd.metadata.v1.bolt/meta.db: images' names
 * and containers. A chain id is the digest of all layers' digests up to it, which configurations list.
 */
#include "box/containerd.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "box/bolt.h"
#include "box/provenance_own.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOBS_MAX = 1000000,
	JSON_MAX = 4 << 20,
	BELOW_MAX = 1024,
	TRIES = 5,
	DIGEST = 64,
	COMMITTED = 3
};

#define S(s) (int)(s).n, (const char *)(s).p
#define SNAPSHOTTER "io.containerd.snapshotter.v1."

/* ROOT/SNAPSHOTTER/snapshots/N/fs */
struct place {
	struct span root, snapshotter; /* the whole path of it */
	uint64_t no;
};

static bool place_of(struct span path, struct place *ret)
{
	struct span rest = path, fs, no, dir, name;

	if (!provenance_cut(&rest, &fs) || !span_is(fs, "fs") || !provenance_cut(&rest, &no) ||
		!provenance_cut(&rest, &dir) || !span_is(dir, "snapshots"))
		return false;
	ret->snapshotter = rest;
	if (!provenance_cut(&rest, &name) || !span_starts(name, span_of(SNAPSHOTTER)) ||
		text_u64(no, 1, INT64_MAX, &ret->no) < 0)
		return false;
	ret->root = rest;
	return true;
}

static void blob_path(const struct place *at, struct span hex, struct buf *ret)
{
	buf_reset(ret);
	buf_add_span(ret, at->root);
	buf_add_text(ret, "/io.containerd.content.v1.content/blobs/sha256/");
	buf_add_span(ret, hex);
}

static bool blob_is_there(const struct place *at, struct span hex)
{
	BUF struct buf path = {0};
	struct stat st;

	blob_path(at, hex, &path);
	return hex.n && lstat(buf_text(&path), &st) == 0;
}

/* ---- snapshots ---- */

struct snapshot {
	uint64_t no;
	struct buf key, parent;
	bool found, committed;
};

static void snapshot_free(struct snapshot *s)
{
	buf_free(&s->key);
	buf_free(&s->parent);
}
#define SNAPSHOT CLEANUP(snapshot_free)

/* As encoding/binary of Go writes it. */
static uint64_t uvarint(struct span s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && i < 10; i++)
		v |= (uint64_t)(s.p[i] & 0x7f) << (7 * i);
	return v;
}

struct seeking {
	struct bolt *b;
	struct snapshot *ret;
};

static int take_parent(struct bolt *b, const struct bolt_bucket *in, struct buf *ret)
{
	int r = bolt_in(b, in, "parent", ret);

	return r < 0 ? r : 0;
}

static int meet_snapshot(
	void *arg, struct span key, struct span value UNUSED, const struct bolt_bucket *in)
{
	const struct seeking *k = arg;
	BUF struct buf id = {0}, kind = {0};
	int r = in ? bolt_in(k->b, in, "id", &id) : BOLT_ABSENT;

	if (r || uvarint(buf_span(&id)) != k->ret->no)
		return r < 0 ? r : 0;
	r = bolt_in(k->b, in, "kind", &kind);
	k->ret->committed = r == 0 && kind.n == 1 && kind.p[0] == COMMITTED;
	k->ret->found = true;
	buf_reset(&k->ret->key);
	buf_add_span(&k->ret->key, key);
	r = r < 0 ? r : take_parent(k->b, in, &k->ret->parent);
	return r < 0 ? r : 1;
}

/* "SPACE/M/sha256:HEX" -> HEX */
static struct span chain_of(struct span key)
{
	for (int i = 0; i < 2; i++) {
		const uint8_t *slash = key.n ? memchr(key.p, '/', key.n) : NULL;

		if (!slash)
			return (struct span){0};
		key = span_make(slash + 1, key.n - (size_t)(slash + 1 - key.p));
	}
	return provenance_hex(key);
}

/* The directories of what is below `parent`. */
static int below(struct bolt *b, const struct place *at, const struct buf *parent, struct buf *ret)
{
	BUF struct buf key = {0};
	int r = 0;

	buf_add_span(&key, buf_span(parent));
	for (int i = 0; r == 0 && key.n && i < BELOW_MAX; i++) {
		const char *const id[] = {"v1", "snapshots", buf_text(&key), "id", NULL};
		const char *const up[] = {"v1", "snapshots", buf_text(&key), "parent", NULL};
		BUF struct buf no = {0}, path = {0}, next = {0};

		r = bolt_get(b, id, &no);
		if (r)
			break;
		buf_printf(&path, "%.*s/snapshots/%llu/fs", S(at->snapshotter),
			(unsigned long long)uvarint(buf_span(&no)));
		buf_bytes(ret, buf_span(&path));
		r = bolt_get(b, up, &next);
		buf_reset(&key);
		buf_add_span(&key, buf_span(&next));
		r = r < 0 ? r : 0;
	}
	return r < 0 ? r : 0;
}

static int snapshot_once(
	const char *db, const struct place *at, struct snapshot *ret, struct buf *ret_below)
{
	static const char *const all[] = {"v1", "snapshots", NULL};
	BOLT struct bolt *b = NULL;
	struct seeking k = {.ret = ret};
	int r = bolt_open(db, &b);

	if (r < 0)
		return r;
	k.b = b;
	ret->found = ret->committed = false;
	buf_reset(&ret->parent);
	buf_reset(ret_below);
	r = bolt_each(b, all, meet_snapshot, &k);
	if (r >= 0 && ret->found)
		r = below(b, at, &ret->parent, ret_below);
	return bolt_held(b) ? (r < 0 ? r : 0) : BOLT_ABSENT;
}

static bool snapshot_of(const struct place *at, struct snapshot *ret, struct provenance *p)
{
	BUF struct buf db = {0};
	int r = BOLT_ABSENT;

	ret->no = at->no;
	buf_printf(&db, "%.*s/metadata.db", S(at->snapshotter));
	for (int i = 0; i < TRIES && r == BOLT_ABSENT; i++)
		r = snapshot_once(buf_text(&db), at, ret, &p->below);
	if (r < 0)
		buf_printf(&p->why, "containerd's database of snapshots cannot be read (%s)",
			err_why());
	else if (r)
		buf_add_text(&p->why, "containerd's database of snapshots did not hold still");
	else if (!ret->found)
		buf_add_text(&p->why, "containerd does not know this snapshot");
	else if (!ret->committed || !chain_of(buf_span(&ret->key)).n)
		buf_add_text(&p->why, "containerd did not unpack it from an image");
	return p->why.n == 0;
}

/* ---- content ---- */

/* The digests of all layers up to one, each on what is below it. */
struct chain {
	uint8_t sum[SHA_LEN];
	bool begun;
};

static bool chain_add(struct chain *c, struct span diff_hex)
{
	BUF struct buf both = {0};

	if (!c->begun) {
		c->begun = true;
		return text_unhex(diff_hex, c->sum, SHA_LEN) == 0;
	}
	buf_add_text(&both, "sha256:");
	text_hex(&both, span_make(c->sum, SHA_LEN));
	buf_printf(&both, " sha256:%.*s", S(diff_hex));
	sha_once(buf_span(&both), c->sum);
	return diff_hex.n > 0;
}

static struct span item_hex(const json_t *list, size_t i)
{
	const json_t *v = json_array_get(list, i);

	return json_is_string(v)
		       ? provenance_hex(span_make(json_string_value(v), json_string_length(v)))
		       : (struct span){0};
}

static struct span digest_at(const json_t *of, const char *key)
{
	return provenance_hex(provenance_text(json_object_get(of, key), "digest"));
}

static const json_t *diffs_of(const json_t *config)
{
	return json_object_get(json_object_get(config, "rootfs"), "diff_ids");
}

/* Which of a configuration's layers has the chain id `hex`; its digest to *ret, its place to *ret_i. */
static bool lists(const json_t *config, struct span hex, struct span *ret, size_t *ret_i)
{
	const json_t *diffs = diffs_of(config);
	struct chain c = {.begun = false};
	uint8_t want[SHA_LEN];

	if (text_unhex(hex, want, SHA_LEN) < 0)
		return false;
	for (size_t i = 0; i < json_array_size(diffs) && i < BELOW_MAX; i++) {
		*ret = item_hex(diffs, i);
		*ret_i = i;
		if (!chain_add(&c, *ret))
			return false;
		if (sha_same(c.sum, want))
			return true;
	}
	return false;
}

/* A small blob that begins as JSON does. */
static json_t *blob_json(const struct place *at, struct span hex, struct buf *bytes)
{
	BUF struct buf path = {0};
	FD int fd = -1;
	struct stat st;
	char first;

	blob_path(at, hex, &path);
	fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	buf_reset(bytes);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > JSON_MAX ||
		pread(fd, &first, 1, 0) != 1 || first != '{' ||
		fd_read_all(fd, JSON_MAX, bytes) < 0)
		return NULL;
	return json_loadb((const char *)bytes->p, bytes->n, 0, NULL);
}

/* The same, whose bytes have the digest that it goes by. */
static json_t *blob_sound(const struct place *at, struct span hex)
{
	BUF struct buf bytes = {0};
	JSON json_t *v = hex.n ? blob_json(at, hex, &bytes) : NULL;

	return v && provenance_has_digest(buf_span(&bytes), hex) ? take(v) : NULL;
}

struct blob {
	struct span hex, bytes;
	const json_t *json;
};

/* Until `each` says true. */
static bool each_json(
	const struct place *at, bool (*each)(void *arg, const struct blob *b), void *arg)
{
	BUF struct buf dir = {0}, bytes = {0};
	const struct dirent *e;
	bool found = false;
	DIR *d;

	blob_path(at, (struct span){0}, &dir);
	d = opendir(buf_text(&dir));
	for (size_t n = 0; d && !found && n < BLOBS_MAX && (e = readdir(d)); n++) {
		struct span hex = span_of(e->d_name);
		JSON json_t *v = hex.n == DIGEST ? blob_json(at, hex, &bytes) : NULL;

		found = v && each(arg, &(struct blob){hex, buf_span(&bytes), v});
	}
	if (d)
		closedir(d);
	return found;
}

/* What is looked for in two rounds: who lists the layer, then which manifest leads there. */
struct layer_search {
	const struct place *at;
	struct span chain;
	struct buf configs; /* 64 hex digits each */
	struct buf diff;
	struct buf blobs; /* the archives, the same way */
	size_t index;
	bool spoiled, manifest;
};

static void layer_search_free(struct layer_search *k)
{
	buf_free(&k->configs);
	buf_free(&k->diff);
	buf_free(&k->blobs);
}

static bool meet_config(void *arg, const struct blob *b)
{
	struct layer_search *k = arg;
	struct span diff;
	size_t i;

	if (!lists(b->json, k->chain, &diff, &i))
		return false;
	if (!provenance_has_digest(b->bytes, b->hex)) {
		k->spoiled = true;
		return false;
	}
	k->index = i;
	buf_reset(&k->diff);
	buf_add_span(&k->diff, diff);
	buf_add_span(&k->configs, b->hex);
	return false;
}

static bool is_among(const struct buf *list, struct span hex)
{
	for (size_t i = 0; hex.n && i + DIGEST <= list->n; i += DIGEST)
		if (span_eq(span_make(list->p + i, DIGEST), hex))
			return true;
	return false;
}

static bool meet_manifest(void *arg, const struct blob *b)
{
	struct layer_search *k = arg;
	const json_t *layers = json_object_get(b->json, "layers");
	struct span hex;

	if (!is_among(&k->configs, digest_at(b->json, "config")) ||
		!provenance_has_digest(b->bytes, b->hex))
		return false;
	hex = provenance_hex(provenance_text(json_array_get(layers, k->index), "digest"));
	k->manifest = true;
	if (blob_is_there(k->at, hex) && !is_among(&k->blobs, hex))
		buf_add_span(&k->blobs, hex);
	return k->blobs.n >= (size_t)PROVENANCE_BLOBS * DIGEST;
}

static void archive_of(const struct place *at, struct span chain, struct provenance *ret)
{
	CLEANUP(layer_search_free) struct layer_search k = {.at = at, .chain = chain};

	each_json(at, meet_config, &k);
	if (!k.configs.n) {
		buf_add_text(&ret->why,
			k.spoiled
				? "the configuration in containerd's content store does not have the digest that it goes by"
				: "no configuration in containerd's content store lists it");
		return;
	}
	buf_add_span(&ret->digest, buf_span(&k.diff));
	each_json(at, meet_manifest, &k);
	if (!k.blobs.n) {
		buf_add_text(&ret->why,
			k.manifest
				? "its archive is not in containerd's content store (any more)"
				: "containerd's content store does not keep the image's manifest");
		return;
	}
	blob_path(at, (struct span){0}, &ret->file);
	buf_add_span(&ret->packed, buf_span(&k.blobs));
	ret->how = PROVENANCE_BLOB;
}

bool containerd_layer(const char *path, struct provenance *ret)
{
	SNAPSHOT struct snapshot s = {.no = 0};
	struct place at;

	if (!place_of(span_of(path), &at))
		return false;
	if (snapshot_of(&at, &s, ret))
		archive_of(&at, chain_of(buf_span(&s.key)), ret);
	return true;
}

/* ---- images ---- */

struct manifest_search {
	struct span config;
	struct buf *ret;
};

static bool meet_image(void *arg, const struct blob *b)
{
	const struct manifest_search *k = arg;

	if (!span_eq(digest_at(b->json, "config"), k->config) ||
		!provenance_has_digest(b->bytes, b->hex))
		return false;
	buf_add_span(k->ret, b->hex);
	return true;
}

bool containerd_image(const char *path, struct span hex, struct provenance_image *ret, int *ret_r)
{
	const struct manifest_search k = {hex, &ret->manifest};
	BUF struct buf file = {0};
	struct place at;

	if (!place_of(span_of(path), &at))
		return false;
	blob_path(&at, hex, &file);
	buf_add_span(&ret->config, hex);
	*ret_r = provenance_config(buf_text(&file), hex, ret);
	if (*ret_r == 0)
		each_json(&at, meet_image, (void *)(uintptr_t)&k);
	return true;
}

/* ---- containers ---- */

void containerd_box_free(struct containerd_box *c)
{
	buf_free(&c->image);
	buf_free(&c->config);
}

/* What the database says of one. */
struct said {
	struct buf image, target, snapshotter, key, top;
};

static void said_free(struct said *s)
{
	buf_free(&s->image);
	buf_free(&s->target);
	buf_free(&s->snapshotter);
	buf_free(&s->key);
	buf_free(&s->top);
}

static int said_once(const char *db, const char *space, const char *id, struct said *s)
{
	const char *const image[] = {"v1", space, "containers", id, "image", NULL};
	const char *const name[] = {"v1", space, "containers", id, "snapshotter", NULL};
	const char *const key[] = {"v1", space, "containers", id, "snapshotKey", NULL};
	BOLT struct bolt *b = NULL;
	int r = bolt_open(db, &b);

	if (r == 0)
		r = bolt_get(b, image, &s->image);
	if (r == 0) {
		const char *const target[] = {
			"v1", space, "images", buf_text(&s->image), "target", "digest", NULL};

		r = bolt_get(b, target, &s->target);
	}
	if (r == 0)
		r = bolt_get(b, name, &s->snapshotter);
	if (r == 0)
		r = bolt_get(b, key, &s->key);
	if (r == 0) {
		const char *const top[] = {"v1", space, "snapshots", buf_text(&s->snapshotter),
			buf_text(&s->key), "parent", NULL};

		r = bolt_get(b, top, &s->top);
	}
	return b && !bolt_held(b) ? -EAGAIN : r;
}

/* Does the configuration list the layers up to the chain id and no more? */
static bool is_config(const struct place *at, struct span hex, struct span chain)
{
	JSON json_t *v = blob_sound(at, hex);
	struct span diff;
	size_t i;

	return v && lists(v, chain, &diff, &i) && i + 1 == json_array_size(diffs_of(v));
}

static bool descend(
	const struct place *at, struct span hex, struct span chain, int depth, struct buf *ret)
{
	JSON json_t *v = depth < 3 ? blob_sound(at, hex) : NULL;
	const json_t *list = json_object_get(v, "manifests");
	struct span config = digest_at(v, "config");

	if (is_config(at, config, chain)) {
		buf_add_span(ret, config);
		return true;
	}
	for (size_t i = 0; i < json_array_size(list) && i < BELOW_MAX; i++)
		if (descend(at, provenance_hex(provenance_text(json_array_get(list, i), "digest")),
			    chain, depth + 1, ret))
			return true;
	return false;
}

void containerd_box_find(
	struct span upper, struct span space, struct span id, struct containerd_box *ret)
{
	CLEANUP(said_free) struct said s = {.image = {0}};
	BUF struct buf db = {0}, space_z = {0}, id_z = {0};
	struct place at;
	int r = -EAGAIN;

	*ret = (struct containerd_box){.image = {0}};
	if (!place_of(upper, &at) || !space.n || !id.n)
		return;
	buf_add_span(&space_z, space);
	buf_add_span(&id_z, id);
	buf_printf(&db, "%.*s/io.containerd.metadata.v1.bolt/meta.db", S(at.root));
	for (int i = 0; i < TRIES && r == -EAGAIN; i++)
		r = said_once(buf_text(&db), buf_text(&space_z), buf_text(&id_z), &s);
	if (r < 0)
		return;
	ret->image = buf_take(&s.image);
	if (r == 0)
		descend(&at, provenance_hex(buf_span(&s.target)), provenance_hex(buf_span(&s.top)),
			0, &ret->config);
}
