// A linear layer: where its weight and bias lie among the model's parameters, and with them what was added to it
// (adaptation.h).
#pragma once

#include <string>
#include <vector>

#include "ops/linear.h"
#include "tensor/parameters.h"

namespace storm {

// How a linear layer's weight and bias begin.
struct LinearInit {
  enum class Rule {
    xavier,  // the weight within sqrt(6 / (in + out)), the bias zero (Glorot and Bengio 2010)
    fan_in,  // weight and bias within 1 / sqrt(in), as torch.nn.Linear's: a third of the variance if in = out
    normal   // the weight with a standard deviation of 1, the bias zero (Radford et al. 2018, with a gain of 0.02)
  } rule = Rule::xavier;
  double gain = 1;  // what the weight's bound, or its deviation, is multiplied by
};

struct LinearLayer {
  ParameterId weight, bias;

  // `parts` is how many layers of one input are stacked in it (3 for queries, keys and values), each of which gets the
  // bound of its own shape.
  static LinearLayer declare(ParameterList& list, const std::string& name, int64_t in, int64_t out, int parts = 1,
                             LinearInit init = {});
  // The same of layers that have names and rows of their own; where each begins is set here.
  static LinearLayer declare_stack(ParameterList& list, const std::string& name, int64_t in,
                                   std::vector<LinearSpec::Part> parts, LinearInit init);
  // The same of a layer whose output a sublayer adds to the residual stream.
  static LinearLayer declare_last(ParameterList& list, const std::string& name, int64_t in, int64_t out,
                                  LinearInit init);

  // x: [tokens, in] -> [tokens, out]
  Value operator()(Graph& graph, const Parameters& parameters, Value x, Activation activation = Activation::none,
                   float dropout = 0) const;
};

}  // namespace storm
