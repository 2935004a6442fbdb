/*
 * The event as the journal has it, byte for byte, so that its id can be checked. What takes that
 * away says so: "redacted" (command lines left out) and "truncated" (too long); then the id still
 * is the event's name and `prev` still links it, but its digest no longer fits.
 */
#include "wire/dress.h"
#include "wire/format.h"
#include "wire/tree.h"

static const char *const keep[] = {"id", "seq", "prev", "schema", "time", "type", "severity",
	"host", "redacted", "truncated", "change.kind", "change.path", "change.path_b64",
	"gap.cause", "gap.path", "gap.path_b64", "flood.path", "flood.path_b64", NULL};

/* Canonical text has no white space and no control byte; an honest but other writer's may. */
static bool is_one_line(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	}
	return true;
}

int format_json(const struct facts *f, const struct format_options *o, struct buf *out)
{
	const struct tree_cut cut = {.max = o->max, .mark = "truncated", .keep = keep};
	bool whole = !o->redact && (!o->max || f->text.n <= o->max);

	if (whole && is_one_line(f->text)) {
		buf_add_span(out, f->text);
		return 0;
	}
	jnode_drop(f->root, "container");
	jnode_drop(f->root, "tree");
	tree_write(f->root, &cut, out);
	return 0;
}
