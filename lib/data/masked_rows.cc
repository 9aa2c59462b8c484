#include "data/masked_rows.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace storm {

namespace {

// The numbers of texts' columns as those with one more behind the first.
std::vector<int64_t> with_asked(std::span<const int64_t> of_texts) {
  std::vector<int64_t> all(of_texts.begin(), of_texts.end());
  all.insert(all.begin(), of_texts[0]);
  return all;
}

}  // namespace

MaskedRows::MaskedRows(std::unique_ptr<const RowSource> texts, MaskRule rule, std::optional<uint64_t> seed)
    : texts_(std::move(texts)), rule_(std::move(rule)), seed_(seed), longest_(with_asked(texts_->longest())) {
  for (std::size_t id = 0; id < rule_.ordinary.size(); ++id)
    if (rule_.ordinary[id]) ordinary_.push_back(static_cast<int32_t>(id));
  require(!ordinary_.empty(), "the vocabulary has special tokens alone, and none to be masked");
}

void MaskedRows::lengths(int64_t epoch, int64_t row, std::span<int64_t> to) const {
  texts_->lengths(epoch, row, to.subspan(1));
  to[0] = to[1];
}

std::vector<int64_t> MaskedRows::all_ids(int64_t epoch) const { return with_asked(texts_->all_ids(epoch)); }

void MaskedRows::append(int64_t epoch, int64_t row, Rows& to) const {
  Rows text;
  texts_->append(epoch, row, text);
  const std::size_t columns = longest_.size() - 1;
  std::vector<int32_t> ids(text(0, 0).begin(), text(0, 0).end()), asked(ids.size(), kNotAsked);
  const auto border = columns > 1 ? static_cast<std::size_t>(text(0, 1)[0]) : 0;
  mask(epoch, row, ids, border, asked);
  to.columns = columns + 1;
  to.add(ids);
  to.add(asked);
  for (std::size_t c = 1; c < columns; ++c) to.add(text(0, c));
}

void MaskedRows::mask(int64_t epoch, int64_t row, std::span<int32_t> ids, std::size_t border,
                      std::span<int32_t> asked) const {
  struct Unit {
    std::size_t first, size;
  };
  std::vector<Unit> units;  // what is masked together
  std::size_t candidates = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<std::size_t>(ids[i]);
    if (!rule_.ordinary[id]) continue;
    ++candidates;
    const bool behind = !units.empty() && units.back().first + units.back().size == i && i != border;
    if (rule_.whole_words && behind && rule_.goes_on[id])
      ++units.back().size;
    else
      units.push_back({i, 1});
  }
  const auto wanted =
      static_cast<std::size_t>(std::max<int64_t>(std::llround(rule_.rate * static_cast<double>(candidates)), 1));
  RandomStream random(seed_.value_or(0), RandomUse::masks, stream_in_epoch(seed_ ? epoch : 0, row));
  std::size_t masked = 0;
  for (std::size_t left = units.size(); left > 0 && masked < wanted; --left) {
    std::swap(units[random.below(left)], units[left - 1]);
    const Unit unit = units[left - 1];
    // A word that is too long for what is left is passed over, as in the reference, but for the last hope.
    if (masked + unit.size > wanted && (masked > 0 || left > 1)) continue;
    for (std::size_t i = unit.first; i < unit.first + unit.size; ++i) {
      asked[i] = ids[i];
      const double share = random.uniform();
      if (share < 0.8)
        ids[i] = rule_.mask;
      else if (share < 0.9)
        ids[i] = ordinary_[random.below(ordinary_.size())];
    }
    masked += unit.size;
  }
}

}  // namespace storm
