#include "text/vocabulary.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/input.h"
#include "base/mapped_file.h"
#include "stream/stream.h"
#include "stream/tokens.h"
#include "text/protobuf.h"

namespace storm {

struct Vocabulary::State {
  sentencepiece::SentencePieceProcessor model;
  std::string bytes, fingerprint;
  int32_t size = 0;
  bool dummy_prefix = false;  // each line is encoded with a space before it, which decoding takes away
  int anchor = -1;            // a piece that stands for all text before a slice; -1: lines are decoded whole
  std::size_t anchor_bytes = 0;

  void find_anchor();
  std::string decode_at_once(const std::vector<int>& ids) const;
  std::string decode(std::span<const int32_t> ids) const;
  int byte(int32_t id) const;
  bool may_cut(std::span<const int32_t> ids, std::size_t at) const;
};

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
constexpr std::size_t kSliceIds = 4096;  // decoded at once: SentencePiece takes hundreds of bytes for each of them

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

// A denormalizer, which a foreign model may have, rewrites the text as a whole.
bool has_denormalizer(std::string_view model) {
  bool has = false;
  each_field(model, [&](uint64_t field, uint64_t, std::string_view spec) {
    if (field == 5)
      each_field(spec, [&](uint64_t f, uint64_t, std::string_view map) { has |= f == 2 && !map.empty(); });
  });
  return has;
}

}  // namespace

std::string Vocabulary::State::decode_at_once(const std::vector<int>& ids) const {
  std::string text;
  const auto status = model.Decode(ids, &text);
  require(status.ok(), "SentencePiece: ", status.ToString());
  return text;
}

// Some piece that always leaves text, and text that no byte piece after it changes: mostly `unk` will do.
void Vocabulary::State::find_anchor() {
  if (has_denormalizer(bytes)) return;
  for (int id = 0; id < size && anchor < 0; ++id) {
    anchor_bytes = byte(id) < 0x80 ? decode_at_once({id}).size() : 0;
    if (anchor_bytes > 0) anchor = id;
  }
}

// What a byte piece spells, -1 of any other.
int Vocabulary::State::byte(int32_t id) const {
  return model.IsByte(id) ? std::stoi(model.IdToPiece(id).substr(1), nullptr, 16) : -1;
}

// False inside what may be a character spelled by byte pieces: one that leads and up to three that continue it.
bool Vocabulary::State::may_cut(std::span<const int32_t> ids, std::size_t at) const {
  for (std::size_t back = 0; back < 4; ++back) {
    const int value = at < back ? -1 : byte(ids[at - back]);
    if (value < 0x80 || value > 0xbf) return value < 0xc0 || back == 0;
  }
  return true;
}

// What SentencePiece's Decode gives, in memory for the text and one slice. Decoding remembers one thing beyond a
// character: whether the line has begun, since the first space goes. A piece that leaves text tells it to the next
// slice, or, as long as there is no text, the ids that left none, each once.
std::string Vocabulary::State::decode(std::span<const int32_t> ids) const {
  if (anchor < 0 || ids.size() <= kSliceIds) return decode_at_once({ids.begin(), ids.end()});
  std::string text;
  std::vector<int> context;
  for (std::size_t begin = 0, end; begin < ids.size(); begin = end) {
    end = std::min(begin + kSliceIds, ids.size());
    while (end < ids.size() && !may_cut(ids, end)) --end;
    context.insert(context.end(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                   ids.begin() + static_cast<std::ptrdiff_t>(end));
    text.append(decode_at_once(context), text.empty() ? 0 : anchor_bytes);
    if (text.empty()) {
      std::sort(context.begin(), context.end());
      context.erase(std::unique(context.begin(), context.end()), context.end());
    } else {
      context.assign(1, anchor);
    }
  }
  return text;
}

Vocabulary Vocabulary::from_bytes(std::string bytes, std::string_view name) {
  auto state = std::make_shared<State>();
  require(!bytes.empty() && state->model.LoadFromSerializedProto(bytes).ok() && state->model.GetPieceSize() > 0, name,
          ": neither a SentencePiece model nor a stream that carries one");
  state->bytes = std::move(bytes);
  state->fingerprint = storm::fingerprint(state->bytes);
  state->size = state->model.GetPieceSize();
  const auto pieces = state->model.EncodeAsPieces("x");
  state->dummy_prefix = !pieces.empty() && (pieces[0].starts_with(kSpace) || pieces[0] == "<0xE2>");
  state->find_anchor();
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
  std::string text = state_->decode(ids), plain;
  // Where no piece holds the space's sign, byte pieces spell it (words outside a word vocabulary), and SentencePiece
  // leaves it as they did; the space is meant.
  std::size_t begin = 0;
  if (!ids.empty() && state_->dummy_prefix && state_->model.IsByte(ids[0]) && text.starts_with(kSpace))
    begin = kSpace.size();
  for (std::size_t at; (at = text.find(kSpace, begin)) != text.npos; begin = at + kSpace.size())
    plain.append(text, begin, at - begin) += ' ';
  return begin == 0 ? text : plain.append(text, begin);
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
