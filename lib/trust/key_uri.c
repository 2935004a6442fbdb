/* Keys that are not in a file: whatever stores OpenSSL's configuration has providers for. The private
 * half stays where it is; OpenSSL asks the provider to sign. */
#include "base/err.h"
#include "trust/key_own.h"
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

enum { SCHEME_ROOM = 32 };

struct asking {
	const struct passphrase *ask;
	const char *what;
	bool asked;
	int failed; /* of the asking itself; its sentence is still there */
};

static int on_ask(char *out, int room, int writing, void *ctx)
{
	struct asking *a = ctx;
	int n = -1;

	(void)writing;
	a->asked = true;
	if (!a->ask)
		a->failed = err_set(-EKEYREJECTED,
			"%s: it wants a PIN: give --passphrase-file FILE, or ask at a terminal",
			a->what);
	else if (room > 0 && !a->failed)
		a->failed = n = a->ask->ask(a->ask->ctx, a->what, out, (size_t)room);
	a->failed = a->failed < 0 ? a->failed : 0;
	return n < 0 ? -1 : n; /* any other is an answer to OpenSSL */
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

/* A file behind "file:" would be read whoever else may read it. */
static int check_scheme(const char *uri)
{
	char scheme[SCHEME_ROOM];
	size_t n = strcspn(uri, ":");
	OSSL_STORE_LOADER *loader;

	if (n >= sizeof(scheme))
		return err_set(-EINVAL, "%s: no scheme of an URI is so long", uri);
	memcpy(scheme, uri, n);
	scheme[n] = 0;
	if (strcmp(scheme, "file") == 0)
		return err_set(-EINVAL, "%s: name the file alone, without file:", uri);
	loader = OSSL_STORE_LOADER_fetch(NULL, scheme, NULL);
	ERR_clear_error();
	if (!loader)
		return err_set(-ENOENT,
			"%s: no such file, and OpenSSL has no provider for scheme %s: activate one in "
			"openssl.cnf, or name a configuration that does by OPENSSL_CONF",
			uri, scheme);
	OSSL_STORE_LOADER_free(loader);
	return 0;
}

static int not_there(const struct asking *a)
{
	char text[160];

	if (a->failed < 0)
		return a->failed;
	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	if (a->asked)
		return err_set(-EKEYREJECTED,
			"%s: the PIN was not taken, or no private key is there: nothing was signed; "
			"see that it is right before the token locks itself",
			a->what);
	return err_set(-ENOENT,
		"%s: no private key is there%s%s: `openssl storeutl -keys URI` must list it",
		a->what, ERR_peek_last_error() ? ": OpenSSL: " : "",
		ERR_peek_last_error() ? text : "");
}

int trust_key_uri(const char *uri, const struct passphrase *ask, struct trust_key **ret)
{
	struct asking a = {.ask = ask, .what = uri};
	UI_METHOD *ui = NULL;
	OSSL_STORE_CTX *store = NULL;
	EVP_PKEY *pkey = NULL;
	int r = check_scheme(uri);

	if (r < 0)
		return r;
	ui = UI_UTIL_wrap_read_pem_callback(on_ask, 0);
	store = ui ? OSSL_STORE_open(uri, ui, &a, NULL, NULL) : NULL;
	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1)
		pkey = first_key(store);
	r = pkey ? 0 : not_there(&a);
	ERR_clear_error();
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	return pkey ? trust_key_wrap(pkey, true, uri, ret) : r;
}
