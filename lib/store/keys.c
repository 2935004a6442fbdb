/* One writer for every key: a layout that is wrong is wrong in one place. */
#include "store/keys.h"

static void add(struct key *k, const void *p, size_t n)
{
	must(n <= KEY_MAX - k->n);
	if (n)
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

static void add32(struct key *k, uint32_t v)
{
	uint8_t be[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	add(k, be, sizeof(be));
}

static void add64(struct key *k, uint64_t v)
{
	add32(k, (uint32_t)(v >> 32));
	add32(k, (uint32_t)v);
}

static void add_path(struct key *k, struct span path)
{
	uint8_t sha[SHA_LEN];

	if (!key_path_is_long(path)) {
		add(k, path.p, path.n);
		return;
	}
	sha_once(path, sha);
	add(k, path.p, KEY_PATH_PREFIX);
	add(k, sha, sizeof(sha));
}

struct key key_u32(uint32_t v)
{
	struct key k = {0};

	add32(&k, v);
	return k;
}

struct key key_u64(uint64_t v)
{
	struct key k = {0};

	add64(&k, v);
	return k;
}

struct key key_u32_u32(uint32_t a, uint32_t b)
{
	struct key k = key_u32(a);

	add32(&k, b);
	return k;
}

struct key key_u32_u64(uint32_t a, uint64_t b)
{
	struct key k = key_u32(a);

	add64(&k, b);
	return k;
}

struct key key_record(uint32_t snap, uint32_t dir, struct span name)
{
	struct key k = key_u32_u32(snap, dir);

	add(&k, name.p, name.n);
	return k;
}

struct key key_target_id(struct span id, uint32_t target)
{
	struct key k = {0};

	add(&k, id.p, id.n);
	add(&k, "", 1);
	add32(&k, target);
	return k;
}

struct key key_drift(uint32_t target, struct span path)
{
	struct key k = key_u32(target);

	add_path(&k, path);
	return k;
}

struct key key_accepted(uint32_t target, struct span path, uint32_t generation)
{
	struct key k = key_u32(target);

	add_path(&k, path);
	add(&k, "", 1);
	add32(&k, generation);
	return k;
}

struct key key_below(uint32_t target, struct span dir)
{
	struct key k = key_u32(target);

	add(&k, dir.p, dir.n < KEY_PATH_PREFIX ? dir.n : KEY_PATH_PREFIX);
	if (dir.n < KEY_PATH_PREFIX)
		add(&k, "/", 1);
	return k;
}

bool key_path_is_long(struct span path)
{
	return path.n > KEY_PATH_SHORT;
}

void key_path_keep(struct span path, struct buf *value)
{
	if (key_path_is_long(path))
		buf_bytes(value, path);
}

struct span key_path_of(struct span part, struct rd *value)
{
	return part.n == KEY_PATH_LONG ? rd_bytes(value) : part;
}
