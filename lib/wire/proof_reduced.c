/*
 * Events in a format that does not carry what the digest is of: an entry's seq, id and, but in CEF,
 * prev are in it, so that what is missing can be told. Where each stands are the tables here; the
 * values have been escaped by the format's own rules, so that no file name can look like one of them
 * to a reader that keeps these rules.
 */
#include "wire/proof_reduced.h"
#include "base/text.h"
#include <stdlib.h>

/* Places in JSON, apart by '/', since Falco's names have dots in them. `product` must be ours. */
static const struct {
	enum format format;
	const char *id, *seq, *prev, *host, *product;
} documents[] = {
	{FORMAT_WAZUH, "boltseal/id", "boltseal/seq", "boltseal/prev", "boltseal/host", NULL},
	{FORMAT_ECS, "event/id", "event/sequence", "boltseal/prev", "host/name", "event/module"},
	{FORMAT_OCSF, "metadata/uid", "metadata/sequence", "unmapped/prev", "device/hostname",
		"metadata/product/name"},
	{FORMAT_FALCO, "output_fields/boltseal.id", "output_fields/boltseal.seq",
		"output_fields/boltseal.prev", "hostname", "source"},
};

static const json_t *at(const json_t *v, const char *place)
{
	while (v && place) {
		const char *end = strchrnul(place, '/');

		v = json_object_getn(v, place, (size_t)(end - place));
		place = *end ? end + 1 : NULL;
	}
	return v;
}

static struct span text_at(const json_t *root, const char *place)
{
	const json_t *v = at(root, place);

	return json_is_string(v) ? json_span(v) : span_of("");
}

static void set_host(struct reduced *r, struct span host)
{
	size_t n = host.n < sizeof(r->host) ? host.n : 0;

	memcpy(r->host, host.p ? host.p : (const uint8_t *)"", n);
	r->link.host = span_make(r->host, n);
}

bool reduced_object(const json_t *root, struct reduced *ret)
{
	for (size_t i = 0; i < COUNTOF(documents); i++) {
		const json_t *seq = at(root, documents[i].seq);

		*ret = (struct reduced){.format = documents[i].format, .has_prev = true};
		if (!json_is_integer(seq) || json_integer_value(seq) < 0 ||
			text_unhex(text_at(root, documents[i].id), ret->link.id, SHA_LEN) < 0 ||
			text_unhex(text_at(root, documents[i].prev), ret->link.prev, SHA_LEN) < 0)
			continue;
		if (documents[i].product &&
			!span_is(text_at(root, documents[i].product), "boltseal"))
			continue;
		ret->link.seq = (uint64_t)json_integer_value(seq);
		set_host(ret, text_at(root, documents[i].host));
		return true;
	}
	return false;
}

/* Lines: what begins ours, and what stands before and behind each value. */
static const struct {
	enum format format;
	const char *begin, *id, *seq, *prev, *host;
	char end;
} lines[] = {
	{FORMAT_RFC5424, "][boltseal@", " id=\"", " seq=\"", " prev=\"", NULL, '"'},
	{FORMAT_CEF, "CEF:0|boltseal|boltseal|", " externalId=", " cn1=", NULL, " dvchost=", ' '},
	{FORMAT_LEEF, "LEEF:2.0|boltseal|boltseal|",
		"\tid=", "\tseq=", "\tprev=", "\tidentHostName=", '\t'},
};

/* What stands between `before` and `end`; false: it is not there. */
static bool value_of(struct span line, const char *before, char end, struct span *ret)
{
	const uint8_t *from = memmem(line.p, line.n, before, strlen(before)), *to;
	size_t left;

	if (!from)
		return false;
	from += strlen(before);
	left = (size_t)(line.p + line.n - from);
	to = left ? memchr(from, end, left) : NULL;
	*ret = span_make(from, to ? (size_t)(to - from) : left);
	return to || end != '"';
}

/* Of "<PRI>1 TIME HOST …" the third word; who stored it otherwise has lost it. */
static struct span header_host(struct span line)
{
	struct span word = span_of("");

	if (line.n < 2 || line.p[0] != '<')
		return word;
	for (int i = 0; i < 3; i++) {
		const uint8_t *end = line.n ? memchr(line.p, ' ', line.n) : NULL;

		if (!end)
			return span_of("");
		word = span_make(line.p, (size_t)(end - line.p));
		line = span_make(end + 1, line.n - word.n - 1);
	}
	return word;
}

static bool read_row(size_t i, struct span rest, struct reduced *ret)
{
	struct span v;

	*ret = (struct reduced){.format = lines[i].format, .has_prev = lines[i].prev};
	if (!value_of(rest, lines[i].id, lines[i].end, &v) ||
		text_unhex(v, ret->link.id, SHA_LEN) < 0 ||
		!value_of(rest, lines[i].seq, lines[i].end, &v) ||
		text_u64(v, 0, INT64_MAX, &ret->link.seq) < 0)
		return false;
	if (lines[i].prev && (!value_of(rest, lines[i].prev, lines[i].end, &v) ||
				     text_unhex(v, ret->link.prev, SHA_LEN) < 0))
		ret->has_prev = false; /* it was cut for want of room */
	return true;
}

/* From where it begins; none: nothing. */
static struct span row_at(size_t i, struct span s)
{
	const uint8_t *from = s.n ? memmem(s.p, s.n, lines[i].begin, strlen(lines[i].begin)) : NULL;

	return from ? span_make(from, s.n - (size_t)(from - s.p)) : span_of("");
}

/* Is another one behind it? Each place is only read up to the next, so that many cost no more. */
static bool has_more(struct span first)
{
	for (size_t i = 0; i < COUNTOF(lines); i++) {
		struct span at = row_at(i, span_make(first.p + 1, first.n - 1));

		while (at.n) {
			struct span next = row_at(i, span_make(at.p + 1, at.n - 1));
			struct reduced r;

			if (read_row(i, span_make(at.p, at.n - next.n), &r))
				return true;
			at = next;
		}
	}
	return false;
}

bool reduced_line(struct span line, struct reduced *ret, bool *ret_more)
{
	for (size_t i = 0; i < COUNTOF(lines); i++) {
		struct span rest = row_at(i, line), v;

		if (!rest.n || !read_row(i, rest, ret))
			continue;
		if (!lines[i].host)
			v = header_host(line);
		else if (!value_of(rest, lines[i].host, lines[i].end, &v))
			v = span_of("");
		set_host(ret, v);
		*ret_more = has_more(rest);
		return true;
	}
	return false;
}
