/*
 * What is allowed and surely not meant. A rule is shadowed when one later rule that gives all it gives
 * matches all it matches; what is not provable by looking at the globs is not told.
 */
#include "policy/rules_own.h"
#include "base/glob.h"
#include "base/text.h"

/* ---- one selector within another ---- */

static bool is_everything(struct span g, bool path)
{
	return span_is(g, "**") || span_is(g, path ? "/**" : "*");
}

static bool is_literal(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("*?[\\", s.p[i]))
			return false;
	return true;
}

/* Does all that `in` matches match `out` too, for sure? */
static bool glob_within(struct span in, struct span out, bool path)
{
	size_t n = out.n >= 3 ? out.n - 2 : 0;

	if (span_eq(in, out) || is_everything(out, path))
		return true;
	if (is_literal(in))
		return glob_match(out, in);
	/* A directory and two stars take whatever begins with it. */
	return path && n && out.p[n - 1] == '/' && span_is(span_make(out.p + n, 2), "**") &&
	       is_literal(span_make(out.p, n)) && span_starts(in, span_make(out.p, n)) && in.n > n;
}

static bool globs_within(const struct rule_globs *in, const struct rule_globs *out, bool path)
{
	size_t i, j;

	for (j = 0; j < out->n; j++)
		if (is_everything(out->v[j], path))
			return true;
	if (!out->n)
		return true;
	for (i = 0; i < in->n; i++) {
		for (j = 0; j < out->n && !glob_within(in->v[i], out->v[j], path); j++)
			;
		if (j == out->n)
			return false;
	}
	return in->n > 0;
}

static bool labels_within(const struct rule *in, const struct rule *out)
{
	for (size_t j = 0; j < out->n_labels; j++) {
		size_t i = 0;

		while (i < in->n_labels &&
			!(span_eq(in->labels[i].key, out->labels[j].key) &&
				glob_within(in->labels[i].glob, out->labels[j].glob, false)))
			i++;
		if (i == in->n_labels)
			return false;
	}
	return true;
}

static bool bits_within(uint32_t in, uint32_t out)
{
	return !out || (in && !(in & ~out));
}

static bool fact_within(int8_t in, int8_t out)
{
	return out < 0 || in == out;
}

static bool is_within(const struct rule *in, const struct rule *out)
{
	return bits_within(in->origins, out->origins) && bits_within(in->kinds, out->kinds) &&
	       bits_within(in->packages, out->packages) && bits_within(in->aspects, out->aspects) &&
	       fact_within(in->setuid, out->setuid) &&
	       fact_within(in->executable, out->executable) &&
	       globs_within(&in->paths, &out->paths, true) &&
	       globs_within(&in->exe, &out->exe, true) &&
	       globs_within(&in->target, &out->target, false) &&
	       globs_within(&in->image, &out->image, false) &&
	       globs_within(&in->runtime, &out->runtime, false) &&
	       globs_within(&in->pod_namespace, &out->pod_namespace, false) &&
	       labels_within(in, out);
}

/* A rule that expires gives its word back some day, and one with a window does so when that closes. */
static bool is_shadowed_by(const struct rule *r, const struct rule *later)
{
	return !(r->gives & ~later->gives) && !later->expires && is_within(r, later) &&
	       !(later->hold && !(r->hold && window_same(&r->window, &later->window)));
}

/* ---- findings ---- */

static int by_name(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	int c = span_cmp(x->name, y->name);

	return c ? c : x->no < y->no ? -1 : x->no > y->no;
}

static size_t lint_names(const struct rules *r, const struct rules_hear *hear)
{
	FREE const struct rule **v = calloc(r->n + 1, sizeof(*v));
	size_t n = 0;

	must(v);
	for (size_t i = 0; i < r->n; i++)
		v[i] = &r->rule[i];
	qsort(v, r->n, sizeof(*v), by_name);
	for (size_t i = 1; i < r->n; i++) {
		if (!v[i]->name.n || !span_eq(v[i]->name, v[i - 1]->name))
			continue;
		rules_warn(hear, v[i], "the name %s is taken already, by %s:%u",
			(const char *)v[i]->name.p, (const char *)v[i - 1]->file.p, v[i - 1]->line);
		n++;
	}
	return n;
}

static bool lint_shadow(const struct rules *r, size_t i, const struct rules_hear *hear)
{
	const struct rule *one = &r->rule[i];

	for (size_t j = i + 1; j < r->n; j++) {
		const struct rule *later = &r->rule[j];

		if (!is_shadowed_by(one, later))
			continue;
		rules_warn(hear, one,
			"%s is never reached: %s (%s:%u) matches all of it and comes later",
			(const char *)one->name.p, (const char *)later->name.p,
			(const char *)later->file.p, later->line);
		return true;
	}
	return false;
}

static bool excludes_all(const struct rule *r)
{
	bool all = r->gives & 1u << RULE_EXCLUDE && r->exclude && !r->paths.n;

	for (size_t i = 0; r->exclude && i < r->paths.n; i++)
		all = all || rules_glob_is_all(r->paths.v[i]);
	return all;
}

static bool lint_expiry(const struct rule *r, int64_t now, const struct rules_hear *hear)
{
	if (!r->expires || r->expires > now || !r->name.n)
		return false;
	rules_warn(
		hear, r, "%s has expired: what it expected is told again", (const char *)r->name.p);
	return true;
}

size_t rules_lint_names(const struct rules *r, int64_t now, const struct rules_hear *hear)
{
	size_t n = lint_names(r, hear);

	for (size_t i = 0; i < r->n; i++)
		n += lint_expiry(&r->rule[i], now, hear);
	return n;
}

size_t rules_lint(const struct rules *r, int64_t now, const struct rules_hear *hear)
{
	size_t n = lint_names(r, hear);

	for (size_t i = 0; i < r->n; i++) {
		const struct rule *one = &r->rule[i];

		n += lint_expiry(one, now, hear);
		if (excludes_all(one)) {
			rules_warn(hear, one,
				"%s excludes whole targets: nothing of them is watched",
				(const char *)one->name.p);
			n++;
		}
		if (one->hold && !window_next(&one->window, now)) {
			rules_warn(hear, one, "%s has expired: its window is over",
				(const char *)one->name.p);
			n++;
		}
		n += lint_shadow(r, i, hear);
	}
	return n;
}

/* ---- words ---- */

static void add_bits(struct buf *out, const char *what, uint32_t bits, const char *const *names)
{
	const char *between = " ";

	if (!bits)
		return;
	buf_printf(out, "%s%s", out->n ? ", " : "", what);
	for (unsigned i = 0; i < 32; i++) {
		if (!(bits & 1u << i))
			continue;
		buf_printf(out, "%s%s", between, names[i]);
		between = " or ";
	}
}

void rule_when(const struct rule *r, struct buf *out)
{
	static const char *const kinds[] = {"A", "C", "D"};
	const char *origins[ORIGIN_N], *aspects[ASPECT_N], *packages[PACKAGE_STATE_N];

	for (unsigned i = 0; i < ORIGIN_N; i++)
		origins[i] = origin_kinds[i].name;
	for (unsigned i = 0; i < ASPECT_N; i++)
		aspects[i] = aspect_kinds[i].name;
	for (unsigned i = 0; i < PACKAGE_STATE_N; i++)
		packages[i] = package_state_kinds[i].name;
	add_bits(out, "kind", r->kinds, kinds);
	add_bits(out, "origin", r->origins, origins);
	add_bits(out, "aspect", r->aspects, aspects);
	add_bits(out, "package", r->packages, packages);
	if (r->setuid >= 0)
		buf_printf(out, "%s%ssetuid", out->n ? ", " : "", r->setuid ? "" : "not ");
	if (r->executable >= 0)
		buf_printf(out, "%s%sexecutable", out->n ? ", " : "", r->executable ? "" : "not ");
	for (size_t i = 0; i < r->exe.n; i++) {
		buf_add_text(out, i ? " or " : out->n ? ", exe " : "exe ");
		buf_add_span(out, r->exe.v[i]);
	}
}

void rule_value(const struct rule *r, enum rule_prop prop, struct buf *out)
{
	const char *between = "";

	switch (prop) {
	case RULE_SEVERITY:
		buf_add_text(out, severity_kinds[r->severity].name);
		break;
	case RULE_RAISE:
		buf_printf(out, "%+d", r->raise);
		break;
	case RULE_HOLD:
		if (r->hold)
			window_words(&r->window, out);
		else
			buf_add_text(out, "false");
		break;
	case RULE_WATCH:
		for (unsigned i = 0; i < ASPECT_N; i++) {
			if (!(r->watch & 1u << i))
				continue;
			buf_printf(out, "%s%s", between, aspect_kinds[i].name);
			between = ", ";
		}
		break;
	case RULE_GROWING:
		buf_add_text(out, r->growing ? "true" : "false");
		for (unsigned i = 0; r->growing && i < ORIGIN_N; i++) {
			if (r->grown_by & 1u << i)
				buf_printf(out, "%s%s", *between ? between : " by ",
					origin_kinds[i].name);
			between = r->grown_by & 1u << i ? ", " : between;
		}
		break;
	default:
		buf_add_text(out, (prop == RULE_EXPECT		  ? r->expect
					  : prop == RULE_EXCLUDE  ? r->exclude
					  : prop == RULE_WITHHOLD ? r->withhold
								  : false)
					  ? "true"
					  : "false");
	}
}
