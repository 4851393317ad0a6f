import { archive, dict, type Entry, le, legacy, p, pickle, storage, tensor, zip } from './pickle-writer.ts'

const good = pickle(dict('w', tensor()))
const stored = (data: Uint8Array): Entry => ({ name: 'm/data/0', data })
const call = (module: string, name: string, ...args: readonly (readonly number[])[]) => [
  ...p.global(module, name),
  ...p.mark,
  ...args.flat(),
  ...p.tuple,
  ...p.reduce,
]
/** An object of a class, without its attributes. */
const made = (module: string, name: string, ...args: readonly (readonly number[])[]) => [
  ...p.global(module, name),
  ...p.mark,
  ...args.flat(),
  ...p.tuple,
  ...p.newObject,
]
/** A state dict and something else. */
const beside = (other: readonly number[]) => [...dict('args', other), ...p.text('model'), ...dict('w', tensor()), ...p.setItem]
const many = (count: number, part: readonly number[]) => Array.from({ length: count }, () => part).flat()
const fill = (count: number, byte: number) => new Uint8Array(count).fill(byte)
const raw = (...parts: readonly (Uint8Array | readonly number[])[]) => Buffer.concat(parts.map(part => Buffer.from(part)))

/** A list of two of a list of two of …: 2^levels items when it is walked through. */
const laughs = (levels: number) => [
  ...p.emptyList,
  ...p.put(0),
  ...Array.from({ length: levels }, (_, i) => [...p.emptyList, ...p.mark, ...many(10, p.get(i)), ...p.appends, ...p.put(i + 1)]).flat(),
]

/** Dicts of `fan` entries in each other, of which each level is one dict under many names: fan^levels names of one tensor. */
const names = (fan: number, levels: number) => [
  ...p.emptyDict,
  ...p.mark,
  ...p.text('t'),
  ...tensor(),
  ...p.put(0),
  ...Array.from({ length: levels }, (_, level) => [
    ...p.text(`${level}`),
    ...p.emptyDict,
    ...Array.from({ length: fan }, (_, i) => [...p.text(`${i}`), ...p.get(level), ...p.setItem]).flat(),
    ...p.put(level + 1),
  ]).flat(),
  ...p.setItems,
]

/** 5 MB that leave nothing behind. */
const FRAMES = Buffer.alloc(4_999_995, Buffer.from([0x95, 0, 0, 0, 0, 0, 0, 0, 0]))

const OS = 'touch silane-was-here'

/** Files that must be refused, by what they try: the code of the error, and the file. */
export const hostilePickles: Readonly<Record<string, readonly [code: string, file: () => Uint8Array]>> = {
  // Names that run code
  'os.system': ['E_PICKLE_GLOBAL', () => archive(pickle(call('os', 'system', p.text(OS))))],
  'posix.system': ['E_PICKLE_GLOBAL', () => archive(pickle(call('posix', 'system', p.text(OS))))],
  'subprocess.Popen': ['E_PICKLE_GLOBAL', () => archive(pickle(call('subprocess', 'Popen', p.text(OS))))],
  'builtins.eval': ['E_PICKLE_GLOBAL', () => archive(pickle(call('builtins', 'eval', p.text('1'))))],
  'builtins.exec under its name in Python 2': ['E_PICKLE_GLOBAL', () => archive(pickle(call('__builtin__', 'exec', p.text('1'))))],
  'getattr chain': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(p.global('builtins', 'getattr'), p.mark, p.global('os', 'path'), p.text('os'), p.tuple, p.reduce)),
  ],
  'dotted name through an allowed module': ['E_PICKLE_GLOBAL', () => archive(pickle(call('torch._utils', 'os.system', p.text(OS))))],
  'dotted name through an allowed class': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(p.text('collections'), p.text('OrderedDict.__init__.__globals__'), p.stackGlobal, p.emptyTuple, p.reduce)),
  ],
  'os.system from the stack': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(p.text('os'), p.text('system'), p.stackGlobal, p.text(OS), p.tuple1, p.reduce)),
  ],
  'allowed name split differently': ['E_PICKLE_GLOBAL', () => archive(pickle(p.global('torch', '_utils._rebuild_tensor_v2x')))],
  'torch.load inside': ['E_PICKLE_GLOBAL', () => archive(pickle(call('torch', 'load', p.text('/etc/passwd'))))],
  'torch.storage._load_from_bytes': ['E_PICKLE_GLOBAL', () => archive(pickle(call('torch.storage', '_load_from_bytes', p.text(''))))],
  'torch.hub.load': ['E_PICKLE_GLOBAL', () => archive(pickle(call('torch.hub', 'load', p.text('x'))))],
  'numpy reconstruct': ['E_PICKLE_GLOBAL', () => archive(pickle(call('numpy.core.multiarray', '_reconstruct', p.none)))],
  'functools.partial': ['E_PICKLE_GLOBAL', () => archive(pickle(call('functools', 'partial', p.global('os', 'system'))))],
  'a whole model': ['E_PICKLE_GLOBAL', () => archive(pickle(p.global('transformers.models.bert.modeling_bert', 'BertModel')))],
  'a name with control characters': ['E_PICKLE_GLOBAL', () => archive(pickle(p.global('os\u001b[2J', 'system')))],
  'prototype names': ['E_PICKLE_GLOBAL', () => archive(pickle(p.global('__proto__', 'constructor')))],
  'os.system in the first pickle of the old format': ['E_PICKLE_GLOBAL', () => pickle(call('os', 'system', p.text(OS)))],
  'os.system in the list of storages': ['E_PICKLE_GLOBAL', () => legacy(good, pickle(call('os', 'system', p.text(OS))))],
  // Allowed names, misused
  'a storage class called': ['E_PICKLE', () => archive(pickle(call('torch', 'FloatStorage', p.int(1e9))))],
  'an element type called': ['E_PICKLE', () => archive(pickle(call('torch', 'float32')))],
  'text called': ['E_PICKLE', () => archive(pickle(p.text('os.system'), p.emptyTuple, p.reduce))],
  'a dict with arguments': ['E_PICKLE', () => archive(pickle(call('collections', 'OrderedDict', p.emptyList)))],
  'attributes of a tensor': ['E_PICKLE', () => archive(pickle(tensor(), p.emptyDict, p.build))],
  'attributes of a dict': ['E_PICKLE', () => archive(pickle(p.emptyDict, dict('__class__', p.none), p.build))],
  'attributes of a name': ['E_PICKLE', () => archive(pickle(p.global('collections', 'OrderedDict'), dict('_metadata', p.none), p.build))],
  // Objects of classes that are not known, which may lie beside tensors
  'an object alone': ['E_PICKLE_GLOBAL', () => archive(pickle(made('argparse', 'Namespace')))],
  'an object of a function': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(made('os', 'system', p.text(OS)))))],
  'a function beside tensors': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(p.global('os', 'system'))))],
  'a function of builtins beside tensors': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(p.global('builtins', 'eval'))))],
  'what gets at functions': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(made('operator', 'attrgetter', p.text('system')))))],
  'a function as an attribute': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside([...made('argparse', 'Namespace'), ...dict('run', p.global('posix', 'system')), ...p.build]))),
  ],
  'a call of a class that is not known': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(call('mine', 'Mode', p.text('run')))))],
  'a call as an attribute': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside([...made('argparse', 'Namespace'), ...dict('x', call('mine', 'run', p.text(OS))), ...p.build]))),
  ],
  'a call in a set': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside(call('__builtin__', 'set', p.emptyList, call('os', 'system', p.text(OS)), p.append)))),
  ],
  'a layer of a model': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside([...made('torch.nn.modules.linear', 'Linear'), ...dict('weight', tensor()), ...p.build]))),
  ],
  'a tensor as an argument of an object': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(made('mine', 'Box', tensor()))))],
  'tensors as items of an object': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside([...made('mine', 'Dict'), ...p.text('w'), ...tensor(), ...p.setItem]))),
  ],
  'a tensor in a list of an object': [
    'E_PICKLE_GLOBAL',
    () => archive(pickle(beside([...made('mine', 'List'), ...p.emptyList, ...tensor(), ...p.append, ...p.append]))),
  ],
  'a tensor of another kind': ['E_PICKLE_GLOBAL', () => archive(pickle(beside(call('torch._utils', '_rebuild_sparse_tensor', tensor()))))],
  'an object called': ['E_PICKLE', () => archive(pickle(beside([...made('mine', 'Box'), ...p.emptyTuple, ...p.reduce])))],
  'an object of an object': ['E_PICKLE', () => archive(pickle(beside([...made('mine', 'Box'), ...p.emptyTuple, ...p.newObject])))],
  'an object of a known class': ['E_PICKLE', () => archive(pickle(p.global('collections', 'OrderedDict'), p.emptyTuple, p.newObject))],
  'an object without a tuple': ['E_PICKLE', () => archive(pickle(beside([...p.global('mine', 'Box'), ...p.emptyList, ...p.newObject])))],
  'attributes of a class': ['E_PICKLE', () => archive(pickle(beside([...p.global('mine', 'Box'), ...dict('a', p.none), ...p.build])))],
  'a class that is not known as that of storages': [
    'E_PICKLE',
    () => archive(pickle(dict('w', tensor({ kind: p.global('mine', 'FloatStorage') })))),
  ],
  'an object as the size of a tensor': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ more: made('mine', 'Box') }))))],
  'bomb of objects': [
    'E_PICKLE_LIMIT',
    () => archive(pickle(p.global('mine', 'Box'), p.put(0), many(600_000, [...p.get(0), ...p.emptyTuple, ...p.newObject, ...p.tuple1]))),
  ],
  'a class of a megabyte': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, [0x63], fill(1_000_000, 0x61), Buffer.from('\nBox\n'), p.stop))],
  // Instructions
  INST: ['E_PICKLE_OPCODE', () => archive(pickle(p.mark, p.text(OS), [0x69, ...Buffer.from('os\nsystem\n')]))],
  OBJ: ['E_PICKLE_OPCODE', () => archive(pickle(p.mark, p.global('collections', 'OrderedDict'), [0x6f]))],
  NEWOBJ_EX: ['E_PICKLE_OPCODE', () => archive(pickle(p.global('collections', 'OrderedDict'), p.emptyTuple, p.emptyDict, [0x92]))],
  EXT1: ['E_PICKLE_OPCODE', () => archive(pickle([0x82, 1]))],
  EXT4: ['E_PICKLE_OPCODE', () => archive(pickle([0x84, 1, 0, 0, 0]))],
  PERSID: ['E_PICKLE_OPCODE', () => archive(pickle([0x50, ...Buffer.from('../../x\n')]))],
  'DUP bomb': ['E_PICKLE_OPCODE', () => archive(pickle(p.none, many(1000, [0x32])))],
  'decimal number without end': ['E_PICKLE_OPCODE', () => archive(raw(p.proto, [0x49], fill(1_000_000, 0x39), [0x0a], p.stop))],
  'huge LONG4': ['E_PICKLE_OPCODE', () => archive(pickle([0x8b, 255, 255, 255, 127]))],
  'huge BINBYTES8': ['E_PICKLE_OPCODE', () => archive(pickle([0x8e, ...le(2 ** 50, 8)]))],
  'unknown instruction': ['E_PICKLE_OPCODE', () => archive(pickle([0xff]))],
  'out-of-band buffer': ['E_PICKLE_OPCODE', () => archive(pickle([0x97]))],
  // Sizes
  'text of 4 GB': ['E_PICKLE_LIMIT', () => archive(pickle([0x58, 255, 255, 255, 255]))],
  'text beyond the end': ['E_PICKLE', () => archive(pickle([0x58, 255, 255, 0, 0]))],
  'number of 255 bytes': ['E_PICKLE_LIMIT', () => archive(pickle(p.long(new Array<number>(255).fill(255))))],
  'a name without end': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, [0x63], fill(1_000_000, 0x61)))],
  'memo far away': ['E_PICKLE_LIMIT', () => archive(pickle(p.none, p.put(0xfffffffe)))],
  'memo with gaps': ['E_PICKLE', () => archive(pickle(p.none, p.put(500_000)))],
  'memo bomb': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, p.none, fill(8_000_000, 0x94), p.stop))],
  'memo without value': ['E_PICKLE', () => archive(pickle(p.get(7)))],
  'marks in each other': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, fill(1_000_000, 0x28), p.stop))],
  'stack bomb': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, fill(8_000_000, 0x4e), p.stop))],
  'list bomb': [
    'E_PICKLE_LIMIT',
    () => archive(raw(p.proto, p.emptyList, ...Array.from({ length: 1000 }, () => raw(p.mark, fill(10_000, 0x4e), p.appends)), p.stop)),
  ],
  'dict bomb': [
    'E_PICKLE_LIMIT',
    () => archive(raw(p.proto, p.emptyList, ...Array.from({ length: 200 }, () => raw(p.mark, fill(10_000, 0x7d), p.appends)), p.stop)),
  ],
  'object bomb': [
    'E_PICKLE_LIMIT',
    () => archive(raw(p.proto, p.emptyList, ...Array.from({ length: 1000 }, () => raw(p.mark, fill(10_000, 0x5d), p.appends)), p.stop)),
  ],
  'tuples in each other': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, p.emptyTuple, fill(1_000_000, 0x85), p.stop))],
  'lists in each other': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, fill(10_000, 0x5d), fill(9_999, 0x61), p.stop))],
  'billion laughs': ['E_PICKLE_LIMIT', () => archive(pickle(laughs(20)))],
  'pickle of 40 MB': ['E_PICKLE_LIMIT', () => archive(raw(p.proto, p.none, p.put(0), ...Array.from({ length: 8 }, () => FRAMES), p.stop))],
  'list in itself': ['E_PICKLE', () => archive(pickle(p.emptyList, p.put(0), p.get(0), p.append))],
  'dict in itself by a detour': [
    'E_PICKLE',
    () => archive(pickle(p.emptyDict, p.put(0), p.text('a'), p.emptyDict, p.put(1), p.setItem, p.get(1), p.text('b'), p.get(0), p.setItem)),
  ],
  // Broken structure
  'no end': ['E_PICKLE', () => archive(Uint8Array.from(p.proto))],
  'empty stack': ['E_PICKLE', () => archive(pickle([]))],
  'left on the stack': ['E_PICKLE', () => archive(pickle(p.none, p.none))],
  'mark without items': ['E_PICKLE', () => archive(pickle(p.tuple))],
  'take from below the mark': ['E_PICKLE', () => archive(pickle(p.none, p.mark, p.tuple1))],
  'append to a tuple': ['E_PICKLE', () => archive(pickle(p.emptyTuple, p.none, p.append))],
  'a key that is a list': ['E_PICKLE', () => archive(pickle(p.emptyDict, p.emptyList, p.none, p.setItem))],
  'a key twice': ['E_PICKLE', () => archive(pickle(p.emptyDict, p.text('a'), p.none, p.setItem, p.text('a'), p.none, p.setItem))],
  'a text that is not UTF-8': ['E_PICKLE', () => archive(pickle([0x58, 1, 0, 0, 0, 0xff]))],
  'a protocol to come': ['E_PICKLE', () => archive(Uint8Array.from([0x80, 9, ...p.none, ...p.stop]))],
  // Storages and tensors
  'storage that is not there': ['E_TORCH_STORAGE', () => archive(pickle(dict('w', tensor({ key: '../../../etc/passwd' }))))],
  'storage smaller than it says': ['E_TORCH_STORAGE', () => archive(pickle(dict('w', tensor({ size: 1_000_000 }))))],
  'storage larger than it says': ['E_TORCH_STORAGE', () => archive(pickle(dict('w', tensor({ size: 2, shape: [2] }))))],
  'storage of 2^31 elements': ['E_TORCH_STORAGE', () => archive(pickle(dict('w', tensor({ size: 0x7fffffff, shape: [0x7fffffff] }))))],
  'storage of negative size': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ size: -4 }))))],
  'storage described twice': ['E_PICKLE', () => archive(pickle(p.emptyList, storage(), p.append, storage({ size: 8 }), p.append))],
  'storage that views another': [
    'E_PICKLE',
    () => archive(pickle(dict('w', tensor({ more: [...p.text('1'), ...p.int(0), ...p.int(4), ...p.tuple3] })))),
  ],
  'storage of a long key': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ key: '0'.repeat(600) }))))],
  'storage of a dict class': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ kind: p.global('collections', 'OrderedDict') }))))],
  'reference that is text': ['E_PICKLE', () => archive(pickle(p.text('file:///etc/passwd'), p.persistent))],
  'tensor beyond its storage': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ shape: [5] }))))],
  'tensor that begins beyond its storage': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ offset: 4, shape: [1] }))))],
  'tensor that strides beyond its storage': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ shape: [2], strides: [1_000_000] }))))],
  'tensor of negative stride': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ offset: 3, strides: [-1] }))))],
  'tensor of negative offset': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ offset: -1 }))))],
  'tensor repeated to terabytes': ['E_PICKLE', () => archive(pickle(dict('w', tensor({ shape: [0x7fffffff, 400], strides: [0, 0] }))))],
  'tensor of too many elements': [
    'E_PICKLE',
    () => archive(pickle(dict('w', tensor({ shape: [0x7fffffff, 0x7fffffff, 0x7fffffff], strides: [0, 0, 0] })))),
  ],
  'tensor of rank 100': [
    'E_PICKLE',
    () => archive(pickle(dict('w', tensor({ shape: new Array(100).fill(1), strides: new Array(100).fill(1) })))),
  ],
  'few bytes that stand for gigabytes': [
    'E_TORCH_FORMAT',
    () =>
      archive(
        pickle(
          p.emptyDict,
          ...Array.from({ length: 8 }, (_, i) => [
            ...p.text(`w${i}`),
            ...tensor({ shape: [4096, 4096 - i], strides: [0, 0] }),
            ...p.setItem,
          ]),
        ),
      ),
  ],
  'millions of names in some kilobytes': ['E_TORCH_FORMAT', () => archive(pickle(names(208, 3)))],
  'a name that is long through its dicts': [
    'E_TORCH_FORMAT',
    () => archive(pickle(dict('t', tensor()), p.text('a'.repeat(300)), dict('b'.repeat(300), tensor()), p.setItem)),
  ],
  'two tensors of one name': [
    'E_TORCH_FORMAT',
    () => archive(pickle(p.emptyDict, p.text('a.b'), tensor(), p.setItem, p.text('a'), dict('b', tensor()), p.setItem)),
  ],
  'no tensors': ['E_TORCH_EMPTY', () => archive(pickle(dict('epoch', p.int(3))))],
  'a tensor alone': ['E_TORCH_EMPTY', () => archive(pickle(tensor()))],
  // Archives
  'entry that leaves the folder': ['E_TORCH_ZIP', () => archive(good, { name: '../../silane-was-here', data: good })],
  'entry with an absolute name': ['E_TORCH_ZIP', () => archive(good, { name: '/tmp/silane-was-here', data: good })],
  'entry with backslashes': ['E_TORCH_ZIP', () => archive(good, { name: 'm\\..\\..\\x', data: good })],
  'compressed bomb': [
    'E_TORCH_ZIP',
    () =>
      zip([
        { name: 'm/data.pkl', data: good },
        { name: 'm/data/0', data: new Uint8Array(16), method: 8, size: 0x7fffffff },
      ]),
  ],
  'encrypted entry': ['E_TORCH_ZIP', () => zip([{ name: 'm/data.pkl', data: good, flags: 1 }, stored(new Uint8Array(16))])],
  'entry larger than the file': [
    'E_TORCH_ZIP',
    () =>
      zip([
        { name: 'm/data.pkl', data: good },
        { name: 'm/data/0', data: new Uint8Array(16), size: 0x7fffffff },
      ]),
  ],
  'one entry twice': ['E_TORCH_ZIP', () => archive(good, { name: 'm/data.pkl', data: pickle(p.none) })],
  'entries that share bytes': ['E_TORCH_ZIP', () => archive(good, { name: 'm/data/1', data: good, offset: 0 })],
  'another name in the local header': [
    'E_TORCH_ZIP',
    () => zip([{ name: 'm/data.pkl', data: good, localName: 'm/code.pkl' }, stored(new Uint8Array(16))]),
  ],
  'directory cut off': ['E_TORCH_ZIP', () => archive(good).subarray(0, -40)],
  'directory elsewhere': ['E_TORCH_ZIP', () => raw(archive(good).subarray(0, -6), le(0x7ffffff0, 4), le(0, 2))],
  'a million entries': [
    'E_TORCH_ZIP',
    () => raw(archive(good).subarray(0, -14), le(0xfffe, 2), le(0xfffe, 2), archive(good).subarray(-10)),
  ],
  'two folders': ['E_TORCH_FORMAT', () => archive(good, { name: 'n/data.pkl', data: good })],
  'no pickle': ['E_TORCH_FORMAT', () => zip([stored(new Uint8Array(16))])],
  'a TorchScript program': [
    'E_TORCH_FORMAT',
    () => archive(good, { name: 'm/constants.pkl', data: good }, { name: 'm/code/m.py', data: good }),
  ],
  'bytes after the pickle': ['E_TORCH_FORMAT', () => archive(raw(good, good))],
  'big-endian': ['E_TORCH_FORMAT', () => archive(good, { name: 'm/byteorder', data: Buffer.from('big') })],
  // The old format
  'a pickle of something else': ['E_TORCH_FORMAT', () => pickle(p.emptyDict)],
  'old storage of another size': ['E_TORCH_STORAGE', () => legacy(good, undefined, [...le(2 ** 40, 8), ...new Uint8Array(16)])],
  'old storage cut off': ['E_TORCH_STORAGE', () => legacy(good, undefined, [...le(4, 8), 0])],
  'old storage listed twice': ['E_TORCH_STORAGE', () => legacy(good, pickle(p.emptyList, p.mark, p.text('0'), p.text('0'), p.appends))],
  'old storage not listed': ['E_TORCH_STORAGE', () => legacy(good, pickle(p.emptyList), [])],
  'old storage that nothing uses': ['E_TORCH_STORAGE', () => legacy(good, pickle(p.emptyList, p.text('1'), p.append))],
  'old file with more at its end': ['E_TORCH_FORMAT', () => legacy(good, undefined, [...le(4, 8), ...new Uint8Array(99)])],
  'neither archive nor pickle': ['E_TORCH_FORMAT', () => Buffer.from('\x7fELF and so on')],
  'a tar': ['E_TORCH_FORMAT', () => raw(fill(257, 0), Buffer.from('ustar\0'), fill(300, 0))],
  empty: ['E_TORCH_FORMAT', () => new Uint8Array()],
  'a Git LFS pointer': ['E_LFS_POINTER', () => Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n')],
}
