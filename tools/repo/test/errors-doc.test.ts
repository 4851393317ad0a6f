import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { page, readCatalogues, renderErrors } from '../errors-doc.ts'

const catalogues = await readCatalogues()
const entries = catalogues.flatMap(catalogue => catalogue.entries)

it('docs/errors.md is what the catalogues say', () => expect(readFileSync(page, 'utf8')).toBe(renderErrors(catalogues)))

it('no two errors share a code', () => {
  const codes = entries.map(({ code }) => code)
  expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([])
  for (const { code, error } of entries) {
    expect(code).toMatch(/^E_[A-Z0-9_]+$/)
    expect(error.code).toBe(code)
  }
})

it('every text is whole', () => {
  for (const { code, error } of entries) {
    expect(error.message, code).not.toMatch(/undefined|\[object|\$\{/)
    expect(error.message, code).toMatch(/[.:›)…]$|[\w@‹›-]$/)
  }
})

it('every catalogue says what it is about', () => {
  expect(catalogues.length).toBeGreaterThanOrEqual(6)
  for (const { about, file } of catalogues) expect(about, file).toMatch(/^Errors of .+\.$/)
})
