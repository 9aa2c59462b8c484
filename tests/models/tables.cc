// Which tables a model says that tokens are looked up in.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/architecture.h"
#include "models/text_encoder.h"
#include "tests/catch.h"

using namespace storm;

TEST_CASE("every architecture has a table for each of its vocabularies, the first of which is its encoder's") {
  for (const Architecture* a : architectures()) {
    INFO(a->name);
    const auto tiny =
        std::ranges::find_if(a->presets, [](const Preset& p) { return p.name.find("tiny") != std::string::npos; });
    REQUIRE(tiny != a->presets.end());
    std::vector<int64_t> sizes(a->vocabularies.size(), 20);
    const auto model = make_model(make_config(*a, tiny->name, {}, sizes));
    const auto& [vocabularies, tables] = std::tie(model->description().vocabularies, model->description().tables);
    REQUIRE(tables.size() == vocabularies.size());
    for (std::size_t c = 0; c < tables.size(); ++c) {
      const auto& spec = model->parameters().specs()[static_cast<std::size_t>(tables[c].index)];
      CHECK(spec.shape == Shape{vocabularies[c], model->description().width});
      CHECK(spec.vocabulary >= 0);
    }
    CHECK(as<TextEncoder>(*model).token_embeddings().data() == model->parameters().view(tables[0]).data());
    if (a->encoder_alone == nullptr || sizes.size() == 1) continue;
    auto config = make_config(*a, tiny->name,
                              std::vector<std::pair<std::string, std::string>>{{"share-embeddings", "none"}}, sizes);
    const auto apart = make_model(config);
    CHECK(apart->description().tables[0].index != apart->description().tables[1].index);
    a->encoder_alone(config);
    CHECK(make_model(config)->description().tables.size() == 1);
  }
}
