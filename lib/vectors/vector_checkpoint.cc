// Saving and going on.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mixed_hash.h"
#include "base/number.h"
#include "stream/stream.h"
#include "stream/transform.h"
#include "vectors/vector_training.h"

namespace storm {

namespace {

constexpr const char *kSettings = "learn.settings", *kDone = "learn.units";

// What must be the same for a run to go on, the first that differs to be named first; threads where the bits depend on
// how many there are.
nlohmann::ordered_json settings_of(const LearnPlan& plan, std::size_t threads) {
  const auto& s = plan.settings;
  uint64_t frozen = 0;
  for (std::size_t word = 0; word < plan.frozen.size(); ++word)
    if (plan.frozen[word]) frozen = mixed(frozen, word + 1);
  return {{"method", s.method == VectorMethod::cbow ? "cbow" : "skipgram"},
          {"dim", s.width},
          {"window", s.window},
          {"negative", s.negative},
          {"sample", s.sample},
          {"epochs", s.epochs},
          {"lr", s.learning_rate},
          {"subwords", str(s.subwords.least, ',', s.subwords.most)},
          {"buckets", s.subwords.buckets},
          {"seed", s.seed},
          {"deterministic", s.deterministic},
          {"threads", s.deterministic ? static_cast<int64_t>(threads) : 0},
          {"freeze", frozen},
          {"text", plan.text.fingerprint()},
          {"words", plan.text.table().size()},
          {"units", plan.text.units()}};
}

}  // namespace

void VectorTraining::save(Output& output, const std::string& command) const {
  Document document;
  document.metadata = {{kKindKey, kVectorCheckpointKind},
                       {kVersionKey, kStreamVersion},
                       {kCommandKey, command},
                       {kSettings, settings_of(plan_, learners_.size()).dump()},
                       {kDone, std::to_string(done_)}};
  const auto& tables = plan_.tables;
  document.add_view("inputs", DType::F32, {tables.input_rows, tables.stride}, std::as_bytes(tables.inputs()));
  document.add_view("outputs", DType::F32, {tables.words, tables.stride}, std::as_bytes(tables.outputs()));
  write_document(output, document);
}

void VectorTraining::resume(const Document& checkpoint, const std::string& path) {
  require_kind(checkpoint, kVectorCheckpointKind);
  require(checkpoint.meta(kVersionKey) == kStreamVersion, path, ": stream version ", checkpoint.meta(kVersionKey),
          ", this program reads version ", kStreamVersion);
  const auto now = settings_of(plan_, learners_.size());
  const auto before = nlohmann::json::parse(checkpoint.meta(kSettings), nullptr, false);
  for (const auto& [key, value] : now.items()) {
    require(before.is_object() && before.contains(key), path, ": ", kSettings, " has no ", key,
            "; the file is damaged, leave --resume out");
    if (before[key] == value) continue;
    const bool of_text = key == "text" || key == "words" || key == "units";
    const bool shown = key != "freeze" && before[key].is_primitive() && before[key].dump().size() < 40;
    fail(path, ": is of ",
         of_text ? std::string("another text, or another --min-count")
         : shown ? str("--", key, " ", before[key].dump(), ", not ", value.dump())
                 : str("another --", key),
         "; give what it began with, or leave --resume out");
  }
  const auto units_done = parse_number<int64_t>(checkpoint.meta(kDone));
  require(units_done && *units_done >= 0 && *units_done <= units(), path, ": ", kDone, " is '", checkpoint.meta(kDone),
          "', not from 0 to ", units());
  done_ = *units_done;
  const auto& tables = plan_.tables;
  const auto restore = [&](const char* name, std::span<float> to, int64_t rows) {
    const auto& tensor = checkpoint.tensor(name);
    require(tensor.dtype == DType::F32 && tensor.shape == std::vector{rows, tables.stride}, path, ": ", name, " are ",
            dtype_name(tensor.dtype), " ", shape_text(tensor.shape), ", not F32 [", rows, ", ", tables.stride, "]");
    read_floats(tensor, 0, to);
    require(std::ranges::all_of(to, [](float x) { return std::isfinite(x); }), path, ": ", name,
            " hold NaN or an infinity; leave --resume out");
  };
  restore("inputs", tables.inputs(), tables.input_rows);
  restore("outputs", tables.outputs(), tables.words);
}

}  // namespace storm
