#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cuda_runtime.h"

namespace emulation {

namespace {

enum class State { ready, at_block, at_warp, done };

constexpr std::size_t kStack = 128 * 1024;

// Begins by its context and goes on by its jump buffer, which costs no system call; lives from launch to launch.
struct Fiber {
  ucontext_t context{};
  jmp_buf jump{};
  bool begun = false;
  std::unique_ptr<std::byte[]> stack{new std::byte[kStack]};
  State state = State::done;
  uint3 thread{};
};

struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::size_t threads = 0, running = 0;
  jmp_buf scheduler{};
  Place place{};
  std::vector<std::byte> shared, slots;
  const std::function<void()>* kernel = nullptr;
};

Block& block() {
  static Block b;
  return b;
}

void wait(State state) {
  Fiber& me = *block().fibers[block().running];
  me.state = state;
  if (_setjmp(me.jump) == 0) _longjmp(block().scheduler, 1);
}

void enter() {
  while (true) {
    (*block().kernel)();
    wait(State::done);
  }
}

[[gnu::noinline]] void resume(Fiber& fiber) {
  if (_setjmp(block().scheduler) != 0) return;
  if (fiber.begun) _longjmp(fiber.jump, 1);
  fiber.begun = true;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStack;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, enter, 0);
  setcontext(&fiber.context);
}

// Whether all of [begin, end) that have not ended wait for this; then they go on.
bool release(std::size_t begin, std::size_t end, State state) {
  auto& fibers = block().fibers;
  bool waiting = false;
  for (std::size_t i = begin; i < end; ++i) {
    if (fibers[i]->state == State::done) continue;
    if (fibers[i]->state != state) return false;
    waiting = true;
  }
  if (waiting)
    for (std::size_t i = begin; i < end; ++i)
      if (fibers[i]->state == state) fibers[i]->state = State::ready;
  return waiting;
}

void run_block() {
  Block& b = block();
  static const bool reversed = std::getenv("EMULATION_REVERSED") != nullptr;
  for (std::size_t i = 0; i < b.threads; ++i) {
    Fiber& f = *b.fibers[i];
    f.state = State::ready;
    const auto n = static_cast<unsigned>(i);
    f.thread = {n % b.place.block_size.x, n / b.place.block_size.x % b.place.block_size.y,
                n / b.place.block_size.x / b.place.block_size.y};
  }
  while (true) {
    bool alive = false;
    for (std::size_t k = 0; k < b.threads; ++k) {
      const std::size_t i = reversed ? b.threads - 1 - k : k;
      if (b.fibers[i]->state != State::ready) continue;
      b.running = i;
      b.place.thread = b.fibers[i]->thread;
      resume(*b.fibers[i]);
    }
    bool moved = false;
    for (std::size_t w = 0; w < b.threads; w += 32)
      moved = release(w, std::min(w + 32, b.threads), State::at_warp) || moved;
    moved = release(0, b.threads, State::at_block) || moved;
    for (std::size_t i = 0; i < b.threads; ++i) alive = alive || b.fibers[i]->state != State::done;
    if (!alive) return;
    if (!moved) {
      std::fputs("emulation: threads wait at different barriers\n", stderr);
      std::abort();
    }
  }
}

}  // namespace

const Place& here() { return block().place; }
void* shared_memory() { return block().shared.data(); }
void wait_for_block() { wait(State::at_block); }
void wait_for_warp() { wait(State::at_warp); }
int lane() { return static_cast<int>(block().running % 32); }
std::byte* lane_slot(int lane) {
  return block().slots.data() + (block().running / 32 * 32 + static_cast<std::size_t>(lane)) * 16;
}
bool lane_lives(int lane) {
  const std::size_t i = block().running / 32 * 32 + static_cast<std::size_t>(lane);
  return i < block().threads && block().fibers[i]->state != State::done;
}

void run(dim3 grid, dim3 size, std::size_t shared_bytes, const std::function<void()>& kernel) {
  Block& b = block();
  b.threads = std::size_t{size.x} * size.y * size.z;
  if (b.threads == 0 || b.threads > 1024 || shared_bytes > 227 * 1024 || grid.y > 65535 || grid.z > 65535 ||
      std::size_t{grid.x} * grid.y * grid.z == 0) {
    std::fprintf(stderr, "emulation: no card launches %u x %u x %u blocks of %zu threads with %zu bytes shared\n",
                 grid.x, grid.y, grid.z, b.threads, shared_bytes);
    std::abort();
  }
  while (b.fibers.size() < b.threads) b.fibers.push_back(std::make_unique<Fiber>());
  b.slots.resize((b.threads + 31) / 32 * 32 * 16);
  b.shared.assign(shared_bytes + 64, std::byte{0xff});
  b.kernel = &kernel;
  b.place.block_size = size;
  b.place.grid_size = grid;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        b.place.block = {x, y, z};
        run_block();
      }
}

}  // namespace emulation

struct EmulatedGraph {
  std::vector<std::function<void()>> work;
};

namespace {
std::unique_ptr<EmulatedGraph> capturing;
int replayed = 0;
}  // namespace

int emulation::replays() { return replayed; }

void emulation::queue(std::function<void()> work) {
  if (capturing)
    capturing->work.push_back(std::move(work));
  else
    work();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  capturing = std::make_unique<EmulatedGraph>();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) { return *graph = capturing.release(), cudaSuccess; }
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return *executable = new EmulatedGraph(*graph), cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  for (const auto& work : executable->work) work();
  ++replayed;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return delete executable, cudaSuccess; }
