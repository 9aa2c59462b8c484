#!/usr/bin/env python3
"""The PyTorch peer of ConvS2S: the same model in PyTorch's own modules (nn.Conv1d, F.glu, weight_norm), trained on the same batches.

Batches are padded, built before the clock starts, and masked where a convolution would see padding, as fairseq does. Target tokens
include </s>. Prints one line of figures. Needs: torch, sentencepiece, numpy.
    torch_convs2s.py --spm spm.model --src train.en --tgt train.de --steps 50
"""
import math
import torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch_training import PAD, run

PRESETS = {"convs2s-tiny": (6, 128, 3, 128, 0.2)}  # layers, width, kernel, d_model, dropout
HALF = math.sqrt(0.5)


def dense(i, o, share=1.0):
    layer = nn.Linear(i, o)
    nn.init.normal_(layer.weight, std=math.sqrt(share / i))
    nn.init.zeros_(layer.bias)
    return weight_norm(layer)


class ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.scale, None


class Stack(nn.Module):
    def __init__(s, layers, width, kernel, d, drop, decoder):
        super().__init__()
        s.decoder, s.kernel, s.drop = decoder, kernel, nn.Dropout(drop)
        s.enter, s.leave = dense(d, width, 1 - drop), dense(width, d)
        s.convs = nn.ModuleList()
        for _ in range(layers):
            conv = nn.Conv1d(width, 2 * width, kernel, padding=0 if decoder else kernel // 2)
            nn.init.normal_(conv.weight, std=math.sqrt(4 * (1 - drop) / (kernel * width)))
            nn.init.zeros_(conv.bias)
            s.convs.append(weight_norm(conv))
        if decoder:
            s.query = nn.ModuleList(dense(width, d) for _ in range(layers))
            s.found = nn.ModuleList(dense(d, width) for _ in range(layers))

    def forward(s, e, live=None, memory=None):
        """e: [B, T, d]; live: [B, T, 1], where there are tokens; -> [B, T, d]"""
        x = s.enter(e)
        for i, conv in enumerate(s.convs):
            y = s.drop(x if live is None else x * live).transpose(1, 2)
            y = F.glu(conv(F.pad(y, (s.kernel - 1, 0)) if s.decoder else y), 1).transpose(1, 2)
            if s.decoder:
                keys, values, mask, scale = memory
                scores = ((s.query[i](y) + e) * HALF @ keys.transpose(1, 2)).masked_fill(mask, -math.inf)
                y = (s.found[i](scores.softmax(-1) @ values * scale) + y) * HALF
            x = (y + x) * HALF
        return s.leave(x)


class ConvS2S(nn.Module):
    def __init__(s, vocab, layers, width, kernel, d, drop):
        super().__init__()
        s.drop, s.layers = nn.Dropout(drop), layers
        s.embed, s.source_pos, s.target_pos = nn.Embedding(vocab, d), nn.Embedding(512, d), nn.Embedding(512, d)
        for table in (s.embed, s.source_pos, s.target_pos):
            nn.init.normal_(table.weight, std=0.1)
        s.encoder = Stack(layers, width, kernel, d, drop, False)
        s.decoder = Stack(layers, width, kernel, d, drop, True)
        s.output = nn.Linear(d, vocab)
        s.output.weight = s.embed.weight

    def forward(s, src, tgt):
        live = (src != PAD)[:, :, None].float()
        e = s.drop(s.embed(src) + s.source_pos.weight[: src.shape[1]])
        z = ScaleGradient.apply(s.encoder(e, live), 1 / (2 * s.layers))
        scale = live.sum(1, keepdim=True).sqrt()
        y = s.drop(s.embed(tgt) + s.target_pos.weight[: tgt.shape[1]])
        return s.output(s.drop(s.decoder(y, None, (z, (z + e) * HALF, (src == PAD)[:, None, :], scale))))


run(lambda vocabulary, a: ConvS2S(vocabulary, *PRESETS[a.preset]), "convs2s", preset="convs2s-tiny")
