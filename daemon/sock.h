/* sock.h - listening on a name in the file system, politely: a dead socket is taken over, a live one
 * is not. */
#pragma once

#include "base/attr.h"

/* `type`: SOCK_STREAM or SOCK_SEQPACKET. The socket is 0660, of group `gid` when >= 0, non-blocking
 * and close-on-exec. -EADDRINUSE: "… is in use by a live daemon (pid …)"; -EEXIST: no socket. */
int sock_listen(const char *path, int type, int gid, int *ret_fd);
/* Non-blocking and close-on-exec; waits at most two seconds for a busy listener. */
int sock_connect(const char *path, int type, int *ret_fd);
