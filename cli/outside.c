#include "cli/outside.h"
#include "base/clock.h"
#include "base/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (5 * CLOCK_S)
enum { SAID_MAX = 8192 };
#define LAST_WORDS "journalctl -u boltseald -u boltseal-gateway -n 20 says why; "

/* Until it closes its end, has said too much, or the time is over. */
static bool hear(int fd, struct buf *said)
{
	int64_t end = clock_mono() + PATIENCE;

	while (said->n < SAID_MAX) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_mono();
		char part[1024];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)(left / CLOCK_MS) + 1) <= 0)
			continue;
		n = read(fd, part, sizeof(part));
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0)
			buf_add(said, part, (size_t)n);
	}
	return true;
}

static int spawn(char *const *argv, int said, pid_t *ret)
{
	char *const env[] = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", NULL};
	posix_spawn_file_actions_t a;
	int r = posix_spawn_file_actions_init(&a);

	if (r)
		return r;
	posix_spawn_file_actions_addopen(&a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, said, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&a, said, STDERR_FILENO);
	r = posix_spawn(ret, argv[0], &a, NULL, argv, env);
	posix_spawn_file_actions_destroy(&a);
	return r;
}

/* Its exit status; negative: it could not be run, or did not end. */
static int run(char *const *argv, struct buf *said)
{
	FD int in = -1, out = -1;
	int ends[2], status = 0;
	pid_t child = -1;
	bool ended;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	in = ends[0];
	out = ends[1];
	if (spawn(argv, out, &child))
		return -1;
	fd_close(&out);
	ended = hear(in, said);
	if (!ended)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *find(json_t *findings, const char *id)
{
	size_t i;
	json_t *v;

	json_array_foreach(findings, i, v)
		if (span_is(get_text(v, "id"), id))
			return v;
	return NULL;
}

static void say(json_t *f, const char *what, const char *costs, const char *todo)
{
	const struct {
		const char *key, *text;
	} rows[] = {{"severity", "problem"}, {"what", what}, {"costs", costs}, {"do", todo}};

	for (size_t i = 0; f && i < COUNTOF(rows); i++)
		if (rows[i].text)
			json_object_set_new(f, rows[i].key, json_string(rows[i].text));
}

/* Beside this program, or where the package has it. */
static bool daemon_program(char ret[PATH_MAX])
{
	static const char *const places[] = {"/boltseald", "/../sbin/boltseald"};
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (n <= 0)
		return false;
	own[n] = 0;
	*strrchr(own, '/') = 0;
	for (size_t i = 0; i < COUNTOF(places); i++)
		if (snprintf(ret, PATH_MAX, "%s%s", own, places[i]) < PATH_MAX &&
			access(ret, X_OK) == 0)
			return true;
	return false;
}

/* Its first line that is no warning, without the program's name in front. */
static char *sentence(struct buf *said)
{
	static const char name[] = "boltseald: ";
	char *save = NULL, *text = (char *)(uintptr_t)buf_text(said);

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, name, strlen(name)) == 0 && !strstr(line, ": warning: "))
			return line + strlen(name);
	return NULL;
}

/* Whoever may not read it learns nothing about it. */
static bool configuration(json_t *findings)
{
	char program[PATH_MAX], check[] = "--check-config";
	char *const argv[] = {program, check, NULL};
	BUF struct buf said = {.p = NULL}, what = {.p = NULL};
	const char *why;

	if (!find(findings, "configuration") || !daemon_program(program) || run(argv, &said) != 2)
		return false;
	why = sentence(&said);
	if (!why || (geteuid() != 0 && strstr(why, strerror(EACCES))))
		return false;
	buf_printf(&what, "the configuration is wrong: %s", why);
	say(find(findings, "configuration"), buf_text(&what),
		"With it the daemon does not start: nothing is watched.",
		"mend it, check with boltseald --check-config, then systemctl restart boltseald "
		"boltseal-gateway");
	return true;
}

/* Which of the two the service manager gave up, as "boltseald and boltseal-gateway"; false: none. */
static bool units_failed(struct buf *ret)
{
	char program[] = "/usr/bin/systemctl", verb[] = "is-failed", sensor[] = "boltseald",
	     gateway[] = "boltseal-gateway";
	char *const units[] = {sensor, gateway};

	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	for (size_t i = 0; i < COUNTOF(units); i++) {
		char *const argv[] = {program, verb, units[i], NULL};
		BUF struct buf said = {.p = NULL};

		if (run(argv, &said) == 0 && span_is(buf_span(&said), "failed\n"))
			buf_printf(ret, "%s%s", ret->n ? " and " : "", units[i]);
	}
	return ret->n;
}

void outside_ask(json_t *findings)
{
	BUF struct buf failed = {.p = NULL}, what = {.p = NULL};
	bool wrong = configuration(findings), gone = units_failed(&failed);
	const char *todo = wrong ? LAST_WORDS "mend the configuration first (see configuration), "
					      "then systemctl restart boltseald boltseal-gateway"
				 : LAST_WORDS "mend that, then systemctl restart boltseald "
					      "boltseal-gateway";

	if (gone) {
		buf_printf(&what, "the service manager tells of %s: failed", buf_text(&failed));
		say(find(findings, "unit"), buf_text(&what),
			"It is not started again until a person does it.", todo);
	}
	if ((gone || wrong) && !span_is(get_text(find(findings, "sensor"), "severity"), "ok"))
		json_object_set_new(find(findings, "sensor"), "do", json_string(todo));
}
