// Every row of the paper's table of variations (Vaswani et al. 2017, Table 3) can be asked for, builds and learns.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "models/architecture.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

std::size_t parameters_of(const std::string& preset, const Flags& flags, int64_t vocabulary = 37000) {
  const auto& arch = architecture("transformer");
  return make_model(make_config(arch, preset, flags, {vocabulary, vocabulary}))->parameters().numbers();
}

}  // namespace

TEST_CASE("base and big have the paper's number of parameters") {
  // Table 3 gives 65 and 213 million with a shared vocabulary of about 37,000.
  CHECK(static_cast<double>(parameters_of("base", {})) / 1e6 == Approx(63.1).margin(0.1));
  CHECK(static_cast<double>(parameters_of("big", {})) / 1e6 == Approx(214.2).margin(0.2));
}

TEST_CASE("every row of the paper's table of variations builds, and its gradients are finite", "[long]") {
  const std::vector<std::pair<std::string, Flags>> rows{
      {"A 1", {{"heads", "1"}, {"d-k", "512"}, {"d-v", "512"}}},
      {"A 4", {{"heads", "4"}, {"d-k", "128"}, {"d-v", "128"}}},
      {"A 16", {{"heads", "16"}, {"d-k", "32"}, {"d-v", "32"}}},
      {"A 32", {{"heads", "32"}, {"d-k", "16"}, {"d-v", "16"}}},
      {"B 16", {{"d-k", "16"}}},
      {"B 32", {{"d-k", "32"}}},
      {"C N=2", {{"layers", "2"}}},
      {"C N=4", {{"layers", "4"}}},
      {"C N=8", {{"layers", "8"}}},
      {"C d=256", {{"d-model", "256"}, {"d-k", "32"}, {"d-v", "32"}}},
      {"C d=1024", {{"d-model", "1024"}, {"d-k", "128"}, {"d-v", "128"}}},
      {"C ff=1024", {{"d-ff", "1024"}}},
      {"C ff=4096", {{"d-ff", "4096"}}},
      {"D p=0", {{"dropout", "0"}}},
      {"D p=0.2", {{"dropout", "0.2"}}},
      {"D eps=0", {{"layers", "1"}}},
      {"D eps=0.2", {{"layers", "1"}}},
      {"E", {{"positions", "learned"}}},
      {"Swish, which the paper has not", {{"layers", "1"}, {"activation", "swish"}}},
  };
  const Batch batch = test::fixture_batch();
  for (const auto& [name, flags] : rows) {
    INFO("row " << name);
    const auto model = make_model(make_config(architecture("transformer"), "base", flags, {40, 40}));
    model->parameters().initialize(1);
    model->parameters().allocate_gradients();
    const float smoothing = name == "D eps=0" ? 0.0f : name == "D eps=0.2" ? 0.2f : 0.1f;
    Graph graph(true);
    const auto loss = storm::loss(as<EncoderDecoder>(*model), graph, batch, smoothing, 1);
    const Plan plan = make_plan(graph);
    Buffer arena(plan.bytes);
    const Execution run(graph, plan, arena.data(), 1, 1);
    run.forward();
    run.backward();
    CHECK(std::isfinite(run.data<double>(loss.totals)[0]));
    double norm = 0;
    for (const float g : model->parameters().gradients()) norm += static_cast<double>(g) * static_cast<double>(g);
    CHECK(std::isfinite(norm));
    CHECK(norm > 0);
  }
}

TEST_CASE("settings that do not fit together are refused with the flag's name") {
  const auto refuses = [](const Flags& flags, const std::string& what) {
    try {
      make_model(make_config(architecture("transformer"), "tiny", flags, {40, 40}));
    } catch (const UsageError& e) {
      return std::string(e.what()).find(what) != std::string::npos;
    }
    return false;
  };
  CHECK(refuses({{"heads", "3"}}, "--heads"));
  CHECK(refuses({{"heads", "0"}}, "--heads"));
  CHECK(refuses({{"d-model", "many"}}, "--d-model"));
  CHECK(refuses({{"dropout", "1"}}, "--dropout"));
  CHECK(refuses({{"dropout", "-0.1"}}, "--dropout"));
  CHECK(refuses({{"norm", "sideways"}}, "--norm"));
  CHECK(refuses({{"activation", "tanh"}}, "none of relu, gelu, gelu-tanh, swish"));
  CHECK(refuses({{"d-model", "9"}, {"heads", "3"}, {"positions", "sinusoidal-concat"}}, "--positions"));
  CHECK_THROWS_AS(make_config(architecture("transformer"), "huge", {}, {40, 40}), UsageError);
  CHECK_THROWS_AS(architecture("perceptron"), UsageError);
  CHECK_THROWS_AS(make_model(make_config(architecture("transformer"), "tiny", {}, {40, 50})), UsageError);
}
