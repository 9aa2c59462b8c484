// fastText's .bin (https://github.com/facebookresearch/fastText, saveModel in fasttext.cc, with save of args.cc,
// dictionary.cc and densematrix.cc; versions 11 and 12): settings, the dictionary, and the input matrix, which has a
// row for each word and then one for each bucket of n-grams. The output matrix behind it is not read.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "vectors/vector_format.h"

namespace storm {

namespace {

constexpr int32_t kMagic = 793712314;

// Takes values off a file from its beginning.
class Cursor {
 public:
  explicit Cursor(const MappedFile& file) : file_(file) {}

  template <class T>
  T take(const char* what) {
    T value;
    std::memcpy(&value, take_bytes(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string_view take_bytes(uint64_t n, const char* what) {
    if (text_of(file_).size() - at_ < n) refuse("the file ends inside of ", what, "; is it cut short?");
    at_ += n;
    return text_of(file_).substr(at_ - n, n);
  }
  std::string_view take_word() {
    const auto end = text_of(file_).find('\0', at_);
    if (end == std::string_view::npos) refuse("the file ends inside of a word; is it cut short?");
    const auto word = text_of(file_).substr(at_, end - at_);
    at_ = end + 1;
    return word;
  }
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... why) const {
    fail(file_.name(), ": byte ", at_, ": ", why...);
  }
  std::size_t at() const { return at_; }

 private:
  const MappedFile& file_;
  std::size_t at_ = 0;
};

struct Settings {
  int32_t width = 0;
  Subwords n_grams;     // those that words have: no buckets where they have none
  int64_t buckets = 0;  // rows of the matrix
};

Settings take_settings(Cursor& from) {
  from.take<int32_t>("its head");
  const auto version = from.take<int32_t>("its head");
  if (version != 11 && version != 12) from.refuse("fastText's format ", version, "; 11 and 12 are read");
  std::array<int32_t, 12> all{};  // dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, ...
  for (auto& value : all) value = from.take<int32_t>("its settings");
  from.take<double>("its settings");
  constexpr int32_t kSupervised = 3;
  if (all[7] == kSupervised)
    from.refuse("a supervised model, which classifies texts; vectors of words are read of skipgram and cbow models");
  const auto [width, buckets, least, most] = std::array{all[0], all[8], all[9], all[10]};
  if (buckets < 0 || least < 0 || most < 0 || most > 1 << 16)
    from.refuse(buckets, " buckets of n-grams of ", least, " to ", most, " characters");
  Settings s{width, {}, buckets};
  if (most > 0 && most >= least && buckets > 0) s.n_grams = {std::max(least, 1), most, buckets};
  return s;
}

std::vector<std::string_view> take_words(Cursor& from, std::vector<std::size_t>& places) {
  const auto size = from.take<int32_t>("its dictionary"), words = from.take<int32_t>("its dictionary"),
             labels = from.take<int32_t>("its dictionary");
  from.take<int64_t>("its dictionary");  // tokens
  const auto pruned = from.take<int64_t>("its dictionary");
  if (size != words || labels != 0 || words < 1)
    from.refuse("a dictionary of ", size, " entries, ", words, " words and ", labels, " labels; words alone are read");
  if (pruned >= 0) from.refuse("n-grams that are pruned, as of a quantised model, are not read");
  std::vector<std::string_view> all;
  for (int32_t i = 0; i < words; ++i) {
    places.push_back(from.at());
    all.push_back(from.take_word());
    from.take<int64_t>("a word's count");
    if (from.take<int8_t>("a word's kind") != 0) from.refuse("an entry of the dictionary that is no word");
  }
  return all;
}

// The input matrix, at any address: [rows, width].
class Matrix {
 public:
  Matrix(Cursor& from, int64_t rows, int32_t width) : width_(static_cast<std::size_t>(width)) {
    if (from.take<uint8_t>("its input matrix") != 0)
      from.refuse("a quantised matrix; take the model that it was made of");
    const auto m = from.take<int64_t>("its input matrix"), n = from.take<int64_t>("its input matrix");
    if (m != rows || n != width)
      from.refuse("an input matrix of ", m, " rows of ", n, " numbers, where words and buckets are ", rows,
                  ", and the width is ", width);
    bytes_ = from.take_bytes(static_cast<uint64_t>(rows) * width_ * sizeof(float), "its input matrix");
  }
  void read(int64_t row, std::span<float> to) const {
    std::memcpy(to.data(), bytes_.data() + static_cast<std::size_t>(row) * width_ * sizeof(float), to.size_bytes());
  }
  std::span<const std::byte> from_row(int64_t row) const {
    return std::as_bytes(std::span(bytes_)).subspan(static_cast<std::size_t>(row) * width_ * sizeof(float));
  }

 private:
  std::size_t width_;
  std::string_view bytes_;
};

bool recognised(std::string_view bytes) {
  int32_t magic = 0;
  if (bytes.size() < sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kMagic;
}

void read(const MappedFile& file, const BeginVectors& begin) {
  Cursor from(file);
  const auto settings = take_settings(from);
  std::vector<std::size_t> places;
  const auto words = take_words(from, places);
  auto& to = begin(settings.width, settings.n_grams);
  const auto count = static_cast<int64_t>(words.size());
  const auto matrix_at = from.at();
  const Matrix matrix(from, count + settings.buckets, settings.width);
  // A word's vector, as getWordVector makes it, to the bit: the mean of its row and its n-grams', but of </s> the row.
  std::vector<float> row(static_cast<std::size_t>(settings.width)), vector(row.size());
  std::vector<int32_t> buckets;
  for (int64_t i = 0; i < count; ++i) {
    const auto word = words[static_cast<std::size_t>(i)];
    matrix.read(i, vector);
    buckets.clear();
    if (word != "</s>") subword_buckets(word, settings.n_grams, buckets);
    for (const auto bucket : buckets) {
      matrix.read(count + bucket, row);
      std::ranges::transform(vector, row, vector.begin(), std::plus());
    }
    const auto share = static_cast<float>(1.0 / static_cast<double>(buckets.size() + 1));
    for (auto& x : vector) x *= share;
    to.add(word, vector, {"byte", places[static_cast<std::size_t>(i)]});
  }
  if (settings.n_grams.buckets == 0) return;
  for (int64_t bucket = 0; bucket < settings.buckets; ++bucket) {
    matrix.read(count + bucket, row);
    require(std::ranges::all_of(row, [](float x) { return std::isfinite(x); }), file.name(), ": byte ",
            matrix_at + 17 + static_cast<std::size_t>(count + bucket) * row.size() * sizeof(float),
            ": the row of bucket ", bucket, " holds NaN or an infinity");
  }
  buckets.resize(static_cast<std::size_t>(settings.buckets));
  std::iota(buckets.begin(), buckets.end(), 0);
  to.add_subwords(std::move(buckets), matrix.from_row(count));
}

}  // namespace

const VectorFormat kFastTextBinary{"fastText's .bin", recognised, read};

}  // namespace storm
