#include "daemon/sensor/roots.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/arming.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/volume.h"
#include "store/journal.h"
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the directories above ---- */

static void watch_above(struct sensor *s, const char *path)
{
	BUF struct buf dir = {0};

	for (size_t i = 0; s->roots_fd >= 0 && path[i]; i++) {
		if (path[i] != '/' || !path[i + 1])
			continue;
		buf_reset(&dir);
		buf_add(&dir, path, i ? i : 1);
		inotify_add_watch(s->roots_fd, buf_text(&dir),
			IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
	}
}

/* Before each look at the path: they may be others too, and what comes later is told. */
static void watch_path(struct sensor *s, const char *path)
{
	FREE char *real = realpath(path, NULL);

	watch_above(s, path);
	if (real && strcmp(real, path) != 0)
		watch_above(s, real);
}

/* ---- one tree ---- */

/* The mount counts too: what is mounted below the same directory is seen through it alone. */
static bool is_same(int a, int b)
{
	struct statx x, y;

	return statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &x) == 0 &&
	       statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &y) == 0 &&
	       x.stx_ino == y.stx_ino && x.stx_dev_major == y.stx_dev_major &&
	       x.stx_dev_minor == y.stx_dev_minor && x.stx_mnt_id == y.stx_mnt_id;
}

bool roots_is_anew(const struct reg *r)
{
	struct stat now, held;

	return r->kept->kind == TARGET_VOLUME && volume_is_engines(span_of(r->kept->upper)) &&
	       stat(r->kept->upper, &now) == 0 && fstat(r->kept->upper_fd, &held) == 0 &&
	       (now.st_ino != held.st_ino || now.st_dev != held.st_dev);
}

/* A mount over the root is told as a cover and what it hides stays the tree: it cannot be unmounted
 * while we hold it. But where the baseline was taken of a mount, that one is the tree. */
static bool is_cover(const struct kept *k, int fd)
{
	uint8_t id[SHA_LEN];
	struct statx st;

	return !atomic_load(&k->absent) && statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st) == 0 &&
	       st.stx_attributes & st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
	       lower_identity(k->upper, fd, MARKS_NONE, id) == 0 &&
	       memcmp(id, k->lower[0]->identity, SHA_LEN) != 0;
}

static void tell_absent(struct sensor *s, struct reg *r)
{
	BUF struct buf why = {0};

	buf_printf(&why, "%s is not there", r->kept->upper);
	sensor_gap(s, r->kept, (struct span){0}, GAP_MOUNT_LOST, 0, buf_text(&why));
}

/* The gap comes first: the look that follows ends it, if there is something to look at. */
static void look_anew(struct sensor *s, struct reg *r)
{
	struct scan_options opt = {.asker = -1};
	BUF struct buf why = {0};

	if (atomic_load(&r->kept->absent)) {
		tell_absent(s, r);
	} else {
		buf_printf(&why, "%s shows another directory than before", r->kept->upper);
		sensor_gap(s, r->kept, (struct span){0}, GAP_MOUNT_LOST, 0, buf_text(&why));
	}
	arming_renew(s, r);
	scan_begin(&s->ex, r->kept, &opt);
}

void roots_follow(struct sensor *s, struct reg *r)
{
	struct kept *k = r->kept;
	FD int fd = -1;

	if (k->kind == TARGET_CONTAINER)
		return;
	watch_path(s, k->upper);
	fd = open(k->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		/* A volume that went is removed: the look says so. */
		if (k->kind != TARGET_HOST || atomic_exchange(&k->absent, true))
			return;
	} else {
		if (!atomic_load(&k->absent) && is_same(fd, k->upper_fd))
			return;
		if (is_cover(k, fd))
			return;
		if (dup3(fd, k->upper_fd, O_CLOEXEC) < 0)
			return;
		atomic_store(&k->absent, false);
	}
	look_anew(s, r);
}

void roots_look(struct sensor *s)
{
	struct stat st;

	s->roots_due = 0;
	for (struct reg *r = s->reg.regs; r; r = r->next) {
		if (r->kept->kind == TARGET_VOLUME && stat(r->kept->upper, &st) < 0)
			sensor_want_look(s, 0);
		else if (!roots_is_anew(r))
			roots_follow(s, r);
	}
	for (struct absent *a = s->reg.absent; a; a = a->next) {
		watch_path(s, a->path);
		if (access(a->path, F_OK) == 0)
			sensor_want_look(s, 0);
	}
}

void roots_first(struct sensor *s, struct reg *r)
{
	if (r->kept->kind != TARGET_CONTAINER)
		watch_path(s, r->kept->upper);
	if (atomic_load(&r->kept->absent))
		tell_absent(s, r);
	if (r->scan_when_stored)
		sensor_gap(s, r->kept, (struct span){0}, GAP_LATE, 0,
			"its baseline is being taken: what changes meanwhile becomes part of it");
}

/* ---- configured, and never there ---- */

static struct absent *absent_add(struct sensor *s, struct span path)
{
	struct absent *a = calloc(1, sizeof(*a));

	must(a);
	a->path = span_dup(path);
	a->next = s->reg.absent;
	s->reg.absent = a;
	return a;
}

static void gap_of(struct sensor *s, const char *path, const char *detail)
{
	struct item_gap *g = calloc(1, sizeof(*g));

	must(g);
	g->item.kind = ITEM_GAP;
	buf_add_text(&g->path, path);
	g->cause = GAP_UNREADABLE;
	g->from = g->told = clock_wall();
	g->over = !detail;
	if (detail)
		buf_add_text(&g->detail, detail);
	sensor_push(s, &g->item);
}

void roots_absent(struct sensor *s, const char *path, const char *why)
{
	struct absent *a = s->reg.absent;

	while (a && strcmp(a->path, path) != 0)
		a = a->next;
	watch_path(s, path);
	if (!a) {
		log_warn("%s", why);
		gap_of(s, path, why);
		a = absent_add(s, span_of(path));
	}
	a->seen = true;
}

void roots_appeared(struct sensor *s)
{
	struct absent *a, **at = &s->reg.absent;

	while ((a = *at)) {
		if (a->seen) {
			a->seen = false;
			at = &a->next;
			continue;
		}
		gap_of(s, a->path, NULL);
		*at = a->next;
		free(a->path);
		free(a);
	}
}

void roots_start(struct sensor *s)
{
	TXN struct txn *t = NULL;
	struct gap g;
	uint64_t id = 0;

	if (txn_begin(s->store, false, &t) < 0)
		return;
	while (gap_next(t, &id, &g) == 0)
		if (!g.target && g.cause == GAP_UNREADABLE && g.path.n)
			absent_add(s, g.path);
}

void roots_free(struct registry *g)
{
	while (g->absent) {
		struct absent *a = g->absent;

		g->absent = a->next;
		free(a->path);
		free(a);
	}
}
