import type { Random } from '../random.ts'
import { EDGES, mutateBytes } from './bytes.ts'

/** Bytes of an instruction's operand, by its code; `n` bytes of a length before it where that is negative, `lines` for texts that end a line. */
const OPERANDS: Readonly<Record<string, number | 'lines'>> = {
  K: 1,
  M: 2,
  J: 4,
  h: 1,
  j: 4,
  q: 1,
  r: 4,
  G: 8,
  '\x80': 1,
  '\x95': 8,
  X: -4,
  U: -1,
  T: -4,
  B: -4,
  C: -1,
  '\x8a': -1,
  '\x8b': -4,
  '\x8c': -1,
  c: 'lines',
}

/** The length of the instruction that begins at a place. */
function lengthAt(bytes: Buffer, at: number): number {
  const operand = OPERANDS[String.fromCharCode(bytes[at] as number)] ?? 0
  if (operand === 'lines') {
    const first = bytes.indexOf(10, at)
    const second = first < 0 ? -1 : bytes.indexOf(10, first + 1)
    return second < 0 ? bytes.length - at : second + 1 - at
  }
  if (operand >= 0) return 1 + operand
  if (at + 1 - operand > bytes.length) return bytes.length - at
  return 1 - operand + bytes.readUIntLE(at + 1, -operand)
}

/** The instructions of a pickle, each with its operand. */
export function instructions(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; at += Math.max(1, lengthAt(bytes, at)))
    found.push(bytes.subarray(at, at + Math.max(1, lengthAt(bytes, at))))
  return found
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value % 2 ** 32)
  return bytes
}
const text = (value: string): Buffer => Buffer.concat([Buffer.from('X'), uint32(Buffer.byteLength(value)), Buffer.from(value)])
const ops = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))

/** Instructions that no state dict holds in such places: code to run, amplification, everything nested, names of prototypes. */
const HOSTILE: readonly ((random: Random) => Buffer)[] = [
  () => ops('cos\nsystem\n', text('touch owned'), '\x85R'),
  () => ops('cbuiltins\neval\n', text('1'), '\x85R'),
  () => ops('c__builtin__\ngetattr\n'),
  () => ops('ccollections\nOrderedDict\n)R'),
  () => ops('ctorch._utils\n_rebuild_tensor_v2\n)R'),
  () => ops('ctorch\nFloatStorage\n'),
  () => ops('cconstructor\n__proto__\n'),
  () => Buffer.from(']'.repeat(3000)),
  () => Buffer.from('('.repeat(200)),
  () => Buffer.from('}]'.repeat(2000), 'latin1'),
  // A list of ten of a list of ten of …
  () =>
    ops(
      ']',
      ...Array.from({ length: 20 }, (_, i) =>
        ops('q', Buffer.from([200 + i]), '](', ops(...Array<Buffer>(10).fill(Buffer.from([0x68, 200 + i]))), 'e'),
      ),
    ),
  // A text of some length, remembered and named again and again.
  () => ops(text('n'.repeat(2000)), 'q\xff0(', ops(...Array<Buffer>(5000).fill(Buffer.from([0x68, 0xff]))), 't'),
  () => ops('](', ops(...Array<Buffer>(20_000).fill(Buffer.from([0x4b, 1]))), 'e'),
  // A dict under names that are long, and not written so often.
  () =>
    ops(
      text('n'.repeat(1000)),
      'q\xfe0}(',
      ops(...Array.from({ length: 30_000 }, (_, i) => ops('h\xfeM', Buffer.from([i & 255, i >> 8])))),
      'u',
    ),
  () => text('__proto__'),
  () => text('constructor'),
  () => text('x'.repeat(100_000)),
  random => ops('J', uint32(random.pick(EDGES) % 2 ** 32)),
  random => ops('\x8a\x09', Buffer.alloc(9, random.int(256))),
  () => Buffer.from([0x68, 0]),
  () => Buffer.from('Q', 'latin1'),
  () => Buffer.from('R', 'latin1'),
  () => Buffer.from('.', 'latin1'),
  () => Buffer.from('b', 'latin1'),
  () => Buffer.from('s', 'latin1'),
]

/** An instruction with another operand of the same nature. */
function retold(op: Buffer, random: Random, all: readonly Buffer[]): Buffer {
  const code = String.fromCharCode(op[0] as number)
  if (code === 'K') return Buffer.from([0x4b, random.int(256)])
  if (code === 'M') return random.once(2) ? ops('M', Buffer.from([random.int(256), random.int(256)])) : ops('J', uint32(random.pick(EDGES)))
  if (code === 'J') return ops('J', uint32(random.pick(EDGES)))
  if (code === 'h' || code === 'q') return Buffer.from([op[0] as number, random.int(256)])
  if (code === 'X') {
    const texts = all.filter(other => other[0] === 0x58)
    const say = ['cuda:0', 'meta', '0', '999999', '__proto__', 'weight', '\u001b[31m', '../../x', 'é'.repeat(100), '']
    return random.once(3) ? Buffer.from(random.pick(texts)) : text(random.pick(say))
  }
  if (code === 'c')
    return Buffer.from(
      random.pick([
        'ctorch\nHalfStorage\n',
        'ctorch\nBoolStorage\n',
        'ctorch\nconstructor\n',
        'cos\nsystem\n',
        'ctorch._utils\n_rebuild_parameter\n',
        'cnumpy.core.multiarray\nscalar\n',
      ]),
      'latin1',
    )
  return mutateBytes(op, random)
}

/** A pickle after a few changes to its instructions. */
export function mutatePickle(bytes: Buffer, random: Random): Buffer {
  if (random.once(10)) return mutateBytes(bytes, random)
  const list = instructions(bytes)
  for (let count = 1 + random.int(random.pick([1, 2, 4, 10])); count > 0 && list.length > 0; count--) {
    const at = random.int(list.length)
    const op = list[at] as Buffer
    switch (random.int(7)) {
      case 0:
        list.splice(at, 1)
        break
      case 1:
        list.splice(at, 0, ...Array<Buffer>(random.pick([1, 1, 2, 50, 2000])).fill(op))
        break
      case 2:
        list.splice(at, 0, random.pick(HOSTILE)(random))
        break
      case 3:
        list[at] = random.pick(list)
        break
      case 4: {
        // A run of them once more, such as a whole tensor.
        const run = list.slice(at, at + 1 + random.int(60))
        list.splice(
          random.int(list.length),
          0,
          ...Array<Buffer[]>(random.pick([1, 1, 20]))
            .fill(run)
            .flat(),
        )
        break
      }
      default:
        list[at] = retold(op, random, list)
    }
  }
  return Buffer.concat(list)
}
