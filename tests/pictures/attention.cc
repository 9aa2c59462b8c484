#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/number.h"
#include "pictures/attention_page.h"
#include "pictures/attention_svg.h"
#include "pictures/colour_scale.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/pictures/samples.h"
#include "tests/pictures/xml.h"

namespace storm {

using test::error_of;
using test::pieces;
using test::sample;
using test::wrong_with_xml;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A scratch folder of the test's own.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / str("storm-pictures-", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  bool empty() const { return std::filesystem::is_empty(path); }
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string page_of(const AttentionMaps& maps, AttentionScores scores = AttentionScores::probabilities) {
  const Folder folder;
  AttentionPage page(folder.file("page.html"), "A test", scores);
  page.add(maps);
  page.commit();
  return contents(folder.file("page.html"));
}

// The page's sentences, as a browser finds them: a script ends at the first "</script".
std::vector<nlohmann::json> sentences_of(const std::string& page) {
  std::vector<nlohmann::json> out;
  const std::string open = "<script type=\"application/json\" class=\"sentence\"";
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at + 1)) {
    const auto from = page.find('>', at) + 1;
    out.push_back(nlohmann::json::parse(page.substr(from, page.find("</script", from) - from)));
  }
  return out;
}

std::vector<unsigned> unpacked(const std::string& base64) {
  std::vector<unsigned> bytes;
  unsigned bits = 0, value = 0;
  for (const char c : base64) {
    if (c == '=') break;
    value = value << 6 | static_cast<unsigned>(
                             std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c));
    bits += 6;
    if (bits >= 8) bytes.push_back(value >> (bits -= 8) & 255);
  }
  return bytes;
}

// Every value of a map in ten-thousandths, by the form that attention_page.js describes; none where it has nothing.
std::vector<std::optional<int64_t>> values_of(const nlohmann::json& map) {
  const int64_t rows = map[3], cols = map[4], base = map[6], width = map[7];
  const bool causal = map[5] == 1;
  const auto bytes = unpacked(map[8]);
  std::vector<std::optional<int64_t>> out(static_cast<std::size_t>(rows * cols));
  std::size_t at = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < (causal ? i + 1 : cols); ++j) {
      int64_t code = 0;
      for (int64_t k = 0; k < width; ++k) code |= static_cast<int64_t>(bytes.at(at++)) << (8 * k);
      if (code != (int64_t{1} << (8 * width)) - 1) out[static_cast<std::size_t>(i * cols + j)] = base + code;
    }
  CHECK(at == bytes.size());
  return out;
}

// The shown value of each cell is the weight's to four decimals.
void check_values(const AttentionMaps& maps, const std::string& page) {
  const auto read = sentences_of(page).at(0);
  REQUIRE(read["maps"].size() == maps.maps.size());
  for (std::size_t m = 0; m < maps.maps.size(); ++m) {
    const auto& map = maps.maps[m];
    const auto& found = read["maps"][m];
    REQUIRE(found[0] == kind_name(map.kind));
    REQUIRE(found[1] == map.layer + 1);
    REQUIRE(found[2] == map.head + 1);
    const auto values = values_of(found);
    REQUIRE(values.size() == map.weights.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i]) {
        REQUIRE((map.weights[i] == 0 || map.weights[i] == -kInfinity));
        continue;
      }
      const int64_t v = *values[i], size = v < 0 ? -v : v;
      std::string want = fixed(map.weights[i], 4);
      if (want == "-0.0000") want = "0.0000";
      const std::string digits = std::to_string(10000 + size % 10000).substr(1);
      REQUIRE(str(v < 0 ? "-" : "", size / 10000, '.', digits) == want);
    }
  }
}

// Nothing that a browser would fetch.
bool loads_nothing(std::string page) {
  for (std::size_t at; (at = page.find("xmlns=\"http://www.w3.org/2000/svg\"")) != std::string::npos;)
    page.erase(at, 34);
  for (const char* load : {"http:", "https:", "src=", "@import", "<link", "<img", "<iframe", "import(", "fetch("})
    if (page.find(load) != std::string::npos) return false;
  for (std::size_t at = page.find("url("); at != std::string::npos; at = page.find("url(", at + 1))
    if (page.compare(at, 5, "url(#") != 0) return false;
  return true;
}

}  // namespace

TEST_CASE("a page of 20 + 20 tokens, 6 layers and 8 heads has less than 300 kB and loads nothing") {
  const auto pair = sample(1, pieces(20), pieces(20), 6, 8);
  REQUIRE(pair.maps.maps.size() == 3 * 6 * 8);
  const auto page = page_of(pair.maps);
  CHECK(page.size() <= 300'000);
  CHECK(page.size() > 100'000);
  CHECK(loads_nothing(page));
  check_values(pair.maps, page);
  CHECK(page == page_of(sample(1, pieces(20), pieces(20), 6, 8).maps));
}

TEST_CASE("logits are held to four decimals, and what is not seen is nothing") {
  const auto pair = sample(1, pieces(9), pieces(7), 2, 2, AttentionScores::logits);
  check_values(pair.maps, page_of(pair.maps, AttentionScores::logits));
}

TEST_CASE("any range of weights survives, ties go to even") {
  const std::vector<float> weights{-1e8F, 1e8F, 0.00005F, -0.00005F, 0.03125F, 1.0F / 3, -kInfinity, 6553.4F, 1e-30F};
  for (std::size_t count = 1; count <= weights.size(); ++count) {
    const std::vector<float> some(weights.end() - static_cast<std::ptrdiff_t>(count), weights.end());
    const AttentionMaps maps{1,
                             std::vector<std::string>(count, "a"),
                             {"<s>", "b"},
                             {{AttentionKind::cross, 0, 0, 1, std::ssize(some), some}}};
    check_values(maps, page_of(maps, AttentionScores::logits));
  }
}

TEST_CASE("a decoder's map with weights above its diagonal keeps them") {
  const std::vector<float> weights{0.5F, 0.5F, 0.25F, 0.75F};
  const AttentionMaps maps{1, {"</s>"}, {"<s>", "a", "</s>"}, {{AttentionKind::decoder, 0, 0, 2, 2, weights}}};
  CHECK_FALSE(is_causal(maps.maps[0]));
  const auto values = values_of(sentences_of(page_of(maps)).at(0)["maps"][0]);
  CHECK(values[1] == 5000);
}

TEST_CASE("pieces end no script, no tag and no attribute") {
  const std::vector<std::string> hostile{
      "</script><script>throw 1</script>", "<!--<script>", "\"'&<b>", "\\\"",  "\u2028\u2029", "\xff\xfe\xc3",
      std::string("a\0\n\x7f", 4),         "{{script}}",   "]]>",     "\uffff"};
  const auto pair = sample(1, hostile, hostile, 1, 1);
  const auto page = page_of(pair.maps);
  const auto read = sentences_of(page);
  REQUIRE(read.size() == 1);
  CHECK(read[0]["source"].size() == hostile.size() + 1);
  CHECK(read[0]["source"][0] == hostile[0]);
  CHECK(read[0]["source"][2] == hostile[2]);
  CHECK(read[0]["source"][3] == hostile[3]);
  CHECK(read[0]["source"][5] == "\ufffd\ufffd\ufffd");
  CHECK(read[0]["source"][7] == hostile[7]);
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) ++found;
    return found;
  };
  CHECK(count("</script") == 3);  // the configuration, the sentence, the program
  CHECK(count("<!--") == 0);
  CHECK(valid_utf8_prefix(page) == page.size());
  for (const auto& map : pair.maps.maps)
    CHECK(wrong_with_xml(attention_svg(pair.maps, map, AttentionScores::probabilities)) == "");
}

TEST_CASE("a title is text, too") {
  const Folder folder;
  AttentionPage page(folder.file("page.html"), "<b>&{{script}}", AttentionScores::probabilities);
  page.commit();
  CHECK(contents(folder.file("page.html")).find("<title>&lt;b&gt;&amp;{{script}}</title>") != std::string::npos);
}

TEST_CASE("weights that are not numbers are refused where they stand, and leave no page and no picture") {
  const Folder folder;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, 1e30F}) {
    auto pair = sample(3, pieces(4), pieces(3), 2, 2);
    pair.weights.back()[7] = bad;
    AttentionPage page(folder.file("page.html"), "A test", AttentionScores::probabilities);
    CHECK(error_of([&] {
            page.add(pair.maps);
          }).starts_with("sentence 3, cross-attention, layer 2, head 2: the weight of row 2, column 3 is"));
    CHECK_THROWS_AS(write_attention_svgs(folder.file("svg"), pair.maps, AttentionScores::probabilities), Error);
  }
  CHECK(folder.empty());
  AttentionMaps few{1, {"</s>"}, {"<s>", "</s>"}, {{AttentionKind::cross, 0, 0, 1, 2, {}}}};
  CHECK_THROWS_AS(attention_svg(few, few.maps[0], AttentionScores::probabilities), Error);
  const std::vector<float> two{0.5F, 0.5F};
  few.maps[0].weights = two;
  CHECK(error_of([&] {
          attention_svg(few, few.maps[0], AttentionScores::probabilities);
        }).ends_with("1 source and 2 target pieces"));
}

TEST_CASE("SVG files are named by sentence, kind, layer and head, and are well-formed with their text as text") {
  const Folder folder;
  const auto pair = sample(12, {"\u2581Wagen", "\u6a5f\u68b0", "\u2581\u05e9\u05dc\u05d5\u05dd"}, pieces(60), 2, 3);
  write_attention_svgs(folder.file("a/b"), pair.maps, AttentionScores::probabilities);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path / "a/b")) {
    ++files;
    const auto svg = contents(entry.path());
    INFO(entry.path());
    CHECK(wrong_with_xml(svg) == "");
    CHECK(loads_nothing(svg));
  }
  CHECK(files == 3 * 2 * 3 + 3);
  CHECK(std::filesystem::exists(folder.path / "a/b/s12-encoder.svg"));
  const auto svg = contents(folder.file("a/b/s12-cross-l2-h3.svg"));
  CHECK(svg == attention_svg(pair.maps, pair.maps.maps.back(), AttentionScores::probabilities));
  CHECK(svg.find("</tspan>Wagen</text>") != std::string::npos);
  CHECK(svg.find(">\u6a5f\u68b0</text>") != std::string::npos);
  CHECK(svg.find("direction=\"rtl\" text-anchor=\"end\"><tspan "
                 "fill=\"#9a9a9a\">\u2581</tspan>\u05e9\u05dc\u05d5\u05dd</text>") != std::string::npos);
  CHECK(svg.find("sentence 12, cross-attention, layer 2, head 3</text>") != std::string::npos);
}

TEST_CASE("pooling is one row over the pieces of the text, whichever side it is") {
  const std::vector<float> weights{0.25f, 0.75f};
  const Folder folder;
  for (const bool source : {true, false}) {
    AttentionMaps maps{1, {}, {}, {{AttentionKind::pooling, 0, 0, 1, 2, weights}}};
    (source ? maps.source : maps.target) = {"\u2581good", "</s>", "beyond"};
    const auto svg = attention_svg(maps, maps.maps[0], AttentionScores::probabilities);
    CHECK(wrong_with_xml(svg) == "");
    for (const char* text : {">the text</text>", "</tspan>good</text>", "sentence 1, pooling, layer 1, head 1</text>"})
      CHECK(svg.find(text) != std::string::npos);
    check_values(maps, page_of(maps));
    write_attention_svgs(folder.file("pooling"), maps, AttentionScores::probabilities);
    CHECK(std::filesystem::exists(folder.path / "pooling/s1-pooling-l1-h1.svg"));
  }
}

TEST_CASE("empty maps and maps of one cell are drawn") {
  const auto one = sample(1, {}, {}, 1, 1);
  for (const auto& map : one.maps.maps)
    CHECK(wrong_with_xml(attention_svg(one.maps, map, AttentionScores::probabilities)) == "");
  const AttentionMaps none{1, {}, {}, {{AttentionKind::encoder, 0, 0, 0, 0, {}}}};
  CHECK(wrong_with_xml(attention_svg(none, none.maps[0], AttentionScores::logits)) == "");
  CHECK(wrong_with_xml(attention_grid_svg(none, AttentionKind::encoder, AttentionScores::logits)) == "");
  check_values(none, page_of(none));
}

TEST_CASE("the sequential scales keep their order in grey") {
  for (const auto& scale : {kSequential, kSequentialDark}) {
    const auto grey = [&](double share) {
      const auto value = std::stoul(colour(scale, share).substr(1), nullptr, 16);
      const auto linear = [](unsigned long c) { return std::pow(static_cast<double>(c & 255) / 255, 2.2); };
      return 0.2126 * linear(value >> 16) + 0.7152 * linear(value >> 8) + 0.0722 * linear(value);
    };
    const double way = grey(1) - grey(0);
    CHECK(std::fabs(way) > 0.7);
    for (int i = 1; i <= 64; ++i) CHECK((grey(i / 64.0) - grey((i - 1) / 64.0)) * way > 0);
    CHECK(colour(scale, 0) == scale.anchors.front());
    CHECK(colour(scale, 1) == scale.anchors.back());
    CHECK(colour(scale, 0.25) == scale.anchors[1]);
  }
}

}  // namespace storm
