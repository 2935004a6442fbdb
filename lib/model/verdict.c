/* u8 version 1 | u8 row of VERDICTS | the same, of the link | u8 row of VERDICT_HOWS | zigzag when, since | varints entries, files,
 * bytes, odd ones | bytes digest, manifest, why, list of odds. Version 2, where signatures were looked for, goes on:
 * u8 row of SIGNEDS | u8 bits (1 demanded) | bytes manifest, key, reference, why, unmet. */
#include "model/verdict.h"
#include "base/err.h"
#include "base/text.h"

enum { VERSION = 1, VERSION_SIGNED = 2, ODDS_IN_WORDS = 8, DEMANDED = 1 };

static bool says_something(const struct verdict_signed *s)
{
	return s->state != SIGNED_UNKNOWN || s->demanded || s->manifest.n || s->key.n ||
	       s->reference.n || s->why.n || s->unmet.n;
}

static void encode_signed(const struct verdict_signed *s, struct buf *out)
{
	buf_u8(out, (uint8_t)s->state);
	buf_u8(out, s->demanded ? DEMANDED : 0);
	buf_bytes(out, s->manifest);
	buf_bytes(out, s->key);
	buf_bytes(out, s->reference);
	buf_bytes(out, s->why);
	buf_bytes(out, s->unmet);
}

static void decode_signed(struct rd *r, struct verdict_signed *ret)
{
	ret->state = (enum signed_state)rd_upto(r, SIGNED_N - 1);
	ret->demanded = rd_upto(r, DEMANDED) == DEMANDED;
	ret->manifest = rd_bytes(r);
	ret->key = rd_bytes(r);
	ret->reference = rd_bytes(r);
	ret->why = rd_bytes(r);
	ret->unmet = rd_bytes(r);
	r->bad |= !says_something(ret);
}

void verdict_encode(const struct verdict *v, struct buf *out)
{
	bool more = says_something(&v->by);

	buf_u8(out, more ? VERSION_SIGNED : VERSION);
	buf_u8(out, (uint8_t)v->state);
	buf_u8(out, (uint8_t)v->link);
	buf_u8(out, (uint8_t)v->how);
	buf_zigzag(out, v->when);
	buf_zigzag(out, v->since);
	buf_varint(out, v->entries);
	buf_varint(out, v->files);
	buf_varint(out, v->bytes);
	buf_varint(out, v->n_odd);
	buf_bytes(out, v->digest);
	buf_bytes(out, v->manifest);
	buf_bytes(out, v->why);
	buf_bytes(out, v->odds);
	if (more)
		encode_signed(&v->by, out);
}

void verdict_odd_add(struct buf *odds, const struct verdict_odd *o)
{
	buf_u8(odds, (uint8_t)o->kind);
	buf_varint(odds, o->aspects);
	buf_bytes(odds, o->path);
}

bool verdict_odd_next(struct rd *at, struct verdict_odd *ret)
{
	if (rd_end(at))
		return false;
	ret->kind = (char)rd_u8(at);
	ret->aspects = (uint32_t)rd_upto(at, (1u << ASPECT_N) - 1);
	ret->path = rd_bytes(at);
	at->bad |= !memchr("ACD", ret->kind, 3);
	return !at->bad;
}

static bool odds_are_sound(struct span odds)
{
	struct rd at = rd_of(odds);
	struct verdict_odd o;

	while (verdict_odd_next(&at, &o))
		;
	return !at.bad;
}

int verdict_decode(struct span bytes, struct verdict *ret)
{
	struct rd r = rd_of(bytes);
	uint8_t version = rd_u8(&r);

	*ret = (struct verdict){.state = VERDICT_NONE};
	r.bad |= version != VERSION && version != VERSION_SIGNED;
	ret->state = (enum verdict_state)rd_upto(&r, VERDICT_N - 1);
	ret->link = (enum verdict_state)rd_upto(&r, VERDICT_N - 1);
	ret->how = (enum verdict_how)rd_upto(&r, VERDICT_HOW_N - 1);
	ret->when = rd_zigzag(&r);
	ret->since = rd_zigzag(&r);
	ret->entries = rd_varint(&r);
	ret->files = rd_varint(&r);
	ret->bytes = rd_varint(&r);
	ret->n_odd = rd_varint(&r);
	ret->digest = rd_bytes(&r);
	ret->manifest = rd_bytes(&r);
	ret->why = rd_bytes(&r);
	ret->odds = rd_bytes(&r);
	if (version == VERSION_SIGNED)
		decode_signed(&r, &ret->by);
	r.bad |= !odds_are_sound(ret->odds);
	return rd_finish(&r, "verdict");
}

static void add_odds(const struct verdict *v, struct buf *out)
{
	struct rd at = rd_of(v->odds);
	struct verdict_odd o;
	uint64_t n = 0;

	while (n < ODDS_IN_WORDS && verdict_odd_next(&at, &o)) {
		buf_printf(out, "%s%c ", n++ ? ", " : ": ", o.kind);
		text_quote(out, o.path.n ? o.path : span_of("/"), true);
		for (int i = 0, k = 0; i < ASPECT_N; i++)
			if (o.aspects >> i & 1)
				buf_printf(out, "%s%s", k++ ? "," : " (", aspect_kinds[i].name);
		buf_add_text(out, o.aspects ? ")" : "");
	}
	if (n && v->n_odd > n)
		buf_printf(out, " and %llu more", (unsigned long long)(v->n_odd - n));
}

void verdict_signed_words(const struct verdict_signed *s, struct buf *out)
{
	struct span why = s->why;

	if (s->state == SIGNED_VERIFIED) {
		buf_add_text(out, "signed by ");
		text_quote(out, s->key, true);
		if (s->reference.n) {
			buf_add_text(out, " as ");
			text_quote(out, s->reference, true);
		}
	} else if (s->state == SIGNED_MISMATCH) {
		buf_add_text(out, "signature mismatch");
	} else if (s->state == SIGNED_NO_KEY) {
		buf_add_text(out, "signed, by whom is not known");
	} else if (s->state == SIGNED_NONE && why.n) {
		buf_add_text(out, "no cosign signature");
	} else {
		why.n = 0;
	}
	if (why.n) {
		buf_add_text(out, s->state == SIGNED_VERIFIED ? ", " : ": ");
		buf_add_span(out, why);
	}
	if (s->unmet.n) {
		buf_add_text(out, s->state != SIGNED_UNKNOWN && (why.n || s->key.n) ? "; " : "");
		buf_add_text(out, "not as policy.json wants: ");
		buf_add_span(out, s->unmet);
	}
}

static void add_signed(const struct verdict_signed *s, struct buf *out)
{
	BUF struct buf words = {0};

	verdict_signed_words(s, &words);
	if (words.n) {
		buf_add_text(out, "; ");
		buf_add_span(out, buf_span(&words));
	}
}

void verdict_words(const struct verdict *v, struct buf *out)
{
	buf_add_text(out, verdict_kinds[v->state].name);
	if (v->digest.n) {
		buf_add_text(out, v->state == VERDICT_PROVED ? " to " : ", should be ");
		buf_add_span(out, v->digest);
	}
	if (v->manifest.n) {
		buf_add_text(out, ", manifest ");
		buf_add_span(out, v->manifest);
	}
	if (v->state == VERDICT_PROVED)
		buf_printf(out, ": %llu names, %llu files", (unsigned long long)v->entries,
			(unsigned long long)v->files);
	add_odds(v, out);
	if (v->why.n) {
		buf_add_text(out, v->n_odd ? "; " : ": ");
		buf_add_span(out, v->why);
	}
	add_signed(&v->by, out);
}

bool verdict_signed_is_fine(const struct verdict_signed *s)
{
	return s->state != SIGNED_MISMATCH && !s->unmet.n;
}

bool verdict_is_fine(const struct verdict *v)
{
	return (v->state == VERDICT_PROVED || v->state == VERDICT_CONSISTENT) &&
	       verdict_signed_is_fine(&v->by);
}

static int badness(enum verdict_state s)
{
	static const int of[VERDICT_N] = {[VERDICT_NONE] = 0,
		[VERDICT_PROVED] = 1,
		[VERDICT_CONSISTENT] = 2,
		[VERDICT_UNKNOWN] = 3,
		[VERDICT_BROKEN] = 4};

	return of[s];
}

enum verdict_state verdict_worse(enum verdict_state a, enum verdict_state b)
{
	return badness(b) > badness(a) ? b : a;
}

bool verdict_is_news(enum verdict_state old, enum verdict_state fresh)
{
	return fresh == VERDICT_BROKEN ? old != fresh
				       : old == VERDICT_PROVED && badness(fresh) > badness(old);
}

int verdict_signed_news(const struct verdict_signed *old, const struct verdict_signed *fresh)
{
	bool was_verified = old && old->state == SIGNED_VERIFIED;

	if (fresh->state == SIGNED_MISMATCH && (!old || old->state != fresh->state))
		return SEV_HIGH;
	if (fresh->unmet.n && (!old || !old->unmet.n))
		return SEV_HIGH;
	if (was_verified && fresh->state != SIGNED_VERIFIED)
		return SEV_MEDIUM;
	if (was_verified && !span_eq(old->key, fresh->key))
		return SEV_INFO;
	return old && ((old->state == SIGNED_MISMATCH && fresh->state != old->state) ||
			      (old->unmet.n && !fresh->unmet.n) ||
			      (!was_verified && fresh->state == SIGNED_VERIFIED))
		       ? SEV_INFO
		       : -1;
}
