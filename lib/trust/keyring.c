/* The lines before BEGIN are ours, the rest is PEM. Whatever is not understood is refused whole. */
#include "trust/keyring.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define X_ROLE(id, words) [SIGN_##id] = words,
static const char *const domain_words[SIGN_DOMAIN_N] = {SIGN_DOMAINS(X_ROLE)};
enum { LINES_MAX = 16, REASON_MAX = 256 };

/* "boltseal baseline" -> "baseline" */
static const char *role_name(int domain)
{
	return strrchr(domain_words[domain], ' ') + 1;
}

static void public_key_fini(struct public_key *k)
{
	trust_key_free(k->key);
	free(k->file);
	free(k->reason);
	*k = (struct public_key){.key = NULL};
}

void keyring_fini(struct keyring *r)
{
	for (size_t i = 0; i < r->n; i++)
		public_key_fini(&r->keys[i]);
	r->n = 0;
	buf_free(&r->odd);
}

bool keyring_name_ok(struct span name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";

	if (!name.n || name.n >= KEY_NAME_ROOM || name.p[0] == '.' || name.p[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!name.p[i] || !strchr(letters, name.p[i]))
			return false;
	return true;
}

/* ---- the lines ---- */

static int set_name(struct public_key *k, struct span v)
{
	if (!keyring_name_ok(v))
		return err_set(-EBADMSG,
			"a name has at most %d of A-Z a-z 0-9 . _ @ -, and begins with none of "
			"the last two or a dot",
			KEY_NAME_ROOM - 1);
	memcpy(k->name, v.p, v.n);
	k->name[v.n] = 0;
	return 0;
}

static int set_time(int64_t *field, struct span v)
{
	int r = clock_parse(v, 0, field);

	if (r < 0)
		return r;
	return *field > 0 ? 0 : err_set(-EBADMSG, "a time before 1970");
}

static int set_created(struct public_key *k, struct span v)
{
	return set_time(&k->created, v);
}

static int set_expires(struct public_key *k, struct span v)
{
	return set_time(&k->expires, v);
}

static int set_revoked(struct public_key *k, struct span v)
{
	return set_time(&k->revoked, v);
}

static int set_reason(struct public_key *k, struct span v)
{
	if (v.n > REASON_MAX || !text_is_utf8(v) || memchr(v.p, 0, v.n))
		return err_set(-EBADMSG, "a reason is at most %d bytes of text", REASON_MAX);
	k->reason = span_dup(v);
	return 0;
}

int keyring_role(struct span word, unsigned *roles)
{
	for (int i = 0; i < SIGN_DOMAIN_N; i++)
		if (span_is(word, role_name(i))) {
			*roles |= 1u << i;
			return 0;
		}
	return text_refuse(-EBADMSG, word, "is no role: they are baseline, checkpoint and accept");
}

static int set_roles(struct public_key *k, struct span v)
{
	int r = v.n ? 0 : err_set(-EBADMSG, "no role is named");

	while (r == 0 && v.n) {
		const uint8_t *blank = memchr(v.p, ' ', v.n);
		size_t n = blank ? (size_t)(blank - v.p) : v.n;

		r = keyring_role(span_make(v.p, n), &k->roles);
		v = span_trim(span_make(v.p + n, v.n - n), " ");
	}
	return r;
}

static const struct {
	const char *word;
	int (*set)(struct public_key *k, struct span value);
} words[] = {
	{"name", set_name},
	{"created", set_created},
	{"expires", set_expires},
	{"revoked", set_revoked},
	{"reason", set_reason},
	{"roles", set_roles},
};

static int read_line(struct public_key *k, struct span line, unsigned *seen)
{
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	size_t n = colon ? (size_t)(colon - line.p) : 0;

	if (!line.n)
		return 0;
	for (size_t i = 0; i < COUNTOF(words); i++) {
		if (!colon || !span_is(span_make(line.p, n), words[i].word))
			continue;
		if (*seen & 1u << i)
			return err_set(-EBADMSG, "%s: is said twice", words[i].word);
		*seen |= 1u << i;
		return words[i].set(k, span_trim(span_make(line.p + n + 1, line.n - n - 1), " \t"));
	}
	return text_refuse(-EBADMSG, line,
		"is no line of a key file: they are name, created, expires, revoked, "
		"reason and roles");
}

static int read_head(struct public_key *k, struct span head)
{
	unsigned seen = 0;
	int r = 0;

	for (int lines = 0; r == 0 && head.n; lines++) {
		const uint8_t *end = memchr(head.p, '\n', head.n);
		size_t n = end ? (size_t)(end - head.p) : head.n;

		if (lines == LINES_MAX)
			return err_set(-EBADMSG, "too many lines before the key");
		r = read_line(k, span_trim(span_make(head.p, n), " \t\r"), &seen);
		head = end ? span_make(end + 1, head.n - n - 1) : (struct span){0};
	}
	if (r == 0 && k->reason && !k->revoked)
		return err_set(-EBADMSG, "a reason, and no line `revoked: TIME`");
	return r;
}

/* The file's name without directory and ending. */
static struct span bare_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct span s = span_of(slash ? slash + 1 : file);

	return s.n > 4 && memcmp(s.p + s.n - 4, ".pub", 4) == 0 ? span_make(s.p, s.n - 4) : s;
}

static int read_key(struct public_key *k, struct span bytes, const char *file)
{
	const uint8_t *begin = bytes.n ? memmem(bytes.p, bytes.n, "-----BEGIN ", 11) : NULL;
	int r = begin ? read_head(k, span_make(bytes.p, (size_t)(begin - bytes.p))) : 0;

	if (r < 0)
		return err_wrap(r, "%s", file);
	r = trust_key_public(bytes, file, &k->key);
	if (r < 0)
		return r;
	if (!k->roles)
		k->roles = (1u << SIGN_DOMAIN_N) - 1;
	/* Every host's own is called host: whoever has those of several tells them apart by their files. */
	if (!k->name[0] || (strcmp(k->name, "host") == 0 && keyring_name_ok(bare_name(file))))
		r = set_name(k, bare_name(file));
	k->file = strdup(file);
	must(k->file);
	return r < 0 ? err_wrap(r, "%s", file) : 0;
}

static int64_t lasts(const struct public_key *k)
{
	return k->expires ? k->expires : INT64_MAX;
}

/* Two files of one key: `have` becomes the one that counts, `k` the other. */
static int same_key(struct public_key *have, struct public_key *k)
{
	bool revoked = have->revoked != k->revoked, expires = lasts(have) != lasts(k);
	struct public_key was = *have;

	if (revoked ? k->revoked != 0 : lasts(k) > lasts(have)) {
		*have = *k;
		*k = was;
	}
	if (revoked)
		return err_set(-EBADMSG,
			"%s: %s is the same key and says otherwise whether it is revoked, and that "
			"counts: remove one of them",
			k->file, have->file);
	if (expires)
		return err_set(-EEXIST,
			"%s: %s is the same key and lasts longer, and that counts: remove one of "
			"them, or `boltseal key rotate %s` again if it was interrupted",
			k->file, have->file, have->name);
	public_key_fini(k);
	return 0;
}

static int take_key(struct keyring *r, struct public_key *k)
{
	struct public_key *same = NULL;

	for (size_t i = 0; i < r->n; i++)
		if (sha_same(trust_key_id(r->keys[i].key), trust_key_id(k->key)))
			same = &r->keys[i];
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->keys[i].name, k->name) == 0 && &r->keys[i] != same)
			return err_set(-EBADMSG,
				"%s: %s has another key of the name %s: rename one of them",
				k->file, r->keys[i].file, k->name);
	if (same)
		return same_key(same, k);
	if (r->n == KEYRING_MAX)
		return err_set(-E2BIG, "%s: more than %d keys", k->file, KEYRING_MAX);
	r->keys[r->n++] = *k;
	return 0;
}

int keyring_add_bytes(struct keyring *r, struct span bytes, const char *file)
{
	struct public_key k = {.key = NULL};
	int err = read_key(&k, bytes, file);

	if (err == 0)
		err = take_key(r, &k);
	if (err < 0)
		public_key_fini(&k);
	return err;
}

/* ---- files ---- */

static int is_ours(const struct stat *st, const char *path)
{
	if (st->st_mode & 022)
		return err_set(-EPERM,
			"%s: others may write it, so anybody's key could be in it: chmod go-w it",
			path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(-EPERM,
			"%s: it belongs to uid %u: only root's and your own keys are trusted", path,
			st->st_uid);
	return 0;
}

static int add_file(struct keyring *r, int dir, const char *name, const char *path)
{
	BUF struct buf bytes = {.p = NULL};
	FD int fd = -1;
	struct stat st;
	int err = fd_open_regular(dir, name, 0, path, &st, &fd);

	if (err == 0)
		err = is_ours(&st, path);
	if (err == 0)
		err = fd_read_all(fd, KEY_FILE_MAX, &bytes);
	return err < 0 ? err : keyring_add_bytes(r, buf_span(&bytes), path);
}

int keyring_add(struct keyring *r, const char *path)
{
	BUF struct buf bytes = {.p = NULL};
	int err = fd_read_file(AT_FDCWD, path, KEY_FILE_MAX, &bytes);

	return err < 0 ? err : keyring_add_bytes(r, buf_span(&bytes), path);
}

static int is_key_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".pub") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In one order everywhere, so that of two that contradict each other the same one counts. */
static int add_files(struct keyring *r, int fd, const char *dir)
{
	struct dirent **names = NULL;
	int n = scandirat(fd, ".", &names, is_key_file, by_bytes);

	if (n < 0)
		return err_sys("%s", dir);
	for (int i = 0; i < n; i++) {
		BUF struct buf path = {.p = NULL};

		buf_printf(&path, "%s/%s", dir, names[i]->d_name);
		if (add_file(r, fd, names[i]->d_name, buf_text(&path)) < 0)
			buf_printf(&r->odd, "%s\n", err_why());
		free(names[i]);
	}
	free(names);
	return 0;
}

int keyring_read(struct keyring *r, const char *dir)
{
	FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int err;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys("%s", dir);
	err = is_ours(&st, dir);
	return err < 0 ? err : add_files(r, fd, dir);
}

/* ---- finding and judging ---- */

const struct public_key *keyring_find(const struct keyring *r, const uint8_t id[SHA_LEN])
{
	for (size_t i = 0; i < r->n; i++)
		if (sha_same(trust_key_id(r->keys[i].key), id))
			return &r->keys[i];
	return NULL;
}

static bool has_prefix(const struct public_key *k, struct span word)
{
	BUF struct buf hex = {.p = NULL};

	text_hex(&hex, span_make(trust_key_id(k->key), SHA_LEN));
	return word.n >= 8 && span_starts(buf_span(&hex), word);
}

const struct public_key *keyring_named(const struct keyring *r, struct span word)
{
	const struct public_key *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (span_is(word, r->keys[i].name))
			return &r->keys[i];
	for (size_t i = 0; i < r->n; i++)
		if (has_prefix(&r->keys[i], word)) {
			found = &r->keys[i];
			n++;
		}
	return n == 1 ? found : NULL;
}

static int is_revoked(const struct public_key *k)
{
	BUF struct buf when = {.p = NULL};

	clock_format(&when, k->revoked);
	return err_set(-EKEYREJECTED,
		"signed by %s, whose key was revoked at %s (%s): sign it again with another key",
		k->name, buf_text(&when), k->reason ? k->reason : "no reason was given");
}

static int has_expired(const struct public_key *k)
{
	BUF struct buf when = {.p = NULL};

	clock_format(&when, k->expires);
	return err_set(-EKEYREJECTED,
		"signed by %s after its key had expired at %s: sign it again with a key that has "
		"not",
		k->name, buf_text(&when));
}

int keyring_check(const struct keyring *r, enum sign_domain domain, const uint8_t digest[SHA_LEN],
	const struct signature *s, const struct public_key **ret)
{
	const struct public_key *k = keyring_find(r, s->key);
	int err;

	if (!k)
		return KEYRING_UNKNOWN;
	err = sign_check(k->key, domain, digest, s);
	if (err < 0)
		return err_wrap(err, "key %s", k->name);
	if (k->revoked)
		return is_revoked(k);
	if (k->expires && s->time >= k->expires)
		return has_expired(k);
	if (!(k->roles & 1u << domain))
		return err_set(-EKEYREJECTED,
			"signed by %s, whose key may not sign a %s: see `roles:` in %s", k->name,
			role_name(domain), k->file);
	if (ret)
		*ret = k;
	return 0;
}

/* ---- writing ---- */

static void add_time(struct buf *out, const char *word, int64_t t)
{
	if (!t)
		return;
	buf_printf(out, "%s: ", word);
	clock_format(out, t);
	buf_u8(out, '\n');
}

int public_key_format(const struct public_key *k, struct buf *out)
{
	buf_printf(out, "name: %s\n", k->name);
	add_time(out, "created", k->created);
	add_time(out, "expires", k->expires);
	add_time(out, "revoked", k->revoked);
	if (k->revoked && k->reason)
		buf_printf(out, "reason: %s\n", k->reason);
	if (k->roles != (1u << SIGN_DOMAIN_N) - 1) {
		buf_add_text(out, "roles:");
		for (int i = 0; i < SIGN_DOMAIN_N; i++)
			if (k->roles & 1u << i)
				buf_printf(out, " %s", role_name(i));
		buf_u8(out, '\n');
	}
	return trust_key_public_pem(k->key, out);
}
