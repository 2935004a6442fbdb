/* What this kernel and host allow, and what is live for each target. JSON for the door. */
#include "base/clock.h"
#include "base/json.h"
#include "daemon/self.h"
#include "daemon/sensor/checks.h"
#include "daemon/sensor/loop.h"

enum { EXCLUDED_TOLD = 16 };

/* What a level gives: content, names and attributes by event; the process that did it. */
static const struct {
	bool content, names, attributes, actor;
} level_gives[LEVEL_N] = {
	[LEVEL_L1] = {true, true, true, true},
	[LEVEL_L2] = {true, true, true, true},
	[LEVEL_L4] = {true, true, true, false},
	[LEVEL_L5] = {true, true, true, false},
};

static const char *level_lacks(enum level l)
{
	static const char *const lacks[LEVEL_N] = {
		[LEVEL_NONE] = "everything but sweeps",
		[LEVEL_L1] = ("stores through a mapping that is never unmapped, chattr, raw "
			      "block writes, writes through a hard link from outside: found by "
			      "sweeps, in layers by the schedule of proofs"),
		[LEVEL_L2] = "as L1, and the end of a mapping, asynchronous writes on held files",
		[LEVEL_L4] = "the process behind creations, deletions and renames",
		[LEVEL_L5] = "the process, always",
		[LEVEL_L6] = "when and who: only sweeps see anything",
	};

	return lacks[l];
}

static void one_probe(
	struct json *j, const char *name, bool ok, const char *result, const char *without)
{
	json_open(j, '{');
	json_m_text(j, "name", name);
	json_m_bool(j, "ok", ok);
	json_m_text(j, "result", result);
	json_m_text(j, "without", without ? without : "");
	json_close(j, '}');
}

static void probes(struct sensor *s, struct json *j)
{
	BUF struct buf spaces = {0};
	size_t n;
	const struct watch_probe *p = watch_probes(s->watch, &n);

	json_key(j, "probes");
	json_open(j, '[');
	for (size_t i = 0; i < n; i++)
		one_probe(j, p[i].name, p[i].ok, p[i].result, p[i].without);
	buf_printf(&spaces, "%zu are followed", s->spaces.n);
	one_probe(j, "mount namespaces", s->spaces.n > 0, buf_text(&spaces),
		"a container's mounts are seen by looking; none is followed while none is there");
	one_probe(j, "process events", tracker_is_live(s->tracker), tracker_result(s->tracker),
		"a writer that has ended when its change is read is not known, nor which exec session "
		"it came from once that left its parent; a container in a mount namespace of its own "
		"making (rootless, LXC, no engine) is found by a look every 5 s, not when it starts: "
		"allow the process connector");
	wall_show(j, &s->wall);
	json_close(j, ']');
}

/* What is lost by the level, and before that what rules leave out. */
static void add_lacks(struct json *j, const struct reg *r, const struct span *globs, size_t n,
	bool all, bool live)
{
	BUF struct buf text = {0};

	if (all)
		buf_add_text(&text, "everything, for rules exclude all of it; else ");
	else if (n)
		buf_add_text(&text, "what rules exclude (");
	for (size_t i = 0; !all && i < n; i++) {
		buf_add_text(&text, i ? ", " : "");
		buf_add_span(&text, globs[i]);
	}
	buf_add_text(&text, n && !all ? "); " : "");
	buf_add_text(&text, level_lacks(r->level));
	if (!live && level_gives[r->level].actor)
		buf_add_text(&text,
			"; short-lived writers: who has ended when its change is read is not known");
	json_m_str(j, "lacks", buf_span(&text));
}

static void one_target(struct json *j, const struct reg *r, bool volumes, bool live)
{
	RULES_FOR struct rules_for *rules = kept_rules(r->kept);
	struct span globs[EXCLUDED_TOLD];
	size_t n = rules ? rules_excluded(rules, globs, COUNTOF(globs)) : 0;
	bool all = n && rules_excludes_all(rules);

	json_open(j, '{');
	json_m_bool(j, "actor", !all && level_gives[r->level].actor);
	json_m_bool(j, "attributes", !all && level_gives[r->level].attributes);
	json_m_bool(j, "baselined", kept_is_baselined(r->kept));
	json_m_bool(j, "content", !all && level_gives[r->level].content);
	if (n) {
		json_key(j, "excluded");
		json_open(j, '[');
		for (size_t i = 0; i < n; i++)
			json_str(j, globs[i]);
		json_close(j, ']');
	}
	if (all)
		json_m_bool(j, "excluded_all", true);
	json_m_text(j, "id", r->kept->id);
	json_m_text(j, "kind", target_kinds[r->kept->kind].name);
	add_lacks(j, r, globs, n, all, live);
	json_m_text(j, "level", level_kinds[r->level].name);
	json_m_str(j, "name", span_of(r->kept->name));
	json_m_bool(j, "names", !all && level_gives[r->level].names);
	json_m_bool(j, "prevention", false);
	json_m_bool(j, "volumes", volumes);
	json_close(j, '}');
}

void doctor_text(struct sensor *s, struct buf *out)
{
	struct json j = json_on(out);

	json_open(&j, '{');
	json_key(&j, "findings");
	json_open(&j, '[');
	checks_kernel(s, &j);
	checks_host(s, &j);
	checks_kept(s, &j);
	json_close(&j, ']');
	probes(s, &j);
	json_key(&j, "targets");
	json_open(&j, '[');
	for (struct reg *r = s->reg.regs; r; r = r->next)
		one_target(&j, r, s->cfg->volumes_watch, tracker_is_live(s->tracker));
	json_close(&j, ']');
	json_m_text(&j, "version", BOLTSEAL_VERSION);
	json_close(&j, '}');
}

static void counters(struct sensor *s, struct json *j)
{
	struct examiner_stats *e = &s->ex.stats;
	struct watch_stats w;
	struct tracker_stats p;

	watch_stats(s->watch, &w);
	tracker_stats(s->tracker, &p);
	json_m_uint(j, "asks", atomic_load(&e->asks));
	json_m_uint(j, "baseline_files", atomic_load(&s->baseline_files));
	json_m_uint(j, "container_looks", s->n_looks);
	json_m_uint(j, "commits", atomic_load(&s->ledger_stats.batches));
	json_m_uint(j, "entries", atomic_load(&s->ledger_stats.entries));
	json_m_uint(j, "events", w.events);
	json_m_uint(j, "events_foreign", w.foreign);
	json_m_uint(j, "flooded", atomic_load(&s->ledger_stats.flooded));
	json_m_uint(j, "floods", atomic_load(&s->ledger_stats.floods));
	json_m_uint(j, "folded", atomic_load(&s->ledger_stats.folded));
	json_m_uint(j, "hashed_bytes", atomic_load(&e->hashed_bytes));
	json_m_uint(j, "hashed_files", atomic_load(&e->hashed_files));
	json_m_uint(j, "looks", atomic_load(&e->looks));
	json_m_uint(j, "lost", s->lost);
	json_m_uint(j, "marks", w.marks);
	json_m_uint(j, "overflows", w.overflows);
	json_m_uint(j, "process_events", p.events);
	json_m_uint(j, "process_events_lost", p.lost);
	json_m_uint(j, "processes", p.table.alive + p.table.ended);
	json_m_uint(j, "programs_late", p.table.late);
	json_m_uint(j, "programs_read", p.table.read);
	json_m_uint(j, "retries", atomic_load(&e->retries));
	json_m_uint(j, "seen_hits", atomic_load(&e->seen_hits));
	json_m_uint(j, "sessions", p.table.sessions);
	json_m_uint(j, "sightings", atomic_load(&s->ledger_stats.sightings));
	json_m_uint(j, "touches", w.touches);
}

/* How many targets are watched at which level. */
static void levels(struct sensor *s, struct json *j)
{
	uint64_t n[LEVEL_N] = {0};

	for (struct reg *r = s->reg.regs; r; r = r->next)
		n[r->level]++;
	json_key(j, "levels");
	json_open(j, '{');
	for (int i = 0; i < LEVEL_N; i++)
		if (n[i])
			json_m_uint(j, level_kinds[i].name, n[i]);
	json_close(j, '}');
}

void status_text(struct sensor *s, struct buf *out)
{
	static const char *const health[] = {"ok", "full", "failed"};
	struct json j = json_on(out);

	json_open(&j, '{');
	json_m_bool(&j, "baselining",
		atomic_load(&s->baselines[LINE_BOXES].busy) ||
			atomic_load(&s->baselines[LINE_HOST].busy));
	json_key(&j, "counters");
	json_open(&j, '{');
	counters(s, &j);
	json_close(&j, '}');
	levels(s, &j);
	json_m_uint(&j, "memory", self_memory());
	json_key(&j, "queues");
	json_open(&j, '{');
	json_m_uint(&j, "baseline", jobs_len(s->jobs, JOB_BASELINE) + jobs_len(s->jobs, JOB_HOST));
	json_m_uint(&j, "coalesce", coalesce_len(s->coalesce));
	json_m_uint(&j, "items", queue_len(s->items));
	json_m_uint(&j, "live", jobs_len(s->jobs, JOB_LIVE));
	json_m_uint(&j, "scan", jobs_len(s->jobs, JOB_SCAN));
	json_m_uint(&j, "unsettled", jobs_waiting(s->jobs));
	json_close(&j, '}');
	json_key(&j, "reload");
	reloaded_show(&j, &s->reloaded);
	json_m_time(&j, "started", s->started);
	json_m_text(&j, "store", health[atomic_load(&s->ledger_stats.health)]);
	json_m_int(&j, "targets", (int64_t)s->reg.n_rows);
	json_m_text(&j, "version", BOLTSEAL_VERSION);
	json_close(&j, '}');
}
