import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { main } from '../src/cli.ts'
import { convert } from '../src/convert/convert.ts'
import { printPass } from '../src/inspect/print-pass.ts'
import { change, copyOf, fixture, temporary, write } from './workspace.ts'

test('a trace holds every function after load and after every pass, beside a folder of the same bytes', async () => {
  const folder = temporary()
  const [out, plain] = [join(folder, 'out'), join(folder, 'plain')]
  const { traced } = await convert({ model: fixture('base'), seq: [24], trace: true, out })
  await convert({ model: fixture('base'), seq: [24], out: plain })
  expect(traced).toEqual({ folder: `${out}.trace`, located: [] })
  expect(readdirSync(`${out}.trace`)).toEqual([
    'model.main.coreml.1.plugin-rules.txt',
    'model.main.coreml.2.image-inputs.txt',
    'model.main.coreml.3.large.txt',
    'model.main.coreml.4.ane.txt',
    'model.main.coreml.5.half.txt',
    'model.main.load.txt',
    'model.main.onnx.1.plugin-rules.txt',
    'model.main.onnx.2.plain.txt',
    'trace.txt',
  ])
  const read = (name: string) => readFileSync(join(`${out}.trace`, name), 'utf8')
  expect(read('trace.txt')).toMatch(/^model\.main\.coreml\.4\.ane\.txt {2}\d+ ops after ane, \d+ ms; rules: .*ane-linear \d+/m)
  expect(read('model.main.load.txt')).toContain('attention(')
  expect(read('model.main.coreml.4.ane.txt')).toMatch(
    /conv\(.*: fp32\[1, 48, 1, 24\] {2}# encoder\.layer\.0\.attention\.self\.query \[scale-into-query\]/,
  )
  expect(read('model.main.coreml.5.half.txt')).toMatch(/conv\(.*: fp16\[1, 48, 1, 24\]/)
  for (const name of readdirSync(plain, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.json')) expect(readFileSync(join(out, name), 'utf8'), name).toBe(readFileSync(join(plain, name), 'utf8'))
})

test('a trace takes the place of an older one, and of nothing else', async () => {
  const out = join(temporary(), 'out')
  const options = { model: fixture('base'), seq: [16], trace: true, validate: false, force: true, out } as const
  await convert(options)
  writeFileSync(join(`${out}.trace`, 'old.txt'), '')
  appendFileSync(join(`${out}.trace`, 'trace.txt'), 'old.txt  1 ops as loaded\n')
  await convert(options)
  expect(existsSync(join(`${out}.trace`, 'old.txt'))).toBe(false)
  writeFileSync(join(`${out}.trace`, 'notes.txt'), '')
  await expect(convert(options)).rejects.toMatchObject({ code: 'E_OUT_FOREIGN', what: expect.stringContaining('notes.txt') })
  const other = join(temporary(), 'out')
  write(`${other}.trace`, { 'mine.txt': 'x' })
  await expect(convert({ ...options, out: other })).rejects.toMatchObject({ code: 'E_OUT_FOREIGN' })
  expect(readdirSync(`${other}.trace`)).toEqual(['mine.txt'])
  expect(existsSync(other)).toBe(false)
})

test.skipIf(process.platform === 'win32')("a stranger's folder under the name of a trace is refused at once, whatever its index is", () => {
  const base = temporary()
  const large = join(temporary(), 'large')
  writeFileSync(large, '')
  truncateSync(large, 4_000_001)
  const indexes: Readonly<Record<string, (index: string) => unknown>> = {
    pipe: index => spawnSync('mkfifo', [index]),
    device: index => symlinkSync('/dev/zero', index),
    outside: index => symlinkSync(fixture('base/config.json'), index),
    large: index => renameSync(large, index),
  }
  const folders = Object.entries(indexes).map(([name, make]) => {
    const folder = join(base, name)
    mkdirSync(folder)
    make(join(folder, 'trace.txt'))
    return folder
  })
  // In a process of its own: no signal but this one reaches who waits for a pipe.
  const script = `
    const { writeTrace } = await import(${JSON.stringify(new URL('../src/convert/write-trace.ts', import.meta.url).href)})
    for (const folder of process.argv.slice(1)) try {
      await writeTrace(folder, [], [])
    } catch (error) {
      console.log(error.code, error.what)
    }`
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...folders], {
    encoding: 'utf8',
    timeout: 40_000,
    killSignal: 'SIGKILL',
  })
  const reason = 'its trace.txt cannot be read, so nothing tells what silane wrote there'
  expect(stdout.trim().split('\n')).toEqual(folders.map(folder => `E_OUT_FOREIGN ${folder} is not replaced: ${reason}.`))
  expect(signal).toBe(null)
  expect(readdirSync(base, { recursive: true }).filter(name => String(name).endsWith('trace.txt'))).toHaveLength(folders.length)
})

test('a missed gate is traced to the first module whose output falls below it', async () => {
  const model = copyOf('base')
  // Sums of this layer pass fp16's largest number, though each weight is within.
  change(join(model, 'model.safetensors'), 'encoder.layer.1.output.dense.weight', old => Math.sign(old) * 6e4)
  const { ok, traced, comparisons } = await convert({ model, seq: [16], targets: ['coreml'], trace: true, out: join(temporary(), 'out') })
  expect(ok).toBe(false)
  expect(new Set(comparisons.filter(comparison => !comparison.ok).map(({ line }) => line))).toEqual(new Set(['arithmetic', 'total']))
  expect(traced?.located.map(text => text.replace(/not finite.*\)/, '…)'))).toEqual([
    'model/main, arithmetic: first below 40 dB at encoder.layer.1.output.dense, encoder_layer_1_output_dense_conv (…)',
    'model/main, total: first below 40 dB at encoder.layer.1.output.dense, encoder_layer_1_output_dense_conv (…)',
  ])
})

test('inspect prints the functions as they stand after a pass', async () => {
  const text = await printPass({ model: fixture('base'), seq: [24] }, 'after:ane')
  expect(text).toMatch(/^# model\/main, coreml\ngraph main\(/)
  expect(text).toContain('conv(')
  expect(await printPass({ model: fixture('base'), seq: [24] }, 'load')).toContain('attention(')
  await expect(printPass({ model: fixture('base'), seq: [24] }, 'after:lunch')).rejects.toMatchObject({
    code: 'E_USAGE',
    next: 'Choose one of load, after:plugin-rules, after:image-inputs, after:large, after:ane, after:half, after:plain.',
  })
  expect(await main(['inspect', fixture('base'), '--print', 'after:lunch'])).toBe(2)
})
