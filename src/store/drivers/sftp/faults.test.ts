import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { type PlannedMisdeed, type SftpMisdeed, sftpPeer, sftpServerProgram } from '../../../../test/faults/sftp-peer.ts'
import { asFault, bytesOf, collect, forEachBounded, isFault, isTemporary, systemClock } from '../../../kit/index.ts'
import type { ObjectStore } from '../../store.ts'
import { createSftpStore } from './index.ts'
import { packetKinds, statuses } from './packet.ts'

const [old, fresh] = ['what was there', 'what is put']
const key = 'some/where/x'
const skip = existsSync(sftpServerProgram) ? false : `there is no ${sftpServerProgram}: apt-get install openssh-sftp-server`

function storeOver(root: string, plan: readonly PlannedMisdeed[], silence = 60_000) {
  const peer = sftpPeer(plan)
  const { connect } = peer
  return { peer, store: createSftpStore({ host: 'peer', path: root, clock: systemClock, env: {}, connect, silence }) }
}

interface Operation {
  readonly name: string
  before(store: ObjectStore): Promise<unknown>
  run(store: ObjectStore, facts: { etag: string }): Promise<unknown>
  readonly holds: readonly (string | undefined)[]
}

const put = (content: string) => (store: ObjectStore) => store.put(key, bytesOf(content))
const read = async (store: ObjectStore) => Buffer.from(await collect(await store.get(key), 100)).toString()
const moved = async (store: ObjectStore) => {
  const { etag } = await put('first')(store)
  return await store.put(key, bytesOf(old), { if: { etag } })
}
const deleted = async (store: ObjectStore) => {
  await moved(store)
  await store.delete(key)
}
const absent = (store: ObjectStore) => store.put(key, bytesOf(fresh), { if: 'absent' })
const over = (store: ObjectStore, { etag }: { etag: string }) => store.put(key, bytesOf(fresh), { if: { etag } })

const operations: readonly Operation[] = [
  { name: 'put of a new key', before: async () => {}, run: put(fresh), holds: [undefined, fresh] },
  { name: 'put over a key', before: put(old), run: put(fresh), holds: [old, fresh] },
  { name: 'put if absent', before: async () => {}, run: absent, holds: [undefined, fresh] },
  { name: 'first put with an etag', before: put(old), run: over, holds: [old, fresh] },
  { name: 'next put with an etag', before: moved, run: over, holds: [old, fresh] },
  { name: 'put if absent over a deleted generation', before: deleted, run: absent, holds: [undefined, fresh] },
  { name: 'delete', before: put(old), run: (store) => store.delete(key), holds: [old, undefined] },
  { name: 'delete of a generation', before: moved, run: (store) => store.delete(key), holds: [old, undefined] },
  { name: 'head', before: put(old), run: async (store) => (await store.head(key))?.size ?? 'absent', holds: [old] },
  { name: 'get', before: put(old), run: read, holds: [old] },
  { name: 'get of a generation', before: moved, run: read, holds: [old] },
  {
    name: 'list',
    before: moved,
    run: async (store) => (await Array.fromAsync(store.list('some/'))).map((info) => info.key).join(),
    holds: [old],
  },
]

/** Runs one operation with planned misdeeds; its outcome, and what an honest server shows afterwards. */
async function runWith({ before, run }: Operation, ...plan: PlannedMisdeed[]) {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-sftp-faults-'))
  const honest = storeOver(root, []).store
  try {
    await before(honest)
    // Later than any time that a put gives by itself, so that every run makes the same requests.
    if (existsSync(path.join(root, key))) await utimes(path.join(root, key), 2_000_000_000, 2_000_000_000)
    const etag = (await honest.head(key))?.etag ?? 'none'
    const { peer, store } = storeOver(root, plan)
    const outcome = await run(store, { etag }).then(
      (told) => ({ told }),
      (error: unknown) => ({ error }),
    )
    peer.assertUsed()
    const requests = [...peer.requests]
    const again = await store.head(key)
    await store.close()
    const holds = (await honest.head(key)) === undefined ? undefined : await read(honest)
    assert.equal(again === undefined, holds === undefined, 'the same store goes on working')
    const left = (await readdir(root, { recursive: true })).filter((each) => isTemporary(path.basename(each)))
    return { requests, outcome, holds, left }
  } finally {
    await honest.close()
    await rm(root, { recursive: true })
  }
}

const misdeeds: Readonly<Record<string, { does: SftpMisdeed; code: 'denied' | 'unavailable' }>> = {
  'a refusal without a reason': { does: { status: statuses.failure }, code: 'unavailable' },
  'a refusal for lack of rights': { does: { status: statuses.permissionDenied }, code: 'denied' },
  'a connection that is cut before': { does: 'cut', code: 'unavailable' },
  'a connection that is cut after': { does: 'lose-answer', code: 'unavailable' },
}

/** Every request with every misdeed; in the short run with every second one, in turn. */
function* misdeedsIn(requests: readonly string[]) {
  const counts = new Map<string, number>()
  for (const [index, on] of requests.entries()) {
    const nth = (counts.get(on) ?? 0) + 1
    counts.set(on, nth)
    const kinds = Object.entries(misdeeds).filter((_, kind) => process.env['HOLDFAST_SOAK'] === '1' || kind % 2 === index % 2)
    for (const [name, { does, code }] of kinds) if (on !== 'INIT' || typeof does === 'string') yield { name, on, nth, does, code }
  }
}

describe('a server or a connection that fails in any request of any verb', { skip, concurrency: 2 }, () => {
  for (const operation of operations) {
    test(`${operation.name}: says what failed, never that nothing is there, and shows old or new whole`, async () => {
      const { requests, outcome, holds } = await runWith(operation)
      assert.ok('told' in outcome, `it works on an honest server: ${'error' in outcome ? String(outcome.error) : ''}`)
      await forEachBounded(misdeedsIn(requests), 4, async ({ name, code, ...misdeed }) => {
        const told = await runWith(operation, misdeed)
        const where = `${name} in ${misdeed.on} ${misdeed.nth}`
        assert.ok(operation.holds.includes(told.holds), `${where} left ${told.holds}`)
        if ('error' in told.outcome) {
          const fault = asFault(told.outcome.error)
          // Where a name may be taken, a refusal that was a lie can only look like a race that was lost.
          const isRight = fault.code === code || (misdeed.on === 'RMDIR' && fault.code === 'invalid')
          assert.ok(isRight, `${where}: ${fault.code} ${fault.message}`)
        } else {
          assert.equal(told.holds, holds, `${where} was swallowed before it was done`)
          if (typeof outcome.told === 'string') assert.deepEqual(told.outcome, outcome, where)
          assert.notEqual(misdeed.on, 'fsync', `${where} was swallowed`)
        }
        if (typeof misdeed.does !== 'string' && misdeed.on !== 'REMOVE') assert.deepEqual(told.left, [], where)
      })
    })
  }
})

describe('a race with others on the server, of which it says only that something failed', { skip }, () => {
  const racing = async (plan: (root: string) => PlannedMisdeed, run: (store: ObjectStore) => Promise<unknown>) => {
    const root = await mkdtemp(path.join(tmpdir(), 'holdfast-sftp-races-'))
    const { peer, store } = storeOver(root, [plan(root)])
    try {
      await run(store)
      peer.assertUsed()
    } finally {
      await store.close()
      await rm(root, { recursive: true })
    }
  }
  const does = { status: statuses.failure }

  test('a put if absent that finds the key taken, and then deleted, takes it', async () => {
    await racing(
      () => ({ on: 'hardlink', nth: 1, does }),
      async (store) => {
        await absent(store)
        assert.equal(await read(store), fresh)
        await assert.rejects(absent(store), (error) => isFault(error, 'precondition'))
      },
    )
  })

  test('a put that a directory is in the way of, which goes again, is made', async () => {
    await racing(
      () => ({ on: 'posix-rename', nth: 1, does }),
      async (store) => {
        await put(fresh)(store)
        assert.equal(await read(store), fresh)
      },
    )
  })

  test('a delete of a key that becomes a directory meanwhile finds it gone', async () => {
    const replaced = (root: string): PlannedMisdeed => ({
      on: 'REMOVE',
      nth: 1,
      get does() {
        rmSync(path.join(root, key))
        mkdirSync(path.join(root, key, 'below'), { recursive: true })
        return { status: statuses.failure }
      },
    })
    await racing(replaced, async (store) => {
      await put(old)(store)
      await store.delete(key)
      assert.equal(await store.head(key), undefined)
    })
  })
})

const big = 3 << 20

describe('a server that lies', { skip }, () => {
  const over = async (does: SftpMisdeed, on: string, run: (store: ObjectStore) => Promise<unknown>, nth = 1, silence?: number) => {
    const root = await mkdtemp(path.join(tmpdir(), 'holdfast-sftp-lies-'))
    const honest = storeOver(root, []).store
    try {
      await honest.put(key, bytesOf('0123456789'))
      await honest.put('big', bytesOf(new Uint8Array(big)))
      const { peer, store } = storeOver(root, [{ on, nth, does }], silence)
      const fault = await run(store).then(
        () => undefined,
        (error: unknown) => asFault(error),
      )
      peer.assertUsed()
      assert.equal((await store.head('big'))?.size, big, 'the next verb has a new connection')
      await store.close()
      return fault
    } finally {
      await honest.close()
      await rm(root, { recursive: true })
    }
  }
  const list = async (store: ObjectStore) => await Array.fromAsync(store.list(''))
  const numbered = (honest: Buffer, change: (packet: Buffer) => void) => {
    const packet = Buffer.from(honest)
    change(packet)
    return packet
  }
  const lies: Record<
    string,
    { on: string; answer: (honest: Buffer) => Buffer[]; run: (store: ObjectStore) => Promise<unknown>; says: RegExp }
  > = {
    'an answer to what was not asked': {
      on: 'READ',
      answer: (honest) => [numbered(honest, (packet) => packet.writeUInt32BE(4711, 1))],
      run: read,
      says: /answers request 4711, which is not open/,
    },
    'two answers to one request': {
      on: 'READ',
      answer: (honest) => [honest, honest],
      run: async (store) => {
        await read(store)
        await read(store)
      },
      says: /which is not open|lost/,
    },
    'more bytes than were asked for': {
      on: 'READ',
      answer: (honest) => [Buffer.concat([honest.subarray(0, 5), Buffer.from([0, 0, 0, 11]), Buffer.alloc(11)])],
      run: read,
      says: /11 bytes where 10 were asked for/,
    },
    'no bytes, and not the end': {
      on: 'READ',
      answer: (honest) => [Buffer.concat([honest.subarray(0, 5), Buffer.alloc(4)])],
      run: read,
      says: /0 bytes where/,
    },
    'a packet cut short': {
      on: 'LSTAT',
      answer: (honest) => [honest.subarray(0, 7)],
      run: (store) => store.head('big'),
      says: /ends before/,
    },
    'an answer of another kind': {
      on: 'OPEN',
      answer: (honest) => [numbered(honest, (packet) => packet.writeUInt8(packetKinds.DATA))],
      run: read,
      says: /kind 103 where HANDLE belongs/,
    },
    'an endless handle': {
      on: 'OPEN',
      answer: (honest) => [Buffer.concat([honest.subarray(0, 5), Buffer.from([0, 0, 2, 0]), Buffer.alloc(512)])],
      run: read,
      says: /handle of 512 bytes/,
    },
    'a name that leads elsewhere': {
      on: 'READDIR',
      answer: (honest) => [
        Buffer.concat([honest.subarray(0, 5), Buffer.from([0, 0, 0, 1, 0, 0, 0, 4]), Buffer.from('../x'), Buffer.alloc(8)]),
      ],
      run: list,
      says: /"\.\.\/x" as a name/,
    },
    'a part of a directory without an entry': {
      on: 'READDIR',
      answer: (honest) => [Buffer.concat([honest.subarray(0, 5), Buffer.alloc(4)])],
      run: list,
      says: /without an entry/,
    },
    'more entries than the packet holds': {
      on: 'READDIR',
      answer: (honest) => [numbered(honest, (packet) => packet.writeUInt32BE(0xffff_ffff, 5))],
      run: list,
      says: /ends before/,
    },
  }
  for (const [name, { on, answer, run, says }] of Object.entries(lies)) {
    test(`${name} is corrupt or lost, and said`, async () => {
      const fault = await over({ answer }, on, run)
      assert.ok(isFault(fault, 'corrupt') || isFault(fault, 'unavailable'), String(fault))
      assert.match(fault.message, says)
    })
  }

  test('fewer bytes than were asked for are gone on with', async () => {
    const halved = (honest: Buffer) => [Buffer.concat([honest.subarray(0, 5), Buffer.from([0, 0, 0, 4]), honest.subarray(9, 13)])]
    assert.equal(await over({ answer: halved }, 'READ', async (store) => assert.equal(await read(store), '0123456789')), undefined)
  })

  test('a file that ends early is precondition: it is not the version that was seen', async () => {
    const fault = await over({ status: statuses.eof }, 'READ', async (store) => await collect(await store.get('big'), big), 5)
    assert.ok(isFault(fault, 'precondition'), String(fault))
  })

  test('a server that never greets is given up', async () => {
    const fault = await over({ answer: () => [] }, 'INIT', async (store) => await store.head(key), 1, 200)
    assert.ok(isFault(fault, 'unavailable'))
    assert.match(fault.message, /has not answered for 0.2 seconds/)
  })

  test('a server that falls silent is given up, and a wait for it ends with its signal', async () => {
    const silent = await over('stall', 'READ', read, 1, 200)
    assert.ok(isFault(silent, 'unavailable'))
    const controller = new AbortController()
    const never = () => {
      controller.abort()
      return []
    }
    const stopped = await over({ answer: never }, 'READ', async (store) => await store.get(key, { signal: controller.signal }))
    assert.ok(isFault(stopped, 'aborted'), String(stopped))
  })
})
