#include "daemon/sensor/owned.h"

/* containers/storage leaves these out of its diff (by name alone; here the shape must be right). */
static const struct {
	const char *path;
	enum file_type type;
	const char *link;
} owned[] = {
	{"/dev", FILE_DIR, NULL},
	{"/proc", FILE_DIR, NULL},
	{"/sys", FILE_DIR, NULL},
	{"/run", FILE_DIR, NULL},
	{"/run/notify", FILE_DIR, NULL},
	{"/run/secrets", FILE_DIR, NULL},
	{"/run/.containerenv", FILE_REG, NULL},
	{"/etc/hostname", FILE_REG, NULL},
	{"/etc/hosts", FILE_REG, NULL},
	{"/etc/resolv.conf", FILE_REG, NULL},
	{"/etc/mtab", FILE_LINK, "/proc/mounts"},
};

bool owned_by_runtime(struct span runtime)
{
	return span_is(runtime, "podman") || span_is(runtime, "cri-o");
}

bool owned_is(struct span path, const struct record *now)
{
	for (size_t i = 0; i < COUNTOF(owned); i++)
		if (span_is(path, owned[i].path))
			return now->type == owned[i].type && now->size == 0 && !now->xattrs.n &&
			       (!owned[i].link || span_is(now->link, owned[i].link));
	return false;
}
