#include "cli/diff.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/coverage.h"
#include "cli/form.h"
#include "cli/progress.h"

enum { O_LONG, O_PATCH, O_STAT, O_AGAINST, O_AT, O_RESCAN, O_DOCKER, O_EXIT_CODE };
static const struct option options[] = {
	[O_LONG] = {"long", 'l', NULL,
		"aspects, severity, who and since when; ends with the drift id"},
	[O_PATCH] = {"patch", 'p', NULL, "unified diffs of the text files that changed"},
	[O_STAT] = {"stat", 0, NULL, "a summary; ends with the drift id"},
	[O_AGAINST] = {"against", 0, "WHAT",
		"baseline (what else is accepted), image, gen:N, or a TARGET"},
	[O_AT] = {"at", 0, "TIME", "the drift as it was then (comes with a later release)"},
	[O_RESCAN] = {"rescan", 0, NULL, "look at everything first"},
	[O_DOCKER] = {"docker", 0, NULL, "the list docker diff would print if it were right"},
	[O_EXIT_CODE] = {"exit-code", 0, NULL,
		"1 on drift with --docker too; 2 before the baseline is there"},
	{NULL, 0, NULL, NULL},
};

enum { PAGE = 10000, PATHS_PER_ASK = 32, BYTES_PER_ASK = 8000, READS = 3 };

struct want {
	const char *target;
	struct boltseal_drift_ask ask;
	const struct diff_dress *dress;
	bool exit_code;
};

/* An answer without a list is no drift, which is not the same as "no drift". */
static int check_page(const json_t *page)
{
	if (json_is_array(json_object_get(page, "items")))
		return 0;
	return complain("the daemon's answer has no items: does `boltseal version` match "
			"boltseald's?");
}

/* Those of the paths asked for that are nowhere are in every page of an ask: taken once for each. */
static void add_nowhere(json_t *all, json_t *one)
{
	json_t *list = json_object_get(one, "nowhere"), *had = json_object_get(all, "nowhere");

	if (had && list)
		json_array_extend(had, list);
	else if (list)
		json_object_set(all, "nowhere", list);
}

static int add_page(json_t *all, json_t *page)
{
	int r = check_page(page);

	if (!r)
		must(json_array_extend(
			     json_object_get(all, "items"), json_object_get(page, "items")) == 0);
	return r;
}

/* All pages as one answer. MOVED when the drift changed between two of them: then they do not
 * belong together, and the id would name something that was never shown. */
enum { MOVED = -1 };

static int read_page(struct cli *c, struct want *w, json_t **ret)
{
	int r = ask_json(c, boltseal_drift(c->h, w->target, &w->ask, &c->reply), ret);

	return r ? r : check_page(*ret);
}

static int read_next(struct cli *c, struct want *w, json_t *all)
{
	JSON json_t *page = NULL;
	BUF struct buf cursor = {0};
	int r;

	buf_add_span(&cursor, get_text(all, "cursor"));
	w->ask.cursor = buf_text(&cursor);
	r = read_page(c, w, &page);
	w->ask.cursor = NULL;
	if (!r && !span_eq(get_text(all, "drift_id"), get_text(page, "drift_id")))
		return MOVED;
	if (!r)
		r = add_page(all, page);
	if (!r && json_array_size(json_object_get(page, "items")) == 0)
		json_object_del(all, "cursor"); /* or it would never end */
	else if (!r)
		json_object_set(all, "cursor", json_object_get(page, "cursor"));
	return r;
}

static int read_pages(struct cli *c, struct want *w, json_t **ret)
{
	JSON json_t *all = NULL;
	int r = read_page(c, w, &all);

	while (!r && get_text(all, "cursor").n)
		r = read_next(c, w, all);
	if (!r)
		*ret = take(all);
	return r;
}

static int read_drift(struct cli *c, struct want *w, json_t **ret)
{
	int r = MOVED;

	for (int i = 0; r == MOVED && i < READS; i++)
		r = read_pages(c, w, ret);
	if (r == MOVED)
		return complain(
			"the drift of %s moves faster than it can be read: name a PATH", w->target);
	return r;
}

/* How many of the paths go into one request: its line has a limit. */
static size_t slice(const char *const *paths, size_t left)
{
	size_t n = 0, bytes = 0;

	while (n < left && n < PATHS_PER_ASK && (n == 0 || bytes < BYTES_PER_ASK))
		bytes += strlen(paths[n++]);
	return n > 1 && bytes > BYTES_PER_ASK ? n - 1 : n;
}

/* A drift of many PATHs takes several asks; what they share (coverage, id) is taken from the last,
 * and a difference in id is a move as above. */
static int read_slices(struct cli *c, struct want *w, json_t **ret)
{
	const char *const *paths = w->ask.paths;
	size_t left = w->ask.n_paths;
	JSON json_t *all = NULL;
	int r;

	do {
		JSON json_t *one = NULL;

		w->ask.n_paths = slice(w->ask.paths, left);
		r = read_drift(c, w, &one);
		if (!r && all && !span_eq(get_text(all, "drift_id"), get_text(one, "drift_id")))
			r = complain(
				"the drift of %s moved while it was read: ask again", w->target);
		if (!r && all && (r = add_page(all, one)) == 0)
			add_nowhere(all, one);
		if (!r && !all)
			all = take(one);
		w->ask.paths += w->ask.n_paths;
		left -= w->ask.n_paths;
	} while (!r && left);
	w->ask.paths = paths;
	if (!r)
		*ret = take(all);
	return r;
}

struct keyed {
	struct buf path;
	json_t *item;
};

static int by_path(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return span_cmp(buf_span(&x->path), buf_span(&y->path));
}

/* In the order of bytes, each path once: PATHs may overlap. Also sets the counts. */
static void put_in_order(json_t *drift)
{
	json_t *items = json_object_get(drift, "items"), *item, *sorted = json_array();
	size_t i, n = json_array_size(items);
	FREE struct keyed *keys = calloc(n + 1, sizeof(*keys));

	must(keys && sorted);
	json_array_foreach(items, i, item) {
		BUF struct buf room = {0};

		buf_add_span(&keys[i].path, get_path(item, "path", &room));
		keys[i].item = item;
	}
	qsort(keys, n, sizeof(*keys), by_path);
	for (i = 0; i < n; i++)
		if (i == 0 || by_path(&keys[i - 1], &keys[i]))
			json_array_append(sorted, keys[i].item);
	for (i = 0; i < n; i++)
		buf_free(&keys[i].path);
	json_object_set_new(drift, "items", sorted);
}

static void recount(json_t *drift)
{
	static const char *const kinds[] = {"A", "C", "D"};
	json_t *counts = json_object(), *item;
	long long n[3] = {0};
	size_t i;

	json_array_foreach(json_object_get(drift, "items"), i, item) {
		struct span kind = get_text(item, "kind");

		for (size_t k = 0; k < 3; k++)
			n[k] += span_is(kind, kinds[k]);
	}
	for (size_t k = 0; k < 3; k++)
		json_object_set_new(counts, kinds[k], json_integer(n[k]));
	json_object_set_new(drift, "counts", counts);
}

/* Nothing was printed for them, but not because they are clean. */
static void nowhere_remark(const struct want *w, const json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		BUF struct buf room = {0}, text = {0};

		text_quote(&text, get_path(v, "path", &room), true);
		remark("nothing of %s is kept at %s, in its baseline or now; volumes are targets of "
		       "their own",
			w->target, buf_text(&text));
	}
}

static void draw(struct cli *c, const json_t *drift, void *arg)
{
	const struct want *w = arg;

	w->dress->draw(c, drift, w->target);
}

static int show(struct cli *c, struct want *w)
{
	JSON json_t *drift = NULL;
	int r = read_slices(c, w, &drift);

	if (r)
		return r;
	put_in_order(drift);
	recount(drift);
	c->form->answer(c, drift, &(struct view){"items", draw, w});
	out_flush();
	nowhere_remark(w, json_object_get(drift, "nowhere"));
	coverage_remark(c, json_object_get(drift, "coverage"));
	if (ferror(stdout))
		return EXIT_TROUBLE;
	if (json_array_size(json_object_get(drift, "items")))
		return EXIT_DRIFT;
	if (w->exit_code && get_false(json_object_get(drift, "coverage"), "baselined"))
		return complain("%s: not clean: its baseline is still being taken: ask again when "
				"`boltseal status` says that it is there",
			w->target);
	return EXIT_CLEAN;
}

static void draw_docker(struct cli *c, const json_t *list, void *arg)
{
	static const char letters[] = "CAD"; /* docker's numbers */
	BUF struct buf out = {0};
	size_t i;
	json_t *v;

	(void)arg;
	json_array_foreach(list, i, v) {
		BUF struct buf room = {0};
		struct span b64 = get_text(v, "PathB64"), path = get_text(v, "Path");
		int64_t kind = get_int(v, "Kind");

		buf_printf(&out, "%c ", kind >= 0 && kind < 3 ? letters[kind] : '?');
		if (b64.n && text_unb64(b64, &room) == 0)
			path = buf_span(&room);
		text_quote(&out, path, c->utf8_ok);
		buf_u8(&out, '\n');
	}
	out_add(buf_span(&out));
}

static int show_docker(struct cli *c, const char *target, bool exit_code)
{
	JSON json_t *list = NULL;
	int r = boltseal_changes(c->h, target, &c->reply);

	/* docker's way to say "nothing" */
	if (r == 0 && c->reply.status == 200 && strncmp(c->reply.body, "null", 4) == 0)
		list = json_array();
	else
		r = ask_json(c, r, &list);
	if (r)
		return r;
	c->form->answer(c, list, &(struct view){NULL, draw_docker, NULL});
	return exit_code && json_array_size(list) ? EXIT_DRIFT : EXIT_CLEAN;
}

static int check(struct cli *c, const struct args *a)
{
	int dresses = !!a->val[O_LONG] + !!a->val[O_PATCH] + !!a->val[O_STAT] + !!a->val[O_DOCKER];

	if (dresses > 1)
		return complain("--long, --patch, --stat and --docker each print another list: "
				"choose one");
	if (a->val[O_DOCKER] && (a->n > 1 || a->val[O_AGAINST] || a->val[O_AT]))
		return complain("--docker prints what docker diff prints, which knows no PATH, "
				"--against or --at: leave them or --docker out");
	if (a->val[O_PATCH] && (a->val[O_AGAINST] || a->val[O_AT]))
		return complain("--patch shows the baseline against now: leave --against and --at "
				"out");
	if (a->val[O_PATCH] && c->form->machine)
		return complain("--patch is text: leave --format out, or --patch");
	if (a->val[O_AGAINST] && !*a->val[O_AGAINST])
		return complain("--against needs baseline, image, gen:N or a target");
	return 0;
}

static const struct diff_dress *dress_of(const struct args *a)
{
	if (a->val[O_LONG])
		return &diff_long;
	if (a->val[O_PATCH])
		return &diff_patch;
	return a->val[O_STAT] ? &diff_stat : &diff_plain;
}

static int diff_words(struct cli *c, const struct args *a, const char **paths, struct buf *rooms)
{
	BUF struct buf at = {0};
	struct want w = {
		.target = a->pos[0], .dress = dress_of(a), .exit_code = a->val[O_EXIT_CODE]};
	int r = 0;

	for (size_t i = 1; !r && i < a->n; i++) {
		r = path_word(a->pos[i], &rooms[i]);
		paths[i - 1] = buf_text(&rooms[i]);
	}
	if (!r && a->val[O_AT])
		r = time_option("--at", a->val[O_AT], false, &at);
	if (!r && a->val[O_RESCAN])
		r = progress_rescan(c, a->pos[0], NULL, NULL);
	if (r)
		return r;
	if (a->val[O_DOCKER])
		return show_docker(c, a->pos[0], a->val[O_EXIT_CODE]);
	w.ask = (struct boltseal_drift_ask){
		.paths = paths,
		.n_paths = a->n - 1,
		.against = a->val[O_AGAINST],
		.at = at.n ? buf_text(&at) : NULL,
		.limit = PAGE,
	};
	return show(c, &w);
}

static int run_diff(struct cli *c, const struct args *a)
{
	FREE const char **paths = calloc(a->n, sizeof(*paths));
	FREE struct buf *rooms = calloc(a->n, sizeof(*rooms));
	int r = check(c, a);

	must(paths && rooms);
	if (!r)
		r = diff_words(c, a, paths, rooms);
	for (size_t i = 0; i < a->n; i++)
		buf_free(&rooms[i]);
	return r;
}

const struct command cmd_diff = {
	.word = "diff",
	.args = "TARGET [PATH...]",
	.sentence = "what differs from the baseline, a line a path",
	.text = "A added, C changed, D deleted, sorted by the bytes of the path, by content and not "
		"by size and\ntime. PATHs limit it to themselves and what is below; a directory "
		"above that is deleted or hidden\nstands for them. Where not everything could be "
		"seen, or a PATH is nowhere, a line on stderr says so.\n\n"
		"Examples:\n"
		"  boltseal diff web\n"
		"  boltseal diff web -l /etc /usr/bin\n"
		"  boltseal diff web -p /etc/nginx\n"
		"  boltseal diff web --against web-2\n"
		"  boltseal diff web --docker | sort | diff - expected\n"
		"  boltseal diff web --format jsonl | jq .path\n",
	.exits = "0 clean; 1 drift (with --docker only when --exit-code asks for it); 2 an error.",
	.options = options,
	.min = 1,
	.max = MANY,
	.slots = {SLOT_TARGET, SLOT_PATH},
	.run = run_diff,
};
