/* daemon.h - what the roles share: how each is started, and what started it. */
#pragma once

#include "daemon/config.h"
#include "policy/rules.h"
#include <sys/types.h>

struct daemon_args {
	const char *config_file;	/* NULL: /etc/boltseal/boltseal.yaml if it is there */
	const char *state_dir, *socket; /* NULL: from the configuration */
	bool check_config, store_format, verbose, print_sandbox;
	const char *processes; /* "listen" or "ignore"; NULL: not asked for */
	const char *trial;     /* NULL: not asked for */
	enum { ROLE_RUN_BOTH, ROLE_RUN_SENSOR, ROLE_RUN_GATEWAY } run;
};
#define DAEMON_CONFIG_FILE BOLTSEAL_CONF_DIR "/boltseal.yaml"

/* Reads the command line; texts are borrowed from argv. ARGS_DONE: help or version was printed and
 * nothing is left to do. -EINVAL: the sentence is one line. */
enum { ARGS_DONE = 1 };
int args_parse(int argc, char **argv, struct daemon_args *ret);

/* Loads the configuration as `args` say (command line wins over file). */
int daemon_config(const struct daemon_args *args, struct config **ret);
/* The rules below `rules_dir`. Its default need not be there. */
int daemon_rules(const struct config *c, struct rules **ret);
/* What to say where there are none. */
void daemon_no_rules(const struct config *c, struct buf *out);
/* --check-config: says "FILE: ok" and, verbosely, the effective configuration. Exit status. */
int daemon_check_config(const struct daemon_args *args);
/* --store-format: says which format this program writes and which the store has. Exit status. */
int daemon_store_format(const struct daemon_args *args);
/* --print-sandbox: a drop-in for the gateway's unit, empty where no sink needs anything. Exit status. */
int daemon_print_sandbox(const struct daemon_args *args);
/* --processes: says to the kernel's process connector what needs CAP_NET_ADMIN before Linux 6.6. Exit
 * status. */
int daemon_processes(const char *what);
/* --trial: what a service cannot try itself. Exit status. */
int daemon_trial(const char *path);
/* The number of a group, by its name or as it stands; -1: there is none of that name. */
int daemon_group(const char *group);
/* Who the gateway is: its configured user; nobody when there is no such user (DAEMON_NOBODY); our
 * own user when we are not root and so cannot become another. */
enum { DAEMON_NOBODY = 1 };
int daemon_gateway_ids(const struct config *c, uid_t *ret_uid, gid_t *ret_gid);
/* Not root, but in the group of gateway.user, who is somebody else: as a service the sensor lets that
 * user in and gives his group the store to read. */
bool daemon_gateway_service(const struct config *c, uid_t *ret_uid, gid_t *ret_gid);

/* The roles. Each runs until SIGTERM/SIGINT and returns an exit status. */
int sensor_main(const struct daemon_args *args);
int gateway_main(const struct daemon_args *args);
int both_main(const struct daemon_args *args); /* supervises one child of each */

/* both_main's first and last step for the gateway's child: becomes uid and gid, without capabilities
 * and without a way to get any. */
int daemon_drop(uid_t uid, gid_t gid);

/* sd_notify(3) by its documented datagram: "READY=1", "STATUS=…", "WATCHDOG=1", "RELOADING=1".
 * In a role that both_main started, READY=1 and WATCHDOG=1 go to the supervisor instead
 * (BOLTSEAL_READY_FD), which tells the service manager when both are ready. Call it after the last thing that can fail. */
void notify(const char *state);
/* How often the service manager wants to hear WATCHDOG=1: half of what it bears, in ns. 0: never. */
int64_t notify_alive_every(void);
/* Path of the door: door.sock in the directory of the public socket. */
int daemon_door_path(const struct config *c, struct buf *out);
