// Kills conversions at random moments and looks at what they leave: `node tools/repo/kills.ts [200]`. Exit 1 where anything is lost.
import { killRuns } from '../../packages/silane/test/kills.ts'

const { kills, old, new: made, beside, faults } = await killRuns(Number(process.argv[2] ?? 200))
console.log(`${kills} kills: ${old} left the old conversion, ${made} the new one, ${beside} the old one beside its place`)
for (const fault of faults) console.log(fault)
process.exitCode = faults.length === 0 ? 0 : 1
