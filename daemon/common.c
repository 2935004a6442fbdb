/* What both roles and the supervisor do with the command line and the configuration. */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/config_sinks.h"
#include "daemon/daemon.h"
#include "daemon/sandbox.h"
#include "daemon/log.h"
#include "store/env.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* The roles compare paths and make them anew after a reload: they are absolute from here on. */
static int absolute(struct config *c, const char *path, const char **to)
{
	FREE char *here = NULL;

	if (path[0] == '/') {
		*to = (const char *)arena_dup(&c->mem, span_of(path)).p;
		return 0;
	}
	here = getcwd(NULL, 0);
	if (!here)
		return err_sys("%s: the current directory", path);
	*to = (const char *)arena_printf(&c->mem, "%s/%s", here, path).p;
	return 0;
}

static int check_socket(const struct config *c)
{
	BUF struct buf door = {0};
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
	int r = daemon_door_path(c, &door);

	if (r < 0)
		return r;
	if (strlen(c->socket) >= room || door.n >= room)
		return err_set(-ENAMETOOLONG, "socket %s: the path is too long", c->socket);
	return 0;
}

int daemon_config(const struct daemon_args *args, struct config **ret)
{
	const char *file = args->config_file ? args->config_file : DAEMON_CONFIG_FILE;
	CONFIG struct config *c = NULL;
	int r = config_load(&c, file, args->config_file);

	*ret = NULL;
	if (r < 0)
		return r;
	if (args->state_dir && (r = absolute(c, args->state_dir, &c->state_dir)) < 0)
		return r;
	if (args->socket && (r = absolute(c, args->socket, &c->socket)) < 0)
		return r;
	if (args->verbose)
		c->log_level = CONFIG_LOG_DEBUG;
	if ((r = check_socket(c)) < 0)
		return r;
	*ret = take(c);
	return 0;
}

int daemon_rules(const struct config *c, struct rules **ret)
{
	bool none = strcmp(c->rules_dir, CONFIG_RULES_DIR) == 0 && access(c->rules_dir, F_OK) < 0 &&
		    errno == ENOENT;
	int r;

	r = rules_load(ret, &c->rules_dir, none ? 0 : 1, NULL);
	return r < 0 ? r : rules_digest(*ret);
}

void daemon_no_rules(const struct config *c, struct buf *out)
{
	buf_printf(out,
		"no rules are loaded: there are none in %s: every change has the default severity, "
		"nothing is expected or withheld",
		c->rules_dir);
}

static void tell_finding(void *ctx, const struct rules_finding *f)
{
	(void)ctx;
	fprintf(stderr, "boltseald: %s:%u:%u: %s%s\n", f->file, f->line, f->col,
		f->error ? "" : "warning: ", f->text);
}

/* All that is wrong with them, and what is surely not meant. */
static int check_rules(const struct config *c, struct buf *out)
{
	const struct rules_hear hear = {tell_finding, NULL, clock_wall()};
	bool none = strcmp(c->rules_dir, CONFIG_RULES_DIR) == 0 && access(c->rules_dir, F_OK) < 0;
	RULES struct rules *rules = NULL;
	BUF struct buf none_said = {0};
	int r = rules_load(&rules, &c->rules_dir, none ? 0 : 1, &hear);

	if (r < 0)
		return r;
	rules_lint(rules, clock_wall(), &hear);
	if (rules->n_files)
		buf_printf(out, "%s: %zu rules of %zu files: ok\n", c->rules_dir, rules->n,
			rules->n_files);
	if (!rules->n) {
		daemon_no_rules(c, &none_said);
		fprintf(stderr, "boltseald: warning: %s\n", buf_text(&none_said));
	}
	return 0;
}

static void warn_of_sinks(const struct config *c)
{
	BUF struct buf lines = {0};
	char *line, *save = NULL;

	config_sinks_absent(c, &lines);
	for (size_t i = 0; i < c->n_sinks; i++)
		if (sandbox_lacks(&c->sinks[i]))
			buf_printf(&lines, "sinks[] %s: as a service: %s\n", c->sinks[i].name,
				sandbox_lacks(&c->sinks[i]));
	buf_u8(&lines, 0);
	if (buf_err(&lines) < 0)
		return;
	for (line = strtok_r((char *)lines.p, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		fprintf(stderr, "boltseald: warning: %s\n", line);
}

int daemon_check_config(const struct daemon_args *args)
{
	CONFIG struct config *c = NULL;
	BUF struct buf out = {0};
	struct daemon_args quiet = *args;

	quiet.verbose =
		false; /* here it asks for more words, it does not change what is in effect */
	if (daemon_config(&quiet, &c) < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return 2;
	}
	if (c->file)
		buf_printf(&out, "%s: ok\n", c->file);
	else
		buf_add_text(&out, DAEMON_CONFIG_FILE ": not there, every default: ok\n");
	warn_of_sinks(c);
	if (check_rules(c, &out) < 0)
		return 2;
	if (args->verbose)
		config_print(c, &out);
	if (buf_err(&out) < 0 || fd_write_all(STDOUT_FILENO, out.p, out.n) < 0) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return 2;
	}
	return 0;
}

/* A package asks before it replaces us: a configuration that is wrong must not leave it without an answer. */
static int find_format(const struct daemon_args *args, uint32_t *ret)
{
	CONFIG struct config *c = NULL;
	int r;

	if (args->state_dir)
		return store_format(args->state_dir, ret);
	if (daemon_config(args, &c) == 0)
		return store_format(c->state_dir, ret);
	fprintf(stderr, "boltseald: %s; looking into " BOLTSEAL_STATE_DIR "\n", err_why());
	r = store_format(BOLTSEAL_STATE_DIR, ret);
	return r == -ENOENT
		       ? err_set(-EINVAL,
				 "which store was configured is not known: name it with --state-dir")
		       : r;
}

int daemon_store_format(const struct daemon_args *args)
{
	uint32_t format = 0;
	int r = find_format(args, &format);

	if (r < 0 && r != -ENOENT) {
		fprintf(stderr, "boltseald: %s\n", err_why());
		return r == -EINVAL ? 2 : 1;
	}
	printf("program %d\n", STORE_FORMAT);
	if (r == 0)
		printf("store %u\n", format);
	else
		puts("store none");
	return fflush(stdout) ? 1 : 0;
}

int daemon_door_path(const struct config *c, struct buf *out)
{
	const char *slash = strrchr(c->socket, '/');

	must(slash);
	buf_add(out, c->socket, (size_t)(slash - c->socket) + 1);
	buf_add_text(out, "door.sock");
	return buf_err(out);
}

int daemon_group(const char *group)
{
	const struct group *g = getgrnam(group);
	uint64_t n;

	if (g)
		return (int)g->gr_gid;
	return text_u64(span_of(group), 0, INT32_MAX, &n) == 0 ? (int)n : -1;
}

int daemon_gateway_ids(const struct config *c, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *user;
	bool fell_back = false;

	*ret_uid = geteuid();
	*ret_gid = getegid();
	if (*ret_uid != 0)
		return 0;
	user = getpwnam(c->gateway_user);
	if (!user) {
		fell_back = true;
		user = getpwnam("nobody");
	}
	*ret_uid = user ? user->pw_uid : 65534;
	*ret_gid = user ? user->pw_gid : 65534;
	if (*ret_uid == 0)
		return err_set(-EINVAL, "gateway.user: %s is root; the gateway must not be",
			c->gateway_user);
	return fell_back ? DAEMON_NOBODY : 0;
}

bool daemon_gateway_service(const struct config *c, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *user = getpwnam(c->gateway_user);

	if (!user || user->pw_uid == 0 || user->pw_uid == geteuid())
		return false;
	if (user->pw_gid != getegid() && !group_member(user->pw_gid))
		return false;
	*ret_uid = user->pw_uid;
	*ret_gid = user->pw_gid;
	return true;
}
