import { Fault, forEachBounded, isKey } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { IndexContext } from '../context.ts'
import type { Dependency } from '../environment.ts'
import { bring, type Moved } from './bring.ts'
import { createLearnt } from './learnt.ts'
import { isOpen, type MirrorFailure, type MirrorPlan, planMirror, type Wanted } from './plan.ts'
import { settle } from './settle.ts'
import { readShelves, type WantedNames } from './shelves.ts'

export interface MirrorOptions {
  /** Dependencies of this project; `all` for every one. */
  readonly package: string
  /** Only these; those of the environment unless told. */
  readonly prefixes?: readonly string[] | undefined
  /** Nothing is written, and nothing that stands is read to find out what it is. */
  readonly dryRun?: boolean | undefined
  /** Is shown the plan before anything is written; what it throws ends the run. Not asked where nothing is to be done. */
  readonly agree?: ((plan: MirrorPlan) => Promise<void>) | undefined
}

export interface Mirrored {
  /** What was to be done. */
  readonly plan: MirrorPlan
  /** What was done; nothing in a dry run. */
  readonly moved: Readonly<Moved>
  /** Of the plan and of carrying it out. Where there is one, the command ends as `partial`; all else is done. */
  readonly failures: readonly MirrorFailure[]
}

/** Files that are under way at once. */
const width = 8

/**
 * Brings dependencies from their upstreams into the bucket: each file once, then copied within the bucket to every prefix. Pages are
 * not touched: that is `publish`, which finds in a note what is known of the files. A run that was killed costs the next one what is missing.
 *
 * Throws `nothing-to-do` where nobody has such a dependency or there is no prefix; `unavailable`, `denied` and the like for the bucket and
 * the store. What is wrong with one package is among the failures.
 */
export async function mirror(context: IndexContext, http: HttpClient, options: MirrorOptions): Promise<Mirrored> {
  const { dryRun = false, agree } = options
  const dependencies = select(context, options.package)
  const prefixes = options.prefixes ?? context.environment.prefixes
  if (prefixes.length === 0)
    throw new Fault('nothing-to-do', 'there is no prefix to mirror into', { hint: 'set prefixes in [index], or give --prefix' })
  const wrong = prefixes.find((prefix) => !isKey(`${prefix}/a`))
  if (wrong !== undefined)
    throw new Fault('invalid', `not a prefix: ${JSON.stringify(wrong)}`, { hint: 'write one such as v2/gfx94X-dcgpu' })
  // The clients of HTTP and TLS are loaded where somebody mirrors.
  const { gather } = await import('./gather.ts')
  const { wanted, failures } = await gather(context, http, dependencies, prefixes)
  const shelves = await readShelves(context, namesOf(wanted))
  const plan = await settle(context, planMirror(wanted, shelves, failures), !dryRun)
  const moved: Moved = { downloads: 0, bytes: 0, copies: 0, companions: 0 }
  if (dryRun) return { plan, moved, failures: plan.failures }
  const isChange = plan.downloads + plan.copies > 0
  if (isChange) await agree?.(plan)
  return { plan, moved, failures: [...plan.failures, ...(await carryOut(context, plan, moved))] }
}

function select({ environment: { dependencies } }: IndexContext, project: string): Dependency[] {
  const selected = dependencies.filter(({ projects }) => project === 'all' || projects.includes(project))
  if (selected.length > 0) return selected
  const known = [...new Set(dependencies.flatMap(({ projects }) => projects))].sort()
  throw new Fault('nothing-to-do', `no dependency is mirrored for ${JSON.stringify(project)}`, {
    hint: known.length === 0 ? 'write them as [index.dependencies.NAME]' : `there are ${known.join(', ')}, and all`,
  })
}

function namesOf(wanted: readonly Wanted[]): WantedNames {
  const names = new Map<string, Map<string, string>>()
  for (const { indexes, file, project } of wanted) {
    for (const index of indexes) {
      const own = names.get(index) ?? new Map<string, string>()
      names.set(index, own.set(file.name, project))
    }
  }
  return names
}

async function carryOut(context: IndexContext, plan: MirrorPlan, moved: Moved): Promise<MirrorFailure[]> {
  const failures: MirrorFailure[] = []
  const work = plan.files.filter(({ targets }) => targets.some(isOpen))
  if (work.length === 0) return failures
  await context.prepareStore()
  const learnt = createLearnt(context)
  const items = work.reduce((sum, { targets }) => sum + targets.filter(isOpen).length, 0)
  context.report({ kind: 'begin', task: 'mirror', items, bytes: plan.bytes })
  try {
    const job = { context, learnt, moved, onFailure: (failure: MirrorFailure) => void failures.push(failure) }
    await forEachBounded(work, width, (file, signal) => bring(job, file, signal), context.signal)
  } catch (error) {
    // What has come is there: it is kept in mind, and why the run stopped is told.
    await learnt.keep().catch(() => undefined)
    throw error
  } finally {
    context.report({ kind: 'end', task: 'mirror' })
  }
  await learnt.keep()
  return failures
}
