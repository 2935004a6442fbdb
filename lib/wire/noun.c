/*
 * The nouns of the model as JSON values, members sorted by hand: the text is hashed. Members that
 * mean nothing for a noun (the link of a regular file, a time that has not come) are left out.
 */
#include "wire/noun.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/caps.h"
#include "wire/map.h"
#include <stdio.h>

static const char *const flag_names[] = {"immutable", "append", "noatime", "sync"};

static void show_flags(struct json *j, uint32_t flags)
{
	json_key(j, "flags");
	json_open(j, '[');
	for (size_t i = 0; i < COUNTOF(flag_names); i++) {
		if (flags & (1u << i))
			json_text(j, flag_names[i]);
	}
	json_close(j, ']');
}

/* A text that a terminal and a reader take as it is; "0s" in front means base64, as getfattr's. */
static bool is_plain(struct span v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < 0x20 || v.p[i] == 0x7f)
			return false;
	}
	return text_is_utf8(v) && !span_starts(v, span_of("0s"));
}

static void add_xattr(struct map *m, const struct xattr *x)
{
	BUF struct buf text = {.p = NULL};

	if (is_plain(x->value)) {
		map_add(m, x->name, x->value);
		return;
	}
	buf_add_text(&text, "0s");
	text_b64(&text, x->value);
	map_add(m, x->name, buf_span(&text));
}

static void show_xattrs(struct json *j, struct span list)
{
	MAP struct map m = {.items = NULL};
	struct rd at = rd_of(list);
	struct xattr x;

	while (xattr_next(&at, &x))
		add_xattr(&m, &x);
	json_key(j, "xattrs");
	map_show(j, &m);
}

static void show_caps(struct json *j, struct span list)
{
	BUF struct buf text = {.p = NULL};
	struct rd at = rd_of(list);
	struct xattr x;

	while (xattr_next(&at, &x)) {
		if (span_is(x.name, "security.capability") && caps_text(x.value, &text))
			json_m_str(j, "caps", buf_span(&text));
	}
}

static const char *name_of(const struct kind *table, unsigned n, unsigned i)
{
	return i < n ? table[i].name : "unknown";
}

static void show_mode(struct json *j, uint32_t mode)
{
	char text[8];

	snprintf(text, sizeof(text), "%04o", mode & 07777);
	json_m_text(j, "mode", text);
}

void show_record(struct json *j, const struct record *rec)
{
	json_open(j, '{');
	show_caps(j, rec->xattrs);
	show_flags(j, rec->flags);
	json_m_uint(j, "gid", rec->gid);
	if (rec->type == FILE_LINK)
		json_m_path(j, "link", rec->link);
	show_mode(j, rec->mode);
	json_m_time(j, "mtime", rec->mtime);
	if (rec->type == FILE_CHR || rec->type == FILE_BLK) {
		char rdev[24];

		snprintf(rdev, sizeof(rdev), "%u:%u", rec->rdev_major, rec->rdev_minor);
		json_m_text(j, "rdev", rdev);
	}
	if (rec->has_sha)
		json_m_hex(j, "sha256", span_make(rec->sha, SHA_LEN));
	if (rec->type == FILE_REG)
		json_m_uint(j, "size", rec->size);
	json_m_text(j, "type", name_of(file_kinds, FILE_N, rec->type));
	json_m_uint(j, "uid", rec->uid);
	show_xattrs(j, rec->xattrs);
	json_close(j, '}');
}

/* Arguments are apart by NUL; an empty one in the middle is one too. */
static void show_cmdline(struct json *j, struct span cmdline)
{
	if (cmdline.n > 0 && cmdline.p[cmdline.n - 1] == 0)
		cmdline.n--;
	json_key(j, "cmdline");
	json_open(j, '[');
	for (size_t at = 0, i = 0; i <= cmdline.n; i++) {
		if (i < cmdline.n && cmdline.p[i])
			continue;
		json_str(j, span_make(cmdline.p + at, i - at));
		at = i + 1;
	}
	json_close(j, ']');
}

void show_path(struct json *j, const char *key, struct span v)
{
	if (v.n > 0)
		json_m_path(j, key, v);
}

void show_str(struct json *j, const char *key, struct span v)
{
	if (v.n > 0)
		json_m_str(j, key, v);
}

void show_time(struct json *j, const char *key, int64_t wall)
{
	if (wall != 0)
		json_m_time(j, key, wall);
}

static void show_ancestry(struct json *j, const struct actor *a)
{
	if (a->n_up == 0 || !a->pid)
		return;
	json_key(j, "ancestry");
	json_open(j, '[');
	for (size_t i = 0; i < a->n_up; i++) {
		json_open(j, '{');
		show_str(j, "comm", a->up[i].comm);
		show_path(j, "exe", a->up[i].exe);
		if (a->up[i].pid)
			json_m_uint(j, "pid", a->up[i].pid);
		if (a->up[i].start)
			json_m_uint(j, "start", a->up[i].start);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void show_login(struct json *j, const char *key, uint32_t v)
{
	if (v != UINT32_MAX)
		json_m_uint(j, key, v);
}

void show_actor(struct json *j, const struct actor *a)
{
	json_open(j, '{');
	show_ancestry(j, a);
	if (a->cmdline.n > 0)
		show_cmdline(j, a->cmdline);
	show_str(j, "comm", a->comm);
	show_str(j, "container", a->container);
	show_path(j, "cwd", a->cwd);
	if (a->drifted)
		json_m_bool(j, "drifted", true);
	show_path(j, "exe", a->exe);
	show_path(j, "exe_host", a->exe_host);
	if (a->has_uid) {
		json_m_uint(j, "gid", a->gid);
		show_login(j, "login_session", a->login_session);
		show_login(j, "login_uid", a->login_uid);
	}
	json_m_text(j, "origin", name_of(origin_kinds, ORIGIN_N, a->origin));
	if (a->pid)
		json_m_uint(j, "pid", a->pid);
	show_str(j, "reason", a->reason);
	show_str(j, "session", a->session);
	if (a->has_sha)
		json_m_hex(j, "sha256", span_make(a->sha, SHA_LEN));
	if (a->start)
		json_m_uint(j, "start", a->start);
	show_str(j, "tty", a->tty);
	if (a->has_uid)
		json_m_uint(j, "uid", a->uid);
	json_close(j, '}');
}

void show_actor_of(struct json *j, struct span encoded)
{
	struct actor a;

	if (encoded.n == 0)
		return;
	if (actor_decode(encoded, &a) < 0)
		a = (struct actor){.reason = span_of("what is stored about it cannot be read")};
	json_key(j, "actor");
	show_actor(j, &a);
}

void show_session(struct json *j, const struct session *s)
{
	const struct actor *leader = s->leader;

	json_open(j, '{');
	show_time(j, "closed", s->closed);
	if (leader->cmdline.n > 0)
		show_cmdline(j, leader->cmdline);
	json_m_str(j, "id", s->id);
	json_key(j, "leader");
	show_actor(j, leader);
	if (s->closed || s->n_paths)
		json_m_uint(j, "n_paths", s->n_paths);
	json_m_time(j, "opened", s->opened);
	if (s->n_listed) {
		json_key(j, "paths");
		json_open(j, '[');
		for (size_t i = 0; i < s->n_listed; i++)
			json_str(j, s->paths[i]);
		json_close(j, ']');
	}
	show_str(j, "tty", leader->tty);
	if (leader->has_uid)
		json_m_uint(j, "uid", leader->uid);
	json_close(j, '}');
}

void show_rule_of(struct json *j, struct span ruling)
{
	struct ruling r;

	if (ruling_decode(ruling, &r) < 0 || !r.name.n)
		return;
	json_key(j, "rule");
	json_open(j, '{');
	if (r.expected)
		json_m_bool(j, "expected", true);
	show_str(j, "file", r.file);
	if (r.line)
		json_m_uint(j, "line", r.line);
	json_m_str(j, "name", r.name);
	show_str(j, "owner", r.owner);
	show_str(j, "reason", r.reason);
	json_close(j, '}');
}

void show_aspects(struct json *j, uint32_t aspects)
{
	json_key(j, "aspects");
	json_open(j, '[');
	for (unsigned i = 0; i < ASPECT_N; i++) {
		if (aspects & (1u << i))
			json_text(j, aspect_kinds[i].name);
	}
	json_close(j, ']');
}

void show_record_of(struct json *j, const char *key, struct span encoded)
{
	struct record rec;

	if (encoded.n == 0 || record_decode(encoded, &rec) < 0)
		return;
	json_key(j, key);
	show_record(j, &rec);
}

void show_package_note(struct json *j, const struct package_note *n)
{
	json_key(j, "package");
	json_open(j, '{');
	if (n->expected.n)
		json_m_text(j, "algorithm", package_digest_names[n->digest]);
	show_str(j, "arch", n->arch);
	if (n->config)
		json_m_bool(j, "config", true);
	if (n->expected.n)
		json_m_hex(j, "expected", n->expected);
	if (n->found.n)
		json_m_hex(j, "found", n->found);
	show_str(j, "manager", n->manager);
	show_str(j, "name", n->name);
	if (n->state < PACKAGE_STATE_N)
		json_m_text(j, "state", package_state_kinds[n->state].name);
	show_str(j, "version", n->version);
	json_close(j, '}');
}

void show_package_of(struct json *j, struct span encoded)
{
	struct package_note n;

	if (encoded.n && package_decode(encoded, &n) == 0)
		show_package_note(j, &n);
}

/* As an event has it, or as an answer has it: with when and who beside what. */
static void change_members(struct json *j, const struct change *c, struct span host_path, bool full)
{
	const char kind[] = {c->kind, 0};

	if (full)
		show_actor_of(j, c->actor);
	show_aspects(j, c->aspects);
	if (full)
		show_time(j, "first", c->first);
	show_path(j, "from", c->from);
	show_path(j, "host_path", host_path);
	json_m_text(j, "kind", kind);
	if (full)
		show_time(j, "last", c->last);
	show_str(j, "mount", c->mount);
	show_record_of(j, "new", c->now);
	show_record_of(j, "old", c->old);
	show_package_of(j, c->package);
	json_m_path(j, "path", c->path);
	if (full)
		show_rule_of(j, c->ruling);
	if (full && c->seq)
		json_m_uint(j, "seq", c->seq);
	if (full)
		json_m_text(j, "severity", name_of(severity_kinds, SEV_N, c->severity));
	if (c->unsettled)
		json_m_bool(j, "unsettled", true);
}

void show_change(struct json *j, const struct change *c, struct span host_path)
{
	json_open(j, '{');
	change_members(j, c, host_path, false);
	json_close(j, '}');
}

void show_drift_item(struct json *j, const struct change *c)
{
	json_open(j, '{');
	change_members(j, c, span_of(""), true);
	json_close(j, '}');
}

void show_gap(struct json *j, const struct gap *g)
{
	json_open(j, '{');
	json_m_text(j, "cause", name_of(gap_kinds, GAP_N, g->cause));
	show_time(j, "closed", g->closed);
	if (g->count)
		json_m_uint(j, "count", g->count);
	show_str(j, "detail", g->detail);
	show_time(j, "from", g->from);
	if (g->id)
		json_m_uint(j, "id", g->id);
	show_time(j, "opened", g->opened);
	show_path(j, "path", g->path);
	json_m_uint(j, "target", g->target);
	json_close(j, '}');
}

static void show_flood_counts(struct json *j, const struct flood *f)
{
	json_m_uint(j, "count", flood_count(f->n));
	json_key(j, "counts");
	json_open(j, '{');
	for (int i = 0; i < FLOOD_KINDS; i++)
		json_m_uint(j, flood_kind_names[i], f->n[i]);
	json_close(j, '}');
}

static void show_samples(struct json *j, const struct flood *f, bool global)
{
	json_key(j, "samples");
	json_open(j, '[');
	for (size_t i = 0; i < f->n_samples; i++) {
		json_open(j, '{');
		json_m_path(j, "path", f->sample[i].path);
		if (global)
			show_str(j, "target", f->sample[i].name);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void show_flood(struct json *j, const struct flood *f, bool global)
{
	json_open(j, '{');
	show_flood_counts(j, f);
	show_time(j, "from", f->from);
	if (f->n_samples) {
		json_m_path(j, "path", f->sample[0].path);
		show_samples(j, f, global);
	}
	json_m_text(j, "scope", global ? "global" : "target");
	show_time(j, "since", f->since);
	json_m_text(j, "state", name_of(flood_states, FLOOD_STATE_N, f->state));
	show_time(j, "to", f->to);
	json_m_uint(j, "total", f->total);
	if (f->n_samples)
		json_m_text(j, "worst", name_of(severity_kinds, SEV_N, f->worst));
	json_close(j, '}');
}

void show_repeats(struct json *j, const struct fold *f)
{
	json_key(j, "repeats");
	json_open(j, '{');
	json_m_uint(j, "count", flood_count(f->n));
	show_time(j, "from", f->from);
	show_time(j, "to", f->to);
	json_close(j, '}');
}

void show_labels(struct json *j, struct span pairs)
{
	MAP struct map m = {.items = NULL};
	struct rd at = rd_of(pairs);
	struct pair p;

	while (target_next_pair(&at, &p))
		map_add(&m, p.key, p.value);
	map_show(j, &m);
}

void show_pod(struct json *j, const struct target *t)
{
	if (t->pod_name.n + t->pod_namespace.n + t->pod_uid.n == 0)
		return;
	json_key(j, "pod");
	json_open(j, '{');
	json_m_str(j, "name", t->pod_name);
	json_m_str(j, "namespace", t->pod_namespace);
	json_m_str(j, "uid", t->pod_uid);
	json_close(j, '}');
}

void show_target_ref(struct json *j, const struct target *t)
{
	json_open(j, '{');
	json_m_str(j, "id", t->id);
	show_str(j, "image", t->image);
	show_str(j, "image_digest", t->image_digest);
	json_m_text(j, "kind", name_of(target_kinds, TARGET_KIND_N, t->kind));
	json_key(j, "labels");
	show_labels(j, t->labels);
	json_m_str(j, "name", t->name);
	show_pod(j, t);
	json_m_str(j, "runtime", t->runtime);
	json_close(j, '}');
}
