import { type Digest, Fault } from '../../kit/index.ts'
import { moveRef, type Next } from '../../refs/index.ts'
import type { IndexContext } from '../context.ts'
import type { Catalogue } from '../records/catalogue.ts'
import type { ProjectRecord } from '../records/project.ts'
import { readCatalogue } from '../records/read.ts'
import { type IndexNote, type IndexRef, indexRefs, type IndexState, type PrefixState, refNameOfBucket } from '../records/state.ts'
import { encodeCatalogue } from '../records/write.ts'
import { byName, noProjects } from './catalogued.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { type FollowedView, followViews } from './follow.ts'
import type { Scan } from './scan.ts'
import type { Touched } from './touched.ts'

/** What stands when a change is planned. */
export interface IndexBase {
  readonly ref: IndexRef | undefined
  /** What a prefix publishes; nothing where it was never published. One request for each, once. */
  projects(prefix: string): Promise<Catalogue['projects']>
  /** Where new records go; they are stored before the ref moves. */
  readonly outbox: Outbox
}

/** What a prefix is to publish. */
export interface PrefixChange {
  /** All of them, unchanged ones too. */
  readonly projects: Catalogue['projects']
  /** A listing that was made after the base was read; it spares one. */
  readonly scan?: Scan | undefined
  /** By project, of its pages and companions when all of these companions were right: `sumOfView`. */
  readonly compared?: ReadonlyMap<string, Digest> | undefined
  /** Of the view only these projects are looked at. */
  readonly touched?: Touched | undefined
}

/** By prefix; those that are not named stay as they are. */
export type ChangedPrefixes = ReadonlyMap<string, PrefixChange>

/** What a prefix would publish, for whoever may refuse it. */
export interface CandidatePrefix {
  readonly projects: Catalogue['projects']
  read(record: Digest): Promise<ProjectRecord>
}
export type Candidate = ReadonlyMap<string, CandidatePrefix>

export interface ChangeOptions {
  /** Nothing is written; what would be is told. */
  readonly dryRun?: boolean | undefined
  /** Is shown all prefixes that the plan names, changed or not, before the ref moves; what it throws stops that. */
  readonly gate?: ((candidate: Candidate) => Promise<void>) | undefined
  /** In a dry run: is shown all prefixes, changed or not. */
  readonly look?: ((candidate: Candidate) => Promise<void>) | undefined
}

export interface Changed {
  /** What stands now. */
  readonly ref: IndexRef | undefined
  readonly hasMoved: boolean
  /** Prefixes whose catalogue changed, with what they have now; in a dry run, would. */
  readonly changed: ReadonlyMap<string, PrefixState>
  readonly views: readonly FollowedView[]
}

/**
 * The one way in which an index changes: plan, records, one conditional write of the ref, and then the views of the prefixes that the plan
 * names, those too that turned out to be as they were. `change` is called again on what stands then, when someone else was first; it
 * writes nothing but what may lie there unused, such as companions of files. Undefined: nothing is to be done. Throws `partial` where the
 * ref has moved and a view could not follow.
 */
export async function changeIndex(
  context: IndexContext,
  action: string,
  message: string | undefined,
  change: (base: IndexBase) => Promise<ChangedPrefixes | undefined>,
  options: ChangeOptions = {},
): Promise<Changed> {
  const outbox = createOutbox(context, options.dryRun === true)
  let planned: Plan = { wanted: new Map(), changed: new Map(), ref: undefined }
  const stay = new Fault('nothing-to-do', 'the ref stays where it is')
  let after: IndexRef | undefined
  try {
    const moved = await moveRef<IndexState, IndexNote>(
      context,
      indexRefs,
      refNameOfBucket(context.environment.bucket),
      async (current) => {
        const base = baseOf(context, current, outbox)
        const wanted = (await change(base)) ?? new Map<string, PrefixChange>()
        const changed = await changedStates(context, base, wanted)
        planned = { wanted, changed, ref: current }
        const candidate = candidateOf(outbox, wanted)
        await options.gate?.(candidate)
        await options.look?.(candidate)
        if (changed.size === 0 || options.dryRun === true) throw stay
        await outbox.flush()
        return { ...nextState(context, current, changed), action, ...(message === undefined ? {} : { message }) }
      },
      { onLost: 'retry' },
    )
    after = moved.after
  } catch (error) {
    if (error !== stay) throw error
    after = planned.ref
  }
  const { wanted, changed, ref } = planned
  const hasMoved = after !== ref
  const views = await followViews(context, { ref: after, hasMoved, wanted, read: outbox.read, dryRun: options.dryRun === true })
  return { ref: after, hasMoved, changed, views }
}

interface Plan {
  readonly wanted: ChangedPrefixes
  readonly changed: Changed['changed']
  readonly ref: IndexRef | undefined
}

function baseOf(context: IndexContext, ref: IndexRef | undefined, outbox: Outbox): IndexBase {
  const known = new Map<string, Promise<Catalogue['projects']>>()
  return {
    ref,
    outbox,
    projects(prefix) {
      const catalogue = ref?.state.prefixes[prefix]?.catalogue
      if (catalogue === undefined) return Promise.resolve(noProjects)
      const projects = known.get(prefix) ?? readCatalogue(context, catalogue).then((found) => found.projects)
      known.set(prefix, projects)
      return projects
    },
  }
}

function candidateOf({ read }: Outbox, wanted: ChangedPrefixes): Candidate {
  return new Map(Array.from(wanted, ([prefix, { projects }]) => [prefix, { projects, read }]))
}

async function changedStates(context: IndexContext, { ref, outbox }: IndexBase, wanted: ChangedPrefixes): Promise<Changed['changed']> {
  const changed = new Map<string, PrefixState>()
  const generation = nextGeneration(ref)
  const keep = Math.max(1, context.environment.keepGenerations)
  for (const [prefix, { projects }] of wanted) {
    const catalogue = encodeCatalogue(projects)
    const before = ref?.state.prefixes[prefix]
    if (before?.catalogue === catalogue.digest) continue
    await outbox.add(catalogue)
    const kept = [...(before?.kept ?? []), { generation, catalogue: catalogue.digest }].slice(-keep)
    changed.set(prefix, { catalogue: catalogue.digest, ...countsOf(projects), kept })
  }
  return changed
}

function nextState(
  { environment }: IndexContext,
  ref: IndexRef | undefined,
  changed: Changed['changed'],
): Pick<Next<IndexState, IndexNote>, 'state' | 'note'> {
  const prefixes = Object.assign(byName<PrefixState>(), ref?.state.prefixes)
  const note = byName<Digest>()
  for (const [prefix, state] of changed) {
    prefixes[prefix] = state
    note[prefix] = state.catalogue
  }
  return { state: { bucket: environment.bucket, prefixes }, note: { prefixes: note } }
}

function nextGeneration(ref: IndexRef | undefined): number {
  return (ref?.generation ?? 0) + 1
}

function countsOf(projects: Catalogue['projects']): Pick<PrefixState, 'projects' | 'files' | 'bytes' | 'refused'> {
  const counts = { projects: 0, files: 0, bytes: 0, refused: 0 }
  for (const { files, bytes, refused } of Object.values(projects)) {
    if (files > 0) counts.projects++
    counts.files += files
    counts.bytes += bytes
    counts.refused += refused
  }
  return counts
}
