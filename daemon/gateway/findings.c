/* What the gateway sees of itself and around it: the sensor, its own rights, the socket, sinks, rules. */
#include "daemon/gateway/findings.h"
#include "base/clock.h"
#include "daemon/config_sinks.h"
#include "daemon/daemon.h"
#include "daemon/gateway/gw.h"
#include "daemon/self.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SINK_LATE_S = 300, RULES_LINTED = 2000, LINTED_TOLD = 10 };
#define JOURNALD_SOCKET "/run/systemd/journal/socket"

static void sensor(struct call *c, struct json *j, bool answers, struct span version)
{
	const char *why = pulse_why(c->g);
	bool down = view_sensor_down(c) || pulse_is_silent(c->g) || !answers;

	FINDING(j, SENSOR, down, "%s",
		!down ? "the sensor answers"
		: why ? why
		      : "the sensor does not answer");
	FINDING(j, GATEWAY, false, "the gateway answers");
	if (version.n)
		FINDING(j, VERSIONS, !span_is(version, BOLTSEAL_VERSION),
			"the gateway is of version %s, the sensor of %.*s", BOLTSEAL_VERSION,
			(int)version.n, (const char *)version.p);
}

static void program(struct json *j)
{
	BUF struct buf exe = {.p = NULL};
	bool replaced = self_is_replaced(&exe);

	finding_put(j,
		&(struct finding){
			.check = CHECK_BINARY, .bad = replaced, .subject = buf_span(&exe)},
		replaced ? "the gateway's program was replaced since it was started"
			 : "the gateway's program is the one that is installed");
}

static void rights(struct json *j)
{
	uint64_t caps = 0, held = 0, nnp = 0;
	bool root = geteuid() == 0;

	if (self_number("CapEff", 16, &caps) < 0 || self_number("CapPrm", 16, &held) < 0 ||
		self_number("NoNewPrivs", 10, &nnp) < 0) {
		FINDING(j, GATEWAY_DROP, root,
			"the gateway has uid %u; what else it has cannot be read", geteuid());
		return;
	}
	FINDING(j, GATEWAY_DROP, root || caps || held || !nnp,
		"the gateway has uid %u, capabilities %llx, no_new_privs %s", geteuid(),
		(unsigned long long)(caps | held), nnp ? "on" : "off");
}

/* The program's own wall; a unit's filter stands around it. */
static void wall(struct call *c, struct json *j)
{
	const struct wall_row *row = c->g->limits.wall ? c->g->limits.wall->row : NULL;
	uint64_t seccomp = 0;

	if (self_number("Seccomp", 10, &seccomp) == 0)
		FINDING(j, GATEWAY_SECCOMP, seccomp != 2, "the gateway's system calls are %s%s%s",
			seccomp == 2 ? "confined by a filter" : "not confined", row ? ": " : "",
			row ? row[WALL_SECCOMP].result : "");
	if (row)
		FINDING(j, GATEWAY_FILES, !row[WALL_LANDLOCK].ok, "the gateway's files are %s: %s",
			row[WALL_LANDLOCK].ok ? "confined by Landlock" : "not confined",
			row[WALL_LANDLOCK].result);
}

static void user(struct call *c, struct json *j)
{
	const struct passwd *user = getpwuid(geteuid());
	const char *wanted = c->g->config->gateway_user;
	bool own = user && strcmp(user->pw_name, wanted) == 0;

	finding_put(j,
		&(struct finding){.check = CHECK_GATEWAY_USER,
			.bad = !own && geteuid() != 0,
			.subject = span_of(wanted)},
		"the gateway runs as %s", user ? user->pw_name : "a user without a name");
}

static void socket_group(struct call *c, struct json *j)
{
	const char *name = c->g->config->group;
	const struct group *gr = getgrnam(name);
	FINDING_NAMES struct finding_names who = {.n = 0};
	struct stat st;
	bool given = gr && stat(c->g->config->socket, &st) == 0 && st.st_gid == gr->gr_gid;
	struct finding f = {.check = CHECK_SOCKET_GROUP, .subject = span_of(name)};

	for (size_t i = 0; gr && gr->gr_mem[i]; i++)
		finding_name(&who, span_of(gr->gr_mem[i]));
	f.bad = !given || (!who.n && gr->gr_gid != 0);
	if (!gr)
		finding_put(j, &f, "there is no group %s", name);
	else if (!given)
		finding_put(j, &f, "the socket does not belong to the group %s", name);
	else
		finding_put(j, &f, "the socket is for the group %s, whose members are: %s", name,
			who.n ? finding_names_text(&who) : "none");
}

/* ---- sinks ---- */

static bool is_journald(const struct config *c, const char *name, const char **ret_socket)
{
	for (size_t i = 0; i < c->n_sinks; i++)
		if (c->sinks[i].type == CONFIG_SINK_JOURNALD &&
			strcmp(c->sinks[i].name, name) == 0) {
			*ret_socket = c->sinks[i].address[0]
					      ? c->sinks[i].address + strlen("unix://")
					      : JOURNALD_SOCKET;
			return true;
		}
	return false;
}

static void one_sink(struct call *c, struct json *j, const struct sink_status *s)
{
	struct finding f = {.check = CHECK_SINK_LATE, .subject = span_of(s->name)};
	BUF struct buf ago = {.p = NULL};
	const char *socket = NULL;
	struct sink_lag lag;

	(void)sinks_lag(c->g, s, &lag);
	clock_format_duration(&ago, lag.seconds * CLOCK_S);
	if (is_journald(c->g->config, s->name, &socket) && access(socket, F_OK) < 0) {
		f.check = CHECK_JOURNALD;
		f.bad = true;
		finding_put(
			j, &f, "sink %s: there is no socket of journald at %s", s->name, socket);
		return;
	}
	if (s->failing_since) {
		f.check = CHECK_SINK_FAILS;
		f.bad = true;
		f.since = s->failing_since;
		finding_put(j, &f, "sink %s: %s; it lacks %llu events", s->name, s->error,
			(unsigned long long)lag.events);
		return;
	}
	if (!s->sent && lag.events) {
		f.check = CHECK_SINK_NEVER;
		f.bad = true;
		finding_put(j, &f,
			"sink %s has delivered nothing since the gateway started and lacks "
			"%llu events",
			s->name, (unsigned long long)lag.events);
		return;
	}
	f.bad = lag.seconds >= SINK_LATE_S;
	finding_put(j, &f, "sink %s is %llu events and %s behind", s->name,
		(unsigned long long)lag.events, buf_text(&ago));
	if (!s->refused)
		return;
	f.check = CHECK_SINK_REFUSED;
	f.bad = true;
	finding_put(j, &f, "sink %s: its receiver refused %llu events for good", s->name,
		(unsigned long long)s->refused);
}

static void sink_files(struct call *c, struct json *j)
{
	BUF struct buf lines = {.p = NULL};
	bool some;

	config_sinks_absent(c->g->config, &lines);
	some = lines.n;
	buf_u8(&lines, 0);
	for (char *save = NULL,
		  *line = buf_err(&lines) < 0 ? NULL : strtok_r((char *)lines.p, "\n", &save);
		line; line = strtok_r(NULL, "\n", &save))
		FINDING(j, SINK_FILES, true, "%s", line);
	if (!some && c->g->config->n_sinks)
		FINDING(j, SINK_FILES, false, "every file that a sink names is there");
}

static void sinks(struct call *c, struct json *j)
{
	struct sink_status s;
	size_t n = 0;

	for (; sinks_status(c->g->sinks, n, &s); n++)
		one_sink(c, j, &s);
	FINDING(j, SINKS, n == 0, n ? "events are sent to %zu sinks" : "no sink is configured", n);
}

/* ---- configuration and rules ---- */

static void reload(struct call *c, struct json *j)
{
	const char *why = c->g->reloaded.why;

	finding_put(j, &(struct finding){.check = CHECK_RELOAD, .bad = why, .quote = span_of(why)},
		"the gateway's last reading of configuration and rules %s",
		why ? "failed" : "was taken");
}

struct linted {
	struct json *j;
	size_t n;
};

static void on_linted(void *ctx, const struct rules_finding *f)
{
	struct linted *l = ctx;

	if (l->n++ < LINTED_TOLD)
		FINDING(l->j, RULES, true, "%s:%u:%u: %s", f->file, f->line, f->col, f->text);
}

static void rules_lint_into(struct call *c, struct json *j)
{
	struct linted l = {j, 0};
	const struct rules_hear hear = {on_linted, &l, 0};

	if (!c->g->rules || c->g->rules->n > RULES_LINTED)
		return;
	if (!c->g->rules->n) {
		BUF struct buf none = {.p = NULL};

		daemon_no_rules(c->g->config, &none);
		FINDING(j, NO_RULES, true, "%s", buf_text(&none));
		return;
	}
	rules_lint(c->g->rules, clock_wall(), &hear);
	if (!l.n)
		FINDING(j, RULES, false, "%zu rules of %zu files, none shadowed or expired",
			c->g->rules->n, c->g->rules->n_files);
}

void findings_self(struct call *c, struct json *j, bool sensor_answers, struct span sensor_version)
{
	sensor(c, j, sensor_answers, sensor_version);
	program(j);
	rights(j);
	wall(c, j);
	user(c, j);
	socket_group(c, j);
	reload(c, j);
	rules_lint_into(c, j);
	sink_files(c, j);
	sinks(c, j);
}
