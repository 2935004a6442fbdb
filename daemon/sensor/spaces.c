#include "daemon/sensor/spaces.h"
#include "base/clock.h"
#include "base/fd.h"
#include "box/proc.h"
#include "daemon/sensor/loop.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two descriptors each; what is beyond is found by the slow round. */
enum { SPACES_MAX = 4096 };
/* Mounts come in bursts. */
#define HINT_SETTLES (5 * CLOCK_MS)

static void space_free(struct space *p)
{
	fd_close(&p->mounts_fd);
	fd_close(&p->pid_fd);
	free(p);
}

void spaces_init(struct spaces *sp)
{
	sp->own = proc_mnt_ns(getpid());
	sp->host = proc_host_mnt_ns();
}

void spaces_free(struct spaces *sp)
{
	while (sp->first) {
		struct space *p = sp->first;

		sp->first = p->next;
		space_free(p);
	}
	sp->n = 0;
}

static struct space *find(const struct spaces *sp, uint64_t inode)
{
	for (struct space *p = sp->first; p; p = p->next)
		if (p->inode == inode)
			return p;
	return NULL;
}

static void forget(struct spaces *sp, struct space *p)
{
	struct space **at = &sp->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	sp->n--;
	space_free(p);
}

/* The namespace is asked for last: a pid that came round meanwhile is found out. */
static bool open_by(struct space *p)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", p->pid);
	p->pid_fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	p->mounts_fd = open(path, O_RDONLY | O_CLOEXEC);
	return p->pid_fd >= 0 && p->mounts_fd >= 0 && proc_mnt_ns(p->pid) == p->inode;
}

static uint64_t sign_of(struct sensor *s, int pid, bool all)
{
	MOUNTS struct mounts m = {0};

	if (mounts_of_pid(pid, (enum mounts_how)s->cfg->find_how, &m) < 0)
		return 0;
	return all ? mounts_signature_all(&m) : mounts_signature(&m);
}

static struct space *add(struct sensor *s, uint64_t inode, int pid)
{
	struct space *p;

	if (s->spaces.n >= SPACES_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	must(p);
	*p = (struct space){
		.inode = inode, .pid = pid, .mounts_fd = -1, .pid_fd = -1, .seen = true};
	if (!open_by(p) ||
		sensor_watch_fd(
			s, p->mounts_fd, EPOLLPRI | EPOLLERR | EPOLLET, TAG_SPACES | inode) < 0 ||
		sensor_watch_fd(s, p->pid_fd, EPOLLIN, TAG_SPACE_ENDS | inode) < 0) {
		space_free(p);
		return NULL;
	}
	p->next = s->spaces.first;
	s->spaces.first = p;
	s->spaces.n++;
	return p;
}

static bool is_boxed(const struct sensor *s, uint64_t inode)
{
	for (struct reg *r = s->reg.regs; r; r = r->next)
		if (r->mnt_ns == inode)
			return true;
	return false;
}

/* What the look has seen is what the next change is held against. */
static void follow(struct sensor *s, const struct mnt_ns *v)
{
	struct space *known = find(&s->spaces, v->inode);
	struct space *p = known ? known : add(s, v->inode, v->pid);

	if (!p)
		return;
	p->seen = true;
	p->boxed = is_boxed(s, v->inode);
	p->sign = p->boxed ? v->sign_all : v->sign;
	/* Between the look and the opening nothing would have told. */
	if (!known && sign_of(s, p->pid, p->boxed) != p->sign)
		sensor_hint(s, HINT_SETTLES);
}

void spaces_follow(struct sensor *s, const struct mnt_ns *v, size_t n)
{
	struct space *p, *next;

	for (p = s->spaces.first; p; p = p->next)
		p->seen = false;
	for (size_t i = 0; i < n; i++)
		if (v[i].pid && v[i].inode != s->spaces.own)
			follow(s, &v[i]);
	for (p = s->spaces.first; p; p = next) {
		next = p->next;
		if (!p->seen)
			forget(&s->spaces, p);
	}
}

/* A copy of the host's as it was just made holds no container; what is mounted in it later will tell. */
void spaces_meet(struct sensor *s, int pid)
{
	uint64_t inode = proc_mnt_ns(pid);
	struct space *p;

	if (!inode || inode == s->spaces.own || find(&s->spaces, inode))
		return;
	p = add(s, inode, pid);
	if (!p)
		return;
	if (s->spaces.host_moved || !s->spaces.host_sign)
		s->spaces.host_sign = sign_of(s, s->spaces.host == s->spaces.own ? 0 : 1, false);
	s->spaces.host_moved = false;
	p->sign = sign_of(s, pid, false);
	if (p->sign != s->spaces.host_sign)
		sensor_hint(s, HINT_SETTLES);
}

void spaces_wake(struct sensor *s, uint64_t tag)
{
	struct space *p = find(&s->spaces, tag & TAG_SPACE);
	bool boxed = p && p->boxed;
	uint64_t sign;

	if (!p)
		return;
	if ((tag & TAG_SPACE_ENDS) == TAG_SPACE_ENDS) {
		forget(&s->spaces, p);
		if (boxed)
			sensor_hint(s, HINT_SETTLES);
		return;
	}
	s->spaces.host_moved |= p->inode == s->spaces.host;
	sign = sign_of(s, p->pid, boxed);
	if (sign == p->sign)
		return;
	p->sign = sign;
	sensor_hint(s, HINT_SETTLES);
}
