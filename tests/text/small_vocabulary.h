// A vocabulary for tests that need one and do not ask what is in it.
#pragma once

#include <string>

#include "text/learn.h"
#include "text/vocabulary.h"

namespace storm::test {

// 40 pieces, without byte pieces.
inline const Vocabulary& small_vocabulary() {
  static const Vocabulary vocabulary = [] {
    LearnOptions options;
    options.vocab_size = 40;
    options.byte_fallback = false;
    int left = 200;
    return Vocabulary::from_bytes(learn_vocabulary(
        [&](std::string& line) {
          line = "some words " + std::to_string(left * 7919) + " or others";
          return left-- > 0;
        },
        options));
  }();
  return vocabulary;
}

}  // namespace storm::test
