import { diskFault, isFault, type Report } from '../../kit/index.ts'
import { type Catalogue, createCatalogue } from './catalogue.ts'
import { type Remade, remakeRuns } from './remake.ts'
import { type Scan, scanRuns } from './scan.ts'
import type { Standing } from './standing.ts'

export interface SurveyOptions {
  /** Real and absolute. */
  readonly root: string
  /** Where manifests lie. */
  readonly folder: string
  /** Without it every file is read. */
  readonly incremental: boolean
  readonly metadataOnly: boolean
  readonly withPacks: boolean
  readonly report: Report
  readonly signal: AbortSignal | undefined
}

/** What the runs are now. */
export interface Survey {
  /** Just what was known, pages and packs and all. */
  readonly isSame: boolean
  readonly remade: Remade
  readonly problems: Scan['problems']
}

/** Looks at the runs, and reads what may have changed. */
export async function surveyRuns(options: SurveyOptions, standing: Standing, now: number): Promise<Survey> {
  const { known, memory } = standing
  const { root, incremental, metadataOnly, withPacks } = options
  const hasOtherPages = memory !== undefined && (memory.facts.metadataOnly !== metadataOnly || memory.facts.withPacks !== withPacks)
  const relist = !incremental || hasOtherPages
  const { tops } = createCatalogue(known.texts)
  const scan = scanned(root, () => scanRuns({ root, known, tops, relist, metadataOnly, now }))
  const isSame = scan.isSame && standing.isWhole && !relist
  const remade = isSame
    ? { catalogue: known, records: [], packs: memory!.facts.packs, bytesRead: 0, bytesPacked: 0 }
    : await remake(options, standing, { scan, tops, now })
  return { isSame, remade, problems: scan.problems }
}

function scanned(root: string, scan: () => Scan): Scan {
  try {
    return scan()
  } catch (error) {
    throw diskFault(error, root, 'read the runs')
  }
}

interface Looked {
  readonly scan: Scan
  readonly tops: Catalogue['tops']
  readonly now: number
}

/** Where a pack turns out to be damaged as it is merged, all packs are made anew of what the runs have. */
async function remake(options: SurveyOptions, { known, memory, isWhole, revision }: Standing, looked: Looked): Promise<Remade> {
  const { root, folder, withPacks, incremental, signal, report } = options
  const all = { root, folder, known, withPacks, revision: revision + 1, rehash: !incremental, signal, ...looked }
  try {
    return await remakeRuns({ ...all, packs: isWhole ? memory!.facts.packs : [] })
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    report({ kind: 'note', level: 'warning', text: `packs are made anew: ${error.message}` })
    known.files.columns.packed.fill(0)
    return await remakeRuns({ ...all, packs: [] })
  }
}
