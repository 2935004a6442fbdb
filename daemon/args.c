/* The command line. Errors are made as sentences and printed by main(). */
#include "base/err.h"
#include "daemon/daemon.h"
#include <getopt.h>
#include <stdio.h>

#ifndef BOLTSEAL_VERSION
#define BOLTSEAL_VERSION "unknown"
#endif

static const char help[] =
	"boltseald - keeps containers and the host against their baseline, and tells what drifts\n"
	"\n"
	"usage: boltseald [OPTION…]             start both roles and look after them\n"
	"       boltseald [OPTION…] sensor      watch files and write the journal; no network\n"
	"       boltseald [OPTION…] gateway     answer on the socket; no privileges\n"
	"\n"
	"      --config FILE      read FILE (default " DAEMON_CONFIG_FILE ", if it is there)\n"
	"      --state-dir DIR    where the store lies (default " BOLTSEAL_STATE_DIR ")\n"
	"      --socket PATH      where clients ask (default " BOLTSEAL_SOCKET ")\n"
	"      --check-config     say whether the configuration can be used, and end\n"
	"      --store-format     print the store's format and the program's, and end\n"
	"      --print-sandbox    print what of the gateway's unit the configured sinks need open\n"
	"      --processes WHAT   listen or ignore: have the kernel tell of processes (before Linux 6.6)\n"
	"      --trial FILE       try an overlay as root, and leave what came out for the sensor\n"
	"  -v, --verbose          log everything; with --check-config print what is in effect\n"
	"      --version          print the version, and end\n"
	"  -h, --help             print this, and end\n"
	"\n"
	"signals: HUP reads the configuration again, TERM and INT stop in order\n"
	"exit status: 0 stopped in order, 1 failed, 2 usage or configuration\n"
	"\n"
	"examples:\n"
	"  boltseald                                   as root, with every default\n"
	"  boltseald --check-config -v                 what is in effect, and whether it is right\n"
	"  boltseald --config t.yaml --state-dir /tmp/t --socket /tmp/t.sock\n"
	"\n"
	"see also: boltseald(8), boltseal.yaml(5), boltseal(1)\n";

enum {
	OPT_CONFIG = 256,
	OPT_STATE,
	OPT_SOCKET,
	OPT_CHECK,
	OPT_STORE_FORMAT,
	OPT_PROCESSES,
	OPT_TRIAL,
	OPT_SANDBOX,
	OPT_VERSION
};
static const struct option options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"state-dir", required_argument, NULL, OPT_STATE},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"store-format", no_argument, NULL, OPT_STORE_FORMAT},
	{"processes", required_argument, NULL, OPT_PROCESSES},
	{"trial", required_argument, NULL, OPT_TRIAL},
	{"print-sandbox", no_argument, NULL, OPT_SANDBOX},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int take_path(const char **to, const char *name)
{
	if (!optarg[0])
		return err_set(-EINVAL, "--%s needs a path, see boltseald --help", name);
	*to = optarg;
	return 0;
}

static int take_option(int o, char **argv, struct daemon_args *ret)
{
	switch (o) {
	case OPT_CONFIG:
		return take_path(&ret->config_file, "config");
	case OPT_STATE:
		return take_path(&ret->state_dir, "state-dir");
	case OPT_SOCKET:
		return take_path(&ret->socket, "socket");
	case OPT_CHECK:
		ret->check_config = true;
		return 0;
	case OPT_STORE_FORMAT:
		ret->store_format = true;
		return 0;
	case OPT_PROCESSES:
		ret->processes = optarg;
		if (strcmp(optarg, "listen") == 0 || strcmp(optarg, "ignore") == 0)
			return 0;
		return err_set(-EINVAL, "--processes %s, allowed listen or ignore", optarg);
	case OPT_TRIAL:
		return take_path(&ret->trial, "trial");
	case OPT_SANDBOX:
		ret->print_sandbox = true;
		return 0;
	case 'v':
		ret->verbose = true;
		return 0;
	case OPT_VERSION:
		puts("boltseald " BOLTSEAL_VERSION);
		return ARGS_DONE;
	case 'h':
		fputs(help, stdout);
		return ARGS_DONE;
	case ':':
		return err_set(-EINVAL, "%s needs a value, see boltseald --help", argv[optind - 1]);
	default:
		if (optopt && strncmp(argv[optind - 1], "--", 2) == 0)
			return err_set(-EINVAL, "%s: it takes no value, see boltseald --help",
				argv[optind - 1]);
		if (optopt > 0 && optopt < 256)
			return err_set(-EINVAL, "unknown option -%c, see boltseald --help", optopt);
		return err_set(
			-EINVAL, "unknown option %s, see boltseald --help", argv[optind - 1]);
	}
}

static int take_role(int argc, char **argv, struct daemon_args *ret)
{
	if (optind == argc)
		return 0;
	if (strcmp(argv[optind], "sensor") == 0)
		ret->run = ROLE_RUN_SENSOR;
	else if (strcmp(argv[optind], "gateway") == 0)
		ret->run = ROLE_RUN_GATEWAY;
	else
		return err_set(-EINVAL, "unknown role %s, allowed sensor or gateway", argv[optind]);
	if (optind + 1 < argc)
		return err_set(-EINVAL, "unexpected %s, see boltseald --help", argv[optind + 1]);
	return 0;
}

int args_parse(int argc, char **argv, struct daemon_args *ret)
{
	int o, r;

	*ret = (struct daemon_args){.run = ROLE_RUN_BOTH};
	optind = 0; /* from the start, also the second time */
	opterr = 0;
	while ((o = getopt_long(argc, argv, ":hv", options, NULL)) != -1)
		if ((r = take_option(o, argv, ret)))
			return r;
	return take_role(argc, argv, ret);
}
