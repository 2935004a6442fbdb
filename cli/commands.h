/* commands.h - one row a command; each lives in the file of its name. */
#pragma once

#include "cli/cli.h"

extern const struct command cmd_ps, cmd_diff, cmd_show, cmd_log, cmd_accept, cmd_rescan, cmd_verify,
	cmd_baseline, cmd_hold, cmd_rules, cmd_sinks, cmd_status, cmd_doctor, cmd_report,
	cmd_completion, cmd_help, cmd_version, cmd_complete, cmd_sbom, cmd_key;
