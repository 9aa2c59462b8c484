#include "vectors/training_text.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/mixed_hash.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "data/spool.h"
#include "data/token_file.h"
#include "text/list_vocabulary.h"
#include "text/utf8.h"

namespace storm {

namespace {

// A text has this many units, so that threads that wait for one another do so often, and one that is last not for long,
// unless they would be too small to be worth a start or too large for rounds of several threads.
constexpr std::size_t kUnits = 1024, kLeastUnitBytes = std::size_t{1} << 10, kMostUnitBytes = std::size_t{16} << 10;
constexpr std::size_t kBytesOfWord = 6;  // of pieces, which are counted
// A line that goes on for longer behind the place where a unit should end is cut there, between two words.
constexpr std::size_t kLineRest = std::size_t{8} << 10;
constexpr int64_t kUnitsKept = 2048;  // so many units of files may be in memory

std::size_t unit_bytes(std::size_t all) { return std::clamp(all / kUnits, kLeastUnitBytes, kMostUnitBytes); }

// Words, counted by one thread.
struct Counter {
  WordIndex words;
  std::vector<int64_t> counts;

  void add(std::string_view word, int64_t count) {
    const auto number = static_cast<std::size_t>(words.add(word));
    if (number == counts.size()) counts.push_back(0);
    counts[number] += count;
  }
};

class Lines final : public TrainingText {
 public:
  Lines(std::vector<MappedFile> files, int64_t min_count) : files_(std::move(files)) {
    std::size_t bytes = 0;
    for (const auto& file : files_) bytes += file.bytes().size();
    for (std::size_t f = 0; f < files_.size(); ++f)
      for (std::size_t begin = 0, size = files_[f].bytes().size(); begin < size;) {
        const auto end = unit_end(f, begin, unit_bytes(bytes));
        units_.push_back({f, begin, end});
        begin = end;
      }
    std::vector<Counter> counters(static_cast<std::size_t>(thread_count()));
    words_before_.assign(units_.size() + 1, 0);
    std::vector<uint64_t> hashes(units_.size());
    parallel_items(static_cast<int64_t>(units_.size()), [&](int64_t u) {
      auto& counter = counters[static_cast<std::size_t>(thread_number())];
      int64_t words = 0;
      each_word(
          u, [&](std::string_view word) { counter.add(word, 1), ++words; }, [] {});
      words_before_[static_cast<std::size_t>(u) + 1] = words;
      hashes[static_cast<std::size_t>(u)] = hash_of_bytes(text_of(u));
      touched(u);
    });
    for (const auto hash : hashes) fingerprint_ = mixed(fingerprint_, hash);
    std::partial_sum(words_before_.begin(), words_before_.end(), words_before_.begin());
    for (std::size_t k = 1; k < counters.size(); ++k) {
      for (int32_t n = 0; n < counters[k].words.size(); ++n)
        counters[0].add(counters[k].words.word(n), counters[k].counts[static_cast<std::size_t>(n)]);
      counters[k] = {};
    }
    set_table(counters[0].words, counters[0].counts, min_count);
    for (int32_t row = 0; row < table_.words.size(); ++row)
      if (const auto word = table_.words.word(row); valid_utf8_prefix(word) < word.size()) refuse(word);
  }

  void read(int64_t unit, std::vector<int32_t>& rows) const override {
    rows.clear();
    const auto end_line = [&] {
      if (!rows.empty() && rows.back() != kLineEnd) rows.push_back(kLineEnd);
    };
    each_word(
        unit,
        [&](std::string_view word) {
          if (const auto row = table_.words.find(word); row >= 0) rows.push_back(row);
        },
        end_line);
    end_line();
    touched(unit);
  }

 private:
  struct Unit {
    std::size_t file, begin, end;
  };

  std::string_view text(std::size_t file) const {
    const auto bytes = files_[file].bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::size_t unit_end(std::size_t file, std::size_t begin, std::size_t bytes) const {
    const auto all = text(file);
    if (all.size() - begin <= bytes) return all.size();
    auto end = begin + bytes;
    if (const auto line = all.substr(end, kLineRest).find('\n'); line != all.npos) return end + line + 1;
    while (end < all.size() && all[end] != '\n' && !separates_words(all[end])) ++end;
    return end;
  }

  std::string_view text_of(int64_t number) const {
    const auto& unit = units_[static_cast<std::size_t>(number)];
    return text(unit.file).substr(unit.begin, unit.end - unit.begin);
  }

  // Calls take(word) for each word of a unit, and end_line() at each line's end.
  template <class Take, class EndLine>
  void each_word(int64_t number, Take&& take, EndLine&& end_line) const {
    const auto all = text_of(number);
    for (std::size_t begin = 0; begin < all.size();) {
      const auto end = all.find('\n', begin);
      storm::each_word(all.substr(begin, end - begin), take);
      if (end == all.npos) break;
      end_line();
      begin = end + 1;
    }
  }

  // Gives pages back now and then, so that a long file does not count as memory.
  void touched(int64_t unit) const {
    if (unit % kUnitsKept == kUnitsKept - 1) files_[units_[static_cast<std::size_t>(unit)].file].forget();
  }

  [[noreturn]] void refuse(std::string_view bad) const {
    for (std::size_t f = 0; f < files_.size(); ++f) {
      const auto all = text(f);
      for (std::size_t line = 1, begin = 0; begin < all.size(); ++line) {
        const auto end = std::min(all.find('\n', begin), all.size());
        const auto valid = valid_utf8_prefix(all.substr(begin, end - begin));
        if (begin + valid < end)
          fail(files_[f].name(), ": line ", line, ": invalid UTF-8 at byte ", valid, "; mend it, or leave it out");
        begin = end + 1;
      }
    }
    fail("'", printable(bad), "' is no UTF-8");
  }

  std::vector<MappedFile> files_;
  std::vector<Unit> units_;
};

Vocabulary vocabulary_of(const TokenFile& file) {
  const auto* bytes = file.info().vocabulary(file.columns()[0]);
  require(bytes, file.name(), ": holds no vocabulary; make it with tokenize");
  return Vocabulary::from_bytes(*bytes, file.name());
}

class Pieces final : public TrainingText {
 public:
  Pieces(MappedFile file, int64_t min_count)
      : file_(std::move(file), {"text"}, true), vocabulary_(vocabulary_of(file_)) {
    file_.index({vocabulary_.size()});
    std::vector<int64_t> by_id(static_cast<std::size_t>(vocabulary_.size()));
    const auto unit_ids =
        static_cast<int64_t>(unit_bytes(static_cast<std::size_t>(file_.tokens()[0]) * kBytesOfWord) / kBytesOfWord);
    Rows row;
    int64_t words = 0;
    for (int64_t r = 0; r < file_.size(); ++r) {
      if (words - words_before_.back() >= unit_ids) {
        words_before_.push_back(words);
        first_rows_.push_back(r);
      }
      row.clear();
      file_.append(r, row);
      for (const auto id : row.ids) ++by_id[static_cast<std::size_t>(id)];
      words += static_cast<int64_t>(row.ids.size());
    }
    words_before_.push_back(words);
    first_rows_.push_back(file_.size());
    fingerprint_ = file_.fingerprint();
    if (vocabulary_.unk_id() >= 0) by_id[static_cast<std::size_t>(vocabulary_.unk_id())] = 0;
    Counter counter;
    for (int32_t id = 0; id < vocabulary_.size(); ++id)
      if (const auto count = by_id[static_cast<std::size_t>(id)]; count > 0) counter.add(vocabulary_.piece(id), count);
    set_table(counter.words, counter.counts, min_count);
    for (int32_t id = 0; id < vocabulary_.size(); ++id)
      row_of_id_.push_back(by_id[static_cast<std::size_t>(id)] > 0 ? table_.words.find(vocabulary_.piece(id)) : -1);
  }

  const Vocabulary* vocabulary() const override { return &vocabulary_; }

  void read(int64_t unit, std::vector<int32_t>& rows) const override {
    rows.clear();
    const auto k = static_cast<std::size_t>(unit);
    Rows copied;
    {
      const std::lock_guard lock(reading_);  // a token file counts its reads
      for (auto r = first_rows_[k]; r < first_rows_[k + 1]; ++r) file_.append(r, copied);
    }
    for (int64_t r = 0; r < copied.size(); ++r) {
      for (const auto id : copied(r, 0))
        if (const auto row = row_of_id_[static_cast<std::size_t>(id)]; row >= 0) rows.push_back(row);
      if (!rows.empty() && rows.back() != kLineEnd) rows.push_back(kLineEnd);
    }
  }

 private:
  TokenFile file_;
  Vocabulary vocabulary_;
  std::vector<int64_t> first_rows_{0};  // of each unit, and behind the last one
  std::vector<int32_t> row_of_id_;
  mutable std::mutex reading_;
};

}  // namespace

void TrainingText::set_table(const WordIndex& words, const std::vector<int64_t>& counts, int64_t min_count) {
  std::vector<int32_t> kept;
  for (int32_t n = 0; n < words.size(); ++n)
    if (counts[static_cast<std::size_t>(n)] >= min_count) kept.push_back(n);
  require(!kept.empty(), "no word comes ", min_count, " times or more in ", words_before_.back(),
          " words; give more text, or lower --min-count");
  std::ranges::sort(kept, [&](int32_t a, int32_t b) {
    const auto x = counts[static_cast<std::size_t>(a)], y = counts[static_cast<std::size_t>(b)];
    return x != y ? x > y : words.word(a) < words.word(b);
  });
  for (const auto n : kept) {
    table_.words.add(words.word(n));
    table_.counts.push_back(counts[static_cast<std::size_t>(n)]);
    table_.total += table_.counts.back();
  }
}

std::unique_ptr<TrainingText> open_training_text(const std::vector<std::string>& paths, int64_t min_count) {
  const std::vector<std::string> names = paths.empty() ? std::vector<std::string>{"-"} : paths;
  std::vector<MappedFile> files;
  for (const auto& path : names) {
    files.push_back(map_or_spool(path, Spooled::anything));
    // Text has no NUL, which the length of a header has; so what is spooled is not spooled again.
    const auto begin = files.back().bytes().first(std::min<std::size_t>(files.back().bytes().size(), 9));
    if (begin.size() < 9 || begin[7] != std::byte{0} || begin[8] != std::byte{'{'}) continue;
    require(names.size() == 1, files.back().name(),
            ": a token stream is learned from alone; lay streams end to end with tensor cat");
    return std::make_unique<Pieces>(std::move(files.back()), min_count);
  }
  return std::make_unique<Lines>(std::move(files), min_count);
}

}  // namespace storm
