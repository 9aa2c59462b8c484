// What training and decoding know of a model. An architecture is one implementation of this and one entry in
// models/architecture.cc; nothing outside models/ knows which one it is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "models/batch.h"
#include "models/trace.h"
#include "ops/cross_entropy.h"
#include "tensor/parameters.h"
#include "tensor/workspace.h"

namespace storm {

// The incremental decoding of one batch of source sentences. It borrows from the model.
class Decoder {
 public:
  virtual ~Decoder() = default;

  // Records one step. Row i goes on from row parents[i] of the step before (at the first step parents[i] is a source
  // sentence) and is fed tokens[i]. Rows stand grouped by source sentence, in the sentences' order; a sentence may
  // have none left. -> logits [rows, target vocabulary]. The graph must be run before the next step is recorded.
  virtual Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Records the loss of a batch; batch must outlive the graph's run. Dropout is on in graphs with gradients.
  virtual CrossEntropy loss(Graph& graph, const Batch& batch, float label_smoothing, float gradient_scale) const = 0;

  // Runs the encoder in the workspace (whose graph and slabs are cleared) and returns what decodes from it; the next
  // decoder in the same workspace ends this one. Several threads may decode at once, each in a workspace of its own.
  virtual std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const = 0;

  // Records the pass of loss() up to the output layer, without dropout, and leaves in `trace` what it asks for; a batch
  // without targets passes the encoder alone. The graph has no gradients; batch must outlive its run.
  virtual void trace(Graph& graph, const Batch& batch, Trace& trace) const = 0;

  // [source vocabulary, width]: the table that source tokens are looked up in, as it was trained.
  virtual std::span<const float> source_embeddings() const = 0;

  virtual int64_t longest_source() const { return INT32_MAX; }  // tokens with EOS that the model can take
  virtual int64_t longest_target() const { return INT32_MAX; }

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const std::string& config() const { return config_; }  // JSON, complete: what architecture.h makes the model from
  int64_t source_vocabulary() const { return source_vocabulary_; }
  int64_t target_vocabulary() const { return target_vocabulary_; }

 protected:
  Model(ParameterList& list, std::string config, int64_t source_vocabulary, int64_t target_vocabulary)
      : parameters_(list.take()),
        config_(std::move(config)),
        source_vocabulary_(source_vocabulary),
        target_vocabulary_(target_vocabulary) {}

 private:
  Parameters parameters_;
  std::string config_;
  int64_t source_vocabulary_, target_vocabulary_;
};

}  // namespace storm
