#include "stream/tokens.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"

namespace storm {

namespace {

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

const TokenColumn& TokenBatch::column(std::string_view name) const {
  for (const auto& c : columns)
    if (c.name == name) return c;
  std::string have;
  for (const auto& c : columns) have += (have.empty() ? "" : ",") + c.name;
  fail(document.where, ": has no column '", name, "', only ", have);
}

bool TokenInfo::has(std::string_view column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

const std::string* TokenInfo::vocabulary(std::string_view column) const {
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
  TokenInfo info{split_names(first.meta(kColumnsKey)), first.metadata, vocabularies_of(first)};
  for (auto it = info.columns.begin(); it != info.columns.end(); ++it)
    require(!it->empty() && std::find(info.columns.begin(), it, *it) == it, first.where, ": bad ", kColumnsKey, " '",
            first.meta(kColumnsKey), "'");
  return info;
}

void require_agreement(const Document& later, const TokenInfo& info) {
  if (later.metadata.contains(kKindKey)) {
    const auto other = token_info(later);
    require(other.columns == info.columns, later.where, ": columns ", join_names(other.columns), " follow columns ",
            join_names(info.columns));
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

TokenBatch token_batch(Document document, const std::vector<std::string>& columns, std::span<const int64_t> limits) {
  TokenBatch batch;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto &name = columns[c], ids_name = name + ".ids", offsets_name = name + ".offsets";
    const TokenColumn column{name, document.values<int32_t>(ids_name, {-1}),
                             document.values<int64_t>(offsets_name, {-1})};
    const auto& offsets = column.offsets;
    require(!offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<int64_t>(column.ids.size()),
            document.where, ": ", offsets_name, " do not go from 0 to the ", column.ids.size(), " ids");
    const auto fall = std::adjacent_find(offsets.begin(), offsets.end(), std::greater<>());
    require(fall == offsets.end(), document.where, ": ", offsets_name, " fall after row ", fall - offsets.begin());
    const int64_t limit = c < limits.size() && limits[c] > 0 ? limits[c] : int64_t{INT32_MAX} + 1;
    const auto bad =
        std::find_if(column.ids.begin(), column.ids.end(), [&](int32_t id) { return id < 0 || id >= limit; });
    if (bad != column.ids.end())
      fail(document.where, ": ", ids_name, ": id ", *bad, " at token ", bad - column.ids.begin(),
           " is outside the vocabulary");
    require(c == 0 || column.size() == batch.size(), document.where, ": column ", name, " has ", column.size(),
            " rows, ", columns[0], " has ", batch.size());
    batch.columns.push_back(column);
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
  auto batch = token_batch(std::move(*document), info_.columns, limits_);
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
  for (auto& c : columns_) c.offsets.push_back(0);
}

TokenWriter::~TokenWriter() {
  if (!finished_ && !first_) leave_unfinished(output_);  // no bytes at all are no stream, either
}

void TokenWriter::add(std::span<const std::span<const int32_t>> row) {
  require(row.size() == columns_.size(), "a row of ", row.size(), " columns in a stream of ", columns_.size());
  for (std::size_t c = 0; c < row.size(); ++c) {
    auto& [ids, offsets] = columns_[c];
    ids.insert(ids.end(), row[c].begin(), row[c].end());
    offsets.push_back(static_cast<int64_t>(ids.size()));
    tokens_ += static_cast<int64_t>(row[c].size());
  }
  ++rows_;
  if (tokens_ >= kDocumentTokens || columns_[0].offsets.size() > kDocumentTokens) write();
}

void TokenWriter::add(std::span<const int32_t> ids, const Extras& extras) {
  // Before the ids, since they may end the document.
  if (extras.score) scores_.push_back(*extras.score);
  if (extras.rank) ranks_.push_back(*extras.rank);
  if (extras.sentence) sentences_.push_back(*extras.sentence);
  add(ids);
}

void TokenWriter::write() {
  Document document;
  if (first_) {
    document.metadata = info_.metadata;
    for (const auto& [name, bytes] : info_.vocabularies) document.add_view<char>(name, bytes);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    document.add_view<int32_t>(info_.columns[c] + ".ids", columns_[c].ids);
    document.add_view<int64_t>(info_.columns[c] + ".offsets", columns_[c].offsets);
  }
  const auto extra = [&]<class T>(const char* name, const std::vector<T>& values) {
    if (!values.empty()) document.add_view<T>(name, values);
  };
  extra("scores", scores_);
  extra("ranks", ranks_);
  extra("sentences", sentences_);
  write_document(output_, document);
  for (auto& [ids, offsets] : columns_) {
    ids.clear();
    offsets.resize(1);
  }
  scores_.clear();
  ranks_.clear();
  sentences_.clear();
  tokens_ = 0;
  first_ = false;
}

void TokenWriter::flush() {
  if (columns_[0].offsets.size() > 1) write();
  output_.flush();
}

void TokenWriter::finish() {
  if (first_ || columns_[0].offsets.size() > 1) write();
  finished_ = true;
}

}  // namespace storm
