/* Baseline files behind the public header: the engines of lib/golden. Nobody is asked. */
#include "golden/build.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "client/client.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int show(struct span file, struct boltseal_reply *reply)
{
	GOLDEN_MEM struct golden_mem mem = {0};
	BUF struct buf text = {0};
	struct golden g;
	int r = golden_read(file, &mem, &g);

	if (r < 0)
		return r;
	golden_show(&g, &text);
	return client_answer(&text, reply);
}

int boltseal_baseline_build(
	struct boltseal *h, const struct boltseal_build_ask *ask, struct boltseal_reply *reply)
{
	struct golden_ask how = {.path = ask->path, .image = ask->image, .created = clock_wall()};
	BUF struct buf file = {0};
	int r;

	boltseal_reply_free(reply);
	if (ask->created > 0)
		how.created = ask->created * 1000000000;
	r = golden_build(&how, &file);
	if (r == 0)
		r = strcmp(ask->out, "-") == 0 ? fd_write_all(STDOUT_FILENO, file.p, file.n)
					       : fd_save_file(ask->out, buf_span(&file), 0644);
	if (r == 0)
		r = show(buf_span(&file), reply);
	return r < 0 ? client_fail(h, r) : 0;
}

int boltseal_baseline_inspect(struct boltseal *h, const char *path, struct boltseal_reply *reply)
{
	BUF struct buf file = {0};
	int r;

	boltseal_reply_free(reply);
	r = strcmp(path, "-") == 0 ? fd_read_all(STDIN_FILENO, GOLDEN_FILE_MAX, &file)
				   : fd_read_file(AT_FDCWD, path, GOLDEN_FILE_MAX, &file);
	if (r == 0) {
		r = show(buf_span(&file), reply);
		if (r < 0)
			err_wrap(r, "%s", path);
	}
	return r < 0 ? client_fail(h, r) : 0;
}
