#include "text/sentencepiece_vocabulary.h"

#include <sentencepiece_processor.h>

#include <algorithm>

#include "base/error.h"
#include "text/protobuf.h"
#include "text/sentencepiece_table.h"
#include "text/sentencepiece_words.h"

namespace storm {

namespace {

constexpr std::string_view kSpace = "\u2581";  // what SentencePiece turns spaces into
constexpr std::size_t kSliceIds = 4096;  // decoded at once: SentencePiece takes hundreds of bytes for each of them

// A denormalizer, which a foreign model may have, rewrites the text as a whole.
bool has_denormalizer(std::string_view model) {
  bool has = false;
  each_field(model, [&](uint64_t field, uint64_t, std::string_view spec) {
    if (field == 5)
      each_field(spec, [&](uint64_t f, uint64_t, std::string_view map) { has |= f == 2 && !map.empty(); });
  });
  return has;
}

class SentencePieceVocabulary final : public VocabularyKind {
 public:
  SentencePieceVocabulary(const std::string& bytes, std::string_view name);

  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const override;
  std::vector<std::string> encode_pieces(std::string_view line) const override {
    std::vector<std::string> pieces;
    require_ok(model_.Encode(line, &pieces));
    return pieces;
  }
  std::string decode(std::span<const int32_t> ids) const override;
  const std::string& piece(int32_t id) const override { return model_.IdToPiece(id); }
  std::string marked_bytes(int32_t id) const override {
    const int value = byte(id);
    return value < 0 ? piece(id) : std::string(1, static_cast<char>(value));
  }
  int32_t id_of(std::string_view piece) const override {
    const int id = model_.PieceToId(piece);
    return id == model_.unk_id() && piece != model_.IdToPiece(id) ? -1 : id;
  }
  int32_t size() const override { return model_.GetPieceSize(); }
  // User-defined pieces, which are found before anything is merged. A repeated field goes on at the end of a message.
  std::string extended(const std::string& bytes, std::span<const std::string> pieces) const override {
    constexpr uint64_t kUserDefined = 4;
    std::string model = bytes;
    for (const auto& piece : pieces) model += message_field(1, message_field(1, piece) + varint_field(3, kUserDefined));
    return model;
  }
  WordRule word_rule(std::string_view bytes) const override { return sentencepiece_word_rule(bytes); }
  Special special() const override { return {model_.pad_id(), model_.unk_id(), model_.bos_id(), model_.eos_id()}; }

 private:
  static void require_ok(const sentencepiece::util::Status& status) {
    require(status.ok(), "SentencePiece: ", status.ToString());
  }
  void find_anchor();
  std::string decode_at_once(const std::vector<int>& ids) const;
  std::string decode_slices(std::span<const int32_t> ids) const;
  int byte(int32_t id) const;
  bool may_cut(std::span<const int32_t> ids, std::size_t at) const;

  sentencepiece::SentencePieceProcessor model_;
  bool dummy_prefix_ = false;  // each line is encoded with a space before it, which decoding takes away
  int anchor_ = -1;            // a piece that stands for all text before a slice; -1: lines are decoded whole
  std::size_t anchor_bytes_ = 0;
};

SentencePieceVocabulary::SentencePieceVocabulary(const std::string& bytes, std::string_view name) {
  require(model_.LoadFromSerializedProto(bytes).ok() && size() > 0, name, ": a damaged SentencePiece model");
  const auto pieces = model_.EncodeAsPieces("x");
  dummy_prefix_ = !pieces.empty() && (pieces[0].starts_with(kSpace) || pieces[0] == "<0xE2>");
  if (!has_denormalizer(bytes)) find_anchor();
}

void SentencePieceVocabulary::encode(std::string_view line, std::vector<int32_t>& ids,
                                     std::vector<ByteRange>* ranges) const {
  if (!ranges) return require_ok(model_.Encode(line, &ids));
  sentencepiece::ImmutableSentencePieceText text;
  require_ok(model_.Encode(line, text.mutable_proto()));
  ids.clear();
  ranges->clear();
  for (const auto& piece : text.pieces()) {
    ids.push_back(static_cast<int32_t>(piece.id()));
    ranges->push_back({static_cast<int32_t>(piece.begin()), static_cast<int32_t>(piece.end())});
  }
  // SentencePiece gives a character that byte pieces spell to the last of them. Each has its own byte, or all the
  // whole, where normalisation made it.
  for (std::size_t i = 0, count; i < ids.size(); i += count) {
    const int lead = byte(ids[i]);
    count = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (count == 1 || i + count > ids.size()) continue;
    const ByteRange whole = (*ranges)[i + count - 1];
    for (std::size_t k = 0; k < count; ++k) {
      const auto own = whole.begin + static_cast<int32_t>(k);
      const bool as_read = whole.end - whole.begin == static_cast<int32_t>(count);
      (*ranges)[i + k] = as_read ? ByteRange{own, own + 1} : whole;
    }
  }
}

std::string SentencePieceVocabulary::decode_at_once(const std::vector<int>& ids) const {
  std::string text;
  require_ok(model_.Decode(ids, &text));
  return text;
}

// Some piece that always leaves text, and text that no byte piece after it changes: mostly `unk` will do.
void SentencePieceVocabulary::find_anchor() {
  for (int id = 0; id < size() && anchor_ < 0; ++id) {
    anchor_bytes_ = byte(id) < 0x80 ? decode_at_once({id}).size() : 0;
    if (anchor_bytes_ > 0) anchor_ = id;
  }
}

// What a byte piece spells, -1 of any other.
int SentencePieceVocabulary::byte(int32_t id) const {
  return model_.IsByte(id) ? std::stoi(model_.IdToPiece(id).substr(1), nullptr, 16) : -1;
}

// False inside what may be a character spelled by byte pieces: one that leads and up to three that continue it.
bool SentencePieceVocabulary::may_cut(std::span<const int32_t> ids, std::size_t at) const {
  for (std::size_t back = 0; back < 4; ++back) {
    const int value = at < back ? -1 : byte(ids[at - back]);
    if (value < 0x80 || value > 0xbf) return value < 0xc0 || back == 0;
  }
  return true;
}

// What SentencePiece's Decode gives, in memory for the text and one slice. Decoding remembers one thing beyond a
// character: whether the line has begun, since the first space goes. A piece that leaves text tells it to the next
// slice, or, as long as there is no text, the ids that left none, each once.
std::string SentencePieceVocabulary::decode_slices(std::span<const int32_t> ids) const {
  if (anchor_ < 0 || ids.size() <= kSliceIds) return decode_at_once({ids.begin(), ids.end()});
  std::string text;
  std::vector<int> context;
  for (std::size_t begin = 0, end; begin < ids.size(); begin = end) {
    end = std::min(begin + kSliceIds, ids.size());
    while (end < ids.size() && !may_cut(ids, end)) --end;
    context.insert(context.end(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                   ids.begin() + static_cast<std::ptrdiff_t>(end));
    text.append(decode_at_once(context), text.empty() ? 0 : anchor_bytes_);
    if (text.empty()) {
      std::sort(context.begin(), context.end());
      context.erase(std::unique(context.begin(), context.end()), context.end());
    } else {
      context.assign(1, anchor_);
    }
  }
  return text;
}

std::string SentencePieceVocabulary::decode(std::span<const int32_t> ids) const {
  std::string text = decode_slices(ids), plain;
  // Where no piece holds the space's sign, byte pieces spell it (words outside a word vocabulary), and SentencePiece
  // leaves it as they did; the space is meant.
  std::size_t begin = 0;
  if (!ids.empty() && dummy_prefix_ && model_.IsByte(ids[0]) && text.starts_with(kSpace)) begin = kSpace.size();
  for (std::size_t at; (at = text.find(kSpace, begin)) != text.npos; begin = at + kSpace.size())
    plain.append(text, begin, at - begin) += ' ';
  return begin == 0 ? text : plain.append(text, begin);
}

}  // namespace

const VocabularyMaker kSentencePieceMaker{
    "a SentencePiece model",
    [](std::string_view bytes) {
      bool has_pieces = false;
      return each_field(bytes, [&](uint64_t field, uint64_t, std::string_view) { has_pieces |= field == 1; }) &&
             has_pieces;
    },
    [](const std::string& bytes, std::string_view name) -> std::unique_ptr<const VocabularyKind> {
      auto model = std::make_unique<const SentencePieceVocabulary>(bytes, name);
      auto table = table_of(bytes, name);
      if (table.empty()) return model;
      return make_table_vocabulary(std::move(model), std::move(table), name);
    }};

}  // namespace storm
