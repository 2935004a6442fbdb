/*
 * One of the processes that a watch has to keep up with: opens a file, appends a line, closes it, over
 * COUNT files in DIR. They are made first, and FROM/ready says so; from when FROM/go is there until
 * FROM/stop is there it counts, and then tells FROM/said the number.
 *
 *   writer DIR COUNT FROM
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void path_of(char path[256], const char *from, const char *name)
{
	snprintf(path, 256, "%s/%s", from, name);
}

static int say(const char *from, const char *name, unsigned long n)
{
	char path[256];
	FILE *f;

	path_of(path, from, name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%lu\n", n) < 0)
		return -1;
	return fclose(f);
}

static int is_there(const char *from, const char *name)
{
	char path[256];

	path_of(path, from, name);
	return access(path, F_OK) == 0;
}

static int append(unsigned long file, unsigned long n)
{
	char text[32];
	int fd, len;

	snprintf(text, sizeof(text), "f%lu", file);
	fd = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	len = snprintf(text, sizeof(text), "%lu\n", n);
	return fd < 0 || write(fd, text, (size_t)len) != len || close(fd) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	const struct timespec moment = {0, 1000000};
	unsigned long n = 0, count, i;

	if (argc != 4 || (mkdir(argv[1], 0755) < 0 && access(argv[1], W_OK) < 0) ||
		chdir(argv[1]) < 0)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	for (i = 0; i < count; i++)
		if (append(i, 0) < 0)
			return 1;
	if (say(argv[3], "ready", count) < 0)
		return 1;
	while (!is_there(argv[3], "go"))
		nanosleep(&moment, NULL);
	for (; (n & 63) || !is_there(argv[3], "stop"); n++)
		if (append(n % count, n) < 0)
			return 1;
	return say(argv[3], "said", n) < 0;
}
