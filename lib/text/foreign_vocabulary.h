// Vocabularies in files that are none by themselves, as the bytes of one: BERT's vocab.txt, and pairs of files.
#pragma once

#include <string>
#include <string_view>

namespace storm {

struct NamedText {
  std::string_view text, name;  // the name is for errors
};

// Whether the text is BERT's vocab.txt, which has a line for the unknown word.
bool is_piece_list(std::string_view text);

// A piece a line, in the order of ids, as a tokenizer.json. uncased: text is lower-cased and loses its accents. [PAD],
// [UNK], [CLS], [SEP] and [MASK], where they are there, are found in the text as they stand.
std::string from_piece_list(NamedText list, bool uncased);

// Two files that belong together: GPT-2's vocab.json and merges.txt (a tokenizer.json comes out; of <|endoftext|>, <s>,
// </s>, <pad>, <unk> and <mask> those that are there are found in the text), or a SentencePiece model and Marian's
// vocab.json, the table of its ids. Throws Error for damaged files.
std::string from_pair(NamedText first, NamedText second);

}  // namespace storm
