/*
 * One of the processes that a watch has to keep up with: opens, appends a line, closes, over COUNT files
 * in DIR (made when it is not there), until STOP exists; then tells how often, in the file SAY.
 *
 *   writer DIR COUNT STOP SAY
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long n = 0, count;
	char name[32];
	FILE *say;

	if (argc != 5 || (mkdir(argv[1], 0755) < 0 && access(argv[1], W_OK) < 0) || chdir(argv[1]) < 0)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	while ((n & 63) || access(argv[3], F_OK) < 0) {
		int fd, len;

		snprintf(name, sizeof(name), "f%lu", n % count);
		fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		len = snprintf(name, sizeof(name), "%lu\n", n);
		if (fd < 0 || write(fd, name, (size_t)len) != len || close(fd) < 0)
			return 1;
		n++;
	}
	say = fopen(argv[4], "w");
	if (!say || fprintf(say, "%lu\n", n) < 0 || fclose(say) != 0)
		return 1;
	return 0;
}
