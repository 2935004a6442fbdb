/*
 * spaces.h - the mount namespaces that are not ours, each followed by its mount table and by a
 * process in it: a mount made there, or the end of that process, may mean "look again". It does
 * where a container lives, or when the root or an overlay is another than before; services in
 * namespaces of their own see every mount of the host come and go, and that means nothing.
 *
 * An open mount table keeps its namespace alive, and with it every mount there. So it is closed as
 * soon as the process that it was opened by has ended; the next look opens it by another one, if
 * there is one. Runs on the loop.
 */
#pragma once

#include "box/mounts.h"

struct sensor;
struct space {
	struct space *next;
	uint64_t inode;
	uint64_t sign; /* mounts_signature(), or of all where a container lives */
	int pid, mounts_fd, pid_fd;
	bool boxed; /* a container lives in it */
	bool seen;  /* in the look under way */
};
struct spaces {
	struct space *first;
	size_t n;
	uint64_t own,
		host; /* the inodes of the namespaces that we live in, and that is the host's */
	uint64_t host_sign;
	bool host_moved; /* it is to be taken again */
};
void spaces_init(struct spaces *sp);
void spaces_free(struct spaces *sp);
/* Follows exactly these, as a look found them. */
void spaces_follow(struct sensor *s, const struct mnt_ns *v, size_t n);
/* A process that may live in one not known yet: it is followed from now on. */
void spaces_meet(struct sensor *s, int pid);
/* What epoll told by `tag`. */
void spaces_wake(struct sensor *s, uint64_t tag);
