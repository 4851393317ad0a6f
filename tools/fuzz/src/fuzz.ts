import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { parseCase } from './place.ts'
import { faultText, report } from './report.ts'
import { runFuzz } from './run-fuzz.ts'
import { TARGETS } from './targets.ts'
import { LIMITS } from './worker.ts'

const USAGE = `node tools/fuzz/src/fuzz.ts [--format F]... [--seconds 60 | --inputs N] [--seed S] [--first N] [--jobs N] [--case format:seed.number]

${Object.entries(TARGETS)
  .map(([format, { doc }]) => `  ${format.padEnd(12)} ${doc}`)
  .join('\n')}`

const whole = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  throw new RangeError(`--${name} is a whole number, not ${text}`)
}

const { values } = parseArgs({
  options: {
    format: { type: 'string', multiple: true },
    seconds: { type: 'string' },
    inputs: { type: 'string' },
    seed: { type: 'string' },
    first: { type: 'string' },
    jobs: { type: 'string' },
    case: { type: 'string' },
    limit: { type: 'string' },
    work: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const one = values.case === undefined ? undefined : parseCase(values.case)
const formats = one ? [one.format] : (values.format ?? Object.keys(TARGETS))
const unknown = formats.find(format => !Object.hasOwn(TARGETS, format))
if (values.help || unknown !== undefined || (values.case !== undefined && !one)) {
  console.log(unknown === undefined ? USAGE : `There is no format ${unknown}.\n${USAGE}`)
  process.exitCode = values.help ? 0 : 2
} else {
  const [inputs, seconds] = [whole('inputs', values.inputs), whole('seconds', values.seconds)]
  let told = 0
  const result = await runFuzz({
    formats,
    seed: one?.seed ?? whole('seed', values.seed) ?? 1,
    first: one?.index ?? whole('first', values.first),
    inputs: one ? 1 : inputs,
    seconds: one || inputs !== undefined ? seconds : (seconds ?? 60),
    jobs: one ? 1 : (whole('jobs', values.jobs) ?? availableParallelism()),
    limits: { ...LIMITS, seconds: whole('limit', values.limit) ?? LIMITS.seconds },
    work: values.work,
    onFault: found => console.error(`${faultText(found)}\n`),
    // A long run is watched from a file.
    onProgress: (done, elapsed) => {
      if (done < told + 5000) return
      told = done
      console.error(`${done} inputs in ${Math.round(elapsed)} s`)
    },
  })
  console.log(report(result))
  process.exitCode = result.faults.length === 0 ? 0 : 1
}
