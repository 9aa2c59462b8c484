// The kind embeddings: what is written is read, what is wrong is refused; halves convert exactly.
#include "stream/embeddings.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;
using test::refused;

namespace {

struct Scratch {
  std::string path = std::filesystem::temp_directory_path() / ("storm-embeddings-" + std::to_string(::getpid()));
  ~Scratch() { std::filesystem::remove(path); }
};

// The nearest representable of two neighbours, ties to the even one: what rounding means, without bit tricks.
template <class Widen>
bool rounds_to_nearest(float x, uint16_t got, Widen&& widen) {
  const double value = static_cast<double>(x), here = static_cast<double>(widen(got));
  for (const int step : {-1, 1}) {
    const auto other = static_cast<uint16_t>(got + step);
    if (((other ^ got) & 0x8000) != 0) continue;
    const double there = static_cast<double>(widen(other));
    if (!std::isfinite(there)) continue;
    const double a = std::abs(value - here), b = std::abs(value - there);
    if (b < a || (a == b && (got & 1) != 0)) return false;
  }
  return true;
}

EmbeddingsBatch batch_with(std::vector<int64_t> lines, std::vector<int64_t> texts, std::string bytes,
                           std::vector<int64_t> shape) {
  Document d;
  std::vector<float> v(12);
  std::size_t size = 1;
  for (const auto n : shape) size *= static_cast<std::size_t>(n);
  d.add("lines.vectors", DType::F32, shape, std::as_bytes(std::span(v).first(size)));
  d.add<int64_t>("lines.offsets", lines);
  d.add<int64_t>("texts.offsets", texts);
  d.add<char>("texts.bytes", bytes);
  return embeddings_batch(std::move(d));
}

}  // namespace

TEST_CASE("every f16 and bf16 comes back from f32, subnormals and signed zeros too, and NaN stays NaN") {
  int wrong = 0;
  for (uint32_t i = 0; i <= 0xffff; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float half = f16_to_f32(bits), brain = bf16_to_f32(bits);
    wrong += std::isnan(half) ? !std::isnan(f16_to_f32(f32_to_f16(half))) : f32_to_f16(half) != bits;
    wrong += std::isnan(brain) ? !std::isnan(bf16_to_f32(f32_to_bf16(brain))) : f32_to_bf16(brain) != bits;
  }
  CHECK(wrong == 0);
  CHECK(f16_to_f32(0x0001) == 0x1p-24f);
  CHECK(f16_to_f32(0x7bff) == 65504);
  CHECK(bf16_to_f32(0x0001) == std::bit_cast<float>(0x00010000u));
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));  // no infinity by truncation
}

TEST_CASE("floats round to the nearest f16 and bf16, to even in the middle") {
  RandomStream random(1, RandomUse::sampling);
  int wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    const float any = std::bit_cast<float>(random.next_u32());
    if (std::isfinite(any) && std::abs(any) < 3.38e38f) wrong += !rounds_to_nearest(any, f32_to_bf16(any), bf16_to_f32);
    const float small =
        std::ldexp(static_cast<float>(random.uniform()) - 0.5f, static_cast<int>(random.below(44)) - 28);
    if (std::abs(small) < 65504) wrong += !rounds_to_nearest(small, f32_to_f16(small), f16_to_f32);
  }
  CHECK(wrong == 0);
  CHECK(f32_to_f16(1 + 0x1p-11f) == 0x3c00);
  CHECK(f32_to_f16(1 + 3 * 0x1p-11f) == 0x3c02);
  CHECK(f32_to_f16(0x1p-25f) == 0);
  CHECK(f32_to_f16(0x1.8p-25f) == 1);
  CHECK(f32_to_bf16(1 + 0x1p-8f) == 0x3f80);
}

TEST_CASE("what a writer writes is read from a mapped file, document by document") {
  const Scratch scratch;
  for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    {
      Output output(scratch.path);
      EmbeddingsWriter writer(output, {{"embeddings.layer", "2"}}, 3, dtype);
      writer.add(std::vector<float>{1, 2, 3, -4, 0.5f, 0}, std::vector<std::string>{"▁a", "b"});
      writer.add({}, {});
      writer.flush();
      writer.flush();  // nothing new: no document
      writer.add(std::vector<float>{7, 8, 9}, std::vector<std::string>{"c\nd"});
      writer.finish();
      output.commit();
    }
    const auto file = map_embeddings(scratch.path);
    CHECK(file.width == 3);
    CHECK(file.metadata.at("embeddings.layer") == "2");
    REQUIRE(file.batches.size() == 2);
    CHECK(file.batches[0].vectors().dtype == dtype);
    CHECK(std::vector<int64_t>(file.batches[0].line_offsets.begin(), file.batches[0].line_offsets.end()) ==
          std::vector<int64_t>{0, 2, 2});
    CHECK(file.text(0) == "▁a");
    CHECK(file.text(2) == "c\nd");
    CHECK_THROWS_AS(file.text(3), Error);
  }
}

TEST_CASE("streams laid end to end are one stream when they say the same of their vectors, and an error when not") {
  const auto stream = [](const char* layer) {
    const Scratch scratch;
    Output output(scratch.path);
    EmbeddingsWriter writer(output, {{"embeddings.layer", layer}, {kCommandKey, "any"}}, 1, DType::F32);
    writer.add(std::vector<float>{1}, std::vector<std::string>{"a"});
    writer.finish();
    output.commit();
    return read_file(scratch.path);
  };
  const auto mapped = [](const std::string& bytes) {
    const Scratch scratch;
    Output output(scratch.path);
    output.write(bytes);
    output.commit();
    return map_embeddings(scratch.path).batches.size();
  };
  CHECK(mapped(stream("2") + stream("2")) == 2);
  CHECK(refused([&] { mapped(stream("2") + stream("1")); },
                {"embeddings.layer is '1', in the stream's first document '2'"}));
}

TEST_CASE("a stream without lines says what it is; one that is not finished is truncated") {
  const Scratch scratch;
  {
    Output output(scratch.path);
    EmbeddingsWriter writer(output, {}, 3, DType::F32);
    writer.finish();
    output.commit();
  }
  CHECK(map_embeddings(scratch.path).batches[0].rows == 0);
  {
    Output output(scratch.path);
    {
      EmbeddingsWriter writer(output, {}, 1, DType::F32);
      writer.add(std::vector<float>{1}, std::vector<std::string>{"a"});
      writer.flush();
    }
    output.commit();
  }
  CHECK(refused([&] { map_embeddings(scratch.path); }, {"truncated"}));
}

TEST_CASE("a value beyond f16 is refused, an infinity is none that was lost") {
  const Scratch scratch;
  Output output(scratch.path);
  EmbeddingsWriter half(output, {}, 1, DType::F16);
  CHECK(refused([&] { half.add(std::vector<float>{1e6f}, std::vector<std::string>{"a"}); },
                {"line 1: a value is beyond the range of F16; take f32"}));
}

TEST_CASE("offsets and shapes that do not fit are refused") {
  CHECK(batch_with({0, 2, 3}, {0, 1, 1, 4}, "abcd", {3, 4}).text(2) == "bcd");
  CHECK(refused([&] { batch_with({0, 2}, {0, 1, 1, 4}, "abcd", {3, 4}); }, {"lines.offsets do not go from 0 to 3"}));
  CHECK(refused([&] { batch_with({0, 3}, {0, 5, 1, 4}, "abcd", {3, 4}); }, {"texts.offsets fall after row 1"}));
  CHECK(refused([&] { batch_with({0, 3}, {0, 1, 1, 5}, "abcd", {3, 4}); }, {"texts.offsets do not go from 0 to 4"}));
  CHECK_THROWS_AS(batch_with({0, 3}, {0, 4}, "abcd", {3, 4}), Error);
  CHECK(refused([&] { batch_with({0, 3}, {0, 1, 1, 4}, "abcd", {12}); }, {"[rows, width]"}));
  CHECK_THROWS_AS(batch_with({0, 3}, {0, 1, 1, 4}, "abcd", {3, 0}), Error);
}
