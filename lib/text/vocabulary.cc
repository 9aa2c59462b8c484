#include "text/vocabulary.h"

#include <sentencepiece_processor.h>

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/input.h"
#include "base/mapped_file.h"
#include "stream/stream.h"
#include "stream/tokens.h"

namespace storm {

struct Vocabulary::State {
  sentencepiece::SentencePieceProcessor model;
  std::string bytes, fingerprint;
  int32_t size = 0;
  bool dummy_prefix = false;  // each line is encoded with a space before it, which decoding takes away
};

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into

std::string only_vocabulary(const Document& document, std::string_view column) {
  const auto all = vocabularies_of(document);
  auto it = all.find("vocab." + std::string(column));
  if (it == all.end()) it = all.find("vocab");
  if (it == all.end() && column.empty() && all.size() == 1) it = all.begin();
  require(it != all.end(), document.where, ": carries no vocabulary",
          column.empty() ? (all.empty() ? "" : " for all columns; name one") : str(" for column '", column, "'"));
  return it->second;
}

// A SentencePiece model begins with a protobuf tag and the length of its first piece, never with the zeros that end
// the length of a header below 4 GB.
bool is_stream(std::span<const std::byte> bytes) {
  if (bytes.size() < 9 || bytes[8] != std::byte{'{'}) return false;
  return bytes[4] == std::byte{0} && bytes[5] == std::byte{0} && bytes[6] == std::byte{0} && bytes[7] == std::byte{0};
}

std::string model_bytes(std::span<const std::byte> bytes, const std::string& path, std::string_view column) {
  if (!is_stream(bytes)) return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  uint64_t offset = 0;
  return only_vocabulary(parse_document(bytes, path, offset), column);
}

}  // namespace

Vocabulary Vocabulary::from_bytes(std::string bytes, std::string_view name) {
  auto state = std::make_shared<State>();
  require(!bytes.empty() && state->model.LoadFromSerializedProto(bytes).ok() && state->model.GetPieceSize() > 0, name,
          ": neither a SentencePiece model nor a stream that carries one");
  state->bytes = std::move(bytes);
  state->fingerprint = storm::fingerprint(state->bytes);
  state->size = state->model.GetPieceSize();
  const auto pieces = state->model.EncodeAsPieces("x");
  state->dummy_prefix = !pieces.empty() && (pieces[0].starts_with(kSpace) || pieces[0] == "<0xE2>");
  return Vocabulary(std::move(state));
}

Vocabulary Vocabulary::load(const std::string& path, std::string_view column) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored))  // a model may be large, its vocabulary is not
    return from_bytes(model_bytes(MappedFile(path).bytes(), path, column), path);
  const auto all = read_file(path);
  return from_bytes(model_bytes(std::as_bytes(std::span(all)), path, column), path);
}

void Vocabulary::encode(std::string_view line, std::vector<int32_t>& ids) const {
  const auto status = state_->model.Encode(line, &ids);
  require(status.ok(), "SentencePiece: ", status.ToString());
}

std::vector<int32_t> Vocabulary::encode(std::string_view line) const {
  std::vector<int32_t> ids;
  encode(line, ids);
  return ids;
}

std::vector<std::string> Vocabulary::encode_pieces(std::string_view line) const {
  std::vector<std::string> pieces;
  const auto status = state_->model.Encode(line, &pieces);
  require(status.ok(), "SentencePiece: ", status.ToString());
  return pieces;
}

std::string Vocabulary::decode(std::span<const int32_t> ids) const {
  for (const auto id : ids)
    require(id >= 0 && id < size(), "id ", id, " is outside the vocabulary of ", size(), " pieces");
  std::string text;
  const auto status = state_->model.Decode(std::vector<int>(ids.begin(), ids.end()), &text);
  require(status.ok(), "SentencePiece: ", status.ToString());
  // Where no piece holds the space's sign, byte pieces spell it (words outside a word vocabulary), and SentencePiece
  // leaves it as they did; the space is meant.
  if (!ids.empty() && state_->dummy_prefix && state_->model.IsByte(ids[0]) && text.starts_with(kSpace))
    text.erase(0, kSpace.size());
  for (std::size_t at = 0; (at = text.find(kSpace, at)) != text.npos; ++at) text.replace(at, kSpace.size(), " ");
  return text;
}

const std::string& Vocabulary::piece(int32_t id) const {
  require(id >= 0 && id < size(), "id ", id, " is outside the vocabulary of ", size(), " pieces");
  return state_->model.IdToPiece(id);
}

int32_t Vocabulary::size() const { return state_->size; }
int32_t Vocabulary::pad_id() const { return state_->model.pad_id(); }
int32_t Vocabulary::unk_id() const { return state_->model.unk_id(); }
int32_t Vocabulary::bos_id() const { return state_->model.bos_id(); }
int32_t Vocabulary::eos_id() const { return state_->model.eos_id(); }
const std::string& Vocabulary::bytes() const { return state_->bytes; }
const std::string& Vocabulary::fingerprint() const { return state_->fingerprint; }

}  // namespace storm
