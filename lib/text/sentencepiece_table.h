// A SentencePiece model with ids of its own: Marian's models number the pieces by a table beside the model, vocab.json,
// which may have pieces that the model does not have, and lack some that it has.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary_kind.h"

namespace storm {

struct NamedText;

// The pieces of a JSON object of pieces and their ids, by id. Throws Error where it is none, or ids are missing or
// twice.
std::vector<std::string> pieces_of_table(NamedText json);

// The model's bytes with the table in a field that SentencePiece leaves to others (number 200 of ModelProto, a JSON
// list of the pieces), so that they still are a model to every reader.
std::string with_table(std::string model, NamedText json);

std::string without_table(std::string model);  // the reverse

// The pieces of the table in a model's bytes; none: it has none.
std::vector<std::string> table_of(std::string_view model, std::string_view name);

// Lines are cut by the model; a piece's id is where the table has it, or that of <unk>. A word like >>fr<< that a line
// begins with, and the table has, is one piece, and names a language. Specials are <pad>, <unk>, <s> and </s>.
std::unique_ptr<const VocabularyKind> make_table_vocabulary(std::unique_ptr<const VocabularyKind> model,
                                                            std::vector<std::string> pieces, std::string_view name);

}  // namespace storm
