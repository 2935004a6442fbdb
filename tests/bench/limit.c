/*
 * The bare loop that every baseline is measured against: two threads open, fstat, read and SHA-256
 * the regular files of trees, and do nothing else - no store, no order, no attributes.
 *
 *   limit [-b] [-t THREADS] TREE…     prints: seconds files bytes
 *
 * -b: and take a second digest of the same bytes, over all that a thread reads - what a proof cannot do without, where a
 * real one needs them in order, and the headers between them.
 * Names are gathered first; that walk counts, as it does for a baseline. Mounts are not crossed.
 */
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, CHUNK = 256 * 1024, BATCH = 16 };

static char **names;
static size_t n_names, cap_names;
static atomic_size_t next;
static atomic_ullong total;
static bool both;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void add(const char *path)
{
	if (n_names == cap_names) {
		cap_names = cap_names ? 2 * cap_names : 16384;
		names = reallocarray(names, cap_names, sizeof(*names));
	}
	if (!names || !(names[n_names++] = strdup(path)))
		die("memory");
}

static void gather(char **trees)
{
	FTS *f = fts_open(trees, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (!f)
		die("fts_open");
	while ((e = fts_read(f)))
		if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode))
			add(e->fts_path);
	fts_close(f);
}

static void hash(const char *path, EVP_MD_CTX *md, EVP_MD_CTX *all, unsigned char *room)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	EVP_DigestInit_ex2(md, NULL, NULL);
	while ((n = read(fd, room, CHUNK)) > 0) {
		EVP_DigestUpdate(md, room, (size_t)n);
		if (both)
			EVP_DigestUpdate(all, room, (size_t)n);
		atomic_fetch_add_explicit(&total, (unsigned long long)n, memory_order_relaxed);
	}
	if (n < 0)
		die(path);
	EVP_DigestFinal_ex(md, sum, NULL);
	close(fd);
}

static void *work(void *arg)
{
	EVP_MD *sha = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new(), *all = EVP_MD_CTX_new();
	unsigned char *room = malloc(CHUNK);
	size_t i, end;

	if (!sha || !md || !all || !room || !EVP_DigestInit_ex2(md, sha, NULL) ||
		!EVP_DigestInit_ex2(all, sha, NULL))
		die("SHA-256");
	while ((i = atomic_fetch_add(&next, BATCH)) < n_names)
		for (end = i + BATCH < n_names ? i + BATCH : n_names; i < end; i++)
			hash(names[i], md, all, room);
	free(room);
	EVP_MD_CTX_free(md);
	EVP_MD_CTX_free(all);
	EVP_MD_free(sha);
	return arg;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS_MAX];
	int o, i, n = 2;
	double from;

	while ((o = getopt(argc, argv, "bt:")) != -1) {
		both |= o == 'b';
		n = o == 't' ? atoi(optarg) : o == 'b' ? n : 0;
	}
	if (n < 1 || n > THREADS_MAX || optind == argc) {
		fprintf(stderr, "usage: limit [-b] [-t THREADS] TREE...\n");
		return 2;
	}
	from = now();
	gather(argv + optind);
	for (i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, work, NULL) != 0)
			die("thread");
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	printf("%.4f %zu %llu\n", now() - from, n_names, (unsigned long long)total);
	return 0;
}
