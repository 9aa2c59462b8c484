#include "text/vocabulary.h"

#include <filesystem>
#include <system_error>
#include <unordered_set>

#include "base/error.h"
#include "base/input.h"
#include "base/mapped_file.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "text/foreign_vocabulary.h"
#include "text/list_vocabulary.h"
#include "text/sentencepiece_vocabulary.h"
#include "text/tokenizer_json.h"
#include "text/vocabulary_kind.h"

namespace storm {

struct Vocabulary::State {
  std::unique_ptr<const VocabularyKind> kind;
  std::string bytes, fingerprint;
  int32_t size = 0;
  VocabularyKind::Special special;
};

namespace {

// The first that recognises the bytes makes the vocabulary.
const VocabularyMaker* const kMakers[] = {&kListMaker, &kSentencePieceMaker, &kTokenizerJsonMaker};

std::string only_vocabulary(const Document& document, std::string_view column) {
  const auto all = vocabularies_of(document);
  auto it = all.find("vocab." + std::string(column));
  if (it == all.end()) it = all.find("vocab");
  if (it == all.end() && column.empty() && all.size() == 1) it = all.begin();
  require(it != all.end(), document.where, ": carries no vocabulary",
          column.empty() ? (all.empty() ? "" : " for all columns; name one") : str(" for column '", column, "'"));
  return it->second;
}

// No vocabulary begins as a stream does: a SentencePiece model has a protobuf tag and the length of its first piece
// where a header's length below 4 GB ends with zeros.
bool is_stream(std::span<const std::byte> bytes) {
  if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
  return bytes[4] == std::byte{0} && bytes[5] == std::byte{0} && bytes[6] == std::byte{0} && bytes[7] == std::byte{0};
}

std::string vocabulary_bytes(std::span<const std::byte> bytes, const std::string& path, std::string_view column,
                             std::optional<bool> uncased) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool stream = is_stream(bytes);
  if (!stream && is_piece_list(text)) {
    require(uncased.has_value(), path,
            ": pieces alone, which do not say whether text is lower-cased; give --uncased yes or no");
    return from_piece_list({text, path}, *uncased);
  }
  require(!uncased.has_value(), path,
          ": no list of pieces with a line [UNK], which --uncased is for; leave --uncased out, or mend the list");
  if (!stream) return std::string(text);
  uint64_t offset = 0;
  return only_vocabulary(parse_document(bytes, path, offset), column);
}

}  // namespace

Vocabulary Vocabulary::from_bytes(std::string bytes, std::string_view name) {
  std::string known;
  for (const auto* maker : kMakers) {
    known += str(maker->what, " nor ");
    if (!maker->recognises(bytes)) continue;
    auto state = std::make_shared<State>();
    state->kind = maker->make(bytes, name);
    state->bytes = std::move(bytes);
    state->fingerprint = storm::fingerprint(state->bytes);
    state->size = state->kind->size();
    state->special = state->kind->special();
    return Vocabulary(std::move(state));
  }
  fail(name, ": neither ", known, "a stream that carries one");
}

Vocabulary Vocabulary::load(const std::string& path, std::string_view column, std::optional<bool> uncased) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored))  // a model may be large, its vocabulary is not
    return from_bytes(vocabulary_bytes(MappedFile(path).bytes(), path, column, uncased), path);
  if (const auto plus = path.find('+'); plus != path.npos && !std::filesystem::exists(path, ignored)) {
    const auto first = path.substr(0, plus), second = path.substr(plus + 1);
    require(!uncased.has_value(), path,
            ": a pair of files, which no letter case is to be chosen for; leave --uncased out");
    return from_bytes(from_pair({read_file(first), first}, {read_file(second), second}), path);
  }
  const auto all = read_file(path);
  return from_bytes(vocabulary_bytes(std::as_bytes(std::span(all)), path, column, uncased), path);
}

void Vocabulary::encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const {
  state_->kind->encode(line, ids, ranges);
}

std::vector<int32_t> Vocabulary::encode(std::string_view line) const {
  std::vector<int32_t> ids;
  encode(line, ids);
  return ids;
}

std::vector<std::string> Vocabulary::encode_pieces(std::string_view line) const {
  return state_->kind->encode_pieces(line);
}

void Vocabulary::require_id(int32_t id) const {
  require(id >= 0 && id < size(), "id ", id, " is outside the vocabulary of ", size(), " pieces");
}

std::string Vocabulary::decode(std::span<const int32_t> ids) const {
  for (const auto id : ids) require_id(id);
  return state_->kind->decode(ids);
}

const std::string& Vocabulary::piece(int32_t id) const {
  require_id(id);
  return state_->kind->piece(id);
}

std::string Vocabulary::marked_piece(int32_t id) const {
  require_id(id);
  return state_->kind->marked_piece(id);
}

std::string Vocabulary::marked_bytes(int32_t id) const {
  require_id(id);
  return state_->kind->marked_bytes(id);
}

int32_t Vocabulary::id_of(std::string_view piece) const { return state_->kind->id_of(piece); }

Vocabulary Vocabulary::extended(std::span<const std::string> pieces) const {
  std::vector<std::string> fresh;
  std::unordered_set<std::string_view> seen;
  for (const auto& piece : pieces)
    if (id_of(piece) < 0 && seen.insert(piece).second) fresh.push_back(piece);
  return fresh.empty() ? *this : from_bytes(state_->kind->extended(bytes(), fresh));
}

bool Vocabulary::extends(const Vocabulary& before) const {
  if (size() < before.size()) return false;
  for (int32_t id = 0; id < before.size(); ++id)
    if (piece(id) != before.piece(id)) return false;
  return true;
}

WordRule Vocabulary::word_rule() const { return state_->kind->word_rule(state_->bytes); }
int32_t Vocabulary::size() const { return state_->size; }
int32_t Vocabulary::pad_id() const { return state_->special.pad; }
int32_t Vocabulary::unk_id() const { return state_->special.unk; }
int32_t Vocabulary::bos_id() const { return state_->special.bos; }
int32_t Vocabulary::eos_id() const { return state_->special.eos; }
int32_t Vocabulary::first_fed_id() const { return bos_id() >= 0 ? bos_id() : eos_id(); }
const std::string& Vocabulary::bytes() const { return state_->bytes; }
const std::string& Vocabulary::fingerprint() const { return state_->fingerprint; }

}  // namespace storm
