import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, Fault, isFault } from '../../kit/index.ts'
import { createFileStore, createMemoryStore } from '../../store/index.ts'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { assertInLine, contentsOf, filesOf, pageOf, projectsOf, textOf } from '../../../test/fakes/index-truth.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { readIndex } from '../records/read.ts'
import { publish } from './publish.ts'

const scratch = scratchDirectory()
const wheel = buildWheel({ name: 'Foo.Bar', version: '1.0', requires: ['numpy>=1'], requiresPython: '>=3.10' })
const newer = buildWheel({ name: 'foo-bar', version: '1.10+rocm7' })
const source = buildSdist({ name: 'foo_bar', version: '0.9' })
const other = buildWheel({ name: 'other', version: '2' })
const large = buildWheel({ name: 'large', version: '3', size: 300_000 })
const largeAgain = buildWheel({ name: 'large', version: '3', size: 300_000, seed: 1 })

for (const [place, bucketOf] of [
  ['in memory', () => undefined],
  ['in a folder', () => createFileStore({ root: `${scratch}/bucket`, durable: false })],
] as const) {
  test(`what the bucket holds is published, ${place}, and the second time nothing is written`, async () => {
    const bucket = bucketOf()
    const desk = indexDesk(bucket === undefined ? {} : { bucket })
    const bad = buildWheel({ name: 'bad', version: '1.0', broken: 'no-zip' })
    await desk.upload('v2', wheel, newer, source, other, bad)
    const first = await publish(desk.context, { prefixes: ['v2'] })
    const [done] = first.prefixes
    assert.deepEqual(done?.filesAdded, [wheel.file, newer.file, source.file, other.file].sort())
    assert.deepEqual(
      done?.refused.map(({ name }) => name),
      [bad.file],
    )
    assert.deepEqual([done?.projects, done?.files, done?.generation, first.hasMoved], [2, 4, 1, true])
    await assertInLine(desk.bucket, 'v2')
    assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo-bar', 'other'])
    assert.deepEqual(await filesOf(desk.bucket, 'v2', 'foo-bar'), [source.file, wheel.file, newer.file])
    const page = await pageOf(desk.bucket, 'v2', 'foo-bar')
    assert.equal(page?.files[1]?.['requires-python'], '>=3.10')
    assert.deepEqual(page?.versions, ['0.9', '1.0', '1.10+rocm7'])

    const before = [desk.meter.snapshot().operations.put, desk.bucketMeter.snapshot().operations.put]
    const again = await publish(desk.context, { prefixes: ['v2'] })
    assert.equal(again.hasMoved, false)
    assert.deepEqual(again.prefixes[0]?.written, [])
    assert.deepEqual(again.prefixes[0]?.refused, done?.refused, 'what is refused is told each time')
    assert.deepEqual([desk.meter.snapshot().operations.put, desk.bucketMeter.snapshot().operations.put], before)
  })
}

test('a wheel that is taken away leaves the pages, its METADATA goes, and so does a project without any other', async () => {
  const desk = indexDesk()
  await desk.upload('v2', wheel, newer, other)
  await publish(desk.context, { prefixes: ['v2'] })
  await desk.bucket.delete(`v2/${wheel.file}`)
  await desk.bucket.delete(`v2/${other.file}`)
  const [done] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(done?.filesRemoved, [wheel.file, other.file].sort())
  assert.deepEqual(
    done?.removed,
    [`v2/${wheel.file}.metadata`, 'v2/other/index.html', 'v2/other/index.json', `v2/${other.file}.metadata`].sort(),
  )
  assert.ok(done?.purge.includes('v2/other/') && done.purge.includes('v2/foo-bar/') && done.purge.includes('v2/'))
  assert.ok(done.purge.includes(`v2/${other.file}`), 'another file may come under this name')
  await assertInLine(desk.bucket, 'v2')
  assert.deepEqual(await filesOf(desk.bucket, 'v2', 'foo-bar'), [newer.file])
})

test('a file that was replaced under its name is published as it is now, and both digests are told', async () => {
  const desk = indexDesk()
  await desk.upload('v2', large)
  await publish(desk.context, { prefixes: ['v2'] })
  await desk.upload('v2', { ...largeAgain, file: large.file })
  const [done] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(done?.filesChanged, [{ name: large.file, before: large.digest, after: largeAgain.digest }])
  assert.ok(done.purge.includes(`v2/${large.file}`), 'caches may have the old bytes')
  await assertInLine(desk.bucket, 'v2')
})

test('a file that came back as it was keeps its first upload time', async () => {
  const desk = indexDesk()
  await desk.upload('v2', wheel)
  await publish(desk.context, { prefixes: ['v2'] })
  const page = await textOf(desk.bucket, 'v2/foo-bar/index.json')
  desk.clock.set(desk.clock.now() + 3_600_000)
  await desk.upload('v2', wheel)
  const again = await publish(desk.context, { prefixes: ['v2'] })
  assert.deepEqual(again.prefixes[0]?.filesChanged, [])
  assert.equal(await textOf(desk.bucket, 'v2/foo-bar/index.json'), page)
})

describe('the METADATA beside a wheel', () => {
  test('that somebody else put there stays where it is right, and is replaced where it is not', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, other)
    const headers = { contentType: 'text/plain; charset=utf-8', cacheControl: desk.context.environment.fileCache }
    await desk.bucket.put(`v2/${wheel.file}.metadata`, bytesOf(wheel.metadata), headers)
    await desk.bucket.put(`v2/${other.file}.metadata`, bytesOf('Name: lies'), headers)
    const [done] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.ok(!done!.written.includes(`v2/${wheel.file}.metadata`))
    assert.ok(done!.written.includes(`v2/${other.file}.metadata`) && done!.purge.includes(`v2/${other.file}.metadata`))
    await assertInLine(desk.bucket, 'v2')
  })

  test('comes back where it was deleted or changed since, though nothing else changed', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, newer, other)
    await publish(desk.context, { prefixes: ['v2'] })
    await desk.bucket.delete(`v2/${wheel.file}.metadata`)
    await desk.bucket.put(`v2/${other.file}.metadata`, bytesOf('Name: lies'))
    const again = await publish(desk.context, { prefixes: ['v2'] })
    assert.equal(again.hasMoved, false)
    assert.deepEqual(again.prefixes[0]?.written, [`v2/${wheel.file}.metadata`, `v2/${other.file}.metadata`].sort())
    await assertInLine(desk.bucket, 'v2')
  })
})

describe('what is let in', () => {
  test('are projects that a pattern names; one that is let in no more loses its pages and keeps its files', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, other)
    await publish(desk.context, { prefixes: ['v2'] })
    const context = { ...desk.context, environment: { ...desk.context.environment, allow: ['foo*'] } }
    const [done] = (await publish(context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual([done?.notAllowed, done?.filesRemoved], [['other'], [other.file]])
    assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo-bar'])
    assert.equal(await textOf(desk.bucket, 'v2/other/index.html'), undefined)
    assert.ok((await desk.bucket.head(`v2/${other.file}`)) !== undefined)
  })

  test('is one project alone where that is asked for', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, other)
    const [done] = (await publish(desk.context, { prefixes: ['v2'], project: 'Foo_Bar' })).prefixes
    assert.deepEqual(done?.filesAdded, [wheel.file])
    assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo-bar'])
    const [rest] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual(rest?.filesAdded, [other.file], 'what was left out is not taken for published')
    await assertInLine(desk.bucket, 'v2')
  })

  test('is nothing of an index below, whose root pages are its own', async () => {
    const desk = indexDesk({ environment: { prefixes: ['v2', 'v2/gfx94x'] } })
    await desk.upload('v2', wheel)
    await desk.upload('v2/gfx94x', other)
    await desk.bucket.put('v2/gfx94x-1.0-py3-none-any.whl', bytesOf('?'))
    const { prefixes } = await publish(desk.context, { prefixes: ['v2', 'v2/gfx94x'] })
    assert.deepEqual(
      prefixes.map(({ filesAdded }) => filesAdded),
      [[wheel.file], [other.file]],
    )
    assert.match(prefixes[0]!.refused[0]!.reason, /where the index v2\/gfx94x has its own/)
    assert.deepEqual(await projectsOf(desk.bucket, 'v2/gfx94x'), ['other'])
    assert.equal((await publish(desk.context, { prefixes: ['v2'] })).prefixes[0]?.removed.length, 0)
  })
})

describe('before anything is written', () => {
  test('a dry run tells the same as the publication that follows', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, large, buildWheel({ name: 'bad', version: '1', broken: 'bomb' }))
    const before = [await contentsOf(desk.bucket), await contentsOf(desk.store)]
    const dry = await publish(desk.context, { prefixes: ['v2'], dryRun: true })
    assert.deepEqual([await contentsOf(desk.bucket), await contentsOf(desk.store)], before)
    const real = await publish(desk.context, { prefixes: ['v2'] })
    assert.deepEqual(
      dry.prefixes.map((one) => ({ ...one, generation: 1 })),
      real.prefixes,
    )
    assert.deepEqual([dry.generation, dry.hasMoved], [undefined, false])
  })

  test('the pages can be written into a folder: the same bytes under the same keys, and nothing moves', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, other)
    await publish(desk.context, { prefixes: ['v2'] })
    await desk.upload('v2', large)
    const before = [await contentsOf(desk.bucket), await contentsOf(desk.store)]
    const folder = createMemoryStore({ name: 'memory:folder', clock: desk.clock })
    await publish(desk.context, { prefixes: ['v2'], pagesTo: folder })
    assert.deepEqual([await contentsOf(desk.bucket), await contentsOf(desk.store)], before)
    await publish(desk.context, { prefixes: ['v2'] })
    const pages = [...(await contentsOf(desk.bucket))].filter(([key]) => /index\.(html|json)$/.test(key))
    assert.deepEqual([...(await contentsOf(folder))], pages)
    assert.ok(pages.some(([key]) => key === 'v2/foo-bar/index.html'))
    const whole = createMemoryStore({ name: 'memory:whole', clock: desk.clock })
    await publish(desk.context, { prefixes: ['v2'], pagesTo: whole })
    assert.deepEqual([...(await contentsOf(whole))], pages, 'also where nothing changed')
  })

  test('a gate is shown what would be published, and may stop it', async () => {
    const desk = indexDesk({ environment: { prefixes: ['a', 'b'] } })
    await desk.upload('a', wheel)
    await desk.upload('b', other)
    await publish(desk.context, { prefixes: ['a', 'b'] })
    await desk.upload('b', large)
    const shown: string[] = []
    const gate = async (
      candidate: ReadonlyMap<
        string,
        {
          projects: Readonly<Record<string, { record: `sha256:${string}` }>>
          read(record: `sha256:${string}`): Promise<{ files: readonly { name: string }[] }>
        }
      >,
    ) => {
      for (const [prefix, { projects, read }] of candidate)
        for (const { record } of Object.values(projects)) for (const { name } of (await read(record)).files) shown.push(`${prefix}/${name}`)
      throw new Fault('precondition', 'not everything can be installed')
    }
    for (const dryRun of [true, false]) {
      shown.length = 0
      await assert.rejects(publish(desk.context, { prefixes: ['a', 'b'], gate, dryRun }), (error) => isFault(error, 'precondition'))
      assert.deepEqual(shown, [`a/${wheel.file}`, `b/${large.file}`, `b/${other.file}`], 'all prefixes, with all that they would have')
    }
    assert.equal((await readIndex(desk.context))?.generation, 1)
    assert.deepEqual(await projectsOf(desk.bucket, 'b'), ['other'])
    await publish(desk.context, { prefixes: ['b'] })
    await assert.rejects(publish(desk.context, { prefixes: ['b'], gate }), (error) => isFault(error, 'precondition'), 'nothing changed')
  })

  test('a prefix where nothing is and nothing was is told to be empty, and gets no pages', async () => {
    const desk = indexDesk()
    const done = await publish(desk.context, { prefixes: ['v2', 'typo'] })
    assert.deepEqual(
      done.prefixes.map(({ isEmpty }) => isEmpty),
      [true, true],
    )
    assert.deepEqual([...(await contentsOf(desk.store)), ...(await contentsOf(desk.bucket))], [])
  })

  test('a digest cannot be asked for and forbidden at once', async () => {
    const { context } = indexDesk()
    await assert.rejects(publish(context, { prefixes: ['v2'], noRead: true, computeSha256: true }), (error) => isFault(error, 'invalid'))
  })
})

test('pages have the content type and cache headers of the environment, and are written anew when those change', async () => {
  const desk = indexDesk()
  await desk.upload('v2', wheel)
  await publish(desk.context, { prefixes: ['v2'] })
  const headers = async (key: string) => {
    const info = await desk.bucket.head(key)
    return [info?.contentType, info?.cacheControl]
  }
  assert.deepEqual(await headers('v2/index.html'), ['text/html; charset=utf-8', 'no-cache'])
  assert.deepEqual(await headers('v2/foo-bar/index.json'), ['application/vnd.pypi.simple.v1+json', 'no-cache'])
  assert.deepEqual(await headers(`v2/${wheel.file}.metadata`), ['text/plain; charset=utf-8', 'public, max-age=31536000, immutable'])
  const context = { ...desk.context, environment: { ...desk.context.environment, pageCache: 'max-age=60' } }
  const [done] = (await publish(context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(done?.written, ['v2/foo-bar/index.html', 'v2/foo-bar/index.json', 'v2/index.html', 'v2/index.json'])
  assert.deepEqual(await headers('v2/index.html'), ['text/html; charset=utf-8', 'max-age=60'])
})

test('facts that are lost cost reading, and change nothing', async () => {
  const desk = indexDesk()
  await desk.upload('v2', wheel, other)
  await publish(desk.context, { prefixes: ['v2'] })
  const before = [await contentsOf(desk.bucket), await contentsOf(desk.store)]
  for (const key of (await contentsOf(desk.store, 'facts/')).keys()) await desk.store.delete(key)
  const again = await publish(desk.context, { prefixes: ['v2'] })
  assert.deepEqual([again.hasMoved, again.prefixes[0]?.written], [false, []])
  assert.deepEqual([await contentsOf(desk.bucket), await contentsOf(desk.store)], before)
})

test('a bucket may be an index itself, above others', async () => {
  const desk = indexDesk({ environment: { prefixes: ['', 'v2'] } })
  await desk.bucket.put(wheel.file, bytesOf(wheel.bytes))
  await desk.upload('v2', other)
  const { prefixes } = await publish(desk.context, { prefixes: ['', 'v2'] })
  assert.deepEqual(
    prefixes.map(({ filesAdded }) => filesAdded),
    [[wheel.file], [other.file]],
  )
  assert.ok(prefixes[0]?.written.includes('foo-bar/index.html') && prefixes[0].written.includes('index.html'))
  assert.ok(prefixes[0]?.purge.includes('') && prefixes[0].purge.includes('foo-bar/'))
  const again = await publish(desk.context, { prefixes: ['', 'v2'] })
  assert.ok(!again.hasMoved && again.prefixes.every(({ written }) => written.length === 0))
})
