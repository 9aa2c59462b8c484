// What the process may still map. Some libraries crash, or wait for ever, where a mapping of theirs fails.
#pragma once

#include <cstddef>

namespace storm {

// Whether mappings have a limit of their own: ulimit -v or -d, vm.overcommit_memory of 2.
bool address_space_is_limited();

// Throws std::bad_alloc, which a tool reports as "out of memory", where so many bytes more could not be mapped now.
// They are free again on return: call it right before the library that is to map them. Costs next to nothing where
// there is no limit.
void require_address_space(std::size_t bytes);

}  // namespace storm
