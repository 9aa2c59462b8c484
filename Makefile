# make, make test, make demo, make install PREFIX=, make dist, make bench, make bench-quick, make cuda-report, make format, make tidy,
# make SANITIZE=address,undefined test
# Objects and programs live under $(BUILD); sources are found by their place: lib/*/*.cc, lib/models/NAME/*.cc, tools/*.cc,
# tests/PART/*.cc.
PREFIX ?= /usr/local
CXX ?= g++
SANITIZE ?=
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
comma := ,
percent := %
empty :=
space := $(empty) $(empty)

# x86-64-v3 is "since AVX2"; kernels marked STORM_CLONES also carry AVX-512 code that is picked at run time.
CXXFLAGS ?= -O3 -g1
# -Wrestrict has false alarms in GCC 12 (its PR 105651); clang++ does not know it, and takes no flag that it does not know.
understood = $(shell $(CXX) -Werror $(1) -fsyntax-only -x c++ /dev/null 2>/dev/null && echo $(1))
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wno-psabi $(call understood,-Wno-restrict) -Werror
# Position-independent and hidden, since the CUDA backend holds some of the library, too: no program's symbol meets its.
FLAGS := -std=c++20 -march=x86-64-v3 -mprefer-vector-width=512 -fno-math-errno -fno-trapping-math -fopenmp -fPIC -fvisibility=hidden
FLAGS += -Ilib $(WARNINGS) -MMD -MP
LDLIBS := -Wl,--as-needed -lsentencepiece_train -lsentencepiece

multiarch := $(shell $(CXX) -print-multiarch 2>/dev/null)
# OpenBLAS's OpenMP build by its own folder: the system's default alternative may be the pthread one.
openblas := $(wildcard /usr/lib/$(multiarch)/openblas-openmp)
# First the libraries of `make dist`, with those that they need themselves, which only the old tag finds.
LDFLAGS += -Wl,--disable-new-dtags,-rpath,\$$ORIGIN/../lib/storm,-rpath,\$$ORIGIN/../../lib/storm
LDFLAGS += $(if $(openblas),-L$(openblas) -Wl$(comma)-rpath$(comma)$(openblas))
LDLIBS += -lopenblas  # of STORM's programs, those without oneDNN alone need it at start (lib/cpu/eigen.cc)
ONEDNN ?= $(if $(wildcard /usr/include/dnnl.h),1,0)
ifeq ($(ONEDNN),1)
  FLAGS += -DSTORM_ONEDNN
  LDLIBS += -ldnnl
endif
ifneq ($(SANITIZE),)
  # Sanitizers make GCC guess wrongly about what is initialised (its manual, -fsanitize=).
  FLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DSTORM_SANITIZE
  # At -O1 clang++ vectorises little, and says so.
  FLAGS += $(call understood,-Wno-maybe-uninitialized) $(call understood,-Wno-pass-failed)
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
data := data $(stream)
models := models $(nn) $(data)
vectors := vectors $(data) $(text) $(cpu)
ngram := ngram $(text)
inspect := inspect $(models) $(text)
pictures := pictures $(inspect)
decode := decode $(models) $(ngram)
tasks := tasks $(decode) inspect $(metrics)
exchange := exchange $(models) $(text)
train := train $(tasks)
cuda := $(train) inspect
parts := exchange pictures train tasks decode ngram inspect vectors models nn ops cpu tensor metrics text data stream base
archives = $(foreach p,$(parts),$(if $(filter $(p),$(1)),$(if $(wildcard lib/$(p)/*.cc),$(BUILD)/lib/$(p).a)))

tool_sources := $(filter-out tools/cli.cc,$(wildcard tools/*.cc))
programs := $(patsubst tools/%.cc,$(BUILD)/bin/%,$(tool_sources))
test_parts := $(sort $(foreach f,$(wildcard tests/*/*.cc),$(word 2,$(subst /, ,$(f)))))
test_programs := $(patsubst %,$(BUILD)/tests/%,$(test_parts))

.DEFAULT_GOAL := all
.SECONDEXPANSION:
# The CUDA backend: backend, where there is an nvcc, else nothing; complete_backend, for install and dist.
include lib/cuda/backend.mk
# What connects several processes, where there is an MPI: mpi_library.
include lib/mpi/backend.mk

all: $(programs) $(BUILD)/data/make-corpus $(backend) $(mpi_library)
tests: all $(test_programs) $$(card_programs) $(if $(SANITIZE),,$(BUILD)/tests/emulated-ops $$(failing_calls)) $$(stand_ins) $$(emulated_backend)

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

$(BUILD)/lib/%.a: $$(patsubst $$(percent).cc,$(BUILD)/obj/$$(percent).o,$$(wildcard lib/$$*/*.cc lib/$$*/*/*.cc))
	@mkdir -p $(@D) && rm -f $@
	ar qcs $@ $^

tool_parts = $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tools/$*/*.cc))
$(programs): $(BUILD)/bin/%: $(BUILD)/obj/tools/%.o $$(tool_parts) $(BUILD)/obj/tools/cli.o $(call archives,$(parts))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Writes the embedded corpus; not a tool, so it is not installed.
$(BUILD)/data/make-corpus: $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard data/*.cc) tools/cli.cc) $(call archives,text stream $(tensor))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Measure the limits that scripts/bench compares with, and each op beside them; not tools either.
$(BUILD)/bench/product-rate: $(BUILD)/obj/scripts/product_rate.o $(call archives,cpu tensor base)
$(BUILD)/bench/read-rate: $(BUILD)/obj/scripts/read_rate.o $(call archives,tensor base)
$(BUILD)/bench/op-rates: $(BUILD)/obj/scripts/op_rates.o $(call archives,$(models))
$(BUILD)/bench/product-rate $(BUILD)/bench/read-rate $(BUILD)/bench/op-rates:
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# The batches of a pre-training, for peers.
$(BUILD)/bench/pretraining-batches: $(BUILD)/obj/scripts/pretraining_batches.o $(call archives,$(train))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# The limit of the exact search of embed.
$(BUILD)/bench/search-rate: $(BUILD)/obj/scripts/search_rate.o $(call archives,$(vectors))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# The limit of training word vectors.
$(BUILD)/bench/small-product-rate: $(BUILD)/obj/scripts/small_product_rate.o $(call archives,$(cpu))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# The same for training a part of a model.
$(BUILD)/bench/adapter-rate: $(BUILD)/obj/scripts/adapter_rate.o $(call archives,$(train))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

# Catch2 3 comes as a library, Catch2 2 as a header alone.
catch2 := $(if $(wildcard /usr/include/catch2/catch_all.hpp),-lCatch2)
test_objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/$*/*.cc)) $($*_objects)
$(test_programs): $(BUILD)/tests/%: $$(test_objects) $(BUILD)/obj/tests/main.o $$(call archives,$$(or $$($$*),$(parts)))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(catch2) $(LDLIBS) -o $@

nn_objects := $(BUILD)/obj/tests/ops/check.o

# Tests of the CUDA kernels without a card: the .cu files as C++, with <cuda_runtime.h> emulated on the CPU, linked before
# the library so that its graphs run on them (tests/cuda/emulation). tests/run emulated-ops: the tests of ops, so run.
emulated_parts := ops models train
emulated_programs := $(patsubst %,$(BUILD)/tests/emulated-%,$(emulated_parts))
emulated := $(BUILD)/obj/emulated
op_kernels := $(patsubst %.cu,$(emulated)/%.o,$(wildcard lib/ops/*.cu) lib/cuda/kernels.cu)
emulation := $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/cuda/emulation/*.cc))
$(emulation): FLAGS += -Itests/cuda/emulation
$(emulated)/%.o: %.cu $(BUILD)/settings | $(BUILD)/packages
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) -Wno-unknown-pragmas -Itests/cuda/emulation $(CXXFLAGS) -x c++ -c $< -o $@

emulated_tests = $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/$*/*.cc))
$(emulated_programs): $(BUILD)/tests/emulated-%: $$(emulated_tests) $(BUILD)/obj/tests/main.o $(op_kernels) $(emulation) $$(call archives,$$($$*))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(catch2) $(LDLIBS) -o $@

# The device itself, emulated, beside the CPU's own execution of graphs; for tests of tools (tests/tools/emulated.sh), as a backend.
device_sources := $(filter-out %/products.cu %/library.cu,$(wildcard lib/cuda/*.cu lib/ops/*.cu))
emulated_device := $(patsubst %.cu,$(emulated)/%.o,$(device_sources)) $(filter-out %/execution.o,$(emulation))
cuda_objects := $(BUILD)/obj/tests/ops/check.o $(emulated_device)
emulated_backend := $(BUILD)/stand-in/emulated/libstorm_cuda.so
$(emulated_backend): $(BUILD)/obj/tests/cuda/stand_in/emulated.o $(emulated_device) $(call archives,$(cpu))
	@mkdir -p $(@D)
	$(CXX) -shared $(FLAGS) $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@
$(patsubst %,$(BUILD)/obj/tests/cuda/%.o,memory launches): FLAGS += -Itests/cuda/emulation -Wno-unknown-pragmas
# The same tests on a real card.
include tests/cuda/card/card.mk

test: tests
	BUILD=$(BUILD) tests/run

demo:
	scripts/demo

bench: all $(BUILD)/bench/product-rate $(BUILD)/bench/read-rate $(BUILD)/bench/search-rate $(BUILD)/bench/adapter-rate $(BUILD)/bench/small-product-rate $(BUILD)/bench/pretraining-batches $(device_rate)
	scripts/bench

bench-quick: all $(BUILD)/bench/product-rate $(BUILD)/bench/op-rates
	scripts/bench-quick

# What a machine without a card can be told of one (tests/tools/device.sh): a driver that has what the environment says, and a
# backend that refuses.
stand_ins := $(patsubst %,$(BUILD)/stand-in/%,libcuda.so.1 libstorm_cuda.so nccl/libnccl.so.2)
$(BUILD)/stand-in/libcuda.so.1: $(BUILD)/obj/tests/cuda/stand_in/driver.o
$(BUILD)/stand-in/libstorm_cuda.so: $(BUILD)/obj/tests/cuda/stand_in/backend.o
$(BUILD)/stand-in/nccl/libnccl.so.2: $(BUILD)/obj/tests/cuda/stand_in/nccl.o
$(stand_ins):
	@mkdir -p $(@D)
	$(CXX) -shared $(FLAGS) $(CXXFLAGS) $^ -o $@

# What makes the Nth system call of a program fail (tests/faults/faults.sh); sanitizers bring an allocator of their own.
failing_calls := $(BUILD)/tests/failing_calls.so
$(failing_calls): $(BUILD)/obj/tests/faults/preload/failing_calls.o
	@mkdir -p $(@D)
	$(CXX) -shared $(FLAGS) $(CXXFLAGS) $^ -o $@

# Harnesses of libFuzzer, one a reader; scripts/attack fuzz builds them with clang.
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/faults/fuzz/%.o $(BUILD)/obj/tools/cli.o $$(call archives,$$(parts))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) -fsanitize=fuzzer $(CXXFLAGS) $^ $(LDFLAGS) $(LDLIBS) -o $@

install: all $(complete_backend)
	install -d $(DESTDIR)$(PREFIX)/bin $(if $(backend)$(mpi_library),$(DESTDIR)$(PREFIX)/lib/storm)
	install $(programs) $(DESTDIR)$(PREFIX)/bin
	$(if $(backend)$(mpi_library),install $(complete_backend) $(mpi_library) $(DESTDIR)$(PREFIX)/lib/storm)

# Programs, tests and what they need, to be unpacked anywhere; parts of it are used as they are in a source tree.
dist: tests bench-programs $(complete_backend) $(complete_card_programs) $(device_rate)
	BUILD=$(BUILD) scripts/dist $(complete_backend)

sources := $(wildcard lib/*/*.h lib/*/*/*.h lib/*/*.cc lib/*/*/*.cc lib/*/*.cu lib/*/*.cuh tools/*.h tools/*.cc tools/*/*.h tools/*/*.cc tests/*.h tests/*.cc tests/*/*.h tests/*/*.cc tests/faults/*/*.h tests/faults/*/*.cc data/*.h data/*.cc scripts/*.cc)
format:
	clang-format -i $(sources)

tidy: $(page_parts)
	clang-tidy --quiet $(filter lib/%.cc tools/%.cc,$(sources)) -- -std=c++20 -march=x86-64-v3 -fopenmp -Ilib -I. -I$(BUILD)/include

clean:
	rm -rf $(BUILD)

.PHONY: all tests test demo bench bench-quick cuda-report install dist format tidy clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
