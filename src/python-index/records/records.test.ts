import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { publishedFile } from '../../../test/fakes/index-records.ts'
import { bytesOf, digestOf, isFault } from '../../kit/index.ts'
import { collect, copyStore, ensureStoreFormat, snapshotKey, verifyObjects } from '../../chunks/index.ts'
import { moveRef } from '../../refs/index.ts'
import { createMemoryStore, readAll } from '../../store/index.ts'
import type { CataloguedProject } from './catalogue.ts'
import { putPrefixFacts, putViewFacts, readPrefixFacts, readViewFacts } from './facts.ts'
import { listingDigest } from './listing.ts'
import { listNotes, putNote, removeNote } from './notes.ts'
import { readCatalogue, readIndex, readProject } from './read.ts'
import { indexRefs, type PrefixState, refNameOfBucket } from './state.ts'
import { encodeCatalogue, encodeProject, type EncodedRecord, type ProjectContent, putRecords } from './write.ts'

const hour = 3_600_000
const grace = 24 * hour

function projectOf(name: string, ...versions: string[]): ProjectContent {
  const files = versions.map((version) => publishedFile(`${name}-${version}-py3-none-any.whl`))
  return { name, status: { status: 'active' }, files, refused: [], withdrawn: [], metadata: {} }
}

function catalogued({ digest }: EncodedRecord): CataloguedProject {
  return { record: digest, listed: listingDigest([]), files: 1, bytes: 1, refused: 0 }
}

describe('a listing digest', () => {
  const rows = [
    { name: 'b', size: 2, etag: '"y"' },
    { name: 'a', size: 1, etag: '"x"' },
  ]

  it('does not depend on the order', () => {
    assert.equal(listingDigest(rows), listingDigest(rows.toReversed()))
  })

  it('changes with a name, a size, an etag, a row more and a row less', () => {
    const others = [
      [{ ...rows[0]!, name: 'c' }, rows[1]!],
      [{ ...rows[0]!, size: 3 }, rows[1]!],
      [{ ...rows[0]!, etag: '"z"' }, rows[1]!],
      [...rows, { name: 'c', size: 0, etag: '' }],
      [rows[0]!],
      [],
    ]
    assert.equal(new Set([rows, ...others].map(listingDigest)).size, 7)
  })

  it('is not fooled by names with quotes and newlines', () => {
    const [one, two] = [
      { name: 'a","b', size: 1, etag: 'c\nd' },
      { name: 'a', size: 1, etag: 'b","c\nd' },
    ]
    assert.notEqual(listingDigest([one]), listingDigest([two]))
  })
})

describe('a project record', () => {
  it('has the same digest in whatever order its content was given', () => {
    const project = projectOf('demo', '1.0', '1.10', '1.9')
    const [a, b, c] = project.files
    const shuffled = encodeProject({ ...project, files: [b!, a!, c!] })
    assert.deepEqual(encodeProject(project), shuffled)
    assert.notEqual(encodeProject({ ...project, files: [a!] }).digest, shuffled.digest)
  })

  it('comes back as it was put, with its files by version and name, and only the metadata that they name', async () => {
    const { context } = indexDesk()
    const [used, unused] = [digestOf('used'), digestOf('unused')]
    const says = { requires: ['numpy>=1'], extras: [] }
    const { files, ...rest } = projectOf('demo', '1.10', '1.9', '1.0rc1')
    const encoded = encodeProject({
      ...rest,
      files: files.map((file, at) => (at === 0 ? { ...file, metadata: used } : file)),
      metadata: { [used]: says, [unused]: says },
    })
    await putRecords(context, [encoded])
    const read = await readProject(context, encoded.digest)
    assert.deepEqual(
      read.files.map(({ version }) => version),
      ['1.0rc1', '1.9', '1.10'],
    )
    assert.deepEqual(read.metadata, { [used]: says })
    assert.deepEqual(read.reaches, [])
  })

  it('orders files of versions that are equal, such as 1.0 and 1.0.0, by name', () => {
    const files = ['b-1.0.tar.gz', 'a-1.0.0.tar.gz', 'c-0.9.tar.gz', 'd-1.0.0.tar.gz', 'c-1.1.tar.gz'].map((name) => publishedFile(name))
    const digests = [files, files.toReversed()].map((some) => encodeProject({ ...projectOf('demo'), files: some }).digest)
    assert.equal(digests[0], digests[1])
    const { bytes } = encodeProject({ ...projectOf('demo'), files })
    const { files: ordered } = JSON.parse(Buffer.from(bytes).toString()) as { files: { name: string }[] }
    assert.deepEqual(
      ordered.map(({ name }) => name[0]),
      ['c', 'a', 'b', 'd', 'c'],
    )
  })

  it('that is missing or damaged is corrupt, and never looks like a project without files', async () => {
    const { context, store } = indexDesk()
    const encoded = encodeProject(projectOf('demo', '1.0'))
    await assert.rejects(readProject(context, encoded.digest), (error) => isFault(error, 'corrupt'))
    await store.put(snapshotKey(encoded.digest), bytesOf('{}'))
    await assert.rejects(readProject(context, encoded.digest), (error) => isFault(error, 'corrupt'))
  })
})

describe('a catalogue', () => {
  it('reaches the records of its projects, also of one that is called constructor', async () => {
    const { context } = indexDesk()
    const records = ['numpy', 'constructor', 'prototype'].map((name) => encodeProject(projectOf(name, '1.0')))
    const projects = Object.fromEntries(['numpy', 'constructor', 'prototype'].map((name, at) => [name, catalogued(records[at]!)]))
    const encoded = encodeCatalogue(projects)
    await putRecords(context, [...records, encoded])
    const read = await readCatalogue(context, encoded.digest)
    assert.deepEqual({ ...read.projects }, projects)
    assert.deepEqual(
      read.reaches.map(({ digest }) => digest),
      records.map(({ digest }) => digest).sort(),
    )
  })

  it('finds no project under the name of what every object inherits', async () => {
    const { context } = indexDesk()
    const encoded = encodeCatalogue({})
    await putRecords(context, [encoded])
    assert.equal((await readCatalogue(context, encoded.digest)).projects['constructor'], undefined)
  })

  it('is not taken for a project, nor the other way round', async () => {
    const { context } = indexDesk()
    const [project, catalogue] = [encodeProject(projectOf('demo', '1.0')), encodeCatalogue({})]
    await putRecords(context, [project, catalogue])
    await assert.rejects(readCatalogue(context, project.digest), (error) => isFault(error, 'unsupported'))
    await assert.rejects(readProject(context, catalogue.digest), (error) => isFault(error, 'unsupported'))
  })

  it('that does not reach its own projects is corrupt', async () => {
    const { context, store } = indexDesk()
    const { bytes } = encodeCatalogue({ demo: catalogued(encodeProject(projectOf('demo', '1.0'))) })
    const text = Buffer.from(bytes)
      .toString()
      .replace(/"reaches":\[[^\]]*\]/, '"reaches":[]')
    await store.put(snapshotKey(digestOf(text)), bytesOf(text))
    await assert.rejects(readCatalogue(context, digestOf(text)), (error) => isFault(error, 'corrupt') && error.message.includes('reach'))
  })
})

describe('the index of a bucket', () => {
  it('is undefined before its first publication', async () => {
    assert.equal(await readIndex(indexDesk().context), undefined)
  })

  it('keeps, through a prune, what its kept catalogues lead to, and loses the rest a grace period later', async () => {
    const desk = indexDesk()
    const { context, store, clock } = desk
    await ensureStoreFormat(store, { now: clock.now(), random: context.random })
    const projects = ['old', 'middle', 'new', 'never'].map((name) => encodeProject(projectOf(name, '1.0')))
    const catalogues = projects.map((project) => encodeCatalogue({ demo: catalogued(project) }))
    await putRecords(context, [...projects, ...catalogues])
    const publish = async (generation: number, kept: readonly number[]) => {
      const state: PrefixState = {
        catalogue: catalogues[kept.at(-1)!]!.digest,
        projects: 1,
        files: 1,
        bytes: 1,
        refused: 0,
        kept: kept.map((at) => ({ generation, catalogue: catalogues[at]!.digest })),
      }
      const next = { state: { bucket: context.environment.bucket, prefixes: { v2: state } }, action: 'publish', note: { prefixes: {} } }
      await moveRef(context, indexRefs, refNameOfBucket(context.environment.bucket), () => next, { onLost: 'fail' })
    }
    const prune = async () => {
      clock.set(clock.now() + grace + hour)
      return await collect({ store, clock, random: context.random, grace })
    }
    const present = async () => await Promise.all(projects.map(async ({ digest }) => (await store.head(snapshotKey(digest))) !== undefined))
    await publish(1, [0, 1])
    await publish(2, [1, 2])
    assert.equal((await prune()).condemned.objects, 4)
    assert.deepEqual(await present(), [true, true, true, true])
    assert.equal((await prune()).deleted.objects, 4)
    assert.deepEqual(await present(), [false, true, true, false])
    const index = await readIndex(context)
    for (const { catalogue } of index!.state.prefixes['v2']!.kept) {
      const { projects: entries } = await readCatalogue(context, catalogue)
      assert.equal((await readProject(context, entries['demo']!.record)).files.length, 1)
    }
  })

  it('can have a record again that a prune has condemned', async () => {
    const { context, store, clock } = indexDesk()
    await ensureStoreFormat(store, { now: clock.now(), random: context.random })
    const project = encodeProject(projectOf('demo', '1.0'))
    await putRecords(context, [project])
    const prune = async () => {
      clock.set(clock.now() + grace + hour)
      return await collect({ store, clock, random: context.random, grace })
    }
    assert.equal((await prune()).condemned.objects, 1)
    const condemned = async () => {
      const keys = (await Array.fromAsync(store.list('condemned/'))).map(({ key }) => key)
      return await Promise.all(keys.map(async (key) => Buffer.from((await readAll(store, key, { limit: 1 << 20 })).bytes).toString()))
    }
    assert.equal((await condemned()).filter((text) => text.includes(project.digest)).length, 1)
    await putRecords(context, [project])
    assert.deepEqual(
      (await condemned()).filter((text) => text.includes(project.digest)),
      [],
    )
    assert.equal((await readProject(context, project.digest)).name, 'demo')
  })

  it('is not moved to a record that a prune is deleting right now', async () => {
    const { context, store, clock, spent } = indexDesk()
    const project = encodeProject(projectOf('demo', '1.0'))
    const record = {
      format: 'holdfast-condemned/1',
      at: new Date(clock.now() - 2 * grace).toISOString(),
      deletingUntil: new Date(clock.now() + hour).toISOString(),
      keys: { [snapshotKey(project.digest)]: project.digest },
    }
    await store.put('condemned/a.json', bytesOf(JSON.stringify(record)))
    await assert.rejects(putRecords(context, [encodeCatalogue({}), project]), (error) => isFault(error, 'busy'))
    assert.equal(spent().put, undefined)
  })

  it('is read by store verify and brought along by store copy', async () => {
    const { context, store, clock } = indexDesk()
    const { random } = context
    await ensureStoreFormat(store, { now: clock.now(), random })
    const project = encodeProject(projectOf('demo', '1.0'))
    const catalogue = encodeCatalogue({ demo: catalogued(project) })
    await putRecords(context, [project, catalogue])
    const prefix = { catalogue: catalogue.digest, projects: 1, files: 1, bytes: 1, refused: 0 }
    const state = {
      bucket: context.environment.bucket,
      prefixes: { v2: { ...prefix, kept: [{ generation: 1, catalogue: catalogue.digest }] } },
    }
    const next = { state, action: 'publish', note: { prefixes: { v2: catalogue.digest } } }
    await moveRef(context, indexRefs, refNameOfBucket(context.environment.bucket), () => next, { onLost: 'fail' })
    const { records, damaged } = await verifyObjects(store, { readData: 1, random })
    assert.deepEqual([records, damaged], [2, []])
    const to = createMemoryStore({ name: 'memory:other', clock })
    await ensureStoreFormat(to, { now: clock.now(), random })
    const copied = await copyStore({ from: store, to, clock, random, by: 'ann', trace: async function* () {} })
    assert.equal(copied.content?.records, 2)
    const there = { ...context, store: to }
    const index = await readIndex(there)
    const { projects } = await readCatalogue(there, index!.state.prefixes['v2']!.catalogue)
    assert.deepEqual((await readProject(there, projects['demo']!.record)).files, projectOf('demo', '1.0').files)
    await store.put(snapshotKey(project.digest), bytesOf('{}'))
    assert.deepEqual((await verifyObjects(store, { readData: 1, random })).damaged, [snapshotKey(project.digest)])
  })
})

describe('records that are put', () => {
  it('cost one request each and one list', async () => {
    const { context, spent } = indexDesk()
    const records = ['a', 'b', 'c'].map((name) => encodeProject(projectOf(name, '1.0')))
    await putRecords(context, [...records, records[0]!])
    assert.deepEqual(spent(), { list: 1, put: 3 })
  })

  it('cost nothing where there are none', async () => {
    const { context, spent } = indexDesk()
    await putRecords(context, [])
    assert.deepEqual(spent(), {})
  })
})

describe('a note', () => {
  const file = { key: 'v2/demo-1.0-py3-none-any.whl', size: 3, etag: '"x"', digest: digestOf('abc'), requiresPython: '>=3.9' }

  it('is found by the next publication, oldest first, and can be removed', async () => {
    const { context, clock } = indexDesk()
    await putNote(context, [file])
    clock.set(clock.now() + 1)
    await putNote(context, [{ ...file, size: 4 }])
    const notes = await listNotes(context)
    assert.deepEqual(
      notes.map(({ files }) => files.map(({ size }) => size)),
      [[3], [4]],
    )
    assert.deepEqual(notes[0]!.files, [file])
    await removeNote(context, notes[0]!)
    assert.deepEqual(await listNotes(context), notes.slice(1))
  })

  it('that cannot be read tells nothing and can be removed', async () => {
    const { context, store } = indexDesk()
    await putNote(context, [file])
    const [{ key } = { key: '' }] = await listNotes(context)
    await store.put(key, bytesOf('{"format":"holdf'))
    assert.deepEqual(await listNotes(context), [{ key, files: [] }])
    await removeNote(context, { key })
    assert.deepEqual(await listNotes(context), [])
  })

  it('of another bucket is not found', async () => {
    const { context } = indexDesk()
    await putNote(context, [file])
    assert.deepEqual(await listNotes({ ...context, environment: { ...context.environment, bucket: 's3://other' } }), [])
  })
})

describe('facts', () => {
  const [catalogue, seen] = [digestOf('catalogue'), digestOf('seen')]

  it('come back as they were put', async () => {
    const { context } = indexDesk()
    const prefixes = { 'v2/gfx94X-dcgpu': { catalogue, seen } }
    await putViewFacts(context, prefixes)
    assert.deepEqual({ ...(await readViewFacts(context))!.prefixes }, prefixes)
    const facts = { catalogue, projects: { constructor: { record: catalogue, rows: seen } }, root: { names: catalogue, rows: seen } }
    await putPrefixFacts(context, 'v2/gfx94X-dcgpu', facts)
    const read = await readPrefixFacts(context, 'v2/gfx94X-dcgpu')
    assert.deepEqual({ ...read!.projects }, facts.projects)
    assert.deepEqual(read!.root, facts.root)
    assert.equal(await readPrefixFacts(context, 'v2'), undefined)
  })

  it('that are missing, damaged or of another format are unknown; trouble is not', async () => {
    const { context, store } = indexDesk()
    assert.equal(await readViewFacts(context), undefined)
    await putViewFacts(context, {})
    const [{ key } = { key: '' }] = await Array.fromAsync(store.list('facts/'))
    for (const text of [
      '',
      '{"format":"holdfast-index-view/9","prefixes":{}}',
      '{"format":"holdfast-index-view/1","prefixes":{"v2":{}}}',
    ]) {
      await store.put(key, bytesOf(text))
      assert.equal(await readViewFacts(context), undefined, text)
    }
    const broken = indexDesk({ failing: 'get' }).context
    await assert.rejects(readViewFacts(broken), (error) => isFault(error, 'unavailable'))
  })
})
