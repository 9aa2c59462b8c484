# The CUDA backend: one shared object, which the programs open when a device is wanted (lib/tensor/open_device.h). It is built
# where there is an nvcc; CUDA=1 insists on it, CUDA=0 leaves it out. CUDA_ARCHS="80 90": the compute capabilities that it
# has code for, and PTX of the last one for later cards; else those of this machine's cards, or 90; for install and dist, all.
CUDA ?= auto
CUDA_ARCHS ?=
$(if $(filter 0 1 auto,$(CUDA)),,$(error CUDA=$(CUDA): it is 0, 1 or auto))

# The nvcc, its release and the folder of its CUDA, or "none:" and why.
ifeq ($(CUDA),0)
  cuda_compiler := none: CUDA=0
else ifneq ($(SANITIZE),)
  cuda_compiler := none: SANITIZE=$(SANITIZE)
else
  cuda_compiler := $(shell NVCC='$(NVCC)' scripts/find-nvcc)
endif
backend :=
complete_backend :=
device_rate :=

ifeq ($(firstword $(cuda_compiler)),none:)
  no_cuda := $(wordlist 2,99,$(cuda_compiler))
  $(if $(or $(filter 1,$(CUDA)),$(and $(NVCC),$(filter auto,$(CUDA)))),$(error no CUDA backend: $(no_cuda)))
  # What an earlier build left would be opened all the same.
  $(shell mkdir -p $(BUILD)/cuda; rm -f $(BUILD)/bin/libstorm_cuda.so; printf '%s\n' '$(no_cuda)' > $(BUILD)/cuda/absent)
cuda-report:
	@cat $(BUILD)/cuda/absent
else

nvcc := $(firstword $(cuda_compiler))
cuda_home := $(word 3,$(cuda_compiler))
cards := $(if $(CUDA_ARCHS),,$(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d . | sort -nu))
archs_folder = $(BUILD)/cuda/$(subst $(space),-,$(strip $(1)))
here := $(call archs_folder,$(or $(CUDA_ARCHS),$(cards),90))
complete := $(call archs_folder,$(or $(CUDA_ARCHS),80 86 89 90 100))
backend := $(BUILD)/bin/libstorm_cuda.so
complete_backend := $(complete)/libstorm_cuda.so

host_compiler := -ccbin $(lastword $(CXX))
nvcc_flags := -std=c++20 -O3 -lineinfo --expt-relaxed-constexpr -Ilib -Werror all-warnings -Xptxas -v -MMD -MP
nvcc_flags += -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra,-Wno-psabi
# cuBLASLt is looked for beside what dist brings, in the CUDA that this was built with, and where another machine has its own.
nvcc_link := -lcublasLt -Xlinker -z,defs,-rpath,\$$ORIGIN/../lib/storm,-rpath,$(cuda_home)/lib64,-rpath,/usr/local/cuda/lib64
shared := -shared -Xlinker --exclude-libs,ALL,-soname,libstorm_cuda.so
cuda_settings := $(cuda_compiler) $(host_compiler) $(nvcc_flags) $(shared) $(nvcc_link)
$(shell mkdir -p $(BUILD)/cuda; rm -f $(BUILD)/cuda/absent; printf '%s\n' '$(cuda_settings)' | cmp -s - $(BUILD)/cuda/settings || \
  printf '%s\n' '$(cuda_settings)' > $(BUILD)/cuda/settings)

# An object's compute capabilities are its folder's name.
archs_of = $(subst -, ,$(firstword $(subst /, ,$(patsubst $(BUILD)/cuda/%,%,$@))))
gencode = $(foreach a,$(1),-gencode arch=compute_$(a)$(comma)code=sm_$(a))
gencode += -gencode arch=compute_$(lastword $(1))$(comma)code=compute_$(lastword $(1))

# nvcc says what each kernel takes of the card; that goes to a file, and all else that it says is an error.
define compile_kernels
@mkdir -p $(@D)
$(nvcc) $(host_compiler) $(nvcc_flags) $(call gencode,$(archs_of)) -c $< -o $@ 2>$(@:.o=.ptxas) || { cat $(@:.o=.ptxas) >&2; exit 1; }
endef
$(here)/%.o: %.cu $(BUILD)/cuda/settings | $(BUILD)/packages
	$(compile_kernels)
ifneq ($(here),$(complete))
$(complete)/%.o: %.cu $(BUILD)/cuda/settings | $(BUILD)/packages
	$(compile_kernels)
endif

kernel_objects := $(patsubst %.cu,%.o,$(wildcard lib/cuda/*.cu lib/ops/*.cu))
$(here)/libstorm_cuda.so: $(addprefix $(here)/,$(kernel_objects))
$(complete)/libstorm_cuda.so: $(addprefix $(complete)/,$(kernel_objects))
$(sort $(here)/libstorm_cuda.so $(complete)/libstorm_cuda.so): $(call archives,$(tensor))
	$(nvcc) $(host_compiler) $(shared) $(filter %.o,$^) $(filter %.a,$^) $(nvcc_link) -o $@

$(backend): $(here)/libstorm_cuda.so
	@mkdir -p $(@D)
	ln -f $< $@

# The card's own limits, which scripts/bench compares with.
device_rate := $(BUILD)/bench/device-product-rate
$(device_rate): $(complete)/scripts/device_product_rate.o $(call archives,base)
	@mkdir -p $(@D)
	$(nvcc) $(host_compiler) $^ $(nvcc_link) -o $@

# Registers, stack and spills of every kernel, those that spill last.
$(BUILD)/cuda/registers: $(complete)/libstorm_cuda.so scripts/cuda-report
	scripts/cuda-report $(complete) > $@
cuda-report: $(BUILD)/cuda/registers
	@cat $<

endif
