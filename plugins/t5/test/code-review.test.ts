import { describe, expect, it } from 'vitest'
import { refinedLines, refinementInput, reviewComment, reviewInput, sourceIds } from '../src/index.ts'

const hunk = `@@ -11,6 +11,7 @@ def f
     if not x:
-        return
+        return None

+    x = 1
\\ No newline at end of file`

describe('reviewInput', () => {
  it('tags the lines of a hunk', () => {
    expect(reviewInput(hunk)).toBe('<keep>if not x:<del>return<add>return None<add>x = 1<keep>No newline at end of file')
  })

  it('leaves out blank lines, but not an added one', () => {
    expect(reviewInput('@@ -1 +1 @@\n \n\t\n+\n-')).toBe('<add><del>')
  })

  it('of nothing is nothing', () => {
    expect(reviewInput('')).toBe('')
    expect(reviewInput('@@ -1 +1 @@')).toBe('')
  })
})

it('refinementInput puts the comment behind the old lines', () => {
  expect(refinementInput(' if x:\n-  return\n\n   y()', 'Say why.')).toBe('<add>if x:<add>return<add><add>y()<msg>Say why.')
})

describe('sourceIds', () => {
  it('puts a frame around the text', () => {
    expect(sourceIds([7, 8])).toEqual([1, 7, 8, 2])
    expect(sourceIds([])).toEqual([1, 2])
  })

  it('knows a frame that is there', () => {
    expect(sourceIds([1, 7, 8, 2])).toEqual([1, 7, 8, 2])
    expect(sourceIds([1])).toEqual([1, 2])
    expect(sourceIds([0, 7, 3], { bos: 0, eos: 3 })).toEqual([0, 7, 3])
  })

  it('cuts the text, not the frame', () => {
    const ids = sourceIds(Array.from({ length: 600 }, (_, i) => 10 + i))
    expect(ids.length).toBe(512)
    expect([ids[0], ids[1], ids[510], ids[511]]).toEqual([1, 10, 519, 2])
    expect(sourceIds([7, 8, 9], { length: 4 })).toEqual([1, 7, 8, 2])
  })
})

it('reviewComment reads what follows <msg>, with special tokens or without', () => {
  expect(reviewComment('<msg> Why not `None`?</s><pad>')).toBe('Why not `None`?')
  expect(reviewComment(' Why not `None`?')).toBe('Why not `None`?')
  expect(reviewComment('<pad><msg>a <msg> b</s>')).toBe('a <msg> b')
})

it('refinedLines reads the lines', () => {
  expect(refinedLines('<s><add> if x is None:<add>return<add></s>')).toEqual(['if x is None:', 'return', ''])
  expect(refinedLines('if x:')).toEqual(['if x:'])
  expect(refinedLines('</s>')).toEqual([])
})
