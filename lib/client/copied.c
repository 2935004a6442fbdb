/* Proofs of a copied store, behind the public header: the engine of lib/audit. Nobody is asked. */
#include "audit/audit.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "client/client.h"
#include "client/keys.h"
#include "golden/file.h"
#include <fcntl.h>

static int hold(struct audit *a, const char *file)
{
	GOLDEN_MEM struct golden_mem mem = {.texts = {0}};
	BUF struct buf bytes = {0};
	struct golden g;
	int r = fd_read_file(AT_FDCWD, file, GOLDEN_FILE_MAX, &bytes);

	if (r < 0)
		return r;
	r = golden_read(buf_span(&bytes), &mem, &g);
	return r < 0 ? err_wrap(r, "%s", file) : audit_golden(a, &g);
}

static int prove(
	const char *dir, const struct boltseal_trust *trust, struct json *j, bool *ret_clean)
{
	static const struct store_options copied = {.dir_gid = -1, .copied = true};
	KEYRING struct keyring ring = {.n = 0};
	struct audit a = {.hear = audit_json, .ctx = j, .clean = true};
	int r = trust ? keys_trust(trust, &ring, &a.known_seq, a.known_id) : 0;

	if (ring.n) {
		a.ring = &ring;
		a.strict = !trust->allow_tail;
	}
	if (r == 0)
		r = store_open(&a.store, dir, STORE_READ, &copied);
	if (r == 0)
		r = audit_all(&a);
	if (r == 0 && trust && trust->golden)
		r = hold(&a, trust->golden);
	store_close(a.store);
	*ret_clean = a.clean;
	return r;
}

int boltseal_verify_store(struct boltseal *h, const char *dir, const struct boltseal_trust *trust,
	int *clean, struct boltseal_reply *reply)
{
	BUF struct buf text = {.p = NULL};
	struct json j = json_on(&text);
	bool all = false;
	int r;

	boltseal_reply_free(reply);
	json_open(&j, '{');
	json_key(&j, "checks");
	json_open(&j, '[');
	r = prove(dir, trust, &j, &all);
	json_close(&j, ']');
	json_m_bool(&j, "clean", all);
	json_close(&j, '}');
	if (r < 0)
		return client_fail(h, r);
	*clean = all;
	return client_answer(&text, reply);
}
