/* baseline sign and verify. */
#include "base/err.h"
#include "base/paths.h"
#include "cli/ask.h"
#include "cli/baseline.h"
#include "cli/form.h"
#include "cli/proof.h"
#include "cli/proof_keys.h"
#include "cli/proof_pass.h"
#include "cli/verify.h"
#include "client/keys.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

int proof_sign_run(struct cli *c, const struct args *a)
{
	const struct passphrase ask = {pass_ask, (void *)(uintptr_t)a->val[BASELINE_PASSPHRASE]};
	BUF struct buf text = {0};
	JSON json_t *answer = NULL;

	if (a->n != 2)
		return complain(
			"baseline sign takes one FILE, as `boltseal baseline build` writes it");
	if (!a->val[BASELINE_KEY])
		return complain(
			"baseline sign needs --key FILE, the private key: `boltseal key new NAME` makes one");
	if (keys_sign_baseline(a->pos[1], a->val[BASELINE_KEY], &ask,
		    a->val[BASELINE_COMMENT] ? a->val[BASELINE_COMMENT] : "", clock_wall(),
		    &text) < 0)
		return complain("%s", err_why());
	answer = json_loadb((const char *)text.p, text.n, 0, NULL);
	must(answer);
	c->form->answer(c, answer, &(struct view){NULL, baseline_draw_file, NULL});
	return EXIT_CLEAN;
}

int proof_signed_run(struct cli *c, const struct args *a)
{
	const char *key = a->val[BASELINE_KEY] ? a->val[BASELINE_KEY] : BOLTSEAL_CONF_DIR "/keys";
	BUF struct buf text = {0};
	JSON json_t *answer = NULL;

	if (a->n != 2)
		return complain("baseline verify takes one FILE");
	if (!a->val[BASELINE_KEY] && access(key, F_OK) < 0)
		return complain("%s: %s: no keys are trusted here: name whose signature counts, "
				"--key PUB, or a directory of such files",
			key, strerror(errno));
	if (keys_check_baseline(a->pos[1], key, &text) < 0)
		return complain("%s", err_why());
	told_odd_keys(key);
	answer = json_loadb((const char *)text.p, text.n, JSON_ALLOW_NUL, NULL);
	must(answer);
	return verify_show(c, 0, answer);
}
