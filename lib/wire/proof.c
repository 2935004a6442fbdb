/*
 * A line is any line: a log of everything, with events in it. Only a line that names the schema is
 * looked at closely, and what it costs is bounded: names of files are in it, and whoever chose them
 * may have wanted this to be slow, or to find an event that nobody wrote. So objects are found by a
 * scan for balanced braces, strings are only looked into under names that receivers use for the
 * original, and an event is only taken for one when its id is the digest of its text.
 *
 * What a receiver dumped as it came by TCP or TLS has no line ends: "LEN <PRI>…" again and again
 * (RFC 6587). Each such frame is a line of its own here, and bytes between two are a finding: they
 * could have been entries.
 */
#include "wire/proof_chain.h"
#include "wire/proof_frame.h"
#include "wire/proof_reduced.h"
#include "base/err.h"
#include "wire/jansson.h"
#include <inttypes.h>

#define MARK "boltseal.event"
enum {
	LINE_MOST = 4 << 20,
	EFFORT = 256 << 20, /* bytes looked at for one line */
	PARSING = 16,	    /* a parsed byte, in bytes looked at */
	STRINGS_DEPTH = 3,  /* an original within an original */
	HOST_MOST = 255,
	OBJECTS_DEPTH = 4, /* objects down to such a member */
};

enum unit {
	UNIT_BEGINS, /* line: what is there of "LEN <PRI>" */
	UNIT_LINE,
	UNIT_FRAME,
};
/* How one ended: the first two as they should. */
enum ended { LINE_WHOLE, FRAME_WHOLE, LINE_TORN, FRAME_TORN };

struct proof {
	struct chains chains;
	char *host;
	struct buf line; /* begun, not ended */
	enum unit unit;
	size_t left;	  /* of a frame, still to come */
	bool after_frame; /* and no line end since */
	bool stray;	  /* this line began where a frame should */
	bool too_long;
	uint64_t other; /* lines that say nothing of events */
	uint64_t events;
	bool cut;			     /* the last line ends in the middle */
	uint64_t reduced[FORMAT_N], no_prev; /* entries whose content nothing proves */
};

/* Members that hold an event's text as a string, the surest first. */
static const char *const originals[] = {"original", "event.original", "raw_data", "_raw", "MESSAGE",
	"message", "log", "line", "stringValue"};

int proof_new(struct proof **ret, const struct proof_options *options)
{
	struct proof *p = calloc(1, sizeof(*p));

	must(p);
	p->chains.opt = *options;
	if (options->host) {
		p->host = strdup(options->host);
		must(p->host);
		p->chains.opt.host = p->host;
	}
	*ret = p;
	return 0;
}

void proof_free(struct proof *p)
{
	if (!p)
		return;
	chains_fini(&p->chains);
	buf_free(&p->line);
	free(p->host);
	free(p);
}

/* Bytes of the object that begins at `s`, by its braces; 0: it does not end. */
static size_t object_len(struct span s)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '{')
			depth++;
		else if (!quoted && c == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* The next place at which an object can begin: a brace, then a name. */
static const uint8_t *object_at(struct span s)
{
	const uint8_t *at = s.p, *end = s.p + s.n;

	while (at < end && (at = memchr(at, '{', (size_t)(end - at)))) {
		const uint8_t *next = at + 1;

		while (next < end && (*next == ' ' || *next == '\t'))
			next++;
		if (next < end && *next == '"')
			return at;
		at++;
	}
	return NULL;
}

/* What `sinks test` sent is of no journal. */
static bool is_test(const json_t *root)
{
	const char *type = json_string_value(json_object_get(root, "type"));

	return type && strcmp(type, "canary") == 0 &&
	       json_integer_value(json_object_get(root, "seq")) == 0;
}

static bool is_shortened(const json_t *root)
{
	return json_is_true(json_object_get(root, "redacted")) ||
	       json_is_true(json_object_get(root, "truncated"));
}

static int take_event(struct proof *p, json_t *root)
{
	struct event_link e;
	int r;

	if (is_test(root))
		return 0;
	r = event_check_object(root, &e);
	p->events++;
	if (r == -EBADMSG && is_shortened(root))
		err_set(r,
			"event %" PRIu64
			" was shortened by its sink (redact or max_message): what is "
			"left of it proves nothing",
			e.seq);
	if (r == 0 && (e.host.n > HOST_MOST || memchr(e.host.p, 0, e.host.n)))
		r = err_set(-EBADMSG, "event %" PRIu64 " is of no host that could be", e.seq);
	if (r == 0)
		r = chains_add(&p->chains, &e, true);
	if (r == 0 && p->chains.opt.entry && (!p->host || span_is(e.host, p->host)))
		r = p->chains.opt.entry(p->chains.opt.ctx, &e, json_object_get(root, "checkpoint"));
	if (r == 0)
		return 0;
	if (r != -EBADMSG)
		return r;
	if (!p->host || !e.host.n || span_is(e.host, p->host))
		chains_find(&p->chains, FINDING_ALTERED, e.seq, err_why());
	return 0;
}

static int take_reduced(struct proof *p, const struct reduced *r)
{
	if (r->link.seq == 0)
		return 0;
	p->reduced[r->format]++;
	p->no_prev += !r->has_prev;
	return chains_add(&p->chains, &r->link, r->has_prev);
}

/* How far one line has been looked into. */
struct look {
	size_t effort;
	unsigned strings;
	size_t found;
};
static int look_into(struct proof *p, struct look *l, struct span text);

/* -errno, or 0: l->found tells whether it was there. */
static int look_at_strings(struct proof *p, struct look *l, const json_t *root, unsigned depth)
{
	size_t had = l->found;
	const char *key;
	json_t *v;
	int r = 0;

	if (l->strings == 0 || depth == 0)
		return 0;
	l->strings--;
	for (size_t i = 0; i < COUNTOF(originals) && r == 0 && l->found == had; i++) {
		v = json_object_get(root, originals[i]);
		if (json_is_string(v))
			r = look_into(p, l, json_span(v));
	}
	l->strings++;
	json_object_foreach((json_t *)root, key, v)
		if (r == 0 && l->found == had && json_is_object(v))
			r = look_at_strings(p, l, v, depth - 1);
	return r;
}

/* One object that is whole by its braces. Sets *ret_done when nothing inside it is to be found. */
static int look_at_object(struct proof *p, struct look *l, struct span text, bool *ret_done)
{
	DECREF json_t *root = json_loadb(
		(const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	size_t had = l->found;
	struct reduced reduced;
	int r;

	*ret_done = false;
	if (!root)
		return 0;
	if (event_claims(root)) {
		l->found++;
		*ret_done = true;
		return take_event(p, root);
	}
	r = look_at_strings(p, l, root, OBJECTS_DEPTH);
	if (r == 0 && l->found == had && reduced_object(root, &reduced)) {
		l->found++;
		r = take_reduced(p, &reduced);
	}
	*ret_done = l->found > had;
	return r;
}

static int look_into(struct proof *p, struct look *l, struct span text)
{
	const uint8_t *at;

	if (!memmem(text.p, text.n, MARK, strlen(MARK)))
		return 0;
	while (l->effort < EFFORT && (at = object_at(text))) {
		struct span rest = span_make(at, text.n - (size_t)(at - text.p));
		size_t n = object_len(rest);
		bool done = false;
		int r;

		r = n ? look_at_object(p, l, span_make(at, n), &done) : 0;
		if (r < 0)
			return r;
		l->effort += done ? 0 : n ? n * PARSING : rest.n;
		text = span_make(at + (done ? n : 1), rest.n - (done ? n : 1));
	}
	return 0;
}

static void unreadable(struct proof *p, const char *why)
{
	chains_find(&p->chains, FINDING_UNREADABLE, 0, why);
}

/* Documents, one behind the other; receivers wrap them in "_source". Only the first may be something
 * else than the line's own: what is behind one is in no string. */
static int look_for_documents(struct proof *p, struct look *l, struct span line, enum ended ended)
{
	const uint8_t *from;
	int r = 0;

	while (r == 0 && (from = object_at(line))) {
		struct span rest = span_make(from, line.n - (size_t)(from - line.p));
		size_t n = object_len(rest);
		DECREF json_t *root = n ? json_loadb((const char *)from, n,
						  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL)
					: NULL;
		const json_t *source = json_object_get(root, "_source");
		struct reduced reduced;

		if (!root || !reduced_object(source ? source : root, &reduced))
			break;
		l->found++;
		r = take_reduced(p, &reduced);
		line = span_make(from + n, rest.n - n);
	}
	if (r < 0 || !l->found || !memmem(line.p, line.n, "boltseal", 8))
		return r;
	if (ended == LINE_TORN)
		p->cut = true;
	else
		unreadable(p, "behind an entry is more of ours, and it is none that is whole");
	return 0;
}

/* A line that has no word of the schema. Nothing that we write has a line end in it: so a second entry
 * in a frame with none is the name of a file, which could be anything; on a line, whose frames may
 * have lost their lengths, it may be an entry, and is told. */
static int look_for_reduced(struct proof *p, struct look *l, struct span line, enum ended ended)
{
	struct reduced reduced;
	bool more;

	if (!memmem(line.p, line.n, "boltseal", 8))
		return 0;
	if (!reduced_line(line, &reduced, &more))
		return look_for_documents(p, l, line, ended);
	l->found++;
	if (more && (ended != FRAME_WHOLE || memchr(line.p, '\n', line.n)))
		unreadable(p, "more than one entry is on it, and only the first was read: frames "
			      "without their lengths, or a name that looks like an entry");
	return take_reduced(p, &reduced);
}

/* What can be said of a line without what was found on it. */
static void judge_framing(struct proof *p, const struct look *l, enum ended ended)
{
	if (p->stray)
		unreadable(p, "it begins where the next frame should: bytes that belong to none");
	if (ended == FRAME_TORN) {
		p->cut = true;
		unreadable(p, "the last frame is shorter than it says");
	}
	if (l->found && (p->too_long || l->effort >= EFFORT))
		unreadable(p, "it is longer than any event, and only its beginning was read");
	p->stray = false;
}

static int end_line(struct proof *p, struct span line, enum ended ended)
{
	struct look l = {.strings = STRINGS_DEPTH};
	bool marked = memmem(line.p, line.n, MARK, strlen(MARK));
	int r;

	p->chains.line++;
	r = look_into(p, &l, line);
	if (r == 0 && !l.found && !marked && ended != FRAME_TORN)
		r = look_for_reduced(p, &l, line, ended);
	judge_framing(p, &l, ended);
	if (r < 0 || l.found || ended == FRAME_TORN)
		return r;
	if (ended == LINE_TORN &&
		(memchr(line.p, '{', line.n) || memmem(line.p, line.n, "boltseal", 8)))
		p->cut = true;
	else if (!marked)
		p->other++;
	else
		unreadable(p, p->too_long ? "it is longer than any event"
					  : "no event that is whole is on it");
	return 0;
}

/* What is too long is no event; its beginning tells whether it wanted to be one. */
static void keep(struct proof *p, struct span part)
{
	size_t room = LINE_MOST - p->line.n;

	p->too_long |= part.n > room;
	buf_add(&p->line, part.p, part.n < room ? part.n : room);
}

static int end_unit(struct proof *p, struct span text, enum ended ended)
{
	int r = end_line(p, text, ended);

	buf_reset(&p->line);
	p->too_long = false;
	p->after_frame = p->unit == UNIT_FRAME;
	p->unit = UNIT_BEGINS;
	return r;
}

/* One byte, or none when a line begins with what is there. */
static int feed_head(struct proof *p, uint8_t byte, size_t *ret_used)
{
	size_t len;
	int head;

	*ret_used = 1;
	if (p->after_frame && !p->line.n && (byte == '\n' || byte == '\r')) {
		p->after_frame = byte != '\n';
		return 0;
	}
	buf_u8(&p->line, byte);
	if (buf_err(&p->line) < 0)
		return buf_err(&p->line);
	head = frame_head(buf_span(&p->line), &len);
	if (head < 0)
		return 0;
	if (head == 0) {
		p->line.n--;
		*ret_used = 0;
		p->unit = UNIT_LINE;
		p->stray = p->after_frame;
		return 0;
	}
	p->unit = UNIT_FRAME;
	p->line.n -= (size_t)head;
	memmove(p->line.p, p->line.p + head, p->line.n);
	p->left = len - p->line.n;
	return p->left ? 0 : end_unit(p, buf_span(&p->line), FRAME_WHOLE);
}

static int feed_frame(struct proof *p, struct span bytes, size_t *ret_used)
{
	*ret_used = bytes.n < p->left ? bytes.n : p->left;
	keep(p, span_make(bytes.p, *ret_used));
	p->left -= *ret_used;
	if (p->left)
		return buf_err(&p->line);
	return end_unit(p, buf_span(&p->line), FRAME_WHOLE);
}

static int feed_line(struct proof *p, struct span bytes, size_t *ret_used)
{
	const uint8_t *end = memchr(bytes.p, '\n', bytes.n);
	size_t n = end ? (size_t)(end - bytes.p) : bytes.n;
	struct span part = span_make(bytes.p, n);

	*ret_used = n + (end != NULL);
	if (p->line.n || !end || n > LINE_MOST)
		keep(p, part);
	if (!end)
		return buf_err(&p->line);
	return end_unit(p, p->line.n ? buf_span(&p->line) : part, LINE_WHOLE);
}

int proof_feed(struct proof *p, struct span bytes)
{
	while (bytes.n) {
		size_t used;
		int r = p->unit == UNIT_BEGINS	? feed_head(p, bytes.p[0], &used)
			: p->unit == UNIT_FRAME ? feed_frame(p, bytes, &used)
						: feed_line(p, bytes, &used);

		if (r < 0)
			return r;
		bytes = span_make(bytes.p + used, bytes.n - used);
	}
	return 0;
}

static int feed_end(struct proof *p)
{
	bool in_frame = p->unit == UNIT_FRAME || (p->unit == UNIT_BEGINS && p->after_frame);

	if (!p->line.n)
		return 0;
	return end_unit(p, buf_span(&p->line), in_frame ? FRAME_TORN : LINE_TORN);
}

static int nothing(const struct proof *p)
{
	if (p->chains.foreign)
		return err_set(-ENODATA, "no event of host %s is in it: %" PRIu64 " are of others",
			p->host, p->chains.foreign);
	if (p->chains.outside)
		return err_set(-ENODATA, "no event of those seqs is in it");
	return err_set(-ENODATA,
		"no event of boltseal.event/1 is in it, in no format that a sink writes; what is "
		"to be proven in full a sink must write as json, or a receiver keep as it came");
}

static void show_line(struct json *j, const struct finding *f)
{
	BUF struct buf where = {.p = NULL};
#define X_NAME(id, n, s) n,
	static const char *const names[FINDING_N] = {FINDINGS(X_NAME)};
#undef X_NAME

	buf_printf(&where, "line %" PRIu64, f->line);
	json_open(j, '{');
	json_m_text(j, "check", "entry");
	json_m_str(j, "detail", buf_span(&f->why));
	json_m_text(j, "finding", names[f->kind]);
	json_m_uint(j, "line", f->line);
	json_m_bool(j, "ok", false);
	if (f->seq)
		json_m_uint(j, "seq", f->seq);
	json_m_text(j, "subject", buf_text(&where));
	json_close(j, '}');
}

static void describe(const struct proof *p, struct buf *out)
{
	const struct chains *cs = &p->chains;

	buf_printf(out, "%" PRIu64 " on %" PRIu64 " lines", p->events, cs->line);
	if (cs->counts[FINDING_ALTERED])
		buf_printf(out, ", %" PRIu64 " changed", cs->counts[FINDING_ALTERED]);
	if (cs->counts[FINDING_UNREADABLE])
		buf_printf(out, ", %" PRIu64 " lines unreadable", cs->counts[FINDING_UNREADABLE]);
	if (cs->foreign)
		buf_printf(out, ", %" PRIu64 " of other hosts", cs->foreign);
	if (cs->outside)
		buf_printf(out, ", %" PRIu64 " of other seqs", cs->outside);
	if (p->cut)
		buf_add_text(out, "; the last line is cut off");
}

static bool show_entries(const struct proof *p, struct json *j)
{
	const struct chains *cs = &p->chains;
	BUF struct buf detail = {.p = NULL};
	bool ok = !cs->counts[FINDING_ALTERED] && !cs->counts[FINDING_UNREADABLE];

	describe(p, &detail);
	json_open(j, '{');
	json_m_uint(j, "altered", cs->counts[FINDING_ALTERED]);
	json_m_text(j, "check", "entries");
	json_m_bool(j, "cut", p->cut);
	json_m_str(j, "detail", buf_span(&detail));
	json_m_uint(j, "events", p->events);
	json_m_uint(j, "foreign", cs->foreign);
	json_m_uint(j, "lines", cs->line);
	json_m_bool(j, "ok", ok);
	json_m_uint(j, "other_lines", p->other);
	json_m_uint(j, "outside", cs->outside);
	json_m_text(j, "subject", "every line");
	json_m_uint(j, "unreadable", cs->counts[FINDING_UNREADABLE]);
	json_close(j, '}');
	return ok;
}

/* Of formats that are not the event itself. True when there was none, or that is enough. */
static bool show_content(const struct proof *p, struct json *j)
{
	BUF struct buf detail = {.p = NULL}, names = {.p = NULL};
	uint64_t n = 0;

	for (int f = 0; f < FORMAT_N; f++) {
		if (!p->reduced[f])
			continue;
		buf_printf(&names, "%s%s", n ? ", " : "", format_kinds[f].name);
		n += p->reduced[f];
	}
	if (n == 0)
		return true;
	buf_printf(&detail,
		"%" PRIu64 " entries carry seq and id alone%s: that none is missing is proven by "
		"these, what they say is not; ",
		n, p->no_prev == n ? "" : ", and prev");
	buf_add_text(&detail, p->chains.opt.only_complete
				      ? "allowed"
				      : "only json, or an original that is kept, proves that too "
					"(--only-complete is content without)");
	json_open(j, '{');
	json_m_text(j, "check", "content");
	json_m_str(j, "detail", buf_span(&detail));
	json_m_uint(j, "events", n);
	json_m_uint(j, "no_prev", p->no_prev);
	json_m_bool(j, "ok", p->chains.opt.only_complete);
	json_m_str(j, "subject", buf_span(&names));
	json_close(j, '}');
	return p->chains.opt.only_complete;
}

int proof_end(struct proof *p, struct buf *out, bool *ret_clean)
{
	struct json j = json_on(out);
	int r = feed_end(p);

	if (r < 0)
		return r;
	if (!chains_count(&p->chains) && !p->chains.n_kept)
		return nothing(p);
	json_open(&j, '{');
	json_key(&j, "checks");
	json_open(&j, '[');
	for (size_t i = 0; i < p->chains.n_kept; i++)
		show_line(&j, &p->chains.kept[i]);
	*ret_clean = show_entries(p, &j);
	*ret_clean &= show_content(p, &j);
	*ret_clean &= chains_show(&p->chains, &j);
	if (p->chains.opt.more)
		*ret_clean &= p->chains.opt.more(p->chains.opt.ctx, &j);
	json_close(&j, ']');
	json_m_bool(&j, "clean", *ret_clean);
	json_close(&j, '}');
	return buf_err(out);
}
