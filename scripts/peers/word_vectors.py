#!/usr/bin/env python3
"""gensim and fastText as peers of embed --learn: how fast they train word vectors, and what those know.

    word_vectors.py train gensim|fasttext --corpus FILE [--from corpus_file|lists] [--method skipgram|cbow] [--dim 100] [--window 5] [--negative 5]
                    [--sample 1e-4] [--min-count 5] [--epochs 5] [--lr 0.025] [--subwords 3,6] [--threads 2] [--seed 1] [--pairs FILE]... [-o vectors.txt]
    word_vectors.py score VECTORS... --pairs FILE...
train: prints one line of figures: words, of all epochs, with those too rare for the vocabulary; seconds of wall clock and of this process's CPU
time, of the training alone: the vocabulary is made before the clock starts, and of fastText, which does both in one call, the seconds of a run
of no epochs are taken off. --from: gensim reads the file itself, or is given lists of words, which are in memory before. -o: word2vec text.
score, and train --pairs: Spearman's rank correlation with FILE's scores by gensim's evaluate_word_pairs, times 100, of pairs that the vocabulary
holds. fastText has no seed. Needs gensim; fasttext-wheel.
"""
import argparse, os, pathlib, resource, time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of a word's dot product
from gensim.models import KeyedVectors, Word2Vec


def timed(work):
    """Seconds of wall clock and of CPU time, all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def gensim_trained(a):
    corpus = {"corpus_file": a.corpus}
    if a.source == "lists":
        with open(a.corpus, encoding="utf-8") as text:
            corpus = {"corpus_iterable": [words for words in map(str.split, text) if words]}
    model = Word2Vec(sg=int(a.method == "skipgram"), vector_size=a.dim, window=a.window, negative=a.negative, hs=int(a.negative == 0), sample=a.sample,
                     min_count=a.min_count, alpha=a.lr, workers=a.threads, seed=a.seed)  # fmt: skip
    model.build_vocab(**corpus)
    spent = timed(lambda: model.train(**corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=a.epochs))
    return model.wv, model.corpus_total_words * a.epochs, spent


def fasttext_trained(a):
    import fasttext
    least, most = map(int, (a.subwords or "0,0").split(","))
    found = []

    def train(epochs):
        found[:] = [fasttext.train_unsupervised(a.corpus, model=a.method, lr=a.lr, dim=a.dim, ws=a.window, epoch=epochs, minCount=a.min_count, minn=least, maxn=most,
                    neg=a.negative, loss="ns" if a.negative else "hs", bucket=2000000 if most else 0, thread=a.threads, t=a.sample, verbose=0)]  # fmt: skip

    before = timed(lambda: train(0))
    spent = [most - least for most, least in zip(timed(lambda: train(a.epochs)), before)]
    model = found[0]
    words = [w for w in model.get_words() if w != "</s>"]
    vectors = KeyedVectors(a.dim)
    vectors.add_vectors(words, [model.get_word_vector(w) for w in words])
    with open(a.corpus, encoding="utf-8") as text:
        lines = [len(line.split()) for line in text]
    # Its epochs are of as many known words as the text has words, with line ends, known or not: longer than the text.
    known = sum(model.get_words(include_freq=True)[1])
    return vectors, round(a.epochs * sum(lines) * (sum(lines) + len(lines)) / known), spent


def scores(vectors, files):
    return " ".join(f"{pathlib.Path(f).stem}={100 * vectors.evaluate_word_pairs(f)[1][0]:.4f}" for f in files)


def main():
    p = argparse.ArgumentParser()
    commands = p.add_subparsers(dest="command", required=True)
    score = commands.add_parser("score")
    score.add_argument("vectors", nargs="+")
    train = commands.add_parser("train")
    train.add_argument("peer", choices=["gensim", "fasttext"])
    train.add_argument("--corpus", required=True); train.add_argument("--from", dest="source", choices=["corpus_file", "lists"], default="corpus_file")
    train.add_argument("--method", choices=["skipgram", "cbow"], default="skipgram"); train.add_argument("--subwords"); train.add_argument("-o", dest="output")
    for flag, value in dict(dim=100, window=5, negative=5, min_count=5, epochs=5, threads=2, seed=1).items():
        train.add_argument(f"--{flag.replace('_', '-')}", type=int, default=value)
    train.add_argument("--sample", type=float, default=1e-4); train.add_argument("--lr", type=float, default=0.025)
    for command in (score, train):
        command.add_argument("--pairs", action="append", default=[])
    a = p.parse_args()
    if a.command == "score":
        for file in a.vectors:
            print(f"{file} {scores(KeyedVectors.load_word2vec_format(file), a.pairs)}", flush=True)
        return
    vectors, words, (wall, cpu) = {"gensim": gensim_trained, "fasttext": fasttext_trained}[a.peer](a)
    if a.output:
        vectors.save_word2vec_format(a.output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"words={words} vocabulary={len(vectors)} seconds={wall:.3f} cpu_seconds={cpu:.3f} words/s={words / wall:.0f} words/cpu_s={words / cpu:.0f} "
          f"peak_MiB={peak:.1f} {scores(vectors, a.pairs)}".rstrip())  # fmt: skip


main()
