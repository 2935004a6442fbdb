#include "audit/own.h"
#include "base/text.h"
#include "store/journal.h"
#include "store/seal.h"
#include "store/snapshot.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>

void audit_tell(struct audit *a, const char *what, struct span subject, bool ok, const char *detail)
{
	const struct audit_check c = {what, subject, ok, span_of(detail ? detail : "")};

	a->clean &= ok;
	a->hear(a->ctx, &c);
}

int audit_damage(struct audit *a, const char *what, struct span subject, int code)
{
	BUF struct buf why = {0};

	if (code != -EBADMSG && code != -EPROTO)
		return code;
	buf_add_text(&why, err_why());
	audit_tell(a, what, subject, false, buf_text(&why));
	return 0;
}

void audit_json(void *ctx, const struct audit_check *check)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_m_text(j, "check", check->what);
	if (check->detail.n)
		json_m_str(j, "detail", check->detail);
	json_m_bool(j, "ok", check->ok);
	json_m_path(j, "subject", check->subject);
	json_close(j, '}');
}

bool audit_stacks(const struct target *t, struct span path)
{
	struct rd at = rd_of(t->lowers);
	struct span one;

	while (target_next_path(&at, &one))
		if (span_eq(one, path))
			return true;
	at = rd_of(t->data_only);
	while (target_next_path(&at, &one))
		if (span_eq(one, path))
			return true;
	return !target_is_overlay(t) && span_eq(t->upper, path);
}

static int one_target(struct audit *a, const char *what, uint32_t *no,
	int (*fn)(struct audit *a, struct txn *t, const struct target *tg))
{
	TXN struct txn *t = NULL;
	struct target tg = {.no = 0};
	int r = txn_begin(a->store, false, &t);

	if (r == 0)
		r = a->target ? targets_get(t, a->target, &tg) : targets_next(t, no, &tg);
	if (r == 0)
		return fn(a, t, &tg);
	if (r < 0 && !a->target && audit_damage(a, what, span_of("a target"), r) == 0)
		return 0; /* and on with the next */
	return r;
}

int audit_each_target(struct audit *a, const char *what,
	int (*fn)(struct audit *a, struct txn *t, const struct target *tg))
{
	uint32_t no = 0;
	int r;

	if (a->target) {
		r = one_target(a, what, &no, fn);
		return r < 0 ? r : 0;
	}
	while ((r = one_target(a, what, &no, fn)) == 0)
		;
	return r < 0 ? r : 0;
}

/* ---- the seal ---- */

/* The digest that the sealing checkpoint carries. STORE_ABSENT: the entry is none. */
static int sealed_as(struct txn *t, uint64_t seq, uint8_t ret[SHA_LEN])
{
	struct journal_head head;
	struct journal_entry e;
	DECREF json_t *root = NULL;
	const json_t *state;
	int r = journal_head(t, &head);

	if (r == 0 && head.last != seq)
		return err_set(-EBADMSG,
			"it is sealed at event %" PRIu64 ", and its journal ends with %" PRIu64,
			seq, head.last);
	if (r == 0)
		r = journal_get(t, seq, &e);
	if (r)
		return r;
	root = json_loadb((const char *)e.json.p, e.json.n, JSON_REJECT_DUPLICATES, NULL);
	state = json_object_get(json_object_get(root, "checkpoint"), "state");
	if (!json_is_string(state) || text_unhex(json_span(state), ret, SHA_LEN) < 0)
		return err_set(
			-EBADMSG, "it is sealed at event %" PRIu64 ", which is no checkpoint", seq);
	return 0;
}

static int unsealed(struct audit *a, int how)
{
	BUF struct buf words = {0};

	if (how == STORE_ABSENT && a->checkpoint) {
		audit_tell(a, "seal", span_of("store"), false,
			"there are checkpoints, and not the seal that they leave");
	} else if (how == SEAL_BROKEN) {
		buf_printf(&words,
			"written to after checkpoint %" PRIu64
			": targets' descriptions, the hash cache and the like are not proven",
			a->checkpoint);
		audit_tell(a, "seal", span_of("store"), true, buf_text(&words));
	}
	return 0;
}

int audit_seal(struct audit *a)
{
	TXN struct txn *t = NULL;
	BUF struct buf words = {0};
	uint8_t said[SHA_LEN], is[SHA_LEN];
	uint64_t seq = 0;
	int r = txn_begin(a->store, false, &t);

	if (r == 0)
		r = seal_get(t, &seq);
	if (r == STORE_ABSENT || r == SEAL_BROKEN)
		return unsealed(a, r);
	if (r == 0)
		r = sealed_as(t, seq, said);
	if (r == 0)
		r = seal_state(t, is);
	if (r)
		return r < 0 ? audit_damage(a, "seal", span_of("store"), r)
			     : (audit_tell(a, "seal", span_of("store"), false,
					"the checkpoint that seals it is missing"),
				       0);
	if (sha_same(said, is))
		buf_printf(&words, "nothing was written after checkpoint %" PRIu64, seq);
	else
		buf_printf(&words,
			"targets, drift, acceptances or the hash cache were changed after checkpoint %" PRIu64,
			seq);
	audit_tell(a, "seal", span_of("store"), sha_same(said, is), buf_text(&words));
	return 0;
}

int audit_all(struct audit *a)
{
	int r = audit_layers(a);

	if (r == 0)
		r = audit_baselines(a);
	if (r == 0)
		r = audit_proofs(a);
	if (r == 0 && !a->target)
		r = audit_imported(a);
	if (r == 0)
		r = audit_drift(a);
	if (r == 0)
		r = audit_index(a);
	if (r == 0)
		r = audit_journal(a);
	return r == 0 ? audit_seal(a) : r;
}
