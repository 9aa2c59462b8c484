#include "vectors/learn_plan.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "vectors/window_update.h"

namespace storm {

InputRows::InputRows(const CountedWords& table, const Subwords& subwords) {
  std::vector<int32_t> buckets;
  for (int32_t word = 0; word < table.words.size(); ++word) {
    rows_.push_back(word);
    subword_buckets(table.words.word(word), subwords, buckets);
    for (const auto bucket : buckets) rows_.push_back(static_cast<int32_t>(table.size()) + bucket);
    begins_.push_back(rows_.size());
  }
}

VectorTables::VectorTables(int64_t count, const LearnSettings& settings)
    : words(count), width(settings.width), stride(row_stride(width)), input_rows(words + settings.subwords.buckets) {
  require(input_rows <= INT32_MAX, words, " words and ", settings.subwords.buckets, " buckets are more than ",
          INT32_MAX, " rows; lower --buckets or raise --min-count");
  const auto bytes = [&](int64_t rows) { return static_cast<std::size_t>(rows * stride) * sizeof(float); };
  all_inputs = Buffer(bytes(input_rows));
  all_outputs = Buffer(bytes(words));
  const float reach = (settings.subwords.buckets > 0 ? 2.0f : 1.0f) / static_cast<float>(width);
  const Philox philox{settings.seed};
  parallel_ranges(input_rows, 64, [&](int64_t begin, int64_t end) {
    for (auto row = begin; row < end; ++row)
      for (int64_t c = 0; c < width; c += 4) {
        const auto random = philox({static_cast<uint32_t>(c / 4), static_cast<uint32_t>(RandomUse::word_vectors),
                                    static_cast<uint32_t>(row), UINT32_MAX});  // no epoch draws from this stream
        for (int64_t k = c; k < std::min(c + 4, width); ++k)
          input(row)[k] = (static_cast<float>(random[static_cast<std::size_t>(k - c)] >> 8) * 0x1p-24f - 0.5f) * reach;
      }
  });
}

LearnPlan::LearnPlan(const TrainingText& from, const LearnSettings& how)
    : text(from),
      settings(how),
      noise(from.table().counts, 0.75),
      sub_sampling(from.table().counts, from.table().total, how.sample),
      input_rows(from.table(), how.subwords),
      tables(from.table().size(), how) {
  if (how.negative == 0) tree.emplace(from.table().counts);
}

float LearnPlan::rate(double words) const {
  const double all = static_cast<double>(text.words_before(text.units())) * static_cast<double>(settings.epochs);
  return static_cast<float>(settings.learning_rate * std::max(1 - words / all, 1e-4));
}

}  // namespace storm
