#include "tensor/parameters.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tests/catch.h"

using namespace storm;
using Init = ParameterSpec::Init;

namespace {

std::vector<ParameterSpec> specs() {
  return {{"a", {3, 5}, Init::normal, 0.5f}, {"b", {1, 7}, Init::ones}, {"c", {40, 50}, Init::uniform, 0.1f}};
}

}  // namespace

TEST_CASE("parameters: views of one buffer, each aligned to 64 bytes, with zeros between") {
  Parameters p(specs());
  CHECK(p.numbers() == 15 + 7 + 2000);
  CHECK(p.values().size() == 16 + 16 + 2000);
  p.initialize(1);
  for (const auto& spec : p.specs()) CHECK(reinterpret_cast<uintptr_t>(p.view(spec.name).data()) % 64 == 0);
  CHECK(p.values()[15] == 0);
  CHECK(p.values()[16] == 1);
  CHECK(p.values()[23] == 0);
  CHECK(p.contains("c"));
  CHECK_FALSE(p.contains("d"));
  CHECK_THROWS_AS(p.view("d"), Error);
  CHECK_THROWS_AS(Parameters({{"a", {1, 1}}, {"a", {1, 1}}}), Error);
}

TEST_CASE("parameters: frozen ones lie behind the trained, begin with the same values, and have no gradient") {
  auto some = specs();
  some[1].trained = false;
  Parameters all(specs()), p(some);
  all.initialize(1), p.initialize(1);
  for (const auto& spec : p.specs()) CHECK(std::ranges::equal(p.view(spec.name), all.view(spec.name)));
  CHECK(p.numbers() == all.numbers());
  CHECK(p.trained() == 16 + 2000);
  CHECK(p.view("b").data() == p.values().data() + 16 + 2000);
  p.allocate_gradients();
  CHECK(p.gradients().size() == 16 + 2000);
  CHECK(p.gradient_view("b").empty());
  CHECK(p.gradient_view("c").data() == p.gradients().data() + 16);
  Graph graph(true);
  CHECK(graph[p.in(graph, {0})].gradient == p.gradients().data());
  CHECK(graph[p.in(graph, {1})].gradient == nullptr);
  CHECK(!graph[p.in(graph, {1})].needs_gradient);
}

TEST_CASE("parameters: initial values follow their distribution, by name's place and seed alone") {
  Parameters p(specs()), same(specs()), other(specs());
  p.initialize(1), same.initialize(1), other.initialize(2);
  CHECK(std::equal(p.values().begin(), p.values().end(), same.values().begin()));
  CHECK_FALSE(std::equal(p.view("a").begin(), p.view("a").end(), other.view("a").begin()));
  double sum = 0, squares = 0;
  for (const float x : p.view("c")) {
    CHECK(std::abs(x) <= 0.1f);
    sum += static_cast<double>(x), squares += static_cast<double>(x * x);
  }
  CHECK(std::abs(sum / 2000) < 0.1 / std::sqrt(3 * 2000.0) * 4);  // four standard errors
  CHECK(squares / 2000 == Approx(0.01 / 3).epsilon(0.1));
}

TEST_CASE("parameters are trained only where gradients were allocated") {
  Parameters p(specs());
  Graph graph(true);
  CHECK_FALSE(graph[p.in(graph, {0})].needs_gradient);
  p.allocate_gradients();
  const Value a = p.in(graph, {1});
  CHECK(graph[a].needs_gradient);
  CHECK(graph[a].gradient == p.gradient_view("b").data());
  CHECK_FALSE(p.in(graph, {}));  // no parameter, no value
  Graph inference(false);
  CHECK_FALSE(inference[p.in(inference, {0})].needs_gradient);
}

TEST_CASE("a buffer is zeroed, page-aligned, and grows only when it must") {
  Buffer b(100);
  CHECK(reinterpret_cast<uintptr_t>(b.data()) % 4096 == 0);
  for (const auto x : b.as<uint8_t>()) CHECK(x == 0);
  const auto* before = b.data();
  b.grow(50);
  CHECK(b.data() == before);
  b.grow(std::size_t{5} << 20);
  CHECK(b.size() >= std::size_t{5} << 20);
  CHECK_THROWS_AS(Buffer(std::size_t{1} << 60), Error);
}
