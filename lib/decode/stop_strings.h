// Strings that end an answer, as Hugging Face's stop_strings, vLLM's stop and llama.cpp's reverse prompts do. An answer
// ends where the text of what is new (behind its prompt or prefix, without these) contains one, whatever its minimum
// length. The string and what follows it are no part of the answer: of its ids are kept those whose text ends before
// the string begins. An id whose text reaches into the string goes as a whole.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/vocabulary.h"

namespace storm {

// The text that ids add behind what stands before them; a space between the two is a part of it.
std::string text_behind(const Vocabulary& vocabulary, std::span<const int32_t> before, std::span<const int32_t> ids);

class StopStrings {
 public:
  // vocabulary: of the answers. Throws UsageError for an empty string.
  StopStrings(const Vocabulary& vocabulary, std::vector<std::string> strings);

  // Whether the last of the ids completes a string, asked after each. before: what stands before the new ids.
  bool end(std::span<const int32_t> before, std::span<const int32_t> ids) const;
  // How many of the first ids have a text that ends before the first string begins; all, where there is none.
  std::size_t kept(std::span<const int32_t> before, std::span<const int32_t> ids) const;

  // Where the first string begins in a text; npos: it has none.
  std::size_t find(std::string_view text) const;
  // How many bytes at the end of a text may be the beginning of a string.
  std::size_t begun(std::string_view text) const;

 private:
  Vocabulary vocabulary_;
  std::vector<std::string> strings_;
  std::size_t longest_ = 0;  // bytes
};

}  // namespace storm
