#include "model/target.h"
#include "tests/unit/base/unit.h"

static int recode(struct span in, struct buf *out)
{
	struct target t;
	int r = target_decode(in, &t);

	buf_reset(out);
	if (r == 0)
		target_encode(&t, out);
	return r;
}

static int recode_state(struct span in, struct buf *out)
{
	struct target_state_rec s;
	int r = target_state_decode(in, &s);

	buf_reset(out);
	if (r == 0)
		target_state_encode(&s, out);
	return r;
}

static struct target sample(struct buf *lowers, struct buf *labels)
{
	buf_bytes(lowers, LIT("/l/1"));
	buf_bytes(lowers, LIT("/l/0"));
	buf_bytes(labels, LIT("app"));
	buf_bytes(labels, LIT("web"));
	buf_bytes(labels, LIT("empty"));
	buf_bytes(labels, LIT(""));
	return (struct target){
		.no = 7,
		.kind = TARGET_CONTAINER,
		.state = STATE_STOPPED,
		.level = LEVEL_L2,
		.id = LIT("id"),
		.name = LIT("name"),
		.runtime = LIT("docker"),
		.image = LIT("image"),
		.image_digest = LIT("digest"),
		.pod_name = LIT("pod"),
		.pod_namespace = LIT("ns"),
		.pod_uid = LIT("uid"),
		.read_only = true,
		.user_xattr = true,
		.fs_type = LIT("overlay"),
		.upper = LIT("/u"),
		.lowers = buf_span(lowers),
		.data_only = buf_span(lowers),
		.labels = buf_span(labels),
		.volumes = buf_span(labels),
		.index = LIT("/w/index"),
		.found = 1,
		.stopped = -2,
		.removed = 3,
		.pid = 4242,
		.mnt_ns = UINT64_C(4026531840),
	};
}

static void a_target_round_trips(void **state UNUSED)
{
	BUF struct buf lowers = {0}, labels = {0}, b = {0};
	struct target t = sample(&lowers, &labels), u;
	uint64_t seed = 60;

	target_encode(&t, &b);
	assert_int_equal(target_decode(buf_span(&b), &u), 0);
	assert_true(u.no == t.no && u.kind == t.kind && u.state == t.state && u.level == t.level);
	assert_true(u.read_only && !u.late && u.user_xattr && !u.fuse);
	assert_true(u.found == 1 && u.stopped == -2 && u.removed == 3);
	assert_true(u.pid == t.pid && u.mnt_ns == t.mnt_ns);
	assert_span(u.id, t.id);
	assert_span(u.name, t.name);
	assert_span(u.runtime, t.runtime);
	assert_span(u.image, t.image);
	assert_span(u.image_digest, t.image_digest);
	assert_span(u.pod_name, t.pod_name);
	assert_span(u.pod_namespace, t.pod_namespace);
	assert_span(u.pod_uid, t.pod_uid);
	assert_span(u.fs_type, t.fs_type);
	assert_span(u.upper, t.upper);
	assert_span(u.lowers, t.lowers);
	assert_span(u.data_only, t.data_only);
	assert_span(u.labels, t.labels);
	assert_span(u.volumes, t.volumes);
	assert_span(u.index, t.index);
	assert_true(target_is_overlay(&u));
	for (int i = 0; i < 300; i++)
		assert_sturdy(recode, buf_span(&b), &seed);
}

static void every_flag_is_its_own(void **state UNUSED)
{
	for (int i = 0; i < 16; i++) {
		BUF struct buf b = {0};
		struct target t = {
			.read_only = i & 1, .late = i & 2, .user_xattr = i & 4, .fuse = i & 8};
		struct target u;

		target_encode(&t, &b);
		assert_int_equal(target_decode(buf_span(&b), &u), 0);
		assert_int_equal(u.read_only | u.late << 1 | u.user_xattr << 2 | u.fuse << 3, i);
		assert_false(target_is_overlay(&u));
	}
}

static void lists_are_stepped_through(void **state UNUSED)
{
	BUF struct buf lowers = {0}, labels = {0};
	struct target t = sample(&lowers, &labels);
	struct rd at = rd_of(t.lowers);
	struct pair pair;
	struct span path;

	assert_true(target_next_path(&at, &path));
	assert_span(path, LIT("/l/1"));
	assert_true(target_next_path(&at, &path));
	assert_span(path, LIT("/l/0"));
	assert_false(target_next_path(&at, &path));
	assert_false(at.bad);
	at = rd_of(t.labels);
	assert_true(target_next_pair(&at, &pair));
	assert_span(pair.key, LIT("app"));
	assert_span(pair.value, LIT("web"));
	assert_true(target_next_pair(&at, &pair));
	assert_int_equal(pair.value.n, 0);
	assert_false(target_next_pair(&at, &pair));
	assert_false(at.bad);
	at = rd_of((struct span){0});
	assert_false(target_next_pair(&at, &pair));
}

static void broken_lists_are_refused(void **state UNUSED)
{
	static const struct target table[] = {
		{.lowers = ROW("\2x")},
		{.data_only = ROW("\2x")},
		{.labels = ROW("\1x")},
		{.volumes = ROW("\1x\2y")},
	};

	for (size_t i = 0; i < COUNTOF(table); i++) {
		BUF struct buf b = {0};
		struct target t;

		target_encode(&table[i], &b);
		assert_int_equal(target_decode(buf_span(&b), &t), -EBADMSG);
		assert_string_equal(err_why(), "target: malformed");
	}
}

static void any_state_round_trips(void **state UNUSED)
{
	BUF struct buf b = {0};
	uint64_t seed = 61;

	for (int i = 0; i < 2000; i++) {
		struct target_state_rec s = {
			.generation = (uint32_t)any_size(&seed),
			.n_added = (uint32_t)any_size(&seed),
			.n_changed = (uint32_t)any_size(&seed),
			.n_deleted = (uint32_t)any_size(&seed),
			.worst = (enum severity)any_below(&seed, SEV_N),
			.last_sweep = (int64_t)any(&seed),
			.baselined = any_below(&seed, 2),
		};
		struct target_state_rec t;

		s.drift_id[i % SHA_LEN] = 1;
		s.baseline_root[31 - i % SHA_LEN] = 2;
		buf_reset(&b);
		target_state_encode(&s, &b);
		assert_int_equal(target_state_decode(buf_span(&b), &t), 0);
		assert_true(s.generation == t.generation && s.n_added == t.n_added);
		assert_true(s.n_changed == t.n_changed && s.n_deleted == t.n_deleted);
		assert_true(s.worst == t.worst && s.last_sweep == t.last_sweep);
		assert_true(s.baselined == t.baselined);
		assert_memory_equal(s.drift_id, t.drift_id, SHA_LEN);
		assert_memory_equal(s.baseline_root, t.baseline_root, SHA_LEN);
		assert_sturdy(recode_state, buf_span(&b), &seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_round_trips),
		cmocka_unit_test(every_flag_is_its_own),
		cmocka_unit_test(lists_are_stepped_through),
		cmocka_unit_test(broken_lists_are_refused),
		cmocka_unit_test(any_state_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
