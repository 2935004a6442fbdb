/* sinks_rig.h - a journal, and a kind of sink that does as the test says; for sinks.c alone. */
#pragma once

#include "rig.h"
#include "daemon/gateway/sink_impl.h"
#include "daemon/log.h"
#include <sys/stat.h>

enum { MOST = 65536 };

struct place {
	char dir[64], sinks[80];
	struct store *store;
	uint64_t seq;
	uint8_t last_id[SHA_LEN];
	struct sinks *all;
};

/* ---- the kind ---- */

static struct {
	atomic_uint n;
	uint64_t got[MOST];   /* as it came, repeated ones too */
	atomic_int trouble;   /* of a hundred exchanges so many fail in some way */
	atomic_ullong refuse; /* this seq for ever, and those up to refuse_to */
	atomic_ullong refuse_to;
	atomic_bool broken; /* the connection, from settle() */
	atomic_uint largest;
	uint64_t seed;
} fake;

static uint64_t dice(void)
{
	fake.seed = fake.seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return fake.seed >> 33;
}

struct sink_link {
	int dummy;
};

static int fake_open(struct sink_link **ret, const struct sink_env *env UNUSED)
{
	if ((int)(dice() % 100) < atomic_load(&fake.trouble))
		return err_set(-ECONNREFUSED, "nobody listens");
	*ret = calloc(1, sizeof(**ret));
	must(*ret);
	return 0;
}

static int fake_send(
	struct sink_link *l UNUSED, const struct sink_event *v, size_t n, struct sink_result *ret)
{
	bool trouble = (int)(dice() % 100) < atomic_load(&fake.trouble);
	size_t upto = trouble ? dice() % n : n;

	if (n > atomic_load(&fake.largest))
		atomic_store(&fake.largest, (unsigned)n);
	if (trouble && dice() % 4 == 0 && n > 1)
		return SINK_TOO_MANY;
	for (size_t i = 0; i < upto; i++) {
		unsigned k = atomic_load(&fake.n);

		if (v[i].seq == atomic_load(&fake.refuse) ||
			(v[i].seq > atomic_load(&fake.refuse) &&
				v[i].seq <= atomic_load(&fake.refuse_to))) {
			ret->done = i;
			snprintf(ret->reply, sizeof(ret->reply), "never");
			return SINK_REFUSED;
		}
		must(k < MOST);
		fake.got[k] = v[i].seq;
		atomic_store(&fake.n, k + 1);
	}
	ret->done = dice() % 2 ? upto : 0; /* it may have more than it says */
	if (!trouble)
		return 0;
	if (dice() % 2) {
		ret->retry_after = CLOCK_MS;
		return SINK_AGAIN;
	}
	return err_set(-ECONNRESET, "it hung up");
}

static void fake_close(struct sink_link *l)
{
	free(l);
}

static int fake_settle(struct sink_link *l UNUSED)
{
	if (atomic_exchange(&fake.broken, false))
		return err_set(-ECONNRESET, "it hung up meanwhile");
	return 0;
}

static const struct sink_kind acking = {.name = "acking",
				      .batch = 16,
				      .batch_bytes = 1 << 20,
				      .open = fake_open,
				      .send = fake_send,
				      .close = fake_close},
			      silent = {.name = "silent",
				      .batch = 16,
				      .batch_bytes = 1 << 20,
				      .open = fake_open,
				      .send = fake_send,
				      .close = fake_close,
				      .window = 50 * CLOCK_MS,
				      .settle = fake_settle};

static const struct sink_kind *pick(const struct config_sink *c)
{
	if (c->type == CONFIG_SINK_HTTPS)
		err_set(-ENOTSUP, "no such kind");
	return c->type == CONFIG_SINK_SYSLOG  ? &silent
	       : c->type == CONFIG_SINK_HTTPS ? NULL
					      : &acking;
}

/* ---- the journal ---- */

static void append_of(struct place *p, unsigned n, const struct gap *gap)
{
	struct txn *t;

	assert_int_equal(txn_begin(p->store, true, &t), 0);
	while (n--) {
		BUF struct buf text = {.p = NULL};
		struct event e = {.seq = ++p->seq,
			.time = clock_wall(),
			.type = gap || p->seq % 10 == 0 ? EVENT_GAP_OPENED : EVENT_TARGET_FOUND,
			.severity = p->seq % 2 ? SEV_HIGH : SEV_INFO,
			.gap = gap,
			.host = span_of("h")};
		struct journal_entry j = {
			.seq = e.seq, .time = e.time, .type = e.type, .severity = e.severity};

		assert_int_equal(event_format(&e, p->last_id, &text, j.id), 0);
		memcpy(p->last_id, j.id, SHA_LEN);
		j.json = buf_span(&text);
		assert_int_equal(journal_append(t, &j), 0);
	}
	assert_int_equal(txn_commit(t), 0);
	sinks_tick(p->all);
}

static void append(struct place *p, unsigned n)
{
	append_of(p, n, NULL);
}

static void trim(struct place *p, uint64_t below)
{
	struct txn *t;
	bool more;

	assert_int_equal(txn_begin(p->store, true, &t), 0);
	assert_int_equal(journal_trim(t, below, 100000, &more), 0);
	assert_int_equal(txn_commit(t), 0);
}

static void make_store(struct place *p)
{
	assert_int_equal(store_open(&p->store, p->dir, STORE_WRITE,
				 &(struct store_options){.dir_gid = -1, .no_sync = true}),
		0);
	p->seq = 0;
	memset(p->last_id, 0, SHA_LEN);
}

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	must(p);
	log_init("", LOG_LEVEL_ERR);
	strcpy(p->dir, "/tmp/sinks-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->sinks, sizeof(p->sinks), "%s/sinks", p->dir);
	make_store(p);
	fake.seed = 7;
	atomic_store(&fake.n, 0);
	atomic_store(&fake.trouble, 0);
	atomic_store(&fake.refuse, 0);
	atomic_store(&fake.refuse_to, 0);
	atomic_store(&fake.largest, 0);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char cmd[128];

	sinks_free(p->all);
	store_close(p->store);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", p->dir);
	assert_int_equal(system(cmd), 0);
	free(p);
	return 0;
}

static struct config_sink config_of(const char *name, int type)
{
	struct config_sink c = {.name = name,
		.address = "",
		.type = type,
		.min_severity = SEV_INFO,
		.from = CONFIG_SINK_FROM_BEGINNING,
		.timeout = CLOCK_S,
		.retry_min = 2 * CLOCK_MS,
		.retry_max = 10 * CLOCK_MS};

	c.tls.ca = c.tls.cert = c.tls.key = c.tls.crl = c.tls.server_name = c.tls.fingerprint = "";
	c.token_file = c.index = c.tenant = c.proxy = "";
	return c;
}

static void run(struct place *p, const struct config_sink *c)
{
	struct sinks_options o = {.dir = p->sinks, .version = "0", .kind_of = pick};

	assert_int_equal(sinks_new(&p->all, p->store, &o), 0);
	sinks_set(p->all, c, 1);
}

static void end(struct place *p)
{
	sinks_free(take(p->all));
}
