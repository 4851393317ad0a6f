import { openCheckpoint } from '../checkpoint/src/index.ts'
import { rewriteTo } from '../core/src/index.ts'
import { writePackage } from './src/index.ts'

const [, , pluginName, dir, out, precision = 'fp16', ...rest] = process.argv
const plugin: any = (await import(`../../plugins/${pluginName}/src/index.ts`)).default
const { readFileSync } = await import('node:fs')
const c = JSON.parse(readFileSync(`${dir}/case.json`, 'utf8'))
const args = c.convert as string[]
const get = (n: string) => {
  const i = args.indexOf(n)
  return i < 0 ? undefined : Number(args[i + 1])
}
const options: any = {}
for (let i = 0; i < args.length; i++)
  if (args[i] === '--option') {
    const [k, v] = args[i + 1]?.split('=')
    options[k!] = v === 'true' ? true : Number.isNaN(Number(v)) ? v : Number(v)
  }
const cp = await openCheckpoint(dir!)
const model = await plugin.load({
  checkpoint: cp,
  task: c.task,
  batch: 1,
  seq: get('--seq') ? [get('--seq')!] : undefined,
  context: get('--context'),
  prefill: get('--prefill'),
  kv: 'io',
  precision,
  minimumOs: 'ios18',
  maxPackageBytes: 1e9,
  options,
  ...JSON.parse(rest[0] ?? '{}'),
})
for (const p of model.programs) {
  const functions = p.functions.map((g: any) => rewriteTo(g, { name: 'coreml', precision: precision as any, opset: 8 }).graph)
  console.log(await writePackage({ name: p.name, functions }, { path: `${out}/${p.name}.mlpackage`, opset: 8 }))
}
const { writeFileSync } = await import('node:fs')
const t = (v: any) => ({ name: v.name, dtype: v.type.dtype, shape: v.type.shape })
writeFileSync(
  `${out}/silane.json`,
  JSON.stringify({
    programs: model.programs.map((p: any) => ({
      name: p.name,
      coreml: { path: `${p.name}.mlpackage` },
      functions: p.functions.map((g: any) => ({ name: g.name, inputs: g.inputs.map(t), states: g.states.map(t) })),
    })),
  }),
)
