/*
 * Golden baselines. One database, four kinds of keys: entries, two ways to them that hold nothing
 * of their own, so that a reader who follows one always ends at an entry, or at nothing, and what an entry
 * has on top of its image.
 */
#include "store/gold.h"
#include "base/text.h"
#include "store/db.h"

enum {
	GOLD_VERSION = 1,
	KEY_ENTRY = 1,
	KEY_MANIFEST = 2,
	KEY_LAYER = 3,
	KEY_ACCEPTS = 4,
	SHORT_ID = 8
};

#define X_NAME(id, name, sentence) name,
static const char *const state_names[GOLD_STATE_N] = {GOLD_STATES(X_NAME)};
#undef X_NAME

const char *gold_state_name(enum gold_state s)
{
	return s < GOLD_STATE_N ? state_names[s] : "unknown";
}

bool gold_is_signed(const struct gold *g)
{
	for (size_t i = 0; i < g->n_signatures; i++)
		if (g->signature[i].state == GOLD_GOOD)
			return true;
	return false;
}

void gold_signers(const struct gold *g, struct buf *out)
{
	size_t begin = out->n;

	for (size_t i = 0; i < g->n_signatures; i++) {
		const struct gold_signature *s = &g->signature[i];

		if (s->state != GOLD_GOOD)
			continue;
		buf_add_text(out, out->n > begin ? ", " : "");
		if (s->name.n)
			buf_add_span(out, s->name);
		else
			text_hex(out, span_make(s->key, SHORT_ID));
	}
}

void gold_identity(
	const uint8_t diff_id[SHA_LEN], const uint8_t canon[SHA_LEN], uint8_t ret[SHA_LEN])
{
	uint8_t all[sizeof(GOLD_KIND) + 2 * SHA_LEN];

	memcpy(all, GOLD_KIND, sizeof(GOLD_KIND)); /* with its NUL */
	memcpy(all + sizeof(GOLD_KIND), diff_id, SHA_LEN);
	memcpy(all + sizeof(GOLD_KIND) + SHA_LEN, canon, SHA_LEN);
	sha_once(span_make(all, sizeof(all)), ret);
}

/* ---- keys and values ---- */

static struct key key_of(uint8_t kind, const uint8_t *a, const uint8_t *b)
{
	struct key k = {.n = 1 + SHA_LEN};

	k.b[0] = kind;
	memcpy(k.b + 1, a, SHA_LEN);
	if (b) {
		memcpy(k.b + k.n, b, SHA_LEN);
		k.n += SHA_LEN;
	}
	return k;
}

static void encode(const struct gold *g, struct buf *out)
{
	buf_u8(out, GOLD_VERSION);
	buf_add(out, g->root, SHA_LEN);
	buf_add(out, g->file, SHA_LEN);
	buf_bytes(out, span_make(g->manifest, g->has_manifest ? SHA_LEN : 0));
	buf_bytes(out, g->name);
	buf_bytes(out, g->host);
	buf_zigzag(out, g->created);
	buf_zigzag(out, g->imported);
	buf_varint(out, g->uid);
	buf_varint(out, g->accepts);
	buf_varint(out, g->n_layers);
	for (size_t i = 0; i < g->n_layers; i++) {
		buf_add(out, g->layer[i].diff_id, SHA_LEN);
		buf_add(out, g->layer[i].canon, SHA_LEN);
		buf_varint(out, g->layer[i].snap);
	}
	buf_varint(out, g->n_signatures);
	for (size_t i = 0; i < g->n_signatures; i++) {
		buf_add(out, g->signature[i].key, SHA_LEN);
		buf_bytes(out, g->signature[i].name);
		buf_u8(out, (uint8_t)g->signature[i].state);
		buf_zigzag(out, g->signature[i].time);
		buf_bytes(out, g->signature[i].block);
	}
}

static void take_sha(struct rd *in, uint8_t ret[SHA_LEN])
{
	struct span s = rd_take(in, SHA_LEN);

	if (s.n == SHA_LEN)
		memcpy(ret, s.p, SHA_LEN);
}

static void take_manifest(struct rd *in, struct gold *ret)
{
	struct span s = rd_bytes(in);

	if (s.n != 0 && s.n != SHA_LEN)
		in->bad = true;
	ret->has_manifest = s.n == SHA_LEN;
	memset(ret->manifest, 0, SHA_LEN);
	if (ret->has_manifest)
		memcpy(ret->manifest, s.p, SHA_LEN);
}

static void take_layer(struct rd *in, struct gold_layer *ret)
{
	take_sha(in, ret->diff_id);
	take_sha(in, ret->canon);
	ret->snap = (uint32_t)rd_upto(in, UINT32_MAX);
}

static void take_signature(struct rd *in, struct gold_signature *ret)
{
	take_sha(in, ret->key);
	ret->name = rd_bytes(in);
	ret->state = (enum gold_state)rd_u8(in);
	ret->time = rd_zigzag(in);
	ret->block = rd_bytes(in);
	if (ret->state >= GOLD_STATE_N)
		in->bad = true;
}

static int decode(struct span key, struct span value, struct gold *ret)
{
	struct rd in = rd_of(value), k = rd_of(key);
	uint8_t version = rd_u8(&in);

	rd_u8(&k);
	ret->accept_list = ret->accept_why = (struct span){0};
	take_sha(&k, ret->image);
	take_sha(&in, ret->root);
	take_sha(&in, ret->file);
	take_manifest(&in, ret);
	ret->name = rd_bytes(&in);
	ret->host = rd_bytes(&in);
	ret->created = rd_zigzag(&in);
	ret->imported = rd_zigzag(&in);
	ret->uid = (uint32_t)rd_upto(&in, UINT32_MAX);
	ret->accepts = rd_varint(&in);
	ret->n_layers = (size_t)rd_upto(&in, GOLD_LAYERS_MAX);
	for (size_t i = 0; !in.bad && i < ret->n_layers; i++)
		take_layer(&in, &ret->layer[i]);
	ret->n_signatures = (size_t)rd_upto(&in, GOLD_SIGNATURES_MAX);
	for (size_t i = 0; !in.bad && i < ret->n_signatures; i++)
		take_signature(&in, &ret->signature[i]);
	if (k.bad || !rd_end(&k) || in.bad || !rd_end(&in) || version != GOLD_VERSION) {
		*ret = (struct gold){.n_layers = 0};
		return err_set(-EBADMSG, "a golden baseline in the store is damaged");
	}
	return 0;
}

static int get(struct txn *t, const uint8_t image[SHA_LEN], struct gold *ret)
{
	struct key k = key_of(KEY_ENTRY, image, NULL);
	struct span v;
	int r = db_get(t, DB_GOLDEN, key_span(&k), &v);

	return r ? r : txn_fail(t, decode(key_span(&k), v, ret));
}

/* ---- writing ---- */

/* The manifest may have come to name another image's entry since. */
static int delete_ways(struct txn *t, const struct gold *g)
{
	struct key k = key_of(KEY_MANIFEST, g->manifest, NULL);
	struct span v;
	int r = g->has_manifest ? db_get(t, DB_GOLDEN, key_span(&k), &v) : STORE_ABSENT;

	if (r == 0 && span_eq(v, span_make(g->image, SHA_LEN)))
		r = db_delete(t, DB_GOLDEN, key_span(&k));
	for (size_t i = 0; r >= 0 && i < g->n_layers; i++) {
		k = key_of(KEY_LAYER, g->layer[i].diff_id, g->image);
		r = db_delete(t, DB_GOLDEN, key_span(&k));
	}
	return r < 0 ? r : 0;
}

static int put_ways(struct txn *t, const struct gold *g)
{
	struct key k = key_of(KEY_MANIFEST, g->manifest, NULL);
	int r = g->has_manifest ? db_put(t, DB_GOLDEN, key_span(&k), span_make(g->image, SHA_LEN))
				: 0;

	for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
		k = key_of(KEY_LAYER, g->layer[i].diff_id, g->image);
		r = db_put(t, DB_GOLDEN, key_span(&k), (struct span){0});
	}
	return r;
}

static int delete_accepts(struct txn *t, const uint8_t image[SHA_LEN])
{
	struct key k = key_of(KEY_ACCEPTS, image, NULL);
	int r = db_delete(t, DB_GOLDEN, key_span(&k));

	return r < 0 ? r : 0;
}

static int put_accepts(struct txn *t, const struct gold *g)
{
	struct key k = key_of(KEY_ACCEPTS, g->image, NULL);
	BUF struct buf v = {0};

	if (!g->accept_list.n)
		return 0;
	if (g->accept_list.n > GOLD_ACCEPTS_MAX)
		return txn_fail(t, err_set(-EFBIG, "a golden baseline with too many changes"));
	buf_bytes(&v, g->accept_why);
	buf_bytes(&v, g->accept_list);
	return db_put_buf(t, DB_GOLDEN, key_span(&k), &v);
}

int gold_delete(struct txn *t, const uint8_t image[SHA_LEN])
{
	struct key k = key_of(KEY_ENTRY, image, NULL);
	FREE struct gold *old = calloc(1, sizeof(*old));
	int r;

	must(old);
	r = get(t, image, old);
	if (r == 0)
		r = delete_ways(t, old);
	if (r == 0)
		r = delete_accepts(t, image);
	return r ? r : db_delete(t, DB_GOLDEN, key_span(&k));
}

int gold_put(struct txn *t, const struct gold *g)
{
	struct key k = key_of(KEY_ENTRY, g->image, NULL);
	BUF struct buf v = {0};
	int r;

	if (g->n_layers > GOLD_LAYERS_MAX || g->n_signatures > GOLD_SIGNATURES_MAX)
		return txn_fail(t, err_set(-EINVAL, "a golden baseline with too many parts"));
	encode(g, &v);
	r = gold_delete(t, g->image);
	if (r >= 0)
		r = db_put_buf(t, DB_GOLDEN, key_span(&k), &v);
	if (r == 0)
		r = put_accepts(t, g);
	return r < 0 ? r : put_ways(t, g);
}

/* ---- reading ---- */

int gold_accepts(struct txn *t, struct gold *g)
{
	struct key k = key_of(KEY_ACCEPTS, g->image, NULL);
	struct span v;
	struct rd in;
	int r = db_get(t, DB_GOLDEN, key_span(&k), &v);

	if (r)
		return r;
	in = rd_of(v);
	g->accept_why = rd_bytes(&in);
	g->accept_list = rd_bytes(&in);
	if (in.bad || !rd_end(&in))
		return txn_fail(
			t, err_set(-EBADMSG, "the changes of a golden baseline are damaged"));
	return 0;
}

int gold_find(struct txn *t, const uint8_t digest[SHA_LEN], struct gold *ret)
{
	struct key k = key_of(KEY_MANIFEST, digest, NULL);
	struct span v;
	int r = get(t, digest, ret);

	if (r != STORE_ABSENT)
		return r;
	r = db_get(t, DB_GOLDEN, key_span(&k), &v);
	if (r)
		return r;
	return v.n == SHA_LEN
		       ? get(t, v.p, ret)
		       : txn_fail(t, err_set(-EBADMSG, "a golden baseline's name is damaged"));
}

int gold_next(struct txn *t, uint8_t at[SHA_LEN], struct gold *ret)
{
	struct key k = key_of(KEY_ENTRY, at, NULL);
	WALK struct walk w = {0};
	int r = walk_start(t, DB_GOLDEN, &w);

	if (r == 0)
		r = walk_seek(&w, key_span(&k));
	if (r == 0 && span_eq(w.key, key_span(&k)))
		r = walk_next(&w);
	if (r)
		return r;
	if (w.key.n == 0 || w.key.p[0] != KEY_ENTRY)
		return STORE_ABSENT;
	r = txn_fail(t, decode(w.key, w.value, ret));
	if (r == 0)
		memcpy(at, ret->image, SHA_LEN);
	return r;
}

static bool layer_of(const struct gold *g, const uint8_t diff_id[SHA_LEN], size_t *ret)
{
	for (size_t i = 0; i < g->n_layers; i++)
		if (sha_same(g->layer[i].diff_id, diff_id)) {
			*ret = i;
			return true;
		}
	return false;
}

/* The next image with such a layer, behind `image` where that is not NULL. */
static int next_with(struct walk *w, const struct key *prefix, bool first, uint8_t image[SHA_LEN])
{
	int r = first ? walk_seek(w, key_span(prefix)) : walk_next(w);

	if (r == 0 && (!span_starts(w->key, key_span(prefix)) || w->key.n != prefix->n + SHA_LEN))
		r = STORE_ABSENT;
	if (r == 0)
		memcpy(image, w->key.p + prefix->n, SHA_LEN);
	return r;
}

/* The image to take; which is read when the walk is over. */
static int choose(
	struct txn *t, const uint8_t diff_id[SHA_LEN], struct gold *room, uint8_t ret[SHA_LEN])
{
	struct key prefix = key_of(KEY_LAYER, diff_id, NULL);
	WALK struct walk w = {0};
	uint8_t image[SHA_LEN];
	bool found = false, first = true;
	int r = walk_start(t, DB_GOLDEN, &w);

	while (r == 0 && (r = next_with(&w, &prefix, first, image)) == 0) {
		first = false;
		r = get(t, image, room);
		if (r)
			break;
		if (!found || gold_is_signed(room))
			memcpy(ret, image, SHA_LEN);
		found = true;
		if (gold_is_signed(room))
			break;
	}
	return r < 0 ? r : found ? 0 : STORE_ABSENT;
}

int gold_layer_find(
	struct txn *t, const uint8_t diff_id[SHA_LEN], struct gold *ret, size_t *ret_layer)
{
	uint8_t image[SHA_LEN];
	int r = choose(t, diff_id, ret, image);

	if (r == 0)
		r = get(t, image, ret);
	if (r)
		return r;
	return layer_of(ret, diff_id, ret_layer)
		       ? 0
		       : txn_fail(t, err_set(-EBADMSG,
					     "a golden baseline has not the layer it is found by"));
}

int gold_names_snap(struct txn *t, uint32_t snap)
{
	FREE struct gold *g = calloc(1, sizeof(*g));
	uint8_t at[SHA_LEN] = {0};
	int r;

	must(g);
	while ((r = gold_next(t, at, g)) == 0)
		for (size_t i = 0; i < g->n_layers; i++)
			if (g->layer[i].snap == snap)
				return 0;
	return r;
}

int gold_check_ways(struct txn *t, const struct gold *g)
{
	struct key k = key_of(KEY_MANIFEST, g->manifest, NULL);
	struct span v;
	int r = g->has_manifest ? db_get(t, DB_GOLDEN, key_span(&k), &v) : 0;

	for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
		k = key_of(KEY_LAYER, g->layer[i].diff_id, g->image);
		r = db_get(t, DB_GOLDEN, key_span(&k), &v);
	}
	return r;
}
