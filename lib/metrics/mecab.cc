#include "metrics/mecab.h"

#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"

namespace storm {

namespace {

// Of mecab.h, version 0.996; the C interface has kept since 2012.
struct DictionaryInfo {
  const char *filename, *charset;
  unsigned int size;
  int type;
  unsigned int left_size, right_size;
  unsigned short version;
  const DictionaryInfo* next;
};

// The IPA dictionary of 2007, and with the era's name that Debian has added.
constexpr unsigned int kWords = 392126, kWordsWithReiwa = 392127;
constexpr std::string_view kReiwa = "令和";

constexpr const char* kFolders[] = {"/var/lib/mecab/dic/ipadic-utf8", "/usr/share/mecab/dic/ipadic-utf8",
                                    "/usr/lib/mecab/dic/ipadic", "/usr/lib64/mecab/dic/ipadic",
                                    "/usr/local/lib/mecab/dic/ipadic"};

[[noreturn]] void not_installed(const std::string& what) {
  throw UsageError(
      "--tokenize ja-mecab: " + what +
      "; install the packages libmecab2 and mecab-ipadic-utf8, or use char or a SentencePiece model (spm)");
}

template <class Function>
void find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
  if (!function) not_installed(str("libmecab.so.2 has no ", name));
}

}  // namespace

struct Mecab::Functions {
  void* (*model_new)(int, const char* const*);
  void (*model_destroy)(void*);
  void* (*model_new_tagger)(void*);
  const DictionaryInfo* (*model_dictionary_info)(void*);
  void (*destroy)(void*);
  const char* (*parse)(void*, const char*, std::size_t);
  const char* (*version)();
};

std::shared_ptr<const Mecab> Mecab::open(const std::string& folder) {
  std::shared_ptr<Mecab> mecab(new Mecab);
  void* library = ::dlopen("libmecab.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) not_installed("the library libmecab.so.2 is not installed");
  mecab->library_.reset(library, ::dlclose);
  auto f = std::make_shared<Functions>();
  find(library, "mecab_model_new", f->model_new);
  find(library, "mecab_model_destroy", f->model_destroy);
  find(library, "mecab_model_new_tagger", f->model_new_tagger);
  find(library, "mecab_model_dictionary_info", f->model_dictionary_info);
  find(library, "mecab_destroy", f->destroy);
  find(library, "mecab_sparse_tostr2", f->parse);
  find(library, "mecab_version", f->version);
  mecab->functions_ = f;
  mecab->version_ = f->version();

  std::string where = folder;
  for (const char* candidate : kFolders)
    if (where.empty() && std::filesystem::exists(std::string(candidate) + "/sys.dic")) where = candidate;
  if (where.empty()) not_installed("the IPA dictionary in UTF-8 is not installed");
  // Without a configuration file, so that no user's dictionary comes in.
  const char* arguments[] = {"mecab", "-r", "/dev/null", "-d", where.c_str(), "-Owakati"};
  void* model = f->model_new(static_cast<int>(std::size(arguments)), arguments);
  require(model, where, ": holds no dictionary that MeCab can read");
  mecab->model_.reset(model, f->model_destroy);
  const DictionaryInfo* info = f->model_dictionary_info(model);
  std::string charset = info ? info->charset : "";
  for (char& c : charset) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  require(info && !info->next && (info->size == kWords || info->size == kWordsWithReiwa) &&
              (charset == "utf-8" || charset == "utf8"),
          where, ": is not the IPA dictionary in UTF-8, which has ", kWords, " words; Debian's is mecab-ipadic-utf8");
  mecab->has_reiwa_ = info->size == kWordsWithReiwa;
  return mecab;
}

std::string Mecab::signature() const { return "ja-mecab-" + version_ + "-IPA"; }

Mecab::Tagger::Tagger(std::shared_ptr<const Mecab> mecab) : mecab_(std::move(mecab)) {
  // The deleter holds the Mecab, too: a tagger must go before its model and its library.
  tagger_.reset(mecab_->functions_->model_new_tagger(mecab_->model_.get()),
                [owner = mecab_](void* tagger) { owner->functions_->destroy(tagger); });
  require(tagger_ != nullptr, "MeCab cannot start; is there memory left?");
}

std::string_view Mecab::Tagger::operator()(std::string_view line) const {
  if (line.empty()) return line;  // MeCab takes no pointer that may be null
  if (static std::atomic<bool> told = false;
      mecab_->has_reiwa_ && line.find(kReiwa) != line.npos && !told.exchange(true))
    warn("the text has ", kReiwa,
         ", a word in Debian's IPA dictionary but not in sacreBLEU's: the score may differ from its; see "
         "--mecab-dictionary");
  const char* words = mecab_->functions_->parse(tagger_.get(), line.data(), line.size());
  require(words != nullptr, "MeCab cannot analyse a line of ", line.size(), " bytes");
  return words;
}

}  // namespace storm
