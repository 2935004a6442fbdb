#include "wire/beat.h"
#include "base/clock.h"
#include "base/text.h"

static void show_target_of(struct json *j, const struct beat_target *t)
{
	json_open(j, '{');
	json_m_hex(j, "drift_id", span_make(t->drift_id, SHA_LEN));
	json_m_uint(j, "generation", t->generation);
	json_m_str(j, "id", t->id);
	json_m_str(j, "name", t->name);
	json_close(j, '}');
}

static void show_sink(struct json *j, const struct beat_sink *s)
{
	json_open(j, '{');
	json_m_uint(j, "acked", s->acked);
	json_m_uint(j, "lag", s->lag);
	json_m_str(j, "name", s->name);
	json_close(j, '}');
}

void show_beat(struct json *j, const struct beat *b)
{
	json_open(j, '{');
	json_m_bool(j, "full", b->full);
	json_m_uint(j, "gaps", b->gaps);
	json_m_uint(j, "holds", b->holds);
	json_m_int(j, "interval", b->interval / CLOCK_S);
	json_m_uint(j, "n_targets", b->n_targets);
	json_key(j, "sinks");
	json_open(j, '[');
	for (size_t i = 0; i < b->n_sinks; i++)
		show_sink(j, &b->sinks[i]);
	json_close(j, ']');
	json_key(j, "targets");
	json_open(j, '[');
	for (size_t i = 0; i < b->n_listed; i++)
		show_target_of(j, &b->targets[i]);
	json_close(j, ']');
	json_m_hex(j, "targets_digest", span_make(b->digest, SHA_LEN));
	json_m_text(j, "version", b->version);
	json_close(j, '}');
}

void beat_digest_add(struct buf *text, const struct beat_target *t)
{
	buf_add_span(text, t->id);
	buf_u8(text, ' ');
	text_hex(text, span_make(t->drift_id, SHA_LEN));
	buf_printf(text, " %u\n", t->generation);
}
