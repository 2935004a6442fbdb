/* Files of an admin and of an engine: each bounded, none followed out of what it says. */
#include "trust/cosign_find.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG_DATA_MAX = 1 << 20, NUMBERED_MAX = 16 };

static void dir_close(DIR **d)
{
	if (*d)
		closedir(*d);
}

static void json_unref(json_t **j)
{
	json_decref(*j);
}

/* Whoever may write a key's file, or put one beside it, is whoever signs images. */
static int is_roots(const struct stat *st, const char *path)
{
	if (st->st_mode & 022)
		return err_set(-EPERM,
			"%s: others may write it, so anybody's key could be in it: chmod go-w it",
			path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(-EPERM, "%s: it belongs to uid %u: only root's keys are trusted",
			path, st->st_uid);
	return 0;
}

int cosign_keys_file(struct cosign_keys *k, int dir, const char *name, const char *path)
{
	BUF struct buf pem = {.p = NULL};
	FD int fd = -1;
	struct stat st;
	int r = fd_open_regular(dir, name, 0, path, &st, &fd);

	if (r == 0)
		r = is_roots(&st, path);
	if (r == 0)
		r = fd_read_all(fd, COSIGN_PAYLOAD_MAX, &pem);
	return r < 0 ? r : cosign_keys_add(k, path, buf_span(&pem));
}

int cosign_keys_dir(struct cosign_keys *k, const char *dir, struct buf *odd)
{
	CLEANUP(dir_close) DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	int r;

	if (!d)
		return errno == ENOENT ? 0 : err_sys("%s", dir);
	r = fstat(dirfd(d), &st) < 0 ? err_sys("%s", dir) : is_roots(&st, dir);
	while (r == 0 && (e = readdir(d))) {
		BUF struct buf path = {.p = NULL};
		size_t n = strlen(e->d_name);

		if (n <= 4 || e->d_name[0] == '.' || strcmp(e->d_name + n - 4, ".pub") != 0)
			continue;
		buf_printf(&path, "%s/%s", dir, e->d_name);
		if (cosign_keys_file(k, dirfd(d), e->d_name, buf_text(&path)) < 0)
			buf_printf(odd, "%s\n", err_why());
	}
	return r;
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
	const struct cosign_names *only;
	struct cosign_result *best;
};

static void hold(struct finding *f, struct span payload, struct span signature)
{
	struct cosign_result one;
	bool misnamed = false;

	cosign_check(f->k, f->digest, payload, signature, &one);
	if (one.verdict == COSIGN_VERIFIED && f->only &&
		!f->only->fits(f->only->ctx, span_of(one.reference))) {
		one.verdict = COSIGN_MISMATCH;
		snprintf(one.why, sizeof(one.why), "it was signed as %.200s",
			one.reference[0] ? one.reference : "nothing");
		misnamed = true;
	}
	/* Of mismatches the one by the right key tells more. */
	if (weight(one.verdict) > weight(f->best->verdict) ||
		(misnamed && f->best->verdict == COSIGN_MISMATCH))
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
	const json_t *notes = json_object_get(root, "annotations");
	const json_t *sig = json_object_get(notes, "dev.cosignproject.cosign/signature");
	BUF struct buf bytes = {.p = NULL};

	/* Keyless. */
	if (json_object_get(notes, "dev.sigstore.cosign/certificate"))
		return;

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

/* Its owner may be any user: no link is followed, and what is no file is none. */
static void blob_file(struct finding *f, int dir, const char *name)
{
	BUF struct buf bytes = {.p = NULL};
	int r = fd_read_plain(dir, name, BIG_DATA_MAX, &bytes);

	if (r < 0 && r != -ENOENT)
		odd_file(f, "containers/storage");
	if (r == 0 && bytes.n)
		cosign_blobs(f, buf_span(&bytes));
}

static void in_storage(struct finding *f, const char *path)
{
	FD int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	BUF struct buf key = {.p = NULL}, name = {.p = NULL};

	if (dir < 0)
		return;
	buf_add_text(&key, "signature-");
	buf_add_span(&key, span_make(f->digest.p + 7, f->digest.n - 7));
	buf_add_text(&name, "=");
	text_b64(&name, buf_span(&key));
	blob_file(f, dir, buf_text(&name));
	/* Those that came with the image by the name that it was pulled by. */
	blob_file(f, dir, "signatures");
}

static bool is_digest(struct span d)
{
	uint8_t bytes[SHA_LEN];

	return span_starts(d, span_of("sha256:")) &&
	       text_unhex(span_make(d.p + 7, d.n - 7), bytes, SHA_LEN) == 0;
}

void cosign_find(const struct cosign_keys *k, struct span digest, const char *dir,
	const char *big_data, const struct cosign_names *only, struct cosign_result *ret)
{
	struct finding f = {k, digest, only, ret};

	*ret = (struct cosign_result){.verdict = COSIGN_NONE};
	if (!is_digest(digest))
		return;
	if (dir)
		in_dir(&f, dir);
	if (big_data)
		in_storage(&f, big_data);
}
