// The text of an answer while it is made, as Hugging Face's TextStreamer: of each id what is certain, whole characters
// that no stop string begins with.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "decode/stop_strings.h"

namespace storm {

class TextStreamer {
 public:
  // stop: borrowed; null: none. write is given pieces of text, none of them empty.
  TextStreamer(const Vocabulary& vocabulary, const StopStrings* stop, std::function<void(std::string_view)> write);

  // The text that the answer follows, which is written with the answer's first id, or its end: nothing is, of an answer
  // that there is none of. prompt: borrowed until the answer's end.
  void begin(std::span<const int32_t> prompt);
  // The next id. The text ends where a stop string begins: what comes later is not written.
  void put(int32_t id);
  // Writes what was held back.
  void end();

 private:
  void write_prompt();
  void write_to(std::string_view text, std::size_t end);

  Vocabulary vocabulary_;
  const StopStrings* stop_;
  std::function<void(std::string_view)> write_;
  std::span<const int32_t> prompt_;
  bool begun_ = false;  // whether the prompt is written
  std::vector<int32_t> ids_;
  std::size_t written_ = 0;  // bytes of the text behind the prompt
};

}  // namespace storm
