/* What is kept, and what of it is kept less well than it could be. */
#include "daemon/sensor/checks.h"
#include "daemon/sensor/loop.h"
#include "daemon/sensor/signing.h"
#include <errno.h>
#include <sys/stat.h>

enum { TOLD_SINGLY = 50 };

static void levels(struct sensor *s, struct json *j)
{
	FINDING_NAMES struct finding_names low = {.n = 0};
	size_t n = 0;

	for (struct reg *r = s->reg.regs; r; r = r->next, n++)
		if (r->level == LEVEL_NONE || r->level > LEVEL_L2)
			finding_name(&low, span_of(r->kept->name));
	FINDING(j, TARGETS, n == 0, "%zu targets are kept", n);
	if (n)
		FINDING(j, LEVEL, low.n,
			low.n ? "watched without knowing who: %s"
			      : "every target is watched with content, names and who%s",
			finding_names_text(&low));
}

static void one_tree(struct json *j, const char *path)
{
	finding_put(j,
		&(struct finding){.check = CHECK_HOST_TREE, .bad = true, .subject = span_of(path)},
		"there is nothing at %s, which the configuration names", path);
}

static void host_trees(struct sensor *s, struct json *j)
{
	size_t n = 0;

	for (struct absent *a = s->reg.absent; a && n < TOLD_SINGLY; a = a->next, n++)
		one_tree(j, a->path);
	for (struct reg *r = s->reg.regs; r && n < TOLD_SINGLY; r = r->next)
		if (r->kept->kind == TARGET_HOST && atomic_load(&r->kept->absent)) {
			one_tree(j, r->kept->upper);
			n++;
		}
	if (!n && s->cfg->n_host)
		FINDING(j, HOST_TREE, false, "all %zu configured trees of the host are there",
			s->cfg->n_host);
}

static void volumes(struct sensor *s, struct json *j)
{
	struct rd at = rd_of(buf_span(&s->reg.refused_now));

	if (rd_end(&at))
		FINDING(j, VOLUME, false, "no volume holds containers' own files");
	for (int n = 0; n < TOLD_SINGLY && !rd_end(&at); n++) {
		struct span path = rd_bytes(&at);

		finding_put(j,
			&(struct finding){.check = CHECK_VOLUME, .bad = true, .subject = path},
			"%.*s is mounted into a container and not kept as a volume: it holds what is "
			"kept of containers themselves",
			(int)path.n, (const char *)path.p);
	}
}

/* Somebody may have opened it to others since it was read. */
static void host_key(struct sensor *s, struct json *j)
{
	BUF struct buf path = {0};
	struct stat st;

	buf_printf(&path, "%s/keys/host.key", s->cfg->state_dir);
	if (!s->host_key)
		FINDING(j, HOST_KEY, true, "there is none: %s", s->host_key_why);
	else if (stat(buf_text(&path), &st) < 0)
		FINDING(j, HOST_KEY, true, "%s: %s", buf_text(&path), strerror(errno));
	else
		FINDING(j, HOST_KEY, st.st_mode & 077, "%s is the sensor's own%s", buf_text(&path),
			st.st_mode & 077 ? " no more: others may read or write it" : "");
}

static void signers(struct sensor *s, struct json *j)
{
	BUF struct buf odd = {0};
	size_t n;

	if (!signing_look(s->cfg, &n, &odd))
		return;
	for (uint8_t *c = odd.p; odd.n && (c = memchr(c, '\n', odd.n - (size_t)(c - odd.p)));)
		*c = ';';
	if (odd.n)
		odd.p[--odd.n] = 0;
	FINDING(j, SIGNERS, odd.n, "%zu keys can be used%s%s", n, odd.n ? "; " : "",
		buf_text(&odd));
}

void checks_kept(struct sensor *s, struct json *j)
{
	host_key(s, j);
	signers(s, j);
	levels(s, j);
	host_trees(s, j);
	volumes(s, j);
}
