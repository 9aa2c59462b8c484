#include "text/tokenizer_json.h"

#include <algorithm>

#include "base/error.h"
#include "text/byte_bpe_vocabulary.h"
#include "text/wordpiece_vocabulary.h"

namespace storm {

namespace {

using Json = nlohmann::json;

struct ModelKind {
  std::string_view type;
  std::unique_ptr<const VocabularyKind> (*make)(JsonFields& root, JsonFields& model);
};
constexpr ModelKind kModels[] = {{"WordPiece", make_wordpiece}, {"BPE", make_byte_bpe}};

void read_added(JsonFields& root, TokenizerPieces& pieces) {
  if (!root.has("added_tokens")) return;
  const Json& all = root.any("added_tokens");
  if (!all.is_array()) root.fail_at("added_tokens", "no list");
  const auto most = pieces.pieces.size() + all.size();
  std::unordered_set<std::string> seen;
  std::unordered_map<std::string, int32_t> of_model;
  for (const auto& piece : pieces.pieces) of_model.emplace(piece, static_cast<int32_t>(of_model.size()));
  auto next = static_cast<int64_t>(pieces.pieces.size());
  for (const Json& entry : all) {
    JsonFields token(entry, root.where() + ".added_tokens");
    AddedToken added{.content = token.text("content"),
                     .id = -1,
                     .lstrip = token.on("lstrip", false),
                     .rstrip = token.on("rstrip", false),
                     .normalized = token.on("normalized", true),
                     .special = token.on("special", false)};
    token.only("single_word", false);
    if (added.content.empty()) token.fail_at("content", "no text");
    if (!seen.insert(added.content).second) token.fail_at("content", "'", added.content, "' is there twice");
    // tokenizers numbers what the model does not have itself.
    const auto it = of_model.find(added.content);
    added.in_model = it != of_model.end();
    const int64_t wanted = added.in_model ? it->second : next;
    if (const auto id = token.integer("id", -1); id != wanted)
      token.fail_at("id", "'", added.content, "' has ", id, ", tokenizers would give it ", wanted);
    added.id = static_cast<int32_t>(wanted);
    if (!added.in_model) pieces.put(next++, added.content, most, token.where());
    pieces.added.push_back(std::move(added));
    token.done();
  }
}

struct TextEnds {
  std::string bos, eos;
};

TextEnds template_ends(JsonFields& post) {
  TextEnds ends;
  bool behind = false;
  const Json& parts = post.any("single");
  if (!parts.is_array()) post.fail_at("single", "no list");
  for (const Json& part : parts) {
    if (part.is_object() && part.contains("Sequence")) {
      if (behind) post.fail_at("single", "more than one text is not supported");
      behind = true;
      continue;
    }
    if (!part.is_object() || !part.contains("SpecialToken")) post.fail_at("single", "neither a text nor a token");
    JsonFields token(part["SpecialToken"], post.where() + ".single");
    auto& end = behind ? ends.eos : ends.bos;
    if (!end.empty()) post.fail_at("single", "more than one token on one side of the text is not supported");
    end = token.text("id");
  }
  return ends;
}

// What a post-processor puts before and behind a single text.
TextEnds text_ends(JsonFields& root) {
  if (!root.has("post_processor")) return {};
  JsonFields post = root.object("post_processor");
  const auto type = post.text("type");
  if (type == "ByteLevel") return {};  // offsets alone
  if (type == "TemplateProcessing") return template_ends(post);
  if (type != "BertProcessing" && type != "RobertaProcessing") post.fail_at("type", type, " is not supported");
  const auto name = [&](const std::string& key) {
    const Json& pair = post.any(key);
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string())
      post.fail_at(key, "no pair of a piece and its id");
    return pair[0].get<std::string>();
  };
  return {name("cls"), name("sep")};
}

std::unique_ptr<const VocabularyKind> make_from_json(const std::string& bytes, std::string_view name) {
  const Json document = parse_json(bytes, name);
  JsonFields root(document, std::string(name));
  for (const char* passed_over : {"version", "truncation", "padding"}) root.ignore(passed_over);
  JsonFields model = root.object("model");
  const auto type = model.text("type", model.has("merges") ? "BPE" : "WordPiece");  // some files do not say it
  for (const auto& kind : kModels) {
    if (kind.type != type) continue;
    auto made = kind.make(root, model);
    model.done();
    root.done();
    return made;
  }
  model.fail_at("type", type, " is not supported; WordPiece and byte-level BPE are");
}

}  // namespace

bool is_json_object(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin != text.npos && text[begin] == '{';
}

int32_t TokenizerPieces::id_of(std::string_view piece) const {
  const auto it = piece.empty() ? pieces.end() : std::ranges::find(pieces, piece);
  return it == pieces.end() ? -1 : static_cast<int32_t>(it - pieces.begin());
}

bool TokenizerPieces::is_added(std::string_view content) const {
  return std::ranges::any_of(added, [&](const AddedToken& token) { return token.content == content; });
}

void TokenizerPieces::put(int64_t id, const std::string& piece, std::size_t most, const std::string& where) {
  require(!piece.empty(), where, ": a piece without text has the id ", id);
  require(id >= 0 && id < static_cast<int64_t>(most), where, ": '", piece, "' has the id ", id, " of no more than ",
          most, " pieces");
  const auto at = static_cast<std::size_t>(id);
  if (at >= pieces.size()) pieces.resize(at + 1);
  require(pieces[at].empty() || pieces[at] == piece, where, ": '", pieces[at], "' and '", piece, "' have the id ", id);
  pieces[at] = piece;
}

void TokenizerPieces::check(const std::string& where) const {
  std::unordered_set<std::string_view> seen;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    require(!pieces[id].empty(), where, ": no piece has the id ", id);
    require(seen.insert(pieces[id]).second, where, ": '", pieces[id], "' is there twice, the second time with the id ",
            id);
  }
  require(!pieces.empty(), where, ": no pieces");
  for (const auto* name : {&pad, &unk, &bos, &eos})
    require(name->empty() || seen.contains(*name), where, ": no piece '", *name, "'");
}

TokenizerVocabulary::TokenizerVocabulary(TokenizerPieces pieces, const std::string& where)
    : pieces_(std::move(pieces)), special_(pieces_.special()) {
  pieces_.check(where);
  for (int32_t id = 0; id < size(); ++id) ids_.emplace(piece(id), id);
  for (const auto& token : added())
    if (!token.in_model) added_alone_.insert(token.id);
}

std::vector<std::string> TokenizerVocabulary::encode_pieces(std::string_view line) const {
  std::vector<int32_t> ids;
  encode(line, ids, nullptr);
  std::vector<std::string> pieces;
  for (const auto id : ids) pieces.push_back(piece(id));
  return pieces;
}

TokenizerPieces read_pieces(JsonFields& root, JsonFields& model, std::string_view otherwise_bos,
                            std::string_view otherwise_eos) {
  TokenizerPieces pieces;
  const auto where = model.where() + ".vocab";
  const Json& vocab = model.any("vocab");
  require(vocab.is_object(), where, ": no object of pieces and ids");
  for (const auto& [piece, id] : vocab.items()) {
    require(id.is_number_integer(), where, ": '", piece, "' has no whole number");
    pieces.put(id.get<int64_t>(), piece, vocab.size(), where);
  }
  read_added(root, pieces);
  const auto first_added = [&](std::initializer_list<std::string_view> names) {
    const auto* it = std::ranges::find_if(names, [&](std::string_view name) { return pieces.is_added(name); });
    return it == names.end() ? "" : std::string(*it);
  };
  const auto [bos, eos] = text_ends(root);
  pieces.bos = bos.empty() ? first_added({otherwise_bos}) : bos;
  pieces.eos = eos.empty() ? first_added({otherwise_eos}) : eos;
  pieces.pad = first_added({"[PAD]", "<pad>"});
  return pieces;
}

std::string json_quoted(std::string_view text) { return Json(text).dump(); }

std::string tokenizer_json(const TokenizerPieces& pieces, const TokenizerJson& parts) {
  const auto on = [](bool value) { return value ? "true" : "false"; };
  std::string added, vocab;
  for (const auto& token : pieces.added)
    added += str(added.empty() ? "" : ",", "\n{\"id\":", token.id, ",\"content\":", json_quoted(token.content),
                 ",\"single_word\":false,\"lstrip\":", on(token.lstrip), ",\"rstrip\":", on(token.rstrip),
                 ",\"normalized\":", on(token.normalized), ",\"special\":", on(token.special), "}");
  for (std::size_t id = 0; id < pieces.pieces.size(); ++id)
    vocab += str(id == 0 ? "\n" : ",\n", json_quoted(pieces.pieces[id]), ":", id);
  std::string single, around, behind_second;
  const auto special = [](const std::string& name, int segment) {
    return str("{\"SpecialToken\":{\"id\":", json_quoted(name), ",\"type_id\":", segment, "}}");
  };
  const auto end = [&](const std::string& name) {
    if (name.empty()) return;
    single += str(single.empty() ? "" : ",", special(name, 0));
    const auto entry = str(json_quoted(name), ":{\"id\":", json_quoted(name), ",\"ids\":[", pieces.id_of(name),
                           "],\"tokens\":[", json_quoted(name), "]}");
    if (around != entry) around += (around.empty() ? "" : ",") + entry;
  };
  end(pieces.bos);
  single += str(single.empty() ? "" : ",", R"({"Sequence":{"id":"A","type_id":0}})");
  end(pieces.eos);
  if (!pieces.eos.empty()) behind_second = "," + special(pieces.eos, 1);
  // What GPT-2's tokenizers have: they put nothing around a text, which a model is to go on with.
  std::string post_processor = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true})";
  if (pieces.bos != kEndOfText || pieces.eos != kEndOfText)
    post_processor =
        str(R"({"type":"TemplateProcessing","single":[)", single, R"(],"pair":[)", single,
            R"(,{"Sequence":{"id":"B","type_id":1}})", behind_second, R"(],"special_tokens":{)", around, "}}");
  return str(R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)", added,
             "],\n\"normalizer\":", parts.normalizer, ",\n\"pre_tokenizer\":", parts.pre_tokenizer,
             ",\n\"post_processor\":", post_processor, ",\n\"decoder\":", parts.decoder, ",\n\"model\":{", parts.model,
             "\"vocab\":{", vocab, "}", parts.behind, "}}\n");
}

std::string extended_tokenizer_json(const std::string& json, std::span<const std::string> pieces,
                                    bool as_added_tokens) {
  auto document = parse_json(json, "vocabulary");
  auto& vocab = document["model"]["vocab"];
  auto next = static_cast<int64_t>(vocab.size());
  for (const Json& token : document["added_tokens"]) next = std::max(next, token["id"].get<int64_t>() + 1);
  if (document["added_tokens"].is_null()) document["added_tokens"] = Json::array();
  require(as_added_tokens || next == static_cast<int64_t>(vocab.size()),
          "added tokens stand behind the pieces of this vocabulary, where more pieces would have to go");
  for (const auto& piece : pieces) {
    if (as_added_tokens)
      document["added_tokens"].push_back({{"id", next},
                                          {"content", piece},
                                          {"single_word", false},
                                          {"lstrip", false},
                                          {"rstrip", false},
                                          {"normalized", false},
                                          {"special", false}});
    else if (!vocab.emplace(piece, next).second)
      continue;
    ++next;
  }
  return document.dump();
}

const VocabularyMaker kTokenizerJsonMaker{"a tokenizer.json", is_json_object, make_from_json};

}  // namespace storm
