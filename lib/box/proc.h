/* proc.h - facts about one process, read from /proc while it lives. */
#pragma once

#include "base/arena.h"
#include "model/actor.h"

/* Fills pid, start, uid, gid, login_uid, exe, cmdline, comm of `ret`; spans live in `mem`. -ESRCH
 * when it is gone; what cannot be read stays empty and `reason` says why. */
int proc_actor(int pid, struct arena *mem, struct actor *ret);
/* Field 22 of /proc/PID/stat; 0 when gone. */
uint64_t proc_start(int pid);
/* Inode of /proc/PID/ns/mnt; 0 when gone or refused. */
uint64_t proc_mnt_ns(int pid);
/* May we see every process's namespaces? With CAP_SYS_PTRACE, and in the host's own pid namespace. */
bool proc_sees_all(void);
