#!/usr/bin/env python3
"""One sentence at a time, as a user who waits for it: the median time from a line of text to its translation.

    latency.py --spm spm.model --weights tiny.safetensors --model tiny.st --src test.en [--sentences 200] [--beam 5]
        [--length 20] [--type int8] [--precision int8] [--threads 2]
Alternates, ten sentences a turn, between CTranslate2 (SentencePiece and translate_batch in this process) and the pipe
`tokenize | decode | tokenize -d`, whose programs must be in PATH. After its turn CTranslate2's threads get time to stop
spinning: for 0.2 seconds they would take a core from whoever comes next. Both tokenise, search with a beam (1: greedily) and detokenise;
--length: every output has so many tokens. --type is CTranslate2's, --precision decode's.
Prints one line of figures. Needs: ctranslate2, sentencepiece, numpy, safetensors.
"""
import argparse, multiprocessing, statistics, subprocess, tempfile, time
import sentencepiece
from ct2_decode import convert


def main():
    p = argparse.ArgumentParser()
    for flag in ("--spm", "--weights", "--model", "--src"):
        p.add_argument(flag, required=True)
    p.add_argument("--beam", type=int, default=5); p.add_argument("--length", type=int)
    p.add_argument("--type", default="float32"); p.add_argument("--precision", default="f32")
    p.add_argument("--sentences", type=int, default=200); p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    sp = sentencepiece.SentencePieceProcessor(model_file=a.spm)
    pieces = [sp.id_to_piece(i) for i in range(sp.get_piece_size())]
    lines = open(a.src, encoding="utf-8").read().removesuffix("\n").split("\n")[: a.sentences]
    with tempfile.TemporaryDirectory() as d:
        job = multiprocessing.get_context("spawn").Process(target=convert, args=(a.weights, None, pieces, d))
        job.start(); job.join()
        assert job.exitcode == 0
        import ctranslate2
        t = ctranslate2.Translator(d, device="cpu", compute_type=a.type, inter_threads=1, intra_threads=a.threads)
    pipe = (f"tokenize -q -m {a.model} | decode -q -m {a.model} --beam {a.beam} --length-norm power-eos --min-length {a.length or 0} "
            f"--max-length {a.length or 256} --precision {a.precision} --threads {a.threads} | tokenize -d")
    storm = subprocess.Popen(pipe, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    limit = dict(min_decoding_length=a.length, max_decoding_length=a.length) if a.length else {}

    def theirs(line):
        r = t.translate_batch([sp.encode_as_pieces(line) + [pieces[3]]], beam_size=a.beam, length_penalty=1, **limit)
        return sp.decode_pieces(r[0].hypotheses[0])

    def ours(line):
        storm.stdin.write(line.encode() + b"\n"); storm.stdin.flush()
        return storm.stdout.readline().decode().removesuffix("\n")

    def timed(go, line):
        start = time.perf_counter()
        go(line)
        return 1000 * (time.perf_counter() - start)

    theirs(lines[0]), ours(lines[0])
    times = [], []
    for turn in range(0, len(lines), 10):
        for go, found in zip((ours, theirs), times):
            found += [timed(go, x) for x in lines[turn : turn + 10]]
        time.sleep(0.3)
    ms = [statistics.median(x) for x in times]
    print(f"sentences={len(lines)} threads={a.threads} beam={a.beam} precision={a.precision} type={a.type} storm_ms={ms[0]:.2f} ctranslate2_ms={ms[1]:.2f} ratio={ms[0] / ms[1]:.2f}")
    storm.stdin.close(); storm.wait()


if __name__ == "__main__":
    main()
