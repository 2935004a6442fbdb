/* Members in the order of their names, digests as "sha256:...": canonical, so that equal headers are equal bytes. */
#include "golden/head.h"
#include <jansson.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "image/manifest.h"

static void decref(json_t **v)
{
	json_decref(*v);
}
#define DECREF CLEANUP(decref)

static void m_digest(struct json *j, const char *key, const uint8_t sha[SHA_LEN])
{
	BUF struct buf text = {0};

	image_digest_format(sha, &text);
	json_m_str(j, key, buf_span(&text));
}

static void add_image(struct json *j, const struct golden *g)
{
	json_key(j, "image");
	json_open(j, '{');
	json_m_str(j, "arch", g->arch);
	if (g->has_image)
		m_digest(j, "digest", g->image);
	if (g->has_manifest)
		m_digest(j, "manifest", g->manifest);
	json_m_str(j, "name", g->name);
	json_m_str(j, "os", g->os);
	json_close(j, '}');
}

static void add_generations(struct json *j, const struct golden *g)
{
	json_key(j, "generations");
	json_open(j, '[');
	for (size_t i = 0; i < g->n_generations; i++) {
		const struct golden_generation *it = &g->generations[i];

		json_open(j, '{');
		json_m_uint(j, "generation", it->no);
		json_m_str(j, "reason", it->reason);
		json_m_int(j, "time", it->time);
		json_m_uint(j, "uid", it->uid);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void add_layers(struct json *j, const struct golden *g)
{
	json_key(j, "layers");
	json_open(j, '[');
	for (size_t i = 0; i < g->n_layers; i++) {
		const struct golden_layer *l = &g->layers[i];

		json_open(j, '{');
		json_m_uint(j, "bytes", l->n_bytes);
		m_digest(j, "canon", l->canon);
		m_digest(j, "diff_id", l->diff_id);
		json_m_uint(j, "records", l->n_records);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void golden_head_format(const struct golden *g, struct buf *out)
{
	struct json j = json_on(out);

	json_open(&j, '{');
	json_m_uint(&j, "accepts", g->n_accepts);
	json_m_int(&j, "created", g->created);
	json_m_uint(&j, "generation", g->generation);
	add_generations(&j, g);
	json_m_str(&j, "host", g->host);
	add_image(&j, g);
	add_layers(&j, g);
	m_digest(&j, "root", g->root);
	json_m_text(&j, "schema", GOLDEN_SCHEMA);
	json_key(&j, "target");
	json_open(&j, '{');
	json_m_str(&j, "id", g->target_id);
	json_m_str(&j, "name", g->target_name);
	json_close(&j, '}');
	json_close(&j, '}');
}

static int bad(const char *what)
{
	return err_set(-EBADMSG, "baseline file: its header: %s", what);
}

static struct span text(const json_t *of, const char *key, struct arena *mem)
{
	const json_t *v = json_object_get(of, key);

	return arena_dup(mem, span_make(json_string_value(v), json_string_length(v)));
}

static bool digest(const json_t *of, const char *key, uint8_t ret[SHA_LEN])
{
	const json_t *v = json_object_get(of, key);
	struct image_digest d;

	if (image_digest_parse(span_make(json_string_value(v), json_string_length(v)), key, &d) < 0)
		return false;
	memcpy(ret, d.sha, SHA_LEN);
	return true;
}

static bool number(const json_t *of, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *v = json_object_get(of, key);

	*ret = (uint64_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0 && *ret <= max;
}

static int parse_layers(const json_t *list, struct arena *mem, struct golden *g)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > GOLDEN_LAYERS_MAX)
		return bad("no layers, or too many");
	g->layers = arena_alloc(mem, (n + 1) * sizeof(*g->layers));
	for (g->n_layers = 0; g->n_layers < n; g->n_layers++) {
		const json_t *v = json_array_get(list, g->n_layers);
		struct golden_layer *l = &g->layers[g->n_layers];

		if (!digest(v, "canon", l->canon) || !digest(v, "diff_id", l->diff_id) ||
			!number(v, "records", INT64_MAX, &l->n_records) ||
			!number(v, "bytes", INT64_MAX, &l->n_bytes))
			return bad("a layer without its digests");
	}
	return 0;
}

static int parse_generations(const json_t *list, struct arena *mem, struct golden *g)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > 65536)
		return bad("no generations, or too many");
	g->generations = arena_alloc(mem, (n + 1) * sizeof(*g->generations));
	for (g->n_generations = 0; g->n_generations < n; g->n_generations++) {
		const json_t *v = json_array_get(list, g->n_generations);
		struct golden_generation *it = &g->generations[g->n_generations];
		uint64_t no, uid;

		if (!number(v, "generation", UINT32_MAX, &no) ||
			!number(v, "uid", UINT32_MAX, &uid) ||
			!json_is_integer(json_object_get(v, "time")))
			return bad("a generation without number, user or time");
		*it = (struct golden_generation){.no = (uint32_t)no,
			.uid = (uint32_t)uid,
			.time = json_integer_value(json_object_get(v, "time")),
			.reason = text(v, "reason", mem)};
	}
	return 0;
}

static int parse_image(const json_t *image, struct arena *mem, struct golden *g)
{
	g->name = text(image, "name", mem);
	g->os = text(image, "os", mem);
	g->arch = text(image, "arch", mem);
	g->has_image = json_object_get(image, "digest") != NULL;
	g->has_manifest = json_object_get(image, "manifest") != NULL;
	if ((g->has_image && !digest(image, "digest", g->image)) ||
		(g->has_manifest && !digest(image, "manifest", g->manifest)))
		return bad("an image's digest that is none");
	return 0;
}

int golden_head_parse(struct span json, struct arena *mem, struct golden *g)
{
	DECREF json_t *top = NULL;
	const json_t *target;
	json_error_t err;
	uint64_t generation;
	int r;

	top = json_loadb((const char *)(json.n ? json.p : (const uint8_t *)""), json.n,
		JSON_REJECT_DUPLICATES, &err);
	if (!top)
		return bad(err.text);
	if (!number(top, "accepts", INT64_MAX, &g->n_accepts) ||
		!number(top, "generation", UINT32_MAX, &generation) ||
		!digest(top, "root", g->root) || !json_is_integer(json_object_get(top, "created")))
		return bad("it lacks what it must have");
	g->generation = (uint32_t)generation;
	g->created = json_integer_value(json_object_get(top, "created"));
	g->host = text(top, "host", mem);
	target = json_object_get(top, "target");
	g->target_id = text(target, "id", mem);
	g->target_name = text(target, "name", mem);
	r = parse_image(json_object_get(top, "image"), mem, g);
	if (r == 0)
		r = parse_layers(json_object_get(top, "layers"), mem, g);
	return r ? r : parse_generations(json_object_get(top, "generations"), mem, g);
}
