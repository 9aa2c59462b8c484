#include "base/printable.h"

#include "tests/catch.h"

using namespace storm;

TEST_CASE("text is shown on one line, without what commands a terminal") {
  CHECK(printable("the dog, Jürgen, 日本 ▁") == "the dog, Jürgen, 日本 ▁");
  CHECK(printable("a\x1b[2Jb\a\n\r\t\x7f") == "a?[2Jb?????");
  CHECK(printable("\xc2\x9b"
                  "31m\xc2\x80\xc2\x9f\xc2\xa0") == "?31m??\xc2\xa0");
  CHECK(printable("cut \xc2") == "cut \xc2");
  CHECK(printable("a\tb\n", ' ') == "a b ");
}
