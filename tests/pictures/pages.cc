// Not a test: writes the pages and pictures that tests/pictures/browser.sh opens, and that people look at, into the
// folder named by STORM_PICTURES.
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/number.h"
#include "pictures/attention_page.h"
#include "pictures/attention_svg.h"
#include "pictures/position_pictures.h"
#include "pictures/scatter_plot.h"
#include "tests/catch.h"
#include "tests/pictures/samples.h"

namespace storm {

using test::pieces;
using test::sample;
using test::scattered;

static std::string cell(const std::string& page, const AttentionMaps& maps, std::size_t index, int64_t row,
                        int64_t col) {
  const auto& map = maps.maps[index];
  const float weight = map.weights[static_cast<std::size_t>((row - 1) * map.cols + col - 1)];
  return str(page, "\t#sentence=", maps.sentence, "&kind=", kind_name(map.kind), "&layer=", map.layer + 1,
             "&head=", map.head + 1, "&row=", row, "&col=", col, '\t',
             std::isfinite(weight) ? fixed(weight, 4) : "-inf", '\n');
}

static void save(const std::string& path, const std::string& text) {
  Output output(path);
  output.write(text);
  output.commit();
}

TEST_CASE("the pages to look at are written", "[.pages]") {
  const char* folder = std::getenv("STORM_PICTURES");
  REQUIRE(folder);
  const std::string dir = std::string(folder) + "/";

  AttentionPage page(dir + "attention.html", "Attention of a test model", AttentionScores::probabilities);
  std::vector<test::Sample> all;
  all.push_back(sample(1, pieces(20), pieces(20), 6, 8));
  all.push_back(sample(
      2, {"\u2581\u05e9\u05dc\u05d5\u05dd", "\u2581\u05e2\u05d5\u05dc\u05dd", "\u05d9\u05dd", "!"},
      {"\u2581\u0645\u0631\u062d\u0628\u0627", "\u2581\u0628\u0627\u0644\u0639", "\u0627\u0644\u0645", "."}, 2, 4));
  all.push_back(sample(3,
                       {"\u2581", "\u79c1", "\u306f", "\u6a5f\u68b0", "\u7ffb\u8a33", "\u306e", "\u30e2\u30c7\u30eb",
                        "\u3092", "\u4f5c\u308a\u307e\u3057\u305f", "\u3002"},
                       {"\u2581I", "\u2581built", "\u2581a", "\u2581machine", "\u2581translation", "\u2581model", "."},
                       4, 4));
  all.push_back(sample(4, pieces(60), pieces(60), 2, 2));
  all.push_back(sample(5, {}, {}, 1, 1));
  all.push_back(sample(6,
                       {"</script><script>throw 1</script>", "\"'&<b>", "\u2028\u2029", "\xff\xfe",
                        std::string("a\0\n", 3), "{{title}}", "\\"},
                       {"x"}, 1, 1));
  for (const auto& one : all) page.add(one.maps);
  page.add({7, {"</s>"}, {"<s>", "</s>"}, {{AttentionKind::cross, 0, 0, 0, 1, {}}}, {}, {}});
  page.add({8, {"</s>"}, {"<s>", "</s>"}, {}});
  page.commit();

  AttentionPage one(dir + "one.html", "One pair", AttentionScores::probabilities);
  one.add(all[0].maps);
  one.commit();

  AttentionPage none(dir + "none.html", "No pair", AttentionScores::probabilities);
  none.commit();

  const auto scores = sample(1, pieces(9), pieces(7), 2, 4, AttentionScores::logits);
  AttentionPage logits(dir + "logits.html", "Logits", AttentionScores::logits);
  logits.add(scores.maps);
  logits.commit();

  for (const std::size_t i : {1, 2, 4, 5})
    write_attention_svgs(dir + "svg", all[i].maps, AttentionScores::probabilities);
  save(dir + "svg/s1-cross-l2-h3.svg",
       attention_svg(all[0].maps, all[0].maps.maps[2 * 48 + 10], AttentionScores::probabilities));
  save(dir + "svg/s1-decoder.svg",
       attention_grid_svg(all[0].maps, AttentionKind::decoder, AttentionScores::probabilities));
  save(dir + "svg/s4-cross-l2-h1.svg",
       attention_svg(all[3].maps, all[3].maps.maps[10], AttentionScores::probabilities));
  save(dir + "cells.tsv",
       cell("attention.html", all[0].maps, 2 * 48 + 5 * 8 + 6, 17, 18) +
           cell("attention.html", all[0].maps, 48 + 11, 9, 3) + cell("attention.html", all[0].maps, 48 + 11, 3, 9) +
           cell("attention.html", all[2].maps, 7, 4, 5) + cell("attention.html", all[4].maps, 0, 1, 1) +
           cell("attention.html", all[5].maps, 0, 2, 1) + cell("logits.html", scores.maps, 5, 10, 1) +
           cell("logits.html", scores.maps, 8, 2, 5));

  save(dir + "positions.html", positions_page(512, 512));
  for (const auto& picture : position_pictures(50, 16)) save(dir + "svg/" + picture.name + ".svg", picture.svg);
  for (const int count : {0, 1, 40, 400, 5000})
    save(dir + "scatter-" + std::to_string(count) + ".html", scatter_page(scattered(count)));
  save(dir + "svg/scatter.svg", scatter_svg(scattered(40)));
  write_attention_svgs(dir + "svg-logits", scores.maps, AttentionScores::logits);
}

}  // namespace storm
