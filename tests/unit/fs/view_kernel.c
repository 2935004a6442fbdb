/*
 * The proof of lib/fs/view: random layers are mounted with the kernel's overlayfs, random work is
 * done through the mount, and then both must agree on every name, attribute and byte. A failure
 * prints its seed: VIEW_SEED=n repeats that one, VIEW_ROUNDS=n does more of them.
 */
#include "tests/unit/fs/room.h"
#include "tests/unit/fs/memlayer.h"
#include "fs/beneath.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

enum { LAYERS = 64, ROUNDS = 240 };

/* The traits of a round: what its mount is like. */
struct world {
	struct room *room;
	uint64_t seed, rng;
	bool user, redirect, metacopy, index, is_volatile, has_upper, x_whiteouts;
	/* Redirects made by hand can show a file at two paths, and then a copy-up of the one shows
	 * at the other for as long as the kernel remembers the inode. So: no work through the mount
	 * in such a round, but an upper layer made by hand as well. */
	bool by_hand;
	uint32_t n_lower, n_data, n;
	struct layer layer[LAYERS + 8], base[LAYERS + 8];
	struct mem_layer mem[LAYERS + 8];
	struct view now, before;
	struct view_index names;
	int merged; /* root of the mount */
	unsigned objects, refused, drift;
};

static uint32_t pick(struct world *w, uint32_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)(w->rng >> 20) % n;
}

/* What was tried at random may fail. */
static void try(int r)
{
	if (r < 0 && errno == EBADF)
		abort();
}

static const char *const pool[] = {"a", "b", "c", "dir", "\xff\n", "sub"};

static const char *a_name(struct world *w)
{
	return pool[pick(w, COUNTOF(pool))];
}

/* A random path of one to three names. */
static const char *a_path(struct world *w, char ret[64])
{
	uint32_t n = 1 + pick(w, 3);

	ret[0] = 0;
	while (n--) {
		strcat(ret, a_name(w));
		if (n)
			strcat(ret, "/");
	}
	return ret;
}

#define FAIL(w, ...)                                                                               \
	do {                                                                                       \
		print_message("VIEW_SEED=%llu lowers=%u data=%u upper=%d user=%d redirect=%d "     \
			      "metacopy=%d index=%d\n",                                            \
			(unsigned long long)(w)->seed, (w)->n_lower, (w)->n_data, (w)->has_upper,  \
			(w)->user, (w)->redirect, (w)->metacopy, (w)->index);                      \
		fail_msg(__VA_ARGS__);                                                             \
	} while (0)

static void mark(struct world *w, int dir, const char *path, const char *key, const char *value)
{
	FD int fd = openat(dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char proc[BENEATH_PROC_PATH], name[64];

	beneath_proc_path(fd, proc);
	snprintf(name, sizeof(name), "%s.overlay.%s", w->user ? "user" : "trusted", key);
	setxattr(proc, name, value, strlen(value), 0);
}

static void write_some(struct world *w, int dir, const char *path, int flags)
{
	FD int fd = openat(dir, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0640);
	char text[64];
	int n = snprintf(text, sizeof(text), "%u", pick(w, 1000));

	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		abort();
}

/* One object by hand, as a builder of layers makes them. */
static void plant(struct world *w, int dir, bool marks)
{
	char path[64], other[64], text[80];

	a_path(w, path);
	if (w->index && marks && pick(w, 5) == 0) {
		try(linkat(dir, path, dir, a_path(w, other), 0));
		return;
	}
	switch (pick(w, marks ? 17 : 8)) {
	case 0 ... 3:
		mkdirat(dir, path, 0700 | pick(w, 64));
		break;
	case 4 ... 5:
		write_some(w, dir, path, O_CREAT | O_EXCL);
		break;
	case 6:
		try(symlinkat(a_path(w, other), dir, path));
		break;
	case 7:
		mkfifoat(dir, path, 0600);
		break;
	case 8 ... 9:
		mknodat(dir, path, S_IFCHR, makedev(0, 0));
		break;
	case 10:
		mark(w, dir, path, "opaque", "y");
		break;
	case 11: /* an xattr whiteout, in a marked directory or not */
		if (!w->x_whiteouts)
			break;
		fd_close(&(int){openat(dir, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644)});
		mark(w, dir, path, "whiteout", "");
		break;
	case 12:
		mark(w, dir, path, "opaque", "x");
		break;
	case 13 ... 14:
		if (!w->by_hand)
			break;
		snprintf(text, sizeof(text), "/%s", a_path(w, other));
		if (mkdirat(dir, path, 0755) == 0)
			mark(w, dir, path, "redirect", pick(w, 2) ? text : a_name(w));
		break;
	case 15 ... 16:
		if (!w->metacopy)
			break;
		write_some(w, dir, path, O_CREAT | O_EXCL);
		snprintf(text, sizeof(text), "/%s", a_path(w, other));
		mark(w, dir, path, "metacopy", "");
		if (pick(w, 3))
			mark(w, dir, path, "redirect", pick(w, 3) ? text : a_name(w));
		break;
	}
}

/* One thing that a container does. Most fail for lack of what they name; that is fine. */
static void act(struct world *w, int dir)
{
	char a[64], b[64];
	FD int fd = -1;

	a_path(w, a);
	a_path(w, b);
	switch (pick(w, 16)) {
	case 0 ... 1:
		plant(w, dir, false);
		break;
	case 2:
		write_some(w, dir, a, O_APPEND);
		break;
	case 3:
		write_some(w, dir, a, O_TRUNC);
		break;
	case 4 ... 5:
		try(unlinkat(dir, a, 0));
		break;
	case 6:
		fd = openat(dir, a, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			room_empty(fd);
		try(unlinkat(dir, a, AT_REMOVEDIR));
		break;
	case 7 ... 10:
		try(renameat(dir, a, dir, b));
		break;
	case 11 ... 12:
		fd = openat(dir, a, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fchmod(fd, 0600 | pick(w, 64)))
			abort();
		break;
	case 13:
		try(linkat(dir, a, dir, b, 0));
		break;
	case 14:
		try(fchownat(dir, a, 3, 4, AT_SYMLINK_NOFOLLOW));
		break;
	case 15:
		mark(w, dir, a, pick(w, 2) ? "opaque" : "mine", "y"); /* the kernel escapes it */
		break;
	}
}

static int make_dir(struct world *w, const char *fmt, uint32_t i)
{
	char name[32];

	snprintf(name, sizeof(name), fmt, i);
	room_dir(w->room, name);
	return openat(w->room->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void add_layer(struct world *w, int fd, bool upper, bool data)
{
	w->layer[w->n] = (struct layer){
		.ops = &layer_disk_ops,
		.root_fd = fd,
		.marks = w->user ? MARKS_USER : MARKS_TRUSTED,
		.upper = upper,
		.data_only = data,
		.id = w->n,
	};
	w->n++;
}

static void draw(struct world *w, struct room *room, uint64_t seed)
{
	*w = (struct world){.room = room, .seed = seed, .rng = seed * 0x9e3779b97f4a7c15u + 1};
	w->user = pick(w, 5) == 0;
	w->redirect = !w->user && pick(w, 2);
	w->metacopy = w->redirect && pick(w, 2);
	w->index = !w->user && pick(w, 4) == 0;
	w->by_hand = !w->user && !w->index && pick(w, 2);
	w->is_volatile = pick(w, 6) == 0;
	w->x_whiteouts = pick(w, 3) == 0;
	w->has_upper = pick(w, 8) != 0;
	w->n_lower = pick(w, 25) == 0 ? 60 : 1 + pick(w, 4);
	w->n_data = w->metacopy && pick(w, 2) ? 1 + pick(w, 2) : 0;
	if (!w->has_upper && w->n_lower + w->n_data < 2)
		w->n_lower = 2;
}

static void fill_layers(struct world *w)
{
	uint32_t i, k;
	int fd;

	if (w->has_upper) {
		fd = make_dir(w, "upper", 0);
		for (k = w->by_hand ? 30 : 0; k; k--)
			plant(w, fd, true);
		add_layer(w, fd, true, false);
		fd = make_dir(w, "work", 0);
		fd_close(&fd);
	}
	for (i = 0; i < w->n_lower + w->n_data; i++) {
		bool data = i >= w->n_lower;

		fd = make_dir(w, data ? "d%u" : "l%u", i);
		for (k = w->n_lower > 10 ? 4 : 60; k; k--)
			plant(w, fd, !data);
		add_layer(w, fd, false, data);
	}
	fd = make_dir(w, "merged", 0);
	fd_close(&fd);
}

/* Paths relative to the room, as long lists are in life too. */
static bool mount_it(struct world *w)
{
	BUF struct buf o = {0};
	uint32_t i;
	int r;

	buf_add_text(&o, "lowerdir=");
	for (i = 0; i < w->n_lower + w->n_data; i++)
		buf_printf(&o, "%s%s%u",
			i < w->n_lower ? i ? ":" : "" : "::", i < w->n_lower ? "l" : "d", i);
	if (w->has_upper)
		buf_add_text(&o, ",upperdir=upper,workdir=work");
	buf_printf(&o, "%s%s%s%s%s", w->user ? ",userxattr" : "",
		w->redirect ? ",redirect_dir=on" : "",
		w->metacopy ? ",metacopy=on" : ",metacopy=off",
		w->index ? ",index=on" : ",index=off",
		w->is_volatile && w->has_upper ? ",volatile" : "");
	r = fchdir(w->room->fd);
	if (r == 0)
		r = mount("o", "merged", "overlay", 0, buf_text(&o));
	if (r)
		print_message("%s: errno %d\n", buf_text(&o), errno);
	w->merged = r ? -1 : open("merged", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->merged >= 0;
}

/* The kernel makes it at the first mount with index=on. */
static void open_index(struct world *w)
{
	struct layer *l = &w->layer[w->n];

	w->now = (struct view){.layer = w->layer, .n = w->n};
	if (!w->index || !w->has_upper)
		return;
	*l = (struct layer){.ops = &layer_disk_ops, .marks = w->layer[0].marks, .upper = true};
	l->root_fd = openat(w->room->fd, "work/index", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->root_fd < 0)
		FAIL(w, "no index: errno %d", errno);
	w->now.index = &w->names;
}

/* What overlayfs keeps for itself in its workdir. */
#define WORKDIR "work"
#define KERNELS_OWN "work"

static void umount_it(struct world *w)
{
	char mark[64];

	fd_close(&w->merged);
	if (umount2("merged", 0))
		umount2("merged", MNT_DETACH);
	snprintf(mark, sizeof(mark), "%s/%s/incompat", WORKDIR, KERNELS_OWN);
	room_remove_one(w->room->fd, mark); /* volatile refuses a second mount */
}

static bool same_bytes(int a, int b)
{
	BUF struct buf x = {0}, y = {0};

	return fd_read_all(a, 1 << 20, &x) == 0 && fd_read_all(b, 1 << 20, &y) == 0 &&
	       span_eq(buf_span(&x), buf_span(&y));
}

static int open_data(const struct view *v, const struct hit *h)
{
	FD int dir = -1;
	char name[256];
	const struct layer *l = &v->layer[h->data_layer];

	snprintf(name, sizeof(name), "%.*s", (int)h->data_name.n, (const char *)h->data_name.p);
	if (!h->data_name.n || beneath_open(l->root_fd, h->data_dir.rel, O_PATH, &dir))
		return -1;
	return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static void compare_dir(struct world *w, int kernel, const struct node *nd, const struct buf *path);

/* One name, by the kernel and by us. */
static void compare(
	struct world *w, int dir, const struct node *nd, struct span name, const struct buf *above)
{
	LOOK struct look k = {0};
	HIT struct hit h = {0}, whole = {0};
	BUF struct buf path = {0};
	FD int a = -1, b = -1, pin = -1;
	int rk = look_at(dir, name, MARKS_NONE, &k), rv = view_lookup(&w->now, nd, name, &h), r;

	buf_printf(&path, "%s/%.*s", buf_text(above), (int)name.n, (const char *)name.p);
	if (rk < 0) {
		w->refused++;
		/* Two redirects to one directory fight for its inode: who is second gets ESTALE.
		 * That depends on who came first, not on what is on disk. */
		if (rk == -ESTALE)
			return;
		if (rv >= 0 && !(h.metacopy && !h.data_name.n))
			FAIL(w, "%s: the kernel refuses it (%s), the view does not",
				buf_text(&path), strerror(-rk));
		return;
	}
	if (rv < 0)
		FAIL(w, "%s: the view fails: %s", buf_text(&path), err_why());
	if (h.found != (rk == 0))
		FAIL(w, "%s: kernel %d, view %d", buf_text(&path), rk == 0, h.found);
	r = view_resolve(&w->now, buf_span(&path), &whole);
	if (r || whole.found != h.found || record_diff(&whole.entry.rec, &h.entry.rec))
		FAIL(w, "%s: resolve says otherwise (%d)", buf_text(&path), r);
	if (!h.found)
		return;
	w->objects++;
	if (record_diff(&k.rec, &h.entry.rec))
		FAIL(w, "%s: aspects 0x%x differ", buf_text(&path),
			record_diff(&k.rec, &h.entry.rec));
	if (k.rec.type == FILE_REG) {
		r = beneath_open(dir, name, O_PATH | O_NOFOLLOW, &pin);
		a = r ? -1 : beneath_reopen_read(pin);
		b = open_data(&w->now, &h);
		if (a < 0 && !h.data_name.n) /* metacopy files without data open for nobody */
			w->refused++;
		else if (a < 0 || b < 0 || !same_bytes(a, b))
			FAIL(w, "%s: content differs (%d %d)", buf_text(&path), a, b);
	}
	if (k.rec.type == FILE_DIR) {
		r = beneath_open(dir, name, O_PATH | O_DIRECTORY, &a);
		assert_int_equal(r, 0);
		compare_dir(w, a, &h.node, &path);
	}
}

static void list_all(
	struct world *w, const struct view *v, const struct node *nd, struct names *out)
{
	size_t i;

	for (i = 0; i < nd->n; i++) {
		const struct layer *l = &v->layer[nd->ref[i].layer];

		if (l->ops->list(l, nd->ref[i].dir, out))
			FAIL(w, "list: %s", err_why());
	}
}

static void compare_dir(struct world *w, int kernel, const struct node *nd, const struct buf *path)
{
	NAMES struct names ns = {0};
	size_t i;

	/* One refused name can make the kernel's listing fail; names go by lookup all the same. */
	if (names_read(kernel, 10000, &ns))
		w->refused++;
	list_all(w, &w->now, nd, &ns);
	names_sort(&ns);
	for (i = 0; i < ns.n; i++)
		compare(w, kernel, nd, names_at(&ns, i), path);
}

static bool differs(struct world *w, const struct hit *a, const struct hit *b)
{
	FD int x = -1, y = -1;
	struct view lowers = {.layer = w->layer + w->has_upper, .n = w->n - w->has_upper};

	if (a->found != b->found)
		return true;
	if (!a->found || view_same_object(&w->now, a, &w->before, b))
		return false;
	if (record_diff(&a->entry.rec, &b->entry.rec))
		return true;
	if (a->entry.rec.type != FILE_REG)
		return false;
	x = open_data(&w->now, a);
	y = open_data(&lowers, b);
	return !same_bytes(x, y);
}

/* The paths where now and the baseline differ, by looking at all or only where it can be. */
static void drift(struct world *w, bool all, const struct node *now, const struct node *base,
	const char *above, struct buf *out)
{
	NAMES struct names ns = {0};
	size_t i;

	if (all) {
		list_all(w, &w->now, now, &ns);
		list_all(w, &w->before, base, &ns);
		names_sort(&ns);
	} else if (view_names(&w->now, now, &w->before, base, &ns)) {
		FAIL(w, "%s: names: %s", above, err_why());
	}
	for (i = 0; i < ns.n; i++) {
		HIT struct hit a = {0}, b = {0};
		BUF struct buf path = {0};
		struct span name = names_at(&ns, i);

		if (view_lookup(&w->now, now, name, &a) < 0 ||
			view_lookup(&w->before, base, name, &b) < 0)
			continue;
		buf_printf(&path, "%s/%.*s", above, (int)name.n, (const char *)name.p);
		if (differs(w, &a, &b)) {
			buf_printf(out, "%s\n", buf_text(&path));
			w->drift += !all;
		}
		drift(w, all, &a.node, &b.node, buf_text(&path), out);
	}
}

/* The baseline is the lowers alone, half of the time from memory. */
static void compare_baseline(struct world *w)
{
	HIT struct hit now = {0}, before = {0};
	BUF struct buf all = {0}, few = {0};
	bool stored = pick(w, 2);
	uint32_t i, n = w->n - w->has_upper;

	for (i = 0; i < n; i++) {
		w->base[i] = w->layer[i + w->has_upper];
		if (!stored)
			continue;
		mem_copy(&w->mem[i], &w->base[i]);
		w->base[i].ops = &mem_layer_ops;
		w->base[i].ctx = &w->mem[i];
	}
	w->before = (struct view){.layer = w->base, .n = n};
	assert_int_equal(view_root(&w->now, &now) | view_root(&w->before, &before), 0);
	drift(w, true, &now.node, &before.node, "", &all);
	drift(w, false, &now.node, &before.node, "", &few);
	if (!span_eq(buf_span(&all), buf_span(&few)))
		FAIL(w, "pruning lost drift:\nall:\n%s\nfew:\n%s", buf_text(&all), buf_text(&few));
	for (i = 0; i < n; i++)
		mem_layer_free(&w->mem[i]);
}

static void round_of(struct world *w)
{
	HIT struct hit root = {0};
	BUF struct buf path = {0};
	uint32_t i;

	fill_layers(w);
	if (!mount_it(w))
		FAIL(w, "mount");
	if (w->has_upper && !w->by_hand)
		for (i = 20 + pick(w, 60); i; i--)
			act(w, w->merged);
	if (pick(w, 2)) {
		umount_it(w);
		if (!mount_it(w))
			FAIL(w, "second mount");
	}
	open_index(w);
	assert_int_equal(view_root(&w->now, &root), 0);
	assert_true(root.found);
	compare_dir(w, w->merged, &root.node, &path);
	if (!w->now.index) /* other names of a copy are looked for by the index, not by names */
		compare_baseline(w);
	umount_it(w);
	if (w->now.index)
		fd_close(&w->layer[w->n].root_fd);
	view_index_free(&w->names);
	for (i = 0; i < w->n; i++)
		fd_close(&w->layer[i].root_fd);
}

static unsigned long env_number(const char *name, unsigned long otherwise)
{
	const char *v = getenv(name);

	return v ? strtoul(v, NULL, 10) : otherwise;
}

static void run_rounds(const char *where)
{
	static struct world w;
	unsigned long i, one = env_number("VIEW_SEED", 0), n = env_number("VIEW_ROUNDS", ROUNDS);
	unsigned objects = 0, refused = 0, drifted = 0;

	for (i = 1; i <= n; i++) {
		struct room room;

		setenv("TMPDIR", where, 1);
		room = room_open();
		draw(&w, &room, one ? one : i);
		round_of(&w);
		objects += w.objects;
		refused += w.refused;
		drifted += w.drift;
		assert_int_equal(chdir("/"), 0);
		room_close(&room);
		if (one)
			break;
	}
	print_message("%lu rounds, %u objects, %u refused by the kernel, %u drifted\n", n, objects,
		refused, drifted);
}

static void the_view_is_the_kernels(void **state)
{
	const char *tmp = getenv("TMPDIR");

	if (*state) {
		print_message("SKIP: no mount namespace of our own here\n");
		skip();
	}
	run_rounds(tmp ? tmp : "/tmp");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_view_is_the_kernels),
	};
	bool able =
		unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	void *unable = able ? NULL : (void *)tests;
	struct CMUnitTest with = tests[0];
	int failed;

	with.initial_state = unable;
	failed = cmocka_run_group_tests((struct CMUnitTest[]){with}, NULL, NULL);
	umount2("merged", MNT_DETACH); /* of a round that failed: it can be swept then */
	return failed;
}
