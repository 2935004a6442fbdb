/* Lines of {"done","total"} until one of {"result"}; a daemon that knows no total says 0. */
#include "cli/progress.h"
#include "cli/ask.h"

enum { BAR = 30 };
struct bar {
	bool on;
	const char *unit;
	int64_t drawn; /* when last, monotonic ns */
	json_t *last;
};

static void draw(struct bar *b, int64_t done, int64_t total)
{
	BUF struct buf line = {0};
	int64_t now = clock_mono(), full;

	if (!b->on || now - b->drawn < 50 * CLOCK_MS)
		return;
	b->drawn = now;
	if (total > 0) {
		done = done > total ? total : done < 0 ? 0 : done;
		full = (int64_t)((double)done / (double)total * BAR);
		buf_add_text(&line, "\r[");
		for (int i = 0; i < BAR; i++)
			buf_u8(&line, i < full ? '=' : i == full ? '>' : ' ');
		buf_printf(&line, "] %3d%%  %lld of %lld",
			(int)((double)done / (double)total * 100), (long long)done,
			(long long)total);
	} else {
		buf_printf(&line, "\r%lld %s", (long long)done, b->unit);
	}
	buf_add_text(&line, "\033[K");
	fwrite(line.p, 1, line.n, stderr);
}

static int on_line(void *arg, const char *line, size_t n)
{
	struct bar *b = arg;
	json_t *v = json_loadb(line, n, JSON_ALLOW_NUL, NULL);

	if (!json_is_object(v)) {
		json_decref(v);
		return 0;
	}
	if (json_object_get(v, "done"))
		draw(b, get_int(v, "done"), get_int(v, "total"));
	json_decref(b->last);
	b->last = v;
	return 0;
}

/* A stream that began well can still end in an error: the status was sent before it was known. */
static int check_end(const json_t *last)
{
	struct span result = get_text(last, "result"), why = get_text(last, "detail");
	int64_t status = get_int(last, "status");

	if (!last || json_object_get(last, "done"))
		return complain("the rescan broke off: see `boltseal status`, then ask again");
	if (!why.n)
		why = get_text(last, "error");
	if (!why.n && status >= 400)
		why = get_text(last, "title");
	if (!span_is(result, "failed") && (!why.n || span_is(result, "ok")))
		return 0;
	if (!why.n)
		why = span_of("no reason given");
	return complain("the rescan failed: %.*s%s", (int)why.n, (const char *)why.p,
		status >= 400 && status < 500 ? "" : ": see `boltseal status`");
}

int progress_rescan(struct cli *c, const char *target, const char *path, json_t **ret)
{
	struct bar b = {.on = c->err_tty, .unit = "looked at"};
	JSON json_t *last = NULL;
	int r = boltseal_rescan(c->h, target, path, on_line, &b, &c->reply);

	last = b.last;
	if (b.on && b.drawn)
		fputs("\r\033[K", stderr);
	r = ask_check(c, r);
	if (!r)
		r = check_end(last);
	if (!r && ret)
		*ret = json_incref(last);
	return r;
}

bool progress_prove(struct cli *c, const char *target, const char *path, json_t **ret)
{
	struct bar b = {.on = c->err_tty, .unit = "MiB held against images"};
	int r = boltseal_prove(c->h, target, path, on_line, &b, &c->reply);
	JSON json_t *last = b.last;
	struct span why = get_text(last, "detail");

	if (b.on && b.drawn)
		fputs("\r\033[K", stderr);
	*ret = NULL;
	if (r == 0 && c->reply.status == 200 && json_object_get(last, "checks")) {
		*ret = json_incref(last);
		return true;
	}
	if (r == 0 && c->reply.status == 200 && !why.n)
		why = span_of("the answer broke off");
	if (r == 0 && c->reply.status == 200)
		remark("the layers' files were not read again: %.*s", (int)why.n,
			(const char *)why.p);
	else if (r == 0 &&
		 c->reply.status >= 500) /* what else there is to say, the next answer says */
		remark("the layers' files were not read again: what follows is of the store alone");
	return false;
}
