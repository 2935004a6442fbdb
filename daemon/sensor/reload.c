/* SIGHUP: configuration and rules are read again, and both are taken or neither. */
#include "base/err.h"
#include "daemon/log.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/proving.h"
#include "daemon/sensor/rulebook.h"

/* What threads, marks and files were built on; a name that ends with a dot is a whole section. */
static bool is_for_start(struct span name)
{
	static const char *const names[] = {"state_dir", "socket", "group", "gateway.", "runtimes.",
		"watch.level", "watch.marks", "watch.debounce", "watch.workers", "watch.queue",
		"watch.processes", "heartbeat.", "limits.", "retention.", "store.",
		"trust.keys_dir", "trust.accept_signatures", "trust.checkpoint_every",
		"trust.checkpoint_interval"};

	for (size_t i = 0; i < COUNTOF(names); i++) {
		struct span s = span_of(names[i]);

		if (s.p[s.n - 1] == '.' ? span_starts(name, s) : span_eq(name, s))
			return true;
	}
	return false;
}

void sensor_restart_names(const struct config *old, const struct config *fresh, struct buf *out)
{
	BUF struct buf names = {0};
	struct rd at;

	config_differences(old, fresh, &names);
	at = rd_of(buf_span(&names));
	while (!rd_end(&at)) {
		struct span name = rd_bytes(&at);

		if (is_for_start(name))
			buf_bytes(out, name);
	}
}

static void tell_of_restart(const struct config *old, const struct config *fresh)
{
	BUF struct buf names = {0};
	struct rd at;

	sensor_restart_names(old, fresh, &names);
	at = rd_of(buf_span(&names));
	while (!rd_end(&at)) {
		struct span name = rd_bytes(&at);

		log_note("reload: %.*s: takes effect at the next start", (int)name.n,
			(const char *)name.p);
	}
}

void sensor_note_rules(struct sensor *s, const char *before)
{
	BUF struct buf words = {0};

	buf_add_text(&words, before);
	rulebook_words(s->rules, &words);
	log_note("%s", buf_text(&words));
	sensor_note(s, EVENT_RULES_LOADED, buf_text(&words));
}

/* It stays to be seen until another reading succeeds; the log alone is read by nobody. */
static void failed(struct sensor *s, const char *stays)
{
	struct item_note *n = calloc(1, sizeof(*n));

	must(n);
	reloaded_now(&s->reloaded, err_why());
	log_err("reload: %s; %s", s->reloaded.why, stays);
	n->item.kind = ITEM_NOTE;
	n->type = EVENT_RULES_FAILED;
	n->severity = SEV_MEDIUM;
	buf_add_text(&n->detail, s->reloaded.why);
	sensor_push(s, &n->item);
	notify("READY=1");
}

static void give_limits(struct sensor *s)
{
	struct item_limits *i = calloc(1, sizeof(*i));

	must(i);
	i->item.kind = ITEM_LIMITS;
	i->limits = sensor_limits(s->cfg);
	sensor_push(s, &i->item);
}

void sensor_reload(struct sensor *s)
{
	struct config *old = s->cfg, *fresh;
	struct rules *rules;

	notify("RELOADING=1");
	if (daemon_config(s->args, &fresh) < 0) {
		failed(s, "the old configuration stays");
		return;
	}
	if (daemon_rules(fresh, &rules) < 0) {
		failed(s, "the old configuration and the old rules stay");
		config_free(fresh);
		return;
	}
	reloaded_now(&s->reloaded, NULL);
	/* What threads and roots were built on stays as it is until a restart: they have copies. */
	log_init("sensor", (enum log_level)fresh->log_level);
	tell_of_restart(old, fresh);
	s->cfg = fresh;
	if (s->cfg_at_start)
		config_free(old);
	else
		s->cfg_at_start = old;
	give_limits(s);
	rulebook_replace(s, rules);
	sensor_note_rules(s, "the configuration was read again: ");
	sensor_want_look(s, 1);
	proving_signatures(s);
	notify("READY=1");
}
