/*
 * Is the sensor well? Its door may be open while it takes nothing down: the store is full, or it
 * hangs. It is asked for its status whenever a view is given and what is known is older than a
 * second; the view waits for the answer, but not for a sensor that is known to be silent. While
 * nobody asks us, nobody is asked.
 */
#include "daemon/gateway/gw.h"
#include "base/clock.h"
#include "base/err.h"
#include "daemon/log.h"
#include "wire/jansson.h"
#include <stdio.h>

#define FRESH CLOCK_S	       /* this old it still counts */
#define VIEW_WAITS CLOCK_S     /* for an answer, before it says what was known */
#define SILENT (5 * CLOCK_S)   /* unanswered for so long: not well */
#define GIVE_UP (30 * CLOCK_S) /* and so long: what was wished will not be answered either */

static const char silent[] =
	"the sensor does not answer; see the daemon's log, or start boltseald again";

static const struct {
	const char *word, *reason, *refusal; /* word: the sensor's */
} healths[PULSE_N] = {
	[PULSE_OK] = {"ok", NULL, NULL},
	[PULSE_FULL] = {"full",
		"the store is full: changes are held back, not recorded; make room below the state "
		"directory or raise store.map_limit",
		"the store is full: changes are held back, not recorded; make room below %s or raise "
		"store.map_limit"},
	[PULSE_FAILED] = {"failed",
		"the store cannot be written: changes are held back, not recorded; the daemon's log "
		"says why",
		"the store below %s cannot be written: changes are held back, not recorded; the "
		"daemon's log says why"},
};

static bool is_silent(const struct pulse *p, int64_t now)
{
	return p->waits && now - p->asked > SILENT;
}

enum pulse_health pulse_health(const struct gateway *g)
{
	return g->asks.fd < 0 ? PULSE_OK : g->pulse.health;
}

bool pulse_is_silent(const struct gateway *g)
{
	return g->asks.fd >= 0 && is_silent(&g->pulse, clock_mono());
}

const char *pulse_why(const struct gateway *g)
{
	if (g->asks.fd < 0)
		return "the sensor is down: nothing is watched: `systemctl start boltseald` (by hand: start "
		       "boltseald again)";
	if (pulse_is_silent(g))
		return silent;
	return healths[g->pulse.health].reason;
}

bool pulse_gap(const struct gateway *g, struct gap *ret)
{
	enum pulse_health h = pulse_health(g);

	if (h == PULSE_OK)
		return false;
	*ret = (struct gap){.cause = GAP_STORE_FULL,
		.from = g->pulse.well,
		.opened = g->pulse.since,
		.detail = span_of(healths[h].reason)};
	return true;
}

int pulse_refuses(struct call *c)
{
	enum pulse_health h = pulse_health(c->g);
	const char *dir = c->g->store_dir ? c->g->store_dir : "the state directory";
	char sentence[600];

	if (pulse_is_silent(c->g)) {
		problem(c, 503, "%s", silent);
		return VIEW_ANSWERED;
	}
	if (h == PULSE_OK)
		return 0;
	snprintf(sentence, sizeof(sentence), healths[h].refusal, dir);
	problem(c, 507, "%s", sentence);
	return VIEW_ANSWERED;
}

static void wake_views(struct gateway *g)
{
	for (struct peer *p = g->peers; p; p = p->next) {
		if (p->call && p->call->awaits_pulse)
			call_wake(p->call);
	}
}

/* How its last reading of configuration and rules went. */
static void read_reload(struct pulse *p, const json_t *status)
{
	const json_t *reload = json_object_get(status, "reload");
	const char *since = json_string_value(json_object_get(reload, "since"));
	int64_t wall;

	if (!reload)
		return;
	p->reload_failed = json_is_false(json_object_get(reload, "ok"));
	if (since && clock_parse(span_of(since), 0, &wall) == 0)
		p->reload_done = wall / CLOCK_S;
}

/* The word that the sensor's status has for its store; one that has none is as well as it ever was. */
static enum pulse_health read_health(const json_t *status)
{
	const char *word = json_string_value(json_object_get(status, "store"));

	for (int i = 0; word && i < PULSE_N; i++) {
		if (strcmp(word, healths[i].word) == 0)
			return (enum pulse_health)i;
	}
	return PULSE_OK;
}

static void heard(struct gateway *g, enum pulse_health h)
{
	struct pulse *p = &g->pulse;
	int64_t now = clock_wall();

	if (h == PULSE_OK)
		p->well = now;
	if (h != p->health) {
		p->since = now;
		if (h == PULSE_OK)
			log_note("the sensor's store takes entries again");
		else
			log_warn("%s", healths[h].reason);
	}
	if (!p->well)
		p->well = now;
	p->health = h;
	p->heard = clock_mono();
}

void pulse_answer(struct gateway *g, const struct ask *k)
{
	g->pulse.waits = false;
	if (k->result == DOOR_OK) {
		DECREF json_t *v = json_loadb(buf_text(&k->text), k->text.n, 0, NULL);

		read_reload(&g->pulse, v);
		heard(g, read_health(v));
	}
	if (g->pulse.health != PULSE_OK)
		asks_give_up(g, 507, healths[g->pulse.health].reason);
	wake_views(g);
}

static void ask(struct gateway *g, int64_t now)
{
	if (g->pulse.waits || g->asks.fd < 0 || now - g->pulse.heard < FRESH)
		return;
	g->pulse.waits = true;
	g->pulse.asked = now;
	asks_send_own(g, &(struct door_msg){.op = DOOR_STATUS});
}

bool pulse_wait(struct call *c)
{
	struct gateway *g = c->g;
	int64_t now = clock_mono();

	if (c->awaits_pulse || c->again) { /* it has waited */
		c->awaits_pulse = false;
		return false;
	}
	ask(g, now);
	c->awaits_pulse = g->pulse.waits && g->asks.fd >= 0 && now - g->pulse.asked <= VIEW_WAITS;
	return c->awaits_pulse;
}

void pulse_turn(struct gateway *g)
{
	int64_t now = clock_mono();

	if (asks_change(
		    &g->asks)) /* it may have become full under a wish that somebody waits for */
		ask(g, now);
	if (g->pulse.waits && now - g->pulse.asked > VIEW_WAITS)
		wake_views(g);
	if (g->pulse.waits && now - g->pulse.asked > GIVE_UP)
		asks_give_up(g, 503, silent);
}
