#include "tensor/execution.h"

namespace storm {

void Execution::forward(const Node& node) const { node.op->forward(*this, node); }
void Execution::backward(const Node& node) const { node.op->backward(*this, node); }

}  // namespace storm
