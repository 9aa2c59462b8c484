// decode --text: answers as text, a line each, piece by piece while they are made.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/output.h"
#include "decode/generate.h"
#include "decode/text_streamer.h"

namespace storm {

class TextAnswers {
 public:
  // stop: of the answers, or null. Both are borrowed.
  TextAnswers(const Vocabulary& vocabulary, const StopStrings* stop, Output& output)
      : output_(output), streamer_(vocabulary, stop, [this](std::string_view text) { write(text); }) {}

  // Writes the answer that answer(options) gives, behind the prompt that it begins with. Returns the answer's ids.
  template <class Answer>
  std::vector<int32_t> operator()(std::span<const int32_t> prompt, DecodeOptions options, Answer&& answer) {
    const bool streams = options.sample || options.beam == 1;
    if (streams) options.streamer = [this](int32_t id) { streamer_.put(id); };
    streamer_.begin(prompt);
    const Hypothesis said = answer(options);
    if (!streams) {
      for (std::size_t i = prompt.size(); i < said.ids.size(); ++i) streamer_.put(said.ids[i]);
      for (const int32_t id : said.stopped) streamer_.put(id);
    }
    streamer_.end();
    output_.write("\n");
    output_.flush();
    return said.ids;
  }

 private:
  // A row is one line, as tokenize -d writes it.
  void write(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(
        line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    output_.write(line);
    output_.flush();
  }

  Output& output_;
  TextStreamer streamer_;
};

}  // namespace storm
