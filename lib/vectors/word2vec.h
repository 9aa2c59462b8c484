// Vectors in word2vec's formats, text and binary, as gensim and others read them
// (https://github.com/tmikolov/word2vec, the end of TrainModel in word2vec.c).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/output.h"

namespace storm {

// fasttext: text with a space behind each row, as in fastText's .vec files.
enum class Word2vecFormat : uint8_t { text, binary, fasttext };

// A word as these formats can hold it, which end it at a space: a space becomes U+2581, SentencePiece's sign for one;
// ASCII's control characters become \x0A and the like, an empty word \x, and a backslash before an x comes twice, so
// that no other word looks like these.
std::string word2vec_word(std::string_view word);

// word(i): the text of row i; read(i, to): its vector, to: [width]. Text has the shortest digits that read back as the
// same f32. Memory: a row. Throws Error that names the word for NaN and infinities.
void write_word2vec(int64_t rows, int64_t width, const std::function<std::string(int64_t)>& word,
                    const std::function<void(int64_t, std::span<float>)>& read, Word2vecFormat format, Output& output);
// The same of vectors in memory: [words, width].
void write_word2vec(std::span<const float> vectors, int64_t width, const std::function<std::string(int64_t)>& word,
                    Word2vecFormat format, Output& output);

}  // namespace storm
