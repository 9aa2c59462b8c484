// MeCab (Kudo, Yamamoto and Matsumoto, "Applying conditional random fields to Japanese morphological analysis", EMNLP
// 2004) with the IPA dictionary, as sacreBLEU's ja-mecab has it. The library is opened at run time, so that nothing
// depends on it but the one tokenisation.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace storm {

class Mecab {
 public:
  // folder: of the dictionary, in UTF-8; empty: where packages put it. Throws UsageError with the packages' names where
  // the library or the dictionary is not installed, Error where the folder holds another one.
  static std::shared_ptr<const Mecab> open(const std::string& folder = "");

  std::string signature() const;  // "ja-mecab-0.996-IPA"

  // Cuts lines into words. One object serves one thread; it keeps what it needs of the Mecab.
  class Tagger {
   public:
    explicit Tagger(std::shared_ptr<const Mecab> mecab);
    // The words with spaces between, valid until the next call.
    std::string_view operator()(std::string_view line) const;

   private:
    std::shared_ptr<const Mecab> mecab_;
    std::shared_ptr<void> tagger_;
  };

 private:
  Mecab() = default;
  std::shared_ptr<void> library_, model_;  // in this order: the model goes first
  std::string version_;
  bool has_reiwa_ = false;
  struct Functions;
  std::shared_ptr<const Functions> functions_;
};

}  // namespace storm
