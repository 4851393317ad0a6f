import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Builder, computedConstant, constantOf } from '@silane/core'
import { describe, expect, test } from 'vitest'
import type { Operation, ValueType } from '../src/gen/mil_pb.ts'
import type { Model } from '../src/gen/model_pb.ts'
import { checkPackage, readPackage } from '../src/index.ts'
import {
  MAX_BLOBS,
  MAX_FEATURES,
  MAX_FINDINGS,
  MAX_LISTED,
  MAX_MESSAGES,
  MAX_OP_MESSAGES,
  MAX_OPERATIONS,
  MAX_OUTER_MESSAGES,
  MAX_WEIGHT_FILES,
} from '../src/limits.ts'
import { blockOf, changeBytes, changeModel, failure, freshPath, modelFile, operationsOf, weightFile, write } from './package-files.ts'

/** A sound package: an input, a state, two constants in the weight file, a constant in the program. */
async function sound(): Promise<string> {
  const b = new Builder('main')
  const cache = b.state('cache', 'fp16', [2, 4])
  const table = (shape: readonly number[], id: string) => b.constant(computedConstant('fp16', shape, id, index => index / 64))
  const h = b.linear({
    x: b.add({ x: b.read_state({ input: cache }), y: b.input('x', 'fp16', [2, 4]) }),
    weight: table([5, 4], 'w'),
    bias: table([5], 'b'),
  })
  b.write_state({ input: cache, data: b.input('next', 'fp16', [2, 4]) })
  const y = b.softmax({ x: b.mul({ x: h, y: table([2, 5], 'm') }) })
  return await write({ name: 'model', functions: [b.finish({ y })] })
}

/** What reading says to a package after a change. */
async function after(change: (path: string) => void): Promise<string> {
  const path = await sound()
  change(path)
  const said = await failure(readPackage(path))
  // Checking finds at least the same, and survives.
  expect((await checkPackage(path)).map(finding => finding.code)).toContain(said.split(':')[0])
  return said
}

const afterModel = (change: (model: Model) => void) => after(path => changeModel(path, change))
const afterWeights = (change: (bytes: Buffer<ArrayBuffer>) => Uint8Array | undefined) =>
  after(path => changeBytes(weightFile(path), change))
const afterManifest = (change: (manifest: { [key: string]: unknown }) => unknown) =>
  after(path => {
    const file = join(path, 'Manifest.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify(change(manifest) ?? manifest))
  })

const fn = (model: Model) => model.mlProgram!.functions[0]!.value!
const op = (model: Model, type: string): Operation => operationsOf(model).find(operation => operation.type === type)!
const argument = (operation: Operation, key: string) => operation.inputs.find(input => input.key === key)!.value!
const constant = (model: Model, name: string) => operationsOf(model).find(({ outputs }) => outputs[0]?.name === name)!
const val = (operation: Operation) => operation.attributes.find(attribute => attribute.key === 'val')!.value!
const tensor = (type: ValueType | undefined) => {
  if (type?.type.case !== 'tensorType') throw new Error('no tensor type')
  return type.type.value
}

test('the package is sound as it is', async () => {
  const path = await sound()
  expect(await checkPackage(path)).toEqual([])
  await readPackage(path)
})

describe('the manifest', () => {
  const setPath = (path: string) => (manifest: { [key: string]: unknown }) => {
    for (const item of Object.values(manifest.itemInfoEntries as object)) if (item.name === 'model.mlmodel') item.path = path
  }

  test('is missing, or no manifest', async () => {
    expect(await failure(readPackage('/nowhere.mlpackage'))).toMatchInlineSnapshot(`
      "E_PACKAGE: /nowhere.mlpackage does not exist.
      An .mlpackage is a folder with a Manifest.json."
    `)
    expect(await after(path => rmSync(join(path, 'Manifest.json')))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: it does not exist.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await after(path => writeFileSync(join(path, 'Manifest.json'), '{'))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: Manifest.json is not valid JSON: expected a key in double quotes in line 1, column 2.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    const nested = `{"fileFormatVersion":${'['.repeat(400_000)}${']'.repeat(400_000)}}`
    expect(await after(path => writeFileSync(join(path, 'Manifest.json'), nested))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: Manifest.json has deeper nesting than the 64 that are read of a JSON file.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await after(path => truncateSync(join(path, 'Manifest.json'), 2 ** 21))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: it has 2097152 bytes; the limit is 1048576.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(() => [])).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: it is not a JSON object.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(manifest => ({ ...manifest, fileFormatVersion: '2.0.0' }))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: fileFormatVersion is "2.0.0", not "1.0.0".
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(manifest => ({ ...manifest, fileFormatVersion: { toString: 1 } }))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: fileFormatVersion is {"toString":1}, not "1.0.0".
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(manifest => ({ ...manifest, rootModelIdentifier: 'toString' }))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: rootModelIdentifier names no item.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(
      await afterManifest(manifest => ({ ...manifest, itemInfoEntries: { a: { name: 'x' } }, rootModelIdentifier: 'a' })),
    ).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: item a lacks one of author, description, name and path.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
  })

  test('may begin with a byte order mark', async () => {
    const path = await sound()
    changeBytes(join(path, 'Manifest.json'), bytes => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]))
    expect(await checkPackage(path)).toEqual([])
  })

  test('leads out of the package', async () => {
    expect(await afterManifest(setPath('../Manifest.json'))).toMatchInlineSnapshot(`
      "E_MANIFEST_PATH: The manifest lists "../Manifest.json", which is not a plain relative path.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(setPath('/etc/passwd'))).toMatchInlineSnapshot(`
      "E_MANIFEST_PATH: The manifest lists "/etc/passwd", which is not a plain relative path.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(setPath('com.apple.CoreML/none'))).toMatchInlineSnapshot(`
      "E_MANIFEST_PATH: The manifest lists "com.apple.CoreML/none", which does not exist.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(
      await after(path => {
        const file = modelFile(path)
        const outside = join(dirname(path), 'outside.mlmodel')
        writeFileSync(outside, readFileSync(file))
        rmSync(file)
        symlinkSync(outside, file)
      }),
    ).toMatchInlineSnapshot(`
      "E_MANIFEST_PATH: The manifest lists "com.apple.CoreML/model.mlmodel", which leads out of the package.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
    expect(await afterManifest(setPath('com.apple.CoreML/weights'))).toMatchInlineSnapshot(`
      "E_PACKAGE_MANIFEST: The manifest is not valid: the root model is not a file.
      Looked in: …/model.mlpackage/Manifest.json"
    `)
  })
})

describe('the model file', () => {
  const replaced = (bytes: number[] | Uint8Array) => after(path => writeFileSync(modelFile(path), Uint8Array.from(bytes)))

  test('is larger than its limit', async () => {
    expect(await after(path => truncateSync(modelFile(path), 2 ** 28 + 1))).toMatchInlineSnapshot(`
      "E_MODEL_SIZE: The program takes 268435457 bytes; the limit is 268435456.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
      Large constants belong into weight.bin."
    `)
  })

  test('is cut off or damaged', async () => {
    expect(await after(path => changeBytes(modelFile(path), bytes => bytes.subarray(0, 100)))).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: a length of 1193 runs past the end of its message at byte 85.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: a length of 4294967295 runs past the end of its message at byte 6.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x08, ...Array(11).fill(0x80)])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: a number is longer than ten bytes at byte 11.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x0a, 0x00])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: field Model.specification_version has the wire type 2 at byte 1.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x13])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: field Model.description has the wire type 3 at byte 1.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x00, 0x00])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: field number 0 at byte 1.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    // A name that is not UTF-8.
    expect(await replaced([0x12, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0xff])).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: The encoded data was not valid for encoding utf-8.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
  })

  const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))])
  /** A field that holds bytes. */
  const field = (number: number, bytes: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes])
  /** Messages without content, two bytes each. */
  const empty = (number: number, count: number): Uint8Array => new Uint8Array(2 * count).map((_, i) => (i % 2 === 0 ? number * 8 + 2 : 0))

  test('nests too deep', async () => {
    // Tuple types in tuple types, in the type of an input.
    let deep: Uint8Array = new Uint8Array()
    for (let i = 0; i < 60; i++) deep = field(3, field(1, deep))
    expect(await replaced(field(502, field(2, field(2, field(1, field(2, deep))))))).toMatchInlineSnapshot(`
      "E_NESTING: The model file nests messages more than 48 deep.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
  })

  test('holds too many messages, features, or elements of lists', async () => {
    // Functions of a program, which are decoded together, and blocks of one op.
    expect(await replaced(field(502, empty(2, MAX_OUTER_MESSAGES)))).toMatchInlineSnapshot(`
      "E_MESSAGES: The model file, apart from its operations, has more than 1048576 messages.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    const ofBlock = (bytes: Uint8Array) => field(502, field(2, field(2, field(3, field(2, bytes)))))
    expect(await replaced(ofBlock(field(3, empty(4, MAX_OP_MESSAGES))))).toMatchInlineSnapshot(`
      "E_MESSAGES: An operation of the model file has more than 262144 messages.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced(ofBlock(empty(3, MAX_OPERATIONS + 1)))).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: it has more than 262144 operations.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    const op = field(3, empty(5, 99))
    const ops = new Uint8Array((op.length * MAX_MESSAGES) / 64).map((_, i) => op[i % op.length] as number)
    expect(await replaced(ofBlock(ops))).toMatchInlineSnapshot(`
      "E_MESSAGES: The model file has more than 5242880 messages.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced(field(2, empty(1, MAX_FEATURES + 1)))).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: it describes more than 65536 features.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    // The shape of an input, a byte each.
    const shape = new Uint8Array(MAX_LISTED + 1).fill(1)
    expect(await replaced(field(2, field(1, field(3, field(5, field(1, shape))))))).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: its lists hold more than 4194304 numbers and texts.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
  })

  test('has more fields than any later version would add', async () => {
    const fields = Array.from({ length: MAX_FINDINGS + 1 }, (_, i) => [...varint((4000 + i) * 8), 1]).flat()
    expect(await replaced(fields)).toMatchInlineSnapshot(`
      "E_PROTO: The model file is damaged: it has more than 1000 different fields that this version does not know.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
  })

  test('is another kind of model, or of another version', async () => {
    expect(await replaced([0x08, 0x07, 0xa2, 0x1f, 0x00])).toMatchInlineSnapshot(`
      "E_MODEL_KIND: The model cannot be read: it is a model of another kind (field 500).
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
      Only ML Programs are supported, not neural networks, pipelines or updatable models."
    `)
    expect(await replaced([0x08, 0x07])).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: there is none.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await replaced([0x08, 0x07, 0xfa, 0x7f, 0x00])).toMatchInlineSnapshot(`
      "E_MODEL_KIND: The model cannot be read: it is a model of another kind (field 2047).
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
      Only ML Programs are supported, not neural networks, pipelines or updatable models."
    `)
    expect(
      await afterModel(model => {
        model.isUpdatable = true
      }),
    ).toMatchInlineSnapshot(`
      "E_MODEL_KIND: The model cannot be read: it is updatable.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
      Only ML Programs are supported, not neural networks, pipelines or updatable models."
    `)
    expect(
      await afterModel(model => {
        model.specificationVersion = 5
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: its specification version is 5, and programs came with 6.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(
      await afterModel(model => {
        model.specificationVersion = 11
      }),
    ).toMatchInlineSnapshot(`
      "E_SPEC_VERSION: Specification version 11 cannot be read; known are 6 to 10.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
      A newer silane may read it."
    `)
    expect(
      await afterModel(model => {
        model.specificationVersion = 8
      }),
    ).toMatchInlineSnapshot(`
      "E_OPSET_MISMATCH: The opset "CoreML8" does not belong to specification version 8, whose opset is CoreML7.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => {
        fn(model).opset = 'CoreML7'
      }),
    ).toMatchInlineSnapshot(`
      "E_OPSET_MISMATCH: The opset "CoreML7" does not belong to specification version 9, whose opset is CoreML8.
      Looked in: function main"
    `)
  })
})

describe('the weight file', () => {
  test('is missing, foreign or cut off', async () => {
    expect(await after(path => rmSync(weightFile(path)))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: it does not exist.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => bytes.subarray(0, 10))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: 10 bytes are less than its header.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(1, 4))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: its storage version is 1; only 2 can be read.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(0xffffffff, 0))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: it claims 4294967295 records in 276 bytes; the limit of all weight files together is 1048576.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(3, 0))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: a record at 320 lies outside its 276 bytes.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => bytes.subarray(0, 160))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: the record at 64 has 40 bytes; the file ends before that.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(0xdeadbeee, 64))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: no record starts at 64, where number 1 of 2 belongs.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
  })

  /** Constants, each from a weight file of its own name. */
  const named = (names: readonly string[]) => (model: Model) => {
    const of = constant(model, 'const')
    operationsOf(model).unshift(
      ...names.map((name, i) => {
        const clone = structuredClone(of)
        clone.outputs[0]!.name = `w${i}`
        clone.attributes = clone.attributes.filter(({ key }) => key === 'val')
        const { value } = val(clone)
        if (value.case !== 'blobFileValue') throw new Error('no blob')
        value.value.fileName = `@model_path/weights/${name}`
        return clone
      }),
    )
  }

  test('has more names than a program has files', async () => {
    const names = Array.from({ length: MAX_WEIGHT_FILES }, (_, i) => `w${i}.bin`)
    const path = await sound()
    for (const name of names) symlinkSync('weight.bin', join(dirname(weightFile(path)), name))
    changeModel(path, named(names))
    expect(await failure(readPackage(path))).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: the program names more than 64 weight files.
      Looked in: function main, op 66 const "const""
    `)
  })

  test('has no more records with all others together than one may', async () => {
    const path = await sound()
    const large = join(dirname(weightFile(path)), 'large.bin')
    const header = Buffer.alloc(8)
    header.writeUInt32LE(MAX_BLOBS - 1, 0)
    header.writeUInt32LE(2, 4)
    writeFileSync(large, header)
    truncateSync(large, 64 * MAX_BLOBS)
    changeModel(path, named(['weight.bin', 'large.bin']))
    expect(await failure(readPackage(path))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: it claims 1048575 records in 67108864 bytes; the limit of all weight files together is 1048576.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/large.bin"
    `)
  })

  test('is read once under several names', async () => {
    const path = await sound()
    symlinkSync('weight.bin', join(dirname(weightFile(path)), 'link.bin'))
    changeModel(path, model => {
      const { value } = val(constant(model, 'const'))
      if (value.case === 'blobFileValue') value.value.fileName = '@model_path/weights/link.bin'
    })
    const { ops } = (await readPackage(path)).functions[0]!
    const values = ['linear', 'mul'].map(kind => ops.find(op => op.kind === kind)!.operands[kind === 'mul' ? 'y' : 'weight'])
    const files = values.map(value => value && 'producer' in value && constantOf(value)?.id.replace(/^.*\/|:.*/g, ''))
    expect(files).toEqual(['link.bin', 'link.bin'])
  })

  test('has records that overlap, wrap around or hold something else', async () => {
    expect(await afterWeights(bytes => void bytes.writeBigUInt64LE(64n, 80))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: the record at 64 has its data at 64, not right behind it.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeBigUInt64LE(130n, 80))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: the record at 64 has its data at 130, not right behind it.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeBigUInt64LE(0xffffffffffffff80n, 72))).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: the record at 64 has 18446744073709552000 bytes; the file ends before that.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    `)
    expect(await afterWeights(bytes => void bytes.writeBigUInt64LE(42n, 72))).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 64 cannot be used: the record holds 42 bytes, fp16[5,4] needs 40.
      Looked in: function main, op 2 const "const""
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(6, 68))).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 64 cannot be used: the record holds int16, the program says fp16.
      Looked in: function main, op 2 const "const""
    `)
    expect(await afterWeights(bytes => void bytes.writeUInt32LE(99, 68))).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 64 cannot be used: the record holds type 99, the program says fp16.
      Looked in: function main, op 2 const "const""
    `)
  })

  const afterReference = (change: (reference: { fileName: string; offset: bigint }) => void) =>
    afterModel(model => {
      const { value } = val(
        operationsOf(model).find(({ attributes }) => attributes.some(({ value: v }) => v?.value.case === 'blobFileValue'))!,
      )
      if (value.case === 'blobFileValue') change(value.value)
    })

  test('is referred to beside its records, or elsewhere', async () => {
    expect(
      await afterReference(reference => {
        reference.offset = 128n
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 128 cannot be used: no record starts there.
      Looked in: function main, op 2 const "const""
    `)
    expect(
      await afterReference(reference => {
        reference.offset = 65n
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 65 cannot be used: records start at multiples of 64.
      Looked in: function main, op 2 const "const""
    `)
    expect(
      await afterReference(reference => {
        reference.offset = 2n ** 63n
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_REFERENCE: The weight at offset 9223372036854776000 cannot be used: no record starts there.
      Looked in: function main, op 2 const "const""
    `)
    expect(
      await afterReference(reference => {
        reference.fileName = '@model_path/../../../../etc/passwd'
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: it is not a plain relative path.
      Looked in: /etc/passwd"
    `)
    expect(
      await afterReference(reference => {
        reference.fileName = '/etc/passwd'
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: its name "/etc/passwd" does not start with @model_path/.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/etc/passwd"
    `)
    expect(
      await afterReference(reference => {
        reference.fileName = '@model_path/weights'
      }),
    ).toMatchInlineSnapshot(`
      "E_WEIGHT_FILE: The weight file cannot be used: it is not a file.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/weights"
    `)
  })
})

describe('the program', () => {
  test('has a broken frame', async () => {
    expect(
      await afterModel(model => {
        model.mlProgram!.version = 2n
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: its program has version 2, not 1.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(
      await afterModel(model => {
        model.mlProgram!.functions = []
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: its functions are none, where one called main belongs.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(await afterModel(model => void model.mlProgram!.functions.push(model.mlProgram!.functions[0]!))).toMatchInlineSnapshot(`
      "E_DUPLICATE: There is more than one function "main".
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(
      await afterModel(model => {
        model.mlProgram!.functions = Array.from({ length: 300 }, (_, i) => ({ ...model.mlProgram!.functions[0]!, key: `f${i}` }))
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: it has 300 functions; the limit is 256.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(
      await afterModel(model => {
        model.mlProgram!.functions[0]!.key = 'no name'
      }),
    ).toMatchInlineSnapshot(`
      "E_IDENTIFIER: The name "no name": a function is not a legal identifier.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
    expect(
      await afterModel(model => {
        fn(model).blockSpecializations = []
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: it has no block for its opset CoreML8.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => {
        blockOf(model).inputs = fn(model).inputs
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: its block has inputs of its own.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => {
        blockOf(model).outputs = []
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: it has no outputs.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => {
        blockOf(model).outputs = ['y', 'y']
      }),
    ).toMatchInlineSnapshot(`
      "E_DUPLICATE: There is more than one output of one name.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => {
        blockOf(model).outputs = ['cache']
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: its output "cache" is a state.
      Looked in: function main"
    `)
    expect(
      await afterModel(model => void op(model, 'add').attributes.push({ ...op(model, 'add').attributes[0]!, key: 'x' })),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: it has an attribute "x".
      Looked in: function main, op 1 add "add""
    `)
    expect(
      await afterModel(model => {
        model.description!.defaultFunctionName = 'main'
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: it describes features beside those of its functions.
      Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    `)
  })

  test('misuses names', async () => {
    const rename = (name: string) =>
      afterModel(model => {
        op(model, 'linear').outputs[0]!.name = name
      })
    expect(await rename('')).toMatchInlineSnapshot(`
      "E_IDENTIFIER: The name "": is not a legal identifier.
      Looked in: function main, op 4 linear """
    `)
    expect(await rename('a b')).toMatchInlineSnapshot(`
      "E_IDENTIFIER: The name "a b": is not a legal identifier.
      Looked in: function main, op 4 linear "a b""
    `)
    expect(await rename('fp16')).toMatchInlineSnapshot(`
      "E_IDENTIFIER: The name "fp16": is a reserved word.
      Looked in: function main, op 4 linear "fp16""
    `)
    expect(await rename('__proto__')).toMatchInlineSnapshot(`
      "E_UNDEFINED: "linear" is used before it is defined.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(await rename('x')).toMatchInlineSnapshot(`
      "E_DUPLICATE: There is more than one value "x".
      Looked in: function main, op 4 linear "x""
    `)
    expect(await afterModel(model => void operationsOf(model).reverse())).toMatchInlineSnapshot(`
      "E_UNDEFINED: "mul" is used before it is defined.
      Looked in: function main, op 0 softmax "y""
    `)
  })

  test('has types that cannot be', async () => {
    const retype = (change: (type: ReturnType<typeof tensor>) => void) =>
      afterModel(model => change(tensor(op(model, 'mul').outputs[0]!.type)))
    expect(
      await retype(type => {
        type.rank = 3n
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: rank 3 with 2 dimensions.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await retype(type => {
        type.dataType = 41
      }),
    ).toMatchInlineSnapshot(`
      "E_PACKAGE_UNSUPPORTED: Not supported: the element type FLOAT8E5M2.
      Looked in: function main, op 7 mul "mul"
      The package may be right all the same: Core ML takes more than what is read here."
    `)
    expect(await retype(type => void Object.assign(type, { dataType: 77 }))).toMatchInlineSnapshot(`
      "E_PACKAGE_UNSUPPORTED: Not supported: the element type type 77.
      Looked in: function main, op 7 mul "mul"
      The package may be right all the same: Core ML takes more than what is read here."
    `)
    expect(
      await retype(type => {
        type.dataType = 11
      }),
    ).toMatchInlineSnapshot(`
      "E_TYPES: The result is declared as fp32[2, 5] and is fp16[2, 5].
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await retype(type => {
        type.dimensions[0]!.dimension = { case: undefined }
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: an empty dimension.
      Looked in: function main, op 7 mul "mul""
    `)
    const size = (value: bigint) =>
      retype(type => {
        const { dimension } = type.dimensions[0]!
        if (dimension.case === 'constant') dimension.value.size = value
      })
    expect(await size(0n)).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: a dimension of 0; allowed are 1 to 2147483647.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(await size(2n ** 64n - 1n)).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: a dimension of 18446744073709551615; allowed are 1 to 2147483647.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(await size(3n)).toMatchInlineSnapshot(`
      "E_TYPES: The result is declared as fp16[3, 5] and is fp16[2, 5].
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await retype(type => {
        type.dimensions = Array.from({ length: 5 }, () => type.dimensions[1]!)
        type.rank = 5n
        for (const { dimension } of type.dimensions) if (dimension.case === 'constant') dimension.value.size = 2n ** 31n - 1n
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: [2147483647,2147483647,2147483647,2147483647,2147483647] has too many elements.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await retype(type => {
        type.dimensions = Array.from({ length: 100_000 }, () => type.dimensions[0]!)
        type.rank = 100_000n
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: rank 100000; the limit is 7.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(await afterModel(model => void delete op(model, 'mul').outputs[0]!.type)).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: no type.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await afterModel(model => {
        tensor(fn(model).inputs[0]!.type).dimensions = []
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE_TYPE: A type cannot be used: rank 2 with 0 dimensions.
      Looked in: function main, input "x""
    `)
  })

  test('has flexible shapes', async () => {
    expect(
      await afterModel(model => {
        const other = structuredClone(tensor(fn(model).inputs[0]!.type).dimensions[0]!)
        other.dimension = { case: 'unknown', value: { $typeName: 'silane.coreml.Dimension.UnknownDimension', variadic: false } }
        tensor(fn(model).inputs[0]!.type).dimensions[0] = other
      }),
    ).toMatchInlineSnapshot(`
      "E_FLEXIBLE: A dimension is not fixed; flexible shapes are not supported.
      Looked in: function main, input "x"
      Convert the model with fixed shapes, one function per length."
    `)
  })

  test('has constants that do not fit their types', async () => {
    const immediate = (change: (held: { case: string | undefined; value?: unknown }) => void, name = 'axis') =>
      afterModel(model => {
        const { value } = val(constant(model, name))
        if (value.case === 'immediateValue' && value.value.value.case === 'tensor') change(value.value.value.value.value)
      })
    expect(
      await immediate(held => {
        ;(held.value as { values: number[] }).values = []
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: the elements do not fit int32[].
      Looked in: function main, op 8 const "axis""
    `)
    expect(
      await immediate(held => {
        ;(held.value as { values: number[] }).values = [1, 2]
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: the elements do not fit int32[].
      Looked in: function main, op 8 const "axis""
    `)
    expect(
      await immediate(
        held => void Object.assign(held, { case: 'floats', value: { $typeName: 'silane.coreml.TensorValue.Floats', values: [1] } }),
      ),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: elements of int32 stand in ints, not in floats.
      Looked in: function main, op 8 const "axis""
    `)
    expect(
      await immediate(held => {
        ;(held.value as { values: Uint8Array }).values = new Uint8Array(3)
      }, 'const_1'),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: the elements do not fit fp16[5].
      Looked in: function main, op 3 const "const_1""
    `)
    expect(
      await afterModel(model => {
        val(constant(model, 'axis')).value = { case: undefined }
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: no value.
      Looked in: function main, op 8 const "axis""
    `)
    expect(
      await afterModel(model => {
        constant(model, 'axis').attributes.length = 1
      }),
    ).toMatchInlineSnapshot(`
      "E_VALUE: A value is not valid: no value.
      Looked in: function main, op 8 const "axis""
    `)
    expect(
      await afterModel(model => {
        constant(model, 'axis').outputs = []
      }),
    ).toMatchInlineSnapshot(`
      "E_PROGRAM: The program is not valid: a constant has one output and no inputs.
      Looked in: function main, op 8 const"
    `)
    expect(
      await afterModel(model => {
        constant(model, 'axis').outputs[0]!.type = op(model, 'mul').outputs[0]!.type!
      }),
    ).toMatchInlineSnapshot(`
      "E_TYPES: The result is declared as fp16[2, 5] and is int32[].
      Looked in: function main, op 8 const "axis""
    `)
  })

  test('has ops that are unknown, or used wrongly', async () => {
    const alter = (type: string, change: (operation: Operation, model: Model) => void) =>
      afterModel(model => change(op(model, type), model))
    expect(
      await alter('softmax', operation => {
        operation.type = 'toString'
      }),
    ).toMatchInlineSnapshot(`
      "E_OP_UNKNOWN: The op "toString" is not supported.
      Looked in: function main, op 9 toString "y""
    `)
    expect(
      await alter('softmax', operation => {
        operation.type = 'lstm'
      }),
    ).toMatchInlineSnapshot(`
      "E_OP_UNKNOWN: The op "lstm" is not supported.
      Looked in: function main, op 9 lstm "y""
    `)
    expect(
      await alter('softmax', operation => {
        operation.type = 'attention'
      }),
    ).toMatchInlineSnapshot(`
      "E_OP_UNKNOWN: The op "attention" is not supported.
      Looked in: function main, op 9 attention "y""
    `)
    expect(
      await alter('softmax', operation => {
        operation.type = 'constexpr_lut_to_dense'
      }),
    ).toMatchInlineSnapshot(`
      "E_COMPRESSED: Compressed weights (constexpr_lut_to_dense) are not supported.
      Looked in: function main, op 9 constexpr_lut_to_dense "y"
      Use the package from before the compression."
    `)
    expect(
      await alter('softmax', (operation, model) => void operation.blocks.push({ ...blockOf(model), operations: [] })),
    ).toMatchInlineSnapshot(`
      "E_OP_UNKNOWN: The op "softmax" is not supported.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(await alter('softmax', operation => void operation.inputs.push(operation.inputs[0]!))).toMatchInlineSnapshot(`
      "E_DUPLICATE: There is more than one parameter "x".
      Looked in: function main, op 9 softmax "y""
    `)
    expect(
      await alter('softmax', operation => {
        operation.inputs[1]!.key = 'constructor'
      }),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "constructor": the op has no such parameter.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(await alter('softmax', operation => void operation.inputs.shift())).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "x": it is missing.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(
      await alter('softmax', operation => {
        argument(operation, 'x').arguments = []
      }),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "x": nothing is bound to it.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(
      await alter('mul', operation => void argument(operation, 'x').arguments.push(...argument(operation, 'y').arguments)),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "x": 2 values are bound to it.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await alter('softmax', operation => {
        argument(operation, 'axis').arguments[0]!.binding = { case: 'name', value: 'x' }
      }),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "axis": it must be a constant.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(
      await alter('softmax', operation => {
        argument(operation, 'axis').arguments[0]!.binding = { case: 'name', value: 'const' }
      }),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "axis": its value is not of the kind int.
      Looked in: function main, op 9 softmax "y""
    `)
    expect(
      await alter('linear', operation => {
        argument(operation, 'weight').arguments[0]!.binding = { case: 'name', value: 'x' }
      }),
    ).toMatchInlineSnapshot(`
      "E_PARAMETER: Parameter "weight": it must be a constant.
      Looked in: function main, op 4 linear "linear""
    `)
    expect(
      await alter('mul', operation => {
        argument(operation, 'y').arguments[0]!.binding = { case: 'name', value: 'const' }
      }),
    ).toMatchInlineSnapshot(`
      "E_OP: The op is not legal: shapes [2,5] and [5,4] do not broadcast.
      Looked in: function main, op 7 mul "mul""
    `)
    expect(
      await alter('softmax', operation => void operation.outputs.push({ ...operation.outputs[0]!, name: 'z' })),
    ).toMatchInlineSnapshot(`
      "E_TYPES: The result is declared as fp16[2, 5], fp16[2, 5] and is fp16[2, 5].
      Looked in: function main, op 9 softmax "y""
    `)
  })

  test('misuses states', async () => {
    const bind = (type: string, key: string, value: string) =>
      afterModel(model => {
        argument(op(model, type), key).arguments[0]!.binding = { case: 'name', value }
      })
    expect(await bind('add', 'x', 'cache')).toMatchInlineSnapshot(`
      "E_STATE: A state is used wrongly: add takes the state "cache" for a tensor.
      Looked in: function main, op 1 add "add""
    `)
    expect(await bind('read_state', 'input', 'x')).toMatchInlineSnapshot(`
      "E_STATE: A state is used wrongly: "x" is not a state.
      Looked in: function main, op 0 read_state "read_state""
    `)
    expect(await bind('write_state', 'data', 'y')).toMatchInlineSnapshot(`
      "E_UNDEFINED: "y" is used before it is defined.
      Looked in: function main, op 5 write_state"
    `)
  })
})

describe('the description', () => {
  const describeOther = (change: (description: NonNullable<Model['description']>) => void) =>
    afterModel(model => change(model.description!))

  test('says something else than the program', async () => {
    expect(
      await describeOther(description => {
        description.input[0]!.name = 'z'
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: the input is not described.
      Looked in: function main"
    `)
    expect(await describeOther(description => void description.input.push(description.input[0]!))).toMatchInlineSnapshot(`
      "E_DUPLICATE: There is more than one described input.
      Looked in: function main"
    `)
    expect(
      await describeOther(description => {
        description.output = []
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "y" in the description of the model: the output is not described.
      Looked in: function main"
    `)
    expect(
      await describeOther(description => {
        description.state = []
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "cache" in the description of the model: the state is not described.
      Looked in: function main"
    `)
    expect(await describeOther(description => void description.state.push(...description.input))).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: the program has no such state.
      Looked in: function main"
    `)
    expect(
      await describeOther(description => {
        description.state[0]!.type = description.input[0]!.type!
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "cache" in the description of the model: a state is described as something else.
      Looked in: function main"
    `)
    expect(await describeOther(description => void delete description.input[0]!.type)).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: it is described as nothing.
      Looked in: function main"
    `)
    expect(
      await describeOther(description => {
        description.input[0]!.type!.isOptional = true
      }),
    ).toMatchInlineSnapshot(`
      "E_PACKAGE_UNSUPPORTED: Not supported: optional features.
      Looked in: function main, "x"
      The package may be right all the same: Core ML takes more than what is read here."
    `)
    const array = (change: (type: { shape: bigint[]; dataType: number }) => void) =>
      describeOther(description => {
        const { type } = description.input[0]!.type!
        if (type.case === 'multiArrayType') change(type.value)
      })
    expect(
      await array(type => {
        type.shape = [2n, 5n]
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: it is described as fp16[2, 5], the program has fp16[2, 4].
      Looked in: function main"
    `)
    expect(
      await array(type => {
        type.dataType = 65568
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: it is described as fp32[2, 4], the program has fp16[2, 4].
      Looked in: function main"
    `)
    expect(
      await array(type => {
        type.dataType = 65600
      }),
    ).toMatchInlineSnapshot(`
      "E_INTERFACE: "x" in the description of the model: it is described with the element type 65600.
      Looked in: function main"
    `)
    expect(
      await array(type =>
        Object.assign(type, {
          shapeFlexibility: { case: 'shapeRange', value: { $typeName: 'silane.coreml.ArrayFeatureType.ShapeRange', sizeRanges: [] } },
        }),
      ),
    ).toMatchInlineSnapshot(`
      "E_PACKAGE_UNSUPPORTED: Not supported: flexible shapes.
      Looked in: function main, "x"
      The package may be right all the same: Core ML takes more than what is read here."
    `)
  })
})

test('fields of a later version of the format are not passed over', async () => {
  expect(
    await afterModel(model => {
      op(model, 'mul').$unknown = [{ no: 9, wireType: 0, data: new Uint8Array([1]) }]
    }),
  ).toMatchInlineSnapshot(`
    "E_UNKNOWN_FIELD: Operation has a field 9 that this version does not know.
    Looked in: …/model.mlpackage/Data/com.apple.CoreML/model.mlmodel
    A newer silane may read it."
  `)
})

test('what is only odd is a warning', async () => {
  const path = await sound()
  changeModel(path, model => {
    blockOf(model).outputs.push('x')
    model.description!.output.push(model.description!.input[0]!)
    op(model, 'mul').attributes = op(model, 'add').attributes
  })
  await readPackage(path)
  expect((await checkPackage(path)).map(({ severity, code, what }) => `${severity} ${code} ${what}`)).toMatchInlineSnapshot(`
    [
      "warning E_OP_NAME Two ops are called "add".",
      "warning E_ALIAS The output "x" is an input as it is.",
    ]
  `)
})

test('checking lists several faults at once', async () => {
  const path = await sound()
  changeModel(path, model => {
    op(model, 'add').type = 'unheard_of'
    op(model, 'mul').outputs[0]!.name = 'a b'
    model.description!.output[0]!.name = 'z'
  })
  const findings = await checkPackage(path)
  expect(findings.map(({ severity, code, what }) => `${severity} ${code} ${what}`)).toMatchInlineSnapshot(`
    [
      "unsupported E_OP_UNKNOWN The op "unheard_of" is not supported.",
      "error E_IDENTIFIER The name "a b": is not a legal identifier.",
      "error E_UNDEFINED "mul" is used before it is defined.",
      "error E_INTERFACE "y" in the description of the model: the output is not described.",
      "error E_INTERFACE "z" in the description of the model: the program has no such output.",
    ]
  `)
})

test('a folder that is no package is no package', async () => {
  const path = freshPath()
  mkdirSync(path)
  expect(await failure(readPackage(path))).toMatchInlineSnapshot(`
    "E_PACKAGE_MANIFEST: The manifest is not valid: it does not exist.
    Looked in: …/model.mlpackage/Manifest.json"
  `)
  expect((await checkPackage(path)).map(finding => finding.code)).toEqual(['E_PACKAGE_MANIFEST'])
})

test('a check ends where nobody would read on', async () => {
  const path = await sound()
  // Each name that the manifest does not know is a finding of its own.
  changeModel(path, model => {
    operationsOf(model).push(...Array.from({ length: 2 * MAX_FINDINGS }, () => structuredClone(op(model, 'softmax'))))
  })
  const findings = await checkPackage(path)
  expect(findings).toHaveLength(MAX_FINDINGS)
  expect(findings.at(-1)).toEqual({
    severity: 'error',
    code: 'E_FINDINGS',
    what: `There are ${MAX_FINDINGS} findings or more; the rest was not checked.`,
  })
})
