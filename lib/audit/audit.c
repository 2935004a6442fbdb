#include "audit/own.h"
#include "base/err.h"
#include "store/journal.h"
#include "store/snapshot.h"
#include "store/targets.h"

bool audit_say(struct json *j, const char *what, struct span subject, bool ok, const char *detail)
{
	json_open(j, '{');
	json_m_text(j, "check", what);
	if (detail)
		json_m_text(j, "detail", detail);
	json_m_bool(j, "ok", ok);
	json_m_path(j, "subject", subject);
	json_close(j, '}');
	return ok;
}

void audit_check(
	struct audit *a, const char *what, struct span subject, bool ok, const char *detail)
{
	*a->clean &= audit_say(a->j, what, subject, ok, detail);
}

/* ---- layers ---- */

static bool stacks(const struct target *t, struct span layer)
{
	struct rd lists[] = {rd_of(t->lowers), rd_of(t->data_only)};
	struct span p;

	for (size_t i = 0; i < COUNTOF(lists); i++)
		while (target_next_path(&lists[i], &p))
			if (span_eq(p, layer))
				return true;
	return !target_is_overlay(t) && span_eq(t->upper, layer);
}

static int prove_layer(struct audit *a, struct txn *t, const struct snap_info *info)
{
	uint8_t root[SHA_LEN];
	int r;

	if (info->state != SNAP_COMPLETE)
		return 0;
	r = snap_verify(t, info->no, root);
	if (r < 0)
		audit_check(a, "layer", info->path, false, err_why());
	else if (!sha_same(root, info->root))
		audit_check(a, "layer", info->path, false,
			"its records do not give its stored root digest");
	else
		audit_check(a, "layer", info->path, true,
			"as stored; its files are compared by rescan");
	return 0;
}

/* A transaction a layer: the writer must not wait for the space of all of them. */
static int next_layer(struct audit *a, uint32_t *no)
{
	TXN struct txn *t = NULL;
	struct snap_info info;
	struct target tg;
	int r = txn_begin(a->o->store, false, &t);

	if (r >= 0 && a->o->target)
		r = targets_get(t, a->o->target, &tg);
	if (r >= 0)
		r = snap_next(t, no, &info);
	if (r != 0 || (a->o->target && !stacks(&tg, info.path)))
		return r;
	return prove_layer(a, t, &info);
}

int audit_layers(struct audit *a)
{
	uint32_t no = 0;
	int r = 0;

	while (r == 0)
		r = next_layer(a, &no);
	return r < 0 ? r : 0;
}

/* ---- all of it ---- */

static int take_own_key(struct audit *a)
{
	TXN struct txn *t = NULL;
	struct span pem;
	int r = txn_begin(a->o->store, false, &t);

	if (r == 0)
		r = meta_get(t, "host_key", &pem);
	if (r == 0 && keyring_add_bytes(&a->own, pem, "host") < 0)
		audit_check(a, "key", span_of("host_key"), false, err_why());
	return r < 0 ? r : 0;
}

int audit_store(const struct audit_options *o, struct json *j, bool *clean)
{
	struct audit a = {.o = o, .j = j, .clean = clean};
	int r = o->ring ? 0 : take_own_key(&a);

	if (r == 0 && o->layers)
		r = audit_layers(&a);
	if (r == 0 && o->targets)
		r = audit_targets(&a);
	if (r == 0 && o->journal)
		r = audit_journal(&a);
	keyring_fini(&a.own);
	return r;
}
