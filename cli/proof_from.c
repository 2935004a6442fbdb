/* What a receiver stored of a journal, proven without the daemon. */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/proof.h"
#include "cli/proof_keys.h"
#include "cli/verify.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 << 10 };

static void close_proof(struct boltseal_proof **p)
{
	boltseal_proof_close(*p);
}

static int seq_option(const struct args *a, int option, unsigned long long *ret)
{
	uint64_t seq = 0;

	if (a->val[option] && text_u64(span_of(a->val[option]), 1, INT64_MAX, &seq) < 0)
		return complain("--%s: %s", verify_options[option].name, err_why());
	*ret = seq;
	return 0;
}

static int feed_file(struct boltseal_proof *p, const char *name, int fd)
{
	static char piece[PIECE];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain("%s: %s", name, strerror(errno));
		if (boltseal_proof_feed(p, piece, (size_t)n) < 0)
			return complain("%s: %s", name, boltseal_proof_why(p));
	}
	return 0;
}

/* Of a device nothing is stored in, and it may never end; a pipe is what somebody sends. */
static int is_stored(int fd, const char *name)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return complain("%s: %s", name, strerror(errno));
	return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)
		       ? complain("%s: a device, and no file in which events were stored", name)
		       : 0;
}

static int prove_file(struct cli *c, const struct boltseal_proof_ask *ask, const char *name)
{
	CLEANUP(close_proof) struct boltseal_proof *p = NULL;
	JSON json_t *answer = NULL;
	bool piped = strcmp(name, "-") == 0;
	FD int file = piped ? -1 : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int clean = 0, r;

	if (file < 0 && !piped)
		return complain("%s: %s", name, strerror(errno));
	if (!piped && is_stored(file, name))
		return EXIT_TROUBLE;
	if (boltseal_proof_open(&p, ask) < 0)
		return complain("%s", p ? boltseal_proof_why(p) : "out of memory");
	r = feed_file(p, name, piped ? STDIN_FILENO : file);
	if (r)
		return r;
	if (boltseal_proof_end(p, &clean, &c->reply) < 0)
		return complain("%s: %s", name, boltseal_proof_why(p));
	r = ask_json(c, 0, &answer);
	return verify_show(c, r, answer);
}

/* The daemon's own journal, read from it and proven here, by a key that it does not choose. */
static int on_line(void *arg, const char *line, size_t n)
{
	return boltseal_proof_feed(arg, line, n) < 0 || boltseal_proof_feed(arg, "\n", 1) < 0;
}

static int prove_live(struct cli *c, const struct boltseal_proof_ask *ask)
{
	static const struct boltseal_event_ask all = {.since = NULL};
	CLEANUP(close_proof) struct boltseal_proof *p = NULL;
	JSON json_t *answer = NULL;
	int clean = 0, r;

	if (boltseal_proof_open(&p, ask) < 0)
		return complain("%s", p ? boltseal_proof_why(p) : "out of memory");
	r = boltseal_events(c->h, &all, on_line, p, &c->reply);
	if (r > 0)
		return complain("%s", boltseal_proof_why(p));
	r = ask_check(c, r);
	if (r)
		return r;
	if (boltseal_proof_end(p, &clean, &c->reply) < 0)
		return complain("%s", boltseal_proof_why(p));
	r = ask_json(c, 0, &answer);
	return verify_show(c, r, answer);
}

/* What is signed is looked at only when it is said by whom. */
static int needs_key(const struct args *a)
{
	for (int i = VERIFY_CHECKPOINT; i <= VERIFY_ALLOW_TAIL; i++)
		if (a->val[i] && !a->val[VERIFY_KEY])
			return complain("--%s needs --key FILE here, the host's public key: "
					"`boltseal key show host` has it",
				verify_options[i].name);
	return 0;
}

int proof_from_run(struct cli *c, const struct args *a)
{
	struct boltseal_trust trust = verify_trust(a);
	struct boltseal_proof_ask ask = {.host = a->val[VERIFY_HOST],
		.trust = &trust,
		.allow_holes = a->val[VERIFY_ALLOW_HOLES] != NULL,
		.only_complete = a->val[VERIFY_ONLY_COMPLETE] != NULL};
	int r = needs_key(a);

	if (!r)
		r = seq_option(a, VERIFY_SINCE_SEQ, &ask.since);
	if (!r)
		r = seq_option(a, VERIFY_UNTIL_SEQ, &ask.until);
	if (!r && ask.until && ask.until < ask.since)
		r = complain("--until-seq is before --since-seq");
	if (!r)
		told_odd_keys(trust.key);
	if (r || a->val[VERIFY_FROM])
		return r ? r : prove_file(c, &ask, a->val[VERIFY_FROM]);
	trust.allow_tail = 1; /* it goes on while it is read */
	return prove_live(c, &ask);
}
