#include "data/pair_file.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "data/spool.h"
#include "stream/stream.h"

namespace storm {

namespace {

// Of a file that is larger, so many bytes may be in memory: when it is read through, and when rows are read one by one,
// where each read brings in up to 64 KiB around it (what the kernel has cached anyway).
constexpr uint64_t kBytesKept = uint64_t{32} << 20;
constexpr int64_t kReadsKept = kBytesKept >> 16;

int64_t number_at(const std::byte* at) {  // a document may begin at any byte
  int64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// The fingerprint so far, with a row of a column: multiplied by an odd constant (2^64 / the golden ratio) and folded.
uint64_t hashed(uint64_t hash, std::span<const int32_t> ids) {
  const auto add = [&](uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  add(ids.size() + 1);
  for (const int32_t id : ids) add(static_cast<uint32_t>(id));
  return hash;
}

}  // namespace

struct PairFile::Row {
  const std::byte *source, *target;  // I32 ids
  Lengths lengths;
};

PairFile::PairFile(const std::string& path) : file_(map_or_spool(path)) {
  uint64_t offset = 0;
  require(!file_.bytes().empty(), name(), ": byte 0: empty, not a token stream; make one with tokenize");
  info_ = token_info(parse_document(file_.bytes(), name(), offset));
  require(info_.has("src") && info_.has("tgt"), name(), ": has the columns ", info_.metadata.at(kColumnsKey),
          ", training needs src and tgt; make them with tokenize --columns src,tgt");
}

void PairFile::index(int64_t source_vocabulary, int64_t target_vocabulary) {
  const std::vector<int64_t> limits{source_vocabulary, target_vocabulary};
  const auto all = file_.bytes();
  uint64_t last = 0;
  for (uint64_t offset = 0; offset < all.size();) {
    auto document = parse_document(all, name(), offset);
    require_agreement(document, info_);
    add(token_batch(std::move(document), {"src", "tgt"}, limits));
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

void PairFile::add(const TokenBatch& batch) {
  if (batch.size() == 0) return;
  const auto place = [&](const char* tensor) {
    return static_cast<uint64_t>(batch.document.tensor(tensor).bytes.data() - file_.bytes().data());
  };
  parts_.push_back({rows_, place("src.ids"), place("src.offsets"), place("tgt.ids"), place("tgt.offsets")});
  rows_ += batch.size();
  for (int64_t i = 0; i < batch.size(); ++i) {
    const auto source = static_cast<int64_t>(batch.columns[0][i].size());
    const auto target = static_cast<int64_t>(batch.columns[1][i].size());
    for (const auto& column : {batch.columns[0], batch.columns[1]}) fingerprint_ = hashed(fingerprint_, column[i]);
    tokens_.source += source;
    tokens_.target += target;
    longest_.source = std::max(longest_.source, source);
    longest_.target = std::max(longest_.target, target);
    ++by_length_[std::max(source, target)];
  }
}

PairFile::Row PairFile::find(int64_t row) const {
  require(row >= 0 && row < rows_, name(), ": row ", row, " of ", rows_);
  const auto part = std::prev(
      std::upper_bound(parts_.begin(), parts_.end(), row, [](int64_t r, const Part& p) { return r < p.first_row; }));
  const std::byte* base = file_.bytes().data();
  const auto k = static_cast<uint64_t>(row - part->first_row) * sizeof(int64_t);
  const auto side = [&](uint64_t ids, uint64_t offsets, const std::byte*& at, int64_t& length) {
    const int64_t begin = number_at(base + offsets + k);
    at = base + ids + static_cast<uint64_t>(begin) * sizeof(int32_t);
    length = number_at(base + offsets + k + sizeof(int64_t)) - begin;
  };
  Row found{};
  side(part->source_ids, part->source_offsets, found.source, found.lengths.source);
  side(part->target_ids, part->target_offsets, found.target, found.lengths.target);
  return found;
}

void PairFile::touched() const {
  if (file_.bytes().size() <= kBytesKept || (touched_ += 4) < kReadsKept) return;
  touched_ = 0;
  file_.forget();
}

PairFile::Lengths PairFile::lengths(int64_t row) const {
  const auto found = find(row).lengths;
  touched();
  return found;
}

void PairFile::append(int64_t row, Pairs& pairs) const {
  const Row found = find(row);
  const auto copy = [&](const std::byte* at, int64_t length) {
    const auto before = pairs.ids.size(), n = static_cast<std::size_t>(length);
    pairs.ids.resize(before + n);
    if (n > 0) std::memcpy(pairs.ids.data() + before, at, n * sizeof(int32_t));
    pairs.offsets.push_back(static_cast<int64_t>(pairs.ids.size()));
  };
  copy(found.source, found.lengths.source);
  copy(found.target, found.lengths.target);
  touched();
}

}  // namespace storm
