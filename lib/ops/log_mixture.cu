// A thread a number, of all that are mixed: each is read once, or out of the L1 cache once more. Memory's pace.
#include "ops/log_mixture.h"

#include <cfloat>

#include "cuda/context.h"

namespace storm::cuda {

namespace {

constexpr unsigned kThreads = 256;

struct Mixed {
  const float* x[kMostMixed];
  float log_weights[kMostMixed];
  int count;
  float sign;
  float* y;  // may lie where the first x does
  int64_t n;
};

__global__ void __launch_bounds__(kThreads) log_mixture_kernel(Mixed in) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= in.n) return;
  float most = -FLT_MAX, sum = 0;
  for (int k = 0; k < in.count; ++k) {
    const float term = in.log_weights[k] + in.sign * in.x[k][i];
    most = term > most ? term : most;
  }
  for (int k = 0; k < in.count; ++k) sum += expf((in.log_weights[k] + in.sign * in.x[k][i]) - most);
  in.y[i] = in.sign * (most + logf(sum));  // of terms that are all -infinity the sum is 0
}

void forward(const Execution& run, const Node& node, Context& context) {
  const auto attributes = node.attributes<LogMixtureAttributes>();
  Mixed in{};
  for (; in.count < static_cast<int>(kMostMixed) && node.inputs[static_cast<std::size_t>(in.count)]; ++in.count) {
    const auto k = static_cast<std::size_t>(in.count);
    in.x[k] = run.data(node.inputs[k]);
    in.log_weights[k] = attributes.log_weights[k];
  }
  in.sign = attributes.sign;
  in.y = run.data(node.outputs[0]);
  in.n = run.shape(node.outputs[0]).size();
  context.launch("log_mixture", static_cast<unsigned>((in.n + kThreads - 1) / kThreads), kThreads, 0,
                 log_mixture_kernel, in);
}

const Kernels kLogMixture{"log_mixture", forward};

}  // namespace

}  // namespace storm::cuda
