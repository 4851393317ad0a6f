import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'

/** The least that a conversion must do: read fp32, hash what is read, cast to fp16, write. bare-loop.ts IN OUT */
const [from = '', to = ''] = process.argv.slice(2)
const CHUNK = 1 << 16
const source = openSync(from, 'r')
const target = openSync(to, 'w')
const read = createHash('sha256')
const written = createHash('sha256')
const { size } = statSync(from)
for (let at = 0; at < size; at += 4 * CHUNK) {
  const wide = new Float32Array(Math.floor(Math.min(4 * CHUNK, size - at) / 4))
  readSync(source, wide, 0, wide.byteLength, at)
  read.update(wide)
  const narrow = new Float16Array(wide.length)
  narrow.set(wide)
  written.update(narrow)
  writeSync(target, narrow)
}
closeSync(source)
closeSync(target)
console.log(read.digest('hex'), written.digest('hex'))
