// A network: its parameters, the configuration that it was made from, and what it looks like from outside. What it can
// do beyond that it says by a second base, which `as` asks for: TextEncoder, EncoderDecoder, LanguageModel.
// An architecture is one implementation and one entry in models/architecture.cc; nothing outside models/ knows which
// one it is.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/text_head.h"
#include "models/trace.h"
#include "tensor/parameters.h"

namespace storm {

struct Description {
  std::vector<int64_t> vocabularies = {};  // the size of each column's, in the order of the task's columns
  // Of each of these columns, the table [vocabulary, width] that its tokens are looked up in; columns may share one.
  std::vector<ParameterId> tables = {};
  int64_t width = 0;                       // of its embeddings
  std::vector<int64_t> state_widths = {};  // of a trace's states: the embeddings', then each layer's
  struct Attention {
    AttentionKind kind;
    int64_t layers, heads;
  };
  std::vector<Attention> attentions = {};  // what a trace can ask for, in the order of AttentionKind
  bool sinusoidal_positions = false;
};

class Model {
 public:
  virtual ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const nlohmann::json& config() const { return *config_; }  // complete: what architecture.h makes the model from
  std::string architecture() const;                          // its name, "arch" of the configuration
  const Description& description() const { return description_; }
  const TextHead* head() const { return head_ ? &*head_ : nullptr; }  // of a model that a task put one on; null: none

 protected:
  // Takes the parameters off the list in which the layers were declared, and adds what the configuration adds to any
  // architecture: a head (models/text_head.h), and what is trained of it all (nn/adaptation.h).
  Model(ParameterList& list, const nlohmann::json& config, Description description);

 private:
  std::optional<TextHead> head_;
  Parameters parameters_;
  std::unique_ptr<const nlohmann::json> config_;
  Description description_;
};

// The model as something that it can be: as<EncoderDecoder>(model). Throws UsageError for a model that cannot.
template <class Ability>
const Ability& as(const Model& model) {
  const auto* able = dynamic_cast<const Ability*>(&model);
  if (!able) throw UsageError(str("a model of the architecture ", model.architecture(), " ", Ability::kCannot));
  return *able;
}

}  // namespace storm
