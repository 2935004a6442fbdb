/*
 * The heartbeat: an entry at an interval, whether anything happened or not, so that silence is told
 * from quiet. It rides on the batch that is written anyway; only where nothing is it is a commit of its
 * own. What it needs to remember (what it said of each target) counts from the commit on.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "daemon/sensor/ledger_impl.h"
#include "wire/beat.h"

#define FULL_AFTER (3600 * CLOCK_S)

static int by_number(const void *a, const void *b)
{
	const struct beat_tag *x = a, *y = b;

	return x->no < y->no ? -1 : x->no > y->no;
}

/* What it said of a target, in short: enough to see that it is another now. */
static uint64_t tag_of(const struct target_state_rec *s)
{
	uint64_t tag;

	memcpy(&tag, s->drift_id, sizeof(tag));
	return tag ^ ((uint64_t)s->generation << 32);
}

static bool said_before(const struct ledger_beat *b, const struct beat_tag *now)
{
	const struct beat_tag *was =
		b->n_said ? bsearch(now, b->said, b->n_said, sizeof(*now), by_number) : NULL;

	return was && was->tag == now->tag;
}

/* One heartbeat while it is put together. */
struct making {
	struct ledger *l;
	struct arena mem;
	struct buf digest; /* its text */
	struct beat_target listed[BEAT_TARGETS];
	struct beat beat;
};

/* The running targets by number, as beat.fresh; their tags are not known yet. */
static void number_them(struct ledger *l)
{
	struct ledger_beat *b = &l->beat;

	b->n_fresh = 0;
	b->fresh = realloc(b->fresh, (l->n_kept + 1) * sizeof(*b->fresh));
	must(b->fresh);
	for (size_t i = 0; i < l->n_kept; i++) {
		uint32_t no = atomic_load(&l->kept[i]->no);

		if (no)
			b->fresh[b->n_fresh++] = (struct beat_tag){.no = no};
	}
	qsort(b->fresh, b->n_fresh, sizeof(*b->fresh), by_number);
}

/* STORE_ABSENT where it does not run. */
static int add_target(struct making *m, struct beat_tag *tag)
{
	struct beat_target t = {.generation = 0};
	struct target_state_rec s;
	struct target stored;
	int r = ledger_target_of(m->l, tag->no, &stored);

	if (r == 0 && stored.state != STATE_RUNNING)
		r = STORE_ABSENT;
	if (r == 0) /* what is lent ends with the next step */
		t = (struct beat_target){
			arena_dup(&m->mem, stored.id), arena_dup(&m->mem, stored.name), NULL, 0};
	if (r == 0)
		r = targets_state_get(m->l->txn, tag->no, &s);
	if (r < 0 || !t.id.n)
		return r;
	t.drift_id = arena_dup(&m->mem, span_make(s.drift_id, SHA_LEN)).p;
	t.generation = s.generation;
	tag->tag = tag_of(&s);
	beat_digest_add(&m->digest, &t);
	m->beat.n_targets++;
	if (m->beat.n_listed < BEAT_TARGETS && (m->beat.full || !said_before(&m->l->beat, tag)))
		m->listed[m->beat.n_listed++] = t;
	return 0;
}

static int add_targets(struct making *m)
{
	struct ledger_beat *b = &m->l->beat;
	size_t n = 0;
	int r = 0;

	number_them(m->l);
	for (size_t i = 0; i < b->n_fresh && r >= 0; i++) {
		r = add_target(m, &b->fresh[i]);
		if (r == 0)
			b->fresh[n++] = b->fresh[i];
	}
	b->n_fresh = n;
	return r < 0 ? r : 0;
}

static int count_gaps(struct ledger *l, uint64_t *ret)
{
	uint64_t id = 0;
	struct gap g;
	int r;

	for (*ret = 0; (r = gap_next(l->txn, &id, &g)) == 0; ++*ret)
		;
	return r < 0 ? r : 0;
}

static void add_sinks(struct making *m, struct beat_sink *list)
{
	const struct ledger_beat *b = &m->l->beat;

	for (size_t i = 0; i < b->n_sinks; i++)
		list[i] = (struct beat_sink){
			span_of(b->sinks[i].name), b->sinks[i].acked, b->sinks[i].lag};
	m->beat.sinks = list;
	m->beat.n_sinks = b->n_sinks;
}

static int write_beat(struct making *m)
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	uint8_t digest[SHA_LEN];
	struct event e = {.type = EVENT_HEARTBEAT, .severity = SEV_INFO};

	sha_once(buf_span(&m->digest), digest);
	m->beat.digest = digest;
	m->beat.targets = m->listed;
	show_beat(&j, &m->beat);
	e.heartbeat = buf_span(&text);
	return buf_err(&text) < 0 ? buf_err(&text) : ledger_journal(m->l, &e, NULL);
}

static int make_beat(struct ledger *l, struct making *m)
{
	struct beat_sink sinks[BEAT_SINKS];
	int r = add_targets(m);

	if (r == 0)
		r = count_gaps(l, &m->beat.gaps);
	m->beat.holds = l->holds.n;
	add_sinks(m, sinks);
	return r < 0 ? r : write_beat(m);
}

int ledger_beat(struct ledger *l)
{
	struct ledger_beat *b = &l->beat;
	struct making m = {.l = l,
		.beat = {.version = BOLTSEAL_VERSION,
			.interval = l->opt.heartbeat,
			.full = !b->full_at || clock_mono() - b->full_at >= FULL_AFTER}};
	int r = make_beat(l, &m);

	b->written = r == 0;
	b->full = m.beat.full;
	arena_free(&m.mem);
	buf_free(&m.digest);
	return r;
}

void ledger_beaten(struct ledger *l)
{
	struct ledger_beat *b = &l->beat;
	struct beat_tag *old = b->said;
	int64_t now = clock_mono();

	if (!b->written)
		return;
	b->written = false;
	b->said = b->fresh;
	b->n_said = b->n_fresh;
	b->fresh = old;
	b->full_at = b->full ? now : b->full_at;
	b->next += l->opt.heartbeat;
	if (b->next <= now)
		b->next = now + l->opt.heartbeat;
}

void ledger_beat_fini(struct ledger *l)
{
	free(l->beat.said);
	free(l->beat.fresh);
}

int ledger_sinks(struct ledger *l, struct item *i)
{
	const struct item_sinks *s = container_of(i, struct item_sinks, item);

	l->beat.n_sinks = s->n < BEAT_SINKS ? s->n : BEAT_SINKS;
	memcpy(l->beat.sinks, s->v, l->beat.n_sinks * sizeof(*s->v));
	return 0;
}
