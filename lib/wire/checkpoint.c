#include "wire/checkpoint.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/jansson.h"

static void show(struct json *j, const struct checkpoint *c, bool with_signature)
{
	json_open(j, '{');
	json_m_uint(j, "from", c->from);
	json_m_hex(j, "head", span_make(c->head, SHA_LEN));
	json_m_str(j, "host", c->host);
	json_m_hex(j, "key", span_make(c->key, SHA_LEN));
	json_m_uint(j, "last", c->last);
	json_m_hex(j, "last_id", span_make(c->last_id, SHA_LEN));
	json_m_hex(j, "root", span_make(c->root, SHA_LEN));
	json_m_bool(j, "sealed", c->sealed);
	if (with_signature)
		json_m_str(j, "signature", c->signature);
	json_m_hex(j, "state", span_make(c->state, SHA_LEN));
	json_m_uint(j, "targets", c->n_targets);
	json_m_hex(j, "targets_root", span_make(c->targets, SHA_LEN));
	json_m_uint(j, "to", c->to);
	json_close(j, '}');
}

void show_checkpoint(struct json *j, const struct checkpoint *c)
{
	show(j, c, true);
}

void checkpoint_digest(const struct checkpoint *c, uint8_t ret[SHA_LEN])
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);

	show(&j, c, false);
	must(!buf_err(&text));
	sha_once(buf_span(&text), ret);
}

void checkpoint_add_target(struct buf *text, struct span id, const uint8_t drift_id[SHA_LEN],
	const uint8_t baseline[SHA_LEN])
{
	buf_add_span(text, id);
	buf_u8(text, ' ');
	text_hex(text, span_make(drift_id, SHA_LEN));
	buf_u8(text, ' ');
	text_hex(text, span_make(baseline, SHA_LEN));
	buf_u8(text, '\n');
}

/* ---- reading ---- */

static int bad(const char *what)
{
	return err_set(-EBADMSG, "a checkpoint's %s is missing or malformed", what);
}

static int read_hex(const json_t *v, const char *what, uint8_t ret[SHA_LEN])
{
	return json_is_string(v) && text_unhex(json_span(v), ret, SHA_LEN) == 0 ? 0 : bad(what);
}

static int read_uint(const json_t *o, const char *what, uint64_t *ret)
{
	const json_t *v = json_object_get(o, what);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return bad(what);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_text(const json_t *o, const char *what, size_t most, struct span *ret)
{
	const json_t *v = json_object_get(o, what);

	if (!json_is_string(v) || json_string_length(v) > most)
		return bad(what);
	*ret = json_span(v);
	return 0;
}

static int read_digests(const json_t *o, struct checkpoint *ret)
{
	const struct {
		const char *name;
		uint8_t *to;
	} digests[] = {{"head", ret->head}, {"key", ret->key}, {"last_id", ret->last_id},
		{"root", ret->root}, {"state", ret->state}, {"targets_root", ret->targets}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNTOF(digests); i++)
		r = read_hex(json_object_get(o, digests[i].name), digests[i].name, digests[i].to);
	return r;
}

int checkpoint_read(const json_t *o, struct checkpoint *ret)
{
	const json_t *sealed = json_object_get(o, "sealed");
	int r;

	*ret = (struct checkpoint){.from = 0};
	if (!json_is_object(o) || json_object_size(o) != 13 || !json_is_boolean(sealed))
		return bad("object");
	ret->sealed = json_is_true(sealed);
	r = read_digests(o, ret);
	if (r == 0)
		r = read_text(o, "host", 255, &ret->host);
	if (r == 0)
		r = read_text(o, "signature", 1024, &ret->signature);
	if (r == 0)
		r = read_uint(o, "from", &ret->from);
	if (r == 0)
		r = read_uint(o, "to", &ret->to);
	if (r == 0)
		r = read_uint(o, "last", &ret->last);
	if (r == 0)
		r = read_uint(o, "targets", &ret->n_targets);
	return r;
}
