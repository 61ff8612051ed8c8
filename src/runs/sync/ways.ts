import type { Root } from '../format/root.ts'
import type { Digest } from '../../kit/index.ts'
import { openPack, type OpenPack } from './fetch/from-packs.ts'
import { pagesOf, planFromPages } from './plan/from-pages.ts'
import type { Planner } from './plan/planner.ts'
import { isMeant, scopeOf, type Selection, showsAll } from './plan/selection.ts'
import type { Way } from './report.ts'
import { findManifest, type ManifestFacts, readManifest } from './source/manifest-1.ts'
import { bringAllPages, bringPages, MissingPage, readRoot } from './source/read-pages.ts'
import type { Source } from './source/source.ts'
import { readStatus, walkRuns } from './source/walk.ts'
import type { State } from './state/state.ts'

/** One way of finding out what there is, gone as far as to know whether anything is new. */
export interface Look {
  readonly way: Way
  /** The cursor's name and what it would be. Without a mark, nobody can say that nothing is new. */
  readonly scope: string
  readonly mark: string | undefined
  readonly facts: { readonly revision: number | undefined; readonly generated: number | undefined }
  /** Brings the list and plans the runs that are meant; how many they were. */
  plan(planner: Planner): Promise<Planned>
  /** Lets go of what was opened. */
  close(): Promise<void>
}

export interface Planned {
  readonly count: number
  readonly mark: string | undefined
  readonly facts: Look['facts']
  /** Whether every run of the source was shown that the selection's project has. */
  readonly isAll: boolean
  /** Where there are packs: what their table is found by, and the newest, on its way. */
  readonly packs?: { readonly root: Root; readonly newest: Promise<OpenPack> | undefined } | undefined
  /** The pages that are still needed. */
  readonly pages?: (() => Iterable<Digest>) | undefined
}

export interface Looking {
  readonly source: Source
  readonly state: State
  readonly selection: Selection
}

export const waysOf: Readonly<Record<Way, (looking: Looking) => Promise<Look>>> = {
  pages: lookAtPages,
  manifest: lookAtManifest,
  walk: lookAtEverything,
}

async function lookAtPages({ source, state, selection }: Looking): Promise<Look> {
  let root = await readRoot(source)
  const markOf = () => (selection.active === true ? root.active : root.full).digest
  const factsOf = () => ({ revision: root.revision, generated: root.generated })
  let newest: Promise<OpenPack> | undefined
  return {
    way: 'pages',
    scope: scopeOf('pages', selection),
    mark: markOf(),
    facts: factsOf(),
    async plan(planner) {
      newest = openNewest(source, state, root)
      root = await bringPages(source, state, root)
      const plan = async () => await state.during(() => planFromPages(state, root, selection, planner))
      const count = await plan().catch(async (error: unknown) => {
        if (!(error instanceof MissingPage)) throw error
        await bringAllPages(source, state, root)
        return await plan()
      })
      const isAll = showsAll(selection)
      return { count, mark: markOf(), facts: factsOf(), isAll, packs: { root, newest }, pages: () => pagesOf(state, root) }
    },
    async close() {
      await newest?.then((pack) => pack.reader.close()).catch(() => undefined)
    },
  }
}

/** The newest pack has what changed last: where it is new here it is opened while the log is read. */
function openNewest(source: Source, state: State, { newest, packs }: Root): Promise<OpenPack> | undefined {
  if (newest === undefined || state.pages.has(packs.digest)) return undefined
  const { name, size, index } = newest
  const opening = openPack(source, { name, size, indexOffset: index[0], indexLength: index[1] })
  // Told when it is asked for.
  opening.catch(() => undefined)
  return opening
}

async function lookAtManifest({ source, state, selection }: Looking): Promise<Look> {
  const found = await findManifest(source, selection.active === true)
  const unknown = { revision: undefined, generated: undefined }
  return {
    way: 'manifest',
    scope: scopeOf('manifest', selection),
    mark: found.version,
    facts: unknown,
    async plan(planner) {
      let count = 0
      let facts: ManifestFacts | undefined
      // Only a whole manifest says how old it is: what was active is known at its end.
      const since = selection.active === true && found.type === 'full' ? source.clock.now() - defaultWindow : 0
      await state.during(async () => {
        facts = await readManifest(source, found, async (run) => {
          if (!isMeant(selection, run, run.status ?? 'unknown') || run.updated < since) return
          count++
          await planner.run(run)
        })
      })
      const isAll = found.type === 'full' && showsAll(selection)
      return { count, mark: found.version, facts: facts ?? unknown, isAll }
    },
    async close() {},
  }
}

/** Milliseconds: what counts as active where the source does not say. */
const defaultWindow = 3_600_000

async function lookAtEverything({ source, state, selection }: Looking): Promise<Look> {
  const facts = { revision: undefined, generated: undefined }
  return {
    way: 'walk',
    scope: scopeOf('walk', selection),
    mark: undefined,
    facts,
    async plan(planner) {
      let count = 0
      const since = selection.active === true ? source.clock.now() - defaultWindow : 0
      await state.during(async () => {
        for await (const run of walkRuns(source, state)) {
          if (run.updated < since || !isMeant(selection, run, undefined)) continue
          if (selection.status !== undefined && (await readStatus(source, run)) !== selection.status) continue
          count++
          await planner.run(run)
        }
      })
      return { count, mark: undefined, facts, isAll: showsAll(selection) }
    },
    async close() {},
  }
}
