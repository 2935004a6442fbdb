/* Each part is got, scrubbed and written by itself: one that cannot be had says why in its place, for it is
 * when things are broken that a bundle is wanted. */
#include "cli/bundle.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/host.h"
#include "cli/safe.h"
#include "cli/scrub.h"
#include "cli/tar.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_BACK = 20000, EVENTS_KEPT = 5000 };
#define DIR "boltseal-bundle/"

struct bundle {
	struct cli *c;
	struct tar *tar;
	struct buf config, missing;
	int64_t last_seq, first_seq;
};

static void bundle_fini(struct bundle *b)
{
	buf_free(&b->config);
	buf_free(&b->missing);
}

static void add(struct bundle *b, const char *name, struct span content)
{
	BUF struct buf path = {0};

	buf_printf(&path, DIR "%s", name);
	(void)tar_add(b->tar, buf_text(&path), content);
}

static void add_json(struct bundle *b, const char *name, const json_t *v)
{
	FREE char *text = json_dumps(v, JSON_INDENT(2) | JSON_SORT_KEYS);

	add(b, name, span_of(text ? text : "null"));
}

/* Why a part is not there, in about.txt. */
static void lacks(struct bundle *b, const char *name)
{
	BUF struct buf why = {0};

	safe_text(&why, span_of(boltseal_why(b->c->h)), false, false);
	if (b->c->reply.status)
		buf_printf(&b->missing, "  %s: the daemon answered with status %d\n", name,
			b->c->reply.status);
	else
		buf_printf(&b->missing, "  %s: %s\n", name, buf_text(&why));
}

/* NULL: it is not there, and that has been noted. The caller frees it. */
static json_t *get(struct bundle *b, const char *name, const char *path)
{
	json_t *v = NULL;
	int r = boltseal_request(b->c->h, "GET", path, NULL, NULL, &b->c->reply);

	if (r == 0 && b->c->reply.status == 200)
		v = json_loadb(b->c->reply.body, b->c->reply.body_len, JSON_ALLOW_NUL, NULL);
	if (!v)
		lacks(b, name);
	return v;
}

static void add_answer(struct bundle *b, const char *name, const char *path)
{
	JSON json_t *v = get(b, name, path);

	if (!v)
		return;
	if (strcmp(path, "/v1/status") == 0) {
		b->first_seq = get_int(v, "first_seq");
		b->last_seq = get_int(v, "last_seq");
	}
	buf_add_span(&b->config, get_text(v, "configuration"));
	scrub(v);
	add_json(b, name, v);
}

/* Where nobody answers: what can be seen from outside. */
static void add_doctor(struct bundle *b)
{
	JSON json_t *v = NULL;

	add_answer(b, "doctor.json", "/v1/doctor");
	if (!b->missing.n)
		return;
	if (boltseal_examine(b->c->h, &b->c->reply) == 0)
		v = json_loadb(b->c->reply.body, b->c->reply.body_len, 0, NULL);
	scrub(v);
	if (v)
		add_json(b, "doctor-offline.json", v);
}

static void add_metrics(struct bundle *b)
{
	if (boltseal_request(b->c->h, "GET", "/metrics", NULL, NULL, &b->c->reply) == 0 &&
		b->c->reply.status == 200)
		add(b, "metrics.txt", span_make(b->c->reply.body, b->c->reply.body_len));
	else
		lacks(b, "metrics.txt");
}

/* ---- events ---- */

static int on_event(void *list, const char *line, size_t n)
{
	JSON json_t *e = json_loadb(line, n, JSON_ALLOW_NUL, NULL);
	json_t *safe = scrub_event(e);

	if (safe)
		json_array_append_new(list, safe);
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	int64_t x = get_int(*(json_t *const *)a, "seq"), y = get_int(*(json_t *const *)b, "seq");

	return (x > y) - (x < y);
}

static void print_events(struct buf *out, const json_t *events)
{
	size_t n = json_array_size(events), i;
	FREE const json_t **v = calloc(n + 1, sizeof(*v));

	must(v);
	for (i = 0; i < n; i++)
		v[i] = json_array_get(events, i);
	qsort(v, n, sizeof(*v), by_seq);
	for (i = n > EVENTS_KEPT ? n - EVENTS_KEPT : 0; i < n; i++) {
		FREE char *line = json_dumps(v[i], JSON_COMPACT | JSON_SORT_KEYS);

		buf_add_text(out, line ? line : "null");
		buf_u8(out, '\n');
	}
}

static void add_events(struct bundle *b)
{
	JSON json_t *events = json_array();
	BUF struct buf out = {0}, since = {0};
	struct boltseal_event_ask ask = {.type = NULL};
	int64_t from = b->last_seq - EVENTS_BACK;

	if (from < b->first_seq)
		from = b->first_seq - 1;
	buf_int(&since, from > 0 ? from : 0);
	ask.since = buf_text(&since);
	for (const char *const *t = scrub_types; *t; t++) {
		ask.type = *t;
		if (boltseal_events(b->c->h, &ask, on_event, events, &b->c->reply) < 0 ||
			b->c->reply.status != 200) {
			lacks(b, "events.jsonl");
			return;
		}
	}
	print_events(&out, events);
	add(b, "events.jsonl", buf_span(&out));
}

/* ---- the rest ---- */

static void add_host(struct bundle *b)
{
	BUF struct buf out = {0};

	host_describe(&out);
	add(b, "host.txt", buf_span(&out));
}

static void add_about(struct bundle *b)
{
	BUF struct buf out = {0};

	buf_add_text(&out, "A support bundle of boltseal " BOLTSEAL_VERSION ", made at ");
	clock_format(&out, clock_wall());
	buf_add_text(&out,
		"\n\n"
		"In it: doctor, status, metrics, targets (names, images, states), sinks, the configuration in\n"
		"force, the latest of the daemon's own events, kernel, distribution, kinds of mounts, limits.\n"
		"Left out: content of files, paths in targets, command lines and environments, values of labels,\n"
		"reasons that somebody typed, user, path and query of receivers' URLs, values of headers, and\n"
		"whatever lies in token and key files, which are named and not read.\n");
	if (b->missing.n)
		buf_add_text(&out, "\nNot to be had:\n");
	buf_add_span(&out, buf_span(&b->missing));
	add(b, "about.txt", buf_span(&out));
}

static int open_file(const char *file)
{
	int fd;

	if (strcmp(file, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			return complain("a bundle is no text: send it into a file or a pipe");
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0)
		complain("%s: %s", file,
			errno == EEXIST
				? "it is there already, and is not overwritten: name another"
				: strerror(errno));
	return fd < 0 ? -EXIT_TROUBLE : fd;
}

int bundle_write(struct cli *c, const char *file)
{
	CLEANUP(bundle_fini) struct bundle b = {.c = c};
	bool is_file = strcmp(file, "-") != 0;
	int fd = open_file(file), r;

	if (fd < 3)
		return EXIT_TROUBLE;
	r = tar_open(&b.tar, fd);
	if (r == 0) {
		add_doctor(&b);
		add_answer(&b, "status.json", "/v1/status");
		add_answer(&b, "targets.json", "/v1/targets?all=1");
		add_answer(&b, "sinks.json", "/v1/sinks");
		add_metrics(&b);
		add_events(&b);
		if (b.config.n)
			add(&b, "configuration.yaml", buf_span(&b.config));
		else
			buf_add_text(&b.missing, "  configuration.yaml: only an admin gets it\n");
		add_host(&b);
		add_about(&b);
	}
	r = tar_close(b.tar);
	if (r < 0 && is_file)
		unlink(file);
	if (r < 0)
		return complain("%s: %s", file, err_why());
	if (is_file)
		remark("%s is written: read it before you send it%s", file,
			b.missing.n ? "; about.txt in it says what could not be had" : "");
	return EXIT_CLEAN;
}
