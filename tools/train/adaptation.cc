#include "tools/train/adaptation.h"

#include <algorithm>

#include "base/split.h"
#include "models/adapted_model.h"
#include "models/architecture.h"
#include "stream/stream.h"
#include "stream/tokens.h"

namespace storm {

namespace {

// What only an adaptation of a certain kind takes.
void only_with(const Args& args, const char* flag, const char* what) {
  if (args.given(flag)) throw UsageError(str("--", flag, " has no meaning without --", what));
}

}  // namespace

std::vector<Flag> adaptation_flags() {
  const Adaptation preset;
  return {{"freeze", "PATTERN,...", "", "parameters that are not trained, by name: 'layers.[0-5].*,*embedding*'",
           "What is trained"},
          {"lora", "RANK", "0",
           "train low-rank updates of linear layers alone, and heads (0: none); the model is written with them merged"},
          {"lora-alpha", "X", "", "updates are multiplied by X / RANK; by default by 1"},
          {"lora-layers", "PATTERN,...", preset.low_rank_layers,
           "which: layers.0.ffn.up, layers.0.self.qkv (one update of all), layers.0.self.qkv.q (of its queries)"},
          {"lora-dropout", "RATE", "0", "dropout of what updates read"},
          {"adapters", "WIDTH", "0", "train bottleneck adapters behind sublayers, norms and heads alone (0: none)"},
          {"train-new-rows", "", "",
           "train the rows of pieces alone that the vocabulary of --init lacks, and heads; with --lora and --adapters "
           "they are trained, too"},
          {"init-adapter", "FILE", "", "go on training what --save-adapter has written, of the model of --init"},
          {"save-adapter", "FILE", "", "what was trained alone, for tensor merge; where the model of --init stays"}};
}

std::optional<Adaptation> wanted_adaptation(const Args& args) {
  Adaptation f;
  f.freeze = joined(args.texts("freeze"));
  f.rank = args.integer("lora", 0, 1 << 20);
  f.adapter_width = args.integer("adapters", 0, 1 << 20);
  f.adapters_alone = f.adapter_width > 0;
  f.new_rows_alone = args.on("train-new-rows");
  if (f.rank > 0) {
    f.alpha = args.given("lora-alpha") ? args.real("lora-alpha", 0, 1e6) : static_cast<double>(f.rank);
    f.dropout = static_cast<float>(args.real("lora-dropout", 0, 0.999));
    f.low_rank_layers = args.text("lora-layers");
  } else {
    for (const char* flag : {"lora-alpha", "lora-dropout", "lora-layers"}) only_with(args, flag, "lora");
  }
  if (f == Adaptation()) return {};
  if (args.given("init-adapter"))
    throw UsageError(
        "--init-adapter: the adapter says what is trained; leave --freeze, --lora, --adapters and "
        "--train-new-rows out");
  return f;
}

void put_adaptation(const Args& args, const InitialModel* initial, const std::vector<GrownVocabulary>& grown,
                    nlohmann::json& config) {
  auto wanted = wanted_adaptation(args);
  if (!wanted) return;
  if (!initial) {
    if (wanted->rank > 0) throw UsageError("--lora needs --init MODEL: what the updates are of");
    if (wanted->adapters_alone) throw UsageError("--adapters needs --init MODEL: what is adapted");
    if (wanted->new_rows_alone) throw UsageError("--train-new-rows needs --init MODEL: what has the old rows");
  } else {
    const auto width = Adaptation::from(config).adapter_width;
    if (wanted->adapter_width == 0) wanted->adapter_width = width;
    if (width > 0 && wanted->adapter_width != width)
      throw UsageError(str("--adapters ", wanted->adapter_width, ": ", initial->loaded.name, " has adapters of width ",
                           width, "; give that one"));
    wanted->base = fingerprint_of(*initial->loaded.model);
    // A pooler that the base lacks is of the head.
    const auto& before = initial->loaded.model->parameters();
    const auto plain = make_model(config);
    if (std::ranges::any_of(plain->parameters().specs(), [&](const auto& spec) {
          return spec.name.starts_with("pooler.") && !before.contains(spec.name);
        }))
      wanted->heads += ",pooler.*";
    for (const auto& vocabulary : grown) wanted->frozen_pieces.push_back(vocabulary.before);
    if (!grown.empty() && (wanted->rank > 0 || wanted->adapters_alone)) wanted->new_rows_alone = true;
    if (wanted->new_rows_alone && grown.empty())
      throw UsageError(str("--train-new-rows: the vocabulary of the data has no pieces that ", initial->loaded.name,
                           " lacks; make it with tokenize --learn --extend"));
  }
  wanted->put_into(config);
}

std::unique_ptr<Model> model_with_adapter(const Args& args, const Streams& streams, const InitialModel& initial) {
  const auto& path = args.text("init-adapter");
  wanted_adaptation(args);
  const auto document = read_document(path, kAdapterKind);
  auto model = adapted_model(initial.loaded, document, path);
  const auto own = vocabularies_of(document);
  streams.require_same(
      {nullptr, own.empty() ? initial.loaded.vocabularies : own, {}, own.empty() ? initial.loaded.name : path});
  return model;
}

void check_resumed_adaptation(const Args& args, const Checkpoint& checkpoint) {
  auto wanted = wanted_adaptation(args);
  if (!wanted) return;
  const auto has = Adaptation::from(checkpoint.loaded.model->config());
  wanted->base = has.base;
  wanted->heads = has.heads;
  wanted->frozen_pieces = has.frozen_pieces;
  if (wanted->rank > 0 || wanted->adapters_alone) wanted->new_rows_alone = !has.frozen_pieces.empty();
  if (wanted->adapter_width == 0) wanted->adapter_width = has.adapter_width;
  if (!(*wanted == has))
    throw UsageError(str("what is trained is not what ", checkpoint.loaded.name,
                         " says; leave --freeze, --lora, --adapters and --train-new-rows out, or give another -o"));
}

void check_saved_adapter(const TrainPlan& plan, const Model& model) {
  const auto adaptation = Adaptation::from(model.config());
  if (!plan.adapter.empty() && adaptation.base.empty())
    throw UsageError(
        "--save-adapter needs --init MODEL, and a part of it that is trained: --lora, --adapters, "
        "--train-new-rows or --freeze");
  if (adaptation.rank > 0 && plan.snapshots.count > 1)
    throw UsageError("--average: the mean of low-rank updates is none; leave it out (--average-of best takes one)");
}

}  // namespace storm
