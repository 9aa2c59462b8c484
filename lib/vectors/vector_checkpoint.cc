// Saving and going on.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/number.h"
#include "stream/stream.h"
#include "stream/transform.h"
#include "vectors/vector_training.h"

namespace storm {

namespace {

constexpr const char *kSettings = "learn.settings", *kDone = "learn.units";

// What must be the same for a run to go on, and how many threads there are where the bits depend on it.
nlohmann::json settings_of(const LearnPlan& plan, std::size_t threads) {
  const auto& s = plan.settings;
  uint64_t text = 1469598103934665603u;  // FNV-1a over the words and their counts
  const auto add = [&](const void* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) text = (text ^ static_cast<const unsigned char*>(bytes)[i]) * 1099511628211u;
  };
  for (int32_t word = 0; word < plan.text.table().words.size(); ++word) {
    add(plan.text.table().words.word(word).data(), plan.text.table().words.word(word).size());
    add(&plan.text.table().counts[static_cast<std::size_t>(word)], sizeof(int64_t));
  }
  return {{"method", s.method == VectorMethod::cbow ? "cbow" : "skipgram"},
          {"dim", s.width},
          {"window", s.window},
          {"negative", s.negative},
          {"sample", s.sample},
          {"epochs", s.epochs},
          {"lr", s.learning_rate},
          {"subwords", {s.subwords.least, s.subwords.most, s.subwords.buckets}},
          {"seed", s.seed},
          {"threads", s.deterministic ? static_cast<int64_t>(threads) : 0},
          {"units", plan.text.units()},
          {"text", text}};
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
  const auto now = settings_of(plan_, learners_.size());
  const auto before = nlohmann::json::parse(checkpoint.meta(kSettings), nullptr, false);
  require(before.is_object(), path, ": ", kSettings, " is no JSON object; the file is damaged");
  for (const auto& [key, value] : now.items())
    require(before.contains(key) && before[key] == value, path, ": ",
            key == "text" || key == "units"
                ? "is of another text, or another --min-count"
                : str("is of --", key, " ", before.value(key, nlohmann::json()).dump(), ", not ", value.dump()),
            "; give what it began with, or leave --resume out");
  const auto units_done = parse_number<int64_t>(checkpoint.meta(kDone));
  require(units_done && *units_done >= 0 && *units_done <= units(), path, ": ", kDone, " is '", checkpoint.meta(kDone),
          "', not from 0 to ", units());
  done_ = *units_done;
  const auto& tables = plan_.tables;
  const auto restore = [&](const char* name, std::span<float> to, int64_t rows) {
    const auto& tensor = checkpoint.tensor(name);
    require(tensor.shape == std::vector{rows, tables.stride}, path, ": ", name, " are ", shape_text(tensor.shape),
            ", not [", rows, ", ", tables.stride, "]");
    read_floats(tensor, 0, to);
  };
  restore("inputs", tables.inputs(), tables.input_rows);
  restore("outputs", tables.outputs(), tables.words);
}

}  // namespace storm
