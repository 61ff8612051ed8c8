import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createHttp } from '../../src/kit/http/index.ts'
import { collect, digestOf } from '../../src/kit/index.ts'
import { type IndexContext, mirror, publish } from '../../src/python-index/index.ts'
import { buildSdist, buildWheel } from '../fakes/distributions.ts'
import { hastyClock } from '../fakes/hasty-clock.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { startFakeUpstream } from '../fakes/upstream.ts'
import { dyingStores } from '../faults/dying-store.ts'

/* A mirror that dies at each of its operations in turn, on the store and on the bucket, just before and just after. */
const prefixes = ['v2', 'v3']
const built = [
  buildWheel({ name: 'foo', version: '1.0' }),
  buildWheel({ name: 'bar', version: '2.0', size: 200_000 }),
  buildSdist({ name: 'baz', version: '3.0' }),
]
const upstream = await startFakeUpstream()
for (const each of built) upstream.add(each, { provenance: '{}' })
const http = createHttp({ clock: hastyClock(0), random: () => 0, userAgent: 'holdfast/test' })
after(async () => {
  http.close()
  await upstream.close()
})
const dependencies = ['foo', 'bar', 'baz'].map((name) => ({ name, projects: ['all'], versions: ['latest'], takesSources: true }))
const environment = { prefixes, upstream: upstream.url, dependencies }
const digests = new Map(built.map(({ file, digest }) => [file, digest]))

/** Nothing stands under a wheel's name but that wheel. */
async function standing({ bucket }: IndexDesk): Promise<Set<string>> {
  const files = new Set<string>()
  for await (const { key } of bucket.list('')) {
    const file = key.split('/')[1]!
    if (!digests.has(file)) continue
    assert.equal(digestOf(await collect(await bucket.get(key), 1 << 20)), digests.get(file), key)
    files.add(file)
  }
  return files
}

test('a mirror may die at any operation: what stands is whole, and the next one fetches only what is nowhere', async (t) => {
  const dieAt = async (at: number, when: 'before' | 'after') => {
    const desk = indexDesk({ environment })
    const { life, stores } = dyingStores([desk.store, desk.bucket], at, when)
    const dying: IndexContext = { ...desk.context, store: stores[0]!, bucket: stores[1]! }
    await Promise.race([mirror(dying, http, { package: 'all' }), life.died])
    const there = await standing(desk)
    const asked = upstream.requests.length
    const { failures, moved } = await mirror(desk.context, http, { package: 'all' })
    assert.deepEqual(failures, [])
    // What was under way at its death may have come all the same.
    assert.ok(moved.downloads <= built.length - there.size)
    const again = upstream.requests.slice(asked).map((line) => line.split('/').at(-1)!)
    assert.ok(!again.some((file) => there.has(file)))
    await publish(desk.context, { prefixes })
    assert.equal((await standing(desk)).size, built.length)
    const idle = await publish(desk.context, { prefixes })
    assert.ok(!idle.hasMoved && idle.prefixes.every(({ files, refused }) => files === built.length && refused.length === 0))
    return life.count
  }
  const count = await dieAt(Number.POSITIVE_INFINITY, 'before')
  assert.ok(count > 15)
  for (let at = 1; at <= count; at++) {
    for (const when of ['before', 'after'] as const) {
      await dieAt(at, when).catch((error: unknown) => {
        throw new Error(`died just ${when} operation ${at} of ${count}`, { cause: error })
      })
    }
  }
  t.diagnostic(`${count} operations`)
})
