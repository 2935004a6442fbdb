/* Runtimes' files, recorded under tests/gold/box, told by their adapters. Run from the project's
 * root. Links: box/ctx, box/known, box/oci, box/files, box/adapter_*, model/target, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "box/ctx.h"

#define GOLD "tests/gold/box"
#define APP "8f2d1c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff0"
#define PAUSE "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"
#define CRIO "c0ffee00112233445566778899aabbccddeeff00112233445566778899aabbcc"
#define X8(s) s s s s s s s s
#define X32(s) X8(s) X8(s) X8(s) X8(s)
#define POD_UID "7c2c0a3e-5f3b-4d0e-9b1f-0d6a2f4e8c11"

struct ground {
	struct adapter_ctx ctx;
	struct files *files;
	struct buf notes;
	struct box_list list;
	char root[PATH_MAX];
};

static void is(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.n, (const char *)got.p, want);
}

static int begin(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g || files_new(&g->files) < 0 || !realpath(GOLD, g->root))
		return -1;
	g->ctx.files = g->files;
	g->ctx.notes = &g->notes;
	g->ctx.lxc_path = g->ctx.machines_path = "/nonexistent";
	*state = g;
	return 0;
}

static int end(void **state)
{
	struct ground *g = *state;

	ctx_fini(&g->ctx);
	files_free(g->files);
	buf_free(&g->notes);
	box_list_free(&g->list);
	free(g);
	return 0;
}

static struct span at(struct ground *g, const char *below)
{
	return ctx_path(&g->ctx, "%s/%s", g->root, below);
}

static int tell(struct ground *g, struct box *b)
{
	for (size_t i = 0; i < n_adapters; i++) {
		int r = adapters[i]->describe(&g->ctx, &g->list, b);

		if (r != ADAPTER_NOT_MINE)
			return r;
	}
	return ADAPTER_NOT_MINE;
}

static void enumerate(struct ground *g)
{
	for (size_t i = 0; i < n_adapters; i++)
		if (adapters[i]->enumerate)
			adapters[i]->enumerate(&g->ctx, &g->list);
}

static struct span value_of(struct span pairs, const char *key)
{
	struct rd r = rd_of(pairs);
	struct pair p;

	while (target_next_pair(&r, &p))
		if (span_is(p.key, key))
			return p.value;
	return (struct span){0};
}

static void containerd_tells_the_pod(void **state)
{
	struct ground *g = *state;
	struct box_mount mounts[] = {
		{.point = span_of("/etc/hosts")},
		{.point = span_of("/var/run/secrets/kubernetes.io/serviceaccount")},
		{.point = span_of("/opt/hidden")},
		{.point = span_of("/proc/kcore")},
	};
	struct box b = {.mount = mounts, .n_mount = COUNTOF(mounts), .t.upper = span_of("/u")};

	paths_add(&g->ctx.run, &g->ctx.mem, at(g, "containerd/run"));
	ctx_load(&g->ctx);
	b.merged = at(
		g, "containerd/run/containerd/io.containerd.runtime.v2.task/k8s.io/" APP "/rootfs");
	assert_int_equal(tell(g, &b), ADAPTER_MINE);
	is(b.t.runtime, "containerd");
	is(b.t.id, APP);
	is(b.t.name, "web");
	is(b.t.image, "registry.example.org/shop/web:1.4.2");
	is(b.t.pod_name, "web-6d4cf56db6-x2x7k");
	is(b.t.pod_namespace, "shop");
	is(b.t.pod_uid, POD_UID);
	assert_true(b.t.read_only);
	assert_true(mounts[0].own && mounts[1].own && mounts[3].own);
	assert_false(mounts[2].own);
}

static void containerd_hides_the_pause_container(void **state)
{
	struct ground *g = *state;
	struct box b = {.t.upper = span_of("/u")};

	paths_add(&g->ctx.run, &g->ctx.mem, at(g, "containerd/run"));
	ctx_load(&g->ctx);
	b.merged = at(g,
		"containerd/run/containerd/io.containerd.runtime.v2.task/k8s.io/" PAUSE "/rootfs");
	assert_int_equal(tell(g, &b), ADAPTER_SKIP);
}

static void a_half_written_bundle_still_gives_its_id(void **state)
{
	struct ground *g = *state;
	struct box b = {.t.upper = span_of("/u")};

	paths_add(&g->ctx.run, &g->ctx.mem, at(g, "containerd/run"));
	ctx_load(&g->ctx);
	b.merged = at(
		g, "containerd/run/containerd/io.containerd.runtime.v2.task/k8s.io/broken/rootfs");
	assert_int_equal(tell(g, &b), ADAPTER_MINE);
	is(b.t.id, "broken");
	is(b.t.name, "broken");
	assert_non_null(strstr(buf_text(&g->notes), "broken/config.json: not JSON"));
}

static void crio_tells_the_pod(void **state)
{
	struct ground *g = *state;
	struct box b = {0};

	paths_add(&g->ctx.storage, &g->ctx.mem, at(g, "cri-o/storage"));
	paths_add(&g->ctx.run, &g->ctx.mem, at(g, "cri-o/run"));
	ctx_load(&g->ctx);
	b.t.upper = at(g, "cri-o/storage/overlay/" X32("a1") "/diff");
	assert_int_equal(tell(g, &b), ADAPTER_MINE);
	is(b.t.runtime, "cri-o");
	is(b.t.id, CRIO);
	is(b.t.name, "web");
	is(b.t.image, "registry.example.org/shop/web:1.4.2");
	is(b.t.image_digest, "sha256:" X32("e5"));
	is(b.t.pod_name, "web-6d4cf56db6-x2x7k");
	is(b.t.pod_namespace, "shop");
	is(b.t.pod_uid, POD_UID);
	is(value_of(b.t.labels, "app"), "web");
	b = (struct box){.t.upper = at(g, "cri-o/storage/overlay/" X32("b2") "/diff")};
	assert_int_equal(tell(g, &b), ADAPTER_SKIP);
	enumerate(g);
	assert_int_equal(g->list.n, 0); /* the third row leads out of the store */
}

static void storage_at_rest_gives_the_layers(void **state)
{
	struct ground *g = *state;
	struct rd r;
	struct span lower;

	paths_add(&g->ctx.storage, &g->ctx.mem, at(g, "cri-o/storage"));
	ctx_load(&g->ctx);
	enumerate(g);
	assert_int_equal(g->list.n, 1);
	assert_true(g->list.v[0].from_files_only);
	assert_int_equal(g->list.v[0].t.state, STATE_STOPPED);
	r = rd_of(g->list.v[0].t.lowers);
	assert_true(target_next_path(&r, &lower));
	assert_true(span_eq(lower, at(g, "cri-o/storage/overlay/" X32("d4") "/diff")));
	assert_false(target_next_path(&r, &lower));
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* How a store's containers are mounted is written anew at each start of the engine: while the file is
 * empty nothing is shown by its files alone, for its markers could be read the wrong way. */
static void storage_with_a_torn_file(void **state)
{
	struct ground *g = *state;
	char dir[] = "/tmp/boltseal-adapters.XXXXXX", path[PATH_MAX], cmd[2 * PATH_MAX];
	static const struct {
		const char *text;
		size_t n;
		bool fuse;
	} row[] = {{"", 0, false}, {"true", 1, true}, {"false", 1, false}};

	assert_non_null(mkdtemp(dir));
	snprintf(cmd, sizeof(cmd), "cp -a '%s/cri-o/storage' '%s'", g->root, dir);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof(path), "%s/storage/overlay/.has-mount-program", dir);
	for (size_t i = 0; i < COUNTOF(row); i++) {
		void *again = NULL;
		struct ground *one;

		put(path, row[i].text);
		assert_int_equal(begin(&again), 0);
		one = again;
		snprintf(cmd, sizeof(cmd), "%s/storage", dir);
		paths_add(&one->ctx.storage, &one->ctx.mem, span_of(cmd));
		ctx_load(&one->ctx);
		enumerate(one);
		assert_int_equal(one->list.n, row[i].n);
		assert_true(!one->list.n || one->list.v[0].t.fuse == row[i].fuse);
		end(&again);
	}
	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	assert_int_equal(system(cmd), 0);
}

static void docker_by_its_layout(void **state)
{
	struct ground *g = *state;
	struct box_mount mounts[] = {{.point = span_of("/data")}, {.point = span_of("/scratch")},
		{.point = span_of("/etc/hostname")}, {.point = span_of("/etc/passwd")}};
	struct box b = {.mount = mounts, .n_mount = COUNTOF(mounts)};

	paths_add(&g->ctx.docker, &g->ctx.mem, at(g, "docker"));
	ctx_load(&g->ctx);
	b.t.upper = at(g, "docker/overlay2/" X32("ab") "/diff");
	assert_int_equal(tell(g, &b), ADAPTER_MINE);
	is(b.t.runtime, "docker");
	is(b.t.id, X32("d0"));
	is(b.t.name, "web");
	is(b.t.image, "bb:2");
	is(b.t.image_digest, "sha256:" X32("77"));
	is(value_of(b.t.labels, "shop"), "tea");
	assert_true(b.t.read_only);
	assert_true(mounts[0].own && mounts[1].own && mounts[2].own);
	assert_false(mounts[3].own);
	enumerate(g); /* the other is a pause container of cri-dockerd */
	assert_int_equal(g->list.n, 0);
}

static void lxc_and_nspawn_by_their_tree(void **state)
{
	struct ground *g = *state;
	struct box b = {0};

	g->ctx.lxc_path = (const char *)at(g, "lxc").p;
	g->ctx.machines_path = (const char *)at(g, "nspawn/machines").p;
	paths_add(&g->ctx.run, &g->ctx.mem, at(g, "nspawn/run"));
	ctx_load(&g->ctx);
	b.t.upper = at(g, "nspawn/machines/web");
	assert_int_equal(tell(g, &b), ADAPTER_MINE);
	is(b.t.runtime, "nspawn");
	is(b.t.name, "web");
	b = (struct box){.t.upper = span_of("/etc")}; /* a virtual machine's ROOT */
	assert_int_equal(tell(g, &b), ADAPTER_NOT_MINE);
}

static void a_file_is_read_again_when_it_changed(void **state)
{
	struct ground *g = *state;
	char path[] = "/tmp/boltseal-unit.XXXXXX";
	int fd = mkstemp(path);
	static const char *const keep[] = {"a.b", NULL};

	assert_true(fd >= 0);
	close(fd);
	put(path, "{\"a\":{\"b\":\"1\",\"c\":2},\"d\":3}");
	is(json_text_at(files_json(g->files, path, keep, &g->notes), "a.b"), "1");
	assert_null(json_at(files_json(g->files, path, keep, &g->notes), "a.c"));
	put(path, "{\"a\":{\"b\":\"2\",\"c\":2},\"d\":3}"); /* the same size, the same tick */
	is(json_text_at(files_json(g->files, path, keep, &g->notes), "a.b"), "1"); /* same look */
	files_sweep(g->files);
	is(json_text_at(files_json(g->files, path, keep, &g->notes), "a.b"), "2");
	files_sweep(g->files);
	put(path, "{\"a\":");
	assert_null(files_json(g->files, path, keep, &g->notes));
	assert_true(g->notes.n > 0);
	files_sweep(g->files);
	unlink(path);
	assert_null(files_json(g->files, path, keep, &g->notes));
	files_sweep(g->files);
	files_sweep(g->files);
}

static void what_is_no_regular_file_is_noted(void **state)
{
	struct ground *g = *state;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/boltseal-unit.fifo.%d", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(files_json(g->files, path, NULL, &g->notes));
	unlink(path);
	assert_non_null(strstr(buf_text(&g->notes), "not a regular file"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(containerd_tells_the_pod),
		TEST(containerd_hides_the_pause_container),
		TEST(a_half_written_bundle_still_gives_its_id),
		TEST(crio_tells_the_pod),
		TEST(storage_at_rest_gives_the_layers),
		TEST(storage_with_a_torn_file),
		TEST(docker_by_its_layout),
		TEST(lxc_and_nspawn_by_their_tree),
		TEST(a_file_is_read_again_when_it_changed),
		TEST(what_is_no_regular_file_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
