/* Asking for what proves one entry, and proving it. */
#include "audit/entry.h"
#include "base/err.h"
#include "base/text.h"
#include "client/client.h"
#include "client/keys.h"
#include "wire/checkpoint.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <stdio.h>

enum { COVERED_MOST = 1 << 20 };

struct gathering {
	uint64_t seq;
	struct buf entry, checkpoint; /* texts */
	uint64_t from, to;	      /* what the checkpoint covers; 0: not found yet */
	struct buf ids;
	int err;
};

static int read_link(const char *line, size_t n, json_t **ret, struct event_link *e)
{
	*ret = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!*ret)
		return err_set(-EBADMSG, "an entry of the journal is no JSON");
	return event_check_object(*ret, e);
}

/* From the entry on: until a checkpoint covers it. */
static int on_first(void *arg, const char *line, size_t n)
{
	struct gathering *g = arg;
	DECREF json_t *root = NULL;
	struct event_link e;
	struct checkpoint c;

	g->err = read_link(line, n, &root, &e);
	if (g->err < 0)
		return 1;
	if (e.seq == g->seq)
		buf_add(&g->entry, line, n);
	if (!json_object_get(root, "checkpoint") ||
		checkpoint_read(json_object_get(root, "checkpoint"), &c) < 0 || c.from > g->seq ||
		c.to < g->seq)
		return 0;
	g->from = c.from;
	g->to = c.to;
	buf_add(&g->checkpoint, line, n);
	return 1;
}

static int on_covered(void *arg, const char *line, size_t n)
{
	struct gathering *g = arg;
	DECREF json_t *root = NULL;
	struct event_link e;

	g->err = read_link(line, n, &root, &e);
	if (g->err < 0 || e.seq > g->to)
		return 1;
	buf_add(&g->ids, e.id, SHA_LEN);
	return e.seq == g->to;
}

static int stream(struct boltseal *h, uint64_t since, boltseal_line *fn, struct gathering *g,
	struct boltseal_reply *reply)
{
	char text[24];
	struct boltseal_event_ask ask = {.since = text};
	int r;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)since - 1);
	r = boltseal_events(h, &ask, fn, g, reply);
	if (g->err < 0)
		return client_fail(h, g->err);
	return r < 0 ? r : 0;
}

static int gather(struct boltseal *h, struct gathering *g, struct boltseal_reply *reply)
{
	int r = stream(h, g->seq, on_first, g, reply);

	if (r < 0 || reply->status >= 300)
		return r;
	if (!g->entry.n || !g->from || g->to - g->from >= COVERED_MOST)
		return client_fail(
			h, err_set(-ENODATA,
				   "event %llu is not in the journal, or no checkpoint covers it "
				   "yet: see trust.checkpoint_interval",
				   (unsigned long long)g->seq));
	r = stream(h, g->from, on_covered, g, reply);
	if (r == 0 && g->ids.n != (g->to - g->from + 1) * SHA_LEN)
		r = client_fail(
			h, err_set(-ENODATA,
				   "entries that the checkpoint covers were removed by retention: "
				   "nothing proves this one any more"));
	return r;
}

int boltseal_entry_prove(struct boltseal *h, unsigned long long seq, struct boltseal_reply *reply)
{
	struct gathering g = {.seq = seq};
	BUF struct buf text = {.p = NULL};
	int r = gather(h, &g, reply);

	if (r == 0 && reply->status < 300) {
		r = entry_write(buf_span(&g.checkpoint), buf_span(&g.entry), g.ids.p,
			g.to - g.from + 1, seq - g.from, &text);
		buf_u8(&text, '\n');
		if (r < 0)
			r = client_fail(h, r);
		boltseal_reply_free(reply);
		if (r == 0)
			r = client_answer(&text, reply);
	}
	buf_free(&g.entry);
	buf_free(&g.checkpoint);
	buf_free(&g.ids);
	return r;
}

int boltseal_entry_check(struct boltseal *h, const char *json, size_t n,
	const struct boltseal_trust *trust, int *clean, struct boltseal_reply *reply)
{
	KEYRING struct keyring ring = {.n = 0};
	BUF struct buf text = {.p = NULL};
	uint8_t id[SHA_LEN];
	uint64_t seq = 0;
	struct json j = json_on(&text);
	int r = keys_trust(trust, &ring, &seq, id);

	boltseal_reply_free(reply);
	if (r < 0)
		return client_fail(h, r);
	json_open(&j, '{');
	json_key(&j, "checks");
	json_open(&j, '[');
	r = entry_check(span_make(json, n), &ring, &j);
	if (r < 0)
		return client_fail(h, r);
	*clean = r == 0;
	json_close(&j, ']');
	json_m_bool(&j, "clean", *clean);
	json_close(&j, '}');
	return client_answer(&text, reply);
}
