import { describe, expect, it } from 'vitest'
import {
  Builder,
  computedConstant,
  constantOf,
  type Graph,
  interpret,
  printGraph,
  type Rule,
  rewriteGraph,
  verifyGraph,
} from '../src/index.ts'
import { plainExpansions } from '../src/lower/plain.ts'
import { foldConstants } from '../src/passes/fold-constants.ts'
import { grids } from '../src/passes/grids.ts'
import { products } from '../src/passes/products.ts'
import { rows } from '../src/passes/rows.ts'
import { simplify } from '../src/passes/simplify.ts'
import { singleHeads } from '../src/passes/single-heads.ts'
import { tensorOf } from './fake-checkpoint.ts'
import { parseGraph } from './parse-graph.ts'
import { expectSameValues, numbersOf } from './same-values.ts'

const rules: readonly Rule[] = [...simplify, ...foldConstants, ...singleHeads, ...plainExpansions, ...rows, ...products, ...grids]
const firing = new Set<string>()
const quiet = new Set<string>()

function rewrite(rule: string, text: string): { graph: Graph; fired: boolean } {
  const before = parseGraph(text)
  const { graph, hits } = rewriteGraph(
    before,
    rules.filter(({ name }) => name === rule),
  )
  verifyGraph(graph, rule)
  expectSameValues(graph, before)
  return { graph, fired: (hits[rule] ?? 0) > 0 }
}

/** Rewriting under one rule alone; each result is verified and computed, and must give what the graph gave before. */
function under(rule: string) {
  return {
    /** The text after; `firing` only when the rule fired. */
    after(text: string): string {
      const { graph, fired } = rewrite(rule, text)
      expect(fired, `${rule} fires`).toBe(true)
      return printGraph(graph)
    },
    fires(title: string, body: () => void): void {
      firing.add(rule)
      it(title, body)
    },
    /** A case that the rule must leave alone. */
    leaves(title: string, text: string): void {
      quiet.add(rule)
      it(`leaves ${title}`, () => {
        const { graph, fired } = rewrite(rule, text)
        expect(fired, `${rule} fires`).toBe(false)
        expect(printGraph(graph)).toBe(printGraph(parseGraph(text)))
      })
    },
  }
}

describe('drop-transpose-pair', () => {
  const { after, fires, leaves } = under('drop-transpose-pair')
  fires('nothing is left of a transpose that is undone', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %a = transpose(x=%x, perm=[0, 2, 1])
          %b = transpose(x=%a, perm=[0, 2, 1])
          %c = relu(x=%b)
          return y=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %c = relu(x=%x) : fp32[2, 3, 4]
        return y=%c"
    `),
  )
  fires('two that do not cancel become one', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %a = transpose(x=%x, perm=[1, 2, 0])
          %b = transpose(x=%a, perm=[0, 2, 1])
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %transpose = transpose(x=%x, perm=[1, 0, 2]) : fp32[3, 2, 4]
        return y=%transpose"
    `),
  )
  fires('the first stays where the graph gives it away', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %a = transpose(x=%x, perm=[0, 2, 1])
          %b = transpose(x=%a, perm=[0, 2, 1])
          %c = relu(x=%b)
          return turned=%a, y=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %a = transpose(x=%x, perm=[0, 2, 1]) : fp32[2, 4, 3]
        %c = relu(x=%x) : fp32[2, 3, 4]
        return turned=%a, y=%c"
    `),
  )
  leaves(
    'a pair with an op between',
    `graph main(%x: fp32[2, 3, 4])
       %a = transpose(x=%x, perm=[0, 2, 1])
       %b = relu(x=%a)
       %c = transpose(x=%b, perm=[0, 2, 1])
       return y=%c`,
  )
})

describe('drop-identity-transpose', () => {
  const { after, fires, leaves } = under('drop-identity-transpose')
  fires('no axis moves', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = transpose(x=%x, perm=[0, 1])
          %b = relu(x=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %b = relu(x=%x) : fp32[2, 3]
        return y=%b"
    `),
  )
  fires('as the output itself', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = transpose(x=%x, perm=[0, 1])
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        return y=%x"
    `),
  )
  leaves(
    'axes that trade places, though their sizes are equal',
    `graph main(%x: fp32[3, 3])
       %a = transpose(x=%x, perm=[1, 0])
       return y=%a`,
  )
})

describe('transpose-of-units-to-reshape', () => {
  const { after, fires, leaves } = under('transpose-of-units-to-reshape')
  fires('axes of size 1 pass the others', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 4, 1, 6])
          %a = transpose(x=%x, perm=[1, 2, 0, 3])
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 4, 1, 6])
        %reshape = reshape(x=%x, shape=[4, 1, 1, 6]) : fp32[4, 1, 1, 6]
        return y=%reshape"
    `),
  )
  leaves(
    'a transpose that moves an axis larger than 1 past another',
    `graph main(%x: fp32[1, 4, 1, 6])
       %a = transpose(x=%x, perm=[0, 3, 2, 1])
       return y=%a`,
  )
})

describe('drop-reshape', () => {
  const { after, fires, leaves } = under('drop-reshape')
  fires('the shape stays', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = reshape(x=%x, shape=[2, 3])
          %b = relu(x=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %b = relu(x=%x) : fp32[2, 3]
        return y=%b"
    `),
  )
  fires('an output that is reshaped to itself is the value', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = relu(x=%x)
          %b = reshape(x=%a, shape=[2, 3])
          return a=%a, b=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %a = relu(x=%x) : fp32[2, 3]
        return a=%a, b=%a"
    `),
  )
  leaves(
    'a reshape to the same size',
    `graph main(%x: fp32[2, 3])
       %a = reshape(x=%x, shape=[3, 2])
       return y=%a`,
  )
})

describe('merge-reshapes', () => {
  const { after, fires, leaves } = under('merge-reshapes')
  fires('only the last shape matters', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = expand_dims(x=%x, axes=[1])
          %b = squeeze(x=%a, axes=[1])
          %c = reshape(x=%b, shape=[6])
          return y=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %reshape_1 = reshape(x=%x, shape=[6]) : fp32[6]
        return y=%reshape_1"
    `),
  )
  fires('a shape in between stays where the graph gives it away', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %a = reshape(x=%x, shape=[6])
          %b = reshape(x=%a, shape=[3, 2])
          return a=%a, b=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %a = reshape(x=%x, shape=[6]) : fp32[6]
        %reshape = reshape(x=%x, shape=[3, 2]) : fp32[3, 2]
        return a=%a, b=%reshape"
    `),
  )
  leaves(
    'reshapes around a transpose',
    `graph main(%x: fp32[6])
       %a = reshape(x=%x, shape=[2, 3])
       %b = transpose(x=%a, perm=[1, 0])
       %c = reshape(x=%b, shape=[6])
       return y=%c`,
  )
})

describe('drop-cast', () => {
  const { after, fires, leaves } = under('drop-cast')
  fires('the type stays', () =>
    expect(
      after(`
        graph main(%x: fp32[2])
          %a = cast(x=%x, dtype="fp32")
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2])
        return y=%x"
    `),
  )
  leaves(
    'a way there and back, which rounds',
    `graph main(%x: fp32[2])
       %a = cast(x=%x, dtype="fp16")
       %b = cast(x=%a, dtype="fp32")
       return y=%b`,
  )
})

describe('drop-identity', () => {
  const { after, fires, leaves } = under('drop-identity')
  fires('a second name', () =>
    expect(
      after(`
        graph main(%x: fp32[2])
          %a = identity(x=%x)
          %b = relu(x=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2])
        %b = relu(x=%x) : fp32[2]
        return y=%b"
    `),
  )
  leaves(
    'what is the identity for some numbers only',
    `graph main(%x: fp32[2])
       %a = relu(x=%x)
       return y=%a`,
  )
})

describe('fold-reshape-expand_dims-squeeze', () => {
  const { after, fires, leaves } = under('fold-reshape-expand_dims-squeeze')
  fires('a constant under another shape keeps its id', () =>
    expect(
      after(`
        graph main(%x: fp32[6, 1])
          %w = const(val=<w>) : fp32[2, 3]
          %a = expand_dims(x=%w, axes=[0])
          %b = squeeze(x=%a, axes=[0])
          %c = reshape(x=%b, shape=[6, 1])
          %d = add(x=%x, y=%c)
          return y=%d`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[6, 1])
        %const_1 = const(val=<w>) : fp32[6, 1]
        %d = add(x=%x, y=%const_1) : fp32[6, 1]
        return y=%d"
    `),
  )
  fires('a constant that is an output', () =>
    expect(
      after(`
        graph main(%x: fp32[1])
          %w = const(val=<w>) : fp32[2, 3]
          %a = reshape(x=%w, shape=[6])
          %b = relu(x=%x)
          return a=%a, b=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1])
        %const = const(val=<w>) : fp32[6]
        %b = relu(x=%x) : fp32[1]
        return a=%const, b=%b"
    `),
  )
  leaves(
    'a computed value',
    `graph main(%x: fp32[2, 3])
       %a = reshape(x=%x, shape=[6])
       return y=%a`,
  )
})

describe('fold-transpose', () => {
  const { after, fires, leaves } = under('fold-transpose')
  fires('a transposed weight', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %w = const(val=<w>) : fp32[3, 4]
          %a = transpose(x=%w, perm=[1, 0])
          %b = linear(x=%x, weight=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %const = const(val=<transpose:1,0[3,4](w)>) : fp32[4, 3]
        %b = linear(x=%x, weight=%const) : fp32[2, 4]
        return y=%b"
    `),
  )
  leaves(
    'a transpose of a sum with a constant',
    `graph main(%x: fp32[2, 3])
       %w = const(val=<w>) : fp32[2, 3]
       %a = add(x=%x, y=%w)
       %b = transpose(x=%a, perm=[1, 0])
       return y=%b`,
  )
})

describe('fold-cast', () => {
  const { after, fires, leaves } = under('fold-cast')
  fires('a constant of another type', () =>
    expect(
      after(`
        graph main(%x: fp32[3])
          %w = const(val=<2 0 1>) : int32[3]
          %a = cast(x=%w, dtype="fp32")
          %b = mul(x=%x, y=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[3])
        %const = const(val=<cast:fp32(2 0 1)>) : fp32[3]
        %b = mul(x=%x, y=%const) : fp32[3]
        return y=%b"
    `),
  )
  leaves(
    'an input',
    `graph main(%x: int32[3])
       %a = cast(x=%x, dtype="fp32")
       return y=%a`,
  )
})

describe('fold-slice_by_index', () => {
  const { after, fires, leaves } = under('fold-slice_by_index')
  fires('a part of a table, one axis dropped', () =>
    expect(
      after(`
        graph main(%x: fp32[3])
          %w = const(val=<w>) : fp32[2, 5, 4]
          %a = slice_by_index(x=%w, begin=[1, 1, 2], end=[2, 4, 3], squeeze_mask=[true, false, true])
          %b = add(x=%x, y=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[3])
        %const = const(val=<slice:2,2,3[1,3,4](slice:1,1,4[1,5,4](slice:0,1,2[2,5,4](w)))>) : fp32[3]
        %b = add(x=%x, y=%const) : fp32[3]
        return y=%b"
    `),
  )
  leaves(
    'a strided part, which no view has',
    `graph main(%x: fp32[3])
       %w = const(val=<w>) : fp32[6]
       %a = slice_by_index(x=%w, begin=[0], end=[6], stride=[2])
       %b = add(x=%x, y=%a)
       return y=%b`,
  )
})

describe('fold-arithmetic', () => {
  const { after, fires, leaves } = under('fold-arithmetic')
  fires('both sides known, the smaller one broadcast', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %w = const(val=<w>) : fp32[2, 3]
          %v = const(val=<v>) : fp32[2, 1]
          %a = sub(x=%w, y=%v)
          %b = mul(x=%x, y=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %const = const(val=<sub(w[2,3],v[2,1])>) : fp32[2, 3]
        %b = mul(x=%x, y=%const) : fp32[2, 3]
        return y=%b"
    `),
  )
  fires('the larger one second, of an op that does not commute', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3])
          %w = const(val=<w>) : fp32[2, 3]
          %one = const(val=<scalar:fp32:1>) : fp32[]
          %a = sub(x=%one, y=%w)
          %b = real_div(x=%one, y=%w)
          %c = maximum(x=%one, y=%w)
          %d = minimum(x=%a, y=%b)
          %e = add(x=%d, y=%c)
          %f = mul(x=%x, y=%e)
          return y=%f`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3])
        %const_4 = const(val=<add(minimum(sub-turned(w[2,3],scalar:fp32:1[])[2,3],real_div-turned(w[2,3],scalar:fp32:1[])[2,3])[2,3],maximum(w[2,3],scalar:fp32:1[])[2,3])>) : fp32[2, 3]
        %f = mul(x=%x, y=%const_4) : fp32[2, 3]
        return y=%f"
    `),
  )
  leaves(
    'two that both grow by broadcasting',
    `graph main(%x: fp32[2, 3])
       %w = const(val=<w>) : fp32[2, 1]
       %v = const(val=<v>) : fp32[1, 3]
       %a = add(x=%w, y=%v)
       %b = mul(x=%x, y=%a)
       return y=%b`,
  )
  leaves(
    'one known side',
    `graph main(%x: fp32[2, 3])
       %w = const(val=<w>) : fp32[2, 3]
       %a = add(x=%x, y=%w)
       return y=%a`,
  )
})

describe('fold-split', () => {
  const { after, fires, leaves } = under('fold-split')
  fires('pieces of a constant', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 1])
          %w = const(val=<w>) : fp32[2, 3]
          %a, %b = split(x=%w, axis=-1, split_sizes=[1, 2])
          %c = add(x=%x, y=%a)
          return y=%c, b=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 1])
        %const = const(val=<slice:1,0,1[2,3](w)>) : fp32[2, 1]
        %const_1 = const(val=<slice:1,1,3[2,3](w)>) : fp32[2, 2]
        %c = add(x=%x, y=%const) : fp32[2, 1]
        return y=%c, b=%const_1"
    `),
  )
  leaves(
    'pieces of an input',
    `graph main(%x: fp32[2, 3])
       %a, %b = split(x=%x, axis=1, split_sizes=[1, 2])
       return a=%a, b=%b`,
  )
})

describe('fold-concat', () => {
  const { after, fires, leaves } = under('fold-concat')
  fires('constants side by side', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 5])
          %w = const(val=<w>) : fp32[2, 3]
          %v = const(val=<v>) : fp32[2, 2]
          %a = concat(values=[%w, %v], axis=-1)
          %b = add(x=%x, y=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 5])
        %const = const(val=<concat:1(w[2,3],v[2,2])>) : fp32[2, 5]
        %b = add(x=%x, y=%const) : fp32[2, 5]
        return y=%b"
    `),
  )
  leaves(
    'a constant beside an input',
    `graph main(%x: fp32[2, 2])
       %w = const(val=<w>) : fp32[2, 3]
       %a = concat(values=[%w, %x], axis=1)
       return y=%a`,
  )
})

describe('fold-gather', () => {
  const { after, fires, leaves } = under('fold-gather')
  fires('rows at known places, counted from either end', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 2, 3])
          %w = const(val=<w>) : fp32[4, 3]
          %i = const(val=<3 0 -1 1>) : int32[2, 2]
          %a = gather(x=%w, indices=%i, axis=0)
          %b = add(x=%x, y=%a)
          return y=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 2, 3])
        %const = const(val=<gather:3 0 3 1[4,3](w)>) : fp32[2, 2, 3]
        %b = add(x=%x, y=%const) : fp32[2, 2, 3]
        return y=%b"
    `),
  )
  leaves(
    'rows that depend on an input',
    `graph main(%ids: int32[2])
       %w = const(val=<w>) : fp32[4, 3]
       %a = gather(x=%w, indices=%ids, axis=0, batch_dims=0, validate_indices=false)
       return y=%a`,
  )
  leaves(
    'columns',
    `graph main(%x: fp32[4, 2])
       %w = const(val=<w>) : fp32[4, 3]
       %i = const(val=<2 0>) : int32[2]
       %a = gather(x=%w, indices=%i, axis=1)
       %b = add(x=%x, y=%a)
       return y=%b`,
  )
  it('leaves rows that the table does not have', () => {
    const graph = parseGraph(`
      graph main(%x: fp32[2, 3])
        %w = const(val=<w>) : fp32[4, 3]
        %i = const(val=<0 4>) : int32[2]
        %a = gather(x=%w, indices=%i, axis=0)
        %b = add(x=%x, y=%a)
        return y=%b`)
    expect(rewriteGraph(graph, foldConstants).hits).toEqual({})
  })
})

describe('plain-attention', () => {
  const { after, fires, leaves } = under('plain-attention')
  fires('two heads and a mask over keys', () =>
    expect(
      after(`
        graph main(%q: fp32[1, 3, 4], %k: fp32[1, 5, 4], %v: fp32[1, 5, 6], %m: int32[1, 5])
          %a = attention(query=%q, key=%k, value=%v, key_mask=%m, heads=2, scale=0.5)
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%q: fp32[1, 3, 4], %k: fp32[1, 5, 4], %v: fp32[1, 5, 6], %m: int32[1, 5])
        %reshape = reshape(x=%q, shape=[1, 3, 2, 2]) : fp32[1, 3, 2, 2]
        %transpose = transpose(x=%reshape, perm=[0, 2, 1, 3]) : fp32[1, 2, 3, 2]
        %reshape_1 = reshape(x=%k, shape=[1, 5, 2, 2]) : fp32[1, 5, 2, 2]
        %transpose_1 = transpose(x=%reshape_1, perm=[0, 2, 1, 3]) : fp32[1, 2, 5, 2]
        %reshape_2 = reshape(x=%v, shape=[1, 5, 2, 3]) : fp32[1, 5, 2, 3]
        %transpose_2 = transpose(x=%reshape_2, perm=[0, 2, 1, 3]) : fp32[1, 2, 5, 3]
        %const = const(val=<scalar:fp32:0.5>) : fp32[]
        %mul = mul(x=%transpose, y=%const) : fp32[1, 2, 3, 2]
        %matmul = matmul(x=%mul, y=%transpose_1, transpose_x=false, transpose_y=true) : fp32[1, 2, 3, 5]
        %cast = cast(x=%m, dtype="fp32") : fp32[1, 5]
        %const_1 = const(val=<scalar:fp32:1>) : fp32[]
        %sub = sub(x=%const_1, y=%cast) : fp32[1, 5]
        %const_2 = const(val=<scalar:fp32:-3.4028234663852886e+38>) : fp32[]
        %mul_1 = mul(x=%sub, y=%const_2) : fp32[1, 5]
        %expand_dims = expand_dims(x=%mul_1, axes=[1, 2]) : fp32[1, 1, 1, 5]
        %add = add(x=%matmul, y=%expand_dims) : fp32[1, 2, 3, 5]
        %softmax = softmax(x=%add, axis=-1) : fp32[1, 2, 3, 5]
        %matmul_1 = matmul(x=%softmax, y=%transpose_2, transpose_x=false, transpose_y=false) : fp32[1, 2, 3, 3]
        %transpose_3 = transpose(x=%matmul_1, perm=[0, 2, 1, 3]) : fp32[1, 3, 2, 3]
        %reshape_3 = reshape(x=%transpose_3, shape=[1, 3, 6]) : fp32[1, 3, 6]
        return y=%reshape_3"
    `),
  )
  leaves(
    'the attention of Core ML, which is an op of the op level',
    `graph main(%q: fp32[1, 2, 3, 4], %k: fp32[1, 2, 5, 4], %v: fp32[1, 2, 5, 4])
       %a = scaled_dot_product_attention(query=%q, key=%k, value=%v)
       return y=%a`,
  )
})

describe('plain-cached-attention', () => {
  const { after, fires, leaves } = under('plain-cached-attention')
  fires('a cache and new tokens', () =>
    expect(
      after(`
        graph main(%q: fp32[1, 2, 4], %kc: fp32[1, 4, 1, 3], %vc: fp32[1, 4, 1, 3], %k: fp32[1, 2, 4], %v: fp32[1, 2, 4], %m: fp32[1, 3])
          %a = cached_attention(query=%q, key_cache=%kc, value_cache=%vc, key=%k, value=%v, cache_mask=%m, heads=2, scale=1)
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%q: fp32[1, 2, 4], %kc: fp32[1, 4, 1, 3], %vc: fp32[1, 4, 1, 3], %k: fp32[1, 2, 4], %v: fp32[1, 2, 4], %m: fp32[1, 3])
        %transpose = transpose(x=%q, perm=[0, 2, 1]) : fp32[1, 4, 2]
        %expand_dims = expand_dims(x=%transpose, axes=[2]) : fp32[1, 4, 1, 2]
        %reshape = reshape(x=%expand_dims, shape=[1, 2, 2, 2]) : fp32[1, 2, 2, 2]
        %reshape_1 = reshape(x=%kc, shape=[1, 2, 2, 3]) : fp32[1, 2, 2, 3]
        %reshape_2 = reshape(x=%vc, shape=[1, 2, 2, 3]) : fp32[1, 2, 2, 3]
        %const = const(val=<scalar:fp32:1>) : fp32[]
        %sub = sub(x=%const, y=%m) : fp32[1, 3]
        %const_1 = const(val=<scalar:fp32:-3.4028234663852886e+38>) : fp32[]
        %mul = mul(x=%sub, y=%const_1) : fp32[1, 3]
        %expand_dims_1 = expand_dims(x=%mul, axes=[1, 2]) : fp32[1, 1, 1, 3]
        %matmul = matmul(x=%reshape, y=%reshape_1, transpose_x=true, transpose_y=false) : fp32[1, 2, 2, 3]
        %transpose_1 = transpose(x=%k, perm=[0, 2, 1]) : fp32[1, 4, 2]
        %expand_dims_2 = expand_dims(x=%transpose_1, axes=[2]) : fp32[1, 4, 1, 2]
        %reshape_3 = reshape(x=%expand_dims_2, shape=[1, 2, 2, 2]) : fp32[1, 2, 2, 2]
        %matmul_1 = matmul(x=%reshape, y=%reshape_3, transpose_x=true, transpose_y=false) : fp32[1, 2, 2, 2]
        %add = add(x=%matmul, y=%expand_dims_1) : fp32[1, 2, 2, 3]
        %concat = concat(values=[%add, %matmul_1], axis=3, interleave=false) : fp32[1, 2, 2, 5]
        %softmax = softmax(x=%concat, axis=-1) : fp32[1, 2, 2, 5]
        %split_0, %split_1 = split(x=%softmax, axis=3, split_sizes=[3, 2]) : fp32[1, 2, 2, 3], fp32[1, 2, 2, 2]
        %matmul_2 = matmul(x=%reshape_2, y=%split_0, transpose_x=false, transpose_y=true) : fp32[1, 2, 2, 2]
        %transpose_2 = transpose(x=%v, perm=[0, 2, 1]) : fp32[1, 4, 2]
        %expand_dims_3 = expand_dims(x=%transpose_2, axes=[2]) : fp32[1, 4, 1, 2]
        %reshape_4 = reshape(x=%expand_dims_3, shape=[1, 2, 2, 2]) : fp32[1, 2, 2, 2]
        %matmul_3 = matmul(x=%reshape_4, y=%split_1, transpose_x=false, transpose_y=true) : fp32[1, 2, 2, 2]
        %add_1 = add(x=%matmul_2, y=%matmul_3) : fp32[1, 2, 2, 2]
        %reshape_5 = reshape(x=%add_1, shape=[1, 4, 1, 2]) : fp32[1, 4, 1, 2]
        %squeeze = squeeze(x=%reshape_5, axes=[2]) : fp32[1, 4, 2]
        %transpose_3 = transpose(x=%squeeze, perm=[0, 2, 1]) : fp32[1, 2, 4]
        return y=%transpose_3"
    `),
  )
  leaves(
    'attention without a cache',
    `graph main(%q: fp32[1, 2, 4])
       %a = attention(query=%q, key=%q, value=%q, heads=2, scale=1)
       return y=%a`,
  )
})

describe('plain-rotary', () => {
  const { after, fires, leaves } = under('plain-rotary')
  fires('two heads, turned in part', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 3, 10], %c: fp32[3, 4], %s: fp32[3, 4])
          %a = rotary(x=%x, cos=%c, sin=%s, heads=2)
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 10], %c: fp32[3, 4], %s: fp32[3, 4])
        %reshape = reshape(x=%x, shape=[1, 3, 2, 5]) : fp32[1, 3, 2, 5]
        %split_0, %split_1 = split(x=%reshape, axis=-1, split_sizes=[4, 1]) : fp32[1, 3, 2, 4], fp32[1, 3, 2, 1]
        %split_0_1, %split_1_1 = split(x=%split_0, axis=-1, split_sizes=[2, 2]) : fp32[1, 3, 2, 2], fp32[1, 3, 2, 2]
        %const = const(val=<scalar:fp32:-1>) : fp32[]
        %mul = mul(x=%split_1_1, y=%const) : fp32[1, 3, 2, 2]
        %concat = concat(values=[%mul, %split_0_1], axis=-1, interleave=false) : fp32[1, 3, 2, 4]
        %expand_dims = expand_dims(x=%c, axes=[-2]) : fp32[3, 1, 4]
        %mul_1 = mul(x=%split_0, y=%expand_dims) : fp32[1, 3, 2, 4]
        %expand_dims_1 = expand_dims(x=%s, axes=[-2]) : fp32[3, 1, 4]
        %mul_2 = mul(x=%concat, y=%expand_dims_1) : fp32[1, 3, 2, 4]
        %add = add(x=%mul_1, y=%mul_2) : fp32[1, 3, 2, 4]
        %concat_1 = concat(values=[%add, %split_1], axis=-1, interleave=false) : fp32[1, 3, 2, 5]
        %reshape_1 = reshape(x=%concat_1, shape=[1, 3, 10]) : fp32[1, 3, 10]
        return y=%reshape_1"
    `),
  )
  fires('windows, turned as a whole', () => {
    after(`
      graph main(%x: fp32[2, 2, 3, 4], %c: fp32[3, 4])
        %a = rotary(x=%x, cos=%c, sin=%c, heads=1)
        return y=%a`)
  })
  leaves('products', 'graph main(%x: fp32[1, 3, 4], %c: fp32[3, 4])\n %y = mul(x=%x, y=%c)\n return y=%y')
})

describe('plain-window-partition', () => {
  const { after, fires, leaves } = under('plain-window-partition')
  fires('a map that needs padding', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 5, 4, 3])
          %y = window_partition(x=%x, window=2)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 5, 4, 3])
        %pad = pad(x=%x, pad=[0, 1, 0, 0, 0, 0], mode="constant", constant_val=0) : fp32[2, 6, 4, 3]
        %reshape = reshape(x=%pad, shape=[6, 2, 2, 6]) : fp32[6, 2, 2, 6]
        %transpose = transpose(x=%reshape, perm=[0, 2, 1, 3]) : fp32[6, 2, 2, 6]
        %reshape_1 = reshape(x=%transpose, shape=[2, 6, 4, 3]) : fp32[2, 6, 4, 3]
        return y=%reshape_1"
    `),
  )
  leaves('a reshape', 'graph main(%x: fp32[1, 2, 2, 3])\n %y = reshape(x=%x, shape=[1, 1, 4, 3])\n return y=%y')
})

describe('plain-window-merge', () => {
  const { after, fires, leaves } = under('plain-window-merge')
  fires('windows that reach beyond the map', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 6, 4, 3])
          %y = window_merge(x=%x, window=2, height=5, width=4)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 6, 4, 3])
        %reshape = reshape(x=%x, shape=[6, 2, 2, 6]) : fp32[6, 2, 2, 6]
        %transpose = transpose(x=%reshape, perm=[0, 2, 1, 3]) : fp32[6, 2, 2, 6]
        %reshape_1 = reshape(x=%transpose, shape=[2, 6, 4, 3]) : fp32[2, 6, 4, 3]
        %slice_by_index = slice_by_index(x=%reshape_1, begin=[0, 0, 0, 0], end=[2, 5, 4, 3]) : fp32[2, 5, 4, 3]
        return y=%slice_by_index"
    `),
  )
  fires('windows that fit, in three ops', () => {
    const text = after(`
      graph main(%x: fp32[1, 4, 4, 3])
        %y = window_merge(x=%x, window=2, height=4, width=4)
        return y=%y`)
    expect(text.match(/ = \w+/g)).toEqual([' = reshape', ' = transpose', ' = reshape'])
  })
  leaves('a reshape', 'graph main(%x: fp32[1, 1, 4, 3])\n %y = reshape(x=%x, shape=[1, 2, 2, 3])\n return y=%y')
})

describe('plain-rms-norm', () => {
  const { after, fires, leaves } = under('plain-rms-norm')
  fires('a norm without a mean', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 4])
          %g = const(val=<g>) : fp32[4]
          %a = rms_norm(x=%x, gamma=%g, epsilon=0.001)
          return y=%a`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4])
        %g = const(val=<g>) : fp32[4]
        %mul = mul(x=%x, y=%x) : fp32[2, 4]
        %reduce_mean = reduce_mean(x=%mul, axes=[-1], keep_dims=true) : fp32[2, 1]
        %rsqrt = rsqrt(x=%reduce_mean, epsilon=0.001) : fp32[2, 1]
        %mul_1 = mul(x=%x, y=%rsqrt) : fp32[2, 4]
        %mul_2 = mul(x=%mul_1, y=%g) : fp32[2, 4]
        return y=%mul_2"
    `),
  )
  leaves(
    'a layer norm',
    `graph main(%x: fp32[2, 4])
       %a = layer_norm(x=%x, axes=[-1], epsilon=0.001)
       return y=%a`,
  )
})

describe('linear-of-rows', () => {
  const { after, fires, leaves } = under('linear-of-rows')
  fires('the axes before the last become one', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %w = const(val=<w>) : fp32[5, 4]
          %b = const(val=<b>) : fp32[5]
          %y = linear(x=%x, weight=%w, bias=%b)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %w = const(val=<w>) : fp32[5, 4]
        %b = const(val=<b>) : fp32[5]
        %reshape = reshape(x=%x, shape=[6, 4]) : fp32[6, 4]
        %linear = linear(x=%reshape, weight=%w, bias=%b) : fp32[6, 5]
        %reshape_1 = reshape(x=%linear, shape=[2, 3, 5]) : fp32[2, 3, 5]
        return y=%reshape_1"
    `),
  )
  leaves(
    'a product of rows',
    `graph main(%x: fp32[3, 4])
       %w = const(val=<w>) : fp32[5, 4]
       %y = linear(x=%x, weight=%w)
       return y=%y`,
  )
})

describe('elementwise-of-rows', () => {
  const { after, fires, leaves } = under('elementwise-of-rows')
  fires('one operand', () =>
    expect(
      after(`
        graph main(%x: fp32[6, 4])
          %a = reshape(x=%x, shape=[2, 3, 4])
          %y = gelu(x=%a, mode="EXACT")
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[6, 4])
        %a = reshape(x=%x, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape = reshape(x=%a, shape=[6, 4]) : fp32[6, 4]
        %gelu = gelu(x=%reshape, mode="EXACT") : fp32[6, 4]
        %reshape_1 = reshape(x=%gelu, shape=[2, 3, 4]) : fp32[2, 3, 4]
        return y=%reshape_1"
    `),
  )
  fires('rows, a vector along them, a column and a constant beside', () =>
    expect(
      after(`
        graph main(%x: fp32[6, 4], %column: fp32[2, 3, 1], %z: fp32[4], %other: fp32[2, 3, 4])
          %w = const(val=<w>) : fp32[1, 1, 4]
          %a = reshape(x=%x, shape=[2, 3, 4])
          %b = add(x=%a, y=%w)
          %c = mul(x=%column, y=%b)
          %d = sub(x=%c, y=%z)
          %y = maximum(x=%other, y=%d)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[6, 4], %column: fp32[2, 3, 1], %z: fp32[4], %other: fp32[2, 3, 4])
        %w = const(val=<w>) : fp32[1, 1, 4]
        %a = reshape(x=%x, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape = reshape(x=%a, shape=[6, 4]) : fp32[6, 4]
        %reshape_1 = reshape(x=%w, shape=[4]) : fp32[4]
        %add = add(x=%reshape, y=%reshape_1) : fp32[6, 4]
        %reshape_2 = reshape(x=%add, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape_3 = reshape(x=%column, shape=[6, 1]) : fp32[6, 1]
        %reshape_4 = reshape(x=%reshape_2, shape=[6, 4]) : fp32[6, 4]
        %mul = mul(x=%reshape_3, y=%reshape_4) : fp32[6, 4]
        %reshape_5 = reshape(x=%mul, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape_6 = reshape(x=%reshape_5, shape=[6, 4]) : fp32[6, 4]
        %sub = sub(x=%reshape_6, y=%z) : fp32[6, 4]
        %reshape_7 = reshape(x=%sub, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape_8 = reshape(x=%other, shape=[6, 4]) : fp32[6, 4]
        %reshape_9 = reshape(x=%reshape_7, shape=[6, 4]) : fp32[6, 4]
        %maximum = maximum(x=%reshape_8, y=%reshape_9) : fp32[6, 4]
        %reshape_10 = reshape(x=%maximum, shape=[2, 3, 4]) : fp32[2, 3, 4]
        return y=%reshape_10"
    `),
  )
  leaves(
    'another last axis, an operand along another axis, and one that grows',
    `graph main(%x: fp32[6, 4], %batch: fp32[2, 1, 4])
       %a = reshape(x=%x, shape=[2, 3, 2, 2])
       %b = relu(x=%a)
       %c = reshape(x=%x, shape=[2, 3, 4])
       %d = add(x=%c, y=%batch)
       %e = reshape(x=%x, shape=[1, 6, 4])
       %w = const(val=<w>) : fp32[3, 1, 1]
       %f = add(x=%e, y=%w)
       return b=%b, d=%d, f=%f`,
  )
  leaves(
    'a vector under more axes that is not known, which would take a reshape',
    `graph main(%x: fp32[6, 4], %z: fp32[1, 1, 4])
       %a = reshape(x=%x, shape=[2, 3, 4])
       %y = add(x=%a, y=%z)
       return y=%y`,
  )
})

describe('last-axis-of-rows', () => {
  const { after, fires, leaves } = under('last-axis-of-rows')
  fires('norms, softmaxes and reductions that keep the axis', () =>
    expect(
      after(`
        graph main(%x: fp32[6, 4])
          %g = const(val=<g>) : fp32[4]
          %a = reshape(x=%x, shape=[2, 3, 4])
          %b = layer_norm(x=%a, gamma=%g, axes=[2], epsilon=0.001)
          %c = softmax(x=%a, axis=-1)
          %d = reduce_mean(x=%a, axes=[-1], keep_dims=true)
          return b=%b, c=%c, d=%d`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[6, 4])
        %g = const(val=<g>) : fp32[4]
        %a = reshape(x=%x, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape = reshape(x=%a, shape=[6, 4]) : fp32[6, 4]
        %layer_norm = layer_norm(x=%reshape, gamma=%g, axes=[-1], epsilon=0.001) : fp32[6, 4]
        %reshape_1 = reshape(x=%layer_norm, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %softmax = softmax(x=%reshape, axis=-1) : fp32[6, 4]
        %reshape_2 = reshape(x=%softmax, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reduce_mean = reduce_mean(x=%reshape, axes=[-1], keep_dims=true) : fp32[6, 1]
        %reshape_3 = reshape(x=%reduce_mean, shape=[2, 3, 1]) : fp32[2, 3, 1]
        return b=%reshape_1, c=%reshape_2, d=%reshape_3"
    `),
  )
  leaves(
    'another axis, and one that goes',
    `graph main(%x: fp32[6, 4])
       %a = reshape(x=%x, shape=[2, 3, 4])
       %b = layer_norm(x=%a, axes=[1, 2], epsilon=0.001)
       %c = softmax(x=%a, axis=1)
       %d = reduce_mean(x=%a, axes=[-1], keep_dims=false)
       return b=%b, c=%c, d=%d`,
  )
})

describe('split-of-rows', () => {
  const { after, fires, leaves } = under('split-of-rows')
  fires('the last axis', () =>
    expect(
      after(`
        graph main(%x: fp32[6, 4])
          %a = reshape(x=%x, shape=[2, 3, 4])
          %b, %c = split(x=%a, axis=2, split_sizes=[2, 2])
          return b=%b, c=%c`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[6, 4])
        %a = reshape(x=%x, shape=[2, 3, 4]) : fp32[2, 3, 4]
        %reshape = reshape(x=%a, shape=[6, 4]) : fp32[6, 4]
        %split_0, %split_1 = split(x=%reshape, axis=-1, split_sizes=[2, 2]) : fp32[6, 2], fp32[6, 2]
        %reshape_1 = reshape(x=%split_0, shape=[2, 3, 2]) : fp32[2, 3, 2]
        %reshape_2 = reshape(x=%split_1, shape=[2, 3, 2]) : fp32[2, 3, 2]
        return b=%reshape_1, c=%reshape_2"
    `),
  )
  leaves(
    'single columns and other axes',
    `graph main(%x: fp32[6, 2])
       %a = reshape(x=%x, shape=[2, 3, 2])
       %b, %c = split(x=%a, axis=2, split_sizes=[1, 1])
       %d, %e = split(x=%a, axis=1, split_sizes=[1, 2])
       return b=%b, c=%c, d=%d, e=%e`,
  )
})

describe('turn-operands', () => {
  const { after, fires, leaves } = under('turn-operands')
  fires('what is computed', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 4, 3], %y: fp32[2, 5, 4])
          %w = const(val=<w>) : fp32[5, 4]
          %a = matmul(x=%x, y=%y, transpose_x=true, transpose_y=true)
          %b = matmul(x=%x, y=%w, transpose_x=true, transpose_y=true)
          return a=%a, b=%b`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 4, 3], %y: fp32[2, 5, 4])
        %w = const(val=<w>) : fp32[5, 4]
        %transpose = transpose(x=%x, perm=[0, 2, 1]) : fp32[2, 3, 4]
        %transpose_1 = transpose(x=%y, perm=[0, 2, 1]) : fp32[2, 4, 5]
        %matmul = matmul(x=%transpose, y=%transpose_1, transpose_x=false, transpose_y=false) : fp32[2, 3, 5]
        %matmul_1 = matmul(x=%transpose, y=%w, transpose_x=false, transpose_y=true) : fp32[2, 3, 5]
        return a=%matmul, b=%matmul_1"
    `),
  )
  leaves(
    'operands as they are, and constants',
    `graph main(%x: fp32[2, 3, 4], %y: fp32[2, 4, 5])
       %w = const(val=<w>) : fp32[5, 4]
       %a = matmul(x=%x, y=%y)
       %b = matmul(x=%x, y=%w, transpose_y=true)
       return a=%a, b=%b`,
  )
})

describe('product-in-place', () => {
  const { after, fires, leaves } = under('product-in-place')
  fires('a table of its own for each position', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 2, 4])
          %w = const(val=<w>) : fp32[1, 3, 4, 5]
          %a = matmul(x=%x, y=%w)
          %y = transpose(x=%a, perm=[0, 2, 1, 3])
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 2, 4])
        %transpose = transpose(x=%x, perm=[0, 2, 1, 3]) : fp32[2, 2, 3, 4]
        %const = const(val=<transpose:1,0,2[3,4,5](w)>) : fp32[1, 4, 3, 5]
        %einsum = einsum(values=[%transpose, %const], equation="bhid,bdij->bhij") : fp32[2, 2, 3, 5]
        return y=%einsum"
    `),
  )
  leaves(
    'other turns, and tables that are not known or not one for all of the batch',
    `graph main(%x: fp32[2, 3, 2, 4], %t: fp32[1, 3, 4, 5])
       %w = const(val=<w>) : fp32[1, 3, 4, 5]
       %v = const(val=<v>) : fp32[2, 3, 4, 5]
       %a = matmul(x=%x, y=%w)
       %b = transpose(x=%a, perm=[0, 2, 3, 1])
       %c = matmul(x=%x, y=%t)
       %d = transpose(x=%c, perm=[0, 2, 1, 3])
       %e = matmul(x=%x, y=%v)
       %f = transpose(x=%e, perm=[0, 2, 1, 3])
       return b=%b, d=%d, f=%f`,
  )
})

describe('fold-linear', () => {
  const { after, fires, leaves } = under('fold-linear')
  fires('a table through a layer', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 5])
          %c = const(val=<c>) : fp32[2, 3, 4]
          %w = const(val=<w>) : fp32[5, 4]
          %b = const(val=<b>) : fp32[5]
          %a = linear(x=%c, weight=%w, bias=%b)
          %y = add(x=%x, y=%a)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 5])
        %const = const(val=<linear(c[2,3,4],w[5,4],b[5])>) : fp32[2, 3, 5]
        %y = add(x=%x, y=%const) : fp32[2, 3, 5]
        return y=%y"
    `),
  )
  fires('without a bias', () =>
    expect(
      after(`
        graph main(%x: fp32[3, 5])
          %c = const(val=<c>) : fp32[3, 4]
          %w = const(val=<w>) : fp32[5, 4]
          %a = linear(x=%c, weight=%w)
          %y = add(x=%x, y=%a)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[3, 5])
        %const = const(val=<linear(c[3,4],w[5,4],)>) : fp32[3, 5]
        %y = add(x=%x, y=%const) : fp32[3, 5]
        return y=%y"
    `),
  )
  leaves(
    'what comes from an input',
    `graph main(%x: fp32[3, 4])
       %w = const(val=<w>) : fp32[5, 4]
       %y = linear(x=%x, weight=%w)
       return y=%y`,
  )
  it('leaves products that would take minutes', () => {
    const b = new Builder('main', { rules: foldConstants })
    const zeros = (shape: readonly number[]) => b.constant(computedConstant('fp32', shape, 'zeros', () => 0))
    const y = b.linear({ x: zeros([1 << 16, 1 << 9]), weight: zeros([1 << 9, 1 << 9]) })
    expect(y.producer?.kind).toBe('linear')
  })
})

describe('fold-attention', () => {
  const { after, fires, leaves } = under('fold-attention')
  fires('of learned queries over themselves', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 3, 4])
          %q = const(val=<q>) : fp32[1, 3, 4]
          %k = const(val=<k>) : fp32[1, 2, 4]
          %a = attention(query=%q, key=%k, value=%k, heads=2, scale=0.5)
          %y = add(x=%x, y=%a)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 3, 4])
        %const = const(val=<attention:{"heads":2,"scale":0.5,"masked":-3.4028234663852886e+38,"scale_relative":true}(query=q[1,3,4],key=k[1,2,4],value=k[1,2,4])>) : fp32[1, 3, 4]
        %y = add(x=%x, y=%const) : fp32[1, 3, 4]
        return y=%y"
    `),
  )
  leaves(
    'what attends to an input',
    `graph main(%x: fp32[1, 3, 4])
       %q = const(val=<q>) : fp32[1, 3, 4]
       %y = attention(query=%q, key=%x, value=%x, heads=2, scale=0.5)
       return y=%y`,
  )
  it('is read in pieces as it is in one', () => {
    const graph = (rules: readonly Rule[]) => {
      const b = new Builder('main', { rules })
      const some = (name: string, shape: readonly number[]) => b.constant(tensorOf(name, shape))
      const key = some('k', [1, 5, 6])
      return b.finish({ y: b.attention({ query: some('q', [1, 3, 6]), key, value: some('v', [1, 5, 6]), heads: 3, scale: 0.7 }) })
    }
    const folded = constantOf(graph(foldConstants).outputs[0]!.value)!
    const expected = numbersOf(interpret(graph([]), {}).y!)
    expect([...folded.read(0, 7), ...folded.read(7, 11)]).toEqual(expected.map(Math.fround))
  })
})

describe('fold-layer-norm', () => {
  const { after, fires, leaves } = under('fold-layer-norm')
  fires('over the channels of a table', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %c = const(val=<c>) : fp32[2, 3, 4]
          %g = const(val=<g>) : fp32[4]
          %b = const(val=<b>) : fp32[4]
          %n = layer_norm(x=%c, gamma=%g, beta=%b, axes=[-1], epsilon=0.01)
          %y = add(x=%x, y=%n)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %const = const(val=<layer_norm:0.01(c[2,3,4],g[4],b[4])>) : fp32[2, 3, 4]
        %y = add(x=%x, y=%const) : fp32[2, 3, 4]
        return y=%y"
    `),
  )
  fires('without a weight, the axis counted from the front', () =>
    expect(
      after(`
        graph main(%x: fp32[2, 3, 4])
          %c = const(val=<c>) : fp32[2, 3, 4]
          %n = layer_norm(x=%c, axes=[2], epsilon=0.01)
          %y = add(x=%x, y=%n)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[2, 3, 4])
        %const = const(val=<layer_norm:0.01(c[2,3,4],,)>) : fp32[2, 3, 4]
        %y = add(x=%x, y=%const) : fp32[2, 3, 4]
        return y=%y"
    `),
  )
  leaves(
    'an input',
    `graph main(%x: fp32[2, 4])
       %y = layer_norm(x=%x, axes=[-1], epsilon=0.01)
       return y=%y`,
  )
  leaves(
    'another axis, and two',
    `graph main(%x: fp32[2, 3, 4])
       %c = const(val=<c>) : fp32[2, 3, 4]
       %n = layer_norm(x=%c, axes=[1], epsilon=0.01)
       %m = layer_norm(x=%c, axes=[1, 2], epsilon=0.01)
       %a = add(x=%x, y=%n)
       %y = add(x=%a, y=%m)
       return y=%y`,
  )
})

describe('key-weight-into-query', () => {
  const { after, fires, leaves } = under('key-weight-into-query')
  fires('of constant queries; the bias of the keys cancels', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 6, 4])
          %q = const(val=<q>) : fp32[1, 2, 4]
          %w = const(val=<w>) : fp32[4, 4]
          %b = const(val=<b>) : fp32[4]
          %k = linear(x=%x, weight=%w, bias=%b)
          %y = attention(query=%q, key=%k, value=%x, heads=1, scale=0.5)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 6, 4])
        %q = const(val=<q>) : fp32[1, 2, 4]
        %const = const(val=<transpose:1,0[4,4](w)>) : fp32[4, 4]
        %linear = linear(x=%q, weight=%const) : fp32[1, 2, 4]
        %attention = attention(query=%linear, key=%x, value=%x, heads=1, scale=0.5, masked=-3.4028234663852886e+38, scale_relative=true) : fp32[1, 2, 4]
        return y=%attention"
    `),
  )
  fires('through a reshape, with a mask over keys', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 2, 3, 4], %m: int32[1, 6])
          %q = const(val=<q>) : fp32[1, 2, 4]
          %w = const(val=<w>) : fp32[4, 4]
          %k = linear(x=%x, weight=%w)
          %l = reshape(x=%k, shape=[1, 6, 4])
          %y = attention(query=%q, key=%l, value=%l, key_mask=%m, heads=1, scale=0.5)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 2, 3, 4], %m: int32[1, 6])
        %q = const(val=<q>) : fp32[1, 2, 4]
        %w = const(val=<w>) : fp32[4, 4]
        %k = linear(x=%x, weight=%w) : fp32[1, 2, 3, 4]
        %l = reshape(x=%k, shape=[1, 6, 4]) : fp32[1, 6, 4]
        %reshape = reshape(x=%x, shape=[1, 6, 4]) : fp32[1, 6, 4]
        %const = const(val=<transpose:1,0[4,4](w)>) : fp32[4, 4]
        %linear = linear(x=%q, weight=%const) : fp32[1, 2, 4]
        %attention = attention(query=%linear, key=%reshape, value=%l, key_mask=%m, heads=1, scale=0.5, masked=-3.4028234663852886e+38, scale_relative=true) : fp32[1, 2, 4]
        return y=%attention"
    `),
  )
  leaves(
    'queries that are computed, keys that are not projected, more heads than one, and what would cost more',
    `graph main(%x: fp32[1, 6, 4], %p: fp32[1, 2, 4])
       %w = const(val=<w>) : fp32[4, 4]
       %k = linear(x=%x, weight=%w)
       %a = attention(query=%p, key=%k, value=%x, heads=1, scale=0.5, masked=-1, scale_relative=true)
       %q = const(val=<q>) : fp32[1, 2, 4]
       %b = attention(query=%q, key=%x, value=%x, heads=1, scale=0.5, masked=-1, scale_relative=true)
       %c = attention(query=%q, key=%k, value=%x, heads=2, scale=0.5, masked=-1, scale_relative=true)
       %v = const(val=<v>) : fp32[1, 4]
       %n = linear(x=%x, weight=%v)
       %r = const(val=<r>) : fp32[1, 2, 1]
       %d = attention(query=%r, key=%n, value=%x, heads=1, scale=0.5, masked=-1, scale_relative=true)
       return a=%a, b=%b, c=%c, d=%d`,
  )
  leaves(
    'relative positions, which see the queries',
    `graph main(%x: fp32[1, 2, 4])
       %q = const(val=<q>) : fp32[1, 2, 4]
       %w = const(val=<w>) : fp32[4, 4]
       %k = linear(x=%x, weight=%w)
       %t = const(val=<t>) : fp32[2, 2, 4]
       %y = attention(query=%q, key=%k, value=%x, relative_query=%t, heads=1, scale=0.5, masked=-1, scale_relative=true)
       return y=%y`,
  )
})

describe('value-weight-after-attention', () => {
  const { after, fires, leaves } = under('value-weight-after-attention')
  fires('of more keys than queries', () =>
    expect(
      after(`
        graph main(%q: fp32[1, 2, 4], %x: fp32[1, 6, 4])
          %w = const(val=<w>) : fp32[3, 4]
          %b = const(val=<b>) : fp32[3]
          %v = linear(x=%x, weight=%w, bias=%b)
          %y = attention(query=%q, key=%x, value=%v, heads=1, scale=0.5)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%q: fp32[1, 2, 4], %x: fp32[1, 6, 4])
        %w = const(val=<w>) : fp32[3, 4]
        %b = const(val=<b>) : fp32[3]
        %attention = attention(query=%q, key=%x, value=%x, heads=1, scale=0.5, masked=-3.4028234663852886e+38, scale_relative=true) : fp32[1, 2, 4]
        %linear = linear(x=%attention, weight=%w, bias=%b) : fp32[1, 2, 3]
        return y=%linear"
    `),
  )
  leaves(
    'as many queries as keys, more heads than one, and values that are not projected',
    `graph main(%q: fp32[1, 2, 4], %x: fp32[1, 6, 4])
       %w = const(val=<w>) : fp32[4, 4]
       %v = linear(x=%x, weight=%w)
       %a = attention(query=%x, key=%x, value=%v, heads=1, scale=0.5, masked=-1, scale_relative=true)
       %b = attention(query=%q, key=%x, value=%v, heads=2, scale=0.5, masked=-1, scale_relative=true)
       %c = attention(query=%q, key=%x, value=%x, heads=1, scale=0.5, masked=-1, scale_relative=true)
       return a=%a, b=%b, c=%c`,
  )
})

describe('linear-on-grid', () => {
  const { after, fires, leaves } = under('linear-on-grid')
  fires('of more tokens than an axis holds', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 129, 128, 2])
          %t = reshape(x=%x, shape=[1, 16512, 2])
          %w = const(val=<w>) : fp32[1, 2]
          %y = linear(x=%t, weight=%w)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 129, 128, 2])
        %w = const(val=<w>) : fp32[1, 2]
        %linear = linear(x=%x, weight=%w) : fp32[1, 129, 128, 1]
        %reshape = reshape(x=%linear, shape=[1, 16512, 1]) : fp32[1, 16512, 1]
        return y=%reshape"
    `),
  )
  leaves(
    'tokens that one axis holds',
    `graph main(%x: fp32[1, 128, 128, 2])
       %t = reshape(x=%x, shape=[1, 16384, 2])
       %w = const(val=<w>) : fp32[1, 2]
       %y = linear(x=%t, weight=%w)
       return y=%y`,
  )
  leaves(
    'tokens that were no grid, or one with an axis that is too long itself',
    `graph main(%x: fp32[1, 129, 256], %z: fp32[1, 2, 16385, 2])
       %t = reshape(x=%x, shape=[1, 16512, 2])
       %w = const(val=<w>) : fp32[1, 2]
       %a = linear(x=%t, weight=%w)
       %s = reshape(x=%z, shape=[1, 32770, 2])
       %b = linear(x=%s, weight=%w)
       return a=%a, b=%b`,
  )
})

describe('norm-on-grid', () => {
  const { after, fires, leaves } = under('norm-on-grid')
  fires('over the channels', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 129, 128, 2])
          %t = reshape(x=%x, shape=[1, 16512, 2])
          %g = const(val=<g>) : fp32[2]
          %y = layer_norm(x=%t, gamma=%g, axes=[2], epsilon=0.01)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 129, 128, 2])
        %g = const(val=<g>) : fp32[2]
        %layer_norm = layer_norm(x=%x, gamma=%g, axes=[-1], epsilon=0.01) : fp32[1, 129, 128, 2]
        %reshape = reshape(x=%layer_norm, shape=[1, 16512, 2]) : fp32[1, 16512, 2]
        return y=%reshape"
    `),
  )
  leaves(
    'a norm over the tokens',
    `graph main(%x: fp32[1, 129, 128, 1])
       %t = reshape(x=%x, shape=[1, 16512, 1])
       %y = layer_norm(x=%t, axes=[1], epsilon=0.01)
       return y=%y`,
  )
})

describe('elementwise-on-grid', () => {
  const { after, fires, leaves } = under('elementwise-on-grid')
  fires('two values of one grid, with what is the same for all tokens, and a table', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 129, 128, 2], %z: fp32[1, 129, 128, 2])
          %t = reshape(x=%x, shape=[1, 16512, 2])
          %s = reshape(x=%z, shape=[1, 16512, 2])
          %a = add(x=%t, y=%s)
          %g = const(val=<g>) : fp32[2]
          %b = mul(x=%a, y=%g)
          %c = const(val=<c>) : fp32[1, 16512, 2]
          %y = add(x=%b, y=%c)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 129, 128, 2], %z: fp32[1, 129, 128, 2])
        %add = add(x=%x, y=%z) : fp32[1, 129, 128, 2]
        %g = const(val=<g>) : fp32[2]
        %mul = mul(x=%add, y=%g) : fp32[1, 129, 128, 2]
        %c = const(val=<c>) : fp32[1, 16512, 2]
        %reshape_2 = reshape(x=%c, shape=[1, 129, 128, 2]) : fp32[1, 129, 128, 2]
        %add_1 = add(x=%mul, y=%reshape_2) : fp32[1, 129, 128, 2]
        %reshape_3 = reshape(x=%add_1, shape=[1, 16512, 2]) : fp32[1, 16512, 2]
        return y=%reshape_3"
    `),
  )
  leaves(
    'values of two grids, and one that is of none',
    `graph main(%x: fp32[1, 129, 128, 1], %z: fp32[1, 128, 129, 1], %n: fp32[1, 16512, 1])
       %t = reshape(x=%x, shape=[1, 16512, 1])
       %s = reshape(x=%z, shape=[1, 16512, 1])
       %a = add(x=%t, y=%s)
       %b = add(x=%t, y=%n)
       return a=%a, b=%b`,
  )
})

describe('concat-on-grid', () => {
  const { after, fires, leaves } = under('concat-on-grid')
  fires('of channels with those of a table', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 129, 128, 1])
          %t = reshape(x=%x, shape=[1, 16512, 1])
          %c = const(val=<c>) : fp32[1, 16512, 2]
          %y = concat(values=[%t, %c], axis=2)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 129, 128, 1])
        %c = const(val=<c>) : fp32[1, 16512, 2]
        %reshape = reshape(x=%c, shape=[1, 129, 128, 2]) : fp32[1, 129, 128, 2]
        %concat = concat(values=[%x, %reshape], axis=-1, interleave=false) : fp32[1, 129, 128, 3]
        %reshape_1 = reshape(x=%concat, shape=[1, 16512, 3]) : fp32[1, 16512, 3]
        return y=%reshape_1"
    `),
  )
  leaves(
    'tokens after tokens',
    `graph main(%x: fp32[1, 129, 128, 1])
       %t = reshape(x=%x, shape=[1, 16512, 1])
       %y = concat(values=[%t, %t], axis=1, interleave=false)
       return y=%y`,
  )
})

describe('queries-on-grid', () => {
  const { after, fires, leaves } = under('queries-on-grid')
  fires('with keys that all rows share', () =>
    expect(
      after(`
        graph main(%x: fp32[1, 129, 128, 1], %k: fp32[1, 2, 1], %m: int32[1, 2])
          %t = reshape(x=%x, shape=[1, 16512, 1])
          %y = attention(query=%t, key=%k, value=%k, key_mask=%m, heads=1, scale=0.5)
          return y=%y`),
    ).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 129, 128, 1], %k: fp32[1, 2, 1], %m: int32[1, 2])
        %expand_dims = expand_dims(x=%k, axes=[1]) : fp32[1, 1, 2, 1]
        %attention = attention(query=%x, key=%expand_dims, value=%expand_dims, key_mask=%m, heads=1, scale=0.5, masked=-3.4028234663852886e+38, scale_relative=true) : fp32[1, 129, 128, 1]
        %reshape = reshape(x=%attention, shape=[1, 16512, 1]) : fp32[1, 16512, 1]
        return y=%reshape"
    `),
  )
  leaves(
    'a bias for each query, and queries that one axis holds',
    `graph main(%x: fp32[1, 129, 128, 1], %k: fp32[1, 2, 1], %b: fp32[1, 1, 16512, 2], %z: fp32[1, 2, 3, 1])
       %t = reshape(x=%x, shape=[1, 16512, 1])
       %y = attention(query=%t, key=%k, value=%k, bias=%b, heads=1, scale=0.5, masked=-1, scale_relative=true)
       %s = reshape(x=%z, shape=[1, 6, 1])
       %a = attention(query=%s, key=%k, value=%k, heads=1, scale=0.5, masked=-1, scale_relative=true)
       return y=%y, a=%a`,
  )
})

describe('the rules together', () => {
  it('carry rows from one product to the next', () => {
    const graph = parseGraph(`
      graph main(%x: fp32[1, 3, 4])
        %w = const(val=<w>) : fp32[4, 4]
        %v = const(val=<v>) : fp32[4, 4]
        %g = const(val=<g>) : fp32[4]
        %a = linear(x=%x, weight=%w)
        %b = add(x=%a, y=%x)
        %c = layer_norm(x=%b, gamma=%g, axes=[-1], epsilon=0.001)
        %d = linear(x=%c, weight=%v)
        %e = add(x=%d, y=%c)
        return y=%e`)
    const { graph: carried } = rewriteGraph(graph, rules)
    expectSameValues(carried, graph)
    expect(carried.ops.map(({ kind }) => kind).filter(kind => kind !== 'const')).toEqual([
      'reshape',
      'linear',
      'add',
      'layer_norm',
      'linear',
      'add',
      'reshape',
    ])
  })

  it('reach their fixed point in one walk', () => {
    const graph = parseGraph(`
      graph main(%x: fp32[1, 2, 3])
        %a = transpose(x=%x, perm=[0, 2, 1])
        %b = expand_dims(x=%a, axes=[2])
        %c = squeeze(x=%b, axes=[2])
        %d = transpose(x=%c, perm=[0, 2, 1])
        %e = relu(x=%d)
        return y=%e`)
    const once = rewriteGraph(graph, rules)
    expect(printGraph(once.graph)).toMatchInlineSnapshot(`
      "graph main(%x: fp32[1, 2, 3])
        %e = relu(x=%x) : fp32[1, 2, 3]
        return y=%e"
    `)
    expect(once.hits).toEqual({ 'merge-reshapes': 1, 'drop-reshape': 1, 'drop-transpose-pair': 1 })
    const twice = rewriteGraph(once.graph, rules)
    expect(twice.hits).toEqual({})
    expect(printGraph(twice.graph)).toBe(printGraph(once.graph))
  })

  it('remember on each op which of them made it', () => {
    const graph = parseGraph(`
      graph main(%x: fp32[2, 4])
        %g = const(val=<g>) : fp32[4]
        %a = rms_norm(x=%x, gamma=%g, epsilon=0.001)  # layer.0.norm
        return y=%a`)
    const { ops } = rewriteGraph(graph, rules).graph
    expect(ops.at(-1)!.origin).toEqual({ module: 'layer.0.norm', rules: ['plain-rms-norm'] })
  })

  it('are named apart, and each has a case where it fires and one where it does not', () => {
    const names = rules.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect([...firing].sort()).toEqual(names.toSorted())
    expect([...quiet].sort()).toEqual(names.toSorted())
  })

  it('say why they are right', () => {
    for (const { name, why } of rules) expect(why, name).toMatch(/^\S.{8,}[^.]$/)
  })
})
