/* The value is little-endian and of three revisions; see capabilities(7), "File capability
 * extended attribute versioning". Capabilities are grouped by the flags they have in common. */
#include "wire/caps.h"
#include <linux/capability.h>

static const char *const names[] = {"chown", "dac_override", "dac_read_search", "fowner", "fsetid",
	"kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
	"sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
	"audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"};

struct caps {
	uint64_t permitted, inheritable;
	bool effective, has_root;
	uint32_t root;
};

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool decode(struct span v, struct caps *ret)
{
	uint32_t magic = v.n >= 4 ? le32(v.p) : 0;
	uint32_t revision = magic & VFS_CAP_REVISION_MASK;
	bool two = revision == VFS_CAP_REVISION_2 && v.n == XATTR_CAPS_SZ_2;
	bool three = revision == VFS_CAP_REVISION_3 && v.n == XATTR_CAPS_SZ_3;

	if (!two && !three && !(revision == VFS_CAP_REVISION_1 && v.n == XATTR_CAPS_SZ_1))
		return false;
	*ret = (struct caps){.permitted = le32(v.p + 4),
		.inheritable = le32(v.p + 8),
		.effective = magic & VFS_CAP_FLAGS_EFFECTIVE,
		.has_root = three};
	if (two || three) {
		ret->permitted |= (uint64_t)le32(v.p + 12) << 32;
		ret->inheritable |= (uint64_t)le32(v.p + 16) << 32;
	}
	if (three)
		ret->root = le32(v.p + 20);
	return true;
}

static void add_group(struct buf *out, uint64_t set, const char *flags, bool *any)
{
	const char *before = *any ? " " : "";

	for (unsigned i = 0; i < 64; i++) {
		if (!(set >> i & 1))
			continue;
		if (i < COUNTOF(names))
			buf_printf(out, "%scap_%s", before, names[i]);
		else
			buf_printf(out, "%s%u", before, i);
		before = ",";
	}
	if (!set)
		return;
	buf_add_text(out, flags);
	*any = true;
}

bool caps_text(struct span value, struct buf *out)
{
	struct caps c;
	bool any = false;

	if (!decode(value, &c))
		return false;
	add_group(out, c.permitted & ~c.inheritable, c.effective ? "=ep" : "=p", &any);
	add_group(out, c.permitted & c.inheritable, c.effective ? "=eip" : "=ip", &any);
	add_group(out, c.inheritable & ~c.permitted, c.effective ? "=ei" : "=i", &any);
	if (!any)
		buf_u8(out, '=');
	if (c.has_root)
		buf_printf(out, " [rootid=%u]", c.root);
	return true;
}
