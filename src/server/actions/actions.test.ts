import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { buildWheel } from '../../../test/fakes/distributions.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fillDesk, type ServerDesk, serverDesk } from '../../../test/fakes/server-desk.ts'

const scratch = scratchDirectory()

interface Answered {
  readonly status: number
  readonly dryRun: boolean
  readonly plan: string
  readonly lines: readonly string[]
  readonly before?: unknown
  readonly after?: unknown
  readonly detail?: string
}

describe('an action', () => {
  let desk: ServerDesk
  let secret: Record<string, string>
  beforeEach(async () => {
    desk = await serverDesk(scratch)
    await fillDesk(desk)
    secret = { ...desk.token('*') }
  })
  afterEach(() => desk.close())

  const act = async (name: string, body: object, headers: Record<string, string> = {}): Promise<Answered> => {
    const response = await desk.post(`/api/v1/actions/${name}`, body, { ...secret, ...headers })
    return { status: response.status, ...((await response.json()) as Omit<Answered, 'status'>) }
  }
  const confirmed = async (name: string, body: object) => {
    const { plan } = await act(name, { ...body, dryRun: true })
    return await act(name, { ...body, plan })
  }
  const rollback = { product: 'rcclx', variant: '6.4' }
  const channels = async () => {
    const product = (await (await desk.get('/api/v1/releases/rcclx')).json()) as {
      variants: { generation: number; stable?: { id: string } }[]
    }
    return product.variants[0]!
  }

  it('shows its plan and changes nothing', async () => {
    const before = await channels()
    const { status, dryRun, lines } = await act('release-rollback', { ...rollback, dryRun: true })
    assert.deepEqual([status, dryRun], [200, true])
    assert.match(lines[0]!, /^stable: [0-9a-f]{12} -> [0-9a-f]{12}$/)
    assert.deepEqual(await channels(), before)
    assert.deepEqual(desk.state.audit.read({ limit: 10 }), [])
  })

  it('does what was confirmed, in the name of its token, and the next look sees it', async () => {
    const before = await channels()
    const done = await confirmed('release-rollback', rollback)
    assert.equal(done.status, 200, done.detail)
    const now = await channels()
    assert.notEqual(now.stable?.id, before.stable?.id)
    assert.deepEqual((done.after as { stable: string }).stable, now.stable?.id)
    const { items } = (await (await desk.get('/api/v1/releases/rcclx/history')).json()) as { items: { by: string; action: string }[] }
    assert.match(items[0]!.by, /^test \(token [0-9a-f]{12}\)$/)
  })

  it('does nothing without a plan, and nothing where the plan is not what it was', async () => {
    assert.equal((await act('release-rollback', rollback)).status, 400)
    const { plan } = await act('release-rollback', { ...rollback, dryRun: true })
    desk.build('third')
    assert.equal((await desk.holdfast('release create rcclx --variant 6.4 --no-build --yes')).exit, 0)
    const late = await act('release-rollback', { ...rollback, plan })
    assert.equal(late.status, 412)
    const other = await act('release-promote', { ...rollback, from: 'last-stable', to: 'staging', plan })
    assert.equal(other.status, 412)
    assert.equal((await channels()).generation, 3)
  })

  it('is in the audit log before it begins and after it has ended, with where names stood', async () => {
    await confirmed('release-promote', { ...rollback, from: 'last-stable', to: 'staging' })
    const [done, began] = desk.state.audit.read({ limit: 10 })
    assert.deepEqual([began?.kind, done?.kind, began?.action, began?.from], ['began', 'done', 'promoteRelease', '127.0.0.1'])
    assert.equal(began?.request, done?.request)
    assert.equal((done!.before as Record<string, string>)['staging'], undefined)
    assert.match((done!.after as Record<string, string>)['staging'] ?? '', /^sha256:/)
    assert.equal(desk.state.audit.verify(), undefined)
  })

  it('answers again, and does nothing again, to the same Idempotency-Key', async () => {
    const { plan } = await act('release-rollback', { ...rollback, dryRun: true })
    const key = { 'idempotency-key': 'one' }
    const first = await act('release-rollback', { ...rollback, plan }, key)
    const second = await act('release-rollback', { ...rollback, plan }, key)
    assert.deepEqual(second, first)
    assert.equal((await channels()).generation, 3)
    assert.equal((await act('release-rollback', { ...rollback, plan, message: 'other' }, key)).status, 400)
    assert.equal((await act('release-rollback', { ...rollback, plan })).status, 404)
  })

  it('that was done has not failed, though its end could not be written down', async () => {
    const before = await channels()
    const { plan } = await act('release-rollback', { ...rollback, dryRun: true })
    const { audit } = desk.state
    const append = audit.append.bind(audit)
    audit.append = (entry) => {
      if (entry.kind === 'done') throw new Error('the disk is full')
      return append(entry)
    }
    assert.equal((await act('release-rollback', { ...rollback, plan })).status, 500)
    assert.deepEqual(
      audit.read({ limit: 10 }).map(({ kind }) => kind),
      ['began'],
    )
    assert.equal((await channels()).generation, before.generation + 1)
  })

  it('may be tried again under the same key where it failed, and the failure is in the log', async () => {
    const { plan } = await act('job-run', { job: 'store-verify', dryRun: true })
    const key = { 'idempotency-key': 'two' }
    assert.equal((await act('job-run', { job: 'store-verify', plan })).status, 200)
    const refused = await act('job-run', { job: 'store-verify', plan }, key)
    assert.equal(refused.status, 503, refused.detail)
    assert.equal(desk.state.audit.read({ limit: 1 })[0]?.kind, 'failed')
    const queue = await desk.served.jobs!.queue()
    const [waiting] = await queue.executions()
    assert.ok(await queue.cancel(waiting!.id))
    await queue.tend({ isGone: () => false, lease: 1_000, keep: 1e9 })
    const again = await act('job-run', { job: 'store-verify', plan }, key)
    assert.equal(again.status, 200, again.detail)
  })

  it('gives a live directory back clean', async () => {
    const live = path.join(desk.folder, 'live/a')
    writeFileSync(live, 'dirty')
    const { lines } = await act('environment-restore', { environment: 'stage', dryRun: true })
    assert.deepEqual(lines.at(-1), '~ a')
    assert.equal(readFileSync(live, 'utf8'), 'dirty')
    assert.equal((await confirmed('environment-restore', { environment: 'stage' })).status, 200)
    assert.equal(readFileSync(live, 'utf8'), 'clean')
  })

  it('promotes and rolls back an index, if it is as it was when it was looked at', async () => {
    const promotion = { from: 'v2/gpu', to: 'v3/gpu' }
    const { plan, lines, status, detail } = await act('index-promote', { ...promotion, dryRun: true })
    assert.equal(status, 200, detail)
    assert.deepEqual(lines, ['+ v3/gpu/torch-2.7.0-py3-none-any.whl'])
    const done = await act('index-promote', { ...promotion, plan })
    assert.deepEqual([done.status, done.after], [200, { generation: 2 }], done.detail)
    const wheel = buildWheel({ name: 'torch', version: '2.8.0' })
    writeFileSync(path.join(desk.folder, 'wheels/v2/gpu', wheel.file), wheel.bytes)
    assert.equal((await desk.holdfast('index publish v2/gpu')).exit, 0)
    const back = await confirmed('index-rollback', { prefix: 'v2/gpu' })
    assert.deepEqual([back.status, back.lines], [200, ['- v2/gpu/torch-2.8.0-py3-none-any.whl']], back.detail)
    assert.equal((await desk.holdfast('index yank v2/gpu torch 2.7.0 --reason crashes')).exit, 0)
    const unyanked = await confirmed('index-rollback', { prefix: 'v2/gpu' })
    assert.deepEqual(unyanked.lines, ['~ v2/gpu/torch-2.7.0-py3-none-any.whl: no longer yanked'], unyanked.detail)
  })

  it('leaves the queue alone while it only plans to run a job', async () => {
    const queue = await desk.served.jobs!.queue()
    const before = await queue.jobs()
    const { plan, status } = await act('job-run', { job: 'store-verify', dryRun: true })
    assert.deepEqual([status, await queue.jobs(), await queue.executions()], [200, before, []])
    assert.ok(before.every(({ name }) => name !== 'store-verify'))
    assert.equal((await act('job-run', { job: 'store-verify', plan })).status, 200)
    assert.deepEqual(
      (await queue.jobs()).map(({ name, open }) => [name, open]),
      [['store-verify', 1]],
    )
  })

  it('cancels what waits and tries again what was cancelled', async () => {
    await confirmed('store-verify', {})
    const { executions } = (await (await desk.get('/api/v1/jobs/executions')).json()) as { executions: { id: number; run: string }[] }
    assert.equal(executions[0]!.run, 'store verify')
    const execution = executions[0]!.id
    assert.deepEqual((await confirmed('job-cancel', { execution })).after, { state: 'cancelled' })
    assert.deepEqual((await confirmed('job-retry', { execution })).after, { state: 'waiting' })
  })
})
