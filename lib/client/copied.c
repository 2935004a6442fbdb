/* Proofs of a copied store, behind the public header: the engine of lib/audit. Nobody is asked. */
#include "audit/audit.h"
#include "base/err.h"
#include "base/json.h"
#include "client/client.h"

static void hear(void *ctx, const struct audit_check *check)
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

static int prove(const char *dir, struct json *j, bool *ret_clean)
{
	static const struct store_options copied = {.dir_gid = -1, .copied = true};
	struct audit a = {.hear = hear, .ctx = j, .clean = true};
	int r = store_open(&a.store, dir, STORE_READ, &copied);

	if (r == 0)
		r = audit_all(&a);
	store_close(a.store);
	*ret_clean = a.clean;
	return r;
}

int boltseal_verify_store(
	struct boltseal *h, const char *dir, int *clean, struct boltseal_reply *reply)
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	bool all = false;
	int r;

	boltseal_reply_free(reply);
	json_open(&j, '{');
	json_key(&j, "checks");
	json_open(&j, '[');
	r = prove(dir, &j, &all);
	json_close(&j, ']');
	json_m_bool(&j, "clean", all);
	json_close(&j, '}');
	if (r < 0)
		return client_fail(h, r);
	*clean = all;
	return client_answer(&text, reply);
}
