import { expect, it } from 'vitest'
import { modulePattern } from '../src/adapter/module-pattern.ts'

const free = (): void => undefined

const NAMES = [
  'q',
  'a.q',
  'layer.q',
  'layer_q',
  'my_layer.q',
  'layers.1.q',
  'layers.12.q',
  'model.layers.3.k',
  'model.layers.30.v',
  'qq',
  '',
  '.q',
]

// By peft 0.21, `re.match(rf"(.*\.)?({pattern})$", name)`.
it.each<[string, readonly string[]]>([
  ['q', ['q', 'a.q', 'layer.q', 'my_layer.q', 'layers.1.q', 'layers.12.q', '.q']],
  ['layer.q', ['layer.q', 'layer_q']],
  ['layer\\.q', ['layer.q']],
  ['^layers\\.\\d\\.q$', ['layers.1.q']],
  ['layers\\.\\d+\\.(q|v)', ['layers.1.q', 'layers.12.q', 'model.layers.30.v']],
  ['.*layers.*k', ['model.layers.3.k']],
  ['.*', NAMES],
  ['model\\.layers\\.(?:[0-2]|3|[12][0-9]|30)\\.[^qv]', ['model.layers.3.k']],
  ['^q', ['q']],
  ['^q|a\\.q', ['q', 'a.q']],
  ['(q|)q?', NAMES.filter(name => /(?:^|\.)q{0,2}$/.test(name))],
  ['(?:a\\.|layers\\.1\\.)*?q', ['q', 'a.q', 'layer.q', 'my_layer.q', 'layers.1.q', 'layers.12.q', '.q']],
  ['(a*)*\\w+_q', ['layer_q']],
  ['[\\w.]*[-_]layer\\.q', ['my_layer.q']],
  ['$q', []],
])('%s', (pattern, names) => {
  const matches = modulePattern(pattern)!
  expect(NAMES.filter(name => matches([...name], free))).toEqual(names)
})

it.each(['(', ')', 'a)', '*', 'a**', 'a*+', 'a{2}', '(?i)q', '(?=q)q', '(a)\\1', '\\bq', '[', '[]', '[z-a]', '^*', '\\', 'q'.repeat(513)])(
  'not %s',
  pattern => {
    expect(modulePattern(pattern)).toBeUndefined()
  },
)

it.each([
  [`${'(a|a)'.repeat(45)}b`, 60],
  [`${'a?'.repeat(45)}b`, 60],
  ['(a*)*b', 500],
  ['.*.*.*.*x', 2000],
])('%s takes as long as it and the name are', (pattern, length) => {
  let steps = 0
  expect(
    modulePattern(pattern)!([...'a'.repeat(length)], more => {
      steps += more
    }),
  ).toBe(false)
  expect(steps).toBeLessThan(16 * 5 * (pattern.length + 10) * (length + 1))
})
