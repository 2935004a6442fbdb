/* What the units ask boltseald itself for: boltseal-processes.socket has it speak to the kernel before the
 * sensor starts, boltseal-generator has it say what the gateway's unit must leave open. */
#include "base/err.h"
#include "base/fd.h"
#include "daemon/config_sinks.h"
#include "daemon/daemon.h"
#include "daemon/sensor/procs.h"
#include "daemon/sensor/watch_probe.h"
#include "daemon/sandbox.h"
#include <stdio.h>
#include <unistd.h>

int daemon_processes(const char *what)
{
	if (procs_say(strcmp(what, "listen") == 0) == 0)
		return 0;
	fprintf(stderr, "boltseald: process events: %s\n", err_why());
	return 1;
}

int daemon_trial(const char *path)
{
	if (probe_trial(path) == 0)
		return 0;
	fprintf(stderr, "boltseald: trial: %s\n", err_why());
	return 1;
}

/* What the gateway's unit has in the place of the host's, and what opens it. NULL: it stays closed. */
static const struct {
	const char *below, *opens;
} places[] = {
	{"/tmp", "PrivateTmp=no\n"},
	{"/var/tmp", "PrivateTmp=no\n"},
	{"/home", "ProtectHome=read-only\n"},
	{"/root", "ProtectHome=read-only\n"},
	{"/run/user", "ProtectHome=read-only\n"},
	{"/dev", NULL},
	{"/proc", NULL},
	{"/sys", NULL},
	{"/boot", NULL},
	{"/var/lib/docker", NULL},
	{"/var/lib/containers", NULL},
	{"/var/lib/containerd", NULL},
	{"/var/lib/kubelet", NULL},
	{"/var/lib/lxc", NULL},
	{"/var/lib/incus", NULL},
	{"/var/lib/lxd", NULL},
	{"/var/lib/machines", NULL},
};

/* COUNTOF(places): in none of them. */
static size_t place_of(const char *path)
{
	size_t i = 0;

	while (i < COUNTOF(places) && !path_within(span_of(path), span_of(places[i].below)))
		i++;
	return i;
}

const char *sandbox_lacks(const struct config_sink *s)
{
	const char *path = s->address;
	size_t place;

	if (s->type != CONFIG_SINK_FILE)
		return NULL;
	if (strrchr(path, '/') == path)
		return "a file directly in / cannot be written by the gateway's unit: give it a directory";
	/* How these are read in a unit differs between releases of systemd. */
	if (strpbrk(path, "\"'\\ \t\n"))
		return "quotes and backslashes in a path cannot be said in the gateway's unit: name another";
	if (strstr(path, "/../") || strstr(path, "/./") || strstr(path, "//"))
		return "the gateway's unit takes only a path without . and .. and empty parts";
	place = place_of(path);
	return place < COUNTOF(places) && !places[place].opens
		       ? "the gateway's unit sees nothing of that place: name a file elsewhere"
		       : NULL;
}

static void write_path(struct buf *out, const char *path)
{
	const char *end = strrchr(path, '/');

	buf_add_text(out, "ReadWritePaths=-");
	for (; path < end; path++) {
		buf_u8(out, (uint8_t)*path);
		if (*path == '%')
			buf_u8(out, '%');
	}
	buf_u8(out, '\n');
}

/* What the path of a sink needs, and whether it has one that is of the unit's concern. */
static void open_path(struct buf *out, const struct config_sink *s)
{
	struct sink_address a;
	size_t place;

	if (sandbox_lacks(s) || sink_address_parse(s->address, &a) < 0 ||
		(a.scheme != SINK_TO_PATH && a.scheme != SINK_TO_UNIX))
		return;
	place = place_of(a.path);
	if (place < COUNTOF(places) && places[place].opens)
		buf_add_text(out, places[place].opens);
	if (a.scheme == SINK_TO_PATH)
		write_path(out, a.path);
}

void sandbox_drop_in(const struct config *c, struct buf *out)
{
	BUF struct buf lines = {0};

	if (sandbox_needs_network(c))
		buf_add_text(&lines, "PrivateNetwork=no\nRestrictAddressFamilies=AF_INET AF_INET6\n"
				     "IPAddressDeny=\n");
	for (size_t i = 0; i < c->n_sinks; i++)
		open_path(&lines, &c->sinks[i]);
	if (!lines.n)
		return;
	buf_add_text(out,
		"# Made by boltseal-generator from the sinks of the configuration.\n[Service]\n");
	buf_add_span(out, buf_span(&lines));
}

bool sandbox_needs_network(const struct config *c)
{
	for (size_t i = 0; i < c->n_sinks; i++)
		if (sandbox_is_remote(&c->sinks[i]))
			return true;
	return false;
}

bool sandbox_is_remote(const struct config_sink *s)
{
	struct sink_address a;

	return sink_address_parse(s->address, &a) == 0 && a.scheme >= SINK_TO_UDP;
}

int daemon_print_sandbox(const struct daemon_args *args)
{
	CONFIG struct config *c = NULL;
	BUF struct buf out = {0};

	if (daemon_config(args, &c) < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return 2;
	}
	sandbox_drop_in(c, &out);
	if (buf_err(&out) < 0 || fd_write_all(STDOUT_FILENO, out.p, out.n) < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return 2;
	}
	return 0;
}
