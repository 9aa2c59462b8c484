// Cards of several processes that add up among themselves: NCCL, which is opened when it is wanted, and not linked.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <span>
#include <vector>

namespace storm::cuda {

bool has_nccl();  // whether there is a libnccl.so.2
std::vector<std::byte> make_nccl_id();

// What one process is to the others. All calls are made by all of them, in the same order, and queued on the stream.
class NcclGroup {
 public:
  NcclGroup(std::span<const std::byte> id, int rank, int size);  // together
  ~NcclGroup();
  NcclGroup(const NcclGroup&) = delete;
  NcclGroup& operator=(const NcclGroup&) = delete;

  int rank() const { return rank_; }
  // Device memory; cuts: as Device::reduce_scatter's. Of x, only the own piece means anything afterwards.
  void reduce_scatter(float* x, std::span<const std::size_t> cuts, cudaStream_t stream) const;
  void all_gather(float* x, std::span<const std::size_t> cuts, cudaStream_t stream) const;
  void sum(double* x, std::size_t count, cudaStream_t stream) const;

 private:
  void* group_ = nullptr;
  int rank_;
};

}  // namespace storm::cuda
