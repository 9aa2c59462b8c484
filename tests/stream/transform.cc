#include "stream/transform.h"

#include <cmath>
#include <vector>

#include "stream/tokens.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"

using namespace storm;
using namespace storm::test;

namespace {

Document weights(const std::vector<float>& values, int32_t step = 0) {
  Document d;
  d.metadata = {{kKindKey, "model"}, {"config", "{}"}};
  d.add<float>("w", values);
  const std::vector<int32_t> steps{step};
  d.add<int32_t>("step", steps);
  return d;
}

std::string average(const std::vector<Document>& documents) {
  return written([&](Output& o) { write_average(documents, "test", o); });
}

}  // namespace

TEST_CASE("an average is the mean in double, rounded once") {
  // 1 + 2^-24 + 2^-24 is 1 when summed in float, and 1 + 2^-23 in double.
  const auto bytes = average({weights({3, 1, -1}), weights({0, 0x1p-24f, 1}), weights({0, 0x1p-24f, 4}, 9)});
  const auto mean = parsed(bytes);
  CHECK(mean.values<float>("w")[0] == 1.0f);
  CHECK(mean.values<float>("w")[1] == static_cast<float>((1 + 0x1p-23) / 3));
  CHECK(static_cast<float>((1 + 0x1p-23) / 3) != 1.0f / 3);
  CHECK(mean.values<float>("w")[2] == static_cast<float>(4.0 / 3));
  CHECK(mean.values<int32_t>("step")[0] == 9);
  CHECK(mean.meta(kCommandKey) == "test");
}

TEST_CASE("an average of checkpoints is a model, without the state of their training") {
  auto a = weights({1}), b = weights({2});
  const std::vector<float> moments{5};
  for (auto* d : {&a, &b}) {
    d->metadata[kKindKey] = "checkpoint";
    d->metadata["train.state"] = "{}";
    d->add<float>("adam.m", moments);
  }
  const auto bytes = average({a, b});
  const auto mean = parsed(bytes);
  CHECK(mean.kind() == "model");
  CHECK(mean.values<float>("w")[0] == 1.5f);
  CHECK(mean.find("adam.m") == nullptr);
  CHECK_FALSE(mean.metadata.contains("train.state"));
  CHECK(mean.metadata.contains("config"));
}

TEST_CASE("an average of documents that differ in shape, config or vocabulary is refused") {
  auto configured = weights({1});
  configured.metadata["config"] = "{\"d_model\": 2}";
  auto a = weights({1}), b = weights({1});
  a.add<char>("vocab", std::string_view("v"));
  b.add<char>("vocab", std::string_view("w"));
  CHECK_THROWS_AS(average({weights({1}), weights({1, 2})}), Error);
  CHECK_THROWS_AS(average({weights({1}), configured}), Error);
  CHECK_THROWS_AS(average({weights({1}), a}), Error);
  CHECK_THROWS_AS(average({a, b}), Error);
}

TEST_CASE("conversion rounds to nearest even, keeps integers, and comes back exactly where it can") {
  const auto d = weights({1.0f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, INFINITY, -0.0f});
  const auto half = written([&](Output& o) { write_converted(d, DType::BF16, o); });
  const auto back = written([&](Output& o) { write_converted(parsed(half), DType::F32, o); });
  const auto got = parsed(back);
  const auto w = got.values<float>("w");
  CHECK(w[1] == 1.0f);
  CHECK(w[2] == 1 + 0x1p-6f);
  CHECK((std::isinf(w[3]) && std::signbit(w[4])));
  CHECK(got.values<int32_t>("step")[0] == 0);
  CHECK(got.metadata == d.metadata);
  CHECK(parsed(half).tensor("w").bytes.size() == 10);
}

TEST_CASE("conversion refuses a value that the dtype cannot hold") {
  const auto d = weights({1, 70000});
  CHECK(error_of([&] { written([&](Output& o) { write_converted(d, DType::F16, o); }); }) ==
        "tensor 'w': a value is beyond the range of F16");
  CHECK_THROWS_AS(written([&](Output& o) { write_converted(d, DType::I32, o); }), Error);
}

TEST_CASE("tensors of dtypes that nobody reads are merged, converted and averaged as bytes") {
  const auto with = [](std::vector<uint8_t> packed, int64_t rows, uint8_t mask) {
    auto d = weights({static_cast<float>(mask)});
    // Rows of 12 and 36 bits: the next one begins within a byte.
    d.add("f4", DType::F4, {rows, 3}, std::as_bytes(std::span(packed)).first(static_cast<std::size_t>(rows) * 3 / 2));
    d.add("f6", DType::F6_E2M3, {rows, 6},
          std::as_bytes(std::span(packed)).first(static_cast<std::size_t>(rows) * 9 / 2));
    d.add("mask", DType::BOOL, {1}, std::as_bytes(std::span(&mask, 1)));
    return d;
  };
  const auto bytes_of = [](const Document& d, std::string_view name) {
    std::vector<int> bytes;
    for (const auto b : d.tensor(name).bytes) bytes.push_back(std::to_integer<int>(b));
    return bytes;
  };
  const auto a = with({1, 2, 3, 4, 5, 6, 7, 8, 9}, 2, 1), b = with({11, 12, 13, 14, 15, 16, 17, 18, 19}, 2, 0),
             none = with({}, 0, 1);

  const auto all = written([&](Output& o) { write_merged(std::vector{a, none, b}, o); });
  const auto merged = parsed(all);
  CHECK(merged.tensor("f4").shape == std::vector<int64_t>{4, 3});
  CHECK(bytes_of(merged, "f4") == std::vector<int>{1, 2, 3, 11, 12, 13});
  CHECK(bytes_of(merged, "f6") == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19});
  CHECK(bytes_of(merged, "mask") == std::vector<int>{1, 1, 0});

  const auto mean = average({a, b});
  CHECK(parsed(mean).values<float>("w")[0] == 0.5f);
  CHECK(bytes_of(parsed(mean), "f6") == bytes_of(b, "f6"));
  CHECK(bytes_of(parsed(mean), "mask") == std::vector<int>{0});
  const auto half = written([&](Output& o) { write_converted(a, DType::BF16, o); });
  CHECK(parsed(half).tensor("w").dtype == DType::BF16);
  for (const auto* name : {"f4", "f6", "mask"}) {
    CHECK(parsed(half).tensor(name).dtype == a.tensor(name).dtype);
    CHECK(bytes_of(parsed(half), name) == bytes_of(a, name));
  }
  std::vector<double> values(1);
  CHECK(error_of([&] { read_floats(a.tensor("f6"), 0, values); }) ==
        "tensor 'f6' is F6_E2M3, not F16, BF16, F32 or F64");
}

TEST_CASE("a merged token stream holds the same rows in one document") {
  const ScratchFile file(written([](Output& output) {
    TokenWriter writer(output, {{"src"}, {}, {{"vocab", "v"}}});
    for (int32_t i = 0; i < 5; ++i) {
      writer.add(std::vector<int32_t>(static_cast<std::size_t>(i), i), {0.5f * static_cast<float>(i), 0, i});
      writer.flush();
    }
    writer.finish();
  }));
  std::vector<Document> documents;
  for (MappedStream stream(file.path()); auto d = stream.next();) documents.push_back(*d);
  REQUIRE(documents.size() == 5);
  const auto bytes = written([&](Output& o) { write_merged(documents, o); });
  const auto batch = token_batch(parsed(bytes), {"src"});
  REQUIRE(batch.size() == 5);
  for (int64_t i = 0; i < 5; ++i) {
    CHECK(batch.column("src")[i].size() == static_cast<std::size_t>(i));
    for (const auto id : batch.column("src")[i]) CHECK(id == i);
    CHECK(batch.scores[static_cast<std::size_t>(i)] == 0.5f * static_cast<float>(i));
    CHECK(batch.sentences[static_cast<std::size_t>(i)] == i);
  }
  CHECK(vocabularies_of(batch.document).at("vocab") == "v");

  const auto first_half = documents;
  documents.insert(documents.end(), first_half.begin(), first_half.end());
  const auto all = written([&](Output& o) { write_merged(documents, o); });  // the batch is a view of it
  const auto twice = token_batch(parsed(all), {"src"});
  REQUIRE(twice.size() == 10);
  for (int64_t i = 0; i < 10; ++i) CHECK(twice.sentence(i) == i);
}

TEST_CASE("columns of numbers are merged row by row") {
  const std::vector<float> numbers{1.5f, -2, 0.25f};
  const ScratchFile file(written([&](Output& output) {
    TokenWriter writer(output, {{"score"}, {}, {}, {"score"}});
    for (const float& x : numbers) {
      writer.add(std::span<const std::span<const int32_t>>(), std::span(&x, 1));
      writer.flush();
    }
    writer.finish();
  }));
  std::vector<Document> documents;
  for (MappedStream stream(file.path()); auto d = stream.next();) documents.push_back(*d);
  const auto bytes = written([&](Output& o) { write_merged(documents, o); });
  const auto batch = token_batch(parsed(bytes), {"score"}, {}, {"score"});
  const auto values = batch.values("score");
  CHECK(std::vector<float>(values.begin(), values.end()) == numbers);
}

TEST_CASE("documents that do not fit each other are not merged") {
  auto other = weights({1});
  other.add<float>("extra", {});
  Document wrong;
  wrong.add<int32_t>("w", {});
  wrong.add<int32_t>("step", {});
  const auto merge = [](const std::vector<Document>& ds) { written([&](Output& o) { write_merged(ds, o); }); };
  CHECK_THROWS_AS(merge({weights({1}), other}), Error);
  CHECK_THROWS_AS(merge({other, weights({1})}), Error);
  CHECK_THROWS_AS(merge({weights({1}), wrong}), Error);
  auto attention = weights({1}), logits = weights({1});
  attention.metadata = {
      {kKindKey, "attention"}, {"attention.values", "probabilities"}, {kCommandKey, "a"}, {"own", "a"}};
  logits.metadata = {{kKindKey, "attention"}, {"attention.values", "logits"}, {kCommandKey, "b"}, {"own", "b"}};
  CHECK_THROWS_AS(merge({attention, logits}), Error);
  logits.metadata["attention.values"] = "probabilities";
  CHECK_NOTHROW(merge({attention, logits}));
}
