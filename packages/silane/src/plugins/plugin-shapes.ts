import type { PluginContract, PluginRewrite, Report, Rule } from '@silane/core'
import * as z from 'zod'

// Types hold for nobody who writes JavaScript, or has another copy of the core. What is checked here is what silane itself reads.

const texts = z.array(z.string())

/** Objects and functions that pass through as they are: a copy would lose what they are instances of. */
const anyFunction = z.custom<(...given: never[]) => unknown>(value => typeof value === 'function', 'is not a function')
const optionalFunction = anyFunction.optional()

const optionSpec = z.looseObject({
  type: z.enum(['boolean', 'integer', 'integers', 'number', 'string']),
  default: z.union([z.string(), z.number(), z.boolean(), z.array(z.number())]).optional(),
  choices: texts.optional(),
  minimum: z.number().optional(),
  doc: z.string(),
  tasks: texts.optional(),
})

const plugin = z.looseObject({
  tasks: z.record(z.string(), z.string()),
  options: z.record(z.string(), optionSpec).optional(),
  spare: texts.optional(),
  tied: optionalFunction,
  rewrite: optionalFunction,
  validate: optionalFunction,
  benchmark: optionalFunction,
  answer: optionalFunction,
})

const rules = z.array(z.looseObject({ name: z.string(), on: z.union([z.string(), texts]), rewrite: anyFunction })).optional()
const rewrite = z.looseObject({ rules }).nullish()

const model = z.looseObject({
  pipeline: z.looseObject({ kind: z.string(), steps: z.array(z.looseObject({})) }),
  options: z.looseObject({}),
  tokenizers: z
    .array(z.looseObject({ kind: z.string(), classes: texts.nonempty(), tokens: z.looseObject({}), around: z.string() }))
    .optional(),
  sentence: z
    .looseObject({ prompts: z.record(z.string(), z.string()), defaultPrompt: z.string().nullable(), similarity: z.string() })
    .nullish(),
  samples: z.record(z.string(), z.array(z.looseObject({}))).optional(),
  notes: texts.optional(),
})

// zod's own number is finite; equal outputs have an infinite PSNR.
const anyNumber = z.custom<number>(value => typeof value === 'number', 'is not a number')

const comparison = z.looseObject({
  program: z.string(),
  function: z.string(),
  output: z.string(),
  line: z.string(),
  actual: z.string(),
  expected: z.string(),
  psnr: anyNumber,
  ok: z.boolean(),
})

const report = z.looseObject({
  ok: z.boolean(),
  comparisons: z.array(comparison),
  notes: texts,
  warnings: texts.optional(),
  coverage: z.array(z.looseObject({ program: z.string(), function: z.string() })).optional(),
})

const figures = z.record(z.string(), anyNumber)

function problemIn(schema: z.ZodType, value: unknown): string | undefined {
  const parsed = schema.safeParse(value)
  if (parsed.success) return undefined
  const [issue] = parsed.error.issues
  return `${issue?.path.map(String).join('.') || 'the whole'}: ${issue?.message ?? 'not valid'}`
}

/** What is wrong with what a plugin exports. */
export function pluginProblem(exported: PluginContract): string | undefined {
  const problem = problemIn(plugin, exported)
  return problem && `its code: ${problem}`
}

/** What is wrong with the shape of what load gave, beside its programs. */
export function loadedProblem(loaded: Readonly<Record<string, unknown>>): string | undefined {
  // First, since a schema has no end in what holds itself.
  for (const key of ['pipeline', 'options'] as const)
    try {
      JSON.stringify(loaded[key])
    } catch {
      return `its ${key} cannot be written as JSON`
    }
  const problem = problemIn(model, loaded)
  return problem && `it gave a model with an error in ${problem}`
}

/** The rules that rewrite gave. */
export function checkedRules(given: PluginRewrite | undefined): readonly Rule[] {
  return checked(rewrite, given)?.rules ?? []
}

/** What validate gave. */
export const checkedReport = (given: Report): Report => checked(report, given)

/** What benchmark gave. */
export const checkedFigures = (given: Readonly<Record<string, number>>): Readonly<Record<string, number>> => checked(figures, given)

function checked<T>(schema: z.ZodType, given: T): T {
  const problem = problemIn(schema, given)
  if (problem !== undefined) throw new Error(`it gave something with an error in ${problem}`)
  return given
}
