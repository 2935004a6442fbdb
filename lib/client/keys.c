#include "client/keys.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int keys_read(struct keyring *r, const char *name)
{
	struct stat st;
	int err;

	if (stat(name, &st) < 0)
		return err_sys("%s", name);
	err = S_ISDIR(st.st_mode) ? keyring_read(r, name) : keyring_add(r, name);
	if (err < 0 || r->n)
		return err;
	if (r->odd.n)
		return err_set(
			-EBADMSG, "%.*s", (int)strcspn(buf_text(&r->odd), "\n"), buf_text(&r->odd));
	return err_set(-ENOENT, "%s: no public key (.pub) is in it", name);
}

void keys_odd(const char *name, struct buf *out)
{
	KEYRING struct keyring r = {.n = 0};
	struct stat st;

	if (stat(name, &st) == 0 && S_ISDIR(st.st_mode) && keyring_read(&r, name) == 0 && r.n)
		buf_add_span(out, buf_span(&r.odd));
}

static int read_checkpoint(const char *text, uint64_t *ret_seq, uint8_t ret_id[SHA_LEN])
{
	const char *colon = strchr(text, ':');

	if (!colon ||
		text_u64(span_make(text, (size_t)(colon - text)), 1, INT64_MAX, ret_seq) < 0 ||
		text_unhex(span_of(colon + 1), ret_id, SHA_LEN) < 0)
		return err_set(-EINVAL,
			"a checkpoint is given as SEQ:ID, its seq and the 64 hex digits of its id");
	return 0;
}

int keys_trust(const struct boltseal_trust *trust, struct keyring *r, uint64_t *ret_seq,
	uint8_t ret_id[SHA_LEN])
{
	int err = trust->key ? keys_read(r, trust->key) : 0;

	return err == 0 && trust->checkpoint ? read_checkpoint(trust->checkpoint, ret_seq, ret_id)
					     : err;
}

static int read_roles(const char *text, unsigned *ret)
{
	struct span left = span_of(text ? text : "");

	*ret = text ? 0 : (1u << SIGN_DOMAIN_N) - 1;
	while (left.n) {
		const uint8_t *comma = memchr(left.p, ',', left.n);
		size_t n = comma ? (size_t)(comma - left.p) : left.n;
		int r = keyring_role(span_make(left.p, n), ret);

		if (r < 0)
			return r;
		left = span_make(left.p + n + !!comma, left.n - n - !!comma);
	}
	return *ret ? 0 : err_set(-EINVAL, "no role is named");
}

/* Everybody may read it, whatever the umask: it is of no use else. */
int keys_save_public(const char *path, struct span text)
{
	int r = fd_write_file(path, text, 0644);

	return r == 0 && chmod(path, 0644) < 0 ? err_sys("%s", path) : r;
}

/* "host" is what `key show host` and checkpoints call this host's own. */
int keys_name_ok(const char *name)
{
	if (strcasecmp(name, "host") == 0)
		return err_set(-EINVAL,
			"host is what the sensor's own key is called: choose another name");
	if (!keyring_name_ok(span_of(name)))
		return err_set(-EINVAL,
			"%s: a key's name is at most %d of A-Z a-z 0-9 . _ @ -, and none of . - "
			"comes first: choose another",
			name, KEY_NAME_ROOM - 1);
	return 0;
}

/* A private half alone is of no use, and would stand in the way of the next try. */
static int save_beside(const struct keys_new *n, struct span text)
{
	int r = keys_save_public(n->public_file, text);

	if (r < 0)
		unlink(n->private_file);
	return r;
}

int keys_make(const struct keys_new *n, uint8_t ret_id[SHA_LEN])
{
	TRUST_KEY struct trust_key *k = NULL;
	struct public_key p = {.created = clock_wall(), .expires = n->expires};
	BUF struct buf text = {.p = NULL};
	int r = keys_name_ok(n->name);

	if (r == 0)
		r = read_roles(n->roles, &p.roles);
	if (r < 0)
		return r;
	if (access(n->public_file, F_OK) == 0)
		return err_set(-EEXIST,
			"%s is there already: a key is not written over; choose another name or "
			"--out",
			n->public_file);
	r = trust_key_make(&k);
	if (r < 0)
		return r;
	p.key = k;
	snprintf(p.name, sizeof(p.name), "%s", n->name);
	r = public_key_format(&p, &text);
	if (r == 0)
		r = trust_key_write(k, n->private_file, n->pass);
	if (r == 0)
		r = save_beside(n, buf_span(&text));
	memcpy(ret_id, trust_key_id(k), SHA_LEN);
	return r;
}

/* ---- showing ---- */

static const char *state_of(const struct public_key *k, int64_t now)
{
	return k->revoked ? "revoked" : k->expires && now >= k->expires ? "expired" : "good";
}

static void show_roles(const struct public_key *k, struct json *j)
{
	static const char *const names[SIGN_DOMAIN_N] = {[SIGN_BASELINE] = "baseline",
		[SIGN_CHECKPOINT] = "checkpoint",
		[SIGN_ACCEPT] = "accept"};

	json_key(j, "roles");
	json_open(j, '[');
	for (int i = 0; i < SIGN_DOMAIN_N; i++)
		if (k->roles & 1u << i)
			json_text(j, names[i]);
	json_close(j, ']');
}

static void show_key(const struct public_key *k, int64_t now, struct json *j)
{
	json_open(j, '{');
	if (k->created)
		json_m_time(j, "created", k->created);
	if (k->expires)
		json_m_time(j, "expires", k->expires);
	json_m_text(j, "file", k->file);
	json_m_hex(j, "id", span_make(trust_key_id(k->key), SHA_LEN));
	json_m_text(j, "name", k->name);
	if (k->reason)
		json_m_text(j, "reason", k->reason);
	if (k->revoked)
		json_m_time(j, "revoked", k->revoked);
	show_roles(k, j);
	json_m_text(j, "state", state_of(k, now));
	json_close(j, '}');
}

int keys_find(
	const struct keyring *r, const char *dir, const char *word, const struct public_key **ret)
{
	*ret = keyring_named(r, span_of(word));
	return *ret ? 0
		    : err_set(-ENOENT,
			      "no key of this name, nor one whose id begins so, is in %s: `boltseal key list` "
			      "has them",
			      dir);
}

int keys_show(const char *dir, const char *word, int64_t now, struct buf *out)
{
	KEYRING struct keyring r = {.n = 0};
	const struct public_key *one = NULL;
	struct json j = json_on(out);
	int err = keyring_read(&r, dir);

	if (err == 0 && word)
		err = keys_find(&r, dir, word, &one);
	if (err < 0)
		return err;
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	for (size_t i = 0; i < r.n; i++)
		if (!one || one == &r.keys[i])
			show_key(&r.keys[i], now, &j);
	json_close(&j, ']');
	json_key(&j, "odd");
	json_open(&j, '[');
	for (char *at = (char *)r.odd.p, *end; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		json_str(&j, span_make(at, (size_t)(end - at)));
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return buf_err(out);
}

int keys_show_file(const char *path, int64_t now, struct buf *out)
{
	KEYRING struct keyring r = {.n = 0};
	struct json j = json_on(out);
	int err = keyring_add(&r, path);

	if (err < 0)
		return err;
	json_open(&j, '{');
	json_key(&j, "items");
	json_open(&j, '[');
	show_key(&r.keys[0], now, &j);
	json_close(&j, ']');
	json_close(&j, '}');
	return buf_err(out);
}

/* ---- changing ---- */

static int write_back(const struct public_key *k)
{
	BUF struct buf text = {.p = NULL};
	int r = public_key_format(k, &text);

	return r < 0 ? r : keys_save_public(k->file, buf_span(&text));
}

int keys_revoke(const char *dir, const char *word, int64_t when, const char *reason)
{
	KEYRING struct keyring r = {.n = 0};
	const struct public_key *k;
	struct public_key fresh;
	FD int locked = -1;
	int err = reason && !sign_is_plain(span_of(reason))
			  ? err_set(-EINVAL,
				    "--reason is one line of at most %d bytes, without control "
				    "characters",
				    SIGN_COMMENT_MAX)
			  : keys_lock(dir, &locked);

	if (err == 0)
		err = keyring_read(&r, dir);
	if (err == 0)
		err = keys_find(&r, dir, word, &k);
	if (err < 0)
		return err;
	if (k->revoked)
		return err_set(-EALREADY, "%s is revoked already", k->name);
	fresh = *k;
	fresh.revoked = when;
	fresh.reason = (char *)(uintptr_t)reason;
	return write_back(&fresh);
}
