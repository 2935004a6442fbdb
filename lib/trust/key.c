/* Which kind of PEM a file is, is decided here, by its BEGIN: so that the sentence says what was found,
 * and OpenSSL reads only what is expected. */
#include "trust/key_own.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 1, SALT_LEN = 16 };

static void bio_free(BIO **b)
{
	BIO_free(*b);
}
#define BIO_AUTO CLEANUP(bio_free) BIO

static void secret_free(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->cap);
	buf_free(b);
}
#define SECRET CLEANUP(secret_free)

void trust_key_free(struct trust_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static int no_openssl(const char *what)
{
	char text[200];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(-EIO, "%s: OpenSSL: %s", what, text);
}

static int key_id(EVP_PKEY *pkey, const char *what, uint8_t ret[SHA_LEN])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	if (n <= 0)
		return no_openssl(what);
	sha_once(span_make(der, (size_t)n), ret);
	OPENSSL_free(der);
	return 0;
}

int trust_key_wrap(EVP_PKEY *pkey, bool is_private, const char *what, struct trust_key **ret)
{
	TRUST_KEY struct trust_key *k = calloc(1, sizeof(*k));
	const char *name;

	must(k);
	k->pkey = pkey;
	k->is_private = is_private;
	if (!EVP_PKEY_is_a(pkey, "ED25519")) {
		name = EVP_PKEY_get0_type_name(pkey);
		return err_set(-EBADMSG,
			"%s: this is a key of %s, and boltseal signs with Ed25519: make one with "
			"`boltseal key new NAME`",
			what, name ? name : "another kind");
	}
	if (key_id(pkey, what, k->id) < 0)
		return -EIO;
	*ret = take(k);
	return 0;
}

int trust_key_make(struct trust_key **ret)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	return pkey ? trust_key_wrap(pkey, true, "a new key", ret) : no_openssl("a new key");
}

/* ---- which PEM it is ---- */

enum pem_kind { PEM_NONE, PEM_PUBLIC, PEM_PRIVATE, PEM_ENCRYPTED, PEM_CERTIFICATE, PEM_OTHER };

static enum pem_kind pem_kind(struct span pem)
{
	static const struct {
		const char *begin;
		enum pem_kind kind;
	} begins[] = {
		{"-----BEGIN PUBLIC KEY-----", PEM_PUBLIC},
		{"-----BEGIN PRIVATE KEY-----", PEM_PRIVATE},
		{"-----BEGIN ENCRYPTED PRIVATE KEY-----", PEM_ENCRYPTED},
		{"-----BEGIN CERTIFICATE-----", PEM_CERTIFICATE},
		{"-----BEGIN ", PEM_OTHER},
	};

	for (size_t i = 0; i < COUNTOF(begins); i++)
		if (memmem(pem.p ? pem.p : (const uint8_t *)"", pem.n, begins[i].begin,
			    strlen(begins[i].begin)))
			return begins[i].kind;
	return PEM_NONE;
}

static int not_expected(enum pem_kind kind, const char *what)
{
	static const char secret[] =
		"this is a PRIVATE key, and the public one is needed: give away only the "
		"file that ends with .pub";
	static const char *const found[] = {
		[PEM_NONE] = "no PEM is in it; is it truncated, or no key at all?",
		[PEM_PUBLIC] = "this is a public key, and a private one is needed: the file that "
			       "`boltseal key new` wrote beside it",
		[PEM_PRIVATE] = secret,
		[PEM_ENCRYPTED] = secret,
		[PEM_CERTIFICATE] = "this is a certificate, and a bare key is needed",
		[PEM_OTHER] =
			"this is PEM of another kind: `boltseal key new NAME` makes what is needed",
	};

	return err_set(-EBADMSG, "%s: %s", what, found[kind]);
}

static int truncated(const char *what)
{
	ERR_clear_error();
	return err_set(-EBADMSG,
		"%s: a key begins here and is not whole: the file was truncated or altered; "
		"take it from your copy",
		what);
}

/* ---- private keys ---- */

static int wrong_passphrase(const char *what)
{
	unsigned long e = ERR_peek_last_error();
	bool memory = ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;

	ERR_clear_error();
	return memory ? err_set(-ENOMEM, "%s: no memory", what)
		      : err_set(-EKEYREJECTED,
				"%s: wrong passphrase (or the file was altered): nothing was "
				"signed; try again",
				what);
}

static int decrypt(struct span pem, const char *what, const struct passphrase *ask, EVP_PKEY **ret)
{
	BIO_AUTO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	PKCS8_PRIV_KEY_INFO *info;
	char pass[PASSPHRASE_MAX];
	X509_SIG *locked = in ? PEM_read_bio_PKCS8(in, NULL, NULL, NULL) : NULL;
	int n;

	if (!locked)
		return truncated(what);
	if (!ask) {
		X509_SIG_free(locked);
		return err_set(-EKEYREJECTED,
			"%s: it has a passphrase: give --passphrase-file FILE, or ask at "
			"a terminal",
			what);
	}
	n = ask->ask(ask->ctx, what, pass, sizeof(pass));
	ERR_clear_error();
	info = n < 0 ? NULL : PKCS8_decrypt(locked, pass, n);
	OPENSSL_cleanse(pass, sizeof(pass));
	X509_SIG_free(locked);
	if (n < 0)
		return n;
	if (!info)
		return wrong_passphrase(what);
	*ret = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return *ret ? 0 : wrong_passphrase(what);
}

/* OpenSSL would ask at the terminal where it is given nobody to ask. */
static int nobody(char *out, int room, int writing, void *ctx)
{
	(void)out;
	(void)room;
	(void)writing;
	(void)ctx;
	return -1;
}

int trust_key_of_pem(
	struct span pem, const char *what, const struct passphrase *ask, struct trust_key **ret)
{
	enum pem_kind kind = pem_kind(pem);
	EVP_PKEY *pkey = NULL;
	int r = 0;

	if (pem.n > KEY_FILE_MAX)
		return err_set(-EFBIG, "%s: larger than any key", what);
	if (kind == PEM_ENCRYPTED) {
		r = decrypt(pem, what, ask, &pkey);
	} else if (kind == PEM_PRIVATE) {
		BIO_AUTO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

		pkey = in ? PEM_read_bio_PrivateKey(in, NULL, nobody, NULL) : NULL;
		r = pkey ? 0 : truncated(what);
	} else {
		return not_expected(kind, what);
	}
	ERR_clear_error();
	return r < 0 ? r : trust_key_wrap(pkey, true, what, ret);
}

/* Whoever names the wrong half shall not be told to shut it up. */
static int too_open(struct span pem, const char *path, mode_t mode)
{
	enum pem_kind kind = pem_kind(pem);

	if (kind != PEM_PRIVATE && kind != PEM_ENCRYPTED)
		return not_expected(kind, path);
	return err_set(-EPERM,
		"%s: others may read or write this private key (mode %04o): chmod 600 it, and make "
		"a new key if anybody may have read it",
		path, mode & 07777);
}

static int read_private(const char *path, struct buf *out)
{
	FD int fd = -1;
	struct stat st;
	int r = fd_open_regular(AT_FDCWD, path, 0, path, &st, &fd);

	if (r < 0)
		return r;
	r = buf_reserve(out, KEY_FILE_MAX + 2) < 0 ? buf_err(out)
						   : fd_read_all(fd, KEY_FILE_MAX, out);
	if (r < 0)
		return err_wrap(r, "%s", path);
	return st.st_mode & 077 ? too_open(buf_span(out), path, st.st_mode) : 0;
}

/* "pkcs11:token=…", "handle:0x81…": a word of two letters or more and a colon, before any slash. */
static bool is_uri(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

	return n > 1 && name[n] == ':' && access(name, F_OK) != 0;
}

int trust_key_read(const char *name, const struct passphrase *ask, struct trust_key **ret)
{
	SECRET struct buf pem = {.p = NULL};
	int r;

	if (is_uri(name))
		return trust_key_uri(name, ask, ret);
	r = read_private(name, &pem);
	return r < 0 ? r : trust_key_of_pem(buf_span(&pem), name, ask, ret);
}

/* ---- writing ---- */

static int lock_up(PKCS8_PRIV_KEY_INFO *info, struct span pass, BIO *out)
{
	unsigned char salt[SALT_LEN];
	X509_ALGOR *how;
	X509_SIG *locked;
	int ok;

	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return no_openssl("random bytes");
	how = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), salt, sizeof(salt), NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	locked = how ? PKCS8_set0_pbe((const char *)pass.p, (int)pass.n, info, how) : NULL;
	if (!locked) {
		X509_ALGOR_free(how);
		return no_openssl("locking the key");
	}
	ok = PEM_write_bio_PKCS8(out, locked);
	X509_SIG_free(locked);
	return ok == 1 ? 0 : no_openssl("writing the key");
}

static int to_pem(const struct trust_key *k, struct span pass, BIO *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
	int r;

	if (!info)
		return no_openssl("the private key cannot be written");
	r = pass.n ? lock_up(info, pass, out)
		   : (PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, info) == 1
				     ? 0
				     : no_openssl("writing the key"));
	PKCS8_PRIV_KEY_INFO_free(info);
	return r;
}

/* A name that stands there is not written over: it may be the only copy of a key. */
static int write_new(const char *path, struct span bytes)
{
	BUF struct buf tmp = {.p = NULL};
	FD int fd = -1;
	int r;

	buf_printf(&tmp, "%s.new.%d", path, (int)getpid());
	fd = open(buf_text(&tmp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys("%s", path);
	r = fd_write_all(fd, bytes.p, bytes.n);
	if (r < 0)
		err_wrap(r, "%s", path);
	if (r == 0 && fsync(fd) < 0)
		r = err_sys("%s", path);
	if (r == 0 && renameat2(AT_FDCWD, buf_text(&tmp), AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST
			    ? err_set(-EEXIST,
				      "%s is there already: a key is not written over; name "
				      "another file, or move it away",
				      path)
			    : err_sys("%s", path);
	unlink(buf_text(&tmp));
	return r;
}

int trust_key_write(const struct trust_key *k, const char *path, struct span passphrase)
{
	BIO_AUTO *out = BIO_new(BIO_s_secmem());
	char *text = NULL;
	long n;
	int r = out ? to_pem(k, passphrase, out) : -ENOMEM;

	if (r < 0)
		return r;
	n = BIO_get_mem_data(out, &text);
	return write_new(path, span_make(text, (size_t)n));
}

/* ---- public keys ---- */

int trust_key_public(struct span pem, const char *what, struct trust_key **ret)
{
	enum pem_kind kind = pem_kind(pem);
	EVP_PKEY *pkey;

	if (pem.n == KEY_RAW_LEN && kind == PEM_NONE) {
		pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, pem.p, pem.n);
		return pkey ? trust_key_wrap(pkey, false, what, ret) : truncated(what);
	}
	if (pem.n > KEY_FILE_MAX)
		return err_set(-EFBIG, "%s: larger than any key", what);
	if (kind != PEM_PUBLIC)
		return not_expected(kind, what);
	BIO_AUTO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

	pkey = in ? PEM_read_bio_PUBKEY(in, NULL, nobody, NULL) : NULL;
	return pkey ? trust_key_wrap(pkey, false, what, ret) : truncated(what);
}

int trust_key_read_public(const char *path, struct trust_key **ret)
{
	BUF struct buf pem = {.p = NULL};
	int r = fd_read_file(AT_FDCWD, path, KEY_FILE_MAX, &pem);

	return r < 0 ? r : trust_key_public(buf_span(&pem), path, ret);
}

bool trust_key_is_private(const struct trust_key *k)
{
	return k->is_private;
}

const uint8_t *trust_key_id(const struct trust_key *k)
{
	return k->id;
}

int trust_key_public_pem(const struct trust_key *k, struct buf *out)
{
	BIO_AUTO *mem = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;

	if (!mem || PEM_write_bio_PUBKEY(mem, k->pkey) != 1)
		return no_openssl("the public key cannot be written");
	n = BIO_get_mem_data(mem, &text);
	buf_add(out, text, (size_t)n);
	return buf_err(out);
}
