#include "daemon/sensor/volume.h"
#include "base/glob.h"
#include "base/sha.h"
#include "base/text.h"

void volume_tree_id(struct buf *out, const char *word, struct span path)
{
	BUF struct buf b = {0};
	uint8_t sha[SHA_LEN];

	buf_add_text(&b, word);
	buf_add_span(&b, path);
	sha_once(buf_span(&b), sha);
	text_hex(out, span_make(sha, SHA_LEN));
}

bool volume_is_excluded(const struct config *cfg, struct span source)
{
	for (size_t i = 0; i < cfg->volumes_exclude.n; i++)
		if (glob_match(span_of(cfg->volumes_exclude.v[i]), source))
			return true;
	return false;
}

bool volume_is_one(const struct config *cfg, const struct box_mount *m)
{
	static const char *const never[] = {"/proc", "/sys", "/dev", "/run", "/var/run"};
	static const char *const plumbing[] = {"/dev", "/proc", "/sys"};

	if (!m->is_dir || m->source.n <= 1 || m->point.n <= 1)
		return false;
	/* An engine's own shared memory: a hand on it, and the engine could not unmount it. */
	for (size_t i = 0; i < COUNTOF(plumbing); i++)
		if (path_within(m->point, span_of(plumbing[i])))
			return false;
	for (size_t i = 0; i < COUNTOF(never); i++)
		if (path_within(m->source, span_of(never[i])))
			return false;
	return !volume_is_excluded(cfg, m->source);
}

bool volume_is_engines(struct span source)
{
	return !span_eq(volume_name(source), source);
}

/* ".../volumes/NAME/_data" is what docker and podman call NAME; anything else is its path. */
struct span volume_name(struct span source)
{
	static const char tail[] = "/_data";
	size_t n = sizeof(tail) - 1, cut;

	if (source.n <= n || memcmp(source.p + source.n - n, tail, n) != 0)
		return source;
	cut = source.n - n;
	while (cut && source.p[cut - 1] != '/')
		cut--;
	return span_make(source.p + cut, source.n - n - cut);
}

/* Who mounts it, over the whole look: pairs container id -> mount point. */
void volume_users(const struct box_list *l, struct span source, struct buf *out, bool *running)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t j = 0; j < l->v[i].n_mount; j++) {
			const struct box_mount *m = &l->v[i].mount[j];

			if (!span_eq(m->source, source) || !m->is_dir)
				continue;
			buf_bytes(out, l->v[i].t.id);
			buf_bytes(out, m->point);
			*running |= l->v[i].t.state == STATE_RUNNING;
		}
}
