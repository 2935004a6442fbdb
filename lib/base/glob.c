/*
 * Two places to come back to are enough: the last `*`, and the last `**` before it. A star takes as
 * little as it can; whatever follows it is tried at the next byte when that fails. `*` gives up at
 * a '/', and then the `**` takes more. An earlier star never needs another look, since a later one
 * of the same reach can take whatever it would have taken.
 */
#include "base/glob.h"
#include "base/err.h"
#include "base/text.h"

struct retry {
	bool on, whole; /* whole: "**" with its slash: takes whole components only */
	size_t pat,
		at; /* the pattern after the star; the first byte of the path it has not taken */
};

/* One [class] at `*pi` (behind the bracket). Moves `*pi` behind it. False: unclosed. */
static bool class_step(struct span pat, size_t *pi, uint8_t c, bool *ret_hit)
{
	size_t i = *pi;
	bool no = i < pat.n && (pat.p[i] == '!' || pat.p[i] == '^'), hit = false;
	size_t first = i += no;

	while (i < pat.n && (pat.p[i] != ']' || i == first)) {
		uint8_t lo, hi;

		i += pat.p[i] == '\\' && i + 1 < pat.n;
		lo = hi = pat.p[i++];
		if (i + 1 < pat.n && pat.p[i] == '-' && pat.p[i + 1] != ']') {
			i++;
			i += pat.p[i] == '\\' && i + 1 < pat.n;
			hi = pat.p[i++];
		}
		hit |= c >= lo && c <= hi;
	}
	*pi = i + 1;
	*ret_hit = hit != no && c != '/';
	return i < pat.n;
}

/* Does the one-byte item at `*pi` take `c`? Moves `*pi` behind it when it does. */
static bool item_takes(struct span pat, size_t *pi, uint8_t c)
{
	size_t i = *pi;
	bool hit = false;

	if (i >= pat.n)
		return false;
	switch (pat.p[i++]) {
	case '?':
		hit = c != '/';
		break;
	case '[':
		if (!class_step(pat, &i, c, &hit))
			return false;
		break;
	case '\\':
		hit = i < pat.n && pat.p[i] == c;
		i++;
		break;
	default:
		hit = pat.p[i - 1] == c;
	}
	if (hit)
		*pi = i;
	return hit;
}

/* Takes in the star at `*pi`: one forgets the shallow place, two set the deep one anew. */
static void star(struct span pat, size_t *pi, size_t si, struct retry *deep, struct retry *shallow)
{
	size_t first = *pi, i = first;

	while (i < pat.n && pat.p[i] == '*')
		i++;
	if (i - first == 1) {
		*shallow = (struct retry){true, false, i, si};
	} else {
		bool whole =
			i < pat.n && pat.p[i] == '/' && (first == 0 || pat.p[first - 1] == '/');

		i += whole;
		*deep = (struct retry){true, whole, i, si};
		*shallow = (struct retry){0};
	}
	*pi = i;
}

/* Lets the star of `r` take more. False when there is nothing left for it to take. */
static bool take_more(struct retry *r, bool over_slash, struct span path)
{
	if (!r->on)
		return false;
	do {
		if (r->at >= path.n || (!over_slash && path.p[r->at] == '/'))
			return false;
		r->at++;
	} while (r->whole && path.p[r->at - 1] != '/');
	return true;
}

bool glob_match(struct span pat, struct span path)
{
	struct retry deep = {0}, shallow = {0};
	size_t pi = 0, si = 0;

	for (;;) {
		if (pi < pat.n && pat.p[pi] == '*') {
			star(pat, &pi, si, &deep, &shallow);
		} else if (si == path.n && pi == pat.n) {
			return true;
		} else if (si < path.n && item_takes(pat, &pi, path.p[si])) {
			si++;
		} else if (take_more(&shallow, false, path)) {
			pi = shallow.pat;
			si = shallow.at;
		} else if (take_more(&deep, true, path)) {
			shallow.on = false;
			pi = deep.pat;
			si = deep.at;
		} else {
			return false;
		}
	}
}

int glob_check(struct span pat)
{
	for (size_t i = 0; i < pat.n;) {
		uint8_t c = pat.p[i++];
		bool hit;

		if (c == '\\' && i++ >= pat.n)
			return text_refuse(-EINVAL, pat, "a backslash at the end");
		if (c == '[' && !class_step(pat, &i, 0, &hit))
			return text_refuse(-EINVAL, pat, "a bracket that is not closed");
	}
	return 0;
}
