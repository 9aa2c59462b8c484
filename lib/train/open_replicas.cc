// Finds out from the environment whether this process is one of several, and opens what connects them.
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/number.h"
#include "base/program_library.h"
#include "train/replicas.h"

namespace storm {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libstorm_mpi.so";

struct Launcher {
  const char* name;
  const char* variable;  // how many processes it started
};
// Open MPI's mpirun; MPICH's mpiexec and its kin; Slurm's srun, which sets its variable for every step, of one process,
// too.
constexpr Launcher kLaunchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_SIZE"}, {"mpiexec", "PMI_SIZE"}, {"srun", "SLURM_STEP_NUM_TASKS"}};

struct Started {
  const char* by = nullptr;  // null: nobody
  int64_t processes = 1;
};
// The first that has said how many there are decides: mpirun may have started one alone in a step of several.
Started started() {
  for (const Launcher& launcher : kLaunchers)
    if (const char* text = std::getenv(launcher.variable))
      if (const auto n = parse_number<int64_t>(text)) return {launcher.name, *n};
  return {};
}

}  // namespace

bool is_launched() { return started().by != nullptr; }

Replicas& open_replicas() {
  static Replicas* opened = nullptr;
  if (opened) return *opened;
  const auto [launcher, processes] = started();
  if (processes <= 1) return *(opened = &one_process());
  const std::string among = str(launcher, " started this as one of ", processes, " processes: ");
  const fs::path path = program_library(kLibrary);
  require(!path.empty(), among, kLibrary,
          ", which connects them, is not beside the program; build with libopenmpi-dev installed, or start it alone");
  const auto is_set = [](const char* name) { return std::getenv(name) != nullptr; };
  require(
      !is_set("SLURM_STEP_NUM_TASKS") || is_set("PMIX_RANK") || is_set("PMI_RANK") || is_set("OMPI_COMM_WORLD_SIZE"),
      among, "nothing connects them; use srun --mpi=pmix (Open MPI) or srun --mpi=pmi2 (MPICH)");
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  require(library, among, library ? "" : ::dlerror());
  void* open = ::dlsym(library, "storm_open_replicas");
  require(open, among, open ? "" : ::dlerror());
  auto& all = reinterpret_cast<Replicas& (*)()>(open)();
  if (all.size() != processes) {
    all.finish();
    fail(among, kLibrary, " was built for another MPI, which sees ", all.size(),
         "; use the launcher of its own, or build with this one's mpicc (make MPICC=...)");
  }
  return *(opened = &all);
}

}  // namespace storm
