/* A layer that is stored is walked by one thread, name by name, with the image's own list beside it. */
#include "base/err.h"
#include "daemon/sensor/proof.h"
#include "daemon/sensor/worker.h"
#include "fs/beneath.h"
#include "fs/hash.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

enum { NAMES_LIMIT = 4 * 1000 * 1000 };

struct walking {
	struct proof *p;
	const struct lower *l;
	const struct proof_options *opt;
	struct worker *w;
	struct look look;
	struct dir {
		struct dir *next;
		struct span path;
	} * dirs;
};

static void add_dir(struct walking *k, struct span path)
{
	struct dir *d = calloc(1, sizeof(*d));

	must(d);
	d->path = path;
	d->next = k->dirs;
	k->dirs = d;
}

static struct layer layer_of(const struct walking *k)
{
	return (struct layer){
		.ops = &layer_disk_ops, .root_fd = k->l->root_fd, .marks = k->l->marks};
}

static int look(struct walking *k, struct span dir, int dir_fd, struct span name)
{
	if (k->l->marks == MARKS_FUSE) {
		const struct layer on = layer_of(k);
		struct layer_entry e = {.look.mem = k->look.mem};
		int r = on.ops->lookup(&on, (struct layer_dir){.rel = dir}, name, &e);

		k->look = e.look;
		k->look.rec = e.rec;
		return r;
	}
	return look_at(dir_fd, name, k->l->marks, &k->look);
}

static void hash(struct walking *k, int dir_fd, struct span name, struct record *rec)
{
	struct hash_budget budget = {k->opt->max_bytes, 0, k->opt->stop, 0, false};
	struct hash_result res;

	if (rec->type != FILE_REG || rec->ovl & OVL_METACOPY ||
		hash_file(dir_fd, name, &k->look, false, &budget, k->w->sha, &res) != 0)
		return;
	memcpy(rec->sha, res.sha, SHA_LEN);
	rec->has_sha = true;
	if (k->opt->step)
		k->opt->step(k->opt->ctx, res.read);
}

/* One name that the image has. */
static void meet(struct walking *k, struct span dir, int dir_fd, const struct proof_want *w)
{
	struct record rec;

	if (!proof_has(w, dir_fd, &rec)) {
		if (look(k, dir, dir_fd, proof_name(w)) != 0) {
			if (!proof_is_loose(k->p))
				proof_missing(k->p, w, &rec);
			return;
		}
		rec = k->look.rec;
		hash(k, dir_fd, proof_name(w), &rec);
	}
	proof_judge(k->p, w, &rec);
	if (w->rec.type == FILE_DIR && rec.type == FILE_DIR && beneath_too_deep(w->path))
		proof_too_deep(k->p, w->path);
	else if (w->rec.type == FILE_DIR && rec.type == FILE_DIR)
		add_dir(k, w->path);
}

static void walk_dir(struct walking *k, struct span dir)
{
	const struct proof_want *const *want;
	size_t n = proof_list(k->p, dir, &want), at = 0;
	NAMES struct names names = {0};
	FD int fd = -1, list_fd = -1;
	const struct layer on = layer_of(k);
	int r = beneath_open(k->l->root_fd, dir, O_PATH | O_DIRECTORY, &fd);

	if (r == 0 && on.marks == MARKS_FUSE)
		r = on.ops->list(&on, (struct layer_dir){.rel = dir}, &names);
	else if (r == 0)
		r = beneath_open(k->l->root_fd, dir, O_RDONLY | O_DIRECTORY, &list_fd);
	if (r == 0 && on.marks != MARKS_FUSE)
		r = names_read(list_fd, NAMES_LIMIT, &names);
	if (r < 0)
		proof_failed(k->p, err_why());
	names_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		while (at < n && span_cmp(proof_name(want[at]), names_at(&names, i)) < 0)
			meet(k, dir, fd, want[at++]);
		if (at < n && span_eq(proof_name(want[at]), names_at(&names, i)))
			meet(k, dir, fd, want[at++]);
		else
			proof_planted(k->p, dir, names_at(&names, i));
	}
	while (r == 0 && at < n)
		meet(k, dir, fd, want[at++]);
}

static void meet_root(struct walking *k)
{
	struct record rec;

	if (look_at(k->l->root_fd, (struct span){0}, k->l->marks, &k->look) != 0) {
		proof_failed(k->p, "its directory cannot be looked at");
		return;
	}
	rec = k->look.rec;
	proof_judge(k->p, proof_root(k->p), &rec);
}

void proof_walk(
	struct proof *p, const struct lower *l, const struct proof_options *opt, struct worker *w)
{
	struct walking k = {.p = p, .l = l, .opt = opt, .w = w};

	if (!proof_knows(p))
		return;
	meet_root(&k);
	add_dir(&k, (struct span){0});
	while (k.dirs) {
		struct dir *d = k.dirs;

		k.dirs = d->next;
		if (opt->stop && atomic_load(opt->stop))
			proof_failed(p, "stopped");
		else
			walk_dir(&k, d->path);
		free(d);
	}
	look_free(&k.look);
}
