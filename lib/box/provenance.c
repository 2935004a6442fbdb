/*
 * Docker keeps DATA-ROOT/DRIVER/CACHE/diff and, for each layer, image/DRIVER/layerdb/sha256/CHAIN/{cache-id,
 * diff,tar-split.json.gz}; containers/storage GRAPH-ROOT/overlay/ID/diff, overlay-layers/layers.json and
 * overlay-layers/ID.tar-split.gz. containerd's are in containerd.c.
 */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "box/provenance_own.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	JSON_MAX = 32 << 20,
	MANIFESTS_MAX = 8,
	SHORT_MAX = 256,
	LAYERS_MAX = 100000,
	DIFFS_MAX = 1024
};

const struct provenance_init provenance_init[] = {{"dev", 'd', NULL}, {"dev/pts", 'd', NULL},
	{"dev/shm", 'd', NULL}, {"dev/console", 'f', NULL}, {"proc", 'd', NULL}, {"sys", 'd', NULL},
	{".dockerenv", 'f', NULL}, {"etc", 'd', NULL}, {"etc/hosts", 'f', NULL},
	{"etc/hostname", 'f', NULL}, {"etc/resolv.conf", 'f', NULL},
	{"etc/mtab", 'l', "/proc/mounts"}, {"run", 'd', NULL}, {"run/.containerenv", 'f', NULL}};
const size_t n_provenance_init = COUNTOF(provenance_init);

void provenance_free(struct provenance *p)
{
	buf_free(&p->digest);
	buf_free(&p->packed);
	buf_free(&p->file);
	buf_free(&p->below);
	buf_free(&p->why);
}

void provenance_image_free(struct provenance_image *i)
{
	buf_free(&i->config);
	buf_free(&i->manifest);
	buf_free(&i->digests);
	buf_free(&i->manifests);
	buf_free(&i->big_data);
	buf_free(&i->why);
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == (size_t)2 * SHA_LEN;
}

struct span provenance_hex(struct span digest)
{
	struct span kind = span_of("sha256:");
	struct span hex = span_starts(digest, kind) && digest.n > kind.n
				  ? span_make(digest.p + kind.n, digest.n - kind.n)
				  : (struct span){0};

	return is_hex(hex) ? hex : (struct span){0};
}

struct span provenance_text(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) ? span_make(json_string_value(v), json_string_length(v))
				 : (struct span){0};
}

/* A path taken apart from its end: ROOT/DRIVER/ID/LEAF. */
struct place {
	struct span root, driver, id;
};

bool provenance_cut(struct span *path, struct span *ret)
{
	size_t n = path->n;

	while (n && path->p[n - 1] != '/')
		n--;
	if (!n)
		return false;
	*ret = span_make(path->p + n, path->n - n);
	path->n = n - 1;
	return ret->n > 0;
}

static bool place_of(const char *path, const char *leaf, struct place *ret)
{
	struct span rest = span_of(path), last;

	if (!provenance_cut(&rest, &last) || !span_is(last, leaf) ||
		!provenance_cut(&rest, &ret->id) || !provenance_cut(&rest, &ret->driver))
		return false;
	ret->root = rest;
	return rest.n > 0;
}

#define S(s) (int)(s).n, (const char *)(s).p

static bool is_there(struct buf *path)
{
	struct stat st;

	return !buf_err(path) && stat(buf_text(path), &st) == 0;
}

static bool read_short(const char *dir, const char *name, struct buf *ret)
{
	BUF struct buf path = {0};

	buf_reset(ret);
	buf_printf(&path, "%s/%s", dir, name);
	if (fd_read_plain(AT_FDCWD, buf_text(&path), SHORT_MAX, ret) < 0)
		return false;
	while (ret->n && (ret->p[ret->n - 1] == '\n' || ret->p[ret->n - 1] == ' '))
		ret->p[--ret->n] = 0;
	return ret->n > 0;
}

json_t *provenance_json(const char *path, struct buf *bytes)
{
	buf_reset(bytes);
	if (fd_read_plain(AT_FDCWD, path, JSON_MAX, bytes) < 0)
		return NULL;
	return json_loadb((const char *)bytes->p, bytes->n, 0, NULL);
}

/* ---- Docker ---- */

static bool docker_chain(
	const char *db, const char *chain, const struct place *at, struct provenance *ret)
{
	BUF struct buf dir = {0}, cache = {0}, diff = {0};
	struct span hex;

	buf_printf(&dir, "%s/%s", db, chain);
	if (!read_short(buf_text(&dir), "cache-id", &cache) || !span_eq(buf_span(&cache), at->id))
		return false;
	read_short(buf_text(&dir), "diff", &diff);
	hex = provenance_hex(buf_span(&diff));
	buf_printf(&ret->file, "%s/tar-split.json.gz", buf_text(&dir));
	if (!hex.n) {
		buf_add_text(&ret->why, "the engine keeps no digest of it");
	} else if (!is_there(&ret->file)) {
		buf_add_text(&ret->why, "the engine keeps no headers of its archive");
	} else {
		buf_add_span(&ret->digest, hex);
		ret->how = PROVENANCE_TAR_SPLIT;
	}
	return true;
}

/* A daemon with user namespaces keeps everything below UID.GID, whose owners are root's. */
static void docker_shift(const struct place *at, struct provenance *ret)
{
	struct span rest = at->root, last;
	BUF struct buf text = {0};
	unsigned uid, gid;
	char end;

	if (!provenance_cut(&rest, &last))
		return;
	buf_add_span(&text, last);
	if (sscanf(buf_text(&text), "%9u.%9u%c", &uid, &gid, &end) != 2)
		return;
	ret->uid_base = uid;
	ret->gid_base = gid;
}

static void of_docker(const char *db, const struct place *at, struct provenance *ret)
{
	DIR *d = opendir(db);
	const struct dirent *e;
	size_t n = 0;
	bool found = false;

	docker_shift(at, ret);
	while (d && !found && n++ < LAYERS_MAX && (e = readdir(d)))
		found = is_hex(span_of(e->d_name)) && docker_chain(db, e->d_name, at, ret);
	if (d)
		closedir(d);
	if (!found)
		buf_add_text(&ret->why, "the engine does not know this layer");
}

/* ---- containers/storage ---- */

static const json_t *entry_of(const json_t *list, struct span id)
{
	for (size_t i = 0; i < json_array_size(list) && i < LAYERS_MAX; i++) {
		const json_t *one = json_array_get(list, i);

		if (span_eq(provenance_text(one, "id"), id))
			return one;
	}
	return NULL;
}

/* A layer that was pulled in parts: containers/storage keeps the table that it was put together by. */
static bool storage_toc(const char *dir, const struct place *at, struct provenance *ret)
{
	BUF struct buf path = {0}, name = {0};

	text_b64(&name, span_of("zstd-chunked-manifest"));
	buf_printf(&path, "%s/%.*s/=%s", dir, S(at->id), buf_text(&name));
	if (!is_there(&path))
		return false;
	buf_reset(&ret->file);
	buf_add_span(&ret->file, buf_span(&path));
	ret->how = PROVENANCE_TOC;
	return true;
}

static bool storage_layer(
	const json_t *one, const char *dir, const struct place *at, struct provenance *ret)
{
	struct span hex = provenance_hex(provenance_text(one, "diff-digest"));

	if (!one)
		return false;
	buf_printf(&ret->file, "%s/%.*s.tar-split.gz", dir, S(at->id));
	/* What was pulled in parts may have the digest of what is packed in the place of its own. */
	if (!is_there(&ret->file) && storage_toc(dir, at, ret))
		return true;
	if (!hex.n)
		buf_printf(&ret->why, "the engine keeps no digest of it%s",
			provenance_text(one, "toc-digest").n
				? ": it was pulled in parts (toc-digest)"
				: "");
	else if (!is_there(&ret->file))
		buf_add_text(&ret->why, "the engine keeps no headers of its archive");
	else
		ret->how = PROVENANCE_TAR_SPLIT;
	buf_add_span(&ret->digest, hex);
	return true;
}

static void of_storage(const char *dir, const struct place *at, struct provenance *ret)
{
	static const char *const lists[] = {"layers.json", "volatile-layers.json"};
	BUF struct buf bytes = {0};

	for (size_t i = 0; i < COUNTOF(lists); i++) {
		BUF struct buf path = {0};
		JSON json_t *list = NULL;

		buf_printf(&path, "%s/%s", dir, lists[i]);
		list = provenance_json(buf_text(&path), &bytes);
		if (storage_layer(entry_of(list, at->id), dir, at, ret))
			return;
	}
	buf_add_text(&ret->why, "the engine does not know this layer");
}

/* ---- both ---- */

void provenance_of_layer(const char *path, const char *kind, bool users, struct provenance *ret)
{
	BUF struct buf docker = {0}, storage = {0};
	struct place at;

	*ret = (struct provenance){.owners_unknown = users};
	if (strcmp(kind, "runtime") == 0) {
		ret->how = PROVENANCE_INIT;
		return;
	}
	if (containerd_layer(path, ret))
		return;
	if (!place_of(path, "diff", &at)) {
		buf_add_text(
			&ret->why, "it lies in no engine's store that keeps what an image says");
		return;
	}
	buf_printf(&docker, "%.*s/image/%.*s/layerdb/sha256", S(at.root), S(at.driver));
	buf_printf(&storage, "%.*s/%.*s-layers", S(at.root), S(at.driver));
	if (is_there(&docker))
		of_docker(buf_text(&docker), &at, ret);
	else if (is_there(&storage))
		of_storage(buf_text(&storage), &at, ret);
	else
		buf_add_text(
			&ret->why, "it lies in no engine's store that keeps what an image says");
	if (ret->how != PROVENANCE_NONE)
		buf_reset(&ret->why);
}

/* ---- images ---- */

int provenance_refuse(struct provenance_image *ret, int code, const char *why)
{
	buf_reset(&ret->why);
	buf_add_text(&ret->why, why);
	return code;
}

bool provenance_has_digest(struct span bytes, struct span hex)
{
	uint8_t is[SHA_LEN], want[SHA_LEN];

	if (text_unhex(hex, want, SHA_LEN) < 0)
		return false;
	sha_once(bytes, is);
	return sha_same(is, want);
}

/* The configuration: its bytes have the digest that the image goes by, and it lists the layers. */
int provenance_config(const char *path, struct span hex, struct provenance_image *ret)
{
	BUF struct buf bytes = {0};
	JSON json_t *config = provenance_json(path, &bytes);
	const json_t *list = json_object_get(json_object_get(config, "rootfs"), "diff_ids");

	if (!bytes.n)
		return provenance_refuse(
			ret, -ENOENT, "the engine does not keep the image's configuration");
	if (!provenance_has_digest(buf_span(&bytes), hex))
		return provenance_refuse(ret, -EBADMSG,
			"the image's configuration does not have the digest that the image goes by");
	for (size_t i = 0; i < json_array_size(list) && i < DIFFS_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		struct span text = json_is_string(one) ? span_make(json_string_value(one),
								 json_string_length(one))
						       : (struct span){0};

		if (!provenance_hex(text).n)
			return provenance_refuse(ret, -EBADMSG,
				"the image's configuration lists a digest that is none");
		buf_bytes(&ret->digests, text);
		ret->n++;
	}
	return ret->n ? 0
		      : provenance_refuse(
				ret, -ENOENT, "the image's configuration lists no layers");
}

static void add_manifest(struct provenance_image *ret, struct span hex)
{
	BUF struct buf text = {0};

	buf_printf(&text, "sha256:%.*s", S(hex));
	buf_bytes(&ret->manifests, buf_span(&text));
}

static bool lists(const struct buf *index, struct span hex)
{
	JSON json_t *root = json_loadb((const char *)index->p, index->n, 0, NULL);
	const json_t *all = json_object_get(root, "manifests");

	for (size_t i = 0; i < json_array_size(all) && i < DIFFS_MAX; i++)
		if (span_eq(provenance_hex(provenance_text(json_array_get(all, i), "digest")), hex))
			return true;
	return false;
}

static int storage_manifest(
	const char *dir, const json_t *image, struct span hex, struct provenance_image *ret)
{
	BUF struct buf path = {0}, bytes = {0};
	struct span want = provenance_hex(provenance_text(image, "digest"));
	JSON json_t *manifest = NULL;
	uint8_t is[SHA_LEN];

	buf_printf(&path, "%s/manifest", dir);
	manifest = provenance_json(buf_text(&path), &bytes);
	if (!bytes.n)
		return 0;
	if (!span_eq(provenance_hex(provenance_text(json_object_get(manifest, "config"), "digest")),
		    hex))
		return provenance_refuse(
			ret, -EBADMSG, "the image's manifest names another configuration");
	if (want.n && !provenance_has_digest(buf_span(&bytes), want)) {
		BUF struct buf key = {0}, name = {0}, kept = {0};

		/* The digest may be that of an index, with the manifest kept under its own. */
		sha_once(buf_span(&bytes), is);
		buf_add_text(&key, "manifest-sha256:");
		buf_add_span(&key, want);
		text_b64(&name, buf_span(&key));
		buf_reset(&path);
		buf_printf(&path, "%s/=%s", dir, buf_text(&name));
		if (fd_read_plain(AT_FDCWD, buf_text(&path), JSON_MAX, &kept) < 0 ||
			!provenance_has_digest(buf_span(&kept), want))
			return provenance_refuse(ret, -EBADMSG,
				"the image's manifest does not have the digest that the engine says");
		text_hex(&ret->manifest, span_make(is, SHA_LEN));
		if (lists(&kept, buf_span(&ret->manifest)))
			add_manifest(ret, want);
	} else {
		sha_once(buf_span(&bytes), is);
		text_hex(&ret->manifest, span_make(is, SHA_LEN));
	}
	add_manifest(ret, buf_span(&ret->manifest));
	buf_printf(&ret->big_data, "%s", dir);
	return 0;
}

static int storage_image(const char *images, struct span hex, struct provenance_image *ret)
{
	BUF struct buf list_path = {0}, bytes = {0}, dir = {0}, key = {0}, name = {0}, path = {0};
	JSON json_t *list = NULL;
	const json_t *image;
	int r;

	buf_printf(&list_path, "%s/images.json", images);
	list = provenance_json(buf_text(&list_path), &bytes);
	image = entry_of(list, hex);
	if (!image)
		return provenance_refuse(
			ret, -ENOENT, "the engine does not know the image (any more)");
	buf_printf(&dir, "%s/%.*s", images, S(hex));
	buf_printf(&key, "sha256:%.*s", S(hex));
	text_b64(&name, buf_span(&key));
	buf_printf(&path, "%s/=%s", buf_text(&dir), buf_text(&name));
	r = provenance_config(buf_text(&path), hex, ret);
	return r ? r : storage_manifest(buf_text(&dir), image, hex, ret);
}

/* "NAME@sha256:…" -> id: by which digests registries know the image, as far as Docker was told when it pulled or
 * pushed. It keeps no manifest, so nothing here shows that the digest leads to the image. */
static void docker_known_as(const char *driver_dir, struct span hex, struct provenance_image *ret)
{
	BUF struct buf path = {0}, bytes = {0};
	JSON json_t *root = NULL;
	const char *repo, *name;
	json_t *names, *id;
	size_t n = 0;

	buf_printf(&path, "%s/repositories.json", driver_dir);
	root = provenance_json(buf_text(&path), &bytes);
	json_object_foreach(json_object_get(root, "Repositories"), repo, names) {
		json_object_foreach(names, name, id) {
			const char *at = strchr(name, '@');
			struct span is = provenance_hex(span_of(json_string_value(id)));

			if (!at || !span_eq(is, hex) || !provenance_hex(span_of(at + 1)).n ||
				n == MANIFESTS_MAX)
				continue;
			add_manifest(ret, provenance_hex(span_of(at + 1)));
			n++;
		}
	}
	ret->by_word = n > 0;
}

static int docker_image(const char *driver_dir, struct span hex, struct provenance_image *ret)
{
	BUF struct buf path = {0};
	int r;

	buf_printf(&path, "%s/imagedb/content/sha256/%.*s", driver_dir, S(hex));
	r = provenance_config(buf_text(&path), hex, ret);
	if (r == 0)
		docker_known_as(driver_dir, hex, ret);
	return r;
}

int provenance_of_image(const char *path, struct span id, struct provenance_image *ret)
{
	BUF struct buf docker = {0}, storage = {0};
	struct span hex = provenance_hex(id);
	struct place at;
	int r = 0;

	*ret = (struct provenance_image){.n = 0};
	if (!hex.n)
		return provenance_refuse(ret, -ENOENT, "the engine does not say which image it is");
	if (containerd_image(path, hex, ret, &r)) {
		if (ret->manifest.n)
			add_manifest(ret, buf_span(&ret->manifest));
		return r;
	}
	if (!place_of(path, "diff", &at))
		return provenance_refuse(
			ret, -ENOENT, "it lies in no engine's store that keeps images");
	buf_add_span(&ret->config, hex);
	buf_printf(&docker, "%.*s/image/%.*s", S(at.root), S(at.driver));
	buf_printf(&storage, "%.*s/%.*s-images", S(at.root), S(at.driver));
	if (is_there(&docker))
		return docker_image(buf_text(&docker), hex, ret);
	return is_there(&storage) ? storage_image(buf_text(&storage), hex, ret)
				  : provenance_refuse(ret, -ENOENT,
					    "it lies in no engine's store that keeps images");
}
