import assert from 'node:assert/strict'
import { collect, type Pin } from '../../src/chunks/index.ts'
import { type Digest, type FaultCode } from '../../src/kit/index.ts'
import { isNothing } from '../../src/manifest/index.ts'
import { reconcile, type Release, verifyReleases, type VariantState } from '../../src/releases/index.ts'
import { readAll, type StoreFault } from '../../src/store/index.ts'
import { contentsOf, shouldBePublished, shouldHaveMetadata, truthOf, type World, type Written } from './release-world.ts'

export type Command = 'create' | 'rollback' | 'promote' | 'prune' | 'pin' | 'unpin' | 'reconcile' | 'verify' | 'collect'

/** One command that ended, as its user saw it. */
export interface Outcome {
  readonly command: Command
  readonly variant: string
  /** Stands in the ref's history if, and only if, the command moved it. */
  readonly token: string
  /** Undefined where it said that it succeeded. */
  readonly failed: FaultCode | undefined
  readonly says: string
  readonly created?: Digest | undefined
  readonly target?: Digest | undefined
  /** Times of archives that it said it dropped. */
  readonly dropped?: readonly string[] | undefined
}

export interface Run {
  readonly world: World
  readonly outcomes: Outcome[]
  readonly kinds: ReadonlySet<StoreFault>
  readonly alone: boolean
  faultsMet: number
}

export interface Known {
  readonly before: VariantState | undefined
  /** The bytes to be released are those that the channel has, and nobody insists. */
  readonly sameBytes: boolean
  readonly archived: Digest | undefined
}

/** What a command may say. Trouble is never told as absence, and nothing is said to be done or missing that is not. */
export function checkEffect(run: Run, { command, failed, variant, says }: Outcome, { before, sameBytes, archived }: Known): void {
  if (failed === undefined) {
    if (run.alone && command === 'create') assert.ok(!sameBytes, 'the same bytes are not released twice')
    return
  }
  const possible: FaultCode[] = ['unavailable', 'partial', 'corrupt', 'busy', 'precondition', 'nothing-to-do', 'not-found']
  assert.ok(possible.includes(failed), `${command} failed with ${failed}: ${says}`)
  const isDamaging = run.kinds.has('truncated') || run.kinds.has('corrupted')
  if (failed === 'corrupt') assert.ok(isDamaging, `nothing was damaged, and ${command} says: ${says}`)
  const canFail = run.kinds.has('error-before')
  if (failed === 'unavailable' || failed === 'partial') assert.ok(canFail, `nothing was lost, and ${command} says: ${says}`)
  if (failed === 'not-found') checkAbsence(run, command, before, archived)
  if (failed === 'nothing-to-do' && run.alone) {
    const channels = before?.channels ?? {}
    const nothingLeft: Partial<Record<Outcome['command'], boolean>> = {
      create: sameBytes,
      rollback: channels['stable'] === (archived ?? channels['last-stable']),
      promote: channels['stable'] === channels['staging'],
      unpin: true,
    }
    assert.equal(nothingLeft[command], true, `${command} of ${variant} had something to do`)
  }
}

function checkAbsence(run: Run, command: Outcome['command'], before: VariantState | undefined, archived: Digest | undefined): void {
  const needsVariantOnly = command === 'reconcile' || command === 'verify' || command === 'prune'
  if (needsVariantOnly) assert.equal(before, undefined, `${command} did not find a variant that is there`)
  assert.ok(command !== 'create', 'create needs nothing to be there')
  if (command === 'collect')
    assert.ok(
      run.outcomes.every(({ created }) => created === undefined),
      'collect did not find the store',
    )
  if (before === undefined || !run.alone) return
  const { stable, staging, 'last-stable': lastStable } = before.channels
  if (command === 'rollback') assert.ok(stable === undefined || (archived ?? lastStable) === undefined, 'rollback had a way back')
  if (command === 'promote') assert.equal(staging, undefined, 'promote had something to promote')
  if (command === 'pin' || command === 'unpin') assert.equal(archived ?? stable, undefined, `${command} was given what is there`)
}

/** The published files and the metadata files are what the ref says: no byte, no key more or less. */
export async function viewsInLine(world: World, variant: string): Promise<void> {
  const state = await truthOf(world, variant)
  if (state === undefined) return
  const isOf = (key: string) => key.split('/')[1] === variant
  const published = [...(await contentsOf(world.published))].filter(([key]) => isOf(key))
  assert.deepEqual(new Map(published), shouldBePublished(variant, state), `published files of ${variant}`)
  const metadata = (await contentsOf(world.metadata)).keys().filter(isOf)
  assert.deepEqual([...metadata], shouldHaveMetadata(variant, state), `metadata files of ${variant}`)
}

/** With all faults off: everything that must hold, whatever happened before. */
export async function checkEnd(run: Run): Promise<void> {
  const { world } = run
  for (const variant of Object.keys(world.product.variants)) checkHistory(run, variant)
  await checkReached(world)
  const kept = new Set(['nothing-to-do', 'not-found', 'precondition', undefined])
  const nothingFailed = run.outcomes.every(({ failed }) => kept.has(failed))
  const variants: string[] = []
  for (const variant of Object.keys(world.product.variants)) if ((await truthOf(world, variant)) !== undefined) variants.push(variant)

  for (const variant of variants) {
    if (nothingFailed && !run.kinds.has('stale')) await viewsInLine(world, variant)
    await reconcile(world.plain, world.product, variant)
    await viewsInLine(world, variant)
    const again = await reconcile(world.plain, world.product, variant)
    assert.ok(
      again.views.every((view) => isNothing(view.plan) && view.foreign.length === 0),
      'a second reconcile has nothing to do',
    )
  }
  await checkVerified(world)
  // Where every command failed, there is no store yet to collect in.
  await world.plain.prepareStore()
  // Whatever a prune had claimed has run out.
  world.clock.set(world.clock.now() + 3_600_000)
  for (let round = 0; round < 2; round++) await collect({ store: world.store, clock: world.clock, random: world.plain.random, grace: 0 })
  const reached = await checkReached(world)
  const left = [...(await contentsOf(world.store, 'blobs/')).values(), ...(await contentsOf(world.store, 'snapshots/')).values()]
  assert.deepEqual(new Set(left), reached, 'a collection leaves what is reached, and nothing else')
  assert.deepEqual([...(await contentsOf(world.store, 'condemned/')).keys()], [])
  await checkVerified(world)
}

async function checkVerified(world: World): Promise<void> {
  const { problems, behind } = await verifyReleases(world.plain, world.product)
  assert.deepEqual({ problems, behind }, { problems: [], behind: [] })
}

/** Every version of the ref follows from the one before; every command that said so is in it once, and none that said no. */
function checkHistory(run: Run, variant: string): void {
  const written = run.world.written(variant)
  written.forEach((now, index) => {
    assert.equal(now.generation, index + 1, 'generations are counted, and each is written once')
    assert.equal(now.history.length, index + 1)
    assert.equal(new Set(now.history.map(({ id }) => id)).size, index + 1, 'each move is in the history once')
    const before = written[index - 1]
    if (before === undefined) return
    assert.deepEqual(now.history.slice(0, -1), before.history, 'history only grows')
    checkStep(before, now)
  })
  const messages = (written.at(-1)?.history ?? []).map(({ message }) => message)
  for (const outcome of run.outcomes.filter((each) => each.variant === variant)) {
    const times = messages.filter((message) => message === outcome.token).length
    const isMove = ['create', 'rollback', 'promote'].includes(outcome.command)
    const wanted: Partial<Record<FaultCode | 'done', number>> = { done: 1, partial: 1, 'nothing-to-do': 0, 'not-found': 0, precondition: 0 }
    const expected = isMove ? wanted[outcome.failed ?? 'done'] : 0
    if (expected !== undefined) assert.equal(times, expected, `${outcome.token} is in the history ${times} times`)
    assert.ok(times <= 1)
    const { created, dropped = [] } = outcome
    if (created !== undefined) {
      assert.ok(
        written.some(({ state }) => Object.hasOwn(state.releases, created)),
        'what was created was in the ref',
      )
    }
    for (const at of dropped) assert.ok(written.at(-1)?.state.pruned.includes(at), 'what was dropped is gone')
  }
}

/** A release leaves a variant by a prune only, and a prune takes nothing that a channel has. */
function checkStep(before: Written, now: Written): void {
  const action = now.history.at(-1)?.action
  const held = namedBy(now.state)
  assert.deepEqual(new Set(Object.keys(now.state.releases)), held, 'the summaries are those of the releases that are named')
  if (action === 'prune') {
    assert.deepEqual(now.state.channels, before.state.channels)
    const gone = before.state.archives.filter(({ at }) => !now.state.archives.some((archived) => archived.at === at))
    for (const { at } of gone) assert.ok(now.state.pruned.includes(at))
  } else for (const id of namedBy(before.state)) assert.ok(held.has(id), `${action} lost ${id}`)
}

function namedBy(state: VariantState): Set<string> {
  return new Set([...Object.values(state.channels), ...state.archives.map(({ release }) => release)])
}

/** Everything that refs and pins lead to is there, byte for byte; which digests those are. */
async function checkReached(world: World): Promise<Set<Digest>> {
  const records = await contentsOf(world.store, 'snapshots/')
  const blobs = await contentsOf(world.store, 'blobs/')
  const roots = new Set<Digest>()
  for (const variant of Object.keys(world.product.variants)) {
    for (const id of Object.keys((await truthOf(world, variant))?.releases ?? {})) roots.add(id as Digest)
  }
  for await (const { key } of world.store.list('pins/')) {
    for (const { digest } of (await readJson<Pin>(world, key)).reaches) roots.add(digest)
  }
  const reached = new Set(roots)
  for (const id of roots) {
    const key = `snapshots/${id.slice('sha256:'.length)}.json`
    assert.equal(records.get(key), id, `the record ${id} is there`)
    for (const { digest } of (await readJson<Release>(world, key)).files) {
      const hex = digest.slice('sha256:'.length)
      assert.equal(blobs.get(`blobs/sha256/${hex.slice(0, 2)}/${hex}`), digest, `the bytes ${digest} are there`)
      reached.add(digest)
    }
  }
  return reached
}

async function readJson<T>({ store }: World, key: string): Promise<T> {
  return JSON.parse(Buffer.from((await readAll(store, key, { limit: 1 << 20 })).bytes).toString()) as T
}
