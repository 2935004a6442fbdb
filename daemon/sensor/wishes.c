/* Wishes from outside: taken at the door, checked, turned into items and scans. */
#include "base/clock.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/sensor/content.h"
#include "daemon/sensor/importing.h"
#include "daemon/sensor/layers.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/proving.h"
#include "daemon/sensor/registry.h"
#include "daemon/sensor/roots.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/* The group of nobody is anybody's: the door is for the gateway's user alone. */
static int door_is_theirs(const struct sensor *s, const char *path)
{
	if (chmod(path, 0600) < 0 || lchown(path, (uid_t)s->gateway_uid, (gid_t)-1) < 0)
		return err_sys("%s", path);
	return 0;
}

int wishes_open(struct sensor *s)
{
	BUF struct buf path = {0};
	int r = daemon_door_path(s->cfg, &path);

	for (unsigned i = 0; i < DOOR_SEATS; i++)
		s->seat[i] = -1;
	if (r == 0)
		r = door_listen(
			buf_text(&path), s->gateway_is_nobody ? -1 : s->group_gid, &s->door_fd);
	if (r == 0 && s->gateway_is_nobody)
		r = door_is_theirs(s, buf_text(&path));
	if (r == 0)
		s->door_path = strdup(buf_text(&path));
	return r;
}

void wishes_close(struct sensor *s)
{
	for (unsigned i = 0; i < DOOR_SEATS; i++)
		fd_close(&s->seat[i]);
	fd_close(&s->door_fd);
	if (s->door_path)
		unlink(s->door_path);
	free(s->door_path);
}

static void leave(struct sensor *s, unsigned seat)
{
	fd_close(&s->seat[seat]);
}

void wishes_accept(struct sensor *s)
{
	int fd = -1, r = door_accept(s->door_fd, s->gateway_uid, &fd);

	if (r) {
		if (r < 0)
			log_warn("door: %s", err_why());
		return;
	}
	for (unsigned i = 0; i < DOOR_SEATS; i++)
		if (s->seat[i] < 0) {
			s->seat[i] = fd;
			sensor_watch_fd(s, fd, EPOLLIN, TAG_SEAT + i);
			return;
		}
	log_warn("door: no seat is free");
	fd_close(&fd);
}

/* ---- one wish each ---- */

typedef void (*wish)(struct sensor *s, int seat, const struct door_msg *m, struct reg *r);

static const char *why_excluded(struct kept *k, struct span path)
{
	RULES_FOR struct rules_for *f = kept_rules(k);

	return rules_excluder(f, path) ? "a rule excludes it: it is not kept"
				       : "the configuration excludes it: it is not kept";
}

static void wish_rescan(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct scan_options opt = {.scope = m->path, .asker = seat, .ask_id = m->id};

	if (m->path.n && m->path.p[0] != '/') {
		outbox_done(s->outbox, seat, m->id, DOOR_NO_PATH, "a path begins with /");
		return;
	}
	if (m->path.n > 1 && kept_is_excluded(r->kept, m->path)) {
		outbox_done(s->outbox, seat, m->id, DOOR_NO_PATH, why_excluded(r->kept, m->path));
		return;
	}
	if (!r->kept->overlay && !kept_is_baselined(r->kept)) {
		outbox_done(s->outbox, seat, m->id, DOOR_BUSY,
			"its baseline is still being taken; nothing can be compared yet");
		return;
	}
	roots_follow(s, r);
	if (m->path.n <= 1)
		opt.layers = layers_scan;
	scan_begin(&s->ex, r->kept, &opt);
}

static void wish_accept(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_accept *a = calloc(1, sizeof(*a));
	const uint8_t *cut;
	size_t n;

	must(a);
	a->item.kind = ITEM_ACCEPT;
	a->kept = kept_ref(r->kept);
	snprintf(a->drift_id, sizeof(a->drift_id), "%.*s", (int)m->drift_id.n,
		(const char *)m->drift_id.p);
	buf_add_span(&a->paths, m->paths);
	cut = m->text.n ? memchr(m->text.p, 0, m->text.n) : NULL;
	n = cut ? (size_t)(cut - m->text.p) : m->text.n;
	buf_add(&a->reason, m->text.p, n);
	if (cut)
		buf_add(&a->signatures, cut + 1, m->text.n - n - 1);
	a->uid = m->uid;
	a->expires = m->expires;
	a->asker = seat;
	a->ask_id = m->id;
	sensor_push(s, &a->item);
}

struct patch_job {
	struct job job;
	struct kept *kept;
	int seat;
	uint32_t id;
	size_t n;
	char path[];
};

static void patch_drop(struct job *j)
{
	struct patch_job *p = container_of(j, struct patch_job, job);

	kept_unref(p->kept);
	free(p);
}

static void patch_run(struct job *j, struct worker *w)
{
	struct patch_job *p = container_of(j, struct patch_job, job);

	content_patch(w->ex, p->kept, span_make(p->path, p->n), p->seat, p->id);
	patch_drop(j);
}

static void wish_patch(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	RULES_FOR struct rules_for *rules = kept_rules(r->kept);
	struct rules_of_path said;
	struct patch_job *p;

	rules_path(rules, m->path, &said);
	if (rules_of_path_says(&said, RULE_WITHHOLD)) {
		outbox_done(s->outbox, seat, m->id, DOOR_WITHHELD,
			(const char *)said.by[RULE_WITHHOLD]->name.p);
		return;
	}
	for (size_t i = 0; i < s->cfg->withhold.n; i++)
		if (glob_match(span_of(s->cfg->withhold.v[i]), m->path)) {
			outbox_done(s->outbox, seat, m->id, DOOR_WITHHELD, s->cfg->withhold.v[i]);
			return;
		}
	p = calloc(1, sizeof(*p) + m->path.n + 1);
	must(p);
	p->job.run = patch_run;
	p->job.drop = patch_drop;
	p->kept = kept_ref(r->kept);
	p->seat = seat;
	p->id = m->id;
	p->n = m->path.n;
	memcpy(p->path, m->path.p, m->path.n);
	jobs_add(s->jobs, JOB_LIVE, &p->job);
}

static void wish_ping(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	(void)r;
	outbox_done(s->outbox, seat, m->id, DOOR_OK, "pong");
}

/* Long answers go in packets. */
static void answer_text(struct sensor *s, int seat, uint32_t id, struct span text)
{
	const size_t part = DOOR_MAX / 2;

	do {
		size_t n = text.n < part ? text.n : part;
		struct door_msg m = {.op = DOOR_TEXT,
			.id = id,
			.text = span_make(text.p, n),
			.flags = n < text.n ? DOOR_MORE : 0};

		outbox_put(s->outbox, seat, &m, NULL, 0);
		text = span_make(text.p + n, text.n - n);
	} while (text.n);
}

static void wish_doctor(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	BUF struct buf text = {0};

	(void)r;
	doctor_text(s, &text);
	answer_text(s, seat, m->id, buf_span(&text));
}

static void wish_status(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	BUF struct buf text = {0};

	(void)r;
	status_text(s, &text);
	answer_text(s, seat, m->id, buf_span(&text));
}

static void wish_sink_behind(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_sink_behind *w = calloc(1, sizeof(*w));

	(void)r;
	must(w);
	w->item.kind = ITEM_SINK_BEHIND;
	snprintf(w->name, sizeof(w->name), "%.*s", (int)m->target.n, (const char *)m->target.p);
	w->from = m->value;
	w->to = m->value2;
	w->asker = seat;
	w->ask_id = m->id;
	sensor_push(s, &w->item);
}

static void wish_sink_refused(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_sink_refused *w = calloc(1, sizeof(*w));
	struct rd at = rd_of(m->text);

	(void)r;
	must(w);
	w->item.kind = ITEM_SINK_REFUSED;
	snprintf(w->name, sizeof(w->name), "%.*s", (int)m->target.n, (const char *)m->target.p);
	w->from = m->value;
	w->to = m->value2;
	w->n = rd_varint(&at);
	buf_add_span(&w->words, rd_bytes(&at));
	buf_add_span(&w->kept, m->path);
	w->asker = seat;
	w->ask_id = m->id;
	sensor_push(s, &w->item);
}

static void wish_sinks(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_sinks *w = calloc(1, sizeof(*w));
	struct rd at = rd_of(m->text);

	(void)r;
	must(w);
	w->item.kind = ITEM_SINKS;
	while (!rd_end(&at) && w->n < COUNTOF(w->v)) {
		struct sink_told *to = &w->v[w->n++];
		struct span name = rd_bytes(&at);

		snprintf(to->name, sizeof(to->name), "%.*s", (int)name.n, (const char *)name.p);
		to->acked = rd_varint(&at);
		to->lag = rd_varint(&at);
	}
	sensor_push(s, &w->item);
	outbox_done(s->outbox, seat, m->id, DOOR_OK, "");
}

static void wish_hold_open(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_hold_open *h;
	struct rd at = rd_of(m->text);

	if (m->target.n && !(r = registry_by_id(&s->reg, m->target))) {
		outbox_done(s->outbox, seat, m->id, DOOR_NO_TARGET, "it is not kept any more");
		return;
	}
	h = calloc(1, sizeof(*h));
	must(h);
	h->item.kind = ITEM_HOLD_OPEN;
	h->kept = r ? kept_ref(r->kept) : NULL;
	buf_add_span(&h->name, rd_bytes(&at));
	buf_add_span(&h->reason, rd_bytes(&at));
	buf_add_span(&h->path, rd_bytes(&at));
	h->lasts = (int64_t)m->value;
	h->uid = m->uid;
	h->asker = seat;
	h->ask_id = m->id;
	sensor_push(s, &h->item);
}

static void wish_hold_close(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_hold_close *h = calloc(1, sizeof(*h));

	(void)r;
	must(h);
	h->item.kind = ITEM_HOLD_CLOSE;
	h->hold = m->value;
	buf_add_span(&h->reason, m->text);
	h->uid = m->uid;
	h->asker = seat;
	h->ask_id = m->id;
	sensor_push(s, &h->item);
}

static void wish_prove(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	if (m->target.n && !(r = registry_by_id(&s->reg, m->target)))
		outbox_done(s->outbox, seat, m->id, DOOR_NO_TARGET, "it is not kept any more");
	else if (!proving_wish(s, r, m->path, seat, m->id))
		/* What has no baseline yet is named in the answer, target by target. */
		outbox_done(s->outbox, seat, m->id, m->path.n ? DOOR_NOTHING : DOOR_OK,
			m->path.n ? "no such layer is stored" : "clean");
}

static void wish_import(struct sensor *s, int seat, const struct door_msg *m, int *fd)
{
	struct import_wish w = {.fd = *fd,
		.replace = m->value == 1,
		.require_signed = s->cfg->require_signed,
		.accept_signatures = s->cfg->accept_signatures,
		.uid = m->uid,
		.keys_dir = s->cfg->keys_dir,
		.asker = seat,
		.ask_id = m->id,
		.busy = &s->importing};

	if (importing_begin(&s->ex, &w))
		*fd = -1;
	else
		outbox_done(s->outbox, seat, m->id, DOOR_BUSY,
			"another baseline is being imported; ask again when that is done");
}

static void wish_forget(struct sensor *s, int seat, const struct door_msg *m, struct reg *r)
{
	struct item_golden_remove *i = calloc(1, sizeof(*i));

	(void)r;
	must(i && text_unhex(m->drift_id, i->image, SHA_LEN) == 0); /* the door has looked at it */
	i->item.kind = ITEM_GOLDEN_REMOVE;
	i->uid = m->uid;
	i->asker = seat;
	i->ask_id = m->id;
	s->golden_gone = true;
	sensor_push(s, &i->item);
}

static const struct {
	wish fn;
	bool of_target;
} wishes[] = {
	[DOOR_RESCAN] = {wish_rescan, true},
	[DOOR_ACCEPT] = {wish_accept, true},
	[DOOR_PATCH] = {wish_patch, true},
	[DOOR_PING] = {wish_ping, false},
	[DOOR_DOCTOR] = {wish_doctor, false},
	[DOOR_STATUS] = {wish_status, false},
	[DOOR_SINK_BEHIND] = {wish_sink_behind, false},
	[DOOR_SINKS] = {wish_sinks, false},
	[DOOR_SINK_REFUSED] = {wish_sink_refused, false},
	[DOOR_HOLD_OPEN] = {wish_hold_open, false},
	[DOOR_HOLD_CLOSE] = {wish_hold_close, false},
	[DOOR_PROVE] = {wish_prove, false},
	[DOOR_FORGET] = {wish_forget, false},
};

static void grant(struct sensor *s, unsigned seat, const struct door_msg *m)
{
	struct reg *r = NULL;

	if ((size_t)m->op >= COUNTOF(wishes) || !wishes[m->op].fn) {
		outbox_done(s->outbox, (int)seat, m->id, DOOR_FAILED, "no such wish");
		return;
	}
	if (wishes[m->op].of_target && !(r = registry_by_id(&s->reg, m->target))) {
		outbox_done(s->outbox, (int)seat, m->id, DOOR_NO_TARGET,
			"the target is not kept any more: its last drift can be read, not looked at again");
		return;
	}
	wishes[m->op].fn(s, (int)seat, m, r);
}

void wishes_read(struct sensor *s, unsigned seat)
{
	BUF struct buf packet = {0};
	struct door_msg m;
	int fds[2], r;
	size_t n_fds;

	while (s->seat[seat] >= 0) {
		r = door_recv(s->seat[seat], &packet, &m, fds, &n_fds);
		if (r == DOOR_AGAIN)
			return;
		if (r) {
			if (r < 0)
				log_warn("door: %s: closed", err_why());
			leave(s, seat);
			return;
		}
		if (m.op == DOOR_IMPORT)
			wish_import(s, (int)seat, &m, &fds[0]);
		else
			grant(s, seat, &m);
		for (size_t i = 0; i < n_fds; i++)
			fd_close(&fds[i]);
	}
}

/* A gateway that does not read is shown out: it comes back and reads the store. */
static void send_to(struct sensor *s, unsigned seat, const struct outbox_answer *a)
{
	if (s->seat[seat] >= 0 && door_send(s->seat[seat], &a->msg, a->fds, a->n_fds) != 0)
		leave(s, seat);
}

void wishes_send(struct sensor *s)
{
	struct outbox_answer *a;

	while ((a = outbox_take(s->outbox))) {
		if (a->asker >= 0 && a->asker < DOOR_SEATS)
			send_to(s, (unsigned)a->asker, a);
		for (unsigned i = 0; a->asker < 0 && i < DOOR_SEATS; i++)
			send_to(s, i, a);
		outbox_answer_free(a);
	}
}
