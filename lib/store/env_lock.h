/* env_lock.h - is the lock that LMDB keeps in a file free? For env.c only. */
#pragma once

/* Whoever may read the store may take its lock for ever, and LMDB takes a lock file that somebody has open
 * as it is. Finds out in a child, which waits `wait_ms` for both of its mutexes; when they do not come
 * the file is removed, and a new one will be made: 1. 0: they are free, or nobody has the file open. */
int env_lock_renew(const char *dir, int wait_ms);
