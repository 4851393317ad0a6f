// Builds the site into docs/site, or into the folder that is named, and looks whether every link in it leads somewhere:
// `npm run docs`. A warning of TypeDoc or a broken link ends it with 1.
import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brokenLinks } from './check-links.ts'
import { root } from './pages.ts'
import { buildSite } from './site.ts'

const [out = join(root, 'docs/site')] = process.argv.slice(2)
const warnings = await buildSite({ out: resolve(out) })
const broken = brokenLinks(resolve(out))
for (const line of [...warnings, ...broken]) console.error(line)
console.log(`${globSync('**/*.html', { cwd: out }).length} pages, ${broken.length} broken links: ${join(out, 'index.html')}`)
if (warnings.length + broken.length > 0) process.exitCode = 1
