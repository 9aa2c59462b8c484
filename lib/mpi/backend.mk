# What connects several processes: one shared object, which train and decode open when a launcher has started them so
# (lib/train/replicas.h). It is built where there is an MPI's mpicc; MPICC= names another one's, MPI=1 insists on it, MPI=0
# leaves it out. Open MPI 4 and 5 share an interface, so that one of them serves both.
MPI ?= auto
MPICC ?= mpicc
$(if $(filter 0 1 auto,$(MPI)),,$(error MPI=$(MPI): it is 0, 1 or auto))

mpi_flags := $(if $(filter 0,$(MPI)),,$(wordlist 2,99,$(shell $(MPICC) -show 2>/dev/null)))
mpi_library :=
ifeq ($(mpi_flags),)
  $(if $(filter 1,$(MPI)),$(error MPI=1: $(MPICC) -show says nothing; install libopenmpi-dev))
  # What an earlier build left would be opened all the same.
  $(shell rm -f $(BUILD)/bin/libstorm_mpi.so)
else
mpi_library := $(BUILD)/bin/libstorm_mpi.so
# MPI's own C++ interface, long gone from the standard, is left out.
$(BUILD)/obj/lib/mpi/%.o: FLAGS += -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX $(filter -I% -isystem% -pthread,$(mpi_flags))
$(mpi_library): $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard lib/mpi/*.cc)) $(call archives,$(train))
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) -shared -Wl,-z,defs,--exclude-libs,ALL,-soname,libstorm_mpi.so $^ $(LDFLAGS) $(filter -L% -l% -Wl%,$(mpi_flags)) $(LDLIBS) -o $@
endif
