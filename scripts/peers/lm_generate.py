#!/usr/bin/env python3
"""The peers of generating text: CTranslate2's Generator and Hugging Face's generate, greedy, of a GPT-2 with random weights.

    lm_generate.py --make gpt2 --vocab 50257                            # writes gpt2/, Hugging Face's folder, and gpt2/ct2, CTranslate2's
    lm_generate.py --model gpt2 --engine ct2 --prompts prompts.ids --new 128 [--type int8] [--threads 2]
    lm_generate.py --model gpt2 --engine hf --prompts prompts.ids --new 128 [--compile]
prompts.ids: a line of ids for each text, all of the same number; EOS (3) goes before them, as decode puts it there. All are one batch;
each gets --new tokens, EOS forbidden. --compile: a static cache and torch.compile. A first run, of which no figures are taken, warms up (of
two tokens, or with --compile of all). Prints one line of figures. Needs: torch, transformers, ctranslate2.
"""
import argparse, os, resource, time
import torch

EOS = 3


def make(folder, vocab):
    import ctranslate2, tokenizers, transformers
    torch.manual_seed(1)
    config = transformers.GPT2Config(vocab_size=vocab, bos_token_id=EOS, eos_token_id=EOS, dtype="float32")
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    words = tokenizers.models.WordLevel({f"w{i}": i for i in range(vocab)}, unk_token="w1")
    end = f"w{EOS}"
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(words), unk_token="w1", bos_token=end,
                                         eos_token=end).save_pretrained(folder)
    ctranslate2.converters.TransformersConverter(folder).convert(os.path.join(folder, "ct2"))


def ctranslate2_generator(a, prompts):
    import ctranslate2
    net = ctranslate2.Generator(os.path.join(a.model, "ct2"), compute_type=a.type, inter_threads=1, intra_threads=a.threads)
    prompts = [[f"w{i}" for i in p] for p in prompts]

    def run(new):
        out = net.generate_batch(prompts, max_length=new, min_length=new, sampling_topk=1, beam_size=1, include_prompt_in_result=False)
        return [x.sequences_ids[0] for x in out]

    return run, f"ctranslate2 {ctranslate2.__version__}"


def huggingface_generator(a, prompts):
    import transformers
    torch.set_num_threads(a.threads)
    net = transformers.GPT2LMHeadModel.from_pretrained(a.model).eval()
    x = torch.tensor(prompts)
    more = {}
    if a.compile:
        net.forward = torch.compile(net.forward)
        more["cache_implementation"] = "static"

    def run(new):
        with torch.inference_mode():
            y = net.generate(x, attention_mask=torch.ones_like(x), max_new_tokens=new, min_new_tokens=new, do_sample=False, num_beams=1,
                             use_cache=True, pad_token_id=0, **more)
        return y[:, x.shape[1]:].tolist()

    return run, f"transformers {transformers.__version__} compile={int(a.compile)}"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--make", metavar="FOLDER"); p.add_argument("--vocab", type=int, default=50257)
    p.add_argument("--model"); p.add_argument("--engine", choices=["ct2", "hf"]); p.add_argument("--prompts"); p.add_argument("--new", type=int, default=128)
    p.add_argument("--type", default="float32", help="what CTranslate2 computes with, of the float32 weights")
    p.add_argument("--compile", action="store_true"); p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    if a.make:
        return make(a.make, a.vocab)
    prompts = [[EOS, *map(int, line.split())] for line in open(a.prompts, encoding="utf-8")]
    run, name = {"ct2": ctranslate2_generator, "hf": huggingface_generator}[a.engine](a, prompts)
    run(a.new if a.compile else 2)
    start, cpu = time.perf_counter(), time.process_time()
    out = run(a.new)
    t, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert all(len(y) == a.new and EOS not in y for y in out), [len(y) for y in out]
    n = sum(map(len, out))
    print(f"{name} batch={len(out)} prompt={len(prompts[0])} threads={a.threads} seconds={t:.2f} tokens/s={n / t:.2f} tokens/cpu_s={n / cpu:.2f} "
          f"peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


if __name__ == "__main__":
    main()
