// Training on running text.
#include "base/log.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/train/text_run.h"

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
  settings.text = {.block = 77, .documents = true};
  auto json = to_json(settings);
  CHECK(to_json(settings_from(json)) == json);
  for (const char* key : {"block", "documents"}) REQUIRE(json.erase(key) == 1);
  const auto older = settings_from(json).text;
  CHECK(older.block == 0);
  CHECK_FALSE(older.documents);
  TextRun run(20);
  auto state = to_json(run.trained());
  REQUIRE(state.erase("epoch_rows") == 1);
  CHECK(state_from(state).epoch_rows == 20);
}

TEST_CASE("the text's source is what the settings say") {
  const TextRun run;
  const auto blocks = text_source(run.train, test::kEos, {.block = 16, .documents = false}, 1);
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
  const NextToken task(*model, 64);
  TrainSettings settings;
  const auto error = [&](TextSettings text, int64_t max_tokens = 4096) {
    settings.text = text;
    settings.max_tokens = max_tokens;
    return test::error_of([&] { require_text(settings, task); });
  };
  CHECK_NOTHROW(require_text(settings, task));
  settings.text.block = 64;
  CHECK_NOTHROW(require_text(settings, task));
  CHECK(error({.block = 65}) == "--block 65: the model takes up to 64 tokens; give a smaller one");
  CHECK(error({.block = 32}, 31) ==
        "--block 32: a batch has --max-tokens 31; make the block smaller or the batch larger");
  CHECK(error({.documents = true}) ==
        "--documents has no meaning with --rows, where each row is a text; leave one out");
}
