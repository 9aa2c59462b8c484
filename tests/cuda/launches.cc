// Launches that are written down, their replays, and floats as 16 bits; with the emulated runtime.
#include "cuda/launches.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "cuda/cuda_device.h"
#include "cuda/device_memory.h"
#include "cuda/graphs.h"
#include "cuda/rounding.cuh"
#include "cuda/staging.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "tests/catch.h"

using namespace storm;
using namespace storm::cuda;

namespace {

// So many floats of the device, zero at first.
class Floats {
 public:
  explicit Floats(std::size_t count) : memory_(count * sizeof(float), "a test's memory") {
    check(cudaMemsetAsync(memory_.data(), 0, memory_.size(), nullptr), "a clear");
  }
  float* data() const { return reinterpret_cast<float*>(memory_.data()); }
  float operator[](std::size_t i) const {
    float value = 0;
    check(cudaMemcpyAsync(&value, data() + i, sizeof value, cudaMemcpyDeviceToHost, nullptr), "a copy");
    return value;
  }

 private:
  Memory memory_;
};

struct Padded {
  char small;
  double large;
};

// to[thread] += by * scale.large
void add_kernel(float* to, char by, Padded scale) {
  to[threadIdx.x] += static_cast<float>(by) * static_cast<float>(scale.large);
}

void write_down(Launches& launches, float* to, char by, std::size_t times = 10) {
  for (std::size_t i = 0; i < times; ++i) {
    Padded scale;
    std::memset(static_cast<void*>(&scale), static_cast<int>(i + times * static_cast<std::size_t>(by)), sizeof scale);
    scale.small = 1;
    scale.large = 2;
    launches.add_kernel("a kernel", {1}, {4}, 0, add_kernel, to, by, scale);
  }
}

double value_of_f16(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 31  ? (mantissa ? NAN : INFINITY)
                      : exponent == 0 ? std::ldexp(mantissa, -24)
                                      : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -size : size;
}

}  // namespace

TEST_CASE("launches are equal when their kernels, grids and arguments are, whatever lies between members") {
  const Floats to(5);
  Launches a, b, c, d, e;
  write_down(a, to.data(), 3);
  write_down(b, to.data(), 3);
  write_down(c, to.data(), 4);
  write_down(d, to.data() + 1, 3);
  write_down(e, to.data(), 3, 9);
  CHECK(a == b);
  CHECK(a.hash() == b.hash());
  CHECK_FALSE(a == c);
  CHECK(a.hash() != c.hash());
  CHECK_FALSE(a == d);
  CHECK_FALSE(a == e);
  a.submit(nullptr);
  CHECK(to[0] == 60);
  CHECK(to[3] == 60);
  a.clear();
  write_down(a, to.data(), 4);
  CHECK(a == c);
}

TEST_CASE("a run that is met the second time is captured, and replayed from then on; others are as they are") {
  Graphs graphs;
  const Floats to(4), other(4);
  Launches one, two;
  for (int i = 1; i <= 4; ++i) {
    one.clear();
    write_down(one, to.data(), 1);
    graphs.submit(one, nullptr);
    CHECK(to[2] == static_cast<float>(20 * i));
    CHECK(graphs.replays() == i - 1);
    two.clear();
    write_down(two, other.data(), static_cast<char>(i));
    graphs.submit(two, nullptr);
  }
  CHECK(other[0] == 20 * (1 + 2 + 3 + 4));
  CHECK(graphs.replays() == 3);
}

TEST_CASE("no more than 64 graphs are kept, those met last") {
  Graphs graphs;
  const Floats to(5);
  Launches launches;
  const auto meet = [&](int by) {
    launches.clear();
    write_down(launches, to.data(), static_cast<char>(by));
    graphs.submit(launches, nullptr);
  };
  for (int by = 1; by <= 100; ++by) meet(by), meet(by);
  CHECK(graphs.replays() == 100);
  for (int by = 100; by > 36; --by) meet(by);
  CHECK(graphs.replays() == 164);
}

TEST_CASE("what was staged has the same place in every run, and the same list is sent once") {
  Staging staging;
  const std::byte *first = nullptr, *list = nullptr;
  for (int run = 0; run < 4; ++run) {
    staging.begin();
    const auto number = static_cast<uint32_t>(run);
    std::vector<int32_t> ids(100 + static_cast<std::size_t>(run), run), same(ids);
    const std::byte* at = staging.add(&number, sizeof number);
    const std::byte* from = staging.add(ids.data(), ids.size() * sizeof ids[0]);
    CHECK(staging.add(same.data(), same.size() * sizeof same[0]) == from);
    same[7] = 99;
    CHECK(staging.add(same.data(), same.size() * sizeof same[0]) != from);
    if (run > 0) {
      CHECK(at == first);
      CHECK(from == list);
    }
    first = at;
    list = from;
    ids.assign(ids.size(), -1);  // the host's may change at once
    staging.send(nullptr);
    std::vector<int32_t> got(ids.size());
    REQUIRE(cudaMemcpyAsync(got.data(), from, got.size() * sizeof got[0], cudaMemcpyDeviceToHost, nullptr) ==
            cudaSuccess);
    CHECK(got == std::vector<int32_t>(ids.size(), run));
  }
}

TEST_CASE("floats as bf16 and f16: the nearest, ties to even, infinities and NaN as they are") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const double value = value_of_f16(half);
    if (std::isnan(value)) {
      CHECK(std::isnan(value_of_f16(to_f16(static_cast<float>(value)))));
      continue;
    }
    REQUIRE(to_f16(static_cast<float>(value)) == half);
    if ((bits & 0x7fff) >= 0x7bff) continue;
    const double next = value_of_f16(static_cast<uint16_t>(half + 1)), middle = (value + next) / 2;
    const auto tie = static_cast<float>(middle);
    REQUIRE(to_f16(tie) == (half % 2 ? half + 1 : half));
    REQUIRE(to_f16(std::nextafter(tie, static_cast<float>(value))) == half);
    REQUIRE(to_f16(std::nextafter(tie, static_cast<float>(next))) == half + 1);
  }
  CHECK(to_f16(65519.0f) == 0x7bff);
  CHECK(to_f16(65520.0f) == 0x7c00);
  CHECK(to_f16(-INFINITY) == 0xfc00);
  CHECK(to_f16(1e-10f) == 0);
  const auto bf16 = [](uint32_t bits) { return to_bf16(std::bit_cast<float>(bits)); };
  CHECK(bf16(0x3f808000u) == 0x3f80);
  CHECK(bf16(0x3f818000u) == 0x3f82);
  CHECK(bf16(0x3f808001u) == 0x3f81);
  CHECK(bf16(0x7f7fffffu) == 0x7f80);
  CHECK(bf16(0xff800000u) == 0xff80);
  CHECK((bf16(0x7f800001u) & 0x7fff) > 0x7f80);
}

TEST_CASE("a device replays what it has met before: a decoder's steps of one shape") {
  const auto device = open_device(0);
  const std::vector<float> w(64, 0.5f);
  std::vector<float> x(8);
  const int before = emulation::replays();
  for (int run = 0; run < 5; ++run) {
    Graph graph(false);
    x[0] = static_cast<float>(run);
    Value v = graph.constant({1, 8}, x.data());
    const Value weight = graph.constant({8, 8}, w.data());
    for (int layer = 0; layer < 8; ++layer) v = linear(graph, v, weight, {});
    graph.keep(v);
    const Plan plan = make_plan(graph);
    device->run(graph, plan, 0, 0);
    std::vector<float> got(8);
    device->read(graph, plan, v, got.data());
    CHECK(got[3] == static_cast<float>(run) * 0.5f * 4 * 4 * 4 * 4 * 4 * 4 * 4);
  }
  CHECK(emulation::replays() - before == 4);
}

TEST_CASE("a device replays training on batches of one shape, whatever their words and numbers") {
  const auto device = open_device(0);
  constexpr int64_t words = 11, d = 8, tokens = 30;
  std::vector<float> table(words * d, 0.25f), weight(words * d, 0.5f), d_table(table.size()), d_weight(weight.size());
  for (auto* x : {&table, &weight, &d_table, &d_weight}) device->mirror(*x);
  const int before = emulation::replays();
  for (uint64_t number = 0; number < 6; ++number) {
    std::vector<int32_t> ids, next;
    for (int64_t t = 0; t < tokens; ++t) {
      ids.push_back(static_cast<int32_t>(t * static_cast<int64_t>(number) % words));
      next.push_back(static_cast<int32_t>((t + static_cast<int64_t>(number)) % words));
    }
    Graph graph(true);
    const Value x = embed(graph, graph.parameter({words, d}, table.data(), d_table.data()),
                          graph.constant({tokens, 1}, ids.data()), {}, {}, 1, 0.3f);
    const Value w = graph.parameter({words, d}, weight.data(), d_weight.data());
    cross_entropy(graph, x, w, {}, graph.constant({tokens, 1}, next.data()), 0.1f, 1);
    device->run(graph, make_plan(graph), 1, number);
  }
  CHECK(emulation::replays() - before >= 3);
}
