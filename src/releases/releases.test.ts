import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { type DeskOptions, type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf, digestOf, Fault, isFault } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import { isNothing } from '../manifest/index.ts'
import { moveRef } from '../refs/index.ts'
import type { ObjectStore } from '../store/index.ts'
import {
  compareReleases,
  createRelease,
  exportReleases,
  fetchRelease,
  historyOf,
  listReleases,
  pin,
  planCreate,
  promote,
  releaseRefs,
  pruneArchives,
  reconcile,
  rollback,
  showRelease,
  statusOf,
  unpin,
  verifyReleases,
} from './index.ts'
import { enter } from './rotate.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

async function open(options: DeskOptions = {}): Promise<ReleaseDesk> {
  desk = await releaseDesk(options)
  return desk
}

/** Releases each content in turn, a minute apart. */
async function release(at: ReleaseDesk, variant: string, ...contents: string[]): Promise<void> {
  for (const content of contents) {
    await at.build(content)
    await createRelease(at.context, at.product, variant, { noBuild: true })
    at.clock.set(at.clock.now() + 60_000)
  }
}

const code = (wanted: string) => (error: unknown) => isFault(error) && error.code === wanted

describe('release create', () => {
  it('publishes the artifact under its key and writes the metadata in its exact form', async () => {
    const at = await open()
    await release(at, '6.4', 'one')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
    assert.equal(
      await at.metadata('stable/6.4/metadata.txt'),
      [
        'Snapshot created: 2025-01-07 14:30:00 UTC',
        'ROCm version: 6.4',
        '',
        'Commit Hashes:',
        '  (none recorded)',
        '',
        'Checksums:',
        `  sha1: ${createHash('sha1').update('one').digest('hex')}`,
        `  sha256: ${createHash('sha256').update('one').digest('hex')}`,
        '',
      ].join('\n'),
    )
  })

  it('rotates: stable to last_stable, last_stable to the archives, metadata alike', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
    assert.deepEqual(await at.publishedKeys(), [
      'archives/6.4/20250107_143200_librcclx-dev.a',
      'last_stable/6.4/librcclx-dev.a',
      'stable/6.4/librcclx-dev.a',
    ])
    assert.equal(await at.publishedText('archives/6.4/20250107_143200_librcclx-dev.a'), 'one')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'two')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'three')
    assert.match((await at.metadata('archives/6.4/20250107_143200_metadata.txt')) ?? '', /Snapshot created: 2025-01-07 14:30:00 UTC/)
    assert.match((await at.metadata('last-stable/6.4/metadata.txt')) ?? '', /14:31:00 UTC/)
  })

  it('of the same bytes is refused, and with force rotates', async () => {
    const at = await open()
    await release(at, '6.4', 'one')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), code('nothing-to-do'))
    await createRelease(at.context, at.product, '6.4', { noBuild: true, force: true })
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
  })

  it('runs the build with the fields of the variant, each quoted for the shell', async () => {
    const at = await open({
      product: {
        build: 'mkdir -p out && printf %s {constraint}-{variant} > out/librcclx-dev.a',
        variants: { '6.4': { constraint: "6.4.2 'x" } },
      },
    })
    await createRelease(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), "6.4.2 'x-6.4")
  })

  for (const [what, wanted, act] of [
    ['an unknown variant', 'invalid', (at: ReleaseDesk) => createRelease(at.context, at.product, '5.0', { noBuild: true })],
    ['a missing artifact', 'not-found', (at: ReleaseDesk) => createRelease(at.context, at.product, '6.4', { noBuild: true })],
    [
      'a failing build',
      'invalid',
      (at: ReleaseDesk) => createRelease(at.context, { ...at.product, build: 'echo boom-7 >&2; exit 3' }, '6.4'),
    ],
    [
      'a build command with an unknown field',
      'invalid',
      (at: ReleaseDesk) => createRelease(at.context, { ...at.product, build: 'echo {rocm}' }, '6.4'),
    ],
    ['a channel called archives', 'invalid', (at: ReleaseDesk) => createRelease(at.context, at.product, '6.4', { channel: 'archives' })],
    [
      'a source without a repository',
      'invalid',
      async (at: ReleaseDesk) => {
        await at.build('one')
        await createRelease(at.context, { ...at.product, sources: { lib: at.root } }, '6.4', { noBuild: true })
      },
    ],
  ] as const) {
    it(`touches nothing where there is ${what}`, async () => {
      const at = await open()
      await assert.rejects(act(at), code(wanted))
      assert.deepEqual(await Array.fromAsync(at.store.list('')), [])
      assert.deepEqual(await at.publishedKeys(), [])
      assert.equal(await at.metadata('stable/6.4/metadata.txt'), undefined)
    })
  }

  it('shows the last lines of a build that failed', async () => {
    const at = await open()
    await assert.rejects(createRelease(at.context, { ...at.product, build: 'echo boom-7 >&2; exit 3' }, '6.4'), /status 3[^]*boom-7/)
  })

  it('takes a directory with everything below it, and archives it under one stamp', async () => {
    const at = await open()
    const product = { ...at.product, artifacts: [path.join(at.root, 'pkg')] }
    for (const round of ['1', '2', '3']) {
      await mkdir(path.join(at.root, 'pkg', 'include'), { recursive: true })
      await writeFile(path.join(at.root, 'pkg', 'lib.a'), `lib ${round}`)
      await writeFile(path.join(at.root, 'pkg', 'include', 'lib.h'), 'same')
      await createRelease(at.context, product, '6.4', { noBuild: true })
      at.clock.set(at.clock.now() + 60_000)
    }
    assert.deepEqual(await at.publishedKeys(), [
      'archives/6.4/20250107_143200_pkg/include/lib.h',
      'archives/6.4/20250107_143200_pkg/lib.a',
      'last_stable/6.4/pkg/include/lib.h',
      'last_stable/6.4/pkg/lib.a',
      'stable/6.4/pkg/include/lib.h',
      'stable/6.4/pkg/lib.a',
    ])
    const output = path.join(at.root, 'fetched')
    await fetchRelease(at.context, product, '6.4', { selector: { channel: 'stable' }, output, outputIsDirectory: true })
    assert.equal(await readFile(path.join(output, 'pkg', 'include', 'lib.h'), 'utf8'), 'same')
    await assert.rejects(
      fetchRelease(at.context, product, '6.4', { selector: { channel: 'stable' }, output: `${output}.a`, outputIsDirectory: false }),
      code('invalid'),
    )
  })

  it('does not write over files that someone else published before', async () => {
    const at = await open()
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('by hand'))
    await at.build('one')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), code('already-exists'))
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'by hand')
    await createRelease(at.context, at.product, '6.4', { noBuild: true, force: true })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
  })

  it('plans without writing', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    const before = await Array.fromAsync(at.store.list(''))
    const plan = await planCreate(at.context, at.product, '6.4')
    assert.deepEqual(
      plan.rotation.steps.map((step) => step.kind),
      ['archive', 'point', 'point'],
    )
    assert.deepEqual(await Array.fromAsync(at.store.list('')), before)
  })
})

describe('two releases at once', () => {
  it('of one variant end one on top of the other, and nothing is lost', async () => {
    const at = await open()
    await release(at, '6.4', 'zero')
    const files = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        const file = path.join(at.root, name, 'librcclx-dev.a')
        await mkdir(path.dirname(file))
        await writeFile(file, name)
        return file
      }),
    )
    await Promise.all(files.map((file) => createRelease(at.context, at.product, '6.4', { artifacts: [file] })))
    const rows = await listReleases(at.context, at.product, '6.4')
    assert.equal(rows.length, 5)
    assert.equal((await verifyReleases(at.context, at.product)).problems.length, 0)
    assert.ok((await reconcile(at.context, at.product, '6.4')).views.every((view) => isNothing(view.plan)))
  })

  it('where one must win, tell the other that it lost', async () => {
    const at = await open({ product: { onConflict: 'fail' } })
    await release(at, '6.4', 'zero')
    const racing: ReleaseDesk['context'] = {
      ...at.context,
      store: {
        ...at.store,
        put: async (key, ...rest) => {
          if (key.startsWith('refs/') && !raced) {
            raced = true
            await writeFile(other, 'other')
            await createRelease(at.context, at.product, '6.4', { artifacts: [other] })
          }
          return at.store.put(key, ...rest)
        },
      },
    }
    let raced = false
    const other = path.join(at.root, 'librcclx-dev.a')
    await at.build('mine')
    await assert.rejects(createRelease(racing, at.product, '6.4', { noBuild: true }), code('precondition'))
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'other')
  })

  it("of a new variant does not take the published file of the other for a stranger's", async () => {
    const at = await open()
    await at.build('mine')
    const other = path.join(at.root, 'librcclx-dev.a')
    await writeFile(other, 'other')
    let raced = false
    const racing = {
      ...at.context,
      openView: async (url: string) => {
        if (!raced) {
          raced = true
          await createRelease(at.context, at.product, '6.4', { artifacts: [other] })
        }
        return await at.context.openView(url)
      },
    }
    await createRelease(racing, at.product, '6.4', { noBuild: true })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'mine')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'other')
  })

  it('of two variants do not know of each other', async () => {
    const at = await open()
    await at.build('same bytes')
    await Promise.all(['6.2', '6.4', '7.0'].map((variant) => createRelease(at.context, at.product, variant, { noBuild: true })))
    assert.deepEqual((await historyOf(at.context, at.product)).map((row) => `${row.variant} ${row.generation}`).sort(), [
      '6.2 1',
      '6.4 1',
      '7.0 1',
    ])
  })
})

describe('release reconcile', () => {
  it('finishes what a crash left between the move of the ref and the views', async () => {
    let isDown = false
    const failing = (store: ObjectStore): ObjectStore => ({
      ...store,
      put: (...args) => (isDown ? Promise.reject(new Fault('unavailable', 'gone')) : store.put(...args)),
    })
    const at = await open({ wrapPublished: failing })
    await release(at, '6.4', 'one', 'two')
    isDown = true
    await at.build('three')
    await assert.rejects(
      createRelease(at.context, at.product, '6.4', { noBuild: true }),
      (error) => isFault(error, 'partial') && /release reconcile/.test(error.hint ?? ''),
    )
    assert.equal((await statusOf(at.context, at.product)).find((each) => each.variant === '6.4')?.publishedInLine, false)
    isDown = false
    const { problems, behind } = await verifyReleases(at.context, at.product)
    assert.deepEqual([problems, behind], [[], ['6.4']])
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'three')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'two')
    assert.equal((await statusOf(at.context, at.product)).find((each) => each.variant === '6.4')?.publishedInLine, true)
  })

  it('repairs what was edited by hand, leaves alone what it did not write, and says when there is nothing to do', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('edited'))
    await at.published.delete('last_stable/6.4/librcclx-dev.a')
    await at.published.put('stable/6.4/notes.txt', bytesOf('mine'))
    await writeFile(path.join(at.root, 'snapshots', 'stable', '6.4', 'metadata.txt'), 'edited')
    await writeFile(path.join(at.root, 'snapshots', 'archives', '6.4', '20200101_000000_metadata.txt'), 'from before')
    const first = await reconcile(at.context, at.product, '6.4')
    assert.deepEqual(
      first.views.map((view) => [view.plan.adds.length, view.plan.changes.length, view.plan.removes.length, view.foreign]),
      [
        [1, 1, 0, ['stable/6.4/notes.txt']],
        [0, 1, 0, ['archives/6.4/20200101_000000_metadata.txt']],
      ],
    )
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'three')
    assert.equal(await at.publishedText('stable/6.4/notes.txt'), 'mine')
    const second = await reconcile(at.context, at.product, '6.4')
    assert.ok(second.views.every((view) => isNothing(view.plan)))
  })

  it('removes what an interrupted command wrote and could not remember, and nothing that is not a copy of a release', async () => {
    let forgets = false
    const at = await open({
      wrapStore: (store) => ({
        ...store,
        put: (key, ...rest) =>
          forgets && key.startsWith('facts/') ? Promise.reject(new Fault('unavailable', 'gone')) : store.put(key, ...rest),
      }),
    })
    await release(at, '6.4', 'one')
    forgets = true
    await at.build('two')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), code('partial'))
    forgets = false
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    await at.published.put('last_stable/6.4/other.a', bytesOf('one'))
    await at.published.put('staging/6.4/librcclx-dev.a', bytesOf('one'))
    const { reconciled } = await rollback(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), undefined)
    assert.deepEqual(reconciled.views[0]?.foreign, ['last_stable/6.4/other.a'])
    await at.published.put('last_stable/6.4/librcclx-dev.a', bytesOf('1ne'))
    assert.deepEqual((await reconcile(at.context, at.product, '6.4')).views[0]?.foreign, [
      'last_stable/6.4/librcclx-dev.a',
      'last_stable/6.4/other.a',
    ])
  })

  it('bears files that another command takes away between its list and its look', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
    const file = 'archives/6.4/20250107_143200_metadata.txt'
    const context = {
      ...at.context,
      openView: async (url: string) => {
        const store = await at.context.openView(url)
        const get: ObjectStore['get'] = async (key, options) => {
          if (key === file) await store.delete(key)
          return await store.get(key, options)
        }
        return { ...store, get }
      },
    }
    await reconcile(context, at.product, '6.4')
    assert.match((await at.metadata(file)) ?? '', /14:30:00 UTC/)
  })

  it('that cannot look after a move says that the move stands', async () => {
    let isDown = false
    const at = await open({
      wrapPublished: (store) => ({
        ...store,
        list: (...args) => {
          if (isDown) throw new Fault('unavailable', 'gone')
          return store.list(...args)
        },
      }),
    })
    await release(at, '6.4', 'one')
    isDown = true
    await at.build('two')
    await assert.rejects(
      createRelease(at.context, at.product, '6.4', { noBuild: true }),
      (error) => isFault(error, 'partial') && /has moved to generation 2/.test(error.message),
    )
    await assert.rejects(reconcile(at.context, at.product, '6.4'), code('unavailable'))
  })

  it('as a dry run tells and writes nothing', async () => {
    const at = await open()
    await release(at, '6.4', 'one')
    await at.published.delete('stable/6.4/librcclx-dev.a')
    const planned = await reconcile(at.context, at.product, '6.4', { dryRun: true })
    assert.equal(planned.views[0]?.plan.adds.length, 1)
    assert.deepEqual(await at.publishedKeys(), [])
  })
})

describe('release rollback', () => {
  it('brings last-stable back, archives what failed, and moves the views', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
    await rollback(at.context, at.product, '6.4', { message: 'three is bad' })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'two')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    assert.equal(await at.publishedText('archives/6.4/20250107_143300_librcclx-dev.a'), 'three')
    assert.match((await at.metadata('stable/6.4/metadata.txt')) ?? '', /14:31:00 UTC/)
  })

  it('removes last_stable where there is nothing left to be it', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    await rollback(at.context, at.product, '6.4')
    assert.deepEqual(await at.publishedKeys(), ['archives/6.4/20250107_143200_librcclx-dev.a', 'stable/6.4/librcclx-dev.a'])
    assert.equal(await at.metadata('last-stable/6.4/metadata.txt'), undefined)
  })

  it('goes to an archive, by its time, its id, or a time in the past', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
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
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    await assert.rejects(rollback(at.context, at.product, '6.4', { expect: digestOf('one') }), code('precondition'))
    await assert.rejects(rollback(at.context, at.product, '6.4', { expect: 'abc' }), code('invalid'))
    await rollback(at.context, at.product, '6.4', { expect: digestOf('two') })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
  })
})

function digestPrefix(rows: Awaited<ReturnType<typeof listReleases>>, content: string): string {
  return rows.find((row) => row.digest === digestOf(content))!.id.slice(7, 20)
}

describe('release promote', () => {
  it('makes the tested bytes stable, and refuses any others', async () => {
    const at = await open()
    await release(at, '6.4', 'one')
    await at.build('candidate')
    await createRelease(at.context, at.product, '6.4', { noBuild: true, channel: 'staging' })
    assert.equal(await at.publishedText('staging/6.4/librcclx-dev.a'), 'candidate')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
    await assert.rejects(
      promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable', expect: digestOf('other') }),
      code('precondition'),
    )
    await promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable', expect: digestOf('candidate') })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'candidate')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    await assert.rejects(promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable' }), code('nothing-to-do'))
  })
})

describe('release fetch', () => {
  it('brings the file, keeps one that is the same, and refuses one that differs', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    const output = path.join(at.root, 'fetched.a')
    const fetch = (force = false) =>
      fetchRelease(at.context, at.product, '6.4', { selector: { channel: 'last_stable' }, output, outputIsDirectory: false, force })
    assert.equal((await fetch()).files[0]?.unchanged, false)
    assert.equal(await readFile(output, 'utf8'), 'one')
    assert.equal((await fetch()).files[0]?.unchanged, true)
    await writeFile(output, 'mine')
    await assert.rejects(fetch(), code('already-exists'))
    assert.equal(await readFile(output, 'utf8'), 'mine')
    await fetch(true)
    assert.equal(await readFile(output, 'utf8'), 'one')
  })

  it('never gives a damaged artifact', async () => {
    const at = await open()
    await release(at, '6.4', 'one')
    await at.store.put(blobKey(digestOf('one')), bytesOf('0ne'))
    const output = path.join(at.root, 'fetched.a')
    await assert.rejects(
      fetchRelease(at.context, at.product, '6.4', { selector: { channel: 'stable' }, output, outputIsDirectory: false }),
      code('corrupt'),
    )
    await assert.rejects(stat(output), /ENOENT/)
  })

  it('says what there is where the wanted release is not', async () => {
    const at = await open()
    const fetch = (selector: Parameters<typeof fetchRelease>[3]['selector']) =>
      fetchRelease(at.context, at.product, '6.4', { selector, output: path.join(at.root, 'x'), outputIsDirectory: false })
    await assert.rejects(fetch({ channel: 'stable' }), code('not-found'))
    await release(at, '6.4', 'one')
    await assert.rejects(fetch({ channel: 'staging' }), (error) => isFault(error, 'not-found') && /stable/.test(error.hint ?? ''))
    await assert.rejects(fetch({ archive: '20200101_000000' }), code('not-found'))
    await assert.rejects(fetch({ asOf: 0 }), code('not-found'))
  })
})

describe('release verify', () => {
  it('finds damage in the store and in what is published, names who needs it, and reconcile mends the published file', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
    await at.store.put(blobKey(digestOf('one')), bytesOf('0ne'))
    await at.published.delete('stable/6.4/librcclx-dev.a')
    const { problems } = await verifyReleases(at.context, at.product)
    assert.deepEqual(
      problems.map((problem) => [problem.where, problem.needed, problem.fault['code']]),
      [
        ['memory:published/stable/6.4/librcclx-dev.a', ['6.4 stable'], 'not-found'],
        [`memory:store/${blobKey(digestOf('one'))}`, ['6.4 last-stable'], 'corrupt'],
      ],
    )
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'two')
  })
})

describe('release prune', () => {
  it('keeps what a rule keeps, what a channel holds and what is pinned; the rest leaves the views', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three', 'four', 'five')
    await pin(at.context, at.product, '6.4', { archive: '20250107_143200' }, 'shipped to a customer')
    const dry = await pruneArchives(at.context, at.product, '6.4', { keep: 1, dryRun: true })
    assert.deepEqual(
      dry.dropped.map((archived) => archived.at),
      ['20250107_143300'],
    )
    const { dropped, bytes } = await pruneArchives(at.context, at.product, '6.4', { keep: 1 })
    assert.deepEqual(dropped, dry.dropped)
    assert.equal(bytes, 3)
    assert.deepEqual(
      (await at.publishedKeys()).filter((key) => key.startsWith('archives')),
      ['archives/6.4/20250107_143200_librcclx-dev.a', 'archives/6.4/20250107_143400_librcclx-dev.a'],
    )
    assert.equal(await at.metadata('archives/6.4/20250107_143300_metadata.txt'), undefined)
    assert.deepEqual((await pruneArchives(at.context, at.product, '6.4', { keep: 1 })).dropped, [])
    assert.equal((await showRelease(at.context, at.product, '6.4', { archive: '20250107_143200' })).pinned, true)
    await unpin(at.context, at.product, '6.4', { archive: '20250107_143200' })
    await assert.rejects(unpin(at.context, at.product, '6.4', { archive: '20250107_143200' }), code('nothing-to-do'))
    assert.equal((await pruneArchives(at.context, at.product, '6.4', { keepWithin: 0 })).dropped.length, 2)
  })

  it('keeps by age, and wants to be told what to keep', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three', 'four')
    await assert.rejects(pruneArchives(at.context, at.product, '6.4', {}), code('invalid'))
    const { dropped } = await pruneArchives(at.context, at.product, '6.4', { keepWithin: 90_000 })
    assert.deepEqual(
      dropped.map((archived) => archived.at),
      ['20250107_143200'],
    )
  })
})

describe('lists', () => {
  it('show channels first, then archives, newest first', async () => {
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three', 'four')
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
    const at = await open({ wrapStore: counted, product: { publish: undefined, metadata: undefined } })
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
    const at = await open()
    await release(at, '6.4', 'one', 'two')
    await release(at, '6.2', 'one')
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
    const at = await open()
    await release(at, '6.4', 'one', 'two', 'three')
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
    await assert.rejects(exportReleases(at.context, { ...at.product, name: 'other' }, { format: 'json' }), code('nothing-to-do'))
  })
})
