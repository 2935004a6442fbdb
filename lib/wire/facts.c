/*
 * An event is read once, strictly; everything else asks by dotted places, so that tables can name
 * what they want.
 */
#include "wire/facts.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

void facts_free(struct facts *f)
{
	arena_free(&f->mem);
	f->root = NULL;
}

struct span facts_text(const struct facts *f, const char *place)
{
	const struct jnode *v = jnode_at(f->root, place);

	return jnode_is_text(v) ? jnode_text(v) : span_of("");
}

static int bad(const char *why)
{
	return err_set(-EBADMSG, "not an event of boltseal: %s", why);
}

static int find_row(const struct facts *f, const char *member, const struct kind *table, int n)
{
	int i = kind_find(table, n, facts_text(f, member));

	return i < 0 ? err_set(-EBADMSG, "not an event of boltseal: its %s is not known", member)
		     : i;
}

/* RFC 3339 as the canonical text has it: clock_parse() would take "10m" too. */
static int read_time(struct facts *f)
{
	struct span t = facts_text(f, "time");

	if (t.n < 20 || t.p[10] != 'T' || clock_parse(t, 0, &f->time) < 0)
		return bad("it has no time");
	return 0;
}

static bool is_id(struct span id)
{
	uint8_t bytes[32];

	return text_unhex(id, bytes, sizeof(bytes)) == 0;
}

static int read_head(struct facts *f)
{
	const struct jnode *seq = jnode_at(f->root, "seq"), *host = jnode_at(f->root, "host");

	if (!span_is(facts_text(f, "schema"), "boltseal.event/1"))
		return bad("its schema is another");
	if (!jnode_is_int(seq) || jnode_number(seq) < 0) /* 0: a canary, not in the journal */
		return bad("it has no seq");
	f->seq = (uint64_t)jnode_number(seq);
	f->id = facts_text(f, "id");
	if (!is_id(f->id))
		return bad("its id is no 64 hex digits");
	if (!jnode_is_text(host))
		return bad("it has no host");
	f->host = jnode_text(host);
	return read_time(f);
}

static const char *const command_lines[] = {"actor", "session", "session.leader", "run"};

static void redact(struct facts *f)
{
	struct jnode *them = jnode_at(f->root, "actor.ancestry");

	for (size_t i = 0; i < COUNTOF(command_lines); i++)
		jnode_drop(jnode_at(f->root, command_lines[i]), "cmdline");
	for (struct jnode *v = jnode_is_list(them) ? them->below.first : NULL; v; v = v->next)
		jnode_drop(v, "cmdline");
	jnode_set(f->root, "redacted", jnode_true(&f->mem));
}

/* A second name for the target, by what it is, for tables that ask for one kind only. The JSON
 * format takes it away again. */
static void name_target(struct facts *f)
{
	struct jnode *target = jnode_at(f->root, "target"), *also;
	bool contained = span_is(facts_text(f, "target.kind"), target_kinds[TARGET_CONTAINER].name);

	jnode_drop(f->root, "container");
	jnode_drop(f->root, "tree");
	if (!target)
		return;
	also = arena_alloc(&f->mem, sizeof(*also)); /* its members are the target's own */
	*also = *target;
	jnode_set(f->root, contained ? "container" : "tree", also);
}

int facts_read(struct span event, bool without_commands, struct facts *ret)
{
	struct facts *f = ret;
	int type, severity, r;

	*f = (struct facts){.text = event};
	r = jnode_read(event, &f->mem, &f->root);
	if (r < 0)
		return err_wrap(r, "not an event of boltseal");
	if (!jnode_is_object(f->root))
		return bad("it is no object");
	r = read_head(f);
	if (r < 0)
		return r;
	type = find_row(f, "type", event_kinds, EVENT_N);
	severity = find_row(f, "severity", severity_kinds, SEV_N);
	if (type < 0 || severity < 0)
		return -EBADMSG;
	f->severity = (enum severity)severity;
	f->shape = shape_find((enum event_type)type, facts_text(f, "change.kind"));
	f->alert = f->severity >= SEV_HIGH && !jnode_is_true(jnode_at(f->root, "rule.expected"));
	f->has_bytes = memmem(event.p, event.n, "_b64\"", 5);
	if (without_commands)
		redact(f);
	name_target(f);
	return 0;
}

/* The bytes of a text: those of its "_b64" sister where it is a path that is not UTF-8. */
static struct span bytes_at(
	const struct facts *f, const char *place, const struct jnode *v, struct buf *mem)
{
	char sister[80];
	const struct jnode *b64;
	size_t n = strlen(place), from = mem->n;

	if (!f->has_bytes || n + 5 > sizeof(sister))
		return jnode_text(v);
	memcpy(sister, place, n);
	memcpy(sister + n, "_b64", 5);
	b64 = jnode_at(f->root, sister);
	if (!jnode_is_text(b64))
		return jnode_text(v);
	if (text_unb64(jnode_text(b64), mem) < 0) {
		mem->n = from;
		return jnode_text(v);
	}
	return mem->n > from ? span_make(mem->p + from, mem->n - from) : span_of("");
}

/* Texts of a list, or the member `key` of each of a list of objects. */
static bool joined(
	const struct jnode *list, const char *key, char between, struct buf *mem, struct value *ret)
{
	size_t from = mem->n;

	for (const struct jnode *item = jnode_is_list(list) ? jnode_first(list) : NULL; item;
		item = item->next) {
		const struct jnode *v = key ? jnode_at(item, key) : item;

		if (!jnode_is_text(v))
			continue;
		if (mem->n > from)
			buf_u8(mem, (uint8_t)between);
		buf_add_span(mem, jnode_text(v));
	}
	if (mem->n == from)
		return false;
	ret->text = span_make(mem->p + from, mem->n - from);
	return true;
}

static bool pod(const struct jnode *v, struct buf *mem, struct value *ret)
{
	const struct jnode *space = jnode_at(v, "namespace"), *name = jnode_at(v, "name");

	if (!jnode_is_text(space) || !jnode_is_text(name))
		return false;
	buf_add_span(mem, jnode_text(space));
	buf_u8(mem, '/');
	buf_add_span(mem, jnode_text(name));
	ret->text = buf_span(mem);
	return true;
}

static bool plain(const struct facts *f, const char *place, const struct jnode *v, struct buf *mem,
	struct value *ret)
{
	const char *last = strrchr(place, '.');

	if (jnode_is_int(v)) {
		ret->is_number = true;
		ret->number = jnode_number(v);
		return true;
	}
	if (jnode_is_bool(v))
		ret->text = span_of(jnode_is_true(v) ? "true" : "false");
	else if (jnode_is_text(v))
		ret->text = bytes_at(f, place, v, mem);
	else
		return joined(v, NULL, last && strcmp(last, ".cmdline") == 0 ? ' ' : ',', mem, ret);
	return ret->text.n > 0;
}

static struct span after_last(struct span s, char c, bool *found)
{
	const uint8_t *at = s.n ? memrchr(s.p, c, s.n) : NULL;
	size_t skip = at ? (size_t)(at - s.p) + 1 : 0;

	*found = at;
	return span_make(s.p + skip, s.n - skip);
}

/* "/" is its own name and its own directory. */
static struct span part_of_path(struct span path, enum how how)
{
	bool any;
	struct span name = after_last(path, '/', &any), ext;

	if (how == HOW_DIR) {
		size_t n = path.n - name.n;

		return span_make(path.p, n > 1 ? n - 1 : n);
	}
	if (how == HOW_NAME)
		return name.n ? name : path;
	ext = after_last(name, '.', &any);
	return any && ext.n + 1 < name.n ? ext : span_of("");
}

/* [registry:port/]name[:tag][@digest] */
static struct span part_of_image(struct span image, enum how how)
{
	const uint8_t *at = image.n ? memchr(image.p, '@', image.n) : NULL;
	struct span name, tag;
	bool any;

	if (at)
		image.n = (size_t)(at - image.p);
	name = after_last(image, '/', &any);
	tag = after_last(name, ':', &any);
	if (!any)
		return how == HOW_TAG ? span_of("") : image;
	return how == HOW_TAG ? tag : span_make(image.p, image.n - tag.n - 1);
}

static bool as_number(struct span text, struct value *v)
{
	int64_t wall;

	if (text.n < 20 || clock_parse(text, 0, &wall) < 0)
		return false;
	*v = (struct value){.is_number = true, .number = wall / CLOCK_MS};
	return true;
}

static bool as_word(struct value *v, struct buf *mem)
{
	size_t from = mem->n;

	if (v->is_number) {
		buf_int(mem, v->number);
		v->text = span_make(mem->p + from, mem->n - from);
		v->is_number = false;
	}
	return true;
}

static bool derived(struct value *v, enum how how, struct buf *mem)
{
	if (how == HOW_WORD)
		return as_word(v, mem);
	if (v->is_number)
		return false;
	if (how == HOW_MS)
		return as_number(v->text, v);
	v->text = how == HOW_REPO || how == HOW_TAG ? part_of_image(v->text, how)
						    : part_of_path(v->text, how);
	return v->text.n > 0;
}

bool facts_value_of(const struct facts *f, const char *place, const struct jnode *v, enum how how,
	struct buf *scratch, struct value *ret)
{
	*ret = (struct value){.is_number = false};
	if (!v)
		return false;
	if (how == HOW_ACTION) {
		ret->text = span_of(f->shape->action);
		return true;
	}
	buf_reset(scratch);
	if (how == HOW_POD)
		return pod(v, scratch, ret);
	if (how == HOW_COMMS)
		return joined(v, "comm", ',', scratch, ret);
	return plain(f, place, v, scratch, ret) && (how == HOW_PLAIN || derived(ret, how, scratch));
}

bool facts_value(const struct facts *f, const char *place, enum how how, struct buf *scratch,
	struct value *ret)
{
	return facts_value_of(f, place, jnode_at(f->root, place), how, scratch, ret);
}

static bool is_treacherous(const uint8_t *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	return text_is_format(span_make(p, n));
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool looks_escaped(struct span s)
{
	return s.n > 3 && s.p[0] == '\\' && s.p[1] == 'x' && is_hex(s.p[2]) && is_hex(s.p[3]);
}

static bool is_simple(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

void facts_visible(struct buf *out, struct span raw)
{
	for (size_t i = 0, n; i < raw.n; i += n) {
		struct span rest = span_make(raw.p + i, raw.n - i);

		for (n = 0; n < rest.n && is_simple(rest.p[n]); n++)
			;
		if (n == 0) {
			n = text_utf8_len(rest);
			if (n == 0 || is_treacherous(rest.p, n) || looks_escaped(rest)) {
				n = n ? n : 1;
				for (size_t k = 0; k < n; k++)
					buf_printf(out, "\\x%02x", rest.p[k]);
				continue;
			}
		}
		buf_add(out, rest.p, n);
	}
}

struct span facts_cut(struct span text, size_t max)
{
	if (text.n <= max)
		return text;
	while (max > 0 && (text.p[max] & 0xc0) == 0x80)
		max--;
	return span_make(text.p, max);
}
