// ConvS2S against PyTorch's own modules: logits, loss and every gradient; its trace; its settings.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cpu/simd.h"
#include "models/architecture.h"
#include "models/convs2s/config.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/models/fixture.h"
#include "tests/ops/once.h"

using namespace storm;

namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

constexpr double kTolerance = 1e-5;  // of the largest element; float32 PyTorch itself is off by up to 5e-6

const Document& fixture() {
  static const Document document = [] {
    const char* root = std::getenv("STORM_ROOT");
    return read_document(std::string(root ? root : ".") + "/tests/models/convs2s.safetensors");
  }();
  return document;
}

std::unique_ptr<Model> model_of(const std::string& which, const Flags& settings = {}) {
  auto config = nlohmann::json::parse(fixture().meta(which + ".config"));
  for (const auto& [key, value] : settings) config[key] = value;
  auto model = make_model(config);
  for (const auto& spec : model->parameters().specs()) {
    const auto values = fixture().values<float>(which + "." + spec.name);
    require(values.size() == static_cast<std::size_t>(spec.shape.size()), spec.name, ": not the fixture's size");
    std::copy(values.begin(), values.end(), model->parameters().view(spec.name).begin());
  }
  model->parameters().allocate_gradients();
  return model;
}

// The largest error of loss, token likelihoods and gradients against PyTorch's, each relative.
double error_of(const std::string& which, Model& model, const Batch& batch) {
  const Document& f = fixture();
  const auto tokens = static_cast<double>(batch.inputs[1].tokens());
  Graph graph(true);
  const auto loss = storm::loss(as<EncoderDecoder>(model), graph, batch, 0.1f, static_cast<float>(1 / tokens));
  const test::Once once(graph);
  once.forward();
  once.backward();
  const double* totals = once.run.data<double>(loss.totals);
  double worst = std::abs(totals[0] / tokens / static_cast<double>(f.values<float>(which + ".loss")[0]) - 1);
  worst = std::max(worst, std::abs(totals[1] / tokens / static_cast<double>(f.values<float>(which + ".nll")[0]) - 1));
  const auto logits = f.values<float>(which + ".logits");
  const auto vocabulary = static_cast<std::size_t>(model.description().vocabularies[1]);
  std::vector<float> want;
  for (std::size_t t = 0; t < batch.labels[0].size(); ++t) {
    const auto row = logits.subspan(t * vocabulary, vocabulary);
    double sum = 0;
    for (const float z : row) sum += std::exp(static_cast<double>(z));
    want.push_back(
        static_cast<float>(std::log(sum) - static_cast<double>(row[static_cast<std::size_t>(batch.labels[0][t])])));
  }
  worst = std::max(worst, test::relative_error({once.run.data(loss.token_nll), want.size()}, want));
  for (const auto& spec : model.parameters().specs())
    worst = std::max(worst, test::relative_error(model.parameters().gradient_view(spec.name),
                                                 f.values<float>(which + ".grad." + spec.name)));
  return worst;
}

bool refuses(const Flags& flags, const std::string& what, int64_t sources = 40) {
  try {
    make_model(make_config(architecture("convs2s"), "convs2s-tiny", flags, {sources, 40}));
  } catch (const UsageError& e) {
    INFO(e.what());
    const std::string text = e.what();
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find(what) != std::string::npos);
    return text.find(what) != std::string::npos;
  }
  return false;
}

}  // namespace

TEST_CASE("loss, token likelihoods and every gradient of two ConvS2S equal PyTorch's nn.Conv1d, GLU and weight_norm") {
  for (const std::string which : {"shared", "apart"}) {
    INFO(which);
    const auto model = model_of(which);
    // The gradient of the last query is a difference of much larger numbers, which sums of eight lanes round otherwise.
    const double tolerance = simd::has_avx512() ? kTolerance : 4 * kTolerance;
    CHECK(error_of(which, *model, test::fixture_batch()) < test::allowed(tolerance));
  }
}

TEST_CASE("a whole decoding of ConvS2S gives PyTorch's logits") {
  for (const std::string which : {"shared", "apart"}) {
    const auto model = model_of(which);
    const Batch batch = test::fixture_batch();
    const auto logits = fixture().values<float>(which + ".logits");
    const auto width = static_cast<std::size_t>(model->description().vocabularies[1]);
    Workspace workspace;
    const auto decoder = as<EncoderDecoder>(*model).start(workspace, batch.inputs[0]);
    std::vector<int32_t> alive{0, 1, 2, 3}, parents = alive;
    for (int32_t step = 0; !alive.empty(); ++step) {
      std::vector<int32_t> tokens, left;
      for (const int32_t s : alive)
        tokens.push_back(
            batch.inputs[1].ids[static_cast<std::size_t>(batch.inputs[1].offsets[static_cast<std::size_t>(s)] + step)]);
      workspace.graph.clear();
      const Value out = decoder->step(workspace.graph, parents, tokens);
      workspace.graph.keep(out);
      workspace.run();
      parents.clear();
      for (std::size_t r = 0; r < alive.size(); ++r) {
        const auto s = static_cast<std::size_t>(alive[r]);
        const auto row = static_cast<std::size_t>(batch.inputs[1].offsets[s] + step);
        CHECK(test::relative_error({workspace.data(out) + r * width, width}, logits.subspan(row * width, width)) <
              kTolerance);
        if (batch.inputs[1].offsets[s + 1] - batch.inputs[1].offsets[s] <= step + 1) continue;
        left.push_back(alive[r]);
        parents.push_back(static_cast<int32_t>(r));
      }
      alive = left;
    }
  }
}

TEST_CASE("every parameter of ConvS2S left out is found by the comparison with PyTorch, and so is a leak") {
  const Batch batch = test::fixture_batch();
  for (const std::string which : {"shared", "apart"}) {
    const auto model = model_of(which);
    for (const auto& spec : model->parameters().specs()) {
      const auto view = model->parameters().view(spec.name);
      const std::vector<float> kept(view.begin(), view.end());
      std::ranges::fill(view,
                        spec.name.ends_with("bias") || spec.name.find("positions") != std::string::npos ? 0.0f : 1.0f);
      std::ranges::fill(model->parameters().gradients(), 0.0f);
      INFO(which << " without " << spec.name);
      CHECK(error_of(which, *model, batch) > 100 * kTolerance);
      std::ranges::copy(kept, view.begin());
    }
    for (const std::size_t side : {0, 1}) {
      Batch leaking = batch;
      leaking.inputs[side].offsets[1] += side == 0 ? 1 : -1;
      std::ranges::fill(model->parameters().gradients(), 0.0f);
      CHECK(error_of(which, *model, leaking) > 100 * kTolerance);
    }
  }
}

TEST_CASE("ConvS2S's trace has each decoder layer's attention as one head, and the states of the encoder's layers") {
  const auto model = model_of("shared");
  const Batch batch = test::fixture_batch();
  Graph graph(false);
  Trace trace;
  trace.wants = [](AttentionKind, int64_t) { return true; };
  trace.states = true;
  as<EncoderDecoder>(*model).states(graph, batch.inputs[0], batch.inputs[1], &trace);
  const test::Once once(graph);
  once.forward();
  REQUIRE(trace.attentions.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(trace.attentions[i].kind == AttentionKind::cross);
    CHECK(trace.attentions[i].layer == static_cast<int64_t>(i));
    const float* weights = once.run.data(trace.attentions[i].weights);
    for (std::size_t s = 0; s + 1 < batch.inputs[0].offsets.size(); ++s)
      for (int32_t q = batch.inputs[1].offsets[s]; q < batch.inputs[1].offsets[s + 1]; ++q) {
        float sum = 0;
        for (int32_t k = batch.inputs[0].offsets[s]; k < batch.inputs[0].offsets[s + 1]; ++k) sum += *weights++;
        CHECK(sum == Approx(1).margin(1e-5));
      }
    CHECK(weights == once.run.data(trace.attentions[i].weights) + graph.shape(trace.attentions[i].weights).size());
  }
  std::vector<int64_t> widths;  // embeddings and outputs: the layers between are of other widths
  for (const Value v : trace.encoder_states) {
    CHECK(graph.shape(v).rows == batch.inputs[0].tokens());
    CHECK(std::all_of(once.run.data(v), once.run.data(v) + graph.shape(v).size(),
                      [](float x) { return std::isfinite(x); }));
    widths.push_back(graph.shape(v).cols);
  }
  CHECK(widths == std::vector<int64_t>{12, 12});
  CHECK(as<TextEncoder>(*model).token_embeddings().size() == 37 * 12);

  Graph alone(false);  // without targets the encoder alone is passed
  Trace states;
  states.states = true;
  as<TextEncoder>(*model).encode(alone, batch.inputs[0], &states);
  CHECK(states.encoder_states.size() == 2);
  CHECK(states.attentions.empty());

  const auto even = make_model(make_config(architecture("convs2s"), "convs2s-tiny", {}, {40, 40}));
  Graph all(false);
  Trace seven;
  seven.states = true;
  as<TextEncoder>(*even).encode(all, batch.inputs[0], &seven);
  CHECK(seven.encoder_states.size() == 7);  // embeddings, five layers, and the sixth with what follows it
  for (const Value v : seven.encoder_states) CHECK(all.shape(v) == Shape{batch.inputs[0].tokens(), 128});
}

TEST_CASE("initial weights keep the variance: rows of the paper's deviation, gains of the rows' lengths, biases of 0") {
  const auto model = make_model(make_config(architecture("convs2s"), "convs2s-tiny",
                                            {{{"dropout", "0.2"}, {"share-embeddings", "none"}}}, {500, 400}));
  model->parameters().initialize(1);
  const auto deviation = [&](const std::string& name) {
    double squares = 0;
    const auto values = model->parameters().view(name);
    for (const float x : values) squares += static_cast<double>(x) * static_cast<double>(x);
    return std::sqrt(squares / static_cast<double>(values.size()));
  };
  CHECK(deviation("source_embedding.weight") == Approx(0.1).epsilon(0.02));
  CHECK(deviation("encoder.in.weight") == Approx(std::sqrt(0.8 / 128)).epsilon(0.02));
  CHECK(deviation("encoder.2.conv.weight") == Approx(std::sqrt(4 * 0.8 / (3 * 128))).epsilon(0.02));
  CHECK(deviation("decoder.2.query.weight") == Approx(std::sqrt(1.0 / 128)).epsilon(0.02));
  CHECK(deviation("decoder.out.weight") == Approx(std::sqrt(1.0 / 128)).epsilon(0.02));
  CHECK(deviation("output.weight") == Approx(std::sqrt(0.8 / 128)).epsilon(0.02));
  CHECK(deviation("encoder.2.conv.bias") == 0);
  const auto weight = model->parameters().view("encoder.2.conv.weight"),
             gain = model->parameters().view("encoder.2.conv.gain");
  for (std::size_t row = 0; row < gain.size(); ++row) {
    double squares = 0;
    for (const float x : weight.subspan(row * 384, 384)) squares += static_cast<double>(x) * static_cast<double>(x);
    CHECK(static_cast<double>(gain[row]) == Approx(std::sqrt(squares)).epsilon(1e-6));
  }
}

TEST_CASE("lists of convolutions are read, and refused in one line that says where and what is expected") {
  using Sizes = std::vector<ConvolutionSize>;
  CHECK(convolutions_from("conv", "512x3*2,1024x1") == Sizes{{512, 3}, {512, 3}, {1024, 1}});
  CHECK(convolutions_from("conv", "8x2") == Sizes{{8, 2}});
  for (const auto& [text, what] : std::vector<std::pair<std::string, std::string>>{
           {"", "--conv: '', character 1: a width is missing"},
           {"512", "character 4: 'x' and a kernel are missing"},
           {"512x", "character 5: a kernel is missing"},
           {"512x0", "character 5: a kernel of 0 is not from 1 to 1024"},
           {"512x3*0", "character 7: a number of layers of 0 is not from 1 to 1000"},
           {"0x3", "character 1: a width of 0 is not"},
           {"-5x3", "character 1: a width is missing"},
           {"512x3*2;64x3", "character 8: not understood"},
           {"512x3,", "character 7: a width is missing"},
           {"512x3*999,512x3*2", "character 18: more than 1000 layers"},
           {"99999999999999999999x3", "a width of 99999999999999999999 is not"}}) {
    INFO(text);
    CHECK(refuses({{"conv", text}}, what));
    CHECK(refuses({{"conv", text}}, "expected WIDTHxKERNEL or WIDTHxKERNEL*LAYERS"));
  }
  CHECK(refuses({{"decoder-conv", "64x3x2"}}, "--decoder-conv: '64x3x2', character 5"));
  CHECK(refuses({{"d-model", "0"}}, "--d-model"));
  CHECK(refuses({{"dropout", "1"}}, "--dropout"));
  CHECK(refuses({{"heads", "4"}}, "convs2s has no setting --heads"));
  CHECK(refuses({}, "--share-embeddings: all needs one vocabulary", 41));
}

TEST_CASE("convs2s-tiny has 2 to 4 million parameters at 8,000 to 10,000 words, and presets name their architecture") {
  for (const int64_t vocabulary : {8000, 10000}) {
    const auto model = make_model(make_config(architecture("convs2s"), "convs2s-tiny", {}, {vocabulary, vocabulary}));
    CHECK(model->parameters().numbers() > 2'000'000);
    CHECK(model->parameters().numbers() < 4'000'000);
  }
  CHECK(architecture_of_preset("convs2s-tiny").name == "convs2s");
  CHECK(architecture_of_preset("tiny").name == "transformer");
  CHECK_THROWS_AS(architecture_of_preset("huge"), UsageError);
  std::vector<std::string> names;
  for (const auto* a : architectures()) {
    for (const auto& p : a->presets) names.push_back(p.name);
    CHECK(architecture_of_preset(a->preset).name == a->name);
  }
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
}
