// What learns: train finds it by the preset that is asked for.
#pragma once

#include <string>
#include <vector>

#include "tools/cli.h"

namespace storm {

struct Learner {
  std::string name;                  // in errors
  std::vector<std::string> presets;  // of names that no other learner has
  std::vector<Flag> flags;           // the help of a name that several have is put together
  void (*learn)(const Args& args);
};

const Learner& gradient_learner();
const Learner& ngram_learner();

}  // namespace storm
