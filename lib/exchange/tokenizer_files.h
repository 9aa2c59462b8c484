// The files of a folder's tokenizer: the bytes of a vocabulary made of them, and the reverse.
#pragma once

#include <map>
#include <string>

#include "exchange/folder.h"
#include "text/vocabulary.h"

namespace storm {

// All throw Error that names a missing file, and for what tokenizer_config.json says and the vocabulary would not do.
std::string byte_bpe_of(const Folder& folder);   // of tokenizer.json, or vocab.json and merges.txt
std::string wordpiece_of(const Folder& folder);  // of tokenizer.json, or vocab.txt
// Marian's: SentencePiece models of both sides and the table of ids that they have in common, or two tables.
std::map<std::string, std::string> sentencepiece_pair_of(const Folder& folder);

// The target side's as the folder numbers it. export numbers <pad> last where a model has one vocabulary, as
// CTranslate2's converter wants it; sentencepiece_pair_of puts it back where it was (kOwnKey's "pad").
Vocabulary numbered_target_of(const Folder& folder);
Vocabulary with_padding_last(const Vocabulary& vocabulary);

// Throws Error for special and added tokens that the other files name and the vocabulary does not have so.
void check_special_tokens(const Folder& folder, const Vocabulary& vocabulary);
// Whether a tokenizer.json says that BOS stands before a text that a model is fed.
bool puts_bos_before(const Vocabulary& vocabulary);

bool is_tokenizer_json(const Vocabulary& vocabulary);
// tokenizer.json and tokenizer_config.json, for transformers' class of this name. longest: tokens of a text, special
// ones included; 0: not known.
void add_tokenizer_json(std::map<std::string, std::string>& texts, const Vocabulary& vocabulary,
                        const std::string& tokenizer_class, int64_t longest = 0);
// source.spm, target.spm, vocab.json and tokenizer_config.json. Throws Error for vocabularies that MarianTokenizer
// cannot have.
void add_sentencepiece_pair(std::map<std::string, std::string>& texts, const Vocabulary& source,
                            const Vocabulary& target);

}  // namespace storm
