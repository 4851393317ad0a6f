import * as z from 'zod'

const json = z.json()
const object = z.record(z.string(), json)
const ids = z.array(z.int().nonnegative())

const tensor = z.strictObject({ dtype: z.string(), shape: z.array(z.int().nonnegative()) })
const tensors = z.record(z.string(), tensor.partial())

const program = z
  .strictObject({
    inputs: tensors.describe('The inputs of the samples, as they stand in golden.<program>.safetensors.').optional(),
    outputs: tensors.describe('What the original computes: each of these must have been compared.').optional(),
    samples: z.int().positive().optional(),
    valid: z
      .record(z.string(), z.string())
      .describe('By output the mask of its rows: an input, or a tensor "<sample>.in.<mask>" beside them. What is masked is not compared.')
      .optional(),
    drive: z
      .enum(['cached-decoder', 'host'])
      .describe(
        'How the program is driven; absent: one call per sample. "cached-decoder": the golden is one full pass, which prefill and step calls over the cache must give. "host": code around the program, which is not compared.',
      )
      .optional(),
  })
  .describe('A program and its golden outputs.')

/** What a model reads: lists of ids, and tensors of golden files, `golden.PROGRAM.safetensors#SAMPLE.in.NAME`. */
const prompt = { input_ids: ids.optional(), encoder_input_ids: ids.optional() }

const greedy = z
  .looseObject({
    ...prompt,
    max_new_tokens: z.int().positive(),
    tokens: ids.describe('The new ids alone, the end-of-sequence id last where it was reached.'),
  })
  .describe('What the original writes greedily.')

const settled = z
  .looseObject({
    ...prompt,
    generation_config: object.describe('generation_config.json of the converted folder; absent: there is none.').optional(),
    config: object.describe('Keys laid over its config.json.').optional(),
    tokens: ids.optional(),
    error: z.string().describe('The code of the error with which such settings are refused.').optional(),
  })
  .refine(({ tokens, error }) => (tokens === undefined) !== (error === undefined), 'needs either "tokens" or "error"')
  .describe('What the original writes with settings of generation: either "tokens" or "error".')

/** A case.json: what a fixture is converted as, and what must come of it. A key that is not known is refused: it would do nothing. */
export const caseSchema = z
  .strictObject({
    $schema: z.string().optional(),
    task: z.string().describe('The task that the checkpoint is converted for.'),
    convert: z.array(z.string()).describe('Flags of `silane convert` beside --task, such as ["--seq", "24"].').default([]),
    programs: z.record(z.string(), program).default({}),
    generate: z.array(greedy).default([]),
    generation: z.array(settled).default([]),
    expect: z
      .strictObject({
        exit: z.int().min(0).max(3).describe('The exit code: 2 where it is refused, 3 where a gate is missed.').default(2),
        error: z.string().describe('The code of the error, such as E_CONFIG. Absent: any that ends with the exit code.').optional(),
      })
      .describe('The conversion is not to succeed.')
      .optional(),
    family: z.string().describe('For readers.').optional(),
    case: z.string().describe('For readers.').optional(),
    source: z.string().describe('For readers: the implementation that computed the outputs, with its version.').optional(),
    architecture: z.string().describe('For readers.').optional(),
    seed: z.int().describe('For readers: of the random weights.').optional(),
    notes: z.string().describe('For readers.').optional(),
    continuation: json.describe("For a plugin's own tests: what a host computes around a program.").optional(),
    decoding: json.describe("For a plugin's own tests.").optional(),
    rollout: json.describe("For a plugin's own tests.").optional(),
  })
  .describe('What a silane fixture is converted as, and what must come of it.')

export type CaseFile = z.infer<typeof caseSchema>
export type Prompt = Pick<CaseFile['generate'][number], keyof typeof prompt>

/** The JSON Schema of it, which editors and other writers of cases read. */
export const caseJsonSchema = (): object => ({ title: 'case.json of a silane fixture', ...z.toJSONSchema(caseSchema, { io: 'input' }) })
