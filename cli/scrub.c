#include "cli/scrub.h"
#include "base/text.h"

/* Paths below targets, what somebody typed or wrote, what a file says. */
static const char *const dropped[] = {"path", "path_b64", "host_path", "host_path_b64", "cmdline",
	"detail", "reason", "quote", "error", "env", "paths", "configuration", "old", "new", "exe",
	"exe_b64", "held_paths"};
/* Of these the names stay. */
static const char *const valueless[] = {"labels"};

static bool is_in(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

static void empty_values(json_t *labels)
{
	const char *key;
	json_t *v;

	json_object_foreach(labels, key, v)
		json_object_set_new(labels, key, json_string(TEXT_LEFT_OUT));
}

static void bare_address(json_t *o)
{
	BUF struct buf bare = {0};
	const char *address = json_string_value(json_object_get(o, "address"));

	if (!address)
		return;
	text_bare_url(&bare, span_of(address));
	json_object_set_new(o, "address", json_stringn(buf_text(&bare), bare.n));
}

static void scrub_object(json_t *o)
{
	const char *key;
	void *next;
	json_t *v;

	bare_address(o);
	json_object_foreach_safe(o, next, key, v)
	{
		if (is_in(dropped, COUNTOF(dropped), key))
			json_object_del(o, key);
		else if (is_in(valueless, COUNTOF(valueless), key))
			empty_values(v);
		else
			scrub(v);
	}
}

void scrub(json_t *v)
{
	size_t i;
	json_t *one;

	if (json_is_object(v))
		scrub_object(v);
	json_array_foreach(v, i, one)
		scrub(one);
}

const char *const scrub_types[] = {"daemon.started", "daemon.stopped", "gap.opened", "gap.closed",
	"rules.loaded", "rules.failed", "flood", "heartbeat", "checkpoint", NULL};

json_t *scrub_event(const json_t *e)
{
	static const char *const kept[] = {
		"seq", "time", "type", "severity", "host", "gap", "flood", "heartbeat"};
	const char *type = json_string_value(json_object_get(e, "type"));
	const json_t *target = json_object_get(e, "target");
	bool given = false;
	json_t *out;

	for (const char *const *t = scrub_types; type && *t; t++)
		given |= strcmp(*t, type) == 0;
	if (!given)
		return NULL;
	out = json_object();
	for (size_t i = 0; i < COUNTOF(kept); i++)
		if (json_object_get(e, kept[i]))
			json_object_set_new(
				out, kept[i], json_deep_copy(json_object_get(e, kept[i])));
	if (json_object_get(target, "id"))
		json_object_set_new(out, "target", json_incref(json_object_get(target, "id")));
	scrub(out);
	return out;
}
