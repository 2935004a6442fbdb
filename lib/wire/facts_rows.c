/* Sentences and rows: what walks the two tables of facts_tables.c. */
#include "wire/facts.h"
#include "base/text.h"
#include "wire/tree.h"
#include <stdio.h>

static bool name_seen(const struct field_step *s, const char *name)
{
	for (size_t i = 0; i < s->n_before; i++) {
		if (strcmp(s->before[i], name) == 0)
			return true;
	}
	return false;
}

/* Cheap and good enough: a bit that is not set says that no such name was before. */
static uint64_t bit_of(const char *name)
{
	size_t n = strlen(name);

	return UINT64_C(1) << ((n * 31 + (uint8_t)name[n / 2] * 7 + (uint8_t)name[0]) & 63);
}

static bool is_new(struct field_step *s, const char *name)
{
	uint64_t bit = bit_of(name);

	if ((s->seen & bit) && name_seen(s, name))
		return false;
	must(s->n_before < COUNTOF(s->before));
	s->seen |= bit;
	s->before[s->n_before++] = name;
	return true;
}

/* The object that a row's last part is a member of; NULL: there is none. */
static const struct jnode *object_of(
	struct field_step *s, const struct facts *f, const char *place, size_t n)
{
	struct place_cache *slot =
		&s->near[(n + (n ? (uint8_t)place[n - 1] : 0)) % COUNTOF(s->near)];

	if (n == 0)
		return f->root;
	if (slot->n == n && memcmp(slot->place, place, n) == 0)
		return slot->v;
	*slot = (struct place_cache){place, n, jnode_at_n(f->root, place, n)};
	return slot->v;
}

static const struct jnode *value_at(struct field_step *s, const struct facts *f, const char *place)
{
	const char *dot = strrchr(place, '.');
	const struct jnode *o = object_of(s, f, place, dot ? (size_t)(dot - place) : 0);

	return o ? jnode_get(o, span_of(dot ? dot + 1 : place)) : NULL;
}

bool field_next(struct field_step *s, const struct facts *f, enum flat column, struct buf *scratch)
{
	while (s->next < n_fields) {
		s->field = &fields[s->next++];
		s->name = s->field->names[column];
		if (s->name &&
			facts_value_of(f, s->field->place, value_at(s, f, s->field->place),
				s->field->how, scratch, &s->value) &&
			is_new(s, s->name))
			return true;
	}
	return false;
}

/* A path with a blank in it would not be told from the words around it. */
static void say_text(struct buf *out, struct span text)
{
	size_t from = 0;

	if (text.n == 0 || text.p[0] != '/' ||
		(!memchr(text.p, ' ', text.n) && !memchr(text.p, '"', text.n))) {
		facts_visible(out, text);
		return;
	}
	buf_u8(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '"')
			continue;
		facts_visible(out, span_make(text.p + from, i - from));
		buf_add_text(out, "\\x22");
		from = i + 1;
	}
	facts_visible(out, span_make(text.p + from, text.n - from));
	buf_u8(out, '"');
}

/* "{place}" at `t`: what follows it; false in `ok` when the event has no such thing. */
static const char *say_place(
	const struct facts *f, const char *t, struct buf *scratch, struct buf *out, bool *ok)
{
	char place[64];
	size_t n = strcspn(t + 1, "}");
	struct value v;

	must(n < sizeof(place));
	memcpy(place, t + 1, n);
	place[n] = 0;
	if (!facts_value(f, place, HOW_PLAIN, scratch, &v))
		*ok = false;
	else if (v.is_number)
		buf_int(out, v.number);
	else
		say_text(out, v.text);
	return t + n + 2;
}

void facts_say(const struct facts *f, struct buf *out)
{
	BUF struct buf scratch = {.p = NULL};
	size_t start = 0;
	bool ok = true;

	for (const char *t = f->shape->sentence; *t;) {
		size_t n = strcspn(t, "[]{");

		buf_add(out, t, n);
		t += n;
		if (*t == '{') {
			t = say_place(f, t, &scratch, out, &ok);
		} else if (*t) { /* a group begins; or it ends, and goes when it lacked something */
			if (*t == ']' && !ok)
				out->n = start;
			start = out->n;
			ok = true;
			t++;
		}
	}
}

static void put(struct jnode *root, bool flat, const char *name, struct jnode *v)
{
	if (!flat)
		tree_set(root, name, v);
	else if (!jnode_get(root, span_of(name)))
		jnode_set(root, name, v);
}

/* The bytes of a path that is not UTF-8, beside it, in our own name space. */
static void put_bytes(const struct facts *f, const struct field *row, const char *name, bool flat,
	struct jnode *root)
{
	char place[80], own[96];
	bool ours = strncmp(name, "boltseal.", 9) == 0;
	const struct jnode *b64;

	if (!f->has_bytes)
		return;
	snprintf(place, sizeof(place), "%s_b64", row->place);
	b64 = jnode_at(f->root, place);
	if (!jnode_is_text(b64))
		return;
	snprintf(own, sizeof(own), "boltseal.%s_b64", ours ? name + 9 : name);
	for (char *c = own + 9; *c && !ours; c++)
		*c = *c == '.' ? '_' : *c;
	put(root, flat, own, jnode_copy(root->mem, b64));
}

static struct jnode *value_jnode(struct arena *mem, const struct value *v)
{
	return v->is_number ? jnode_int(mem, v->number) : jnode_string(mem, v->text);
}

/* Flat names have flat values: a list is a text with commas. */
static struct jnode *member_of(const struct facts *f, const struct field_step *s, bool flat)
{
	const struct jnode *v = jnode_at(f->root, s->field->place);
	bool line = strcmp(s->name, "process.command_line") == 0;

	if (s->field->how != HOW_PLAIN || line || (flat && jnode_is_list(v)))
		return value_jnode(f->root->mem, &s->value);
	return jnode_copy(f->root->mem, v);
}

void facts_fill(const struct facts *f, enum flat column, bool flat, struct jnode *root)
{
	BUF struct buf scratch = {.p = NULL};
	struct field_step s = {.next = 0};

	while (field_next(&s, f, column, &scratch)) {
		put(root, flat, s.name, member_of(f, &s, flat));
		if (s.field->how == HOW_PLAIN)
			put_bytes(f, s.field, s.name, flat, root);
	}
}
