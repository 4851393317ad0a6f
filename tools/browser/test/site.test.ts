import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSite } from '@silane/docs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../src/find-chromium.ts'
import { look, startBrowser, views } from '../src/look.ts'
import { type Served, serveFolder } from '../src/serve-folder.ts'

/** TypeDoc's theme puts links into the summaries of its tree of pages; nothing else may break the rule. */
const ofTheTheme = /^nested-interactive: .*(?:<summary class="tsd-accordion-summary")/

// One package is enough to see what its pages look like; the check of the documentation builds them all.
describe.skipIf(findChromium() === undefined)('the site in a browser (skipped without Chromium)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'silane-site-'))
  let browser: Browser
  let site: Served

  beforeAll(async () => {
    const started = await startBrowser()
    if (!started) throw new Error('Chromium did not start')
    browser = started
    await buildSite({ out: folder, packages: ['silane', 'runtime'] })
    site = await serveFolder(folder)
  }, 180_000)
  afterAll(async () => {
    site?.close()
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each([
    ['landing page', 'index.html'],
    ['guide', 'documents/Read_the_report.html'],
    ['page of wide tables', 'documents/Compatibility.html'],
    ['plugin', 'documents/bert.html'],
    ['package', 'modules/_silane_runtime.html'],
    ['function', 'functions/_silane_runtime.compare.html'],
  ])(
    '%s: no rule of axe is broken, nothing is fetched from elsewhere, nothing is cut off',
    async (_, path) => {
      for (const view of views) {
        const { violations, errors, requests, overflow } = await look(browser, site.url + path, view)
        const found = {
          violations: violations.filter(violation => !ofTheTheme.test(violation)),
          errors,
          elsewhere: requests.filter(url => !url.startsWith(site.url)),
          overflow,
        }
        expect(found, view.name).toEqual({ violations: [], errors: [], elsewhere: [], overflow: 0 })
      }
    },
    120_000,
  )

  test('the first screen says what silane is, the first command, and where to go', async () => {
    for (const view of views) {
      await look(browser, site.url, view, async page => {
        for (const text of ['.hero h1', '.hero p', '.go a', '.first pre']) {
          const box = await page.locator(text).first().boundingBox()
          expect(box && box.y + box.height, `${view.name}: ${text}`).toBeLessThan(view.height)
        }
        expect(await page.locator('.first').textContent()).toMatch(/npx silane convert[\s\S]*outputs pass, lowest [\d.]+ dB/)
      })
    }
  })

  test('the search finds a guide', async () => {
    const [desktop] = views
    if (!desktop) throw new Error('no window')
    await look(browser, site.url, desktop, async page => {
      await page.locator('#tsd-search-trigger').click()
      await page.locator('#tsd-search-input').fill('tokenizers')
      await page.locator('#tsd-search-results a').first().waitFor()
      const found = await page.locator('#tsd-search-results a').allTextContents()
      expect(found.join('\n')).toContain('Tokenizers')
    })
  })
})
