// What learns: train finds it by the preset that is asked for.
#pragma once

#include <string>
#include <vector>

#include "tools/cli.h"

namespace storm {

struct Learner {
  std::string name;                  // in errors
  std::vector<std::string> presets;  // of names that no other learner has
  std::vector<Flag> flags;           // flags of one name mean the same in all learners
  void (*learn)(const Args& args);
};

const Learner& gradient_learner();

}  // namespace storm
