# make, make test, make demo, make install PREFIX=, make bench, make format, make tidy, make SANITIZE=address,undefined test
# Objects and programs live under $(BUILD); sources are found by their place: lib/*/*.cc, tools/*.cc, tests/PART/*.cc.
PREFIX ?= /usr/local
CXX ?= g++
SANITIZE ?=
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
comma := ,

# x86-64-v3 is "since AVX2"; kernels marked STORM_CLONES also carry AVX-512 code that is picked at run time.
CXXFLAGS ?= -O3 -g1
# -Wrestrict has false alarms in GCC 12 (its PR 105651).
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wno-psabi -Wno-restrict -Werror
FLAGS := -std=c++20 -march=x86-64-v3 -fopenmp -Ilib $(WARNINGS) -MMD -MP
LDLIBS := -Wl,--as-needed -lsentencepiece

multiarch := $(shell $(CXX) -print-multiarch 2>/dev/null)
# OpenBLAS's OpenMP build by its own folder: the system's default alternative may be the pthread one.
openblas := $(wildcard /usr/lib/$(multiarch)/openblas-openmp)
LDFLAGS += $(if $(openblas),-L$(openblas) -Wl$(comma)-rpath$(comma)$(openblas))
LDLIBS += -lopenblas
ONEDNN ?= $(if $(wildcard /usr/include/dnnl.h),1,0)
ifeq ($(ONEDNN),1)
  FLAGS += -DSTORM_ONEDNN
  LDLIBS += -ldnnl
endif
ifneq ($(SANITIZE),)
  FLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DSTORM_SANITIZE
  CXXFLAGS := -O1 -g
endif

lib_objects := $(patsubst %.cc,$(BUILD)/%.o,$(wildcard lib/*/*.cc))
tool_sources := $(filter-out tools/cli.cc,$(wildcard tools/*.cc))
programs := $(patsubst tools/%.cc,$(BUILD)/bin/%,$(tool_sources))
test_parts := $(sort $(foreach f,$(wildcard tests/*/*.cc),$(word 2,$(subst /, ,$(f)))))
test_programs := $(patsubst %,$(BUILD)/tests/%,$(test_parts))

all: $(programs)
tests: all $(test_programs)

# The flags are part of what a build depends on; so is a package that came or went.
settings := $(CXX) $(FLAGS) $(CXXFLAGS) $(LDFLAGS) $(LDLIBS)
$(shell mkdir -p $(BUILD); printf '%s\n' '$(settings)' | cmp -s - $(BUILD)/settings || printf '%s\n' '$(settings)' > $(BUILD)/settings)

$(BUILD)/packages: $(BUILD)/settings scripts/check-packages
	@CXX="$(CXX)" scripts/check-packages && touch $@

$(BUILD)/%.o: %.cc $(BUILD)/settings | $(BUILD)/packages
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $(if $(filter tools/% tests/%,$<),-I.) -c $< -o $@

$(BUILD)/libstorm.a: $(lib_objects)
	@rm -f $@
	ar rcs $@ $^

$(programs): $(BUILD)/bin/%: $(BUILD)/tools/%.o $(BUILD)/tools/cli.o $(BUILD)/libstorm.a
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Catch2 3 comes as a library, Catch2 2 as a header alone.
catch2 := $(if $(wildcard /usr/include/catch2/catch_all.hpp),-lCatch2)
test_objects = $(patsubst %.cc,$(BUILD)/%.o,$(wildcard tests/$*/*.cc))
.SECONDEXPANSION:
$(test_programs): $(BUILD)/tests/%: $$(test_objects) $(BUILD)/tests/main.o $(BUILD)/libstorm.a
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(catch2) $(LDLIBS) -o $@

test: tests
	BUILD=$(BUILD) tests/run

demo:
	scripts/demo

bench: all
	scripts/bench

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(programs) $(DESTDIR)$(PREFIX)/bin

sources := $(wildcard lib/*/*.h lib/*/*.cc tools/*.h tools/*.cc tests/*.h tests/*.cc tests/*/*.h tests/*/*.cc)
format:
	clang-format -i $(sources)

tidy:
	clang-tidy --quiet $(filter lib/%.cc tools/%.cc,$(sources)) -- -std=c++20 -march=x86-64-v3 -fopenmp -Ilib -I.

clean:
	rm -rf $(BUILD)

.PHONY: all tests test demo bench install format tidy clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
