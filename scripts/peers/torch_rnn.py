#!/usr/bin/env python3
"""The PyTorch peer of the recurrent models: nn.LSTM encoder and decoder on packed sequences and Luong's general attention, trained
on the same batches as torch_transformer.py's (which see). Prints one line of figures.
    torch_rnn.py --spm spm.model --src train.en --tgt train.de --layers 2 --d-model 256 --steps 30
"""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch_training import PAD, run


class Rnn(nn.Module):
    def __init__(s, vocab, layers, d, p):
        super().__init__()
        s.d, s.drop = d, nn.Dropout(p)
        s.embed = nn.Embedding(vocab, d, padding_idx=PAD)
        nn.init.normal_(s.embed.weight, std=d**-0.5)
        s.enc, s.dec = (nn.LSTM(d, d, layers, batch_first=True, dropout=p) for _ in range(2))
        s.bridge = nn.ModuleList(nn.Linear(d, d) for _ in range(2 * layers))
        s.keys, s.out = nn.Linear(d, d, bias=False), nn.Linear(2 * d, d)

    def run(s, layers, ids, start=None):
        packed = pack_padded_sequence(s.drop(s.embed(ids) * s.d**0.5), (ids != PAD).sum(1), batch_first=True, enforce_sorted=False)
        y, state = layers(packed, start)
        return pad_packed_sequence(y, batch_first=True)[0], state

    def forward(s, src, tgt):
        memory, state = s.run(s.enc, src)
        bridge = iter(s.bridge)
        start = tuple(torch.stack([torch.tanh(next(bridge)(v)) for v in of]) for of in state)
        y, _ = s.run(s.dec, tgt, start)
        scores = (y @ s.keys(memory).transpose(1, 2)).masked_fill((src == PAD)[:, None], -torch.inf)
        y = torch.tanh(s.out(torch.cat([scores.softmax(-1) @ memory, y], -1)))
        return s.drop(y) @ s.embed.weight.T


run(lambda vocabulary, a: Rnn(vocabulary, a.layers, a.d_model, 0.2), "rnn", clip_norm=5, layers=2, d_model=256)
