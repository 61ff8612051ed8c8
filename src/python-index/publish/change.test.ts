import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, Fault, isFault } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { type IndexDesk, indexDesk } from '../../../test/fakes/index-desk.ts'
import { publishedFile } from '../../../test/fakes/index-records.ts'
import { contentsOf, filesOf, projectsOf } from '../../../test/fakes/index-truth.ts'
import { readCatalogue, readIndex } from '../records/read.ts'
import { byName, catalogueProject } from './catalogued.ts'
import { type ChangedPrefixes, changeIndex, type IndexBase } from './change.ts'
import { generationOf } from './published.ts'
import { reconcile } from './reconcile.ts'

/** Publishes a project of one file that has that name, beside what is there. */
function adding(desk: IndexDesk, prefix: string, name: string): (base: IndexBase) => Promise<ChangedPrefixes> {
  return async (base) => {
    const file = publishedFile(`${name}-1.0.tar.gz`)
    await desk.bucket.put(`${prefix}/${file.name}`, bytesOf(file.name))
    const content = { name, status: { status: 'active' as const }, files: [file], refused: [], withdrawn: [], metadata: {} }
    const { entry, record } = catalogueProject(content)!
    await base.outbox.add(record)
    const projects = Object.assign(byName(), await base.projects(prefix), { [name]: entry })
    return new Map([[prefix, { projects }]])
  }
}

test('a change is planned again on what stands, where someone else was first', async () => {
  const desk = indexDesk()
  let tries = 0
  const { ref } = await changeIndex(desk.context, 'try', 'a message', async (base) => {
    if (++tries === 1) await changeIndex(desk.context, 'first', undefined, adding(desk, 'v2', 'first'))
    return await adding(desk, 'v2', 'second')(base)
  })
  assert.equal(tries, 2)
  assert.deepEqual(
    ref?.history.map(({ action, message, note }) => [action, message, Object.keys(note.prefixes)]),
    [
      ['first', undefined, ['v2']],
      ['try', 'a message', ['v2']],
    ],
  )
  assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['first', 'second'])
})

test('what stands already moves nothing, and neither does a change without anything', async () => {
  const desk = indexDesk()
  await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', 'foo'))
  const same = await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', 'foo'))
  assert.deepEqual([same.hasMoved, same.changed.size, same.ref?.generation], [false, 0, 1])
  const nothing = await changeIndex(desk.context, 'nothing', undefined, async () => undefined)
  assert.deepEqual([nothing.hasMoved, nothing.views, nothing.ref?.generation], [false, [], 1])
})

test('each prefix keeps the catalogues that it can be rolled back to, and the ref reaches them and their records', async () => {
  const desk = indexDesk({ environment: { keepGenerations: 2 } })
  for (const name of ['a', 'b', 'c']) await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', name))
  await changeIndex(desk.context, 'add', undefined, adding(desk, 'v3', 'other'))
  const ref = (await readIndex(desk.context))!
  assert.deepEqual(
    ref.state.prefixes['v2']?.kept.map(({ generation }) => generation),
    [2, 3],
  )
  assert.equal(ref.state.prefixes['v2']?.kept.at(-1)?.catalogue, ref.state.prefixes['v2']?.catalogue)
  assert.deepEqual([generationOf(ref, 'v2'), generationOf(ref, 'v3'), generationOf(ref, 'v4')], [3, 4, undefined])
  assert.equal(ref.reaches.length, 3)
  const older = await readCatalogue(desk.context, ref.state.prefixes['v2']!.kept[0]!.catalogue)
  assert.deepEqual(Object.keys(older.projects), ['a', 'b'])
})

test('a fault of the change, and of the gate, leaves everything as it was', async () => {
  const desk = indexDesk()
  await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', 'foo'))
  const before = await contentsOf(desk.store, 'refs/')
  const stop = () => Promise.reject(new Fault('precondition', 'not the generation that was expected'))
  const isStopped = (error: unknown) => isFault(error, 'precondition')
  await assert.rejects(changeIndex(desk.context, 'stop', undefined, stop), isStopped)
  await assert.rejects(changeIndex(desk.context, 'stop', undefined, adding(desk, 'v2', 'bar'), { gate: stop }), isStopped)
  assert.deepEqual(await contentsOf(desk.store, 'refs/'), before)
  assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo'])
})

test('where the ref has moved and its pages cannot be written, that is said, and a reconciliation goes on', async () => {
  const desk = indexDesk()
  const bucket: ObjectStore = { ...desk.context.bucket, put: () => Promise.reject(new Fault('denied', 'access denied')) }
  const failed = changeIndex({ ...desk.context, bucket }, 'add', undefined, adding(desk, 'v2', 'foo'))
  await assert.rejects(
    failed,
    (error) => isFault(error, 'partial') && /generation 1/.test(error.message) && /reconcile/.test(error.hint ?? ''),
  )
  assert.equal((await readIndex(desk.context))?.generation, 1)
  const [done] = (await reconcile(desk.context)).prefixes
  assert.equal(done?.written.length, 4)
  assert.deepEqual(await filesOf(desk.bucket, 'v2', 'foo'), ['foo-1.0.tar.gz'])
  for await (const { key } of desk.bucket.list('v2/')) await desk.bucket.delete(key)
  await assert.rejects(reconcile(desk.context), (error) => isFault(error, 'precondition'))
  assert.deepEqual([...(await contentsOf(desk.bucket))], [], 'no pages where every file is gone')
})

test('a project that has no file is told of only while it has a status', async () => {
  const desk = indexDesk()
  const quarantined = { name: 'foo', files: [], refused: [], withdrawn: [], metadata: {} }
  assert.equal(catalogueProject({ ...quarantined, status: { status: 'active' } }), undefined)
  await changeIndex(desk.context, 'mark', undefined, async (base) => {
    const { entry, record } = catalogueProject({ ...quarantined, status: { status: 'archived', reason: 'moved' } })!
    await base.outbox.add(record)
    return new Map([['v2', { projects: { foo: entry } }]])
  })
  assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo'])
  assert.deepEqual(await filesOf(desk.bucket, 'v2', 'foo'), [])
})

test('a reconciliation of what was never published is refused by name', async () => {
  const desk = indexDesk()
  await assert.rejects(reconcile(desk.context), (error) => isFault(error, 'not-found'))
  await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', 'foo'))
  await assert.rejects(
    reconcile(desk.context, { prefixes: ['v2', 'v9'] }),
    (error) => isFault(error, 'not-found') && error.message.startsWith('v9 was never published'),
  )
})

test('the records that a prune has condemned are taken back by the change that wants them', async () => {
  const desk = indexDesk()
  await desk.context.prepareStore()
  const file = publishedFile('foo-1.0.tar.gz')
  const content = { name: 'foo', status: { status: 'active' as const }, files: [file], refused: [], withdrawn: [], metadata: {} }
  const { record } = catalogueProject(content)!
  const key = `snapshots/${record.digest.slice(7)}.json`
  const condemned = { format: 'holdfast-condemned/1', at: new Date(desk.clock.now()).toISOString(), keys: { [key]: record.digest } }
  await desk.store.put('condemned/a.json', bytesOf(JSON.stringify(condemned)))
  await changeIndex(desk.context, 'add', undefined, adding(desk, 'v2', 'foo'))
  const left = JSON.parse(Buffer.from(await Array.fromAsync(await desk.store.get('condemned/a.json')).then(Buffer.concat)).toString()) as {
    keys: object
  }
  assert.deepEqual(left.keys, {})
})
