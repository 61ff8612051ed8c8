import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describeTree } from '../../src/environments/conformance/odd-tree.ts'
import { environmentStatus, listSnapshots, type Mode, verifySnapshot } from '../../src/environments/index.ts'
import { layoutOf, snapshotOfFile } from '../../src/environments/names.ts'
import { isFault, systemClock } from '../../src/kit/index.ts'
import { mountsAt, readMounts } from '../../src/kit/sys/index.ts'
import { type Act, clean, type EnvironmentJob, environmentIn, perform, type Stage } from './environment-scene.ts'
import { dirtyNodes, fillNodes } from './environment-tree.ts'

/** Some hundredths of a second. */
const mostTurns = 5000
/** Of an act that has not lived to its end yet. */
const unknownMoments = 400
const child = path.join(import.meta.dirname, 'environment-child.ts')

export interface Walk {
  readonly stage: Stage
  /** Kills. */
  readonly rounds: number
  readonly random: () => number
  /** A folder for compiled code, so that the many children start fast. */
  readonly cache: string
}

export interface Walked {
  readonly kills: number
  /** How often a mixture was left, under its mark. */
  readonly marked: number
  /** How often the act had been done, or not, where it was killed. */
  readonly done: number
}

type Lines = readonly string[]

/** What must be there. */
interface World {
  readonly walk: Walk
  readonly mode: Mode
  live: Lines
  /** What each gives back; of two where one was being replaced. */
  readonly snapshots: Map<string, readonly Lines[]>
  /** What a clean-up command makes, where that is all that is given back. */
  readonly start: Lines | undefined
  /** How many moments an act has, as far as they are known. */
  readonly moments: Map<string, number>
}

/**
 * Acts on one environment again and again in a child that is killed at a random moment, and looks: the live directory is old, or new,
 * or marked; snapshots are what they were; the next command leaves nothing of the one that was killed.
 */
export async function walkAndKill(walk: Walk): Promise<Walked> {
  const world = await begin(walk)
  const walked = { kills: 0, marked: 0, done: 0 }
  for (let tries = 0; walked.kills < walk.rounds; tries++) {
    assert.ok(tries < walk.rounds * 5 + 20, `only ${walked.kills} of ${tries} were killed`)
    dirtyNodes(live(world), walk.random)
    world.live = await look(world)
    const act = drawAct(world)
    const before = { live: world.live, snapshots: new Map(world.snapshots) }
    const killAt = 1 + Math.floor(walk.random() * (world.moments.get(act.what) ?? unknownMoments))
    const turns = walk.random() < 0.4 ? 0 : Math.floor(mostTurns ** walk.random())
    const points = await playChild(walk, { stage: walk.stage, act, killAt, turns })
    if (points !== undefined) world.moments.set(act.what, points)
    try {
      const seen = await checkAfterDeath(world, act, points === undefined)
      if (points !== undefined) continue
      walked.kills++
      if (seen === 'marked') walked.marked++
      else if (world.live !== before.live || changed(world.snapshots, before.snapshots)) walked.done++
      await goOn(world, seen)
    } catch (error) {
      throw new Error(`${act.what} ${act.snapshot ?? ''} killed at ${killAt} and ${turns} turns (round ${tries})`, { cause: error })
    }
  }
  await end(world)
  return walked
}

const live = ({ walk }: World) => path.join(walk.stage.folder, 'live')
const context = ({ walk }: World) => environmentIn(walk.stage)
const look = async (world: World): Promise<Lines> => await describeTree(live(world), world.mode)

async function begin(walk: Walk): Promise<World> {
  const { folder, mode: name } = walk.stage
  const target = path.join(folder, 'live')
  mkdirSync(target)
  fillNodes(target, walk.random)
  const mode = await environmentIn(walk.stage).modes(name)
  const shown = await describeTree(target, mode)
  const isMadeAnew = name === 'recreate'
  if (isMadeAnew) assert.equal(spawnSync('cp', ['-a', target, path.join(folder, 'start')]).status, 0)
  const world: World = { walk, mode, live: shown, snapshots: new Map(), start: isMadeAnew ? shown : undefined, moments: new Map() }
  await perform(context(world), { what: 'create' })
  world.snapshots.set(clean, [shown])
  return world
}

function drawAct({ walk: { random }, snapshots }: World): Act {
  const others = [...snapshots.keys()].filter((name) => name !== clean)
  const roll = random()
  if (!snapshots.has(clean)) return { what: 'create', snapshot: clean }
  const free = ['a', 'b', 'c'].find((name) => !snapshots.has(name))
  if (roll < 0.3 || (free === undefined && roll < 0.5)) return { what: 'restore', snapshot: pick([...snapshots.keys()], random) }
  if (roll < 0.5) return { what: 'create', snapshot: free! }
  if (roll < 0.6) return { what: 'replace', snapshot: pick([...snapshots.keys()], random) }
  if (roll < 0.75) return { what: 'stop' }
  if (others.length === 0) return { what: 'restore', snapshot: clean }
  return roll < 0.9 ? { what: 'delete', snapshot: pick(others, random) } : { what: 'cleanup' }
}

const pick = <T>(all: readonly T[], random: () => number): T => all[Math.floor(random() * all.length)]!

/** How many moments it had where it lived to its end. One that was refused has none. */
async function playChild({ cache }: Walk, job: EnvironmentJob): Promise<number | undefined> {
  const running = spawn(process.execPath, [child, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  })
  let [told, talk] = ['', '']
  running.stdout.on('data', (piece: Buffer) => void (told += piece.toString()))
  running.stderr.on('data', (piece: Buffer) => void (talk += piece.toString()))
  // Not `close`: what it has started may live on with its streams.
  const signal = await new Promise<string | null>((resolve) => running.once('exit', (_code, by) => resolve(by)))
  running.stdout.destroy()
  running.stderr.destroy()
  if (signal === 'SIGKILL') return undefined
  const refusal = /the live directory of stage stands on|stands on the snapshot/.exec(talk)
  assert.ok(told !== '' || refusal !== null, `the child ended otherwise: ${talk}`)
  return told === '' ? 50 : (JSON.parse(told) as { points: number }).points
}

/** Nothing is put right yet: what can be seen as the command lies dead. */
async function checkAfterDeath(world: World, act: Act, isDead: boolean): Promise<'marked' | 'whole'> {
  const { unfinished } = await environmentStatus(context(world))
  const list = await listSnapshots(context(world))
  assert.deepEqual(list.damaged, [])
  const wanted = act.what === 'restore' ? world.snapshots.get(act.snapshot!) : undefined
  followSnapshots(world, act, new Set(list.snapshots.map(({ name }) => name)), isDead)
  if (unfinished !== undefined) {
    assert.ok(isDead && act.what === 'restore' && !world.mode.swaps, `nothing else leaves a mark: ${act.what}`)
    for (const what of ['create', 'stop'] as const) {
      const refused = await perform(context(world), { what, snapshot: 'refused' }).catch((error: unknown) => error)
      assert.ok(isFault(refused, 'busy'), `${what} goes on while a restore has not ended: ${String(refused)}`)
    }
    return 'marked'
  }
  const now = await look(world)
  const found = wanted?.find((lines) => same(now, lines))
  if (found === undefined) {
    assert.ok(isDead || wanted === undefined, 'it was restored')
    assertSame(now, world.live, 'the live directory is neither old nor new, and has no mark')
  } else {
    world.live = now
    world.snapshots.set(act.snapshot!, [found])
  }
  return 'whole'
}

function followSnapshots(world: World, { what, snapshot }: Act, names: ReadonlySet<string>, isDead: boolean): void {
  const { snapshots } = world
  for (const name of [...snapshots.keys()].filter((each) => !names.has(each))) {
    const mayGo = name === snapshot ? what === 'delete' || (what === 'replace' && isDead) : what === 'cleanup' && name !== clean
    assert.ok(mayGo, `the snapshot ${name} is gone`)
    snapshots.delete(name)
  }
  const made = world.start ?? world.live
  if (what === 'create' && names.has(snapshot!)) snapshots.set(snapshot!, [made])
  if (what === 'replace' && names.has(snapshot!)) snapshots.set(snapshot!, isDead ? [...snapshots.get(snapshot!)!, made] : [made])
  for (const name of names) assert.ok(snapshots.has(name), `a snapshot ${name} has come`)
}

/** One more command, which is not killed, finds an environment that works and leaves nothing of the one before. */
async function goOn(world: World, seen: 'marked' | 'whole'): Promise<void> {
  const { snapshots, walk } = world
  const roll = walk.random()
  const free = ['a', 'b', 'c'].find((name) => !snapshots.has(name))
  if (snapshots.size > 0 && (seen === 'marked' || roll < 0.6)) {
    const name = pick([...snapshots.keys()], walk.random)
    await perform(context(world), { what: 'restore', snapshot: name })
    const now = await look(world)
    const found = snapshots.get(name)!.find((lines) => same(lines, now))
    if (found === undefined) assertSame(now, snapshots.get(name)![0]!, `restored to ${name}`)
    else snapshots.set(name, [found])
    world.live = now
  } else if (roll < 0.8 || free === undefined) await perform(context(world), { what: 'stop' })
  else {
    await perform(context(world), { what: 'create', snapshot: free })
    snapshots.set(free, [world.start ?? world.live])
  }
  assertSame(await look(world), world.live, 'the live directory after the next command')
  await assertSettled(world)
  for (const name of snapshots.keys()) await verifySnapshot(context(world), name)
}

/** Of a killed command nothing is left: no tree that was built, no mount, no layer, no mark, and what was thrown away goes. */
async function assertSettled(world: World): Promise<void> {
  const { snapshotsDir } = context(world)
  const { folder } = world.walk.stage
  const layout = layoutOf(snapshotsDir)
  const known = new Set(['lock', 'state.json', 'layers', 'mounts', 'views', 'trash', 'logs', 'volume', 'volume.img', 'restores.jsonl'])
  const inHome = readdirSync(layout.home).filter((name) => !known.has(name))
  assert.deepEqual(inHome, [], 'what is left beside the lock')
  const { foreign } = await listSnapshots(context(world))
  assert.deepEqual(foreign, [])
  const files = readdirSync(snapshotsDir).filter((name) => name !== '.holdfast')
  assert.deepEqual(
    files.filter((name) => !world.snapshots.has(snapshotOfFile(name)?.name ?? '')),
    [],
    'what is left among the snapshots',
  )
  const beside = readdirSync(folder).filter((name) => !['live', 'snapshots', 'start', 'store', 'cache'].includes(name))
  assert.deepEqual(
    beside.filter((name) => !name.includes('.holdfast-trash')),
    [],
    'what is left beside the live directory',
  )
  const { mounts } = await environmentStatus(context(world))
  assert.deepEqual(
    readMounts()
      .map(({ at }) => at)
      .filter((at) => at.startsWith(`${folder}/`))
      .toSorted(),
    mounts.map(({ at }) => at).toSorted(),
  )
  assert.ok(mountsAt(live(world)).length <= 1)
  await goesAway(() => [...namesIn(layout.trash), ...readdirSync(folder).filter((name) => name.includes('.holdfast-trash'))])
}

const namesIn = (directory: string) => (existsSync(directory) ? readdirSync(directory) : [])

/** Looks, each after 5 ms: what is done in the background comes after all else that a machine has to do. */
const patience = 24_000

/** What a process in the background deletes. */
async function goesAway(left: () => string[]): Promise<void> {
  for (let tries = 0; left().length > 0; tries++) {
    assert.ok(tries < patience, `it is not deleted: ${left().join()}`)
    await systemClock.sleep(5)
  }
}

/** Stopped, and without its snapshots, it is a plain directory and takes no room. */
async function end(world: World): Promise<void> {
  await perform(context(world), { what: 'stop' })
  assertSame(await look(world), world.live, 'the live directory after the last stop')
  for (const name of world.snapshots.keys()) {
    await perform(context(world), { what: 'delete', snapshot: name })
    world.snapshots.delete(name)
  }
  await assertSettled(world)
  const { snapshotsDir } = context(world)
  const layout = layoutOf(snapshotsDir)
  assert.deepEqual(namesIn(snapshotsDir), ['.holdfast'])
  for (const directory of [layout.layers, layout.mounts, layout.volume, `${layout.home}/views`])
    assert.deepEqual(namesIn(directory), [], directory)
  assert.ok(!existsSync(layout.volumeImage), 'the image of a volume that keeps nothing')
}

const same = (one: Lines, other: Lines) => one.length === other.length && one.every((line, index) => line === other[index])

/** Names the first lines that differ. */
function assertSame(now: Lines, wanted: Lines, what: string): void {
  const [missing, foreign] = [wanted.filter((line) => !now.includes(line)), now.filter((line) => !wanted.includes(line))]
  const shown = [...missing.slice(0, 4).map((line) => `- ${line}`), ...foreign.slice(0, 4).map((line) => `+ ${line}`)]
  assert.ok(same(now, wanted), `${what}: ${missing.length} lines are not there\n${shown.join('\n')}`)
}

function changed(now: World['snapshots'], before: World['snapshots']): boolean {
  return now.size !== before.size || [...now].some(([name, lines]) => before.get(name) !== lines)
}
