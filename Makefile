# boltseal - `make help` lists what can be made.
CC       ?= gcc
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
STD      := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fcf-protection
LDHARDEN := -pie -Wl,-z,relro,-z,now
OUT      ?= build
SAN      ?=
DEPGEN    = -MMD -MP
VERSION  := 0.1.0

ALL_CFLAGS = $(STD) $(WARN) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,$(HARDEN)) \
             -Ilib -I. -DBOLTSEAL_VERSION='"$(VERSION)"'
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN),$(LDHARDEN)) -pthread

LIB_SRC := $(sort $(wildcard lib/*/*.c))
DAE_SRC := $(sort $(wildcard daemon/*.c daemon/*/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
DAE_OBJ := $(DAE_SRC:%.c=$(OUT)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(OUT)/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*/*.c))
UNIT_BIN := $(UNIT_SRC:%.c=$(OUT)/%)

LIB_LIBS := -lssl -lcrypto -ljansson -lyaml
DAE_LIBS := -lmicrohttpd -llmdb -lcap-ng -lcurl -lz
UNIT_LIBS := -lcmocka

all: $(OUT)/boltseald $(OUT)/boltseal

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) -c -o $@ $<

# It carries conf/openapi.yaml in it.
$(OUT)/daemon/gateway/openapi.o: conf/openapi.yaml

$(OUT)/libboltseal.a: $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

# The daemon's rooms as an archive too, so that a unit test links only what it names.
$(OUT)/libdaemon.a: $(filter-out $(OUT)/daemon/main.o,$(DAE_OBJ))
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/boltseald: $(OUT)/daemon/main.o $(OUT)/libdaemon.a $(OUT)/libboltseal.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(DAE_LIBS) $(LIB_LIBS)

$(OUT)/boltseal: $(CLI_OBJ) $(OUT)/libboltseal.a
	@echo "  LD    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(OUT)/tests/unit/%: tests/unit/%.c $(OUT)/libboltseal.a $(OUT)/libdaemon.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) $(ALL_LDFLAGS) -o $@ $< $(OUT)/libdaemon.a $(OUT)/libboltseal.a \
	        $(UNIT_LIBS) $(DAE_LIBS) $(LIB_LIBS)

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
FUZZ_SECONDS ?= 3
CLANG    ?= clang

unit: all $(UNIT_BIN)
	@$(UNIT_RUN)
	@$(PROVE) tests/gold/format/properties.py :: $(OUT)/tests/unit/wire/format

unit-asan:
	@$(MAKE) --no-print-directory OUT=$(SAN_OUT) SAN=address,undefined CFLAGS='-O1 -g' \
	        UNIT_LIBS='$(UNIT_LIBS)' all unit-run

unit-run: $(UNIT_BIN)
	@ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 $(UNIT_RUN)

unit-tsan:
	@$(MAKE) --no-print-directory OUT=$(TSAN_OUT) SAN=thread CFLAGS='-O1 -g' \
	        UNIT_SRC='$(TSAN_SRC)' UNDER='$(TSAN_RUN)' unit-run

# The programs themselves under both sanitizers, through a short rough day.
sanitized:
	@$(MAKE) --no-print-directory OUT=$(TSAN_OUT) SAN=thread CFLAGS='-O1 -g' all
	@$(MAKE) --no-print-directory OUT=$(SAN_OUT) SAN=address,undefined CFLAGS='-O1 -g' all
	@OUT=$(TSAN_OUT) $(TSAN_RUN) $(PROVE) tests/box/sanitized.sh :: thread
	@OUT=$(SAN_OUT) $(PROVE) tests/box/sanitized.sh :: address

lint: all man $(OUT)/tests/unit/wire/show
	@$(PROVE) tests/lint/run tests/lint/tools
	@$(PROVE) tests/lint/manual.py :: $(OUT)
	@python3 tests/lint/openapi.py $(OUT)/tests/unit/wire/show

format:
	@find lib daemon cli tests -name '*.[ch]' | xargs -n 40 clang-format --style=file -i

# The scenarios wait most of the time, one after the other; the fuzzers take what processors are left.
box-and-fuzz: all
	@nice -n 19 $(MAKE) --no-print-directory -j$(CPUS) fuzz >$(OUT)/fuzz.log 2>&1 & fuzz=$$!; \
	        $(MAKE) --no-print-directory box; box=$$?; \
	        wait $$fuzz; fuzz=$$?; cat $(OUT)/fuzz.log; [ $$box = 0 ] && [ $$fuzz = 0 ]

box: all
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
	@$(MAKE) --no-print-directory -j$(CPUS) lint
	@$(MAKE) --no-print-directory -j$(CPUS) unit
	@$(MAKE) --no-print-directory cli-check
	@$(MAKE) --no-print-directory -j$(CPUS) unit-asan
	@$(MAKE) --no-print-directory -j$(CPUS) unit-tsan
	@$(MAKE) --no-print-directory -j$(CPUS) sanitized
	@$(MAKE) --no-print-directory box-and-fuzz
	@$(MAKE) --no-print-directory crash
	@echo "check: everything passed"

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
TEST_DEPS += protobuf-compiler python3-protobuf openssl
# Daemons that tests run by themselves: installed, and left alone.
IDLE_DEPS := prometheus
deps:
	@packaging/deps $(DEPS) $(if $(filter demo,$(MAKECMDGOALS)),,$(TEST_DEPS))
	@$(if $(filter demo,$(MAKECMDGOALS)),true,packaging/deps --idle $(IDLE_DEPS))

MAN := $(OUT)/man/boltseal.1 $(OUT)/man/boltseald.8 $(OUT)/man/boltseal.yaml.5 $(OUT)/man/boltseal.rules.5 \
       $(OUT)/man/boltseal.formats.7
man: $(MAN)
$(OUT)/man/boltseal.1: cli/boltseal.1.scd
$(OUT)/man/boltseald.8: daemon/boltseald.8.scd
$(OUT)/man/boltseal.yaml.5: conf/boltseal.yaml.5.scd
$(OUT)/man/boltseal.formats.7: lib/wire/boltseal.formats.7.scd
$(OUT)/man/boltseal.rules.5: conf/boltseal.rules.5.scd
$(MAN):
	@mkdir -p $(@D)
	@scdoc <$< >$@

PREFIX ?= /usr
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
install: all man
	install -Dm755 $(OUT)/boltseald $(DESTDIR)$(SBINDIR)/boltseald
	install -Dm755 $(OUT)/boltseal $(DESTDIR)$(BINDIR)/boltseal
	install -Dm644 $(OUT)/man/boltseal.1 $(DESTDIR)$(MANDIR)/man1/boltseal.1
	install -Dm644 $(OUT)/man/boltseald.8 $(DESTDIR)$(MANDIR)/man8/boltseald.8
	install -Dm644 $(OUT)/man/boltseal.yaml.5 $(DESTDIR)$(MANDIR)/man5/boltseal.yaml.5
	install -Dm644 $(OUT)/man/boltseal.formats.7 $(DESTDIR)$(MANDIR)/man7/boltseal.formats.7
	install -Dm644 $(OUT)/man/boltseal.rules.5 $(DESTDIR)$(MANDIR)/man5/boltseal.rules.5
	install -Dm644 -t $(DESTDIR)$(SYSCONFDIR)/boltseal/rules.d conf/rules.d/*.yaml
	install -Dm644 conf/boltseal.yaml $(DESTDIR)$(SYSCONFDIR)/boltseal/boltseal.yaml
	install -Dm644 packaging/journald/boltseal.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/boltseal.catalog
	install -Dm644 packaging/prometheus/boltseal.rules.yaml $(DESTDIR)$(PREFIX)/share/boltseal/prometheus/boltseal.rules.yaml

help:
	@echo "make            build/boltseald and build/boltseal"
	@echo "make demo       (root) install what is needed, build, show the story in a minute"
	@echo "make check      (root) install what is needed, build, run every test"
	@echo "  lint unit unit-asan unit-tsan sanitized cli-check fuzz box crash   its parts, one by one"
	@echo "make check-kube (root) the chart and manifests for Kubernetes, against its schemas"
	@echo "make bench      (root) the speed table, beside AIDE, docker diff and the bare loop"
	@echo "make format     lay the sources out as .clang-format says; lint checks that they are"
	@echo "make man        the manual pages into build/man"
	@echo "make install    DESTDIR, PREFIX, BINDIR, SBINDIR, MANDIR, SYSCONFDIR"
	@echo "make clean      remove build/"
	@echo "Variables: CC CFLAGS OUT=build SAN=address,undefined FUZZ_SECONDS=3"

clean:
	rm -rf $(OUT)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
.PHONY: box-and-fuzz all clean unit unit-asan unit-run unit-tsan sanitized lint format box cli-check crash fuzz \
        fuzz-run check check-kube demo bench deps man install help
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
