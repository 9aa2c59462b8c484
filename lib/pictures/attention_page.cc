#include "pictures/attention_page.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "inspect/words.h"
#include "pictures/colour_scale.h"
#include "pictures/markup.h"
#include "pictures/page.h"
#include "text/utf8.h"

namespace storm {

namespace {

constexpr std::string_view kPage =
#include "pictures/attention_page.html.raw"
    ;
constexpr std::string_view kStyle =
#include "pictures/attention_page.css.raw"
    ;
constexpr std::string_view kScript =
#include "pictures/attention_page.js.raw"
    ;
constexpr std::string_view kView =
#include "pictures/attention_view.js.raw"
    ;

std::string anchors(const ColourScale& scale) {
  std::string out;
  for (const char* anchor : scale.anchors) out += str(out.empty() ? "[" : ",", '"', anchor, '"');
  return out + "]";
}

std::string base64(const std::vector<unsigned char>& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// See attention_page.js for the form. The product with 10000 is exact in double, so that the integer, rounded to even,
// is the value rounded to four decimals.
std::string packed(const AttentionMap& map) {
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const bool causal = is_causal(map);
  std::vector<int64_t> values;
  int64_t low = kNone, high = std::numeric_limits<int64_t>::min();
  for (int64_t i = 0; i < map.rows; ++i)
    for (int64_t j = 0; j < (causal ? i + 1 : map.cols); ++j) {
      const double w = map.weights[static_cast<std::size_t>(i * map.cols + j)];
      values.push_back(std::isfinite(w) ? static_cast<int64_t>(std::nearbyint(w * 10000)) : kNone);
      if (std::isfinite(w)) low = std::min(low, values.back()), high = std::max(high, values.back());
    }
  if (low == kNone) low = high = 0;
  int width = 1;
  while (high - low >= (int64_t{1} << (8 * width)) - 1) ++width;  // all ones is "none"
  std::vector<unsigned char> bytes;
  for (const int64_t v : values)
    for (int k = 0; k < width; ++k)
      bytes.push_back(v == kNone ? 255 : static_cast<unsigned char>((v - low) >> (8 * k)));
  return str("[\"", kind_name(map.kind), "\",", shown_number(map.layer), ',', shown_number(map.head), ',', map.rows,
             ',', map.cols, ',', causal ? 1 : 0, ',', low, ',', width, ",\"", base64(bytes), "\"]");
}

std::string json_list(const std::vector<std::string>& pieces) {
  std::string out;
  for (const auto& piece : pieces) out += str(out.empty() ? "" : ",", json_text(piece));
  return "[" + out + "]";
}

// The beginning of the sentence as text, to choose it by.
std::string beginning(const std::vector<std::string>& pieces) {
  std::string text;
  for (std::size_t i = 0; i + 1 < pieces.size() && i < 200; ++i) text += piece_bytes(pieces[i]);
  text = replace_invalid_utf8(text);
  for (std::size_t at; (at = text.find("\u2581")) != std::string::npos;) text.replace(at, 3, at == 0 ? "" : " ");
  return shortened(text, 34);
}

}  // namespace

AttentionPage::AttentionPage(const std::string& path, const std::string& title, AttentionScores scores)
    : output_(path) {
  const std::string escaped = markup_text(title), marker(1, '\0');
  const std::string config = str("{\"logits\":", scores == AttentionScores::logits ? "true" : "false",
                                 ",\"light\":", anchors(kSequential), ",\"dark\":", anchors(kSequentialDark), '}');
  const std::string page = filled(kPage, {{"title", escaped},
                                          {"style", str(kPageStyle, kStyle)},
                                          {"config", config},
                                          {"sentences", marker},
                                          {"script", str(kPageScript, kScript, kView)}});
  const auto middle = page.find(marker);
  output_.write(std::string_view(page).substr(0, middle));
  tail_ = page.substr(middle + 1);
}

void AttentionPage::add(const AttentionMaps& maps) {
  for (const auto& map : maps.maps) check_drawable(maps, map);
  output_.write(str("<script type=\"application/json\" class=\"sentence\" data-number=\"", maps.sentence,
                    "\" data-text=\"", markup_text(beginning(maps.source.empty() ? maps.target : maps.source)), "\">{\"source\":", json_list(maps.source),
                    ",\"target\":", json_list(maps.target), ",\"maps\":["));
  bool first = true;
  for (const auto& map : maps.maps) {
    output_.write(str(first ? "\n" : ",\n", packed(map)));
    first = false;
  }
  output_.write("]}</script>\n");
}

void AttentionPage::commit() {
  output_.write(tail_);
  output_.commit();
}

}  // namespace storm
