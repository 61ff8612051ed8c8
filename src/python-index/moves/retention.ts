import { compareVersions } from '../names/version.ts'
import type { PublishedFile } from '../records/project.ts'

/** A version that is to go into an archive. */
export interface OldVersion {
  readonly version: string
  /** Of its newest upload, UTC: `2025-01`. */
  readonly month: string
  readonly files: readonly PublishedFile[]
}

/** Pure. All but the newest `keep` versions in the order of PEP 440, whenever they came; yanked ones count like others. Oldest first. */
export function oldVersions(files: readonly PublishedFile[], keep: number): OldVersion[] {
  const versions: PublishedFile[][] = []
  for (const file of files.toSorted((a, b) => compareVersions(a.version, b.version))) {
    const last = versions.at(-1)
    // 1.0 and 1.0.0 are one.
    if (last !== undefined && compareVersions(last[0]!.version, file.version) === 0) last.push(file)
    else versions.push([file])
  }
  return versions.slice(0, Math.max(0, versions.length - keep)).map((own) => {
    const newest = own.map(({ uploaded }) => uploaded).reduce((a, b) => (a > b ? a : b))
    return { version: own[0]!.version, month: newest.slice(0, 7), files: own }
  })
}
