#include "audit/text.h"
#include "base/err.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>

enum { ENTRIES_MOST = 16 << 20, HOSTS_MOST = 4096 };

struct one {
	uint64_t seq;
	uint8_t id[SHA_LEN];
	json_t *checkpoint; /* ours; NULL: none */
};
struct host {
	char *name;
	struct one *all;
	size_t n, room;
};
struct audit_text {
	struct audit_text_options o;
	struct host *hosts;
	size_t n_hosts, n;
};

static bool say(struct json *j, const char *what, const char *host, bool ok, const char *detail)
{
	json_open(j, '{');
	json_m_text(j, "check", what);
	json_m_text(j, "detail", detail);
	json_m_bool(j, "ok", ok);
	json_m_text(j, "subject", host);
	json_close(j, '}');
	return ok;
}

int audit_text_new(struct audit_text **ret, const struct audit_text_options *o)
{
	struct audit_text *t = calloc(1, sizeof(*t));

	must(t);
	t->o = *o;
	*ret = t;
	return 0;
}

void audit_text_free(struct audit_text *t)
{
	for (size_t h = 0; t && h < t->n_hosts; h++) {
		for (size_t i = 0; i < t->hosts[h].n; i++)
			json_decref(t->hosts[h].all[i].checkpoint);
		free(t->hosts[h].all);
		free(t->hosts[h].name);
	}
	if (t)
		free(t->hosts);
	free(t);
}

/* That of the entry before is nearly always the one. */
static struct host *host_of(struct audit_text *t, struct span name)
{
	for (size_t i = t->n_hosts; i-- > 0;)
		if (span_is(name, t->hosts[i].name))
			return &t->hosts[i];
	if (t->n_hosts == HOSTS_MOST)
		return NULL;
	t->hosts = realloc(t->hosts, (t->n_hosts + 1) * sizeof(*t->hosts));
	must(t->hosts);
	t->hosts[t->n_hosts] = (struct host){.name = span_dup(name)};
	return &t->hosts[t->n_hosts++];
}

static int on_entry(void *ctx, const struct event_link *e, const json_t *checkpoint)
{
	struct audit_text *t = ctx;
	struct host *h = host_of(t, e->host);
	struct one *o;

	if (!h || t->n++ == ENTRIES_MOST)
		return err_set(-E2BIG,
			"more entries or hosts than can be held against checkpoints: prove it in "
			"parts, with --host");
	if (h->n == h->room) {
		h->room = h->room ? h->room * 2 : 256;
		h->all = realloc(h->all, h->room * sizeof(*h->all));
		must(h->all);
	}
	o = &h->all[h->n++];
	*o = (struct one){.seq = e->seq, .checkpoint = json_incref((json_t *)checkpoint)};
	memcpy(o->id, e->id, SHA_LEN);
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct one *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool show_known(const struct audit_text *t, const struct host *h, struct json *j)
{
	bool found = false;

	if (!t->o.known_seq)
		return true;
	for (size_t i = 0; i < h->n; i++)
		found |= h->all[i].seq == t->o.known_seq && sha_same(h->all[i].id, t->o.known_id);
	return say(j, "known", h->name, found,
		found ? "the checkpoint that was kept elsewhere is in it"
		      : "the checkpoint that was kept elsewhere is not in it: rolled back, truncated or "
			"rewritten");
}

static bool show_host(struct audit_text *t, struct host *h, struct json *j)
{
	struct trail trail = {.ring = t->o.ring, .host = span_of(h->name)};
	BUF struct buf words = {.p = NULL};
	bool right;

	qsort(h->all, h->n, sizeof(*h->all), by_seq);
	for (size_t i = 0; i < h->n; i++) {
		if (i && h->all[i].seq == h->all[i - 1].seq)
			continue; /* twice: that both are one is proven elsewhere */
		if (i && t->o.allow_holes && h->all[i].seq != h->all[i - 1].seq + 1)
			trail_skip(&trail);
		trail_entry(&trail, h->all[i].seq, h->all[i].id, h->all[i].checkpoint);
	}
	right = trail_says(&trail, t->o.allow_tail, &words);
	say(j, "checkpoint", h->name, right, buf_text(&words));
	return show_known(t, h, j) && right;
}

static bool on_end(void *ctx, struct json *j)
{
	struct audit_text *t = ctx;
	bool right = true;

	for (size_t i = 0; i < t->n_hosts; i++)
		right &= show_host(t, &t->hosts[i], j);
	return right;
}

void audit_text_join(struct audit_text *t, struct proof_options *to)
{
	to->entry = on_entry;
	to->more = on_end;
	to->ctx = t;
}
