import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { describe, test } from 'node:test'
import { needsRoot } from '../../../test/fakes/nobody.ts'
import { scratchForMounts } from '../../../test/fakes/scratch-mounts.ts'
import { seededRandom } from '../../../test/fakes/seeded-random.ts'
import { Fault } from '../../kit/index.ts'
import { mountsAt, realSys as sys, type Sys } from '../../kit/sys/index.ts'
import { asideOf, isBare, settleMounts, switchToDirectory, switchToMount } from './mount.ts'

describe('a switch of mounts', { skip: needsRoot }, () => {
  const scratch = scratchForMounts()
  let scenes = 0
  const scene = (inside = scratch) => {
    const home = path.join(inside, `scene ${scenes++}`)
    const [live, aside] = [path.join(home, 'live'), path.join(home, 'aside')]
    mkdirSync(live, { recursive: true })
    write(live, 'plain')
    return { home, live, aside }
  }
  /** A mount whose tree says which one it is. */
  const generation = (home: string, name: string) => {
    const tree = path.join(home, `tree-${name}`)
    mkdirSync(tree, { recursive: true })
    write(tree, name)
    return sys.cloneMount(tree)
  }
  const put = async ({ home, live, aside }: ReturnType<typeof scene>, name: string, calls: Sys = sys) => {
    const mount = generation(home, name)
    try {
      return await switchToMount(mount, live, aside, calls)
    } finally {
      closeSync(mount)
    }
  }
  const seen = (live: string) => readFileSync(path.join(live, 'generation'), 'utf8')
  const oldKernel: Sys = {
    ...sys,
    attachMount(mount, at, where) {
      if (where === 'beneath') throw new Fault('invalid', 'the kernel or the file system refuses these values')
      sys.attachMount(mount, at, where)
    },
  }

  test('lays a plain directory aside', async () => {
    const place = scene()
    assert.equal(await put(place, 'one'), 'plain-aside')
    assert.equal(seen(place.live), 'one')
    assert.equal(seen(place.aside), 'plain')
    assert.equal(mountsAt(place.live).length, 1)
    assert.deepEqual(mountsAt(place.aside), [])
  })

  for (const [kernel, calls] of [
    ['this kernel', sys],
    ['a kernel that cannot mount beneath', oldKernel],
  ] as const) {
    test(`leaves one mount, whatever was there, on ${kernel}`, async () => {
      const place = scene()
      await put(place, 'one', calls)
      for (const name of ['two', 'three', 'four']) {
        rmSync(place.aside, { recursive: true, force: true })
        assert.equal(await put(place, name, calls), 'nothing-aside')
        assert.equal(seen(place.live), name)
        assert.equal(mountsAt(place.live).length, 1)
        assert.ok(!existsSync(place.aside))
      }
    })

    test(`never shows anything but old and new, on ${kernel}`, async () => {
      const place = scene()
      await put(place, '0', calls)
      rmSync(place.aside, { recursive: true })
      // Again, a little, until it has looked more often than there was a switch: a busy machine may not let it at first.
      for (let [looked, switched, turns] = [0, 0, calls === sys ? 400 : 20]; looked <= switched; turns = 20) {
        const watcher = await watch(place.live)
        for (let turn = 1; turn <= turns; turn++, switched++) await put(place, String(turn), calls)
        const { looks, odd } = await watcher.stop()
        assert.deepEqual(odd, [])
        looked += looks
      }
    })
  }

  test('never shows anything but old and new from a plain directory to a mount and back', async () => {
    const place = scene()
    write(place.live, '0')
    const watcher = await watch(place.live)
    for (let turn = 1; turn <= 16; turn += 2) {
      assert.equal(await put(place, String(turn)), 'plain-aside')
      write(place.aside, String(turn + 1))
      await switchToDirectory(place.aside, place.live)
      assert.deepEqual(mountsAt(place.live), [])
      assert.ok(!existsSync(place.aside))
    }
    assert.deepEqual((await watcher.stop()).odd, [])
  })

  test('works below a mount that others share', async () => {
    const shared = path.join(scratch, 'shared')
    const peer = path.join(scratch, 'peer')
    for (const directory of [shared, peer]) mkdirSync(directory)
    execFileSync('mount', ['--bind', shared, shared])
    execFileSync('mount', ['--make-shared', shared])
    execFileSync('mount', ['--bind', shared, peer])
    const place = scene(shared)
    await put(place, 'one')
    await put(place, 'two')
    rmSync(place.aside, { recursive: true })
    await put(place, 'three', oldKernel)
    const inPeer = place.live.replace(shared, peer)
    assert.equal(seen(inPeer), seen(place.live))
    assert.equal(mountsAt(place.live).length, 1)
    assert.equal(mountsAt(inPeer).length, 1)
  })

  test('a bare directory, as after a restart, is known and mounted on as it is', async () => {
    const place = scene()
    await put(place, 'one')
    rmSync(place.aside, { recursive: true })
    assert.ok(!isBare(place.live), 'while something is mounted')
    sys.detachMount(place.live)
    assert.ok(isBare(place.live))
    assert.deepEqual(readdirSync(place.live), [])
    assert.equal(await put(place, 'two'), 'nothing-aside')
    assert.equal(seen(place.live), 'two')
    assert.ok(!isBare(place.home))
    assert.ok(!isBare(path.join(place.home, 'none')))
  })

  test('what a killed switch has left is put right, and what shows goes on to show', async () => {
    const place = scene()
    await put(place, 'old')
    rmSync(place.aside, { recursive: true })
    // Ended after the new one was attached beneath, and before the old one was detached.
    const mount = generation(place.home, 'new')
    sys.attachMount(mount, place.live, 'beneath')
    closeSync(mount)
    assert.equal(await settleMounts(place.live, place.aside), 'nothing-aside')
    assert.equal(seen(place.live), 'old')
    assert.equal(mountsAt(place.live).length, 1)
    assert.ok(!existsSync(place.aside))
    assert.equal(await settleMounts(place.live, place.aside), 'nothing-aside', 'and again, with nothing to do')
  })

  test('killed at any moment, the live directory is the old state or the new', { timeout: 600_000 }, async () => {
    const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? 11)
    const random = seededRandom(seed)
    const place = scene()
    const script = `
      const { switchToMount, settleMounts, switchToDirectory } = await import(${JSON.stringify(import.meta.resolve('./mount.ts'))})
      const { realSys: sys } = await import(${JSON.stringify(import.meta.resolve('../../kit/sys/index.ts'))})
      const fs = await import('node:fs')
      const { home, live, aside } = ${JSON.stringify(place)}
      const write = (tree, text) => {
        fs.writeFileSync(tree + '/next', text)
        fs.renameSync(tree + '/next', tree + '/generation')
      }
      process.stdout.write('go')
      for (let turn = 0; ; turn++) {
        const tree = home + '/tree-' + (turn % 7)
        fs.mkdirSync(tree, { recursive: true })
        write(tree, String(turn % 7))
        const mount = sys.cloneMount(tree)
        await switchToMount(mount, live, aside)
        fs.closeSync(mount)
        if (turn % 3 === 2) {
          fs.mkdirSync(aside, { recursive: true })
          write(aside, 'plain')
          await switchToDirectory(aside, live)
        }
        fs.rmSync(aside, { recursive: true, force: true })
      }`
    for (let round = 0; round < 15; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      await spin(random() * 40)
      assert.equal(child.exitCode, null, 'it has not ended by itself')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const why = `round ${round} of seed ${seed}`
      const shown = seen(place.live)
      assert.match(shown, /^(plain|[0-6])$/, why)
      if ((await settleMounts(place.live, place.aside)) === 'plain-aside') rmSync(place.aside, { recursive: true })
      assert.equal(seen(place.live), shown, why)
      assert.ok(mountsAt(place.live).length <= 1, why)
      assert.deepEqual(mountsAt(place.aside), [], why)
    }
  })

  test('aside lies with the snapshots where that is the same mount, and beside the live directory otherwise', () => {
    const place = scene()
    const other = path.join(place.home, 'other')
    mkdirSync(other)
    assert.equal(asideOf({ live: place.live, snapshotsDir: other }), path.join(other, '.holdfast/aside'))
    const mount = sys.createMount({ type: 'tmpfs', source: 'other' })
    sys.attachMount(mount, other, 'on-top')
    closeSync(mount)
    assert.equal(asideOf({ live: place.live, snapshotsDir: other }), path.join(place.home, '.live.aside'))
    sys.unmount(other)
  })
})

/** In one step: a watcher may have the former one open. */
function write(tree: string, text: string): void {
  writeFileSync(path.join(tree, 'next'), text)
  renameSync(path.join(tree, 'next'), path.join(tree, 'generation'))
}

/** Lets other processes run for about so many milliseconds, by work and not by a clock. */
async function spin(milliseconds: number): Promise<void> {
  for (let turn = 0; turn < milliseconds * 400; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A process that reads the generation over and over, and tells what it saw that was not a number. */
async function watch(live: string): Promise<{ stop(): Promise<{ looks: number; odd: readonly string[] }> }> {
  const script = `
    const fs = require('node:fs')
    const file = ${JSON.stringify(path.join(live, 'generation'))}
    const odd = []
    let looks = 0
    let stopped = false
    process.on('message', () => { stopped = true })
    process.send('ready')
    function look() {
      for (let turn = 0; turn < 200; turn++, looks++) {
        try {
          const text = fs.readFileSync(file, 'utf8')
          if (!/^[0-9]+$/.test(text)) odd.push(text)
        } catch (error) {
          odd.push(String(error))
        }
      }
      if (!stopped) return setImmediate(look)
      process.send({ looks, odd: odd.slice(0, 5) }, () => process.exit())
    }
    look()`
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  return {
    async stop() {
      child.send('stop')
      const [result] = (await once(child, 'message')) as [{ looks: number; odd: readonly string[] }]
      await once(child, 'exit')
      return result
    },
  }
}
