import assert from 'node:assert/strict'
import { collect } from '../../src/chunks/index.ts'
import { asFault, digestOf } from '../../src/kit/index.ts'
import {
  createRelease,
  pin,
  promote,
  pruneArchives,
  reconcile,
  type ReleaseContext,
  rollback,
  unpin,
  type VariantState,
  verifyReleases,
} from '../../src/releases/index.ts'
import { type FaultPlan, randomFaults, type StoreFault } from '../../src/store/index.ts'
import { seededRandom } from '../fakes/seeded-random.ts'
import { type Builds, createWorld, truthOf } from './release-world.ts'
import { checkEffect, checkEnd, type Command, type Outcome, type Run, viewsInLine } from './release-invariants.ts'

const minute = 60_000
const day = 86_400_000
const variants = ['6.4', '7.0']
const harmless: readonly StoreFault[] = ['delayed', 'duplicated']
const kindsOf: readonly (readonly StoreFault[])[] = [
  ['error-before', 'error-after', ...harmless],
  ['error-before', 'error-after', 'truncated', 'corrupted', ...harmless],
  ['error-before', 'error-after', 'truncated', 'stale', ...harmless],
  harmless,
]

/** One short run that follows from its seed: commands under faults, checks after each and at the end. Throws what is broken. */
export async function runOnce(seed: number, builds: Builds, writers: number): Promise<Run> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const kinds = pick(kindsOf)
  const world = createWorld(seededRandom(seed + 1), pick(['retry', 'retry', 'fail']))
  const run: Run = { world, outcomes: [], kinds: new Set(kinds), alone: writers === 1, faultsMet: 0 }
  const rate = pick([0.01, 0.03, 0.1, 0.25])
  const retries = random() < 0.5
  const open = (writer: number, seed: number) => {
    const own = seededRandom(seed)
    const faults = counted(run, bearable(randomFaults({ random: own, rate, faults: kinds })))
    return world.open({ by: `writer-${writer}`, random: own, faults, retries, yields: writers > 1 })
  }
  try {
    // A phase is as long as a listing may be behind: then every writer begins with new handles.
    for (let phase = 0; phase < 3; phase++) {
      await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          const own = seededRandom(seed * 31 + phase * 16 + writer)
          const context = open(writer, seed * 17 + phase * 16 + writer)
          const count = 1 + Math.floor(own() * (writers === 1 ? 5 : 4))
          for (let step = 0; step < count; step++) {
            await act(run, builds, context, own, `${phase}.${writer}.${step}`)
            world.clock.set(world.clock.now() + Math.floor(own() * own() * 3 * minute))
          }
        }),
      )
      if (random() < 0.6) world.clock.set(world.clock.now() + day + Math.floor(random() * day))
    }
    await checkEnd(run)
    return run
  } catch (error) {
    const told = run.outcomes.map((each) => `  ${each.token} ${each.command} ${each.variant}: ${each.failed ?? 'done'} ${each.says}`)
    throw new Error(`seed ${seed}, ${writers} writer(s), ${kinds.join(' ')} at ${rate}${retries ? ', retrying' : ''}\n${told.join('\n')}`, {
      cause: error,
    })
  }
}

/** A wrong byte is only for what is checked by its digest: nothing else can be told from a hostile store. */
function bearable(plan: FaultPlan): FaultPlan {
  return {
    next(operation, key) {
      const fault = plan.next(operation, key)
      return fault === 'corrupted' && !/^(blobs|snapshots)\//.test(key) ? 'truncated' : fault
    },
  }
}

function counted(run: Run, plan: FaultPlan): FaultPlan {
  return {
    next(operation, key) {
      const fault = plan.next(operation, key)
      if (fault !== undefined) run.faultsMet++
      return fault
    },
  }
}

async function act(run: Run, builds: Builds, context: ReleaseContext, random: () => number, token: string): Promise<void> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const variant = pick(run.alone ? variants : ['6.4', '6.4', '7.0'])
  const command = pick<Command>([
    ...(['create', 'create', 'create', 'create', 'rollback', 'rollback', 'promote', 'prune', 'pin', 'unpin'] as const),
    ...(['reconcile', 'verify', 'collect', 'collect'] as const),
  ])
  const before = await truthOf(run.world, variant)
  const build = pick(builds.all)
  const force = random() < 0.2
  const channel = random() < 0.3 ? 'staging' : 'stable'
  const archived = before === undefined || random() < 0.5 ? undefined : pick(before.archives)
  const keep = Math.floor(random() * 3)
  let outcome: Pick<Outcome, 'created' | 'target' | 'dropped'> = {}
  let fault
  try {
    outcome = await commands[command]({ run, context, variant, token, before, build, force, channel, archived, keep })
  } catch (error) {
    fault = asFault(error)
  }
  const says = `${command === 'create' ? `${channel} ${builds.all.indexOf(build)}${force ? ' forced' : ''} ` : ''}${fault?.message ?? ''}`
  const ended: Outcome = { command, variant, token, failed: fault?.code, says, ...outcome }
  run.outcomes.push(ended)
  if (fault?.code === 'bug') throw fault
  const sameBytes = before !== undefined && sameContent(before, channel, build.files)
  checkEffect(run, ended, { before, sameBytes: sameBytes && !force, archived: archived?.release })
  if (run.alone) {
    const now = await truthOf(run.world, variant)
    if (ended.created !== undefined) assert.equal(now?.channels[channel], ended.created, 'what was created is in its channel')
    if (ended.target !== undefined) assert.equal(now?.channels['stable'], ended.target, 'stable is what it was moved to')
    const moved = fault === undefined && ['create', 'rollback', 'promote', 'reconcile'].includes(command)
    if (moved && !run.kinds.has('stale')) await viewsInLine(run.world, variant)
  }
}

interface Doing {
  readonly run: Run
  readonly context: ReleaseContext
  readonly variant: string
  readonly token: string
  readonly before: VariantState | undefined
  readonly build: Builds['all'][number]
  readonly force: boolean
  readonly channel: string
  readonly archived: VariantState['archives'][number] | undefined
  readonly keep: number
}

const commands: Record<Command, (doing: Doing) => Promise<Pick<Outcome, 'created' | 'target' | 'dropped'>>> = {
  async create({ run, context, variant, token, build, force, channel }) {
    const { id } = await createRelease(context, run.world.product, variant, {
      artifacts: build.artifacts,
      force,
      channel,
      message: token,
    })
    return { created: id }
  },
  async rollback({ run, context, variant, token, before, archived }) {
    const to = archived === undefined ? {} : { to: { archive: archived.at } }
    await rollback(context, run.world.product, variant, { ...to, message: token })
    return run.alone ? { target: archived?.release ?? before?.channels['last-stable'] } : {}
  },
  async promote({ run, context, variant, token, before }) {
    await promote(context, run.world.product, variant, { from: 'staging', to: 'stable', message: token })
    return run.alone ? { target: before?.channels['staging'] } : {}
  },
  async prune({ run, context, variant, keep }) {
    const { dropped } = await pruneArchives(context, run.world.product, variant, { keep })
    return { dropped: dropped.map(({ at }) => at) }
  },
  async pin({ run, context, variant, archived }) {
    await pin(context, run.world.product, variant, archived === undefined ? { channel: 'stable' } : { archive: archived.at })
    return {}
  },
  async unpin({ run, context, variant, archived }) {
    await unpin(context, run.world.product, variant, archived === undefined ? { channel: 'stable' } : { archive: archived.at })
    return {}
  },
  async reconcile({ run, context, variant }) {
    await reconcile(context, run.world.product, variant)
    return {}
  },
  async verify({ run, context, variant }) {
    const { problems } = await verifyReleases(context, run.world.product, variant)
    const mayMislead = !run.alone || (['truncated', 'corrupted', 'stale'] as const).some((kind) => run.kinds.has(kind))
    if (!mayMislead) assert.deepEqual(problems, [], 'what is not damaged verifies')
    return {}
  },
  async collect({ run, context }) {
    await collect({ store: context.store, clock: run.world.clock, random: context.random, grace: day })
    return {}
  },
}

function sameContent(state: VariantState, channel: string, files: Readonly<Record<string, string>>): boolean {
  const present = state.releases[state.channels[channel] ?? digestOf('')]?.files
  return (
    present?.length === Object.keys(files).length &&
    present.every(({ path, digest }) => digest === digestOf(files[path] ?? 'something else'))
  )
}
