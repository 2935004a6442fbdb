/*
 * One look: mount tables first, then files. Order matters: what the kernel shows is read before
 * the files that explain it, so a container that appears between is a bare candidate now and whole
 * the next time, never a described one without its tree.
 */
#include "box/find.h"
#include "box/look.h"
#include "base/err.h"
#include "base/sha.h"
#include "base/text.h"
#include "box/proc.h"
#include <unistd.h>

static const char *const usual_docker[] = {"/var/lib/docker", NULL};
static const char *const usual_storage[] = {"/var/lib/containers/storage", NULL};
static const char *const usual_run[] = {"/run", NULL};

const struct adapter *const adapters[] = {&adapter_docker, &adapter_podman, &adapter_crio,
	&adapter_containerd, &adapter_lxc, &adapter_nspawn, &adapter_oci};
const size_t n_adapters = COUNTOF(adapters);

static void add_all(struct finder *f, struct paths *to, const char *const *v)
{
	for (; v && *v; v++) {
		struct span s = span_of(*v);

		while (s.n > 1 && s.p[s.n - 1] == '/')
			s.n--;
		paths_add(to, &f->mem, s);
	}
}

static const char *text_or(struct finder *f, const char *s, const char *otherwise)
{
	return s ? (const char *)arena_dup(&f->mem, span_of(s)).p : otherwise;
}

int finder_new(struct finder **ret, const struct finder_options *opt)
{
	struct finder *f = calloc(1, sizeof(*f));

	if (!f || files_new(&f->files) < 0) {
		free(f);
		return err_set(-ENOMEM, "no memory");
	}
	f->how = opt->how;
	f->own_ns = proc_mnt_ns(getpid());
	f->host_ns = proc_host_mnt_ns();
	add_all(f, &f->docker, usual_docker);
	add_all(f, &f->docker, opt->docker_roots);
	add_all(f, &f->storage, usual_storage);
	add_all(f, &f->storage, opt->storage_roots);
	add_all(f, &f->run, usual_run);
	add_all(f, &f->run, opt->run_roots);
	add_all(f, &f->ignore, opt->ignore);
	f->lxc_path = text_or(f, opt->lxc_path, "/var/lib/lxc");
	f->machines_path = text_or(f, opt->machines_path, "/var/lib/machines");
	*ret = f;
	return 0;
}

void finder_free(struct finder *f)
{
	if (!f)
		return;
	files_free(f->files);
	namespaces_free(&f->spaces);
	paths_free(&f->docker);
	paths_free(&f->storage);
	paths_free(&f->run);
	paths_free(&f->ignore);
	arena_free(&f->mem);
	arena_free(&f->watch_mem);
	free(f);
}

static void look_fini(struct look *l)
{
	ctx_fini(&l->ctx);
	mounts_free(&l->host);
}

/* Paths are named as we can open them, so ours is the table that everything is put in the words of, also
 * where we live in a container and see the host's trees by its mounts. pid 1's root is the host's then. */
static int read_host(struct look *l, struct mounts *init)
{
	int r = mounts_of_pid(0, l->f->how, &l->host);
	const struct mount *root;

	if (r < 0)
		return err_wrap(r, "our own mount table");
	l->sees_processes = proc_sees_all();
	root = mounts_root(&l->host);
	l->root = root ? *root : (struct mount){0};
	l->init_root = l->root;
	if (mounts_of_pid(1, l->f->how, init) == 0 && mounts_root(init))
		l->init_root = *mounts_root(init);
	l->f->contained =
		l->f->host_ns != l->f->own_ns && !mounts_same_tree(&l->root, &l->init_root);
	return 0;
}

static int read_namespaces(struct look *l)
{
	struct namespaces *all = &l->f->spaces;
	int r;

	namespaces_free(all);
	r = namespaces_read(l->f->how, all);
	if (r < 0)
		return err_wrap(r, "mount namespaces");
	for (size_t i = 0; i < all->n; i++) {
		MOUNTS struct mounts m = {0};

		r = mounts_of_ns(&all->v[i], all->how, &m);
		if (r == 0) {
			all->v[i].sign = mounts_signature(&m);
			all->v[i].sign_all = mounts_signature_all(&m);
			look_namespace(l, &all->v[i], &m);
			look_space_mounts(l, &all->v[i], &m);
		} else if (r != -ESRCH)
			ctx_note(&l->ctx, "mount namespace of process %d: %s", all->v[i].pid,
				err_why());
	}
	return 0;
}

/* An engine's state file knows the first process; the lowest pid in the namespace is a guess. */
static void tell_pid(struct look *l, struct box *b)
{
	const struct oci *o = b->t.mnt_ns ? oci_of(&l->ctx, b) : NULL;

	if (o && o->pid)
		b->t.pid = (uint32_t)o->pid;
}

static bool keep_box(struct look *l, struct box *b)
{
	bool candidate = !b->t.mnt_ns;

	tell_pid(l, b);
	for (size_t i = 0; i < n_adapters; i++) {
		int r = adapters[i]->describe(&l->ctx, l->list, b);

		if (r == ADAPTER_SKIP)
			return false;
		if (r != ADAPTER_NOT_MINE)
			return b->t.upper.n > 0;
	}
	box_own(b, NULL);
	if (!b->t.upper.n)
		ctx_note(&l->ctx, "process %u: nobody tells the directories of its root", b->t.pid);
	return !candidate && b->t.upper.n;
}

static void describe_all(struct look *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->list->n; i++) {
		struct box b = l->list->v[i];

		if (keep_box(l, &b))
			l->list->v[kept++] = b;
	}
	l->list->n = kept;
	for (size_t i = 0; i < n_adapters; i++)
		if (adapters[i]->enumerate)
			adapters[i]->enumerate(&l->ctx, l->list);
}

/* What no runtime names is named by its tree. */
static void name_rest(struct look *l, struct box *b)
{
	if (!b->t.id.n) {
		BUF struct buf hex = {0};
		uint8_t sum[SHA_LEN];

		sha_once(b->t.upper, sum);
		text_hex(&hex, span_make(sum, sizeof(sum)));
		b->t.id = arena_dup(&l->list->mem, buf_span(&hex));
	}
	if (!b->t.name.n)
		b->t.name = span_make(b->t.id.p, b->t.id.n < 12 ? b->t.id.n : 12);
	if (!b->t.runtime.n)
		b->t.runtime = span_of("unknown");
}

static void keep_watch(struct look *l)
{
	struct finder *f = l->f;

	arena_free(&f->watch_mem);
	f->watch = arena_alloc(&f->watch_mem, (l->ctx.watch.n + 1) * sizeof(*f->watch));
	for (size_t i = 0; i < l->ctx.watch.n; i++)
		f->watch[i] = (const char *)arena_dup(&f->watch_mem, l->ctx.watch.v[i]).p;
}

int finder_look(struct finder *f, struct box_list *ret, struct buf *notes)
{
	CLEANUP(look_fini) struct look l = {.f = f, .list = ret};
	MOUNTS struct mounts init = {0};
	int r;

	l.ctx.files = f->files;
	l.ctx.notes = notes;
	l.ctx.lxc_path = f->lxc_path;
	l.ctx.machines_path = f->machines_path;
	r = read_host(&l, &init);
	if (r == 0)
		r = read_namespaces(&l);
	if (r < 0)
		return r;
	look_host_mounts(&l);
	look_roots(&l);
	ctx_load(&l.ctx);
	describe_all(&l);
	for (size_t i = 0; i < ret->n; i++)
		name_rest(&l, &ret->v[i]);
	keep_watch(&l);
	files_sweep(f->files);
	return 0;
}

void finder_data_roots(const struct finder *f, struct buf *ret)
{
	for (size_t i = 0; i < f->docker.n; i++)
		buf_bytes(ret, f->docker.v[i]);
	for (size_t i = 0; i < f->storage.n; i++)
		buf_bytes(ret, f->storage.v[i]);
}

bool finder_is_contained(const struct finder *f)
{
	return f->contained;
}

const struct mnt_ns *finder_spaces(struct finder *f, size_t *ret_n)
{
	*ret_n = f->spaces.n;
	return f->spaces.v;
}

const char *const *finder_watch_paths(struct finder *f)
{
	static const char *const none[] = {NULL};

	return f->watch ? f->watch : none;
}
