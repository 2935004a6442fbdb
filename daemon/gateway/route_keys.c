/* GET /v1/keys: the public half, as the sensor has put it into the store; the private one it never shows. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "store/journal.h"
#include "trust/keyring.h"

static void show_host(struct json *j, const struct public_key *k, struct span pem)
{
	json_open(j, '{');
	json_m_hex(j, "id", span_make(trust_key_id(k->key), SHA_LEN));
	json_m_text(j, "name", "host");
	json_m_str(j, "pem", pem);
	json_key(j, "roles");
	json_open(j, '[');
	json_text(j, "checkpoint");
	json_close(j, ']');
	json_m_text(j, "state", "good");
	json_close(j, '}');
}

int route_keys(struct call *c)
{
	KEYRING struct keyring ring = {.n = 0};
	TXN struct txn *t = NULL;
	struct span pem;
	struct json j;
	int r = view_begin(c, &t);

	if (r != 0)
		return r < 0 ? r : 0;
	r = meta_get(t, "host_key", &pem);
	if (r == 0)
		r = keyring_add_bytes(&ring, pem, "host");
	if (r < 0)
		return r;
	j = call_json(c);
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	if (ring.n)
		show_host(&j, &ring.keys[0], pem);
	json_close(&j, ']');
	json_close(&j, '}');
	return 0;
}
