# Test programs of the real kernels: a part's tests with their graphs run on a card, node by node (tests/run device-ops), and
# the tests of the device itself (device-cuda). Built where there is an nvcc; without a card they say so, and count as skipped.
card_programs :=
complete_card_programs :=
ifneq ($(backend),)
card_parts := ops models train
card_names := $(patsubst %,device-%,$(card_parts) cuda)
card_programs := $(addprefix $(BUILD)/tests/,$(card_names))
complete_card_programs := $(addprefix $(complete)/,$(card_names))

cuda_folder = $(patsubst %/$(1),%,$(firstword $(wildcard $(patsubst %,$(cuda_home)/%/$(1),$(2)) $(patsubst %,/usr/%/$(1),$(2)))))
cuda_headers := $(call cuda_folder,cuda_runtime.h,include targets/*/include)
cuda_libraries := $(call cuda_folder,libcudart_static.a,lib64 lib targets/*/lib lib/$(multiarch))
card_objects := $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/cuda/card/*.cc))
$(card_objects): FLAGS += -isystem $(cuda_headers)

# Those of tests/cuda that need no emulated runtime.
card_cuda_tests := $(filter-out %/memory.cc %/launches.cc,$(wildcard tests/cuda/*.cc))
card_tests = $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/$*/*.cc))
# In $(1), the folder of kernels for some compute capabilities, as the backend's are.
define link_card_programs
$(addprefix $(1)/device-,$(card_parts)): $(1)/device-%: $$$$(card_tests) $(card_objects) \
  $(BUILD)/obj/tests/main.o $(addprefix $(1)/,$(kernel_objects)) $$$$(call archives,$$$$($$$$*))
$(1)/device-cuda: $(patsubst %.cc,$(BUILD)/obj/%.o,$(card_cuda_tests)) $(patsubst %,$(BUILD)/obj/tests/%.o,ops/check main cuda/card/presence) \
  $(addprefix $(1)/,$(kernel_objects)) $(call archives,$(parts))
$(addprefix $(1)/,$(card_names)):
	$(CXX) $(FLAGS) $(CXXFLAGS) $$^ $(LDFLAGS) -L$(cuda_libraries) -Wl,-rpath,$(cuda_home)/lib64,-rpath,/usr/local/cuda/lib64 $(catch2) $(LDLIBS) \
	  -lcublasLt -lcudart_static -ldl -lrt -lpthread -o $$@
endef
$(foreach folder,$(sort $(here) $(complete)),$(eval $(call link_card_programs,$(folder))))
$(card_programs): $(BUILD)/tests/%: $(here)/%
	@mkdir -p $(@D)
	ln -f $< $@
endif

# For scripts/check-cuda.
card-tests: all $(card_programs)
bench-programs: $(patsubst %,$(BUILD)/bench/%,product-rate read-rate op-rates search-rate) $(device_rate)
.PHONY: card-tests bench-programs
