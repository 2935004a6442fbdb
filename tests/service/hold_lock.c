/* Takes the writer's lock of an LMDB environment by its lock file alone, as somebody could who may write that
 * file and nothing else, and keeps it until it is killed. The layout is that of LMDB 0.9. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* struct MDB_txbody fills one cache line; the writer's mutex begins the next one. */
enum { WRITER = 64, FORMAT_MAGIC = (int)0xBEEFC0DE };

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
	char *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED || *(int *)at != FORMAT_MAGIC) {
		perror(argc == 2 ? argv[1] : "which lock file?");
		return 1;
	}
	if (pthread_mutex_lock((pthread_mutex_t *)(at + WRITER)) != 0) {
		fputs("not locked\n", stderr);
		return 1;
	}
	puts("locked");
	fflush(stdout);
	for (;;)
		pause();
}
