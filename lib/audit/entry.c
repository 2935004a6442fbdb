#include "audit/entry.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/merkle.h"
#include "wire/checkpoint.h"
#include "wire/event.h"
#include "wire/jansson.h"
#include <inttypes.h>

int entry_write(struct span checkpoint, struct span entry, const uint8_t *ids, uint64_t n,
	uint64_t at, struct buf *out)
{
	BUF struct buf path = {.p = NULL};
	struct json j = json_on(out);
	int r = merkle_path(ids, n, at, &path);

	if (r < 0)
		return r;
	json_open(&j, '{');
	json_key(&j, "checkpoint");
	json_raw(&j, checkpoint);
	json_key(&j, "entry");
	json_raw(&j, entry);
	json_key(&j, "path");
	json_open(&j, '[');
	for (size_t i = 0; i < path.n; i += SHA_LEN)
		json_hex(&j, span_make(path.p + i, SHA_LEN));
	json_close(&j, ']');
	json_m_text(&j, "schema", ENTRY_SCHEMA);
	json_close(&j, '}');
	return buf_err(out);
}

static bool say(struct json *j, const char *what, uint64_t seq, bool ok, const char *detail)
{
	BUF struct buf subject = {.p = NULL};

	buf_printf(&subject, "event %" PRIu64, seq);
	json_open(j, '{');
	json_m_text(j, "check", what);
	json_m_text(j, "detail", detail);
	json_m_bool(j, "ok", ok);
	json_m_str(j, "subject", buf_span(&subject));
	json_close(j, '}');
	return ok;
}

struct proof {
	json_t *entry, *checkpoint; /* of the file's */
	struct event_link e, c;
	struct checkpoint said;
	struct buf path;
};

static int read_path(const json_t *list, struct buf *out)
{
	uint8_t one[SHA_LEN];
	size_t i;
	json_t *v;

	if (!json_is_array(list) || json_array_size(list) > MERKLE_PATH_MAX)
		return err_set(-EBADMSG, "its path is missing or malformed");
	json_array_foreach(list, i, v) {
		if (!json_is_string(v) || strpbrk(json_string_value(v), "ABCDEF") ||
			text_unhex(json_span(v), one, SHA_LEN) < 0)
			return err_set(-EBADMSG, "its path is missing or malformed");
		buf_add(out, one, SHA_LEN);
	}
	return buf_err(out);
}

static int read_proof(json_t *root, struct proof *p)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));
	int r;

	p->entry = json_object_get(root, "entry");
	p->checkpoint = json_object_get(root, "checkpoint");
	if (!root)
		return err_set(-EBADMSG,
			"it is no JSON: what `boltseal log --prove SEQ` wrote was cut off or "
			"altered");
	if (!schema || strcmp(schema, ENTRY_SCHEMA) != 0 || json_object_size(root) != 4)
		return err_set(-EBADMSG,
			"it is no proof of an entry: `boltseal log --prove SEQ` writes one");
	r = checkpoint_read(json_object_get(p->checkpoint, "checkpoint"), &p->said);
	if (r == 0)
		r = event_check_object(p->entry, &p->e);
	if (r == 0)
		r = event_check_object(p->checkpoint, &p->c);
	return r < 0 ? r : read_path(json_object_get(root, "path"), &p->path);
}

static int check_signature(
	const struct keyring *ring, const struct checkpoint *c, struct buf *words)
{
	BUF struct buf room = {.p = NULL};
	const struct public_key *who = NULL;
	uint8_t digest[SHA_LEN];
	struct signature s;
	int r = signature_decode_b64(c->signature, &room, &s);

	if (r < 0)
		return r;
	checkpoint_digest(c, digest);
	r = keyring_check(ring, SIGN_CHECKPOINT, digest, &s, &who);
	if (r == KEYRING_UNKNOWN)
		return err_set(-EKEYREJECTED, "it is signed by a key that was not given");
	if (r < 0)
		return r;
	buf_printf(words, "entries %" PRIu64 " to %" PRIu64 " of host ", c->from, c->to);
	buf_add_span(words, c->host);
	buf_printf(words, ", signed by %s at ", who->name);
	clock_format(words, s.time);
	return 0;
}

static const char *why_not_in(const struct proof *p)
{
	const struct checkpoint *c = &p->said;

	if (!span_eq(p->e.host, c->host) || !span_eq(p->c.host, c->host))
		return "entry and checkpoint are of different hosts";
	if (p->e.seq < c->from || p->e.seq > c->to || p->c.seq != c->to + 1)
		return "the checkpoint does not cover this entry";
	if (!merkle_leads(
		    p->e.id, p->e.seq - c->from, c->to - c->from + 1, buf_span(&p->path), c->root))
		return "it is not among the entries that the checkpoint has signed";
	return NULL;
}

/* As entry_write() begins it, or with the words that it alone has. */
static bool looks_like_one(struct span bytes)
{
	static const char begins[] = "{\"checkpoint\":", has[] = "boltseal.entry/";

	return span_starts(bytes, span_of(begins)) ||
	       (bytes.n && memmem(bytes.p, bytes.n, has, strlen(has)));
}

int entry_check(struct span bytes, const struct keyring *ring, struct json *j)
{
	DECREF json_t *root = json_loadb(
		(const char *)bytes.p, bytes.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	BUF struct buf words = {.p = NULL};
	struct proof p = {.entry = NULL};
	const char *why;
	bool right;
	int r = read_proof(root, &p);

	if (r < 0 && !looks_like_one(bytes))
		return err_set(-EBADMSG,
			"it is no proof of an entry: `boltseal log --prove SEQ` writes one");
	if (r == 0)
		r = check_signature(ring, &p.said, &words);
	right = say(j, "checkpoint", p.c.seq, r == 0, r < 0 ? err_why() : buf_text(&words));
	if (right) {
		why = why_not_in(&p);
		right = say(j, "entry", p.e.seq, !why,
			why ? why : "its id is the digest of its text, and in the signed tree");
	}
	buf_free(&p.path);
	return right ? 0 : ENTRY_WRONG;
}
