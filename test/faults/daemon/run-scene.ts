import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Execution, openFileQueue, openServerQueue, type Queue } from '../../../src/daemon/index.ts'
import { isFault, systemClock } from '../../../src/kit/index.ts'
import { seededRandom } from '../../fakes/seeded-random.ts'
import type { RegistryServer } from '../../services/registry.ts'
import { commands } from './commands.ts'
import { jobNames } from './configuration.ts'
import { type Crew, type Member, openCrew, processesWith } from './crew.ts'
import { filesOf } from './files.ts'
import { assertAlone, assertFlat, assertSettled } from './records.ts'
import { assertTruth } from './truth.ts'
import { startWorld, type World } from './world.ts'

export interface Scene {
  readonly name: string
  readonly folder: string
  readonly registry: RegistryServer
  readonly seconds: number
  readonly seed: number
  /** Command lines of processes that work on the queue. */
  readonly crew: readonly (readonly string[])[]
  /** A URL of PostgreSQL; a file without it. */
  readonly queue?: string
  /** Ends the queue's database and starts it again. */
  readonly crash?: () => void
}

/** From so many seconds on, memory is held to be flat. */
const long = 300
/** The share of the time in which processes are killed; then they stay, and their memory is looked at. */
const wildShare = (seconds: number) => (seconds >= long ? 0.4 : 0.7)
/** How long things may take to come right once it is calm. */
const patience = 600_000

/** Lets a crew work in a world that does wrong, then in one that does not, and compares what there is with what should be. Gives what is worth telling. */
export async function runScene(scene: Scene): Promise<string[]> {
  const { folder, registry, seconds, seed } = scene
  const random = seededRandom(seed)
  const world = await startWorld(folder, registry, {
    random,
    rate: 0.15,
    lines: scene.queue === undefined ? [] : [`queue = "${scene.queue}"`],
  })
  const mark = `${scene.name}-${seed}-${process.pid}`
  const env = { ...world.env, SOAK_MARK: mark }
  const holdfast = commands(folder, env)
  const crew = openCrew(folder, env)
  let queue: Queue | undefined
  try {
    await holdfast('env create stage')
    const clean = filesOf(path.join(folder, 'stage'))
    queue = await openQueue(scene, random)
    for (const words of scene.crew) crew.start(words)
    const deeds = await storm(scene, { world, crew, queue, random })
    world.calm()
    crew.say('calm')
    const calmed = Date.now()
    await settle(crew, queue, calmed)
    const took = Math.round((Date.now() - calmed) / 1000)
    const stayed = [...crew.members]
    const memory = assertFlat(stayed, seconds >= long)
    for (const { child } of crew.members) child.kill('SIGTERM')
    await Promise.all(stayed.map(({ ended }) => ended))
    assert.deepEqual(crew.wrong, [])
    const counted = await assertSettled(queue)
    const silent = assertAlone(crew, deeds.killed, readFileSync(path.join(folder, 'builds'), 'utf8'))
    await gone(mark)
    const checked = await assertTruth({ world, holdfast, clean })
    return [
      `${seconds} s of trouble, calm again in ${took} s`,
      `done to the processes: ${JSON.stringify(deeds.counts)}`,
      `done by stand-ins: ${JSON.stringify(world.weather.counts)}`,
      ...counted,
      ...silent,
      ...memory,
      ...checked,
    ]
  } catch (error) {
    console.error(crew.words.slice(-150).join('\n'))
    throw error
  } finally {
    await crew.close()
    await queue?.close()
    await world.close()
  }
}

async function openQueue({ queue, folder }: Scene, random: () => number): Promise<Queue> {
  const options = { clock: systemClock, random }
  if (queue !== undefined) return await openServerQueue(queue, options)
  const { out } = await commands(folder, { PATH: process.env['PATH'] ?? '', HOME: path.join(folder, 'home') })('jobs list --json')
  return await openFileQueue((JSON.parse(out) as { result: { queue: string } }).result.queue, options)
}

interface Storm {
  readonly world: World
  readonly crew: Crew
  readonly queue: Queue
  readonly random: () => number
}

interface Deeds {
  readonly counts: Record<'killed' | 'stopped' | 'reloaded' | 'misconfigured' | 'database', number>
  /** When which process was killed. */
  readonly killed: Map<string, number>
}

async function storm({ seconds, crash, folder }: Scene, { world, crew, queue, random }: Storm): Promise<Deeds> {
  await allUp(crew)
  const counts = { killed: 0, stopped: 0, reloaded: 0, misconfigured: 0, database: 0 }
  const killed = new Map<string, number>()
  const begun = Date.now()
  const ended = begun + seconds * 1000
  const file = path.join(folder, 'holdfast.toml')
  const right = readFileSync(file, 'utf8')
  const pick = (): Member | undefined => [...crew.members][Math.floor(random() * crew.members.size)]
  const acts = {
    async kill(member: Member) {
      counts.killed++
      killed.set(member.name, Date.now())
      member.child.kill('SIGKILL')
      await member.ended
      crew.start(member.words)
    },
    async stop(member: Member) {
      counts.stopped++
      member.child.kill('SIGTERM')
      await member.ended
      crew.start(member.words)
    },
    async reload(member: Member) {
      counts.reloaded++
      member.child.kill('SIGHUP')
    },
    async misconfigure(member: Member) {
      // One that begins with a wrong file ends at once, as it should.
      await allUp(crew)
      counts.misconfigured++
      writeFileSync(file, `${right}\n[[job]]\nrun = "nothing like that"\nevery = "soon"\n`)
      member.child.kill('SIGHUP')
      await systemClock.sleep(700)
      writeFileSync(file, right)
      member.child.kill('SIGHUP')
    },
    async crash() {
      counts.database++
      crash?.()
    },
  }
  const wild = dealer(
    [acts.kill, acts.stop, ...(crash === undefined ? [] : [acts.crash]), acts.kill, acts.reload, acts.misconfigure],
    random,
  )
  const mild = dealer([acts.reload, acts.misconfigure], random)
  let nextAct = begun + 1500
  let nextLook = begun + 1000
  while (Date.now() < ended) {
    assert.deepEqual(crew.wrong, [])
    if (random() < 0.25) world.grow()
    if (Date.now() >= nextLook) {
      nextLook = Date.now() + 1000
      crew.sample()
      await impatiently(queue, random)
    }
    const member = pick()
    if (Date.now() >= nextAct && member?.isUp === true) {
      const isWild = Date.now() < begun + (ended - begun) * wildShare(seconds)
      nextAct = Date.now() + (isWild ? 1500 + random() * 3000 : 10_000)
      const act = isWild ? wild() : mild()
      crew.say(`${act.name} ${member.name}`)
      await act(member)
    }
    await systemClock.sleep(200)
  }
  return { counts, killed }
}

async function allUp(crew: Crew): Promise<void> {
  while ([...crew.members].some(({ isUp }) => !isUp)) await systemClock.sleep(100)
}

/** Gives the cards one after another, then all of them again, each time in another order. */
function dealer<T>(cards: readonly T[], random: () => number): () => T {
  const deck = [...cards].toReversed()
  return () => {
    const card = deck.pop()!
    if (deck.length === 0)
      deck.push(
        ...cards
          .map((each) => ({ each, at: random() }))
          .toSorted((one, other) => one.at - other.at)
          .map(({ each }) => each),
      )
    return card
  }
}

/** As somebody does who sits before it: what waits for its next try is tried now, now and then. */
async function impatiently(queue: Queue, random: () => number): Promise<void> {
  try {
    for (const { id, due } of await queue.executions({ states: ['waiting'], limit: 50 }))
      if (due > Date.now() + 1000 && random() < 0.3) await queue.retry(id)
  } catch (error) {
    if (!isFault(error, 'unavailable')) throw error
  }
}

/** Until every job has run well from beginning to end since it is calm. */
async function settle(crew: Crew, queue: Queue, since: number): Promise<void> {
  let units: Execution[] = []
  for (let waited = 0; waited < patience; waited += 500) {
    await systemClock.sleep(500)
    if (waited % 1000 === 0) crew.sample()
    await impatiently(queue, () => 0)
    units = await queue.executions({ limit: 3000 })
    if (jobNames.every((job) => hasRunWell(units, job, since))) return
  }
  const left = jobNames.filter((job) => !hasRunWell(units, job, since))
  const last = units.filter(({ job }) => job !== undefined && left.includes(job)).slice(0, 20)
  assert.fail(`never came right: ${left.join(', ')}\n${last.map((unit) => JSON.stringify(unit)).join('\n')}`)
}

function hasRunWell(units: readonly Execution[], job: string, since: number): boolean {
  const firings = Map.groupBy(
    units.filter((unit) => unit.job === job),
    ({ firing }) => firing,
  )
  return [...firings.values()].some((all) => all.every(({ created, state }) => created > since && state === 'done'))
}

/** Nothing is left of the processes and what they started. */
async function gone(mark: string): Promise<void> {
  let left = processesWith('SOAK_MARK', mark)
  for (let turn = 0; left.length > 0 && turn < 1200; turn++) {
    await systemClock.sleep(100)
    left = processesWith('SOAK_MARK', mark)
  }
  assert.deepEqual(left, [], 'processes that outlive the daemon')
}
