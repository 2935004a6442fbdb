/* Giving up what the gateway must not have. The order matters: the bounding set and the groups need
 * the privileges that the last step gives away. */
#include "base/err.h"
#include "daemon/daemon.h"
#include <cap-ng.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

static int become(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0)
		return err_sys("the gateway's groups");
	if (setresgid(gid, gid, gid) < 0)
		return err_sys("the gateway's group %u", gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_sys("the gateway's user %u", uid);
	return 0;
}

int daemon_drop(uid_t uid, gid_t gid)
{
	int r;

	capng_clear(CAPNG_SELECT_BOTH);
	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it worthless. */
	if (geteuid() == 0 && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return err_set(-EPERM, "the gateway's bounding set cannot be emptied");
	if ((r = become(uid, gid)) < 0)
		return r;
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return err_set(-EPERM, "the gateway's capabilities cannot be dropped");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys("no_new_privs");
	return 0;
}
