#!/usr/bin/env python3
"""The Hugging Face peer of decoding: transformers' generate on a Marian model of a preset's shape, with random weights.

    marian_generate.py --spm spm.model --src test.en --preset base --length 20 --device cuda --dtype f16
Every output is --length tokens and then </s>, so that each side does the same number of steps. Sentences are sorted by length and
padded, at most --max-tokens padded source tokens a batch, and lie on the device before the clock starts; one batch is run before.
Tokens are counted without </s>. Prints one line of figures. Needs: torch, transformers, sentencepiece.
"""
import argparse, resource, sys, time
import sentencepiece, torch

PRESETS = {  # layers, d_model, d_ff, heads
    "tiny": (4, 128, 256, 4),
    "small": (3, 256, 1024, 4),
    "base": (6, 512, 2048, 8),
    "big": (6, 1024, 4096, 16),
}
PAD, BOS, EOS = 0, 2, 3


def model(preset, vocabulary):
    from transformers import MarianConfig, MarianMTModel
    layers, d, f, h = PRESETS[preset]
    torch.manual_seed(1)
    return MarianMTModel(MarianConfig(
        vocab_size=vocabulary, d_model=d, encoder_layers=layers, decoder_layers=layers, encoder_ffn_dim=f, decoder_ffn_dim=f,
        encoder_attention_heads=h, decoder_attention_heads=h, activation_function="relu", scale_embedding=True,
        max_position_embeddings=1024, pad_token_id=PAD, bos_token_id=BOS, eos_token_id=EOS, decoder_start_token_id=BOS))


def batches(rows, max_tokens, device):
    """Longest first: (ids, mask) of at most max_tokens padded tokens, on the device."""
    out, cur = [], []
    for row in sorted(rows, key=len, reverse=True):
        if cur and len(cur[0]) * (len(cur) + 1) > max_tokens:
            out.append(cur)
            cur = []
        cur.append(row)
    out.append(cur)
    ids = [torch.tensor([r + [PAD] * (len(b[0]) - len(r)) for r in b], device=device) for b in out]
    return [(x, (x != PAD).long()) for x in ids]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--spm", required=True)
    p.add_argument("--src", required=True)
    p.add_argument("--preset", choices=PRESETS, default="base")
    p.add_argument("--length", type=int, default=20)
    p.add_argument("--beam", type=int, default=5)
    p.add_argument("--max-tokens", type=int, default=4096)
    p.add_argument("--dtype", choices=["f32", "f16", "bf16"], default="f32")
    p.add_argument("--device", default="cpu")
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    sp = sentencepiece.SentencePieceProcessor(model_file=a.spm)
    assert (sp.pad_id(), sp.unk_id(), sp.bos_id(), sp.eos_id()) == (PAD, 1, BOS, EOS), "the model needs pad 0, unk 1, bos 2, eos 3"
    try:
        net = model(a.preset, sp.get_piece_size())
    except ImportError as e:
        sys.exit(f"marian_generate.py: {e}")
    net = net.to(a.device, {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[a.dtype]).eval()
    lines = open(a.src, encoding="utf-8").read().removesuffix("\n").split("\n")
    todo = batches([[*ids, EOS] for ids in sp.encode(lines)], a.max_tokens, a.device)
    cuda = torch.device(a.device).type == "cuda"
    sync = torch.cuda.synchronize if cuda else lambda: None

    def generate(ids, mask):
        out = net.generate(input_ids=ids, attention_mask=mask, num_beams=a.beam, do_sample=False, early_stopping=True,
                           min_new_tokens=a.length, max_new_tokens=a.length + 1, forced_eos_token_id=EOS, use_cache=True)
        assert out.shape == (len(ids), a.length + 2), f"outputs of {out.shape[1] - 2} tokens, not of {a.length}"

    with torch.inference_mode():
        generate(*todo[0])
        sync()
        start = time.perf_counter()
        for batch in todo:
            generate(*batch)
        sync()
        t = time.perf_counter() - start
    import transformers
    mem = torch.cuda.max_memory_reserved() / 2**20 if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"transformers {transformers.__version__} torch {torch.__version__} {a.preset} {a.dtype} {a.device} beam={a.beam} "
          f"attention={net.config._attn_implementation} batches={len(todo)} sentences={len(lines)} tokens={len(lines) * a.length} "
          f"seconds={t:.2f} target_tokens/s={len(lines) * a.length / t:.0f} peak_MiB={mem:.0f}")


if __name__ == "__main__":
    main()
