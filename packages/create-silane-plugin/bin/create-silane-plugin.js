#!/usr/bin/env node
// Starts src/index.ts (dist/index.js when published). Plain JavaScript without static imports, so that an old Node gets as far as the message.
const NEED = 24

if (Number(process.versions.node.split('.')[0]) >= NEED) {
  const { run } = await import('create-silane-plugin')
  process.exitCode = run(process.argv.slice(2))
} else {
  console.error(`create-silane-plugin needs Node ${NEED} or newer, as silane does; this is ${process.version}.`)
  process.exitCode = 2
}
