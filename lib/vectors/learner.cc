#include "vectors/learner.h"

#include <algorithm>

#include "vectors/row_kernels.h"

namespace storm {

namespace {

constexpr int64_t kLossEvery = 64;  // predictions
// Words whose targets are drawn, and whose rows are fetched, before they are learned: memory answers later than one
// word takes.
constexpr int64_t kAhead = 4;

int64_t most_outputs(const LearnPlan& plan) { return plan.tree ? plan.tree->longest() : plan.settings.negative + 1; }

}  // namespace

void Learner::Rows::prefetch(int32_t row) const {
  const float* at = own ? own->peek(row) : table + row * stride;
  for (int64_t i = 0; i < stride; i += 16) __builtin_prefetch(at + i, 1);
}

Learner::Learner(const LearnPlan& plan, bool own_copies)
    : plan_(plan),
      inputs_{plan.tables.inputs().data(), plan.tables.stride, {}},
      outputs_{plan.tables.outputs().data(), plan.tables.stride, {}},
      update_(plan.tables.stride, 2 * plan.settings.window, most_outputs(plan)),
      random_(plan.settings.seed, 0, 0),
      targets_(kAhead + 1) {
  if (own_copies) {
    inputs_.own.emplace(plan.tables.inputs(), plan.tables.stride);
    outputs_.own.emplace(plan.tables.outputs(), plan.tables.stride);
  }
  const auto places = 2 * plan.settings.window + 1, stride = plan.tables.stride;
  ring_ = Buffer(static_cast<std::size_t>((2 * places + 2) * stride) * sizeof(float));
  float* memory = ring_.as<float>().data();
  for (int64_t p = 0; p < places; ++p, memory += 2 * stride)
    slots_.push_back({.vector = memory, .before = memory + stride});
  mean_ = memory;
  mean_before_ = memory + stride;
}

void Learner::learn(int64_t epoch, int64_t unit) {
  random_ = RandomNumbers(plan_.settings.seed, epoch, unit);
  plan_.text.read(unit, unit_);
  const auto& text = plan_.text;
  const double before = static_cast<double>(text.words_before(text.units())) * static_cast<double>(epoch) +
                        static_cast<double>(text.words_before(unit));
  const double words = static_cast<double>(text.words_before(unit + 1) - text.words_before(unit));
  kept_.clear();
  for (std::size_t i = 0; i < unit_.size(); ++i) {
    const auto word = unit_[i];
    if (word != kLineEnd) {
      if (plan_.sub_sampling.keeps(word, random_.next())) kept_.push_back(word);
      continue;
    }
    learn_line(kept_, plan_.rate(before + words * static_cast<double>(i) / static_cast<double>(unit_.size())));
    kept_.clear();
  }
}

void Learner::learn_line(std::span<const int32_t> words, float rate) {
  const auto n = static_cast<int64_t>(words.size()), window = plan_.settings.window,
             places = static_cast<int64_t>(slots_.size());
  if (n < 2) return;
  const auto slot = [&](int64_t position) -> Slot& { return slots_[static_cast<std::size_t>(position % places)]; };
  const auto word = [&](int64_t position) { return words[static_cast<std::size_t>(position)]; };
  const auto target = [&](int64_t position) -> Target& {
    return targets_[static_cast<std::size_t>(position % (kAhead + 1))];
  };
  int64_t chosen = 0;
  int64_t entered = 0;
  for (int64_t t = 0; t < n; ++t) {
    if (t > window) leave(slot(t - window - 1));
    for (; entered <= std::min(t + window, n - 1); ++entered) enter(word(entered), slot(entered));
    for (; chosen <= std::min(t + kAhead, n - 1); ++chosen) {
      choose(word(chosen), chosen % plan_.samples_for() == 0, target(chosen));
      if (chosen + window < n) inputs_.prefetch(word(chosen + window));
    }
    const auto& now = target(t);
    around_.clear();
    for (auto p = std::max<int64_t>(t - now.reach, 0); p <= std::min(t + now.reach, n - 1); ++p)
      if (p != t) around_.push_back(&slot(p));
    predict(now, rate);
  }
  for (auto p = std::max<int64_t>(n - 1 - window, 0); p < n; ++p) leave(slot(p));
}

void Learner::choose(int32_t word, bool fresh_samples, Target& target) {
  target.reach = 1 + static_cast<int64_t>(
                         static_cast<uint64_t>(random_.next()) * static_cast<uint64_t>(plan_.settings.window) >> 32);
  target.rows.clear();
  target.labels.clear();
  const auto add = [&](int32_t row, float label) {
    target.rows.push_back(row);
    target.labels.push_back(label);
    outputs_.prefetch(row);
  };
  if (plan_.tree) {
    const auto path = plan_.tree->path(word);
    for (std::size_t i = 0; i < path.nodes.size(); ++i) add(path.nodes[i], path.turns[i] == 0 ? 1.0f : 0.0f);
    return;
  }
  if (fresh_samples) {
    samples_.clear();
    for (int64_t k = 0; k < plan_.settings.negative; ++k) samples_.push_back(plan_.noise.draw(random_.next_u64()));
  }
  add(word, 1);
  for (const auto row : samples_)
    // A row that comes twice would be written twice from what it was; the word itself is no negative sample of its own.
    if (std::ranges::find(target.rows, row) == target.rows.end()) add(row, 0);
}

void Learner::rows_of(int32_t word) {
  vectors_.clear();
  for (const auto row : plan_.input_rows(word)) vectors_.push_back(inputs_(row));
}

void Learner::enter(int32_t word, Slot& slot) {
  rows_of(word);
  slot.word = word;
  slot.rows = static_cast<float>(vectors_.size());
  weights_.assign(vectors_.size(), 1 / slot.rows);
  sum_rows(vectors_.data(), weights_.data(), static_cast<int64_t>(vectors_.size()), plan_.tables.stride, slot.vector,
           slot.before);
}

// What a mean of rows has gained, each of its rows has: so it is in the programs of these papers, whose step is that of
// their sum.
void Learner::leave(const Slot& slot) {
  if (!plan_.frozen.empty() && plan_.frozen[static_cast<std::size_t>(slot.word)]) return;
  rows_of(slot.word);
  add_change_to_each(slot.vector, slot.before, plan_.tables.stride, vectors_.data(),
                     static_cast<int64_t>(vectors_.size()));
}

void Learner::predict(const Target& target, float rate) {
  const auto stride = plan_.tables.stride, k = static_cast<int64_t>(target.rows.size());
  const bool cbow = plan_.settings.method == VectorMethod::cbow;
  vectors_.clear();
  for (const auto* s : around_) vectors_.push_back(s->vector);
  const auto words = static_cast<int64_t>(vectors_.size()), m = cbow ? 1 : words;
  if (cbow) {
    float rows = 0;
    for (const auto* s : around_) rows += s->rows;
    weights_.clear();
    for (const auto* s : around_) weights_.push_back(s->rows / rows);
    sum_rows(vectors_.data(), weights_.data(), words, stride, mean_, mean_before_);
  }
  outputs_now_.clear();
  for (const auto row : target.rows) outputs_now_.push_back(outputs_(row));
  update_(cbow ? &mean_ : vectors_.data(), m, outputs_now_.data(), k, target.labels.data(), rate);
  if (cbow) add_change_to_each(mean_, mean_before_, stride, vectors_.data(), words);
  if (predictions_++ % kLossEvery != 0) return;
  loss_.sum += update_.loss(m, k, rate);
  loss_.pairs += m;
}

void Learner::merge(std::span<Learner> learners, int64_t part, int64_t parts, float often) {
  for (auto table : {&Learner::inputs_, &Learner::outputs_}) {
    std::vector<PrivateRows*> all;
    for (auto& learner : learners) all.push_back(&*(learner.*table).own);
    PrivateRows::merge(all, part, parts, often);
  }
}

void Learner::forget() {
  inputs_.own->forget();
  outputs_.own->forget();
}

}  // namespace storm
