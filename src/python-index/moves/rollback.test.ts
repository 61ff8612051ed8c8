import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf, Fault, isFault } from '../../kit/index.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { built, publishedIn, publishFiles, putFiles, recordsOf } from '../../../test/fakes/index-moves.ts'
import { assertInLine, contentsOf, filesOf, pageOf } from '../../../test/fakes/index-truth.ts'
import { publish } from '../publish/publish.ts'
import { readIndex } from '../records/read.ts'
import { rollback } from './rollback.ts'
import { yank } from './yank.ts'

const prefix = 'v2'

/** Three generations: torch 2.6.0, rocm beside it, and torch 2.7.0. */
async function shop() {
  const desk = indexDesk()
  for (const wheel of [built.torch1, built.rocm1, built.torch2]) {
    await publishFiles(desk.context, prefix, [wheel])
    desk.clock.set(desk.clock.now() + 3_600_000)
  }
  return desk
}

const catalogueOf = async (context: Parameters<typeof readIndex>[0]) => (await readIndex(context))?.state.prefixes[prefix]?.catalogue

describe('a roll-back', () => {
  it('publishes what was published before the last change, as a new generation', async () => {
    const { context, bucket } = await shop()
    const done = await rollback(context, { prefix, message: 'crashes' })
    assert.equal(done.generation, 4)
    assert.deepEqual(done.prefixes[0]?.filesRemoved, [built.torch2.file])
    assert.ok(!done.prefixes[0].purge.some((key) => key.endsWith('.whl')), 'what stays in the bucket is what it was')
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch1.file])
    await assertInLine(bucket, prefix)
    assert.deepEqual((await readIndex(context))?.history.at(-1)?.message, 'crashes')
  })

  it('keeps what came since in the bucket, withdrawn: no publication lists it again, until it is told to', async () => {
    const { context, bucket } = await shop()
    await rollback(context, { prefix, to: { generation: 1 } })
    assert.deepEqual(await publishedIn(context, prefix), [built.torch1.file])
    const again = await publish(context, { prefixes: [prefix] })
    assert.equal(again.hasMoved, false)
    await publishFiles(context, prefix, [built.torch3])
    assert.deepEqual(await publishedIn(context, prefix), [built.torch1.file, built.torch3.file])
    assert.deepEqual(
      (await recordsOf(context, prefix))['torch']?.withdrawn.map(({ name, why }) => [name, why]),
      [[built.torch2.file, 'rolled-back']],
    )
    await publish(context, { prefixes: [prefix], includeWithdrawn: true })
    assert.equal((await publishedIn(context, prefix)).length, 4)
    await assertInLine(bucket, prefix)
  })

  it('goes to a generation, to a time, and forward again, to the same bytes', async () => {
    const { context, bucket, clock } = await shop()
    const [newest, pages] = [await catalogueOf(context), await contentsOf(bucket)]
    const [, second] = (await readIndex(context))!.history
    await rollback(context, { prefix, to: { asOf: Date.parse(second!.at) } })
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch1.file])
    clock.set(clock.now() + 1000)
    await rollback(context, { prefix, to: { generation: 3 } })
    assert.equal(await catalogueOf(context), newest)
    assert.deepEqual(await contentsOf(bucket), pages)
  })

  it('twice in a row goes there and back', async () => {
    const { context } = await shop()
    const newest = await catalogueOf(context)
    await rollback(context, { prefix })
    await rollback(context, { prefix })
    assert.equal(await catalogueOf(context), newest)
  })

  it('takes back yanks and status of then', async () => {
    const { context, bucket } = await shop()
    await yank(context, { prefix, project: 'torch', version: '2.7.0' })
    await rollback(context, { prefix })
    assert.equal((await pageOf(bucket, prefix, 'torch'))?.files[1]?.yanked ?? false, false)
  })

  it('goes where it was meant to, when someone else publishes meanwhile', async () => {
    const { context, store } = await shop()
    let isFirst = true
    const put: typeof store.put = async (key, ...rest) => {
      if (isFirst && key.startsWith('refs/')) {
        isFirst = false
        await publishFiles(context, prefix, [built.torch3])
      }
      return await store.put(key, ...rest)
    }
    await rollback({ ...context, store: { ...store, put } }, { prefix })
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch1.file])
  })

  it('copies nothing that its gate refuses, and asks it again when someone else was first', async () => {
    const { context, bucket, store } = await shop()
    const before = await contentsOf(bucket)
    const stop = async () => {
      throw new Fault('precondition', 'not now')
    }
    await assert.rejects(rollback(context, { prefix, gate: stop }), { code: 'precondition', message: /not now/ })
    assert.deepEqual(await contentsOf(bucket), before)

    const { generation } = (await readIndex(context))!
    const asItWas = async () => {
      if ((await readIndex(context))!.generation !== generation) throw new Fault('precondition', 'not as it was')
    }
    let isFirst = true
    const put: typeof store.put = async (key, ...rest) => {
      if (isFirst && key.startsWith('refs/')) {
        isFirst = false
        await publishFiles(context, prefix, [built.torch3])
      }
      return await store.put(key, ...rest)
    }
    await assert.rejects(rollback({ ...context, store: { ...store, put } }, { prefix, gate: asItWas }), { message: /not as it was/ })
    assert.equal((await publishedIn(context, prefix)).includes(built.torch3.file), true, 'what came meanwhile stands')
  })

  it('refuses what the allow-list does not let in any more', async () => {
    const { context } = await shop()
    const strict = { ...context, environment: { ...context.environment, allow: ['torch'] } }
    await publish(strict, { prefixes: [prefix] })
    await assert.rejects(rollback(strict, { prefix }), { code: 'not-found', message: /allow-list/ })
  })

  it('has nothing to do where that is what it publishes', async () => {
    const { context } = await shop()
    await assert.rejects(rollback(context, { prefix, to: { generation: 3 } }), { code: 'nothing-to-do' })
    await rollback(context, { prefix, to: { generation: 2 } })
    await assert.rejects(rollback(context, { prefix, to: { generation: 2 } }), { code: 'nothing-to-do' })
  })

  it('names what is gone or has other bytes, says how it comes back, and changes nothing', async () => {
    const { context, bucket } = await shop()
    await bucket.delete(`${prefix}/${built.rocm1.file}`)
    await publish(context, { prefixes: [prefix] })
    await bucket.put(`${prefix}/${built.torch1.file}`, bytesOf(built.torch1Other.bytes))
    await publish(context, { prefixes: [prefix] })
    const before = [await readIndex(context), await contentsOf(bucket)]
    await assert.rejects(
      rollback(context, { prefix, to: { generation: 2 } }),
      (error) =>
        isFault(error, 'not-found') &&
        error.message.includes(`${built.rocm1.file} (gone; it was ${built.rocm1.digest})`) &&
        error.message.includes(`${built.torch1.file} (it has other bytes now; it was ${built.torch1.digest})`) &&
        /versioned/.test(error.hint ?? ''),
    )
    assert.deepEqual([await readIndex(context), await contentsOf(bucket)], before)
    await putFiles(context, prefix, [built.rocm1, built.torch1])
    await rollback(context, { prefix, to: { generation: 2 } })
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch1.file])
    await assertInLine(bucket, prefix)
  })

  it('takes files that were put again with the same bytes, and leaves those that were never published to the next publication', async () => {
    const { context, bucket } = await shop()
    await bucket.delete(`${prefix}/${built.torch1.file}`)
    await publish(context, { prefixes: [prefix] })
    await putFiles(context, prefix, [built.torch1, built.source])
    await rollback(context, { prefix, to: { generation: 1 } })
    assert.deepEqual(await publishedIn(context, prefix), [built.torch1.file])
    await publish(context, { prefixes: [prefix] })
    assert.deepEqual(await filesOf(bucket, prefix, 'triton'), [built.source.file])
    assert.deepEqual(await filesOf(bucket, prefix, 'rocm'), [])
  })

  it('says which generations there are where there is no such one', async () => {
    const { context } = await shop()
    await assert.rejects(rollback(context, { prefix, to: { generation: 9 } }), { code: 'not-found' })
    await assert.rejects(rollback(context, { prefix, to: { asOf: 0 } }), { code: 'not-found' })
    await assert.rejects(rollback(context, { prefix: 'v3' }), { code: 'not-found' })
    const { context: fresh } = indexDesk()
    await publishFiles(fresh, prefix, [built.torch1])
    await assert.rejects(rollback(fresh, { prefix }), { code: 'not-found' })
  })

  it('shows what it would do and does nothing', async () => {
    const { context, bucket } = await shop()
    const before = [await readIndex(context), await contentsOf(bucket)]
    const plan = await rollback(context, { prefix, to: { generation: 1 }, dryRun: true })
    assert.deepEqual(plan.prefixes[0]?.filesRemoved, [built.rocm1.file, built.torch2.file])
    assert.deepEqual(plan.prefixes[0]?.withdrawn, [built.rocm1.file, built.torch2.file])
    assert.deepEqual([await readIndex(context), await contentsOf(bucket)], before)
  })
})
