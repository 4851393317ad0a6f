import type { Json } from '@silane/core'
import * as z from 'zod'

/** A JSON value, `{ "exists": … }` or `{ "not": … }`. */
const expected: z.ZodType<Json> = z.json()

const claim = z
  .strictObject({
    /** `model_type` of config.json. Without one the claim goes by what a checkpoint consists of, and gives way to those that have one. */
    modelType: z.string().optional(),
    /** One of them stands in `architectures` of config.json, where that says any. */
    architectures: z.array(z.string()).nonempty().optional(),
    when: z
      .strictObject({
        /**
         * Keys of config.json (dots lead inward) and their values; `{ "exists": true }` for any value, `false` for none, null or [];
         * `{ "not": 1 }` for another value or none.
         */
        config: z.record(z.string(), expected).optional(),
        /** Files that must be there, or must not with `!` in front; `*` stands for any characters. */
        files: z.array(z.string()).optional(),
        /** Tensors that must be there; `!` and `*` likewise. */
        tensors: z.array(z.string()).optional(),
        /** Options asked for, and their values. */
        options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
      })
      .optional(),
  })
  .refine(({ modelType, when }) => modelType !== undefined || (when?.files ?? when?.tensors ?? when?.config) !== undefined, {
    message: 'a claim needs a modelType, or files, tensors or config keys in "when"',
  })

const schema = z.object({
  apiVersion: z.int().positive(),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'must consist of lower-case letters, digits and hyphens'),
  claims: z.array(claim).nonempty(),
  tasks: z.array(z.string()),
  status: z.enum(['stable', 'experimental']).default('stable'),
})

/** The block `silane` of a plugin's package.json: what it can read, without importing any of its code. */
export type PluginManifest = z.infer<typeof schema>

/** One kind of checkpoint that a plugin reads. */
export type Claim = z.infer<typeof claim>

/** Checks the block. `problem` names the first key that is wrong. */
export function readPluginManifest(block: Json | undefined): { readonly manifest: PluginManifest } | { readonly problem: string } {
  const parsed = schema.safeParse(block)
  if (parsed.success) return { manifest: parsed.data }
  const [issue] = parsed.error.issues
  return { problem: `its "silane" block: ${issue?.path.join('.') || 'the block'}: ${issue?.message ?? 'not valid'}` }
}
