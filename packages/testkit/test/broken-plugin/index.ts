import { Builder, castConstant, definePlugin, type LoadRequest, type SourceModel } from '@silane/core'

let loads = 0

/**
 * A plugin with every fault that the suite is there to find: it computes something else than the original, names an op after
 * the clock, takes any task, and fails in its own way where a tensor is missing.
 */
export default definePlugin({
  id: 'broken',
  load: ({ checkpoint, seq = [24] }: LoadRequest): SourceModel => {
    const [length = 24] = seq
    const table = checkpoint.tensor('embeddings.word_embeddings.weight')
    if (!table) throw new TypeError('oops')
    const b = new Builder('main')
    const ids = b.input('input_ids', 'int32', [1, length])
    b.input('attention_mask', 'int32', [1, length])
    b.input('token_type_ids', 'int32', [1, length])
    const words = b.in(`run${loads++}`, () => b.gather({ x: b.constant(castConstant(table, 'fp32')), indices: ids, axis: 0 }))
    return {
      modelType: 'bert',
      architecture: 'BertModel',
      task: 'feature-extraction',
      programs: [{ name: 'model', functions: [b.finish({ last_hidden_state: words })] }],
      pipeline: { kind: 'encoder' },
      options: { seq: length },
    }
  },
})
