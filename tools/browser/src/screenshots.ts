import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { look, startBrowser, views } from './look.ts'
import { sampleReports } from './sample-reports.ts'

// node tools/browser/src/screenshots.ts OUT [PAGE.html ...]: pictures of pages in every window, of the sample reports where none is named.
const [out = 'screenshots', ...pages] = process.argv.slice(2)
const browser = await startBrowser()
if (!browser) throw new Error('There is no Chromium: install it, or name it in CHROMIUM.')
const work = mkdtempSync(join(tmpdir(), 'silane-pages-'))
try {
  mkdirSync(out, { recursive: true })
  const named = pages.map(page => [page.replace(/\W+/g, '-'), pathToFileURL(resolve(page)).href] as const)
  for (const [name, url] of named.length > 0 ? named : await sampleReports(work))
    for (const view of views) {
      const path = join(out, `${name}-${view.name}.png`)
      await look(browser, url, view, async page => {
        await page.screenshot({ path, fullPage: true })
      })
      console.log(path)
    }
} finally {
  await browser.close()
  rmSync(work, { recursive: true, force: true })
}
