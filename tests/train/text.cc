// Training on running text.
#include <algorithm>
#include <cmath>

#include "base/input.h"
#include "base/log.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/train/text_run.h"
#include "train/text_limits.h"

using namespace storm;
using test::NextToken;
using test::TextRun;

namespace {

struct Quiet {
  Quiet() { set_quiet(true); }
} quiet_tests;

std::string tensors_of(const std::string& path) {
  const auto document = read_document(path);
  std::string all;
  for (const Tensor& t : document.tensors())
    all += t.name + std::string(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
  return all;
}

int64_t text_size(const TokenFile& file) { return file.tokens()[0] + file.size(); }

// Validates and saves where an undisturbed run would, but for the ends.
void train_in_parts(TextRun& run, std::initializer_list<int64_t> ends) {
  const TrainPlan whole = run.plan;
  bool resume = false;
  for (const int64_t steps : ends) {
    run.plan.validate_every = steps == whole.steps ? whole.validate_every : 1000;
    run.plan.steps = steps;
    run.trained(resume);
    resume = true;
  }
}

}  // namespace

TEST_CASE("an epoch of blocks predicts every token of the text once, and is counted as one") {
  TextRun run;
  run.plan.steps = 0;
  run.plan.epochs = 3;
  run.settings.text.block = GENERATE(5, 16, 64);
  const auto state = run.trained();
  CHECK(state.predicted == 3 * text_size(run.train));
  CHECK(state.epochs() == 3);
}

TEST_CASE("a run over blocks that was stopped and resumed ends in the bits of one that was not") {
  TextRun whole, parts;
  for (TextRun* run : {&whole, &parts}) run->settings.accumulate = 2;
  const auto state = whole.trained();
  CHECK(state.place.epoch >= 2);  // with other blocks than in the first
  train_in_parts(parts, {1, 3, 7, 11, 20});
  CHECK(tensors_of(whole.checkpoint()) == tensors_of(parts.checkpoint()));
}

TEST_CASE("how text is cut is kept, and a checkpoint of before there was text has rows as they are") {
  TrainSettings settings;
  settings.text = {.block = 77, .documents = true, .streams = 5};
  auto json = to_json(settings);
  CHECK(to_json(settings_from(json)) == json);
  for (const char* key : {"block", "documents", "streams"}) REQUIRE(json.erase(key) == 1);
  const auto older = settings_from(json).text;
  CHECK(older.block == 0);
  CHECK_FALSE(older.documents);
  CHECK(older.streams == 0);
  TextRun run(20);
  auto state = to_json(run.trained());
  REQUIRE(state.erase("epoch_rows") == 1);
  CHECK(state_from(state).epoch_rows == 20);
}

TEST_CASE("the text's source is what the settings say") {
  const TextRun run;
  const auto blocks = text_source(run.train, test::kEos, {.block = 16}, 1);
  CHECK(blocks->longest()[0] == 17);
  CHECK(blocks->all_ids(0)[0] == text_size(run.train) + blocks->rows(0));
  const auto documents = text_source(run.train, test::kEos, {.block = 16, .documents = true}, {});
  CHECK(documents->all_ids(0)[0] - documents->rows(0) < text_size(run.train));
  CHECK(documents->rows(0) == documents->rows(1));
  CHECK(text_source(run.train, test::kEos, {}, {})->rows(0) == run.train.size());
}

TEST_CASE("no batch of blocks takes more memory than was planned") {
  const TextRun run;
  const auto model = test::small_model();
  model->parameters().allocate_gradients();
  const NextToken task(*model);
  const auto blocks = text_source(run.train, test::kEos, run.settings.text, 1);
  const auto need = planned_memory(*model, task, *blocks, run.settings, nullptr);
  CHECK(longest_rows(*blocks, task.sides()) == std::vector<int64_t>{16});
  const BatchSource source(*blocks, task.sides(), run.settings.max_tokens, true, 1);
  Rows rows;
  std::size_t largest = 0;
  for (Place place; source.next(place, rows);) {
    Graph graph(true);
    const Batch batch = task.batch(rows, 0, rows.size());
    task.record(graph, batch, 0.1f, std::vector{1.0f});
    largest = std::max(largest, make_plan(graph).bytes);
  }
  CHECK(largest <= need.arena);
  CHECK(largest > need.arena * 9 / 10);
}

TEST_CASE("settings of text that cannot be are refused in a line that says what to do") {
  const auto model = test::small_model();
  TrainSettings settings;
  const auto error = [&](TextSettings text, int64_t max_tokens = 4096, bool carries = false, int64_t accumulate = 1) {
    settings.text = text;
    settings.max_tokens = max_tokens;
    settings.accumulate = accumulate;
    const NextToken asked(*model, {.carries = carries});
    return test::error_of([&] {
      require_text(settings, *model, asked);
      require_block_fits(settings, asked);
    });
  };
  CHECK(error({}).empty());
  CHECK(error({.block = 64}).empty());
  CHECK(error({.block = 64, .streams = 3}, 192, true).empty());
  CHECK(error({.block = 65}) == "--block 65: the model takes up to 64 tokens; give a smaller one");
  CHECK(error({.block = 32}, 31) ==
        "--block 32, of 32 tokens: a batch has --max-tokens 31; make the block smaller or the batch larger");
  CHECK(error({.documents = true}) ==
        "--documents has no meaning with --rows, where each row is a text; leave one out");
  CHECK(error({.streams = 2}, 4096, true) ==
        "--streams has no meaning with --rows, where each row is a text; leave one out");
  CHECK(error({.block = 8, .streams = 2}, 16) ==
        "--streams: a model of the architecture transformer carries no state from block to block; leave it out");
  CHECK(error({.block = 8, .streams = 2}, 4096, true) ==
        "--max-tokens 4096 contradicts --streams 2 of --block 8, whose batches have 16 tokens; leave it out");
  CHECK(error({.block = 8, .streams = 2}, 16, true, 3) ==
        "--accumulate 3 has no meaning with --streams, which are one batch an update; leave it out");
  CHECK(error({.block = 64, .streams = 1 << 20}, 4096, true) ==
        "--streams 1048576 of --block 64: a batch has up to 16777216 tokens");
}

TEST_CASE("streams of a text to train on have a token each, at least, and to validate on may have none") {
  const TextRun run(2);  // 3 tokens
  const auto error = test::error_of([&] { text_source(run.train, test::kEos, {.block = 4, .streams = 4}, 1); });
  CHECK(error == run.train.name() + ": its text has 3 tokens, fewer than --streams 4");
  CHECK(text_source(run.train, test::kEos, {.block = 4, .streams = 4}, {})->rows(0) == 3);
}

TEST_CASE("a batch of streams begins with what the one before ended in, and an epoch with zeros") {
  TextRun run;
  run.read_streams(3, 16);
  run.options.dropout = 0;
  run.settings.schedule.peak = 0;  // the embeddings stay as they are
  run.plan.steps = 0;
  run.plan.epochs = 2;
  run.plan.validate_every = 2;  // whose state is another
  const auto per_epoch = static_cast<std::size_t>((text_size(run.train) / 3 + 15) / 16);
  run.trained(false, [&](const NextToken& task, const Model& model) {
    const auto e = model.parameters().view("embedding.weight");
    REQUIRE(task.trained.size() == 1 + 2 * per_epoch);  // the first one is the planner's
    constexpr auto kWidth = static_cast<std::size_t>(NextToken::kWidth);
    std::vector<float> carried;
    for (std::size_t i = 0; i < 2 * per_epoch; ++i) {
      const Batch& batch = task.trained[1 + i];
      if (i % per_epoch == 0) carried.assign(3 * kWidth, 0);
      REQUIRE(batch.carried == carried);
      for (std::size_t row = 0; row < 3; ++row) {
        const auto last = static_cast<std::size_t>(
            batch.inputs[0].ids[static_cast<std::size_t>(batch.inputs[0].offsets[row + 1]) - 1]);
        for (std::size_t k = 0; k < kWidth; ++k)
          carried[row * kWidth + k] = e[last * kWidth + k] + 0.5f * carried[row * kWidth + k];
      }
    }
    CHECK(std::ranges::any_of(carried, [](float x) { return x != 0; }));
  });
}

TEST_CASE("validation carries a state of its own from zeros on, and leaves nothing out") {
  TextRun run;
  const int64_t block = GENERATE(1, 7, 16), streams = GENERATE(1, 4);
  run.read_streams(streams, block);
  run.settings.schedule.peak = 0;
  run.plan.steps = 1;
  const int64_t size = text_size(run.valid);
  const auto state = run.trained(false, [&](const NextToken&, const Model&) {});
  // What it must be, naively: stream by stream, in doubles.
  const auto model = test::small_model();
  const auto e = model->parameters().view("embedding.weight");
  std::vector<int32_t> text{test::kEos};
  RunningText(run.valid, test::kEos, false).append(0, size, text);
  constexpr std::size_t kWidth = NextToken::kWidth, kWords = test::kVocabulary;
  double nll = 0;
  for (int64_t stream = 0, at = 0; stream < streams; ++stream) {
    const int64_t length = size / streams + (stream < size % streams ? 1 : 0);
    std::vector<double> carried(kWidth), x(kWidth);
    for (int64_t i = 0; i < length; ++i, ++at) {
      const auto id = static_cast<std::size_t>(text[static_cast<std::size_t>(at)]);
      if (i > 0 && i % block == 0) carried = x;
      for (std::size_t k = 0; k < kWidth; ++k) x[k] = static_cast<double>(e[id * kWidth + k]) + carried[k] / 2;
      double sum = 0, said = 0;
      for (std::size_t word = 0; word < kWords; ++word) {
        double logit = 0;
        for (std::size_t k = 0; k < kWidth; ++k) logit += x[k] * static_cast<double>(e[word * kWidth + k]);
        sum += std::exp(logit);
        if (static_cast<int32_t>(word) == text[static_cast<std::size_t>(at) + 1]) said = logit;
      }
      nll += std::log(sum) - said;
    }
  }
  CHECK(state.validation.nll == Approx(nll / static_cast<double>(size)).epsilon(1e-5));
}

TEST_CASE("a run over streams that was stopped and resumed ends in the bits of one that was not") {
  TextRun whole, parts;
  for (TextRun* run : {&whole, &parts}) run->read_streams(4, 8);
  const auto state = whole.trained();
  CHECK(state.place.epoch >= 1);
  train_in_parts(parts, {1, 3, 7, 11, 20});
  CHECK(tensors_of(whole.checkpoint()) == tensors_of(parts.checkpoint()));
  const auto document = read_document(whole.checkpoint());
  CHECK(document.tensor("train.carried").shape == std::vector<int64_t>{4, NextToken::kWidth});
  CHECK(std::ranges::any_of(document.values<float>("train.carried"), [](float x) { return x != 0; }));
  CHECK(document.meta(kStateTensorsKey) == "adam.m,adam.v,train.carried");
}

TEST_CASE("a resumed run hangs on the state that its checkpoint carries") {
  TextRun run;
  run.read_streams(4, 8);
  run.plan.steps = 3;
  run.trained();
  auto bytes = read_file(run.checkpoint());
  const auto document = read_document(run.checkpoint());
  const auto carried = document.tensor("train.carried").bytes;
  const auto at = bytes.find(std::string_view(reinterpret_cast<const char*>(carried.data()), carried.size()));
  REQUIRE(at != bytes.npos);
  run.plan.steps = 4;
  run.trained(true);
  const auto before = tensors_of(run.plan.output);
  bytes[at + 2] ^= 0x40;  // of the first number's highest digits
  {
    Output output(run.checkpoint());
    output.write(bytes);
    output.commit();
  }
  run.trained(true);
  CHECK(tensors_of(run.plan.output) != before);
}

TEST_CASE("memory is planned for the batch of streams, with its state") {
  const int64_t streams = GENERATE(3, 40);  // these are shorter than a block
  TextRun run;
  run.read_streams(streams, 16);
  const auto model = test::small_model();
  model->parameters().allocate_gradients();
  const NextToken task(*model, run.options);
  const auto source = text_source(run.train, test::kEos, run.settings.text, 1);
  const auto need = planned_memory(*model, task, *source, run.settings, nullptr);
  Rows rows;
  Place place;
  REQUIRE(BatchSource(*source, task.sides(), run.settings.max_tokens, true, 1).next(place, rows));
  Batch batch = task.batch(rows, 0, rows.size());
  batch.carried.resize(static_cast<std::size_t>(streams * NextToken::kWidth));
  Graph graph(true);
  graph.keep(task.record(graph, batch, 0.1f, std::vector{1.0f}).back());
  CHECK(make_plan(graph).bytes <= need.arena);
  CHECK(make_plan(graph).bytes > need.arena * 9 / 10);
}
