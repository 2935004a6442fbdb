/* Keys that are not in a file: whatever stores OpenSSL's configuration has providers for. The private
 * half stays where it is; OpenSSL asks the provider to sign. */
#include "base/err.h"
#include "trust/key_own.h"
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

struct asking {
	const struct passphrase *ask;
	const char *what;
};

static int on_ask(char *out, int room, int writing, void *ctx)
{
	const struct asking *a = ctx;

	(void)writing;
	if (!a->ask || room <= 0)
		return -1;
	return a->ask->ask(a->ask->ctx, a->what, out, (size_t)room);
}

static EVP_PKEY *first_key(OSSL_STORE_CTX *store)
{
	EVP_PKEY *found = NULL;

	while (!found && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			found = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	return found;
}

static int not_there(const char *uri)
{
	char text[160];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(-ENOENT,
		"%s: OpenSSL finds no private key there (%s): is a provider for it activated in "
		"openssl.cnf, or OPENSSL_CONF set? `openssl storeutl` must list it",
		uri, text);
}

int trust_key_uri(const char *uri, const struct passphrase *ask, struct trust_key **ret)
{
	struct asking a = {ask, uri};
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(on_ask, 0);
	OSSL_STORE_CTX *store = ui ? OSSL_STORE_open(uri, ui, &a, NULL, NULL) : NULL;
	EVP_PKEY *pkey = NULL;

	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
		pkey = first_key(store);
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	return pkey ? trust_key_wrap(pkey, true, uri, ret) : not_there(uri);
}
