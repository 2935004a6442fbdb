#!/bin/bash
# shellcheck disable=SC2015 # bail ends
# A machine with a kernel of its own: Linux 6.1 of Debian, AppArmor that enforces, cgroups that limit, and a power
# cut. Everything is emulated, so no KVM is needed; what happens in it is told by ./vm-inside.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
machine_ready
need qemu-system-x86_64 busybox
need_package
work_dir
machine_disk || bail "a disk"

# What the guest runs, and the scenarios' helpers for it; the package as an image builder would install it.
T=$R/root/t
mkdir -p "$T" && cp vm-inside ../box/lib.sh ../box/engines.sh ../box/daemon.sh "$T" && cp "$(package_file)" "$R/root/boltseal.deb"
# Its container's layers, for which it would start a thousand emulated processes.
mkdir -p "$R/root/w/mini"
busybox_tree "$R/root/w/mini/l1" && busybox_layer2_overlay "$R/root/w/mini/l2" || bail "layers for a container"
cat >"$R/etc/systemd/system/boltseal-test.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
ExecStart=/root/t/vm-inside
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
UNIT
printf '[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=boltseal-test.service\n' \
	>"$R/etc/systemd/system/boltseal-test.target"
ok "the package installs where nothing runs, into an image" chroot "$R" dpkg -i /root/boltseal.deb
# Of the host a part: to hash all of it is minutes of emulation.
printf 'host_defaults: false\nhost:\n  - {name: etc, path: /etc}\n' >>"$R/etc/boltseal/boltseal.yaml"
# A file system of every day, but for services and others' profiles that this is not about: minutes of emulation.
for unit in docker.service docker.socket containerd.service serial-getty@ttyS0.service serial-getty@ttyS1.service \
	systemd-networkd.service e2scrub_reap.service systemd-udevd.service systemd-udev-trigger.service \
	systemd-udevd-control.socket systemd-udevd-kernel.socket ldconfig.service systemd-hwdb-update.service \
	systemd-update-utmp.service systemd-pstore.service systemd-logind.service e2scrub_all.timer; do
	ln -sf /dev/null "$R/etc/systemd/system/$unit"
done
find "$R/etc/apparmor.d" -maxdepth 1 -type f ! -name boltseal -delete
mkdir -p "$R/var/log/journal"
umount "$R" || bail "the disk is put into the machine"

QEMU=
# vm_start PART: boots; the guest's lines come to $W/tap.PART, the console's to $W/console.PART.
vm_start() {
	: >"$W/tap.$1"
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -nodefaults -display none -monitor none -no-reboot \
		-kernel "$CACHE/vmlinuz" -initrd "$CACHE/initrd" \
		-append "root=/dev/vda rw console=ttyS0 no_timer_check systemd.show_status=false apparmor=1 security=apparmor systemd.unit=boltseal-test.target boltseal.part=$1" \
		-drive "file=$W/disk.ext4,format=raw,if=virtio,cache=writeback" -nic none \
		-serial "file:$W/console.$1" -serial "file:$W/tap.$1" </dev/null >"$W/qemu.$1" 2>&1 &
	QEMU=$!
	BEGUN=$(date +%s%N)
	at_exit "kill -9 $QEMU 2>/dev/null"
}
# vm_tells PART: the guest's checks as ours.
vm_tells() {
	local line
	while IFS= read -r line; do
		case $line in
		'ok '*' # SKIP '*) skip "${line#ok * - }" "$1: see the guest" ;;
		'ok '*) tap_ 0 "$1: ${line#ok * - }" ;;
		'not ok '*) tap_ 1 "$1: ${line#not ok * - }" ;;
		'#'*) echo "$line" ;;
		esac
	done < <(tr -d '\r' <"$W/tap.$1")
}
vm_console() { tail -n 15 "$W/console.$1" | tr -d '\r\000'; tail -n 5 "$W/tap.$1"; cat "$W/qemu.$1"; }
vm_said_() { grep -q "^$2" "$W/tap.$1" || pid_gone "$QEMU"; }

# --- a day -------------------------------------------------------------------------------------------
vm_start day
wait_until 400 vm_said_ day 'cut here'
diag "a boot and a day: $(ms "$BEGUN") ms"
vm_tells day
grep -q '^cut here' "$W/tap.day" || bail "the day came to its end: $(vm_console day)"

# --- the power is cut while something is written, and comes back -------------------------------------
kill -9 "$QEMU"
wait "$QEMU" 2>/dev/null
vm_start after
wait_gone 300 "$QEMU" || diag "the machine did not end"
wait "$QEMU"
is "the machine ends in order" "$?" 0
diag "a boot after the cut, to its end: $(ms "$BEGUN") ms"
vm_tells after
ok "and everything was looked at" grep -q '^done' "$W/tap.after" || diag "$(vm_console after)"
finish
