#!/usr/bin/env python3
"""The peers of embed with all-MiniLM-L6-v2: transformers and ONNX Runtime.

    minilm.py rate FOLDER --text lines.txt --batch 32                  transformers; prints one line of figures
    minilm.py rate FOLDER --text lines.txt --batch 32 --onnx model.onnx
    minilm.py export FOLDER model.onnx                                 exported, then fused by onnxruntime.transformers
    minilm.py quantize model.onnx int8.onnx                            products of int8, activations quantised as they come
    minilm.py cosines FOLDER lines.txt model.onnx int8.onnx            of each line's vectors by the two: the mean, and the lowest
    minilm.py cosines-of a.st b.st                                     the same of embed's vectors
    minilm.py texts multi30k/ wikitext-2/ > texts.txt                  2,000 lines of all sorts
    minilm.py compare FOLDER texts.txt vectors.st                      embed's vectors beside transformers'; 1 above 1e-5

A vector is the mean of all tokens' states, [CLS] and [SEP] among them, of length 1. Lines are sorted by length, longest first, --batch of
them are padded to one length, all before the clock starts; one pass of the first and of the last is not timed. Needs: torch and
transformers, or onnxruntime and tokenizers, and onnx for export.
"""
import argparse, itertools, json, pathlib, random, resource, sys, time
import numpy as np

EACH = 16  # texts that compare passes at once


def rows_of(folder, lines):
    """Ids of each line as the folder asks for: with [CLS] and [SEP], cut."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(json.loads(pathlib.Path(folder, "sentence_bert_config.json").read_text())["max_seq_length"])
    return [e.ids for e in tokenizer.encode_batch(lines)]


def batches(rows, size):
    """Places, padded ids and the mask of each batch."""
    order, out = sorted(range(len(rows)), key=lambda i: -len(rows[i])), []
    for i in range(0, len(order), size):
        places = order[i:i + size]
        ids = np.zeros((len(places), len(rows[places[0]])), np.int64)
        for j, p in enumerate(places):
            ids[j, :len(rows[p])] = rows[p]
        lengths = np.array([len(rows[p]) for p in places])
        out.append((places, ids, (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)))
    return out


def by_transformers(folder, threads):
    import torch
    from transformers import AutoModel
    from transformers.utils import logging
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    net = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def vectors(ids, mask):
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        states = net(input_ids=ids, attention_mask=mask).last_hidden_state
        return torch.nn.functional.normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).numpy()

    return vectors


def by_onnxruntime(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def vectors(ids, mask):
        states = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
        mean = (states * mask[..., None].astype(np.float32)).sum(1) / mask.sum(1, keepdims=True).astype(np.float32)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return vectors


def rate(a):
    rows = rows_of(a.folder, pathlib.Path(a.text).read_text(encoding="utf-8").split("\n")[:-1])
    vectors = by_onnxruntime(a.onnx, a.threads) if a.onnx else by_transformers(a.folder, a.threads)
    todo = batches(rows, a.batch)
    for _, ids, mask in (todo[0], todo[-1]):
        vectors(ids, mask)
    begin = time.perf_counter()
    for _, ids, mask in todo:
        vectors(ids, mask)
    seconds, tokens = time.perf_counter() - begin, sum(map(len, rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"seconds={seconds:.3f} source_tokens={tokens} source_tokens/s={tokens / seconds:.1f} peak_MiB={peak:.0f}")


def export(a):
    import torch
    from onnxruntime.transformers import optimizer
    from transformers import AutoModel
    net = AutoModel.from_pretrained(a.folder, attn_implementation="eager").eval()  # what the optimizer knows as attention

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, ids, mask, types):
            return self.net(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

    ids, names, free = torch.ones(2, 16, dtype=torch.long), ["input_ids", "attention_mask", "token_type_ids"], {0: "texts", 1: "tokens"}
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    torch.onnx.export(States(), (ids, mask, torch.zeros_like(ids)), a.onnx, input_names=names, output_names=["states"],
                      dynamic_axes={n: free for n in names + ["states"]}, opset_version=17, dynamo=False)
    fused = optimizer.optimize_model(a.onnx, model_type="bert", num_heads=net.config.num_attention_heads, hidden_size=net.config.hidden_size)
    attentions = fused.get_fused_operator_statistics()["Attention"]
    if attentions != net.config.num_hidden_layers:
        sys.exit(f"minilm.py: {attentions} of {net.config.num_hidden_layers} layers' attention were fused: no fair peer")
    fused.save_model_to_file(a.onnx)


def quantize(a):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    # The shapes behind fused nodes cannot be inferred, and without a type for them nothing is quantised.
    quantize_dynamic(a.model, a.onnx, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def tell_cosines(x, y):
    c = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    print(f"vectors={len(c)} mean_cosine={c.mean():.6f} lowest_cosine={c.min():.6f}")


def cosines(a):
    todo, both = batches(rows_of(a.folder, pathlib.Path(a.text).read_text(encoding="utf-8").split("\n")[:-1]), EACH), []
    for path in (a.model, a.onnx):
        vectors = by_onnxruntime(path, a.threads)
        both.append(np.concatenate([vectors(ids, mask) for _, ids, mask in todo]))
    tell_cosines(*both)


def cosines_of(a):
    from safetensors.numpy import load_file
    tell_cosines(*(load_file(path)["lines.vectors"] for path in (a.vectors, a.others)))


def texts(a):
    """Captions in two languages, paragraphs, some longer than the model takes, other scripts, mixtures, marks, nothing at all."""
    rng = random.Random(1)
    lines = lambda path: [l for l in pathlib.Path(path).read_text(encoding="utf-8").split("\n") if l.strip()]
    english, german = lines(f"{a.multi30k}/val.en"), lines(f"{a.multi30k}/val.de")
    articles = lines(f"{a.wikitext}/valid.txt")
    others = [s.split(" ") for s in (
        "Съешь ещё этих мягких французских булок , да выпей же чаю .", "Привіт , як справи ? Щастя їжа ґанок", "今日は 天気が いいから 、 散歩 しましょう 。",
        "我们 在 公园里 看见 一只 黑色的 狗 。", "나는 학교에 갑니다 . 오늘 날씨가 좋다", "كلب أسود يجري على الشاطئ مع طفلين", "הכלב השחור רץ על החוף",
        "Ο σκύλος τρέχει στην παραλία", "कुत्ता समुद्र तट पर दौड़ता है", "naïve café Straße İstanbul Zürich smørrebrød łódź", "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] ##ing",
        "🙂 👩‍👩‍👧 — “ ” … € ½ ² ﬁ \u200b \ufeff \xa0 \t", "don't I'll 3.5 1,000 a.b e-mail@example.org http://example.org/?q=1")]
    every = list(itertools.chain(*others))
    out = ["", " ", "a", "[SEP]", "[MASK] [CLS]"] + [" ".join(s) for s in others]
    out += rng.sample(english, 500) + rng.sample(german, 500) + rng.sample(articles, 500)
    out += [" ".join(rng.sample(articles, rng.randrange(3, 6))) for _ in range(80)]  # most of them longer than 256 tokens
    out += [" ".join(rng.choice(rng.choice(others)) for _ in range(rng.randrange(1, 120))) for _ in range(200)]
    while len(out) < 2000:
        words = rng.choice(english).split() + rng.choice(german).split() + rng.sample(every, rng.randrange(1, 10))
        rng.shuffle(words)
        out.append(" ".join(words))
    sys.stdout.buffer.write("".join(l + "\n" for l in out).encode())


def compare(a):
    from safetensors.numpy import load_file
    lines = pathlib.Path(a.texts).read_bytes().decode().split("\n")[:-1]
    ours = load_file(a.vectors)["lines.vectors"]
    rows = rows_of(a.folder, lines)
    vectors, worst, where = by_transformers(a.folder, a.threads), -1.0, 0
    if ours.shape[0] != len(lines):
        sys.exit(f"minilm.py: {ours.shape[0]} vectors of {len(lines)} lines")
    for places, ids, mask in batches(rows, EACH):
        far = np.abs(vectors(ids, mask) - ours[places]).max(1)
        if not far.max() <= worst:  # a NaN, too
            worst, where = far.max(), places[int(far.argmax())]
    longest = max(map(len, rows))
    print(f"{len(lines)} lines, {sum(map(len, rows))} tokens, {sum(len(r) == longest for r in rows)} lines cut at {longest}: the largest difference "
          f"from transformers' vectors is {worst:.1e} (line {where + 1})")
    sys.exit(0 if worst <= 1e-5 else 1)


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
commands = p.add_subparsers(required=True)
for run, names in ((rate, ["folder"]), (export, ["folder", "onnx"]), (quantize, ["model", "onnx"]), (cosines, ["folder", "text", "model", "onnx"]),
                   (cosines_of, ["vectors", "others"]), (texts, ["multi30k", "wikitext"]), (compare, ["folder", "texts", "vectors"])):
    command = commands.add_parser(run.__name__.replace("_", "-"))
    command.set_defaults(run=run)
    for name in names:
        command.add_argument(name)
    command.add_argument("--threads", type=int, default=2)
    if run is rate:
        command.add_argument("--text", required=True)
        command.add_argument("--batch", type=int, default=32)
        command.add_argument("--onnx", help="this model, by ONNX Runtime")
a = p.parse_args()
a.run(a)
