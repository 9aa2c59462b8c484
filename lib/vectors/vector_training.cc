#include "vectors/vector_training.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "stream/embeddings.h"
#include "vectors/word_vectors_writer.h"

namespace storm {

// A round has this / threads units, of all threads: rows that come often are copied once for all of them, but do not
// learn what other threads make of them meanwhile; so an epoch has some rounds, too. (With 8 threads, rounds of 32
// units diverge.)
constexpr int64_t kRoundUnits = 64, kRoundsOfEpoch = 20;
// A row is led to where it stays by so many steps, each as long as the rate: found by trying 2 and 8 threads.
constexpr float kSteps = 6;

VectorTraining::VectorTraining(const TrainingText& text, const LearnSettings& settings, const WordVectors* begin)
    : plan_(text, settings) {
  const auto threads = thread_count();
  learners_.reserve(static_cast<std::size_t>(threads));
  for (int64_t t = 0; t < threads; ++t) learners_.emplace_back(plan_, settings.deterministic && threads > 1);
  if (!begin) return;
  require(begin->width() == settings.width, begin->name(), ": its vectors have ", begin->width(), " numbers, not ",
          settings.width, "; give --dim ", begin->width());
  begin_with(*begin);
}

// A word's own row becomes what makes the mean of its rows the vector that it begins with.
void VectorTraining::begin_with(const WordVectors& begin) {
  const auto& tables = plan_.tables;
  const auto width = static_cast<std::size_t>(tables.width);
  const auto& own = plan_.settings.subwords;
  const auto& theirs = begin.subwords();
  if (own.buckets > 0 &&
      std::tie(own.least, own.most, own.buckets) == std::tie(theirs.least, theirs.most, theirs.buckets)) {
    const auto n_grams = begin.n_grams();
    for (std::size_t i = 0; i < begin.buckets().size(); ++i)
      std::copy_n(n_grams.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  tables.input(tables.words + begin.buckets()[i]));
  }
  const auto& words = plan_.text.table().words;
  std::vector<float> vector(width);
  for (int32_t word = 0; word < words.size(); ++word) {
    if (!begin.read_word(words.word(word), vector)) continue;
    ++init_rows_;
    const auto rows = plan_.input_rows(word);
    for (std::size_t c = 0; c < width; ++c) {
      double others = 0;
      for (const auto row : rows.subspan(1)) others += tables.input(row)[c];
      tables.input(word)[c] = static_cast<float>(static_cast<double>(rows.size()) * vector[c] - others);
    }
  }
}

bool VectorTraining::freeze(int32_t word) {
  plan_.frozen.resize(static_cast<std::size_t>(plan_.tables.words));
  const auto k = static_cast<std::size_t>(word);
  const bool before = plan_.frozen[k];
  plan_.frozen[k] = true;
  return !before;
}

double VectorTraining::words_done() const {
  const auto units = plan_.text.units();
  return static_cast<double>(plan_.text.words_before(units)) * static_cast<double>(done_ / units) +
         static_cast<double>(plan_.text.words_before(done_ % units));
}

void VectorTraining::run(const std::function<bool()>& go_on) {
  if (plan_.settings.deterministic && learners_.size() > 1)
    run_in_rounds(go_on);
  else
    run_together(go_on);
}

void VectorTraining::learn(Learner& learner, int64_t number) const {
  learner.learn(number / plan_.text.units(), number % plan_.text.units());
}

void VectorTraining::run_together(const std::function<bool()>& go_on) {
  std::atomic<int64_t> next = done_;
  std::atomic<bool> stopped = false;
  const auto threads = static_cast<int64_t>(learners_.size());
  learning_ = true;
  parallel_ranges(threads, 1, [&](int64_t begin, int64_t end) {
    for (auto t = begin; t < end; ++t)
      while (!stopped) {
        const auto unit = next++;
        if (unit >= units()) break;
        learn(learners_[static_cast<std::size_t>(t)], unit);
        if (t != 0) continue;
        done_ = unit;  // for words_done() alone: others are under way
        if (!go_on()) stopped = true;
      }
  });
  learning_ = false;
  done_ = std::min(next.load(), units());
}

void VectorTraining::run_in_rounds(const std::function<bool()>& go_on) {
  const auto threads = static_cast<int64_t>(learners_.size());
  const auto each = [&](auto&& body) {
    parallel_ranges(threads, 1, [&](int64_t begin, int64_t end) {
      for (auto t = begin; t < end; ++t) body(t);
    });
  };
  const auto most =
      std::max<int64_t>(std::min(plan_.text.units() / kRoundsOfEpoch, kRoundUnits / threads) / threads, 1);
  while (done_ < units()) {
    const auto end = std::min(done_ + threads * most, units());
    each([&](int64_t t) {
      for (auto unit = done_ + t; unit < end; unit += threads) learn(learners_[static_cast<std::size_t>(t)], unit);
    });
    const float often = kSteps / (plan_.rate(words_done()) * static_cast<float>(threads));
    each([&](int64_t t) { Learner::merge(learners_, t, threads, often); });
    each([&](int64_t t) { learners_[static_cast<std::size_t>(t)].forget(); });
    done_ = end;
    if (!go_on()) return;
  }
}

std::optional<double> VectorTraining::take_loss() {
  Learner::Loss all;
  for (auto& learner : std::span(learners_).first(learning_ ? 1 : learners_.size())) {
    const auto some = learner.take_loss();
    all.sum += some.sum;
    all.pairs += some.pairs;
  }
  if (all.pairs == 0) return {};
  return all.sum / static_cast<double>(all.pairs);
}

void VectorTraining::write(Output& output, const std::string& command) {
  const auto& table = plan_.text.table();
  const auto& subwords = plan_.settings.subwords;
  const auto width = static_cast<std::size_t>(plan_.tables.width);
  const auto* vocabulary = plan_.text.vocabulary();
  auto metadata = table_metadata(command, vocabulary ? "piece" : "word", subwords);
  if (vocabulary) metadata["embeddings.vocabulary"] = vocabulary->fingerprint();
  EmbeddingsWriter writer(output, std::move(metadata), plan_.tables.width, DType::F32);
  if (vocabulary) writer.set_vocabulary(vocabulary->bytes());
  std::vector<float> vector(width);
  std::vector<bool> used(static_cast<std::size_t>(subwords.buckets));
  for (int32_t word = 0; word < table.words.size(); ++word) {
    const auto rows = plan_.input_rows(word);
    for (std::size_t c = 0; c < width; ++c) {
      double sum = 0;
      for (const auto row : rows) sum += plan_.tables.input(row)[c];
      vector[c] = static_cast<float>(sum / static_cast<double>(rows.size()));
      require(std::isfinite(vector[c]), "'", printable(table.words.word(word)),
              "': its vector is no finite number; lower --lr");
    }
    for (const auto row : rows.subspan(1)) used[static_cast<std::size_t>(row - plan_.tables.words)] = true;
    writer.add(vector, std::vector{std::string(table.words.word(word))});
  }
  std::vector<int32_t> buckets;
  float* packed = plan_.tables.input(plan_.tables.words);  // the rows of n-grams move up: nobody learns any more
  for (std::size_t b = 0; b < used.size(); ++b) {
    if (!used[b]) continue;
    const float* row = plan_.tables.input(plan_.tables.words + static_cast<int64_t>(b));
    std::copy(row, row + width, packed + buckets.size() * width);
    buckets.push_back(static_cast<int32_t>(b));
  }
  writer.add_subwords(buckets, {packed, buckets.size() * width});
  writer.finish();
}

}  // namespace storm
