/* All that is known of one file, and the diff of its text. */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/glob.h"
#include "base/text.h"
#include "store/packages.h"
#include "wire/show.h"
#include "wire/udiff.h"
#include <unistd.h>

enum { EVENTS_SHOWN = 100, TEXT_MAX = 8 << 20 };
#define PATIENCE (30 * CLOCK_S)

struct file {
	struct target target;
	struct target_state_rec state;
	struct span path;
	bool has_drift, has_accepted, has_below, dir_gone, dir_hidden, dir_accepted;
	struct change drift;
	struct accepted accepted;
	struct below below;
	struct buf below_bytes;
	struct span mount; /* what covers it, or a directory above it */
};

static void file_free(struct file *f)
{
	buf_free(&f->below_bytes);
}

static int need_path(struct call *c, struct span *ret)
{
	const struct span *v = query_get(&c->query, "path");

	if (!v)
		return err_set(-EINVAL, "name the file: ?path=/etc/passwd");
	*ret = *v;
	return view_path(ret);
}

static int look(struct txn *t, struct file *f)
{
	int r = targets_state_get(t, f->target.no, &f->state);

	if (r >= 0)
		r = drift_get(t, f->target.no, f->path, &f->drift);
	f->has_drift = r == 0;
	if (r >= 0)
		r = accepted_get(t, f->target.no, f->path, UINT32_MAX, &f->accepted);
	f->has_accepted = r == 0;
	if (r >= 0)
		r = below_find(t, &f->target, f->path, &f->below);
	f->has_below = r == 0;
	if (f->has_below) { /* overlay's marks steer lookups and are no attribute */
		f->below.rec.ovl = 0;
		f->below.rec.redirect = span_of("");
		r = record_encode(&f->below.rec, &f->below_bytes);
	}
	return r < 0 ? r : 0;
}

static struct span baseline_of(const struct file *f)
{
	return f->has_accepted	 ? f->accepted.rec
	       : f->dir_accepted ? span_of("")
	       : f->has_drift	 ? f->drift.old
				 : buf_span(&f->below_bytes);
}

/* The last hundred events on the path, oldest first. The index goes forward only. */
static int show_events(struct json *j, struct txn *t, const struct file *f)
{
	uint64_t ring[EVENTS_SHOWN], n = 0;
	struct journal_entry e = {.seq = 0};
	int r;

	while ((r = journal_next_of(t, f->target.no, e.seq + 1, &e)) == 0) {
		if (span_eq(e.path, f->path))
			ring[n++ % EVENTS_SHOWN] = e.seq;
	}
	json_key(j, "events");
	json_open(j, '[');
	for (uint64_t i = n > EVENTS_SHOWN ? n - EVENTS_SHOWN : 0; r >= 0 && i < n; i++) {
		r = journal_get(t, ring[i % EVENTS_SHOWN], &e);
		if (r == 0)
			json_raw(j, e.json);
	}
	json_close(j, ']');
	return r < 0 ? r : 0;
}

static void show_below(struct json *j, const struct file *f)
{
	if (!f->has_below)
		return;
	json_key(j, "layer");
	json_open(j, '{');
	show_str(j, "digest", f->below.digest);
	json_m_uint(j, "number", f->below.layer);
	json_m_path(j, "path", f->below.path);
	json_close(j, '}');
}

/* What the image's packages say of it: as its change has it, or as the image was found. */
static int show_package(struct json *j, struct txn *t, const struct file *f)
{
	static const enum package_state states[PKG_IMAGE_N] = {
		PACKAGE_STATE_N, PACKAGE_INSTALLED, PACKAGE_MISMATCH, PACKAGE_DELETED};
	const struct span none = {0};
	uint32_t no = 0;
	struct pkg_set set;
	struct pkg_file owned;
	struct package_note n;
	struct pkg p;
	bool file = f->has_below && f->below.rec.type == FILE_REG;
	int r = pkg_of_get(t, f->target.no, &no);

	if (r == 0)
		r = pkg_set_get(t, no, &set);
	if (r || !set.complete || !set.n_packages)
		return r < 0 ? r : 0;
	if (f->has_drift && f->drift.package.n) {
		show_package_of(j, f->drift.package);
		return 0;
	}
	r = pkg_file_get(t, no, f->path, &owned);
	if (r == STORE_ABSENT && file && !set.lost)
		show_package_note(j, &(struct package_note){.state = PACKAGE_UNOWNED});
	if (r == 0)
		r = pkg_get(t, no, owned.package, &p);
	if (r)
		return r < 0 ? r : 0;
	n = (struct package_note){.manager = p.manager,
		.name = p.name,
		.version = p.version,
		.arch = p.arch,
		.config = owned.config,
		.digest = owned.has_digest ? owned.kind : PACKAGE_MD5,
		.expected = owned.has_digest ? owned.digest : none,
		.state = states[owned.image]};
	if (n.config && n.state == PACKAGE_MISMATCH)
		n.state = PACKAGE_EDITED;
	show_package_note(j, &n);
	return 0;
}

static const char *note_of(const struct file *f)
{
	if (f->has_drift && f->mount.n > 0)
		return "a mount covers it: the container does not see what the image has there";
	if (f->has_drift)
		return f->drift.unsettled
			       ? "a writer is or may be alive: the content may still move"
			       : NULL;
	if (f->dir_gone)
		return "a directory above it is deleted, or is none any more: it is gone with that";
	if (f->dir_hidden)
		return "a mount covers a directory above it: the container does not see it";
	if (!f->state.baselined)
		return "not every layer is stored yet: what it should be is not known for sure";
	if (f->dir_accepted && !f->has_accepted)
		return "it was accepted that a directory above it is gone: it went with that";
	if (!baseline_of(f).n)
		return "it is not there, and the baseline has none";
	return "it is not in the drift: it is as the baseline has it";
}

static void show_note(struct json *j, const struct file *f)
{
	BUF struct buf text = {.p = NULL};
	const char *note = note_of(f);

	if (!note)
		return;
	buf_add_text(&text, note);
	if (f->mount.n > 0) {
		buf_add_text(&text, "; it is ");
		buf_add_span(&text, f->mount);
	}
	json_m_str(j, "note", buf_span(&text));
}

static int answer_file(struct call *c, struct txn *t, struct file *f)
{
	struct json j = call_json(c);
	int r;

	json_open(&j, '{');
	show_record_of(&j, "baseline", baseline_of(f));
	json_key(&j, "coverage");
	r = view_coverage(c, t, &f->target, &f->state, &j);
	if (f->has_drift) {
		json_key(&j, "drift");
		show_drift_item(&j, &f->drift);
	}
	if (r >= 0)
		r = show_events(&j, t, f);
	show_below(&j, f);
	show_note(&j, f);
	if (!f->dir_gone && !f->dir_hidden)
		show_record_of(&j, "now", f->has_drift ? f->drift.now : baseline_of(f));
	if (r >= 0)
		r = show_package(&j, t, f);
	json_m_path(&j, "path", f->path);
	json_key(&j, "target");
	show_target_ref(&j, &f->target);
	json_close(&j, '}');
	return r;
}

/* What lies below a deleted or hidden directory is not in the drift: that change stands for it. */
static int look_above(struct txn *t, struct file *f)
{
	struct change c;
	int r = f->has_drift ? STORE_ABSENT : above_find(t, f->target.no, f->path, &c);

	f->dir_hidden = r == 0 && c.mount.n > 0;
	f->dir_gone = r == 0 && !f->dir_hidden;
	f->mount = f->has_drift ? f->drift.mount : f->dir_hidden ? c.mount : span_of("");
	return r < 0 ? r : above_accepted_gone(t, f->target.no, f->path, &f->dir_accepted);
}

static int has_events(struct txn *t, const struct file *f, bool *ret)
{
	struct journal_entry e = {.seq = 0};
	int r;

	*ret = false;
	while (!*ret && (r = journal_next_of(t, f->target.no, e.seq + 1, &e)) == 0)
		*ret = span_eq(e.path, f->path);
	return *ret || r > 0 ? 0 : r;
}

/* What was never there, as far as anything stored knows, is nothing to show. */
static int check_somewhere(struct call *c, struct txn *t, const struct file *f)
{
	BUF struct buf path = {.p = NULL}, name = {.p = NULL};
	bool nowhere, events = false;
	int r = above_is_nowhere(t, &f->target, &f->state, f->path, &nowhere);

	if (r == 0 && nowhere)
		r = has_events(t, f, &events);
	if (r < 0 || !nowhere || events)
		return r;
	text_quote(&path, f->path, true);
	text_quote(&name, f->target.name, true);
	problem(c, 404,
		"nothing of %s is kept at %s, in its baseline or now; volumes are targets "
		"of their own",
		buf_text(&name), buf_text(&path));
	return VIEW_ANSWERED;
}

int route_file(struct call *c)
{
	CLEANUP(file_free) struct file f = {.has_drift = false};
	TXN struct txn *t = NULL;
	int r = need_path(c, &f.path);

	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &f.target);
	if (r != 0)
		return r < 0 ? r : 0;
	r = look(t, &f);
	if (r >= 0)
		r = look_above(t, &f);
	if (r >= 0)
		r = check_somewhere(c, t, &f);
	if (r != 0)
		return r < 0 ? r : 0;
	return answer_file(c, t, &f);
}

static int read_side(int fd, bool absent, struct buf *out)
{
	if (absent)
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys("cannot read what the sensor sent");
	return fd_read_all(fd, TEXT_MAX, out);
}

static const char *label(struct call *c, const char *side, bool absent)
{
	BUF struct buf raw = {.p = NULL}, text = {.p = NULL};
	const struct span *path = query_get(&c->query, "path");

	if (absent)
		return "/dev/null";
	buf_add_text(&raw, side);
	buf_add_span(&raw, *path);
	text_quote(&text, buf_span(&raw), false);
	return (const char *)arena_dup(&c->mem, buf_span(&text)).p;
}

static int answer_patch(struct call *c)
{
	const struct ask *k = c->ask;
	bool no_old = k->flags & DOOR_OLD_ABSENT, no_new = k->flags & DOOR_NEW_ABSENT;
	BUF struct buf old = {.p = NULL}, now = {.p = NULL};
	int r;

	if (k->n_fds != 2)
		return problem(c, 500, "the sensor sent no content");
	r = read_side(k->fds[0], no_old, &old);
	if (r >= 0)
		r = read_side(k->fds[1], no_new, &now);
	if (r == -EFBIG)
		return problem(c, 413,
			"the file has more than %d bytes; that is too much for a diff", TEXT_MAX);
	if (r < 0)
		return r;
	if (!udiff_is_text(buf_span(&old)) || !udiff_is_text(buf_span(&now)))
		return problem(c, 415, "the file is not text; GET …/file has both digests");
	c->status = 200;
	c->type = "text/x-diff; charset=utf-8";
	r = udiff(buf_span(&old), buf_span(&now), label(c, "a", no_old), label(c, "b", no_new),
		&c->out);
	return r < 0 ? r : 0;
}

static int wait_patch(struct call *c)
{
	if (!c->ask->done)
		return CALL_WAIT;
	return asks_refused(c) ? 0 : answer_patch(c);
}

/* The sensor refuses too; here the rule holds even for a sensor that forgot it. */
static bool is_withheld(const struct call *c, const struct target *tg, struct span path)
{
	const struct config_list *globs = &c->g->config->withhold;
	RULES_FOR struct rules_for *f = c->g->rules ? rules_for(c->g->rules, tg) : NULL;
	struct rules_of_path said;

	for (size_t i = 0; i < globs->n; i++) {
		if (glob_match(span_of(globs->v[i]), path))
			return true;
	}
	rules_path(f, path, &said);
	return rules_of_path_says(&said, RULE_WITHHOLD);
}

int route_patch(struct call *c)
{
	struct door_msg m = {.op = DOOR_PATCH};
	TXN struct txn *t = NULL;
	struct target tg;
	int r = need_path(c, &m.path);

	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &tg);
	if (r != 0)
		return r < 0 ? r : 0;
	if (is_withheld(c, &tg, m.path))
		return problem(c, 403, "a rule says that its content is never shown (withhold:)");
	m.target = tg.id;
	if (asks_send(c, &m, PATIENCE) != 0)
		return 0;
	c->again = wait_patch;
	return CALL_WAIT;
}
