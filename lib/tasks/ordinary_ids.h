// The ids of a vocabulary that stand for text.
#pragma once

#include <vector>

#include "text/vocabulary.h"

namespace storm {

// By id: off for padding, the unknown piece, BOS and EOS.
inline std::vector<bool> ordinary_ids(const Vocabulary& vocabulary) {
  std::vector<bool> ordinary(static_cast<std::size_t>(vocabulary.size()), true);
  for (const int32_t id : {vocabulary.pad_id(), vocabulary.unk_id(), vocabulary.bos_id(), vocabulary.eos_id()})
    if (id >= 0) ordinary[static_cast<std::size_t>(id)] = false;
  return ordinary;
}

}  // namespace storm
