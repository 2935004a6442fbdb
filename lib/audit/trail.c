#include "audit/trail.h"
#include "base/clock.h"
#include "base/err.h"
#include "wire/checkpoint.h"
#include "wire/jansson.h"
#include <inttypes.h>
#include <stdio.h>

void trail_break(struct trail *t, const char *what, uint64_t seq, const char *why)
{
	if (t->broken)
		return;
	t->broken = true;
	snprintf(t->why, sizeof(t->why), "%s %" PRIu64 ": %.340s", what, seq, why);
}

static int fail(const char *why)
{
	return err_set(-EKEYREJECTED, "%s", why);
}

static int check_signature(struct trail *t, const struct checkpoint *c)
{
	BUF struct buf room = {.p = NULL};
	const struct public_key *who = NULL;
	uint8_t digest[SHA_LEN];
	struct signature s;
	int r = signature_decode_b64(c->signature, &room, &s);

	if (r < 0)
		return r;
	if (!sha_same(s.key, c->key))
		return fail("it names another key than the one that signed it");
	checkpoint_digest(c, digest);
	r = keyring_check(t->ring, SIGN_CHECKPOINT, digest, &s, &who);
	if (r == KEYRING_UNKNOWN)
		return fail(
			"it is signed by a key that was not given: name the host's, --key PUB (GET "
			"/v1/keys, or keys/host.pub beside the store, has it)");
	if (r < 0)
		return r;
	snprintf(t->key, sizeof(t->key), "%s", who->name);
	t->signed_at = s.time;
	return 0;
}

static int check_place(const struct trail *t, uint64_t seq, const struct checkpoint *c)
{
	if (t->host.n && !span_eq(t->host, c->host))
		return fail("it is of another host");
	if (c->to + 1 != seq || c->from > c->to + 1 ||
		(seq > 1 && t->first < seq && !sha_same(c->head, t->prev)))
		return fail("it does not follow the entry that it was written behind");
	if (t->last && (c->last != t->last || !sha_same(c->last_id, t->last_id)))
		return fail("the checkpoint before it is not the one that it names");
	if (t->last && c->from != t->last)
		return fail("entries before it are in no checkpoint");
	if (!t->last && !c->last && t->first < c->from)
		return fail("entries before it are in no checkpoint");
	return 0;
}

static int check_root(struct trail *t, const struct checkpoint *c)
{
	uint8_t root[SHA_LEN];

	if (t->first > c->from) { /* its beginning is not there: as after retention */
		t->cut++;
		return 0;
	}
	if (t->first < c->from)
		return fail("the checkpoint before it, which it names, is missing");
	merkle_root(&t->ids, root);
	return sha_same(root, c->root)
		       ? 0
		       : fail("the entries that it covers are not those that were signed");
}

static void judge(struct trail *t, uint64_t seq, const uint8_t id[SHA_LEN], const json_t *object)
{
	struct checkpoint c;
	int r = checkpoint_read(object, &c);

	if (r == 0)
		r = check_signature(t, &c);
	if (r == 0)
		r = check_place(t, seq, &c);
	if (r == 0)
		r = check_root(t, &c);
	if (r < 0)
		trail_break(t, "checkpoint", seq, err_why());
	t->n++;
	t->sealed = r == 0 && c.sealed;
	t->last = seq;
	memcpy(t->last_id, id, SHA_LEN);
	t->ids = (struct merkle){.n = 0};
	t->first = seq;
}

void trail_entry(struct trail *t, uint64_t seq, const uint8_t id[SHA_LEN], const json_t *checkpoint)
{
	if (!t->first)
		t->first = seq;
	if (t->next && seq != t->next)
		trail_break(t, "entry", seq, "entries are missing before it");
	if (checkpoint)
		judge(t, seq, id, checkpoint);
	merkle_add(&t->ids, id);
	memcpy(t->prev, id, SHA_LEN);
	t->next = seq + 1;
}

void trail_skip(struct trail *t)
{
	t->ids = (struct merkle){.n = 0};
	t->first = t->next = t->last = 0;
}

uint64_t trail_unsigned(const struct trail *t)
{
	return t->n ? t->ids.n - 1 : t->ids.n;
}

static void describe(const struct trail *t, struct buf *out)
{
	buf_printf(out, "%" PRIu64 " signed by %s, the last is entry %" PRIu64 " at ", t->n, t->key,
		t->last);
	clock_format(out, t->signed_at);
	if (t->sealed)
		buf_add_text(out, ", when the daemon stopped");
	if (t->cut)
		buf_printf(out,
			"; the beginning of what %" PRIu64
			" covers is not there: retention may have removed it",
			t->cut);
	if (trail_unsigned(t))
		buf_printf(out, "; %" PRIu64 " entries after it are not signed yet",
			trail_unsigned(t));
}

bool trail_says(const struct trail *t, bool allow_tail, struct buf *words)
{
	bool tail = trail_unsigned(t) && !allow_tail;

	if (t->broken)
		buf_add_text(words, t->why);
	else if (!t->n)
		buf_add_text(words, "there is none: nobody has signed this journal");
	else
		describe(t, words);
	if (t->broken || !t->n)
		return !t->broken && allow_tail;
	if (tail)
		buf_add_text(words,
			": truncated, or written since; stop the daemon, which signs the rest, "
			"and copy again, or allow it with --allow-tail");
	return !tail;
}
