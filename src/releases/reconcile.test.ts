import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf, isFault, type Progress } from '../kit/index.ts'
import { type FaultPlan, faultyStore, plannedFaults } from '../store/index.ts'
import { createRelease, pin, pruneArchives, reconcile, rollback, statusOf } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

describe('a reconcile that began before the last move', () => {
  it('does not leave the views called behind, though there was nothing to change', async () => {
    const at = (desk = await releaseDesk())
    await at.build('one')
    const { moved } = await createRelease(at.context, at.product, '6.4', { noBuild: true })
    await pin(at.context, at.product, '6.4', { channel: 'stable' })
    const { generation } = await reconcile(at.context, at.product, '6.4', { ref: moved.after })
    assert.equal(generation, 2)
    const status = (await statusOf(at.context, at.product)).find(({ variant }) => variant === '6.4')
    assert.equal(status?.publishedInLine, true)
  })
})

const isPartial = (error: unknown) => isFault(error, 'partial')

describe('a copy that a lost command left under a channel', () => {
  it('is not taken for a stranger where reading it ends early: the move is partial, and the next reconcile removes it', async () => {
    let faults: FaultPlan | undefined
    const plan: FaultPlan = { next: (operation, key) => faults?.next(operation, key) }
    const at = (desk = await releaseDesk({ wrapPublished: (inner) => faultyStore(inner, plan, hastyClock(0)) }))
    const left = 'last_stable/6.4/librcclx-dev.a'
    await at.build('one')
    await createRelease(at.context, at.product, '6.4', { noBuild: true })
    await at.build('two')
    faults = plannedFaults({ on: 'put', nth: 1, key: left, fault: 'error-after' })
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), isPartial)
    faults = plannedFaults({ on: 'get', nth: 1, key: left, fault: 'truncated' })
    await assert.rejects(rollback(at.context, at.product, '6.4'), isPartial)
    assert.equal(await at.publishedText(left), 'one')
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText(left), undefined)
  })
})

describe('a copy that a lost command left of a release that was pruned since', () => {
  const left = 'last_stable/6.4/librcclx-dev.a'
  const laterThanPruned = async (content: string): Promise<ReleaseDesk> => {
    const at = (desk = await releaseDesk())
    for (const build of ['one', 'two']) {
      await at.build(build)
      await createRelease(at.context, at.product, '6.4', { noBuild: true })
    }
    await rollback(at.context, at.product, '6.4')
    await pruneArchives(at.context, at.product, '6.4', { keep: 0 })
    const published = await at.context.openView(at.product.publish!.url)
    await published.put(left, bytesOf(content))
    return at
  }

  it('is removed', async () => {
    const at = await laterThanPruned('two')
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText(left), undefined)
  })

  it('stays where its content is not the release’s', async () => {
    const at = await laterThanPruned('new')
    const { views } = await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText(left), 'new')
    assert.deepEqual(views[0]?.foreign, [left])
  })
})

describe('the progress of writing views', () => {
  it('tells beforehand how many bytes there are', async () => {
    const events: Progress[] = []
    const at = (desk = await releaseDesk({ report: (event) => events.push(event) }))
    for (const content of ['one', 'other']) {
      await at.build(content)
      await createRelease(at.context, at.product, '6.4', { noBuild: true })
    }
    const writes = events.filter((event) => event.kind !== 'note' && event.task === 'write')
    const sum = (kind: 'begin' | 'advance') => writes.reduce((bytes, event) => bytes + (event.kind === kind ? (event.bytes ?? 0) : 0), 0)
    assert.ok(sum('begin') > 0)
    assert.equal(sum('advance'), sum('begin'))
  })
})
