import { expect, test } from 'vitest'
import * as silane from '../src/index.ts'
import { fixture } from './workspace.ts'

/** Calls as JavaScript makes them, which no type holds back. */
const call = async (name: string, ...given: readonly unknown[]): Promise<unknown> =>
  Reflect.apply(Reflect.get(silane, name), undefined, given)

const model = fixture('base')

test.each([
  ['convert', [{}], 'convert: model is not a text.'],
  ['convert', [], 'convert: model is not a text.'],
  ['convert', ['org/model'], 'convert: the options are not an object.'],
  ['convert', [null], 'convert: the options are not an object.'],
  ['convert', [{ model, name: null }], 'convert: name is not a text.'],
  ['convert', [{ model, signal: 'x' }], 'convert: signal is not an AbortSignal.'],
  ['convert', [{ model, seq: {} }], 'convert: seq is not a text, a number, true, false or a list of these.'],
  ['convert', [{ model, options: { a: {} } }], 'convert: options is not an object of texts, numbers, true, false and lists of these.'],
  ['inspect', [{ model, cwd: 5 }], 'inspect: cwd is not a text.'],
  ['inspect', [{ model, onNote: 5 }], 'inspect: onNote is not a function.'],
  ['validate', [{}], 'validate: folder is not a text.'],
  ['benchmark', [{ folder: 'x', runs: 1e9 }], 'benchmark: runs is not a whole number up to 1000000.'],
  ['generate', [{ folder: 'x', ids: '5,6' }], 'generate: ids is not a list of whole numbers.'],
  ['indexDocuments', [{ folder: 'x', documents: 'd', out: 'o', chunk: 5 }], 'indexDocuments: chunk is not { tokens, overlap }.'],
  ['searchDocuments', [{ folder: 'x', index: 'i', query: 'q', method: 'near' }], 'searchDocuments: method is not "exact" or "bits".'],
  ['ask', [{ folder: 'x', index: 'i' }], 'ask: question is not a text.'],
  ['caption', [{ folder: 'x', image: 5 }], 'caption: image is not a path or the bytes of a picture.'],
  ['askImage', [{ folder: 'x', image: 'i', question: 5 }], 'askImage: question is not a text.'],
  ['classify', [{ folder: 'x', image: 'i', count: '5' }], 'classify: count is not a number.'],
  ['segment', [{ folder: 'x', image: 'i', box: [1, 2] }], 'segment: box is not a list of four numbers.'],
  ['segment', [{ folder: 'x', image: 'i', points: [5] }], 'segment: points is not a list of { x, y }.'],
  ['listPlugins', [{ explicit: 'bert' }], 'listPlugins: explicit is not a list of texts.'],
  ['matrix', [{ config: null }], 'matrix: config is not a text.'],
  ['runShard', [{ out: 'o', shard: { index: 2, count: 1 } }], 'runShard: shard is not { index, count } with an index from 1 to the count.'],
  ['mergeReports', [{}], 'mergeReports: folder is not a text.'],
  ['verify', ['x'], 'verify: paths is not a list of texts.'],
  ['readManifest', [], 'readManifest: folder is not a text.'],
  ['readGoldens', ['x'], 'readGoldens: programs is not a list.'],
])('%s(%j)', async (name, given, what) => {
  await expect(call(name, ...given)).rejects.toMatchObject({ code: 'E_USAGE', what, next: expect.stringContaining('types') })
})

test('what is allowed passes', async () => {
  const signal = new AbortController().signal
  await expect(
    call('inspect', { model, seq: '8', targets: 'onnx', options: { x: undefined }, signal, task: undefined }),
  ).resolves.toBeDefined()
  await expect(call('listPlugins')).resolves.toBeDefined()
  await expect(call('benchmark', { folder: 'not-there', runs: 3 })).rejects.toMatchObject({ code: 'E_NOT_CONVERTED' })
})
