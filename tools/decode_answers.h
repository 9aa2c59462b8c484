// Answers as a token stream.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/model_rows.h"

namespace storm {

// What a stream of a model's answers says of itself.
inline TokenInfo answer_info(const ColumnModel& model, const std::string& command) {
  const TaskKind& kind = model.kind;
  const auto& column = model.answered_column();
  TokenInfo info{{column}, {{kCommandKey, command}}, {}};
  // Where answers are stretches of a column's lines.
  if (std::ranges::find(kind.contents.placed, kind.answered) != kind.contents.placed.end())
    info.metadata[kSpansKey] = column;
  if (kind.answered < model.vocabularies.size()) {
    const bool shared = model.loaded.vocabularies.contains("vocab");
    info.vocabularies[shared ? "vocab" : "vocab." + column] = model.answered().bytes();
  } else {
    info.numbers.insert(column);
  }
  return info;
}

class AnswerWriter {
 public:
  // extras: rows have their score, sentence and rank.
  AnswerWriter(Output& output, const TokenInfo& info, bool extras)
      : extras_(extras),
        placed_(info.metadata.contains(kSpansKey)),
        is_number_(!info.numbers.empty()),
        writer_(output, info) {}

  void add(const Hypothesis& answer, int32_t rank, int64_t sentence) {
    const auto extras = extras_of(answer, rank, sentence);
    if (is_number_)
      writer_.add({}, {&answer.score, 1}, {}, extras);
    else
      writer_.add(answer.ids, extras);
  }
  // The answer of a row of the window, which is a stretch of the row's line where answers are.
  void add(const Hypothesis& answer, int32_t rank, int64_t sentence, const Window& window, std::size_t row) {
    if (!placed_) return add(answer, rank, sentence);
    const std::span<const int32_t> ids = answer.ids;
    const auto parts = std::span(window.columns).last(3);
    const std::string line = line_of(parts[2][row]);
    std::vector<ByteRange> ranges;
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const auto piece = static_cast<std::size_t>(answer.first) + k;
      ranges.push_back({parts[0][row][piece], parts[1][row][piece]});
    }
    const TokenWriter::Line of_answer{line, ranges};
    writer_.add({&ids, 1}, {}, {&of_answer, 1}, extras_of(answer, rank, sentence));
  }
  void flush() { writer_.flush(); }
  void finish() { writer_.finish(); }

 private:
  TokenWriter::Extras extras_of(const Hypothesis& answer, int32_t rank, int64_t sentence) const {
    return extras_ ? TokenWriter::Extras{.score = answer.score, .rank = rank, .sentence = sentence}
                   : TokenWriter::Extras{};
  }

  bool extras_, placed_, is_number_;
  TokenWriter writer_;
};

}  // namespace storm
