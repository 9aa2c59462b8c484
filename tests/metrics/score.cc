#include "metrics/score.h"

#include <limits>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("numbers in JSON are written as Python writes them") {
  CHECK(json_number(0) == "0.0");
  CHECK(json_number(100) == "100.0");
  CHECK(json_number(43.9) == "43.9");
  CHECK(json_number(0.1 + 0.2) == "0.30000000000000004");
  CHECK(json_number(1e-5) == "1e-05");
  CHECK(json_number(0.0001) == "0.0001");
  CHECK(json_number(1e16) == "1e+16");
  CHECK(json_number(123456789012345680.) == "1.2345678901234568e+17");
  CHECK(json_number(-2.5) == "-2.5");
  CHECK(json_number(std::numeric_limits<double>::quiet_NaN()) == "NaN");
}

TEST_CASE("text in JSON is escaped as Python escapes it") {
  CHECK(json_string("a\"\\\n\r\t\b\f\x01\x7F", false) == "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\x7F\"");
  CHECK(json_string("\x7F\xC3\xA4\xF0\x9F\x98\x80", true) == "\"\\u007f\\u00e4\\ud83d\\ude00\"");
  CHECK(json_string("\xC3\xA4", false) == "\"\xC3\xA4\"");
}

TEST_CASE("an interval is printed around a mean above zero only") {
  Score score{"BLEU", 12.345, "", Confidence{12.5, 0.25}};
  CHECK(score_only(score, 2) == "12.35 (μ = 12.50 ± 0.25)");
  score.confidence->mean = 0;
  CHECK(score_only(score, 1) == "12.3");
}
