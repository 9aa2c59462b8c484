#!/usr/bin/env python3
"""The peer of scripts/fine-tune: transformers fine-tunes the same BERT on the same rows, for as many epochs, at the same rate.

    fine_tune.py TASK FOLDER ROWS --seed 1 --epochs 3 --lr 1e-4 [--lora 8] [--threads 2] -o predictions.txt
    fine_tune.py sst2 FOLDER ROWS --rate train|classify [--batch 32] [--steps 40]    # rows a second; classify: sorted by length, all rows

TASK: sst2, btc, wnut17, squad. FOLDER: the model's, as the Hugging Face hub has it. ROWS: a folder with train.tsv, test.in and, but for squad,
dev.tsv, as scripts/fine-tune makes them. AdamW without weight decay, a linear schedule with a fifth of an epoch of warmup, gradients clipped to
1 (as transformers' Trainer does), batches of 32 rows padded to the longest. Of the epochs, that which is best on dev. Prints the seconds of
training. Needs torch and transformers, with --lora peft, for btc and wnut17 seqeval.
"""
import argparse, pathlib, random, resource, time
import torch
from transformers import AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

BATCH, WINDOW, OVERLAP, LONGEST_ANSWER = 32, 384, 128, 30
WARM = 3  # updates, or batches, before the clock starts


def lines(path):
    return [line.split("\t") for line in pathlib.Path(path).read_text("utf8").split("\n")[:-1]]


def padded(rows, pad, width):
    return torch.tensor([r + [pad] * (width - len(r)) for r in rows])


class Task:
    """What is common: batches of encoded rows, updates, and what is best on dev."""

    def __init__(self, args):
        self.args, self.rows = args, pathlib.Path(args.rows)
        self.tokenizer = AutoTokenizer.from_pretrained(args.folder)
        self.train = self.encoded(lines(self.rows / "train.tsv"))

    def batch(self, rows):
        width = max(len(r["input_ids"]) for r in rows)
        fed = {k: padded([r[k] for r in rows], 0, width) for k in ("input_ids", "token_type_ids", "attention_mask")}
        return fed, width

    def outputs(self, model, rows):
        """Logits of each row, sorted by length so that little is padded."""
        order, found = sorted(range(len(rows)), key=lambda i: len(rows[i]["input_ids"])), [None] * len(rows)
        model.eval()
        with torch.inference_mode():
            for b in range(0, len(order), BATCH):
                some = order[b : b + BATCH]
                out = self.logits(model(**self.batch([rows[i] for i in some])[0]))
                for i, x in zip(some, out):
                    found[i] = x
        return found

    def logits(self, out):
        return out.logits

    def run(self):
        a = self.args
        torch.manual_seed(a.seed)
        model = self.model()
        if a.lora:
            from peft import LoraConfig, get_peft_model
            model = get_peft_model(model, LoraConfig(r=a.lora, lora_alpha=2 * a.lora, target_modules=r".*encoder.*\.(query|key|value|dense)", modules_to_save=["classifier", "qa_outputs"]))
        trained = [p for p in model.parameters() if p.requires_grad]
        updates = (len(self.train) + BATCH - 1) // BATCH
        total, warmup = updates * a.epochs, updates // 5
        adam = torch.optim.AdamW(trained, lr=a.lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda s: min((s + 1) / max(warmup, 1), (total - s) / max(total - warmup, 1)))
        best, kept, begin = None, None, time.monotonic()
        order = random.Random(a.seed)
        for _ in range(a.epochs):
            rows = list(self.train)
            order.shuffle(rows)
            model.train()
            for b in range(0, len(rows), BATCH):
                some = rows[b : b + BATCH]
                fed, width = self.batch(some)
                loss = model(**fed, **self.targets(some, width)).loss
                adam.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained, 1.0)
                adam.step()
                schedule.step()
            score = self.score(model)
            if score is None or best is None or score > best:
                best, kept = score, {k: v.clone() for k, v in model.state_dict().items()}
        seconds = time.monotonic() - begin
        model.load_state_dict(kept)
        pathlib.Path(a.output).write_text("".join(line + "\n" for line in self.predictions(model)), "utf8")
        print(f"{seconds:.0f}")


class Rate:
    """How fast the task's model is trained, or answers, and the memory that it takes at most."""

    def __init__(self, task, args):
        model, done, begin = task.model(), 0, None
        if args.rate == "train":
            adam = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0)
            rows = list(task.train)
            random.Random(1).shuffle(rows)
            model.train()
            for step in range(WARM + args.steps):
                if step == WARM:
                    begin = time.monotonic()
                some = [rows[(step * args.batch + i) % len(rows)] for i in range(args.batch)]
                fed, width = task.batch(some)
                adam.zero_grad()
                model(**fed, **task.targets(some, width)).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                adam.step()
                done += args.batch if step >= WARM else 0
        else:
            rows = sorted(task.train, key=lambda r: -len(r["input_ids"]))
            model.eval()
            with torch.inference_mode():
                fed = [task.batch(rows[b : b + args.batch])[0] for b in range(0, len(rows), args.batch)]
                for batch in fed[:WARM]:
                    model(**batch)
                begin = time.monotonic()
                for batch in fed:
                    model(**batch)
                    done += len(batch["input_ids"])
        seconds = time.monotonic() - begin
        print(f"rows/s={done / seconds:.1f} peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")


class Sentences(Task):
    def __init__(self, args):
        super().__init__(args)
        self.dev = self.encoded(lines(self.rows / "dev.tsv"))
        self.test = self.encoded([[t[0], "0"] for t in lines(self.rows / "test.in")])

    def encoded(self, rows):
        return [dict(self.tokenizer(text, truncation=True, max_length=512), label=int(label)) for text, label in rows]

    def model(self):
        return AutoModelForSequenceClassification.from_pretrained(self.args.folder, num_labels=2)

    def targets(self, rows, _):
        return {"labels": torch.tensor([r["label"] for r in rows])}

    def score(self, model):
        return sum(int(x.argmax()) == r["label"] for x, r in zip(self.outputs(model, self.dev), self.dev))

    def predictions(self, model):
        return [str(int(x.argmax())) for x in self.outputs(model, self.test)]


class Words(Task):
    def __init__(self, args):
        self.tags = sorted({t for row in lines(pathlib.Path(args.rows) / "train.tsv") for t in row[1].split()})
        super().__init__(args)
        self.gold = [row[1].split() for row in lines(self.rows / "dev.tsv")]
        self.dev = self.encoded(lines(self.rows / "dev.tsv"))
        self.test = self.encoded([[t[0], ""] for t in lines(self.rows / "test.in")])

    def encoded(self, rows):
        found = []
        for text, tags in rows:
            words, tags = text.split(), tags.split()
            e = self.tokenizer(words, is_split_into_words=True, truncation=True, max_length=512)
            first, labels = {}, [-100] * len(e["input_ids"])
            for place, word in enumerate(e.word_ids()):
                if word is not None and word not in first:
                    first[word] = place
                    labels[place] = self.tags.index(tags[word]) if word < len(tags) and tags[word] in self.tags else -100
            found.append(dict(e, labels=labels, first=first, words=len(words)))
        return found

    def model(self):
        return AutoModelForTokenClassification.from_pretrained(self.args.folder, num_labels=len(self.tags))

    def targets(self, rows, width):
        return {"labels": padded([r["labels"] for r in rows], -100, width)}

    def tagged(self, model, rows):
        """A word without pieces is told nothing by transformers; it is O here."""
        return [[self.tags[int(x[r["first"][w]].argmax())] if w in r["first"] else "O" for w in range(r["words"])] for x, r in zip(self.outputs(model, rows), rows)]

    def score(self, model):
        from seqeval.metrics import f1_score
        return f1_score(self.gold, self.tagged(model, self.dev))

    def predictions(self, model):
        return [" ".join(t) for t in self.tagged(model, self.test)]


class Questions(Task):
    def __init__(self, args):
        super().__init__(args)
        self.asked = lines(self.rows / "test.in")
        self.test = self.encoded(self.asked)

    def encoded(self, rows):
        found = []
        for number, row in enumerate(rows):
            question, context = row[:2]
            e = self.tokenizer(question, context, truncation="only_second", max_length=WINDOW, stride=OVERLAP, return_overflowing_tokens=True, return_offsets_mapping=True)
            target = None
            if len(row) > 2:
                bytes_of = context.encode()
                target = [len(bytes_of[: int(x)].decode()) for x in row[2:4]]
            for w in range(len(e["input_ids"])):
                places = [p for p, s in enumerate(e.sequence_ids(w)) if s == 1]
                offsets = e["offset_mapping"][w]
                window = {k: e[k][w] for k in ("input_ids", "token_type_ids", "attention_mask")} | {"row": number, "places": places, "offsets": offsets, "span": (0, 0)}
                if target and offsets[places[0]][0] <= target[0] and offsets[places[-1]][1] >= target[1]:
                    first = max(p for p in places if offsets[p][0] <= target[0])
                    last = min(p for p in places if offsets[p][1] >= target[1])
                    window["span"] = (first, last)
                found.append(window)
        return found

    def model(self):
        return AutoModelForQuestionAnswering.from_pretrained(self.args.folder)

    def logits(self, out):
        return torch.stack([out.start_logits, out.end_logits], 2)

    def targets(self, rows, _):
        return {"start_positions": torch.tensor([r["span"][0] for r in rows]), "end_positions": torch.tensor([r["span"][1] for r in rows])}

    def score(self, model):
        return None  # there is no validation set

    def predictions(self, model):
        best = [(-1e30, "")] * len(self.asked)
        for x, w in zip(self.outputs(model, self.test), self.test):
            places = w["places"]
            start, end = ({p: float(x[p, k]) for p in places} for k in (0, 1))
            top = lambda of: sorted(of, key=of.get, reverse=True)[:20]
            for s in top(start):
                for e in top(end):
                    if s <= e < s + LONGEST_ANSWER and start[s] + end[e] > best[w["row"]][0]:
                        best[w["row"]] = (start[s] + end[e], self.asked[w["row"]][1][w["offsets"][s][0] : w["offsets"][e][1]])
        return [text for _, text in best]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("task", choices=["sst2", "btc", "wnut17", "squad"])
    p.add_argument("folder")
    p.add_argument("rows")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--lr", type=float, default=1e-4)
    p.add_argument("--lora", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rate", choices=["train", "classify"])
    p.add_argument("--batch", type=int, default=BATCH)
    p.add_argument("--steps", type=int, default=40)
    p.add_argument("-o", "--output")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    task = {"sst2": Sentences, "squad": Questions}.get(args.task, Words)(args)
    Rate(task, args) if args.rate else task.run()


main()
