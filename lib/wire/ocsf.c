/* OCSF wants numbers for kinds, lists for hashes and milliseconds for times. */
#include "wire/ocsf.h"
#include "wire/tree.h"
#include "base/text.h"
#include "base/clock.h"

static void set_word(json_t *o, const char *place, const json_t *number)
{
	BUF struct buf word = {.p = NULL};

	if (!json_is_integer(number))
		return;
	buf_printf(&word, "%lld", (long long)json_integer_value(number));
	tree_text(o, place, buf_span(&word));
}

static void add_sha256(json_t *o, const json_t *digest)
{
	json_t *h;

	if (!json_is_string(digest))
		return;
	h = json_object();
	tree_int(h, "algorithm_id", 3);
	tree_text(h, "algorithm", span_of("SHA-256"));
	tree_copy(h, "value", digest);
	tree_set(o, "hashes[]", h);
}

static struct span base_name(struct span path)
{
	const uint8_t *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	size_t skip = slash ? (size_t)(slash - path.p) + 1 : 0;

	return skip < path.n ? span_make(path.p + skip, path.n - skip) : path;
}

static void add_cmdline(json_t *o, const json_t *cmdline)
{
	BUF struct buf line = {.p = NULL};

	for (size_t i = 0; i < json_array_size(cmdline); i++) {
		const json_t *v = json_array_get(cmdline, i);

		if (i > 0)
			buf_u8(&line, ' ');
		if (json_is_string(v))
			buf_add_span(&line, json_span(v));
	}
	if (json_is_string(cmdline))
		buf_add_span(&line, json_span(cmdline));
	if (line.n > 0)
		tree_text(o, "cmd_line", buf_span(&line));
}

/* pid, name, and what a parent has of them too. */
static json_t *bare_process(const json_t *actor)
{
	const json_t *comm = facts_at(actor, "comm"), *exe = facts_at(actor, "exe");
	const json_t *pid = facts_at(actor, "pid"), *start = facts_at(actor, "start");
	BUF struct buf uid = {.p = NULL};
	json_t *p;

	if (!json_is_integer(pid))
		return NULL;
	p = json_object();
	tree_copy(p, "pid", pid);
	if (json_is_integer(start)) {
		buf_printf(&uid, "%lld:%lld", (long long)json_integer_value(pid),
			(long long)json_integer_value(start));
		tree_text(p, "uid", buf_span(&uid));
	}
	if (json_is_string(comm))
		tree_copy(p, "name", comm);
	else if (json_is_string(exe))
		tree_text(p, "name", base_name(json_span(exe)));
	return p;
}

json_t *ocsf_process(const json_t *actor)
{
	const json_t *exe = facts_at(actor, "exe");
	json_t *p = bare_process(actor), *file;

	if (!p)
		return NULL;
	add_cmdline(p, facts_at(actor, "cmdline"));
	tree_copy(p, "working_directory", facts_at(actor, "cwd"));
	set_word(p, "user.uid", facts_at(actor, "uid"));
	set_word(p, "session.uid", facts_at(actor, "login_session"));
	if (json_is_string(facts_at(actor, "tty")))
		tree_copy(p, "session.terminal", facts_at(actor, "tty"));
	tree_set(p, "parent_process", bare_process(json_array_get(facts_at(actor, "ancestry"), 0)));
	if (json_is_string(exe)) {
		file = json_object();
		tree_text(file, "name", base_name(json_span(exe)));
		tree_copy(file, "path", exe);
		tree_int(file, "type_id", 1);
		add_sha256(file, facts_at(actor, "sha256"));
		tree_set(p, "file", file);
	}
	return p;
}

static const uint8_t type_ids[FILE_N] = {[FILE_REG] = 1,
	[FILE_DIR] = 2,
	[FILE_CHR] = 3,
	[FILE_BLK] = 4,
	[FILE_SOCK] = 5,
	[FILE_FIFO] = 6,
	[FILE_LINK] = 7};

int ocsf_file_type(const json_t *record)
{
	const json_t *type = facts_at(record, "type");
	int i = json_is_string(type) ? kind_find(file_kinds, FILE_N, json_span(type)) : -1;

	return i < 0 ? 0 : type_ids[i];
}

static void add_record(json_t *file, const json_t *record)
{
	const json_t *mtime = facts_at(record, "mtime"), *xattrs = facts_at(record, "xattrs");
	json_t *group = json_object();
	int64_t wall;

	add_sha256(file, facts_at(record, "sha256"));
	tree_copy(file, "size", facts_at(record, "size"));
	if (json_is_string(mtime) && json_string_length(mtime) >= 20 &&
		clock_parse(json_span(mtime), 0, &wall) == 0)
		tree_int(file, "modified_time", wall / CLOCK_MS);
	set_word(file, "owner.uid", facts_at(record, "uid"));
	set_word(group, "uid", facts_at(record, "gid"));
	if (json_object_size(group) > 0 && facts_at(file, "owner.uid"))
		tree_set(file, "owner.groups[]", json_incref(group));
	json_decref(group);
	if (json_is_string(facts_at(record, "mode")))
		tree_copy(file, "security_descriptor", facts_at(record, "mode"));
	if (json_object_size(xattrs) > 0)
		tree_copy(file, "xattributes", xattrs);
}

json_t *ocsf_file(const struct facts *f, const char *place, const json_t *record)
{
	BUF struct buf scratch = {.p = NULL};
	json_t *file = json_object();
	struct value v;

	if (facts_value(f, place, HOW_NAME, &scratch, &v))
		tree_text(file, "name", v.text);
	tree_copy(file, "path", facts_at(f->root, place));
	if (facts_value(f, place, HOW_DIR, &scratch, &v))
		tree_text(file, "parent_folder", v.text);
	if (facts_value(f, place, HOW_EXT, &scratch, &v))
		tree_text(file, "ext", v.text);
	tree_int(file, "type_id", ocsf_file_type(record));
	add_record(file, record);
	return file;
}

/* "sha256:hex" as a fingerprint; what is of no known algorithm is left out. */
static void add_digest(json_t *container, struct span digest)
{
	static const char prefix[] = "sha256:";
	size_t skip = sizeof(prefix) - 1;

	if (!span_starts(digest, span_of(prefix)))
		return;
	tree_int(container, "hash.algorithm_id", 3);
	tree_text(container, "hash.algorithm", span_of("SHA-256"));
	tree_text(container, "hash.value", span_make(digest.p + skip, digest.n - skip));
}

static void add_labels(const struct facts *f, json_t *container)
{
	json_t *labels = (json_t *)facts_at(f->root, "container.labels"), *v;
	json_t *list = json_array();
	const char *key;

	json_object_foreach(labels, key, v) {
		BUF struct buf pair = {.p = NULL};

		buf_printf(&pair, "%s=", key);
		buf_add_span(&pair, json_is_string(v) ? json_span(v) : span_of(""));
		json_array_append_new(list, json_stringn(buf_text(&pair), pair.n));
	}
	if (json_array_size(list) > 0)
		tree_copy(container, "labels", list);
	json_decref(list);
}

json_t *ocsf_container(const struct facts *f)
{
	struct span image = facts_text(f, "container.image");
	struct span digest = facts_text(f, "container.image_digest");
	BUF struct buf scratch = {.p = NULL};
	struct value v;
	json_t *c;

	if (!json_is_string(facts_at(f->root, "container.id")))
		return NULL;
	c = json_object();
	tree_copy(c, "uid", facts_at(f->root, "container.id"));
	tree_copy(c, "name", facts_at(f->root, "container.name"));
	tree_copy(c, "runtime", facts_at(f->root, "container.runtime"));
	if (image.n > 0) {
		tree_text(c, "image.uid", digest.n > 0 ? digest : image);
		if (facts_value(f, "container.image", HOW_REPO, &scratch, &v))
			tree_text(c, "image.name", v.text);
		if (facts_value(f, "container.image", HOW_TAG, &scratch, &v))
			tree_text(c, "image.tag", v.text);
	}
	add_digest(c, digest);
	add_labels(f, c);
	if (facts_at(f->root, "container.pod")) {
		tree_text(c, "orchestrator", span_of("kubernetes"));
		tree_copy(c, "pod_uuid", facts_at(f->root, "container.pod.uid"));
	}
	return c;
}
