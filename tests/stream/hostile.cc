// Whatever the bytes are, reading them gives a valid document or an Error.
#include <random>
#include <set>
#include <vector>

#include "stream/tokens.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/stream/bytes.h"

using namespace storm;
using namespace storm::test;

namespace {

std::string refusal(std::string_view json, std::string_view data = {}) {
  const auto bytes = raw_document(json, data);
  return error_of([&] { parsed(bytes); });
}

std::string tensor(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return str(R"({"t":{"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
}

// Reads a token stream in both ways and touches every value.
void read_everything(const std::string& bytes) {
  const ScratchFile file(bytes);
  std::size_t streamed = 0, mapped = 0;
  const auto by_reader = error_of([&] {
    TokenReader reader(file.path());
    while (const auto batch = reader.next())
      for (const auto& c : batch->columns)
        for (int64_t i = 0; i < c.size(); ++i)
          for (const auto id : c[i]) streamed += static_cast<std::size_t>(id);
  });
  const auto by_map = error_of([&] {
    MappedStream stream(file.path());
    TokenInfo info;
    for (bool first = true; auto document = stream.next(); first = false) {
      if (first)
        info = token_info(*document);
      else
        require_agreement(*document, info);
      const auto batch = token_batch(std::move(*document), info.columns);
      for (const auto& c : batch.columns)
        for (const auto id : c.ids) mapped += static_cast<std::size_t>(id);
    }
  });
  if (bytes.empty()) return;
  CHECK(by_reader.empty() == by_map.empty());
  if (by_reader.empty()) CHECK(streamed == mapped);
}

std::string small_stream() {
  return written([](Output& output) {
    TokenInfo info{{"src", "tgt"}, {{kCommandKey, "test"}}, {{"vocab", "not really one"}}};
    TokenWriter writer(output, info);
    const std::vector<int32_t> a{4, 5, 6}, b{7};
    for (int i = 0; i < 3; ++i) {
      const std::span<const int32_t> row[] = {a, b};
      writer.add(row);
      if (i == 1) writer.flush();
    }
    writer.finish();
  });
}

}  // namespace

TEST_CASE("a header that is no header is refused") {
  CHECK(refusal("not json") == "bytes: byte 0: not a tensor stream (its header does not begin with '{')");
  CHECK(refusal(" {}").find("does not begin with '{'") != std::string::npos);
  CHECK(refusal(R"({"t":)") == "bytes: byte 13: bad header: not valid JSON");
  CHECK(refusal("{} x").find("not valid JSON") != std::string::npos);
  CHECK(refusal("{\"\xff\":1}").find("not valid JSON") != std::string::npos);
  CHECK(refusal("[]").find("does not begin with '{'") != std::string::npos);
  CHECK(refusal(R"({"t":1})").find("unexpected a number at 't'") != std::string::npos);
  CHECK(refusal(R"({"t":{"a":{}}})").find("unknown key 'a'") != std::string::npos);
  CHECK(refusal(R"({"__metadata__":{"a":1}})").find("unexpected a number at 'a'") != std::string::npos);
  CHECK(refusal(R"({"__metadata__":{"a":{}}})").find("unexpected an object") != std::string::npos);
  CHECK(refusal("{}").empty());
}

TEST_CASE("a header longer than 100 MB, or shorter than two bytes, is refused before anything is allocated") {
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, kMaxHeaderBytes + 1, UINT64_MAX}) {
    std::string bytes(64, '{');
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(length >> (8 * i));
    CHECK(error_of([&] { parsed(bytes); }).find(str("header of ", length, " bytes")) != std::string::npos);
  }
}

TEST_CASE("a key that comes twice is refused") {
  const std::string t = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK(refusal(R"({"t":)" + t + R"(,"t":)" + t + "}").find("key 't' twice") != std::string::npos);
  CHECK(refusal(R"({"__metadata__":{"a":"1","a":"1"}})").find("key 'a' twice") != std::string::npos);
  CHECK(refusal(R"({"t":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})").find("'dtype' twice") !=
        std::string::npos);
  CHECK(refusal(R"({"__metadata__":{},"__metadata__":{}})").find("key '__metadata__' twice") != std::string::npos);
}

TEST_CASE("metadata has a bounded number of keys, lest tiny ones take ten times the header in memory") {
  std::string json = R"({"__metadata__":{"first":"")";
  for (std::size_t i = 1; i < kMaxMetadataKeys; ++i) json += str(",\"", i, "\":\"\"");
  CHECK(refusal(json + "}}").empty());
  CHECK(refusal(json + R"(,"last":""}})") == "bytes: byte 0: bad header: more than 65536 keys of metadata");
}

TEST_CASE("an error shows the beginning of a name that is too long for a line") {
  const auto message = refusal("{\"" + std::string(1'000'000, 'x') + "\":[]}");
  CHECK(message.size() < 400);
  CHECK(message.find("xxx... (1000000 bytes)") != std::string::npos);
}

TEST_CASE("dtypes, shapes and offsets that make no sense are refused by name") {
  CHECK(refusal(tensor("U128", "[1]", "[0,1]"), "x") == "bytes: byte 0: bad header: tensor 't': unknown dtype 'U128'");
  CHECK(refusal(tensor(std::string(1'000'000, 'U'), "[1]", "[0,1]"), "x").size() < 400);
  CHECK(refusal(tensor("U8", "[-1]", "[0,1]"), "x").find("unexpected a negative number") != std::string::npos);
  CHECK(refusal(tensor("U8", "[1.5]", "[0,1]"), "x").find("unexpected a fraction") != std::string::npos);
  CHECK(refusal(tensor("U8", "[18446744073709551615]", "[0,1]"), "x").find("too large") != std::string::npos);
  CHECK(refusal(tensor("U8", "[18446744073709551616]", "[0,1]"), "x").find("too large a number") != std::string::npos);
  CHECK(refusal(tensor("F32", "[4611686018427387904,4]", "[0,0]")).find("too large") != std::string::npos);
  CHECK(refusal(tensor("F32", "[4611686018427387904,4,0]", "[0,0]")).find("too large") != std::string::npos);
  CHECK(refusal(tensor("F32", "[1]", "[0,3]"), "xxx") ==
        "bytes: byte 0: bad header: tensor 't': shape [1] of F32 takes 4 bytes, but data_offsets give 3");
  CHECK(refusal(tensor("U8", "[1]", "[1,0]"), "x").find("data_offsets are not [begin, end]") != std::string::npos);
  CHECK(refusal(tensor("U8", "[1]", "[0]"), "x").find("data_offsets are not [begin, end]") != std::string::npos);
  CHECK(refusal(R"({"t":{"dtype":"U8","shape":[0]}})").find("missing") != std::string::npos);
}

TEST_CASE("a shape is refused where its bits fill no whole bytes, and where its bytes are too many to count") {
  const auto takes = [](std::string_view dtype, std::string_view shape, uint64_t bytes) {
    const auto message = refusal(tensor(dtype, shape, str("[0,", bytes, "]")));  // at most, that the data is missing
    return message.empty() || message.find(str("needs ", bytes, " more bytes")) != std::string::npos;
  };
  CHECK(takes("F4", "[2]", 1));
  CHECK(takes("F4", "[3,2]", 3));
  CHECK(takes("F4", "[3,0]", 0));
  CHECK(takes("F6_E2M3", "[4]", 3));
  CHECK(takes("F6_E3M2", "[2,6]", 9));
  CHECK_FALSE(takes("F4", "[4]", 4));
  const std::string bad = "bytes: byte 0: bad header: tensor 't': shape ";
  CHECK(refusal(tensor("F4", "[3]", "[0,1]"), "x") == bad + "[3] of F4 ends within a byte");
  CHECK(refusal(tensor("F4", "[]", "[0,1]"), "x") == bad + "[] of F4 ends within a byte");
  CHECK(refusal(tensor("F6_E2M3", "[3,2]", "[0,4]"), "xxxx") == bad + "[3, 2] of F6_E2M3 ends within a byte");
  CHECK(refusal(tensor("F6_E3M2", "[1]", "[0,0]")) == bad + "[1] of F6_E3M2 ends within a byte");

  constexpr auto kMost = static_cast<uint64_t>(INT64_MAX);
  CHECK(takes("U8", "[9223372036854775807]", kMost));
  CHECK(takes("F8_E4M3", "[9223372036854775807]", kMost));
  CHECK(takes("I16", "[4611686018427387903]", kMost - 1));
  CHECK(takes("C64", "[1152921504606846975]", kMost - 7));
  CHECK(takes("F4", "[9223372036854775806]", kMost / 2));
  CHECK(takes("F6_E2M3", "[9223372036854775804]", (kMost - 3) / 4 * 3));
  CHECK(refusal(tensor("F4", "[9223372036854775807]", "[0,0]")).find("ends within a byte") != std::string::npos);
  for (const auto* shape : {"[4611686018427387904]", "[1152921504606846976]", "[3,1152921504606846976,0]"})
    CHECK(refusal(tensor("C64", shape, "[0,0]")).find("is too large") != std::string::npos);
  CHECK(refusal(tensor("I16", "[4611686018427387904]", "[0,0]")).find("is too large") != std::string::npos);
  for (const auto* dtype : {"F4", "F6_E3M2", "BOOL"})
    for (const auto* shape : {"[4611686018427387904,2]", "[4611686018427387904,4611686018427387904,0]"})
      CHECK(refusal(tensor(dtype, shape, "[0,0]")).find("is too large") != std::string::npos);
}

TEST_CASE("holes and overlaps in the data are refused, whatever the order of the names") {
  const auto two = [](std::string_view a, std::string_view b, int64_t n, int64_t m) {
    return str(R"({"a":{"dtype":"U8","shape":[)", n, R"(],"data_offsets":)", a, R"(},"b":{"dtype":"U8","shape":[)", m,
               R"(],"data_offsets":)", b, "}}");
  };
  CHECK(refusal(two("[2,4]", "[0,2]", 2, 2), "xxxx").empty());
  CHECK(refusal(two("[2,2]", "[0,2]", 0, 2), "xx").empty());
  CHECK(refusal(two("[0,2]", "[3,5]", 2, 2), "xxxxx").find("after a hole that began at 2") != std::string::npos);
  CHECK(refusal(two("[0,2]", "[1,3]", 2, 2), "xxx").find("inside another one's that ends at 2") != std::string::npos);
  CHECK(refusal(two("[1,2]", "[2,3]", 1, 1), "xxx").find("after a hole that began at 0") != std::string::npos);
  CHECK(refusal(two("[0,2]", "[9223372036854775806,9223372036854775807]", 2, 1), "xx").find("hole") !=
        std::string::npos);
}

TEST_CASE("a truncated stream is an error that names the byte, and costs no more memory than what came") {
  // A header that claims an exabyte, read by way of a file that ends at once.
  const auto bytes = raw_document(tensor("U8", "[1152921504606846976]", "[0,1152921504606846976]"), "abc");
  const ScratchFile file(bytes);
  StreamReader reader(file.path());
  const auto message = error_of([&] { reader.next(); });
  CHECK(message == str(file.path(), ": byte ", bytes.size(),
                       ": truncated, the document that began at byte 0 needs 1152921504606846973 more bytes"));
  CHECK(error_of([&] { parsed(bytes); }).find("needs 1152921504606846973 more bytes") != std::string::npos);
}

TEST_CASE("every truncation of a stream is an error, except between documents") {
  const auto bytes = small_stream();
  std::set<std::size_t> ends;
  {
    const ScratchFile file(bytes);
    MappedStream stream(file.path());
    while (stream.next()) ends.insert(stream.offset());
  }
  REQUIRE(ends.size() == 2);
  for (std::size_t n = 1; n < bytes.size(); ++n) {
    const ScratchFile file(bytes.substr(0, n));
    StreamReader reader(file.path());
    const auto message = error_of([&] {
      while (reader.next()) {
      }
    });
    CHECK(message.empty() == (ends.count(n) == 1));
    if (!message.empty()) CHECK(message.find(str("byte ", n, ": truncated")) != std::string::npos);
  }
}

TEST_CASE("every single flipped bit gives a valid stream or an error") {
  const auto bytes = small_stream();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit = i < 256 ? 0 : static_cast<int>(i % 8); bit < 8; bit += i < 256 ? 1 : 8) {
      auto flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      read_everything(flipped);
    }
}

TEST_CASE("random damage gives a valid stream or an error") {
  const auto bytes = small_stream();
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    auto damaged = bytes;
    for (int k = 0; k < 4; ++k) {
      const auto at = random() % damaged.size();
      if (random() % 3 == 0)
        damaged.erase(at, random() % 9);
      else if (random() % 2 == 0)
        damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 17));
      else
        damaged[at] = static_cast<char>(random());
    }
    read_everything(damaged);
  }
}
