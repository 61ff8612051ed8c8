import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { indexDesk } from '../../test/fakes/index-desk.ts'
import { projectRecord, publishedFile } from '../../test/fakes/index-records.ts'
import { testSeed } from '../../test/fakes/seeded-random.ts'
import { digestOf, isFault } from '../kit/index.ts'
import { compareCatalogues, compareProjects } from './compare.ts'
import type { Catalogue } from './records/catalogue.ts'
import { listingDigest } from './records/listing.ts'
import type { ProjectRecord, PublishedFile } from './records/project.ts'
import { encodeProject, putRecords } from './records/write.ts'

const wheel = publishedFile('demo-1.0-py3-none-any.whl', { metadata: digestOf('METADATA'), requiresPython: '>=3.9' })
const newer = publishedFile('demo-2.0-py3-none-any.whl')

function whatChanged(before: PublishedFile, after: PublishedFile): readonly string[] {
  return compareProjects('demo', projectRecord('demo', [before]), projectRecord('demo', [after])).changed.flatMap(({ what }) => what)
}

async function publishedBy(desk: ReturnType<typeof indexDesk>, ...records: readonly ProjectRecord[]): Promise<Catalogue['projects']> {
  const encoded = records.map(encodeProject)
  await putRecords({ ...desk.context, store: desk.store }, encoded)
  return Object.fromEntries(
    records.map(({ name, files }, at) => [
      name,
      { record: encoded[at]!.digest, listed: listingDigest(files), files: files.length, bytes: 0, refused: 0 },
    ]),
  )
}

describe('two states of a project', () => {
  it('differ in the files that came, went and changed', () => {
    const before = projectRecord('demo', [wheel, publishedFile('demo-1.5-py3-none-any.whl')])
    const after = projectRecord('demo', [{ ...wheel, yanked: 'broken' }, newer])
    const { added, removed, changed, status } = compareProjects('demo', before, after)
    assert.deepEqual(
      [added, removed].map((files) => files.map(({ name }) => name)),
      [['demo-2.0-py3-none-any.whl'], ['demo-1.5-py3-none-any.whl']],
    )
    assert.deepEqual(
      changed.map(({ name, what }) => ({ name, what })),
      [{ name: wheel.name, what: ['yanked'] }],
    )
    assert.equal(status, undefined)
  })

  it('say of each file what about it is another', () => {
    const others: [string, Partial<PublishedFile>][] = [
      ['content', { digest: digestOf('other') }],
      ['content', { size: 7 }],
      ['yanked', { yanked: '' }],
      ['requires-python', { requiresPython: undefined }],
      ['metadata', { metadata: undefined }],
      ['provenance', { provenance: digestOf('provenance') }],
      ['digest', { digest: undefined }],
    ]
    for (const [what, other] of others) assert.deepEqual(whatChanged(wheel, { ...wheel, ...other }), [what])
    assert.deepEqual(whatChanged({ ...wheel, yanked: 'a' }, wheel), ['unyanked'])
    assert.deepEqual(whatChanged({ ...wheel, yanked: 'a' }, { ...wheel, yanked: 'b' }), ['reason'])
    assert.deepEqual(whatChanged(wheel, { ...wheel, yanked: '', requiresPython: '>=3.10' }), ['yanked', 'requires-python'])
  })

  it('take a copy for the same file, whenever it was made and whatever its etag', () => {
    assert.deepEqual(whatChanged(wheel, { ...wheel, etag: '"copied-2"', uploaded: '2026-01-01T00:00:00Z' }), [])
  })

  it('go by the etag where a digest is not known', () => {
    const unread = { ...wheel, digest: undefined }
    assert.deepEqual(whatChanged(unread, unread), [])
    assert.deepEqual(whatChanged(unread, { ...unread, etag: '"new"' }), ['content'])
    assert.deepEqual(whatChanged(unread, wheel), ['digest'])
  })

  it('tell why a file went, where that is known', () => {
    const since = '2025-02-01T00:00:00Z'
    const after = projectRecord('demo', [], {
      withdrawn: [{ ...wheel, why: 'archived', since }],
      refused: [{ name: newer.name, size: 1, etag: 'x', reason: 'not a zip file' }],
    })
    const { removed, refused } = compareProjects('demo', projectRecord('demo', [wheel, newer, { ...newer, name: 'gone.whl' }]), after)
    assert.deepEqual(
      removed.map(({ name, why }) => [name, why]),
      [
        [wheel.name, 'archived'],
        [newer.name, 'refused'],
        ['gone.whl', undefined],
      ],
    )
    assert.deepEqual(
      refused.map(({ reason }) => reason),
      ['not a zip file'],
    )
    assert.deepEqual(compareProjects('demo', after, after).refused, [])
  })

  it('may differ in their status alone', () => {
    const archived = projectRecord('demo', [wheel], { status: { status: 'archived', reason: 'moved' } })
    assert.deepEqual(compareProjects('demo', projectRecord('demo', [wheel]), archived).status, {
      before: { status: 'active' },
      after: { status: 'archived', reason: 'moved' },
    })
    assert.equal(compareProjects('demo', archived, structuredClone(archived)).status, undefined)
  })

  it('of which one is missing differ in every file', () => {
    const record = projectRecord('demo', [wheel, newer])
    assert.deepEqual(compareProjects('demo', undefined, record).added, record.files)
    assert.deepEqual(compareProjects('demo', record, undefined).removed, record.files)
  })

  it('turned round have what was added removed, whatever they are', () => {
    const file = fc.record({ version: fc.constantFrom('1.0', '2.0', '3.0'), digest: fc.nat(2).map((n) => digestOf(String(n))) })
    const files = fc.uniqueArray(file, { selector: ({ version }) => version }).map((all) =>
      projectRecord(
        'demo',
        all.map(({ version, digest }) => publishedFile(`demo-${version}.tar.gz`, { digest })),
      ),
    )
    fc.assert(
      fc.property(files, files, (a, b) => {
        const [there, back] = [compareProjects('demo', a, b), compareProjects('demo', b, a)]
        assert.deepEqual([there.added, there.removed], [back.removed, back.added])
        assert.deepEqual(there.changed.map(({ name }) => name).sort(), back.changed.map(({ name }) => name).sort())
        assert.equal(there.added.length + there.changed.length <= b.files.length, true)
      }),
      { seed: testSeed },
    )
  })
})

describe('two catalogues', () => {
  it('are compared project by project, and only records that differ are read', async () => {
    const desk = indexDesk()
    const same = projectRecord('numpy', [publishedFile('numpy-2.0-py3-none-any.whl')])
    const before = await publishedBy(desk, same, projectRecord('demo', [wheel]), projectRecord('gone', [publishedFile('gone-1.0.tar.gz')]))
    const after = await publishedBy(desk, same, projectRecord('demo', [wheel, newer]), projectRecord('constructor', [newer]))
    const { projects, same: others, files } = await compareCatalogues(desk.context, before, after)
    assert.deepEqual(
      projects.map(({ name, added, removed }) => [name, added.length, removed.length]),
      [
        ['constructor', 1, 0],
        ['demo', 1, 0],
        ['gone', 0, 1],
      ],
    )
    assert.equal(others, 1)
    assert.deepEqual(files, { added: 2, removed: 1, changed: 0, refused: 0 })
    assert.deepEqual(desk.spent(), { get: 4 })
  })

  it('that publish the same cost nothing', async () => {
    const desk = indexDesk()
    const projects = await publishedBy(desk, projectRecord('demo', [wheel]))
    assert.deepEqual((await compareCatalogues(desk.context, projects, projects)).projects, [])
    assert.deepEqual(desk.spent(), {})
  })

  it('of which one has copies of the files of the other publish the same', async () => {
    const desk = indexDesk()
    const staging = await publishedBy(desk, projectRecord('demo', [wheel]))
    const release = await publishedBy(desk, projectRecord('demo', [{ ...wheel, etag: '"copy"', uploaded: '2026-01-01T00:00:00Z' }]))
    const { projects, same } = await compareCatalogues(desk.context, staging, release)
    assert.deepEqual([projects, same], [[], 1])
  })

  it('can be compared in one project, which one of them must have', async () => {
    const desk = indexDesk()
    const after = await publishedBy(desk, projectRecord('demo', [wheel]), projectRecord('numpy', [newer]))
    const { projects } = await compareCatalogues(desk.context, {}, after, { project: 'demo' })
    assert.deepEqual(
      projects.map(({ name }) => name),
      ['demo'],
    )
    for (const project of ['dmeo', 'constructor'])
      await assert.rejects(compareCatalogues(desk.context, {}, after, { project }), (error) => isFault(error, 'not-found'))
  })

  it('can be read from elsewhere, as where one of them is not stored yet', async () => {
    const desk = indexDesk()
    const record = projectRecord('demo', [wheel])
    const entry = { record: digestOf('not stored'), listed: listingDigest([]), files: 1, bytes: 0, refused: 0 }
    const { files } = await compareCatalogues(desk.context, {}, { demo: entry }, { read: () => Promise.resolve(record) })
    assert.equal(files.added, 1)
  })

  it('fail where a record is missing, rather than to show fewer files', async () => {
    const desk = indexDesk()
    const entry = { record: digestOf('missing'), listed: listingDigest([]), files: 1, bytes: 0, refused: 0 }
    await assert.rejects(compareCatalogues(desk.context, {}, { demo: entry }), (error) => isFault(error, 'corrupt'))
  })
})
