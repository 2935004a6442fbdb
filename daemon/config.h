/*
 * config.h - boltseal.yaml as one immutable struct. Read by libyaml's event API: aliases and merge
 * keys refused, depth limited, duplicate keys refused; every error names file:line:column and key.
 * One row per option in config.c (name, type, default, bounds, sentence): the man page, the shipped
 * conf/boltseal.yaml and --check-config come from the rows.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/paths.h"
#include "model/kinds.h"

struct config_list { /* of texts, NULL-terminated so that it can be handed on */
	const char **v;
	size_t n;
};
struct config_host_tree {
	const char *name; /* target name; default: the path */
	const char *path;
	struct config_list exclude; /* globs, relative to the tree's root with a leading '/' */
};
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };
struct config_role {
	enum role role;
	struct config_list users, groups; /* names or numbers */
	/* "key=glob": confined to targets with all of them; empty: all */
	struct config_list labels;
	bool in_container; /* also for peers inside containers */
};

/* One place that events are sent to; daemon/gateway/sink.h says what becomes of it. Texts that are
 * not given are "". No key holds a secret: those lie in files. */
struct config_sink {
	const char *name; /* letters, digits, '.', '_', '-' */
	enum { CONFIG_SINK_SYSLOG, CONFIG_SINK_JOURNALD, CONFIG_SINK_FILE, CONFIG_SINK_HTTPS } type;
	const char *address;
	int format; /* 0: what suits the kind; else one more than its enum format */
	enum severity min_severity;
	enum { CONFIG_SINK_FROM_END, CONFIG_SINK_FROM_BEGINNING } from;
	struct config_sink_tls {
		const char *ca, *cert, *key, *crl;     /* paths of PEM files */
		const char *server_name, *fingerprint; /* "sha256:" and 64 hex digits */
	} tls;
	int64_t timeout, retry_min, retry_max; /* ns */
	uint64_t max_message;		       /* bytes; 0: what suits the kind */
	bool redact;
	/* syslog, journald */
	uint32_t facility, enterprise;
	/* file */
	uint32_t mode; /* as its digits are read: decimal 640 is 0640 */
	/* https */
	enum {
		CONFIG_SINK_GENERIC,
		CONFIG_SINK_SPLUNK,
		CONFIG_SINK_ELASTIC,
		CONFIG_SINK_LOKI,
		CONFIG_SINK_OTLP
	} profile;
	const char *token_file, *index, *tenant, *proxy;
	enum {
		CONFIG_SINK_AUTH_AUTO,
		CONFIG_SINK_AUTH_BEARER,
		CONFIG_SINK_AUTH_BASIC,
		CONFIG_SINK_AUTH_APIKEY,
		CONFIG_SINK_AUTH_SPLUNK
	} auth; /* how the token goes along; AUTO: what suits the profile */
	struct config_list headers, labels; /* "Name: value", "name=value" */
	uint64_t batch;			    /* events of one request at most; 0: what suits */
	bool gzip, ack;
};
/* Need not be there. */
#define CONFIG_CONTAINERS_POLICY "/etc/containers/policy.json"
#define CONFIG_RULES_DIR BOLTSEAL_CONF_DIR "/rules.d"

struct config {
	struct arena mem;
	const char *file; /* where it came from; NULL: defaults */
	const char *state_dir, *socket, *group, *rules_dir;
	enum {
		CONFIG_LOG_ERR = 3,
		CONFIG_LOG_WARN,
		CONFIG_LOG_NOTE,
		CONFIG_LOG_INFO,
		CONFIG_LOG_DEBUG
	} log_level;

	const char *gateway_user; /* dropped to when started by hand as root */
	uint32_t max_connections;
	const char
		*gateway_state_dir; /* "": what the service manager gives, else below state_dir */

	/* runtimes: */
	struct config_list docker_roots, storage_roots, run_roots, ignore;
	const char *lxc_path;
	enum { CONFIG_FIND_AUTO, CONFIG_FIND_STATMOUNT, CONFIG_FIND_PROC } find_how;

	/* host: */
	struct config_host_tree *host;
	size_t n_host;
	bool host_defaults; /* the host itself: daemon/sensor/hostset.h */

	/* volumes: */
	bool volumes_watch;
	uint64_t volumes_max_bytes, volumes_max_files;
	struct config_list volumes_exclude; /* globs on the host path */

	/* watch: */
	enum level level; /* LEVEL_NONE: auto */
	enum { CONFIG_MARKS_AUTO, CONFIG_MARKS_FILESYSTEM, CONFIG_MARKS_DIRECTORIES } marks;
	bool processes;			/* follow them by the process connector */
	int64_t debounce;		/* ns */
	uint32_t workers;		/* 0: as many as processors, at least 2, at most 8 */
	uint32_t queue_size;		/* asks */
	int64_t sweep_interval;		/* ns between full looks that hash everything; 0: never */
	int64_t layers_verify_interval; /* ns after which a layer is proved again; 0: by wish only */
	uint64_t layers_verify_rate;	/* bytes a second that the schedule reads; 0: no limit */

	/* limits: */
	uint64_t hash_max_bytes; /* per file */
	int64_t hash_max_time;	 /* ns per file */

	/* retention: */
	int64_t keep_removed, keep_journal; /* ns; 0: for ever */

	int64_t heartbeat; /* heartbeat.interval, ns; 0: never */

	struct config_flood { /* 0: no limit */
		uint64_t per_path, per_target, total;
		int64_t window; /* ns */
	} flood;

	/* trust: */
	const char *keys_dir;
	const char *cosign_dir, *cosign_policy;
	bool require_signed;
	uint32_t accept_signatures;
	uint64_t checkpoint_every;
	int64_t checkpoint_interval; /* ns; 0: not by time */

	/* store: */
	uint64_t map_size, map_limit;

	struct config_role *roles;
	size_t n_roles;
	struct config_sink *sinks;
	size_t n_sinks;
	struct config_list withhold; /* globs on container paths whose content is never shown */
};

/* `file` NULL: all defaults. A missing file that was not named by the user (must_exist false) is
 * all defaults as well. On failure the sentence is "file:line:column: key: what". */
int config_load(struct config **ret, const char *file, bool must_exist);
/* The same from memory; `file` is what errors call it. */
int config_parse(struct config **ret, const char *file, struct span text);
void config_free(struct config *c);
static inline void config_free_p(struct config **c)
{
	config_free(*c);
}
#define CONFIG CLEANUP(config_free_p)
/* Prints the effective configuration in its own syntax: what --check-config shows with -v. */
void config_print(const struct config *c, struct buf *out);
/* The same to be given away: without what may be a secret in a sink's address and headers. */
void config_print_bare(const struct config *c, struct buf *out);
/* The names of the options in which two configurations differ, as a list of buf_bytes(). */
void config_differences(const struct config *a, const struct config *b, struct buf *out);

enum config_kind {
	CONFIG_BOOL,
	CONFIG_WORD,   /* one of `words`, stored as `min` plus its place */
	CONFIG_NUMBER, /* uint32_t, or uint64_t with `size` 8 */
	CONFIG_SIZE,
	CONFIG_TIME,
	CONFIG_TEXT,
	CONFIG_PATH, /* absolute */
	CONFIG_TEXTS,
	CONFIG_PATHS,
	CONFIG_GLOBS,
	CONFIG_LABELS, /* key=glob */
	CONFIG_MAPS,   /* a list of mappings whose keys are the rows "name[].key" */
};
/* Every option, in the order in which it is printed: dotted name, type, default as YAML (NULL: must
 * be given), sentence. For man pages and tests. */
struct config_option {
	const char *name, *type, *fallback, *sentence;
	/* What the reader needs: where it is stored, and what is allowed (lengths for texts, entries
	 * for lists). */
	enum config_kind kind;
	size_t at, size;
	uint64_t min, max;
	const char *words; /* "a|b|c" */
};
const struct config_option *config_options(size_t *ret_n);
/* What is allowed, for people: "0 to 64", "a or b"; empty where the type says it all. */
void config_allowed(const struct config_option *o, struct buf *out);
