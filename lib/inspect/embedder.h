// Sentences to vectors: of their pieces, of their words, or one of each sentence.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "inspect/pooling.h"
#include "inspect/text_frame.h"
#include "inspect/words.h"
#include "models/text_encoder.h"
#include "models/text_pooler.h"
#include "tensor/workspace.h"
#include "text/vocabulary.h"

namespace storm {

enum class Level : uint8_t { piece, word, line };

struct EmbedOptions {
  static constexpr int64_t kStatic = -1;  // no pass: the embedding table's rows, as they were trained
  int64_t layer = kStatic;                // 0: embeddings and positions, then the encoder's layers
  std::vector<float> mix = {};            // in place of one layer: the weights of all, 0 first, whose states are summed
  Level level = Level::piece;
  Pool pool = Pool::mean;                // of a word's or a line's pieces, and of ends that are shown (TextFrame)
  bool normalize = false;                // each row by its Euclidean norm, after pooling
  std::string model_name = "the model";  // in errors
};

// Rows in the order of the lines. Ends that are shown are pieces, and words, by themselves. A line without tokens, ends
// among them, has no rows, but at Level::line, where row i is line i: zeros.
struct TextVectors {
  int64_t width = 0;
  std::vector<float> vectors;           // [rows, width]
  std::vector<std::size_t> offsets{0};  // [lines + 1]: in rows
  std::vector<std::string> texts;       // of each row: the piece, the word, or the line

  std::span<const float> row(std::size_t i) const {
    const auto w = static_cast<std::size_t>(width);
    return {vectors.data() + i * w, w};
  }
};

// The last layer that a model's encoder has: --layer's largest value.
inline int64_t encoder_layers(const Model& model) {
  return static_cast<int64_t>(model.description().state_widths.size()) - 1;
}

class Embedder {
 public:
  // device: where the encoder runs, which has twins of the model's parameters; null: the CPU.
  // Throws Error for a vocabulary without the ends that the model wants, and UsageError for Pool::pooler of a model
  // that has none, and for a mix that has not a weight for each layer, or is of layers of different widths.
  Embedder(const Model& model, Vocabulary vocabulary, EmbedOptions options, Device* device = nullptr);

  // sources: without ends. batches: places of sources that pass the encoder together; each that has tokens in one.
  // placed: at Level::word, the words of each source whose input says where its pieces stand; empty: as the vocabulary
  // marks them. named: what source i is called in errors. Throws Error for a line that is longer than the model takes,
  // and for a vector that holds NaN or an infinity or cannot be normalised.
  TextVectors operator()(std::span<const std::span<const int32_t>> sources,
                         std::span<const std::vector<std::size_t>> batches,
                         const std::function<std::string(std::size_t)>& named,
                         std::span<const PlacedWords> placed = {});

  int64_t width() const { return width_; }              // of the vectors: that of the layer's states
  int64_t table_width() const { return table_width_; }  // of the embedding table's rows
  const EmbedOptions& options() const { return options_; }
  const TextFrame& frame() const { return frame_; }  // without a pass, no ends are shown

 private:
  struct LineRows {
    std::vector<std::size_t> starts;  // each row's first token
    std::vector<std::string> texts;
  };
  LineRows rows_of(std::span<const int32_t> ids, const PlacedWords* placed) const;
  void pool_line(std::span<const float> states, std::span<const std::size_t> starts, std::span<float> rows) const;
  void encode(std::span<const std::span<const int32_t>> sources, std::span<const std::size_t> batch,
              Workspace& workspace, TextVectors& out, std::span<const std::vector<std::size_t>> starts) const;

  const TextEncoder& model_;
  const TextPooler* pooler_;  // null: pooling is of vectors
  Vocabulary vocabulary_;
  EmbedOptions options_;
  TextFrame frame_;
  int64_t table_width_, width_;
  Device* device_;
  std::vector<Workspace> workspaces_;  // of each thread; one on a device
};

}  // namespace storm
