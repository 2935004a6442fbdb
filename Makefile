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

LIB_LIBS := -lcrypto -ljansson
DAE_LIBS := -lmicrohttpd -llmdb -lyaml -lcap-ng
UNIT_LIBS := -lcmocka

all: $(OUT)/boltseald $(OUT)/boltseal

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) $(DEPGEN) -c -o $@ $<

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

clean:
	rm -rf $(OUT)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
.PHONY: all clean
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
