/* Component by component, so that the same row tells what lies in it and what leads to it. */
#include "daemon/sensor/hostset.h"
#include "base/glob.h"

const char *const hostset_kept[] = {
	"/etc",
	"/usr",
	"/boot",
	/* Links into /usr on most hosts, and kept as such. */
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	/* Who may log in, and what runs then or later. */
	"/root/.ssh",
	"/root/.bashrc",
	"/root/.bash_profile",
	"/root/.bash_login",
	"/root/.bash_logout",
	"/root/.profile",
	"/root/.zshrc",
	"/root/.config/systemd",
	"/home/*/.ssh",
	"/var/spool/cron",
	"/var/spool/at",
	/* Engines' and orchestrators' programs and settings outside /usr and /etc. */
	"/opt/cni",
	"/opt/containerd",
	"/var/lib/kubelet/config.yaml",
	"/var/lib/kubelet/kubeadm-flags.env",
	"/var/lib/rancher/k3s/data",
	/* What is installed, and the digests of it. */
	"/var/lib/dpkg",
	"/var/lib/rpm",
	NULL,
};

const char *const hostset_left_out[] = {
	"/usr/src",
	/* The unit's ProtectKernelModules hides it, and what is hidden is no change. */
	"/usr/lib/modules",
	"/usr/share/doc",
	"/usr/share/man",
	"/usr/share/info",
	"/usr/share/help",
	"/usr/share/locale",
	"/usr/share/gtk-doc",
	/* What processes that have the database open share; it says nothing. */
	"/usr/lib/sysimage/rpm/*-shm",
	"/var/lib/rpm/*-shm",
	NULL,
};

static const char *const disks[] = {"bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4",
	"f2fs", "jfs", "msdos", "reiserfs", "squashfs", "vfat", "xfs", "zfs"};

/* A path in two parts, the second of which may be empty or "/". */
struct walk {
	struct span part[2];
};

static bool next(struct walk *w, struct span *ret)
{
	for (size_t i = 0; i < COUNTOF(w->part); i++) {
		struct span *s = &w->part[i];
		size_t n = 0;

		while (s->n && s->p[0] == '/')
			*s = span_make(s->p + 1, s->n - 1);
		while (n < s->n && s->p[n] != '/')
			n++;
		if (!n)
			continue;
		*ret = span_make(s->p, n);
		*s = span_make(s->p + n, s->n - n);
		return true;
	}
	return false;
}

enum fit { FIT_NOT, FIT_ABOVE, FIT_IN };

/* Where does the path lie, as seen from the row? */
static enum fit fit(const char *row, struct walk path)
{
	struct walk glob = {{span_of(row), {0}}};
	struct span g, name;

	while (next(&glob, &g)) {
		if (!next(&path, &name))
			return FIT_ABOVE;
		if (!glob_match(g, name))
			return FIT_NOT;
	}
	return FIT_IN;
}

static enum fit best(const char *const *rows, struct walk path)
{
	enum fit found = FIT_NOT;

	for (; *rows && found != FIT_IN; rows++) {
		enum fit one = fit(*rows, path);

		found = one > found ? one : found;
	}
	return found;
}

bool hostset_leaves_out(struct span upper, struct span path)
{
	struct walk w = {{upper, path}};

	return best(hostset_kept, w) == FIT_NOT || best(hostset_left_out, w) == FIT_IN;
}

bool hostset_is_mount(struct span point, struct span fs_type)
{
	for (size_t i = 0; i < COUNTOF(disks); i++)
		if (span_is(fs_type, disks[i]))
			return point.n > 1 && !hostset_leaves_out(point, (struct span){0});
	return false;
}
