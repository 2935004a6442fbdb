/*
 * hostile - code in the gateway's place: it gives away what the gateway does, by the same calls in the same
 * order, and then tries what a hijacked one would.
 *
 *   hostile walls UID GID CONFIG STATE SOCKET SENSOR-PID BOX-PID BOX-FILE
 *	  a line of TAP for each attempt: refused, or it got through. What can be tried without harm is
 *	  first tried by root without a wall, where it must work: else nothing would be proved.
 *   hostile landlock		   has this kernel any?
 *   hostile door UID GID DOOR     every length, from nothing to more than there may be; then a ping
 *   hostile hold UID GID LOCK     takes LMDB's lock by the file that it may write, and keeps it
 */
#include "base/err.h"
#include "base/fd.h"
#include "daemon/daemon.h"
#include "daemon/door.h"
#include "daemon/wall.h"
#include "store/env.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	uid_t uid;
	gid_t gid;
	const char *config, *state, *socket, *file; /* file: of a container, readable to all */
	int sensor, box;
};

/* ---- attempts: 0 when it got through, else -errno ---- */

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int open_at(const char *dir, const char *name, int flags)
{
	char path[4200];
	FD int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	return result(fd);
}

static int open_of(int pid, const char *what, int flags)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	return open_at(dir, what, flags);
}

static int write_store(const struct place *t)
{
	return open_at(t->state, "data.mdb", O_RDWR);
}

static int begin_write(const struct place *t)
{
	struct store_options opt = {.dir_gid = -1};
	struct store *s = NULL;
	struct txn *txn = NULL;
	int r = store_open(&s, t->state, STORE_READ, &opt);

	if (r == 0)
		r = txn_begin(s, true, &txn);
	if (r == 0)
		txn_abort(txn);
	store_close(s);
	return r;
}

static int map_store(const struct place *t)
{
	char path[4200];
	FD int fd = -1;
	void *at;

	snprintf(path, sizeof(path), "%s/data.mdb", t->state);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? -errno : 0;
}

static int new_in_store(const struct place *t)
{
	return open_at(t->state, "intruder", O_WRONLY | O_CREAT);
}

static int new_elsewhere(const struct place *t)
{
	(void)t;
	return open_at("/var/tmp", "boltseal-intruder", O_WRONLY | O_CREAT);
}

static int read_box(const struct place *t)
{
	return open_of(t->box, "root/etc/passwd", O_RDONLY);
}

static int read_upper(const struct place *t)
{
	FD int fd = open(t->file, O_RDONLY | O_CLOEXEC);

	return result(fd);
}

static int write_upper(const struct place *t)
{
	FD int fd = open(t->file, O_WRONLY | O_CLOEXEC);

	return result(fd);
}

static int trace_sensor(const struct place *t)
{
	return result(ptrace(PTRACE_SEIZE, t->sensor, 0, 0));
}

static int sensor_memory(const struct place *t)
{
	return open_of(t->sensor, "mem", O_RDONLY);
}

static int sensor_files(const struct place *t)
{
	return open_of(t->sensor, "fd/0", O_RDONLY);
}

static int vm_read(const struct place *t)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)4096, 1};

	return result(process_vm_readv(t->sensor, &here, 1, &there, 1, 0));
}

static int signal_sensor(const struct place *t)
{
	return result(kill(t->sensor, 0));
}

static int signal_thread(const struct place *t)
{
	return result(syscall(SYS_tgkill, t->sensor, t->sensor, 0));
}

static int call_socket(int domain, int type)
{
	FD int fd = socket(domain, type | SOCK_CLOEXEC, 0);

	return result(fd);
}

static int inet(const struct place *t)
{
	(void)t;
	return call_socket(AF_INET, SOCK_STREAM);
}

static int inet6(const struct place *t)
{
	(void)t;
	return call_socket(AF_INET6, SOCK_DGRAM);
}

static int netlink(const struct place *t)
{
	(void)t;
	return call_socket(AF_NETLINK, SOCK_RAW);
}

static int run_shell(const struct place *t)
{
	char *const argv[] = {"true", NULL};

	(void)t;
	execv("/bin/true", argv);
	return -errno;
}

static int run_from_memory(const struct place *t)
{
	char *const argv[] = {"x", NULL};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)t;
	syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH);
	return -errno;
}

static int new_process(const struct place *t)
{
	pid_t pid = fork();

	(void)t;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -errno : 0;
}

static int code_from_data(const struct place *t)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)t;
	return at == MAP_FAILED ? -errno : result(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int be_root(const struct place *t)
{
	(void)t;
	return result(setresuid(0, 0, 0));
}

static int mount_something(const struct place *t)
{
	(void)t;
	return result(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int new_namespace(const struct place *t)
{
	(void)t;
	return result(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
}

static int load_bpf(const struct place *t)
{
	(void)t;
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int uring(const struct place *t)
{
	char params[256] = "";

	(void)t;
	return result(syscall(425 /* io_uring_setup */, 1, params));
}

static int abstract_socket(const struct place *t)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "boltseal-%d", t->sensor);
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

enum needs { ANY, LANDLOCK, SCOPES };
static const struct attempt {
	const char *name;
	int (*fn)(const struct place *t);
	bool harmless; /* root without a wall may do it */
	enum needs needs;
} attempts[] = {
	{"open the store for writing", write_store, true, ANY},
	{"begin a write transaction in it", begin_write, false, ANY},
	{"map it writable", map_store, false, ANY},
	{"make a file beside it", new_in_store, true, ANY},
	{"make a file where anybody may", new_elsewhere, true, LANDLOCK},
	{"read a container's file through its process", read_box, true, ANY},
	{"read it where it lies on the disk, readable to all", read_upper, true, LANDLOCK},
	{"write it there, writable to all", write_upper, true, LANDLOCK},
	{"trace the sensor", trace_sensor, false, ANY},
	{"open the sensor's memory", sensor_memory, true, ANY},
	{"read it by a call", vm_read, false, ANY},
	{"open the sensor's files", sensor_files, true, ANY},
	{"signal the sensor", signal_sensor, true, ANY},
	{"signal a thread of it", signal_thread, true, ANY},
	{"an IPv4 socket", inet, true, ANY},
	{"an IPv6 socket", inet6, true, ANY},
	{"a netlink socket", netlink, true, ANY},
	{"run a program", run_shell, true, ANY},
	{"run one from a descriptor", run_from_memory, false, ANY},
	{"make a process", new_process, true, ANY},
	{"make data code", code_from_data, true, ANY},
	{"become root", be_root, true, ANY},
	{"mount something", mount_something, false, ANY},
	{"make a user namespace", new_namespace, false, ANY},
	{"use bpf", load_bpf, false, ANY},
	{"use io_uring", uring, false, ANY},
	{"connect to an abstract socket", abstract_socket, true, SCOPES},
};

/* ---- in the gateway's place ---- */

static int become(const struct place *t)
{
	struct daemon_args args = {
		.config_file = t->config, .state_dir = t->state, .socket = t->socket};
	static struct config *config;
	static struct wall wall;
	static struct store *store;
	char sinks[4200];
	int r = daemon_drop(t->uid, t->gid);

	if (r == 0)
		r = daemon_config(&args, &config);
	if (r == 0)
		r = store_open(&store, t->state, STORE_READ, NULL);
	if (r < 0)
		return r;
	snprintf(sinks, sizeof(sinks), "%s/sinks", t->state);
	wall_gateway(&wall, &(struct wall_gateway){
				    .config = config, .state_dir = t->state, .sinks_dir = sinks});
	return wall.row[WALL_SECCOMP].ok ? 0 : err_set(-EPERM, "%s", wall.row[WALL_SECCOMP].result);
}

enum outcome { THROUGH = 0, CANNOT = 120 }; /* else an errno, or 128 + signal */

static int try_in_child(const struct place *t, const struct attempt *a, bool walled)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int r;

		if (walled && become(t) < 0) {
			fprintf(stderr, "# %s\n", err_why());
			_exit(CANNOT);
		}
		r = a->fn(t);
		_exit(r < 0 ? -r > 119 ? 119 : -r : r > 0 ? 119 : THROUGH);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return CANNOT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void tell(int no, const struct attempt *a, int open, int closed)
{
	const char *how = closed == 128 + SIGSYS ? "ended for it"
			  : closed < 119	 ? strerror(closed)
						 : "an error";

	if (a->harmless && open != THROUGH)
		printf("not ok %d - %s: without a wall it fails too (%s)\n", no, a->name,
			strerror(open));
	else if (closed == CANNOT)
		printf("not ok %d - %s: the wall could not be built\n", no, a->name);
	else if (closed == THROUGH)
		printf("not ok %d - %s: it got through\n", no, a->name);
	else
		printf("ok %d - %s: %s\n", no, a->name, how);
}

static int listen_abstract(const struct place *t)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "boltseal-%d", t->sensor);
	return fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 ? -1
											       : fd;
}

static int walls(const struct place *t)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	FD UNUSED int fd = listen_abstract(t);
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", COUNTOF(attempts));
	for (size_t i = 0; i < COUNTOF(attempts); i++) {
		const struct attempt *a = &attempts[i];
		int open, closed;

		if ((a->needs == LANDLOCK && abi < 1) || (a->needs == SCOPES && abi < 6)) {
			printf("ok %zu - %s # SKIP this kernel's Landlock has ABI %d\n", i + 1,
				a->name, abi);
			continue;
		}
		fflush(stdout);
		open = a->harmless ? try_in_child(t, a, false) : THROUGH;
		unlink("/var/tmp/boltseal-intruder");
		closed = try_in_child(t, a, true);
		failed += closed == THROUGH || closed == CANNOT || open != THROUGH;
		tell((int)i + 1, a, open, closed);
	}
	return failed ? 1 : 0;
}

/* ---- the door ---- */

/* Sends it and waits for the sensor to close; 0 when it did, or when nothing is there to be refused. */
static int knock(const char *door, struct span packet)
{
	FD int fd = -1;
	struct pollfd p;
	int r = door_connect(door, &fd);
	char bytes[64];

	if (r < 0)
		return r;
	if (send(fd, packet.p, packet.n, MSG_NOSIGNAL) < 0)
		return errno == EMSGSIZE || errno == EPIPE ? 0 : err_sys("send");
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	while (poll(&p, 1, 5000) == 1) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n <= 0)
			return 0; /* and not a word that counts before */
	}
	return err_set(-ETIMEDOUT, "%zu bytes were neither refused nor answered", packet.n);
}

static uint64_t seed = 88172645463325252ULL;
static uint8_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint8_t)seed;
}

static int knock_with(const char *door, uint8_t *bytes, size_t n, const struct buf *whole)
{
	int r;

	memset(bytes, 0, n);
	r = knock(door, span_make(bytes, n));
	for (size_t i = 0; i < n; i++)
		bytes[i] = chance();
	if (r == 0)
		r = knock(door, span_make(bytes, n));
	bytes[0] = DOOR_VERSION; /* a head as it should be, then anything */
	if (r == 0 && n > 0)
		r = knock(door, span_make(bytes, n));
	if (r == 0 && n < whole->n)
		r = knock(door, span_make(whole->p, n));
	return r;
}

static int ping(const char *door)
{
	struct door_msg m = {.op = DOOR_PING, .id = 7}, got = {.op = DOOR_TICK};
	BUF struct buf packet = {.p = NULL};
	FD int fd = -1;
	int r = door_connect(door, &fd);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (r == 0)
		r = door_send(fd, &m, NULL, 0);
	while (r == 0 && got.op == DOOR_TICK && poll(&p, 1, 5000) == 1)
		r = door_recv(fd, &packet, &got, NULL, NULL);
	return r == 0 && got.op == DOOR_DONE && got.id == 7 ? 0 : -1;
}

static int at_door(uid_t uid, gid_t gid, const char *door)
{
	static uint8_t bytes[DOOR_MAX + 8];
	struct door_msg valid = {.op = DOOR_HOLD_OPEN, .id = 3, .value = 1000};
	BUF struct buf whole = {.p = NULL}, text = {.p = NULL};
	size_t n = 0;
	int r = daemon_drop(uid, gid);

	buf_bytes(&text, span_of("name"));
	buf_bytes(&text, span_of("reason"));
	buf_bytes(&text, span_of(""));
	valid.text = buf_span(&text);
	door_encode(&valid, &whole);
	for (n = 0; n <= 256 && r == 0; n++)
		r = knock_with(door, bytes, n, &whole);
	for (n = DOOR_MAX - 2; n < DOOR_MAX + 8 && r == 0; n++)
		r = knock_with(door, bytes, n, &whole);
	printf("%s 1 - no length of a packet that is not well-formed is taken: %s\n",
		r == 0 ? "ok" : "not ok", r == 0 ? "the door closes" : err_why());
	printf("%s 2 - and the sensor answers still\n1..2\n", ping(door) == 0 ? "ok" : "not ok");
	return r;
}

/* ---- the lock ---- */

/* LMDB 0.9: the writer's mutex begins the second cache line of its lock file. */
static int hold(uid_t uid, gid_t gid, const char *lock)
{
	int r = daemon_drop(uid, gid);
	FD int fd = open(lock, O_RDWR | O_CLOEXEC);
	char *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (r < 0 || at == MAP_FAILED ||
		pthread_mutex_lock((pthread_mutex_t *)(void *)(at + 64)) != 0) {
		perror(lock);
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	uid_t uid = argc > 3 ? (uid_t)atoi(argv[2]) : 0;
	gid_t gid = argc > 3 ? (gid_t)atoi(argv[3]) : 0;

	if (argc == 10 && strcmp(argv[1], "walls") == 0)
		return walls(&(struct place){uid, gid, argv[4], argv[5], argv[6], argv[9],
			atoi(argv[7]), atoi(argv[8])});
	if (argc == 2 && strcmp(argv[1], "landlock") == 0)
		return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1;
	if (argc == 5 && strcmp(argv[1], "door") == 0)
		return at_door(uid, gid, argv[4]) < 0;
	if (argc == 5 && strcmp(argv[1], "hold") == 0)
		return hold(uid, gid, argv[4]);
	fprintf(stderr, "see the head of hostile.c\n");
	return 2;
}
