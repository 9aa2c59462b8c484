// decode --text: answers as text, a line each, piece by piece while they are made.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/output.h"
#include "decode/text_streamer.h"
#include "tools/model_rows.h"

namespace storm {

class TextAnswers {
 public:
  // All are borrowed. stop: of the answers, or null.
  TextAnswers(const TaskModel& model, const StopStrings* stop, Output& output)
      : model_(model),
        output_(output),
        streamer_(model.answered(), stop, [this](std::string_view text) { write(text); }) {}

  // Answers one row and writes it, behind what the answer begins with. Returns the answer's ids.
  std::vector<int32_t> operator()(const Window& window, std::size_t row, DecodeOptions options,
                                  std::vector<Workspace>& kept) {
    std::vector<std::vector<std::span<const int32_t>>> columns;
    for (const auto& column : window.columns) columns.push_back({column[row]});
    const std::size_t answered = model_.kind.answered;
    const auto prompt = answered < columns.size() ? columns[answered][0] : std::span<const int32_t>();
    const bool streams = options.sample || options.beam == 1;
    if (streams) options.streamer = [this](int32_t id) { streamer_.put(id); };
    streamer_.begin(prompt);
    const Hypothesis answer = std::move(model_.task->answers(columns, options, &kept)[0][0]);
    if (!streams) {
      for (std::size_t i = prompt.size(); i < answer.ids.size(); ++i) streamer_.put(answer.ids[i]);
      for (const int32_t id : answer.stopped) streamer_.put(id);
    }
    streamer_.end();
    output_.write("\n");
    output_.flush();
    return answer.ids;
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

  const TaskModel& model_;
  Output& output_;
  TextStreamer streamer_;
};

}  // namespace storm
