#include "wire/held.h"
#include "wire/noun.h"

static void show_counts_of(struct json *j, const struct hold *h)
{
	static const enum severity sorted[] = {
		SEV_CRITICAL, SEV_HIGH, SEV_INFO, SEV_LOW, SEV_MEDIUM};

	json_key(j, "counts");
	json_open(j, '{');
	for (size_t i = 0; i < COUNTOF(sorted); i++)
		json_m_uint(j, severity_kinds[sorted[i]].name, h->counts[sorted[i]]);
	json_close(j, '}');
}

static struct span target_name(const struct show_hold *h, uint32_t no)
{
	for (size_t i = 0; i < h->n_targets; i++)
		if (h->targets[i].no == no)
			return h->targets[i].name;
	return (struct span){0};
}

static void show_path_of(struct json *j, const struct show_hold *h, const struct hold_path *p)
{
	json_open(j, '{');
	json_m_str(j, "kind", span_make((const uint8_t *)&p->kind, 1));
	json_m_path(j, "path", p->path);
	json_m_text(j, "severity", severity_kinds[p->severity].name);
	show_str(j, "target", target_name(h, p->target));
	json_close(j, '}');
}

static void show_paths_of(struct json *j, const struct show_hold *h)
{
	json_key(j, "paths");
	json_open(j, '[');
	for (int severity = SEV_N; severity-- > 0;) {
		struct rd at = rd_of(h->hold->paths);
		struct hold_path p;

		while (hold_next_path(&at, &p))
			if ((int)p.severity == severity)
				show_path_of(j, h, &p);
	}
	json_close(j, ']');
}

static void show_targets_of(struct json *j, const struct show_hold *h)
{
	json_key(j, "targets");
	json_open(j, '[');
	for (size_t i = 0; i < h->n_targets; i++) {
		json_open(j, '{');
		if (h->targets[i].drift_id)
			json_m_hex(j, "drift_id", span_make(h->targets[i].drift_id, SHA_LEN));
		json_m_str(j, "id", h->targets[i].id);
		json_m_str(j, "name", h->targets[i].name);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void show_own(struct json *j, const struct show_hold_target *t)
{
	json_key(j, "target");
	json_open(j, '{');
	json_m_str(j, "id", t->id);
	json_m_str(j, "name", t->name);
	json_close(j, '}');
}

void show_hold(struct json *j, const struct show_hold *h)
{
	const struct hold *o = h->hold;

	json_open(j, '{');
	json_m_text(j, "by", hold_by_rule(o) ? "rule" : "command");
	if (h->counted)
		show_counts_of(j, o);
	show_str(j, "file", o->file);
	json_m_time(j, "from", o->from);
	if (hold_by_rule(o))
		json_m_uint(j, "line", o->line);
	if (h->counted)
		json_m_uint(j, "n_paths", o->n_paths);
	json_m_str(j, "name", o->name);
	show_str(j, "owner", o->owner);
	show_path(j, "path", o->path);
	if (h->listed)
		show_paths_of(j, h);
	json_m_str(j, "reason", o->reason);
	if (h->own && h->n_targets)
		show_own(j, &h->targets[0]);
	if (h->listed)
		show_targets_of(j, h);
	json_m_time(j, "to", h->to);
	if (!hold_by_rule(o))
		json_m_uint(j, "uid", o->uid);
	if (h->counted)
		json_m_text(j, "worst", severity_kinds[hold_worst(o)].name);
	json_close(j, '}');
}

void show_held(struct json *j, struct span name, enum severity severity)
{
	json_open(j, '{');
	json_m_str(j, "name", name);
	json_m_text(j, "severity", severity_kinds[severity].name);
	json_close(j, '}');
}
