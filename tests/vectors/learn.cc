// Learning word vectors against a plain reference in double, and what a run promises of its bits.
#include <cmath>
#include <fstream>

#include "base/parallel.h"
#include "base/random.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "tests/vectors/reference.h"
#include "vectors/vector_training.h"

using namespace storm;
using test::largest_difference;
using test::Reference;
using test::table_of;

namespace {

// A text of so many lines, of words that begin alike so that they share n-grams, the lower ones more frequent.
std::string text_of(int lines) {
  RandomStream random(11, RandomUse::corpus);
  std::string text;
  for (int l = 0; l < lines; ++l) {
    for (int w = 0; w < 12; ++w) {
      const auto a = random.below(40), b = random.below(a + 1);
      text += (w ? " wo" : "wo") + std::string(1 + b % 3, static_cast<char>('a' + b % 26)) + std::to_string(b);
    }
    text += '\n';
  }
  return text;
}

struct Text {
  test::ScratchFolder folder;
  std::string path = folder / "text";
  std::unique_ptr<TrainingText> text;

  explicit Text(const std::string& content, int64_t min_count = 1) {
    std::ofstream(path) << content;
    text = open_training_text({path}, min_count);
  }
};

LearnSettings settings(VectorMethod method, int64_t negative, Subwords subwords = {}) {
  LearnSettings s;
  s.method = method;
  s.width = 24;
  s.window = 3;
  s.negative = negative;
  s.sample = 0.05;
  s.epochs = 1;
  s.learning_rate = 0.1;
  s.subwords = subwords;
  return s;
}

std::string learned(const TrainingText& text, const LearnSettings& how, int64_t threads,
                    const std::function<void(VectorTraining&)>& train) {
  set_thread_count(threads);
  VectorTraining training(text, how);
  train(training);
  test::ScratchFolder folder;
  const auto path = folder / "vectors.st";
  Output output(path);
  training.write(output, {});
  output.commit();
  set_thread_count(0);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void to_the_end(VectorTraining& training) {
  training.run([] { return true; });
}

}  // namespace

TEST_CASE("each method takes the steps of a plain reference in double") {
  const Text text(text_of(12));
  REQUIRE(text.text->units() == 1);
  for (const auto method : {VectorMethod::skipgram, VectorMethod::cbow})
    for (const int64_t negative : {0, 5, 8})
      for (const auto& subwords : {Subwords{}, Subwords{2, 4, 50}}) {
        LearnPlan plan(*text.text, settings(method, negative, subwords));
        Reference reference(plan);
        const auto begin = reference.inputs;
        Learner learner(plan, false);
        reference.learn(0, 0);
        learner.learn(0, 0);
        CAPTURE(static_cast<int>(method), negative, subwords.buckets);
        CHECK(largest_difference(reference.inputs, begin) > 0.003);
        CHECK(largest_difference(reference.inputs, table_of(plan.tables, plan.tables.inputs())) < 3e-5);
        CHECK(largest_difference(reference.outputs, table_of(plan.tables, plan.tables.outputs())) < 3e-5);
        const auto loss = learner.take_loss();
        CHECK(loss.pairs > 0);
        CHECK(loss.sum / static_cast<double>(loss.pairs) <
              0.75 * static_cast<double>(std::max<int64_t>(negative + 1, 8)));
      }
}

TEST_CASE("hierarchical softmax: the probabilities of all words sum to one") {
  const Text text(text_of(60));
  LearnPlan plan(*text.text, settings(VectorMethod::skipgram, 0));
  Learner(plan, false).learn(0, 0);
  const auto inputs = table_of(plan.tables, plan.tables.inputs()), nodes = table_of(plan.tables, plan.tables.outputs());
  double sum = 0, most = 0;
  for (int32_t w = 0; w < static_cast<int32_t>(text.text->table().size()); ++w) {
    const auto path = plan.tree->path(w);
    double probability = 1;
    for (std::size_t i = 0; i < path.nodes.size(); ++i) {
      double score = 0;
      for (std::size_t c = 0; c < inputs[3].size(); ++c)
        score += inputs[3][c] * nodes[static_cast<std::size_t>(path.nodes[i])][c];
      probability /= 1 + std::exp(path.turns[i] == 0 ? -score : score);
    }
    sum += probability;
    most = std::max(most, probability);
  }
  CHECK(sum == Approx(1).epsilon(1e-12));
  CHECK(most < 0.5);
}

TEST_CASE(
    "the same seed and threads give the same bits, where that is promised, and a run that stopped goes on to them") {
  const Text text(text_of(4000));
  REQUIRE(text.text->units() > 10);
  auto how = settings(VectorMethod::skipgram, 5, {3, 4, 200});
  how.epochs = 2;
  for (const int64_t threads : {1, 3}) {
    how.deterministic = threads > 1;
    const auto whole = learned(*text.text, how, threads, to_the_end);
    CHECK(learned(*text.text, how, threads, to_the_end) == whole);
    const test::ScratchFolder folder;
    const auto path = folder / "checkpoint";
    learned(*text.text, how, threads, [&](VectorTraining& training) {
      int asked = 0;
      training.run([&] { return ++asked < 3; });
      CHECK(training.done() > 0);
      CHECK(training.done() < training.units());
      Output output(path);
      training.save(output, "");
      output.commit();
    });
    CHECK(learned(*text.text, how, threads, [&](VectorTraining& training) {
            training.resume(read_document(path), path);
            to_the_end(training);
          }) == whole);
    auto other = how;
    other.window = 4;
    set_thread_count(threads);
    VectorTraining training(*text.text, other);
    CHECK(test::refused([&] { training.resume(read_document(path), path); }, {path, "--window 3, not 4"}));
    auto content = text_of(4000);
    content[content.find('\n')] = ' ';  // the same words and counts, another line
    const Text similar(content);
    VectorTraining of_another(*similar.text, how), frozen(*text.text, how);
    CHECK(test::refused([&] { of_another.resume(read_document(path), path); }, {path, "another text"}));
    CHECK(frozen.freeze(2));
    CHECK_FALSE(frozen.freeze(2));
    CHECK(test::refused([&] { frozen.resume(read_document(path), path); }, {path, "another --freeze"}));
    set_thread_count(0);
  }
}

TEST_CASE("threads that share the rows learn as well as one, and as those with copies of their own") {
  const Text text(text_of(4000));
  auto how = settings(VectorMethod::skipgram, 5);
  how.epochs = 3;
  std::vector<double> losses;
  for (const auto& [threads, deterministic] : {std::pair(1, false), std::pair(4, false), std::pair(4, true)}) {
    how.deterministic = deterministic;
    learned(*text.text, how, threads, [&](VectorTraining& training) {
      to_the_end(training);
      losses.push_back(training.take_loss().value());
    });
  }
  CHECK(losses[1] == Approx(losses[0]).epsilon(0.03));
  CHECK(losses[2] == Approx(losses[0]).epsilon(0.03));
}

TEST_CASE("words begin with vectors that are given, and frozen ones keep them") {
  const Text text(text_of(200));
  const test::ScratchFolder folder;
  auto how = settings(VectorMethod::skipgram, 5);
  const auto path = folder / "first.st";
  std::ofstream(path, std::ios::binary) << learned(*text.text, how, 1, to_the_end);
  const WordVectors first(path);
  how.seed = 2;
  set_thread_count(1);
  VectorTraining training(*text.text, how, &first);
  CHECK(training.init_rows() == text.text->table().size());
  training.freeze(3);
  to_the_end(training);
  Output output(folder / "second.st");
  training.write(output, {});
  output.commit();
  set_thread_count(0);
  const WordVectors second(folder / "second.st");
  std::vector<float> before(24), after(24);
  for (int64_t row = 0; row < second.size(); ++row) {
    first.read(row, before);
    second.read(row, after);
    CHECK((before == after) == (row == 3));
  }
  // With n-grams, too: those that stand in the stream in as many buckets, and without.
  for (const int64_t buckets : {0, 50}) {
    auto with = how;
    with.subwords = {2, 4, 50};
    with.learning_rate = 1e-9;
    const auto from = folder / "from.st";
    auto first_with = with;
    first_with.learning_rate = 0.1;
    first_with.subwords = buckets > 0 ? with.subwords : Subwords{};
    std::ofstream(from, std::ios::binary) << learned(*text.text, first_with, 1, to_the_end);
    const WordVectors given(from);
    set_thread_count(1);
    VectorTraining goes_on(*text.text, with, &given);
    Output written(folder / "to.st");
    goes_on.write(written, {});
    written.commit();
    set_thread_count(0);
    const WordVectors kept(folder / "to.st");
    for (int64_t row = 0; row < kept.size(); ++row) {
      given.read(row, before);
      kept.read(row, after);
      for (std::size_t c = 0; c < after.size(); ++c) CHECK(after[c] == Approx(before[c]).margin(1e-6));
    }
    if (buckets > 0) {
      CHECK(given.read_word("woaa999", before));
      CHECK(kept.read_word("woaa999", after));
      CHECK(after == before);
    }
  }
  how.width = 25;
  CHECK(test::refused([&] { VectorTraining(*text.text, how, &first); }, {"24 numbers, not 25"}));
}
