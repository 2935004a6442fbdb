/*
 * Exec sessions as the journal tells them: one entry when somebody came in, one when the last of
 * them has ended, with the paths that they changed.
 *
 * What a session changed is gathered in memory, bounded, while it lasts: after a restart of the
 * sensor a session that goes on is told as opened again, under the same id. A batch that is tried
 * again adds the same paths once more, so they are kept as a set.
 */
#include "base/err.h"
#include "daemon/sensor/ledger_impl.h"
#include <uthash.h>

enum { SESSIONS_MAX = 1024, LISTED_MAX = 64, LISTED_BYTES = 16 << 10, COUNTED_MAX = 16384 };

struct counted {
	UT_hash_handle hh;
	uint64_t path; /* a digest */
};
struct session_kept {
	UT_hash_handle hh;
	char id[40];
	uint32_t no;
	bool over;
	struct buf list; /* buf_bytes() of the first paths */
	size_t n_listed;
	struct counted *all;
};

static void forget(struct ledger *l, struct session_kept *s)
{
	struct counted *c, *next;

	HASH_DEL(l->sessions, s);
	HASH_ITER(hh, s->all, c, next) {
		HASH_DEL(s->all, c);
		free(c);
	}
	buf_free(&s->list);
	free(s);
}

void ledger_sessions_free(struct ledger *l)
{
	while (l->sessions)
		forget(l, l->sessions);
}

/* The oldest that is over, else the oldest. */
static void make_room(struct ledger *l)
{
	struct session_kept *s;

	if (HASH_COUNT(l->sessions) < SESSIONS_MAX)
		return;
	for (s = l->sessions; s && !s->over; s = s->hh.next)
		;
	forget(l, s ? s : l->sessions);
}

static struct session_kept *session_of(struct ledger *l, struct span id, uint32_t no)
{
	struct session_kept *s = NULL;
	char key[sizeof(s->id)] = {0};

	if (!id.n || id.n >= sizeof(key))
		return NULL;
	memcpy(key, id.p, id.n);
	HASH_FIND_STR(l->sessions, key, s);
	if (s)
		return s;
	make_room(l);
	s = calloc(1, sizeof(*s));
	must(s);
	memcpy(s->id, key, sizeof(key));
	s->no = no;
	HASH_ADD_STR(l->sessions, id, s);
	return s;
}

static uint64_t digest_of(uint32_t no, struct span path)
{
	uint8_t sha[SHA_LEN];
	BUF struct buf b = {0};
	uint64_t v;

	buf_be32(&b, no);
	buf_add_span(&b, path);
	sha_once(buf_span(&b), sha);
	memcpy(&v, sha, sizeof(v));
	return v;
}

void ledger_session_path(struct ledger *l, uint32_t no, struct span actor, struct span path)
{
	struct actor a;
	struct session_kept *s;
	struct counted *c = NULL;
	uint64_t key;

	if (actor_decode(actor, &a) < 0 || !(s = session_of(l, a.session, no)))
		return;
	key = digest_of(no, path);
	HASH_FIND(hh, s->all, &key, sizeof(key), c);
	if (c || HASH_COUNT(s->all) >= COUNTED_MAX)
		return;
	c = calloc(1, sizeof(*c));
	must(c);
	c->path = key;
	HASH_ADD(hh, s->all, path, sizeof(c->path), c);
	if (s->n_listed < LISTED_MAX && s->list.n + path.n < LISTED_BYTES) {
		buf_bytes(&s->list, path);
		s->n_listed++;
	}
}

static int tell(struct ledger *l, const struct item_session *it, struct session_kept *s)
{
	const struct session_note *n = &it->note;
	struct span paths[LISTED_MAX];
	struct actor leader;
	struct session told = {.id = span_of(n->id),
		.opened = n->opened,
		.closed = n->quiet ? 0 : n->closed,
		.leader = &leader,
		.n_paths = HASH_COUNT(s->all),
		.paths = paths};
	struct event e = {.type = EVENT_EXEC_SESSION, .session = &told};
	struct rd at = rd_of(buf_span(&s->list));
	struct target t;
	BUF struct buf who = {0};
	int r = ledger_who(l, buf_span(&n->leader), &who);

	if (r == 0)
		r = actor_decode(buf_span(&who), &leader);
	if (r == 0)
		r = ledger_target_of(l, atomic_load(&it->kept->no), &t);
	if (r < 0)
		return r;
	e.target = r == 0 ? &t : NULL;
	while (n->closed && told.n_listed < LISTED_MAX && !rd_end(&at))
		paths[told.n_listed++] = rd_bytes(&at);
	if (!n->closed)
		told.n_paths = 0;
	e.severity = leader.tty.n ? SEV_LOW : SEV_INFO; /* a person at a terminal, or a script */
	e.reason = span_of(!n->closed ? "opened"
			   : n->quiet ? "its leader has ended, others of it go on quietly"
				      : "closed");
	return ledger_journal(l, &e, NULL);
}

int ledger_session(struct ledger *l, struct item *i)
{
	struct item_session *it = container_of(i, struct item_session, item);
	struct session_kept *s;
	int r;

	if (!atomic_load(&it->kept->no))
		return 0;
	s = session_of(l, span_of(it->note.id), atomic_load(&it->kept->no));
	if (!s)
		return 0;
	r = tell(l, it, s);
	s->over = r == 0 && it->note.closed && !it->note.quiet;
	return r;
}
