/* Signatures of baseline files: golden/file.h has the file, trust the rest. */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include "client/keys.h"
#include "golden/file.h"
#include "trust/accept.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_file(const char *name, struct buf *bytes, struct golden_mem *mem, struct golden *g)
{
	int r = fd_read_file(AT_FDCWD, name, GOLDEN_FILE_MAX, bytes);

	if (r < 0)
		return r;
	r = golden_read(buf_span(bytes), mem, g);
	return r < 0 ? err_wrap(r, "%s", name) : 0;
}

static int has_signed(const struct golden *g, const struct trust_key *k, const char *name)
{
	struct rd at = rd_of(g->signatures);
	struct span block;
	struct signature s;

	while (golden_signature(&at, &block)) {
		struct rd in = rd_of(block);

		if (signature_decode(&in, &s) == 0 && sha_same(s.key, trust_key_id(k)))
			return err_set(-EALREADY, "%s: this key has signed it already", name);
	}
	return 0;
}

static int add_signature(const char *name, const struct trust_key *k, const char *comment,
	int64_t now, const struct golden *g, struct buf *bytes)
{
	BUF struct buf block = {.p = NULL};
	struct signature s;
	int r = has_signed(g, k, name);

	if (r == 0)
		r = sign_digest(k, SIGN_BASELINE, g->digest, now, span_of(comment), &s);
	if (r < 0)
		return r;
	signature_encode(&s, &block);
	r = golden_sign(g, buf_span(&block), bytes);
	return r < 0 ? r : fd_save_file(name, buf_span(bytes), 0644);
}

/* Two that sign one file at a time would each write what the other has not. The file is exchanged by
 * whoever writes it, so the lock counts where it is still the one that is there. */
static int lock(const char *name, int *ret_fd)
{
	struct stat a, b;

	for (;;) {
		FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &a) < 0 || stat(name, &b) < 0)
			return err_sys("%s", name);
		if (a.st_ino == b.st_ino && a.st_dev == b.st_dev) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
}

int keys_sign_baseline(const char *file, const char *key, const struct passphrase *ask,
	const char *comment, int64_t now, struct buf *out)
{
	GOLDEN_MEM struct golden_mem mem = {.records = {.p = NULL}};
	TRUST_KEY struct trust_key *k = NULL;
	BUF struct buf bytes = {.p = NULL};
	struct json j = json_on(out);
	FD int locked = -1;
	struct golden g;
	int r = trust_key_read(key, ask, &k);

	if (r == 0)
		r = lock(file, &locked);
	if (r == 0)
		r = read_file(file, &bytes, &mem, &g);
	if (r == 0)
		r = add_signature(file, k, comment, now, &g, &bytes);
	if (r < 0)
		return r;
	json_open(&j, '{');
	if (*comment)
		json_m_text(&j, "comment", comment);
	json_m_hex(&j, "digest", span_make(g.digest, SHA_LEN));
	json_m_hex(&j, "key", span_make(trust_key_id(k), SHA_LEN));
	json_m_uint(&j, "signatures", g.n_signatures + 1);
	json_close(&j, '}');
	return buf_err(out);
}

/* ---- accepts ---- */

int keys_sign_accept(const struct keys_accept *what, const char *key, const struct passphrase *ask,
	int64_t now, struct buf *out)
{
	TRUST_KEY struct trust_key *k = NULL;
	BUF struct buf paths = {.p = NULL}, block = {.p = NULL};
	uint8_t digest[SHA_LEN], drift[SHA_LEN];
	struct accept_words w = {.target = span_of(what->target),
		.drift_id = drift,
		.reason = span_of(what->reason)};
	struct signature s;
	int r = text_unhex(span_of(what->drift_id), drift, SHA_LEN);

	if (r == 0 && what->expires)
		r = clock_parse(span_of(what->expires), now, &w.expires);
	for (size_t i = 0; i < what->n_paths; i++)
		buf_bytes(&paths, span_of(what->paths[i]));
	w.paths = buf_span(&paths);
	if (r == 0)
		r = trust_key_read(key, ask, &k);
	if (r < 0)
		return r;
	accept_digest(&w, digest);
	r = sign_digest(k, SIGN_ACCEPT, digest, now, (struct span){0}, &s);
	if (r < 0)
		return r;
	signature_encode(&s, &block);
	text_b64(out, buf_span(&block));
	return buf_err(out);
}

/* ---- checking ---- */

static bool say(struct json *j, const char *what, struct span subject, bool ok, const char *detail)
{
	json_open(j, '{');
	json_m_text(j, "check", what);
	json_m_text(j, "detail", detail);
	json_m_bool(j, "ok", ok);
	json_m_str(j, "subject", subject);
	json_close(j, '}');
	return ok;
}

static bool say_signature(const struct keyring *ring, const struct golden *g,
	const struct signature *s, struct json *j)
{
	const struct public_key *who = NULL;
	BUF struct buf id = {.p = NULL}, words = {.p = NULL};
	int r = keyring_check(ring, SIGN_BASELINE, g->digest, s, &who);

	text_hex(&id, span_make(s->key, 6));
	if (r == KEYRING_UNKNOWN)
		return say(j, "signature", buf_span(&id), false,
			"by a key that is not among those that were given");
	if (r < 0)
		return say(j, "signature", buf_span(&id), false, err_why());
	buf_add_text(&words, "at ");
	clock_format(&words, s->time);
	if (s->comment.n) {
		buf_add_text(&words, ": ");
		buf_add_span(&words, s->comment);
	}
	return say(j, "signature", span_of(who->name), true, buf_text(&words));
}

static bool say_signatures(const struct keyring *ring, const struct golden *g, struct json *j)
{
	struct rd at = rd_of(g->signatures);
	struct span block;
	struct signature s;
	bool right = true;

	if (!g->n_signatures)
		return say(j, "signature", span_of("-"), false,
			"nobody has signed it: `boltseal baseline sign` does");
	while (golden_signature(&at, &block)) {
		struct rd in = rd_of(block);

		if (signature_decode(&in, &s) < 0)
			right = say(j, "signature", span_of("-"), false, err_why());
		else if (!rd_end(&in))
			right = say(j, "signature", span_of("-"), false,
				"something follows the signature");
		else
			right &= say_signature(ring, g, &s, j);
	}
	return right;
}

int keys_check_baseline(const char *file, const char *name, struct buf *out)
{
	GOLDEN_MEM struct golden_mem mem = {.records = {.p = NULL}};
	KEYRING struct keyring ring = {.n = 0};
	BUF struct buf bytes = {.p = NULL};
	struct json j = json_on(out);
	struct golden g;
	bool right;
	int r = keys_read(&ring, name);

	if (r == 0)
		r = strcmp(file, "-") == 0 ? fd_read_all(STDIN_FILENO, GOLDEN_FILE_MAX, &bytes)
					   : fd_read_file(AT_FDCWD, file, GOLDEN_FILE_MAX, &bytes);
	if (r < 0)
		return r;
	r = golden_read(buf_span(&bytes), &mem, &g);
	if (r < 0 && (r != -EBADMSG || !golden_is_one(buf_span(&bytes))))
		return err_wrap(r, "%s", file);
	right = r == 0;
	json_open(&j, '{');
	json_key(&j, "checks");
	json_open(&j, '[');
	say(&j, "baseline", span_of(file), right,
		right ? "layers and records give its root digest" : err_why());
	if (right)
		right = say_signatures(&ring, &g, &j);
	json_close(&j, ']');
	json_m_bool(&j, "clean", right);
	json_close(&j, '}');
	return buf_err(out);
}
