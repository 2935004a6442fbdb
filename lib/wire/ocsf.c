/* OCSF wants numbers for kinds, lists for hashes and milliseconds for times. */
#include "wire/ocsf.h"
#include "wire/tree.h"
#include "base/text.h"
#include "base/clock.h"

static void set_word(struct jnode *o, const char *place, const struct jnode *number)
{
	BUF struct buf word = {.p = NULL};

	if (!jnode_is_int(number))
		return;
	buf_int(&word, number->number);
	tree_text(o, place, buf_span(&word));
}

static void add_sha256(struct jnode *o, const struct jnode *digest)
{
	struct jnode *h;

	if (!jnode_is_text(digest))
		return;
	h = jnode_object(o->mem);
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

static void add_cmdline(struct jnode *o, const struct jnode *cmdline)
{
	BUF struct buf line = {.p = NULL};

	for (const struct jnode *v = jnode_is_list(cmdline) ? jnode_first(cmdline) : NULL; v;
		v = v->next) {
		if (v != jnode_first(cmdline))
			buf_u8(&line, ' ');
		if (jnode_is_text(v))
			buf_add_span(&line, jnode_text(v));
	}
	if (jnode_is_text(cmdline))
		buf_add_span(&line, jnode_text(cmdline));
	if (line.n > 0)
		tree_text(o, "cmd_line", buf_span(&line));
}

/* pid, name, and what a parent has of them too. */
static struct jnode *bare_process(struct arena *mem, const struct jnode *actor)
{
	const struct jnode *comm = jnode_at(actor, "comm"), *exe = jnode_at(actor, "exe");
	const struct jnode *pid = jnode_at(actor, "pid"), *start = jnode_at(actor, "start");
	BUF struct buf uid = {.p = NULL};
	struct jnode *p;

	if (!jnode_is_int(pid))
		return NULL;
	p = jnode_object(mem);
	tree_copy(p, "pid", pid);
	if (jnode_is_int(start)) {
		buf_printf(&uid, "%lld:%lld", (long long)jnode_number(pid),
			(long long)jnode_number(start));
		tree_text(p, "uid", buf_span(&uid));
	}
	if (jnode_is_text(comm))
		tree_copy(p, "name", comm);
	else if (jnode_is_text(exe))
		tree_text(p, "name", base_name(jnode_text(exe)));
	return p;
}

struct jnode *ocsf_process(const struct facts *f, const struct jnode *actor)
{
	const struct jnode *exe = jnode_at(actor, "exe");
	struct arena *mem = f->root->mem;
	struct jnode *p = bare_process(mem, actor), *file;

	if (!p)
		return NULL;
	add_cmdline(p, jnode_at(actor, "cmdline"));
	tree_copy(p, "working_directory", jnode_at(actor, "cwd"));
	set_word(p, "user.uid", jnode_at(actor, "uid"));
	set_word(p, "session.uid", jnode_at(actor, "login_session"));
	if (jnode_is_text(jnode_at(actor, "tty")))
		tree_copy(p, "session.terminal", jnode_at(actor, "tty"));
	tree_set(p, "parent_process", bare_process(mem, jnode_first(jnode_at(actor, "ancestry"))));
	if (jnode_is_text(exe)) {
		file = jnode_object(mem);
		tree_text(file, "name", base_name(jnode_text(exe)));
		tree_copy(file, "path", exe);
		tree_int(file, "type_id", 1);
		add_sha256(file, jnode_at(actor, "sha256"));
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

int ocsf_file_type(const struct jnode *record)
{
	const struct jnode *type = jnode_at(record, "type");
	int i = jnode_is_text(type) ? kind_find(file_kinds, FILE_N, jnode_text(type)) : -1;

	return i < 0 ? 0 : type_ids[i];
}

static void add_record(struct jnode *file, const struct jnode *record)
{
	const struct jnode *mtime = jnode_at(record, "mtime"), *xattrs = jnode_at(record, "xattrs");
	struct jnode *group = jnode_object(file->mem);
	int64_t wall;

	add_sha256(file, jnode_at(record, "sha256"));
	tree_copy(file, "size", jnode_at(record, "size"));
	if (jnode_is_text(mtime) && mtime->text.n >= 20 &&
		clock_parse(jnode_text(mtime), 0, &wall) == 0)
		tree_int(file, "modified_time", wall / CLOCK_MS);
	set_word(file, "owner.uid", jnode_at(record, "uid"));
	set_word(group, "uid", jnode_at(record, "gid"));
	if (jnode_size(group) > 0 && jnode_at(file, "owner.uid"))
		tree_set(file, "owner.groups[]", group);
	if (jnode_is_text(jnode_at(record, "mode")))
		tree_copy(file, "security_descriptor", jnode_at(record, "mode"));
	if (jnode_size(xattrs) > 0)
		tree_copy(file, "xattributes", xattrs);
}

struct jnode *ocsf_file(const struct facts *f, const char *place, const struct jnode *record)
{
	BUF struct buf scratch = {.p = NULL};
	struct jnode *file = jnode_object(f->root->mem);
	struct value v;

	if (facts_value(f, place, HOW_NAME, &scratch, &v))
		tree_text(file, "name", v.text);
	tree_copy(file, "path", jnode_at(f->root, place));
	if (facts_value(f, place, HOW_DIR, &scratch, &v))
		tree_text(file, "parent_folder", v.text);
	if (facts_value(f, place, HOW_EXT, &scratch, &v))
		tree_text(file, "ext", v.text);
	tree_int(file, "type_id", ocsf_file_type(record));
	add_record(file, record);
	return file;
}

/* "sha256:hex" as a fingerprint; what is of no known algorithm is left out. */
static void add_digest(struct jnode *container, struct span digest)
{
	static const char prefix[] = "sha256:";
	size_t skip = sizeof(prefix) - 1;

	if (!span_starts(digest, span_of(prefix)))
		return;
	tree_int(container, "hash.algorithm_id", 3);
	tree_text(container, "hash.algorithm", span_of("SHA-256"));
	tree_text(container, "hash.value", span_make(digest.p + skip, digest.n - skip));
}

static void add_labels(const struct facts *f, struct jnode *container)
{
	const struct jnode *labels = jnode_at(f->root, "container.labels");
	struct jnode *list = jnode_list(container->mem);

	for (const struct jnode *v = jnode_is_object(labels) ? jnode_first(labels) : NULL; v;
		v = v->next) {
		BUF struct buf pair = {.p = NULL};

		buf_add_span(&pair, v->key);
		buf_u8(&pair, '=');
		buf_add_span(&pair, jnode_text(v));
		jnode_append(list, jnode_string(container->mem, buf_span(&pair)));
	}
	if (jnode_size(list) > 0)
		tree_set(container, "labels", list);
}

struct jnode *ocsf_container(const struct facts *f)
{
	struct span image = facts_text(f, "container.image");
	struct span digest = facts_text(f, "container.image_digest");
	BUF struct buf scratch = {.p = NULL};
	struct value v;
	struct jnode *c;

	if (!jnode_is_text(jnode_at(f->root, "container.id")))
		return NULL;
	c = jnode_object(f->root->mem);
	tree_copy(c, "uid", jnode_at(f->root, "container.id"));
	tree_copy(c, "name", jnode_at(f->root, "container.name"));
	tree_copy(c, "runtime", jnode_at(f->root, "container.runtime"));
	if (image.n > 0) {
		tree_text(c, "image.uid", digest.n > 0 ? digest : image);
		if (facts_value(f, "container.image", HOW_REPO, &scratch, &v))
			tree_text(c, "image.name", v.text);
		if (facts_value(f, "container.image", HOW_TAG, &scratch, &v))
			tree_text(c, "image.tag", v.text);
	}
	add_digest(c, digest);
	add_labels(f, c);
	if (jnode_at(f->root, "container.pod")) {
		tree_text(c, "orchestrator", span_of("kubernetes"));
		tree_copy(c, "pod_uuid", jnode_at(f->root, "container.pod.uid"));
	}
	return c;
}
