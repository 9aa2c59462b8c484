// Runs a graph on a card, node by node: what the node reads is copied there, its kernels run, and what they wrote is
// copied back. Slow and simple. Linked before the library's own tensor/execution.cc, whose place it takes, it makes
// every test program one of the real kernels (tests/run device-ops); an op of the tests' own runs on the CPU.
//
// Outputs and scratch hold what the host has there, NaN in most tests. DEVICE_UNTOUCHED=1 leaves them as the card gives
// them, so that compute-sanitizer's initcheck sees who reads what nobody wrote.
#include "tensor/execution.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cuda/context.h"
#include "cuda/products.h"
#include "ops/cached_attention.h"
#include "tests/cuda/card/twins.h"

namespace storm {

namespace {

using test::Piece;
using test::Twins;

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  cuda::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
  return stream;
}

bool fills_outputs() {
  static const bool untouched = std::getenv("DEVICE_UNTOUCHED") != nullptr;
  return !untouched;
}

class CardContext : public cuda::Context {
 public:
  CardContext() : Context(new_stream()), product_workspace_(kProductWorkspace) {}

  void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
            int64_t ldb, float beta, float* c, int64_t ldc, cuda::Epilogue epilogue, const float* bias) override {
    products_({a, b, c, bias, m, n, k, lda, ldb, ldc, alpha, beta, ta, tb, epilogue, ProductPrecision::f32},
              product_workspace_.data(), kProductWorkspace, stream());
  }
  // Small, so that tests of ops that work block by block have several.
  std::size_t workspace_bytes() const override { return std::size_t{8} << 20; }
  void* workspace(std::size_t bytes) override { return workspace_.emplace(bytes).data(); }
  // The node's kernels have run: what it had beside its values is freed.
  void finish() {
    cuda::check(cudaStreamSynchronize(stream()), "waiting for the device");
    staged_.clear();
    workspace_.reset();
  }

 private:
  static constexpr std::size_t kProductWorkspace = std::size_t{32} << 20;

  const void* staged_bytes(const void* host, std::size_t bytes) override {
    const Piece& piece = staged_.emplace_back(bytes);
    if (bytes > 0) cuda::check(cudaMemcpy(piece.data(), host, bytes, cudaMemcpyHostToDevice), "a copy to the device");
    return piece.data();
  }

  cuda::Products products_;
  Piece product_workspace_;
  std::optional<Piece> workspace_;
  std::deque<Piece> staged_;
};

CardContext& card() {
  static auto* context = new CardContext;  // never freed: at exit the driver may have gone before
  return *context;
}

// One node on the card.
class Visit {
 public:
  Visit(const Execution& host, Plan plan, const Node& node, bool backward)
      : host_(host), plan_(std::move(plan)), node_(node) {
    const bool gradients = backward || node.op->gradient_in_forward;
    for (const Value v : node.inputs) add(v, true, false, gradients, gradients);
    for (const Value v : node.outputs) add(v, backward || fills_outputs(), !backward, backward, false);
    add_cache();
    const auto at = plan_.scratch[static_cast<std::size_t>(node.number) + (backward ? host.graph().nodes().size() : 0)];
    const std::size_t scratch = at == Plan::kNone ? 0 : backward ? node.scratch_backward : node.scratch_forward;
    twins_.send();
    scratch_.emplace(scratch);
    if (fills_outputs() && scratch > 0) cuda::check(cudaMemset(scratch_->data(), 0xff, scratch), "a test's memory");
    const auto count = host.graph().values().size();
    places_.data.assign(count, nullptr);
    places_.gradient.assign(count, nullptr);
    for (const auto* values : {node.inputs.data(), node.outputs.data()})
      for (std::size_t i = 0; i < (values == node.inputs.data() ? node.inputs.size() : node.outputs.size()); ++i)
        if (const Value v = values[i]) {
          places_.data[static_cast<std::size_t>(v.id)] = twins_.at(host.data<void>(v));
          if (gradients) places_.gradient[static_cast<std::size_t>(v.id)] = twins_.at(host.gradient(v));
        }
    use_cache();
  }

  void run(cuda::Run kernels) {
    const Execution execution(host_.graph(), plan_, static_cast<std::byte*>(scratch_->data()), host_.philox().seed,
                              host_.batch(), &places_);
    try {
      kernels(execution, node_, card());
    } catch (...) {
      card().finish();
      throw;
    }
    card().finish();
    twins_.fetch();
  }

 private:
  void add(Value v, bool fill, bool back, bool fill_gradient, bool back_gradient) {
    if (!v) return;
    const auto& info = host_.graph()[v];
    const auto size = static_cast<std::size_t>(info.shape.size());
    twins_.add(host_.data<void>(v), size * byte_size(info.dtype), fill, back);
    if (fill_gradient || back_gradient)
      twins_.add(host_.gradient(v), size * sizeof(float), fill_gradient, back_gradient);
  }

  // A decoder's cache is no value of the graph: one holds its addresses.
  bool has_cache() const { return std::string_view(node_.op->name) == "cached_attention"; }
  float** steps() const { return host_.data<float*>(node_.inputs[1]); }
  void add_cache() {
    if (!has_cache()) return;
    const auto a = node_.attributes<CachedAttentionAttributes>();
    const int64_t rows = host_.shape(node_.inputs[0]).rows, width = int64_t{a.heads} * (a.d_k + a.d_v);
    const Value path_value = node_.inputs[2];
    const auto* path = host_.data_or_null<int32_t>(path_value);
    for (int32_t s = 0; s <= a.step; ++s) {
      const bool now = s == a.step;
      int64_t count = now ? rows : 0;
      for (int64_t r = 0; r < rows && !now; ++r)
        count = std::max(count, int64_t{path[r * host_.shape(path_value).cols + s]} + 1);
      twins_.add(steps()[s], static_cast<std::size_t>(count * width) * sizeof(float), !now || fills_outputs(), now);
    }
  }
  void use_cache() {
    if (!has_cache()) return;
    const auto count = static_cast<std::size_t>(node_.attributes<CachedAttentionAttributes>().step) + 1;
    std::vector<float*> there;
    for (std::size_t s = 0; s < count; ++s) there.push_back(twins_.at(steps()[s]));
    cuda::check(cudaMemcpy(twins_.at(steps()), there.data(), count * sizeof(float*), cudaMemcpyHostToDevice),
                "a copy to the device");
  }

  const Execution& host_;
  const Plan plan_;
  const Node& node_;
  Twins twins_;
  std::optional<Piece> scratch_;
  Places places_;
};

// With every scratch at the arena's begin, which is the node's own.
Plan for_single_nodes(Plan plan) {
  for (auto& at : plan.scratch)
    if (at != Plan::kNone) at = 0;
  return plan;
}

}  // namespace

void Execution::forward(const Node& node) const {
  if (const auto* kernels = cuda::Kernels::find(node.op->name))
    Visit(*this, for_single_nodes(plan_), node, false).run(kernels->forward);
  else
    node.op->forward(*this, node);
}

void Execution::backward(const Node& node) const {
  const auto* kernels = cuda::Kernels::find(node.op->name);
  require(!kernels || kernels->backward, node.op->name, ": no CUDA kernel for backward");
  if (kernels)
    Visit(*this, for_single_nodes(plan_), node, true).run(kernels->backward);
  else
    node.op->backward(*this, node);
}

bool Execution::backpropagates(const Node& node) const {
  return graph_.backpropagates(node) &&
         std::any_of(node.outputs.begin(), node.outputs.end(), [&](Value v) { return gradient(v) != nullptr; });
}

float* Execution::gradient(Value v) const {
  if (!v) return nullptr;
  const ValueInfo& info = graph_[v];
  if (places_) return places_->gradient[static_cast<std::size_t>(v.id)];
  if (!info.needs_gradient) return nullptr;
  if (info.origin == Origin::parameter) return info.gradient;
  const auto at = plan_.gradient[static_cast<std::size_t>(v.id)];
  return at == Plan::kNone ? nullptr : reinterpret_cast<float*>(arena_ + at);
}

}  // namespace storm
