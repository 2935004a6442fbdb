/* jansson reads; here is only what each document must have, and in which bounds. */
#include "image/manifest.h"
#include <jansson.h>
#include "base/err.h"
#include "base/text.h"

static void decref(json_t **v)
{
	json_decref(*v);
}
#define DECREF CLEANUP(decref)

static struct span text_of(const json_t *v)
{
	return span_make(json_string_value(v), json_string_length(v));
}

int image_digest_parse(struct span text, const char *what, struct image_digest *ret)
{
	static const char SHA[] = "sha256:";
	struct span hex = {0};

	if (span_starts(text, span_of(SHA)))
		hex = span_make(text.p + strlen(SHA), text.n - strlen(SHA));
	else if (memchr(text.p ? text.p : (const uint8_t *)"", ':', text.n))
		return err_set(-ENOTSUP,
			"%s: a digest by \"%.*s\"; only sha256 is read: make the image with that",
			what, (int)(text.n > 16 ? 16 : text.n), (const char *)text.p);
	for (size_t i = 0; i < hex.n; i++)
		if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
			hex.n = 0;
	if (hex.n != (size_t)2 * SHA_LEN || text_unhex(hex, ret->sha, SHA_LEN) < 0)
		return err_set(-EBADMSG, "%s: not a digest of sha256", what);
	return 0;
}

void image_digest_format(const uint8_t sha[SHA_LEN], struct buf *out)
{
	buf_add_text(out, "sha256:");
	text_hex(out, span_make(sha, SHA_LEN));
}

int image_digest_check(struct span bytes, const struct image_digest *want, const char *what)
{
	BUF struct buf hex = {0};
	uint8_t is[SHA_LEN];

	sha_once(bytes, is);
	if (sha_same(is, want->sha))
		return 0;
	image_digest_format(want->sha, &hex);
	return err_set(-EBADMSG, "%s: its bytes are not those of %s", what, buf_text(&hex));
}

void image_chain_id(const uint8_t *parent, const uint8_t diff_id[SHA_LEN], uint8_t ret[SHA_LEN])
{
	BUF struct buf both = {0};

	if (!parent) {
		memcpy(ret, diff_id, SHA_LEN);
		return;
	}
	image_digest_format(parent, &both);
	buf_u8(&both, ' ');
	image_digest_format(diff_id, &both);
	sha_once(buf_span(&both), ret);
}

static int load(struct span json, const char *what, json_t **ret)
{
	json_error_t err;

	if (json.n > IMAGE_JSON_MAX)
		return err_set(-EFBIG, "%s: larger than %d MiB", what, IMAGE_JSON_MAX >> 20);
	*ret = json_loadb((const char *)(json.n ? json.p : (const uint8_t *)""), json.n,
		JSON_REJECT_DUPLICATES, &err);
	return *ret ? 0 : err_set(-EBADMSG, "%s: no JSON: %s", what, err.text);
}

/* The member, as a text of the arena's; empty when it is none. */
static struct span member(const json_t *of, const char *key, struct arena *mem)
{
	return arena_dup(mem, text_of(json_object_get(of, key)));
}

static struct span note(const json_t *notes, struct arena *mem, const char *const *keys)
{
	struct span v = {0};

	for (; *keys && v.n == 0; keys++)
		v = member(notes, *keys, mem);
	return v;
}

static const char *const REF[] = {
	"io.containerd.image.name", "org.opencontainers.image.ref.name", NULL};
static const char *const TOC_POSITION[] = {"io.github.containers.zstd-chunked.manifest-position",
	"io.containers.zstd-chunked.manifest-position", NULL};
static const char *const TOC_DIGEST[] = {"io.github.containers.zstd-chunked.manifest-checksum",
	"io.containers.zstd-chunked.manifest-checksum", NULL};
static const char *const ESTARGZ[] = {"containerd.io/snapshot/stargz/toc.digest", NULL};

static int desc_of(const json_t *v, const char *what, struct arena *mem, struct image_desc *ret)
{
	const json_t *notes = json_object_get(v, "annotations"),
		     *at = json_object_get(v, "platform"), *size = json_object_get(v, "size");

	*ret = (struct image_desc){0};
	if (!json_is_object(v) || !json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(-EBADMSG, "%s: a descriptor without a size", what);
	ret->media = member(v, "mediaType", mem);
	ret->size = (uint64_t)json_integer_value(size);
	ret->os = member(at, "os", mem);
	ret->arch = member(at, "architecture", mem);
	ret->variant = member(at, "variant", mem);
	ret->ref = note(notes, mem, REF);
	ret->toc_position = note(notes, mem, TOC_POSITION);
	ret->toc_digest = note(notes, mem, TOC_DIGEST);
	ret->estargz_digest = note(notes, mem, ESTARGZ);
	ret->attestation = json_object_get(notes, "vnd.docker.reference.type") != NULL;
	return image_digest_parse(text_of(json_object_get(v, "digest")), what, &ret->digest);
}

static int descs_of(
	const json_t *list, const char *what, struct arena *mem, struct image_manifest *ret)
{
	size_t n = json_array_size(list);
	int r = 0;

	if (!json_is_array(list) || n > IMAGE_LAYERS_MAX)
		return err_set(
			-EBADMSG, "%s: no list, or one of more than %d", what, IMAGE_LAYERS_MAX);
	ret->items = arena_alloc(mem, (n + 1) * sizeof(*ret->items));
	for (; r == 0 && ret->n_items < n; ret->n_items++)
		r = desc_of(
			json_array_get(list, ret->n_items), what, mem, &ret->items[ret->n_items]);
	return r;
}

int image_manifest_parse(struct span json, struct arena *mem, struct image_manifest *ret)
{
	DECREF json_t *top = NULL;
	const json_t *config, *layers, *manifests;
	int r = load(json, "manifest", &top);

	*ret = (struct image_manifest){0};
	if (r < 0)
		return r;
	config = json_object_get(top, "config");
	layers = json_object_get(top, "layers");
	manifests = json_object_get(top, "manifests");
	if (json_object_get(top, "fsLayers") ||
		json_integer_value(json_object_get(top, "schemaVersion")) == 1)
		return err_set(-ENOTSUP,
			"manifest: of schema 1, which names no configuration; pull the image anew");
	if (json_integer_value(json_object_get(top, "schemaVersion")) != 2)
		return err_set(-EBADMSG, "manifest: not of schema 2");
	/* Both at once would be two things to two readers. */
	if (manifests ? layers || config : !layers || !config)
		return err_set(-EBADMSG, "manifest: neither an image nor a list of images");
	ret->is_index = manifests != NULL;
	if (manifests)
		return descs_of(manifests, "manifest list", mem, ret);
	r = desc_of(config, "manifest: config", mem, &ret->config);
	return r ? r : descs_of(layers, "manifest: layers", mem, ret);
}

int image_config_parse(struct span json, struct arena *mem, struct image_config *ret)
{
	DECREF json_t *top = NULL;
	const json_t *rootfs, *ids;
	int r = load(json, "image configuration", &top);

	*ret = (struct image_config){0};
	if (r < 0)
		return r;
	rootfs = json_object_get(top, "rootfs");
	ids = json_object_get(rootfs, "diff_ids");
	/* An image without layers has null or no list at all. */
	if (!json_is_object(rootfs) ||
		!span_is(text_of(json_object_get(rootfs, "type")), "layers") ||
		(ids && !json_is_array(ids) && !json_is_null(ids)) ||
		json_array_size(ids) > IMAGE_LAYERS_MAX)
		return err_set(
			-EBADMSG, "image configuration: it says no layers (rootfs.diff_ids)");
	ret->os = member(top, "os", mem);
	ret->arch = member(top, "architecture", mem);
	ret->variant = member(top, "variant", mem);
	ret->diff_ids = arena_alloc(mem, (json_array_size(ids) + 1) * sizeof(*ret->diff_ids));
	for (; r == 0 && ret->n_diff_ids < json_array_size(ids); ret->n_diff_ids++)
		r = image_digest_parse(text_of(json_array_get(ids, ret->n_diff_ids)),
			"image configuration: diff_ids", &ret->diff_ids[ret->n_diff_ids]);
	return r;
}

static int texts_of(const json_t *list, struct arena *mem, struct span **ret, size_t *ret_n)
{
	size_t n = json_array_size(list);

	if ((list && !json_is_array(list) && !json_is_null(list)) || n > IMAGE_LAYERS_MAX)
		return err_set(-EBADMSG, "manifest.json: no list, or one that is too long");
	*ret = arena_alloc(mem, (n + 1) * sizeof(**ret));
	for (*ret_n = 0; *ret_n < n; (*ret_n)++) {
		const json_t *v = json_array_get(list, *ret_n);

		if (!json_is_string(v))
			return err_set(-EBADMSG, "manifest.json: something that is no text");
		(*ret)[*ret_n] = arena_dup(mem, text_of(v));
	}
	return 0;
}

int image_saved_parse(struct span json, struct arena *mem, struct image_saved **ret, size_t *ret_n)
{
	DECREF json_t *top = NULL;
	int r = load(json, "manifest.json", &top);
	size_t n = json_array_size(top);

	if (r < 0)
		return r;
	if (!json_is_array(top) || n == 0 || n > IMAGE_LAYERS_MAX)
		return err_set(-EBADMSG, "manifest.json: it lists no images");
	*ret = arena_alloc(mem, n * sizeof(**ret));
	for (*ret_n = 0; r == 0 && *ret_n < n; (*ret_n)++) {
		const json_t *v = json_array_get(top, *ret_n);
		struct image_saved *it = &(*ret)[*ret_n];

		it->config = member(v, "Config", mem);
		if (it->config.n == 0)
			return err_set(-EBADMSG, "manifest.json: an image without a configuration");
		r = texts_of(json_object_get(v, "RepoTags"), mem, &it->tags, &it->n_tags);
		if (r == 0)
			r = texts_of(json_object_get(v, "Layers"), mem, &it->layers, &it->n_layers);
	}
	return r;
}

/* Names of letters, digits, '.' and '-' are files as they are; '.' in front is no such. */
void image_bigdata_name(struct span key, struct buf *out)
{
	bool plain = key.n > 0 && key.p[0] != '.';

	for (size_t i = 0; i < key.n; i++) {
		uint8_t c = key.p[i];

		plain &= (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			 c == '.' || c == '-' || c == '_';
	}
	if (!plain)
		buf_u8(out, '=');
	if (plain)
		buf_add_span(out, key);
	else
		text_b64(out, key);
}
