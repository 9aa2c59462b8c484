#include "models/ensemble.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/encoder_decoder.h"
#include "models/language_model.h"
#include "nn/adaptation.h"
#include "ops/columns.h"
#include "ops/join.h"
#include "ops/log_mixture.h"
#include "ops/top_k.h"

namespace storm {

namespace {

struct Members {
  std::vector<std::unique_ptr<Model>> models;
  std::vector<double> weights;  // with a sum of 1
};

class EnsembleDecoder : public Decoder {
 public:
  EnsembleDecoder(std::vector<std::unique_ptr<Decoder>> decoders, std::span<const double> weights)
      : decoders_(std::move(decoders)), weights_(weights) {}

  Value step(Graph& graph, std::span<const int32_t> parents, std::span<const int32_t> tokens) override {
    std::vector<Value> log_probs;
    for (const auto& decoder : decoders_)
      log_probs.push_back(log_softmax(graph, decoder->step(graph, parents, tokens)));
    return log_mixture(graph, log_probs, weights_);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> decoders_;
  std::span<const double> weights_;  // the ensemble's
};

// The first model's, which describes no parameters here.
nlohmann::json config_of(const Members& members) {
  nlohmann::json config = members.models[0]->config();
  Adaptation{}.put_into(config);
  return config;
}

template <class Ability>
class Ensemble : public Model, public Ability, public Members {
 public:
  explicit Ensemble(Members&& members) : Ensemble(std::move(members), ParameterList()) {}

  std::unique_ptr<Decoder> start(Workspace& workspace, const PackedSentences& contexts) const override {
    std::vector<std::unique_ptr<Decoder>> decoders;
    for (const Ability* member : able_) decoders.push_back(member->start(workspace.part(decoders.size()), contexts));
    workspace.graph.clear();
    return std::make_unique<EnsembleDecoder>(std::move(decoders), weights);
  }
  int64_t longest_source() const override { return least(&Ability::longest_source); }

  OutputLayer output(Graph&) const override { refuse(); }
  Value encode(Graph&, const PackedSentences&, Trace*) const override { refuse(); }
  std::span<const float> token_embeddings() const override { refuse(); }

 protected:
  [[noreturn]] static void refuse() { throw UsageError("several models as one have no states; give one model"); }

  int64_t least(int64_t (Ability::*number)() const) const {
    int64_t found = INT64_MAX;
    for (const Ability* member : able_) found = std::min(found, (member->*number)());
    return found;
  }
  // -log p of each label from the members' own.
  template <class Own>
  Value mixed_nll(Graph& graph, Own&& own) const {
    std::vector<Value> nll;
    for (const Ability* member : able_) nll.push_back(own(*member));
    const Value mixed = log_mixture(graph, nll, weights, -1);
    graph.keep(mixed);
    return mixed;
  }

  std::vector<const Ability*> able_;  // the models

 private:
  Ensemble(Members&& members, ParameterList list)
      : Model(list, config_of(members), {.vocabularies = members.models[0]->description().vocabularies}),
        Members(std::move(members)) {
    for (const auto& model : models) able_.push_back(&as<Ability>(*model));
  }
};

class TranslatingEnsemble final : public Ensemble<EncoderDecoder> {
 public:
  using Ensemble::Ensemble;

  Value states(Graph&, const PackedSentences&, const PackedSentences&, Trace*) const override { refuse(); }
  Value token_nll(Graph& graph, const Batch& batch) const override {
    return mixed_nll(graph, [&](const EncoderDecoder& member) { return member.token_nll(graph, batch); });
  }
  int64_t longest_target() const override { return least(&EncoderDecoder::longest_target); }
};

// Its carried state is those of its members, side by side; it carries none where one of them does not.
class ContinuingEnsemble final : public Ensemble<LanguageModel> {
 public:
  using Ensemble::Ensemble;

  Value states(Graph&, const PackedSentences&, Trace*, CarriedState*) const override { refuse(); }
  Value token_nll(Graph& graph, const PackedSentences& text, Value labels, CarriedState* carried) const override {
    int64_t at = 0;
    return mixed_nll(graph, [&](const LanguageModel& member) {
      if (!carried) return member.token_nll(graph, text, labels);
      const int64_t width = member.carried_width();
      CarriedState own;
      if (carried->before) own.before = columns(graph, carried->before, at, width);
      const Value nll = member.token_nll(graph, text, labels, &own);
      carried->after = at > 0 ? join(graph, {{carried->after, own.after}}) : own.after;
      at += width;
      return nll;
    });
  }
  int64_t carried_width() const override {
    if (least(&LanguageModel::carried_width) == 0) return 0;
    return std::accumulate(able_.begin(), able_.end(), int64_t{0},
                           [](int64_t sum, const LanguageModel* member) { return sum + member->carried_width(); });
  }
};

}  // namespace

std::unique_ptr<Model> make_ensemble(std::vector<std::unique_ptr<Model>> models, std::span<const double> weights) {
  require(models.size() == weights.size(), "an ensemble of ", models.size(), " models has ", weights.size(),
          " weights");
  Members members;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (weights[i] == 0) continue;
    members.models.push_back(std::move(models[i]));
    members.weights.push_back(weights[i] / sum);
  }
  require(!members.models.empty(), "an ensemble of no models");
  if (members.models.size() == 1) return std::move(members.models[0]);
  if (members.models.size() > kMostMixed)
    throw UsageError(str(members.models.size(), " models are more than the ", kMostMixed, " that can answer together"));
  if (dynamic_cast<const LanguageModel*>(members.models[0].get()))
    return std::make_unique<ContinuingEnsemble>(std::move(members));
  return std::make_unique<TranslatingEnsemble>(std::move(members));
}

std::vector<Model*> members_of(Model& model) {
  auto* several = dynamic_cast<Members*>(&model);
  if (!several) return {&model};
  std::vector<Model*> found;
  for (const auto& member : several->models) found.push_back(member.get());
  return found;
}

}  // namespace storm
