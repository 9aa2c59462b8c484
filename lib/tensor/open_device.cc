#include "tensor/open_device.h"

#include <dlfcn.h>

#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/program_library.h"

namespace storm {

namespace {

namespace fs = std::filesystem;

constexpr const char* kBackend = "libstorm_cuda.so";

// Libraries stay open to the end: a device's code, and the driver's threads, are theirs.
template <class F>
F symbol(void* library, const char* name) {
  void* found = ::dlsym(library, name);
  require(found, ::dlerror());
  return reinterpret_cast<F>(found);
}

// How many devices the driver shows to this process. Asked of the driver itself, which is small: a machine without
// devices need not load all of cuBLASLt to learn that there are none. Functions and numbers are those of its cuda.h.
int count_devices() {
  constexpr int success = 0, no_device = 100;
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  require(driver, "the NVIDIA driver is missing: ", ::dlerror());
  const auto checked = [&](int result) {
    if (result == success) return true;
    if (result == no_device) return false;
    const char* text = nullptr;
    symbol<int (*)(int, const char**)>(driver, "cuGetErrorString")(result, &text);
    fail("the NVIDIA driver does not start: ", text ? text : "error ", text ? "" : str(result));
  };
  int count = 0;
  if (!checked(symbol<int (*)(unsigned)>(driver, "cuInit")(0))) return 0;
  return checked(symbol<int (*)(int*)>(driver, "cuDeviceGetCount")(&count)) ? count : 0;
}

// Errors come out of the backend as storm::Error: both sides have the C++ library's one type_info comparison, by name.
std::unique_ptr<Device> open_backend(const fs::path& path, int number) {
  void* backend = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!backend) {
    const std::string why = ::dlerror();
    fail(why, why.find("cublas") == why.npos ? "" : "; put the lib64 folder of that CUDA into LD_LIBRARY_PATH");
  }
  return std::unique_ptr<Device>(symbol<Device* (*)(int)>(backend, "storm_open_device")(number));
}

// The place-th, round and round, where no number is named.
std::unique_ptr<Device> open_numbered(std::optional<int> named, int place) {
  const fs::path path = program_library(kBackend);
  require(!path.empty(), kBackend, " is not beside the program, which was built without nvcc (CUDA 12.8 or later)");
  const int count = count_devices();
  require(count > 0, "the NVIDIA driver shows no device");
  const int number = named.value_or(place % count);
  require(number < count, "there is no such device: the last is cuda:", count - 1);
  return open_backend(path, number);
}

std::unique_ptr<Device> open_if_any(int place) {
  const fs::path path = program_library(kBackend);
  int count = 0;
  try {
    if (path.empty() || (count = count_devices()) == 0) return nullptr;
  } catch (const Error&) {
    return nullptr;
  }
  try {
    return open_backend(path, place % count);
  } catch (const Error& e) {
    warn("there is a device, but this runs on the CPU: ", e.what());
    return nullptr;
  }
}

}  // namespace

std::optional<int> device_number(const std::string& name) {
  if (name == "auto" || name == "cpu") return {};
  if (name == "cuda") return 0;
  constexpr std::string_view prefix = "cuda:";
  if (name.starts_with(prefix))
    if (const auto n = parse_number<int>(name.substr(prefix.size())); n && *n >= 0) return n;
  throw UsageError(str("--device: '", name, "' is none of auto, cpu, cuda, cuda:N"));
}

std::unique_ptr<Device> open_device(const std::string& name, int place) {
  const auto number = device_number(name);
  if (!number) return name == "cpu" ? nullptr : open_if_any(place);
  try {
    return open_numbered(name == "cuda" ? std::nullopt : number, place);
  } catch (const Error& e) {
    fail("--device ", name, ": ", e.what(), "; or use --device cpu");
  }
}

}  // namespace storm
