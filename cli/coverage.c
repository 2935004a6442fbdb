/* "Nothing drifted" is only as good as the look behind it. Full sight is level L1, a complete
 * baseline, a finished sweep and no open gap; anything less is said each time. */
#include "cli/coverage.h"
#include "base/text.h"
#include "cli/ask.h"

enum { GAPS_SHOWN = 3 };

static const struct {
	const char *level, *lost;
} levels[] = {
	{"none", "not watched yet"},
	{"L2", "watched at L2 (writes through a memory mapping are found by sweeps only)"},
	{"L4", "watched at L4 (who created, deleted or renamed is not known)"},
	{"L5", "watched at L5 (who is not known)"},
	{"L6", "watched at L6 (sweeps only: when and who are not known)"},
};

static void add_level(struct buf *out, const json_t *coverage, bool *whole)
{
	struct span level = get_text(coverage, "level");

	struct span state = get_text(coverage, "state");

	*whole = *whole && span_is(level, "L1");
	if (state.n) {
		buf_add_text(out, "not watched: it is ");
		text_quote(out, state, false);
		return;
	}
	for (size_t i = 0; i < COUNTOF(levels); i++) {
		if (span_is(level, levels[i].level)) {
			buf_add_text(out, levels[i].lost);
			return;
		}
	}
	buf_add_text(out, "watched at ");
	text_quote(out, level.n ? level : span_of("an unknown level"), false);
}

static void add_gap(struct cli *c, struct buf *out, const json_t *gap)
{
	BUF struct buf room = {0};
	struct span path = get_path(gap, "path", &room), from = get_text(gap, "from");

	text_quote(out, get_text(gap, "cause"), c->utf8_ok);
	if (path.n) {
		buf_u8(out, ' ');
		text_quote(out, path, c->utf8_ok);
	}
	if (from.n) {
		buf_add_text(out, " since ");
		add_time(out, from);
	}
}

static void add_gaps(struct cli *c, struct buf *out, const json_t *gaps, bool *whole)
{
	size_t i, n = json_array_size(gaps);
	json_t *gap;

	*whole = *whole && n == 0;
	if (n == 0) {
		buf_add_text(out, "no open gap");
		return;
	}
	buf_printf(out, "%zu open gap%s (", n, n == 1 ? "" : "s");
	json_array_foreach(gaps, i, gap) {
		if (i == GAPS_SHOWN) {
			buf_add_text(out, ", ...");
			break;
		}
		buf_add_text(out, i ? ", " : "");
		add_gap(c, out, gap);
	}
	buf_u8(out, ')');
}

static void add_sweep(struct buf *out, const json_t *coverage, bool *whole)
{
	struct span at = get_text(coverage, "last_sweep");

	*whole = *whole && at.n;
	buf_add_text(out, at.n ? "last full sweep " : "no full sweep yet");
	if (at.n)
		add_time(out, at);
}

/* Nobody looks there, and that is meant; whoever reads "clean" should know it all the same. */
static void tell_excluded(struct cli *c, const json_t *list)
{
	BUF struct buf out = {0};

	if (!json_array_size(list))
		return;
	add_list(c, &out, list, ", ");
	remark("rules exclude %s: nothing is known of that", buf_text(&out));
}

/* What the drift is held against is not what it should be: then no drift is no good news. */
static void tell_image(const json_t *coverage)
{
	if (span_is(get_text(coverage, "verdict"), "broken"))
		remark("what it stacks is not what its image says: `boltseal verify` names what and how");
	if (span_is(get_text(coverage, "signature"), "mismatch"))
		remark("its image has a signature that does not fit: `boltseal verify` says why");
}

void coverage_remark(struct cli *c, const json_t *coverage)
{
	BUF struct buf out = {0};
	bool whole = json_is_object(coverage);

	if (!whole) {
		remark("the daemon did not say how well it sees: do not take this for clean");
		return;
	}
	tell_excluded(c, json_object_get(coverage, "excluded"));
	tell_image(coverage);
	if (get_true(coverage, "excluded_all"))
		remark("that is all of it: do not take this for clean");
	if (json_is_string(json_object_get(coverage, "sensor"))) {
		buf_add_text(&out, "the sensor is ");
		text_quote(&out, get_text(coverage, "sensor"), false);
		buf_add_text(&out, ", ");
		whole = false;
	}
	add_level(&out, coverage, &whole);
	if (get_false(coverage, "baselined")) {
		buf_add_text(&out, ", the baseline is not complete");
		whole = false;
	}
	buf_add_text(&out, ", ");
	add_gaps(c, &out, json_object_get(coverage, "gaps"), &whole);
	buf_add_text(&out, ", ");
	add_sweep(&out, coverage, &whole);
	if (!whole)
		remark("not everything could be seen: %s", buf_text(&out));
}
