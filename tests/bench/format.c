/*
 * format EVENTS [SECONDS [FORMAT]] - what one event costs in each format, of processor time: the lines of the file
 * EVENTS again and again. Prints "FORMAT MICROSECONDS"; perf(1) on it shows where they go.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "wire/format.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void die(const char *what)
{
	fprintf(stderr, "format: %s: %s\n", what, err_why());
	exit(1);
}

/* All lines once; how many. */
static size_t once(enum format f, struct span text, struct buf *out)
{
	const struct format_options o = {.version = "0", .enterprise = 32473, .pid = 1};
	size_t n = 0;

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t k = end ? (size_t)(end - text.p) : text.n;

		buf_reset(out);
		if (format_event(f, span_make(text.p, k), &o, out) < 0)
			die(format_kinds[f].name);
		text = end ? span_make(end + 1, text.n - k - 1) : span_of("");
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	int64_t most = (argc > 2 ? strtoll(argv[2], NULL, 10) : 1) * CLOCK_S;
	BUF struct buf events = {.p = NULL}, out = {.p = NULL};

	if (argc < 2 || fd_read_file(AT_FDCWD, argv[1], 64 << 20, &events) < 0)
		die("format EVENTS [SECONDS [FORMAT]]");
	for (int f = 0; f < FORMAT_N; f++) {
		int64_t from = clock_thread(), took = 0;
		size_t n = 0;

		if (argc > 3 && strcmp(argv[3], format_kinds[f].name) != 0)
			continue;
		for (; took < most; took = clock_thread() - from)
			n += once((enum format)f, buf_span(&events), &out);
		printf("%s %.1f\n", format_kinds[f].name, (double)took / 1000 / (double)n);
	}
	return 0;
}
