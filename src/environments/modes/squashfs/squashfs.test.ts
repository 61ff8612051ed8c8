import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { placeIn } from '../../../../test/fakes/environment-place.ts'
import { needsRoot, nobody } from '../../../../test/fakes/nobody.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { scratchForMounts } from '../../../../test/fakes/scratch-mounts.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { ensureDebianPackages } from '../../../../test/services/install.ts'
import { isFault, type Progress } from '../../../kit/index.ts'
import { mountsAt, realSys as sys } from '../../../kit/sys/index.ts'
import type { Kept, Place } from '../../mode.ts'
import { layoutOf } from '../../names.ts'
import { isBare } from '../../switch/mount.ts'
import { createOverlayMode } from '../overlay/overlay.ts'
import { createSquashfsMode } from './squashfs.ts'

const mode = createSquashfsMode()
const why = needsRoot || (await whyNoTools())

describe('the squashfs mode', { skip: why }, () => {
  const scratch = scratchForMounts()
  let scenes = 0
  const scene = (settings = {}): Place => placeIn(path.join(scratch, `scene ${scenes++}`), settings)
  const at = (place: Place, name: string) => path.join(place.live, name)
  const fill = (place: Place, seed = testSeed) => makeRandomTree(place.live, seededRandom(seed))
  const restore = async (place: Place, name: string, kept: Kept, checksum = false) => await mode.restore(place, name, { kept, checksum })
  const corrupt = (error: unknown) => isFault(error, 'corrupt') && error.message.includes('clean')

  for (const compression of ['none', 'gzip', 'lzo', 'xz', 'zstd'] as const) {
    test(`gives everything back from an image packed with ${compression}`, async () => {
      const place = scene({ squashfsCompression: compression })
      fill(place)
      const random = seededRandom(testSeed + 1)
      chownSync(place.live, 12, 34)
      chmodSync(place.live, 0o2751)
      const before = inSeconds(place.live)
      const kept = await mode.create(place, 'clean')
      assert.deepEqual(inSeconds(place.live), before)
      assert.equal(kept.stored, statSync(layoutOf(place.snapshotsDir).image('clean')).size)
      for (let turn = 0; turn < 3; turn++) {
        mutateTree(place.live, random)
        assert.deepEqual(await restore(place, 'clean', kept, turn === 1), { written: 0 })
        assert.deepEqual(inSeconds(place.live), before, `seed ${testSeed}`)
        assert.equal(mountsAt(place.live).length, 1)
      }
      await mode.verify?.(place, 'clean', kept)
    })
  }

  test('keeps the image mounted between restores, and shows it', async () => {
    const place = scene()
    fill(place)
    const before = inSeconds(place.live)
    const kept = await mode.create(place, 'clean')
    await restore(place, 'clean', kept)
    const mount = (await mode.mounts(place)).find(({ kind }) => kind === 'squashfs')
    await restore(place, 'clean', kept)
    assert.deepEqual(
      (await mode.mounts(place)).filter(({ kind }) => kind === 'squashfs'),
      [mount],
    )
    const tree = await mode.open(place, 'clean')
    assert.deepEqual(inSeconds(tree.path), before)
    await tree.close()
  })

  test('unpacks aside where nothing can be mounted, and says so', async () => {
    const said: Progress[] = []
    const place = { ...scene(), report: (event: Progress) => void said.push(event) }
    const [lowerdir = '', upperdir = '', workdir = ''] = ['lower', 'upper', 'work'].map((name) => `${path.dirname(place.live)}/${name}`)
    for (const directory of [place.snapshotsDir, lowerdir, upperdir, workdir]) mkdirSync(directory)
    const mount = sys.createMount({ type: 'overlay', source: 'unfit', options: { lowerdir, upperdir, workdir } })
    sys.attachMount(mount, place.snapshotsDir, 'on-top')
    closeSync(mount)
    fill(place)
    const before = inSeconds(place.live)
    const kept = await mode.create(place, 'clean')
    for (let turn = 0; turn < 2; turn++) {
      mutateTree(place.live, seededRandom(turn))
      const given = await restore(place, 'clean', kept)
      assert.equal(given.written, kept.stored)
      assert.deepEqual(inSeconds(place.live), before)
    }
    assert.match(said.map((event) => ('text' in event ? event.text : '')).join('\n'), /unpacked, since it cannot be mounted: .*overlay/)
    assert.deepEqual(mountsAt(place.live), [])
    const tree = await mode.open(place, 'clean')
    assert.deepEqual(inSeconds(tree.path), before)
    await tree.close()
    assert.ok(!existsSync(tree.path))
    sys.detachMount(place.snapshotsDir)
  })

  test('needs no root: then it unpacks', () => {
    chmodSync(scratch, 0o755)
    const place = scene()
    const home = path.dirname(place.live)
    mkdirSync(at(place, 'node/data'), { recursive: true })
    writeFileSync(at(place, 'node/data/file'), 'content')
    linkSync(at(place, 'node/data/file'), at(place, 'other'))
    sys.makeSpecial(at(place, 'pipe'), 'fifo', 0o640)
    sys.writeXattr(at(place, 'other'), 'user.note', Buffer.from('kept'))
    execFileSync('chown', ['-hR', `${nobody}:${nobody}`, home])
    const script = `
      const fs = await import('node:fs')
      const { createSquashfsMode } = await import(${JSON.stringify(import.meta.resolve('./squashfs.ts'))})
      const { placeIn } = await import(${JSON.stringify(import.meta.resolve('../../../../test/fakes/environment-place.ts'))})
      const mode = createSquashfsMode()
      const place = { ...placeIn(${JSON.stringify(home)}), report: ({ text }) => console.log(text) }
      await mode.check(place)
      const kept = await mode.create(place, 'clean')
      fs.writeFileSync(place.live + '/new', '')
      await mode.restore(place, 'clean', { kept })
      await mode.recover(place)`
    const before = inSeconds(place.live)
    const asUser = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups']
    const node = [process.execPath, '--input-type=module', '-e', script]
    const ran = spawnSync('setpriv', [...asUser, ...node], { encoding: 'utf8' })
    assert.equal(ran.stderr, '')
    assert.match(ran.stdout, /unpacked, since it cannot be mounted: this user may not mount \(run it as root/)
    assert.deepEqual(inSeconds(place.live), before)
    chmodSync(at(place, 'other'), 0)
    const refused = spawnSync('setpriv', [...asUser, ...node.slice(0, -1), script.replace("'clean'", "'second'")], { encoding: 'utf8' })
    assert.match(refused.stderr, /mksquashfs could not read all of it: .*creating empty file/)
    assert.ok(!existsSync(layoutOf(place.snapshotsDir).image('second')))
  })

  test('a damaged image is never given back', async () => {
    const place = scene()
    fill(place)
    const kept = await mode.create(place, 'clean')
    await restore(place, 'clean', kept)
    writeFileSync(at(place, 'mine'), 'x')
    const image = layoutOf(place.snapshotsDir).image('clean')
    const whole = readFileSync(image)
    const damaged = async (checksum = false) => {
      await assert.rejects(restore(place, 'clean', kept, checksum), corrupt)
      assert.equal(readFileSync(at(place, 'mine'), 'utf8'), 'x')
    }
    truncateSync(image, whole.length - 4096)
    await damaged()
    writeFileSync(image, Buffer.concat([Buffer.from('none'), whole.subarray(4)]))
    await damaged()
    const fd = openSync(image, 'w')
    writeSync(fd, whole)
    writeSync(fd, Buffer.of(whole[200]! ^ 1), 0, 1, 200)
    closeSync(fd)
    await damaged(true)
    await assert.rejects(mode.verify!(place, 'clean', kept), corrupt)
    rmSync(image)
    await damaged()
  })

  test('a deleted snapshot leaves neither image nor mount, and another may take its name', async () => {
    const place = scene()
    fill(place)
    const kept = await mode.create(place, 'clean')
    await restore(place, 'clean', kept)
    assert.ok(await mode.inUse(place, 'clean'))
    const before = inSeconds(place.live)
    await mode.delete(place, 'clean')
    assert.deepEqual(inSeconds(place.live), before, 'what stands on it goes on to')
    writeFileSync(at(place, 'second'), '2')
    const again = await mode.create(place, 'clean')
    rmSync(at(place, 'second'))
    await restore(place, 'clean', again)
    assert.equal(readFileSync(at(place, 'second'), 'utf8'), '2')
    await mode.detach(place)
    assert.deepEqual(await mode.mounts(place), [])
    assert.equal(readFileSync(at(place, 'second'), 'utf8'), '2')
    await mode.delete(place, 'clean')
    await mode.delete(place, 'clean')
  })

  test('after a restart of the machine a detach still gives the content back', async () => {
    const place = scene()
    fill(place)
    const kept = await mode.create(place, 'clean')
    await restore(place, 'clean', kept)
    writeFileSync(at(place, 'new'), 'x')
    const before = inSeconds(place.live)
    for (const mount of (await mode.mounts(place)).toReversed()) sys.detachMount(mount.at)
    assert.ok(isBare(place.live))
    assert.match((await mode.recover(place)).notes.join(), /not mounted/)
    await mode.detach(place)
    assert.deepEqual(inSeconds(place.live), before)
    await restore(place, 'clean', kept)
    assert.ok(!existsSync(at(place, 'new')))
  })

  test('an overlay snapshot of what stands on an image is a copy of its own', async () => {
    const place = scene()
    fill(place)
    const kept = await mode.create(place, 'clean')
    await restore(place, 'clean', kept)
    writeFileSync(at(place, 'new'), 'x')
    const overlay = createOverlayMode()
    await overlay.create(place, 'other')
    await restore(place, 'clean', kept)
    await mode.delete(place, 'clean')
    await overlay.restore(place, 'other', { kept: {} })
    assert.equal(readFileSync(at(place, 'new'), 'utf8'), 'x')
    assert.equal(mountsAt(place.live).length, 1)
  })

  test('fails with nothing left where packing fails', async () => {
    const place = scene()
    rmSync(place.live, { recursive: true })
    await assert.rejects(mode.create(place, 'clean'), (error) => isFault(error))
    assert.ok(!existsSync(layoutOf(place.snapshotsDir).image('clean')))
  })

  test('without its tools it says which line installs them', async () => {
    const said: Progress[] = []
    const place = { ...scene(), report: (event: Progress) => void said.push(event) }
    await mode.check(place)
    const before = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    try {
      await assert.rejects(
        mode.check(place),
        (error) =>
          isFault(error, 'unsupported') &&
          error.message === 'Squashfs mode selected but squashfs-tools is not installed.' &&
          error.hint === 'Install squashfs-tools: sudo apt install squashfs-tools',
      )
    } finally {
      process.env['PATH'] = before
    }
    assert.equal(said[0]?.kind === 'note' && said[0].event, 'squashfs_tools_missing')
  })
})

/** The times of an image are whole seconds, of which it holds 32 bits: from 1970 to 2106. */
function inSeconds(root: string): string[] {
  const held = (time: string) => BigInt.asUintN(32, BigInt(Math.floor(Number(time) / 1e9)))
  return describeTree(root).map((line) =>
    line.replace(/ (\d+:\d+) (-?\d+) /, (_all, owner: string, time: string) => ` ${owner} ${held(time)} `),
  )
}

async function whyNoTools(): Promise<string | false> {
  try {
    await ensureDebianPackages(['squashfs-tools'])
    return false
  } catch (error) {
    if (!isFault(error)) throw error
    return `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`
  }
}
