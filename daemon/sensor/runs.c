/*
 * A run is a manager process: its pid and start time, in a target. It is over when the process is gone
 * and what it did has had time to be looked at, when it has been quiet for long, or at the latest after
 * a quarter of an hour, so that a manager that stays (a shell of one) does not hide what comes later.
 */
#include "daemon/sensor/runs.h"
#include "base/clock.h"

#define SETTLE                                                                                     \
	(2 * CLOCK_S) /* a change is seen this long after it, at most, where nothing is wrong */
#define QUIET (30 * CLOCK_S)
#define LONGEST (15 * 60 * CLOCK_S)
#define ANSWER (60 * CLOCK_S) /* for what its packages say of it */
enum { CMDLINE_MOST = 4096, KINDS = 3 };
/* So much of paths is remembered of a run; of what is beyond every change counts. */
enum { PATHS_MOST = 8 << 20 };

/* What an aborted batch takes back. */
struct tally {
	uint64_t beyond[KINDS]; /* A C D, of what found no room */
	size_t bytes;
	int64_t last, last_wall;
	enum severity worst;
	size_t worst_at, worst_n; /* its path, in `worst` */
};
struct run {
	uint64_t id;
	uint32_t target, pid;
	uint64_t start;
	const char *manager;
	struct buf cmdline, session;
	struct buf paths; /* of buf_bytes(), in order, and again for each change */
	struct buf worst; /* paths that were the worst so far */
	int64_t first, first_wall;
	struct tally now, saved;
	bool fresh, over, cut;
	bool was_cut;
	int64_t asked; /* monotonic ns; 0: not yet. No batch takes that back */
};
struct runs {
	struct run *run[RUNS_OPEN];
	size_t n;
	int64_t looked;
	uint64_t last_id, last_saved;
};

/* ---- who is a manager ---- */

static const char *const programs[] = {"apk", "apt", "apt-get", "aptitude", "dnf5", "dpkg",
	"microdnf", "opkg", "pacman", "rpm", "tdnf", "unattended-upgrade", "zypper"};
static const char *const scripts[] = {
	"dnf", "dnf-3", "npm", "pip", "pip3", "unattended-upgrade", "yum"};
static const char *const interpreters[] = {"python", "node"};
static const char *const folders[] = {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/lib/apk/",
	"/usr/libexec/", "/usr/local/bin/"};

/* The name of a file right in one of the folders where distributions keep programs; else empty. */
static struct span name_in_folders(struct span path)
{
	for (size_t i = 0; i < COUNTOF(folders); i++) {
		size_t n = strlen(folders[i]);

		if (span_starts(path, span_of(folders[i])) && !memchr(path.p + n, '/', path.n - n))
			return span_make(path.p + n, path.n - n);
	}
	return (struct span){.p = NULL};
}

static const char *listed(const char *const *list, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, list[i]))
			return list[i];
	return NULL;
}

/* The second argument, where the first is an interpreter: a script's path. */
static struct span script_of(const struct run_process *p)
{
	struct span name = name_in_folders(p->exe), rest = {.p = NULL};
	const uint8_t *end;
	bool known = false;

	for (size_t i = 0; i < COUNTOF(interpreters); i++)
		known |= span_starts(name, span_of(interpreters[i]));
	end = known && p->cmdline.n ? memchr(p->cmdline.p, 0, p->cmdline.n) : NULL;
	if (!end)
		return rest;
	rest = span_make(end + 1, p->cmdline.n - (size_t)(end + 1 - p->cmdline.p));
	end = rest.n ? memchr(rest.p, 0, rest.n) : NULL;
	return end ? span_make(rest.p, (size_t)(end - rest.p)) : rest;
}

static const char *manager_of(const struct run_process *p, struct span *ret_program)
{
	const char *name = listed(programs, COUNTOF(programs), name_in_folders(p->exe));
	struct span script;

	*ret_program = p->exe;
	if (name)
		return name;
	script = script_of(p);
	*ret_program = script;
	return listed(scripts, COUNTOF(scripts), name_in_folders(script));
}

int runs_manager(
	const struct run_process *chain, size_t n, const char **ret_name, struct span *ret_program)
{
	while (n--)
		if ((*ret_name = manager_of(&chain[n], ret_program)))
			return (int)n;
	return -1;
}

/* ---- the runs ---- */

int runs_new(struct runs **ret)
{
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
	return 0;
}

static void run_free(struct run *r)
{
	buf_free(&r->cmdline);
	buf_free(&r->session);
	buf_free(&r->paths);
	buf_free(&r->worst);
	free(r);
}

static void drop(struct runs *rs, size_t i)
{
	run_free(rs->run[i]);
	rs->run[i] = rs->run[--rs->n];
}

void runs_free(struct runs *rs)
{
	while (rs && rs->n)
		drop(rs, rs->n - 1);
	free(rs);
}

static struct run *find(const struct runs *rs, const struct run_change *c)
{
	for (size_t i = 0; i < rs->n; i++) {
		struct run *r = rs->run[i];

		if (r->target == c->target && r->pid == c->process->pid &&
			r->start == c->process->start && !r->over && !r->asked)
			return r;
	}
	return NULL;
}

static struct run *open_run(struct runs *rs, const struct run_change *c)
{
	struct run *r = rs->n < RUNS_OPEN ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	rs->last_id = c->seq > rs->last_id ? c->seq : rs->last_id + 1;
	*r = (struct run){.id = rs->last_id,
		.target = c->target,
		.pid = c->process->pid,
		.start = c->process->start,
		.manager = c->manager,
		.first = c->now,
		.first_wall = c->wall,
		.fresh = true};
	buf_add_span(&r->session, c->session);
	rs->run[rs->n++] = r;
	return r;
}

static void add_cmdline(struct run *r, struct span cmdline)
{
	if (!r->cmdline.n)
		buf_add(&r->cmdline, cmdline.p,
			cmdline.n < CMDLINE_MOST ? cmdline.n : CMDLINE_MOST);
}

uint64_t runs_add(struct runs *rs, const struct run_change *c)
{
	struct run *r = find(rs, c);

	if (!r)
		r = open_run(rs, c);
	if (!r)
		return 0;
	add_cmdline(r, c->process->cmdline);
	r->now.last = c->now;
	r->now.last_wall = c->wall;
	if (!r->now.worst_n || c->severity > r->now.worst) {
		r->now.worst = c->severity;
		r->now.worst_at = r->worst.n;
		r->now.worst_n = c->path.n;
		buf_add_span(&r->worst, c->path);
	}
	if (r->paths.n < PATHS_MOST) {
		buf_bytes(&r->paths, c->path);
		r->now.bytes = r->paths.n;
	} else {
		r->now.beyond[c->kind == 'A' ? 0 : c->kind == 'C' ? 1 : 2]++;
	}
	return r->id;
}

void runs_commit(struct runs *rs)
{
	rs->last_saved = rs->last_id;
	for (size_t i = rs->n; i-- > 0;) {
		struct run *r = rs->run[i];

		r->saved = r->now;
		r->fresh = false;
		if (r->over)
			drop(rs, i);
	}
}

void runs_abort(struct runs *rs)
{
	rs->last_id = rs->last_saved;
	for (size_t i = rs->n; i-- > 0;) {
		struct run *r = rs->run[i];

		r->now = r->saved;
		r->paths.n = r->now.bytes;
		r->over = r->cut = false;
		if (r->fresh)
			drop(rs, i);
	}
}

const struct run *runs_over(struct runs *rs, int64_t now, bool all, runs_alive *alive, void *ctx)
{
	rs->looked = now;
	for (size_t i = 0; i < rs->n; i++) {
		struct run *r = rs->run[i];
		int64_t quiet = now - r->now.last;
		bool gone;

		if (r->over || (!all && r->asked && now - r->asked < ANSWER))
			continue;
		if (!all && quiet < SETTLE && now - r->first < LONGEST)
			continue;
		gone = !alive(ctx, r->pid, r->start);
		if (!all && !gone && !r->asked && quiet < QUIET && now - r->first < LONGEST)
			continue;
		r->over = true;
		r->cut = r->asked ? r->was_cut : !gone;
		return r;
	}
	return NULL;
}

static struct run *same_run(struct runs *rs, uint32_t target, uint64_t id)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->run[i]->target == target && rs->run[i]->id == id)
			return rs->run[i];
	return NULL;
}

bool runs_ask(struct runs *rs, const struct run *run, int64_t now)
{
	struct run *r = same_run(rs, run->target, run->id);

	if (!r || r->asked)
		return false;
	r->asked = now;
	r->was_cut = r->cut;
	r->over = false;
	return true;
}

const struct run *runs_answered(struct runs *rs, uint32_t target, uint64_t id)
{
	struct run *r = same_run(rs, target, id);

	if (!r || r->over || !r->asked)
		return NULL;
	r->over = true;
	r->cut = r->was_cut;
	return r;
}

int64_t runs_next(const struct runs *rs)
{
	return rs->n ? rs->looked + CLOCK_S : INT64_MAX;
}

enum severity run_worst(const struct run *r)
{
	return r->now.worst;
}

uint64_t run_id(const struct run *r)
{
	return r->id;
}

struct span run_paths(const struct run *r)
{
	return span_make(r->paths.p, r->now.bytes);
}

uint32_t run_target(const struct run *r)
{
	return r->target;
}

static void show_list(struct json *j, const char *key, struct span list, bool by_nul)
{
	struct rd at = rd_of(list);

	json_key(j, key);
	json_open(j, '[');
	while (!by_nul && !rd_end(&at))
		json_str(j, rd_bytes(&at));
	while (by_nul && list.n) {
		const uint8_t *end = memchr(list.p, 0, list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;

		json_str(j, span_make(list.p, n));
		n += end != NULL;
		list = span_make(list.p + n, list.n - n);
	}
	json_close(j, ']');
}

struct mention {
	struct span path;
	size_t at; /* which of them it is */
};

static int by_path(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;
	int c = span_cmp(x->path, y->path);

	return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
	const struct mention *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Each path once, where it was first named. */
static struct mention *mentions(const struct run *r, size_t *ret_n)
{
	struct rd at = rd_of(buf_span(&r->paths));
	struct mention *v;
	size_t n = 0, kept = 0;

	for (struct rd count = at; !rd_end(&count); n++)
		rd_bytes(&count);
	v = calloc(n + 1, sizeof(*v));
	must(v);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct mention){rd_bytes(&at), i};
	qsort(v, n, sizeof(*v), by_path);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !span_eq(v[i].path, v[i - 1].path))
			v[kept++] = v[i];
	qsort(v, kept, sizeof(*v), by_place);
	*ret_n = kept;
	return v;
}

int run_sum(const struct run *r, run_state *state, void *ctx, struct run_sum *ret)
{
	size_t n, listed = 0;
	FREE struct mention *v = mentions(r, &n);
	int kind = 0;

	*ret = (struct run_sum){.n = {0}};
	memcpy(ret->n, r->now.beyond, sizeof(ret->n));
	for (size_t i = 0; i < n && (kind = state(ctx, v[i].path)) >= 0; i++) {
		if (!kind)
			continue;
		ret->n[kind == 'A' ? 0 : kind == 'C' ? 1 : 2]++;
		if (listed++ < RUN_PATHS)
			buf_bytes(&ret->paths, v[i].path);
	}
	return kind < 0 ? kind : buf_err(&ret->paths);
}

void run_sum_free(struct run_sum *s)
{
	buf_free(&s->paths);
}

static void show_brought(struct json *j, const struct run_brought *b)
{
	if (!b)
		return;
	json_key(j, "packages");
	json_open(j, '{');
	json_m_uint(j, "edited", b->edited);
	if (b->words.n)
		json_m_str(j, "note", b->words);
	json_m_uint(j, "odd", b->odd);
	json_m_uint(j, "other", b->other);
	json_m_uint(j, "same", b->same);
	json_key(j, "seqs");
	json_open(j, '[');
	for (size_t i = 0; i < b->n_seqs; i++)
		json_uint(j, b->seqs[i]);
	json_close(j, ']');
	json_close(j, '}');
}

void run_show(struct json *j, const struct run *r, const struct run_sum *s)
{
	static const char *const kinds[KINDS] = {"A", "C", "D"};

	json_open(j, '{');
	if (r->cmdline.n)
		show_list(j, "cmdline", buf_span(&r->cmdline), true);
	json_key(j, "counts");
	json_open(j, '{');
	for (size_t i = 0; i < KINDS; i++)
		json_m_uint(j, kinds[i], s->n[i]);
	json_close(j, '}');
	json_m_bool(j, "ended", !r->cut);
	json_m_time(j, "first", r->first_wall);
	json_m_uint(j, "id", r->id);
	json_m_time(j, "last", r->now.last_wall);
	json_m_text(j, "manager", r->manager);
	json_m_uint(j, "n_paths", s->n[0] + s->n[1] + s->n[2]);
	show_brought(j, s->brought);
	show_list(j, "paths", buf_span(&s->paths), false);
	json_m_uint(j, "pid", r->pid);
	if (r->session.n)
		json_m_str(j, "session", buf_span(&r->session));
	json_m_uint(j, "start", r->start);
	json_key(j, "worst");
	json_open(j, '{');
	json_m_path(j, "path", span_make(r->worst.p + r->now.worst_at, r->now.worst_n));
	json_m_text(j, "severity", severity_kinds[r->now.worst].name);
	json_close(j, '}');
	json_close(j, '}');
}
