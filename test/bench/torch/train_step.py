"""The other side of test/bench/train.ts: the same BERT, loss and optimiser in plain PyTorch, timed step by step.

    python3 test/bench/torch/train_step.py '{"model": "….safetensors", "batch": "….safetensors", "config": {…},
        "work": "full" | "lora" | "encode", "warmUp": 2, "steps": 5, "threads": 2, "alpha": 16, "rank": 8, "rate": 1e-4}'

Prints one line of JSON: {"ms": [per step], "cpuMs": mean per step, "peakMb": VmHWM, "check": loss or sum of |v|}.
"""
import json, math, re, struct, sys, time
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def tensors_of(path):
    """One tensor at a time from a safetensors file of F32, so that no second copy of a model is ever held."""
    with open(path, 'rb') as f:
        (size,) = struct.unpack('<Q', f.read(8))
        header = json.loads(f.read(size))
        for name, entry in header.items():
            start, end = entry['data_offsets']
            f.seek(8 + size + start)
            yield name, torch.from_numpy(np.fromfile(f, '<f4', (end - start) // 4).reshape(entry['shape']))


class LoraLinear(nn.Linear):
    def __init__(self, inputs, outputs, rank, alpha):
        super().__init__(inputs, outputs)
        self.lora_A = nn.Parameter(torch.empty(rank, inputs))
        self.lora_B = nn.Parameter(torch.empty(outputs, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return super().forward(x) + F.linear(F.linear(x, self.lora_A), self.lora_B) * self.scale


class SelfAttention(nn.Module):
    def __init__(self, c, linear):
        super().__init__()
        self.heads = c['num_attention_heads']
        h = c['hidden_size']
        self.query, self.key, self.value = linear(h, h), nn.Linear(h, h), linear(h, h)

    def forward(self, x, bias):
        batch, seq, hidden = x.shape
        split = lambda y: y.view(batch, seq, self.heads, -1).transpose(1, 2)
        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(-1, -2) / math.sqrt(hidden // self.heads) + bias
        return (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, seq, hidden)


class Residual(nn.Module):
    def __init__(self, inputs, c):
        super().__init__()
        self.dense = nn.Linear(inputs, c['hidden_size'])
        self.LayerNorm = nn.LayerNorm(c['hidden_size'], eps=c['layer_norm_eps'])

    def forward(self, x, residual):
        return self.LayerNorm(self.dense(x) + residual)


class Layer(nn.Module):
    def __init__(self, c, linear):
        super().__init__()
        self.attention = nn.ModuleDict({'self': SelfAttention(c, linear), 'output': Residual(c['hidden_size'], c)})
        self.intermediate = nn.ModuleDict({'dense': nn.Linear(c['hidden_size'], c['intermediate_size'])})
        self.output = Residual(c['intermediate_size'], c)

    def forward(self, x, bias):
        x = self.attention['output'](self.attention['self'](x, bias), x)
        return self.output(F.gelu(self.intermediate['dense'](x)), x)


class Embeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.word_embeddings = nn.Embedding(c['vocab_size'], c['hidden_size'])
        self.position_embeddings = nn.Embedding(c['max_position_embeddings'], c['hidden_size'])
        self.token_type_embeddings = nn.Embedding(c['type_vocab_size'], c['hidden_size'])
        self.LayerNorm = nn.LayerNorm(c['hidden_size'], eps=c['layer_norm_eps'])

    def forward(self, ids):
        places = self.position_embeddings.weight[:ids.shape[1]] + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(ids) + places)


class Bert(nn.Module):
    def __init__(self, c, linear, classes):
        super().__init__()
        self.embeddings = Embeddings(c)
        self.encoder = nn.ModuleDict({'layer': nn.ModuleList(Layer(c, linear) for _ in range(c['num_hidden_layers']))})
        self.classifier = nn.Linear(c['hidden_size'], classes)

    def vectors(self, ids, mask):
        x = self.embeddings(ids)
        bias = ((mask - 1) * 10000)[:, None, None, :]
        for layer in self.encoder['layer']:
            x = layer(x, bias)
        weights = mask / mask.sum(1, keepdim=True)
        return F.normalize((weights[:, None, :] @ x)[:, 0], dim=-1)

    def forward(self, ids, mask):
        return self.classifier(self.vectors(ids, mask))


def main(job):
    torch.set_num_threads(job['threads'])
    work = job['work']
    linear = (lambda i, o: LoraLinear(i, o, job['rank'], job['alpha'])) if work == 'lora' else nn.Linear
    batch = dict(tensors_of(job['batch']))
    ids, mask, labels = batch['text_ids'].long(), batch['text_mask'], batch['labels'].long()[:, 0]
    model = Bert(job['config'], linear, job['classes'])
    places = dict(model.named_parameters())
    for name, values in tensors_of(job['model']):
        if name in places:
            places.pop(name).data.copy_(values)
    assert not places, f'the file has no {sorted(places)}'

    if work == 'encode':
        model.requires_grad_(False).eval()

        def step():
            with torch.inference_mode():
                return float(model.vectors(ids, mask).abs().sum())
    else:
        if work == 'lora':
            for name, p in model.named_parameters():
                p.requires_grad_(bool(re.search(r'lora_[AB]$|^classifier\.', name)))
        trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        plain = lambda n: re.search(r'bias$|LayerNorm', n) is not None
        optimiser = torch.optim.AdamW(
            [{'params': [p for n, p in trained if not plain(n)], 'weight_decay': 0.01},
             {'params': [p for n, p in trained if plain(n)], 'weight_decay': 0}],
            lr=job['rate'], foreach=job.get('foreach', False))

        def step():
            optimiser.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(ids, mask), labels)
            loss.backward()
            if job.get('clip', True):
                nn.utils.clip_grad_norm_([p for _, p in trained], 1.0)
            optimiser.step()
            return float(loss)

    ms, check = [], 0
    for at in range(job['warmUp'] + job['steps']):
        if at == job['warmUp']:
            cpu = time.process_time()
        start = time.perf_counter()
        check = step()
        if at >= job['warmUp']:
            ms.append((time.perf_counter() - start) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / job['steps']
    with open('/proc/self/status') as f:
        peak = int(re.search(r'VmHWM:\s+(\d+)', f.read()).group(1)) / 1000
    print(json.dumps({'ms': ms, 'cpuMs': cpu, 'peakMb': peak, 'check': check}))


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
