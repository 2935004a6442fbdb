/* boltseald: parse, choose, run. */
#include "base/err.h"
#include "daemon/daemon.h"
#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct daemon_args args;
	int r = args_parse(argc, argv, &args);

	if (r < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return 2;
	}
	if (r == ARGS_DONE)
		return 0;
	signal(SIGPIPE,
		SIG_IGN); /* a reader of the log or a client that went away is no reason to end */
	if (args.check_config)
		return daemon_check_config(&args);
	if (args.store_format)
		return daemon_store_format(&args);
	if (args.print_sandbox)
		return daemon_print_sandbox(&args);
	if (args.processes)
		return daemon_processes(args.processes);
	if (args.trial)
		return daemon_trial(args.trial);
	switch (args.run) {
	case ROLE_RUN_SENSOR:
		return sensor_main(&args);
	case ROLE_RUN_GATEWAY:
		return gateway_main(&args);
	default:
		return both_main(&args);
	}
}
