import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeTracer } from '../../../test/fakes/tracer.ts'
import { bytesOf, systemClock, traced } from '../../kit/index.ts'
import { createMemoryStore } from '../drivers/memory.ts'
import { tracedStore } from './traced.ts'

const opened = () => {
  const tracer = fakeTracer()
  return { tracer, store: tracedStore(createMemoryStore({ clock: systemClock }), tracer) }
}

test('each verb within a span is a span below it, with key, size and fault', async () => {
  const { tracer, store } = opened()
  await traced(tracer, 'work', {}, async () => {
    await store.put('a/b', bytesOf('12345'))
    await store.get('a/b')
    await assert.rejects(store.get('gone'))
    await store.delete('a/b')
  })
  const [work, ...below] = tracer.spans
  for (const { above, kind, ended } of below) assert.deepEqual([above, kind, ended], [work!.id, 'client', true])
  assert.deepEqual(
    below.map(({ name, attributes, error }) => [name, attributes['holdfast.store.key'], attributes['holdfast.store.size'], error]),
    [
      ['store put', 'a/b', 5, undefined],
      ['store get', 'a/b', 5, undefined],
      ['store get', 'gone', undefined, 'not-found'],
      ['store delete', 'a/b', undefined, undefined],
    ],
  )
})

test('a listing is one span, also where its reader has had enough', async () => {
  const { tracer, store } = opened()
  for (const key of ['a', 'b', 'c']) await store.put(key, bytesOf(''))
  await traced(tracer, 'work', {}, async () => {
    for await (const { key } of store.list('')) if (key === 'b') break
  })
  assert.deepEqual(
    tracer.spans.map(({ name, ended, attributes }) => [name, ended, attributes['holdfast.store.items']]),
    [
      ['work', true, undefined],
      ['store list', true, 2],
    ],
  )
})

test('what belongs to nothing is not followed', async () => {
  const { tracer, store } = opened()
  await store.put('a', bytesOf(''))
  assert.equal((await Array.fromAsync(store.list(''))).length, 1)
  assert.deepEqual(tracer.spans, [])
})
