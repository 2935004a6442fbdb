/* daemon.h - what the roles share: how each is started, and what started it. */
#pragma once

#include "daemon/config.h"

struct daemon_args {
	const char *config_file; /* NULL: /etc/boltseal/boltseal.yaml if it is there */
	const char *state_dir, *socket; /* NULL: from the configuration */
	bool check_config, verbose;
	enum { ROLE_RUN_BOTH, ROLE_RUN_SENSOR, ROLE_RUN_GATEWAY } run;
};
/* Loads the configuration as `args` say (command line wins over file). */
int daemon_config(const struct daemon_args *args, struct config **ret);

/* The roles. Each runs until SIGTERM/SIGINT and returns an exit status. */
int sensor_main(const struct daemon_args *args);
int gateway_main(const struct daemon_args *args);
int both_main(const struct daemon_args *args); /* supervises one child of each */

/* sd_notify(3) by its documented datagram: "READY=1", "STATUS=…", "WATCHDOG=1", "RELOADING=1". */
void notify(const char *state);
/* Path of the door: door.sock in the directory of the public socket. */
int daemon_door_path(const struct config *c, struct buf *out);
