import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { placeIn } from '../../../../test/fakes/environment-place.ts'
import { asNobody, needsRoot, nobody } from '../../../../test/fakes/nobody.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { scratchForMounts } from '../../../../test/fakes/scratch-mounts.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { isFault } from '../../../kit/index.ts'
import { mountsAt, readMounts, realSys as sys } from '../../../kit/sys/index.ts'
import { readLayers } from '../../layers/layer.ts'
import type { Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { isBare } from '../../switch/mount.ts'
import { createOverlayMode } from './overlay.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)
const mode = createOverlayMode()

describe('the overlay mode', { skip: needsRoot }, () => {
  const scratch = scratchForMounts()
  let scenes = 0
  const scene = (name = 'a scene, of: odd\\names'): Place => placeIn(path.join(scratch, `${name} ${scenes++}`))
  const at = (place: Place, name: string) => path.join(place.live, name)
  const fill = (place: Place) => {
    mkdirSync(at(place, 'node1/data'), { recursive: true })
    writeFileSync(at(place, 'node1/data/base.db'), 'base'.repeat(100_000))
    writeFileSync(at(place, 'node1/one-name'), 'shared')
    linkSync(at(place, 'node1/one-name'), at(place, 'other-name'))
    writeFileSync(at(place, 'log'), 'line\n')
  }
  const restore = async (place: Place, name: string) => await mode.restore(place, name, { kept: {} })
  const opened = async <T>(place: Place, name: string, look: (root: string) => T): Promise<T> => {
    const tree = await mode.open(place, name)
    try {
      return look(tree.path)
    } finally {
      await tree.close()
    }
  }

  test('makes the live directory the base and gives it back from then on', async () => {
    const place = scene()
    fill(place)
    const before = describeTree(place.live)
    const inode = statSync(at(place, 'log')).ino
    await mode.create(place, 'clean')
    assert.deepEqual(describeTree(place.live), before)
    assert.equal(statSync(path.join(place.snapshotsDir, 'clean/log')).ino, inode, 'nothing was copied')
    writeFileSync(at(place, 'log'), 'more\n', { flag: 'a' })
    rmSync(at(place, 'node1'), { recursive: true })
    writeFileSync(at(place, 'new'), 'x')
    await restore(place, 'clean')
    assert.deepEqual(describeTree(place.live), before)
    assert.deepEqual(await opened(place, 'clean', (root) => describeTree(root)), before)
    assert.equal(mountsAt(place.live).length, 1)
    assert.equal(readLayers(place).all.size, 2, 'the base and one layer')
  })

  test('keeps owner, mode, times and attributes of the live directory itself', async () => {
    const place = scene()
    fill(place)
    chmodSync(place.live, 0o2750)
    chownSync(place.live, 1234, 4321)
    sys.writeXattr(place.live, 'user.note', Buffer.from('kept'))
    sys.setTimes(place.live, { modifiedNs: 1_600_000_000_123_456_789n })
    await mode.create(place, 'clean')
    for (const when of ['created', 'restored']) {
      const stats = lstatSync(place.live, { bigint: true })
      assert.deepEqual(
        [stats.mode & 0o7777n, stats.uid, stats.gid, stats.mtimeNs],
        [0o2750n, 1234n, 4321n, 1_600_000_000_123_456_789n],
        when,
      )
      assert.equal(sys.readXattr(place.live, 'user.note')?.toString(), 'kept')
      writeFileSync(at(place, 'new'), '')
      await restore(place, 'clean')
    }
  })

  test('renames directories, keeps hard links together, and changes an owner without copying the bytes', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'clean')
    renameSync(at(place, 'node1'), at(place, 'moved'))
    writeFileSync(at(place, 'other-name'), 'changed')
    assert.equal(readFileSync(at(place, 'moved/one-name'), 'utf8'), 'changed')
    chownSync(at(place, 'moved/data/base.db'), 1, 1)
    const layer = [...readLayers(place).all.values()].find(({ of }) => of === 'clean')
    const upper = path.join(layoutOf(place.snapshotsDir).layers, String(layer?.id), 'upper/moved/data/base.db')
    assert.ok(statSync(upper).blocks <= 8)
  })

  test('a second snapshot is the layer of that moment, and what shows is never changed by it', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'other-name'), 'changed through one name')
    rmSync(at(place, 'log'))
    renameSync(at(place, 'node1'), at(place, 'moved'))
    const before = describeTree(place.live)
    await mode.create(place, 'two')
    assert.deepEqual(describeTree(place.live), before)
    assert.equal(readFileSync(at(place, 'moved/one-name'), 'utf8'), 'changed through one name', 'also under the other name')
    writeFileSync(at(place, 'moved/one-name'), 'again')
    assert.equal(readFileSync(at(place, 'other-name'), 'utf8'), 'again')
    rmSync(at(place, 'moved'), { recursive: true })
    await restore(place, 'two')
    assert.deepEqual(describeTree(place.live), before)
    assert.deepEqual(await opened(place, 'two', (root) => describeTree(root)), before)
    await restore(place, 'one')
    assert.equal(readFileSync(at(place, 'node1/one-name'), 'utf8'), 'shared')
    assert.deepEqual(
      readMounts().filter((mount) => mount.at.startsWith(place.snapshotsDir)),
      [],
    )
  })

  test('who stands in a plain live directory is named, since the base would change under the snapshot', async () => {
    const place = scene()
    fill(place)
    const child = spawn('sleep', ['600'], { cwd: place.live, stdio: 'ignore' })
    await once(child, 'spawn')
    await assert.rejects(mode.create(place, 'clean'), (error) => isFault(error, 'busy') && error.message.includes(`${child.pid} sleep`))
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.deepEqual(mountsAt(place.live), [])
    await mode.create(place, 'clean')
  })

  test('a deleted snapshot that another stands on is gone by name, and the other stays whole', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'new'), '2')
    const second = describeTree(place.live)
    await mode.create(place, 'two')
    assert.ok(await mode.inUse(place, 'one'))
    await mode.delete(place, 'one')
    assert.ok(!existsSync(layoutOf(place.snapshotsDir).tree('one')))
    await assert.rejects(restore(place, 'one'), code('corrupt'))
    writeFileSync(at(place, 'new'), 'changed')
    await restore(place, 'two')
    assert.deepEqual(describeTree(place.live), second)
    await mode.detach(place)
    await mode.delete(place, 'two')
    assert.equal(readLayers(place).all.size, 0)
  })

  test('is used by the live directory that stands on it, and by no other', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    await mode.create(place, 'two')
    await restore(place, 'one')
    assert.ok(await mode.inUse(place, 'one'))
    assert.ok(!(await mode.inUse(place, 'two')))
    await mode.delete(place, 'two')
    assert.equal((await mode.mounts(place)).length, 1)
  })

  test('past its depth, a snapshot is copied to stand alone', async () => {
    const place = scene()
    fill(place)
    for (let turn = 0; turn < 10; turn++) {
      writeFileSync(at(place, `file${turn}`), String(turn))
      await mode.create(place, `snapshot${turn}`)
    }
    const layers = [...readLayers(place).all.values()]
    assert.ok(Math.max(...layers.map(({ standsOn }) => standsOn.length)) <= 9)
    assert.ok(
      layers.some(({ keeps, standsOn }) => keeps === 'snapshot9' && standsOn.length === 0) ||
        layers.some(({ keeps, standsOn }) => keeps === 'snapshot8' && standsOn.length === 0),
    )
    for (const turn of [9, 0, 5]) {
      await restore(place, `snapshot${turn}`)
      assert.deepEqual(readdirSync(place.live).filter((name) => name.startsWith('file')).length, turn + 1)
    }
  })

  test('detached, the live directory is a plain one with what it showed', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'new'), 'x')
    const before = describeTree(place.live)
    await mode.detach(place)
    assert.deepEqual(mountsAt(place.live), [])
    assert.deepEqual(describeTree(place.live), before)
    await mode.detach(place)
    writeFileSync(at(place, 'later'), 'x')
    await restore(place, 'one')
    assert.ok(!existsSync(at(place, 'later')))
    assert.deepEqual(readdirSync(layoutOf(place.snapshotsDir).home).sort(), ['layers', 'trash'])
  })

  test('keeps what is written to meanwhile as it was at one moment, and the writer keeps its file', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    const first = describeTree(place.live)
    const fd = openSync(at(place, 'log'), 'a')
    // A directory with another name, one that is gone, one that is there anew, a mode without bytes, one name of two.
    renameSync(at(place, 'node1'), at(place, 'node2'))
    chmodSync(at(place, 'node2/data/base.db'), 0o600)
    appendFileSync(at(place, 'other-name'), 'more')
    mkdirSync(at(place, 'node1'))
    writeFileSync(at(place, 'node1/new'), 'new')
    writeSync(fd, 'before\n')
    const before = describeTree(place.live)
    await mode.create(place, 'two')
    assert.deepEqual(describeTree(place.live), before)
    writeSync(fd, 'after\n')
    assert.equal(readFileSync(at(place, 'log'), 'utf8'), 'line\nbefore\nafter\n')
    closeSync(fd)
    assert.deepEqual(await opened(place, 'two', describeTree), before)
    await restore(place, 'one')
    assert.deepEqual(describeTree(place.live), first)
    await restore(place, 'two')
    assert.deepEqual(describeTree(place.live), before)
    await mode.create(place, 'three')
    await mode.delete(place, 'two')
    await restore(place, 'three')
    assert.deepEqual(describeTree(place.live), before)
  })

  test('after a restart the live directory is bare: nothing is lost, a restore mounts again, and a detach gives the content back', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'new'), 'x')
    const before = describeTree(place.live)
    sys.detachMount(place.live)
    assert.ok(isBare(place.live))
    assert.match((await mode.recover(place)).notes.join(), /not mounted/)
    assert.ok(await mode.inUse(place, 'one'))
    await assert.rejects(mode.create(place, 'two'), code('not-found'))
    await mode.detach(place)
    assert.deepEqual(describeTree(place.live), before)
    await restore(place, 'one')
    sys.detachMount(place.live)
    await mode.recover(place)
    await restore(place, 'one')
    assert.ok(!existsSync(at(place, 'new')))
  })

  test('a snapshot whose tree is gone is damaged, and the live directory stays as it is', async () => {
    const place = scene()
    fill(place)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'new'), 'x')
    const tree = layoutOf(place.snapshotsDir).tree('one')
    renameSync(tree, `${tree}.away`)
    await assert.rejects(restore(place, 'one'), (error) => isFault(error, 'corrupt') && error.message.includes('one'))
    assert.equal(readFileSync(at(place, 'new'), 'utf8'), 'x')
    renameSync(`${tree}.away`, tree)
    await restore(place, 'one')
  })

  test('copies where live directory and snapshots lie on two file systems', async () => {
    const place = scene()
    fill(place)
    const mount = sys.createMount({ type: 'tmpfs', source: 'other', options: { size: '4m' } })
    mkdirSync(place.snapshotsDir)
    sys.attachMount(mount, place.snapshotsDir, 'on-top')
    closeSync(mount)
    const before = describeTree(place.live)
    await mode.create(place, 'one')
    writeFileSync(at(place, 'new'), 'x')
    await restore(place, 'one')
    assert.deepEqual(describeTree(place.live), before)
    writeFileSync(at(place, 'new'), 'x')
    await restore(place, 'one')
    assert.deepEqual(describeTree(place.live), before)
    sys.detachMount(place.live)
    sys.detachMount(place.snapshotsDir)
  })

  test('says what it needs', async () => {
    const place = scene()
    chmodSync(scratch, 0o755)
    await mode.check(place)
    const refused = (pattern: RegExp) => (error: unknown) =>
      isFault(error, 'unsupported') && pattern.test(error.message) && error.hint !== undefined
    await assert.rejects(mode.check({ ...place, snapshotsDir: '/proc/snapshots' }), refused(/^Overlay mode selected but .* lies on proc/))
    await assert.rejects(
      asNobody(() => mode.check(place)),
      refused(/^Overlay mode selected but this user may not mount\.$/),
    )
  })

  test('in a user namespace, without root, what runs there sees it, and from outside the live directory is as it was', async (t) => {
    chmodSync(scratch, 0o755)
    const place = scene()
    const home = path.dirname(place.live)
    fill(place)
    execFileSync('chown', ['-R', `${nobody}:${nobody}`, home])
    const script = `
      const fs = await import('node:fs')
      const { createOverlayMode } = await import(${JSON.stringify(import.meta.resolve('./overlay.ts'))})
      const { placeIn } = await import(${JSON.stringify(import.meta.resolve('../../../../test/fakes/environment-place.ts'))})
      const mode = createOverlayMode()
      const place = placeIn(${JSON.stringify(home)})
      const look = () => fs.readdirSync(place.live).join() + ' ' + fs.readFileSync(place.live + '/log', 'utf8').trim()
      const seen = []
      await mode.check(place)
      await mode.create(place, 'one')
      for (const turn of [1, 2]) {
        fs.appendFileSync(place.live + '/log', 'more')
        await mode.restore(place, 'one', { kept: {} })
        fs.rmSync(place.live + '/other-name')
        fs.writeFileSync(place.live + '/new', '')
        seen.push(look())
      }
      await mode.create(place, 'two')
      await mode.restore(place, 'one', { kept: {} })
      await mode.restore(place, 'two', { kept: {} })
      seen.push(look())
      console.log(JSON.stringify(seen))`
    const asUser = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups']
    const node = [process.execPath, '--input-type=module', '-e', script]
    const ran = spawnSync('setpriv', [...asUser, 'unshare', '--user', '--map-root-user', '--mount', ...node], { encoding: 'utf8' })
    if (/unshare failed/.test(ran.stderr)) return t.skip(`this machine gives no user namespaces: ${ran.stderr.trim()}`)
    assert.equal(ran.stderr, '')
    assert.deepEqual(
      JSON.parse(ran.stdout),
      Array.from({ length: 3 }, () => 'log,new,node1 line'),
    )
    assert.deepEqual(mountsAt(place.live), [])
    assert.equal(readFileSync(at(place, 'log'), 'utf8'), 'line\nmore', 'what was written before the first restore')
    assert.deepEqual(readdirSync(place.live), ['log', 'node1', 'other-name'])
  })

  test('any changes are thrown away, and any moment is kept', async () => {
    const random = seededRandom(testSeed)
    const place = scene()
    makeRandomTree(place.live, random)
    const kept = new Map<string, unknown>()
    for (let turn = 0; turn < 6; turn++) {
      const why = `turn ${turn} of seed ${testSeed}`
      const before = describeTree(place.live)
      await mode.create(place, `s${turn}`)
      kept.set(`s${turn}`, before)
      assert.deepEqual(describeTree(place.live), before, why)
      mutateTree(place.live, random)
      makeRandomTree(place.live, random, 8)
    }
    for (const [name, tree] of [...kept, ...[...kept].reverse()]) {
      const why = `${name} of seed ${testSeed}`
      await restore(place, name)
      assert.deepEqual(describeTree(place.live), tree, why)
      assert.deepEqual(await opened(place, name, (root) => describeTree(root)), tree, why)
      mutateTree(place.live, random)
    }
  })
})
