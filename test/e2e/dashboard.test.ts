import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type DashboardDesk, dashboardDesk, findBarriers, settled } from '../fakes/dashboard-desk.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { fillDesk, type ServerDesk } from '../fakes/server-desk.ts'

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
  '/ui/images',
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
    await restoreTwice(dashboard.desk)
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

  it('leads from each number and name to a page that is there, and to files that can be had', async () => {
    const page = await dashboard.open('/')
    const titles = await page.locator('main a.sum[href] .sum-title').allInnerTexts()
    assert.equal(titles.length, await page.locator('main .sum-value').count())
    assert.ok(titles.length >= 5, titles.join())
    const found = new Map<string, string>()
    for (const at of pages.slice(0, -1)) {
      await page.goto(dashboard.desk.url + at)
      await settled(page)
      const hrefs = await page.locator('main a[href^="/"]').evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''))
      for (const href of hrefs) if (!found.has(href)) found.set(href, at)
    }
    const led = [...found].filter(([href]) => href.startsWith('/ui'))
    assert.ok(led.length >= 30 && led.length < found.size, `${led.length} of ${found.size}`)
    for (const [href, from] of found) {
      if (!href.startsWith('/ui')) {
        assert.equal((await dashboard.desk.get(href)).status, 200, `${from} leads to ${href}`)
        continue
      }
      await page.goto(dashboard.desk.url + href)
      await settled(page)
      assert.equal(await page.getByRole('heading', { name: 'No such page' }).count(), 0, `${from} leads to ${href}`)
      assert.deepEqual(await page.getByRole('alert').allInnerTexts(), [], `${from} leads to ${href}`)
    }
    await page.context().close()
    dashboard.expectCalm()
  })

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

  it('plots how long restores took, whoever made them, and those that jobs failed at', async () => {
    const page = await dashboard.open('/ui/environments/stage')
    const points = page.getByRole('group', { name: 'How long restores of stage took' }).getByRole('link')
    await points.nth(2).waitFor()
    assert.equal(await points.count(), 3)
    assert.match((await points.first().getAttribute('aria-label'))!, / UTC: \d+ ms, clean_state, filesystem$/)
    const failed = page.getByRole('link', { name: /, failed$/ })
    await failed.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'holdfast env restore stage' }).waitFor()
    await page.context().close()
    dashboard.expectCalm()
  })

  it('shows a job as it runs: progress, log and end, without a reload', async () => {
    const queue = await dashboard.desk.served.jobs!.queue()
    const worker = { id: 'worker-1', host: 'here', pid: process.pid, concurrency: 1 }
    await queue.beat(worker)
    const [added] = await queue.add([{ key: 'long', words: ['index', 'mirror'], source: 'index', priority: 9, splits: false }])
    const page = await dashboard.open(`/ui/jobs/${added!.id}`)
    await page.locator('.badge', { hasText: 'waiting' }).waitFor()
    const [held] = await queue.take(worker.id, 1, {})
    assert.equal(held?.id, added!.id)
    await page.locator('.badge', { hasText: 'running' }).waitFor()
    const progress = { task: 'mirroring wheels', items: 3, bytes: 0, totalItems: 12 }
    await queue.tell(worker.id, [{ id: held.id, attempt: held.attempt, progress, lines: [{ at: held.created, text: 'torch is there' }] }])
    await page.getByText('mirroring wheels, 3 of 12').waitFor()
    assert.equal(await page.getByRole('progressbar', { name: 'mirroring wheels' }).getAttribute('value'), '0.25')
    await page.getByText('torch is there').waitFor()
    assert.deepEqual(await findBarriers(page), [])
    await queue.end(held, { kind: 'exit', exit: 0, summary: '12 wheels, all there' })
    await page.getByText('12 wheels, all there').waitFor()
    assert.equal(await page.getByText('torch is there').count(), 1)
    await page.context().close()
    dashboard.expectCalm()
  })

  it('shows a move that somebody else makes, without a reload', async () => {
    const page = await dashboard.open('/')
    dashboard.desk.build('from elsewhere')
    const made = dashboard.desk.holdfast('release create rcclx --variant 7.0 --no-build --yes')
    await page.getByRole('main').getByRole('link', { name: 'rcclx 7.0' }).first().waitFor()
    assert.equal((await made).exit, 0)
    await page.context().close()
  })

  it('puts runs against tags: what is missing is seen, and can be seen alone', async () => {
    const page = await dashboard.open('/ui/images')
    await page.getByText('No images are configured.').waitFor()
    await page.route('**/api/v1/images', async (route) => await route.fulfill({ json: crossReference }))
    await page.route('**/api/v1/images/sizes', async (route) => await route.fulfill({ json: sizes }))
    await page.reload()
    await page.getByRole('row', { name: /presto-2/ }).waitFor()
    // They come by themselves, after the rest.
    const tagSizes = page.getByRole('table', { name: 'Sizes of tags' }).getByRole('row')
    await tagSizes.nth(1).waitFor()
    const rows = () => page.getByRole('table', { name: 'Runs and their images' }).getByRole('row').allInnerTexts()
    assert.deepEqual(
      (await rows()).map((row) => row.match(/present|missing/g)),
      [null, ['present', 'present'], ['present', 'missing']],
    )
    assert.match((await rows())[1]!, /1\.0 GiB/)
    assert.match(await tagSizes.nth(1).innerText(), /9\s+6 shared\s+1\.0 GiB\s+256 MiB\s+75 %/)
    assert.deepEqual(await findBarriers(page), [])
    await page.getByRole('button', { name: 'Only with something missing' }).click()
    assert.equal((await rows()).length, 2)
    await page.getByText('#9').waitFor()
    assert.equal(await page.locator('[href^="javascript"]').count(), 0)
    assert.deepEqual(await findBarriers(page), [])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 360, height: 740 })
    assert.deepEqual(await findBarriers(page), [])
    assert.equal(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'), 0)
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.context().close()
    dashboard.expectCalm()
  })

  it('tells what syncs came to, and lets one be run now', async () => {
    const queue = await dashboard.desk.served.jobs!.queue()
    await queue.beat({ id: 'worker-2', host: 'here', pid: process.pid, concurrency: 1 })
    await queue.add([{ key: 'sync', words: ['runs', 'sync', '--to', 'runs'], source: 'runs', priority: 9, splits: false }])
    const [held] = await queue.take('worker-2', 1, {})
    await queue.end(held!, { kind: 'exit', exit: 0, summary: '3 runs fetched', requests: 12, bytes: 2048 })
    await queue.leave('worker-2')
    const page = await dashboard.open('/')
    await page.route('**/api/v1/jobs', async (route) => {
      const response = await route.fetch()
      const told = (await response.json()) as { readonly jobs: readonly object[] }
      await route.fulfill({ json: { ...told, jobs: [{ ...told.jobs[0]!, name: 'pull', run: 'runs sync --to runs' }] } })
    })
    await page.goto(`${dashboard.desk.url}/ui/runs`)
    const row = page.getByRole('table', { name: 'Syncs' }).getByRole('row').nth(1)
    assert.match(await row.innerText(), /done.*12\s+2\.0 KiB\s+3 runs fetched/s)
    await page.getByRole('button', { name: 'Run now: pull' }).click()
    await page.getByRole('dialog', { name: 'Run now: pull' }).waitFor()
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.context().close()
    dashboard.expectCalm()
  })

  it('shows each channel once, also where two hold the same release', async () => {
    assert.equal((await dashboard.desk.holdfast('release promote rcclx --variant 6.4 --from stable --to tried --yes')).exit, 0)
    const page = await dashboard.open('/ui/releases/rcclx?variant=6.4')
    // The server may still know of the moment before.
    await page.getByRole('article').locator('h3', { hasText: 'tried' }).waitFor()
    const channels = await page.getByRole('article').locator('h3').allInnerTexts()
    assert.deepEqual(channels.toSorted(), [...new Set(channels)].toSorted())
    assert.ok(channels.includes('stable'))
    await page.context().close()
  })

  it('draws a piece of 10,000 releases, and more of them when asked to', async () => {
    const page = await dashboard.open('/')
    await page.route('**/api/v1/releases/rcclx/list?*', async (route) => {
      const query = new URL(route.request().url()).searchParams
      const from = Number(query.get('after') ?? 0)
      const items = Array.from({ length: Number(query.get('limit')) }, (_none, at) => releaseRow(from + at))
      await route.fulfill({ json: { items, total: 10_000, next: String(from + items.length) } })
    })
    await page.goto(`${dashboard.desk.url}/ui/releases/rcclx`)
    await page.getByText('100 of 10,000').waitFor()
    const rows = page.getByRole('table', { name: 'Releases of rcclx' }).getByRole('row')
    assert.equal(await rows.count(), 101)
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByText('300 of 10,000').waitFor()
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.context().close()
    dashboard.expectCalm()
  })

  it('finds a page by its name, and says which keys there are', async () => {
    const page = await dashboard.open('/ui/runs')
    await page.keyboard.press('/')
    await page.keyboard.type('rcclx 6')
    await page.getByRole('option', { name: 'rcclx 6.4 variant' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL('**/ui/releases/rcclx?variant=6.4')
    await page.getByRole('heading', { name: 'rcclx', level: 1 }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('t')
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'light')
    await page.reload()
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'light')
    await page.context().close()
    dashboard.expectCalm()
  })

  it('says what is wrong with a token, and forgets it', async () => {
    const page = await dashboard.open('/ui/audit')
    await page.getByLabel('Token with the scope audit:read').fill('hf_nothing')
    await page.keyboard.press('Enter')
    await page.getByText('This token is not good').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel('Token with the scope audit:read').fill(dashboard.desk.token('audit:read').authorization.replace('Bearer ', ''))
    await page.keyboard.press('Enter')
    await page
      .getByText(/rollBackRelease|Nothing was done/)
      .first()
      .waitFor()
    assert.deepEqual(await findBarriers(page), [])
    assert.equal(await page.evaluate('sessionStorage.length'), 0)
    await page.context().close()
    dashboard.expectCalm()
  })

  it('asks little at its first view, and once more only what may have changed before it was told of changes', async () => {
    const context = await dashboard.browser.newContext()
    const page = await context.newPage()
    const asked: string[] = []
    let bytes = 0
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    page.on('response', (response) => (bytes += Number(response.headers()['content-length'] ?? 0)))
    await page.goto(dashboard.desk.url)
    await settled(page)
    assert.ok(bytes < 100_000, `${bytes} bytes`)
    const again = asked.filter((path, at) => asked.indexOf(path) < at)
    assert.ok(asked.length - again.length <= 8, asked.join('\n'))
    assert.ok(
      again.every((path) => path.startsWith('/api/v1/') && path !== '/api/v1/events'),
      asked.join('\n'),
    )
    assert.equal(new Set(again).size, again.length, asked.join('\n'))
    await context.close()
  })
})

/** By hand; and as jobs do it, once in vain. */
async function restoreTwice({ served, holdfast }: ServerDesk): Promise<void> {
  for (let at = 0; at < 2; at++) assert.equal((await holdfast('env restore stage')).exit, 0)
  const queue = await served.jobs!.queue()
  await queue.beat({ id: 'worker-0', host: 'here', pid: process.pid, concurrency: 1 })
  for (const exit of [0, 8]) {
    await queue.add([{ key: 'restore', words: ['env', 'restore', 'stage'], source: 'env', priority: 0, splits: false }])
    const [held] = await queue.take('worker-0', 1, {})
    await queue.end(held!, { kind: 'exit', exit })
  }
  await queue.leave('worker-0')
}

const run = {
  id: 7,
  number: 41,
  attempt: 1,
  branch: 'main',
  created: '2026-01-02T03:04:05.000Z',
  url: 'https://github.com/o/r/actions/runs/7',
}

const crossReference = {
  repo: 'o/r',
  source: 'registry.example',
  looked: 2,
  missing: 1,
  extra: [{ repository: 'x86/presto', tag: 'old' }],
  unusable: [],
  unread: [{ run: { ...run, number: 9, url: 'javascript:alert(1)' }, reason: 'its log is gone' }],
  notes: [],
  tags: ['presto-1', 'presto-2'].map((tag, at) => ({
    tag,
    platform: 'linux/amd64',
    run: { ...run, id: at, number: 40 - at },
    images: ['coordinator', 'worker'].map((family, of) => ({ family, repository: `x86/${family}`, tag, present: at + of < 2 })),
  })),
}

const sizes = {
  tags: [
    {
      repository: 'x86/coordinator',
      tag: 'presto-1',
      digest: `sha256:${'a'.repeat(64)}`,
      bytes: 1 << 30,
      layers: 9,
      shared: { layers: 6, bytes: 3 << 28 },
    },
  ],
  bytes: 1 << 30,
  unique: 1 << 30,
  unread: [{ repository: 'x86/worker', tag: 'presto-1', reason: 'not valid JSON' }],
  left: 3,
}

function releaseRow(at: number): object {
  const id = `sha256:${at.toString(16).padStart(64, '0')}`
  return { variant: '6.4', channels: [], id, size: 1 << 20, fileCount: 1, created: '2026-01-02T03:04:05.000Z', by: 'ci', sources: {} }
}
