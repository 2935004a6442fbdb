/*
 * docker diff prints the parents of what changed as changed themselves. They are added blindly and
 * sorted: "/a-b" stands between "/a" and "/a/b", so no walk could put them in place on the way.
 */
#include "wire/docker.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/show.h"
#include <stdio.h>
#include <sys/utsname.h>

struct docker_change {
	struct span path;
	char kind;
	bool parent; /* added for a child only */
};

void docker_changes_free(struct docker_changes *l)
{
	arena_free(&l->mem);
	free(l->item);
	*l = (struct docker_changes){.item = NULL};
}

static void push(struct docker_changes *l, struct docker_change c)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct docker_change *more = realloc(l->item, cap * sizeof(*more));

		must(more);
		l->item = more;
		l->cap = cap;
	}
	l->item[l->n++] = c;
}

/* Siblings come after each other, so looking at the last path saves most of the doubles. */
static bool has_prefix(const struct docker_changes *l, struct span dir)
{
	return l->n > 0 && path_within(l->item[l->n - 1].path, dir);
}

void docker_changes_add(struct docker_changes *l, struct span path, char kind)
{
	struct span own = arena_dup(&l->mem, path);
	size_t first = l->n;

	for (size_t i = 1; i < own.n; i++) {
		struct span dir = span_make(own.p, i);

		if (own.p[i] == '/' && (l->n > first || !has_prefix(l, dir)))
			push(l, (struct docker_change){dir, 'C', true});
	}
	push(l, (struct docker_change){own, kind, false});
}

static int order(const void *a, const void *b)
{
	const struct docker_change *x = a, *y = b;
	int c = span_cmp(x->path, y->path);

	return c ? c : x->parent - y->parent;
}

static int kind_number(char kind)
{
	return kind == 'A' ? 1 : kind == 'D' ? 2 : 0;
}

static void m_path_b64(struct json *j, struct span path)
{
	BUF struct buf text = {.p = NULL};

	if (text_is_utf8(path)) /* docker has no such member, and its client no eye for it */
		return;
	text_b64(&text, path);
	json_m_str(j, "PathB64", buf_span(&text));
}

void docker_changes_show(struct json *j, struct docker_changes *l)
{
	if (l->n == 0) {
		json_nil(j);
		return;
	}
	qsort(l->item, l->n, sizeof(*l->item), order);
	json_open(j, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0 && span_eq(l->item[i].path, l->item[i - 1].path))
			continue;
		json_open(j, '{');
		json_m_int(j, "Kind", kind_number(l->item[i].kind));
		json_m_str(j, "Path", l->item[i].path);
		m_path_b64(j, l->item[i].path);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void show_status(struct json *j, const struct target *t, int64_t now)
{
	BUF struct buf text = {.p = NULL};
	bool up = t->state == STATE_RUNNING;
	int64_t since = up ? t->found : t->stopped;

	buf_add_text(&text, up ? "Up " : "Exited ");
	clock_format_duration(&text, now > since ? now - since : 0);
	if (!up)
		buf_add_text(&text, " ago");
	json_m_str(j, "Status", buf_span(&text));
}

static void show_names(struct json *j, struct span name)
{
	BUF struct buf text = {.p = NULL};

	buf_u8(&text, '/');
	buf_add_span(&text, name);
	json_key(j, "Names");
	json_open(j, '[');
	json_str(j, buf_span(&text));
	json_close(j, ']');
}

static void m_raw(struct json *j, const char *key, const char *ready)
{
	json_key(j, key);
	json_raw(j, span_of(ready));
}

void docker_container(struct json *j, const struct target *t, int64_t now)
{
	static const char *const states[] = {
		[STATE_RUNNING] = "running", [STATE_STOPPED] = "exited", [STATE_REMOVED] = "dead"};

	json_open(j, '{');
	json_m_text(j, "Command", "");
	json_m_int(j, "Created", t->found / CLOCK_S);
	m_raw(j, "HostConfig", "{\"NetworkMode\":\"default\"}");
	json_m_str(j, "Id", t->id);
	json_m_str(j, "Image", t->image);
	json_m_str(j, "ImageID", t->image_digest);
	json_key(j, "Labels");
	show_labels(j, t->labels);
	m_raw(j, "Mounts", "[]");
	show_names(j, t->name);
	m_raw(j, "NetworkSettings", "{\"Networks\":{}}");
	m_raw(j, "Ports", "[]");
	json_m_text(j, "State", (unsigned)t->state < STATE_N ? states[t->state] : "dead");
	show_status(j, t, now);
	json_close(j, '}');
}

/* As Go names what uname names otherwise. */
static const char *arch_of(const char *machine)
{
	static const struct {
		const char *machine, *arch;
	} rows[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"armv7l", "arm"},
		{"armv6l", "arm"}};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (strcmp(machine, rows[i].machine) == 0)
			return rows[i].arch;
	}
	return machine;
}

void docker_version(struct json *j, const char *version)
{
	struct utsname u;

	if (uname(&u) < 0)
		memset(&u, 0, sizeof(u));
	json_open(j, '{');
	json_m_text(j, "ApiVersion", DOCKER_API);
	json_key(j, "Components");
	json_open(j, '[');
	json_open(j, '{');
	m_raw(j, "Details", "{}");
	json_m_text(j, "Name", "boltseal");
	json_m_text(j, "Version", version);
	json_close(j, '}');
	json_close(j, ']');
	json_m_text(j, "Arch", arch_of(u.machine));
	json_m_text(j, "KernelVersion", u.release);
	json_m_text(j, "MinAPIVersion", DOCKER_API_MIN);
	json_m_text(j, "Os", "linux");
	json_m_text(j, "Version", version);
	json_close(j, '}');
}

void docker_message(struct json *j, const char *sentence)
{
	json_open(j, '{');
	json_m_text(j, "message", sentence);
	json_close(j, '}');
}
