import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after } from 'node:test'
import { scratchDirectory } from '../fakes/scratch.ts'
import { ensureDebianPackages } from '../services/install.ts'
import { createPostgres, whyNoPostgres } from '../services/postgres.ts'
import { type Drill, drill, furnish } from './drill.ts'

interface Made {
  readonly id: string
  readonly secret: string
}

async function makeToken(at: Drill, name: string): Promise<Made> {
  return (JSON.parse(await at.holdfast(`token create ${name} --scope release:rollback --json`)) as { result: Made }).result
}

/** Starts `holdfast serve`, asks it for a roll-back, and stops it again. Gives the status of the answer. */
async function rollBackThroughServer(at: Drill, { secret }: Made): Promise<number> {
  const child = spawn('holdfast', ['serve', '--port', '0'], { cwd: at.folder, env: at.env, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = ''
      child.stderr.on('data', (piece: Buffer) => {
        said += piece.toString()
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)
        if (found !== null) resolve(found[0])
      })
      child.on('exit', () => reject(new Error(`the server has ended: ${said}`)))
    })
    const post = async (body: object) =>
      await fetch(`${url}/api/v1/actions/release-rollback`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ product: 'rcclx', variant: '6.4', ...body }),
      })
    const planned = await post({ dryRun: true })
    if (planned.status !== 200) return planned.status
    const { plan } = (await planned.json()) as { plan: string }
    return (await post({ plan })).status
  } finally {
    child.kill()
    await ended
  }
}

/** The state folder that doctor names. */
async function stateOf(at: Drill): Promise<string> {
  const { result } = JSON.parse(await at.holdfast('doctor --json')) as { result: { findings: { about: string; says: string }[] } }
  return result.findings.find(({ about }) => about === 'state folder')!.says
}

drill('The state of a server is lost', async (at) => {
  try {
    await ensureDebianPackages(['sqlite3'])
  } catch (error) {
    return at.skip(String(error))
  }
  for (const content of ['first', 'second', 'third']) await at.release(content)
  const [kept, revoked] = [await makeToken(at, 'kept'), await makeToken(at, 'revoked')]
  const STATE = await stateOf(at)
  await at.walk({ STATE })
  await at.holdfast(`token revoke ${revoked.id}`)
  rmSync(STATE, { recursive: true })
  assert.equal(await rollBackThroughServer(at, kept), 401)
  for (const file of globSync(path.join(STATE, 'server.sqlite*'))) rmSync(file)
  const [, audit, list] = await at.walk({ STATE, REVOKED: revoked.id })
  assert.match(audit!.out, /the log is whole/)
  assert.ok(list!.out.split('\n').some((line) => line.includes(revoked.id) && line.includes('until')))
  assert.equal(await rollBackThroughServer(at, kept), 200)
  assert.equal(await rollBackThroughServer(at, revoked), 401)
  assert.equal(await at.stable(), 'second')
})

const job = '\n[[job]]\nname = "publish"\nrun = "index publish all"\nevery = "1h"\n'

drill('The state of a daemon is lost', async (at) => {
  await furnish(at)
  appendFileSync(at.at('holdfast.toml'), job)
  const STATE = await stateOf(at)
  await at.shell(['holdfast daemon --once'])
  const before = await at.holdfast('index status --json')
  const [, , list] = await at.walk({ STATE })
  assert.match(list!.out, /3 done/)
  assert.equal(await at.holdfast('index status --json'), before)
})

let stopDatabase = () => {}
after(() => stopDatabase())
const home = scratchDirectory()

drill('The database of the queue was put back to an old dump', async (at) => {
  const reason = await whyNoPostgres()
  if (reason !== undefined) return at.skip(reason)
  const server = createPostgres(home, path.join(home, 'data'), '-c max_connections=20 -c fsync=off')
  server.run(server.lines.start)
  stopDatabase = () => server.run(server.lines.stop)
  await furnish(at)
  appendFileSync(at.at('holdfast.toml'), job)
  at.env['HOLDFAST_QUEUE_URL'] = server.url
  await at.shell(['holdfast jobs run publish'])
  await at.walk()
  await at.shell(['holdfast daemon --once'])
  const before = await at.holdfast('index status --json')
  const lines = await at.walk()
  assert.match(lines.at(-1)!.out, /done {3}index publish v2/)
  assert.doesNotMatch(lines.at(-1)!.out, /waiting|running|failed/)
  assert.equal(await at.holdfast('index status --json'), before)
})

drill('A bad release was promoted', async (at) => {
  await at.release('good')
  await at.release('bad', '--channel', 'staging')
  await at.holdfast('release promote rcclx --rocm-version 6.4 --from staging --to stable --yes')
  const [, history] = await at.walk()
  assert.equal(await at.stable(), 'good')
  assert.equal(readFileSync(at.at('tree/stable/6.4/librcclx-dev.a'), 'utf8'), 'good')
  assert.match(history!.out, /rollback .* ann@\S+ +breaks the ring on eight ranks\n/)
})

drill('A token has leaked', async (at) => {
  for (const content of ['first', 'second', 'third']) await at.release(content)
  const leaked = await makeToken(at, 'leaked')
  const BEFORE = new Date().toISOString()
  assert.equal(await rollBackThroughServer(at, leaked), 200)
  const [, audit, history] = await at.walk({ LEAKED: leaked.id, BEFORE })
  assert.match(audit!.out, /done +rollBackRelease/)
  assert.match(history!.out, new RegExp(`token ${leaked.id}`))
  assert.equal(await rollBackThroughServer(at, leaked), 401)
  assert.equal(await at.stable(), 'third')
})

drill('Keys of a bucket have leaked', async (at) => {
  await furnish(at)
  const pack = globSync(at.at('store/packs/*/*'))[0]!
  writeFileSync(pack, readFileSync(pack).fill(7, 30, 90))
  rmSync(globSync(at.at('store/snapshots/*.json')).find((file) => readFileSync(file, 'utf8').includes('"holdfast-snapshot/1"'))!)
  // A ref that leads to a release of theirs, whole in every digest.
  mkdirSync(at.at('elsewhere'))
  const theirs = `file:${at.at('elsewhere/store')}`
  await at.release('theirs', '--store', theirs, '--force')
  rmSync(at.at('store/refs/releases/rcclx'), { recursive: true })
  await at.holdfast(`--store ${theirs} store copy --to ${at.env['STORE']}`)
  const [moved, , , bytes, published] = await at.walk()
  assert.match(moved!.out, /refs\/releases\/rcclx\/6\.4\.json is different there/)
  assert.match(bytes!.out, /missing: snapshots\/[^]*damaged: packs\//)
  assert.match(published!.out, /damaged: file:\S+tree\/stable\/6\.4\//)
  assert.equal(await at.stable(), 'second')
  assert.equal(readFileSync(at.at('tree/stable/6.4/librcclx-dev.a'), 'utf8'), 'second')
})

/** Stores as the versions in their names have written them, with `furnish`; each must be of use for good. */
const stores = path.resolve(import.meta.dirname, '../compat/stores')

drill('Another version of holdfast, and back', async (at) => {
  const old = globSync(path.join(stores, '*.tar.gz'))
  assert.ok(old.length > 0)
  for (const file of old) {
    for (const folder of ['store', 'backup']) rmSync(at.at(folder), { recursive: true, force: true })
    assert.equal(spawnSync('tar', ['-xzf', file, '-C', at.folder]).status, 0)
    at.env['BACKUP'] = `file:${at.at('backup')}`
    await at.holdfast('release reconcile --force')
    assert.equal(await at.stable(), 'second', file)
    await at.holdfast('snapshot restore stage --to checked --delete --yes')
    assert.match(readFileSync(at.at('checked/wallet.db'), 'utf8'), /^clean state /, file)
    // It goes on from there.
    await at.release('third')
    writeFileSync(at.at('live/wallet.db'), 'another state '.repeat(10_000))
    await at.holdfast('snapshot create live --name stage')
    await at.holdfast('store prune')
  }
  await at.walk()
  for (const file of globSync([at.at('store/holdfast.json'), at.at('store/.~gen-holdfast.json/*')])) {
    writeFileSync(file, readFileSync(file, 'utf8').replace('holdfast-store/1', 'holdfast-store/2'))
  }
  const before = globSync(at.at('store/**')).toSorted()
  writeFileSync(at.at('out/librcclx-dev.a'), 'fourth')
  for (const { err } of await at.walk())
    assert.match(err, /"holdfast-store\/2"; this version works with holdfast-store\/1[^]*next: use the version/)
  assert.deepEqual(globSync(at.at('store/**')).toSorted(), before)
})
