/* The journal: its chain, what its headers and index say of its texts, checkpoints, and, where the store
 * was sealed, what every database says. */
#include "audit/own.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/journal.h"
#include "store/seal.h"
#include "store/targets.h"
#include "wire/checkpoint.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>
#include <stdio.h>

enum { SLICE = 2000 };

struct reading {
	struct audit *a;
	struct trail trail;
	uint64_t next; /* seq that must come */
	uint8_t prev[SHA_LEN];
	bool started, broken, known;
	uint64_t n, of_targets;
	char why[400];
};

static void broken(struct reading *c, uint64_t seq, const char *why)
{
	if (c->broken)
		return;
	c->broken = true;
	snprintf(c->why, sizeof(c->why), "event %" PRIu64 ": %.300s", seq, why);
}

/* ---- header and index, against the text ---- */

static bool says(const json_t *o, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(o, key));

	return got && strcmp(got, want) == 0;
}

static bool has_time(const json_t *root, int64_t time)
{
	BUF struct buf text = {.p = NULL};

	clock_format(&text, time);
	return says(root, "time", buf_text(&text));
}

static bool has_path(const json_t *root, struct span path)
{
	const json_t *change = json_object_get(root, "change");
	const json_t *b64 = json_object_get(change, "path_b64"),
		     *v = json_object_get(change, "path");
	BUF struct buf raw = {.p = NULL};

	if (!change)
		return path.n == 0;
	if (json_is_string(b64))
		return text_unb64(json_span(b64), &raw) == 0 && span_eq(buf_span(&raw), path);
	return json_is_string(v) && span_eq(json_span(v), path);
}

static int has_target(struct txn *t, const json_t *root, uint32_t no, bool *ret)
{
	const json_t *id = json_object_get(json_object_get(root, "target"), "id");
	struct target tg;
	int r;

	*ret = json_is_string(id) == (no != 0);
	if (!*ret || !no)
		return 0;
	r = targets_get(t, no, &tg);
	if (r == 0)
		*ret = span_eq(json_span(id), tg.id);
	return r < 0 ? r : 0;
}

static int check_header(
	struct reading *c, struct txn *t, const struct journal_entry *e, const json_t *root)
{
	bool right, listed = true;
	int r = has_target(t, root, e->target, &right);

	right = right && says(root, "type", event_kinds[e->type].name) &&
		says(root, "severity", severity_kinds[e->severity].name) &&
		has_time(root, e->time) && has_path(root, e->path);
	if (r == 0 && e->target) {
		c->of_targets++;
		r = seal_is_by_target(t, e->target, e->seq, &listed);
	}
	if (!right)
		broken(c, e->seq, "its header in the store is not what its text says");
	else if (!listed)
		broken(c, e->seq, "the index of its target does not list it");
	return r;
}

/* ---- the chain ---- */

static int link(struct reading *c, struct txn *t, const struct journal_entry *e)
{
	json_error_t why;
	DECREF json_t *root = json_loadb(
		(const char *)e->json.p, e->json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	struct event_link l;
	int r = root ? event_check_object(root, &l) : err_set(-EBADMSG, "not JSON: %s", why.text);

	if (e->seq != c->next)
		broken(c, c->next, "it is missing");
	else if (r < 0)
		broken(c, e->seq, err_why());
	else if (l.seq != e->seq || !sha_same(l.id, e->id))
		broken(c, e->seq, "its text is another event's");
	else if (!sha_same(l.prev, c->prev))
		broken(c, e->seq, "it does not follow the event before");
	if (r == 0 && !c->broken)
		trail_entry(&c->trail, e->seq, e->id,
			e->type == EVENT_CHECKPOINT ? json_object_get(root, "checkpoint") : NULL);
	c->known |= c->a->o->known_seq == e->seq && sha_same(c->a->o->known_id, e->id);
	memcpy(c->prev, e->id, SHA_LEN);
	c->next = e->seq + 1;
	c->n++;
	return c->broken ? 0 : check_header(c, t, e, root);
}

/* STORE_ABSENT at the end. */
static int slice(struct reading *c)
{
	TXN struct txn *t = NULL;
	struct journal_head head;
	struct journal_entry e;
	int r = txn_begin(c->a->o->store, false, &t);

	if (r >= 0)
		r = journal_head(t, &head);
	if (r < 0)
		return r;
	if (!c->started || head.first > c->next) { /* retention may cut while we read */
		c->next = head.first;
		memcpy(c->prev, head.trimmed_id, SHA_LEN);
		c->started = true;
		c->trail = (struct trail){.ring = c->trail.ring};
	}
	for (int i = 0; i < SLICE && r == 0 && !c->broken; i++) {
		r = journal_next(t, c->next, &e);
		if (r == 0)
			r = link(c, t, &e);
		else if (r == -EBADMSG)
			broken(c, c->next, err_why());
	}
	if (c->broken)
		return 0;
	if (r == STORE_ABSENT && head.last && c->next != head.last + 1)
		broken(c, c->next, "it is missing");
	return r;
}

/* An entry that is listed and is not there, or not this target's. */
static int check_index(struct reading *c)
{
	TXN struct txn *t = NULL;
	uint64_t n;
	int r = txn_begin(c->a->o->store, false, &t);

	if (r == 0)
		r = seal_count_by_target(t, &n);
	if (r == 0 && n != c->of_targets && !c->a->o->allow_tail)
		broken(c, c->next - 1, "the index by target lists more entries than there are");
	return r;
}

static void show_chain(struct reading *c)
{
	char words[120];

	snprintf(words, sizeof(words),
		"%" PRIu64 " entries, each the digest of its text and linked to the one before",
		c->n);
	audit_check(c->a, "journal", span_of("journal"), !c->broken, c->broken ? c->why : words);
}

/* ---- what the store says ---- */

static int hold_state(
	struct reading *c, struct txn *t, const struct checkpoint *p, struct buf *words)
{
	uint8_t now[SHA_LEN];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_state; i++) {
		const struct checkpoint_state *s = &p->state[i];

		r = seal_digest(t, s->name, now);
		if (r == -ENOENT || (r == 0 && !sha_same(now, s->digest))) {
			buf_add_text(words, words->n ? ", " : "");
			text_quote(words, s->name, true);
			r = 0;
		}
	}
	(void)c;
	return r;
}

/* Every database that there is must be in what was sealed, or one could be added. */
static void show_state(struct reading *c, const struct checkpoint *p, const struct buf *odd)
{
	BUF struct buf words = {.p = NULL};

	if (odd->n) {
		buf_printf(&words, "%s: not what was signed at entry %" PRIu64, buf_text(odd),
			c->trail.last);
		audit_check(c->a, "state", span_of("store"), false, buf_text(&words));
		return;
	}
	buf_printf(&words, "%zu databases are what was signed at entry %" PRIu64 "%s", p->n_state,
		c->trail.last,
		p->sealed ? ", all that there are"
			  : "; what changes with every event is signed at a stop");
	audit_check(c->a, "state", span_of("store"), true, buf_text(&words));
}

static int prove_state(struct reading *c)
{
	TXN struct txn *t = NULL;
	BUF struct buf odd = {.p = NULL};
	struct journal_entry e;
	struct checkpoint p;
	int r = txn_begin(c->a->o->store, false, &t);

	if (r == 0)
		r = journal_get(t, c->trail.last, &e);
	if (r)
		return r < 0 ? r : 0;
	DECREF json_t *root = json_loadb((const char *)e.json.p, e.json.n, JSON_ALLOW_NUL, NULL);

	r = checkpoint_read(json_object_get(root, "checkpoint"), &p);
	if (r == 0)
		r = hold_state(c, t, &p, &odd);
	if (r == 0)
		show_state(c, &p, &odd);
	return r;
}

static void show_known(struct reading *c)
{
	BUF struct buf words = {.p = NULL};
	uint64_t seq = c->a->o->known_seq;

	if (!seq)
		return;
	if (seq >= c->next)
		buf_printf(&words,
			"entry %" PRIu64 " was seen elsewhere, and this journal ends at %" PRIu64
			": rolled back, or truncated",
			seq, c->next - 1);
	else if (!c->known)
		buf_printf(&words,
			"entry %" PRIu64 " is another one than was seen elsewhere: rewritten", seq);
	audit_check(c->a, "known", span_of("journal"), c->known,
		c->known ? "the checkpoint that was kept elsewhere is in it" : buf_text(&words));
}

int audit_journal(struct audit *a)
{
	struct reading c = {.a = a, .trail = {.ring = a->o->ring ? a->o->ring : &a->own}};
	int r = 0;

	while (r == 0 && !c.broken)
		r = slice(&c);
	if (r >= 0 && !c.broken)
		r = check_index(&c);
	if (r < 0)
		return r;
	show_chain(&c);
	show_known(&c);
	if (c.broken)
		return 0;
	*a->clean &= trail_show(&c.trail, a->o->allow_tail, span_of("journal"), a->j);
	if (c.trail.n && !c.trail.broken && !trail_unsigned(&c.trail) && !a->o->allow_tail)
		r = prove_state(&c);
	return r;
}
