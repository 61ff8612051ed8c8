import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import type { Progress } from '../kit/index.ts'
import { createRelease, pin, reconcile, statusOf } from './index.ts'

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
