/* Files of an admin and of an engine: each bounded, none followed out of what it says. */
#include "trust/cosign_find.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

enum { POLICY_MAX = 1 << 20, BIG_DATA_MAX = 1 << 20, NUMBERED_MAX = 16 };

static void dir_close(DIR **d)
{
	if (*d)
		closedir(*d);
}

static void json_unref(json_t **j)
{
	json_decref(*j);
}

static int add_file(struct cosign_keys *k, int dir, const char *name, const char *path)
{
	BUF struct buf pem = {.p = NULL};
	int r = fd_read_file(dir, name, COSIGN_PAYLOAD_MAX, &pem);

	return r < 0 ? err_wrap(r, "%s", path) : cosign_keys_add(k, path, buf_span(&pem));
}

int cosign_keys_dir(struct cosign_keys *k, const char *dir, struct buf *odd)
{
	CLEANUP(dir_close) DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : err_sys("%s", dir);
	while ((e = readdir(d))) {
		BUF struct buf path = {.p = NULL};
		size_t n = strlen(e->d_name);

		if (n <= 4 || e->d_name[0] == '.' || strcmp(e->d_name + n - 4, ".pub") != 0)
			continue;
		buf_printf(&path, "%s/%s", dir, e->d_name);
		if (add_file(k, dirfd(d), e->d_name, buf_text(&path)) < 0)
			buf_printf(odd, "%s\n", err_why());
	}
	return 0;
}

/* ---- policy.json ---- */

static void add_path(struct cosign_keys *k, const json_t *v, struct buf *odd)
{
	const char *path = json_string_value(v);

	if (!path || path[0] != '/')
		buf_add_text(odd, "policy.json: a keyPath is no absolute path\n");
	else if (add_file(k, AT_FDCWD, path, path) < 0)
		buf_printf(odd, "policy.json: %s\n", err_why());
}

static void add_data(struct cosign_keys *k, const json_t *v, struct buf *odd)
{
	BUF struct buf pem = {.p = NULL};

	if (!json_is_string(v) ||
		text_unb64(span_make(json_string_value(v), json_string_length(v)), &pem) < 0)
		buf_add_text(odd, "policy.json: a keyData is not base64\n");
	else if (cosign_keys_add(k, "policy.json", buf_span(&pem)) < 0)
		buf_printf(odd, "%s\n", err_why());
}

typedef void (*add_one)(struct cosign_keys *k, const json_t *v, struct buf *odd);

static void add_each(struct cosign_keys *k, const json_t *list, add_one add, struct buf *odd)
{
	size_t i;
	const json_t *v;

	json_array_foreach(list, i, v)
		add(k, v, odd);
}

static void add_requirement(struct cosign_keys *k, const json_t *req, struct buf *odd)
{
	const char *type = json_string_value(json_object_get(req, "type"));
	const json_t *path = json_object_get(req, "keyPath"),
		     *data = json_object_get(req, "keyData");

	if (!type || strcmp(type, "sigstoreSigned") != 0)
		return;
	if (path)
		add_path(k, path, odd);
	if (data)
		add_data(k, data, odd);
	add_each(k, json_object_get(req, "keyPaths"), add_path, odd);
	add_each(k, json_object_get(req, "keyDatas"), add_data, odd);
}

int cosign_keys_policy(struct cosign_keys *k, struct span json, struct buf *odd)
{
	json_error_t why;
	CLEANUP(json_unref)
	json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &why);
	json_t *docker = json_object_get(json_object_get(root, "transports"), "docker");
	const char *scope;
	json_t *v;

	if (!json_is_object(root))
		return err_set(-EBADMSG, "policy.json: line %d: %s", root ? 1 : why.line,
			root ? "no object" : why.text);
	add_each(k, json_object_get(root, "default"), add_requirement, odd);
	json_object_foreach(docker, scope, v)
		add_each(k, v, add_requirement, odd);
	return 0;
}

int cosign_keys_policy_file(struct cosign_keys *k, const char *path, struct buf *odd)
{
	BUF struct buf json = {.p = NULL};
	int r = fd_read_file(AT_FDCWD, path, POLICY_MAX, &json);

	return r < 0 ? r : cosign_keys_policy(k, buf_span(&json), odd);
}

/* ---- signatures ---- */

/* What counts more: verified, mismatch, no key, none. */
static int weight(enum cosign_verdict v)
{
	static const int weights[COSIGN_VERDICT_N] = {
		[COSIGN_NO_KEY] = 1, [COSIGN_MISMATCH] = 2, [COSIGN_VERIFIED] = 3};

	return weights[v];
}

struct finding {
	const struct cosign_keys *k;
	struct span digest;
	struct cosign_result *best;
};

static void hold(struct finding *f, struct span payload, struct span signature)
{
	struct cosign_result one;

	cosign_check(f->k, f->digest, payload, signature, &one);
	if (weight(one.verdict) > weight(f->best->verdict))
		*f->best = one;
}

static void odd_file(struct finding *f, const char *path)
{
	struct cosign_result one = {.verdict = COSIGN_MISMATCH};

	snprintf(one.why, sizeof(one.why), "%.160s: %.80s", path, err_why());
	if (weight(one.verdict) > weight(f->best->verdict))
		*f->best = one;
}

static bool pair_of_files(struct finding *f, const char *dir, const char *stem)
{
	BUF struct buf name = {.p = NULL}, sig = {.p = NULL}, payload = {.p = NULL};
	int r;

	buf_printf(&name, "%s/%s.sig", dir, stem);
	r = fd_read_file(AT_FDCWD, buf_text(&name), COSIGN_SIGNATURE_MAX, &sig);
	if (r == -ENOENT)
		return false;
	if (r == 0) {
		buf_reset(&name);
		buf_printf(&name, "%s/%s.payload", dir, stem);
		r = fd_read_file(AT_FDCWD, buf_text(&name), COSIGN_PAYLOAD_MAX, &payload);
	}
	if (r < 0)
		odd_file(f, buf_text(&name));
	else
		hold(f, buf_span(&payload), buf_span(&sig));
	return true;
}

static void in_dir(struct finding *f, const char *dir)
{
	static const char *const forms[] = {"", "sha256-", "sha256:"};
	struct span hex = span_make(f->digest.p + 7, f->digest.n - 7);
	char stem[128];

	for (size_t i = 0; i < COUNTOF(forms); i++) {
		snprintf(stem, sizeof(stem), "%s%.*s", forms[i], (int)hex.n, (const char *)hex.p);
		pair_of_files(f, dir, stem);
		for (int n = 1; n <= NUMBERED_MAX; n++) {
			snprintf(stem, sizeof(stem), "%s%.*s.%d", forms[i], (int)hex.n,
				(const char *)hex.p, n);
			if (!pair_of_files(f, dir, stem))
				break;
		}
	}
}

/* One blob of containers/storage: {"mimeType","payload": base64,"annotations":{…: base64}}. */
static void blob(struct finding *f, struct span json)
{
	CLEANUP(json_unref)
	json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *payload = json_object_get(root, "payload");
	const json_t *sig = json_object_get(
		json_object_get(root, "annotations"), "dev.cosignproject.cosign/signature");
	BUF struct buf bytes = {.p = NULL};

	if (json_is_string(payload) && json_is_string(sig) &&
		text_unb64(span_make(json_string_value(payload), json_string_length(payload)),
			&bytes) == 0) {
		hold(f, buf_span(&bytes),
			span_make(json_string_value(sig), json_string_length(sig)));
		return;
	}
	err_set(-EBADMSG, "a sigstore signature that cannot be read");
	odd_file(f, "containers/storage");
}

/* Signatures stand one behind the other, each behind these bytes, which JSON cannot hold; what is
 * before the first, or of another kind, is OpenPGP's. */
static void cosign_blobs(struct finding *f, struct span all)
{
	static const char mark[] = "\0sigstore-json\n";
	const size_t len = sizeof(mark) - 1;
	const uint8_t *at = memmem(all.p, all.n, mark, len), *end = all.p + all.n, *next;

	for (int n = 0; at && n < NUMBERED_MAX; at = next, n++) {
		at += len;
		next = memmem(at, (size_t)(end - at), mark, len);
		blob(f, span_make(at, (size_t)((next ? next : end) - at)));
	}
}

static void in_storage(struct finding *f, const char *dir)
{
	BUF struct buf key = {.p = NULL}, path = {.p = NULL}, bytes = {.p = NULL};
	int r;

	buf_add_text(&key, "signature-");
	buf_add_span(&key, f->digest);
	buf_printf(&path, "%s/=", dir);
	text_b64(&path, buf_span(&key));
	r = fd_read_file(AT_FDCWD, buf_text(&path), BIG_DATA_MAX, &bytes);
	if (r < 0 && r != -ENOENT)
		odd_file(f, dir);
	if (r == 0 && bytes.n)
		cosign_blobs(f, buf_span(&bytes));
}

static bool is_digest(struct span d)
{
	uint8_t bytes[SHA_LEN];

	return span_starts(d, span_of("sha256:")) &&
	       text_unhex(span_make(d.p + 7, d.n - 7), bytes, SHA_LEN) == 0;
}

void cosign_find(const struct cosign_keys *k, struct span digest, const char *dir,
	const char *big_data, struct cosign_result *ret)
{
	struct finding f = {k, digest, ret};

	*ret = (struct cosign_result){.verdict = COSIGN_NONE};
	if (!is_digest(digest))
		return;
	if (dir)
		in_dir(&f, dir);
	if (big_data)
		in_storage(&f, big_data);
}
