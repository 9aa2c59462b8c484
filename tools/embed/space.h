// What embed is asked about: the encoder of a trained model, or a table of word vectors. Both have rows with texts, and
// vectors of texts that need be no row.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/embedder.h"
#include "tools/cli.h"
#include "tools/embed_flags.h"
#include "vectors/word_table.h"

namespace storm {

// How a word is known: not at all, by its parts (pieces, n-grams), or as one row.
enum class Spelling : uint8_t { unknown, parts, row };

class Space {
 public:
  virtual ~Space() = default;
  virtual const std::string& name() const = 0;  // of its file
  virtual int64_t width() const = 0;            // of the vectors of texts
  virtual const EmbedFlags& flags() const = 0;  // with what the space sets itself
  // Of a stream of its vectors: embeddings.layer and other keys (lib/stream/README.md).
  virtual std::map<std::string, std::string> metadata() const = 0;

  // Standard input, many lines at once: each(their vectors, how many lines came before), and flush() whenever somebody
  // may be waiting.
  using Each = std::function<void(const TextVectors& vectors, int64_t before)>;
  virtual void each_batch(const Each& each, const std::function<void()>& flush) = 0;

  // Words of an evaluation: how each is known, and a vector for each of those that are. named: what word i is called in
  // errors.
  virtual Spelling spelling(const std::string& word) = 0;
  virtual TextVectors vectors_of(std::span<const std::string> words,
                                 const std::function<std::string(std::size_t)>& named) = 0;
  virtual const char* row_name() const = 0;  // "one piece": what a word of Spelling::row is

  // The rows in which a line's neighbours are looked for where no index is given; UsageError where there are none of
  // this width.
  virtual std::vector<VectorBlock> rows() = 0;
  virtual std::string row_text(int64_t row) const = 0;
  // Those rows that the line itself names, and that are no neighbours of it.
  virtual std::vector<int64_t> own_rows(const std::string& line) const = 0;

  virtual const WordTable& words() = 0;  // UsageError where vectors are not of the table alone

  // All rows, for an export.
  virtual std::vector<float> table() const = 0;  // [rows, table_width]
  virtual int64_t table_width() const = 0;
};

// path: a stream of kind embeddings, and not a model.
bool is_word_vectors(const std::string& path);

std::unique_ptr<Space> word_space(const Args& args, const EmbedFlags& flags);
std::unique_ptr<Space> model_space(const Args& args);

}  // namespace storm
