import { cpSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checkPackage, readPackage } from '../src/index.ts'
import { blockOf, changeModel, freshPath } from './package-files.ts'

// Packages of coremltools 9, from tools/interop/unsupported_packages.py: all valid.
const packageOf = (name: string): string => fileURLToPath(new URL(`unsupported/${name}.mlpackage`, import.meta.url))

const said = async (path: string): Promise<readonly string[]> =>
  (await checkPackage(path)).map(({ severity, code }) => `${severity} ${code}`)

test.each([
  ['flexible-range', ['unsupported E_FLEXIBLE']],
  ['flexible-enumerated', ['unsupported E_FLEXIBLE']],
  ['default-value', ['unsupported E_PACKAGE_UNSUPPORTED']],
  // The op that looks labels up, and its text.
  ['classifier', ['unsupported E_OP_UNKNOWN', 'unsupported E_PACKAGE_UNSUPPORTED']],
  ['branches', ['unsupported E_OP_UNKNOWN']],
  ['palette', ['unsupported E_COMPRESSED']],
  ['palette-ios16', ['unsupported E_COMPRESSED']],
  ['int8', ['unsupported E_COMPRESSED']],
  ['int8-ios16', ['unsupported E_COMPRESSED']],
  ['int4', ['unsupported E_COMPRESSED']],
  ['sparse', ['unsupported E_COMPRESSED']],
])('%s is not called broken, and one cause is told once', async (name, findings) => {
  expect(await said(packageOf(name))).toEqual(findings)
  await expect(readPackage(packageOf(name))).rejects.toMatchObject({ code: findings[0]?.split(' ')[1] })
})

test('what is broken beside it is found', async () => {
  const path = freshPath()
  cpSync(packageOf('flexible-range'), path, { recursive: true })
  changeModel(path, model => void blockOf(model).outputs.push('nothing'))
  expect(await said(path)).toEqual(['unsupported E_FLEXIBLE', 'error E_UNDEFINED'])
})
