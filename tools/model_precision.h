// What a tool's model multiplies with: --precision, and whether its file has weights of int8.
#pragma once

#include <optional>

#include "cpu/gemm.h"
#include "models/ensemble.h"
#include "models/model_file.h"
#include "models/packed_weights.h"
#include "tools/cli.h"

namespace storm {

class ModelPrecision {
 public:
  // Throws UsageError for int8 on a device, before a model is read.
  ModelPrecision(const Args& args, const std::vector<std::string>& kinds)
      : given_(args.given("precision")), precision_(*product_precision_named(args.choice("precision", kinds))) {
    if (precision_ == ProductPrecision::int8 && args.text("device").starts_with("cuda"))
      throw UsageError("--precision int8 is for the CPU; leave --device out, or take f16 or bf16 there");
  }

  WeightForm weights() const { return precision_ == ProductPrecision::int8 ? WeightForm::int8 : WeightForm::as_stored; }

  // Once the model is there, and the device that it runs on, which is null on the CPU.
  void begin(LoadedModel& loaded, Device* device) {
    const auto members = members_of(*loaded.model);
    if (has_packed_weights(members[0]->parameters())) {  // so have the others
      require(!given_ || precision_ == ProductPrecision::int8, "--precision ", name(precision_), ": ", loaded.name,
              " holds weights of int8; leave it out, or take the model of floats that it was made from");
      return;
    }
    if (device) return device->set_products(precision_);
    scope_.emplace(precision_);
    if (precision_ == ProductPrecision::bf16)
      for (Model* member : members) pack_weights(member->parameters(), PackedNumbers::bf16);
  }

 private:
  bool given_;
  ProductPrecision precision_;
  std::optional<ProductPrecisionScope> scope_;
};

}  // namespace storm
