// Before the package is packed: takes what it publishes of onnxruntime-web. Nothing of it is in the repository.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ortFiles } from './dist/ort-folder.js'

const from = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
const to = join(import.meta.dirname, 'dist/ort')
rmSync(to, { recursive: true, force: true })
mkdirSync(to)
for (const file of ortFiles) copyFileSync(join(from, file), join(to, file))
