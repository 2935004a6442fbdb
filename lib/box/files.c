/*
 * The cache is keyed by path and believes stat, but not for a file that changed within the last
 * moment before it was read: a second write in the same tick would not show.
 */
#include "box/files.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <uthash.h>

enum { JSON_MAX = 4 << 20, TEXT_MAX = 256 << 10, RACY = 100 * 1000 * 1000 };

struct file {
	UT_hash_handle hh;
	struct stat st;
	json_t *json;
	struct buf text;
	int err; /* what the last look at it said; told once */
	bool used, racy;
	char path[];
};
struct files {
	struct file *by_path;
};

int files_new(struct files **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : err_set(-ENOMEM, "no memory");
}

static void file_free(struct files *f, struct file *it)
{
	HASH_DEL(f->by_path, it);
	json_decref(it->json);
	buf_free(&it->text);
	free(it);
}

void files_free(struct files *f)
{
	struct file *it, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->by_path, it, next)
		file_free(f, it);
	free(f);
}

void files_sweep(struct files *f)
{
	struct file *it, *next;

	HASH_ITER(hh, f->by_path, it, next) {
		if (!it->used)
			file_free(f, it);
		else
			it->used = false;
	}
}

static struct file *file_of(struct files *f, const char *path)
{
	size_t n = strlen(path);
	struct file *it;

	HASH_FIND(hh, f->by_path, path, n, it);
	if (!it) {
		it = calloc(1, sizeof(*it) + n + 1);
		must(it);
		memcpy(it->path, path, n + 1);
		HASH_ADD(hh, f->by_path, path[0], n, it);
	}
	return it;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool unchanged(const struct file *it, const struct stat *st)
{
	return !it->racy && it->st.st_ino == st->st_ino && it->st.st_dev == st->st_dev &&
	       it->st.st_size == st->st_size && same_time(it->st.st_mtim, st->st_mtim) &&
	       same_time(it->st.st_ctim, st->st_ctim);
}

/* A member of `from` and the objects on the way to it, into `to`. */
static void keep_one(json_t *to, json_t *from, const char *dotted)
{
	const char *dot = strchr(dotted, '.');
	BUF struct buf key = {0};
	json_t *value, *below;

	buf_add(&key, dotted, dot ? (size_t)(dot - dotted) : strlen(dotted));
	value = json_object_get(from, buf_text(&key));
	if (!value)
		return;
	if (!dot) {
		json_object_set(to, buf_text(&key), value);
		return;
	}
	below = json_object_get(to, buf_text(&key));
	if (!below) {
		below = json_object();
		json_object_set_new(to, buf_text(&key), below);
	}
	keep_one(below, value, dot + 1);
}

static json_t *trimmed(json_t *root, const char *const *keep)
{
	json_t *ret;

	if (!keep || !json_is_object(root))
		return root;
	ret = json_object();
	must(ret);
	for (; *keep; keep++)
		keep_one(ret, root, *keep);
	json_decref(root);
	return ret;
}

static void tell(struct file *it, int err, struct buf *notes, const char *why)
{
	if (err && err != -ENOENT && err != it->err)
		buf_printf(notes, "%s\n", why);
	it->err = err;
}

/* Reads it when it changed: 1; 0: as it was; negative: not to be had. Once in a look: what was lent
 * out stays as it is. */
static int refresh(struct file *it, size_t limit, struct buf *notes)
{
	struct stat st;
	int r;

	if (it->used)
		return it->err;
	it->used = true;
	if (stat(it->path, &st) < 0) {
		r = err_sys("%s", it->path);
		if (r == -ENOTDIR)
			r = -ENOENT;
	} else if (unchanged(it, &st)) {
		return it->err;
	} else {
		buf_reset(&it->text);
		r = fd_read_file(AT_FDCWD, it->path, limit, &it->text);
		it->st = st;
		it->racy = clock_wall() - (st.st_ctim.tv_sec * CLOCK_S + st.st_ctim.tv_nsec) < RACY;
	}
	json_decref(it->json);
	it->json = NULL;
	tell(it, r, notes, err_why());
	return r < 0 ? r : 1;
}

const json_t *files_json(
	struct files *f, const char *path, const char *const *keep, struct buf *notes)
{
	struct file *it = file_of(f, path);
	json_error_t why;
	int r = refresh(it, JSON_MAX, notes);

	if (r <= 0)
		return it->json;
	it->json = json_loadb(buf_text(&it->text), it->text.n, 0, &why);
	if (!it->json) {
		BUF struct buf line = {0};

		/* Not why.text: it quotes the file. */
		buf_printf(&line, "%s: not JSON, at line %d column %d", path, why.line, why.column);
		tell(it, -EBADMSG, notes, buf_text(&line));
	}
	if (it->json)
		it->json = trimmed(it->json, keep);
	buf_free(&it->text);
	return it->json;
}

struct span files_text(struct files *f, const char *path, struct buf *notes)
{
	struct file *it = file_of(f, path);
	struct span s;

	if (refresh(it, TEXT_MAX, notes) < 0)
		return (struct span){0};
	s = buf_span(&it->text);
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

const json_t *json_at(const json_t *root, const char *dotted)
{
	while (root && dotted) {
		const char *dot = strchr(dotted, '.');
		char key[64];
		size_t n = dot ? (size_t)(dot - dotted) : strlen(dotted);

		must(n < sizeof(key));
		memcpy(key, dotted, n);
		key[n] = 0;
		root = json_object_get(root, key);
		dotted = dot ? dot + 1 : NULL;
	}
	return root;
}

struct span json_text_at(const json_t *root, const char *dotted)
{
	const json_t *s = json_at(root, dotted);

	return json_is_string(s) ? span_make(json_string_value(s), json_string_length(s))
				 : (struct span){0};
}
