#include "wire/show.h"

static void show_sha(struct json *j, const char *key, const uint8_t *sha)
{
	if (sha)
		json_m_hex(j, key, span_make(sha, SHA_LEN));
}

static void show_image(struct json *j, const struct show_golden *g)
{
	json_key(j, "image");
	json_open(j, '{');
	show_sha(j, "digest", g->image);
	show_sha(j, "manifest", g->manifest);
	json_m_str(j, "name", g->name);
	json_close(j, '}');
}

static void show_layers(struct json *j, const struct show_golden *g)
{
	json_key(j, "layers");
	json_open(j, '[');
	for (size_t i = 0; i < g->n_layers; i++) {
		json_open(j, '{');
		show_sha(j, "canon", g->layers[i].canon);
		show_sha(j, "diff_id", g->layers[i].diff_id);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void show_signatures(struct json *j, const struct show_golden *g)
{
	json_key(j, "signatures");
	json_open(j, '[');
	for (size_t i = 0; i < g->n_signatures; i++) {
		const struct show_golden_signature *s = &g->signatures[i];

		json_open(j, '{');
		show_sha(j, "key", s->key);
		show_str(j, "name", s->name);
		json_m_text(j, "state", s->state);
		show_time(j, "time", s->time);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void show_golden(struct json *j, const struct show_golden *g)
{
	json_open(j, '{');
	json_m_uint(j, "accepts", g->accepts);
	show_time(j, "created", g->created);
	show_sha(j, "digest", g->file);
	show_str(j, "host", g->host);
	show_image(j, g);
	show_time(j, "imported", g->imported);
	show_layers(j, g);
	show_sha(j, "root", g->root);
	show_signatures(j, g);
	json_m_bool(j, "signed", g->is_signed);
	json_m_uint(j, "uid", g->uid);
	json_close(j, '}');
}
