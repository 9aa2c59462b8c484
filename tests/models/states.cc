// The encoder's layers, as a trace leaves them, against torch.nn.TransformerEncoderLayer (scripts/torch-states).
#include <cstdlib>

#include "stream/stream.h"
#include "tensor/workspace.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"

using namespace storm;

namespace {

const Document& wanted() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/states.safetensors");
  }();
  return document;
}

// The largest error of any layer, relative.
double error_of(const std::string& which, const Model& model, const Batch& batch, bool encoder_alone = false) {
  Workspace workspace;
  Trace trace;
  trace.states = true;
  if (encoder_alone)
    as<TextEncoder>(model).encode(workspace.graph, batch.inputs[0], &trace);
  else
    as<EncoderDecoder>(model).states(workspace.graph, batch.inputs[0], batch.inputs[1], &trace);
  workspace.run();
  REQUIRE(trace.encoder_states.size() == 3);
  double worst = 0;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    const auto want = wanted().values<float>(which + ".states." + std::to_string(layer));
    worst = std::max(worst, test::relative_error({workspace.data(trace.encoder_states[layer]), want.size()}, want));
  }
  return worst;
}

}  // namespace

TEST_CASE("the states of every encoder layer, and of the embeddings, equal PyTorch's") {
  for (const std::string which : {"post", "pre"}) {
    INFO(which);
    const auto model = test::fixture_model(which);
    Batch batch = test::fixture_batch();
    CHECK(error_of(which, *model, batch) < 5e-6);
    CHECK(error_of(which, *model, batch, true) < 5e-6);
    batch.inputs[0].offsets[1] -= 1;               // the first sentence's last token becomes the second's first
    CHECK(error_of(which, *model, batch) > 1e-3);  // the comparison can fail
  }
}
