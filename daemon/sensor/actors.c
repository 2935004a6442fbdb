#include "daemon/sensor/actors.h"
#include "base/clock.h"
#include "box/proc.h"
#include <uthash.h>

enum { ACTORS_KEPT = 4096 };
/* For so long a pid is believed to be who it was; after that its start time is read again. */
#define BELIEVED (50 * CLOCK_MS)
#define REUSE_TAKES (2 * CLOCK_S)

struct known {
	UT_hash_handle hh;
	int pid;
	uint64_t start;
	int64_t checked;
	struct buf bytes;
};
struct actors {
	struct known *table; /* oldest first: uthash keeps the order of adding */
	struct buf gone;
};

int actors_new(struct actors **ret)
{
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
	return 0;
}

static void known_free(struct actors *a, struct known *k)
{
	HASH_DEL(a->table, k);
	buf_free(&k->bytes);
	free(k);
}

void actors_free(struct actors *a)
{
	if (!a)
		return;
	while (a->table)
		known_free(a, a->table);
	buf_free(&a->gone);
	free(a);
}

static struct span not_known(struct actors *a, int pid, const char *why)
{
	struct actor who = {.pid = (uint32_t)pid, .origin = ORIGIN_UNKNOWN, .reason = span_of(why)};

	buf_reset(&a->gone);
	actor_encode(&who, &a->gone);
	return buf_span(&a->gone);
}

static void place(struct actor *who, int pid, const struct whose_row *rows, size_t n)
{
	size_t at;
	int r = whose_pid(pid, rows, n, &at);

	if (r == 0) {
		who->container = rows[at].id;
		who->reason = span_of("origin is not told apart yet");
	} else if (r == WHOSE_HOST) {
		who->origin = ORIGIN_HOST;
	} else {
		who->reason = span_of("it ended before its container was read");
	}
}

static struct span read_anew(struct actors *a, int pid, const struct whose_row *rows, size_t n)
{
	ARENA struct arena mem = {0};
	struct actor who = {0};
	struct known *k;

	if (proc_actor(pid, &mem, &who) < 0)
		return not_known(a, pid, "the process ended before it could be read");
	place(&who, pid, rows, n);
	if (HASH_COUNT(a->table) >= ACTORS_KEPT)
		known_free(a, a->table);
	k = calloc(1, sizeof(*k));
	must(k);
	k->pid = pid;
	k->start = who.start;
	k->checked = clock_mono();
	actor_encode(&who, &k->bytes);
	HASH_ADD_INT(a->table, pid, k);
	return buf_span(&k->bytes);
}

/* The same process may be another program by now: exec changes neither its pid nor its start. One that
 * has ended but for its parent's word no longer tells what it was; then what was known stays. */
static struct span read_again(struct known *k, const struct whose_row *rows, size_t n)
{
	ARENA struct arena mem = {0};
	struct actor who = {0};

	k->checked = clock_mono();
	if (proc_actor(k->pid, &mem, &who) == 0 && who.start == k->start && who.exe.n) {
		place(&who, k->pid, rows, n);
		buf_reset(&k->bytes);
		actor_encode(&who, &k->bytes);
	}
	return buf_span(&k->bytes);
}

struct span actors_of(struct actors *a, int pid, const struct whose_row *rows, size_t n_rows)
{
	struct known *k = NULL;
	uint64_t start;

	if (pid <= 0)
		return not_known(a, 0, "the watch level does not tell the process");
	HASH_FIND_INT(a->table, &pid, k);
	if (k && clock_mono() - k->checked < BELIEVED)
		return buf_span(&k->bytes);
	if (k) {
		start = proc_start(pid);
		if (start == k->start)
			return read_again(k, rows, n_rows);
		/* Gone since we last saw it alive, a moment ago: pids do not come round that fast. */
		if (!start && clock_mono() - k->checked < REUSE_TAKES)
			return buf_span(&k->bytes);
		known_free(a, k);
	}
	return read_anew(a, pid, rows, n_rows);
}
