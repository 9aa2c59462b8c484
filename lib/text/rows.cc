#include "text/rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/parallel.h"
#include "text/utf8.h"

namespace storm {

namespace {

constexpr int64_t kChunkLines = 128;  // handed to the cores one by one, since lines differ in length

// The shortest text that reads back as the same number.
template <class Number>
void append_number(std::string& text, Number value) {
  char digits[32];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

float number_in(std::string_view field) {
  const auto value = parse_number<float>(field);
  if (!value || !std::isfinite(*value))
    fail("'", field.substr(0, 100), "' is no number that a float of 32 bits holds, as -1.5 or 2e-3 is");
  return *value;
}

}  // namespace

RowCounts& RowCounts::operator+=(const RowCounts& other) {
  lines += other.lines;
  tokens += other.tokens;
  empty += other.empty;
  too_long += other.too_long;
  invalid += other.invalid;
  uneven += other.uneven;
  dropped += other.dropped;
  return *this;
}

RowEncoder::RowEncoder(EncodeOptions options) : options_(std::move(options)) {
  require(!options_.columns.empty() && options_.columns.size() == options_.vocabularies.size(),
          "each column needs a vocabulary");
  encoders_.resize(1);
  for (std::size_t c = 0; c < options_.columns.size(); ++c) {
    const auto& vocabulary = options_.vocabularies[c];
    auto& encoder = encoders_[0].emplace_back();
    if (vocabulary) encoder.emplace(*vocabulary);
    if (options_.bpe_dropout <= 0) continue;
    auto& dropout = dropouts_.emplace_back();
    if (vocabulary) dropout.emplace(*vocabulary, options_.bpe_dropout, options_.seed, options_.columns[c]);
  }
}

void RowEncoder::encode_line(const LineBlock& block, int64_t i, Encoders& encoders, Chunk& chunk) const {
  const auto refuse = [&](const auto&... parts) { fail(block.where(i), ": ", parts...); };
  std::string_view line = block[i];
  std::string replaced;
  if (const auto valid = valid_utf8_prefix(line); valid < line.size()) {
    if (!options_.replace_invalid) refuse("invalid UTF-8 at byte ", valid, "; mend it, or give --replace-invalid");
    ++chunk.counts.invalid;
    line = replaced = replace_invalid_utf8(line);
  }

  const auto columns = options_.columns.size();
  ++chunk.counts.lines;
  if (const auto fields = static_cast<std::size_t>(std::count(line.begin(), line.end(), '\t')) + 1;
      columns > 1 && fields != columns) {
    if (options_.uneven == RowRule::refuse)
      refuse(fields, fields == 1 ? " column" : " columns", ", not ", columns,
             " separated by TABs; or give --uneven drop");
    ++chunk.counts.uneven;
    ++chunk.counts.dropped;
    return;
  }
  const auto ids_before = chunk.ids.size(), ends_before = chunk.ends.size(), text_before = chunk.text.size(),
             values_before = chunk.values.size(), lines_before = chunk.lines.size(),
             line_ends_before = chunk.line_ends.size();
  const bool as_pieces = options_.form == EncodeOptions::Form::pieces;
  const auto limit = options_.max_length > 0 ? static_cast<std::size_t>(options_.max_length) : SIZE_MAX;
  bool empty = false, too_long = false;
  int64_t tokens = 0;
  std::vector<std::string> pieces;
  for (std::size_t c = 0; c < columns; ++c) {
    const auto field = columns == 1 ? line : take_field(line);  // a TAB in a single column is text

    const auto& vocabulary = options_.vocabularies[c];
    const auto first = chunk.ids.size();
    try {
      if (!vocabulary) {
        // An empty field is no number, unless its row is dropped for it.
        empty = empty || field.empty();
        chunk.values.push_back(field.empty() && options_.empty == RowRule::drop ? 0 : number_in(field));
        if (c) chunk.text += '\t';
        append_number(chunk.text, chunk.values.back());
        continue;
      }
      if (!dropouts_.empty())
        dropouts_[c]->append(field, static_cast<uint64_t>(counts_.lines + i) * columns + c, chunk.ids);
      else if (!as_pieces)
        encoders[c]->append(field, chunk.ids, options_.offsets ? &chunk.ranges : nullptr);
      if (as_pieces) {
        pieces = dropouts_.empty() ? vocabulary->encode_pieces(field) : std::vector<std::string>();
        for (std::size_t k = first; k < chunk.ids.size(); ++k) pieces.push_back(vocabulary->piece(chunk.ids[k]));
        chunk.ids.resize(first);
      }
    } catch (const Error& e) {  // no label, say
      refuse("column ", options_.columns[c], ": ", e.what());
    }
    auto length = as_pieces ? pieces.size() : chunk.ids.size() - first;
    empty = empty || length == 0;
    if (length > limit) {
      too_long = true;
      if (options_.too_long == RowRule::refuse)
        refuse(length, " tokens in column ", options_.columns[c], ", more than --max-length ", limit);
      if (options_.too_long == RowRule::cut) length = limit;
    }
    if (as_pieces) {
      for (std::size_t k = 0; k < length; ++k) chunk.text.append(k ? " " : c ? "\t" : "").append(pieces[k]);
      if (length == 0 && c) chunk.text += '\t';
    } else {
      chunk.ids.resize(first + length);
      chunk.ends.push_back(chunk.ids.size());
      if (options_.offsets) {
        chunk.ranges.resize(chunk.ids.size());
        chunk.lines += field;
        chunk.line_ends.push_back(chunk.lines.size());
      }
      if (options_.form == EncodeOptions::Form::ids) {
        if (c) chunk.text += '\t';
        for (std::size_t k = 0; k < length; ++k) {
          if (k) chunk.text += ' ';
          append_number(chunk.text, chunk.ids[first + k]);
        }
      }
    }
    tokens += static_cast<int64_t>(length);
  }
  chunk.text += '\n';

  chunk.counts.empty += empty;
  chunk.counts.too_long += too_long;
  if (empty && options_.empty == RowRule::refuse) refuse("empty", columns > 1 ? " on one side" : "");
  if ((empty && options_.empty == RowRule::drop) || (too_long && options_.too_long == RowRule::drop)) {
    chunk.ids.resize(ids_before);
    chunk.ends.resize(ends_before);
    chunk.values.resize(values_before);
    chunk.text.resize(text_before);
    chunk.ranges.resize(options_.offsets ? ids_before : 0);
    chunk.lines.resize(lines_before);
    chunk.line_ends.resize(line_ends_before);
    ++chunk.counts.dropped;
  } else {
    chunk.counts.tokens += tokens;
  }
}

void RowEncoder::encode(const LineBlock& block) {
  used_ = static_cast<std::size_t>((block.size() + kChunkLines - 1) / kChunkLines);
  if (chunks_.size() < used_) chunks_.resize(used_);
  encoders_.resize(static_cast<std::size_t>(thread_count()), encoders_[0]);
  parallel_items(static_cast<int64_t>(used_), [&](int64_t k) {
    Chunk& chunk = chunks_[static_cast<std::size_t>(k)];
    chunk.ids.clear();
    chunk.ends.clear();
    chunk.values.clear();
    chunk.text.clear();
    chunk.ranges.clear();
    chunk.lines.clear();
    chunk.line_ends.clear();
    chunk.error.clear();
    chunk.counts = {};
    try {
      for (int64_t i = k * kChunkLines; i < std::min(block.size(), (k + 1) * kChunkLines); ++i)
        encode_line(block, i, encoders_[static_cast<std::size_t>(thread_number())], chunk);
    } catch (const Error& e) {  // thrown again by write(), once it is known to be the first
      chunk.error = e.what();
    }
  });
}

void RowEncoder::write(const LineBlock& block, TokenWriter& writer) {
  encode(block);
  const auto numbers =
      static_cast<std::size_t>(std::count(options_.vocabularies.begin(), options_.vocabularies.end(), std::nullopt));
  std::vector<std::span<const int32_t>> row(options_.columns.size() - numbers);
  std::vector<TokenWriter::Line> lines(options_.offsets ? row.size() : 0);
  for (std::size_t k = 0; k < used_; ++k) {
    const Chunk& chunk = chunks_[k];
    require(chunk.error.empty(), chunk.error);
    std::size_t begin = 0, at = 0, value = 0;
    for (int64_t r = 0; r < chunk.counts.lines - chunk.counts.dropped; ++r) {
      for (std::size_t c = 0; c < row.size(); ++c, ++at) {
        const auto count = chunk.ends[at] - begin;
        row[c] = std::span(chunk.ids).subspan(begin, count);
        if (options_.offsets) {
          const auto text = at == 0 ? 0 : chunk.line_ends[at - 1];
          lines[c] = {std::string_view(chunk.lines).substr(text, chunk.line_ends[at] - text),
                      std::span(chunk.ranges).subspan(begin, count)};
        }
        begin += count;
      }
      writer.add(row, std::span(chunk.values).subspan(value, numbers), lines);
      value += numbers;
    }
    counts_ += chunk.counts;
  }
}

void RowEncoder::write(const LineBlock& block, Output& output) {
  encode(block);
  for (std::size_t k = 0; k < used_; ++k) {
    require(chunks_[k].error.empty(), chunks_[k].error);
    output.write(chunks_[k].text);
    counts_ += chunks_[k].counts;
  }
}

namespace {

// What a row's line has from its first piece to its last.
std::string_view stretch_of(const TokenColumn& column, int64_t row) {
  const auto begins = column.begins_of(row), ends = column.ends_of(row);
  if (begins.empty()) return {};
  const auto begin = static_cast<std::size_t>(begins.front()), end = static_cast<std::size_t>(ends.back());
  return begin < end ? column.line(row).substr(begin, end - begin) : std::string_view();
}

}  // namespace

void write_text(const TokenBatch& batch, std::span<const std::optional<Vocabulary>> vocabularies,
                std::string_view spans, Output& output) {
  const auto chunks = (batch.size() + kChunkLines - 1) / kChunkLines;
  std::vector<std::string> texts(static_cast<std::size_t>(chunks));
  parallel_items(chunks, [&](int64_t k) {
    std::string& text = texts[static_cast<std::size_t>(k)];
    for (int64_t i = k * kChunkLines; i < std::min(batch.size(), (k + 1) * kChunkLines); ++i) {
      const auto row = static_cast<std::size_t>(i);
      const auto begin = text.size();
      if (!batch.scores.empty()) text += str(batch.sentence(i), " ||| ");
      for (std::size_t c = 0; c < batch.columns.size(); ++c) {
        if (c) text += '\t';
        const auto& column = batch.columns[c];
        if (column.is_number())
          append_number(text, column.values[row]);
        else if (column.name == spans && column.has_ranges())
          text += stretch_of(column, i);
        else
          text += vocabularies[c]->decode(column[i]);
      }
      if (!batch.scores.empty()) text += " ||| " + fixed(batch.scores[row], 6);
      // A row is one line to every reader; a lone CR ends one, too, for some, such as sacreBLEU.
      const auto ends_line = [](char c) { return c == '\n' || c == '\r'; };
      std::replace_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), ends_line, ' ');
      text += '\n';
    }
  });
  for (const auto& text : texts) output.write(text);
}

}  // namespace storm
