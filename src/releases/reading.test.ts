import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { openDesk, releaseAll, withCode } from '../../test/fakes/release-scene.ts'
import { bytesOf, digestOf, isFault } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import { moveRef } from '../refs/index.ts'
import type { ObjectStore } from '../store/index.ts'
import { compareReleases, exportReleases, fetchRelease, listReleases, releaseRefs } from './index.ts'
import { enter } from './rotate.ts'

describe('release fetch', () => {
  it('brings the file, keeps one that is the same, and refuses one that differs', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
    const output = path.join(at.root, 'fetched.a')
    const fetch = (force = false) =>
      fetchRelease(at.context, at.product, '6.4', { selector: { channel: 'last_stable' }, output, outputIsDirectory: false, force })
    assert.equal((await fetch()).files[0]?.unchanged, false)
    assert.equal(await readFile(output, 'utf8'), 'one')
    assert.equal((await fetch()).files[0]?.unchanged, true)
    await writeFile(output, 'mine')
    await assert.rejects(fetch(), withCode('already-exists'))
    assert.equal(await readFile(output, 'utf8'), 'mine')
    await fetch(true)
    assert.equal(await readFile(output, 'utf8'), 'one')
  })

  it('never gives a damaged artifact', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one')
    await at.store.put(blobKey(digestOf('one')), bytesOf('0ne'))
    const output = path.join(at.root, 'fetched.a')
    await assert.rejects(
      fetchRelease(at.context, at.product, '6.4', { selector: { channel: 'stable' }, output, outputIsDirectory: false }),
      withCode('corrupt'),
    )
    await assert.rejects(stat(output), /ENOENT/)
  })

  it('says how to release a variant that has nothing yet, and which variants there are where it is none of them', async () => {
    const at = await openDesk()
    const fetch = (variant: string) =>
      fetchRelease(at.context, at.product, variant, {
        selector: { channel: 'stable' },
        output: path.join(at.root, 'x'),
        outputIsDirectory: false,
      })
    const withHint = (wanted: RegExp) => (error: unknown) => isFault(error, 'not-found') && wanted.test(error.hint ?? '')
    await assert.rejects(fetch('6.4'), withHint(/^create a release with: holdfast release create \S+ --\S+ 6\.4$/))
    await assert.rejects(fetch('9.9'), withHint(/^choose one of: .*6\.4.*variants$/))
  })

  it('says what there is where the wanted release is not', async () => {
    const at = await openDesk()
    const fetch = (selector: Parameters<typeof fetchRelease>[3]['selector']) =>
      fetchRelease(at.context, at.product, '6.4', { selector, output: path.join(at.root, 'x'), outputIsDirectory: false })
    await assert.rejects(fetch({ channel: 'stable' }), withCode('not-found'))
    await releaseAll(at, '6.4', 'one')
    await assert.rejects(fetch({ channel: 'staging' }), (error) => isFault(error, 'not-found') && /stable/.test(error.hint ?? ''))
    await assert.rejects(fetch({ archive: '20200101_000000' }), withCode('not-found'))
    await assert.rejects(fetch({ asOf: 0 }), withCode('not-found'))
  })
})

describe('lists', () => {
  it('show channels first, then archives, newest first', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three', 'four')
    const rows = await listReleases(at.context, at.product, '6.4')
    assert.deepEqual(
      rows.map((row) => [row.channels.join(), row.archived?.at, row.digest]),
      [
        ['stable', undefined, digestOf('four')],
        ['last-stable', undefined, digestOf('three')],
        ['', '20250107_143300', digestOf('two')],
        ['', '20250107_143200', digestOf('one')],
      ],
    )
  })

  it('of a thousand archives cost one request', async () => {
    let requests = 0
    const counted = (store: ObjectStore): ObjectStore => ({
      ...store,
      get: (...args) => (requests++, store.get(...args)),
      head: (...args) => (requests++, store.head(...args)),
      list: (...args) => (requests++, store.list(...args)),
    })
    const at = await openDesk({ wrapStore: counted, product: { publish: undefined, metadata: undefined } })
    const summary = { variantLabel: 'ROCm version', created: '', by: '', sources: {}, content: digestOf(''), size: 1, fileCount: 1 }
    const plan = () => {
      let rotation = enter(undefined, 'stable', { id: digestOf('0'), summary }, 0)
      for (let number = 1; number < 1002; number++) rotation = enter(rotation.state, 'stable', { id: digestOf(String(number)), summary }, 0)
      return { state: rotation.state, action: rotation.action, note: rotation.note }
    }
    await moveRef(at.context, releaseRefs, 'rcclx/6.4', plan, { onLost: 'fail' })
    requests = 0
    assert.equal((await listReleases(at.context, at.product, '6.4')).length, 1002)
    assert.equal(requests, 1)
  })

  it('compare two releases by files, commits and build fields', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
    await releaseAll(at, '6.2', 'one')
    const stable = { variant: '6.4', selector: { channel: 'stable' } }
    const { files, fields } = await compareReleases(at.context, at.product, { variant: '6.2', selector: { channel: 'stable' } }, stable)
    assert.deepEqual(
      files.map((change) => change.kind),
      ['change'],
    )
    assert.deepEqual(fields, [{ name: 'constraint', a: '6.2.1', b: '6.4.2' }])
    assert.equal((await compareReleases(at.context, at.product, stable, stable)).sameFiles, true)
  })
})

describe('release export', () => {
  it('writes sha256sums for the published tree, JSON and Starlark', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
    const sums = await exportReleases(at.context, at.product, { format: 'sha256sums', archives: true })
    const hex = (content: string) => digestOf(content).slice(7)
    assert.equal(
      sums,
      `${hex('two')}  last_stable/6.4/librcclx-dev.a\n${hex('three')}  stable/6.4/librcclx-dev.a\n${hex('one')}  archives/6.4/20250107_143200_librcclx-dev.a\n`,
    )
    const json = JSON.parse(await exportReleases(at.context, at.product, { format: 'json' })) as { files: { place: string }[] }
    assert.deepEqual(
      json.files.map((file) => file.place),
      ['last-stable', 'stable'],
    )
    const bzl = await exportReleases(at.context, at.product, { format: 'bzl' })
    assert.match(bzl, /^RCCLX_RELEASES = \{$/m)
    assert.match(bzl, new RegExp(`"sha256": "${hex('three')}"`))
    await assert.rejects(exportReleases(at.context, { ...at.product, name: 'other' }, { format: 'json' }), withCode('nothing-to-do'))
  })
})
