import type { Clock } from '../../kit/index.ts'
import { runFolder } from '../format/place.ts'
import type { Root } from '../format/root.ts'
import { type Catalogue, dirsOfRun, keyOfRun } from './catalogue.ts'
import { countListed, isWritten, type Manifest, manifestOf, type ManifestType, type WrittenManifest } from './manifest.ts'
import { publish, remember, touch } from './publish.ts'
import { packPage } from './remake.ts'
import { readStanding, type Standing } from './standing.ts'
import { type Survey, type SurveyOptions, surveyRuns } from './survey.ts'
import { activePage, activeRuns, buildTree, type Page } from './tree.ts'

export interface GenerationOptions extends SurveyOptions {
  readonly type: ManifestType
  /** As the manifest calls the root. */
  readonly remoteRoot: string
  /** Where the manifest 1.0 goes. */
  readonly output: string
  /** Seconds; undefined: as the last generation had it, else an hour. */
  readonly activeWindow: number | undefined
  readonly clock: Clock
  readonly newId: () => string
  readonly hostname: string
}

/** What a generation came to. */
export interface Generation {
  readonly manifest: Manifest
  readonly root: Root
  /** False where everything stands as it was, and only the time of looking moved. */
  readonly changed: boolean
  readonly activeRuns: number
  /** Of files that were read, and of pages and packs that were written. */
  readonly bytes: { readonly read: number; readonly pages: number; readonly packed: number }
  /** What could not be looked at and belongs to no run: it stays as it was. */
  readonly problems: Survey['problems']
  /** All directories that were looked at. */
  directories(): Iterable<string>
}

const defaultWindow = 3600
/** Manifests 1.0 that are remembered: those of the two types, and some under names of the user's. */
const rememberedManifests = 16

/** One generation; the lock is held. */
export async function runGeneration(options: GenerationOptions): Promise<Generation> {
  const now = options.clock.now()
  const standing = await readStanding(options.folder, { prove: !options.incremental, now })
  if (standing.damage !== undefined) tellDamage(options, standing.damage)
  const survey = await surveyRuns(options, standing, now)
  const { catalogue } = survey.remade
  const window = options.activeWindow ?? standing.root?.active.window ?? defaultWindow
  const active = activeRuns(catalogue, window, now)
  const done = await settle(options, { standing, survey, window, active, activeTop: activePage(catalogue, active), now })
  return {
    ...done,
    activeRuns: active.length,
    bytes: { read: survey.remade.bytesRead, pages: done.pageBytes, packed: survey.remade.bytesPacked },
    problems: survey.problems,
    directories: () => directoriesOf(options.root, catalogue),
  }
}

interface Found {
  readonly standing: Standing
  readonly survey: Survey
  readonly window: number
  readonly active: readonly number[]
  readonly activeTop: Page
  readonly now: number
}

interface Settled {
  readonly manifest: Manifest
  readonly root: Root
  readonly changed: boolean
  readonly pageBytes: number
}

/** Publishes what is new; where nothing is, only says that it was looked at. */
async function settle(options: GenerationOptions, found: Found): Promise<Settled> {
  const { type, folder, output: file, metadataOnly, withPacks } = options
  const { standing, survey, window, active, activeTop, now } = found
  const { remade } = survey
  const { catalogue } = remade
  const before = standing.root
  const runs = type === 'full' ? allRuns(catalogue) : active
  const isActiveSame = before?.active.digest === activeTop.digest && before.active.window === window
  if (survey.isSame && before !== undefined && isActiveSame) {
    const written = findWritten(options, standing, before[type].digest)
    if (written !== undefined) {
      if (standing.isRead)
        remember({ folder, remade, facts: { ...standing.memory!.facts, proven: standing.proven } }, before, standing.memory!.facts.pages)
      return { manifest: manifestOf(catalogue, runs, written), root: await touch(folder, before, now), changed: false, pageBytes: 0 }
    }
  }
  const tops = { tree: buildTree(catalogue), active: activeTop, packs: packPage(remade.packs) }
  const basis = type === 'full' ? tops.tree.table : activeTop.digest
  const written = findWritten(options, standing, basis)
  const manifests = standing.memory?.facts.manifests ?? []
  const isSame = isActiveSame && before.full.digest === tops.tree.table && before.packs.digest === tops.packs.digest
  if (written !== undefined && isSame && standing.isWhole) {
    remember(
      { folder, remade, facts: { metadataOnly, withPacks, manifests, proven: standing.proven } },
      before,
      standing.memory!.facts.pages,
    )
    return { manifest: manifestOf(catalogue, runs, written), root: await touch(folder, before, now), changed: false, pageBytes: 0 }
  }
  const next = written ?? newManifest(options, { standing, basis, now, counted: countListed(catalogue, runs) })
  const content = manifestOf(catalogue, runs, next)
  const others = manifests.filter((each) => each.path !== file)
  const published = await publish({
    folder,
    standing,
    remade,
    tops,
    window,
    now,
    facts: { metadataOnly, withPacks, manifests: [...others, next].slice(-rememberedManifests), proven: standing.proven },
    manifest: written === undefined ? { file, content } : undefined,
  })
  return { manifest: content, changed: true, ...published }
}

function tellDamage({ report }: GenerationOptions, damage: string): void {
  report({ kind: 'note', level: 'warning', text: `pages and packs are written anew: ${damage}` })
}

function* allRunsOnce({ runs }: Catalogue): Generator<number> {
  for (let run = 0; run < runs.length; run++) yield run
}

function allRuns(catalogue: Catalogue): Iterable<number> {
  return { [Symbol.iterator]: () => allRunsOnce(catalogue) }
}

/** The manifest 1.0 that stands at the output and is made of these pages. */
function findWritten({ type, output, remoteRoot }: GenerationOptions, { memory }: Standing, basis: string): WrittenManifest | undefined {
  const known = memory?.facts.manifests.find((each) => each.type === type && each.path === output)
  if (known === undefined || known.basis !== basis || known.remoteRoot !== remoteRoot || !isWritten(known)) return undefined
  // A reader with one cursor for both takes a full list that is older than an active one for known.
  const isHidden = type === 'full' && memory!.facts.manifests.some((other) => other.type === 'active' && other.revision > known.revision)
  return isHidden ? undefined : known
}

interface Counted {
  readonly standing: Standing
  readonly basis: string
  readonly now: number
  readonly counted: ReturnType<typeof countListed>
}

function newManifest(
  { type, output, hostname, remoteRoot, newId }: GenerationOptions,
  { standing, basis, now, counted }: Counted,
): WrittenManifest {
  return {
    type,
    path: output,
    basis,
    revision: standing.revision + 1,
    snapshotId: newId(),
    generatedAt: now / 1000,
    serverHostname: hostname,
    remoteRoot,
    ...counted,
  }
}

function* directoriesOf(root: string, catalogue: Catalogue): Iterable<string> {
  const { texts, tops, dirs } = catalogue
  yield root
  let project = ''
  for (let row = 0; row < tops.length; row++) {
    const level = tops.columns.level[row]!
    const name = texts.at(tops.columns.name[row]!)
    if (level === 1) yield `${root}/${(project = name)}`
    if (level === 2) yield* [`${root}/${project}/${name}`, `${root}/${project}/${name}/runs`]
  }
  for (let run = 0; run < catalogue.runs.length; run++) {
    const folder = `${root}/${runFolder(keyOfRun(catalogue, run))}`
    const [start, end] = dirsOfRun(catalogue, run)
    for (let dir = start; dir < end; dir++) {
      const inner = texts.at(dirs.columns.path[dir]!)
      yield inner === '' ? folder : `${folder}/${inner}`
    }
  }
}
