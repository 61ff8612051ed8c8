import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import type { ReleaseDesk } from '../../test/fakes/release-desk.ts'
import { openDesk, releaseAll, withCode } from '../../test/fakes/release-scene.ts'
import { bytesOf, type Progress } from '../kit/index.ts'
import { isNothing } from '../manifest/index.ts'
import { createRelease, fetchRelease, historyOf, listReleases, planCreate, reconcile, verifyReleases } from './index.ts'

describe('release create', () => {
  it('publishes the artifact under its key and writes the metadata in its exact form', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one')
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
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
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
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), withCode('nothing-to-do'))
    await createRelease(at.context, at.product, '6.4', { noBuild: true, force: true })
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
  })

  it('runs the build with the fields of the variant, each quoted for the shell', async () => {
    const at = await openDesk({
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
    [
      'an artifact without a byte',
      'invalid',
      async (at: ReleaseDesk) => {
        await at.build('')
        await createRelease(at.context, at.product, '6.4', { noBuild: true })
      },
    ],
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
      const at = await openDesk()
      await assert.rejects(act(at), withCode(wanted))
      assert.deepEqual(await Array.fromAsync(at.store.list('')), [])
      assert.deepEqual(await at.publishedKeys(), [])
      assert.equal(await at.metadata('stable/6.4/metadata.txt'), undefined)
    })
  }

  it('is planned only where there is something to release', async () => {
    const at = await openDesk()
    await assert.rejects(planCreate(at.context, at.product, '6.4', { noBuild: true }), withCode('not-found'))
    await assert.rejects(planCreate(at.context, at.product, '6.4', { artifacts: ['/dev/null'] }), withCode('invalid'))
    await at.build('one')
    assert.equal((await planCreate(at.context, at.product, '6.4', { noBuild: true })).channel, 'stable')
  })

  it('says so where the build has left the file as it was', async () => {
    const at = await openDesk()
    const said: string[] = []
    const context = { ...at.context, report: (event: Progress) => void (event.kind === 'note' && said.push(event.text)) }
    await at.build('one')
    await createRelease(context, { ...at.product, build: 'true' }, '6.4')
    assert.equal(said.length, 1)
    assert.match(said[0]!, /^the build has left .*librcclx-dev\.a as it was: it is not new$/)
    await createRelease(context, { ...at.product, build: 'echo two > out/librcclx-dev.a' }, '6.4')
    assert.equal(said.length, 1)
  })

  it('shows the last lines of a build that failed', async () => {
    const at = await openDesk()
    await assert.rejects(createRelease(at.context, { ...at.product, build: 'echo boom-7 >&2; exit 3' }, '6.4'), /status 3[^]*boom-7/)
  })

  it('takes a directory with everything below it, and archives it under one stamp', async () => {
    const at = await openDesk()
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
      withCode('invalid'),
    )
  })

  it('does not write over files that someone else published before', async () => {
    const at = await openDesk()
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('by hand'))
    await at.build('one')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), withCode('already-exists'))
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'by hand')
    await createRelease(at.context, at.product, '6.4', { noBuild: true, force: true })
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'one')
  })

  it('plans without writing', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
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
    const at = await openDesk()
    await releaseAll(at, '6.4', 'zero')
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
    const at = await openDesk({ product: { onConflict: 'fail' } })
    await releaseAll(at, '6.4', 'zero')
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
    await assert.rejects(createRelease(racing, at.product, '6.4', { noBuild: true }), withCode('precondition'))
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'other')
  })

  it("of a new variant does not take the published file of the other for a stranger's", async () => {
    const at = await openDesk()
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
    const at = await openDesk()
    await at.build('same bytes')
    await Promise.all(['6.2', '6.4', '7.0'].map((variant) => createRelease(at.context, at.product, variant, { noBuild: true })))
    assert.deepEqual((await historyOf(at.context, at.product)).map((row) => `${row.variant} ${row.generation}`).sort(), [
      '6.2 1',
      '6.4 1',
      '7.0 1',
    ])
  })
})
