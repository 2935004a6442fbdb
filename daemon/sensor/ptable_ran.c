/*
 * Programs that were run in containers, for the ledger to hold against the drift: one note for each path and
 * mount namespace, the latest, until somebody fetches it. So a storm of execs of one program costs a look
 * into a small table each, and one item a round.
 */
#include "daemon/sensor/ptable_own.h"

enum { RAN_MAX = 4096 };
/* So long a container may be new: its first program runs before it is known which it is. */
#define NEW_FOR (5 * CLOCK_S)

struct ran {
	UT_hash_handle hh;
	int pid;
	int64_t born, when;
	size_t n;
	char key[]; /* the namespace, then the path */
};
enum { HEAD = sizeof(uint64_t) };

void ran_add(struct ptable *t, const struct proc *p, int64_t when)
{
	struct span exe = image_exe(p->me->img);
	char key[HEAD + PATH_MAX];
	struct ran *r = NULL;

	if (!p->in || !exe.n || exe.p[0] != '/' || exe.n > PATH_MAX)
		return;
	memcpy(key, &p->in->mnt_ns, HEAD);
	memcpy(key + HEAD, exe.p, exe.n);
	HASH_FIND(hh, t->ran, key, HEAD + exe.n, r);
	if (!r) {
		if (HASH_COUNT(t->ran) >= RAN_MAX)
			return;
		r = calloc(1, sizeof(*r) + HEAD + exe.n);
		must(r);
		r->n = exe.n;
		memcpy(r->key, key, HEAD + exe.n);
		HASH_ADD(hh, t->ran, key, HEAD + exe.n, r);
	}
	r->pid = p->pid;
	r->born = p->born;
	r->when = when;
}

static void drop(struct ptable *t, struct ran *r)
{
	HASH_DEL(t->ran, r);
	free(r);
}

void ran_free(struct ptable *t)
{
	while (t->ran)
		drop(t, t->ran);
}

bool ptable_has_ran(const struct ptable *t)
{
	return t->ran;
}

void ran_note_free(struct ran_note *n)
{
	buf_free(&n->path);
	buf_free(&n->actor);
	*n = (struct ran_note){.when = 0};
}

/* Whoever ran it may run another program by now; it is told as the one that it was. */
static void add_actor(struct ptable *t, const struct ran *r, int64_t now, struct buf *out)
{
	ARENA struct arena mem = {0};
	struct actor a;
	uint64_t stamp = 0;
	struct span path = span_make(r->key + HEAD, r->n);

	ptable_who(t, r->pid, r->when, now, &stamp, &mem, &a);
	if (!span_eq(a.exe, path)) {
		a.exe = path;
		a.cmdline = a.comm = (struct span){0};
		a.reason = span_of("it has run another program since");
	}
	actor_encode(&a, out);
}

bool ptable_ran(struct ptable *t, int64_t now, struct ran_note *ret)
{
	struct ran *r, *next;

	ran_note_free(ret);
	HASH_ITER(hh, t->ran, r, next) {
		struct proc *p = ptable_find(t, r->pid);
		bool known = p && p->born == r->born && p->in;

		if (known && !p->in->box[0] && now - r->when < NEW_FOR)
			continue;
		if (known && p->in->box[0]) {
			memcpy(ret->box, p->in->box, sizeof(ret->box));
			ret->when = r->when + t->o.wall;
			buf_add(&ret->path, r->key + HEAD, r->n);
			add_actor(t, r, now, &ret->actor);
		}
		drop(t, r);
		if (ret->path.n)
			return true;
	}
	return false;
}
