// What a text is fed with, by the ids of its vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "models/text_encoder.h"
#include "text/vocabulary.h"

namespace storm {

struct TextFrame {
  int32_t before = -1, behind = -1;  // ids; -1: none
  bool shown = false;                // they are tokens of the text, with vectors like the others

  // Throws Error for a vocabulary that lacks one; model_name: what the model is called.
  static TextFrame of(const TextEncoder& model, const Vocabulary& vocabulary, std::string_view model_name);

  std::string name(const Vocabulary& vocabulary) const;  // as errors have it: "EOS", "[CLS] and [SEP]"
  // What a text of so many tokens takes of a batch.
  int64_t tokens(std::size_t length) const {
    return static_cast<int64_t>(length) + (before >= 0 ? 1 : 0) + (behind >= 0 ? 1 : 0);
  }
};

}  // namespace storm
