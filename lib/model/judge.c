/* No clock, no store, no file: the same two records give the same verdict for ever. */
#include "model/judge.h"

enum { SETID = 06000, EXEC = 0111, WORLD_WRITE = 0002 };

#define BIT(aspect) (1u << ASPECT_##aspect)

/* What a path has become where both sides are there, or a mount hides what is. */
static uint32_t aspects_of(const struct judge_in *in)
{
	uint32_t aspects = in->now ? record_diff(in->base, in->now) & ~in->blind : 0;

	return aspects | (in->layer_changed ? BIT(LAYER) : 0) | (in->mount.n ? BIT(MOUNT) : 0);
}

int judge(const struct judge_in *in, struct change *ret)
{
	char kind = 'C';
	uint32_t aspects = 0;

	if (!in->now && (in->parent_gone || !in->base))
		return JUDGE_SAME;
	if (!in->base || (!in->now && !in->mount.n)) {
		kind = in->base ? 'D' : 'A';
		aspects = in->layer_changed ? BIT(LAYER) : 0;
	} else if (!(aspects = aspects_of(in))) {
		return JUDGE_SAME;
	}
	ret->kind = kind;
	ret->aspects = aspects;
	ret->severity = judge_severity(in, kind, aspects);
	return JUDGE_DRIFT;
}

static bool has_caps(const struct record *rec)
{
	struct rd at = rd_of(rec->xattrs);
	struct xattr x;

	while (xattr_next(&at, &x))
		if (span_is(x.name, "security.capability"))
			return true;
	return false;
}

/* A program that runs with more rights than its caller's, new or altered. A directory's setgid bit
 * only hands its group down. */
static bool gains_rights(const struct record *now, char kind, uint32_t aspects)
{
	uint32_t altered = BIT(CONTENT) | BIT(MODE) | BIT(OWNER) | BIT(TYPE);

	if (aspects & BIT(CAPS))
		return true;
	if (!now || now->type != FILE_REG)
		return false;
	if ((now->mode & SETID) && (kind == 'A' || (aspects & altered)))
		return true;
	return kind == 'A' && has_caps(now);
}

static bool is_new_program(const struct record *now, char kind, uint32_t aspects)
{
	return now && now->type == FILE_REG && (now->mode & EXEC) &&
	       (kind == 'A' || (aspects & BIT(CONTENT)));
}

static bool opens_to_all(const struct judge_in *in, uint32_t aspects)
{
	return (aspects & BIT(MODE)) && in->base && in->now && in->now->type == FILE_REG &&
	       (in->now->mode & ~in->base->mode & WORLD_WRITE);
}

enum severity judge_severity(const struct judge_in *in, char kind, uint32_t aspects)
{
	if (in->layer_changed || (aspects & BIT(LAYER)))
		return SEV_CRITICAL;
	if ((aspects & BIT(MOUNT)) || gains_rights(in->now, kind, aspects))
		return SEV_HIGH;
	if (is_new_program(in->now, kind, aspects) || (aspects & BIT(TYPE)))
		return SEV_MEDIUM;
	if (opens_to_all(in, aspects) || (in->packaged && (aspects & BIT(CONTENT))))
		return SEV_MEDIUM;
	return aspects == BIT(MTIME) ? SEV_INFO : SEV_LOW;
}

enum severity judge_ruled(
	const struct judge_rules *rules, const struct change *c, enum severity stands)
{
	int s = rules->has_severity ? (int)rules->severity : (int)stands;

	s += rules->raise;
	s = s < 0 ? 0 : s >= SEV_N ? SEV_N - 1 : s;
	if (rules->expected)
		s = SEV_INFO;
	return c->aspects & BIT(LAYER) && s < (int)stands ? stands : (enum severity)s;
}
