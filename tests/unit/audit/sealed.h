/* sealed.h - a store with something in each database, its journal, and a checkpoint that seals it. */
#pragma once

#include "../store/place.h"
#include "audit/audit.h"
#include "base/json.h"
#include "base/text.h"
#include "golden/stored.h"
#include "store/db.h"
#include "store/hold.h"
#include "store/journal.h"
#include "store/seal.h"
#include "store/snapshot.h"
#include "store/targets.h"
#include "wire/event.h"

enum { LAYERS = 3, FILES = 12, CHANGES = 9 };
#define NOW INT64_C(1790000000123456789)

static inline struct record sealed_file(unsigned n)
{
	struct record r = {
		.type = FILE_REG, .mode = 0644, .size = 10 + n, .mtime = NOW - n, .has_sha = true};

	memset(r.sha, (int)n, SHA_LEN);
	return r;
}

static inline uint32_t sealed_rows(struct txn *t, unsigned n, const char *path, const char *kind,
	const uint8_t identity[SHA_LEN])
{
	uint8_t root[SHA_LEN];
	struct record dir = {.type = FILE_DIR, .mode = 0755};
	char name[20];
	uint64_t records;
	uint32_t no;

	ok(snap_create(t, identity, S(path), S("sha256:x"), S(kind), &no));
	ok(snap_put(t, no, 0, S(""), &dir, 1));
	for (unsigned i = 0; i < FILES; i++) {
		struct record r = sealed_file(n * FILES + i);

		snprintf(name, sizeof(name), "f%02u", i);
		ok(snap_put(t, no, 1, S(name), &r, 0));
	}
	ok(snap_put(t, no, 1, S("sub"), &dir, 2));
	dir.mode = 0700;
	ok(snap_put(t, no, 2, S("deep"), &dir, 0));
	ok(snap_verify(t, no, root, &records));
	ok(snap_complete(t, no, root, records, 1000));
	return no;
}

static inline void sealed_layer(struct txn *t, unsigned n)
{
	uint8_t identity[SHA_LEN];
	char path[40];

	memset(identity, 0x40 + (int)n, SHA_LEN);
	snprintf(path, sizeof(path), "/layers/%u", n);
	sealed_rows(t, n, path, "image", identity);
}

static inline void sealed_tell(struct txn *t, struct event *e)
{
	struct journal_head head;
	BUF struct buf text = {0};
	struct journal_entry j = {.type = e->type,
		.severity = e->severity,
		.target = e->target ? e->target->no : 0,
		.path = e->change ? e->change->path : (struct span){0}};

	ok(journal_head(t, &head));
	e->seq = j.seq = head.last + 1;
	e->time = j.time = NOW + (int64_t)j.seq;
	e->host = S("host1");
	ok(event_format(e, head.last_id, &text, j.id));
	j.json = buf_span(&text);
	ok(journal_append(t, &j));
}

static inline int sealed_feed(void *ctx, const struct accepted *a)
{
	buf_bytes(ctx, a->path);
	buf_bytes(ctx, a->rec);
	buf_bytes(ctx, a->mount);
	return 0;
}

/* As the ledger does. */
static inline void sealed_root(struct txn *t, uint32_t target, uint8_t ret[SHA_LEN])
{
	BUF struct buf all = {0};
	struct snap_info info;

	for (uint32_t no = LAYERS; no > 0; no--) {
		ok(snap_get(t, no, &info));
		buf_add(&all, info.root, SHA_LEN);
	}
	ok(accepted_each(t, target, UINT32_MAX, sealed_feed, &all));
	sha_once(buf_span(&all), ret);
}

static inline void sealed_generation(
	struct txn *t, const struct target *tg, uint32_t no, const char *reason)
{
	struct generation g = {.no = no, .time = NOW, .n_paths = no - 1, .reason = S(reason)};
	struct target_state_rec st;
	struct event e = {.type = no > 1 ? EVENT_BASELINE_ACCEPTED : EVENT_BASELINE_CREATED,
		.target = tg,
		.generation = no,
		.root = g.root,
		.reason = S(reason)};

	ok(targets_state_get(t, tg->no, &st));
	sealed_root(t, tg->no, g.root);
	st.generation = no;
	st.baselined = true;
	st.last_sweep = NOW;
	memcpy(st.baseline_root, g.root, SHA_LEN);
	ok(targets_state_put(t, tg->no, &st));
	ok(generation_put(t, tg->no, &g));
	sealed_tell(t, &e);
}

static inline void sealed_change(struct txn *t, const struct target *tg, unsigned n)
{
	BUF struct buf now = {0};
	struct record r = sealed_file(200 + n);
	char path[60];
	struct change c = {.kind = n % 3 ? 'C' : 'A',
		.severity = n % 2 ? SEV_LOW : SEV_HIGH,
		.aspects = n % 3 ? 1u << ASPECT_CONTENT : 0,
		.first = NOW,
		.last = NOW + n};
	struct event e = {.type = EVENT_CHANGE, .severity = c.severity, .target = tg, .change = &c};

	snprintf(path, sizeof(path), n == 5 ? "/f%02u\xff" : "/f%02u", n);
	c.path = S(path);
	ok(record_encode(&r, &now));
	c.now = buf_span(&now);
	sealed_tell(t, &e);
	c.seq = e.seq;
	ok(drift_put(t, tg->no, &c));
}

static inline void sealed_accept(struct txn *t, const struct target *tg, const char *path)
{
	BUF struct buf rec = {0};
	struct record r = sealed_file(99);
	struct accepted a = {.path = S(path), .generation = 2};

	ok(record_encode(&r, &rec));
	a.rec = buf_span(&rec);
	ok(accepted_put(t, tg->no, &a));
}

/* Of an image whose one layer is as the first that is stored, as an import writes it. */
static inline void sealed_golden(struct txn *t)
{
	struct gold *g = calloc(1, sizeof(*g));
	struct canon_layer layer = {.diff_id = {1}};
	struct record r = sealed_file(98);
	struct golden_accept a = {.path = S("accepted"), .generation = 2, .rec = r};
	BUF struct buf list = {0};
	uint8_t accepts[SHA_LEN], identity[SHA_LEN];

	assert_non_null(g);
	g->image[0] = g->file[0] = 7;
	g->name = S("app:1");
	g->n_layers = 1;
	g->layer[0].diff_id[0] = 1;
	ok(stored_canon(t, 1, g->layer[0].canon));
	gold_identity(g->layer[0].diff_id, g->layer[0].canon, identity);
	g->layer[0].snap = sealed_rows(t, 0, "sha256:1", GOLD_KIND, identity);
	memcpy(layer.canon, g->layer[0].canon, SHA_LEN);
	ok(golden_accept_add(&list, &a));
	g->accepts = 1;
	g->accept_list = buf_span(&list);
	g->accept_why = S("looked at");
	sha_once(g->accept_list, accepts);
	canon_root(&layer, 1, accepts, g->root);
	ok(gold_put(t, g));
	free(g);
}

static inline void sealed_target(struct txn *t, unsigned n)
{
	BUF struct buf lowers = {0};
	char id[80], name[20], path[40];
	struct target tg = {.kind = TARGET_CONTAINER, .state = STATE_RUNNING, .found = NOW};

	snprintf(id, sizeof(id), "%064u", n);
	snprintf(name, sizeof(name), "web%u", n);
	for (unsigned i = LAYERS; i > 0; i--) {
		snprintf(path, sizeof(path), "/layers/%u", i - 1);
		buf_bytes(&lowers, S(path));
	}
	tg.id = S(id);
	tg.name = S(name);
	tg.runtime = S("docker");
	tg.image_digest = S("sha256:abc");
	tg.upper = S("/upper");
	tg.lowers = buf_span(&lowers);
	ok(targets_put(t, &tg));
	sealed_tell(t, &(struct event){.type = EVENT_TARGET_FOUND, .target = &tg});
	sealed_generation(t, &tg, 1, "the image");
	for (unsigned i = 0; i < CHANGES; i++)
		sealed_change(t, &tg, i);
	sealed_accept(t, &tg, "/accepted");
	sealed_generation(t, &tg, 2, "looked at");
	ok(seen_put(
		t, tg.no, &(struct seen){.ino = 77 + n, .size = 5, .mtime = NOW, .ctime = NOW}));
}

/* The text of a checkpoint, as canonical as any. */
static inline void sealed_checkpoint(struct txn *t)
{
	uint8_t state[SHA_LEN], id[SHA_LEN];
	struct journal_head head;
	BUF struct buf before = {0}, after = {0}, text = {0};
	struct json j = json_on(&after);

	ok(journal_head(t, &head));
	ok(seal_put(t, head.last + 1));
	ok(seal_state(t, state));
	buf_add_text(&before, "{\"checkpoint\":{\"state\":\"");
	text_hex(&before, span_make(state, SHA_LEN));
	buf_add_text(&before, "\"},\"host\":\"host1\"");
	json_open(&j, '{');
	json_m_hex(&j, "prev", span_make(head.last_id, SHA_LEN));
	json_m_text(&j, "schema", "boltseal.event/1");
	json_m_uint(&j, "seq", head.last + 1);
	json_m_text(&j, "severity", "info");
	json_m_time(&j, "time", NOW);
	json_m_text(&j, "type", "canary");
	json_close(&j, '}');
	buf_add_span(&text, buf_span(&before));
	buf_u8(&text, ',');
	buf_add(&text, after.p + 1, after.n - 1);
	sha_once(buf_span(&text), id);
	buf_reset(&text);
	buf_add_span(&text, buf_span(&before));
	buf_add_text(&text, ",\"id\":\"");
	text_hex(&text, span_make(id, SHA_LEN));
	buf_add_text(&text, "\",");
	buf_add(&text, after.p + 1, after.n - 1);
	struct journal_entry e = {.seq = head.last + 1,
		.time = NOW,
		.type = EVENT_CANARY,
		.severity = SEV_INFO,
		.json = buf_span(&text)};
	memcpy(e.id, id, SHA_LEN);
	ok(journal_append(t, &e));
}

static inline void sealed_fill(struct place *p)
{
	struct gap g = {
		.id = 3, .cause = GAP_OVERFLOW, .from = NOW, .opened = NOW, .path = S("/x")};
	BUF struct buf folded = {0};
	struct txn *t = writing(p);

	for (unsigned i = 0; i < LAYERS; i++)
		sealed_layer(t, i);
	sealed_target(t, 1);
	sealed_target(t, 2);
	sealed_golden(t);
	ok(gap_put(t, &g));
	buf_add_text(&folded, "counted");
	ok(tally_put(t, 1, S("/f"), &folded));
	ok(meta_put(t, "flooded", S("abc")));
	sealed_checkpoint(t);
	ok(txn_commit(t));
}
