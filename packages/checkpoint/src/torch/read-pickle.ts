import { isSilaneError } from '@silane/core'
import { errors } from '../errors.ts'
import type { ByteReader } from './byte-reader.ts'
import { holdsTensors, isForeign, isValueCall } from './foreign.ts'
import type { PickleDict, PickleForeign, PickleKey, PickleList, PickleStorage, PickleValue } from './pickle-value.ts'
import { emptyDict, isKnownGlobal, Malformed, rebuild, storageOf } from './rebuild.ts'

// Together the bounds keep the interpreter below 200 MB and a second. A tensor takes 130 to 250 bytes of a pickle, 10 objects (one of them
// a dict), 20 items in them and 15 numbers of the memo, so that 45,000 tensors in one file fit; those with the most have 10,000.

/** Bytes of one pickle. */
const MAX_BYTES = 16 << 20
/** Containers, texts, storages and tensors. */
const MAX_OBJECTS = 500_000
/** Dicts, the costly ones among the objects. */
const MAX_DICTS = 150_000
/** Items of all containers together. */
const MAX_ITEMS = 1_000_000
/** Values on the stack: pickle puts at most 1,000 items there before it stores them. */
const MAX_STACK = 20_000
/** Marks on the stack: one for each container under construction. */
const MAX_MARKS = 64
/** Remembered values. */
const MAX_MEMO = 750_000
/** Containers in each other. */
const MAX_DEPTH = 32
/** Items with repeated parts counted each time: a list of ten of a list of ten of … is small to write and endless to walk through. */
const MAX_EXPANDED = 10_000_000
/** Bytes of a name or another text. */
const MAX_STRING = 1 << 20
/** Bytes of a module's or a class's name. */
const MAX_NAME = 256
/** Bytes of a whole number. PyTorch's magic number has 10. */
const MAX_INTEGER = 16

/** Instructions that exist and are refused, by their names in Python's documentation. */
const REFUSED: Readonly<Record<number, string>> = {
  48: 'POP',
  49: 'POP_MARK',
  50: 'DUP',
  66: 'BINBYTES',
  67: 'SHORT_BINBYTES',
  70: 'FLOAT',
  73: 'INT',
  76: 'LONG',
  80: 'PERSID',
  83: 'STRING',
  86: 'UNICODE',
  100: 'DICT',
  103: 'GET',
  105: 'INST',
  108: 'LIST',
  111: 'OBJ',
  112: 'PUT',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  139: 'LONG4',
  141: 'BINUNICODE8',
  142: 'BINBYTES8',
  143: 'EMPTY_SET',
  144: 'ADDITEMS',
  145: 'FROZENSET',
  146: 'NEWOBJ_EX',
  150: 'BYTEARRAY8',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
}

/** Reads one pickle and leaves the reader behind it. Only instructions and names that state dicts consist of are known; nothing is executed. */
export function readPickle(reader: ByteReader, storages: Map<string, PickleStorage>): PickleValue {
  const machine = new Machine(reader, storages)
  try {
    return machine.run()
  } catch (error) {
    if (isSilaneError(error) || !(error instanceof Malformed)) throw error
    throw errors.E_PICKLE({ file: reader.file.name, problem: error.message, at: machine.at, where: reader.file.where }, { cause: error })
  }
}

class Machine {
  /** Where the current instruction is in the file. */
  at = 0
  readonly #reader: ByteReader
  readonly #storages: Map<string, PickleStorage>
  readonly #start: number
  readonly #stack: PickleValue[] = []
  /** Heights of the stack. */
  readonly #marks: number[] = []
  readonly #memo: (PickleValue | undefined)[] = []
  #objects = 0
  #dicts = 0
  #items = 0

  constructor(reader: ByteReader, storages: Map<string, PickleStorage>) {
    this.#reader = reader
    this.#storages = storages
    this.#start = reader.position
  }

  run(): PickleValue {
    for (;;) {
      this.at = this.#reader.position
      if (this.at - this.#start > MAX_BYTES) throw this.#limit('more bytes', MAX_BYTES)
      const opcode = this.#byte()
      // STOP
      if (opcode === 0x2e) return this.#result()
      this.#step(opcode)
      if (this.#stack.length > MAX_STACK) throw this.#limit('more values on the stack', MAX_STACK)
    }
  }

  #result(): PickleValue {
    const value = this.#pop()
    if (this.#stack.length > 0 || this.#marks.length > 0) throw new Malformed('it ends with something left on the stack')
    if (isForeignValue(value)) throw this.#refuseName(value)
    return value
  }

  static readonly #instructions: ReadonlyMap<number, (machine: Machine) => void> = new Map([
    // PROTO
    [0x80, m => m.#protocol(m.#byte())],
    // FRAME: where Python would read ahead
    [0x95, m => void m.#bytes(8)],
    // MARK
    [0x28, m => m.#mark()],
    // NONE, NEWTRUE, NEWFALSE
    [0x4e, m => m.#push(null)],
    [0x88, m => m.#push(true)],
    [0x89, m => m.#push(false)],
    // BININT1, BININT2, BININT, LONG1, BINFLOAT
    [0x4b, m => m.#push(m.#byte())],
    [0x4d, m => m.#push(m.#uint(2))],
    [0x4a, m => m.#push(m.#uint(4) | 0)],
    [0x8a, m => m.#push(m.#integer(m.#byte()))],
    [0x47, m => m.#push(view(m.#bytes(8)).getFloat64(0))],
    // BINUNICODE, SHORT_BINUNICODE; BINSTRING, SHORT_BINSTRING of Python 2
    [0x58, m => m.#push(m.#string(m.#uint(4)))],
    [0x8c, m => m.#push(m.#string(m.#byte()))],
    [0x54, m => m.#push(m.#string(m.#uint(4)))],
    [0x55, m => m.#push(m.#string(m.#byte()))],
    // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
    [0x29, m => m.#tuple([])],
    [0x85, m => m.#tuple(m.#popMany(1))],
    [0x86, m => m.#tuple(m.#popMany(2))],
    [0x87, m => m.#tuple(m.#popMany(3))],
    [0x74, m => m.#tuple(m.#popMark())],
    // EMPTY_LIST, APPEND, APPENDS
    [0x5d, m => m.#create({ kind: 'list', items: [], sealed: false, depth: 1, expanded: 1, tensors: false })],
    [0x61, m => m.#append(m.#popMany(1))],
    [0x65, m => m.#append(m.#popMark())],
    // EMPTY_DICT, SETITEM, SETITEMS
    [0x7d, m => m.#create(emptyDict())],
    [0x73, m => m.#set(m.#popMany(2))],
    [0x75, m => m.#set(m.#popMark())],
    // BINPUT, LONG_BINPUT, MEMOIZE
    [0x71, m => m.#put(m.#byte())],
    [0x72, m => m.#put(m.#uint(4))],
    [0x94, m => m.#put(m.#memo.length)],
    // BINGET, LONG_BINGET
    [0x68, m => m.#get(m.#byte())],
    [0x6a, m => m.#get(m.#uint(4))],
    // GLOBAL, STACK_GLOBAL
    [0x63, m => m.#global(m.#line(), m.#line())],
    [0x93, m => m.#global(...m.#twoTexts())],
    // REDUCE, NEWOBJ, BUILD, BINPERSID
    [0x52, m => m.#reduce()],
    [0x81, m => m.#newObject()],
    [0x62, m => m.#build()],
    [0x51, m => m.#persistent()],
  ])

  #step(opcode: number): void {
    const instruction = Machine.#instructions.get(opcode)
    if (!instruction) throw this.#refuse(opcode)
    instruction(this)
  }

  #refuse(opcode: number): Error {
    const { name: file, where } = this.#reader.file
    return errors.E_PICKLE_OPCODE({ file, opcode: REFUSED[opcode] ?? `0x${opcode.toString(16).padStart(2, '0')}`, at: this.at, where })
  }

  #protocol(version: number): void {
    if (version > 5) throw new Malformed(`its protocol is ${version}`)
  }

  #mark(): void {
    if (this.#marks.length >= MAX_MARKS) throw this.#limit('more marks', MAX_MARKS)
    this.#marks.push(this.#stack.length)
  }

  #twoTexts(): [string, string] {
    const [module, name] = this.#popMany(2)
    if (typeof module !== 'string' || typeof name !== 'string') throw new Malformed('a name is not text')
    return [module, name]
  }

  #reduce(): void {
    const [callable, args] = this.#popMany(2)
    if (isForeignValue(callable) && callable.kind === 'class') {
      if (!isValueCall(callable.name)) throw this.#refuseName(callable)
      this.#create(this.#objectOf(callable, args))
      return
    }
    if (typeof callable !== 'object' || callable?.kind !== 'global') throw new Malformed('something else than a name is called')
    if (typeof args !== 'object' || args?.kind !== 'tuple') throw new Malformed(`${callable.name} is called without a tuple of arguments`)
    this.#create(rebuild(callable, args))
  }

  /** An object of a class that is not known. It is not made: only its class is kept. */
  #newObject(): void {
    const [kind, args] = this.#popMany(2)
    if (!isForeignValue(kind) || kind.kind !== 'class') throw new Malformed('an object is made of something else than a class')
    this.#create(this.#objectOf(kind, args))
  }

  #objectOf({ name, at }: PickleForeign, args: PickleValue | undefined): PickleForeign {
    if (typeof args !== 'object' || args?.kind !== 'tuple') throw new Malformed(`${name} is called without a tuple of arguments`)
    const object: PickleForeign = { kind: 'object', name, at }
    this.#forget(object, [args])
    return object
  }

  /** Reads over what goes into an object. With tensors in it the object is part of a model, whose code is not at hand. */
  #forget(object: PickleForeign, parts: readonly PickleValue[]): void {
    if (parts.some(holdsTensors)) throw this.#refuseName(object)
  }

  /** Sets attributes. State dicts carry the versions of their modules so, which nothing here needs. */
  #build(): void {
    const [target, state] = this.#popMany(2)
    if (isForeignValue(target) && target.kind === 'object') {
      this.#forget(target, state === undefined ? [] : [state])
      this.#push(target)
      return
    }
    const isMetadata = typeof state === 'object' && state?.kind === 'dict' && [...state.entries.keys()].every(key => key === '_metadata')
    if (typeof target !== 'object' || target?.kind !== 'dict' || !isMetadata)
      throw new Malformed('attributes are set on something else than a state dict')
    this.#push(target)
  }

  #persistent(): void {
    const storage = storageOf(this.#pop(), this.#storages)
    this.#storages.set(storage.key, storage)
    this.#create(storage)
  }

  #global(module: string, name: string): void {
    const full = `${module}.${name}`
    const foreign: PickleForeign = { kind: 'class', name: full.slice(0, 2 * MAX_NAME), at: this.at }
    if (!isKnownGlobal(full) && !isForeign(full)) throw this.#refuseName(foreign)
    this.#create(isKnownGlobal(full) ? { kind: 'global', name: full } : foreign)
  }

  #refuseName({ name, at }: PickleForeign): Error {
    const { name: file, where } = this.#reader.file
    return errors.E_PICKLE_GLOBAL({ file, global: printable(name), at, where })
  }

  #tuple(items: PickleValue[]): void {
    const tuple: PickleList = { kind: 'tuple', items, sealed: false, depth: 1, expanded: 1, tensors: false }
    for (const item of items) this.#hold(tuple, item)
    this.#create(tuple)
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#stack.at(-1)
    if (isForeignValue(list) && list.kind === 'object') {
      this.#forget(list, items)
      return
    }
    if (typeof list !== 'object' || list?.kind !== 'list') throw new Malformed('items are appended to something else than a list')
    for (const item of items) {
      this.#hold(list, item)
      list.items.push(item)
    }
  }

  #set(items: readonly PickleValue[]): void {
    const dict = this.#stack.at(-1)
    if (isForeignValue(dict) && dict.kind === 'object') {
      this.#forget(dict, items)
      return
    }
    if (typeof dict !== 'object' || dict?.kind !== 'dict') throw new Malformed('entries are set in something else than a dict')
    if (items.length % 2 !== 0) throw new Malformed('a key has no value')
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]
      const value = items[i + 1]
      // What a class or an object stands for as a key is no tensor's name.
      if (isForeignValue(key)) continue
      if (!isKey(key) || value === undefined) throw new Malformed('a key is neither text nor a number')
      if (dict.entries.has(key)) throw new Malformed(`the key ${JSON.stringify(key)} is set twice`)
      this.#hold(dict, value)
      dict.entries.set(key, value)
    }
  }

  /** Accounts for a value that goes into a container. */
  #hold(container: PickleList | PickleDict, value: PickleValue): void {
    if (container.sealed) throw new Malformed('a container changes after it was put into another one')
    if (++this.#items > MAX_ITEMS) throw this.#limit('more items', MAX_ITEMS)
    container.expanded++
    container.tensors ||= holdsTensors(value)
    if (typeof value !== 'object' || value === null || !('sealed' in value)) return
    if (value === container) throw new Malformed('a container is put into itself')
    value.sealed = true
    container.depth = Math.max(container.depth, value.depth + 1)
    container.expanded += value.expanded
    if (container.depth > MAX_DEPTH) throw this.#limit('deeper nesting', MAX_DEPTH)
    if (container.expanded > MAX_EXPANDED) throw this.#limit('more items, counting repeated ones,', MAX_EXPANDED)
  }

  #create(value: PickleValue): void {
    if (++this.#objects > MAX_OBJECTS) throw this.#limit('more objects', MAX_OBJECTS)
    const isDict = typeof value === 'object' && value?.kind === 'dict'
    if (isDict && ++this.#dicts > MAX_DICTS) throw this.#limit('more dicts', MAX_DICTS)
    this.#push(value)
  }

  #push(value: PickleValue): void {
    this.#stack.push(value)
  }

  #pop(): PickleValue {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined
    if (value === undefined) throw new Malformed('the stack is empty')
    return value
  }

  /** The last `count` values, in the order in which they came. */
  #popMany(count: number): PickleValue[] {
    const values = new Array<PickleValue>(count)
    for (let i = count - 1; i >= 0; i--) values[i] = this.#pop()
    return values
  }

  #popMark(): PickleValue[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw new Malformed('there is no mark on the stack')
    return this.#stack.splice(mark)
  }

  #put(index: number): void {
    const value = this.#stack.at(-1)
    if (value === undefined) throw new Malformed('the stack is empty')
    if (index >= MAX_MEMO) throw this.#limit('larger numbers in the memo', MAX_MEMO)
    // Python counts up, Python 2 from 1 on. A gap would let a few bytes ask for a long table.
    if (index > this.#memo.length + 1) throw new Malformed(`the memo jumps from ${this.#memo.length} to ${index}`)
    this.#memo[index] = value
  }

  #get(index: number): void {
    const value = this.#memo[index]
    if (value === undefined) throw new Malformed(`nothing is remembered under ${index}`)
    this.#push(value)
  }

  #bytes(count: number): Uint8Array {
    const bytes = this.#reader.take(count)
    if (!bytes) throw new Malformed(`it ends in the middle: ${count} bytes are needed, ${this.#reader.remaining} are left`)
    return bytes
  }

  #byte(): number {
    const byte = this.#reader.byte()
    if (byte === undefined) throw new Malformed('it ends in the middle')
    return byte
  }

  #uint(bytes: 1 | 2 | 4): number {
    let value = 0
    for (let i = 0; i < bytes; i++) value += this.#byte() * 2 ** (8 * i)
    return value
  }

  #integer(length: number): number | bigint {
    if (length > MAX_INTEGER) throw this.#limit('more bytes in a number', MAX_INTEGER)
    const value = this.#bytes(length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    const signed = BigInt.asIntN(length * 8, value)
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed
  }

  #string(length: number): string {
    if (length > MAX_STRING) throw this.#limit('more bytes in a text', MAX_STRING)
    if (++this.#objects > MAX_OBJECTS) throw this.#limit('more objects', MAX_OBJECTS)
    return decode(this.#bytes(length))
  }

  /** A line of a name, which ends at a newline. */
  #line(): string {
    const bytes: number[] = []
    for (;;) {
      const byte = this.#byte()
      if (byte === 0x0a) return decode(Uint8Array.from(bytes))
      if (bytes.push(byte) > MAX_NAME) throw this.#limit('more bytes in a name', MAX_NAME)
    }
  }

  #limit(what: string, limit: number): Error {
    return errors.E_PICKLE_LIMIT({ file: this.#reader.file.name, what, limit, at: this.at, where: this.#reader.file.where })
  }
}

const isForeignValue = (value: PickleValue | undefined): value is PickleForeign =>
  typeof value === 'object' && (value?.kind === 'class' || value?.kind === 'object')

const isKey = (value: PickleValue | undefined): value is PickleKey =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const decoder = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Malformed('a text is not UTF-8')
  }
}

/** A name out of the file goes into a message, so what controls a terminal is left out. */
const printable = (text: string): string => JSON.stringify(text).slice(1, -1).slice(0, 120)
