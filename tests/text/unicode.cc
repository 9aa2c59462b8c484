#include "text/unicode.h"

#include <fstream>
#include <map>

#include "tests/catch.h"
#include "tests/data.h"

using namespace storm;

namespace {

// FNV-1a digests of what Python says of every code point, as tests/metrics/record-sacrebleu wrote them.
std::map<std::string, std::string> recorded() {
  std::ifstream file(test::data_path("unicode"));
  std::map<std::string, std::string> digests;
  for (std::string name, value; file >> name >> value;) digests[name] = value;
  return digests;
}

template <class Part>
std::string digest(Part part) {
  uint64_t h = 0xCBF29CE484222325u;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    for (const char byte : std::string(part(c))) h = (h ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  }
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) hex += "0123456789abcdef"[h >> shift & 15];
  return hex;
}

std::string utf8(char32_t c) {
  std::string text;
  append_utf8(text, c);
  return text;
}

std::string lowered(const std::string& text) {
  std::string out;
  lower_case(text, out);
  return out;
}

}  // namespace

TEST_CASE("punctuation, symbols, numbers and spaces are Python's at every code point") {
  auto want = recorded();
  REQUIRE(want.size() == 6);
  const auto is = [](CharClass cls) { return digest([=](char32_t c) { return char_class(c) == cls ? "1" : "0"; }); };
  CHECK(is(CharClass::punctuation) == want["P"]);
  CHECK(is(CharClass::symbol) == want["S"]);
  CHECK(is(CharClass::number) == want["N"]);
  CHECK(digest([](char32_t c) { return is_space(c) ? "1" : "0"; }) == want["space"]);
  CHECK(digest([](char32_t c) { return space_at(utf8(c) + "x", 0) ? "1" : "0"; }) == want["space"]);
}

TEST_CASE("lower case is Python's at every code point, and beside a capital sigma") {
  auto want = recorded();
  CHECK(digest([](char32_t c) { return lowered(utf8(c)); }) == want["lower"]);
  const std::string sigma = utf8(0x3A3);
  CHECK(digest([&](char32_t c) {
          return lowered("A" + sigma + utf8(c) + "A A" + utf8(c) + sigma + " A" + sigma + utf8(c));
        }) == want["sigma"]);
}

TEST_CASE("every character survives encoding and decoding") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const std::string text = utf8(c);
    std::size_t at = 0;
    if (next_code_point(text, at) != c || at != text.size()) FAIL(static_cast<uint32_t>(c));
  }
}

TEST_CASE("white space is stripped as Python strips it") {
  CHECK(strip("\xC2\xA0 \t\x1C a b\xE3\x80\x80\xE2\x80\xA8\r") == "a b");
  CHECK(strip_right(" \xC3\xA4 \xC2\x85") == " \xC3\xA4");
  CHECK(strip("\xE2\x80\x8B") == "\xE2\x80\x8B");  // zero-width space is none
  CHECK(strip(" \n").empty());
}
