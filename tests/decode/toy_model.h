// A model whose next-token probabilities are random numbers made of the sentence and all that was written before: small
// enough that every output can be written down, and no two pasts look alike.
#pragma once

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/random.h"
#include "models/encoder_decoder.h"

namespace storm::test {

using Ids = std::vector<int32_t>;

class ToyModel : public Model, public EncoderDecoder {
 public:
  ToyModel(int32_t vocabulary, float spread, float eos_bonus = 0)
      : ToyModel(vocabulary, spread, eos_bonus, ParameterList()) {}

  // log p(. | source, what was written so far), in double precision.
  std::vector<double> log_probs(const Ids& source, const Ids& written) const {
    const auto x = logits(source, written);
    double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<double>(v));
    std::vector<double> p;
    for (const float v : x) p.push_back(static_cast<double>(v) - std::log(sum));
    return p;
  }

  std::vector<float> logits(const Ids& source, const Ids& written) const {
    uint64_t key = 1;
    for (const int32_t id : source) key = key * 31 + static_cast<uint64_t>(id) + 1;
    for (const int32_t id : written) key = key * 1000003 + static_cast<uint64_t>(id) + 7;
    RandomStream random(key, RandomUse::corpus);
    std::vector<float> x(static_cast<std::size_t>(description().vocabularies[1]));
    for (float& v : x) v = spread_ * static_cast<float>(random.normal());
    x[3] += eos_bonus_;
    return x;
  }

  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& source) const override {
    workspace.graph.clear();
    return std::make_unique<Steps>(*this, source);
  }
  Value states(Graph&, const PackedSentences&, const PackedSentences&, Trace*) const override { return {}; }
  OutputLayer output(Graph&) const override { return {}; }
  Value encode(Graph&, const PackedSentences&, Trace*) const override { return {}; }
  std::span<const float> token_embeddings() const override { return {}; }
  int64_t longest_target() const override { return longest; }
  int64_t longest_source() const override { return longest_read; }

  int64_t longest = INT32_MAX, longest_read = INT32_MAX;
  mutable std::atomic<int64_t> steps = 0, rows = 0;  // what decoding took, in all threads

 private:
  ToyModel(int32_t vocabulary, float spread, float eos_bonus, ParameterList list)
      : Model(list, nlohmann::json::object(), {.vocabularies = {vocabulary, vocabulary}}),
        spread_(spread),
        eos_bonus_(eos_bonus) {}

  class Steps : public Decoder {
   public:
    Steps(const ToyModel& model, const PackedSentences& source) : model_(model) {
      for (std::size_t s = 0; s + 1 < source.offsets.size(); ++s)  // EOS is left out
        sources_.emplace_back(source.ids.begin() + source.offsets[s], source.ids.begin() + source.offsets[s + 1] - 1);
    }
    Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override {
      std::vector<Past> pasts;
      logits_.clear();
      for (std::size_t r = 0; r < parents.size(); ++r) {
        const auto parent = static_cast<std::size_t>(parents[r]);
        Past past = first_ ? Past{parent, {}} : pasts_.at(parent);
        if (!first_) past.written.push_back(tokens[r]);
        if (r > 0 && past.sentence < pasts.back().sentence) throw std::logic_error("rows are not grouped by sentence");
        const auto row = model_.logits(sources_.at(past.sentence), past.written);
        logits_.insert(logits_.end(), row.begin(), row.end());
        pasts.push_back(std::move(past));
      }
      pasts_ = std::move(pasts);
      first_ = false;
      ++model_.steps;
      model_.rows += static_cast<int64_t>(parents.size());
      return graph.constant({static_cast<int64_t>(parents.size()), model_.description().vocabularies[1]},
                            logits_.data());
    }

   private:
    struct Past {
      std::size_t sentence;
      Ids written;
    };
    const ToyModel& model_;
    std::vector<Ids> sources_;
    std::vector<Past> pasts_;
    std::vector<float> logits_;
    bool first_ = true;
  };

  float spread_, eos_bonus_;
};

// The sources as translate() takes them.
inline std::vector<std::span<const int32_t>> spans(const std::vector<Ids>& sentences) {
  return {sentences.begin(), sentences.end()};
}

}  // namespace storm::test
