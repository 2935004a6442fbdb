/* One row per option; everything that reads, prints, explains or checks the configuration walks
 * these rows. A new option is a new row and a new member of struct config. */
#include "daemon/config.h"
#include "base/clock.h"
#include "daemon/config_schema.h"

#define KIB UINT64_C(1024)
#define MIB (KIB << 10)
#define GIB (KIB << 20)
#define TIB (KIB << 30)
#define HOUR (3600 * (uint64_t)CLOCK_S)
#define DAY (24 * HOUR)
#define YEARS_100 (36500 * DAY)

enum { TEXT_MAX = 4096, LIST_MAX = 4096, MAPS_MAX = 1024, SOCKET_MAX = 107 };

/* `s` and `m`: the struct and its member where the value is stored. */
#define ROW(k, n, t, s, m, lo, hi, def, all, says)                                                 \
	{                                                                                          \
		.name = n, .type = t, .fallback = def, .sentence = says, .kind = k,                \
		.at = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m), .min = lo,        \
		.max = hi, .words = all                                                            \
	}
#define BOOL(n, s, m, def, says) ROW(CONFIG_BOOL, n, "true|false", s, m, 0, 1, def, NULL, says)
#define WORD(n, s, m, first, all, def, says)                                                       \
	ROW(CONFIG_WORD, n, all, s, m, first, 0, def, all, says)
#define NUMBER(n, s, m, lo, hi, def, says)                                                         \
	ROW(CONFIG_NUMBER, n, "number", s, m, lo, hi, def, NULL, says)
#define SIZE(n, s, m, lo, hi, def, says) ROW(CONFIG_SIZE, n, "size", s, m, lo, hi, def, NULL, says)
#define TIME(n, s, m, lo, hi, def, says)                                                           \
	ROW(CONFIG_TIME, n, "duration", s, m, lo, hi, def, NULL, says)
#define TEXT(n, s, m, lo, def, says) ROW(CONFIG_TEXT, n, "text", s, m, lo, 255, def, NULL, says)
#define PATH(n, s, m, hi, def, says) ROW(CONFIG_PATH, n, "path", s, m, 1, hi, def, NULL, says)
#define LIST(k, t, n, s, m, def, says) ROW(k, n, t, s, m, 0, LIST_MAX, def, NULL, says)
#define TEXTS(n, s, m, def, says) LIST(CONFIG_TEXTS, "list of texts", n, s, m, def, says)
#define PATHS(n, s, m, def, says) LIST(CONFIG_PATHS, "list of paths", n, s, m, def, says)
#define GLOBS(n, s, m, def, says) LIST(CONFIG_GLOBS, "list of globs", n, s, m, def, says)
#define LABELS(n, s, m, def, says) LIST(CONFIG_LABELS, "list of key=glob", n, s, m, def, says)
/* `size` is that of one element; the count follows the pointer. */
#define MAPS(n, m, elem, def, says)                                                                \
	{                                                                                          \
		.name = n, .type = "list of mappings", .fallback = def, .sentence = says,          \
		.kind = CONFIG_MAPS, .at = offsetof(struct config, m), .size = sizeof(elem),       \
		.min = 0, .max = MAPS_MAX                                                          \
	}

_Static_assert(offsetof(struct config, n_host) == offsetof(struct config, host) + sizeof(void *),
	"the count follows the pointer");
_Static_assert(offsetof(struct config, n_sinks) == offsetof(struct config, sinks) + sizeof(void *),
	"the count follows the pointer");
_Static_assert(offsetof(struct config, n_roles) == offsetof(struct config, roles) + sizeof(void *),
	"the count follows the pointer");

static const struct config_option options[] = {
	WORD("log.level", config, log_level, CONFIG_LOG_ERR, "err|warn|note|info|debug", "note",
		"The least important thing that is logged."),
	PATH("state_dir", config, state_dir, TEXT_MAX, BOLTSEAL_STATE_DIR,
		"Where the store lies: layers, baselines and the journal. As a service elsewhere than "
		"by default: drop-ins of boltseald.service and boltseal-gateway.service with "
		"ReadWritePaths= of it, which must be there and belong to boltseal-sensor, group "
		"boltseal-gateway, mode 0750."),
	PATH("socket", config, socket, SOCKET_MAX, BOLTSEAL_SOCKET,
		"The socket on which `boltseal` and other clients ask. As a service boltseal.socket makes "
		"it, and a drop-in of that says where: ListenStream=, once empty and once with the path."),
	TEXT("group", config, group, 1, "boltseal",
		"Group that may connect to the socket, by name or number. What its members may do there, roles say. "
		"As a service a drop-in of boltseal.socket says it: SocketGroup=."),
	PATH("rules_dir", config, rules_dir, TEXT_MAX, CONFIG_RULES_DIR,
		"Where the rules lie, *.yaml in order of name; see boltseal.rules(5)."),

	TEXT("gateway.user", config, gateway_user, 1, "boltseal-gateway",
		"User that the gateway becomes when boltseald is started by hand as root; nobody "
		"when there is no such user."),
	NUMBER("gateway.max_connections", config, max_connections, 1, 65536, "256",
		"Connections of clients at one time; more are refused."),
	TEXT("gateway.state_dir", config, gateway_state_dir, 0, "\"\"",
		"Where the sinks' positions and refused events are kept; when empty the service "
		"manager's state directory, else sinks/ below state_dir."),

	PATHS("runtimes.docker_roots", config, docker_roots, "[]",
		"Data roots of dockerd (--data-root) besides /var/lib/docker."),
	PATHS("runtimes.storage_roots", config, storage_roots, "[]",
		"Graph roots of Podman and CRI-O besides /var/lib/containers/storage."),
	PATHS("runtimes.run_roots", config, run_roots, "[]",
		"Where runtimes keep their running state (--exec-root, runroot) besides those "
		"below /run."),
	PATH("runtimes.lxc_path", config, lxc_path, TEXT_MAX, "/var/lib/lxc",
		"Where LXC keeps its containers."),
	PATHS("runtimes.ignore", config, ignore, "[]",
		"Overlay mounts below these paths, and containers whose root lies there, are not "
		"kept."),
	WORD("runtimes.discover", config, find_how, CONFIG_FIND_AUTO, "auto|statmount|proc", "auto",
		"How mounts are found: statmount(2) (Linux 6.11) or /proc; auto tries in that "
		"order."),

	MAPS("host", host, struct config_host_tree, "[]",
		"Trees of the host itself that are kept."),
	TEXT("host[].name", config_host_tree, name, 0, "\"\"",
		"Name of the target; the path when empty."),
	PATH("host[].path", config_host_tree, path, TEXT_MAX, NULL, "The directory that is kept."),
	GLOBS("host[].exclude", config_host_tree, exclude, "[]",
		"What is left out, relative to the tree's root and with a leading slash."),

	BOOL("host_defaults", config, host_defaults, "true",
		"Whether the host itself is kept besides: its programs, libraries, /etc and /boot, as the "
		"target host, see HOST. What a tree of host keeps is left out there. Not where the daemon "
		"runs in a container, which has a root of its own."),

	BOOL("volumes.watch", config, volumes_watch, "true",
		"Whether directories of the host that are mounted into containers are kept too, but "
		"none that holds the containers themselves. One that nothing mounts any more is a "
		"stopped target: watched on, until it is removed or excluded."),
	SIZE("volumes.max_bytes", config, volumes_max_bytes, 0, 1024 * TIB, "1G",
		"A volume with more content than this is not hashed, and a gap says so."),
	NUMBER("volumes.max_files", config, volumes_max_files, 0, 1000000000, "100000",
		"A volume with more files than this is not hashed, and a gap says so."),
	GLOBS("volumes.exclude", config, volumes_exclude, "[]",
		"Volumes that are not kept, nor kept on, by their path on the host."),

	WORD("watch.level", config, level, LEVEL_NONE, "auto|L1|L2|L4|L5|L6", "auto",
		"How changes are noticed; auto takes the best that the kernel allows. "
		"`boltseal doctor` explains the levels."),
	WORD("watch.marks", config, marks, CONFIG_MARKS_AUTO, "auto|filesystem|directories", "auto",
		"One mark on each backing file system for everything, or marks on the directories of "
		"containers alone, which are cheapest for others on that file system but too late to "
		"tell who made what a new directory holds; auto: those, and one on the file system for "
		"what is created and renamed."),
	BOOL("watch.processes", config, processes, "true",
		"Whether processes are followed as they start and end, so that writers that have ended "
		"already are known."),
	TIME("watch.debounce", config, debounce, 0, 60 * (uint64_t)CLOCK_S, "50ms",
		"How long a file is left alone after a change before it is looked at."),
	NUMBER("watch.workers", config, workers, 0, 64, "0",
		"Threads that hash; 0: as many as processors, at least 2, at most 8."),
	NUMBER("watch.queue", config, queue_size, 256, 16777216, "65536",
		"Files that wait to be looked at; when more would, a gap and a rescan follow."),
	TIME("watch.sweep_interval", config, sweep_interval, 0, YEARS_100, "24h",
		"Time between full looks that hash everything; 0s: never."),

	TIME("layers.verify_interval", config, layers_verify_interval, 0, YEARS_100, "24h",
		"Time after which a read-only layer is held against its image again, whole, the layer that "
		"waits longest first; 0s: only when `boltseal verify` asks."),
	SIZE("layers.verify_rate", config, layers_verify_rate, 0, 1024 * TIB, "64M",
		"Bytes a second that are read for that at most, at idle priority; 0: no limit. What `boltseal "
		"verify` asks for is as fast as can be."),

	SIZE("limits.hash_max_bytes", config, hash_max_bytes, 4 * KIB, 1024 * TIB, "4G",
		"A file larger than this is not hashed, and a gap says so."),
	TIME("limits.hash_max_time", config, hash_max_time, 100 * (uint64_t)CLOCK_MS, DAY, "60s",
		"A file that takes longer than this is given up, and a gap says so."),

	TIME("retention.removed", config, keep_removed, 0, YEARS_100, "30d",
		"How long a removed container's last drift is kept; 0s: for ever."),
	TIME("retention.journal", config, keep_journal, 0, YEARS_100, "90d",
		"How long journal entries are kept; 0s: for ever."),

	TIME("heartbeat.interval", config, heartbeat, 0, DAY, "60s",
		"Time between heartbeats, the events by which a receiver tells silence from quiet; "
		"0s: none. One is about 700 bytes in the store, so 60s are 1M a day; each running "
		"target adds about 6k a day."),

	NUMBER("flood.per_path", config, flood.per_path, 0, 1000000000, "10",
		"How often within the window a change of one path is told; after that its last state "
		"once a window, with how often it was changed. What is worse than before, or by another "
		"origin, is told at once. 0: always."),
	NUMBER("flood.per_target", config, flood.per_target, 0, 1000000000, "5000",
		"How many changes of one target are told within the window; the others are counted, and "
		"a flood event says how many they are and what was the worst; the drift has all of them. "
		"Info, low with medium, and high with critical have this much each. 0: no limit."),
	NUMBER("flood.total", config, flood.total, 0, 1000000000, "20000",
		"The same for all targets together; 20 of each target are told all the same. And what is "
		"worse than all that was told of a target within the window is told, whatever is left."),
	TIME("flood.window", config, flood.window, CLOCK_S, HOUR, "60s",
		"The time that flood's numbers are of, and how long what is counted waits to be told."),

	PATH("trust.keys_dir", config, keys_dir, TEXT_MAX, BOLTSEAL_CONF_DIR "/keys",
		"Directory of the public keys that are trusted, NAME.pub each: `boltseal key new` makes "
		"them. Files that others than root may write are left out."),
	NUMBER("trust.accept_signatures", config, accept_signatures, 0, 8, "0",
		"How many keys of keys_dir with the role accept must have signed an accept, or it is refused: "
		"`boltseal accept --sign`. A reason is always needed."),
	NUMBER("trust.checkpoint_every", config, checkpoint_every, 0, 1000000, "1000",
		"After so many entries the journal is signed by the host's key: an entry of its own. 0: by "
		"time alone."),
	TIME("trust.checkpoint_interval", config, checkpoint_interval, 0, DAY, "5m",
		"The same so long after the first entry that is not signed; heartbeats alone do not count. "
		"0s: by number alone. It is signed when the daemon stops, too."),
	BOOL("trust.require_signed", config, require_signed, "false",
		"Whether only golden baselines count that a key of keys_dir with the role baseline has signed: no "
		"other is imported, and a container whose image has none is told (boltseal ps, doctor)."),

	PATH("trust.cosign_dir", config, cosign_dir, TEXT_MAX, BOLTSEAL_CONF_DIR "/cosign",
		"Directory of the public keys of whoever signs images with cosign, NAME.pub each, and of "
		"signatures that no engine keeps: HEX.sig and HEX.payload, HEX being the manifest's digest. "
		"A directory that is not there has none. Keys that others than root may write are left out. "
		"Keyless signatures count as none. What is changed here is seen at the next verify or SIGHUP."),
	PATH("trust.policy", config, cosign_policy, TEXT_MAX, CONFIG_CONTAINERS_POLICY,
		"The policy.json of containers-policy.json(5): keys of its sigstoreSigned entries count for "
		"images of their scope, and a container whose image has not what is demanded is told. Without "
		"the file nothing is demanded, unless another than the usual one is named here."),

	SIZE("store.map_size", config, map_size, 16 * MIB, 64 * TIB, "256M",
		"Address space that the store begins with; it grows by itself."),
	SIZE("store.map_limit", config, map_limit, 16 * MIB, 64 * TIB, "1T",
		"The store never grows beyond this."),

	MAPS("roles", roles, struct config_role,
		"[{role: admin, users: [\"0\"]}, {role: viewer, groups: [boltseal]}]",
		"Who may do what. A caller gets the highest role of all that fit; without one, "
		"nothing."),
	WORD("roles[].role", config_role, role, ROLE_VIEWER, "viewer|operator|admin", NULL,
		"viewer reads, operator also rescans and verifies, admin also accepts."),
	TEXTS("roles[].users", config_role, users, "[]", "Users, by name or number."),
	TEXTS("roles[].groups", config_role, groups, "[]", "Groups, by name or number."),
	LABELS("roles[].labels", config_role, labels, "[]",
		"Confines the role to containers that have all of these labels."),
	BOOL("roles[].in_container", config_role, in_container, "false",
		"Whether callers inside containers get the role too; they are viewers at most "
		"otherwise."),

	MAPS("sinks", sinks, struct config_sink, "[]",
		"Where events are sent. `boltseal sinks` says how each is doing. A key that its type or "
		"profile would not heed is refused."),
	TEXT("sinks[].name", config_sink, name, 1, NULL,
		"Its name: letters, digits, '.', '_' and '-'. Its position is kept by it."),
	WORD("sinks[].type", config_sink, type, CONFIG_SINK_SYSLOG, "syslog|journald|file|https",
		NULL, "What kind of receiver it is."),
	TEXT("sinks[].address", config_sink, address, 0, "\"\"",
		"syslog: unix:///dev/log, udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT; "
		"journald: empty, or unix:// and the path of its socket; file: a path; https: a "
		"URL."),
	WORD("sinks[].format", config_sink, format, 0,
		"auto|rfc5424|json|ecs|ocsf|cef|leef|falco|wazuh", "auto",
		"How an event is written; auto: rfc5424 for syslog but JSON behind @cee: for "
		"/dev/log, what the profile wants for https, json else."),
	WORD("sinks[].min_severity", config_sink, min_severity, SEV_INFO,
		"info|low|medium|high|critical", "info",
		"Events below this are left out; heartbeats, gaps and the daemon's own events "
		"never are."),
	WORD("sinks[].from", config_sink, from, CONFIG_SINK_FROM_END, "end|beginning", "end",
		"Where a new sink begins: at the journal's end as it then is, or with the oldest "
		"event kept."),
	TEXT("sinks[].tls.ca", config_sink, tls.ca, 0, "\"\"",
		"PEM file of the authorities that are trusted; empty: those of the system, or none "
		"when a fingerprint is pinned."),
	TEXT("sinks[].tls.cert", config_sink, tls.cert, 0, "\"\"",
		"PEM file of our own certificate and its chain, where the receiver asks for one."),
	TEXT("sinks[].tls.key", config_sink, tls.key, 0, "\"\"",
		"PEM file of its key; the gateway's user must be able to read it."),
	TEXT("sinks[].tls.server_name", config_sink, tls.server_name, 0, "\"\"",
		"The name that the receiver's certificate must have, where the address has another."),
	TEXT("sinks[].tls.fingerprint", config_sink, tls.fingerprint, 0, "\"\"",
		"sha256: and the digest of the receiver's certificate in hex: only that one is "
		"taken; without ca it need not be signed by anybody."),
	TEXT("sinks[].tls.crl", config_sink, tls.crl, 0, "\"\"",
		"PEM file of certificates that were revoked."),
	TIME("sinks[].timeout", config_sink, timeout, 100 * (uint64_t)CLOCK_MS,
		600 * (uint64_t)CLOCK_S, "10s", "How long one exchange may take."),
	TIME("sinks[].retry_min", config_sink, retry_min, 10 * (uint64_t)CLOCK_MS, HOUR, "1s",
		"The longest pause after a first failure; doubled with each one, and a part of it "
		"by chance is waited."),
	TIME("sinks[].retry_max", config_sink, retry_max, 10 * (uint64_t)CLOCK_MS, DAY, "5m",
		"The longest pause of all."),
	SIZE("sinks[].max_message", config_sink, max_message, 0, 64 * MIB, "0",
		"Bytes of one message, beyond which fields are left out; 0: 2k for udp, 8k else "
		"for rfc5424, no limit for other formats."),
	BOOL("sinks[].redact", config_sink, redact, "false", "Whether command lines are left out."),
	NUMBER("sinks[].facility", config_sink, facility, 0, 23, "13",
		"Syslog facility; 13 is log audit."),
	NUMBER("sinks[].enterprise", config_sink, enterprise, 0, UINT32_MAX, "32473",
		"Private enterprise number in the names of structured data; 32473 is the one that "
		"documentation may use."),
	NUMBER("sinks[].mode", config_sink, mode, 0, 777, "640",
		"Permissions of a file that is made, in octal."),
	WORD("sinks[].profile", config_sink, profile, CONFIG_SINK_GENERIC,
		"generic|splunk-hec|elastic-bulk|loki|otlp", "generic",
		"What the receiver behind a URL is."),
	TEXT("sinks[].token_file", config_sink, token_file, 0, "\"\"",
		"File whose first line is the token, or USER:PASSWORD for basic; read at every "
		"connection, never shown."),
	WORD("sinks[].auth", config_sink, auth, CONFIG_SINK_AUTH_AUTO,
		"auto|bearer|basic|apikey|splunk", "auto",
		"How the token goes along; auto: splunk for splunk-hec, apikey for elastic-bulk, "
		"bearer else."),
	TEXT("sinks[].index", config_sink, index, 0, "\"\"",
		"Index of splunk-hec, or index or data stream of elastic-bulk."),
	TEXT("sinks[].tenant", config_sink, tenant, 0, "\"\"", "Tenant of loki (X-Scope-OrgID)."),
	LIST(CONFIG_TEXTS, "list of texts", "sinks[].labels", config_sink, labels, "[]",
		"Labels of loki or attributes of otlp's resource, each name=value."),
	TEXTS("sinks[].headers", config_sink, headers, "[]",
		"Further header lines, each \"Name: value\"; a secret belongs in token_file."),
	TEXT("sinks[].proxy", config_sink, proxy, 0, "\"\"",
		"URL of an HTTP proxy, http://HOST:PORT; one that asks for a password is not "
		"supported."),
	NUMBER("sinks[].batch", config_sink, batch, 0, 10000, "0",
		"Events of one exchange at most; 0: what suits the kind."),
	BOOL("sinks[].gzip", config_sink, gzip, "false", "Whether bodies are compressed."),
	BOOL("sinks[].ack", config_sink, ack, "false",
		"Whether splunk-hec is asked if an event was indexed before it counts as sent."),

	GLOBS("withhold", config, withhold,
		"[\"/etc/shadow*\", \"/etc/gshadow*\", \"**/*.key\", \"**/*.pem\", \"**/id_rsa*\", "
		"\"**/id_ed25519*\", \"**/.ssh/id_*\", /root/.docker/config.json, \"**/.netrc\", "
		"\"**/secrets/**\"]",
		"Files whose content is never shown; that they changed, is."),
};

const struct config_option *config_options(size_t *ret_n)
{
	*ret_n = COUNTOF(options);
	return options;
}

const struct config_option *option_find(struct span name)
{
	for (size_t i = 0; i < COUNTOF(options); i++)
		if (span_is(name, options[i].name))
			return &options[i];
	return NULL;
}

bool option_in_scope(const struct config_option *o, const char *scope)
{
	size_t n = strlen(scope);

	return strncmp(o->name, scope, n) == 0 && !strstr(o->name + n, "[].");
}

bool option_is_section(struct span name)
{
	for (size_t i = 0; i < COUNTOF(options); i++)
		if (span_starts(span_of(options[i].name), name) && options[i].name[name.n] == '.')
			return true;
	return false;
}

static void print_words(const char *words, struct buf *out)
{
	for (const char *at = words; *at; at++) {
		if (*at != '|')
			buf_u8(out, (uint8_t)*at);
		else
			buf_add_text(out, strchr(at + 1, '|') ? ", " : " or ");
	}
}

void config_allowed(const struct config_option *o, struct buf *out)
{
	switch (o->kind) {
	case CONFIG_BOOL:
		buf_add_text(out, "true or false");
		break;
	case CONFIG_WORD:
		print_words(o->words, out);
		break;
	case CONFIG_NUMBER:
		buf_printf(out, "%llu to %llu", (unsigned long long)o->min,
			(unsigned long long)o->max);
		break;
	case CONFIG_SIZE:
		option_print_size(out, o->min);
		buf_add_text(out, " to ");
		option_print_size(out, o->max);
		break;
	case CONFIG_TIME:
		option_print_time(out, (int64_t)o->min);
		buf_add_text(out, " to ");
		option_print_time(out, (int64_t)o->max);
		break;
	default:
		break;
	}
}
