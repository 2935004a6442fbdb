/*
 * Any bytes as one of the files that runtimes write. The first byte says which; the others of the
 * scene are as a runtime would have them, so that what follows the parser is reached too.
 */
#include "base/err.h"
#include "box/ctx.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "8f2d1c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff0"
#define TASK "run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID

static const struct {
	const char *path, *text;
} scene[] = {
	{"docker/containers/" ID "/config.v2.json",
		"{\"Name\":\"/w\",\"Driver\":\"overlay2\",\"Config\":{\"Image\":\"i\"}}"},
	{"docker/containers/" ID "/hostconfig.json", "{\"ReadonlyRootfs\":true}"},
	{"docker/image/overlay2/layerdb/mounts/" ID "/mount-id", "m1"},
	{"docker/overlay2/m1/lower", "l/A:l/B"},
	{"docker/overlay2/m1/diff/.keep", ""},
	{"storage/overlay-containers/containers.json",
		"[{\"id\":\"c1\",\"names\":[\"n\"],\"image\":\"i\",\"layer\":\"y1\","
		"\"metadata\":\"{\\\"image-name\\\":\\\"x\\\"}\"}]"},
	{"storage/overlay-images/images.json", "[{\"id\":\"i\",\"names\":[\"x:1\"]}]"},
	{"storage/overlay-containers/c1/userdata/config.json", "{\"annotations\":{\"a\":\"b\"}}"},
	{"storage/overlay/y1/diff/.keep", ""},
	{TASK "/config.json", "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"w\"}}"},
	{TASK "/init.pid", "1"},
	{"run/runc/" ID "/state.json", "{\"id\":\"x\",\"config\":{\"rootfs\":\"/r\"}}"},
	{"run/crun/" ID "/status", "{\"pid\":1,\"rootfs\":\"/r\",\"bundle\":\"/b\"}"},
	{"lxc/guest/config", "lxc.rootfs.path = dir:/\n"},
	{"run/systemd/machines/m", "ROOT=/\nCLASS=container\n"},
};

static void write_file(const char *root, const char *path, struct span text)
{
	char full[512];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0700);
		*slash = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0);
	must(write(fd, text.p, text.n) == (ssize_t)text.n);
	close(fd);
}

/* A scene a process, kept between inputs; below TMPDIR, best in memory. */
static const char *scene_root(void)
{
	static char root[256];
	const char *tmp = getenv("TMPDIR");

	if (*root)
		return root;
	snprintf(root, sizeof(root), "%s/boltseal-fuzz.XXXXXX", tmp ? tmp : "/dev/shm");
	must(mkdtemp(root));
	for (size_t i = 0; i < COUNTOF(scene); i++)
		write_file(root, scene[i].path, span_of(scene[i].text));
	return root;
}

static void describe(struct adapter_ctx *ctx, struct box_list *list, struct box *b)
{
	struct box_mount mounts[] = {{.point = span_of("/etc/hosts")}, {.point = span_of("/x")}};

	b->mount = mounts;
	b->n_mount = COUNTOF(mounts);
	for (size_t i = 0; i < n_adapters; i++)
		if (adapters[i]->describe(ctx, list, b) != ADAPTER_NOT_MINE)
			break;
	b->mount = NULL;
	b->n_mount = 0;
}

static void look(const char *root, struct files *files)
{
	CLEANUP(ctx_fini) struct adapter_ctx ctx = {.files = files};
	BOX_LIST struct box_list list = {0};
	BUF struct buf notes = {0};
	struct box upper = {0}, merged = {0};

	ctx.notes = &notes;
	ctx.machines_path = "/nonexistent";
	ctx.lxc_path = (const char *)ctx_path(&ctx, "%s/lxc", root).p;
	paths_add(&ctx.docker, &ctx.mem, ctx_path(&ctx, "%s/docker", root));
	paths_add(&ctx.storage, &ctx.mem, ctx_path(&ctx, "%s/storage", root));
	paths_add(&ctx.run, &ctx.mem, ctx_path(&ctx, "%s/run", root));
	ctx_load(&ctx);
	upper.t.upper = ctx_path(&ctx, "%s/docker/overlay2/m1/diff", root);
	describe(&ctx, &list, &upper);
	merged.merged = ctx_path(&ctx, "%s/" TASK "/rootfs", root);
	describe(&ctx, &list, &merged);
	for (size_t i = 0; i < n_adapters; i++)
		if (adapters[i]->enumerate)
			adapters[i]->enumerate(&ctx, &list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *root = scene_root();
	struct files *files;
	size_t which;

	if (size < 1 || size > 65536)
		return 0;
	which = data[0] % COUNTOF(scene);
	must(files_new(&files) == 0);
	write_file(root, scene[which].path, span_make(data + 1, size - 1));
	look(root, files);
	files_free(files);
	write_file(root, scene[which].path, span_of(scene[which].text));
	return 0;
}
