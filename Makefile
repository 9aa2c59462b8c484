# make, make test, make demo, make install PREFIX=, make bench, make bench-quick, make format, make tidy, make SANITIZE=address,undefined test
# Objects and programs live under $(BUILD); sources are found by their place: lib/*/*.cc, tools/*.cc, tests/PART/*.cc.
PREFIX ?= /usr/local
CXX ?= g++
SANITIZE ?=
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
comma := ,
percent := %

# x86-64-v3 is "since AVX2"; kernels marked STORM_CLONES also carry AVX-512 code that is picked at run time.
CXXFLAGS ?= -O3 -g1
# -Wrestrict has false alarms in GCC 12 (its PR 105651).
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wno-psabi -Wno-restrict -Werror
FLAGS := -std=c++20 -march=x86-64-v3 -mprefer-vector-width=512 -fno-math-errno -fno-trapping-math -fopenmp -Ilib $(WARNINGS) -MMD -MP
LDLIBS := -Wl,--as-needed -lsentencepiece_train -lsentencepiece

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
  # Sanitizers make GCC guess wrongly about what is initialised (its manual, -fsanitize=).
  FLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DSTORM_SANITIZE
  FLAGS += -Wno-maybe-uninitialized
  CXXFLAGS := -O1 -g
endif

# The one-way dependencies of lib/: PART's archive and what may stand below it, in link order. A test program of a part
# is linked with these alone, so an arrow that points the other way does not link.
base := base
stream := stream $(base)
text := text $(stream)
metrics := metrics $(text)
tensor := tensor $(base)
cpu := cpu $(tensor)
ops := ops $(cpu)
nn := nn $(ops)
models := models $(nn) $(stream)
inspect := inspect $(models) $(text)
pictures := pictures $(inspect)
data := data $(stream)
decode := decode $(models) $(text)
train := train $(decode) $(data) $(metrics)
parts := pictures train decode inspect models nn ops cpu tensor data metrics text stream base
archives = $(foreach p,$(parts),$(if $(filter $(p),$(1)),$(if $(wildcard lib/$(p)/*.cc),$(BUILD)/lib/$(p).a)))

tool_sources := $(filter-out tools/cli.cc,$(wildcard tools/*.cc))
programs := $(patsubst tools/%.cc,$(BUILD)/bin/%,$(tool_sources))
test_parts := $(sort $(foreach f,$(wildcard tests/*/*.cc),$(word 2,$(subst /, ,$(f)))))
test_programs := $(patsubst %,$(BUILD)/tests/%,$(test_parts))

all: $(programs) $(BUILD)/data/make-corpus
tests: all $(test_programs)

# The flags are part of what a build depends on; so is a package that came or went.
settings := $(CXX) $(FLAGS) $(CXXFLAGS) $(LDFLAGS) $(LDLIBS)
$(shell mkdir -p $(BUILD); printf '%s\n' '$(settings)' | cmp -s - $(BUILD)/settings || printf '%s\n' '$(settings)' > $(BUILD)/settings)

$(BUILD)/packages: $(BUILD)/settings scripts/check-packages
	@CXX="$(CXX)" scripts/check-packages && touch $@

$(BUILD)/obj/%.o: %.cc $(BUILD)/settings | $(BUILD)/packages
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $(if $(filter tools/% tests/% data/%,$<),-I.) -c $< -o $@

# Scores agree with sacreBLEU's to the last digit, so no product may be fused into a sum there.
$(BUILD)/obj/lib/metrics/%.o: FLAGS += -ffp-contract=off

# Pages' markup, style and scripts are files of their own kinds; C++ includes them as raw strings.
page_parts := $(patsubst lib/%,$(BUILD)/include/%.raw,$(wildcard lib/pictures/*.html lib/pictures/*.css lib/pictures/*.js))
$(BUILD)/include/%.raw: lib/%
	@mkdir -p $(@D)
	@{ printf 'R"raw('; cat $<; printf ')raw"\n'; } > $@
$(BUILD)/obj/lib/pictures/%.o: FLAGS += -I$(BUILD)/include
$(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard lib/pictures/*.cc)): | $(page_parts)

.SECONDEXPANSION:
$(BUILD)/lib/%.a: $$(patsubst $$(percent).cc,$(BUILD)/obj/$$(percent).o,$$(wildcard lib/$$*/*.cc))
	@mkdir -p $(@D) && rm -f $@
	ar rcs $@ $^

$(programs): $(BUILD)/bin/%: $(BUILD)/obj/tools/%.o $(BUILD)/obj/tools/cli.o $(call archives,$(parts))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Writes the embedded corpus; not a tool, so it is not installed.
$(BUILD)/data/make-corpus: $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard data/*.cc) tools/cli.cc) $(call archives,$(tensor))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Measure the limits that scripts/bench compares with, and each op beside them; not tools either.
$(BUILD)/bench/product-rate: $(BUILD)/obj/scripts/product_rate.o $(call archives,cpu tensor base)
$(BUILD)/bench/op-rates: $(BUILD)/obj/scripts/op_rates.o $(call archives,$(models))
$(BUILD)/bench/product-rate $(BUILD)/bench/op-rates:
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# The same for the exact search of embed.
$(BUILD)/bench/search-rate: $(BUILD)/obj/scripts/search_rate.o $(call archives,inspect models nn ops cpu tensor text stream base)
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Catch2 3 comes as a library, Catch2 2 as a header alone.
catch2 := $(if $(wildcard /usr/include/catch2/catch_all.hpp),-lCatch2)
test_objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/$*/*.cc))
$(test_programs): $(BUILD)/tests/%: $$(test_objects) $(BUILD)/obj/tests/main.o $$(call archives,$$(or $$($$*),$(parts)))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(catch2) $(LDLIBS) -o $@

test: tests
	BUILD=$(BUILD) tests/run

demo:
	scripts/demo

bench: all $(BUILD)/bench/product-rate $(BUILD)/bench/search-rate
	scripts/bench

bench-quick: all $(BUILD)/bench/product-rate $(BUILD)/bench/op-rates
	scripts/bench-quick

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(programs) $(DESTDIR)$(PREFIX)/bin

sources := $(wildcard lib/*/*.h lib/*/*.cc tools/*.h tools/*.cc tests/*.h tests/*.cc tests/*/*.h tests/*/*.cc data/*.h data/*.cc scripts/*.cc)
format:
	clang-format -i $(sources)

tidy: $(page_parts)
	clang-tidy --quiet $(filter lib/%.cc tools/%.cc,$(sources)) -- -std=c++20 -march=x86-64-v3 -fopenmp -Ilib -I. -I$(BUILD)/include

clean:
	rm -rf $(BUILD)

.PHONY: all tests test demo bench bench-quick install format tidy clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
