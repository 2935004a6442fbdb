# boltseal - `make help` lists what can be made.
CC       ?= gcc
CFLAGS   ?= -O2 -g
WERROR   := -Werror
WARN     := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
STD      := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
PROTECT  := $(if $(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine)),-fcf-protection)
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE $(PROTECT)
LDHARDEN := -pie -Wl,-z,relro,-z,now
OUT      ?= build
SAN      ?=
DEPGEN    = -MMD -MP
VERSION  := 0.1.0

# Where things are installed; what programs must know of it is compiled in.
PREFIX       ?= /usr
DESTDIR      ?=
BINDIR       ?= $(PREFIX)/bin
SBINDIR      ?= $(PREFIX)/sbin
LIBDIR       ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
DOCDIR       ?= $(DATADIR)/doc/boltseal
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
BASHDIR      ?= $(DATADIR)/bash-completion/completions
ZSHDIR       ?= $(DATADIR)/zsh/site-functions
FISHDIR      ?= $(DATADIR)/fish/vendor_completions.d
UNITDIR      ?= $(PREFIX)/lib/systemd/system
GENERATORDIR ?= $(PREFIX)/lib/systemd/system-generators
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
CATALOGDIR   ?= $(PREFIX)/lib/systemd/catalog
SYSCONFDIR   ?= /etc
APPARMORDIR  ?= $(SYSCONFDIR)/apparmor.d
LOGROTATEDIR ?= $(SYSCONFDIR)/logrotate.d
LOCALSTATEDIR ?= /var
RUNSTATEDIR  ?= /run
LIBEXECDIR   ?= $(PREFIX)/libexec/boltseal
PATHS = -DBOLTSEAL_LIBEXEC_DIR='"$(LIBEXECDIR)"' -DBOLTSEAL_CONF_DIR='"$(SYSCONFDIR)/boltseal"' -DBOLTSEAL_STATE_DIR='"$(LOCALSTATEDIR)/lib/boltseal"' \
        -DBOLTSEAL_SOCKET='"$(RUNSTATEDIR)/boltseal/boltseal.sock"'

ALL_CFLAGS = $(STD) $(WARN) $(CPPFLAGS) $(CFLAGS) $(PATHS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,$(HARDEN)) \
             -Ilib -I. -DBOLTSEAL_VERSION='"$(VERSION)"'
ALL_LDFLAGS = $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN),$(LDHARDEN)) -pthread

LIB_SRC := $(sort $(wildcard lib/*/*.c))
DAE_SRC := $(sort $(wildcard daemon/*.c daemon/*/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
DAE_OBJ := $(DAE_SRC:%.c=$(OUT)/%.o)
CLI_OBJ := $(patsubst %.c,$(OUT)/%.o,$(filter-out cli/proof_%.c,$(CLI_SRC)))
# The same with what needs OpenSSL, LMDB or archives: cli/proof.h.
PROOF_OBJ := $(patsubst %.c,$(OUT)/%.o,$(filter-out cli/light.c,$(CLI_SRC)))
UNIT_SRC := $(sort $(wildcard tests/unit/*/*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(OUT)/%)

LIB_LIBS := -lssl -lcrypto -ljansson -lyaml -llmdb -lz -lzstd -lsqlite3
CLI_LIBS :=
DAE_LIBS := -lmicrohttpd -lcap-ng -lcurl -lseccomp
UNIT_LIBS := -lcmocka

all: $(OUT)/boltseald $(OUT)/boltseal $(OUT)/boltseal-proof

# What is compiled in and no file tells of: when it is another, so is everything; but for where the second program lies,
# which one file knows, so that another PREFIX costs little.
$(OUT)/compiled-in: IN := $(VERSION) $(SYSCONFDIR) $(LOCALSTATEDIR) $(RUNSTATEDIR)
$(OUT)/compiled-in-libexec: IN := $(LIBEXECDIR)
$(OUT)/compiled-in $(OUT)/compiled-in-libexec: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$(IN)" | cmp -s - $@ || printf '%s\n' "$(IN)" >$@
FORCE:
$(OUT)/cli/light.o: $(OUT)/compiled-in-libexec

$(OUT)/%.o: %.c $(OUT)/compiled-in
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) -c -o $@ $<

# It carries conf/openapi.yaml in it.
$(OUT)/daemon/gateway/openapi.o: conf/openapi.yaml

$(OUT)/libboltseal.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcsD $@ $^

# The daemon's rooms as an archive too, so that a unit test links only what it names.
$(OUT)/libdaemon.a: $(filter-out $(OUT)/daemon/main.o,$(DAE_OBJ))
	@rm -f $@
	@ar rcsD $@ $^

$(OUT)/boltseald: $(OUT)/daemon/main.o $(OUT)/libdaemon.a $(OUT)/libboltseal.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DAE_LIBS) $(LIB_LIBS)

$(OUT)/boltseal: $(CLI_OBJ) $(OUT)/libboltseal.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(CLI_LIBS) $(LIB_LIBS)

$(OUT)/boltseal-proof: $(PROOF_OBJ) $(OUT)/libboltseal.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CLI_LIBS) $(LIB_LIBS)

$(OUT)/tests/unit/%: tests/unit/%.c $(OUT)/libboltseal.a $(OUT)/libdaemon.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) $(ALL_LDFLAGS) -o $@ $< $(OUT)/libdaemon.a $(OUT)/libboltseal.a \
	        $(UNIT_LIBS) $(DAE_LIBS) $(LIB_LIBS)

$(OUT)/tests/box/tools/%: tests/box/tools/%.c $(OUT)/libboltseal.a $(OUT)/libdaemon.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) $(ALL_LDFLAGS) -o $@ $< $(OUT)/libdaemon.a $(OUT)/libboltseal.a \
	        $(DAE_LIBS) $(LIB_LIBS)

$(OUT)/tests/bench/%: tests/bench/%.c $(OUT)/libboltseal.a $(OUT)/libdaemon.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) $(ALL_LDFLAGS) -o $@ $< $(OUT)/libdaemon.a $(OUT)/libboltseal.a \
	        $(DAE_LIBS) $(LIB_LIBS)

# ---- tests --------------------------------------------------------------------------------------
# Everything speaks TAP and runs under prove; a SKIP is printed with its reason and counted.
CPUS     := $(shell nproc 2>/dev/null || echo 1)
PROVE    := prove --exec '' --timer --failures --comments
UNIT_RUN  = $(UNDER) prove -j$(CPUS) --exec tests/unit/run --timer --failures --comments $(sort $(UNIT_BIN))
SAN_OUT  := $(OUT)/asan
TSAN_OUT := $(OUT)/tsan
# ThreadSanitizer bears no addresses spread as widely as some kernels do.
TSAN_RUN := $(shell setarch -R true 2>/dev/null && echo setarch -R)
# Whatever starts threads, itself or through a rig.
TSAN_SRC := $(shell grep -lE 'pthread_create|"rig\.h"' $(UNIT_SRC))
BOX      := $(sort $(wildcard tests/box/[0-9]*.sh))
CLI_TESTS := $(sort $(wildcard tests/gold/cli/*.sh tests/gold/cli/*.py))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_OUT := $(OUT)/fuzz
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(FUZZ_OUT)/bin/%)
FUZZ_SECONDS ?= 1
CLANG    ?= clang

unit: all $(UNIT_BIN)
	@$(UNIT_RUN)
	@$(PROVE) tests/gold/format/properties.py :: $(OUT)/tests/unit/wire/format

IN_ASAN   = $(MAKE) --no-print-directory OUT=$(SAN_OUT) SAN=address,undefined CFLAGS='-O1 -g'
IN_TSAN   = $(MAKE) --no-print-directory OUT=$(TSAN_OUT) SAN=thread CFLAGS='-O1 -g' \
            UNIT_SRC='$(TSAN_SRC)' UNDER='$(TSAN_RUN)'
asan-built:
	@+$(IN_ASAN) all unit-built

tsan-built:
	@+$(IN_TSAN) all unit-built

unit-built: $(UNIT_BIN)

unit-asan:
	@+$(IN_ASAN) all unit-run

unit-run: $(UNIT_BIN)
	@ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 $(UNIT_RUN)

unit-tsan:
	@+$(IN_TSAN) unit-run

# The programs themselves under both sanitizers, through a short rough day.
sanitized:
	@+$(IN_TSAN) all
	@+$(IN_ASAN) all
	@OUT=$(TSAN_OUT) $(TSAN_RUN) $(PROVE) tests/box/sanitized.sh :: thread
	@OUT=$(SAN_OUT) $(PROVE) tests/box/sanitized.sh :: address

lint: all man $(OUT)/tests/unit/wire/show
	@$(PROVE) tests/lint/run tests/lint/units tests/lint/tools
	@$(PROVE) tests/lint/manual.py :: $(OUT)
	@python3 tests/lint/openapi.py $(OUT)/tests/unit/wire/show

format:
	@find lib daemon cli tests -name '*.[ch]' | xargs -n 40 clang-format --style=file -i

# The scenarios wait most of the time, one after the other; what starts and mounts nothing takes the
# processors they leave, and is printed when both are through.
BESIDE := debian-tree lint fuzz asan-built tsan-built deb-built
box-and-beside: all
	@mkdir -p $(OUT); nice -n 19 $(MAKE) --no-print-directory -j$(CPUS) beside >$(OUT)/beside.log 2>&1 & beside=$$!; \
	        $(MAKE) --no-print-directory box; box=$$?; \
	        wait $$beside; beside=$$?; cat $(OUT)/beside.log; [ $$box = 0 ] && [ $$beside = 0 ]

# All of them, whichever fails, one after the other. The fuzzers' build has clang's warnings of what they link.
beside:
	@failed=; for what in $(BESIDE); do BUILT_BY_CLANG='lib|daemon/sensor|daemon/gateway' $(MAKE) --no-print-directory $$what || failed="$$failed $$what"; done; \
	        [ -z "$$failed" ] || { echo "failed:$$failed"; false; }

# What debootstrap makes, for the scenarios that come late: once, and kept. Without a mirror they say so.
debian-tree:
	@DEBOOTSTRAP_WAIT=300 tests/box/tools/debootstrap

box: all $(OUT)/tests/box/tools/hostile
	@$(PROVE) $(BOX)

cli-check: all
	@$(if $(CLI_TESTS),$(PROVE) $(CLI_TESTS),true)

crash: all
	@$(PROVE) $(sort $(wildcard tests/crash/*.sh))

# Each fuzzer runs over its corpus, then looks for new paths for FUZZ_SECONDS.
fuzz:
	@$(MAKE) --no-print-directory OUT=$(FUZZ_OUT) CC=$(CLANG) SAN=address,undefined,fuzzer-no-link \
	        CFLAGS='-O1 -g' fuzz-run

fuzz-run: $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/bin/%)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(PROVE) tests/fuzz/run :: $(sort $^)

$(OUT)/bin/%: tests/fuzz/%.c $(OUT)/libdaemon.a $(OUT)/libboltseal.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) -fsanitize=fuzzer,address,undefined -pthread -o $@ $< \
	        $(OUT)/libdaemon.a $(OUT)/libboltseal.a $(DAE_LIBS) $(LIB_LIBS)

# The chart and manifests for Kubernetes, with a Go compiler and npm: not in `make check`.
KUBE_DEPS := golang-go golang-github-masterminds-sprig-dev golang-k8s-sigs-yaml-dev python3-yaml \
        python3-jsonschema curl
check-kube: all
	@packaging/deps $(KUBE_DEPS)
	@packaging/deps --idle nginx-light
	@OUT=$(OUT) $(PROVE) tests/kube/check

check: deps
	@$(MAKE) --no-print-directory -j$(CPUS) all
	@$(MAKE) --no-print-directory -j$(CPUS) unit
	@$(MAKE) --no-print-directory cli-check
	@$(MAKE) --no-print-directory box-and-beside
	@$(MAKE) --no-print-directory -j$(CPUS) unit-asan
	@$(MAKE) --no-print-directory -j$(CPUS) unit-tsan
	@$(MAKE) --no-print-directory -j$(CPUS) sanitized
	@$(MAKE) --no-print-directory -j2 --output-sync=target crash check-package
	@echo "check: everything passed"

# Machines of one's own that boot, with the package on them: tests/service/lib.sh says how. What they boot is made
# once, from the archive that this host's apt uses, and lies in BOLTSEAL_SERVICE_CACHE ($(OUT)/service).
SERVICE_DEPS := systemd-container mmdebstrap e2fsprogs mount util-linux bsdutils liblmdb-dev busybox-static procps jq
VM_DEPS := $(SERVICE_DEPS) qemu-system-x86 attr
service-deps:
	@packaging/deps $(DEPS) $(SERVICE_DEPS)
vm-deps:
	@packaging/deps $(DEPS) $(VM_DEPS)
check-service: service-deps deb-built
	@$(PROVE) tests/service/010-install.sh # alone, as it measures
	@$(PROVE) -j$(CPUS) $(filter-out %/010-install.sh,$(sort $(wildcard tests/service/[0-9]*.sh)))
check-vm: vm-deps deb-built
	@$(PROVE) tests/service/vm.sh

# ---- what a person asks for -----------------------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory all
	@tests/demo/run $(OUT)/boltseald $(OUT)/boltseal

bench: deps
	@packaging/deps aide hyperfine
	@$(MAKE) --no-print-directory all $(OUT)/tests/bench/sinks $(OUT)/tests/bench/format
	@tests/bench/run $(OUT)/boltseald $(OUT)/boltseal

# Debian and Ubuntu: what the build and the tests need, and nothing when it is there.
DEPS := gcc make pkg-config libmicrohttpd-dev liblmdb-dev libyaml-dev libjansson-dev libcap-ng-dev \
        libssl-dev zlib1g-dev uthash-dev libinotifytools0-dev busybox-static scdoc iproute2 util-linux \
        python3
TEST_DEPS := libcmocka-dev procps clang libclang-rt-dev docker.io podman runc fuse-overlayfs uidmap lxc \
        systemd-container debootstrap attr acl libcap2-bin e2fsprogs python3-yaml python3-pexpect lmdb-utils curl jq clang-format cppcheck shellcheck \
        groff-base zsh fish python3-hypothesis python3-jsonschema liblognorm-utils \
        rsyslog rsyslog-openssl openssl libivykis0 libnet1 libwrap0
# for sinks of type https
DEPS += libcurl4-openssl-dev
# what each role may ask the kernel for: daemon/wall.h
DEPS += libseccomp-dev
# layers as images keep them
DEPS += libzstd-dev
# rpm's database, for the host's own baseline; rpm itself makes one for a test
DEPS += libsqlite3-dev
TEST_DEPS += rpm
TEST_DEPS += skopeo docker-registry zstd
TEST_DEPS += protobuf-compiler python3-protobuf openssl
# Daemons that tests run by themselves: installed, and left alone.
IDLE_DEPS := prometheus apparmor
# What packages are built and looked at with; the RPM is not part of check.
PACK_DEPS := dpkg-dev debhelper dh-apparmor fakeroot lintian
RPM_DEPS := rpm rpm2cpio cpio rpmlint
deps:
	@packaging/deps $(DEPS) $(if $(filter demo,$(MAKECMDGOALS)),,$(TEST_DEPS) $(PACK_DEPS))
	@$(if $(filter demo,$(MAKECMDGOALS)),true,packaging/deps --idle $(IDLE_DEPS))

MAN := $(OUT)/man/boltseal.1 $(OUT)/man/boltseald.8 $(OUT)/man/boltseal.yaml.5 $(OUT)/man/boltseal.rules.5 \
       $(OUT)/man/boltseal.formats.7 $(OUT)/man/boltseal.findings.7
man: $(MAN)
$(OUT)/man/boltseal.1: cli/boltseal.1.scd
$(OUT)/man/boltseald.8: daemon/boltseald.8.scd
$(OUT)/man/boltseal.yaml.5: conf/boltseal.yaml.5.scd
$(OUT)/man/boltseal.formats.7: lib/wire/boltseal.formats.7.scd
$(OUT)/man/boltseal.findings.7: lib/wire/boltseal.findings.7.scd
$(OUT)/man/boltseal.rules.5: conf/boltseal.rules.5.scd
$(MAN):
	@mkdir -p $(@D)
	@scdoc <$< >$@

# ---- installing and packages ------------------------------------------------------------------------
# The public half of the library as one object, so that nothing but boltseal_* can meet the names of
# whoever links it.
$(OUT)/dev/libboltseal.a: $(OUT)/libboltseal.a
	@mkdir -p $(@D)
	@nm -g --defined-only $< 2>/dev/null | sed -n 's/^[0-9a-f]* T \(boltseal_.*\)/\1/p' | LC_ALL=C sort >$(@D)/names
	@ld -r -o $(@D)/boltseal.o $$(sed 's/^/-u /' $(@D)/names) $<
	@objcopy --keep-global-symbols=$(@D)/names $(@D)/boltseal.o
	@rm -f $@
	@ar rcsD $@ $(@D)/boltseal.o

COMPLETION := $(OUT)/completion/boltseal $(OUT)/completion/_boltseal $(OUT)/completion/boltseal.fish
completion: $(COMPLETION)
$(OUT)/completion/boltseal: SHELL_IS = bash
$(OUT)/completion/_boltseal: SHELL_IS = zsh
$(OUT)/completion/boltseal.fish: SHELL_IS = fish
$(COMPLETION): $(OUT)/boltseal
	@mkdir -p $(@D)
	@$(OUT)/boltseal completion $(SHELL_IS) >$@

DIRS := PREFIX DESTDIR BINDIR SBINDIR LIBDIR INCLUDEDIR DATADIR MANDIR DOCDIR PKGCONFIGDIR BASHDIR ZSHDIR \
        FISHDIR UNITDIR GENERATORDIR SYSUSERSDIR TMPFILESDIR CATALOGDIR SYSCONFDIR APPARMORDIR LOGROTATEDIR LOCALSTATEDIR \
        RUNSTATEDIR LIBEXECDIR
PLACE = @$(foreach v,$(DIRS) OUT MAN VERSION,$v='$($v)') packaging/install
install: install-daemon install-dev
install-daemon: all man completion
	$(PLACE) put daemon
install-dev: $(OUT)/dev/libboltseal.a
	$(PLACE) put dev
uninstall:
	$(PLACE) remove daemon dev

# Packages, by packaging/pack: from what is committed or, outside of git, from the sources that lie here.
# FORMAT=-b leaves the source package out, and deb-built does nothing when the sources are those of the last one.
dist deb deb-built rpm reproducible:
	@OUT='$(OUT)' VERSION='$(VERSION)' CPUS='$(CPUS)' packaging/pack $@
deb deb-built reproducible: pack-deps
rpm: pack-deps rpm-deps
pack-deps:
	@packaging/deps $(DEPS) $(PACK_DEPS)
rpm-deps:
	@packaging/deps $(RPM_DEPS)
print-deps:
	@echo '$(DEPS)'

# One true build of the packages and what is in them; -full adds what takes a build each: the same bytes
# from another place, and the RPM.
check-package: all man completion deb-built
	@OUT='$(OUT)' $(PROVE) $(sort $(wildcard tests/package/0*.sh))
check-package-full: check-package
	@$(MAKE) --no-print-directory rpm reproducible
	@OUT='$(OUT)' $(PROVE) $(sort $(wildcard tests/package/1*.sh))

help:
	@echo "make            build/boltseald and build/boltseal"
	@echo "make demo       (root) install what is needed, build, show the story in a minute"
	@echo "make check      (root) install what is needed, build, run every test"
	@echo "  lint unit unit-asan unit-tsan sanitized cli-check fuzz box crash   its parts, one by one"
	@echo "  check-package    its last part: a Debian package is built, read, installed and purged"
	@echo "  check-package-full   and built twice for the same bytes, and an RPM; not in check"
	@echo "make check-kube (root) the chart and manifests for Kubernetes, against its schemas"
	@echo "make bench      (root) the speed table, beside AIDE, docker diff and the bare loop"
	@echo "make check-service check-vm   (root) the package on machines that boot: systemd-nspawn, QEMU"
	@echo "make format     lay the sources out as .clang-format says; lint checks that they are"
	@echo "make man        the manual pages into build/man"
	@echo "make install    DESTDIR, PREFIX, BINDIR, SYSCONFDIR and others that the Makefile begins with"
	@echo "make uninstall  the same; what was edited in SYSCONFDIR and the store stay"
	@echo "make deb rpm dist   packages, and the sources as an archive, from what is committed"
	@echo "make reproducible   the .deb twice, in two places: the same bytes"
	@echo "make clean      remove build/"
	@echo "Variables: CC CFLAGS OUT=build SAN=address,undefined FUZZ_SECONDS=3"

clean:
	rm -rf $(OUT)

# The trees of packages have their own.
-include $(shell find $(OUT) -type d -name 'boltseal-[0-9]*' -prune -o -type f -name '*.d' -print 2>/dev/null)
.PHONY: box-and-beside beside debian-tree asan-built tsan-built unit-built all clean unit unit-asan unit-run unit-tsan \
        sanitized lint format box cli-check crash fuzz fuzz-run check demo bench deps man install \
        install-daemon install-dev uninstall completion dist deb deb-built rpm reproducible pack-deps rpm-deps \
        check-service check-vm service-deps vm-deps print-deps check-package check-package-full check-kube \
        help FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
