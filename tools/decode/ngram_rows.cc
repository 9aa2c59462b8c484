#include "tools/decode/ngram_rows.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/parallel.h"
#include "base/split.h"
#include "ngram/ngram_text.h"
#include "text/list_vocabulary.h"
#include "text/utf8.h"
#include "tools/model_columns.h"

namespace storm {

NgramRows::NgramRows(const NgramModel& model, const std::string& path) : model_(model) {
  Input input(path);
  if (begins_stream(input)) {
    open(std::move(input));
    return;
  }
  input_.emplace(std::move(input));
  block_.name = input_->name();
  const Vocabulary& vocabulary = model.vocabulary();
  if (model.column().empty())
    for (int32_t id = 0; id < vocabulary.size(); ++id) words_.add(vocabulary.piece(id));
  else
    encoders_.assign(static_cast<std::size_t>(thread_count()), LineEncoder(vocabulary));
}

void NgramRows::open(Input input) {
  reader_.emplace(StreamReader(std::move(input)));
  const auto& info = reader_->info();
  column_ = info.has(model_.column()) ? model_.column() : info.columns.at(0);
  require(column_ == model_.column() || info.columns.size() == 1, reader_->name(), ": has the columns ",
          joined(info.columns), ", and ", model_.name(), " is a model of one; make it with tokenize --columns text");
  require_column(*reader_, column_, model_.vocabulary(), model_.name());
}

bool NgramRows::next(std::vector<std::span<const int32_t>>& rows) {
  rows.clear();
  if (reader_) {
    batch_ = reader_->next();
    if (!batch_) return false;
    const auto& column = batch_->column(column_);
    for (int64_t row = 0; row < batch_->size(); ++row) rows.push_back(column[row]);
    return true;
  }
  if (!read_block()) return false;
  encode_block();
  for (int64_t row = 0; row < block_.size(); ++row) rows.emplace_back(ids_[static_cast<std::size_t>(row)]);
  return true;
}

// As many lines as are worth sharing out, or those that have arrived.
bool NgramRows::read_block() {
  constexpr std::size_t kBytes = std::size_t{4} << 20;
  block_.first_line += block_.size();
  block_.text.clear();
  block_.ends.clear();
  std::string line;
  while (block_.text.size() < kBytes && (block_.size() == 0 || !input_->would_block()) && input_->read_line(line)) {
    block_.text += line;
    block_.ends.push_back(block_.text.size());
  }
  return block_.size() > 0;
}

void NgramRows::encode_block() {
  if (model_.column().empty()) std::ranges::replace(block_.text, '\0', ' ');
  const auto lines = block_.size();
  if (std::ssize(ids_) < lines) ids_.resize(static_cast<std::size_t>(lines));
  std::atomic<int64_t> refused = lines;
  parallel_ranges(lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) try {
        encode(line, ids_[static_cast<std::size_t>(line)]);
      } catch (const Error&) {
        int64_t first = refused;
        while (line < first && !refused.compare_exchange_weak(first, line)) {
        }
        return;
      }
  });
  if (refused < lines) encode(refused, ids_[0]);  // throws again, of several lines for the first
}

void NgramRows::encode(int64_t line, std::vector<int32_t>& ids) {
  const auto text = block_[line];
  const auto valid = valid_utf8_prefix(text);
  require(valid == text.size(), block_.where(line), ": invalid UTF-8 at byte ", valid, "; mend it, or leave it out");
  ids.clear();
  if (!encoders_.empty()) return encoders_[static_cast<std::size_t>(thread_number())].append(text, ids);
  const Vocabulary& vocabulary = model_.vocabulary();
  each_word(text, [&](std::string_view word) {
    const int32_t id = words_.find(word);
    if (id >= 0 && (id == vocabulary.pad_id() || id == vocabulary.bos_id() || id == vocabulary.eos_id()))
      refuse_mark(block_.where(line), word);
    ids.push_back(id < 0 ? vocabulary.unk_id() : id);
  });
}

}  // namespace storm
