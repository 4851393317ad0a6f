import { Builder, castConstant, definePlugin, encoderOptions } from '@silane/core'

let loads = 0

/**
 * A plugin with every fault that the suite is there to find: it computes something else than the original, names an op after
 * the clock, takes any task, fails in its own way where a tensor is missing, and does without a bias that is.
 */
export default definePlugin({
  id: 'broken',
  tasks: { BertModel: 'feature-extraction' },
  options: encoderOptions,
  load: ({ checkpoint, options: { seq = [24] } }) => {
    const [length = 24] = seq
    const table = checkpoint.tensor('embeddings.word_embeddings.weight')
    if (!table) throw new TypeError('oops')
    const b = new Builder('main')
    const ids = b.input('input_ids', 'int32', [1, length])
    b.input('attention_mask', 'int32', [1, length])
    b.input('token_type_ids', 'int32', [1, length])
    const words = b.in(`run${loads++}`, () => b.gather({ x: b.constant(castConstant(table, 'fp32')), indices: ids, axis: 0 }))
    const bias = checkpoint.tensor('embeddings.LayerNorm.bias')
    const shifted = bias ? b.add({ x: words, y: b.constant(castConstant(bias, 'fp32')) }) : words
    return {
      modelType: 'bert',
      programs: [{ name: 'model', functions: [b.finish({ last_hidden_state: shifted })] }],
      pipeline: {
        kind: 'encoder',
        steps: [{ call: 'model', feeds: { input_ids: 'input_ids' }, gives: { last_hidden_state: 'last_hidden_state' } }],
      },
      options: { seq: length },
    }
  },
})
