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

/* The directory of a path that systemd would not take for something else. */
static void write_path(struct buf *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash && slash > path ? (size_t)(slash - path) : 0;

	if (!n || strpbrk(path, "%\"'\\ \t\n"))
		return;
	buf_add_text(out, "ReadWritePaths=-");
	buf_add(out, path, n);
	buf_u8(out, '\n');
}

void sandbox_drop_in(const struct config *c, struct buf *out)
{
	bool network = sandbox_needs_network(c), files = false;

	for (size_t i = 0; i < c->n_sinks; i++)
		files |= c->sinks[i].type == CONFIG_SINK_FILE;
	if (!network && !files)
		return;
	buf_add_text(out,
		"# Made by boltseal-generator from the sinks of the configuration.\n[Service]\n");
	if (network)
		buf_add_text(out, "PrivateNetwork=no\nRestrictAddressFamilies=AF_INET AF_INET6\n"
				  "IPAddressDeny=\n");
	for (size_t i = 0; i < c->n_sinks; i++)
		if (c->sinks[i].type == CONFIG_SINK_FILE)
			write_path(out, c->sinks[i].address);
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
