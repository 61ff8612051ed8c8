import { bytesOf } from '../../kit/index.ts'
import type { Near } from '../store.ts'
import {
  type CaseEnv,
  type ConformanceCase,
  type Facts,
  ensure,
  ensureAbsent,
  ensureEqual,
  ensureFault,
  ensureHolds,
  randomBytes,
  text,
} from './case.ts'

const needs = ({ near }: Facts) => near

function nearOf({ store }: CaseEnv): Near {
  ensure(store.near !== undefined, 'the store can copy by itself')
  return store.near
}

export const copyCases: readonly ConformanceCase[] = [
  {
    name: 'a copy inside of the place holds the same bytes, also over another object, and lives on its own',
    needs,
    async run(env) {
      const { store, key, random } = env
      const near = nearOf(env)
      for (const size of [0, 100, 6 << 20]) {
        const content = randomBytes(random, size)
        const source = await store.put(key('source'), bytesOf(content))
        await store.put(key('over'), bytesOf('what was there'))
        for (const target of ['fresh/deep', 'over']) {
          const info = await near.copyFrom(near.address(key('source')), key(target), { etag: source.etag, size })
          const seen = await ensureHolds(await env.open(), key(target), content)
          ensureEqual([info.key, info.size, info.etag], [seen.key, seen.size, seen.etag], 'what the copy answered')
        }
        await store.put(key('source'), bytesOf('changed since'))
        await ensureHolds(store, key('over'), content)
        await store.delete(key('fresh/deep'))
        await ensureHolds(store, key('source'), text('changed since'))
      }
    },
  },
  {
    name: 'a copy of what is not there is not-found, and of another version than asked for is precondition',
    needs,
    async run(env) {
      const { store, key } = env
      const near = nearOf(env)
      const old = await store.put(key('source'), bytesOf('old'))
      await store.put(key('source'), bytesOf('new'))
      await store.put(key('over'), bytesOf('standing'))
      await ensureFault('precondition', near.copyFrom(near.address(key('source')), key('over'), { etag: old.etag }), 'a stale source')
      await ensureFault('not-found', near.copyFrom(near.address(key('missing')), key('over')), 'a missing source')
      await ensureFault('not-found', near.copyFrom(near.address(key('missing')), key('fresh')), 'a missing source')
      await ensureHolds(store, key('over'), text('standing'))
      await ensureAbsent(store, key('fresh'))
    },
  },
  {
    name: 'a copy keeps the content type, or takes the one it is given',
    needs: ({ near, metadata }) => near && metadata,
    async run(env) {
      const { store, key } = env
      const near = nearOf(env)
      await store.put(key('source'), bytesOf('x'), { contentType: 'text/css', cacheControl: 'max-age=60' })
      await near.copyFrom(near.address(key('source')), key('same'))
      await near.copyFrom(near.address(key('source')), key('other'), { contentType: 'text/plain', cacheControl: 'no-cache' })
      const [same, other] = [await store.head(key('same')), await store.head(key('other'))]
      ensureEqual([same?.contentType, same?.cacheControl], ['text/css', 'max-age=60'], 'kept')
      ensureEqual([other?.contentType, other?.cacheControl], ['text/plain', 'no-cache'], 'given')
    },
  },
  {
    name: 'odd keys can be copied from and to',
    needs,
    async run(env) {
      const { store, key } = env
      const near = nearOf(env)
      for (const name of ['a b+c', 'a%2Fb', 'ünï/😀', 'a?b#c&d', 'a\\b', '%']) {
        await store.put(key(name), bytesOf(name))
        await near.copyFrom(near.address(key(name)), key(`to/${name}`))
        await ensureHolds(store, key(`to/${name}`), text(name))
      }
    },
  },
]
