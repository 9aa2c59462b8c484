// A vocabulary turns lines of text into ids and back: a SentencePiece model, WordPiece or byte-level BPE, or a list of
// words or labels, from its own file or from any stream that carries one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary_kind.h"

namespace storm {

// Cheap to copy (copies share its state); const use is safe from many threads.
class Vocabulary {
 public:
  // The bytes say which kind they are of (lib/stream/README.md); name is what errors call them. Throws Error when they
  // are of none, or damaged.
  static Vocabulary from_bytes(std::string bytes, std::string_view name = "vocabulary");
  // A vocabulary's own file, or the first document of a stream (model, tokens, ...): its "vocab.COLUMN" where it
  // has one, else its shared "vocab". With an empty column, its only vocabulary. Files that are no vocabulary by
  // themselves (text/foreign_vocabulary.h): BERT's vocab.txt, which does not say whether it is uncased, so the caller
  // does, and FIRST+SECOND, a pair of files. Throws Error, also where uncased is said of anything else.
  static Vocabulary load(const std::string& path, std::string_view column = "", std::optional<bool> uncased = {});

  // The pieces of one line of text (valid UTF-8, without the line's end); no BOS, no EOS. Throws Error for a word that
  // a list of labels does not have.
  // ranges: which bytes of the line each piece stands for (null: not asked for).
  void encode(std::string_view line, std::vector<int32_t>& ids, std::vector<ByteRange>* ranges = nullptr) const;
  std::vector<int32_t> encode(std::string_view line) const;
  std::vector<std::string> encode_pieces(std::string_view line) const;
  // The text of these ids; control symbols (pad, BOS, EOS) give none. Throws Error for an id outside [0, size).
  std::string decode(std::span<const int32_t> ids) const;
  const std::string& piece(int32_t id) const;  // its name; throws Error for an id outside [0, size)
  // The name, with SentencePiece's mark (U+2581) where the piece begins a word, whatever the kind of vocabulary.
  std::string marked_piece(int32_t id) const;
  // The same mark, and the text that the piece stands for, which may begin or end within a character.
  std::string marked_bytes(int32_t id) const;

  int32_t id_of(std::string_view piece) const;  // by its name, [MASK] or </s>; -1: the vocabulary has no such piece

  // With these pieces behind the old ones, which keep their ids; those that it has already are left out. A piece that
  // begins with U+2581 is a word with the space before it. Throws Error where a piece cannot be one, or the kind has no
  // more.
  Vocabulary extended(std::span<const std::string> pieces) const;
  // Whether it is `before` with more pieces behind.
  bool extends(const Vocabulary& before) const;

  WordRule word_rule() const;  // which holds for its lines; LineEncoder makes use of it

  int32_t size() const;
  int32_t pad_id() const;  // -1 where the model has none, as for the next three
  int32_t unk_id() const;
  int32_t bos_id() const;
  int32_t eos_id() const;
  int32_t first_fed_id() const;  // what a decoder begins with: BOS, or EOS of a vocabulary without one

  const std::string& bytes() const;        // as a stream carries it, and its own file
  const std::string& fingerprint() const;  // of these bytes
  bool operator==(const Vocabulary& other) const { return bytes() == other.bytes(); }

 private:
  struct State;
  void require_id(int32_t id) const;
  explicit Vocabulary(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace storm
