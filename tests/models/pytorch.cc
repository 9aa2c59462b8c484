// The whole Transformer against PyTorch: logits, loss, every gradient. And that the tolerance is tight enough: each
// part left out, or one mask, or the scale of the scores, is found.
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/models/fixture.h"

using namespace storm;

namespace {

constexpr double kTolerance = 5e-6;  // of the largest element; float32 PyTorch itself is off by up to 1e-6

double error_of(const std::string& which, Model& model, const Batch& batch) {
  return test::error_of(test::fixture(), which, model, batch);
}

}  // namespace

TEST_CASE("loss, token likelihoods and every gradient of two Transformers equal PyTorch's") {
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    const Batch batch = test::fixture_batch();
    INFO(which);
    CHECK(error_of(which, *model, batch) < test::allowed(kTolerance));
  }
}

TEST_CASE("a whole step of decoding gives PyTorch's logits") {
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    CHECK(test::decoding_error_of(test::fixture(), which, *model, test::fixture_batch()) < test::allowed(kTolerance));
  }
}

TEST_CASE("every parameter left out (a weight at its usual value) is found by the comparison with PyTorch") {
  const Batch batch = test::fixture_batch();
  for (const std::string which : {"post", "pre"}) {
    const auto model = test::fixture_model(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      const bool gain = spec.name.ends_with("norm.weight");
      std::fill(view.begin(), view.end(), gain ? 1.0f : 0.0f);
      std::fill(model->parameters().gradients().begin(), model->parameters().gradients().end(), 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model, batch) > 100 * kTolerance);
      std::copy(kept.begin(), kept.end(), view.begin());
    }
  }
}

TEST_CASE(
    "another scale of the scores, a missing causal mask, a leak between sentences and every other setting are found") {
  const auto breaks = [](const std::string& which, const std::vector<std::pair<std::string, std::string>>& settings) {
    const auto model = test::fixture_model(which, settings);
    const Batch batch = test::fixture_batch();
    return error_of(which, *model, batch) > 100 * kTolerance;
  };
  CHECK(breaks("post", {{"activation", "gelu"}}));
  CHECK(breaks("pre", {{"activation", "gelu-tanh"}}));
  CHECK(breaks("post", {{"positions", "sinusoidal-concat"}}));
  CHECK(breaks("pre", {{"activation", "relu"}}));
  CHECK(breaks("pre", {{"positions", "sinusoidal"}}));

  SECTION("without the division by sqrt(d_k)") {
    // Queries as many times larger undo it.
    const auto model = test::fixture_model("post");
    const Batch batch = test::fixture_batch();
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const bool fused = spec.name.find(".qkv.") != std::string::npos,
                 cross = spec.name.find(".cross.q.") != std::string::npos;
      if (!fused && !cross) continue;
      const auto queries = fused ? view.size() / 3 : view.size();
      for (std::size_t i = 0; i < queries; ++i) view[i] *= std::sqrt(8.0f);
    }
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
  SECTION("with one sentence that sees another") {
    const auto model = test::fixture_model("post");
    Batch batch = test::fixture_batch();
    batch.inputs[0].offsets[1] += 1;  // the first takes the second's only token
    batch.inputs[0].longest += 1;
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
  SECTION("with targets whose causal mask lets one token of the next sentence in") {
    const auto model = test::fixture_model("post");
    Batch batch = test::fixture_batch();
    batch.inputs[1].offsets[1] -= 1;
    batch.inputs[1].longest += 1;
    CHECK(error_of("post", *model, batch) > 100 * kTolerance);
  }
}
