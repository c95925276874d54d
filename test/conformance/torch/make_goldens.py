"""Golden gradients from PyTorch, for test/conformance/gradients.test.ts. Run with Debian's python3-torch:

    /usr/bin/python3 test/conformance/torch/make_goldens.py

Writes ops.json (each operator, float64) and one safetensors file per whole-model case (float32 inputs, float64 sums).
"""
import json, math, os, struct
import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(20261)
torch.set_num_threads(1)


# ---- operators

def op_case(name, inputs, f, ids=None, domain=lambda x: x):
    xs = {k: domain(torch.randn(s, dtype=torch.float64)).requires_grad_(True) for k, s in inputs.items()}
    ids = {k: torch.tensor(v) for k, v in (ids or {}).items()}
    y = f(*xs.values(), *ids.values())
    r = torch.randn(y.shape, dtype=torch.float64)
    (y * r).sum().backward()
    pack = lambda t: {'shape': list(t.shape), 'data': [float(v) for v in t.detach().reshape(-1)]}
    return name, {
        'inputs': {k: pack(v) for k, v in xs.items()}, 'ids': {k: pack(v) for k, v in ids.items()},
        'r': pack(r), 'y': pack(y), 'gradients': {k: pack(v.grad) for k, v in xs.items()}}


positive = lambda x: 0.5 + x.abs()
away = lambda x: x + 0.3 * x.sign()
two = {'x': (2, 3), 'y': (2, 3)}
one = {'x': (2, 3)}
OPS = [
    ('Add', {'x': (2, 3), 'y': (3,)}, lambda x, y: x + y), ('Sub', {'x': (2, 1), 'y': (4, 1, 3)}, lambda x, y: x - y),
    ('Mul', {'x': (2, 3), 'y': (2, 1)}, lambda x, y: x * y), ('Div', two, lambda x, y: x / y, None, away),
    ('Max', two, torch.maximum), ('Min', two, torch.minimum), ('Neg', one, lambda x: -x),
    ('Abs', one, torch.abs, None, away), ('Sqrt', one, torch.sqrt, None, positive), ('Exp', one, torch.exp),
    ('Log', one, torch.log, None, positive), ('Erf', one, torch.erf), ('Tanh', one, torch.tanh),
    ('Sigmoid', one, torch.sigmoid), ('Softplus', one, F.softplus), ('Relu', one, F.relu, None, away),
    ('Gelu', one, F.gelu, None, lambda x: 3 * x), ('Cast', one, lambda x: x.double()),
    ('Reshape', one, lambda x: x.reshape(3, 2)), ('Expand', {'x': (2, 1, 3)}, lambda x: x.expand(4, 2, 5, 3)),
    ('Transpose', {'x': (1, 2, 3)}, lambda x: x.permute(2, 0, 1)), ('Slice', one, lambda x: x[:, 1:3]),
    ('Pad', one, lambda x: F.pad(x, (0, 0, 2, 1))), ('Split', one, lambda x: x[:, 0:1] * x[:, 2:3]),
    ('Concat', {'x': (2, 3), 'y': (2, 1)}, lambda x, y: torch.cat([x, y, x], 1)),
    ('Gather', {'table': (4, 3)}, lambda table, ids: F.embedding(ids, table), {'ids': [[1, 3, 1], [1, 0, 3]]}),
    ('GatherElements', {'x': (3, 4)}, lambda x, columns: x.gather(1, columns), {'columns': [[1, 1], [0, 3], [2, 0]]}),
    ('MatMul', {'x': (5, 2, 3), 'y': (3, 4)}, torch.matmul),
    ('FusedMatMul', {'x': (2, 3, 2), 'y': (2, 4, 3)}, lambda x, y: 0.5 * x.transpose(1, 2) @ y.transpose(1, 2)),
    ('Gemm', {'x': (2, 3), 'y': (4, 3), 'c': (4,)}, lambda x, y, c: 0.5 * x @ y.t() + c),
    ('ReduceSum', one, lambda x: x.sum(-1, keepdim=True)), ('ReduceMean', one, lambda x: x.mean(0, keepdim=True)),
    ('Softmax', one, lambda x: F.softmax(x, -1)), ('LogSoftmax', one, lambda x: F.log_softmax(x, -1)),
    ('LpNormalization', one, lambda x: F.normalize(x, dim=-1)),
    ('LayerNormalization', {'x': (2, 3, 4), 'weight': (4,), 'bias': (4,)},
     lambda x, weight, bias: F.layer_norm(x, (4,), weight, bias, 1e-6)),
]

# ---- whole models

V, H, L, NH, I, P = 32, 8, 2, 2, 16, 16
BATCH, SEQ = 4, 8


def bert_parameters():
    p = {}
    def normal(name, *shape, std=0.2): p[name] = torch.randn(*shape) * std
    def norm(name):
        p[name + '.weight'] = 1 + 0.1 * torch.randn(H)
        p[name + '.bias'] = 0.1 * torch.randn(H)
    def linear(name, out, inp):
        normal(name + '.weight', out, inp)
        normal(name + '.bias', out, std=0.1)
    for name, rows in (('word', V), ('position', P), ('token_type', 2)):
        normal(f'embeddings.{name}_embeddings.weight', rows, H)
    norm('embeddings.LayerNorm')
    for l in range(L):
        at = f'encoder.layer.{l}'
        for n in ('query', 'key', 'value'): linear(f'{at}.attention.self.{n}', H, H)
        linear(f'{at}.attention.output.dense', H, H); norm(f'{at}.attention.output.LayerNorm')
        linear(f'{at}.intermediate.dense', I, H); linear(f'{at}.output.dense', H, I); norm(f'{at}.output.LayerNorm')
    return p


def head_parameters():
    p = {'cls.predictions.transform.dense.weight': torch.randn(H, H) * 0.2,
         'cls.predictions.transform.dense.bias': torch.randn(H) * 0.1,
         'cls.predictions.transform.LayerNorm.weight': 1 + 0.1 * torch.randn(H),
         'cls.predictions.transform.LayerNorm.bias': 0.1 * torch.randn(H),
         'cls.predictions.bias': torch.randn(V) * 0.1}
    return p


RANK, ALPHA, ADAPTER = 2, 6.0, 3


def encode(p, ids, mask, types=None):
    B, S = ids.shape
    def linear(x, n):
        y = x @ p[n + '.weight'].t() + p[n + '.bias']
        if n + '.lora_A' in p:
            low = x @ p[n + '.lora_A'].t()
            if n + '.lora_E' in p: low = low * p[n + '.lora_E']
            y = y + ALPHA / RANK * low @ p[n + '.lora_B'].t()
        return y
    def adapt(x, n):
        if n + '.adapter.down.weight' not in p: return x
        return x + linear(F.gelu(linear(x, n + '.adapter.down')), n + '.adapter.up')
    norm = lambda x, n: F.layer_norm(x, (H,), p[n + '.weight'], p[n + '.bias'], 1e-12)
    types = torch.zeros_like(ids) if types is None else types
    x = p['embeddings.word_embeddings.weight'][ids] + p['embeddings.position_embeddings.weight'][:S] \
        + p['embeddings.token_type_embeddings.weight'][types]
    x = norm(x, 'embeddings.LayerNorm')
    heads = lambda y: y.view(B, S, NH, H // NH).transpose(1, 2)
    for l in range(L):
        at = f'encoder.layer.{l}'
        q, k, v = (heads(linear(x, f'{at}.attention.self.{n}')) for n in ('query', 'key', 'value'))
        scores = q @ k.transpose(-1, -2) / math.sqrt(H // NH) + ((mask - 1) * 10000)[:, None, None, :]
        context = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(B, S, H)
        o = f'{at}.attention.output.dense'
        x = norm(adapt(linear(context, o), o) + x, f'{at}.attention.output.LayerNorm')
        o = f'{at}.output.dense'
        x = norm(adapt(linear(F.gelu(linear(x, f'{at}.intermediate.dense')), o), o) + x, f'{at}.output.LayerNorm')
    return x


def mean_pool(x, mask):
    e = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return F.normalize(e, dim=-1)


def texts(rows, seq):
    ids = torch.randint(0, V, (rows, seq))
    lengths = torch.randint(2, seq + 1, (rows,))
    return ids, (torch.arange(seq)[None] < lengths[:, None]).float()


def mlm(p, b):
    x = encode(p, b['text_ids'], b['text_mask']).reshape(-1, H)[b['places']]
    t = 'cls.predictions.transform.'
    h = F.gelu(x @ p[t + 'dense.weight'].t() + p[t + 'dense.bias'])
    h = F.layer_norm(h, (H,), p[t + 'LayerNorm.weight'], p[t + 'LayerNorm.bias'], 1e-12)
    logits = h @ p['embeddings.word_embeddings.weight'].t() + p['cls.predictions.bias']
    nats = F.cross_entropy(logits, b['labels'][:, 0], reduction='none')
    return (nats * b['weights'][:, 0]).sum() / b['weights'].sum()


def contrastive(p, b, tau=0.1, margin=0.05):
    q = mean_pool(encode(p, b['query_ids'], b['query_mask']), b['query_mask'])
    d = mean_pool(encode(p, b['document_ids'], b['document_mask']), b['document_mask'])
    n = q.shape[0]
    cos = q @ d.t()
    own = torch.eye(n, d.shape[0])
    near = (cos > (cos * own).sum(1, keepdim=True) + margin).float() * (1 - own)
    logits = cos / tau - 10000 * torch.maximum(near, b['excluded'])
    w = b['weights'][:, 0]
    y = torch.arange(n)
    mean = lambda s: (F.cross_entropy(s, y, reduction='none') * w).sum() / w.sum()
    return (mean(logits) + mean(logits[:, :n].t())) / 2


def classification(p, b):
    x = encode(p, b['text_ids'], b['text_mask'], b['text_types'])[:, 0]
    logits = x @ p['classifier.weight'].t() + p['classifier.bias']
    return (F.cross_entropy(logits, b['labels'][:, 0], reduction='none') * b['weights'][:, 0]).sum() / b['weights'].sum()


def orthogonality(p):
    eye = torch.eye(RANK)
    return 0.1 * sum(((v @ v.t() if n.endswith('lora_A') else v.t() @ v) - eye).pow(2).sum()
                     for n, v in p.items() if n.endswith(('lora_A', 'lora_B')))


def mlm_batch():
    ids, mask = texts(BATCH, SEQ)
    places = torch.tensor([0, 1, 8, 9, 16, 25, 1])
    weights = torch.tensor([1., 1, 1, 1, 1, 0.5, 0]).view(-1, 1)
    return {'text_ids': ids, 'text_mask': mask, 'places': places, 'labels': torch.randint(0, V, (7, 1)), 'weights': weights}


def contrastive_batch():
    q, qm = texts(3, 4)
    d, dm = texts(6, SEQ)
    excluded = torch.zeros(3, 6); excluded[0, 1] = 1; excluded[2, 4] = 1
    return {'query_ids': q, 'query_mask': qm, 'document_ids': d, 'document_mask': dm, 'excluded': excluded,
            'weights': torch.tensor([[1.], [0.5], [2]])}


def pair_batch():
    ids, mask = texts(BATCH, SEQ)
    types = (torch.arange(SEQ)[None] >= 4).long().expand(BATCH, SEQ).clone()
    return {'text_ids': ids, 'text_mask': mask, 'text_types': types, 'labels': torch.randint(0, 3, (BATCH, 1)),
            'weights': torch.tensor([[1.], [1], [2], [0.5]])}


def model_case(name, base, extra, trained, batch, loss):
    p = {n: v.clone().double() for n, v in {**base, **extra}.items()}
    for n in p: p[n].requires_grad_(trained(n))
    b = {n: v.double() if v.is_floating_point() else v for n, v in batch.items()}
    value = loss(p, b)
    value.backward()
    out = {'loss': value.detach().reshape(1)}
    out.update({f'batch/{n}': v for n, v in batch.items()})
    out.update({f'extra/{n}': v for n, v in extra.items()})
    out.update({f'gradient/{n}': v.grad for n, v in p.items() if v.grad is not None})
    save(name, out)


def save(name, tensors):
    header, body, end = {}, b'', 0
    for n, v in tensors.items():
        data = v.detach().float().contiguous().numpy().astype('<f4').tobytes()
        header[n] = {'dtype': 'F32', 'shape': list(v.shape), 'data_offsets': [end, end + len(data)]}
        body += data; end += len(data)
    text = json.dumps(header).encode()
    with open(os.path.join(HERE, name + '.safetensors'), 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + body)


def adamw_case():
    p = torch.randn(6, dtype=torch.float64).requires_grad_(True)
    q = torch.randn(2, dtype=torch.float64).requires_grad_(True)
    pack = lambda: [[float(v) for v in t.detach()] for t in (p, q)]
    out = {'start': pack(), 'gradients': [], 'rate': 0.02, 'decay': 0.1, 'after': []}
    optimiser = torch.optim.AdamW([{'params': [p], 'weight_decay': 0.1}, {'params': [q], 'weight_decay': 0}], lr=0.02)
    for _ in range(5):
        p.grad, q.grad = torch.randn(6, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
        out['gradients'].append([[float(v) for v in t.grad] for t in (p, q)])
        optimiser.step()
        out['after'].append(pack())
    with open(os.path.join(HERE, 'adamw.json'), 'w') as f: json.dump(out, f, separators=(',', ':'))


if __name__ == '__main__':
    cases = dict(op_case(*case) for case in OPS)
    with open(os.path.join(HERE, 'ops.json'), 'w') as f: json.dump(cases, f, separators=(',', ':'))

    base = bert_parameters()
    save('base', base)
    everything = lambda n: True
    model_case('mlm', base, head_parameters(), everything, mlm_batch(), mlm)
    model_case('contrastive', base, {}, everything, contrastive_batch(), contrastive)
    classifier = {'classifier.weight': torch.randn(3, H) * 0.3, 'classifier.bias': torch.randn(3) * 0.1}
    model_case('classification', base, classifier, everything, pair_batch(), classification)

    tuned = [f'encoder.layer.{l}.attention.self.{n}' for l in range(L) for n in ('query', 'value')]
    lora, adalora, adapter = {}, {}, {}
    for n in tuned:
        for target in (lora, adalora):
            target[n + '.lora_A'] = torch.randn(RANK, H) * 0.3
            target[n + '.lora_B'] = torch.randn(H, RANK) * 0.3
        adalora[n + '.lora_E'] = torch.randn(RANK) * 0.5
    for l in range(L):
        for n in (f'encoder.layer.{l}.attention.output.dense', f'encoder.layer.{l}.output.dense'):
            adapter[n + '.adapter.down.weight'] = torch.randn(ADAPTER, H) * 0.3
            adapter[n + '.adapter.down.bias'] = torch.randn(ADAPTER) * 0.1
            adapter[n + '.adapter.up.weight'] = torch.randn(H, ADAPTER) * 0.3
            adapter[n + '.adapter.up.bias'] = torch.randn(H) * 0.1
    batch = contrastive_batch()
    model_case('lora', base, lora, lambda n: n in lora, batch, contrastive)
    model_case('adalora', base, adalora, lambda n: n in adalora, batch, lambda p, b: contrastive(p, b) + orthogonality(p))
    model_case('adapter', base, adapter, lambda n: n in adapter, batch, contrastive)
    adamw_case()
