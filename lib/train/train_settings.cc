#include "train/train_settings.h"

#include "base/error.h"

namespace storm {

namespace {

using nlohmann::json;

constexpr int64_t kNoLimit = int64_t{1} << 52;
constexpr double kMostSmoothing = 0.999;  // at 1, the smoothed labels divide by zero

// access: what of the settings it is, for reading as for writing.
template <class Access>
TrainSetting row(Setting setting, Access access) {
  TrainSetting r{.setting = setting, .key = key_of_flag(setting.flag), .older = {}, .get = {}, .set = {}};
  r.get = [access](const TrainSettings& s) { return json(access(s)); };
  return r;
}

template <class Access>
TrainSetting whole(const Setting& setting, int64_t least, int64_t most, Access access) {
  TrainSetting r = row(setting, access);
  r.set = [access, least, most, key = r.key](TrainSettings& s, const json& value) {
    access(s) = static_cast<std::decay_t<decltype(access(s))>>(Settings(json{{key, value}}).whole(key, least, most));
  };
  return r;
}

// From 0 to `most`, both ends allowed.
template <class Access>
TrainSetting real(const Setting& setting, double most, Access access) {
  TrainSetting r = row(setting, access);
  r.set = [access, most, flag = setting.flag](TrainSettings& s, const json& value) {
    if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= most))
      throw UsageError(str("--", flag, ": ", value.dump(), " is not a number from 0 to ", most));
    access(s) = value.get<double>();
  };
  return r;
}

// Without a value: said or not.
template <class Access>
TrainSetting yes_or_no(const Setting& setting, Access access) {
  TrainSetting r = row(setting, access);
  r.set = [access, flag = setting.flag](TrainSettings& s, const json& value) {
    if (!value.is_boolean()) throw UsageError(str("--", flag, ": is yes or no"));
    access(s) = value.get<bool>();
  };
  return r;
}

// A name of something: read turns it into that, name back.
template <class Read, class Name>
TrainSetting named(const Setting& setting, Read read, Name name) {
  return {.setting = setting,
          .key = key_of_flag(setting.flag),
          .older = {},
          .get = [name](const TrainSettings& s) { return json(name(s)); },
          .set = [read](TrainSettings& s, const json& value) { read(s, value.get<std::string>()); }};
}

TrainSetting automatic(TrainSetting r) {
  r.automatic = true;
  return r;
}
TrainSetting since(json older, TrainSetting r) {
  r.older = std::move(older);
  return r;
}
// One that no flag sets.
TrainSetting kept(std::string key, TrainSetting r) {
  r.key = std::move(key);
  r.setting.flag = "";
  return r;
}

std::vector<TrainSetting> table() {
  std::vector<TrainSetting> all{
      automatic(whole(
          {"max-tokens", "N", "4096",
           "tokens of a batch, on its larger side, EOS included; auto: what fits --memory, or the device"},
          1, kMostTokens, [](auto& s) -> auto& { return s.max_tokens; })),
      since(0, kept("micro_batch",
                    whole(
                        {"micro-batch", "", "", ""}, 0, kMostTokens, [](auto& s) -> auto& { return s.micro_batch; }))),
      whole(
          {"accumulate", "N", "1", "batches of an update"}, 1, 1 << 20, [](auto& s) -> auto& { return s.accumulate; }),
      since(0, whole(
                   {"accumulate-warmup", "N", "0",
                    "updates in which their batches rise from one to --accumulate (Smith et al. 2018)"},
                   0, kNoLimit, [](auto& s) -> auto& { return s.accumulate_warmup; })),
      since(0, automatic(whole(
                   {"block", "N", "auto",
                    "tokens of a block that running text is cut into, at other places each epoch (0: --rows); auto: "
                    "256, or what the model takes if that is less"},
                   0, kMostTokens, [](auto& s) -> auto& { return s.text.block; }))),
      since(false, yes_or_no(
                       {"documents", "", "", "running text has an EOS where a row is blank, instead of after each row"},
                       [](auto& s) -> auto& { return s.text.documents; })),
      since(0, whole(
                   {"streams", "N", "0",
                    "running text is read as so many parallel streams, a block of each in every update, and the "
                    "model's state is carried from block to block (0: blocks in random order)"},
                   0, 1 << 20, [](auto& s) -> auto& { return s.text.streams; })),
      named(
          {"schedule", "KIND", "inverse-sqrt", "inverse-sqrt, constant, linear or cosine (these two end at --steps)"},
          [](TrainSettings& s, const std::string& name) { s.schedule.kind = schedule_from_name(name); },
          [](const TrainSettings& s) { return schedule_name(s.schedule.kind); }),
      automatic(real(
          {"lr", "X", "auto", "the schedule's peak; auto: 1 / sqrt(d_model * warmup)"}, 1e6,
          [](auto& s) -> auto& { return s.schedule.peak; })),
      whole(
          {"warmup", "N", "4000", "updates in which the rate rises to its peak"}, 0, kNoLimit,
          [](auto& s) -> auto& { return s.schedule.warmup; }),
      kept("schedule_steps",
           whole(
               {"steps", "", "", ""}, 0, kNoLimit, [](auto& s) -> auto& { return s.schedule.steps; })),
      since(0, whole(
                   {"restarts", "N", "0", "how often linear and cosine begin again at the peak (SGDR)"}, 0, 1000,
                   [](auto& s) -> auto& { return s.schedule.restarts; })),
      since("adam", named(
                        {"optimizer", "NAME", "adam", "adam, or nesterov: gradient descent with Nesterov's momentum"},
                        [](TrainSettings& s, const std::string& name) { s.optimizer.name = optimizer_kind(name).name; },
                        [](const TrainSettings& s) { return s.optimizer.name; })),
      real(
          {"weight-decay", "X", "0", "decoupled weight decay of matrices; biases and gains of norms are spared"}, 1e6,
          [](auto& s) -> auto& { return s.optimizer.weight_decay; }),
      automatic(real(
          {"clip-norm", "X", "auto", "gradients longer than this are scaled down to it (0: off); auto: off"}, 1e9,
          [](auto& s) -> auto& { return s.clip_norm; })),
      real(
          {"label-smoothing", "X", "0.1", "share of the target's probability that is spread over the vocabulary"},
          kMostSmoothing, [](auto& s) -> auto& { return s.label_smoothing; }),
      since(0, real(
                   {"bpe-dropout", "P", "0",
                    "words are cut anew each epoch, each merge of pieces passed over with this probability "
                    "(BPE-dropout; 0.1 is usual; costs some 5 % of the time, and a tenth more pieces)"},
                   1, [](auto& s) -> auto& { return s.bpe_dropout; })),
      since(0,
            real(
                {"switchout", "TAU", "0",
                 "n words of each row become others, n as likely as e^(-n / TAU), anew each epoch (SwitchOut; 0.5 to 1 "
                 "are usual; costs nothing)"},
                1e3, [](auto& s) -> auto& { return s.switch_out; })),
      since(0, real(
                   {"word-dropout", "P", "0",
                    "pieces that the model is fed become the unknown one with this probability, and what it must say "
                    "stays (costs nothing)"},
                   kMostSmoothing, [](auto& s) -> auto& { return s.word_dropout; })),
      since(0, real(
                   {"r-drop", "X", "0",
                    "each batch is run twice at once, under other dropout, and X times what the two say apart is lost "
                    "besides (R-Drop; 5 is usual; an update takes twice as long)"},
                   1e3, [](auto& s) -> auto& { return s.r_drop; })),
      since(0, real(
                   {"ema", "DECAY", "0",
                    "validation, --average and the model take the exponential moving average of the weights (0.999 is "
                    "usual; costs next to nothing)"},
                   kMostDecay, [](auto& s) -> auto& { return s.ema; })),
      since("f32", named(
                       {"precision", "KIND", "f32",
                        "matrix products of training take operands as they are (f32), or rounded to bf16 or, on CUDA "
                        "devices, to tf32"},
                       [](TrainSettings& s, const std::string& name) { s.precision = precision_from_name(name); },
                       [](const TrainSettings& s) { return name(s.precision); })),
      kept("seed", whole(
                       {"seed", "", "", ""}, 0, INT64_MAX, [](auto& s) -> auto& { return s.seed; })),
      kept("threads", whole(
                          {"threads", "", "", ""}, 1, kNoLimit, [](auto& s) -> auto& { return s.threads; })),
      since("cpu", kept("device",
                        named(
                            {"device", "", "", ""}, [](TrainSettings& s, const std::string& name) { s.device = name; },
                            [](const TrainSettings& s) { return s.device; })))};
  all.push_back(since(true, yes_or_no(
                                {"decay-vectors", "", "", "--weight-decay does not spare them"},
                                [](auto& s) -> auto& { return s.optimizer.decay_vectors; })));
  all.push_back(since(1, real(
                             {"layer-decay", "X", "1",
                              "the rate of the layer below the head is X times the head's, of the next X times that, "
                              "and so on down to the embeddings"},
                             1, [](auto& s) -> auto& { return s.optimizer.layer_decay; })));
  all.push_back(since(1, real(
                             {"head-lr-scale", "X", "1", "the rate of a task's head is X times that of the model"}, 1e6,
                             [](auto& s) -> auto& { return s.optimizer.head_lr_scale; })));
  for (const OptimizerKind* kind : optimizer_kinds())
    for (const auto& number : kind->numbers) {
      const Setting setting{number.key, "X", str(number.preset), number.help};
      all.push_back(since(number.preset, real(
                                             setting, number.most, [key = number.key](auto& s) -> auto& {
                                               return s.optimizer.numbers.at(key);
                                             })));
    }
  return all;
}

}  // namespace

std::span<const TrainSetting> train_settings() {
  static const std::vector<TrainSetting> all = table();
  return all;
}

std::string device_name(const Device* device) {
  if (!device) return "cpu";
  auto name = device->description();  // "NVIDIA H200 (cuda:0), ...": the number says nothing of the bits
  const auto from = name.find(" ("), to = name.find(')', from);
  return to == name.npos ? name : name.erase(from, to + 1 - from);
}

ProductPrecision precision_from_name(const std::string& text) {
  const auto precision = product_precision_named(text);
  if (precision && *precision != ProductPrecision::f16 && *precision != ProductPrecision::int8) return *precision;
  throw UsageError(str("--precision: '", text, "' is none of f32, tf32, bf16",
                       precision ? str("; ", name(*precision), " is for decoding") : ""));
}

json to_json(const TrainSettings& settings) {
  json j = json::object();
  for (const TrainSetting& row : train_settings()) j[row.key] = row.get(settings);
  return j;
}

TrainSettings settings_from(const json& j) {
  TrainSettings settings;
  for (const TrainSetting& row : train_settings())
    row.set(settings, row.older.is_null() || j.contains(row.key) ? j.at(row.key) : row.older);
  if (settings.micro_batch > settings.max_tokens) throw UsageError("micro_batch is more than max_tokens");
  return settings;
}

}  // namespace storm
