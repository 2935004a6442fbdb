/* An overlay shows a layer without the mounts in it: what lies below them is in containers, and cannot be read. */
#include "base/err.h"
#include "base/text.h"
#include "box/mounts.h"
#include "daemon/sensor/proof_own.h"

/* What the image has nothing in cannot be hidden. */
static bool is_empty(const struct proof *p, struct span rel)
{
	const struct proof_want *const *want;
	const struct proof_want *w = proof_find(p, rel);

	return w && w->rec.type == FILE_DIR && !proof_list(p, rel, &want);
}

static void cover(struct proof *p, struct span rel)
{
	BUF struct buf why = {0};

	if (proof_knows(p)) {
		if (!is_empty(p, rel))
			proof_odd(p, 'C', 1u << ASPECT_MOUNT, rel);
		return;
	}
	buf_add_text(&why, "a mount lies over what it has at ");
	text_quote(&why, rel, true);
	proof_failed(p, buf_text(&why));
}

/* A mount at the directory itself is how some engines make their layers, but none that keeps tar-split. */
void proof_covered(struct proof *p)
{
	struct span path = span_of(p->lower->path);
	MOUNTS struct mounts table = {0};

	if (mounts_of_pid(0, MOUNTS_AUTO, &table) < 0) {
		proof_failed(p, err_why());
		return;
	}
	for (size_t i = 0; i < table.n; i++) {
		struct span point = table.v[i].point;

		if (span_eq(point, path) && p->from.how == PROVENANCE_TAR_SPLIT)
			proof_failed(p,
				"a mount lies over its directory: containers may have what is below");
		else if (point.n > path.n && path_within(point, path))
			cover(p, span_make(point.p + path.n + 1, point.n - path.n - 1));
	}
}
