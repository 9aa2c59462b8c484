#include "metrics/score.h"

#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/version.h"
#include "text/unicode.h"

namespace storm {

std::string signature_version() { return std::string("storm-") + kVersion; }

std::string Signature::text(bool short_keys) const {
  std::string all;
  for (const Field& f : fields) all += (short_keys ? f.short_key : f.key) + ":" + f.value + "|";
  return all + (short_keys ? "v:" : "version:") + signature_version();
}

namespace {

// sacreBLEU prints an interval only around a mean above zero.
bool shows_confidence(const Score& score) { return score.confidence && score.confidence->mean > 0; }

std::string confidence_text(const Confidence& c, int width) {
  return "μ = " + fixed(c.mean, width) + " ± " + fixed(c.half_width, width);
}

double rounded(double value, int width) { return parse_number<double>(fixed(value, width)).value_or(value); }

}  // namespace

std::string score_only(const Score& score, int width) {
  return fixed(score.value, width) +
         (shows_confidence(score) ? " (" + confidence_text(*score.confidence, width) + ")" : "");
}

std::string text_line(const Score& score, const Signature& signature, int width, bool short_keys) {
  return score.name + "|" + signature.text(short_keys) + " = " + score_only(score, width) +
         (score.verbose.empty() ? "" : " " + score.verbose);
}

std::string json_object(const Score& score, const Signature& signature, int width) {
  std::string json = "{";
  const auto add = [&](std::string_view key, const std::string& value) {
    json += (json.size() > 1 ? ",\n " : "\n ") + json_string(key, false) + ": " + value;
  };
  const auto quoted = [](std::string_view text) { return json_string(text, false); };
  add("name", quoted(score.name));
  add("score", json_number(rounded(score.value, width)));
  add("signature", quoted(signature.text()));
  if (shows_confidence(score)) {
    add("confidence_mean", json_number(rounded(score.confidence->mean, width)));
    add("confidence_var", json_number(rounded(score.confidence->half_width, width)));
    add("confidence", quoted(confidence_text(*score.confidence, width)));
  }
  if (!score.verbose.empty()) add("verbose_score", quoted(score.verbose));
  for (const auto& f : signature.fields) add(f.key, quoted(f.value));
  add("version", quoted(signature_version()));
  return json + "\n}";
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char text[64];
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end =
      std::to_chars(text, text + sizeof text, value, plain ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  std::string number(text, end);
  return plain && number.find('.') == std::string::npos ? number + ".0" : number;
}

std::string json_string(std::string_view text, bool ascii_only) {
  std::string json = "\"";
  const auto unit = [&](unsigned u) {
    json += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) json += "0123456789abcdef"[u >> shift & 15];
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t at = i;
    const char32_t c = next_code_point(text, i);
    if (c == '"' || c == '\\')
      (json += '\\') += static_cast<char>(c);
    else if (c == '\n')
      json += "\\n";
    else if (c == '\r')
      json += "\\r";
    else if (c == '\t')
      json += "\\t";
    else if (c == '\b')
      json += "\\b";
    else if (c == '\f')
      json += "\\f";
    else if (c < 0x20 || (ascii_only && c >= 0x7F && c < 0x10000))
      unit(c);
    else if (ascii_only && c >= 0x10000) {
      unit(0xD7C0 + (c >> 10));
      unit(0xDC00 + (c & 0x3FF));
    } else
      json += text.substr(at, i - at);
  }
  return json + "\"";
}

}  // namespace storm
