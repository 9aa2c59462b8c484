// The one place that knows STORM's version.
#pragma once

namespace storm {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace storm
