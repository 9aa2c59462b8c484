#include "base/dtype.h"

#include <iterator>
#include <set>

#include "tests/catch.h"

using namespace storm;

TEST_CASE("each dtype of safetensors has its name and size, and only those that STORM computes with are readable") {
  CHECK(std::size(kDTypes) == 22);
  std::set<DType> all;
  const auto are = [&](std::size_t bits, std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
      const auto dtype = dtype_from_name(name);
      REQUIRE(dtype);
      CHECK(dtype_name(*dtype) == name);
      CHECK(bit_size(*dtype) == bits);
      all.insert(*dtype);
    }
  };
  are(4, {"F4"});
  are(6, {"F6_E2M3", "F6_E3M2"});
  are(8, {"BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"});
  are(16, {"I16", "U16", "F16", "BF16"});
  are(32, {"I32", "U32", "F32"});
  are(64, {"C64", "F64", "I64", "U64"});
  CHECK(all.size() == 22);
  CHECK(dtype_from_name("F64") == DType::F64);
  CHECK(dtype_from_name("F4") == DType::F4);
  CHECK(byte_size(DType::C64) == 8);
  CHECK_FALSE(dtype_from_name("U128"));
  CHECK_FALSE(dtype_from_name("f32"));
  CHECK_FALSE(dtype_from_name(""));
  CHECK(readable_dtypes() == "U8, I8, I32, I64, F16, BF16, F32, F64");
}
