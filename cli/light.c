/* boltseal, becoming boltseal-proof: the one beside it, as where it was built, or else the installed one. */
#include "base/paths.h"
#include "cli/proof.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "boltseal-proof"

static void try_beside(char **argv)
{
	char path[PATH_MAX + sizeof(PROGRAM)];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	if (n <= 0 || n == PATH_MAX)
		return;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return;
	memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	execv(path, argv);
}

static int become(struct cli *c)
{
	fflush(stdout);
	try_beside(c->argv);
	execv(BOLTSEAL_LIBEXEC_DIR "/" PROGRAM, c->argv);
	return complain("%s: %s: this needs it; install it again", BOLTSEAL_LIBEXEC_DIR "/" PROGRAM,
		strerror(errno));
}

#define X_LIGHT(name)                                                                              \
	int name(struct cli *c, const struct args *a)                                              \
	{                                                                                          \
		(void)a;                                                                           \
		return become(c);                                                                  \
	}
PROOF_RUNS(X_LIGHT)
