#include "tests/models/fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "stream/stream.h"

namespace storm::test {

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/fixture.safetensors");
  }();
  return document;
}

Batch fixture_batch() {
  const Document& f = fixture();
  const auto source = f.values<int32_t>("src.ids"), target = f.values<int32_t>("tgt_out.ids");
  const auto source_offsets = f.values<int64_t>("src.offsets"), target_offsets = f.values<int64_t>("tgt.offsets");
  std::vector<SentencePair> pairs;  // without the EOS that ends each
  for (std::size_t i = 0; i + 1 < source_offsets.size(); ++i) {
    const auto cut = [i](std::span<const int32_t> ids, std::span<const int64_t> offsets) {
      const auto from = static_cast<std::size_t>(offsets[i]), to = static_cast<std::size_t>(offsets[i + 1]);
      return ids.subspan(from, to - from - 1);
    };
    pairs.push_back({cut(source, source_offsets), cut(target, target_offsets)});
  }
  return make_batch(pairs, {.bos = 2, .eos = 3});
}

std::unique_ptr<Model> fixture_model(const std::string& which,
                                     const std::vector<std::pair<std::string, std::string>>& settings) {
  auto config = nlohmann::json::parse(fixture().meta(which + ".config"));
  config["source_vocab_size"] = config["target_vocab_size"] = 37;
  config["dropout"] = 0;
  for (const auto& [key, value] : settings) config[key] = value;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs())
    if (fixture().find(which + "." + spec.name)) {
      const auto values = fixture().values<float>(which + "." + spec.name);
      require(values.size() == static_cast<std::size_t>(spec.shape.size()), spec.name, ": not the fixture's size");
      std::copy(values.begin(), values.end(), model->parameters().view(spec.name).begin());
    }
  model->parameters().allocate_gradients();
  return model;
}

double relative_error(std::span<const float> got, std::span<const float> want) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    largest = std::max(largest, std::abs(static_cast<double>(want[i])));
  }
  return worst / std::max(largest, 1e-30);
}

}  // namespace storm::test
