// The device itself: its memory, the twins of host memory, and running a planned graph on one stream.
#include "cuda/cuda_device.h"

#include <map>
#include <optional>

#include "cuda/beside_arena.h"
#include "cuda/context.h"
#include "cuda/device_memory.h"
#include "cuda/fetches.h"
#include "cuda/graphs.h"
#include "cuda/nccl.h"
#include "cuda/optimizers.h"
#include "cuda/products.h"
#include "cuda/rounding.cuh"
#include "cuda/staging.h"
#include "tensor/execution.h"

namespace storm::cuda {

namespace {

constexpr std::size_t kPieces = 64 * kMiB;            // of a node that can work in pieces
constexpr std::size_t kProductWorkspace = 32 * kMiB;  // for cuBLASLt, as it is recommended for Hopper

class CudaDevice final : public Device, private Context {
 public:
  CudaDevice(int number, const cudaDeviceProp& properties, cudaStream_t stream)
      : Context(stream),
        number_(number),
        properties_(properties),
        product_workspace_(kProductWorkspace, "the products' workspace"),
        norm_(2 * kNormBlocks * sizeof(double), "the gradients' norm") {}
  ~CudaDevice() override {
    cudaStreamSynchronize(stream());
    group_.reset();
    cudaStreamDestroy(stream());
  }

  std::string description() const override {
    return str(properties_.name, " (cuda:", number_, "), compute capability ", properties_.major, ".",
               properties_.minor);
  }
  std::size_t free_bytes() const override { return free_of_device(); }

  void mirror(std::span<float> host) override {
    twins_.insert_or_assign(key(host.data()), Twin{Memory(host.size_bytes(), "the model's state"), host.size_bytes()});
    upload(host);
  }
  void forget(std::span<float> host) override { twins_.erase(key(host.data())); }
  void upload(std::span<const float> host) override {
    const Found found = find(host.data());
    check(cudaMemcpyAsync(found.data, host.data(), host.size_bytes(), cudaMemcpyHostToDevice, stream()),
          "a copy to the device");
    found.twin->rounded_to = ProductPrecision::f32;
    synchronize();
  }
  void download(std::span<float> host) const override {
    check(cudaMemcpyAsync(host.data(), find(host.data()).data, host.size_bytes(), cudaMemcpyDeviceToHost, stream()),
          "a copy from the device");
    synchronize();
  }

  void* allocate(std::size_t bytes) override {
    Memory memory(bytes, "a cache");
    void* at = memory.data();
    own_.emplace(key(at), std::move(memory));
    return at;
  }
  void release(void* memory) override {
    synchronize();
    own_.erase(key(memory));
  }

  void reserve(std::size_t bytes) override {
    if (bytes <= arena_.size()) return;
    synchronize();
    arena_ = Memory();
    arena_ = Memory(bytes, "the largest batch");
  }

  std::size_t bytes_beside_arena(const Graph& graph, std::size_t parameters,
                                 ProductPrecision precision) const override {
    return cuda::bytes_beside_arena(graph, parameters, precision);
  }
  void set_products(ProductPrecision precision) override { precision_ = precision; }

  void run(const Graph& graph, const Plan& plan, uint64_t seed, uint64_t batch) override {
    require(!graph.gradients() || precision_ != ProductPrecision::f16,
            "cuda: products of f16 are for decoding, as gradients leave its range; train with --precision bf16");
    reserve(plan.bytes);
    staging_.begin();
    const auto low = static_cast<uint32_t>(batch);
    places_.batch = static_cast<const uint32_t*>(staged_bytes(&low, sizeof low));
    find_places(graph);
    round_weights();
    write_down(graph, Execution(graph, plan, arena_.data(), seed, batch, &places_));
    staging_.send(stream());
    graphs_.submit(launches_, stream());
  }

  void read(const Graph& graph, const Plan& plan, Value value, void* to) override {
    const auto [at, bytes] = result(graph, plan, value);
    check(cudaMemcpyAsync(to, at, bytes, cudaMemcpyDeviceToHost, stream()), "a copy from the device");
    synchronize();
  }
  uint64_t fetch(const Graph& graph, const Plan& plan, Value value, void* to) override {
    const auto [at, bytes] = result(graph, plan, value);
    return fetches_.add(at, bytes, to, stream());
  }
  void wait(uint64_t fetch) override { fetches_.finish(fetch); }

  double norm(std::span<const float> gradients) override {
    double norm = 0;
    wait(fetch_norm(gradients, &norm));
    return norm;
  }
  uint64_t fetch_norm(std::span<const float> gradients, double* to) override {
    queue_square_sums(*this, twin(gradients.data()), static_cast<int64_t>(gradients.size()), norm_sums());
    if (group_) group_->sum(norm_sums(), kNormBlocks, stream());
    queue_root(*this, norm_sums(), norm_at());
    return fetches_.add(norm_at(), sizeof(double), to, stream());
  }

  void update(std::span<float> values, std::span<float> gradients, std::span<const std::span<float>> state,
              const Update& rule, float gradient_scale) override {
    update(values, gradients, state, rule, GradientScale{.factor = gradient_scale});
  }
  void clipped_update(std::span<float> values, std::span<float> gradients, std::span<const std::span<float>> state,
                      const Update& rule, double clip_norm) override {
    update(values, gradients, state, rule, GradientScale{.norm = norm_at(), .most = clip_norm});
  }

  void move_towards(std::span<const float> values, float weight, std::span<float> mean) override {
    queue_move_towards(*this, twin(values.data()), weight, twin(mean.data()), static_cast<int64_t>(values.size()));
  }

  bool can_group() const override { return has_nccl(); }
  std::vector<std::byte> make_group() override { return make_nccl_id(); }
  void join_group(std::span<const std::byte> id, int rank, int size) override { group_.emplace(id, rank, size); }
  bool in_group() const override { return group_.has_value(); }
  void reduce_scatter(std::span<float> x, std::span<const std::size_t> cuts) override {
    float* const at = twin(x.data());
    group_->reduce_scatter(at, cuts, stream());
    const std::size_t begin = cuts[static_cast<std::size_t>(group_->rank())],
                      end = cuts[static_cast<std::size_t>(group_->rank()) + 1];
    clear("the others' gradients", at, begin * sizeof(float));
    clear("the others' gradients", at + end, (x.size() - end) * sizeof(float));
  }
  void all_gather(std::span<float> x, std::span<const std::size_t> cuts) override {
    const Found found = find(x.data());
    group_->all_gather(found.data, cuts, stream());
    found.twin->rounded_to = ProductPrecision::f32;
  }

 private:
  // Of mirrored host memory.
  struct Twin {
    Memory memory;
    std::size_t bytes = 0;
    bool weights = false;                                 // graphs have parameters there
    Memory rounded = {};                                  // of weights, once products take 16 bits: the same as those
    ProductPrecision rounded_to = ProductPrecision::f32;  // f32: not since the weights changed
  };
  struct Found {
    Twin* twin = nullptr;
    float* data = nullptr;  // on the device
  };
  using Address = const std::byte*;
  static Address key(const void* p) { return static_cast<Address>(p); }

  static const Kernels& kernels(const Node& node) {
    const Kernels* found = Kernels::find(node.op->name);
    require(found && (found->backward || !node.op->backward), "cuda: the op ", node.op->name,
            " has no kernels here; run with --device cpu");
    return *found;
  }

  void synchronize() const { check(cudaStreamSynchronize(stream()), "waiting for the device"); }

  // The device's copy of an address of mirrored memory; none of others.
  Found find_or_none(const void* host) const {
    auto it = twins_.upper_bound(key(host));
    if (it == twins_.begin()) return {};
    --it;
    const auto offset = static_cast<std::size_t>(key(host) - it->first);
    if (offset >= it->second.bytes) return {};
    return {const_cast<Twin*>(&it->second), reinterpret_cast<float*>(it->second.memory.data() + offset)};
  }
  Found find(const void* host) const {
    const Found found = find_or_none(host);
    require(found.data, "cuda: memory without a twin on the device");
    return found;
  }
  float* twin(const void* host) const { return find(host).data; }
  bool owns(const void* p) const {
    auto it = own_.upper_bound(key(p));
    return it != own_.begin() && std::prev(it)->second.holds(p);
  }

  void find_places(const Graph& graph) {
    const auto values = graph.values();
    places_.data.assign(values.size(), nullptr);
    places_.gradient.assign(values.size(), nullptr);
    for (std::size_t v = 0; v < values.size(); ++v) {
      const ValueInfo& info = values[v];
      if (!info.data) continue;
      const std::size_t bytes = static_cast<std::size_t>(info.shape.size()) * byte_size(info.dtype);
      if (owns(info.data)) {
        places_.data[v] = info.data;
      } else if (const Found found = find_or_none(info.data); found.data) {
        places_.data[v] = found.data;
        found.twin->weights = found.twin->weights || info.origin == Origin::parameter;
      } else if (info.dtype == DType::F32 && bytes >= Tables::kSmallest) {
        places_.data[v] = const_cast<std::byte*>(tables_.find(info.data, bytes, stream()));
      } else {
        places_.data[v] = const_cast<void*>(staged_bytes(info.data, bytes));
      }
      if (info.gradient) places_.gradient[v] = twin(info.gradient);
    }
  }

  // All weights in one launch after each update: 6 bytes a number.
  void round_weights() {
    if (!rounds()) return;
    for (auto& [host, twin] : twins_) {
      if (!twin.weights || std::exchange(twin.rounded_to, precision_) == precision_) continue;
      if (twin.rounded.size() == 0) twin.rounded = Memory(twin.bytes / 2 + kAlign, "the rounded weights");
      const auto count = static_cast<int64_t>(twin.bytes / sizeof(float));
      queue_rounding(*this, "rounding the weights", reinterpret_cast<const float*>(twin.memory.data()), 1, count, count,
                     reinterpret_cast<uint16_t*>(twin.rounded.data()), rounded_row(count));
    }
  }
  // The rounded weights at this address of the device; null where there are none.
  const uint16_t* rounded_weights(const float* x) const {
    for (const auto& [host, twin] : twins_)
      if (twin.rounded_to == precision_ && twin.memory.holds(x))
        return reinterpret_cast<const uint16_t*>(twin.rounded.data()) +
               (x - reinterpret_cast<const float*>(twin.memory.data()));
    return nullptr;
  }

  void write_down(const Graph& graph, const Execution& execution) {
    launches_.clear();
    struct Writing {
      Launches*& to;
      ~Writing() { to = nullptr; }
    } const writing{recorded_ = &launches_};
    rounding_.begin_run();
    workspace_.begin_run();
    const auto begin_node = [&] {
      rounding_.begin_node();
      workspace_.begin_node();
    };
    for (const Node& node : graph.nodes()) begin_node(), kernels(node).forward(execution, node, *this);
    if (!graph.gradients()) return;
    const auto nodes = graph.nodes();
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
      if (execution.backpropagates(*it)) begin_node(), kernels(*it).backward(execution, *it, *this);
  }

  std::pair<const std::byte*, std::size_t> result(const Graph& graph, const Plan& plan, Value value) const {
    const auto& info = graph[value];
    require(info.result || info.data, "cuda: a value is read that was not kept");
    return {Execution(graph, plan, arena_.data(), 0, 0, &places_).data<std::byte>(value),
            static_cast<std::size_t>(info.shape.size()) * byte_size(info.dtype)};
  }

  void update(std::span<float> values, std::span<float> gradients, std::span<const std::span<float>> state,
              const Update& rule, const GradientScale& scale) {
    const Found found = find(values.data());
    const auto turns = rule.decay_turns;
    const std::byte* turns_here = turns.empty() ? nullptr : tables_.find(turns.data(), turns.size_bytes(), stream());
    queue_update(*this, found.data, twin(gradients.data()), twin(state[0].data()),
                 state.size() > 1 ? twin(state[1].data()) : nullptr, static_cast<int64_t>(values.size()), rule,
                 reinterpret_cast<const int64_t*>(turns_here), scale);
    found.twin->rounded_to = ProductPrecision::f32;
  }
  double* norm_sums() const { return reinterpret_cast<double*>(norm_.data()); }
  double* norm_at() const { return norm_sums() + kNormBlocks; }

  // Products.
  ProductPrecision precision() const override { return precision_; }
  Operand rounded_room(int64_t rows, int64_t cols, uint16_t** to) override {
    const int64_t ld = rounded_row(cols);
    *to = reinterpret_cast<uint16_t*>(rounding_.take(static_cast<std::size_t>(rows * ld) * sizeof(uint16_t)));
    return {nullptr, cols, *to, ld};
  }
  Operand rounded_operand(const float* x, int64_t rows, int64_t cols, int64_t ld) {
    if (const uint16_t* weights = rounded_weights(x)) return {x, ld, weights, ld};
    uint16_t* to = nullptr;
    Operand operand = rounded_room(rows, cols, &to);
    queue_rounding(*this, "rounding an operand", x, rows, cols, ld, to, operand.rounded_ld);
    operand.exact = x;
    operand.ld = ld;
    return operand;
  }
  Operand operand(const float* x, int64_t rows, int64_t cols) override {
    return rounds() ? rounded_operand(x, rows, cols, cols) : Operand{x, cols};
  }
  void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Operand& a, const Operand& b, float beta, float* c,
            int64_t ldc, Epilogue epilogue, const float* bias) override {
    const bool rounded = a.rounded && b.rounded;
    queue_product({.a = rounded ? static_cast<const void*>(a.rounded) : a.exact,
                   .b = rounded ? static_cast<const void*>(b.rounded) : b.exact,
                   .c = c,
                   .bias = bias,
                   .m = m,
                   .n = n,
                   .k = k,
                   .lda = rounded ? a.rounded_ld : a.ld,
                   .ldb = rounded ? b.rounded_ld : b.ld,
                   .ldc = ldc,
                   .alpha = 1,
                   .beta = beta,
                   .ta = ta,
                   .tb = tb,
                   .epilogue = epilogue,
                   .precision = rounded ? precision_ : exact_precision()});
  }
  void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
            int64_t ldb, float beta, float* c, int64_t ldc, Epilogue epilogue, const float* bias) override {
    require(beta == 0 || beta == 1, "cuda: products have a beta of 0 or 1");
    if (alpha == 1 && rounds(m * n * k))
      return gemm(ta, tb, m, n, k, rounded_operand(a, ta ? k : m, ta ? m : k, lda),
                  rounded_operand(b, tb ? n : k, tb ? k : n, ldb), beta, c, ldc, epilogue, bias);
    queue_product({a, b, c, bias, m, n, k, lda, ldb, ldc, alpha, beta, ta, tb, epilogue, exact_precision()});
  }
  ProductPrecision exact_precision() const { return rounds() ? ProductPrecision::f32 : precision_; }

  struct ProductCall {
    Product product;
    Products* products;
    void* workspace;
    std::size_t workspace_bytes;
  };
  static void multiply(const ProductCall& call, const char*, cudaStream_t stream) {
    (*call.products)(call.product, call.workspace, call.workspace_bytes, stream);
  }
  void queue_product(const Product& product) {
    const ProductCall call{product, &products_, product_workspace_.data(), product_workspace_.size()};
    if (recorded_) return recorded_->add<ProductCall, multiply>("a product", call);
    multiply(call, "a product", stream());
  }

  void* workspace(std::size_t bytes) override { return workspace_.take(bytes); }
  std::size_t workspace_bytes() const override { return kPieces; }
  const void* staged_bytes(const void* host, std::size_t bytes) override { return staging_.add(host, bytes); }

  int number_;
  cudaDeviceProp properties_;
  ProductPrecision precision_ = ProductPrecision::f32;
  Memory product_workspace_, norm_, arena_;
  Workspace workspace_{"what a node needs beside its scratch"}, rounding_{"the rounded operands"};
  Products products_;
  Staging staging_;
  Tables tables_;
  Fetches fetches_;
  Launches launches_;
  Graphs graphs_;
  Places places_;
  std::optional<NcclGroup> group_;
  std::map<Address, Twin> twins_;
  std::map<Address, Memory> own_;
};

}  // namespace

std::unique_ptr<Device> open_device(int number) {
  int count = 0;
  const auto result = cudaGetDeviceCount(&count);
  require(result == cudaSuccess && count > 0,
          "no CUDA device: ", result == cudaSuccess ? "the driver knows none" : cudaGetErrorString(result),
          "; run with --device cpu");
  require(number >= 0 && number < count, "cuda:", number, ": there are ", count, " devices, from cuda:0 on");
  check(cudaSetDevice(number), "choosing the device");
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, number), "asking what it is");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
  return std::make_unique<CudaDevice>(number, properties, stream);
}

}  // namespace storm::cuda
