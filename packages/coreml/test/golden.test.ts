import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { constantOf, printProgram, readAll } from '@silane/core'
import { expect, test } from 'vitest'
import { checkPackage, readPackage, writePackage } from '../src/index.ts'
import { freshPath, modelFile, normalized, weightFile } from './package-files.ts'

// A package encoded by hand with a plain protobuf writer, which Core ML's own validator accepts: y = softmax(x·wᵀ + b).
const model = `
080712380a0f0a01781a0a2a080a02010410908004520f0a01791a0a2a080a02010310908004a206130a0464656d6f1a026d65a206060a016b120176b21fb804
080112b3040a046d61696e12aa040a170a017812120a10080a10021a040a0208011a040a0208041207436f72654d4c361a85040a07436f72654d4c3612f90312
01791a7a0a05636f6e73741a170a017712120a10080a10021a040a0208031a040a0208042a170a046e616d65120f12040a0208021a070a0522030a01772a3f0a
0376616c123812120a10080a10021a040a0208031a040a0208042a220a1e406d6f64656c5f706174682f776569676874732f7765696768742e62696e10401a58
0a05636f6e73741a110a0162120c0a0a080a10011a040a0208032a170a046e616d65120f12040a0208021a070a0522030a01622a230a0376616c121c120c0a0a
080a10011a040a0208031a0c0a0a3a080a0600000038003c1a6d0a066c696e656172120a0a017812050a030a0178120f0a0677656967687412050a030a017712
0d0a046269617312050a030a01621a170a016812120a10080a10021a040a0208011a040a0208032a1e0a046e616d65121612040a0208021a0e0a0c220a0a086c
696e6561725f301a4e0a05636f6e73741a0a0a02617812040a0208172a180a046e616d65121012040a0208021a080a0622040a0261782a1f0a0376616c121812
040a0208171a100a0e120c0a0affffffffffffffffff011a5f0a07736f66746d6178120a0a017812050a030a0168120e0a046178697312060a040a0261781a17
0a017912120a10080a10021a040a0208011a040a0208032a1f0a046e616d65121712040a0208021a0f0a0d220b0a09736f66746d61785f30`
const weights = `
01000000020000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
efbeadde010000001800000000000000800000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
000000300034003600380039003a003b003c803c003d803d`

const bytes = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex')

function goldenPackage(): string {
  const path = freshPath()
  mkdirSync(dirname(weightFile(path)), { recursive: true })
  writeFileSync(modelFile(path), bytes(model))
  writeFileSync(weightFile(path), bytes(weights))
  const item = (name: string) => ({ author: 'com.apple.CoreML', description: 'an item', name, path: `com.apple.CoreML/${name}` })
  const manifest = {
    fileFormatVersion: '1.0.0',
    itemInfoEntries: { a: item('model.mlmodel'), b: item('weights') },
    rootModelIdentifier: 'a',
  }
  writeFileSync(join(path, 'Manifest.json'), JSON.stringify(manifest))
  return path
}

test('a package of known bytes is read', async () => {
  expect(createHash('sha256').update(bytes(model)).digest('hex')).toMatch(/^a48adcfac3adcf51/)
  const path = goldenPackage()
  expect(await checkPackage(path)).toEqual([])
  const program = await readPackage(path)
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "program model
    graph main(%x: fp16[1, 4])
      %w = const(val=<b/weights/weight.bin:64:fp16>) : fp16[3, 4]
      %b = const(val=<immediate:fp16:ccbd995e82122efb32b4436596d8bae7>) : fp16[3]
      %h = linear(x=%x, weight=%w, bias=%b) : fp16[1, 3]
      %y = softmax(x=%h, axis=-1) : fp16[1, 3]
      return y=%y"
  `)
  const [w, b] = program.functions[0]!.ops.map(op => constantOf(op.outputs[0])).filter(constant => constant !== undefined)
  expect([...(readAll(w!) as Float16Array)]).toEqual(Array.from({ length: 12 }, (_, i) => i / 8))
  expect([...(w!.read(4, 3) as Float16Array)]).toEqual([0.5, 0.625, 0.75])
  expect([...(readAll(b!) as Float16Array)]).toEqual([0, 0.5, 1])
  expect({ ...program, functions: undefined }).toMatchInlineSnapshot(`
    {
      "functions": undefined,
      "metadata": {
        "author": "me",
        "license": "",
        "shortDescription": "demo",
        "userDefined": {
          "k": "v",
        },
        "version": "",
      },
      "name": "model",
      "opset": 6,
      "specVersion": 7,
    }
  `)
})

test('what was read is written with the same weights and the same meaning', async () => {
  const program = await readPackage(goldenPackage())
  const path = freshPath()
  await writePackage(program, { path, opset: program.opset, metadata: program.metadata })
  expect(readFileSync(weightFile(path)).equals(bytes(weights))).toBe(true)
  const again = await readPackage(path)
  expect(normalized(again)).toBe(normalized(program))
  expect(again.metadata).toEqual(program.metadata)
})
