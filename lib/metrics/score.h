// A metric's result and how it is printed: the layout, signatures and JSON of sacreBLEU 2.6.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace storm {

// What a score depends on, so that a reader can reproduce it: "nrefs:1|case:mixed|...|version:storm-0.1.0".
struct Signature {
  struct Field {
    std::string key, short_key, value;
  };
  std::vector<Field> fields;  // the version is not among them: text() ends with it
  std::string text(bool short_keys = false) const;
};

std::string signature_version();  // "storm-0.1.0", the last field's value

struct Confidence {
  double mean, half_width;  // of the 95 % interval
};

struct Score {
  std::string name;  // "BLEU"
  double value = 0;  // on the scale that is printed: 0 to 100, TER without an upper end
  std::string verbose;
  std::optional<Confidence> confidence;
};

// "BLEU|nrefs:1|... = 32.1 60.0/40.0/... (BP = ...)"; width is the count of digits after the point.
std::string text_line(const Score& score, const Signature& signature, int width, bool short_keys = false);
std::string score_only(const Score& score, int width);  // "32.1", with its confidence interval if there is one
std::string json_object(const Score& score, const Signature& signature, int width);

// Building blocks of JSON as Python's json module writes it.
std::string json_number(double value);  // the shortest that reads back the same, "43.9", "0.0", "1e-05"
std::string json_string(std::string_view text, bool ascii_only);  // ascii_only: \uXXXX for all else

}  // namespace storm
