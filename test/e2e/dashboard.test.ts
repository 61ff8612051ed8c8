import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type DashboardDesk, dashboardDesk, findBarriers, settled } from '../fakes/dashboard-desk.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { fillDesk } from '../fakes/server-desk.ts'

const scratch = scratchDirectory()

const pages = [
  '/',
  '/ui/moves',
  '/ui/releases',
  '/ui/releases/rcclx?variant=6.4',
  '/ui/releases/rcclx/6.4/stable',
  '/ui/releases/rcclx/diff?variant=6.4&a=last-stable&b=stable',
  '/ui/index',
  '/ui/index/default/packages?prefix=v2/gpu',
  '/ui/index/default/package?prefix=v2/gpu&name=torch',
  '/ui/index/default/generations?prefix=v2/gpu',
  '/ui/index/default/diff?a=v2/gpu@1&b=v2/gpu',
  '/ui/environments',
  '/ui/environments/stage',
  '/ui/environments/stage/diff?from=clean_state',
  '/ui/runs?project=vision',
  '/ui/jobs',
  '/ui/jobs/1',
  '/ui/store',
  '/ui/store/snapshots',
  '/ui/store/snapshots/diff?a=latest&b=latest',
  '/ui/audit',
  '/ui/nowhere',
]

const looks = [
  { name: 'light', options: { colorScheme: 'light' } },
  { name: 'dark and 360 px wide', options: { colorScheme: 'dark', viewport: { width: 360, height: 740 } } },
] as const

describe('the dashboard', () => {
  let dashboard: DashboardDesk
  before(async () => {
    dashboard = await dashboardDesk(scratch)
    await fillDesk(dashboard.desk)
    await dashboard.desk.holdfast('daemon --once')
  })
  after(async () => {
    await dashboard.close()
  })

  for (const { name, options } of looks) {
    it(`has no page with a barrier, or wider than the screen: ${name}`, async () => {
      const page = await dashboard.open('/', options)
      for (const at of pages) {
        await page.goto(dashboard.desk.url + at)
        await settled(page)
        assert.deepEqual(await page.getByRole('alert').allInnerTexts(), [], at)
        assert.deepEqual(await findBarriers(page), [], at)
        assert.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0, at)
      }
      await page.context().close()
      dashboard.expectCalm()
    })
  }

  it('rolls a release back with keys alone: its plan is shown, confirmed, done, and seen at once', async () => {
    const page = await dashboard.open('/')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.getByRole('heading', { name: 'Releases', level: 1 }).waitFor()
    await settled(page)
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'rcclx', level: 1 }).waitFor()
    const stable = page.getByRole('article', { name: 'stable of 6.4', exact: true })
    const before = await stable.locator('code').innerText()

    await page.getByRole('button', { name: 'Roll back rcclx 6.4' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Roll back rcclx 6.4' })
    await dialog.getByLabel('Token with the scope release:rollback').focus()
    const { authorization } = dashboard.desk.token('release:rollback')
    await page.keyboard.type(authorization.replace('Bearer ', ''))
    await page.keyboard.press('Enter')
    await dialog.getByText(`stable: ${before} ->`).waitFor()
    assert.deepEqual(await findBarriers(page), [])
    await dialog.getByRole('button', { name: 'Roll back' }).focus()
    await page.keyboard.press('Enter')
    await dialog.getByText('Done.').waitFor()
    await page.keyboard.press('Escape')
    await stable.locator('code').filter({ hasNotText: before }).waitFor()
    assert.equal(dashboard.desk.state.audit.read({ limit: 1 })[0]!.kind, 'done')
    await page.context().close()
    dashboard.expectCalm()
  })

  it('asks nothing twice at its first view, and little', async () => {
    const context = await dashboard.browser.newContext()
    const page = await context.newPage()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(dashboard.desk.url)
    await settled(page)
    assert.equal(new Set(asked).size, asked.length, asked.join('\n'))
    assert.ok(asked.length <= 8, asked.join('\n'))
    await context.close()
  })
})
