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
_Static_assert(offsetof(struct config, n_roles) == offsetof(struct config, roles) + sizeof(void *),
	"the count follows the pointer");

static const struct config_option options[] = {
	WORD("log.level", config, log_level, CONFIG_LOG_ERR, "err|warn|note|info|debug", "note",
		"The least important thing that is logged."),
	PATH("state_dir", config, state_dir, TEXT_MAX, "/var/lib/boltseal",
		"Where the store lies: layers, baselines and the journal."),
	PATH("socket", config, socket, SOCKET_MAX, "/run/boltseal/boltseal.sock",
		"The socket on which `boltseal` and other clients ask."),
	TEXT("group", config, group, 1, "boltseal",
		"Group that may connect to the socket. What its members may do there, roles say."),
	PATH("rules_dir", config, rules_dir, TEXT_MAX, CONFIG_RULES_DIR,
		"Where the rules lie, *.yaml in order of name; see boltseal.rules(5)."),

	TEXT("gateway.user", config, gateway_user, 1, "boltseal-gateway",
		"User that the gateway becomes when boltseald is started by hand as root; nobody "
		"when there is no such user."),
	NUMBER("gateway.max_connections", config, max_connections, 1, 65536, "256",
		"Connections of clients at one time; more are refused."),

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

	BOOL("volumes.watch", config, volumes_watch, "true",
		"Whether directories of the host that are mounted into containers are kept too."),
	SIZE("volumes.max_bytes", config, volumes_max_bytes, 0, 1024 * TIB, "1G",
		"A volume with more content than this is not hashed, and a gap says so."),
	NUMBER("volumes.max_files", config, volumes_max_files, 0, 1000000000, "100000",
		"A volume with more files than this is not hashed, and a gap says so."),
	GLOBS("volumes.exclude", config, volumes_exclude, "[]",
		"Volumes that are not kept, by their path on the host."),

	WORD("watch.level", config, level, LEVEL_NONE, "auto|L1|L2|L4|L5|L6", "auto",
		"How changes are noticed; auto takes the best that the kernel allows. "
		"`boltseal doctor` explains the levels."),
	WORD("watch.marks", config, marks, CONFIG_MARKS_AUTO, "auto|filesystem|directories", "auto",
		"One mark on each backing file system, or marks on the directories of containers "
		"alone, which are cheaper where others keep that file system busy."),
	TIME("watch.debounce", config, debounce, 0, 60 * (uint64_t)CLOCK_S, "50ms",
		"How long a file is left alone after a change before it is looked at."),
	NUMBER("watch.workers", config, workers, 0, 64, "0",
		"Threads that hash; 0: as many as processors, at least 2, at most 8."),
	NUMBER("watch.queue", config, queue_size, 256, 16777216, "65536",
		"Files that wait to be looked at; when more would, a gap and a rescan follow."),
	TIME("watch.sweep_interval", config, sweep_interval, 0, YEARS_100, "24h",
		"Time between full looks that hash everything; 0s: never."),

	SIZE("limits.hash_max_bytes", config, hash_max_bytes, 4 * KIB, 1024 * TIB, "4G",
		"A file larger than this is not hashed, and a gap says so."),
	TIME("limits.hash_max_time", config, hash_max_time, 100 * (uint64_t)CLOCK_MS, DAY, "60s",
		"A file that takes longer than this is given up, and a gap says so."),

	TIME("retention.removed", config, keep_removed, 0, YEARS_100, "30d",
		"How long a removed container's last drift is kept; 0s: for ever."),
	TIME("retention.journal", config, keep_journal, 0, YEARS_100, "90d",
		"How long journal entries are kept; 0s: for ever."),

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
