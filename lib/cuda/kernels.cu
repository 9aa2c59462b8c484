#include <cstring>

#include "cuda/context.h"

namespace storm::cuda {

namespace {

// Built by the constructors of the kernels' static objects; a function's, so that it is there before them.
const Kernels*& first() {
  static const Kernels* head = nullptr;
  return head;
}

}  // namespace

Kernels::Kernels(const char* op_, Run forward_, Run backward_)
    : op(op_), forward(forward_), backward(backward_), next(std::exchange(first(), this)) {}

const Kernels* Kernels::find(const char* op) {
  for (const Kernels* k = first(); k; k = k->next)
    if (std::strcmp(k->op, op) == 0) return k;
  return nullptr;
}

}  // namespace storm::cuda
