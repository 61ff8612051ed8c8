import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { promises as fs } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { isFault, mapBounded } from '../../src/kit/index.ts'
import { isNothing } from '../../src/manifest/index.ts'
import { reconcile, verifyReleases } from '../../src/releases/index.ts'
import type { ChildJob } from './child.ts'
import { type Death, openScene, type Place, type Play, type PlayName, plays, type Scene, variant } from './scene.ts'
import { type Allowed, checkKeys, checkSeen, look, watch } from './witness.ts'

const child = path.join(import.meta.dirname, 'child.ts')

export interface Playing {
  readonly play: PlayName
  readonly within: Death['within']
  /** A new place for each playing. */
  readonly newPlace: () => Promise<Place>
  /** A folder for compiled code, so that the many children start fast. */
  readonly cache: string
  /** How many of the points, chosen at random; all of them where it is left out. */
  readonly sample?: { readonly size: number; readonly random: () => number } | undefined
}

export interface Played {
  readonly points: number
  readonly killed: number
  /** How often the places were looked at while children ran. */
  readonly looks: number
}

/**
 * Plays a command in a child as often as it can die, and kills it at another moment each time. After each death everything is
 * whole, and the command, run again, gets to where it would have got.
 */
export async function playAndKill(playing: Playing): Promise<Played> {
  const allowed = await playThrough(playing)
  const whole = await playOnce(playing, allowed, 0)
  assert.ok(whole.points !== undefined && whole.points > 0, 'it lives where nobody kills it')
  const all = Array.from({ length: whole.points }, (_, index) => index + 1)
  const { sample } = playing
  const chosen = sample === undefined ? all : pickSome(all, sample.size, sample.random)
  const outcomes = await mapBounded(chosen, 2, (at) => playOnce(playing, allowed, at))
  const killed = outcomes.filter(({ points }) => points === undefined).length
  // What is done at once is done in another order each time: a few of the last moments may not come.
  assert.ok(killed >= chosen.length * 0.9, `${killed} of ${chosen.length} were killed`)
  return { points: whole.points, killed, looks: outcomes.reduce((sum, { looks }) => sum + looks, 0) }
}

/** Here and undisturbed: where the command begins and where it ends. */
async function playThrough({ play, newPlace }: Playing): Promise<Allowed> {
  return await onStage(await newPlace(), async (scene) => {
    await plays[play].setUp(scene)
    const before = await look(scene)
    await plays[play].run(scene)
    return { before, after: await look(scene) }
  })
}

async function playOnce(playing: Playing, allowed: Allowed, at: number): Promise<{ points: number | undefined; looks: number }> {
  const place = await playing.newPlace()
  const play: Play = plays[playing.play]
  try {
    return await onStage(place, async (scene) => {
      await play.setUp(scene)
      const { points, looks } = await runChild(playing, scene, allowed, { at, within: playing.within })
      const seen = await look(scene)
      checkSeen(allowed, seen)
      await checkKeys(scene)
      assert.deepEqual((await verifyReleases(scene.context, scene.product)).problems, [], 'verify is clean')
      const hasMoved = seen.generation > allowed.before.generation
      await runAgain(play, scene, allowed, hasMoved)
      return { points, looks }
    })
  } catch (error) {
    throw new Error(`${playing.play}, killed at point ${at} of the ${playing.within}`, { cause: error })
  }
}

async function onStage<T>(place: Place, act: (scene: Scene) => Promise<T>): Promise<T> {
  const scene = openScene(place)
  try {
    return await act(scene)
  } finally {
    await scene.close()
    await fs.rm(place.root, { recursive: true })
  }
}

async function runChild(
  playing: Playing,
  scene: Scene,
  allowed: Allowed,
  death: Death,
): Promise<{ points: number | undefined; looks: number }> {
  const job: ChildJob = { place: scene.place, play: playing.play, death }
  const living = spawn(process.execPath, [child, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: playing.cache },
  })
  let talk = ''
  living.stderr.on('data', (piece: Buffer) => void (talk += piece.toString()))
  const ended = new Promise<string>((resolve) => living.once('close', (code, signal) => resolve(signal ?? String(code))))
  let points: number | undefined
  let watching: ReturnType<typeof watch> | undefined
  for await (const line of createInterface({ input: living.stdout })) {
    if (line === 'begins') watching = watch(scene, allowed)
    else points = (JSON.parse(line) as { points: number }).points
  }
  const end = await ended
  await watching?.stop()
  assert.equal(end, points === undefined ? 'SIGKILL' : '0', `the child ended otherwise: ${talk}`)
  return { points, looks: watching?.looks() ?? 0 }
}

/** The same command once more, then `reconcile`: all is as if nobody had died. */
async function runAgain(play: Play, scene: Scene, allowed: Allowed, hasMoved: boolean): Promise<void> {
  let isDone = true
  try {
    await play.run(scene)
  } catch (error) {
    if (!hasMoved || !isFault(error, play.again)) throw error
    isDone = false
  }
  assert.ok(isDone || hasMoved)
  const first = await reconcile(scene.context, scene.product, variant)
  if (isDone) assert.ok(nothingIn(first), 'a command that is done leaves nothing to reconcile')
  assert.ok(nothingIn(await reconcile(scene.context, scene.product, variant)), 'reconcile has nothing to do after a reconcile')
  const { problems, behind } = await verifyReleases(scene.context, scene.product)
  assert.deepEqual({ problems, behind }, { problems: [], behind: [] })
  assert.deepEqual(await look(scene), allowed.after)
  const leftovers = (await fs.readdir(path.join(scene.place.root, 'fetched')).catch(() => [])).filter((name) =>
    name.includes('holdfast-part'),
  )
  assert.deepEqual(leftovers, [], 'what was fetched in part is tidied')
}

function nothingIn({ views }: Awaited<ReturnType<typeof reconcile>>): boolean {
  return views.every((view) => isNothing(view.plan) && view.foreign.length === 0)
}

function pickSome(from: readonly number[], size: number, random: () => number): number[] {
  const left = [...from]
  const some: number[] = []
  while (some.length < size && left.length > 0) some.push(...left.splice(Math.floor(random() * left.length), 1))
  return some.sort((a, b) => a - b)
}
