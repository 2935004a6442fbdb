/* log --prove and verify entry: one entry without the others. */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/form.h"
#include "cli/proof.h"
#include "cli/proof_keys.h"
#include "cli/verify.h"
#include <fcntl.h>
#include <unistd.h>

enum { PROOF_MOST = 16 << 20 };

int proof_prove_run(struct cli *c, const struct args *a)
{
	uint64_t seq = 0;
	int r;

	if (text_u64(span_of(a->val[LOG_PROVE]), 1, INT64_MAX, &seq) < 0)
		return complain("--prove: %s", err_why());
	r = boltseal_entry_prove(c->h, seq, &c->reply);
	if (r == -ENODATA)
		return complain("%s", boltseal_why(c->h));
	r = ask_check(c, r);
	if (r)
		return r;
	if (!a->val[LOG_OUTPUT]) {
		out_add(span_make(c->reply.body, c->reply.body_len));
		return EXIT_CLEAN;
	}
	if (fd_save_file(a->val[LOG_OUTPUT], span_make(c->reply.body, c->reply.body_len), 0644) < 0)
		return complain("%s", err_why());
	return EXIT_CLEAN;
}

int proof_entry_run(struct cli *c, const struct args *a)
{
	const struct boltseal_trust trust = verify_trust(a);
	BUF struct buf text = {0};
	JSON json_t *answer = NULL;
	int clean = 0, r;

	if (!trust.key)
		return complain(
			"verify entry needs --key FILE, the host's public key: `boltseal key show host`");
	if ((strcmp(a->pos[1], "-") == 0
			    ? fd_read_all(STDIN_FILENO, PROOF_MOST, &text)
			    : fd_read_file(AT_FDCWD, a->pos[1], PROOF_MOST, &text)) < 0)
		return complain("%s", err_why());
	if (boltseal_entry_check(c->h, buf_text(&text), text.n, &trust, &clean, &c->reply) < 0)
		return complain("%s: %s", a->pos[1], boltseal_why(c->h));
	told_odd_keys(trust.key);
	r = ask_json(c, 0, &answer);
	return verify_show(c, r, answer);
}
