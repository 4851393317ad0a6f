/** Writes pickles instruction by instruction, the ones that Python would not write too. */
export const p = {
  proto: [0x80, 2],
  stop: [0x2e],
  mark: [0x28],
  none: [0x4e],
  yes: [0x88],
  no: [0x89],
  emptyTuple: [0x29],
  emptyList: [0x5d],
  emptyDict: [0x7d],
  tuple: [0x74],
  tuple1: [0x85],
  tuple2: [0x86],
  tuple3: [0x87],
  append: [0x61],
  appends: [0x65],
  setItem: [0x73],
  setItems: [0x75],
  reduce: [0x52],
  newObject: [0x81],
  build: [0x62],
  persistent: [0x51],
  stackGlobal: [0x93],
  int: (value: number) => [0x4a, ...le(value, 4)],
  long: (bytes: readonly number[]) => [0x8a, bytes.length, ...bytes],
  text: (value: string) => {
    const bytes = new TextEncoder().encode(value)
    return [0x58, ...le(bytes.length, 4), ...bytes]
  },
  global: (module: string, name: string) => [0x63, ...new TextEncoder().encode(`${module}\n${name}\n`)],
  put: (index: number) => [0x72, ...le(index, 4)],
  get: (index: number) => [0x6a, ...le(index, 4)],
}

export const le = (value: number, bytes: number): number[] => Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 255)

export interface StorageFacts {
  readonly key?: string
  readonly kind?: readonly number[]
  readonly size?: number
  readonly more?: readonly number[]
}

/** A reference to a storage of fp32. */
export const storage = ({ key = '0', kind = p.global('torch', 'FloatStorage'), size = 4, more = [] }: StorageFacts = {}): number[] => [
  ...p.mark,
  ...p.text('storage'),
  ...kind,
  ...p.text(key),
  ...p.text('cpu'),
  ...p.int(size),
  ...more,
  ...p.tuple,
  ...p.persistent,
]

const ints = (values: readonly number[]): number[] => [...p.mark, ...values.flatMap(p.int), ...p.tuple]

export interface TensorFacts extends StorageFacts {
  readonly offset?: number
  readonly shape?: readonly number[]
  readonly strides?: readonly number[]
}

/** A tensor as torch.save writes it. */
export const tensor = ({ offset = 0, shape = [4], strides = [1], ...of }: TensorFacts = {}): number[] => [
  ...p.global('torch._utils', '_rebuild_tensor_v2'),
  ...p.mark,
  ...storage(of),
  ...p.int(offset),
  ...ints(shape),
  ...ints(strides),
  ...p.no,
  ...p.global('collections', 'OrderedDict'),
  ...p.emptyTuple,
  ...p.reduce,
  ...p.tuple,
  ...p.reduce,
]

/** A dict with one entry. */
export const dict = (key: string, value: readonly number[]): number[] => [...p.emptyDict, ...p.text(key), ...value, ...p.setItem]

export const pickle = (...parts: readonly (readonly number[])[]): Uint8Array => Uint8Array.from([...p.proto, ...parts.flat(), ...p.stop])

export interface Entry {
  readonly name: string
  readonly data: Uint8Array
  readonly method?: number
  readonly flags?: number
  /** What the directory says instead of the size. */
  readonly size?: number
  /** What the local header says instead of the name. */
  readonly localName?: string
  /** What the directory says instead of the place. */
  readonly offset?: number
}

/** An archive, stored. */
export function zip(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const { name, data, method = 0, flags = 0, size = data.length, localName = name, offset = at } of entries) {
    const sizes = [...le(0, 4), ...le(size, 4), ...le(size, 4)]
    const shared = [...le(flags, 2), ...le(method, 2), ...le(0, 4), ...sizes]
    const local = Buffer.from(localName)
    const full = Buffer.from(name)
    const header = Buffer.concat([Buffer.from([...le(0x04034b50, 4), ...le(20, 2), ...shared, ...le(local.length, 2), ...le(0, 2)]), local])
    const rest = [...le(full.length, 2), ...le(0, 12), ...le(offset, 4)]
    directory.push(Buffer.concat([Buffer.from([...le(0x02014b50, 4), ...le(20, 2), ...le(20, 2), ...shared, ...rest]), full]))
    parts.push(header, data)
    at += header.length + data.length
  }
  const central = Buffer.concat(directory)
  const end = [
    ...le(0x06054b50, 4),
    ...le(0, 4),
    ...le(entries.length, 2),
    ...le(entries.length, 2),
    ...le(central.length, 4),
    ...le(at, 4),
    ...le(0, 2),
  ]
  return Buffer.concat([...parts, central, Buffer.from(end)])
}

const zeros = new Uint8Array(16)

/** A file of torch.save with this pickle and one storage of four fp32 elements. */
export const archive = (data: Uint8Array, ...more: readonly Entry[]): Uint8Array =>
  zip([{ name: 'm/data.pkl', data }, { name: 'm/data/0', data: zeros }, ...more])

/** A file of PyTorch before 1.6. */
export const legacy = (
  data: Uint8Array,
  keys: Uint8Array = pickle(p.emptyList, p.text('0'), p.append),
  rest: readonly number[] = [...le(4, 8), ...zeros],
) =>
  Buffer.concat([
    pickle(p.long([0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19])),
    pickle(p.int(1001)),
    pickle(dict('little_endian', p.yes)),
    data,
    keys,
    Buffer.from(rest),
  ])
