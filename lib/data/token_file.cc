#include "data/token_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/mixed_hash.h"
#include "base/split.h"
#include "data/spool.h"
#include "stream/stream.h"

namespace storm {

namespace {

// So many bytes of a larger file may be in memory: when it is read through, and when rows are read one by one, where
// each read brings in up to 64 KiB around it (what the kernel has cached anyway).
constexpr uint64_t kBytesKept = uint64_t{32} << 20;
constexpr int64_t kReadsKept = kBytesKept >> 16;

int64_t number_at(const std::byte* at) {  // a document may begin at any byte
  int64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// The fingerprint so far, with a row of a column.
uint64_t hashed(uint64_t hash, std::span<const int32_t> ids) {
  hash = mixed(hash, ids.size() + 1);
  for (const int32_t id : ids) hash = mixed(hash, static_cast<uint32_t>(id));
  return hash;
}

}  // namespace

TokenFile::TokenFile(const std::string& path, const std::vector<std::string>& columns, bool any_name,
                     ColumnContents contents)
    : TokenFile(map_or_spool(path), columns, any_name, std::move(contents)) {}

TokenFile::TokenFile(MappedFile file, const std::vector<std::string>& columns, bool any_name, ColumnContents contents)
    : file_(std::move(file)),
      columns_(columns),
      contents_(std::move(contents)),
      tokens_(columns.size() + 3 * contents_.placed.size()),
      longest_(tokens_.size()) {
  uint64_t offset = 0;
  require(!file_.bytes().empty(), name(), ": byte 0: empty, not a token stream; make one with tokenize");
  info_ = token_info(parse_document(file_.bytes(), name(), offset));
  if (any_name && columns_.size() == 1 && info_.columns.size() == 1) columns_ = info_.columns;
  for (const auto& column : columns_)
    require(info_.has(column), name(), ": has the columns ", info_.metadata.at(kColumnsKey), ", training needs ",
            joined(columns_, " and "), "; make them with tokenize --columns ", joined(columns_));
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const bool number = info_.numbers.contains(columns_[c]), wanted = std::ranges::count(contents_.numbers, c) > 0;
    require(number == wanted, name(), ": column '", columns_[c], "' holds ", number ? "numbers" : "ids",
            ", training needs ", wanted ? "numbers" : "ids", "; make it with tokenize --columns ", columns_[c],
            wanted ? ":number" : "");
  }
}

void TokenFile::index(const std::vector<int64_t>& vocabularies) {
  const auto all = file_.bytes();
  auto limits = vocabularies;
  limits.resize(columns_.size());  // numbers have none
  uint64_t last = 0;
  for (uint64_t offset = 0; offset < all.size();) {
    auto document = parse_document(all, name(), offset);
    require_agreement(document, info_);
    add(token_batch(std::move(document), columns_, limits, info_.numbers));
    if (offset - last > kBytesKept) {
      file_.forget();
      last = offset;
    }
  }
  if (all.size() > kBytesKept) {
    file_.forget();
    file_.read_at_random();
  }
}

void TokenFile::add(const TokenBatch& batch) {
  if (batch.size() == 0) return;
  Part& part = parts_.emplace_back(Part{rows_, tokens_[0], {}});
  const auto add_array = [&](const std::string& values, const std::string& offsets, std::size_t size) {
    const auto place = [&](const std::string& tensor) {
      return static_cast<uint64_t>(batch.document.tensor(tensor).bytes.data() - file_.bytes().data());
    };
    part.arrays.push_back({place(values), offsets.empty() ? 0 : place(offsets), size, offsets.empty()});
  };
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (batch.columns[c].is_number())
      add_array(columns_[c] + ".values", "", sizeof(float));
    else
      add_array(columns_[c] + ".ids", columns_[c] + ".offsets", sizeof(int32_t));
  for (const std::size_t c : contents_.placed) {
    require(batch.columns[c].has_ranges(), name(), ": does not say where the pieces of ", columns_[c],
            " stand in their lines; make it with tokenize --offsets");
    add_array(columns_[c] + ".begins", columns_[c] + ".offsets", sizeof(int32_t));
    add_array(columns_[c] + ".ends", columns_[c] + ".offsets", sizeof(int32_t));
    add_array(columns_[c] + ".text", columns_[c] + ".text.offsets", 1);
  }
  const int64_t first = rows_;
  rows_ += batch.size();
  for (int64_t i = 0; i < batch.size(); ++i)
    find(first + i, [&](std::size_t c, const Place& place) {
      tokens_[c] += place.length;
      longest_[c] = std::max(longest_[c], place.length);
      if (c < columns_.size() && batch.columns[c].is_number())
        fingerprint_ = hashed(fingerprint_,
                              std::array{std::bit_cast<int32_t>(batch.columns[c].values[static_cast<std::size_t>(i)])});
      else if (c < columns_.size())
        fingerprint_ = hashed(fingerprint_, batch.columns[c][i]);
    });
}

template <class Take>
void TokenFile::find(int64_t row, Take&& take) const {
  require(row >= 0 && row < rows_, name(), ": row ", row, " of ", rows_);
  const Part* part = &part_of(row, [](const Part& p) { return p.first_row; });
  const std::byte* base = file_.bytes().data();
  const auto k = static_cast<uint64_t>(row - part->first_row) * sizeof(int64_t);
  for (std::size_t c = 0; c < part->arrays.size(); ++c) {
    const Array& array = part->arrays[c];
    const std::byte* offsets = base + array.offsets + k;
    const int64_t begin = array.is_number ? row - part->first_row : number_at(offsets);
    const int64_t length = array.is_number ? 1 : number_at(offsets + sizeof(int64_t)) - begin;
    take(c, Place{base + array.values + static_cast<uint64_t>(begin) * array.size, length, array.size});
  }
  touched(2 * static_cast<int64_t>(part->arrays.size()));  // offsets and values
}

template <class Number>
const TokenFile::Part& TokenFile::part_of(int64_t number, Number&& first_of) const {
  return *std::prev(std::upper_bound(parts_.begin(), parts_.end(), number,
                                     [&](int64_t n, const Part& part) { return n < first_of(part); }));
}

int64_t TokenFile::offset(const Part& part, int64_t row) const {
  return number_at(file_.bytes().data() + part.arrays[0].offsets +
                   static_cast<uint64_t>(row - part.first_row) * sizeof(int64_t));
}

int64_t TokenFile::ids_before(int64_t row) const {
  require(row >= 0 && row <= rows_, name(), ": row ", row, " of ", rows_);
  if (row == rows_) return tokens_[0];
  const Part& part = part_of(row, [](const Part& p) { return p.first_row; });
  touched(1);
  return part.first_id + offset(part, row);
}

void TokenFile::append_ids(int64_t first, int64_t last, std::vector<int32_t>& to) const {
  require(first >= 0 && first <= last && last <= tokens_[0], name(), ": ids ", first, " to ", last, " of ", tokens_[0]);
  if (first == last) return;
  for (const Part* part = &part_of(first, [](const Part& p) { return p.first_id; }); first < last; ++part) {
    const int64_t end = part == &parts_.back() ? tokens_[0] : part[1].first_id;
    const auto n = static_cast<std::size_t>(std::min(last, end) - first), before = to.size();
    to.resize(before + n);
    const auto at = part->arrays[0].values + static_cast<uint64_t>(first - part->first_id) * sizeof(int32_t);
    if (n > 0) std::memcpy(to.data() + before, file_.bytes().data() + at, n * sizeof(int32_t));
    first += static_cast<int64_t>(n);
    touched(1 + static_cast<int64_t>(n * sizeof(int32_t) >> 16));
  }
}

int64_t TokenFile::row_at(int64_t place) const {
  require(place >= 0 && place < tokens_[0] + rows_, name(), ": place ", place, " of ", tokens_[0] + rows_);
  const Part& part = part_of(place, [](const Part& p) { return p.first_id + p.first_row; });
  int64_t low = part.first_row, high = &part == &parts_.back() ? rows_ : (&part)[1].first_row;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (part.first_id + offset(part, middle) + middle <= place ? low : high) = middle;
  }
  touched(2);
  return low;
}

// pages: of how many places in the file they were brought in.
void TokenFile::touched(int64_t pages) const {
  touched_ += pages;
  if (file_.bytes().size() <= kBytesKept || touched_ < kReadsKept) return;
  touched_ = 0;
  file_.forget();
}

void TokenFile::lengths(int64_t row, std::span<int64_t> to) const {
  find(row, [&](std::size_t column, const Place& place) { to[column] = place.length; });
}

void TokenFile::append(int64_t row, Rows& rows) const {
  rows.columns = tokens_.size();
  find(row, [&](std::size_t, const Place& place) {
    const auto before = rows.ids.size(), n = static_cast<std::size_t>(place.length);
    rows.ids.resize(before + n);
    if (place.size == 1)
      std::transform(place.values, place.values + n, rows.ids.data() + before, std::to_integer<int32_t>);
    else if (n > 0)
      std::memcpy(rows.ids.data() + before, place.values, n * sizeof(int32_t));
    rows.end_column();
  });
}

}  // namespace storm
