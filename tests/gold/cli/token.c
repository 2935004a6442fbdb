/*
 * A store of keys as a token's provider is one, for OpenSSL 3: who opens "pkcs11:token=NAME" and gives the PIN gets the
 * Ed25519 key of a file. What Debian 12 has for tokens knows no Ed25519, so this is how URI and PIN are tested.
 * Its section of openssl.cnf says `key` (an absolute path, PKCS#8 in DER) and `pin`.
 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **provctx);

static struct {
	char *key, *pin;
} conf;

struct opened {
	int known, done;
};

static void *token_open(void *provctx, const char *uri)
{
	static const char known[] = "pkcs11:token=test";
	struct opened *o = calloc(1, sizeof(*o));

	(void)provctx;
	if (o)
		o->known = strncmp(uri, known, strlen(known)) == 0;
	return o;
}

static int hand_out(OSSL_CALLBACK *take, void *arg)
{
	unsigned char der[200];
	int type = OSSL_OBJECT_PKEY;
	FILE *f = fopen(conf.key, "rb");
	size_t n = f ? fread(der, 1, sizeof(der), f) : 0;
	char kind[] = "ED25519", structure[] = "PrivateKeyInfo";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, kind, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, n),
		OSSL_PARAM_construct_end(),
	};

	if (f)
		fclose(f);
	return n && take(params, arg);
}

static int token_load(void *ctx, OSSL_CALLBACK *take, void *take_arg, OSSL_PASSPHRASE_CALLBACK *ask,
	void *ask_arg)
{
	struct opened *o = ctx;
	char pin[100];
	size_t n = 0;

	if (!o->known || o->done)
		return !(o->done = 1);
	o->done = 1;
	if (!ask(pin, sizeof(pin), &n, NULL, ask_arg))
		return 0;
	if (!n || n > sizeof(pin))
		abort(); /* it was said that somebody answered */
	if (n != strlen(conf.pin) || memcmp(pin, conf.pin, n) != 0)
		return 0;
	return hand_out(take, take_arg);
}

static int token_eof(void *ctx)
{
	return ((struct opened *)ctx)->done;
}

static int token_close(void *ctx)
{
	free(ctx);
	return 1;
}

static const OSSL_PARAM *token_settable(void *provctx)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL), OSSL_PARAM_END};

	(void)provctx;
	return list;
}

static int token_set(void *ctx, const OSSL_PARAM params[])
{
	(void)ctx;
	(void)params;
	return 1;
}

#define FN(f) (void (*)(void))(f)
static const OSSL_DISPATCH store[] = {
	{OSSL_FUNC_STORE_OPEN, FN(token_open)},
	{OSSL_FUNC_STORE_LOAD, FN(token_load)},
	{OSSL_FUNC_STORE_EOF, FN(token_eof)},
	{OSSL_FUNC_STORE_CLOSE, FN(token_close)},
	{OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, FN(token_settable)},
	{OSSL_FUNC_STORE_SET_CTX_PARAMS, FN(token_set)},
	{0, NULL},
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM stores[] = {
		{"pkcs11", "provider=token", store, "a key in a file"}, {NULL, NULL, NULL, NULL}};

	(void)provctx;
	*no_cache = 0;
	return operation == OSSL_OP_STORE ? stores : NULL;
}

static const OSSL_DISPATCH provider[] = {
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)},
	{0, NULL},
};

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **provctx)
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_ptr("key", &conf.key, 0),
		OSSL_PARAM_construct_utf8_ptr("pin", &conf.pin, 0), OSSL_PARAM_construct_end()};

	for (; in->function_id; in++)
		if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
			OSSL_FUNC_core_get_params(in)(handle, params);
	*out = provider;
	*provctx = &conf;
	return conf.key && conf.pin;
}
