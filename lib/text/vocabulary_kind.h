// What a kind of vocabulary does behind Vocabulary. A kind is one file (KIND_vocabulary.cc) and one line in a table: of
// makers in vocabulary.cc, or of models in tokenizer_json.cc. Nothing else asks which one it has.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "stream/byte_range.h"

namespace storm {

// How the ids of a line follow from those of its words, each encoded alone. Words are the stretches between spaces
// (0x20).
enum class WordRule {
  none,       // they need not: the line is encoded as a whole
  joined,     // one after the other, where single spaces stand between words and none at the ends
  collapsed,  // one after the other, however many spaces stand where
  led         // one after the other, where a word begins with the space before it, if no white space is beside that
};

// Functions mean what Vocabulary's of the same names do; const use is safe from many threads.
class VocabularyKind {
 public:
  struct Special {
    int32_t pad = -1, unk = -1, bos = -1, eos = -1;  // -1: the vocabulary has none
  };

  VocabularyKind() = default;
  virtual ~VocabularyKind() = default;
  VocabularyKind(const VocabularyKind&) = delete;
  VocabularyKind& operator=(const VocabularyKind&) = delete;

  // Replaces what ids hold, and what ranges hold where they are asked for (null: they are not).
  virtual void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges) const = 0;
  virtual std::vector<std::string> encode_pieces(std::string_view line) const = 0;
  virtual std::string decode(std::span<const int32_t> ids) const = 0;  // all of them in [0, size)
  virtual const std::string& piece(int32_t id) const = 0;              // in [0, size)
  virtual std::string marked_piece(int32_t id) const { return piece(id); }
  virtual std::string marked_bytes(int32_t id) const { return marked_piece(id); }
  virtual int32_t id_of(std::string_view piece) const = 0;  // -1: no piece has that name
  virtual int32_t size() const = 0;
  virtual Special special() const = 0;
  // The bytes of a vocabulary with these pieces behind the old ones, of a vocabulary that was made from `bytes`; none
  // of them is a piece of it, and each stands there once. A piece that begins with U+2581 is a word with the space
  // before it. Throws Error for what cannot be a piece.
  virtual std::string extended(const std::string& /*bytes*/, std::span<const std::string> /*pieces*/) const {
    fail("a vocabulary of this kind cannot be extended");
  }
  virtual WordRule word_rule(std::string_view /*bytes it was made from*/) const { return WordRule::none; }
};

struct VocabularyMaker {
  std::string_view what;  // "a SentencePiece model": what an error says that some bytes are not
  bool (*recognises)(std::string_view bytes);
  // Makes it from bytes that it recognises. Throws Error, which begins with the name, when they are damaged.
  std::unique_ptr<const VocabularyKind> (*make)(const std::string& bytes, std::string_view name);
};

}  // namespace storm
