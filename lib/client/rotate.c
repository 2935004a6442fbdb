/*
 * The next key of a name. Two files of the directory change, and there is no step that changes two: so the old
 * key's copy of the other name comes first, which says nothing while the old file is there (keyring.h: the file in
 * which a key lasts longer counts), and the rename of the new one over the old decides. Whatever ends it before
 * leaves what was; what it leaves beside that the next rotation writes over.
 */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "client/keys.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct turn {
	const struct keys_rotate *how;
	struct keyring ring;
	const struct public_key *was;
	struct trust_key *fresh;
	struct buf next;    /* the new public half, until it has its name */
	struct buf retired; /* what the old one is called from then on */
	int64_t now;
};

static void turn_fini(struct turn *t)
{
	keyring_fini(&t->ring);
	trust_key_free(t->fresh);
	buf_free(&t->next);
	buf_free(&t->retired);
}

int keys_lock(const char *dir, int *ret_fd)
{
	FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys("%s", dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int save(const struct public_key *k, const char *path)
{
	BUF struct buf text = {.p = NULL};
	int r = public_key_format(k, &text);

	return r < 0 ? r : keys_save_public(path, buf_span(&text));
}

/* What it is called on the way means nothing to anybody. */
static int save_next(struct turn *t)
{
	struct public_key p = {.key = t->fresh,
		.created = t->now,
		.expires = t->how->expires,
		.roles = t->was->roles};
	int r;

	memcpy(p.name, t->was->name, sizeof(p.name));
	r = save(&p, buf_text(&t->next));
	return r < 0 ? err_set(r, "%s: %s", t->was->file, strerror(-r)) : 0;
}

static void retired_name(const struct public_key *k, char ret[KEY_NAME_ROOM])
{
	BUF struct buf id = {.p = NULL};

	text_hex(&id, span_make(trust_key_id(k->key), 4));
	snprintf(ret, KEY_NAME_ROOM, "%.50s.%s", k->name, buf_text(&id));
}

static int save_retired(struct turn *t)
{
	struct public_key p = *t->was;

	retired_name(t->was, p.name);
	if (!p.expires || p.expires > t->now)
		p.expires = t->now;
	return save(&p, buf_text(&t->retired));
}

static int find_was(struct turn *t)
{
	const char *dir = t->how->dir;
	char name[KEY_NAME_ROOM];
	int r = keyring_read(&t->ring, dir);

	if (r == 0)
		r = keys_find(&t->ring, dir, t->how->word, &t->was);
	if (r < 0)
		return r;
	if (t->was->revoked)
		return err_set(
			-EALREADY, "%s is revoked: make a new key of another name", t->was->name);
	retired_name(t->was, name);
	buf_printf(&t->next, "%s/.%s.next", dir, t->was->name);
	buf_printf(&t->retired, "%s/%s.pub", dir, name);
	return 0;
}

int keys_rotatable(const char *dir, const char *word, struct buf *ret_name)
{
	const struct keys_rotate how = {.dir = dir, .word = word};
	CLEANUP(turn_fini) struct turn t = {.how = &how};
	int r = find_was(&t);

	if (r == 0)
		buf_add_text(ret_name, t.was->name);
	return r;
}

/* What is in place must be on the disk before the step that makes it count. */
static int turn(struct turn *t, int dir)
{
	int r = save_next(t);

	if (r == 0)
		r = save_retired(t);
	if (r == 0 && fsync(dir) < 0)
		r = err_sys("%s", t->how->dir);
	if (r == 0 && rename(buf_text(&t->next), t->was->file) < 0)
		r = err_sys("%s", t->was->file);
	if (r == 0)
		fsync(dir);
	return r;
}

int keys_rotate(const struct keys_rotate *how, int64_t now, struct keys_rotated *ret)
{
	CLEANUP(turn_fini) struct turn t = {.how = how, .now = now};
	FD int dir = -1;
	int r = keys_lock(how->dir, &dir);

	if (r == 0)
		r = find_was(&t);
	if (r == 0)
		r = trust_key_make(&t.fresh);
	if (r == 0)
		r = trust_key_write(t.fresh, how->private_file, how->pass);
	if (r < 0)
		return r;
	r = turn(&t, dir);
	if (r < 0) {
		unlink(buf_text(&t.next));
		unlink(buf_text(&t.retired));
		unlink(how->private_file);
		return err_wrap(r, "%s is as it was", t.was->name);
	}
	memcpy(ret->id, trust_key_id(t.fresh), SHA_LEN);
	buf_add_text(&ret->public_file, t.was->file);
	buf_add_span(&ret->retired_file, buf_span(&t.retired));
	return 0;
}
