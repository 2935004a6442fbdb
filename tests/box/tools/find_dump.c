/*
 * find_dump - prints what finder_look() sees, a line a box and a line a mount, for scenarios.
 *
 *   find_dump [-m auto|statmount|proc] [-d DOCKER-ROOT] [-s STORAGE-ROOT] [-r RUN-ROOT]
 *             [-l LXC-PATH] [-i IGNORE] [-n LOOKS]
 *
 * -n: looks that often and prints the last one and "time" with the milliseconds of each.
 */
#include "base/clock.h"
#include "base/err.h"
#include "box/find.h"
#include <stdio.h>
#include <unistd.h>

static void field(const char *key, struct span v)
{
	printf(" %s=%.*s", key, (int)v.n, (const char *)v.p);
}

static void list(const char *key, struct span paths)
{
	struct rd at = rd_of(paths);
	struct span path;
	const char *between = "";

	printf(" %s=", key);
	while (target_next_path(&at, &path)) {
		printf("%s%.*s", between, (int)path.n, (const char *)path.p);
		between = ":";
	}
}

static void labels(struct span pairs)
{
	struct rd at = rd_of(pairs);
	struct pair p;

	while (target_next_pair(&at, &p))
		printf(" label=%.*s=%.*s", (int)p.key.n, (const char *)p.key.p, (int)p.value.n,
			(const char *)p.value.p);
}

static void print_box(const struct box *b)
{
	printf("box id=%.*s", (int)b->t.id.n, (const char *)b->t.id.p);
	field("name", b->t.name);
	field("runtime", b->t.runtime);
	printf(" state=%s pid=%u", state_kinds[b->t.state].name, b->t.pid);
	field("image", b->t.image);
	field("digest", b->t.image_digest);
	field("fs", b->t.fs_type);
	printf(" ro=%d uxattr=%d", b->t.read_only, b->t.user_xattr);
	field("upper", b->t.upper);
	list("lowers", b->t.lowers);
	field("merged", b->merged);
	labels(b->t.labels);
	putchar('\n');
	for (size_t i = 0; i < b->n_mount; i++) {
		printf("mount id=%.*s", (int)b->t.id.n, (const char *)b->t.id.p);
		field("point", b->mount[i].point);
		field("fs", b->mount[i].fs_type);
		field("source", b->mount[i].source);
		printf(" own=%d dir=%d ro=%d\n", b->mount[i].own, b->mount[i].is_dir,
			b->mount[i].read_only);
	}
}

static int look(struct finder *f, bool print)
{
	BOX_LIST struct box_list boxes = {0};
	BUF struct buf notes = {0};
	int64_t begin = clock_mono();
	int r = finder_look(f, &boxes, &notes);

	if (r < 0) {
		fprintf(stderr, "find_dump: %s\n", err_why());
		return 1;
	}
	fprintf(stderr, "%s", buf_text(&notes));
	printf("time ms=%.2f n=%zu\n", (double)(clock_mono() - begin) / (double)CLOCK_MS, boxes.n);
	for (size_t i = 0; print && i < boxes.n; i++)
		print_box(&boxes.v[i]);
	for (const char *const *w = finder_watch_paths(f); print && *w; w++)
		printf("watch %s\n", *w);
	return 0;
}

static enum mounts_how how_of(const char *s)
{
	return strcmp(s, "proc") == 0	     ? MOUNTS_PROC
	       : strcmp(s, "statmount") == 0 ? MOUNTS_STATMOUNT
					     : MOUNTS_AUTO;
}

int main(int argc, char **argv)
{
	const char *docker[] = {NULL, NULL}, *storage[] = {NULL, NULL}, *ignore[] = {NULL, NULL};
	const char *run[9] = {NULL};
	struct finder_options opt = {.docker_roots = docker,
		.storage_roots = storage,
		.run_roots = run,
		.ignore = ignore};
	struct finder *f;
	int c, n = 1, n_run = 0, r = 0;

	while ((c = getopt(argc, argv, "m:d:s:r:l:i:n:")) != -1) {
		if (c == 'm')
			opt.how = how_of(optarg);
		else if (c == 'd')
			docker[0] = optarg;
		else if (c == 's')
			storage[0] = optarg;
		else if (c == 'r' && n_run < 8)
			run[n_run++] = optarg;
		else if (c == 'l')
			opt.lxc_path = optarg;
		else if (c == 'i')
			ignore[0] = optarg;
		else if (c == 'n')
			n = atoi(optarg);
		else
			return 2;
	}
	if (finder_new(&f, &opt) < 0)
		return 1;
	for (int i = 0; r == 0 && i < n; i++)
		r = look(f, i == n - 1);
	finder_free(f);
	return r;
}
