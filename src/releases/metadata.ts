import type { Release } from './record.ts'

/** What the text tells. */
export type Described = Pick<Release, 'created' | 'variant' | 'variantLabel' | 'sources' | 'files'>

/**
 * The text of a `metadata.txt`: when it was made, for which variant, from which commits, with which checksums. Readers
 * of the older form find every line of it where it was; `Checksums:` follows after.
 */
export function metadataText(release: Described): string {
  const lines = [
    `Snapshot created: ${release.created.slice(0, 19).replace('T', ' ')} UTC`,
    `${release.variantLabel}: ${release.variant}`,
    '',
    'Commit Hashes:',
    ...commitLines(release),
    '',
    'Checksums:',
    ...checksumLines(release),
  ]
  return lines.join('\n') + '\n'
}

function commitLines(release: Described): string[] {
  const names = Object.keys(release.sources).sort()
  if (names.length === 0) return ['  (none recorded)']
  return names.map((name) => {
    const source = release.sources[name]!
    return `  ${name}: ${source.commit}${source.dirty ? ' (dirty)' : ''}`
  })
}

function checksumLines(release: Described): string[] {
  const [only] = release.files
  if (release.files.length === 1 && only !== undefined) return [`  sha1: ${only.sha1}`, `  sha256: ${only.digest.slice(7)}`]
  return release.files.flatMap((file) => [`  ${file.path}:`, `    sha1: ${file.sha1}`, `    sha256: ${file.digest.slice(7)}`])
}
