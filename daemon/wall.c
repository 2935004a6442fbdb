/* The walls of both roles, and the sentences about them. */
#include "daemon/wall.h"
#include "base/err.h"
#include "base/fd.h"
#include "box/mounts.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static void say(struct wall_row *row, int r, const char *what)
{
	row->ok = r == 0;
	snprintf(row->result, sizeof(row->result), "%s", r == 0 ? what : err_why());
	if (r < 0)
		log_warn("%s: %s", row->name, row->result);
}

/* A sanitizer makes calls of its own and writes its reports where it is told. */
static void not_here(struct wall_row *row)
{
	snprintf(row->result, sizeof(row->result), "not in a build for a sanitizer");
}

/* Where a file lies; empty: in no directory of its own. */
static struct span directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return span_make(path, slash && slash > path ? (size_t)(slash - path) : 0);
}

static void note_files(struct wall *w, const struct config *c)
{
	const char *logs = getenv(
		"LOGS_DIRECTORY"); /* the unit's: open whether or not a sink writes there yet */

	w->files.v = arena_alloc(&w->mem, (c->n_sinks + 2) * sizeof(*w->files.v));
	if (logs && logs[0] == '/' && !strchr(logs, ':'))
		w->files.v[w->files.n++] = (const char *)arena_dup(&w->mem, span_of(logs)).p;
	for (size_t i = 0; i < c->n_sinks; i++) {
		struct span dir = directory_of(c->sinks[i].address);

		if (c->sinks[i].type == CONFIG_SINK_FILE && dir.n)
			w->files.v[w->files.n++] = (const char *)arena_dup(&w->mem, dir).p;
	}
	w->files.v[w->files.n] = NULL;
}

/* A unit without a network refuses the sockets. */
static bool unit_has_no_network(void)
{
	FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 && (errno == EAFNOSUPPORT || errno == EPERM || errno == EACCES);
}

/* Whatever is written there is gone with the unit. */
static bool unit_has_private_tmp(void)
{
	MOUNTS struct mounts table = {0};

	if (mounts_of_pid(0, MOUNTS_PROC, &table) < 0)
		return false;
	for (size_t i = 0; i < table.n; i++)
		if ((span_is(table.v[i].point, "/tmp") || span_is(table.v[i].point, "/var/tmp")) &&
			strstr((const char *)arena_dup(&table.mem, table.v[i].root).p,
				"/systemd-private-"))
			return true;
	return false;
}

void wall_gateway(struct wall *ret, const struct wall_gateway *w)
{
	struct wall_row *calls = &ret->row[WALL_SECCOMP], *files = &ret->row[WALL_LANDLOCK];
	char words[sizeof(files->result)];
	int abi = 0, r;

	*ret = (struct wall){.network = sandbox_needs_network(w->config)};
	*calls = (struct wall_row){"seccomp of the gateway",
		"whoever took over the gateway could ask the kernel for anything that its user may: "
		"a kernel with CONFIG_SECCOMP_FILTER is needed",
		false, ""};
	*files = (struct wall_row){"Landlock of the gateway",
		"whoever took over the gateway could read every file that everybody may read, also of "
		"containers: Linux 5.13 with landlock in lsm= is needed",
		false, ""};
	note_files(ret, w->config);
	ret->no_network = ret->network && unit_has_no_network();
	ret->unit = !w->own_socket && getenv("LOGS_DIRECTORY");
	ret->private_tmp = unit_has_private_tmp();
	if (SANITIZED) {
		not_here(calls);
		not_here(files);
		return;
	}
	r = wall_landlock(w, &ret->files, ret->network, &abi);
	snprintf(words, sizeof(words),
		"ABI %d: it reads configuration, store and system, writes %zu directories of sinks and its "
		"own",
		abi, ret->files.n);
	say(files, r, words);
	say(calls, wall_seccomp_gateway(ret->network),
		ret->network ? "an allow-list, with the network since a sink needs it"
			     : "an allow-list without the network: no sink needs it");
}

void wall_sensor(struct wall *ret)
{
	struct wall_row *calls = &ret->row[WALL_SECCOMP];

	*ret = (struct wall){.network = false};
	*calls = (struct wall_row){"seccomp of the sensor",
		"whoever took over the sensor could ask the kernel for anything that its capabilities "
		"allow: a kernel with CONFIG_SECCOMP_FILTER is needed",
		false, ""};
	if (SANITIZED)
		not_here(calls);
	else
		say(calls, wall_seccomp_sensor(), "an allow-list: no network, no other program");
}

void wall_fini(struct wall *w)
{
	arena_free(&w->mem);
}

#define AGAIN                                                                                      \
	"restart it (systemctl daemon-reload && systemctl restart boltseal-gateway; by hand: "     \
	"start boltseald again)"

static const char *refuses_file(const struct wall *w, const char *path)
{
	struct span dir = directory_of(path);

	if (w->private_tmp &&
		(path_within(dir, span_of("/tmp")) || path_within(dir, span_of("/var/tmp"))))
		return "the gateway's unit has a /tmp of its own, which nobody else sees: " AGAIN;
	if (!w->row[WALL_LANDLOCK].ok || !dir.n)
		return NULL;
	for (size_t i = 0; i < w->files.n; i++) {
		struct span at = span_of(w->files.v[i]);

		if (span_starts(dir, at) && (dir.n == at.n || dir.p[at.n] == '/'))
			return access(w->files.v[i], W_OK) < 0 && errno == EROFS
				       ? "the gateway's unit lets it write elsewhere only: " AGAIN
				       : NULL;
	}
	return "the gateway may write only where sinks wrote when it started: " AGAIN;
}

const char *wall_refuses(const struct wall *w, const struct config_sink *s)
{
	if (w->unit && sandbox_lacks(s))
		return sandbox_lacks(s);
	if (s->type == CONFIG_SINK_FILE)
		return refuses_file(w, s->address);
	if (!sandbox_is_remote(s))
		return NULL;
	if (w->no_network)
		return "the gateway's unit has no network: " AGAIN;
	if (!w->network && w->row[WALL_SECCOMP].ok)
		return "the gateway has no network since no sink needed it when it started: " AGAIN;
	return NULL;
}

void wall_show(struct json *j, const struct wall *w)
{
	for (size_t i = 0; i < WALL_PARTS; i++) {
		const struct wall_row *row = &w->row[i];

		if (!row->name)
			continue;
		json_open(j, '{');
		json_m_text(j, "name", row->name);
		json_m_bool(j, "ok", row->ok);
		json_m_text(j, "result", row->result);
		json_m_text(j, "without", row->without);
		json_close(j, '}');
	}
}
