import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { bytesOf } from '../../src/kit/index.ts'
import { readAll } from '../../src/store/index.ts'
import { type Drill, drill, furnish } from './drill.ts'

const stableFile = 'tree/stable/6.4/librcclx-dev.a'

/** Releases and takes snapshots until it is told to stop. */
function keepWriting(at: Drill): { stop(): Promise<number> } {
  let stopped = false
  let count = 0
  const written = (async () => {
    for (; !stopped; count++) {
      await at.release(`beside the copy, ${count}`)
      writeFileSync(at.at('live/wallet.db'), `state ${count} `.repeat(5_000))
      await at.holdfast('snapshot create live --name stage')
      await new Promise((resolve) => setImmediate(resolve))
    }
    return count
  })()
  return {
    async stop() {
      stopped = true
      return await written
    },
  }
}

/** What a restored snapshot gives back. */
async function restored(at: Drill, snapshot: string): Promise<string> {
  await at.holdfast(`snapshot restore ${snapshot} --to checked --delete --yes`)
  return readFileSync(at.at('checked/wallet.db'), 'utf8')
}

drill(
  'The store is gone',
  async (at) => {
    await furnish(at)
    const writer = keepWriting(at)
    await at.walk()
    assert.ok((await writer.stop()) > 0)
    await at.holdfast(`store copy --to ${at.env['BACKUP']}`)
    const before = await restored(at, 'latest')
    await at.release('after the last copy')
    await at.withStore(async (store) => {
      for await (const { key } of store.list('')) await store.delete(key)
    })
    const lines = await at.walk()
    assert.match(lines[2]!.err, new RegExp(`may be the only copy\\n {2}at: .*${stableFile}`))
    assert.equal(await at.stable(), 'after the last copy')
    assert.equal(await restored(at, 'latest'), before)
    assert.match(await at.holdfast('index generations v2'), /promote/, 'generations of an index come along')
    assert.match(await at.holdfast('env pull stage --snapshot clean_state --replace --yes'), /clean_state/)
  },
  { alsoOnS3: true },
)

drill('The store is gone, and the copy was made with another tool', async (at) => {
  await furnish(at)
  const writer = keepWriting(at)
  await at.walk()
  assert.ok((await writer.stop()) > 0)
  // What is in the published folder is of later moves: this drill is about the store alone.
  for (const gone of ['store', 'tree', 'snapshots']) rmSync(at.at(gone), { recursive: true })
  await at.walk()
  assert.match(await at.stable(), /^(second|beside the copy, \d+)$/)
  assert.match(await restored(at, 'stage'), /^(clean )?state /)
})

drill(
  'Something in the store is damaged or deleted',
  async (at) => {
    await furnish(at)
    const harmed = await at.withStore(async (store) => {
      const keys = async (prefix: string) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
      const textOf = async (key: string) => Buffer.from((await readAll(store, key, { limit: 1 << 20 })).bytes).toString('latin1')
      const [blob, otherBlob] = await keys('blobs/')
      const [pack] = await keys('packs/')
      const records = await Promise.all((await keys('snapshots/')).map(async (key) => ({ key, text: await textOf(key) })))
      const record = records.find(({ text }) => text.includes('holdfast-snapshot/1'))!.key
      await store.put(blob!, bytesOf('wrong'))
      await store.put(pack!, bytesOf((await textOf(pack!)).slice(0, 100)))
      for (const key of [otherBlob!, record]) await store.delete(key)
      return { blob: blob!, all: [blob!, otherBlob!, pack!, record] }
    })
    const [found, releases, snapshots, repaired] = await at.walk()
    for (const key of harmed.all) assert.ok(found!.out.includes(key), found!.out)
    assert.match(releases!.out, /needed by: 6\.4 stable/)
    assert.match(snapshots!.out, /needed by: [0-9a-f]{8}/)
    assert.match(repaired!.out, /all is whole/)
    assert.equal(await at.stable(), 'second')
    assert.match(await restored(at, 'stage'), /^clean state /)
    assert.notEqual(await at.withStore((store) => store.head(`quarantine/${harmed.blob}`)), undefined)
  },
  { alsoOnS3: true },
)

drill('Somebody deleted refs', async (at) => {
  await furnish(at)
  await at.release('after the last copy')
  rmSync(at.at('store/refs'), { recursive: true })
  await at.walk()
  assert.equal(await at.stable(), 'after the last copy')
  const { result } = JSON.parse(await at.holdfast('snapshot list --name stage --json')) as { result: { snapshots: { id: string }[] } }
  rmSync(at.at('store/refs'), { recursive: true })
  await at.walk({ ID: result.snapshots[0]!.id })
  assert.match(readFileSync(at.at('back/wallet.db'), 'utf8'), /^clean state /)
})

drill('A ref was put back to an earlier state', async (at) => {
  await furnish(at)
  const ref = at.at('store/refs/releases/rcclx')
  spawnSync('cp', ['-a', ref, at.at('earlier')])
  await at.release('third')
  await at.holdfast(`store copy --to ${at.env['BACKUP']}`)
  rmSync(ref, { recursive: true })
  spawnSync('cp', ['-a', at.at('earlier'), ref])
  const [dry, , history] = await at.walk()
  assert.match(dry!.out, /refs\/releases\/rcclx\/6\.4\.json would be brought forward/)
  assert.equal(history!.out.match(/ create /g)?.length, 3, history!.out)
  assert.equal(await at.stable(), 'third')
})

drill('What was published is gone, or was overwritten', async (at) => {
  await furnish(at)
  writeFileSync(at.at(stableFile), 'somebody else was here')
  rmSync(at.at('tree/last_stable'), { recursive: true })
  await at.walk()
  assert.equal(readFileSync(at.at(stableFile), 'utf8'), 'second')
  for (const file of globSync(at.at('wheels/staging/**/*.html'))) writeFileSync(file, 'edited')
  rmSync(at.at('wheels/v2'), { recursive: true })
  await at.walk()
})

drill('The repository with the metadata lost a commit', async (at) => {
  const git = (...words: string[]) => {
    const { status, stderr } = spawnSync('git', words, { cwd: at.folder, env: at.env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }
  const names = {
    GIT_AUTHOR_NAME: 'ann',
    GIT_AUTHOR_EMAIL: 'ann@example.com',
    GIT_COMMITTER_NAME: 'ann',
    GIT_COMMITTER_EMAIL: 'ann@example.com',
  }
  Object.assign(at.env, names)
  git('init', '--quiet')
  for (const content of ['first', 'second']) {
    await at.release(content)
    git('add', 'snapshots')
    git('commit', '--quiet', '--message', content)
  }
  const before = readFileSync(at.at('snapshots/stable/6.4/metadata.txt'), 'utf8')
  const lines = await at.walk()
  assert.equal(readFileSync(at.at('snapshots/stable/6.4/metadata.txt'), 'utf8'), before)
  assert.equal(lines.at(-1)!.out, '')
})

drill('The disk of the store is full', async (at) => {
  mkdirSync(at.at('disk'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', at.at('disk')])
  if (status !== 0) return at.skip('no small disk can be mounted here: only root may')
  try {
    at.env['HOLDFAST_STORE_URL'] = `file:${at.at('disk/store')}`
    await at.walk()
    for (const mark of [1, 2, 3]) await at.release(Buffer.alloc(1 << 20, mark).toString('latin1'))
    const filler = spawnSync('dd', ['if=/dev/zero', `of=${at.at('disk/filler')}`, 'bs=4096'])
    assert.notEqual(filler.status, 0, 'the disk is full to its last byte')
    writeFileSync(at.at('out/librcclx-dev.a'), randomBytes(5 << 20))
    const create = 'release create --rocm-version 6.4 --no-build --yes'
    await at.holdfast(create, 10)
    await at.holdfast('release prune rcclx --keep 0 --yes', 10)
    assert.equal(readFileSync(at.at(stableFile))[0], 3)
    await at.walk()
    assert.equal(readFileSync(at.at(stableFile)).byteLength, 5 << 20)
  } finally {
    spawnSync('umount', [at.at('disk')])
  }
})
