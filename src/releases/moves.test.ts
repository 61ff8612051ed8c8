import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openDesk, releaseAll, withCode } from '../../test/fakes/release-scene.ts'
import { digestOf } from '../kit/index.ts'
import { createRelease, listReleases, promote, rollback } from './index.ts'

describe('release rollback', () => {
  it('brings last-stable back, archives what failed, and moves the views', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
    await rollback(at.context, at.product, '6.4', { message: 'three is bad' })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'two')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    assert.equal(await at.publishedText('archives/6.4/20250107_143300_librcclx-dev.a'), 'three')
    assert.match((await at.metadata('stable/6.4/metadata.txt')) ?? '', /14:31:00 UTC/)
  })

  it('removes last_stable where there is nothing left to be it', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
    await rollback(at.context, at.product, '6.4')
    assert.deepEqual(await at.publishedKeys(), ['archives/6.4/20250107_143200_librcclx-dev.a', 'stable/6.4/librcclx-dev.a'])
    assert.equal(await at.metadata('last-stable/6.4/metadata.txt'), undefined)
  })

  it('goes to an archive, by its time, its id, or a time in the past', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
    const [, , archived] = await listReleases(at.context, at.product, '6.4')
    const selectors = [{ archive: '20250107_143200' }, { archive: archived!.id.slice(7, 20) }, { asOf: Date.parse('2025-01-07T14:30:30Z') }]
    for (const to of selectors) {
      await rollback(at.context, at.product, '6.4', { to })
      assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
      await rollback(at.context, at.product, '6.4', {
        to: { archive: digestPrefix(await listReleases(at.context, at.product, '6.4'), 'three') },
      })
    }
  })

  it('changes nothing where stable is not what was expected', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
    await assert.rejects(rollback(at.context, at.product, '6.4', { expect: digestOf('one') }), withCode('precondition'))
    await assert.rejects(rollback(at.context, at.product, '6.4', { expect: 'abc' }), withCode('invalid'))
    await rollback(at.context, at.product, '6.4', { expect: digestOf('two') })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
  })
})

describe('release promote', () => {
  it('makes the tested bytes stable, and refuses any others', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one')
    await at.build('candidate')
    await createRelease(at.context, at.product, '6.4', { noBuild: true, channel: 'staging' })
    assert.equal(await at.publishedText('staging/6.4/librcclx-dev.a'), 'candidate')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
    await assert.rejects(
      promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable', expect: digestOf('other') }),
      withCode('precondition'),
    )
    await promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable', expect: digestOf('candidate') })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'candidate')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    await assert.rejects(promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable' }), withCode('nothing-to-do'))
  })
})

function digestPrefix(rows: Awaited<ReturnType<typeof listReleases>>, content: string): string {
  return rows.find((row) => row.digest === digestOf(content))!.id.slice(7, 20)
}
