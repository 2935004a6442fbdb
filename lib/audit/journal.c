/* The journal: its chain, and what the store notes beside each entry to find it by. */
#include "audit/own.h"
#include "audit/trail.h"
#include "base/err.h"
#include "base/text.h"
#include "model/kinds.h"
#include "store/check.h"
#include "store/journal.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>
#include <stdio.h>

enum { SLICE = 2000 };

struct chain {
	uint64_t first, next; /* next: seq that must come */
	uint8_t prev[SHA_LEN];
	bool started, broken, known;
	struct trail trail;
	struct keyring own; /* the key that the store itself has, where no ring is given */
	char why[400];
};

static void broken(struct chain *c, uint64_t seq, const char *why)
{
	c->broken = true;
	snprintf(c->why, sizeof(c->why), "event %" PRIu64 ": %.300s", seq, why);
}

static bool says(const json_t *root, const char *name, const char *value)
{
	const json_t *v = json_object_get(root, name);

	return json_is_string(v) && span_is(json_span(v), value);
}

static bool has_time(const json_t *root, int64_t time)
{
	BUF struct buf text = {0};
	struct json j = json_on(&text);
	const json_t *v = json_object_get(root, "time");
	struct span s;

	json_time(&j, time);
	if (!json_is_string(v) || text.n < 2)
		return false;
	s = span_make(text.p + 1, text.n - 2);
	return span_eq(json_span(v), s);
}

static bool has_path(const json_t *root, struct span path)
{
	const json_t *change = json_object_get(root, "change"),
		     *b64 = json_object_get(change, "path_b64");
	BUF struct buf text = {0};
	struct json j = json_on(&text);
	DECREF json_t *want = NULL;

	if (!change || !path.n)
		return !change == !path.n;
	json_open(&j, '{');
	json_m_path(&j, "path", path);
	json_close(&j, '}');
	want = json_loadb((const char *)text.p, text.n, JSON_ALLOW_NUL, NULL);
	return want && json_equal(json_object_get(want, "path"), json_object_get(change, "path")) &&
	       (!json_object_get(want, "path_b64")
			       ? !b64
			       : json_equal(json_object_get(want, "path_b64"), b64));
}

/* Is what stands beside the text what the text says? NULL, or why not. */
static const char *what_differs(const struct journal_entry *e, const json_t *root)
{
	if (!says(root, "type", event_kinds[e->type].name) ||
		!says(root, "severity", severity_kinds[e->severity].name) ||
		!has_time(root, e->time) || !has_path(root, e->path) ||
		!json_object_get(root, "target") != !e->target)
		return "it is filed as what it is not";
	return NULL;
}

static void link(struct audit *a, struct chain *c, const struct journal_entry *e)
{
	struct event_link l;
	DECREF json_t *root = json_loadb(
		(const char *)e->json.p, e->json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *why = root ? what_differs(e, root) : "it is no JSON";

	const json_t *checkpoint = json_object_get(root, "checkpoint");

	if (json_is_object(checkpoint))
		a->checkpoint = e->seq;
	checkpoint = e->type == EVENT_CHECKPOINT ? checkpoint : NULL;
	if (e->seq != c->next)
		broken(c, c->next, "it is missing");
	else if (root && event_check_stored(root, e->json, &l) < 0)
		broken(c, e->seq, err_why());
	else if (root && (l.seq != e->seq || !sha_same(l.id, e->id)))
		broken(c, e->seq, "its text is another event's");
	else if (root && !sha_same(l.prev, c->prev))
		broken(c, e->seq, "it does not follow the event before");
	else if (why)
		broken(c, e->seq, why);
	if (!c->broken)
		trail_entry(&c->trail, e->seq, e->id, checkpoint);
	c->known |= a->known_seq == e->seq && sha_same(a->known_id, e->id);
	memcpy(c->prev, e->id, SHA_LEN);
	c->next = e->seq + 1;
}

/* STORE_ABSENT at the end. */
static int slice(struct audit *a, struct chain *c)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	struct journal_entry e;
	int r = txn_begin(a->store, false, &t);

	if (r >= 0)
		r = journal_head(t, &head);
	if (r < 0)
		return r;
	if (!c->started || head.first > c->next) { /* retention may cut while we read */
		c->first = c->next = head.first;
		memcpy(c->prev, head.trimmed_id, SHA_LEN);
		c->trail = (struct trail){.ring = c->trail.ring};
		c->started = true;
	}
	for (int i = 0; i < SLICE && r == 0 && !c->broken; i++) {
		r = journal_next(t, c->next, &e);
		if (r == 0)
			link(a, c, &e);
	}
	if (r == STORE_ABSENT && head.last && c->next != head.last + 1)
		broken(c, c->next, "it is missing");
	return r;
}

static void tell_chain(struct audit *a, const struct chain *c)
{
	BUF struct buf words = {0};

	if (!c->broken && c->next > c->first)
		buf_printf(&words, "%" PRIu64 " events in one chain, the last is %" PRIu64,
			c->next - c->first, c->next - 1);
	audit_tell(a, "journal", span_of("journal"), !c->broken,
		c->broken ? c->why
		: words.n ? buf_text(&words)
			  : NULL);
}

static void tell_known(struct audit *a, const struct chain *c)
{
	BUF struct buf words = {0};

	if (!a->known_seq)
		return;
	if (c->known)
		buf_add_text(&words, "the checkpoint that was kept elsewhere is in it");
	else if (a->known_seq >= c->next)
		buf_printf(&words,
			"event %" PRIu64 " was seen elsewhere, and this journal ends at %" PRIu64
			": rolled back, or truncated",
			a->known_seq, c->next - 1);
	else
		buf_printf(&words,
			"event %" PRIu64 " is another one than was seen elsewhere: rewritten",
			a->known_seq);
	audit_tell(a, "known", span_of("journal"), c->known, buf_text(&words));
}

static void tell_trail(struct audit *a, const struct chain *c)
{
	BUF struct buf words = {0};
	bool right;

	if (c->broken || (!c->trail.n && !a->ring && !a->strict))
		return; /* told already; or there was no key yet */
	right = trail_says(&c->trail, !a->strict, &words);
	if (right && !a->ring)
		buf_add_text(&words, ", the key that the store itself names");
	audit_tell(a, "checkpoint", span_of("journal"), right, buf_text(&words));
}

static int own_key(struct audit *a, struct keyring *own)
{
	TXN struct txn *t = NULL;
	struct span pem;
	int r = txn_begin(a->store, false, &t);

	if (r == 0)
		r = meta_get(t, "host_key", &pem);
	return r ? r : keyring_add_bytes(own, pem, "host");
}

int audit_journal(struct audit *a)
{
	struct chain *c = calloc(1, sizeof(*c));
	int r;

	must(c);
	r = a->ring ? 0 : own_key(a, &c->own);
	c->trail.ring = a->ring ? a->ring : &c->own;
	r = r < 0 ? r : 0;
	while (r == 0 && !c->broken)
		r = slice(a, c);
	if (r < 0) {
		r = audit_damage(a, "journal", span_of("journal"), r);
	} else {
		tell_chain(a, c);
		tell_known(a, c);
		tell_trail(a, c);
		r = 0;
	}
	keyring_fini(&c->own);
	free(c);
	return r;
}

int audit_index(struct audit *a)
{
	TXN struct txn *t = NULL;
	int r = txn_begin(a->store, false, &t);

	if (r == 0)
		r = check_indexes(t);
	if (r < 0)
		return audit_damage(a, "index", span_of("store"), r);
	audit_tell(a, "index", span_of("store"), true, NULL);
	return 0;
}
