#include "stream/document.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "stream/stream.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"

using namespace storm;
using namespace storm::test;

namespace {

Document example() {
  const std::vector<float> weights{1.5f, -2, 3, 4, 5, 6};
  const std::vector<int64_t> offsets{0, 2};
  const std::vector<uint8_t> odd{7, 8, 9};
  Document d;
  d.metadata = {{kKindKey, "model"}, {"note", "ä \"quoted\"\n"}};
  d.add<uint8_t>("odd", odd);  // before wider ones: the writer must put it last
  d.add("weights", DType::F32, {2, 3}, std::as_bytes(std::span(weights)));
  d.add<int64_t>("offsets", offsets);
  d.add("scalar", DType::F32, {}, std::as_bytes(std::span(weights)).first(4));
  d.add("empty", DType::F32, {0, 5}, {});
  return d;
}

}  // namespace

TEST_CASE("a written document reads back with its metadata, names, dtypes, shapes and values") {
  const auto bytes = document_bytes(example());
  const auto d = parsed(bytes);
  CHECK(d.metadata == example().metadata);
  REQUIRE(d.tensors().size() == 5);
  CHECK(d.tensor("weights").shape == std::vector<int64_t>{2, 3});
  CHECK(d.tensor("scalar").shape.empty());
  CHECK(d.tensor("scalar").elements() == 1);
  CHECK(d.tensor("empty").elements() == 0);
  const auto weights = d.values<float>("weights", {2, -1});
  CHECK(std::vector<float>(weights.begin(), weights.end()) == std::vector<float>{1.5f, -2, 3, 4, 5, 6});
  CHECK(d.values<int64_t>("offsets")[1] == 2);
  CHECK(d.values<uint8_t>("odd")[2] == 9);
  CHECK(d.kind() == "model");
}

TEST_CASE("data begins at a multiple of 64 bytes, and each tensor is aligned for its dtype") {
  const auto bytes = document_bytes(example());
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK((8 + length) % 64 == 0);
  const auto d = parsed(bytes);
  for (const auto& t : d.tensors()) {
    const auto at = static_cast<uint64_t>(reinterpret_cast<const char*>(t.bytes.data()) - bytes.data());
    CHECK(at % byte_size(t.dtype) == 0);
  }
}

TEST_CASE("tensors of dtypes that nobody reads are kept, written behind wider ones, and refused to who wants values") {
  const std::vector<std::byte> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                     std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
  Document made;
  for (const std::string_view name : {"F4", "F6_E2M3", "F6_E3M2", "BOOL", "F8_E5M2", "F8_E4M3", "F8_E8M0",
                                      "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "U32", "C64", "U64"}) {
    const auto dtype = *dtype_from_name(name);
    const auto bits = static_cast<int64_t>(bit_size(dtype));
    const int64_t n = bits == 6 ? 4 : 64 / bits;
    made.add(std::string(name), dtype, {n}, std::span(bytes).first(static_cast<std::size_t>(n * bits / 8)));
  }
  made.add<float>("F32", std::vector<float>{1});
  const auto text = document_bytes(made);
  const auto d = parsed(text);
  REQUIRE(d.tensors().size() == 15);
  std::size_t last = 64;
  for (const auto& t : d.tensors()) {
    CHECK(t.name == dtype_name(t.dtype));
    CHECK(t.shape == made.tensor(t.name).shape);
    CHECK(std::ranges::equal(t.bytes, made.tensor(t.name).bytes));
    CHECK(bit_size(t.dtype) <= last);
    last = bit_size(t.dtype);
    const auto at = static_cast<std::size_t>(reinterpret_cast<const char*>(t.bytes.data()) - text.data());
    CHECK((last < 8 || at % byte_size(t.dtype) == 0));
  }
  CHECK(d.values<float>("F32")[0] == 1);
  CHECK(error_of([&] { d.values<uint8_t>("BOOL"); }) == "bytes: byte 0: tensor 'BOOL' is BOOL, not U8");
  CHECK(error_of([&] { d.values<int64_t>("U64"); }) == "bytes: byte 0: tensor 'U64' is U64, not I64");
  CHECK_THROWS_AS(made.add("odd", DType::F4, {3}, std::span(bytes).first(2)), Error);
}

TEST_CASE("tensors that are not aligned are copied, once, from any number of threads") {
  std::string data(1 + 4 * sizeof(float), 'x');
  const std::vector<float> values{1, 2, 3, 4};
  std::memcpy(data.data() + 1, values.data(), sizeof(float) * 4);
  const auto bytes = raw_document(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[4],"data_offsets":[1,17]}})",
      data);
  const auto d = parsed(bytes);
  std::vector<const float*> seen(4);
  std::vector<std::thread> threads;
  for (auto& at : seen) threads.emplace_back([&d, &at] { at = d.values<float>("b").data(); });
  for (auto& t : threads) t.join();
  for (const auto* at : seen) CHECK(at == seen[0]);
  CHECK(reinterpret_cast<uintptr_t>(seen[0]) % sizeof(float) == 0);
  CHECK(std::vector<float>(seen[0], seen[0] + 4) == values);
}

TEST_CASE("asking for what a document does not hold is an error that says what it holds") {
  const auto bytes = document_bytes(example());
  const auto d = parsed(bytes);
  CHECK(error_of([&] { d.values<float>("none"); }) == "bytes: byte 0: holds no tensor 'none'");
  CHECK(error_of([&] { d.values<int32_t>("weights"); }) == "bytes: byte 0: tensor 'weights' is F32, not I32");
  CHECK(error_of([&] { d.values<float>("weights", {6}); }) ==
        "bytes: byte 0: tensor 'weights' has shape [2, 3], not [6]");
  CHECK(error_of([&] { d.meta("config"); }) == "bytes: byte 0: its metadata has no 'config'");
  CHECK(error_of([&] { require_kind(d, "tokens"); }) == "bytes: byte 0: holds 'model', not 'tokens'");
}

TEST_CASE("a document takes no name twice and no shape that does not fit") {
  auto d = example();
  CHECK_THROWS_AS(d.add("odd", DType::U8, {0}, {}), Error);
  CHECK_THROWS_AS(d.add("new", DType::U8, {1}, {}), Error);
  CHECK_THROWS_AS(d.add("new", DType::U8, {-1}, {}), Error);
  CHECK_THROWS_AS(d.add("new", DType::F64, {int64_t{1} << 62, 4, 0}, {}), Error);
  CHECK_THROWS_AS(d.add("__metadata__", DType::U8, {0}, {}), Error);
  d.metadata["bad"] = "\xff";
  CHECK_THROWS_AS(document_bytes(d), Error);
}

TEST_CASE("a mapped file and a pipe give the same documents, and one document is a file of its own") {
  const auto one = document_bytes(example());
  const ScratchFile file(one + one + one);
  MappedStream mapped(file.path());
  StreamReader reader(file.path());
  for (int i = 0; i < 3; ++i) {
    const auto at = mapped.offset();
    const auto a = mapped.next(), b = reader.next();
    REQUIRE((a && b));
    CHECK(document_bytes(*a) == one);
    CHECK(document_bytes(*b) == one);
    CHECK(at == one.size() * static_cast<std::size_t>(i));
  }
  CHECK_FALSE(mapped.next());
  CHECK_FALSE(reader.next());
  mapped.seek(one.size());
  CHECK(mapped.next()->where == file.path() + ": byte " + std::to_string(one.size()));
  CHECK(error_of([&] { read_document(file.path()); }).find("a second document") != std::string::npos);
  const ScratchFile single(one);
  CHECK(read_document(single.path(), "model").tensors().size() == 5);
  CHECK_THROWS_AS(read_document(single.path(), "tokens"), Error);
  const ScratchFile empty;
  CHECK_THROWS_AS(read_document(empty.path()), Error);
}

TEST_CASE("a document of 60,000 tensors is written and read in time that grows with their number") {
  Document document;
  for (int i = 0; i < 60'000; ++i) document.add<int32_t>(str("tensor ", i), std::vector<int32_t>{i});
  const auto bytes = document_bytes(document);
  const auto back = parsed(bytes);
  REQUIRE(back.tensors().size() == 60'000);
  CHECK(back.values<int32_t>("tensor 59999")[0] == 59'999);
}

TEST_CASE("what was read of a mapped document and is forgotten is no memory of this process, and can be read again") {
  Document written;
  written.add<float>("weights", std::vector<float>(4 << 20, 1.5f));
  const ScratchFile file(document_bytes(written));
  const auto resident = [] {
    std::size_t size = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> size >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  };
  const auto d = read_document(file.path());
  const auto sum = [&] {
    double all = 0;
    for (const float v : d.values<float>("weights")) all += static_cast<double>(v);
    return all;
  };
  CHECK(sum() == 1.5 * (4 << 20));
  const auto read = resident();
  d.forget();
  CHECK(resident() + (15 << 20) < read);
  CHECK(sum() == 1.5 * (4 << 20));
}
