/* From what it is shipped as to one configuration and its layers, every digest on the way held against the bytes. */
#include "golden/build.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include "golden/blobs.h"
#include "golden/tree.h"
#include "image/manifest.h"
#include "trust/sign.h"

enum { DEPTH_MAX = 4, FOUND_MAX = 64 };

/* An image of those there are. */
struct found {
	struct span name;
	struct image_digest manifest, config;
	bool has_manifest;
	struct image_manifest layers; /* of OCI: descriptors */
	struct image_saved *saved;    /* of docker save */
};
struct build {
	struct blobs *blobs;
	bool beside; /* blobs lie beside the manifest */
	struct arena mem;
	struct found v[FOUND_MAX];
	size_t n;
};

static void build_fini(struct build *b)
{
	arena_free(&b->mem);
}

static int bad(const char *what)
{
	return err_set(-EBADMSG, "%s", what);
}

/* By its digest: in a layout below blobs/, in a directory of skopeo's "dir:" beside the manifest. */
static int by_digest(struct build *b, const struct image_digest *d, struct blob **ret)
{
	BUF struct buf name = {0}, beside = {0};

	text_hex(&beside, span_make(d->sha, SHA_LEN));
	buf_add_text(&name, "blobs/sha256/");
	buf_add_span(&name, buf_span(&beside));
	*ret = blobs_find(b->blobs, buf_span(b->beside ? &beside : &name));
	if (!*ret)
		return -ENOENT;
	if (!sha_same((*ret)->sha, d->sha))
		return err_set(-EBADMSG, "%s: its bytes are not those of its name",
			buf_text(b->beside ? &beside : &name));
	return 0;
}

static int document(struct build *b, const struct image_desc *d, struct span *ret)
{
	struct blob *it;
	int r = by_digest(b, &d->digest, &it);

	return r ? r : blob_json(it, ret);
}

static int add_found(struct build *b, const struct found *f)
{
	if (b->n == FOUND_MAX)
		return err_set(-EFBIG, "it has more than %d images", FOUND_MAX);
	b->v[b->n++] = *f;
	return 0;
}

static int gather(struct build *b, const struct image_manifest *index, unsigned depth);

static int gather_one(struct build *b, const struct image_desc *d, unsigned depth)
{
	struct found f = {.name = d->ref, .manifest = d->digest, .has_manifest = true};
	struct span json;
	int r = document(b, d, &json);

	/* Of an index of many machines most have but one's pieces. */
	if (r == -ENOENT && depth)
		return 0;
	if (r == 0)
		r = image_manifest_parse(json, &b->mem, &f.layers);
	if (r < 0)
		return r;
	if (!f.layers.is_index) {
		f.config = f.layers.config.digest;
		return add_found(b, &f);
	}
	return depth == DEPTH_MAX ? bad("lists of images within lists")
				  : gather(b, &f.layers, depth + 1);
}

static int gather(struct build *b, const struct image_manifest *index, unsigned depth)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < index->n_items; i++) {
		size_t from = b->n;

		if (index->items[i].attestation)
			continue;
		r = gather_one(b, &index->items[i], depth);
		/* What is in a list is called as the list is. */
		for (; r == 0 && from < b->n; from++)
			if (b->v[from].name.n == 0)
				b->v[from].name = index->items[i].ref;
	}
	return r;
}

static int gather_oci(struct build *b, const struct blob *index)
{
	struct image_manifest m;
	struct span json;
	int r = blob_json(index, &json);

	if (r == 0)
		r = image_manifest_parse(json, &b->mem, &m);
	if (r == 0 && !m.is_index)
		r = bad("index.json lists no images");
	return r ? r : gather(b, &m, 0);
}

/* A manifest itself, with its blobs beside it. */
static int gather_beside(struct build *b, const struct blob *manifest)
{
	struct found f = {.has_manifest = true};
	struct span json;
	int r = blob_json(manifest, &json);

	b->beside = true;
	if (r == 0)
		r = image_manifest_parse(json, &b->mem, &f.layers);
	if (r == 0 && f.layers.is_index)
		r = bad("manifest.json is a list of images");
	if (r < 0)
		return r;
	memcpy(f.manifest.sha, manifest->sha, SHA_LEN);
	f.config = f.layers.config.digest;
	return add_found(b, &f);
}

static int gather_saved(struct build *b, const struct blob *manifest)
{
	struct image_saved *v = NULL;
	struct span json;
	size_t n = 0;
	int r = blob_json(manifest, &json);

	if (r == 0 && json.p[0] == '{')
		return gather_beside(b, manifest);
	if (r == 0)
		r = image_saved_parse(json, &b->mem, &v, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct found f = {
			.saved = &v[i], .name = v[i].n_tags ? v[i].tags[0] : (struct span){0}};
		struct blob *config = blobs_find(b->blobs, v[i].config);

		if (!config)
			return -ENOENT;
		memcpy(f.config.sha, config->sha, SHA_LEN);
		r = add_found(b, &f);
	}
	return r;
}

/* "docker.io/library/web:1" is asked for as that, as "web:1", "library/web:1", or by what stands behind the last slash. */
static bool named(struct span name, struct span word)
{
	if (span_eq(name, word))
		return true;
	return name.n > word.n && name.p[name.n - word.n - 1] == '/' &&
	       memcmp(name.p + name.n - word.n, word.p, word.n) == 0;
}

static bool is_asked(const struct found *f, struct span word)
{
	struct image_digest d;

	if (span_starts(word, span_of("sha256:")))
		return image_digest_parse(word, "--image", &d) == 0 &&
		       (sha_same(d.sha, f->config.sha) ||
			       (f->has_manifest && sha_same(d.sha, f->manifest.sha)));
	if (named(f->name, word))
		return true;
	for (size_t i = 0; f->saved && i < f->saved->n_tags; i++)
		if (named(f->saved->tags[i], word))
			return true;
	return false;
}

static int say_choice(const struct build *b, const char *image)
{
	BUF struct buf list = {0};

	for (size_t i = 0; i < b->n && list.n < 600; i++) {
		buf_add_text(&list, i ? ", " : "");
		text_quote(&list, b->v[i].name, true);
		buf_add_text(&list, b->v[i].name.n ? " (" : "(");
		image_digest_format(b->v[i].config.sha, &list);
		buf_add_text(&list, ")");
	}
	if (b->n == 0)
		return bad("there is no image in it");
	if (image)
		return err_set(-ENOENT, "there is not one image that is %s in it: %s", image,
			buf_text(&list));
	return err_set(-ENOENT, "there are %zu images in it; choose by --image: %s", b->n,
		buf_text(&list));
}

static int choose(struct build *b, const char *image, struct found **ret)
{
	size_t hits = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (image && !is_asked(&b->v[i], span_of(image)))
			continue;
		/* The same image under two names is one. */
		if (hits && sha_same((*ret)->config.sha, b->v[i].config.sha))
			continue;
		hits++;
		*ret = &b->v[i];
	}
	return hits == 1 ? 0 : say_choice(b, image);
}

/* Docker's name for a configuration is its digest. */
static int check_config_name(const struct found *f)
{
	BUF struct buf hex = {0};
	struct span name = f->saved->config;

	text_hex(&hex, span_make(f->config.sha, SHA_LEN));
	for (size_t i = 0; i + hex.n <= name.n; i++)
		if (memcmp(name.p + i, hex.p, hex.n) == 0)
			return 0;
	return err_set(-EBADMSG,
		"the image's configuration (%.*s) has other bytes than its name says",
		(int)(name.n > 200 ? 200 : name.n), (const char *)name.p);
}

static int config_of(struct build *b, const struct found *f, struct image_config *ret)
{
	struct span json;
	struct blob *it;
	int r;

	if (f->saved) {
		it = blobs_find(b->blobs, f->saved->config);
		r = it ? blob_json(it, &json) : -ENOENT;
		if (r == 0)
			r = check_config_name(f);
	} else {
		r = document(b, &f->layers.config, &json);
	}
	return r ? r : image_config_parse(json, &b->mem, ret);
}

static int layer_of(
	struct build *b, const struct found *f, size_t i, const struct golden_layer **ret)
{
	struct blob *it;
	int r = 0;

	if (f->saved) {
		it = blobs_find(b->blobs, f->saved->layers[i]);
		r = it ? 0 : -ENOENT;
	} else {
		r = by_digest(b, &f->layers.items[i].digest, &it);
	}
	return r ? r : blob_layer(it, ret);
}

static int layers_of(
	struct build *b, const struct found *f, const struct image_config *c, struct golden *g)
{
	size_t n = f->saved ? f->saved->n_layers : f->layers.n_items;

	if (n != c->n_diff_ids)
		return err_set(-EBADMSG, "the configuration has %zu layers, the manifest %zu",
			c->n_diff_ids, n);
	g->layers = arena_alloc(&b->mem, (n + 1) * sizeof(*g->layers));
	for (g->n_layers = 0; g->n_layers < n; g->n_layers++) {
		const struct golden_layer *l = NULL;
		int r = layer_of(b, f, g->n_layers, &l);

		if (r < 0)
			return err_wrap(r, "layer %zu", g->n_layers + 1);
		if (!sha_same(l->diff_id, c->diff_ids[g->n_layers].sha))
			return err_set(-EBADMSG,
				"layer %zu is not the one that the image's configuration names (diff_id)",
				g->n_layers + 1);
		g->layers[g->n_layers] = *l;
	}
	return 0;
}

static int build_image(struct blobs *blobs, const struct golden_ask *ask, struct buf *out)
{
	CLEANUP(build_fini) struct build b = {.blobs = blobs};
	struct golden g = {.created = ask->created};
	struct image_config config = {0};
	struct found *f = NULL;
	struct blob *top;
	int r;

	if ((top = blobs_find(blobs, span_of("index.json"))))
		r = gather_oci(&b, top);
	else if ((top = blobs_find(blobs, span_of("manifest.json"))))
		r = gather_saved(&b, top);
	else
		r = bad("it has neither index.json nor manifest.json: no image that was saved, and no OCI layout");
	if (r == 0)
		r = choose(&b, ask->image, &f);
	if (r == 0)
		r = config_of(&b, f, &config);
	if (r == 0)
		r = layers_of(&b, f, &config, &g);
	if (r < 0)
		return r;
	g.name = f->name;
	g.os = config.os;
	g.arch = config.arch;
	g.has_image = true;
	memcpy(g.image, f->config.sha, SHA_LEN);
	g.has_manifest = f->has_manifest;
	memcpy(g.manifest, f->manifest.sha, SHA_LEN);
	return golden_write(&g, true, out);
}

static int build_tree(int fd, const struct golden_ask *ask, struct buf *out)
{
	BUF struct buf records = {0};
	struct golden_layer layer;
	struct golden g = {.created = ask->created, .layers = &layer, .n_layers = 1};
	int r;

	if (ask->image)
		return bad("a tree of files has no images to choose by --image");
	r = tree_read(fd, &records, &layer);
	if (r < 0)
		return r;
	layer.records = buf_span(&records);
	return golden_write(&g, true, out);
}

int golden_build(const struct golden_ask *ask, struct buf *out)
{
	BLOBS struct blobs blobs = {.dir_fd = -1};
	FD int fd = open(ask->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("%s", ask->path);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		return err_set(-EINVAL, "%s: a device: name an archive, a layout or a directory",
			ask->path);
	if (S_ISDIR(st.st_mode) && faccessat(fd, "oci-layout", F_OK, 0) < 0 &&
		faccessat(fd, "manifest.json", F_OK, 0) < 0)
		r = build_tree(fd, ask, out);
	else {
		if (S_ISDIR(st.st_mode))
			blobs.dir_fd = take_fd(&fd);
		else
			r = blobs_read_archive(&blobs, fd);
		if (r == 0)
			r = build_image(&blobs, ask, out);
	}
	return r ? err_wrap(r, "%s", ask->path) : 0;
}

static void show_digest(struct json *j, const char *key, bool there, const uint8_t sha[SHA_LEN])
{
	BUF struct buf text = {0};

	if (!there)
		return;
	image_digest_format(sha, &text);
	json_m_str(j, key, buf_span(&text));
}

static void show_layers(struct json *j, const struct golden *g)
{
	json_key(j, "layers");
	json_open(j, '[');
	for (size_t i = 0; i < g->n_layers; i++) {
		json_open(j, '{');
		show_digest(j, "diff_id", true, g->layers[i].diff_id);
		show_digest(j, "canon", true, g->layers[i].canon);
		json_m_uint(j, "records", g->layers[i].n_records);
		json_m_uint(j, "bytes", g->layers[i].n_bytes);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void show_signatures(struct json *j, const struct golden *g)
{
	struct rd at = rd_of(g->signatures);
	struct span block;

	json_key(j, "signatures");
	json_open(j, '[');
	while (golden_signature(&at, &block)) {
		struct rd in = rd_of(block);
		struct signature s;
		bool ok = signature_decode(&in, &s) == 0 && rd_end(&in) && !in.bad;

		json_open(j, '{');
		json_m_bool(j, "readable", ok);
		if (ok) {
			json_m_hex(j, "key", span_make(s.key, SHA_LEN));
			json_m_time(j, "time", s.time);
			json_m_str(j, "comment", s.comment);
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

void golden_show(const struct golden *g, struct buf *out)
{
	struct json j = json_on(out);

	json_open(&j, '{');
	json_m_text(&j, "schema", GOLDEN_SCHEMA);
	json_m_str(&j, "name", g->name);
	show_digest(&j, "image", g->has_image, g->image);
	show_digest(&j, "manifest", g->has_manifest, g->manifest);
	json_m_str(&j, "os", g->os);
	json_m_str(&j, "arch", g->arch);
	json_m_time(&j, "created", g->created);
	if (g->target_id.n) {
		json_m_str(&j, "host", g->host);
		json_m_str(&j, "target", g->target_name);
		json_m_str(&j, "target_id", g->target_id);
		json_m_uint(&j, "generation", g->generation);
	}
	json_m_uint(&j, "accepts", g->n_accepts);
	show_digest(&j, "root", true, g->root);
	show_digest(&j, "digest", true, g->digest);
	show_layers(&j, g);
	show_signatures(&j, g);
	json_close(&j, '}');
}
