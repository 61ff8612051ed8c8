import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { openDashboard } from '../../src/server/index.ts'
import { bundleWeb } from '../check/bundle-web.ts'
import { ensureDebianPackages } from '../services/install.ts'
import { type ServerDesk, serverDesk } from './server-desk.ts'

/** The dashboard of a project, built anew, in a real Chromium. */
export interface DashboardDesk {
  readonly desk: ServerDesk
  readonly browser: Browser
  /** A page that throws what went wrong in it, and whatever it asked of anybody but this server. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>
  /** Throws with all that went wrong in the pages so far. */
  expectCalm(): void
  close(): Promise<void>
}

/** Milliseconds that anything is waited for: a busy machine takes its time. */
const patience = 120_000

export async function dashboardDesk(scratch: string): Promise<DashboardDesk> {
  await ensureDebianPackages(['chromium'])
  const folder = mkdtempSync(path.join(scratch, 'web-'))
  await bundleWeb(folder)
  const desk = await serverDesk(scratch, { dashboard: await openDashboard(folder) })
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'], timeout: patience })
  const wrong: string[] = []
  return {
    desk,
    browser,
    async open(at, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
      context.setDefaultTimeout(patience)
      const page = await context.newPage()
      page.on('pageerror', (error) => wrong.push(`${at}: ${error.message}`))
      page.on('console', (message) => {
        // Of answers that are no success, which pages show.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) wrong.push(`${at}: ${message.text()}`)
      })
      page.on('request', (request) => {
        if (!request.url().startsWith(desk.url)) wrong.push(`${at} asks ${request.url()}`)
      })
      await page.goto(desk.url + at)
      await settled(page)
      return page
    },
    expectCalm() {
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    },
    async close() {
      await browser.close()
      await desk.close()
    },
  }
}

/** Until nothing is waited for any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor()
  await page.locator('.waiting').first().waitFor({ state: 'detached' })
}

/** What axe finds wrong, each with the rule and where. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<readonly { id: string; nodes: readonly { html: string; failureSummary: string }[] }[]>(
    'axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) })))',
  )
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`))
}
