import { asFault, type Attributes, type Span, traced, type Tracer } from '../../kit/index.ts'
import type { ObjectInfo, ObjectStore } from '../store.ts'

/**
 * The same store, followed: each verb within a span is a span below it. That of a `get` ends when the bytes begin to come, that of a
 * listing when its reader has enough.
 */
export function tracedStore(store: ObjectStore, tracer: Tracer): ObjectStore {
  const verb = <T>(operation: string, about: Attributes, work: (span: Span | undefined) => Promise<T>) =>
    traced(tracer, `store ${operation}`, { kind: 'client', attributes: { ...factsOf(store, operation), ...about } }, work)
  return {
    ...store,
    near: store.near && {
      ...store.near,
      copyFrom: (address, key, options) =>
        verb('copy', { 'holdfast.store.key': key }, (span) => sized(span, store.near!.copyFrom(address, key, options))),
    },
    head: (key, options) => verb('head', { 'holdfast.store.key': key }, () => store.head(key, options)),
    get: (key, options) =>
      verb('get', { 'holdfast.store.key': key }, async (span) => {
        const body = await store.get(key, options)
        span?.set({ 'holdfast.store.size': body.length })
        return body
      }),
    reader: store.reader && ((key, options) => verb('get', { 'holdfast.store.key': key }, () => store.reader!(key, options))),
    put: (key, body, options) => verb('put', { 'holdfast.store.key': key }, (span) => sized(span, store.put(key, body, options))),
    delete: (key, options) => verb('delete', { 'holdfast.store.key': key }, () => store.delete(key, options)),
    async *list(prefix, options): AsyncGenerator<ObjectInfo> {
      if (tracer.current() === undefined) return yield* store.list(prefix, options)
      const span = tracer.begin('store list', {
        kind: 'client',
        attributes: { ...factsOf(store, 'list'), 'holdfast.store.prefix': prefix },
      })
      const infos = store.list(prefix, options)[Symbol.asyncIterator]()
      let items = 0
      try {
        for (;;) {
          const next = await span.within(() => infos.next())
          if (next.done === true) return
          items++
          yield next.value
        }
      } catch (error) {
        span.end(asFault(error).code)
        throw error
      } finally {
        await infos.return?.()
        span.set({ 'holdfast.store.items': items })
        span.end()
      }
    },
  }
}

function factsOf({ name }: ObjectStore, operation: string): Attributes {
  return { 'holdfast.store.operation': operation, 'holdfast.store.name': name }
}

async function sized(span: Span | undefined, put: Promise<ObjectInfo>): Promise<ObjectInfo> {
  const info = await put
  span?.set({ 'holdfast.store.size': info.size })
  return info
}
