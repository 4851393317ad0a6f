import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { isSilaneError, type Program, printProgram } from '@silane/core'
import { afterAll } from 'vitest'
import { type Block, type Operation, OperationSchema } from '../src/gen/mil_pb.ts'
import { type Model, ModelSchema } from '../src/gen/model_pb.ts'
import { type WritePackageOptions, writePackage } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'silane-coreml-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0

/** A path for a package that does not exist yet. */
export const freshPath = (): string => join(mkdtempSync(join(folder, `${count++}-`)), 'model.mlpackage')

export const modelFile = (path: string): string => join(path, 'Data/com.apple.CoreML/model.mlmodel')
export const weightFile = (path: string): string => join(path, 'Data/com.apple.CoreML/weights/weight.bin')

export async function write(program: Program, opset = 8, options: Partial<WritePackageOptions> = {}): Promise<string> {
  const path = freshPath()
  await writePackage(program, { path, opset, ...options })
  return path
}

export const readModel = (path: string): Model => fromBinary(ModelSchema, readFileSync(modelFile(path)))

/** The block of a model's only function. */
export const blockOf = (model: Model): Block => model.mlProgram!.functions[0]!.value!.blockSpecializations[0]!.value!

const decoded = new WeakMap<Block, Operation[]>()

/** The operations of that block, always the same list: `changeModel` writes what becomes of it. */
export function operationsOf(model: Model): Operation[] {
  const block = blockOf(model)
  const operations = decoded.get(block) ?? block.operations.map(bytes => fromBinary(OperationSchema, bytes))
  decoded.set(block, operations)
  return operations
}

/** Changes the model of a package on disk. */
export function changeModel(path: string, change: (model: Model) => void): void {
  const model = readModel(path)
  const [block, operations] = [blockOf(model), operationsOf(model)]
  change(model)
  block.operations = operations.map(operation => toBinary(OperationSchema, operation))
  writeFileSync(modelFile(path), toBinary(ModelSchema, model))
}

export function changeBytes(file: string, change: (bytes: Buffer<ArrayBuffer>) => Uint8Array | undefined): void {
  const bytes = readFileSync(file)
  writeFileSync(file, change(bytes) ?? bytes)
}

/** The text of a program without the names of constants' contents; floats as fp16 keeps them. */
export const normalized = (program: Program): string =>
  printProgram({ ...program, name: 'model' })
    .replace(/<[^>]*>/g, '<…>')
    .replace(/(epsilon|alpha|beta)=([^,)]+)/g, (_, name: string, value: string) => `${name}=${new Float16Array([Number(value)])[0]}`)

/** Code and text of the error that a call ends with; the paths of this run are left out. */
export async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isSilaneError(error)) throw error ?? new Error('nothing was thrown')
  return `${error.code}: ${error.message}`.replaceAll(folder, '').replace(/\/\d+-\w+\//g, '…/')
}
