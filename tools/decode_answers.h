// Answers as a token stream.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/model_rows.h"

namespace storm {

class AnswerWriter {
 public:
  // extras: rows have their score, sentence and rank.
  AnswerWriter(Output& output, const ColumnModel& model, const std::string& command, bool extras)
      : extras_(extras),
        placed_(place_of(model.kind)),
        is_number_(model.kind.answered >= model.vocabularies.size()),
        writer_(output, info_of(model, command, placed_)) {}

  // The answer of a row of the window.
  void add(const Hypothesis& answer, int32_t rank, int64_t sentence, const Window& window, std::size_t row) {
    const TokenWriter::Extras extras =
        extras_ ? TokenWriter::Extras{.score = answer.score, .rank = rank, .sentence = sentence}
                : TokenWriter::Extras{};
    const std::span<const int32_t> ids = answer.ids;
    if (is_number_) return writer_.add({}, {&answer.score, 1}, {}, extras);
    if (!placed_) return writer_.add(ids, extras);
    const auto parts = std::span(window.columns).last(3);
    const std::string line = line_of(parts[2][row]);
    std::vector<ByteRange> ranges;
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const auto piece = static_cast<std::size_t>(answer.first) + k;
      ranges.push_back({parts[0][row][piece], parts[1][row][piece]});
    }
    const TokenWriter::Line of_answer{line, ranges};
    writer_.add({&ids, 1}, {}, {&of_answer, 1}, extras);
  }
  void flush() { writer_.flush(); }
  void finish() { writer_.finish(); }

 private:
  // Whether answers are stretches of a column's lines.
  static bool place_of(const TaskKind& kind) {
    return std::ranges::find(kind.contents.placed, kind.answered) != kind.contents.placed.end();
  }
  static TokenInfo info_of(const ColumnModel& model, const std::string& command, bool placed) {
    const auto& column = model.answered_column();
    TokenInfo info{{column}, {{kCommandKey, command}}, {}};
    if (placed) info.metadata[kSpansKey] = column;
    if (model.kind.answered < model.vocabularies.size()) {
      const bool shared = model.loaded.vocabularies.contains("vocab");
      info.vocabularies[shared ? "vocab" : "vocab." + column] = model.answered().bytes();
    } else {
      info.numbers.insert(column);
    }
    return info;
  }

  bool extras_, placed_, is_number_;
  TokenWriter writer_;
};

}  // namespace storm
