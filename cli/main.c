/* Parse, ask, print. */
#include "cli/args.h"
#include "cli/form.h"
#include "cli/help.h"
#include <signal.h>

static int run(struct cli *c, const struct request *r)
{
	if (r->version)
		return version_print();
	if (r->help)
		return help_print(r->cmd);
	if (!r->cmd)
		return complain("no command: `boltseal help` lists what there is");
	if (boltseal_open(&c->h, c->socket))
		return complain("out of memory");
	return r->cmd->run(c, &r->args);
}

int main(int argc, char **argv)
{
	CLEANUP(request_fini) struct request r = {0};
	struct cli c = {.socket = getenv("BOLTSEAL_SOCKET"), .form = form_default(), .argv = argv};
	int status;

	signal(SIGXFSZ,
		SIG_IGN); /* a limit of file sizes is an error like any other, and cleaned up behind */
	if (c.socket && !*c.socket)
		c.socket = NULL;
	status = args_parse(&c, argc, argv, &r);
	look_init(&c);
	if (!status)
		status = run(&c, &r);
	boltseal_reply_free(&c.reply);
	boltseal_close(c.h);
	return out_close() ? EXIT_TROUBLE : status;
}
