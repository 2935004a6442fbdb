/* Origins as overlayfs writes them, made here with name_to_handle_at. */
#include "tests/unit/fs/room.h"
#include "fs/view.h"

/* The xattr that a copy-up of `name` would carry. */
static void origin_of(const struct room *r, const char *name, struct buf *out)
{
	union {
		struct file_handle h;
		uint8_t bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h = {.handle_bytes = MAX_HANDLE_SZ}};
	static const uint8_t uuid[16];
	int mnt;

	if (name_to_handle_at(r->fd, name, &u.h, &mnt, 0)) {
		print_message("SKIP: no file handles here: errno %d\n", errno);
		skip();
	}
	buf_reset(out);
	buf_u8(out, 0);
	buf_u8(out, 0xfb);
	buf_u8(out, (uint8_t)(21 + u.h.handle_bytes));
	buf_u8(out, BYTE_ORDER == BIG_ENDIAN);
	buf_u8(out, (uint8_t)u.h.handle_type);
	buf_add(out, uuid, sizeof(uuid));
	buf_add(out, u.bytes + sizeof(struct file_handle), u.h.handle_bytes);
}

static void names_what_it_came_from(void **state UNUSED)
{
	ROOM struct room r = room_open();
	struct layer l = {.ops = &layer_disk_ops, .root_fd = r.fd};
	BUF struct buf origin = {0}, path = {0};
	struct stat st;
	uint64_t ino = 0;

	need_root();
	room_dir(&r, "d");
	room_dir(&r, "d/e");
	room_text(&r, "d/e/f", "x");
	origin_of(&r, "d/e", &origin);
	assert_int_equal(view_origin_path(&l, buf_span(&origin), &path), 0);
	assert_string_equal(buf_text(&path), "/d/e");
	origin_of(&r, "d/e/f", &origin);
	buf_reset(&path);
	if (view_origin_path(&l, buf_span(&origin), &path) == 0)
		assert_string_equal(buf_text(&path), "/d/e/f");
	assert_int_equal(fstatat(r.fd, "d/e/f", &st, 0), 0);
	if (view_origin_ino(buf_span(&origin), &ino) == 0)
		assert_int_equal(ino, st.st_ino);
}

static void only_below_the_layer(void **state UNUSED)
{
	ROOM struct room r = room_open();
	FD int sub = -1;
	struct layer l = {.ops = &layer_disk_ops};
	BUF struct buf origin = {0}, path = {0};

	need_root();
	room_dir(&r, "layer");
	room_dir(&r, "layer2");
	l.root_fd = sub = openat(r.fd, "layer", O_PATH | O_DIRECTORY);
	origin_of(&r, "layer2", &origin);
	assert_int_equal(view_origin_path(&l, buf_span(&origin), &path), LOOK_ABSENT);
	origin_of(&r, "layer", &origin);
	assert_int_equal(view_origin_path(&l, buf_span(&origin), &path), LOOK_ABSENT);
	unlinkat(r.fd, "layer2", AT_REMOVEDIR);
	assert_int_equal(view_origin_path(&l, buf_span(&origin), &path), LOOK_ABSENT);
	assert_int_equal(path.n, 0);
}

static void what_is_no_origin(void **state UNUSED)
{
	ROOM struct room r = room_open();
	struct layer l = {.ops = &layer_disk_ops, .root_fd = r.fd};
	BUF struct buf path = {0};
	uint8_t bytes[64] = {0, 0xfb, 29, 0, 1};
	uint64_t ino = 0;
	size_t n;

	for (n = 0; n < 29; n++) {
		assert_int_equal(view_origin_ino(span_make(bytes, n), &ino), LOOK_ABSENT);
		assert_int_equal(view_origin_path(&l, span_make(bytes, n), &path), LOOK_ABSENT);
	}
	memcpy(bytes + 21, &(uint32_t){77}, 4);
	assert_int_equal(view_origin_ino(span_make(bytes, 29), &ino), 0);
	assert_int_equal(ino, 77);
	bytes[3] ^= 1; /* of a machine of the other byte order */
	assert_int_equal(view_origin_ino(span_make(bytes, 29), &ino), LOOK_ABSENT);
	bytes[3] ^= 1;
	bytes[4] = 200;
	assert_int_equal(view_origin_ino(span_make(bytes, 29), &ino), LOOK_ABSENT);
	bytes[2] = 255;
	assert_int_equal(view_origin_path(&l, span_make(bytes, 64), &path), LOOK_ABSENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_it_came_from),
		cmocka_unit_test(only_below_the_layer),
		cmocka_unit_test(what_is_no_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
