/* A wish that takes a while: one answer at its end, or, for who takes NDJSON, a line whenever the sensor tells
 * how far it is, and at last one that tells how it ended. */
#include "daemon/gateway/gw.h"
#include "base/err.h"

static int at_end(struct call *c)
{
	struct json j;

	if (!c->ask->done)
		return CALL_WAIT;
	if (asks_refused(c) != 0)
		return 0;
	j = call_json(c);
	return c->ended(c, &j);
}

static enum fill last_line(struct call *c)
{
	struct json j = json_on(&c->out);

	if (c->ask->result != DOOR_OK || c->ended(c, &j) < 0) {
		unsigned status = 500;
		const char *why = c->ask->result != DOOR_OK ? asks_why(c->ask, &status) : err_why();

		json_open(&j, '{');
		json_m_text(&j, "detail", why);
		json_m_text(&j, "result", "failed");
		json_m_uint(&j, "status", status);
		json_close(&j, '}');
	}
	buf_u8(&c->out, '\n');
	asks_forget(c);
	return FILL_END;
}

static enum fill a_line(struct call *c)
{
	struct ask *k = c->ask;
	struct json j = json_on(&c->out);

	if (!k)
		return FILL_END;
	if (k->done)
		return last_line(c);
	if (k->progress == k->told)
		return FILL_WAIT;
	k->told = k->progress;
	json_open(&j, '{');
	json_m_uint(&j, "done", k->progress);
	json_m_uint(&j, "total", k->total);
	json_close(&j, '}');
	buf_u8(&c->out, '\n');
	return FILL_MORE;
}

int call_at_end(struct call *c, int (*ended)(struct call *c, struct json *j))
{
	c->ended = ended;
	c->again = at_end;
	return CALL_WAIT;
}

int call_follow(struct call *c, int (*ended)(struct call *c, struct json *j))
{
	const char *accept = call_request_header(c, "Accept");

	if (!accept || !strstr(accept, "application/x-ndjson"))
		return call_at_end(c, ended);
	c->ended = ended;
	c->status = 200;
	c->type = "application/x-ndjson";
	c->fill = a_line;
	return 0;
}
