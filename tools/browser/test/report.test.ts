import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../src/find-chromium.ts'
import { look, startBrowser, views } from '../src/look.ts'
import { sampleReports } from '../src/sample-reports.ts'

describe.skipIf(findChromium() === undefined)('report.html in a browser (skipped without Chromium)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'silane-pages-'))
  let browser: Browser
  let reports: ReadonlyMap<string, string>

  beforeAll(async () => {
    const started = await startBrowser()
    if (!started) throw new Error('Chromium did not start')
    browser = started
    reports = await sampleReports(folder)
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(['bert', 't5', 'sam', 'unvalidated'])('%s: no rule of axe is broken, nothing is fetched, nothing is cut off', async name => {
    for (const view of views) {
      const found = await look(browser, reports.get(name) ?? '', view)
      expect(found, view.name).toEqual({ violations: [], errors: [], requests: [], overflow: 0 })
    }
  })

  test('the verdict is seen without scrolling on a phone', async () => {
    const [, phone] = views
    if (!phone) throw new Error('no window')
    await look(browser, reports.get('bert') ?? '', phone, async page => {
      const box = await page.locator('.verdict').boundingBox()
      expect(box && box.y + box.height).toBeLessThan(phone.height / 2)
      expect(await page.locator('.verdict').textContent()).toMatch(/outputs pass, lowest [\d.]+ dB/)
      // A strip has as many marks as there are different figures in it, all inside.
      for (const strip of await page.locator('.strip > svg').all()) {
        const outer = await strip.boundingBox()
        for (const mark of await strip.locator('circle').all()) {
          const inner = await mark.boundingBox()
          expect(inner && outer && inner.x >= outer.x - 1 && inner.x + inner.width <= outer.x + outer.width + 1).toBe(true)
        }
      }
    })
  })
})
