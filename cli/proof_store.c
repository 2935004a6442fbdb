/*
 * A copy comes from somewhere else, and LMDB trusts the pages of its file: one that was damaged there can end
 * who reads it. So a child reads it, and how that ends is part of the answer.
 */
#include "base/err.h"
#include "base/fd.h"
#include "cli/proof.h"
#include "cli/proof_keys.h"
#include "cli/verify.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MOST = 1 << 30 };

/* A page that leads back to itself would be read for ever: so many seconds of a processor, and some for each MiB, are
 * enough for any store that is not damaged. */
enum { SECONDS = 60, SECONDS_PER_MIB = 2 };

static void limit_time(const char *dir)
{
	char path[PATH_MAX];
	struct stat st = {.st_size = 0};
	struct rlimit cpu;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	stat(path, &st);
	cpu.rlim_cur = SECONDS + SECONDS_PER_MIB * ((rlim_t)st.st_size >> 20);
	cpu.rlim_max = cpu.rlim_cur + 5; /* or it would be killed without a word of why */
	setrlimit(RLIMIT_CPU, &cpu);
}

/* Its exit status. */
static int in_child(struct cli *c, const struct args *a, int fd)
{
	const struct boltseal_trust trust = verify_trust(a);
	static const struct rlimit none = {0, 0};
	int clean = 0, r;

	setrlimit(RLIMIT_CORE, &none);
	limit_time(a->val[VERIFY_STORE]);
	r = ask_check(
		c, boltseal_verify_store(c->h, a->val[VERIFY_STORE], &trust, &clean, &c->reply));
	if (r)
		return r;
	return fd_write_all(fd, c->reply.body, c->reply.body_len) < 0 ? complain("%s", err_why())
								      : EXIT_CLEAN;
}

static int say_damaged(const char *dir, int sig, json_t **ret)
{
	*ret = json_pack("{s:[{s:s, s:s+, s:b, s:s}], s:b}", "checks", "check", "store", "detail",
		"its file is damaged: reading it ended by ", strsignal(sig), "ok", 0, "subject",
		dir, "clean", 0);
	return *ret ? 0 : complain("%s: its file is damaged: reading it ended by a signal", dir);
}

static int read_answer(int fd, json_t **ret)
{
	BUF struct buf text = {0};
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd_read_all(fd, ANSWER_MOST, &text);

	*ret = r < 0 ? NULL : json_loadb((const char *)text.p, text.n, JSON_ALLOW_NUL, NULL);
	return *ret ? 0 : complain("the proof's answer cannot be read");
}

static int prove(struct cli *c, const struct args *a, json_t **ret)
{
	const char *dir = a->val[VERIFY_STORE];
	FD int fd = memfd_create("answer", MFD_CLOEXEC);
	pid_t child = fd < 0 ? -1 : fork();
	int how = 0;

	if (child < 0)
		return complain("%s: %s", dir, strerror(errno));
	if (child == 0)
		_exit(in_child(c, a, fd));
	while (waitpid(child, &how, 0) < 0)
		if (errno != EINTR)
			return complain("%s: %s", dir, strerror(errno));
	if (WIFSIGNALED(how))
		return say_damaged(dir, WTERMSIG(how), ret);
	return WEXITSTATUS(how) ? EXIT_TROUBLE : read_answer(fd, ret);
}

int proof_store_run(struct cli *c, const struct args *a)
{
	JSON json_t *answer = NULL;
	int r = prove(c, a, &answer);

	if (!r)
		told_odd_keys(a->val[VERIFY_KEY]);
	return verify_show(c, r, answer);
}
