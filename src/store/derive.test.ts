import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, digestOf, Fault, type FaultCode, isFault, systemClock } from '../kit/index.ts'
import { copy, createMemoryStore, deletePrefix, digestAt, exists, move, type ObjectStore, readAll } from './index.ts'

const newStore = () => createMemoryStore({ clock: systemClock })
const fails = async (code: FaultCode, work: Promise<unknown>) => await assert.rejects(work, (error) => isFault(error, code))
const read = async (store: ObjectStore, key: string) => Buffer.from((await readAll(store, key, { limit: 100 })).bytes).toString()

test('a small object is read whole, with the facts of the version that was read', async () => {
  const store = newStore()
  const { etag } = await store.put('x', bytesOf('content'))
  const { bytes, info } = await readAll(store, 'x', { limit: 7 })
  assert.equal(Buffer.from(bytes).toString(), 'content')
  assert.equal(info.etag, etag)
  await fails('corrupt', readAll(store, 'x', { limit: 6 }))
  await fails('not-found', readAll(store, 'y', { limit: 6 }))
  assert.deepEqual([await exists(store, 'x'), await exists(store, 'y')], [true, false])
})

test('an object’s digest is that of the version that is asked for, and none where the reading ends early', async () => {
  const store = newStore()
  const { etag } = await store.put('x', bytesOf('content'))
  assert.deepEqual([await digestAt(store, 'x'), await digestAt(store, 'x', { etag })], [digestOf('content'), digestOf('content')])
  await fails('not-found', digestAt(store, 'y'))
  await fails('corrupt', digestAt(endingEarly(store), 'x'))
  await store.put('x', bytesOf('another'))
  await fails('precondition', digestAt(store, 'x', { etag }))
})

function endingEarly(store: ObjectStore): ObjectStore {
  return {
    ...store,
    async get(key, options) {
      const body = await store.get(key, options)
      return Object.assign(bytesOf('cont'), { length: body.length, info: body.info })
    },
  }
}

test('a copy inside of one place moves no bytes through this process', async () => {
  const store = newStore()
  await store.put('x', bytesOf('content'))
  const { way, moved, fellBack } = await copy(store, 'x', store, 'y')
  assert.deepEqual([way, moved, fellBack, await read(store, 'y')], ['near', 0, undefined, 'content'])
})

test('a copy between places is a stream, checked before it is visible', async () => {
  const [from, to] = [newStore(), newStore()]
  const { etag } = await from.put('x', bytesOf('content'), { contentType: 'text/plain' })
  const { way, moved, info } = await copy(from, 'x', to, 'y', { digest: digestOf('content'), etag })
  assert.deepEqual([way, moved, info.contentType, await read(to, 'y')], ['streamed', 7, 'text/plain', 'content'])
  await fails('corrupt', copy(from, 'x', to, 'z', { digest: digestOf('other') }))
  await fails('precondition', copy(from, 'x', to, 'z', { etag: 'another' }))
  await fails('precondition', copy(from, 'x', to, 'y', { if: 'absent' }))
  assert.equal(await exists(to, 'z'), false)
})

test('only where the place says that it cannot does a copy fall back to a stream, and it tells why', async () => {
  const store = newStore()
  await store.put('x', bytesOf('content'))
  const failing = (code: FaultCode): ObjectStore => ({
    ...store,
    near: { ...store.near!, copyFrom: async () => Promise.reject(new Fault(code, 'as planned')) },
  })
  const { way, moved, fellBack } = await copy(store, 'x', failing('unsupported'), 'y')
  assert.deepEqual([way, moved, fellBack?.message], ['streamed', 7, 'as planned'])
  await fails('unavailable', copy(store, 'x', failing('unavailable'), 'z'))
  assert.equal(await exists(store, 'z'), false)
})

test('a move copies and then deletes, and is refused onto itself', async () => {
  const store = newStore()
  await store.put('x', bytesOf('content'))
  await fails('invalid', move(store, 'x', store, 'x'))
  await move(store, 'x', store, 'y')
  assert.deepEqual([await exists(store, 'x'), await read(store, 'y')], [false, 'content'])
})

test('a prefix is deleted with everything under it and nothing beside it; an empty one is refused', async () => {
  const store = newStore()
  for (let index = 0; index < 50; index++) await store.put(`a/${index}`, bytesOf(''))
  await store.put('b', bytesOf(''))
  await fails('invalid', deletePrefix(store, ''))
  assert.equal(await deletePrefix(store, 'a/'), 50)
  assert.deepEqual(await Array.fromAsync(store.list(''), ({ key }) => key), ['b'])
})
