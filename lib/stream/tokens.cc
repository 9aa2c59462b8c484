#include "stream/tokens.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/split.h"

namespace storm {

namespace {

std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

TokenColumn number_column(const Document& document, const std::string& name) {
  TokenColumn column{name, {}, {}, document.values<float>(name + ".values", {-1})};
  const auto bad = std::find_if(column.values.begin(), column.values.end(), [](float x) { return !std::isfinite(x); });
  if (bad != column.values.end())
    fail(document.where, ": ", name, ".values: row ", bad - column.values.begin(), " is ",
         std::isnan(*bad) ? "NaN" : "infinite", ", not a finite number");
  return column;
}

void require_offsets(const Document& document, const std::string& name, std::span<const int64_t> offsets,
                     std::size_t count, std::string_view what) {
  require(!offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<int64_t>(count), document.where,
          ": ", name, " do not go from 0 to the ", count, " ", what);
  const auto fall = std::adjacent_find(offsets.begin(), offsets.end(), std::greater<>());
  require(fall == offsets.end(), document.where, ": ", name, " fall after row ", fall - offsets.begin());
}

// The lines of a column, and where its pieces stand in them.
void take_ranges(const Document& document, TokenColumn& column) {
  const auto tokens = static_cast<int64_t>(column.ids.size()), rows = column.size();
  column.begins = document.values<int32_t>(column.name + ".begins", {tokens});
  column.ends = document.values<int32_t>(column.name + ".ends", {tokens});
  const auto bytes = document.values<uint8_t>(column.name + ".text", {-1});
  column.text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  column.text_offsets = document.values<int64_t>(column.name + ".text.offsets", {rows + 1});
  require_offsets(document, column.name + ".text.offsets", column.text_offsets, column.text.size(), "bytes");
  for (int64_t row = 0; row < rows; ++row) {
    const auto length = static_cast<int64_t>(column.line(row).size());
    const auto first = column.offsets[static_cast<std::size_t>(row)],
               end = column.offsets[static_cast<std::size_t>(row) + 1];
    for (auto t = static_cast<std::size_t>(first); t < static_cast<std::size_t>(end); ++t)
      require(column.begins[t] >= 0 && column.begins[t] <= column.ends[t] && column.ends[t] <= length, document.where,
              ": ", column.name, ".begins and .ends: token ", t, " stands at bytes ", column.begins[t], " to ",
              column.ends[t], " of a line of ", length);
  }
}

TokenColumn id_column(const Document& document, const std::string& name, int64_t limit) {
  const auto ids_name = name + ".ids", offsets_name = name + ".offsets";
  TokenColumn column{name, document.values<int32_t>(ids_name, {-1}), document.values<int64_t>(offsets_name, {-1})};
  require_offsets(document, offsets_name, column.offsets, column.ids.size(), "ids");
  if (limit <= 0) limit = int64_t{INT32_MAX} + 1;
  const auto bad =
      std::find_if(column.ids.begin(), column.ids.end(), [&](int32_t id) { return id < 0 || id >= limit; });
  if (bad != column.ids.end())
    fail(document.where, ": ", ids_name, ": id ", *bad, " at token ", bad - column.ids.begin(),
         " is outside the vocabulary");
  if (document.find(name + ".begins")) take_ranges(document, column);
  return column;
}

}  // namespace

const TokenColumn& TokenBatch::any_column(std::string_view name, bool number) const {
  std::string have;
  for (const auto& c : columns) {
    have += (have.empty() ? "" : ",") + c.name;
    if (c.name != name) continue;
    require(c.is_number() == number, document.where, ": column '", name, "' holds ",
            number ? "ids, not numbers" : "numbers, not ids");
    return c;
  }
  fail(document.where, ": has no column '", name, "', only ", have);
}

bool TokenInfo::has(std::string_view column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

const std::string* TokenInfo::vocabulary(std::string_view column) const {
  if (numbers.contains(column)) return nullptr;
  auto it = vocabularies.find("vocab." + std::string(column));
  if (it == vocabularies.end()) it = vocabularies.find("vocab");
  return it == vocabularies.end() ? nullptr : &it->second;
}

std::map<std::string, std::string> vocabularies_of(const Document& document) {
  std::map<std::string, std::string> all;
  for (const Tensor& t : document.tensors()) {
    if (t.name != "vocab" && !t.name.starts_with("vocab.")) continue;
    const auto bytes = document.values<char>(t.name, {-1});
    all.emplace(t.name, std::string(bytes.begin(), bytes.end()));
  }
  return all;
}

std::string fingerprint(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  return text;
}

void require_same_vocabulary(std::string_view model_name, std::string_view model_vocabulary,
                             std::string_view input_vocabulary) {
  if (model_vocabulary == input_vocabulary) return;
  fail(model_name, ": vocabulary differs from the input's (", fingerprint(model_vocabulary), " ≠ ",
       fingerprint(input_vocabulary), "); tokenize with -m ", model_name);
}

TokenInfo token_info(const Document& first) {
  require_kind(first, kTokensKind);
  require(first.meta(kVersionKey) == kStreamVersion, first.where, ": stream version ", first.meta(kVersionKey),
          ", this program reads version ", kStreamVersion);
  TokenInfo info{split_at_commas(first.meta(kColumnsKey)), first.metadata, vocabularies_of(first)};
  for (auto it = info.columns.begin(); it != info.columns.end(); ++it)
    require(!it->empty() && std::find(info.columns.begin(), it, *it) == it, first.where, ": bad ", kColumnsKey, " '",
            first.meta(kColumnsKey), "'");
  for (const auto& name : info.columns)
    if (first.find(name + ".values") && !first.find(name + ".ids")) info.numbers.insert(name);
  return info;
}

void require_agreement(const Document& later, const TokenInfo& info) {
  if (later.metadata.contains(kKindKey)) {
    const auto other = token_info(later);
    require(other.columns == info.columns, later.where, ": columns ", join_names(other.columns), " follow columns ",
            join_names(info.columns));
    require(other.numbers == info.numbers, later.where, ": the columns ", join_names(info.columns),
            " hold numbers where they held ids, or ids where they held numbers");
  }
  for (const auto& [name, bytes] : vocabularies_of(later)) {
    const auto it = info.vocabularies.find(name);
    require(it != info.vocabularies.end() && it->second == bytes, later.where, ": ", name, " (", fingerprint(bytes),
            ") differs from the one that the stream began with");
  }
}

int64_t SentenceNumbers::before(const Document& document, std::span<const int64_t> sentences, int64_t rows) {
  if (document.metadata.contains(kKindKey)) before_ = count_;  // only a stream's first document says its kind
  const int64_t before = sentences.empty() ? count_ : before_;
  int64_t last = rows - 1;
  if (!sentences.empty()) {
    const auto [least, most] = std::minmax_element(sentences.begin(), sentences.end());
    require(*least >= 0, document.where, ": sentences: ", *least, " numbers no sentence");
    last = *most;
  }
  int64_t end = 0;
  require(!__builtin_add_overflow(before, last, &end) && end < INT64_MAX, document.where, ": sentences: ", last,
          " is too large a number");
  count_ = std::max(count_, end + 1);
  return before;
}

TokenBatch token_batch(Document document, const std::vector<std::string>& columns, std::span<const int64_t> limits,
                       const std::set<std::string, std::less<>>& numbers) {
  TokenBatch batch;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& name = columns[c];
    batch.columns.push_back(numbers.contains(name) ? number_column(document, name)
                                                   : id_column(document, name, c < limits.size() ? limits[c] : 0));
    const auto rows = batch.columns.back().size();
    require(rows == batch.size(), document.where, ": column ", name, " has ", rows, " rows, ", columns[0], " has ",
            batch.size());
  }
  const std::vector<int64_t> rows{batch.size()};
  if (document.find("scores")) batch.scores = document.values<float>("scores", rows);
  if (document.find("ranks")) batch.ranks = document.values<int32_t>("ranks", rows);
  if (document.find("sentences")) batch.sentences = document.values<int64_t>("sentences", rows);
  batch.document = std::move(document);
  return batch;
}

TokenReader::TokenReader(StreamReader stream) : stream_(std::move(stream)), first_(stream_.next()) {
  require(first_.has_value(), name(), ": byte 0: empty, not a token stream; make one with tokenize");
  info_ = token_info(*first_);
  limits_.assign(info_.columns.size(), 0);
}

void TokenReader::limit(std::string_view column, int64_t size) {
  for (std::size_t c = 0; c < limits_.size(); ++c)
    if (info_.columns[c] == column) limits_[c] = size;
}

std::optional<TokenBatch> TokenReader::next() {
  const bool is_first = first_.has_value();
  auto document = is_first ? std::exchange(first_, std::nullopt) : stream_.next();
  if (!document) return std::nullopt;
  if (!is_first) require_agreement(*document, info_);
  auto batch = token_batch(std::move(*document), info_.columns, limits_, info_.numbers);
  batch.sentences_before = numbers_.before(batch.document, batch.sentences, batch.size());
  return batch;
}

TokenWriter::TokenWriter(Output& output, TokenInfo info)
    : output_(output), info_(std::move(info)), columns_(info_.columns.size()) {
  require(!columns_.empty(), "a token stream needs a column");
  for (const auto& name : info_.columns)  // vocabularies are found by these names
    require(name != "vocab" && !name.starts_with("vocab."), "a column cannot be called '", name,
            "', which names a vocabulary in streams; give it another name");
  info_.metadata[kKindKey] = kTokensKind;
  info_.metadata[kVersionKey] = kStreamVersion;
  info_.metadata[kColumnsKey] = join_names(info_.columns);
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].is_number = info_.numbers.contains(info_.columns[c]);
}

TokenWriter::~TokenWriter() {
  if (!finished_ && !first_) leave_unfinished(output_);  // no bytes at all are no stream, either
}

void TokenWriter::add(std::span<const std::span<const int32_t>> row, std::span<const float> numbers,
                      std::span<const Line> lines, const Extras& extras) {
  const auto wanted = info_.numbers.size();
  require(numbers.size() == wanted && row.size() == columns_.size() - wanted, "a row of ", row.size(),
          " columns of ids and ", numbers.size(), " numbers in a stream of ", columns_.size() - wanted, " and ",
          wanted);
  require(std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); }), "row ", rows_,
          " of a stream: a number that is not finite");
  auto number = numbers.begin();
  auto of_ids = row.begin();
  auto line = lines.begin();
  for (auto& column : columns_) {
    if (column.is_number) {
      column.values.push_back(*number++);
      continue;
    }
    const auto ids = *of_ids++;
    column.ids.insert(column.ids.end(), ids.begin(), ids.end());
    column.offsets.push_back(static_cast<int64_t>(column.ids.size()));
    tokens_ += static_cast<int64_t>(ids.size());
    if (lines.empty()) continue;
    for (const auto& [begin, end] : line->ranges) {
      column.begins.push_back(begin);
      column.ends.push_back(end);
    }
    column.text += line->text;
    column.text_offsets.push_back(static_cast<int64_t>(column.text.size()));
    bytes_ += static_cast<int64_t>(line++->text.size());
  }
  if (extras.score) scores_.push_back(*extras.score);
  if (extras.rank) ranks_.push_back(*extras.rank);
  if (extras.sentence) sentences_.push_back(*extras.sentence);
  ++rows_;
  if (++document_rows_ >= kDocumentTokens || tokens_ >= kDocumentTokens || bytes_ >= kDocumentBytes) write();
}

void TokenWriter::write() {
  Document document;
  if (first_) {
    document.metadata = info_.metadata;
    for (const auto& [name, bytes] : info_.vocabularies) document.add_view<char>(name, bytes);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const auto& name = info_.columns[c];
    if (column.is_number) {
      document.add_view<float>(name + ".values", column.values);
      continue;
    }
    document.add_view<int32_t>(name + ".ids", column.ids);
    document.add_view<int64_t>(name + ".offsets", column.offsets);
    if (column.text_offsets.size() == 1) continue;
    document.add_view<int32_t>(name + ".begins", column.begins);
    document.add_view<int32_t>(name + ".ends", column.ends);
    document.add_view<char>(name + ".text", column.text);
    document.add_view<int64_t>(name + ".text.offsets", column.text_offsets);
  }
  const auto extra = [&]<class T>(const char* name, const std::vector<T>& values) {
    if (!values.empty()) document.add_view<T>(name, values);
  };
  extra("scores", scores_);
  extra("ranks", ranks_);
  extra("sentences", sentences_);
  write_document(output_, document);
  for (auto& column : columns_) {
    column.ids.clear();
    column.offsets.resize(1);
    column.values.clear();
    column.begins.clear();
    column.ends.clear();
    column.text.clear();
    column.text_offsets.resize(1);
  }
  scores_.clear();
  ranks_.clear();
  sentences_.clear();
  document_rows_ = tokens_ = bytes_ = 0;
  first_ = false;
}

void TokenWriter::flush() {
  if (document_rows_ > 0) write();
  output_.flush();
}

void TokenWriter::finish() {
  if (first_ || document_rows_ > 0) write();
  finished_ = true;
}

}  // namespace storm
