import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { findChromium } from './find-chromium.ts'

/** A window and how it is set. */
export interface View {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly colorScheme: 'light' | 'dark'
}

export const views: readonly View[] = (['light', 'dark'] as const).flatMap(colorScheme => [
  { name: `desktop-${colorScheme}`, width: 1280, height: 900, colorScheme },
  { name: `phone-${colorScheme}`, width: 390, height: 844, colorScheme },
])

/** Starts the Chromium of this machine; undefined where there is none. */
export async function startBrowser(): Promise<Browser | undefined> {
  const executablePath = findChromium()
  // Root, as which containers run, has no sandbox in Chromium.
  return executablePath === undefined ? undefined : chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}

/** What is wrong with a page as it stands in a window. */
export interface Look {
  /** Rules of axe that it breaks, each with the elements. */
  readonly violations: readonly string[]
  /** What it wrote into the console, and scripts that failed. */
  readonly errors: readonly string[]
  /** Addresses that it asked for, besides its own. */
  readonly requests: readonly string[]
  /** How many pixels it is wider than the window. */
  readonly overflow: number
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Opens a page and looks at it. `use` sees it when it is there. */
export async function look(browser: Browser, url: string, view: View, use?: (page: Page) => Promise<void>): Promise<Look> {
  const { width, height, colorScheme } = view
  const page = await browser.newPage({ viewport: { width, height }, colorScheme })
  const errors: string[] = []
  const requests: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', error => errors.push(error.message))
  page.on('request', request => {
    if (request.url() !== url) requests.push(request.url())
  })
  try {
    await page.goto(url)
    await use?.(page)
    // What is folded is looked at too.
    await page.evaluate('document.querySelectorAll("details").forEach(element => { element.open = true })')
    await page.evaluate(axe)
    const violations = await page.evaluate<string[]>(
      'axe.run().then(found => found.violations.map(rule => [rule.id, rule.help, ...rule.nodes.slice(0, 3).map(node => node.html)].join(": ")))',
    )
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    return { violations, errors, requests, overflow }
  } finally {
    await page.close()
  }
}
