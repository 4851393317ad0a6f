import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Builder,
  type Constant,
  castConstant,
  computedConstant,
  denseConstant,
  type Graph,
  image,
  type Program,
  scalarConstant,
} from '@silane/core'
import { expect, test } from 'vitest'
import { checkPackage, folderDigest, readPackage, writePackage } from '../src/index.ts'
import { failure, freshPath, normalized, operationsOf, readModel, weightFile, write } from './package-files.ts'

const table = (shape: readonly number[], id = 'table'): Constant => computedConstant('fp16', shape, id, index => (index % 17) / 16)

function encoder(name = 'main', tokens = 4): Graph {
  const b = new Builder(name)
  const h = b.linear({ x: b.input('x', 'fp16', [tokens, 4]), weight: b.constant(table([5, 4])), bias: b.constant(table([5], 'bias')) })
  return b.finish({ hidden: b.gelu({ x: h }) })
}

const program = (...functions: Graph[]): Program => ({ name: 'model', functions: functions.length > 0 ? functions : [encoder()] })

const opsOf = (path: string) =>
  operationsOf(readModel(path)).map(
    op =>
      `${op.outputs.map(output => output.name).join(', ')} = ${op.type}(${op.inputs.map(({ key, value }) => `${key}=${value!.arguments.map(a => a.binding.value)}`)})`,
  )

test('the files of a package', async () => {
  const path = freshPath()
  const written = await writePackage(program(), { path, opset: 8 })
  expect(readdirSync(path, { recursive: true }).toSorted()).toEqual([
    'Data',
    'Data/com.apple.CoreML',
    'Data/com.apple.CoreML/model.mlmodel',
    'Data/com.apple.CoreML/weights',
    'Data/com.apple.CoreML/weights/weight.bin',
    'Manifest.json',
  ])
  expect(readFileSync(join(path, 'Manifest.json'), 'utf8')).toMatchInlineSnapshot(`
    "{
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            "9285E6D3-163E-85BF-A06A-1FBC2E3136AC": {
                "author": "com.apple.CoreML",
                "description": "CoreML Model Weights",
                "name": "weights",
                "path": "com.apple.CoreML/weights"
            },
            "DA692CA0-8162-8089-AE09-660FE81505F1": {
                "author": "com.apple.CoreML",
                "description": "CoreML Model Specification",
                "name": "model.mlmodel",
                "path": "com.apple.CoreML/model.mlmodel"
            }
        },
        "rootModelIdentifier": "DA692CA0-8162-8089-AE09-660FE81505F1"
    }
    "
  `)
  expect(written.bytes).toBe(written.files.reduce((sum, file) => sum + readFileSync(join(path, file.path)).length, 0))
  expect(written.sha256).toBe(folderDigest(written.files))
  expect(written).toMatchObject({ specVersion: 9, nonFinite: [] })
})

test('equal programs give equal bytes', async () => {
  const [a, b] = [freshPath(), freshPath()]
  const first = await writePackage(program(), { path: a, opset: 8, metadata: { author: 'me', userDefined: { b: '2', a: '1' } } })
  const second = await writePackage(program(), { path: b, opset: 8, metadata: { author: 'me', userDefined: { a: '1', b: '2' } } })
  expect(second).toEqual(first)
  for (const file of first.files) expect(readFileSync(join(b, file.path)).equals(readFileSync(join(a, file.path)))).toBe(true)
})

test('a package without large constants has an empty folder for weights', async () => {
  const b = new Builder('main')
  const path = await write(program(b.finish({ y: b.relu({ x: b.input('x', 'fp16', [2]) }) })))
  expect(readdirSync(join(path, 'Data/com.apple.CoreML/weights'))).toEqual([])
  expect(await checkPackage(path)).toEqual([])
})

test('parameters are written once, and each function carries its op names', async () => {
  expect(opsOf(await write(program()))).toMatchInlineSnapshot(`
    [
      "const = const()",
      "const_1 = const()",
      "linear = linear(x=x,weight=const,bias=const_1)",
      "mode = const()",
      "hidden = gelu(x=linear,mode=mode)",
    ]
  `)
})

test('functions share what they have in common', async () => {
  const path = await write(program(encoder('main_4', 4), encoder('main_8', 8)))
  expect(readFileSync(weightFile(path)).readUInt32LE(0)).toBe(1)
  expect(await checkPackage(path)).toEqual([])
  const read = await readPackage(path)
  expect(read.functions.map(graph => graph.name)).toEqual(['main_4', 'main_8'])
  const { description } = readModel(path)
  expect(description).toMatchObject({ defaultFunctionName: 'main_4', input: [], output: [] })
  expect(description!.functions.map(({ name, input }) => [name, input[0]!.type!.type.value])).toMatchObject([
    ['main_4', { shape: [4n, 4n] }],
    ['main_8', { shape: [8n, 4n] }],
  ])
})

test('a state is read, updated and written', async () => {
  const b = new Builder('main')
  const cache = b.state('cache', 'fp16', [1, 2, 16, 4])
  const x = b.input('x', 'fp16', [1, 2, 1, 4])
  const begin = b.input('begin', 'int32', [4])
  const next = b.slice_update({
    x: b.read_state({ input: cache }),
    update: x,
    begin,
    end: b.add({ x: begin, y: b.constant(denseConstant('int32', [4], new Int32Array([1, 2, 1, 4]))) }),
  })
  b.write_state({ input: cache, data: next })
  const y = b.scaled_dot_product_attention({ query: x, key: b.read_state({ input: cache }), value: b.read_state({ input: cache }) })
  const path = await write(program(b.finish({ y, updated: next })))
  // `updated` is what the state gets: it goes out through an identity.
  expect(opsOf(path)).toMatchInlineSnapshot(`
    [
      "read_state = read_state(input=cache)",
      "const = const()",
      "add = add(x=begin,y=const)",
      "slice_update = slice_update(x=read_state,update=x,begin=begin,end=add)",
      " = write_state(input=cache,data=slice_update)",
      "read_state_1 = read_state(input=cache)",
      "read_state_2 = read_state(input=cache)",
      "y = scaled_dot_product_attention(query=x,key=read_state_1,value=read_state_2)",
      "updated = identity(x=slice_update)",
    ]
  `)
  expect(await checkPackage(path)).toEqual([])
  expect((await readPackage(path)).functions[0]!.states.map(state => state.name)).toEqual(['cache'])
})

test('outputs that are no values of their own get an identity, unused inputs too', async () => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [2])
  b.input('unused', 'int32', [3])
  const y = b.relu({ x })
  const path = await write(program(b.finish({ same: x, y, again: y, fixed: b.constant(table([2])) })))
  expect(opsOf(path)).toMatchInlineSnapshot(`
    [
      "y = relu(x=x)",
      "const = const()",
      "same = identity(x=x)",
      "again = identity(x=y)",
      "fixed = identity(x=const)",
      "unused_tmp = identity(x=unused)",
    ]
  `)
  expect(await checkPackage(path)).toEqual([])
})

test('names give way to outputs and to the reserved words of the format', async () => {
  const b = new Builder('main')
  const x = b.input('x', 'fp32', [2])
  const y = b.from({ origin: { module: 'state', rules: [] } }, ['fp16'], () => b.exp({ x }))
  const z = b.from({ origin: { module: '', rules: [] } }, ['y'], () => b.relu({ x: y }))
  const path = await write(program(b.finish({ y: b.sqrt({ x: z }) })))
  expect(opsOf(path)).toMatchInlineSnapshot(`
    [
      "fp16_ = exp(x=x)",
      "y_0 = relu(x=fp16_)",
      "y = sqrt(x=y_0)",
    ]
  `)
})

test('an image input', async () => {
  const b = new Builder('main')
  const y = b.relu({ x: b.input('image', 'fp32', [1, 3, 4, 6], image([], { picture: true })) })
  const path = await write(program(b.finish({ y })), 7)
  expect(readModel(path).description!.input[0]!.type!.type).toMatchObject({
    case: 'imageType',
    value: { width: 6n, height: 4n, colorSpace: 20 },
  })
  expect(await checkPackage(path)).toEqual([])
})

test('constants that do not fit fp16 are reported', async () => {
  const b = new Builder('main')
  const wide = castConstant(
    computedConstant('fp32', [13], 'wide', index => (index % 4 === 0 ? 1e6 : 1)),
    'fp16',
  )
  const x = b.add({ x: b.input('x', 'fp16', [13]), y: b.constant(wide) })
  const y = b.mul({ x, y: b.constant(castConstant(scalarConstant('fp32', 1e5), 'fp16')) })
  const { nonFinite } = await writePackage(program(b.finish({ y: b.clip({ x: y, alpha: -1e9, beta: 1 }) })), {
    path: freshPath(),
    opset: 8,
  })
  expect(nonFinite).toMatchObject([
    { constant: 'main: const_1', dtype: 'fp16', elements: 1, overflowed: 1 },
    { constant: 'main: y.alpha', dtype: 'fp16', elements: 1, overflowed: 1 },
    { constant: 'main: const', dtype: 'fp16', elements: 4, overflowed: 4 },
  ])
})

test('progress is told, and an abort stops between chunks', async () => {
  const seen: number[] = []
  const big = new Builder('main')
  const x = big.add({ x: big.input('x', 'fp16', [300_000]), y: big.constant(table([300_000])) })
  const graph = big.finish({ y: x })
  await write(program(graph), 8, { onProgress: bytes => seen.push(bytes) })
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  expect(seen.at(-1)).toBe(600_128)

  const control = new AbortController()
  const path = freshPath()
  const call = writePackage(program(graph), { path, opset: 8, signal: control.signal, onProgress: () => control.abort(new Error('stop')) })
  await expect(call).rejects.toThrow('stop')
  expect(existsSync(join(path, 'Manifest.json'))).toBe(false)
})

test('an unreadable constant ends the call with its own error', async () => {
  const broken: Constant = {
    ...table([40]),
    read: () => {
      throw new Error('the file is gone')
    },
  }
  const b = new Builder('main')
  const y = b.add({ x: b.input('x', 'fp16', [40]), y: b.constant(broken) })
  await expect(write(program(b.finish({ y })))).rejects.toThrow('the file is gone')
})

test('what cannot be written is refused', async () => {
  const small = (make: (b: Builder) => Graph) => program(make(new Builder('main')))
  const refused = async (value: Program, opset = 8) => await failure(writePackage(value, { path: freshPath(), opset }))
  const one = (b: Builder, dtype: 'fp16' | 'fp32' | 'bool' | 'int16' = 'fp16', name = 'x') => b.input(name, dtype, [2])
  const existing = await write(program())

  expect(await failure(writePackage(program(), { path: existing, opset: 8 }))).toMatchInlineSnapshot(`
    "E_EXISTS: …/model.mlpackage exists already.
    Remove it, or write somewhere else."
  `)
  expect(await failure(writePackage(program(), { path: '/nowhere/x.mlpackage', opset: 8 }))).toMatchInlineSnapshot(`
    "E_DISK: Cannot write /nowhere/x.mlpackage: ENOENT: no such file or directory, mkdir '/nowhere/x.mlpackage'.
    Check the path and its permissions."
  `)
  expect(await failure(writePackage(program(), { path: 'x.mlmodel', opset: 8 }))).toMatchInlineSnapshot(`
    "E_PATH: x.mlmodel does not end in .mlpackage.
    Give the package a path such as model.mlpackage."
  `)
  expect(await refused(program(), 10)).toMatchInlineSnapshot(`
    "E_OPSET_RANGE: There is no opset CoreML10 with ML Programs.
    Choose 5 (iOS 15) to 9 (iOS 26)."
  `)
  expect(await refused({ name: 'model', functions: [] })).toMatchInlineSnapshot(
    `"E_NOT_WRITABLE: Graph "model" cannot be written: the program has no functions."`,
  )
  expect(await refused(program(encoder('a'), encoder('b')), 7)).toMatchInlineSnapshot(`
    "E_OPSET: "model": a package of several functions needs the opset CoreML8 (iOS 18); the package is for CoreML7.
    Raise --min-os."
  `)
  expect(await refused(program(encoder('a'), encoder('a')))).toMatchInlineSnapshot(`
    "E_NAME: The name "a" cannot be used: function is the name of two functions.
    Looked in: model
    Names consist of letters, digits and underscores, do not start with a digit, and differ from each other."
  `)
  expect(
    await refused(small(b => b.finish({ y: b.rms_norm({ x: one(b), gamma: b.constant(table([2])), epsilon: 1 }) }))),
  ).toMatchInlineSnapshot(`"E_NOT_WRITABLE: Graph "main" cannot be written: rms_norm "y" is not a Core ML op; lower the graph first."`)
  expect(
    await refused(
      small(b => b.finish({ y: b.relu({ x: one(b) }) })),
      5,
    ),
  ).toMatchInlineSnapshot(`"E_INTERFACE_TYPE: "x" is fp16[2] at the border of the program: this type needs opset 6; the package has 5."`)
  expect(
    await refused(small(b => b.finish({ y: b.logical_not({ x: b.greater({ x: one(b), y: one(b, 'fp16', 'z') }) }) }))),
  ).toMatchInlineSnapshot(`"E_INTERFACE_TYPE: "y" is bool[2] at the border of the program: apps pass fp32, fp16 and int32 only; cast it."`)
  expect(await refused(small(b => b.finish({ y: b.reduce_sum({ x: one(b), axes: [0] }) })))).toMatchInlineSnapshot(
    `"E_INTERFACE_TYPE: "y" is fp16[] at the border of the program: a scalar cannot be passed; reshape it to [1]."`,
  )
  expect(await refused(small(b => b.finish({ true: b.relu({ x: one(b) }) })))).toMatchInlineSnapshot(`
    "E_NAME: The name "true" cannot be used: output is a reserved word.
    Looked in: main
    Names consist of letters, digits and underscores, do not start with a digit, and differ from each other."
  `)
  expect(await refused(small(b => b.finish({ x: b.relu({ x: one(b) }) })))).toMatchInlineSnapshot(`
    "E_NAME: The name "x" cannot be used: output occurs twice among inputs, states and outputs.
    Looked in: main
    Names consist of letters, digits and underscores, do not start with a digit, and differ from each other."
  `)
  expect(
    await refused(small(b => b.finish({ y: b.relu({ x: b.reshape({ x: one(b), shape: [1, 1, 1, 1, 1, 2] }) }) }))),
  ).toMatchInlineSnapshot(`
    "E_TYPE_UNSUPPORTED: reshape "reshape" has a value of type fp16[1,1,1,1,1,2], which Core ML does not take there at opset CoreML8.
    Programs compute in fp16, fp32, int32 and bool, up to rank 5; narrow integers can only be moved, from CoreML7 on."
  `)
  expect(
    await refused(
      small(b => b.finish({ y: b.cast({ x: b.cast({ x: one(b), dtype: 'int16' }), dtype: 'fp16' }) })),
      6,
    ),
  ).toMatchInlineSnapshot(`
    "E_TYPE_UNSUPPORTED: cast "cast" has a value of type int16[2], which Core ML does not take there at opset CoreML6.
    Programs compute in fp16, fp32, int32 and bool, up to rank 5; narrow integers can only be moved, from CoreML7 on."
  `)
  expect(
    await refused(
      small(b =>
        b.finish({ y: b.gather({ x: b.input('x', 'fp32', [2, 3]), indices: b.input('i', 'int32', [2, 2]), axis: 1, batch_dims: 1 }) }),
      ),
      5,
    ),
  ).toMatchInlineSnapshot(`
    "E_OPSET: "y": parameter batch_dims of gather needs the opset CoreML6 (iOS 16); the package is for CoreML5.
    Raise --min-os."
  `)
  expect(
    await refused(
      small(b => {
        b.state('cache', 'fp16', [2])
        return b.finish({ y: b.relu({ x: one(b) }) })
      }),
    ),
  ).toMatchInlineSnapshot(`"E_NOT_WRITABLE: Graph "main" cannot be written: state "cache" is neither read nor written."`)
  expect(
    await refused(
      small(b => {
        const cache = b.state('cache', 'fp32', [2])
        return b.finish({ y: b.relu({ x: b.read_state({ input: cache }) }) })
      }),
    ),
  ).toMatchInlineSnapshot(`"E_INTERFACE_TYPE: "cache" is fp32[2] at the border of the program: a state is fp16 and not a scalar."`)
})

test('a program that was read is written again to the same text', async () => {
  const read = await readPackage(await write(program()))
  expect(normalized(await readPackage(await write(read)))).toBe(normalized(read))
})
