// tokenizer.json, in which Hugging Face's tokenizers (0.10 to 0.23, and so transformers 4 and 5) keeps a vocabulary:
// the bytes of a WordPiece or a byte-level BPE vocabulary. What one asks for and the kind would not do is an Error that
// names it: a model, a normalizer or a pre-tokenizer of another type, dropout, a regular expression of one's own. Its
// `truncation` and `padding` are the caller's business (tokenize --max-length) and are passed over.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "text/added_tokens.h"
#include "text/json_fields.h"
#include "text/vocabulary_kind.h"

namespace storm {

// BOS and EOS of byte-level BPE, where no post-processor names others.
constexpr std::string_view kEndOfText = "<|endoftext|>";

// What a file says beside its model's own settings.
struct TokenizerPieces {
  std::vector<std::string> pieces;  // by id, the added ones too
  std::vector<AddedToken> added;
  std::string pad, unk, bos, eos;  // names of pieces; "": none

  int32_t id_of(std::string_view piece) const;  // by search; -1: none
  VocabularyKind::Special special() const { return {id_of(pad), id_of(unk), id_of(bos), id_of(eos)}; }
  bool is_added(std::string_view content) const;
  // Puts a piece in its place, which is below `most`. Throws Error where another one is there.
  void put(int64_t id, const std::string& piece, std::size_t most, const std::string& where);
  // Throws Error where an id has no piece, or two ids have the same.
  void check(const std::string& where) const;
};

// What the kinds of a tokenizer.json have in common: pieces by id and by name.
class TokenizerVocabulary : public VocabularyKind {
 public:
  std::vector<std::string> encode_pieces(std::string_view line) const override;
  const std::string& piece(int32_t id) const override { return pieces_.pieces[static_cast<std::size_t>(id)]; }
  int32_t id_of(std::string_view piece) const override {
    const auto it = ids_.find(piece);
    return it == ids_.end() ? -1 : it->second;
  }
  int32_t size() const override { return static_cast<int32_t>(pieces_.pieces.size()); }
  Special special() const override { return special_; }

 protected:
  // where: of the model's `vocab`, for errors. Throws Error as TokenizerPieces::check does.
  TokenizerVocabulary(TokenizerPieces pieces, const std::string& where);
  const std::vector<AddedToken>& added() const { return pieces_.added; }
  bool in_model(int32_t id) const { return !added_alone_.contains(id); }  // else it is an added token alone
  bool is_control(int32_t id) const { return id == special_.pad || id == special_.bos || id == special_.eos; }

 private:
  TokenizerPieces pieces_;
  Special special_;
  std::unordered_map<std::string_view, int32_t> ids_;  // of pieces_'s names
  std::unordered_set<int32_t> added_alone_;
};

// Reads `added_tokens`, the model's `vocab` and what `post_processor` puts around a text, which are BOS and EOS;
// without one they are otherwise_bos and otherwise_eos, where these are added tokens. Padding is [PAD] or <pad>.
TokenizerPieces read_pieces(JsonFields& root, JsonFields& model, std::string_view otherwise_bos,
                            std::string_view otherwise_eos);

// A whole file. model: the object's fields that stand before "vocab"; behind: those after it, each with a comma in
// front. Fields are JSON texts.
struct TokenizerJson {
  std::string normalizer = "null", pre_tokenizer, decoder, model, behind;
};
std::string tokenizer_json(const TokenizerPieces& pieces, const TokenizerJson& parts);
std::string json_quoted(std::string_view text);  // quoted

// The file with more pieces behind the others: added tokens, or pieces of the model. Of the second,
// those that are there already are passed over.
std::string extended_tokenizer_json(const std::string& json, std::span<const std::string> pieces, bool as_added_tokens);

bool is_json_object(std::string_view text);  // by its first character that is no white space

// Recognises what begins with '{'; the model's type says which kind is made.
extern const VocabularyMaker kTokenizerJsonMaker;

}  // namespace storm
